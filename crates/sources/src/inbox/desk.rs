//! What the feeds put down and the asking threads take up: arrivals that are ready, and how far each feed is.
//!
//! One lock guards it all; nobody waits for the network, the disk or the caller's memory under it. Messages and what is done about them are in
//! [`super::held`]; this file has the ready arrivals and the bounds of the feeds that are threads.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

use crate::inbox::held::{Held, Order, Work};
use crate::inbox::settings::{FILES_AHEAD_MAX, Feed, InboxSettings, LINES_AHEAD_BYTES_MAX};
use crate::inbox::status::{FeedStatus, Skipped};
use crate::item::{Fingerprint, Provenance};
use crate::reader::ReadError;
use crate::s3::Gate;

/// Tells whether the effect of what has this provenance and this fingerprint, both as displayed, is durable already.
pub type Known = Arc<dyn Fn(&str, &str) -> bool + Send + Sync>;

/// What went wrong with which part of a feed's work: one part's success doesn't hide another's failure.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// Receiving messages, or looking at a folder.
    Take = 0,
    /// Fetching objects.
    Fetch = 1,
    /// Deleting, giving back, dead letters.
    Settle = 2,
}

/// What all tasks and threads of an inbox share.
pub(super) struct Desk {
    state: Mutex<State>,
    pub(super) settings: InboxSettings,
    pub(super) known: Known,
    /// Something is ready, or the end is reached.
    arrived: Condvar,
    /// Room was made, an order was carried out, or the inbox closes: for threads.
    moved: Condvar,
    /// The same for the tasks that receive and fetch.
    pub(super) stir: Notify,
    /// There are orders.
    pub(super) ordered: Notify,
}

/// What is under the lock.
pub(super) struct State {
    pub(super) closed: bool,
    ready: VecDeque<Ready>,
    pub(super) gate: Gate,
    pub(super) feeds: Vec<Line>,
    pub(super) held: BTreeMap<u64, Held>,
    pub(super) by_id: BTreeMap<(usize, String), u64>,
    pub(super) next_key: u64,
}

/// One feed's state.
#[derive(Default)]
pub(super) struct Line {
    /// It is a queue: it ends by closing, not by its thread.
    pub(super) queue: bool,
    pub(super) told: FeedStatus,
    /// Objects to fetch, the next first.
    pub(super) waiting: VecDeque<Work>,
    /// Objects to fetch later.
    pub(super) delayed: Vec<(Instant, Work)>,
    /// Objects being fetched.
    pub(super) fetching: usize,
    /// What is to be done with messages.
    pub(super) orders: VecDeque<Order>,
    /// Orders being carried out.
    pub(super) ordering: usize,
    /// Messages in hand, those with orders too, and the bytes of their bodies.
    pub(super) in_hand: usize,
    pub(super) in_hand_bytes: usize,
    /// Ready arrivals of this feed, and the bytes of those read from standard input.
    ahead: usize,
    ahead_bytes: usize,
    failing: [bool; 3],
}

/// An arrival before it is handed out.
pub(super) struct Ready {
    pub(super) feed: usize,
    pub(super) provenance: Provenance,
    pub(super) fingerprint: Fingerprint,
    pub(super) content: Content,
    pub(super) delivered: Option<SystemTime>,
    pub(super) attempt: u32,
    /// The message it is of.
    pub(super) message: Option<u64>,
    /// Bytes of the gate's that it holds.
    pub(super) cost: u64,
}

/// The bytes of an arrival, or where the asking thread finds them.
pub(super) enum Content {
    Bytes(Result<Vec<u8>, ReadError>),
    File(PathBuf),
}

/// What there was to take.
#[allow(clippy::large_enum_variant, reason = "handed on at once, never kept")]
pub(super) enum Taken {
    Ready(Ready),
    Nothing,
    Ended,
}

impl Line {
    /// Notes that a part of the work failed; it holds the feed up until the same part goes well.
    pub(super) fn fails(&mut self, part: Part, why: &str) {
        self.failing[part as usize] = true;
        self.told.last_error = Some(why.to_owned());
    }

    /// Notes that a part of the work went well.
    pub(super) fn goes_well(&mut self, part: Part) {
        self.failing[part as usize] = false;
    }
}

