//! Answers of S3's that a healthy server doesn't give: canned ones from a socket on this machine.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests start a server and may fail loudly"
)]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use offtrail_sources::{ListError, Listing, S3Settings, Settings, Source, Sources, TimeRange};

const PAGE: &str = "<ListBucketResult><IsTruncated>false</IsTruncated>\
    <Contents><Key>a</Key><Size>5</Size><ETag>\"e\"</ETag></Contents></ListBucketResult>";

/// An HTTP answer with its whole body.
fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn refusal(status: &str, headers: &str, code: &str) -> String {
    answer(
        status,
        headers,
        &format!("<Error><Code>{code}</Code><Message>no</Message></Error>"),
    )
}

/// A server that answers the first request with the first text and so on, the last one for ever; the requests' heads are kept.
struct Canned {
    endpoint: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Canned {
    fn start(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (kept, count) = (Arc::clone(&heads), AtomicUsize::new(0));
        // Ends with the test's process: it owns nothing that needs an end.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let turn = count.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
                serve(stream, &answers[turn], &kept);
            }
        });
        Self { endpoint, heads }
    }

    fn sources(&self, attempts_max: u32) -> Sources {
        sources(&self.endpoint, attempts_max)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn sources(endpoint: &str, attempts_max: u32) -> Sources {
    let s3 = S3Settings {
        endpoint: Some(endpoint.into()),
        region: Some("us-east-1".into()),
        anonymous: true,
        attempts_max,
        connect_timeout: Duration::from_secs(2),
        ..S3Settings::default()
    };
    Sources::new(Settings {
        s3,
        ..Settings::default()
    })
}

fn serve(mut stream: TcpStream, text: &str, heads: &Mutex<Vec<String>>) {
    let mut head = String::new();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    while lines.read_line(&mut head).is_ok_and(|read| read > 2) {}
    heads.lock().unwrap().push(head);
    // The client may have hung up: it has then seen enough.
    let _ = stream.write_all(text.as_bytes());
}

fn list(sources: &Sources) -> Result<Listing, ListError> {
    sources.list(
        &[Source::S3 {
            bucket: "bucket".into(),
            prefix: "p".into(),
        }],
        TimeRange::default(),
    )
}

#[test]
fn refusals_say_what_to_do() {
    for (answered, expected) in [
        (
            refusal("403 Forbidden", "", "AccessDenied"),
            "access denied (AccessDenied); allow s3:ListBucket on the bucket, s3:GetObject on its objects and kms:Decrypt on their key",
        ),
        (
            refusal("403 Forbidden", "", "InvalidAccessKeyId"),
            "the AWS credentials are not accepted (InvalidAccessKeyId); renew them or choose another profile",
        ),
        (
            refusal("301 Moved", "", "PermanentRedirect"),
            "the bucket lies in another region (PermanentRedirect); set AWS_REGION to the bucket's region",
        ),
        (
            refusal("503 Slow Down", "", "SlowDown"),
            "too many requests (SlowDown), also after retries; try again with fewer at once",
        ),
        (
            refusal("403 Forbidden", "", "RequestTimeTooSkewed"),
            "this machine's clock is off (RequestTimeTooSkewed); set it, then run again",
        ),
        (
            refusal("418 Teapot", "", "Teapot"),
            "unexpected answer (Teapot: no); try again, or look the code up in the S3 API reference",
        ),
    ] {
        let error = list(&Canned::start(vec![answered]).sources(1)).unwrap_err();
        assert_eq!(error.to_string(), format!("list s3://bucket/p: {expected}"));
    }
}

#[test]
fn an_endpoint_that_is_not_there_is_told_in_one_line() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = list(&sources(&format!("http://{free}"), 1))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("list s3://bucket/p: can't reach S3 ("),
        "{error}"
    );
    assert!(
        error.ends_with("; check the network and AWS_ENDPOINT_URL") && !error.contains('\n'),
        "{error}"
    );
    assert!(error.contains("refused"), "{error}");
}

#[test]
fn a_page_that_is_no_xml_is_an_error_not_an_empty_bucket() {
    let error = list(&Canned::start(vec![answer("200 OK", "", "<html>proxy")]).sources(1))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("list s3://bucket/p: unexpected answer ("),
        "{error}"
    );
}

#[test]
fn a_bucket_elsewhere_is_followed() {
    let moved = refusal(
        "301 Moved",
        "x-amz-bucket-region: eu-west-1\r\n",
        "PermanentRedirect",
    );
    let canned = Canned::start(vec![moved.clone(), answer("200 OK", "", PAGE)]);
    assert_eq!(list(&canned.sources(1)).unwrap().items.len(), 1);
    assert_eq!(canned.heads().len(), 2);

    let canned = Canned::start(vec![moved]);
    let error = list(&canned.sources(1)).unwrap_err().to_string();
    assert!(
        error.contains("the bucket lies in another region"),
        "{error}"
    );
    assert_eq!(canned.heads().len(), 2, "followed once, not for ever");
}

#[test]
fn an_object_named_without_listing_is_followed_too() {
    let moved = refusal(
        "301 Moved Permanently",
        "x-amz-bucket-region: eu-west-1\r\n",
        "PermanentRedirect",
    );
    let canned = Canned::start(vec![moved, answer("200 OK", "", "hello")]);
    let sources = canned.sources(1);
    let names = ["s3://bucket/a", "s3://bucket/b"].map(Ok);
    let items = sources
        .named(names.into_iter(), TimeRange::default())
        .unwrap()
        .items;
    let reader = sources.read(items).unwrap();
    for _ in 0..2 {
        assert_eq!(reader.next().unwrap().bytes.unwrap(), b"hello");
    }
    assert!(canned.heads().len() >= 3);
}

