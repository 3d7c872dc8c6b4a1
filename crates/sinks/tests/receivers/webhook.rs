//! Webhooks: what a request looks like, and receivers with bad days.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use offtrail_sinks::{ANSWER_BYTES_MAX, Secret, Settings};
use proptest::prelude::*;

use crate::server::{Reply, Server};
use crate::{PATIENCE, Running, quick, state, states};

#[test]
fn a_request_carries_the_state_and_its_key() {
    let server = Server::start(vec![]);
    let sink = Running::start(&server.url(), quick(), None);
    let state = state(7, "f7");
    sink.offer(std::slice::from_ref(&state));
    sink.wait_for(7);
    let request = server.next();
    assert_eq!((&*request.method, &*request.path), ("POST", "/in"));
    assert_eq!(request.body, *state.line);
    assert_eq!(request.headers["idempotency-key"], state.key);
    assert_eq!(request.headers["content-type"], "application/json");
    assert!(request.headers["user-agent"].starts_with("offtrail/"));
    assert!(!request.headers.contains_key("x-offtrail-signature"));
    assert_eq!(sink.stop(), Some(7));
}

#[test]
fn a_chat_gets_a_text() {
    let server = Server::start(vec![]);
    let sink = Running::start(&format!("chat+{}", server.url()), quick(), None);
    sink.offer(&states(1));
    let request = server.next();
    let value: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    let text = value["text"].as_str().unwrap();
    assert!(text.starts_with("HIGH: First iam:ListAccessKeys"), "{text}");
    assert_eq!(value.as_object().unwrap().len(), 1);
}

/// What `docs/sinks.md` shows verifies what we send, and nothing else.
#[test]
fn the_documented_program_verifies_a_signature() {
    let document = include_str!("../../../../docs/sinks.md");
    let program = document.split("```python\n").nth(1).unwrap();
    let program = program.split("```").next().unwrap();
    let server = Server::start(vec![]);
    let settings = Settings {
        webhook_secret: Secret::new("hunter2"),
        ..quick()
    };
    let sink = Running::start(&server.url(), settings, None);
    sink.offer(&states(1));
    let request = server.next();
    let timestamp: u64 = request.headers["x-offtrail-timestamp"].parse().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    assert!(now.as_secs().abs_diff(timestamp) < PATIENCE.as_secs());
    let verify = |body: &str| {
        let call = "import sys\nsys.exit(0 if genuine(*[a.encode() for a in sys.argv[1:3]], *sys.argv[3:]) else 9)";
        let signature = &request.headers["x-offtrail-signature"];
        let status = Command::new("python3")
            .args(["-c", &format!("{program}\n{call}"), "hunter2", body])
            .args([&request.headers["x-offtrail-timestamp"], signature])
            .stdin(Stdio::null())
            .status();
        match status {
            Ok(status) => status.code(),
            Err(error) => {
                eprintln!("skipped: no python3 ({error})");
                None
            }
        }
    };
    if let Some(code) = verify(&request.body) {
        assert_eq!(code, 0, "what we sent");
        assert_eq!(verify("{}"), Some(9), "what we did not send");
    }
}

#[test]
fn bad_days_pass() {
    let bad_days = vec![
        Reply::Say(500, "", "internal error"),
        Reply::Say(503, "retry-after: 0\r\n", ""),
        Reply::HangUp,
        Reply::Say(302, "location: http://127.0.0.1:1/\r\n", ""),
        Reply::Say(401, "", "who are you?"),
        Reply::Say(404, "", ""),
        Reply::Silence,
    ];
    let failures = bad_days.len();
    let server = Server::start(bad_days);
    let settings = Settings {
        timeout: Duration::from_millis(500),
        ..quick()
    };
    let sink = Running::start(&server.url(), settings, None);
    sink.offer(&states(3));
    sink.wait_for(3);
    let bodies: Vec<String> = server.all().into_iter().map(|r| r.body).collect();
    let lines: Vec<String> = states(3).iter().map(|s| s.line.to_string()).collect();
    assert!(bodies[..=failures].iter().all(|body| *body == lines[0]));
    assert_eq!(bodies[failures + 1..], lines[1..]);
    let status = sink.sink.status();
    assert_eq!((status.delivered, status.retries), (3, failures as u64));
    assert_eq!(status.failing_since, None);
    assert_eq!(status.last_error.as_deref(), Some("no answer within 500ms"));
}

