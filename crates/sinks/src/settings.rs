//! The limits of a sink, each with its default, and the secret that signs webhooks.

use std::fmt;
use std::time::Duration;

/// States waiting in a sink, at most.
pub const QUEUE_MAX: usize = 1_000;
/// Bytes of states waiting in a sink from which it takes no further one.
pub const QUEUE_BYTES_MAX: usize = 64 << 20;
/// States written into a file between two fsyncs, at most.
pub const FILE_BATCH_MAX: usize = 256;
/// Requests to SNS, SQS or S3 at once, each for another finding; a webhook gets one at a time.
pub const IN_FLIGHT_MAX: usize = 8;
/// How long one attempt may take, from connecting to the end of the answer.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// The wait after a first failure; it doubles with each further one.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(200);
/// The longest wait between two attempts that no receiver asked for.
pub const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// The longest wait that a receiver may ask for with `Retry-After`.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(15 * 60);
/// Bytes at the end of a file that are searched for states written already.
pub const TAIL_BYTES_MAX: u64 = 4 << 20;
/// Bytes of a message to SNS or SQS with its attributes: the limit of SNS, and the older one of SQS.
pub const MESSAGE_BYTES_MAX: usize = 256 << 10;
/// Characters of a chat message.
pub const CHAT_CHARS_MAX: usize = 3_000;
/// Bytes of an HTTP answer that are read; a longer one costs the connection.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Characters of a foreign error text shown.
pub const DETAIL_CHARS_MAX: usize = 300;

/// The limits of one sink.
#[derive(Debug, Clone)]
pub struct Settings {
    /// See [`QUEUE_MAX`]. Zero counts as one.
    pub queue_max: usize,
    /// See [`QUEUE_BYTES_MAX`].
    pub queue_bytes_max: usize,
    /// See [`FILE_BATCH_MAX`]. Zero counts as one.
    pub file_batch_max: usize,
    /// See [`IN_FLIGHT_MAX`]. Zero counts as one.
    pub in_flight_max: usize,
    /// See [`TIMEOUT`].
    pub timeout: Duration,
    /// See [`BACKOFF_FIRST`].
    pub backoff_first: Duration,
    /// See [`BACKOFF_MAX`].
    pub backoff_max: Duration,
    /// See [`RETRY_AFTER_MAX`].
    pub retry_after_max: Duration,
    /// See [`TAIL_BYTES_MAX`].
    pub tail_bytes_max: u64,
    /// See [`MESSAGE_BYTES_MAX`].
    pub message_bytes_max: usize,
    /// Signs what goes to a webhook; `None`: unsigned.
    pub webhook_secret: Option<Secret>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            queue_max: QUEUE_MAX,
            queue_bytes_max: QUEUE_BYTES_MAX,
            file_batch_max: FILE_BATCH_MAX,
            in_flight_max: IN_FLIGHT_MAX,
            timeout: TIMEOUT,
            backoff_first: BACKOFF_FIRST,
            backoff_max: BACKOFF_MAX,
            retry_after_max: RETRY_AFTER_MAX,
            tail_bytes_max: TAIL_BYTES_MAX,
            message_bytes_max: MESSAGE_BYTES_MAX,
            webhook_secret: None,
        }
    }
}

/// A key that never shows in an error, a log or a debug print.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A secret of these bytes; `None` for none at all, which would sign nothing.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Option<Self> {
        let bytes = bytes.into();
        (!bytes.is_empty()).then_some(Self(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
