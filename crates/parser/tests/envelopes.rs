//! Every envelope gives its records; what stands beside them is counted apart; what is broken says where.

#![allow(clippy::unwrap_used)]

mod reading;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use offtrail_parser::{Envelope, Limits, Reason};
use reading::{gzip, read, read_within, reasons, record};

fn check(text: &str, ids: &[&str], envelope: Envelope) {
    for bytes in [text.as_bytes().to_vec(), gzip(text.as_bytes())] {
        let read = read(&bytes);
        assert_eq!(read.ids, ids, "{text}");
        assert_eq!(read.tally.envelope, envelope, "{text}");
        assert_eq!(read.tally.rejected(), 0, "{text}");
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

#[test]
fn every_envelope_gives_its_records() {
    let (a, b) = (&record("a"), &record("b"));
    check(
        &format!(r#"{{"Records":[{a},{b}]}}"#),
        &["a", "b"],
        Envelope::Records,
    );
    check(
        &format!(r#"{{"x":{{"Records":[1]}},"Records" : [ {a} , {b} ],"y":[]}}"#),
        &["a", "b"],
        Envelope::Records,
    );
    check(
        &format!("\u{feff}[{a},\n{b}]"),
        &["a", "b"],
        Envelope::Array,
    );
    check(a, &["a"], Envelope::Single);
    check(&format!("{a}\n{b}\n"), &["a", "b"], Envelope::Lines);
    check(&format!("{a}{b}"), &["a", "b"], Envelope::Lines);
    let bridge = format!(
        r#"{{"detail":{a},"detail-type":"AWS API Call via CloudTrail","source":"aws.iam","account":"1"}}"#
    );
    check(&bridge, &["a"], Envelope::EventBridge);
    let subscription = format!(
        r#"{{"messageType":"DATA_MESSAGE","logEvents":[{{"id":"1","message":{}}},{{"id":"2","message":{}}}]}}"#,
        quoted(a),
        quoted(b)
    );
    check(&subscription, &["a", "b"], Envelope::LogsSubscription);
    let data = STANDARD.encode(gzip(subscription.as_bytes()));
    check(
        &format!(r#"{{"awslogs":{{"data":"{data}"}}}}"#),
        &["a", "b"],
        Envelope::Kinesis,
    );
    check(
        &format!(
            r#"{{"Records":[{{"eventSource":"aws:kinesis","kinesis":{{"data":"{data}"}}}}]}}"#
        ),
        &["a", "b"],
        Envelope::Records,
    );
    check(
        &format!(
            r#"{{"records":[{{"recordId":"1","data":"{}"}}]}}"#,
            STANDARD.encode(a)
        ),
        &["a"],
        Envelope::Records,
    );
    let looked_up = format!(
        r#"{{"EventId":"x","EventName":"y","CloudTrailEvent":{}}}"#,
        quoted(a)
    );
    check(&looked_up, &["a"], Envelope::LookupEvents);
    check(
        &format!(r#"{{"Events":[{looked_up}],"NextToken":"t"}}"#),
        &["a"],
        Envelope::LookupEvents,
    );
    let topic = format!(
        r#"{{"Type":"Notification","TopicArn":"arn","Message":{}}}"#,
        quoted(&bridge)
    );
    check(&topic, &["a"], Envelope::Message);
    check(
        &format!(
            r#"{{"Records":[{{"messageId":"1","eventSource":"aws:sqs","body":{}}}]}}"#,
            quoted(&topic)
        ),
        &["a"],
        Envelope::Records,
    );
}

#[test]
fn wrappers_of_unknown_shape_are_searched() {
    let (a, b) = (&record("a"), &record("b"));
    check(
        &format!(r#"{{"samples":[{{"name":"x","event":{a}}},{{"event":{b}}}]}}"#),
        &["a", "b"],
        Envelope::Wrapped,
    );
    check(
        &format!(r#"{{"hits":{{"hits":[{{"_source":{a}}}]}}}}"#),
        &["a"],
        Envelope::Wrapped,
    );
    check(
        &format!(r#"[{{"aws":{{"cloudtrail":{a}}}}}]"#),
        &["a"],
        Envelope::Array,
    );
    let deep = format!("{}{a}{}", r#"{"w":"#.repeat(20), "}".repeat(20));
    assert_eq!(reasons(&read(deep.as_bytes())), [Reason::NotCloudTrail]);
}

#[test]
fn what_stands_beside_is_counted_apart() {
    let check = |text: &str, counts: (u64, u64, u64)| {
        let tally = read(text.as_bytes()).tally;
        assert_eq!(
            (tally.digests, tally.insights, tally.notifications),
            counts,
            "{text}"
        );
        assert_eq!(
            (tally.records, tally.envelope, tally.empty),
            (0, Envelope::Beside, false),
            "{text}"
        );
    };
    check(
        r#"{"awsAccountId":"1","digestS3Object":"o","logFiles":[{"s3Object":"x"}]}"#,
        (1, 0, 0),
    );
    check(
        r#"{"Records":[{"eventVersion":"1.07","eventType":"AwsCloudTrailInsight","eventCategory":"Insight"}]}"#,
        (0, 1, 0),
    );
    check(
        r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}"#,
        (0, 0, 1),
    );
    check(
        r#"{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventTime":"2026-01-01T00:00:00Z","eventName":"ObjectCreated:Put","s3":{"bucket":{}}}]}"#,
        (0, 0, 1),
    );
    check(
        r#"{"Type":"Notification","TopicArn":"arn","Message":"{\"s3Bucket\":\"b\",\"s3ObjectKey\":[\"k\"]}"}"#,
        (0, 0, 1),
    );
    check(
        r#"{"messageType":"CONTROL_MESSAGE","logEvents":[{"message":"CWL CONTROL MESSAGE: Checking health"}]}"#,
        (0, 0, 1),
    );
    check(
        r#"{"detail-type":"EC2 Instance State-change Notification","detail":{"state":"running"},"source":"aws.ec2"}"#,
        (0, 0, 1),
    );
}

#[test]
fn nothing_is_empty() {
    for text in ["", " \n", "[]", r#"{"Records":[]}"#] {
        for bytes in [text.as_bytes().to_vec(), gzip(text.as_bytes())] {
            let tally = read(&bytes).tally;
            assert!(tally.empty && tally.records == 0, "{text}");
        }
    }
}

fn check_rejects(text: &str, ids: &[&str], expected: &[Reason]) {
    let read = read(text.as_bytes());
    assert_eq!(read.ids, ids, "{text}");
    assert_eq!(reasons(&read), expected, "{text}");
}

#[test]
fn what_is_no_record_is_a_reject() {
    let a = &record("a");
    check_rejects("<html>503 Slow Down</html>", &[], &[Reason::NotJson]);
    check_rejects(
        "Event Type,Event Name\nAwsApiCall,\"{'a': 1}\"\n",
        &[],
        &[Reason::NotJson],
    );
    check_rejects(r#"{"Records":null}"#, &[], &[Reason::NotCloudTrail]);
    check_rejects(r#"{"Records":{"a":1}}"#, &[], &[Reason::NotCloudTrail]);
    check_rejects(
        &format!(r#"{{"Records":[null,1,"x",[],{a}]}}"#),
        &["a"],
        &[Reason::NotAnObject; 4],
    );
    check_rejects(
        r#"{"Records":[{},{"eventName":"X"}]}"#,
        &[],
        &[Reason::NotCloudTrail; 2],
    );
    check_rejects(&"[".repeat(200_000), &[], &[Reason::Truncated]);
    let deep = format!(
        r#"{{"eventName":"X","requestParameters":{}1{}}}"#,
        r#"{"a":"#.repeat(20_000),
        "}".repeat(20_000)
    );
    check_rejects(
        &format!(r#"{{"Records":[{deep},{a}]}}"#),
        &["a"],
        &[Reason::TooDeep],
    );
}

#[test]
fn a_break_costs_one_reject_and_nothing_else() {
    let (a, b, c) = (&record("a"), &record("b"), &record("c"));
    let half = &b[..b.len() / 2];
    check_rejects(
        &format!(r#"{{"Records":[{a},{half}"#),
        &["a"],
        &[Reason::Truncated],
    );
    check_rejects(
        &format!(r#"{{"Records":[{a},{half},{c}]}}"#),
        &["a", "c"],
        &[Reason::NotJson],
    );
    check_rejects(
        &format!(r#"{{"Records":[{a} {b},{c}]}}"#),
        &["a", "b", "c"],
        &[Reason::NotJson],
    );
    check_rejects(
        &format!(r#"[{{"w":{{"r":{a}}},{{"w":{{"r":{b}}}}}]"#),
        &["a", "b"],
        &[Reason::NotJson],
    );
    check_rejects(
        &format!("{a}\n{half}\n{c}\n"),
        &["a", "c"],
        &[Reason::NotJson],
    );
    check_rejects(&format!("{a}{half}{c}"), &["a", "c"], &[Reason::NotJson]);
    check_rejects(
        &format!("{a}\nnoise\n{c}\n"),
        &["a", "c"],
        &[Reason::NotJson],
    );
    check_rejects(
        &format!("{{\"Records\":[{a}]}}\n{{\"Records\":["),
        &["a"],
        &[Reason::Truncated],
    );
    check_rejects(
        &format!(r#"{{"Records":[{a},]}}"#),
        &["a"],
        &[Reason::NotJson],
    );
    let detail = &read(format!("{a}\n{half}\n{c}\n").as_bytes()).rejects[0].detail;
    assert!(detail.contains("line 2"), "{detail}");
}

#[test]
fn gzip_faults_keep_what_came_before() {
    let many: Vec<_> = (0..200)
        .map(|index| record(&format!("{index:08x}{:08x}", index * 7919)))
        .collect();
    let whole = gzip(format!(r#"{{"Records":[{}]}}"#, many.join(",")).as_bytes());
    let cut = read(&whole[..whole.len() / 2]);
    assert!((20..200).contains(&cut.ids.len()), "{}", cut.ids.len());
    assert_eq!(reasons(&cut), [Reason::TruncatedGzip]);
    let footless = read(&whole[..whole.len() - 6]);
    assert_eq!(
        (footless.ids.len(), reasons(&footless)),
        (200, vec![Reason::TruncatedGzip])
    );
    let mut wrong = whole.clone();
    let at = wrong.len() - 8;
    wrong[at] ^= 0xff;
    let wrong = read(&wrong);
    assert_eq!(
        (wrong.ids.len(), reasons(&wrong)),
        (200, vec![Reason::CorruptGzip])
    );
    let trailing = read(&[whole.as_slice(), b"more"].concat());
    assert_eq!(
        (
            trailing.ids.len(),
            reasons(&trailing),
            trailing.tally.trailing_bytes
        ),
        (200, vec![Reason::TrailingBytes], 4)
    );
}

#[test]
fn members_are_read_and_told() {
    let text = format!(r#"{{"Records":[{},{}]}}"#, record("a"), record("b"));
    let (left, right) = text.as_bytes().split_at(200);
    let read = read(&[gzip(left), gzip(right)].concat());
    assert_eq!(
        (read.ids.len(), read.tally.members, read.tally.rejected()),
        (2, 2, 0)
    );
}

#[test]
fn limits_stop_what_is_too_large() {
    let limits = Limits {
        inflated_bytes_max: 4000,
        record_bytes_max: 3000,
        ..Limits::default()
    };
    let bomb = format!(r#"{{"Records":[{}{}"#, record("a"), " ".repeat(1 << 20));
    let read = read_within(&gzip(bomb.as_bytes()), limits);
    assert_eq!(
        (read.ids.len(), reasons(&read)),
        (1, vec![Reason::TooLarge])
    );
    let big = record(&"x".repeat(3000));
    let read = read_within(format!("[{big},{}]", record("b")).as_bytes(), limits);
    assert_eq!(
        (read.ids, read.rejects[0].reason),
        (vec!["b".to_owned()], Reason::RecordTooLarge)
    );
    let nested = STANDARD.encode(gzip(&vec![b' '; 100_000]));
    let read = read_within(
        format!(r#"{{"awslogs":{{"data":"{nested}"}}}}"#).as_bytes(),
        limits,
    );
    assert_eq!(reasons(&read), [Reason::TooLarge]);
}

#[test]
fn fields_of_a_wrong_type_cost_only_their_record() {
    let with = |from: &str, to: &str| {
        let text = record("a");
        assert!(text.contains(from));
        text.replace(from, to)
    };
    let user = r#"{"type":"IAMUser","principalId":"AIDAEXAMPLE","arn":"arn:aws:iam::111122223333:user/ci","accountId":"111122223333","accessKeyId":"AKIAEXAMPLE","userName":"ci"}"#;
    check_rejects(
        &with(r#""2026-08-31T10:43:44Z""#, "5"),
        &[],
        &[Reason::BadTime],
    );
    check_rejects(
        &with(r#""2026-08-31T10:43:44Z""#, r#""yesterday""#),
        &[],
        &[Reason::BadTime],
    );
    check_rejects(
        &with(r#""ListAccessKeys""#, "null"),
        &[],
        &[Reason::MissingField("eventName")],
    );
    check_rejects(
        &with(r#""iam.amazonaws.com""#, r#"["iam"]"#),
        &[],
        &[Reason::BadField("eventSource")],
    );
    check_rejects(
        &with(user, r#""root""#),
        &[],
        &[Reason::BadField("userIdentity")],
    );
    check_rejects(
        &with(r#""AIDAEXAMPLE""#, "{}"),
        &[],
        &[Reason::BadField("userIdentity.principalId")],
    );
    check_rejects(
        &with(r#""198.51.100.7""#, "{}"),
        &[],
        &[Reason::BadField("sourceIPAddress")],
    );
    check_rejects(&with(user, "null"), &["a"], &[]);
    check_rejects(&with(r#""aws-cli/2.33""#, "null"), &["a"], &[]);
    check_rejects(
        &with(r#"{"userName":"a \"quoted\" name"}"#, r#""text""#),
        &["a"],
        &[],
    );
    check_rejects(
        &with(
            r#""readOnly":true"#,
            r#""readOnly":"true","n":1e400,"m":123456789012345678901234567890"#,
        ),
        &["a"],
        &[],
    );
}

#[test]
fn odd_texts_are_kept() {
    let with = |agent: &[u8]| {
        let text = record("a");
        let at = text.find("aws-cli").unwrap();
        read(&[&text.as_bytes()[..at], agent, &text.as_bytes()[at..]].concat())
    };
    assert!(with(br"\ud800").events[0].contains("\u{fffd}aws-cli"));
    assert!(with(br"\u0000\u001b[31m").events[0].contains(r"\0\u{1b}[31maws-cli"));
    let lossy = with(b"\xff\xfe\xc3\x28");
    assert!(lossy.tally.lossy_utf8 && lossy.events[0].contains('\u{fffd}'));
    assert!(!with(b"").tally.lossy_utf8);
    let twice = record("a").replace(
        r#""readOnly":true"#,
        r#""eventName":"DeleteTrail","eventName":"ListUsers""#,
    );
    assert!(read(twice.as_bytes()).events[0].contains(r#"operation: "ListUsers""#));
    let escaped = record("a").replace(r#""eventName":"#, r#""\u0065ventName":"#);
    assert!(read(escaped.as_bytes()).events[0].contains(r#"operation: "ListAccessKeys""#));
}
