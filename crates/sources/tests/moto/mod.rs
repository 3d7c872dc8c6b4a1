//! A moto server on this machine, from the workspace's Python environment; `OFFTRAIL_MOTO` names another. Where there is none, tests say so
//! and pass.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// moto wants some signature for a deletion and checks none.
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=none";
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs `body` in a process of its own that has credentials in its environment and no other AWS configuration, as a user's shell would:
/// a test must not change the environment of the process it shares with other tests.
pub(crate) fn with_credentials(name: &str, body: fn()) {
    if std::env::var_os("OFFTRAIL_S3_TEST").is_some() {
        return body();
    }
    let status = isolated(name)
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "example")
        .status()
        .unwrap();
    assert!(status.success(), "{name} failed in its own process");
}

/// This test program again, for one test, without any AWS configuration.
pub(crate) fn isolated(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    for (variable, _) in
        std::env::vars_os().filter(|(variable, _)| variable.to_string_lossy().starts_with("AWS_"))
    {
        command.env_remove(variable);
    }
    command
        .args([name, "--exact", "--nocapture"])
        .env("OFFTRAIL_S3_TEST", "1")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// A server of our own, ended by its process id when dropped.
pub(crate) struct Moto {
    child: Child,
    pub(crate) port: u16,
}

impl Moto {
    pub(crate) fn start() -> Option<Self> {
        let program = std::env::var_os("OFFTRAIL_MOTO").map_or_else(
            || {
                PathBuf::from(concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/../../.venv/bin/moto_server"
                ))
            },
            PathBuf::from,
        );
        if !program.exists() {
            eprintln!(
                "skipped: no {} (python3 -m venv .venv && .venv/bin/pip install 'moto[server]')",
                program.display()
            );
            return None;
        }
        let mut child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let talk = BufReader::new(child.stderr.take().unwrap());
        let (told, port) = mpsc::channel();
        // Goes on reading after the port is told, lest the server's talk fills the pipe; ends with the server.
        std::thread::spawn(move || {
            for line in talk.lines().map_while(Result::ok) {
                if let Some((_, port)) = line.split_once("Running on http://127.0.0.1:") {
                    let _ = told.send(port.trim().parse::<u16>());
                }
            }
        });
        let mut moto = Self { child, port: 0 };
        moto.port = port
            .recv_timeout(START_TIMEOUT)
            .expect("moto_server tells its port")
            .unwrap();
        Some(moto)
    }

    /// One plain HTTP request; moto asks for no signature.
    pub(crate) fn request(&self, method: &str, path: &str, body: &[u8]) {
        self.ask(
            &format!("{method} {path}"),
            &[("Authorization", SIGNED)],
            body,
        );
    }

    /// One plain HTTP request with these headers; the body of the answer, which must be a good one.
    pub(crate) fn ask(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let mut head = format!(
            "{line} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: {}\r\nConnection: close\r\n",
            self.port,
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 2"), "{line}: {answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        body.to_owned()
    }
}

/// Queues, topics and notifications.
impl Moto {
    /// One call of SQS in its JSON protocol.
    pub(crate) fn sqs(
        &self,
        region: &str,
        call: &str,
        body: serde_json::Value,
    ) -> serde_json::Value {
        let signed = SIGNED.replace("us-east-1/s3", &format!("{region}/sqs"));
        let target = format!("AmazonSQS.{call}");
        let headers = [
            ("Authorization", signed.as_str()),
            ("X-Amz-Target", &target),
            ("Content-Type", "application/x-amz-json-1.0"),
        ];
        let answer = self.ask("POST /", &headers, body.to_string().as_bytes());
        serde_json::from_str(if answer.is_empty() { "{}" } else { &answer }).unwrap()
    }

    /// Makes a queue; its URL.
    pub(crate) fn queue(&self, region: &str, name: &str) -> String {
        let answer = self.sqs(
            region,
            "CreateQueue",
            serde_json::json!({"QueueName": name}),
        );
        answer["QueueUrl"].as_str().unwrap().to_owned()
    }

    pub(crate) fn send(&self, url: &str, body: &str) {
        self.sqs(
            "us-east-1",
            "SendMessage",
            serde_json::json!({"QueueUrl": url, "MessageBody": body}),
        );
    }

    /// What another receiver gets that waits for so many seconds.
    pub(crate) fn receive(&self, url: &str, seconds: u32) -> Vec<serde_json::Value> {
        let asked = serde_json::json!({"QueueUrl": url, "WaitTimeSeconds": seconds, "MaxNumberOfMessages": 10,
            "MessageAttributeNames": ["All"]});
        let answer = self.sqs("us-east-1", "ReceiveMessage", asked);
        answer["Messages"].as_array().cloned().unwrap_or_default()
    }

    /// Messages in a queue, visible or not.
    pub(crate) fn messages(&self, url: &str) -> u64 {
        let asked = serde_json::json!({"QueueUrl": url, "AttributeNames": ["All"]});
        let answer = self.sqs("us-east-1", "GetQueueAttributes", asked);
        let count = |name: &str| {
            answer["Attributes"][name]
                .as_str()
                .unwrap()
                .parse::<u64>()
                .unwrap()
        };
        count("ApproximateNumberOfMessages") + count("ApproximateNumberOfMessagesNotVisible")
    }

    /// Makes a topic whose messages go to a queue; its ARN.
    pub(crate) fn topic_to(&self, queue: &str, name: &str) -> String {
        let signed = SIGNED.replace("/s3/", "/sns/");
        let call = |body: String| {
            let headers = [
                ("Authorization", signed.as_str()),
                ("Content-Type", "application/x-www-form-urlencoded"),
            ];
            self.ask("POST /", &headers, body.as_bytes())
        };
        let made = call(format!("Action=CreateTopic&Version=2010-03-31&Name={name}"));
        let (_, rest) = made.split_once("<TopicArn>").unwrap();
        let topic = rest.split('<').next().unwrap().to_owned();
        call(format!(
            "Action=Subscribe&Version=2010-03-31&TopicArn={topic}&Protocol=sqs&Endpoint={}",
            arn(queue)
        ));
        topic
    }

    /// Sends a bucket's notifications to these queues and topics (ARNs), all events.
    pub(crate) fn notify(&self, bucket: &str, queues: &[&str], topics: &[&str]) {
        let mut body = String::from("<NotificationConfiguration>");
        for (id, queue) in queues.iter().enumerate() {
            body.push_str(&format!("<QueueConfiguration><Id>q{id}</Id><Queue>{queue}</Queue><Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event></QueueConfiguration>"));
        }
        for (id, topic) in topics.iter().enumerate() {
            body.push_str(&format!("<TopicConfiguration><Id>t{id}</Id><Topic>{topic}</Topic><Event>s3:ObjectCreated:*</Event></TopicConfiguration>"));
        }
        body.push_str("</NotificationConfiguration>");
        self.request("PUT", &format!("/{bucket}?notification"), body.as_bytes());
    }
}

/// The ARN of a queue of moto's, from its URL.
pub(crate) fn arn(url: &str) -> String {
    let mut parts = url.rsplit('/');
    let (name, account) = (parts.next().unwrap(), parts.next().unwrap());
    format!("arn:aws:sqs:us-east-1:{account}:{name}")
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
