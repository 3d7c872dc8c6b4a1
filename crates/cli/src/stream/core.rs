//! [`Core`]: what a stream knows, and the two things it does with it: ticks and checkpoints.
//!
//! A tick judges first and writes after. If the writing fails, what was to be written is kept and written before anything else is taken in, so that
//! memory is never ahead of the disk by more than one tick, and nothing is acknowledged that isn't on the disk.

use std::{
    collections::BTreeSet,
    mem,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use offtrail_baseline::Baseline;
use offtrail_detector::Finding;
use offtrail_engine::{Blindness, Repeats, Watch};
use offtrail_event::{
    Day, Fingerprint, Observation, Timestamp, Vocabulary,
    pack::{pack_observations, unpack_observations},
};
use offtrail_report::Tally;
use offtrail_store::{Checkpoint, OutboxSize, Store, Tick};

use crate::{
    pipeline::{
        learn::{Known, forgotten, trusted},
        naming::{Agreed, Naming, agree},
        tally::counters,
    },
    stream::{
        begin::{BLINDNESS, blindness, renew_calibration, watch_of},
        settle::Settle,
        telling::{Rules, ToldTally, tell},
    },
};

/// Bytes of arrivals in the journal, packed, from which on a checkpoint is made.
pub(crate) const JOURNAL_BYTES_MAX: u64 = 256 << 20;

/// What arrived between two ticks.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) observations: Vec<Observation>,
    /// Inputs learnt to their end: provenance and fingerprint.
    pub(crate) files: Vec<(String, String)>,
    /// Lines of findings made elsewhere, with their keys.
    pub(crate) told: Vec<(String, String)>,
    /// How far sinks have taken the outbox.
    pub(crate) taken: Vec<(String, i64)>,
    /// What they refused for good.
    pub(crate) refused: Vec<(String, i64, String)>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.observations.is_empty()
            && self.files.is_empty()
            && self.told.is_empty()
            && self.taken.is_empty()
            && self.refused.is_empty()
    }
}

/// What a tick is to do beside taking in what arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Judge what has waited long enough.
    Due,
    /// The same, and tell open findings that gained evidence.
    Updates,
    /// Judge all that waits, and tell open findings: nothing more will come.
    All,
}

/// A tick that is judged and not written yet.
#[derive(Debug, Default)]
struct Unwritten {
    arrivals: Vec<u8>,
    until: Option<Timestamp>,
    updates: bool,
    batch: Batch,
    tally: Vec<(&'static str, u64)>,
    facts: Vec<(&'static str, String)>,
}

/// What has to reach the disk with the next checkpoint.
#[derive(Default)]
struct Unsaved {
    touched: Baseline,
    fingerprints: Vec<(Day, Fingerprint)>,
}

/// What a stream knows.
pub(crate) struct Core<'c> {
    words: &'c Vocabulary,
    store: Store,
    rules: Rules,
    watch: Watch<'c>,
    blindness: Blindness,
    agreed: Agreed,
    settle: Settle,
    unwritten: Option<Unwritten>,
    unsaved: Unsaved,
    counted: Tally,
    journal_bytes: u64,
    checkpointed: Instant,
    checkpoint_took: Duration,
    told: ToldTally,
    last_seq: i64,
    outbox: OutboxSize,
    /// What the watch had counted when recovery was over.
    recovered: offtrail_engine::WatchTally,
    waited: u64,
    /// Why what was judged can't be relied on any more: nothing is written then.
    broken: Option<String>,
}

impl<'c> Core<'c> {
    /// Loads a baseline and takes an earlier stream's journal again. `started`: now.
    ///
    /// # Errors
    /// The store is damaged, of a newer format, or written by another process.
    pub(crate) fn open(
        (words, naming): (&'c Vocabulary, Option<&'c Naming>),
        mut store: Store,
        rules: Rules,
        (settle, started): (Duration, Instant),
    ) -> anyhow::Result<Self> {
        let mut known = Known::load(&store, words)?;
        let agreed = agree(naming, &store, (&mut known.baseline, words))?;
        renew_calibration(&mut store, (&known.baseline, words), &rules)?;
        let state = agreed.state(&store, (&known.baseline, words))?;
        let now = known.baseline.window.0.map(|(_, until)| until);
        let watch = watch_of(
            (words, &store),
            &rules,
            (known.baseline, known.repeats, state),
            now,
        )?;
        let mut core = Self {
            words,
            blindness: blindness(&store, words, &rules)?,
            watch,
            unsaved: Unsaved {
                touched: agreed.renamed.clone(),
                fingerprints: Vec::new(),
            },
            agreed,
            rules,
            settle: Settle::new(settle),
            unwritten: None,
            counted: Tally::default(),
            journal_bytes: store.journal_bytes()?,
            checkpointed: started,
            checkpoint_took: Duration::ZERO,
            told: ToldTally::default(),
            last_seq: store.outbox_last()?,
            outbox: store.outbox_size()?,
            recovered: offtrail_engine::WatchTally::default(),
            waited: 0,
            broken: None,
            store,
        };
        core.recover(started)?;
        Ok(core)
    }

