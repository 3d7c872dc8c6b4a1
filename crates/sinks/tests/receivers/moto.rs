//! SNS, SQS and S3 on this machine: moto, from the workspace's Python environment; `OFFTRAIL_MOTO` names another `moto_server`.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder as HttpBuilder;

/// Python starts slowly on a machine that is busy.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// A running server, ended by its process id when dropped.
pub(crate) struct Moto {
    child: Child,
    port: u16,
}

impl Moto {
    /// Starts one on a free port; `None`, said aloud, where there is none.
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

    /// How to reach it.
    pub(crate) fn config(&self) -> SdkConfig {
        config(self.port)
    }
}

/// How to reach an AWS that listens on this port.
pub(crate) fn config(port: u16) -> SdkConfig {
    let keys = Credentials::new("AKIAIOSFODNN7EXAMPLE", "example", None, None, "tests");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .http_client(HttpBuilder::new().build_http())
        .build()
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
