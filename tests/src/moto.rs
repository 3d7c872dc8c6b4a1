//! An S3 and SQS server of our own on this machine, and command lines and containers pointed at it.

use std::collections::BTreeSet;

use offtrail_moto::{KEY, REGION, SECRET, arn};

use crate::{binary::Offtrail, container::Contained};

/// A running server, ended by its process id when dropped.
#[derive(Debug)]
pub struct Moto {
    server: offtrail_moto::Moto,
}

impl Moto {
    /// Starts one on a free port; `None`, said aloud, where there is none.
    ///
    /// # Panics
    /// It does not start in time.
    #[must_use]
    pub fn start() -> Option<Self> {
        let server = offtrail_moto::Moto::start()?;
        Some(Self { server })
    }

    /// Where it listens on this machine.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port()
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
        self.server.request("PUT", path, body);
    }

    /// Keys of the objects that were fetched from a bucket since the last call, each once.
    #[must_use]
    pub fn fetched(&self, bucket: &str) -> BTreeSet<String> {
        self.asked(bucket).1
    }

    /// All that was asked since the last call, and as [`Moto::fetched`].
    #[must_use]
    pub fn asked(&self, bucket: &str) -> (Vec<String>, BTreeSet<String>) {
        let begin = format!("GET /{bucket}/");
        let log = self.server.take_log();
        let keys = log
            .iter()
            .filter_map(|line| line.strip_prefix(&begin)?.split([' ', '?']).next())
            .filter(|key| !key.is_empty())
            .map(str::to_owned);
        let keys = keys.collect();
        (log, keys)
    }

    /// Creates a queue; its URL.
    #[must_use]
    pub fn queue(&self, name: &str) -> String {
        self.server.queue(REGION, name)
    }

    /// Has a bucket tell a queue of every new object.
    pub fn notify(&self, bucket: &str, queue: &str) {
        self.server.notify(bucket, &[&arn(queue)], &[]);
    }

    /// How many messages a queue holds, hidden ones included.
    #[must_use]
    pub fn messages(&self, queue: &str) -> u64 {
        self.server.messages(queue)
    }

    /// What tells an AWS client where this server is.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", self.server.endpoint()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
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