    /// Puts the waiting room back and takes the journal again.
    fn recover(&mut self, started: Instant) -> anyhow::Result<()> {
        let waiting = self.store.waiting()?;
        if !waiting.is_empty() {
            let waiting = unpack_observations(&waiting, self.words)
                .with_context(|| format!("go on in baseline {:?}", self.store.path()))?;
            self.watch.restore_waiting(waiting);
        }
        let mut entries = 0u64;
        let mut told_then = BTreeSet::new();
        let mut told_now = Vec::new();
        // The store is lent to the walk, the rest is not.
        let (watch, words, rules) = (&mut self.watch, self.words, &self.rules);
        let blindness = &mut self.blindness;
        let mut tally = ToldTally::default();
        self.store.replay(|entry| -> anyhow::Result<()> {
            entries += 1;
            told_then.extend(entry.told);
            let observations = match &*entry.arrivals {
                [] => Vec::new(),
                bytes => unpack_observations(bytes, words)
                    .context("read the journal of the stream that was killed")?,
            };
            step(
                (&mut *watch, &mut *blindness),
                (observations, entry.until, entry.updates),
                &mut |finding| {
                    tell(&finding, rules, &mut tally, &mut told_now);
                },
            );
            Ok(())
        })?;
        // Judged by other settings than then, something else may be told.
        told_now.retain(|(key, _)| !told_then.contains(key));
        self.recovered = self.watch.tally();
        self.waited = self.watch.waiting_len() as u64;
        self.settle.arrived(started, self.watch.waiting());
        if entries > 0 {
            tracing::info!(entries, waiting = self.waited, "took the journal again");
            if !told_now.is_empty() {
                let batch = Batch {
                    told: told_now,
                    ..Batch::default()
                };
                self.write(Unwritten {
                    batch,
                    updates: true,
                    ..Unwritten::default()
                })?;
            }
            self.checkpoint(started)?;
        }
        Ok(())
    }

    /// Takes in what arrived, judges what is due and writes what came of it; `tally` counts what was read since the start; `clock` is the
    /// time of day, for what has gone silent.
    ///
    /// # Errors
    /// The disk refuses: nothing of it may be acknowledged yet. Call [`Core::write_again`] before the next tick.
    pub(crate) fn tick(
        &mut self,
        batch: Batch,
        extent: Extent,
        (tally, now, clock): (&Tally, Instant, Option<Timestamp>),
    ) -> anyhow::Result<()> {
        self.write_again()?;
        self.settle.arrived(now, batch.observations.iter());
        let until = match extent {
            Extent::Due | Extent::Updates => self.settle.due(now),
            Extent::All => self.settle.all(),
        };
        let updates = extent != Extent::Due;
        let counts: Vec<_> = counters(&self.counted, tally)
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .collect();
        if batch.is_empty() && until.is_none() && !updates && counts.is_empty() {
            return Ok(());
        }
        self.counted = tally.clone();
        let arrivals = match &*batch.observations {
            [] => Vec::new(),
            observations => pack_observations(observations, self.words),
        };
        let mut batch = batch;
        let observations = mem::take(&mut batch.observations);
        let (rules, told) = (&self.rules, &mut self.told);
        let lines = &mut batch.told;
        step(
            (&mut self.watch, &mut self.blindness),
            (observations, until, updates),
            &mut |finding| {
                tell(&finding, rules, told, lines);
            },
        );
        if let Err(error) = trusted(self.watch.repeats()) {
            self.broken = Some(format!("{error:#}"));
        }
        // Nothing arrived, nothing was due and nothing told: an entry that says so would only fill the journal.
        let updates = updates && !batch.told.is_empty();
        let mut facts = Vec::new();
        if let Some(clock) = clock {
            let coverage = &self.watch.baseline().coverage;
            let spots = self.blindness.look(clock, coverage, self.words);
            for spot in &spots {
                tell(spot, &self.rules, &mut self.told, &mut batch.told);
            }
            if !spots.is_empty() {
                // With what it told, so that it is not told again.
                facts.push((BLINDNESS, STANDARD.encode(self.blindness.pack(self.words))));
            }
        }
        self.write(Unwritten {
            facts,
            arrivals,
            until,
            updates,
            batch,
            tally: counts,
        })
    }

