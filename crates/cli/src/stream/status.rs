//! [`Status`]: how a stream stands, as plain numbers. The loop publishes a snapshot ten times a second through [`Shared`]; whoever is asked
//! (`/healthz`, `/readyz`, `/metrics`) reads the last one and never waits for the loop.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use offtrail_detector::Severity;
use offtrail_event::Timestamp;
use offtrail_report::Tally;

/// How long the loop may go without a tick before it counts as stuck.
pub(crate) const TICK_AGE_MAX: Duration = Duration::from_secs(30);

/// Where a stream is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Reading the baseline and taking the journal again.
    #[default]
    Starting,
    /// Another instance holds the state; this one waits for it to go.
    StandingBy,
    /// Taking input.
    Taking,
    /// Told to stop: what was taken is judged and written, nothing more is taken.
    Draining,
}

impl Phase {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [
        Self::Starting,
        Self::StandingBy,
        Self::Taking,
        Self::Draining,
    ];

    /// The word used for it in answers and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::StandingBy => "standing_by",
            Self::Taking => "taking",
            Self::Draining => "draining",
        }
    }
}

/// How a stream stands. Counts are since the process started unless another unit is named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Status {
    /// Where it is in its life.
    pub(crate) phase: Phase,
    /// When the process started.
    pub(crate) started: Option<Instant>,
    /// When the loop last finished a tick, or said that it is at work on a long one.
    pub(crate) last_tick: Option<Instant>,
    /// Why the loop takes nothing in for now, in words: the disk is full, the outbox is.
    pub(crate) backed_up: Option<String>,
    /// Why the loop ended, if it did.
    pub(crate) fatal: Option<String>,
    /// What became of the records.
    pub(crate) tally: Tally,
    /// What each input gave.
    pub(crate) feeds: Vec<FeedStatus>,
    /// What each sink took.
    pub(crate) sinks: Vec<SinkStatus>,
    /// Findings told.
    pub(crate) told: Told,
    /// Observations in the waiting room, now.
    pub(crate) waiting: u64,
    /// Bytes in the journal, now.
    pub(crate) journal_bytes: u64,
    /// States in the outbox, now.
    pub(crate) outbox_states: u64,
    /// Bytes of their lines, now.
    pub(crate) outbox_bytes: u64,
    /// Checkpoints written.
    pub(crate) checkpoints: u64,
    /// The last checkpoint written by this process.
    pub(crate) checkpoint: Option<CheckpointStatus>,
    /// Settings and suppressions read again on SIGHUP.
    pub(crate) reloads: u64,
    /// The same, where they could not be used and the old ones stayed.
    pub(crate) reloads_failed: u64,
    /// Principals in the baseline, now.
    pub(crate) principals: u64,
    /// Rows of calls in the baseline, now.
    pub(crate) call_rows: u64,
    /// Event ids remembered, now.
    pub(crate) event_ids: u64,
    /// Latest event time seen.
    pub(crate) newest_event: Option<Timestamp>,
    /// Accounts and regions that are silent, and deliveries far behind, now.
    pub(crate) blind_spots: u64,
    /// Hours of the baseline's last 30 days for which no record of an otherwise active account arrived.
    pub(crate) coverage_gap_hours: u64,
}

/// What one input gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct FeedStatus {
    /// Its name: the queue's, the folder's, `stdin`. Without credentials.
    pub(crate) name: String,
    /// Messages received.
    pub(crate) messages: u64,
    /// Objects (files, bodies) read to their end.
    pub(crate) objects: u64,
    /// Bytes as they lay in the source.
    pub(crate) bytes: u64,
    /// Messages deleted once their effect was durable.
    pub(crate) deleted: u64,
    /// Messages and objects passed over on purpose, by reason: a test event, a digest.
    pub(crate) skipped: BTreeMap<&'static str, u64>,
    /// Attempts that failed and are made again.
    pub(crate) failed: u64,
    /// Messages given up on after the named attempts.
    pub(crate) dead_letters: u64,
    /// Messages and objects being worked on, now.
    pub(crate) in_flight: u64,
    /// Seconds from an object's delivery to its being taken, of the last one.
    pub(crate) lag_secs: Option<f64>,
    /// The last failure, in words; `None` since it went well again.
    pub(crate) last_error: Option<String>,
}

/// What one sink took.
#[derive(Clone, Debug, Default)]
pub(crate) struct SinkStatus {
    /// Its name, without credentials.
    pub(crate) name: String,
    /// States taken.
    pub(crate) delivered: u64,
    /// Attempts made again.
    pub(crate) retries: u64,
    /// States it refused for good.
    pub(crate) refused: u64,
    /// Since when it fails; `None` when the last attempt went well.
    pub(crate) failing_since: Option<Instant>,
    /// States of the outbox it has not taken yet, now.
    pub(crate) behind: u64,
    /// The last failure, in words; `None` since it went well again.
    pub(crate) last_error: Option<String>,
}

