//! [`Live`]: the one loop. It takes what workers read, ticks, acknowledges, feeds the sinks, and makes checkpoints.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use offtrail_event::Timestamp;
use offtrail_report::Tally;
use offtrail_sources::{Inbox, Receipt};

use crate::{
    pipeline::tally::Rows,
    progress::{Progress, Talk},
    stream::{
        ahead::Ahead,
        core::{Batch, Core, Extent},
        outlet::Outlet,
        standing,
        status::{self, CheckpointStatus, Phase, Shared},
        telling::Rules,
        work::Read,
    },
};

/// How long arrivals are gathered before they are judged together.
const TICK: Duration = Duration::from_millis(100);
/// Observations gathered before they are judged, at most.
const TICK_OBSERVATIONS_MAX: usize = 20_000;
/// How long the loop sleeps at most while nothing comes.
const IDLE: Duration = Duration::from_millis(250);
/// How long it waits before it writes again to a disk that refused, at first and at most.
const DISK_WAIT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// After SIGTERM: how long deliveries in hand are waited for, and how long sinks and deletions get.
const DRAIN: Duration = Duration::from_secs(3);
const SINKS_END: Duration = Duration::from_secs(3);
const DELETES_END: Duration = Duration::from_secs(2);

/// What the outside asks of the loop.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Stop: drain, checkpoint, end.
    pub(crate) stop: AtomicBool,
    /// Read settings and suppressions again.
    pub(crate) reload: AtomicBool,
}

/// How the loop is run.
pub(crate) struct How<'h> {
    pub(crate) checkpoint_every: Duration,
    pub(crate) update_every: Duration,
    pub(crate) outbox_bytes_max: u64,
    pub(crate) end_when_idle: Option<Duration>,
    pub(crate) asked: Arc<Asked>,
    /// Where it says how it stands.
    pub(crate) shared: Shared,
    /// Reads the rules anew.
    pub(crate) rules: &'h dyn Fn() -> anyhow::Result<Rules>,
    /// What lies ahead of the loop.
    pub(crate) ahead: &'h Ahead,
}

/// The loop and what it holds.
pub(crate) struct Live<'l> {
    how: How<'l>,
    core: Core<'l>,
    inbox: Option<&'l Inbox>,
    outlet: Outlet,
    tally: Tally,
    /// Read and not yet acknowledged.
    gathered: Gathered,
    updated: Instant,
    /// When something last arrived.
    arrived: Instant,
    backed_up: bool,
    disk_wait: Duration,
    quiet: Progress,
    phase: Phase,
    counts: Counts,
    said_of_feeds: standing::SaidOfFeeds,
}

/// What is counted now and then.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    checkpoints: u64,
    reloads: u64,
    reloads_failed: u64,
    call_rows: u64,
    coverage_gap_hours: u64,
}

#[derive(Default)]
struct Gathered {
    batch: Batch,
    receipts: Vec<Receipt>,
}

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing more will come.
    Input,
    /// Somebody asked for it.
    Asked,
}

impl<'l> Live<'l> {
    pub(crate) fn new(
        core: Core<'l>,
        inbox: Option<&'l Inbox>,
        outlet: Outlet,
        how: How<'l>,
    ) -> Self {
        let (call_rows, coverage_gap_hours) = standing::of_baseline(core.watch().baseline());
        Self {
            how,
            core,
            inbox,
            outlet,
            tally: Tally::default(),
            gathered: Gathered::default(),
            updated: Instant::now(),
            arrived: Instant::now(),
            backed_up: false,
            disk_wait: DISK_WAIT.0,
            // Notes on single files are for runs that people watch.
            quiet: Progress::new(Talk::Quiet, "streaming", 0),
            phase: Phase::Taking,
            counts: Counts {
                call_rows,
                coverage_gap_hours,
                ..Counts::default()
            },
            said_of_feeds: standing::SaidOfFeeds::default(),
        }
    }

    /// Runs until the input ends or somebody asks it to stop; then writes everything. Returns what was read and what became of it.
    ///
    /// # Errors
    /// The last checkpoint can't be written; the journal stands.
    pub(crate) fn run(mut self, from: &Receiver<Read>) -> anyhow::Result<Tally> {
        let end = self.serve(from);
        self.phase = Phase::Draining;
        match end {
            End::Asked => {
                if let Some(inbox) = self.inbox {
                    inbox.close();
                }
                let until = Instant::now() + DRAIN;
                while Instant::now() < until && self.gather(from, TICK) != Gathering::Ended {
                    self.tick(Extent::Updates);
                }
                self.tick(Extent::Updates);
            }
            End::Input => {
                if let Some(inbox) = self.inbox {
                    inbox.close();
                }
                while self.gather(from, IDLE) == Gathering::Some {
                    self.tick(Extent::Due);
                }
                self.tick(Extent::All);
            }
        }
        let saved = self.checkpoint();
        if let (End::Input, Ok(())) = (end, &saved) {
            self.hand_over();
        }
        self.finish(saved)
    }