    fn write(&mut self, unwritten: Unwritten) -> anyhow::Result<()> {
        self.unwritten = Some(unwritten);
        self.write_again()
    }

    /// Writes what an earlier tick could not.
    ///
    /// # Errors
    /// The disk still refuses.
    pub(crate) fn write_again(&mut self) -> anyhow::Result<()> {
        if let Some(why) = &self.broken {
            anyhow::bail!("{why}; start it again, it goes on from what was written");
        }
        let Some(unwritten) = &self.unwritten else {
            return Ok(());
        };
        let tick = Tick {
            arrivals: &unwritten.arrivals,
            until: unwritten.until,
            updates: unwritten.updates,
            told: &unwritten.batch.told,
            files: &unwritten.batch.files,
            tally: &unwritten.tally,
            taken: &unwritten.batch.taken,
            refused: &unwritten.batch.refused,
            facts: &unwritten.facts,
        };
        let appended = self.store.append(&tick)?;
        self.last_seq = appended.last.unwrap_or(self.last_seq);
        let bytes = tick
            .told
            .iter()
            .map(|(_, line)| line.len() as u64)
            .sum::<u64>();
        let outbox = &mut self.outbox;
        outbox.states =
            (outbox.states + tick.told.len() as u64).saturating_sub(appended.gone.states);
        outbox.bytes = (outbox.bytes + bytes).saturating_sub(appended.gone.bytes);
        self.journal_bytes += unwritten.arrivals.len() as u64;
        self.unwritten = None;
        Ok(())
    }

    /// Whether only starting again helps.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Whether a checkpoint is due.
    pub(crate) fn wants_checkpoint(&self, every: Duration, now: Instant) -> bool {
        self.journal_bytes >= JOURNAL_BYTES_MAX
            || (now.saturating_duration_since(self.checkpointed) >= every
                && (self.journal_bytes > 0 || !self.unsaved.touched.is_empty()))
    }

    /// Writes what was learnt, the waiting room and the open findings, and empties the journal.
    ///
    /// # Errors
    /// The disk refuses; the journal stands as it was.
    pub(crate) fn checkpoint(&mut self, now: Instant) -> anyhow::Result<()> {
        self.write_again()?;
        let begun = Instant::now();
        if let Some(touched) = self.watch.take_touched() {
            self.unsaved.touched.merge(&touched);
        }
        let fresh = self.watch.repeats().take_fresh();
        self.unsaved.fingerprints.extend(fresh);
        let state = self.watch.state();
        if let Some(state) = state.as_ref().filter(|state| state.forgotten > 0) {
            tracing::warn!("{}", forgotten(state));
        }
        let mut waiting: Vec<Observation> = self.watch.waiting().cloned().collect();
        waiting.sort_by_key(|observation| (observation.time, observation.fingerprint));
        let waiting = match &*waiting {
            [] => Vec::new(),
            observations => pack_observations(observations, self.words),
        };
        let blindness = STANDARD.encode(self.blindness.pack(self.words));
        let mut facts = self.agreed.facts();
        facts.push((BLINDNESS, &blindness));
        self.store.checkpoint(
            &Checkpoint {
                words: self.words,
                whole: self.watch.baseline(),
                touched: &self.unsaved.touched,
                fingerprints: &self.unsaved.fingerprints,
                files: &[],
                tally: &[],
                detection: state.as_ref(),
                facts: &facts,
            },
            &waiting,
        )?;
        self.unsaved = Unsaved::default();
        self.journal_bytes = 0;
        self.checkpointed = now;
        let learnt = (self.watch.baseline(), self.words);
        if let Some(threshold) = renew_calibration(&mut self.store, learnt, &self.rules)? {
            self.watch.set_threshold(threshold);
        }
        self.checkpoint_took = begun.elapsed();
        Ok(())
    }