impl Desk {
    pub(super) fn new(feeds: &[Feed], settings: InboxSettings, known: Known) -> Self {
        let gate = Gate::new(
            (settings.sources.in_flight, settings.sources.in_flight_max),
            settings.sources.in_flight_bytes_max,
        );
        let line = |feed: &Feed| Line {
            queue: matches!(feed, Feed::Queue(_)),
            told: FeedStatus {
                name: feed.to_string(),
                looking: matches!(feed, Feed::Follow(_)),
                ..FeedStatus::default()
            },
            ..Line::default()
        };
        Self {
            state: Mutex::new(State {
                closed: false,
                ready: VecDeque::new(),
                gate,
                feeds: feeds.iter().map(line).collect(),
                held: BTreeMap::new(),
                by_id: BTreeMap::new(),
                next_key: 0,
            }),
            settings,
            known,
            arrived: Condvar::new(),
            moved: Condvar::new(),
            stir: Notify::new(),
            ordered: Notify::new(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn closed(&self) -> bool {
        self.state().closed
    }

    /// Puts an arrival down for the next asking thread.
    pub(super) fn put(&self, ready: Ready) {
        self.state().put(ready);
        self.arrived.notify_one();
    }

    /// Wakes whoever waits for room, for the end, or for orders.
    pub(super) fn stirred(&self) {
        self.arrived.notify_all();
        self.moved.notify_all();
        self.stir.notify_waiters();
        self.ordered.notify_waiters();
    }

    /// Takes what is ready, waiting for it for so long.
    pub(super) fn take(&self, timeout: Duration) -> Taken {
        let start = Instant::now();
        let mut state = self.state();
        loop {
            if let Some(ready) = state.ready.pop_front() {
                state.gate.released(ready.cost);
                let line = &mut state.feeds[ready.feed];
                line.ahead -= 1;
                line.ahead_bytes = line.ahead_bytes.saturating_sub(ready.lines_bytes());
                line.told.in_flight += u64::from(ready.message.is_none());
                let end = state.ended();
                drop(state);
                self.moved.notify_all();
                self.stir.notify_waiters();
                if end {
                    self.arrived.notify_all();
                }
                return Taken::Ready(ready);
            }
            if state.ended() {
                return Taken::Ended;
            }
            let Some(left) = timeout
                .checked_sub(start.elapsed())
                .filter(|left| !left.is_zero())
            else {
                return Taken::Nothing;
            };
            state = self
                .arrived
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits until a feed's thread may put something down; `false`: the inbox closes.
    pub(super) fn wait_for_room(&self, feed: usize) -> bool {
        let mut state = self.state();
        loop {
            if state.closed {
                return false;
            }
            let line = &state.feeds[feed];
            if line.ahead < FILES_AHEAD_MAX && line.ahead_bytes < LINES_AHEAD_BYTES_MAX {
                return true;
            }
            state = self
                .moved
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for so long or until the inbox closes; `false`: it closes.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let start = Instant::now();
        let mut state = self.state();
        loop {
            if state.closed {
                return false;
            }
            let Some(left) = time
                .checked_sub(start.elapsed())
                .filter(|left| !left.is_zero())
            else {
                return true;
            };
            state = self
                .moved
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits until no order is left, for so long; whether none is.
    pub(super) fn flushed(&self, within: Duration) -> bool {
        let start = Instant::now();
        let mut state = self.state();
        loop {
            let left_over = |line: &Line| line.ordering > 0 || !line.orders.is_empty();
            if !state.feeds.iter().any(left_over) {
                return true;
            }
            let Some(left) = within
                .checked_sub(start.elapsed())
                .filter(|left| !left.is_zero())
            else {
                return false;
            };
            state = self
                .moved
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// The thread of a feed ends: nothing more comes from it.
    pub(super) fn feed_ended(&self, feed: usize) {
        self.state().feeds[feed].told.ended = true;
        self.stirred();
    }

    /// Counts what was passed over.
    pub(super) fn skipped(&self, feed: usize, skipped: Skipped) {
        self.state().feeds[feed].told.skipped.add(skipped);
    }

    /// Counts a piece that was read.
    pub(super) fn read(&self, feed: usize, bytes: usize) {
        let mut state = self.state();
        state.feeds[feed].told.objects += 1;
        state.feeds[feed].told.bytes += bytes as u64;
    }

    /// A part of a feed's work failed, or went well.
    pub(super) fn went(&self, feed: usize, part: Part, how: Result<(), &str>) {
        let mut state = self.state();
        match how {
            Ok(()) => state.feeds[feed].goes_well(part),
            Err(why) => state.feeds[feed].fails(part, why),
        }
    }

    /// Notes whether a feed still looks for what is there.
    pub(super) fn looking(&self, feed: usize, looking: bool) {
        self.state().feeds[feed].told.looking = looking;
    }

    /// Notes when something was handed out, and how long after its writing.
    pub(super) fn handed_out(&self, feed: usize, delivered: Option<SystemTime>) {
        let now = SystemTime::now();
        let mut state = self.state();
        let told = &mut state.feeds[feed].told;
        told.last_arrival = Some(now);
        // A writer's clock may be ahead of ours: that is no lag.
        told.lag = delivered.map(|then| now.duration_since(then).unwrap_or_default());
    }

    /// Every feed as it stands.
    pub(super) fn status(&self) -> Vec<FeedStatus> {
        let now = SystemTime::now();
        let state = self.state();
        let mut oldest: Vec<Option<SystemTime>> = vec![None; state.feeds.len()];
        for held in state.held.values() {
            let known = &mut oldest[held.feed];
            *known = [*known, held.sent].into_iter().flatten().min();
        }
        let lines = state.feeds.iter().zip(oldest);
        lines
            .map(|(line, oldest)| FeedStatus {
                in_flight: line.told.in_flight + line.in_hand as u64,
                oldest: oldest.map(|then| now.duration_since(then).unwrap_or_default()),
                failing: line.failing.contains(&true),
                ..line.told.clone()
            })
            .collect()
    }
}

impl State {
    pub(super) fn put(&mut self, ready: Ready) {
        let line = &mut self.feeds[ready.feed];
        line.ahead += 1;
        line.ahead_bytes += ready.lines_bytes();
        self.ready.push_back(ready);
    }

    /// Whether nothing is ready and nothing will be.
    fn ended(&self) -> bool {
        let over = |line: &Line| line.told.ended && line.fetching == 0;
        self.ready.is_empty() && self.feeds.iter().all(over)
    }
}

impl Ready {
    /// Bytes that no gate counts: those of standard input.
    fn lines_bytes(&self) -> usize {
        match (&self.provenance, &self.content) {
            (Provenance::Stdin, Content::Bytes(Ok(bytes))) => bytes.len(),
            _ => 0,
        }
    }
}