    /// The loop proper.
    fn serve(&mut self, from: &Receiver<Read>) -> End {
        loop {
            if self.how.asked.stop.load(Ordering::Relaxed) {
                return End::Asked;
            }
            if self.how.asked.reload.swap(false, Ordering::Relaxed) {
                self.reload();
            }
            let gathering = if self.backed_up {
                std::thread::sleep(TICK);
                Gathering::Nothing
            } else {
                let now = Instant::now();
                let due = self.core.next_due(now).unwrap_or(IDLE);
                self.gather(from, due.clamp(TICK / 4, IDLE))
            };
            let now = Instant::now();
            let updates = now.saturating_duration_since(self.updated) >= self.how.update_every;
            if updates {
                self.updated = now;
            }
            self.tick(if updates {
                Extent::Updates
            } else {
                Extent::Due
            });
            if gathering == Gathering::Ended || self.is_idle(now) {
                return End::Input;
            }
            let every = self.how.checkpoint_every;
            if !self.backed_up
                && self.core.wants_checkpoint(every, now)
                && let Err(error) = self.checkpoint()
            {
                self.refused(&error);
            }
        }
    }

    /// Whether nothing has arrived for as long as `--end-when-idle` says, and no feed is at work to bring something.
    fn is_idle(&self, now: Instant) -> bool {
        let idle = now.saturating_duration_since(self.arrived);
        if self.backed_up || self.how.end_when_idle.is_none_or(|most| idle < most) {
            return false;
        }
        let feeds = self.inbox.map(Inbox::status).unwrap_or_default();
        !feeds.iter().any(offtrail_sources::FeedStatus::is_busy)
    }

