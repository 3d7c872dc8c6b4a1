//! An inbox against real queues and buckets on this machine: moto, where there is one.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests start a server and may fail loudly"
)]

mod moto;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use offtrail_sources::{
    Arrival, DeadLetter, Feed, Inbox, InboxSettings, Known, Next, S3Settings, Settings, Skipped,
};
use serde_json::json;

use moto::{Moto, arn, with_credentials};

const LONG: Duration = Duration::from_secs(60);
const DAY: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/08/30";

/// Settings for this server, with short waits.
fn settings(moto: &Moto) -> InboxSettings {
    let s3 = S3Settings {
        endpoint: Some(moto.endpoint()),
        region: Some("us-east-1".into()),
        ..S3Settings::default()
    };
    InboxSettings {
        sources: Settings {
            s3,
            ..Settings::default()
        },
        wait: Duration::from_secs(1),
        // moto loses an answer now and then when the machine is busy: what was in it comes again after this.
        visibility: Duration::from_secs(6),
        receivers: 1,
        retry_wait: Duration::ZERO,
        back_off: Duration::from_millis(20),
        back_off_max: Duration::from_millis(200),
        ..InboxSettings::default()
    }
}

fn nothing_known() -> Known {
    Arc::new(|_, _| false)
}

fn queues(urls: &[&str]) -> Vec<Feed> {
    urls.iter()
        .map(|url| Feed::Queue((*url).to_owned()))
        .collect()
}

fn open(moto: &Moto, urls: &[&str]) -> Inbox {
    Inbox::open(queues(urls), settings(moto), nothing_known()).unwrap()
}

fn arrival(inbox: &Inbox) -> Arrival {
    match inbox.next(LONG) {
        Next::Arrival(arrival) => arrival,
        other => panic!("{other:?}; {:?}", inbox.status()),
    }
}

/// Waits, by asking for arrivals of which none may come, until a condition holds.
fn until(inbox: &Inbox, what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LONG, "{what}: {:?}", inbox.status());
        match inbox.next(Duration::from_millis(20)) {
            Next::Nothing | Next::Ended => {}
            Next::Arrival(arrival) => panic!("{what}: {arrival:?}"),
        }
    }
}

fn text(arrival: &Arrival) -> String {
    String::from_utf8(arrival.bytes.as_ref().unwrap().clone()).unwrap()
}

#[test]
fn notifications_of_every_wrapping_bring_their_objects() {
    with_credentials(
        "notifications_of_every_wrapping_bring_their_objects",
        || {
            let Some(moto) = Moto::start() else { return };
            let (direct, by_topic) = (
                moto.queue("us-east-1", "direct"),
                moto.queue("us-east-1", "by-topic"),
            );
            let topic = moto.topic_to(&by_topic, "trail");
            moto.request("PUT", "/logs", b"");
            moto.notify("logs", &[&arn(&direct)], &[&topic]);
            let memory: Arc<Mutex<BTreeSet<String>>> = Arc::default();
            let known = Arc::clone(&memory);
            let known: Known = Arc::new(move |provenance, fingerprint| {
                known
                    .lock()
                    .unwrap()
                    .contains(&format!("{provenance} {fingerprint}"))
            });
            let inbox = Inbox::open(queues(&[&direct, &by_topic]), settings(&moto), known).unwrap();

            moto.request("PUT", &format!("/logs/{DAY}/a%20b%2Bc.json.gz"), b"one");
            let key = format!("{DAY}/a b+c.json.gz");
            let mut fingerprint = String::new();
            for _ in ["direct", "by topic"] {
                let arrival = arrival(&inbox);
                assert_eq!(arrival.provenance.to_string(), format!("s3://logs/{key}"));
                assert_eq!((text(&arrival).as_str(), arrival.attempt), ("one", 1));
                assert!(arrival.delivered.is_some());
                fingerprint = arrival.fingerprint.to_string();
                inbox.done(arrival.receipt);
            }
            assert!(
                fingerprint.starts_with("etag:") && fingerprint.ends_with("+3"),
                "{fingerprint}"
            );

            memory
                .lock()
                .unwrap()
                .insert(format!("s3://logs/{key} {fingerprint}"));

            // The same again, by EventBridge: known. Digests, empty objects and deletions: passed over.
            let etag = fingerprint
                .trim_start_matches("etag:")
                .trim_end_matches("+3");
            let bridge = json!({"detail-type": "Object Created", "source": "aws.s3", "time": "2026-08-30T00:00:00Z",
            "detail": {"bucket": {"name": "logs"}, "object": {"key": key, "size": 3, "etag": etag}}}).to_string();
            moto.send(&direct, &bridge);
            moto.send(
                &direct,
                &json!({"Type": "Notification", "Message": bridge}).to_string(),
            );
            moto.request(
                "PUT",
                "/logs/AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/08/30/d.json.gz",
                b"x",
            );
            moto.request("PUT", &format!("/logs/{DAY}/empty"), b"");
            moto.request("DELETE", &format!("/logs/{DAY}/empty"), b"");
            let skipped = || inbox.status()[0].skipped;
            let expected = Skipped {
                test_events: 1,
                other_events: 1,
                other_keys: 1,
                empty: 1,
                known: 2,
                gone: 0,
            };
            until(&inbox, "what is passed over is counted", || {
                skipped() == expected
            });
            until(&inbox, "by topic too", || {
                inbox.status()[1].skipped.empty == 1
            });
            assert!(inbox.flush(LONG));
            assert_eq!((moto.messages(&direct), moto.messages(&by_topic)), (0, 0));
            for status in inbox.status() {
                assert_eq!(status.deleted, status.received, "{status:?}");
                assert_eq!(
                    (
                        status.objects,
                        status.bytes,
                        status.failed,
                        status.in_flight
                    ),
                    (1, 3, 0, 0)
                );
                assert!(
                    status.lag.is_some() && !status.failing && status.last_error.is_none(),
                    "{status:?}"
                );
            }
            inbox.close();
            assert!(matches!(inbox.next(LONG), Next::Ended));
        },
    );
}

