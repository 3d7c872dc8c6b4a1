//! The ways out: what each kind of receiver does with a few states at once, and how it answers.

mod aws;
mod chat;
mod file;
mod lines;
mod s3;
mod sns;
mod sqs;
mod webhook;

use std::error::Error;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use aws_config::SdkConfig;
use tokio::runtime::Runtime;

use crate::settings::{DETAIL_CHARS_MAX, Settings};
use crate::target::Target;
use crate::told::Told;

/// What came of one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The receiver has it.
    Taken,
    /// The receiver will never take it, and why.
    Refused(String),
    /// Not now: why, and how long the receiver asks to be left alone.
    Later {
        why: String,
        after: Option<Duration>,
    },
}

impl Answer {
    pub(crate) fn later(why: impl Into<String>) -> Self {
        Self::Later {
            why: why.into(),
            after: None,
        }
    }
}

/// How many states go out together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// At most.
    pub(crate) states_max: usize,
    /// Whether they overtake each other, so that no two may be of one finding.
    pub(crate) one_per_finding: bool,
}

impl Shape {
    /// One after the other.
    pub(crate) const SINGLE: Self = Self {
        states_max: 1,
        one_per_finding: false,
    };
}

/// A way out.
pub(crate) trait Outlet: Send {
    fn shape(&self) -> Shape;

    /// Tries to deliver these states; one answer each, in their order.
    fn attempt(&mut self, states: &[&Told]) -> Vec<Answer>;
}

/// Why a receiver can't be addressed at all.
#[derive(Debug, thiserror::Error)]
pub enum OutletError {
    /// The file, or the folder it lies in.
    #[error("{path}: {error}; name a file that can be read and written, or make room")]
    File {
        /// As given.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Standard output can't be had.
    #[error("standard output is not open ({0}); don't close it")]
    Stdout(io::Error),
    /// SNS, SQS or S3 without a configuration.
    #[error("there is no AWS configuration for it; give region and credentials")]
    NoAws,
    /// No certificates.
    #[error(
        "no certificates to trust ({0}); install the system's, or name a file in SSL_CERT_FILE"
    )]
    Certificates(String),
    /// No threads.
    #[error("can't start a thread ({0}); free some memory or raise the process limit")]
    Threads(io::Error),
}

/// Gets a receiver ready.
///
/// # Errors
/// See [`OutletError`].
pub(crate) fn open(
    target: Target,
    settings: &Settings,
    aws: Option<&SdkConfig>,
) -> Result<Box<dyn Outlet>, OutletError> {
    let aws = || aws.ok_or(OutletError::NoAws);
    Ok(match target {
        Target::Stdout => Box::new(lines::Lines::stdout().map_err(OutletError::Stdout)?),
        Target::File(path) if is_special(&path) => Box::new(lines::Lines::at(path)),
        Target::File(path) => Box::new(
            file::FileOutlet::open(path.clone(), settings)
                .map_err(|error| OutletError::File { path, error })?,
        ),
        Target::Webhook { url, body } => Box::new(webhook::Webhook::new(&url, body, settings)?),
        Target::Sns(arn) => Box::new(aws::Aws::new(
            sns::Topic::new(aws()?, arn, settings),
            settings,
        )?),
        Target::Sqs(url) => Box::new(aws::Aws::new(
            sqs::Queue::new(aws()?, url, settings),
            settings,
        )?),
        Target::S3 { bucket, prefix } => Box::new(aws::Aws::new(
            s3::Bucket::new(aws()?, bucket, prefix),
            settings,
        )?),
    })
}

/// Whether a path is there and is neither file nor folder: a pipe, a device.
fn is_special(path: &PathBuf) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Threads for requests. One drives them between attempts too, so that connections that are kept are also noticed to close.
///
/// # Errors
/// See [`OutletError::Threads`].
fn runtime() -> Result<Runtime, OutletError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("sink-io")
        .enable_all()
        .build()
        .map_err(OutletError::Threads)
}

/// An error and what lies behind it, on one line of limited length.
fn said(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        source = inner.source();
    }
    one_line(&text)
}

/// A foreign text without control characters, cut.
fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(DETAIL_CHARS_MAX)
        .collect();
    if line.len() < text.len() && text.chars().nth(DETAIL_CHARS_MAX).is_some() {
        line.push('…');
    }
    line
}
