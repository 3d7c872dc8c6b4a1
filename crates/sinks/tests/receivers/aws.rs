//! SNS, SQS and S3: what arrives, and errors of theirs.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use offtrail_sinks::{Settings, Told};

use crate::moto::{Moto, config};
use crate::server::{Reply, Server};
use crate::{Running, quick, state, states};

/// Runs the test's own requests.
fn ask<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

/// A message as it lay in a queue.
struct Message {
    body: String,
    attributes: BTreeMap<String, String>,
    group: Option<String>,
}

async fn queue(client: &aws_sdk_sqs::Client, name: &str) -> String {
    let mut request = client.create_queue().queue_name(name);
    if name.ends_with(".fifo") {
        request = request.attributes(QueueAttributeName::FifoQueue, "true");
    }
    request.send().await.unwrap().queue_url.unwrap()
}

/// Takes this many messages out of a queue.
async fn receive(client: &aws_sdk_sqs::Client, url: &str, count: usize) -> Vec<Message> {
    let mut messages = vec![];
    while messages.len() < count {
        let answer = client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .wait_time_seconds(5)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .unwrap();
        let got = answer.messages.unwrap_or_default();
        assert!(!got.is_empty(), "{} of {count} messages", messages.len());
        for message in got {
            client
                .delete_message()
                .queue_url(url)
                .receipt_handle(message.receipt_handle.unwrap())
                .send()
                .await
                .unwrap();
            let attributes = message.message_attributes.unwrap_or_default();
            let system = message.attributes.unwrap_or_default();
            messages.push(Message {
                body: message.body.unwrap(),
                attributes: attributes
                    .into_iter()
                    .map(|(name, value)| (name, value.string_value.unwrap()))
                    .collect(),
                group: system
                    .get(&MessageSystemAttributeName::MessageGroupId)
                    .cloned(),
            });
        }
    }
    messages
}

fn lines(states: &[Told]) -> Vec<String> {
    states.iter().map(|state| state.line.to_string()).collect()
}

/// States of two findings in turn.
fn in_turn(count: i64) -> Vec<Told> {
    let of = |seq| if seq % 2 == 0 { "even" } else { "odd" };
    (1..=count).map(|seq| state(seq, of(seq))).collect()
}

#[test]
fn a_queue_gets_each_state_with_its_attributes() {
    let Some(moto) = Moto::start() else { return };
    let client = aws_sdk_sqs::Client::new(&config(moto.port()));
    let url = ask(queue(&client, "findings"));
    let sink = Running::start(&format!("sqs:{url}"), quick(), Some(config(moto.port())));
    let all = states(12);
    sink.offer(&all);
    sink.wait_for(12);
    let mut messages = ask(receive(&client, &url, 12));
    messages.sort_by_key(|m| m.attributes["idempotency_key"].clone());
    let mut expected = all.clone();
    expected.sort_by_key(|state| state.key.clone());
    let bodies: Vec<String> = messages.iter().map(|m| m.body.clone()).collect();
    assert_eq!(bodies, lines(&expected));
    assert_eq!(messages[0].attributes["severity"], "high");
    assert_eq!(messages[0].attributes["account"], "111122223333");
}

#[test]
fn a_fifo_queue_keeps_the_order_of_a_finding_and_drops_repeats() {
    let Some(moto) = Moto::start() else { return };
    let client = aws_sdk_sqs::Client::new(&config(moto.port()));
    let url = ask(queue(&client, "findings.fifo"));
    let all = in_turn(9);
    // Twice, as after a kill between sending and knowing.
    for _ in 0..2 {
        let sink = Running::start(&format!("sqs:{url}"), quick(), Some(config(moto.port())));
        sink.offer(&all);
        sink.wait_for(9);
    }
    let messages = ask(receive(&client, &url, 9));
    for id in ["even", "odd"] {
        let of_it = messages.iter().filter(|m| m.group.as_deref() == Some(id));
        let bodies: Vec<String> = of_it.map(|m| m.body.clone()).collect();
        let expected: Vec<Told> = all.iter().filter(|s| s.id == id).cloned().collect();
        assert_eq!(bodies, lines(&expected), "{id}");
    }
    let left = ask(async {
        let names = QueueAttributeName::ApproximateNumberOfMessages;
        let request = client.get_queue_attributes().queue_url(&url);
        let answer = request.attribute_names(names.clone()).send().await.unwrap();
        answer.attributes.unwrap()[&names].clone()
    });
    assert_eq!(left, "0");
}

