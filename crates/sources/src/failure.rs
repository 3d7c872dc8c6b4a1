//! How a request through the AWS SDK fails, before the codes of one service mean anything; and foreign texts made fit to be shown.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// Characters of a foreign error text shown, at most.
const DETAIL_CHARS_MAX: usize = 300;

/// What to do where there are no credentials: the same for every service.
pub(crate) const NO_CREDENTIALS: &str = "set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, log in again, or run under a role";

/// What kind of failure the SDK tells.
pub(crate) enum Failure {
    /// The search for credentials failed; what it said.
    NoCredentials(String),
    /// The service answered.
    Served {
        /// HTTP status.
        status: u16,
        /// Its code, or `HTTP 503` where it gave none.
        code: String,
        /// What it said beside.
        message: Option<String>,
    },
    /// The request could not be made.
    Request(String),
    /// Nobody answered in time.
    Unreachable(String),
    /// Anything else, as one line.
    Other(String),
}

impl Failure {
    /// Sorts the SDK's error.
    pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        if let Some(why) = credentials_missing(error) {
            return Self::NoCredentials(why);
        }
        match error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                let told = service.err();
                Self::Served {
                    status,
                    code: told
                        .code()
                        .map_or_else(|| format!("HTTP {status}"), str::to_owned),
                    message: told.message().map(str::to_owned),
                }
            }
            SdkError::ConstructionFailure(_) => Self::Request(one_line(error)),
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => {
                Self::Unreachable(one_line(error))
            }
            _ => Self::Other(one_line(error)),
        }
    }
}

/// A code that no rule knows, with what was said beside it.
pub(crate) fn unknown(code: &str, message: Option<&str>) -> String {
    message.map_or_else(
        || code.to_owned(),
        |message| shorten(&format!("{code}: {message}")),
    )
}

/// What the search for credentials said last, when that is what failed.
fn credentials_missing(error: &(dyn Error + 'static)) -> Option<String> {
    let found = chain(error).find_map(|error| error.downcast_ref::<CredentialsError>())?;
    Some(one_line(found))
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// An error with its causes on one line, each text once.
pub(crate) fn one_line(error: &dyn Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !texts.iter().any(|earlier| earlier.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    shorten(&texts.join(": "))
}

pub(crate) fn shorten(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(DETAIL_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
