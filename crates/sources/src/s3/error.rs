//! What S3 says when it says no, as one line that tells what to do.
//!
//! Codes: "Error responses", Amazon S3 API Reference. A code we don't know is shown as it came.

use std::error::Error;
use std::fmt;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::failure::{Failure, NO_CREDENTIALS, one_line, unknown};

/// A request to S3 that failed for good, after the retries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{doing}: {reason}")]
pub struct S3Error {
    /// What was done, to what: `list s3://bucket/prefix`.
    doing: String,
    reason: Reason,
    /// The region in which the bucket says it lies, where it said so.
    region: Option<String>,
    /// The fault lay with the server or the way to it.
    passing: bool,
}

/// What asking again promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// The object is gone: nothing to ask for.
    Gone,
    /// It passes by itself: the server, the network, the load.
    Passing,
    /// It passes when somebody changes permissions, credentials or settings.
    Refused,
    /// The same answer every time.
    Hopeless,
}

/// Why, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    NoBucket(String),
    NoKey(String),
    Denied(String),
    NoCredentials(String),
    BadCredentials(String),
    Region(String),
    Throttled(String),
    Unreachable(String),
    Archived(String),
    Clock(String),
    NothingThere,
    Request(String),
    Answer(String),
    Setup(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBucket(code) => write!(
                f,
                "the bucket does not exist ({code}); check the name and the account"
            ),
            Self::NoKey(code) => write!(
                f,
                "the object is no longer there ({code}); it was deleted or moved after it was listed"
            ),
            Self::Denied(code) => write!(
                f,
                "access denied ({code}); allow s3:ListBucket on the bucket, s3:GetObject on its objects and kms:Decrypt on their key"
            ),
            Self::NoCredentials(why) => write!(f, "no AWS credentials ({why}); {NO_CREDENTIALS}"),
            Self::BadCredentials(code) => write!(
                f,
                "the AWS credentials are not accepted ({code}); renew them or choose another profile"
            ),
            Self::Region(code) => write!(
                f,
                "the bucket lies in another region ({code}); set AWS_REGION to the bucket's region"
            ),
            Self::Throttled(code) => write!(
                f,
                "too many requests ({code}), also after retries; try again with fewer at once"
            ),
            Self::Unreachable(why) => write!(
                f,
                "can't reach S3 ({why}); check the network and AWS_ENDPOINT_URL"
            ),
            Self::Archived(code) => write!(
                f,
                "the object is archived ({code}); restore it, then run again"
            ),
            Self::Clock(code) => write!(
                f,
                "this machine's clock is off ({code}); set it, then run again"
            ),
            Self::NothingThere => {
                f.write_str("no object's key begins with this prefix; check the prefix")
            }
            Self::Request(why) => write!(
                f,
                "the request can't be made ({why}); check the bucket's name and the endpoint"
            ),
            Self::Answer(why) => write!(
                f,
                "unexpected answer ({why}); try again, or look the code up in the S3 API reference"
            ),
            Self::Setup(why) => write!(
                f,
                "can't start the threads for it ({why}); free some memory or raise the process limit"
            ),
        }
    }
}

impl S3Error {
    /// Whether the failure concerns the whole store rather than one object, so that going on would fail for each of the rest.
    pub fn is_general(&self) -> bool {
        !matches!(
            self.reason,
            Reason::NoKey(_)
                | Reason::Denied(_)
                | Reason::Archived(_)
                | Reason::Throttled(_)
                | Reason::Answer(_)
        )
    }

    /// What asking again promises.
    pub(crate) fn outlook(&self) -> Outlook {
        match self.reason {
            Reason::NoKey(_) => Outlook::Gone,
            Reason::Denied(_)
            | Reason::NoBucket(_)
            | Reason::NoCredentials(_)
            | Reason::BadCredentials(_)
            | Reason::Region(_)
            | Reason::Clock(_) => Outlook::Refused,
            Reason::Throttled(_) | Reason::Unreachable(_) | Reason::Setup(_) => Outlook::Passing,
            Reason::Answer(_) if self.passing => Outlook::Passing,
            Reason::Archived(_) | Reason::NothingThere | Reason::Request(_) | Reason::Answer(_) => {
                Outlook::Hopeless
            }
        }
    }

    /// The region in which the bucket says it lies, where the answer said so.
    pub(crate) fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    pub(crate) fn setup(error: &std::io::Error) -> Self {
        Self {
            doing: "set up S3".to_owned(),
            reason: Reason::Setup(one_line(error)),
            region: None,
            passing: false,
        }
    }

    pub(crate) fn nothing_there(doing: String) -> Self {
        Self {
            doing,
            reason: Reason::NothingThere,
            region: None,
            passing: false,
        }
    }

    /// A body that broke off, or a task that died.
    pub(crate) fn broken(doing: String, error: &dyn Error) -> Self {
        Self {
            doing,
            reason: Reason::Answer(one_line(error)),
            region: None,
            passing: true,
        }
    }

    /// Sorts the SDK's error.
    pub(crate) fn from_sdk<E>(doing: String, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let raw = error.raw_response();
        let header = raw.and_then(|raw| raw.headers().get("x-amz-bucket-region"));
        let reason = match Failure::of(error) {
            Failure::NoCredentials(why) => Reason::NoCredentials(why),
            Failure::Served {
                status,
                code,
                message,
            } => served(status, code, message.as_deref()),
            Failure::Request(why) => Reason::Request(why),
            Failure::Unreachable(why) => Reason::Unreachable(why),
            Failure::Other(why) => Reason::Answer(why),
        };
        Self {
            doing,
            reason,
            region: header.map(str::to_owned),
            passing: raw.is_none_or(|raw| raw.status().as_u16() >= 500),
        }
    }
}

/// The reason behind an answer of S3's.
fn served(status: u16, code: String, message: Option<&str>) -> Reason {
    match (code.as_str(), status) {
        ("NoSuchBucket", _) => Reason::NoBucket(code),
        ("NoSuchKey", _) | ("HTTP 404", _) => Reason::NoKey(code),
        (
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "ExpiredToken"
            | "InvalidToken"
            | "TokenRefreshRequired",
            _,
        ) => Reason::BadCredentials(code),
        (
            "PermanentRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException",
            _,
        )
        | (_, 301) => Reason::Region(code),
        ("RequestTimeTooSkewed", _) => Reason::Clock(code),
        ("InvalidObjectState", _) => Reason::Archived(code),
        ("SlowDown" | "Throttling" | "ThrottlingException" | "RequestLimitExceeded", _)
        | (_, 429 | 503) => Reason::Throttled(code),
        ("InvalidBucketName", _) => Reason::Request(code),
        (_, 403) => Reason::Denied(code),
        _ => Reason::Answer(unknown(&code, message)),
    }
}