/// Findings told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Findings raised, by the severity they reached first.
    pub(crate) raised: BTreeMap<Severity, u64>,
    /// States of findings told, first ones and later ones.
    pub(crate) states: u64,
    /// Findings hidden by a reviewed suppression.
    pub(crate) suppressed: u64,
}

/// A checkpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckpointStatus {
    /// When it was done.
    pub(crate) at: Instant,
    /// How long it took.
    pub(crate) took: Duration,
}

/// What a probe is told: yes or no, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Whether it is well.
    pub(crate) well: bool,
    /// Why (not), in words.
    pub(crate) reason: String,
}

impl Answer {
    fn yes(reason: &str) -> Self {
        Self {
            well: true,
            reason: reason.to_owned(),
        }
    }

    fn no(reason: impl Into<String>) -> Self {
        Self {
            well: false,
            reason: reason.into(),
        }
    }
}

impl Status {
    /// Whether the process is alive: whether a restart would not help. The loop ticks, or said why it waits: a full disk is
    /// no fuller for a restart, and an instance that stands by does its work.
    pub(crate) fn health(&self, now: Instant) -> Answer {
        if let Some(why) = &self.fatal {
            return Answer::no(format!("the loop ended: {why}"));
        }
        if let Some(why) = &self.backed_up {
            return Answer {
                well: true,
                reason: format!("waits: {why}"),
            };
        }
        match (self.phase, self.last_tick) {
            (Phase::StandingBy, _) => Answer::yes("stands by: another instance holds the state"),
            (Phase::Starting, _) => Answer::yes("starting"),
            (_, Some(tick)) if now.saturating_duration_since(tick) < TICK_AGE_MAX => {
                Answer::yes("ticking")
            }
            (_, Some(tick)) => Answer::no(format!(
                "the loop is stuck: its last tick was {} seconds ago",
                now.saturating_duration_since(tick).as_secs()
            )),
            (_, None) => Answer::no("the loop is stuck: it never ticked"),
        }
    }

    /// Whether it takes input.
    pub(crate) fn readiness(&self, now: Instant) -> Answer {
        let health = self.health(now);
        if !health.well {
            return health;
        }
        if let Some(why) = &self.backed_up {
            return Answer::no(format!("takes nothing in: {why}"));
        }
        match self.phase {
            Phase::Starting => Answer::no("starting: the baseline is being read"),
            Phase::StandingBy => Answer::no("stands by: another instance holds the state"),
            Phase::Draining => Answer::no("draining: told to stop"),
            Phase::Taking => Answer::yes("taking input"),
        }
    }
}

/// The last [`Status`], shared by the loop and those who ask.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(Arc<Mutex<Status>>);

impl Shared {
    /// Shares a first one.
    pub(crate) fn new(status: Status) -> Self {
        Self(Arc::new(Mutex::new(status)))
    }

    /// The last one published.
    pub(crate) fn read(&self) -> Status {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Changes single fields of the one published.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_and_readiness_follow_the_loop() {
        let now = Instant::now();
        let check = |change: fn(&mut Status), (healthy, ready): (bool, bool)| {
            let mut status = Status {
                phase: Phase::Taking,
                last_tick: Some(now),
                ..Status::default()
            };
            change(&mut status);
            let later = now + Duration::from_secs(29);
            let found = (status.health(later).well, status.readiness(later).well);
            assert_eq!(found, (healthy, ready), "{status:?}");
            assert!(!status.readiness(later).reason.is_empty());
        };
        check(|_| {}, (true, true));
        check(|status| status.phase = Phase::Starting, (true, false));
        check(|status| status.phase = Phase::StandingBy, (true, false));
        check(|status| status.phase = Phase::Draining, (true, false));
        check(
            |status| status.backed_up = Some("disk full".into()),
            (true, false),
        );
        check(
            |status| status.fatal = Some("disk gone".into()),
            (false, false),
        );
        check(|status| status.last_tick = None, (false, false));
    }

    #[test]
    fn a_loop_that_does_not_tick_is_stuck_unless_it_said_why() {
        let now = Instant::now();
        let mut status = Status {
            phase: Phase::Taking,
            last_tick: Some(now),
            ..Status::default()
        };
        let later = now + TICK_AGE_MAX;
        assert_eq!(
            status.health(later).reason,
            "the loop is stuck: its last tick was 30 seconds ago"
        );
        status.backed_up = Some("disk full".into());
        assert!(status.health(later).well);
    }
}
