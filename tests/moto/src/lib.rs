//! A server of AWS's protocols on this machine, for tests: moto, from the workspace's Python environment; `OFFTRAIL_MOTO` names another. Where there
//! is none, [`Moto::start`] says so, and the test passes over what it needs it for.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests are an edge: they run programs, say what they skip, and fail loudly"
)]

mod queues;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

pub use queues::arn;

/// Where the server says that it is.
pub const REGION: &str = "us-east-1";
/// The id of a key, as moto likes any.
pub const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
/// Its secret.
pub const SECRET: &str = "example";

/// Python starts slowly on a machine that is busy.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// A running server, ended by its process id when dropped.
#[derive(Debug)]
pub struct Moto {
    child: Child,
    port: u16,
    log: Arc<Mutex<Vec<String>>>,
}

impl Moto {
    /// Starts one on a free port; `None`, said aloud, where there is none.
    ///
    /// # Panics
    /// It does not start in time.
    #[must_use]
    pub fn start() -> Option<Self> {
        let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.venv/bin/moto_server");
        let program = std::env::var_os("OFFTRAIL_MOTO").map_or_else(|| ours.into(), PathBuf::from);
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
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        // Goes on reading after the port is told, lest the server's talk fills the pipe; ends with the server.
        std::thread::spawn(move || {
            for line in talk.lines().map_while(Result::ok) {
                if let Some((_, port)) = line.split_once("Running on http://127.0.0.1:") {
                    let _ = told.send(port.trim().parse::<u16>());
                }
                if let Some((_, request)) = line.split_once('"') {
                    kept.lock().unwrap().push(request.to_owned());
                }
            }
        });
        let mut moto = Self {
            child,
            port: 0,
            log,
        };
        moto.port = port
            .recv_timeout(START_TIMEOUT)
            .expect("moto_server tells its port")
            .unwrap();
        Some(moto)
    }

    /// Where it listens on this machine.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The same as a URL.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What was asked of it since the last call, each as `GET /bucket/key HTTP/1.1" 200 -`: all that was answered before this call, and nothing of what comes after.
    ///
    /// # Panics
    /// It says nothing any more.
    #[must_use]
    pub fn take_log(&self) -> Vec<String> {
        // The log is in order: when this request is in it, so are those before.
        let mark = "/moto-api/data.json?mark";
        self.ask(&format!("GET {mark}"), &[], b"");
        let begun = Instant::now();
        loop {
            let mut log = self.log.lock().unwrap();
            if let Some(at) = log.iter().position(|line| line.contains(mark)) {
                let mut taken: Vec<String> = log.drain(..=at).collect();
                taken.pop();
                return taken;
            }
            drop(log);
            assert!(begun.elapsed() < START_TIMEOUT, "the server says nothing");
            std::thread::yield_now();
        }
    }

    /// One plain HTTP request to S3.
    pub fn request(&self, method: &str, path: &str, body: &[u8]) {
        let signed = signed("s3", REGION);
        self.ask(
            &format!("{method} {path}"),
            &[("Authorization", &signed)],
            body,
        );
    }

    /// One plain HTTP request with these headers; the body of the answer, which must be a good one.
    pub fn ask(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
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

/// A signature as moto wants it: it finds the service in it and checks nothing else of it.
fn signed(service: &str, region: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=none"
    )
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
