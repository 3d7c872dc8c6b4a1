//! Sinks against receivers on this machine: files and pipes, HTTP servers with bad days, and SNS, SQS and S3 as moto plays them.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests are an edge, start servers and may fail loudly"
)]

mod aws;
mod files;
mod moto;
mod server;
mod tls;
mod webhook;

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use offtrail_sinks::{Settings, Sink, SinkError, Told};

/// Long enough for a machine that is busy; a test that works never waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A state of a finding.
pub(crate) fn state(seq: i64, id: &str) -> Told {
    Told {
        seq,
        key: format!("{id}-{seq:016x}"),
        id: id.to_owned(),
        time: "2026-08-31T10:43:44Z".to_owned(),
        severity: "high".to_owned(),
        account: "111122223333".to_owned(),
        title: "First iam:ListAccessKeys by IAM user ci-deploy".to_owned(),
        summary: "It never made this call in 214 active days.".to_owned(),
        line: format!(
            r#"{{"version":1,"id":"{id}","score":{seq}.10,"evidence":[],"next_steps":["Ask its owner."]}}"#
        )
        .into(),
    }
}

/// States of as many findings, from 1 on.
pub(crate) fn states(count: i64) -> Vec<Told> {
    (1..=count).map(|i| state(i, &format!("f{i}"))).collect()
}

/// A sink and what tells that it moved.
pub(crate) struct Running {
    pub(crate) sink: Sink,
    wakes: Receiver<()>,
}

impl Running {
    pub(crate) fn start(target: &str, settings: Settings, aws: Option<SdkConfig>) -> Self {
        Self::try_start(target, settings, aws).unwrap()
    }

    pub(crate) fn try_start(
        target: &str,
        settings: Settings,
        aws: Option<SdkConfig>,
    ) -> Result<Self, SinkError> {
        let (woken, wakes) = mpsc::channel();
        let wake = Arc::new(move || {
            let _ = woken.send(());
        });
        let sink = Sink::start(target.parse().unwrap(), settings, aws, wake)?;
        Ok(Self { sink, wakes })
    }

    /// Offers states that all have room.
    pub(crate) fn offer(&self, states: &[Told]) {
        for state in states {
            self.sink.offer(state.clone()).unwrap();
        }
    }

    /// Waits until everything up to there is done.
    pub(crate) fn wait_for(&self, seq: i64) {
        while self.sink.taken() < Some(seq) {
            self.wakes.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                panic!("not done in time: {:?}", self.sink);
            });
        }
    }

    /// Waits until an attempt has failed, and gives the error.
    pub(crate) fn wait_for_failure(&self) -> String {
        let by = Instant::now() + PATIENCE;
        loop {
            let status = self.sink.status();
            if status.failing_since.is_some() {
                return status.last_error.unwrap();
            }
            assert!(Instant::now() < by, "it does not fail: {:?}", self.sink);
            std::thread::yield_now();
        }
    }

    pub(crate) fn stop(self) -> Option<i64> {
        self.sink.stop(PATIENCE)
    }
}

/// Settings under which a test needn't wait.
pub(crate) fn quick() -> Settings {
    Settings {
        backoff_first: Duration::from_millis(1),
        backoff_max: Duration::from_millis(20),
        ..Settings::default()
    }
}