#[test]
fn an_answer_that_does_not_come_in_time_is_told_as_such() {
    // Takes the connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let s3 = S3Settings {
        endpoint: Some(format!("http://{}", silent.local_addr().unwrap())),
        region: Some("us-east-1".into()),
        anonymous: true,
        attempts_max: 1,
        read_timeout: Duration::from_millis(50),
        ..S3Settings::default()
    };
    let sources = Sources::new(Settings {
        s3,
        ..Settings::default()
    });
    let items = sources
        .named(["s3://bucket/a"].into_iter().map(Ok), TimeRange::default())
        .unwrap()
        .items;
    let reader = sources.read(items).unwrap();
    let error = reader.next().unwrap().bytes.unwrap_err();
    assert!(error.to_string().contains("can't reach S3"), "{error}");
}

#[test]
fn slowing_down_and_broken_bodies_are_tried_again() {
    let page = answer("200 OK", "", PAGE);
    let slow = refusal("503 Slow Down", "", "SlowDown");
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhe".to_owned();
    let canned = Canned::start(vec![page, slow, cut, answer("200 OK", "", "hello")]);
    let sources = canned.sources(3);
    let items = list(&sources).unwrap().items;
    assert_eq!(
        sources.read(items).unwrap().next().unwrap().bytes.unwrap(),
        b"hello"
    );
    assert_eq!(canned.heads().len(), 4);
}

#[test]
fn a_body_that_always_breaks_is_one_read_error() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhe".to_owned();
    let canned = Canned::start(vec![answer("200 OK", "", PAGE), cut]);
    let sources = canned.sources(2);
    let items = list(&sources).unwrap().items;
    let error = sources
        .read(items)
        .unwrap()
        .next()
        .unwrap()
        .bytes
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("read s3://bucket/a: unexpected answer ("),
        "{error}"
    );
    assert!(!error.is_general());
    assert_eq!(canned.heads().len(), 3);
}

#[test]
fn an_object_that_grew_past_the_cap_is_left() {
    let page = answer("200 OK", "", PAGE);
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n".to_owned();
    for grown in [answer("200 OK", "", "hello world"), chunked] {
        let canned = Canned::start(vec![page.clone(), grown]);
        let s3 = S3Settings {
            endpoint: Some(canned.endpoint.clone()),
            region: Some("us-east-1".into()),
            anonymous: true,
            ..S3Settings::default()
        };
        let sources = Sources::new(Settings {
            object_bytes_max: 8,
            s3,
            ..Settings::default()
        });
        let items = list(&sources).unwrap().items;
        let error = sources
            .read(items)
            .unwrap()
            .next()
            .unwrap()
            .bytes
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "read s3://bucket/a: more than 8 bytes; not read (raise object_bytes_max to read it)"
        );
    }
}

#[test]
fn requests_are_unsigned_or_paid_for_as_asked() {
    let canned = Canned::start(vec![
        answer("200 OK", "", PAGE),
        answer("200 OK", "", "hello"),
    ]);
    let s3 = S3Settings {
        endpoint: Some(canned.endpoint.clone()),
        region: Some("us-east-1".into()),
        anonymous: true,
        requester_pays: true,
        ..S3Settings::default()
    };
    let sources = Sources::new(Settings {
        s3,
        ..Settings::default()
    });
    let items = list(&sources).unwrap().items;
    assert_eq!(
        sources.read(items).unwrap().next().unwrap().bytes.unwrap(),
        b"hello"
    );
    let heads = canned.heads();
    assert_eq!(heads.len(), 2);
    for head in heads.iter().map(|head| head.to_lowercase()) {
        assert!(
            head.contains("x-amz-request-payer: requester") && !head.contains("authorization:"),
            "{head}"
        );
    }
}

#[test]
fn no_credentials_is_told_before_anything_is_sent() {
    let name = "no_credentials_is_told_before_anything_is_sent";
    if let Ok(endpoint) = std::env::var("OFFTRAIL_ANSWERS_TEST") {
        let s3 = S3Settings {
            endpoint: Some(endpoint),
            region: Some("us-east-1".into()),
            attempts_max: 1,
            ..S3Settings::default()
        };
        let error = list(&Sources::new(Settings {
            s3,
            ..Settings::default()
        }))
        .unwrap_err()
        .to_string();
        assert!(
            error.starts_with("list s3://bucket/p: no AWS credentials ("),
            "{error}"
        );
        assert!(
            error.ends_with("log in again, or run under a role") && !error.contains('\n'),
            "{error}"
        );
        return;
    }
    // In a process of its own: a test must not change the environment that it shares with others.
    let canned = Canned::start(vec![answer("200 OK", "", PAGE)]);
    let mut command = Command::new(std::env::current_exe().unwrap());
    for (variable, _) in
        std::env::vars_os().filter(|(variable, _)| variable.to_string_lossy().starts_with("AWS_"))
    {
        command.env_remove(variable);
    }
    command
        .args([name, "--exact", "--nocapture"])
        .env("OFFTRAIL_ANSWERS_TEST", &canned.endpoint)
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    assert!(command.status().unwrap().success());
    assert!(canned.heads().is_empty());
}
