//! An S3 and SQS server of our own on this machine: moto, from the workspace's Python environment; `OFFTRAIL_MOTO` names another.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{binary::Offtrail, container::Contained, neighbours::root};

/// Python starts slowly on a machine that is busy.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// Where it says that it is.
const REGION: &str = "us-east-1";
/// A key as moto likes any.
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

/// A running server, ended by its process id when dropped.
#[derive(Debug)]
pub struct Moto {
    child: Child,
    port: u16,
}

impl Moto {
    /// Starts one on a free port; `None`, said aloud, where there is none.
    ///
    /// # Panics
    /// It does not start in time.
    #[must_use]
    pub fn start() -> Option<Self> {
        let program = std::env::var_os("OFFTRAIL_MOTO")
            .map_or_else(|| root().join(".venv/bin/moto_server"), PathBuf::from);
        if !program.exists() {
            eprintln!("skipped: no {} (scripts/install tests)", program.display());
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

    /// Creates a bucket with these objects.
    pub fn fill<'f>(&self, bucket: &str, objects: impl IntoIterator<Item = (&'f str, &'f [u8])>) {
        self.put(&format!("/{bucket}"), b"");
        for (key, bytes) in objects {
            self.put(&format!("/{bucket}/{key}"), bytes);
        }
    }

    /// Puts one object; its key must need no escaping.
    pub fn put(&self, path: &str, body: &[u8]) {
        self.request("PUT", path, ("s3", &[]), body);
    }

    /// Creates a queue; its URL.
    #[must_use]
    pub fn queue(&self, name: &str) -> String {
        let made = self.sqs("CreateQueue", &json!({ "QueueName": name }));
        made["QueueUrl"].as_str().unwrap().to_owned()
    }

    /// Has a bucket tell a queue of every new object.
    pub fn notify(&self, bucket: &str, queue: &str) {
        let name = queue.rsplit('/').next().unwrap();
        let body = format!(
            "<NotificationConfiguration><QueueConfiguration><Id>trail</Id><Queue>arn:aws:sqs:{REGION}:123456789012:{name}</Queue>\
             <Event>s3:ObjectCreated:*</Event></QueueConfiguration></NotificationConfiguration>"
        );
        self.request(
            "PUT",
            &format!("/{bucket}?notification"),
            ("s3", &[]),
            body.as_bytes(),
        );
    }

    /// How many messages a queue holds, hidden ones included.
    #[must_use]
    pub fn messages(&self, queue: &str) -> u64 {
        let counts = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ];
        let asked = json!({ "QueueUrl": queue, "AttributeNames": counts });
        let told = self.sqs("GetQueueAttributes", &asked);
        let count = |name: &&str| {
            let text = told["Attributes"][*name].as_str().unwrap();
            text.parse::<u64>().unwrap()
        };
        counts.iter().map(count).sum()
    }

    /// A call of SQS in its JSON protocol.
    fn sqs(&self, call: &str, body: &Value) -> Value {
        let target = format!("AmazonSQS.{call}");
        let headers = [
            ("X-Amz-Target", &*target),
            ("Content-Type", "application/x-amz-json-1.0"),
        ];
        let answer = self.request("POST", "/", ("sqs", &headers), body.to_string().as_bytes());
        crate::binary::json(&answer)
    }

    /// One plain HTTP request; the body of its answer, which must be a good one. moto finds the service in the signature and checks nothing else of it.
    fn request(
        &self,
        method: &str,
        path: &str,
        (service, headers): (&str, &[(&str, &str)]),
        body: &[u8],
    ) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: {}\r\nConnection: close\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={KEY}/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=none\r\n",
            self.port,
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(b"\r\n").unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 2"),
            "{method} {path}: {answer}"
        );
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        body.to_owned()
    }

    /// What tells an AWS client where this server is.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 4] {
        [
            (
                "AWS_ENDPOINT_URL",
                format!("http://127.0.0.1:{}", self.port),
            ),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "example".to_owned()),
        ]
    }

    /// The same command line, pointed at this server.
    #[must_use]
    pub fn serve(&self, command: Offtrail) -> Offtrail {
        let pairs = self.environment();
        pairs
            .iter()
            .fold(command, |command, (name, value)| command.env(name, value))
    }

    /// The same container, pointed at this server.
    #[must_use]
    pub fn serve_contained(&self, contained: Contained) -> Contained {
        let pairs = self.environment();
        pairs.iter().fold(contained, |contained, (name, value)| {
            contained.env(name, value)
        })
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