#[test]
fn a_server_that_is_down_gets_everything_once_it_is_up() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let sink = Running::start(&format!("http://{address}/in"), quick(), None);
    sink.offer(&states(50));
    let error = sink.wait_for_failure();
    assert!(error.contains("refused"), "{error}");
    assert_eq!(sink.sink.taken(), None);
    let server = Server::on(TcpListener::bind(address).unwrap(), vec![]);
    sink.wait_for(50);
    let keys: Vec<String> = server
        .all()
        .into_iter()
        .map(|r| r.headers["idempotency-key"].clone())
        .collect();
    let expected: Vec<String> = states(50).into_iter().map(|state| state.key).collect();
    assert_eq!(keys, expected, "all, once, in order");
    assert_eq!(sink.sink.status().failing_since, None);
}

#[test]
fn a_receiver_is_left_alone_for_as_long_as_it_asks() {
    let busy = Reply::Say(429, "retry-after: 1\r\n", "slow down");
    let server = Server::start(vec![busy]);
    let sink = Running::start(&server.url(), quick(), None);
    sink.offer(&states(1));
    server.next();
    let before = Instant::now();
    sink.wait_for(1);
    assert!(before.elapsed() >= Duration::from_millis(900));
    assert_eq!(
        sink.sink.status().last_error.as_deref(),
        Some("HTTP 429: slow down")
    );
}

#[test]
fn a_server_without_tls_is_told_from_one_with() {
    let server = Server::start(vec![]);
    let url = server.url().replace("http://", "https://");
    match Running::try_start(&url, quick(), None) {
        Ok(sink) => {
            sink.offer(&states(1));
            let error = sink.wait_for_failure();
            assert!(error.contains("client error (Connect)"), "{error}");
            assert!(server.all().is_empty());
        }
        Err(error) => assert!(error.to_string().contains("certificates"), "{error}"),
    }
}

#[test]
fn a_refusal_is_handed_back_and_passed_over() {
    let script = [400, 200, 413, 422].map(|status| Reply::Say(status, "", "no,\nsorry"));
    let server = Server::start(script.to_vec());
    let sink = Running::start(&server.url(), quick(), None);
    sink.offer(&states(5));
    sink.wait_for(5);
    let refused = sink.sink.take_refused();
    let expected = [(1, 400), (3, 413), (4, 422)];
    assert_eq!(
        refused,
        expected.map(|(seq, status)| (seq, format!("HTTP {status}: no, sorry")))
    );
    assert_eq!(sink.sink.take_refused(), []);
}

#[test]
fn a_long_answer_costs_no_state() {
    let long: &'static str = "x".repeat(3 * ANSWER_BYTES_MAX).leak();
    let server = Server::start(vec![Reply::Say(500, "", long), Reply::Say(200, "", long)]);
    let sink = Running::start(&server.url(), quick(), None);
    sink.offer(&states(2));
    sink.wait_for(2);
    let status = sink.sink.status();
    assert_eq!((status.delivered, status.retries), (2, 1));
    assert!(status.last_error.unwrap().starts_with("HTTP 500"));
}

#[test]
fn a_stop_finishes_what_it_can() {
    let server = Server::start(vec![Reply::Say(429, "retry-after: 600\r\n", "")]);
    let sink = Running::start(&server.url(), quick(), None);
    sink.offer(&states(2));
    sink.wait_for_failure();
    assert_eq!(sink.stop(), Some(2));

    let silent = Server::start(vec![Reply::Silence]);
    let sink = Running::start(&silent.url(), quick(), None);
    sink.offer(&states(1));
    silent.next();
    assert_eq!(sink.sink.stop(Duration::from_millis(10)), None);
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        3 => Just(Reply::Say(200, "", "")),
        1 => Just(Reply::Say(204, "", "")),
        2 => Just(Reply::Say(500, "", "down")),
        1 => Just(Reply::Say(429, "retry-after: 0\r\n", "")),
        1 => Just(Reply::Say(400, "", "ill-formed")),
        1 => Just(Reply::HangUp),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_row_of_failures_delivers_everything_once_in_order(script in prop::collection::vec(reply(), 0..30), count in 1i64..15) {
        let server = Server::start(script);
        let sink = Running::start(&server.url(), quick(), None);
        sink.offer(&states(count));
        sink.wait_for(count);
        let refused: Vec<i64> = sink.sink.take_refused().into_iter().map(|(seq, _)| seq).collect();
        let settled: Vec<String> = server.all().into_iter()
            .filter(|r| r.status.is_some_and(|status| status < 300 || status == 400))
            .map(|r| r.headers["idempotency-key"].clone())
            .collect();
        let expected: Vec<String> = states(count).into_iter().map(|state| state.key).collect();
        prop_assert_eq!(settled, expected);
        prop_assert_eq!(sink.sink.status().refused, refused.len() as u64);
    }
}