#[test]
fn a_topic_passes_states_on() {
    let Some(moto) = Moto::start() else { return };
    let sqs = aws_sdk_sqs::Client::new(&config(moto.port()));
    let sns = aws_sdk_sns::Client::new(&config(moto.port()));
    for (name, fifo) in [("findings", false), ("findings.fifo", true)] {
        let (url, arn) = ask(async {
            let url = queue(&sqs, name).await;
            let mut topic = sns.create_topic().name(name);
            if fifo {
                topic = topic.attributes("FifoTopic", "true");
            }
            let arn = topic.send().await.unwrap().topic_arn.unwrap();
            sns.subscribe()
                .topic_arn(&arn)
                .protocol("sqs")
                .endpoint(format!("arn:aws:sqs:us-east-1:123456789012:{name}"))
                .attributes("RawMessageDelivery", "true")
                .send()
                .await
                .unwrap();
            (url, arn)
        });
        let sink = Running::start(&arn, quick(), Some(config(moto.port())));
        let all = in_turn(6);
        sink.offer(&all);
        sink.wait_for(6);
        let messages = ask(receive(&sqs, &url, 6));
        let mut bodies: Vec<String> = messages.iter().map(|m| m.body.clone()).collect();
        let mut expected = lines(&all);
        bodies.sort();
        expected.sort();
        assert_eq!(bodies, expected, "{name}");
        assert_eq!(messages[0].attributes["severity"], "high", "{name}");
    }
}

