//! S3 that can't be used is said in one line that tells what to do, soon, with exit code 2, and the baseline there was stays as it was.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run the binary against servers of their own"
)]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

use offtrail_tests::{desk::Desk, moto::Moto, offtrail};

/// S3 is given up after this long, at most.
const GIVEN_UP: Duration = Duration::from_secs(60);

#[test]
fn a_bucket_that_is_not_there_is_said() {
    let Some(moto) = Moto::start() else {
        return;
    };
    let desk = Desk::new();
    let before = desk.baseline();
    moto.fill(
        "trail-bucket",
        [("AWSLogs/x.json", &b"{\"Records\":[]}"[..])],
    );
    let check = |source: &str, says: &[&str]| {
        for command in ["backfill", "detect"] {
            let command = offtrail![
                command,
                source,
                "--baseline",
                desk.path("org.db"),
                "--quiet"
            ];
            moto.serve(command).run().fails_saying(says);
            assert!(desk.baseline() == before, "the baseline was touched");
        }
    };
    check(
        "s3://no-such-bucket/AWSLogs",
        &["s3://no-such-bucket", "does not exist", "check the name"],
    );
    check(
        "s3://trail-bucket/elsewhere/",
        &["s3://trail-bucket/elsewhere/", "check the prefix"],
    );
}

#[test]
fn a_store_that_refuses_or_is_silent_is_said_within_bounded_time() {
    let desk = Desk::new();
    let before = desk.baseline();
    let check = |port: u16, says: &[&str]| {
        let begun = Instant::now();
        offtrail![
            "backfill",
            "s3://trail-bucket/AWSLogs",
            "--baseline",
            desk.path("org.db"),
            "--quiet"
        ]
        .env("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{port}"))
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "example")
        .run()
        .fails_saying(says);
        assert!(begun.elapsed() < GIVEN_UP, "{:?}", begun.elapsed());
        assert!(desk.baseline() == before, "the baseline was touched");
    };
    check(
        denying(),
        &[
            "s3://trail-bucket/AWSLogs",
            "access denied",
            "s3:ListBucket",
        ],
    );
    // A port that was free a moment ago: nobody listens there.
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    check(closed, &["can't reach S3", "AWS_ENDPOINT_URL"]);
    offtrail![
        "backfill",
        "s3://trail-bucket/AWSLogs",
        "--baseline",
        desk.path("org.db"),
        "--quiet"
    ]
    .run()
    .fails_saying(&["no AWS credentials", "AWS_PROFILE"]);
}

/// A server that denies everything; gives its port. Ends with this test.
fn denying() -> u16 {
    const ANSWER: &str = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            let head =
                "HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nConnection: close";
            let _ = write!(
                &stream,
                "{head}\r\nContent-Length: {}\r\n\r\n{ANSWER}",
                ANSWER.len()
            );
        }
    });
    port
}
