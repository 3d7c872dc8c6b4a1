//! What an inbox counts, feed by feed: every message and object is in one of these numbers.

use std::time::{Duration, SystemTime};

/// What was passed over, by reason; each is a count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Test events that S3 sends when a notification is set up.
    pub test_events: u64,
    /// Deletions, other services' events, confirmations of subscriptions.
    pub other_events: u64,
    /// Digests, Insights, other services' folders, folder marks.
    pub other_keys: u64,
    /// Objects without a byte.
    pub empty: u64,
    /// Objects and files whose effect was durable before.
    pub known: u64,
    /// Objects and files that were gone when they should have been read.
    pub gone: u64,
}

impl Skipped {
    /// Adds another count.
    pub(crate) fn add(&mut self, other: Self) {
        self.test_events += other.test_events;
        self.other_events += other.other_events;
        self.other_keys += other.other_keys;
        self.empty += other.empty;
        self.known += other.known;
        self.gone += other.gone;
    }
}

/// One feed as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedStatus {
    /// The queue's URL, the folder's path, or `-`.
    pub name: String,
    /// Messages received, redeliveries included; 0 for other feeds.
    pub received: u64,
    /// Objects, files, events or pieces of standard input read.
    pub objects: u64,
    /// Their bytes, as they lie there.
    pub bytes: u64,
    /// Messages deleted because all they told is done or skipped.
    pub deleted: u64,
    /// What was passed over.
    pub skipped: Skipped,
    /// Pieces that could not be used: messages not read, objects too large, what [`super::Inbox::failed`] was told.
    pub failed: u64,
    /// Messages that became dead letters.
    pub dead: u64,
    /// Messages received that are neither deleted nor given back; for other feeds: arrivals handed out and not answered for.
    pub in_flight: u64,
    /// Age of the oldest message in flight since it was sent; `None` without any.
    pub oldest: Option<Duration>,
    /// How long the last arrival took from its object's writing until it was handed out.
    pub lag: Option<Duration>,
    /// When something was last handed out.
    pub last_arrival: Option<SystemTime>,
    /// What last went wrong, as one line; stays when it is over.
    pub last_error: Option<String>,
    /// Whether the feed is held up by an error now.
    pub failing: bool,
    /// Whether it has not yet looked at all there is: that nothing came says nothing then. A folder until a look finds nothing new.
    pub looking: bool,
    /// Whether nothing more will come from it.
    pub ended: bool,
}

impl FeedStatus {
    /// Whether something may come by itself soon: it has not looked at everything, or works on what it has.
    pub fn is_busy(&self) -> bool {
        self.looking || (self.in_flight > 0 && !self.failing)
    }
}
