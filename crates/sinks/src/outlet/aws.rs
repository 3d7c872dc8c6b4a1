//! What SNS, SQS and S3 have in common: several requests side by side, and what to make of an error.
//!
//! The SDK's own retries are switched off: the sink's thread waits, where a stop can reach it. Refused for good is only what says something of
//! the message itself; denied, throttled, gone, expired and unreachable are states of the world, and worlds are put right.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::outlet::{Answer, Outlet, OutletError, Shape, one_line, runtime, said};
use crate::settings::Settings;
use crate::told::Told;

/// A receiver behind the AWS SDK.
pub(crate) trait Receiver: Send + Sync + 'static {
    /// Sends one state, once.
    fn send(&self, state: &Told) -> impl Future<Output = Answer> + Send;
}

/// States on their way to one receiver, side by side.
pub(crate) struct Aws<R> {
    runtime: Runtime,
    receiver: Arc<R>,
    in_flight_max: usize,
    timeout: Duration,
}

impl<R: Receiver> Aws<R> {
    /// Starts the threads for it.
    ///
    /// # Errors
    /// The machine has none to give.
    pub(crate) fn new(receiver: R, settings: &Settings) -> Result<Self, OutletError> {
        Ok(Self {
            runtime: runtime()?,
            receiver: Arc::new(receiver),
            in_flight_max: settings.in_flight_max.max(1),
            timeout: settings.timeout,
        })
    }

    async fn send_all(&self, states: &[&Told]) -> Vec<Answer> {
        let mut answers = vec![Answer::later("the request died"); states.len()];
        let mut running = JoinSet::new();
        for (i, state) in states.iter().enumerate() {
            let (receiver, state) = (Arc::clone(&self.receiver), Told::clone(state));
            let timeout = self.timeout;
            running.spawn(async move {
                let sent = tokio::time::timeout(timeout, receiver.send(&state)).await;
                let late = |_| Answer::later(format!("no answer within {timeout:?}"));
                (i, sent.unwrap_or_else(late))
            });
        }
        while let Some(done) = running.join_next().await {
            if let Ok((i, answer)) = done {
                answers[i] = answer;
            }
        }
        answers
    }
}

impl<R: Receiver> Outlet for Aws<R> {
    fn shape(&self) -> Shape {
        Shape {
            states_max: self.in_flight_max,
            one_per_finding: true,
        }
    }

    fn attempt(&mut self, states: &[&Told]) -> Vec<Answer> {
        self.runtime.block_on(self.send_all(states))
    }
}

/// Sorts the SDK's error; `refusals` are the codes that speak of the message itself.
pub(crate) fn answer<E>(error: &SdkError<E, HttpResponse>, refusals: &[&str]) -> Answer
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let SdkError::ServiceError(service) = error else {
        return Answer::later(said(error));
    };
    let status = service.raw().status().as_u16();
    let code = service.err().code().unwrap_or("no code");
    let said = service.err().message().unwrap_or_default();
    let why = one_line(&format!("HTTP {status}, {code}: {said}"));
    if refusals.contains(&code) {
        return Answer::Refused(why);
    }
    let asked = service.raw().headers().get("retry-after");
    let after = asked
        .and_then(|text| text.parse().ok())
        .map(Duration::from_secs);
    Answer::Later { why, after }
}

/// The attributes of a message to SNS or SQS: what receivers filter by. Those without a value are left out, as both services want it.
pub(crate) fn attributes(state: &Told) -> Vec<(&'static str, String)> {
    [
        ("severity", &state.severity),
        ("account", &state.account),
        ("idempotency_key", &state.key),
    ]
    .into_iter()
    .map(|(name, value)| (name, one_line(value)))
    .filter(|(_, value)| !value.is_empty())
    .collect()
}

/// The message of a state for SNS or SQS: its line, shortened to what the service takes with these attributes.
pub(crate) fn message(
    state: &Told,
    attributes: &[(&'static str, String)],
    bytes_max: usize,
) -> Result<String, Answer> {
    let each = attributes
        .iter()
        .map(|(name, value)| name.len() + "String".len() + value.len());
    // The two characters neither service takes stand within texts only, where JSON has another way to write them.
    let line = state
        .line
        .replace('\u{fffe}', "\\ufffe")
        .replace('\u{ffff}', "\\uffff");
    let left = bytes_max.saturating_sub(each.sum());
    match crate::shorten::fit(&line, left) {
        Some(fitting) => Ok(fitting.into_owned()),
        None => Err(Answer::Refused(format!(
            "{} bytes, and more than {bytes_max} without its evidence too",
            line.len()
        ))),
    }
}

/// A text as a FIFO group or deduplication id: up to 128 letters, digits and punctuation marks; anything else by its SHA-256.
pub(crate) fn fifo_id(text: &str) -> String {
    use sha2::{Digest as _, Sha256};

    if (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        return text.to_owned();
    }
    let digest = Sha256::digest(text);
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::told::state;

    #[test]
    fn a_message_counts_its_attributes() {
        let state = state(1, "f1");
        let attributes = attributes(&state);
        let line = state.line.len();
        // Three names, three types, three values.
        let around = (8 + 7 + 15) + 3 * 6 + (4 + 12 + state.key.len());
        let whole = message(&state, &attributes, line + around).unwrap();
        assert_eq!(whole, &*state.line);
        let refused = message(&state, &attributes, line + around - 1).unwrap_err();
        assert!(matches!(refused, Answer::Refused(why) if why.contains("without its evidence")));
    }

    #[test]
    fn what_no_queue_takes_is_escaped() {
        let mut odd = state(1, "f1");
        odd.line = "{\"a\":\"\u{ffff}\u{fffe}\"}".into();
        assert_eq!(
            message(&odd, &[], 1_000).unwrap(),
            r#"{"a":"\uffff\ufffe"}"#
        );
    }

    #[test]
    fn ids_of_queues_are_plain() {
        assert_eq!(fifo_id("0a1b-2"), "0a1b-2");
        assert_eq!(fifo_id("a b").len(), 64);
        assert_eq!(fifo_id(&"a".repeat(129)).len(), 64);
        assert_eq!(fifo_id("").len(), 64);
    }
}
