//! Laws that hold for any input.

#![allow(clippy::unwrap_used)]

mod reading;

use offtrail_event::Vocabulary;
use offtrail_parser::{Limits, Observer, Parser, WithDetail};
use proptest::prelude::*;
use reading::{gzip, read, read_within, record};
use serde_json::{Map, Value, json};

/// Small enough that generated input reaches the limits.
fn tight() -> Limits {
    Limits {
        inflated_bytes_max: 20_000,
        record_bytes_max: 1500,
        nesting_max: 8,
        ..Limits::default()
    }
}

/// A value of any type, for a field that may be of none but one.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(
            json!({"type": 5, "accessKeyId": {}, "sessionContext": {"attributes": [], "sessionIssuer": 7}})
        ),
        Just(json!({"type": "AssumedRole", "sessionContext": {"attributes": {"creationDate": 5}}})),
        "arn:[a-z:/]{0,40}".prop_map(Value::from),
        prop::sample::select(vec![
            "Root",
            "IAMUser",
            "AssumedRole",
            "AWSAccount",
            "AWSService",
            "SAMLUser"
        ])
        .prop_map(|kind| json!({"type": kind})),
    ]
}

const FIELDS: &[&str] = &[
    "eventTime",
    "userIdentity",
    "eventSource",
    "eventName",
    "sourceIPAddress",
    "userAgent",
    "awsRegion",
    "eventID",
    "requestParameters",
    "responseElements",
    "errorCode",
    "readOnly",
    "eventType",
    "recipientAccountId",
    "Records",
    "detail",
    "detail-type",
    "logEvents",
    "CloudTrailEvent",
    "data",
    "body",
    "eventCategory",
];

fn mutated() -> impl Strategy<Value = Value> {
    prop::collection::vec((prop::sample::select(FIELDS), odd()), 0..4).prop_map(|changes| {
        let mut record: Map<String, Value> = serde_json::from_str(&record("a")).unwrap();
        record.extend(
            changes
                .into_iter()
                .map(|(field, value)| (field.to_owned(), value)),
        );
        Value::Object(record)
    })
}

proptest! {
    // `read` itself asserts that records = observations + rejects and that indexes count up.
    #[test]
    fn any_bytes_are_accounted_for(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_within(&bytes, tight());
    }

    #[test]
    fn any_text_of_brackets_is_accounted_for(text in r#"[\[\]{},:"\\ae0 \n]{0,200}"#) {
        read_within(text.as_bytes(), tight());
    }

    #[test]
    fn records_with_odd_fields_are_accounted_for(records in prop::collection::vec(mutated(), 1..5)) {
        let array = Value::from(records.clone()).to_string();
        let envelope = json!({"Records": records}).to_string();
        let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
        let words = Vocabulary::new();
        let mut observer = Observer::new(&words, WithDetail::Judge);
        for text in [array, envelope, lines] {
            read_within(text.as_bytes(), tight());
            Parser::default().read(text.as_bytes(), &mut |_, event, raw| {
                if let Ok(event) = event {
                    observer.observe(&event, raw);
                }
            });
        }
    }

    #[test]
    fn a_cut_text_gives_the_records_before_the_cut(count in 1..6_usize, cut in any::<prop::sample::Index>()) {
        let records: Vec<_> = (0..count).map(|index| record(&index.to_string())).collect();
        let text = format!(r#"{{"Records":[{}]}}"#, records.join(","));
        let kept = cut.index(text.len());
        let expected = (0..count).take_while(|index| text[..kept].contains(&records[*index])).count();
        let plain = read(&text.as_bytes()[..kept]);
        prop_assert_eq!(plain.ids.len(), expected);
        prop_assert_eq!(plain.tally.rejected(), u64::from(kept > 0));
        let packed = gzip(text.as_bytes());
        let packed = read(&packed[..cut.index(packed.len())]);
        prop_assert!(packed.ids.len() <= count && packed.tally.rejected() <= 1);
    }

    #[test]
    fn one_changed_byte_costs_at_most_its_record(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let records: Vec<_> = (0..5).map(|index| record(&index.to_string())).collect();
        let mut bytes = records.join("\n").into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let read = read(&bytes);
        // A changed line end joins two records; a changed quote may lose the two it joins.
        prop_assert!(read.ids.len() >= 3, "{} of 5 at byte {}", read.ids.len(), at);
        prop_assert!(read.ids.len() <= 5);
    }

    #[test]
    fn the_order_of_keys_does_not_matter(order in Just((0..16).collect::<Vec<usize>>()).prop_shuffle()) {
        let object: Map<String, Value> = serde_json::from_str(&record("a")).unwrap();
        let mut members: Vec<_> = object.iter().map(|(key, value)| format!("{}:{value}", json!(key))).collect();
        let mut places: Vec<_> = order.into_iter().take(members.len()).chain(16..).zip(members.drain(..)).collect();
        places.sort_by_key(|(place, _)| *place);
        let text = format!("{{{}}}", places.into_iter().map(|(_, member)| member).collect::<Vec<_>>().join(","));
        prop_assert_eq!(read(text.as_bytes()).events, read(record("a").as_bytes()).events);
    }

    #[test]
    fn members_and_plain_text_read_the_same(cut in any::<prop::sample::Index>()) {
        let text = format!(r#"{{"Records":[{},{}]}}"#, record("a"), record("b"));
        let (left, right) = text.as_bytes().split_at(cut.index(text.len()));
        prop_assert_eq!(read(&[gzip(left), gzip(right)].concat()).events, read(text.as_bytes()).events);
    }
}

/// Text that makes a careless reader go over it again and again: each takes well under a second here, minutes where work is quadratic.
#[test]
fn hostile_text_is_read_in_linear_time() {
    let nested = r#"{"eventVersion":"#;
    for text in [
        "{x}\n".repeat(100_000),
        "[{x},".repeat(100_000),
        nested.repeat(100_000),
        format!("[1 {}1{}", nested.repeat(50_000), "}".repeat(50_000)),
        format!("[{}", r#"{"eventVersion":1,"#.repeat(50_000)),
        format!("[{}", r#"{"eventVersion"               "#.repeat(20_000)),
        "\n".repeat(500_000) + &"{\n".repeat(50_000),
        r#"{"a":[{"b":"#.repeat(50_000),
    ] {
        assert!(read(text.as_bytes()).tally.rejected() > 0);
    }
}