    /// Takes what workers have read, for a tick after the first of it came.
    fn gather(&mut self, from: &Receiver<Read>, idle: Duration) -> Gathering {
        let mut until = Instant::now() + idle;
        let mut gathering = Gathering::Nothing;
        while self.gathered.batch.observations.len() < TICK_OBSERVATIONS_MAX {
            match from.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(read) => {
                    if gathering == Gathering::Nothing {
                        gathering = Gathering::Some;
                        until = Instant::now() + TICK;
                    }
                    self.absorb(read);
                }
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return Gathering::Ended,
            }
        }
        gathering
    }

    fn absorb(&mut self, read: Read) {
        self.arrived = Instant::now();
        let Read {
            observations,
            outcome,
            elsewhere,
            file,
            receipt,
        } = read;
        self.how.ahead.leave(observations.len());
        if let Err(error) = outcome.count(&mut self.tally, Rows::Sums, &self.quiet) {
            tracing::error!("count what was read: {error:#}");
        }
        self.tally.out_of_scope += elsewhere;
        let Some(receipt) = receipt else { return };
        let batch = &mut self.gathered.batch;
        batch.observations.extend(observations);
        if !file.1.is_empty() {
            batch.files.push(file);
        }
        self.gathered.receipts.push(receipt);
    }

    /// Judges what was gathered, writes it, acknowledges it and feeds the sinks.
    fn tick(&mut self, extent: Extent) {
        let Gathered {
            mut batch,
            receipts,
        } = std::mem::take(&mut self.gathered);
        let progress = self.outlet.progress();
        batch.taken = progress.taken;
        batch.refused = progress.refused;
        let tally = std::mem::take(&mut self.tally);
        let (now, clock) = (Instant::now(), time_of_day());
        let mut written = self.core.tick(batch, extent, (&tally, now, clock));
        self.tally = tally;
        while let Err(error) = written {
            self.refused(&error);
            let why = format!("{error:#}");
            self.how
                .shared
                .change(|status| status.backed_up = Some(why));
            if self.core.is_broken() {
                self.how.asked.stop.store(true, Ordering::Relaxed);
            }
            if self.how.asked.stop.load(Ordering::Relaxed) {
                // Not written, so not acknowledged: it comes again.
                return;
            }
            std::thread::sleep(self.disk_wait);
            self.disk_wait = (self.disk_wait * 2).min(DISK_WAIT.1);
            written = self.core.write_again();
        }
        self.disk_wait = DISK_WAIT.0;
        if let Some(inbox) = self.inbox {
            for receipt in receipts {
                inbox.done(receipt);
            }
        }
        self.pump();
        self.look_at_outbox();
        self.publish();
    }

    /// Tells whoever asks how the stream stands.
    fn publish(&mut self) {
        let core = &self.core;
        let mut tally = self.tally.clone();
        core.complete(&mut tally);
        let (checkpointed, took) = core.checkpointed();
        let told = core.told();
        let last = core.last_seq();
        let feeds = self.inbox.map(Inbox::status).unwrap_or_default();
        let feeds: Vec<_> = feeds.into_iter().map(standing::feed).collect();
        self.said_of_feeds.say_changes(Instant::now(), &feeds);
        let sinks: Vec<_> = self.outlet.each(last).map(standing::sink).collect();
        let backed_up = self
            .backed_up
            .then(|| "findings that no sink has taken fill the outbox".to_owned());
        let (phase, counts) = (self.phase, self.counts);
        self.how.shared.change(|status| {
            status.phase = phase;
            status.last_tick = Some(Instant::now());
            status.backed_up = backed_up;
            standing::say_changes(&status.sinks, &sinks);
            status.feeds = feeds;
            status.sinks = sinks;
            status.told = status::Told {
                raised: told.raised.clone(),
                states: told.states,
                suppressed: told.suppressed,
            };
            status.waiting = tally.waiting;
            status.tally = tally;
            status.journal_bytes = core.journal_bytes();
            status.outbox_states = core.outbox_states();
            status.outbox_bytes = core.outbox_bytes();
            status.checkpoints = counts.checkpoints;
            status.checkpoint = (counts.checkpoints > 0).then_some(CheckpointStatus {
                at: checkpointed,
                took,
            });
            status.reloads = counts.reloads;
            status.reloads_failed = counts.reloads_failed;
            status.principals = core.watch().baseline().len() as u64;
            status.call_rows = counts.call_rows;
            status.coverage_gap_hours = counts.coverage_gap_hours;
            status.event_ids = core.watch().repeats().len() as u64;
            status.newest_event = core.newest_event();
            status.blind_spots = core.blind_spots() as u64;
        });
    }

    /// Writes a checkpoint and counts what is too much to count ten times a second.
    fn checkpoint(&mut self) -> anyhow::Result<()> {
        let core = &mut self.core;
        core.checkpoint(Instant::now())?;
        let (rows, gaps) = standing::of_baseline(core.watch().baseline());
        self.counts.checkpoints += 1;
        self.counts.call_rows = rows;
        self.counts.coverage_gap_hours = gaps;
        Ok(())
    }

    fn pump(&mut self) {
        let Self { core, outlet, .. } = self;
        let last = core.last_seq();
        if let Err(error) = outlet.pump(core.store(), last) {
            tracing::error!("hand findings to the sinks: {error:#}");
        }
    }

    fn look_at_outbox(&mut self) {
        let full = self.core.outbox_bytes() >= self.how.outbox_bytes_max;
        if full != self.backed_up {
            self.backed_up = full;
            if full {
                tracing::error!(
                    "nothing more is taken in: findings that no sink has taken fill the outbox; bring the sinks back or raise --outbox-max"
                );
            } else {
                tracing::info!("the outbox has room again");
            }
        }
    }

    fn refused(&self, error: &anyhow::Error) {
        tracing::error!("{error:#}; nothing is acknowledged until it can be written");
    }

    /// Reads the rules again and judges by them from here on.
    fn reload(&mut self) {
        let rules = match (self.how.rules)() {
            Ok(rules) => rules,
            Err(error) => {
                self.counts.reloads_failed += 1;
                tracing::error!("settings not read again, the old ones stand: {error:#}");
                return;
            }
        };
        match self.core.reload(rules, Instant::now()) {
            Ok(()) => {
                self.counts.reloads += 1;
                tracing::info!("settings and suppressions read again");
            }
            Err(error) => {
                self.counts.reloads_failed += 1;
                tracing::error!("settings not read again, the old ones stand: {error:#}");
            }
        }
    }

    /// Waits until the sinks have taken everything, or somebody asks to stop.
    fn hand_over(&mut self) {
        loop {
            self.tick(Extent::Due);
            let last = self.core.last_seq();
            if self.outlet.is_done(last) || self.how.asked.stop.load(Ordering::Relaxed) {
                return;
            }
            std::thread::sleep(TICK / 4);
        }
    }

    /// Ends sinks and inbox, and notes how far each came.
    fn finish(mut self, saved: anyhow::Result<()>) -> anyhow::Result<Tally> {
        let mut core = self.core;
        let progress = self.outlet.stop(SINKS_END);
        let batch = Batch {
            taken: progress.taken,
            refused: progress.refused,
            ..Batch::default()
        };
        let noted = match core.write_again() {
            Ok(()) => core.note(batch),
            Err(error) => Err(error),
        };
        if let Some(inbox) = self.inbox
            && !inbox.flush(DELETES_END)
        {
            tracing::warn!(
                "some messages could not be deleted in time; they come again and are known then"
            );
        }
        saved?;
        noted?;
        core.complete(&mut self.tally);
        Ok(self.tally)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gathering {
    Nothing,
    Some,
    Ended,
}

/// By the clock of this machine; `None` where it is set to before 1970.
fn time_of_day() -> Option<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Timestamp::from_epoch_secs(i64::try_from(since.as_secs()).ok()?)
}
