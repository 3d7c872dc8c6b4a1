//! Every limit of an inbox, named, with its default; listed for users in `docs/sources.md` and `docs/limits.md`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::item::shown;
use crate::settings::Settings;

/// How long a message stays invisible to others; renewed at half of it for as long as it is in hand.
pub const VISIBILITY: Duration = Duration::from_secs(120);
/// How long one request for messages waits for one to come; SQS allows 20 seconds at most.
pub const LONG_POLL: Duration = Duration::from_secs(20);
/// Requests for messages under way at once, for each queue.
pub const RECEIVERS: usize = 2;
/// Deliveries of a message after which, failed, it becomes a dead letter.
pub const DELIVERIES_MAX: u32 = 5;
/// How long a failed message stays away before it comes again.
pub const RETRY_WAIT: Duration = Duration::from_secs(5);
/// Messages in hand of one queue, at most: received, and neither deleted nor given back.
pub const MESSAGES_HELD_MAX: usize = 2_000;
/// Bytes of the bodies of messages in hand of one queue after which no more are asked for (64 MiB).
pub const MESSAGE_BYTES_HELD_MAX: usize = 64 << 20;
/// The first wait after a request that failed; doubled each time up to [`BACK_OFF_MAX`].
pub const BACK_OFF: Duration = Duration::from_secs(1);
/// The longest wait after a request that failed, and the wait after each refusal.
pub const BACK_OFF_MAX: Duration = Duration::from_secs(60);
/// Bytes of a file of dead letters, at most (256 MiB).
pub const DEAD_LETTER_BYTES_MAX: u64 = 256 << 20;
/// How often a followed folder is looked at. One that takes long to look at is looked at more rarely, so that looking is 2 % of the time.
pub const FOLDER_POLL: Duration = Duration::from_millis(250);
/// Files of one followed folder remembered, at most.
pub const FOLLOWED_FILES_MAX: usize = 1_000_000;
/// Files of one followed folder waiting to be handed out, at most.
pub const FILES_AHEAD_MAX: usize = 64;
/// Bytes of one line of standard input, at most (64 MiB).
pub const LINE_BYTES_MAX: usize = 64 << 20;
/// Bytes of lines handed out together (1 MiB); a longer line goes alone.
pub const CHUNK_BYTES_MAX: usize = 1 << 20;
/// How long lines wait for others to be handed out with.
pub const CHUNK_WAIT: Duration = Duration::from_millis(200);
/// Bytes of lines waiting to be handed out after which standard input is not read on (16 MiB).
pub const LINES_AHEAD_BYTES_MAX: usize = 16 << 20;

/// One place from which a stream's deliveries come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feed {
    /// An SQS queue, by its URL.
    Queue(String),
    /// A folder in which files appear.
    Follow(PathBuf),
    /// Standard input, line by line; packed with gzip or plain.
    Stdin,
}

impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(url) => f.write_str(&shown(url)),
            Self::Follow(path) => f.write_str(&shown(&path.to_string_lossy())),
            Self::Stdin => f.write_str("-"),
        }
    }
}

/// Where messages go that failed too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadLetter {
    /// Another queue, by its URL.
    Queue(String),
    /// A file, a line of JSON each.
    File(PathBuf),
}

/// How an inbox reads.
#[derive(Debug, Clone)]
pub struct InboxSettings {
    /// How objects are fetched, how AWS is reached, and the limits shared with reading archives.
    pub sources: Settings,
    /// See [`VISIBILITY`]; whole seconds, at least one.
    pub visibility: Duration,
    /// See [`LONG_POLL`]; whole seconds.
    pub wait: Duration,
    /// See [`RECEIVERS`]. Zero counts as one.
    pub receivers: usize,
    /// See [`DELIVERIES_MAX`]; counted by the queue.
    pub attempts_max: u32,
    /// Where messages go after `attempts_max`; `None`: they stay, for the queue's own redrive policy to move.
    pub dead_letter: Option<DeadLetter>,
    /// See [`RETRY_WAIT`]; whole seconds.
    pub retry_wait: Duration,
    /// See [`MESSAGES_HELD_MAX`]. Zero counts as one.
    pub messages_held_max: usize,
    /// See [`MESSAGE_BYTES_HELD_MAX`].
    pub message_bytes_held_max: usize,
    /// See [`BACK_OFF`].
    pub back_off: Duration,
    /// See [`BACK_OFF_MAX`].
    pub back_off_max: Duration,
    /// See [`DEAD_LETTER_BYTES_MAX`].
    pub dead_letter_bytes_max: u64,
    /// See [`FOLDER_POLL`].
    pub poll: Duration,
    /// See [`FOLLOWED_FILES_MAX`].
    pub followed_files_max: usize,
    /// See [`LINE_BYTES_MAX`].
    pub line_bytes_max: usize,
}

impl Default for InboxSettings {
    fn default() -> Self {
        Self {
            sources: Settings::default(),
            visibility: VISIBILITY,
            wait: LONG_POLL,
            receivers: RECEIVERS,
            attempts_max: DELIVERIES_MAX,
            dead_letter: None,
            retry_wait: RETRY_WAIT,
            messages_held_max: MESSAGES_HELD_MAX,
            message_bytes_held_max: MESSAGE_BYTES_HELD_MAX,
            back_off: BACK_OFF,
            back_off_max: BACK_OFF_MAX,
            dead_letter_bytes_max: DEAD_LETTER_BYTES_MAX,
            poll: FOLDER_POLL,
            followed_files_max: FOLLOWED_FILES_MAX,
            line_bytes_max: LINE_BYTES_MAX,
        }
    }
}