#[test]
fn events_come_from_queues_of_several_regions() {
    with_credentials("events_come_from_queues_of_several_regions", || {
        let Some(moto) = Moto::start() else { return };
        let url = |region: &str| {
            let made = moto.queue(region, "events");
            let account = made.rsplit('/').nth(1).unwrap().to_owned();
            format!("https://sqs.{region}.amazonaws.com/{account}/events")
        };
        let (near, far) = (url("us-east-1"), url("eu-west-1"));
        let inbox = open(&moto, &[&near, &far]);
        for (region, url) in [("us-east-1", &near), ("eu-west-1", &far)] {
            let event = json!({"detail-type": "AWS Console Sign In via CloudTrail", "time": "2026-08-30T00:00:00Z",
                "detail": {"awsRegion": region}}).to_string();
            let wrapped = json!({"Type": "Notification", "Message": event}).to_string();
            moto.sqs(
                region,
                "SendMessage",
                json!({"QueueUrl": url, "MessageBody": wrapped}),
            );
            let arrival = arrival(&inbox);
            assert_eq!(text(&arrival), event, "without what was wrapped around it");
            assert!(arrival.provenance.to_string().starts_with("sqs://events/"));
            inbox.done(arrival.receipt);
        }
        assert!(inbox.flush(LONG));
        let deleted: Vec<u64> = inbox.status().iter().map(|status| status.deleted).collect();
        assert_eq!(deleted, [1, 1]);
        assert!(inbox.aws().is_some());
    });
}

