//! An S3 server of our own on this machine: moto, from the workspace's Python environment; `OFFTRAIL_MOTO` names another.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use crate::{binary::Offtrail, neighbours::root};

/// Python starts slowly on a machine that is busy.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// moto wants some signature for a deletion and checks none.
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=none";

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

    /// One plain HTTP request. Keys must need no escaping.
    fn put(&self, path: &str, body: &[u8]) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!(
            "PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: {}\r\nConnection: close\r\nAuthorization: {SIGNED}\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 2"), "PUT {path}: {answer}");
    }

    /// The same command line, pointed at this server.
    #[must_use]
    pub fn serve(&self, command: Offtrail) -> Offtrail {
        command
            .env(
                "AWS_ENDPOINT_URL",
                &format!("http://127.0.0.1:{}", self.port),
            )
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "example")
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
