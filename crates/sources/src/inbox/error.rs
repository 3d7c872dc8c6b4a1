//! What SQS says when it says no, and why an inbox can't be opened, as one line that tells what to do.
//!
//! Codes: "Common errors" and the errors of each operation, Amazon SQS API Reference.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};

use crate::failure::{Failure, NO_CREDENTIALS, unknown};
use crate::s3::S3Error;

/// An inbox that can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// No feed at all.
    #[error("open the stream: nothing to read; name a queue, a folder to follow or standard input")]
    NoFeed,
    /// The same feed twice.
    #[error("open the stream: {0} is named twice; name it once")]
    Twice(String),
    /// A queue, of messages or of dead letters.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// AWS can't be set up.
    #[error(transparent)]
    Setup(#[from] S3Error),
    /// A folder to follow.
    #[error("follow {:?}: {why}", path.display().to_string())]
    Folder {
        /// The folder as named.
        path: PathBuf,
        /// Why not, and what to do.
        why: String,
    },
    /// The file for dead letters.
    #[error("write dead letters to {:?}: {source}; name a file that can be written", path.display().to_string())]
    DeadLetters {
        /// The file as named.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread can't be started.
    #[error(
        "open the stream: can't start a thread ({0}); free some memory or raise the process limit"
    )]
    Thread(std::io::Error),
}

/// A request to SQS that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{doing}: {reason}")]
pub struct QueueError {
    /// What was done, to which queue.
    doing: String,
    reason: Reason,
}

/// Why, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    Url,
    NoQueue(String),
    Denied(String),
    NoCredentials(String),
    BadCredentials(String),
    Throttled(String),
    Unreachable(String),
    Clock(String),
    Handle(String),
    Answer(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url => f.write_str(
                "not a queue's URL; write it as SQS tells it: https://sqs.REGION.amazonaws.com/ACCOUNT/NAME",
            ),
            Self::NoQueue(code) => write!(
                f,
                "the queue does not exist ({code}); check its URL, region and account"
            ),
            Self::Denied(code) => write!(
                f,
                "access denied ({code}); allow sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility and sqs:GetQueueAttributes on the queue, sqs:SendMessage on one for dead letters, and kms:Decrypt on their key"
            ),
            Self::NoCredentials(why) => write!(f, "no AWS credentials ({why}); {NO_CREDENTIALS}"),
            Self::BadCredentials(code) => write!(
                f,
                "the AWS credentials are not accepted ({code}); renew them or choose another profile"
            ),
            Self::Throttled(code) => write!(f, "too many requests ({code}); asked again later"),
            Self::Unreachable(why) => write!(
                f,
                "can't reach SQS ({why}); check the network, the queue's URL and AWS_ENDPOINT_URL"
            ),
            Self::Clock(code) => {
                write!(f, "this machine's clock is off ({code}); set it")
            }
            Self::Handle(code) => write!(
                f,
                "the message is no longer ours ({code}); it comes again unless it was deleted"
            ),
            Self::Answer(why) => write!(
                f,
                "unexpected answer ({why}); look the code up in the SQS API reference"
            ),
        }
    }
}

impl QueueError {
    pub(super) fn url(url: &str) -> Self {
        Self {
            doing: format!("read queue {url:?}"),
            reason: Reason::Url,
        }
    }

    /// One entry of a batch that was refused.
    pub(super) fn entry(doing: String, code: &str, message: Option<&str>) -> Self {
        Self {
            doing,
            reason: served(400, code.to_owned(), message),
        }
    }

    /// Whether the message's handle is no longer good, so that asking again is of no use.
    pub(super) fn is_handle(&self) -> bool {
        matches!(self.reason, Reason::Handle(_))
    }

    /// Sorts the SDK's error.
    pub(super) fn from_sdk<E>(doing: String, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let reason = match Failure::of(error) {
            Failure::NoCredentials(why) => Reason::NoCredentials(why),
            Failure::Served {
                status,
                code,
                message,
            } => served(status, code, message.as_deref()),
            Failure::Unreachable(why) => Reason::Unreachable(why),
            Failure::Request(why) | Failure::Other(why) => Reason::Answer(why),
        };
        Self { doing, reason }
    }
}

/// The reason behind an answer of SQS's. Codes come with and without the prefix of the older protocol.
fn served(status: u16, code: String, message: Option<&str>) -> Reason {
    match code.trim_start_matches("AWS.SimpleQueueService.") {
        "NonExistentQueue" | "QueueDoesNotExist" => Reason::NoQueue(code),
        "ReceiptHandleIsInvalid" | "MessageNotInflight" | "InvalidParameterValue" => {
            Reason::Handle(code)
        }
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidSecurity"
        | "IncompleteSignature"
        | "MissingAuthenticationToken" => Reason::BadCredentials(code),
        "RequestExpired" | "RequestTimeTooSkewed" => Reason::Clock(code),
        "RequestThrottled" | "ThrottlingException" | "Throttling" | "OverLimit" => {
            Reason::Throttled(code)
        }
        "AccessDenied" | "AccessDeniedException" => Reason::Denied(code),
        known if known.starts_with("Kms") => Reason::Denied(code),
        _ if status == 403 => Reason::Denied(code),
        _ if status == 429 || status == 503 => Reason::Throttled(code),
        _ => Reason::Answer(unknown(&code, message)),
    }
}