#[test]
fn what_fails_too_often_becomes_a_dead_letter() {
    with_credentials("what_fails_too_often_becomes_a_dead_letter", || {
        let Some(moto) = Moto::start() else { return };
        let (trail, dead) = (
            moto.queue("us-east-1", "trail"),
            moto.queue("us-east-1", "dead"),
        );
        let noise = "\u{7f}no json\n".repeat(20_000);
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100));
        moto.request("PUT", "/logs", b"");
        moto.request("PUT", "/logs/large", b"0123456789");
        let large = json!({"Records": [{"eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "logs"}, "object": {"key": "large", "size": 4, "eTag": "e"}}}]}).to_string();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dead.jsonl");
        for letter in [
            DeadLetter::Queue(dead.clone()),
            DeadLetter::File(file.clone()),
        ] {
            for body in [&noise, &deep, &large] {
                moto.send(&trail, body);
            }
            let mut settings = settings(&moto);
            settings.attempts_max = 2;
            settings.dead_letter = Some(letter);
            settings.sources.object_bytes_max = 8;
            let inbox = Inbox::open(queues(&[&trail]), settings, nothing_known()).unwrap();
            let start = Instant::now();
            let mut attempts = Vec::new();
            while inbox.status()[0].dead < 3 {
                assert!(start.elapsed() < LONG, "{:?}", inbox.status());
                if let Next::Arrival(arrival) = inbox.next(Duration::from_millis(20)) {
                    attempts.push(arrival.attempt);
                    let why = arrival.bytes.unwrap_err().to_string();
                    assert_eq!(
                        why,
                        "read s3://logs/large: more than 8 bytes; not read (raise object_bytes_max to read it)"
                    );
                    inbox.failed(arrival.receipt, &why);
                }
            }
            assert!(
                attempts.is_sorted() && attempts.last() >= Some(&2),
                "{attempts:?}"
            );
            assert!(inbox.flush(LONG));
            let status = inbox.status().remove(0);
            assert_eq!(
                (status.failed, status.deleted, status.in_flight),
                (status.received, 0, 0),
                "{status:?}"
            );
            assert_eq!(moto.messages(&trail), 0);
        }
        let sorted = |mut bodies: Vec<String>| {
            bodies.sort();
            bodies
        };
        let expected = sorted(vec![noise.clone(), deep, large]);
        let letters = moto.receive(&dead, 0);
        let body = |letter: &serde_json::Value| letter["Body"].as_str().unwrap().to_owned();
        assert_eq!(sorted(letters.iter().map(body).collect()), expected);
        let of_noise = letters.iter().find(|letter| body(letter) == noise).unwrap();
        let why = of_noise["MessageAttributes"]["offtrail-why"]["StringValue"]
            .as_str()
            .unwrap();
        assert!(
            why.starts_with("the message is not a notification ("),
            "{why}"
        );
        let lines = std::fs::read_to_string(&file).unwrap();
        let bodies = lines.lines().map(|line| {
            let letter: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(
                (&letter["queue"], &letter["attempts"]),
                (&json!(trail), &json!(2))
            );
            letter["body"].as_str().unwrap().to_owned()
        });
        assert_eq!(sorted(bodies.collect()), expected);
    });
}

fn event(name: &str) -> String {
    json!({"detail-type": "AWS API Call via CloudTrail", "detail": {"eventName": name}}).to_string()
}

#[test]
fn a_message_in_hand_stays_invisible_and_one_dropped_comes_again() {
    with_credentials(
        "a_message_in_hand_stays_invisible_and_one_dropped_comes_again",
        || {
            let Some(moto) = Moto::start() else { return };
            let trail = moto.queue("us-east-1", "trail");
            let mut settings = settings(&moto);
            settings.visibility = Duration::from_secs(2);
            let inbox = Inbox::open(queues(&[&trail]), settings.clone(), nothing_known()).unwrap();
            moto.send(&trail, &event("Slow"));
            let slow = arrival(&inbox);
            assert_eq!(
                moto.receive(&trail, 5),
                [] as [serde_json::Value; 0],
                "renewed for longer than its time"
            );
            assert_eq!(inbox.status()[0].received, 1);
            drop(slow);
            let again = arrival(&inbox);
            assert_eq!((again.attempt, inbox.status()[0].in_flight), (2, 1));
            // The process ends with the message in hand: the next one gets it once its time is up.
            drop(inbox);
            let next = Inbox::open(queues(&[&trail]), settings, nothing_known()).unwrap();
            let last = arrival(&next);
            assert_eq!((text(&last), last.attempt), (event("Slow"), 3));
            next.done(last.receipt);
            drop(again);
            assert!(next.flush(LONG));
            assert_eq!(moto.messages(&trail), 0);
        },
    );
}

#[test]
fn closing_gives_back_what_was_not_begun() {
    with_credentials("closing_gives_back_what_was_not_begun", || {
        let Some(moto) = Moto::start() else { return };
        let trail = moto.queue("us-east-1", "trail");
        moto.request("PUT", "/logs", b"");
        moto.notify("logs", &[&arn(&trail)], &[]);
        for key in ["a", "b", "c"] {
            moto.request("PUT", &format!("/logs/{key}"), b"x");
        }
        let mut settings = settings(&moto);
        // One object at a time, and none ahead.
        settings.sources.in_flight_bytes_max = 1;
        let inbox = Inbox::open(queues(&[&trail]), settings, nothing_known()).unwrap();
        let first = arrival(&inbox);
        inbox.close();
        inbox.done(first.receipt);
        let mut handed_out = 1;
        while let Next::Arrival(arrival) = inbox.next(LONG) {
            inbox.done(arrival.receipt);
            handed_out += 1;
        }
        assert!(matches!(inbox.next(LONG), Next::Ended));
        assert!(inbox.flush(LONG));
        // The second may have been fetched; the third had no room.
        let left = moto.messages(&trail);
        assert!(left >= 1 && handed_out + left >= 3, "{handed_out} {left}");
        assert_eq!(
            moto.receive(&trail, 0).len() as u64,
            left,
            "visible at once"
        );
    });
}

#[test]
fn an_object_that_is_gone_is_acknowledged() {
    with_credentials("an_object_that_is_gone_is_acknowledged", || {
        let Some(moto) = Moto::start() else { return };
        let trail = moto.queue("us-east-1", "trail");
        moto.request("PUT", "/logs", b"");
        moto.notify("logs", &[&arn(&trail)], &[]);
        for key in ["kept", "gone"] {
            moto.request("PUT", &format!("/logs/{key}"), b"x");
        }
        moto.request("DELETE", "/logs/gone", b"");
        let inbox = open(&moto, &[&trail]);
        let kept = arrival(&inbox);
        assert_eq!(kept.provenance.to_string(), "s3://logs/kept");
        inbox.done(kept.receipt);
        until(&inbox, "gone", || inbox.status()[0].skipped.gone == 1);
        assert!(inbox.flush(LONG));
        assert_eq!(moto.messages(&trail), 0);
    });
}

#[test]
fn a_queue_that_vanishes_is_told_and_used_again_when_it_is_back() {
    with_credentials(
        "a_queue_that_vanishes_is_told_and_used_again_when_it_is_back",
        || {
            let Some(moto) = Moto::start() else { return };
            let (trail, other) = (
                moto.queue("us-east-1", "trail"),
                moto.queue("us-east-1", "other"),
            );
            let inbox = open(&moto, &[&trail, &other]);
            moto.sqs("us-east-1", "DeleteQueue", json!({"QueueUrl": trail}));
            until(&inbox, "told", || inbox.status()[0].failing);
            let told = inbox.status()[0].last_error.clone().unwrap();
            assert!(told.contains("the queue does not exist ("), "{told}");
            moto.send(&other, &event("Meanwhile"));
            let meanwhile = arrival(&inbox);
            assert_eq!(text(&meanwhile), event("Meanwhile"));
            inbox.done(meanwhile.receipt);
            moto.queue("us-east-1", "trail");
            moto.send(&trail, &event("Back"));
            let back = arrival(&inbox);
            assert_eq!(text(&back), event("Back"));
            inbox.done(back.receipt);
            assert!(inbox.flush(LONG));
            assert!(!inbox.status()[0].failing, "{:?}", inbox.status());
        },
    );
}

#[test]
fn a_queue_that_is_not_there_is_told_at_the_start() {
    with_credentials("a_queue_that_is_not_there_is_told_at_the_start", || {
        let Some(moto) = Moto::start() else { return };
        let trail = moto.queue("us-east-1", "trail");
        let refused = |urls: &[&str], letter: Option<DeadLetter>| {
            let mut settings = settings(&moto);
            settings.dead_letter = letter;
            Inbox::open(queues(urls), settings, nothing_known())
                .unwrap_err()
                .to_string()
        };
        let missing = trail.replace("/trail", "/nobody");
        for told in [
            refused(&[&trail, &missing], None),
            refused(&[&trail], Some(DeadLetter::Queue(missing.clone()))),
        ] {
            assert!(
                told.starts_with(&format!("read queue {missing}: the queue does not exist (")),
                "{told}"
            );
            assert!(
                told.ends_with("; check its URL, region and account"),
                "{told}"
            );
        }
        assert_eq!(
            refused(&[&trail, &trail], None),
            format!("open the stream: {trail} is named twice; name it once")
        );
        let told = refused(&["trail"], None);
        assert!(
            told.starts_with("read queue \"trail\": not a queue's URL; write it as"),
            "{told}"
        );
        let told = refused(&[&trail], Some(DeadLetter::File("/nowhere/at/all".into())));
        assert!(
            told.starts_with("write dead letters to \"/nowhere/at/all\": "),
            "{told}"
        );
    });
}