    /// Judges by other rules from here on, after a checkpoint.
    ///
    /// # Errors
    /// The checkpoint can't be written; the old rules stand.
    pub(crate) fn reload(&mut self, rules: Rules, now: Instant) -> anyhow::Result<()> {
        let core = self;
        core.checkpoint(now)?;
        let state = core.watch.state();
        let waiting: Vec<Observation> = core.watch.waiting().cloned().collect();
        let counted = core.watch.tally();
        let last = core.watch.baseline().window.0.map(|(_, until)| until);
        let words = core.words;
        let empty = Watch::new(
            words,
            Baseline::new(),
            Repeats::default(),
            core.rules.settings.clone(),
        );
        let (baseline, repeats) = mem::replace(&mut core.watch, empty).into_parts();
        if let Err(error) = renew_calibration(&mut core.store, (&baseline, words), &rules) {
            tracing::warn!("threshold not set anew: {error:#}");
        }
        let known = (baseline, repeats, state);
        match watch_of((words, &core.store), &rules, known, last) {
            Ok(watch) => core.watch = watch.with_tally(counted),
            // It was packed by this very build a moment ago; what was known went with it.
            Err(error) => {
                core.broken = Some(format!("{error:#}"));
                return Err(error);
            }
        }
        core.watch.restore_waiting(waiting);
        core.blindness.set_settings(rules.settings.clone());
        core.rules = rules;
        Ok(())
    }

    /// The store, for the sinks' side of the outbox.
    pub(crate) fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Notes how far sinks have come, without a tick.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn note(&mut self, batch: Batch) -> anyhow::Result<()> {
        self.write(Unwritten {
            batch,
            ..Unwritten::default()
        })
    }

    /// The place of the last state in the outbox.
    pub(crate) fn last_seq(&self) -> i64 {
        self.last_seq
    }

    /// Bytes of the states that lie in the outbox.
    pub(crate) fn outbox_bytes(&self) -> u64 {
        self.outbox.bytes
    }

    /// Accounts and regions that are silent now, and deliveries far behind.
    pub(crate) fn blind_spots(&self) -> usize {
        self.blindness.open()
    }

    /// The latest event time learnt.
    pub(crate) fn newest_event(&self) -> Option<Timestamp> {
        self.watch.baseline().window.0.map(|(_, until)| until)
    }

    /// States in the outbox.
    pub(crate) fn outbox_states(&self) -> u64 {
        self.outbox.states
    }

    /// The loop.
    pub(crate) fn watch(&self) -> &Watch<'c> {
        &self.watch
    }

    /// Bytes of arrivals in the journal, packed, before they are deflated.
    pub(crate) fn journal_bytes(&self) -> u64 {
        self.journal_bytes
    }

    /// When the last checkpoint was made, and how long it took.
    pub(crate) fn checkpointed(&self) -> (Instant, Duration) {
        (self.checkpointed, self.checkpoint_took)
    }

    /// What was told by this process.
    pub(crate) fn told(&self) -> &ToldTally {
        &self.told
    }

    /// How long until something that waits is due.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Duration> {
        self.settle.next_due(now)
    }

    /// Adds what became of observations since the start to what was read: those of the journal were counted by the process that read them.
    pub(crate) fn complete(&self, tally: &mut Tally) {
        let (now, then) = (self.watch.tally(), self.recovered);
        let waiting = self.watch.waiting_len() as u64;
        tally.judged = now.judged - then.judged;
        tally.repeated = (now.repeated + now.forgotten) - (then.repeated + then.forgotten);
        tally.late = (now.late + now.crowded_out) - (then.late + then.crowded_out);
        tally.learnt = tally.judged;
        tally.waited = self.waited;
        tally.waiting = waiting;
        tally.findings.total = self.told.raised.values().sum();
        tally.findings.written = tally.findings.total;
        tally.findings.raised = self.told.raised.clone();
    }
}

/// One step of the loop; the same live and out of the journal.
fn step(
    (watch, blindness): (&mut Watch<'_>, &mut Blindness),
    (observations, until, updates): (Vec<Observation>, Option<Timestamp>, bool),
    tell: &mut dyn FnMut(Finding),
) {
    watch.take_with(&mut observations.into(), &mut |first| blindness.note(first));
    if let Some(until) = until {
        watch.advance(until, tell);
    }
    if updates {
        watch.tell_open(tell);
    }
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