#[test]
fn a_long_state_is_shortened_for_a_queue_and_whole_in_a_bucket() {
    let Some(moto) = Moto::start() else { return };
    let sqs = aws_sdk_sqs::Client::new(&config(moto.port()));
    let s3 = bucket_client(&moto);
    let url = ask(async {
        s3.create_bucket().bucket("findings").send().await.unwrap();
        queue(&sqs, "findings").await
    });
    let events: Vec<String> = (0..4_000)
        .map(|n| format!(r#"{{"n":{n},"why":"{}"}}"#, "x".repeat(100)))
        .collect();
    let mut long = state(1, "long");
    long.line = format!(r#"{{"id":"long","evidence":[{}]}}"#, events.join(",")).into();
    let mut hopeless = state(2, "hopeless");
    hopeless.line = format!(r#"{{"summary":"{}"}}"#, "x".repeat(300_000)).into();

    let queue_sink = Running::start(&format!("sqs:{url}"), quick(), Some(config(moto.port())));
    let bucket_sink = Running::start("s3://findings/out/", quick(), Some(config(moto.port())));
    for sink in [&queue_sink, &bucket_sink] {
        sink.offer(&[long.clone(), hopeless.clone()]);
        sink.wait_for(2);
    }
    let refused = queue_sink.sink.take_refused();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].0, 2);
    assert_eq!(bucket_sink.sink.take_refused(), []);

    let message = ask(receive(&sqs, &url, 1)).remove(0);
    let value: serde_json::Value = serde_json::from_str(&message.body).unwrap();
    let kept = value["evidence"].as_array().unwrap();
    assert_eq!(kept.last().unwrap()["n"], 3_999, "the newest stays");
    let left_out = value["evidence_left_out"].as_u64().unwrap() as usize;
    assert_eq!(kept.len() + left_out, 4_000);
    let key = "out/year=2026/month=08/day=31/long-0000000000000001.jsonl";
    assert_eq!(ask(object(&s3, key)), format!("{}\n", long.line));
}

fn bucket_client(moto: &Moto) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(&config(moto.port())).force_path_style(true);
    aws_sdk_s3::Client::from_conf(config.build())
}

async fn object(client: &aws_sdk_s3::Client, key: &str) -> String {
    let request = client.get_object().bucket("findings").key(key);
    let body = request.send().await.unwrap().body;
    String::from_utf8(body.collect().await.unwrap().to_vec()).unwrap()
}

#[test]
fn a_bucket_holds_each_state_once_however_often_it_is_written() {
    let Some(moto) = Moto::start() else { return };
    let client = bucket_client(&moto);
    ask(client.create_bucket().bucket("findings").send()).unwrap();
    let all = in_turn(11);
    for _ in 0..2 {
        let sink = Running::start("s3://findings", quick(), Some(config(moto.port())));
        sink.offer(&all);
        sink.wait_for(11);
    }
    let listed = ask(client.list_objects_v2().bucket("findings").send()).unwrap();
    let keys: Vec<String> = listed
        .contents()
        .iter()
        .map(|object| object.key().unwrap().to_owned())
        .collect();
    let mut expected: Vec<String> = all
        .iter()
        .map(|state| format!("year=2026/month=08/day=31/{}.jsonl", state.key))
        .collect();
    expected.sort();
    assert_eq!(keys, expected);
    assert_eq!(ask(object(&client, &keys[0])), format!("{}\n", all[1].line));
}

/// A queue or bucket that isn't there is a state of the world: it is waited for.
#[test]
fn what_vanished_is_waited_for() {
    let Some(moto) = Moto::start() else { return };
    let (sqs, s3) = (
        aws_sdk_sqs::Client::new(&config(moto.port())),
        bucket_client(&moto),
    );
    let url = ask(queue(&sqs, "findings"));
    ask(sqs.delete_queue().queue_url(&url).send()).unwrap();
    let sinks = [
        (format!("sqs:{url}"), "NonExistentQueue"),
        ("s3://findings".to_owned(), "NoSuchBucket"),
    ]
    .map(|(target, code)| {
        let sink = Running::start(&target, quick(), Some(config(moto.port())));
        sink.offer(&states(2));
        let error = sink.wait_for_failure();
        assert!(
            error.contains(code) || error.contains("QueueDoesNotExist"),
            "{error}"
        );
        sink
    });
    ask(queue(&sqs, "findings"));
    ask(s3.create_bucket().bucket("findings").send()).unwrap();
    for sink in &sinks {
        sink.wait_for(2);
        assert_eq!(sink.sink.status().refused, 0);
    }
}

/// Answers as S3 gives them on bad days, from a server that only says them.
#[test]
fn bad_days_of_s3_pass() {
    const SLOW: &str =
        "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
    const EXPIRED: &str = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>";
    const LARGE: &str = "<Error><Code>EntityTooLarge</Code><Message>Your proposed upload is too large.</Message></Error>";
    let server = Server::start(vec![
        Reply::Say(503, "", SLOW),
        Reply::HangUp,
        Reply::Silence,
        Reply::Say(400, "", EXPIRED),
        Reply::Say(301, "x-amz-bucket-region: eu-west-1\r\n", ""),
        Reply::Say(200, "", ""),
        Reply::Say(400, "", LARGE),
    ]);
    let settings = Settings {
        in_flight_max: 1,
        timeout: Duration::from_millis(500),
        ..quick()
    };
    let sink = Running::start("s3://findings", settings, Some(config(server.port)));
    sink.offer(&states(3));
    sink.wait_for(3);
    let refused = sink.sink.take_refused();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].0, 2);
    assert!(refused[0].1.contains("EntityTooLarge"), "{refused:?}");
    let requests = server.all();
    assert_eq!(requests.len(), 8);
    let region = &requests[5].headers["authorization"];
    assert!(region.contains("/eu-west-1/s3/"), "{region}");
    let status = sink.sink.status();
    assert_eq!((status.delivered, status.retries), (2, 4));
}

#[test]
fn aws_needs_its_configuration() {
    let arn = "arn:aws:sns:us-east-1:123456789012:findings";
    let error = Running::try_start(arn, quick(), None).err().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "open the sink `{arn}`: there is no AWS configuration for it; give region and credentials"
        )
    );
}
