//! Learning: a crew of threads folds files into partial baselines; each batch of files is committed as one checkpoint.
//!
//! Learning commutes, so neither the threads nor the batches can be seen in the result. A batch is one transaction: a run killed at any
//! moment leaves a store that tells exactly which files its profiles hold, and the next run goes on with the others. While a batch is
//! merged and committed, the crew reads the next one; of what is known it needs only the event ids, and those that are not committed yet
//! are told by [`Uncommitted`].

use std::{
    path::Path,
    sync::{Arc, mpsc},
    thread,
};

use anyhow::Context as _;
use offtrail_baseline::Baseline;
use offtrail_detector::DetectorState;
use offtrail_engine::{Repeats, Scope};
use offtrail_event::Vocabulary;
use offtrail_report::Tally;
use offtrail_sources::{Item, Items, Sources};
use offtrail_store::{Checkpoint, More, Store};

use crate::{
    pipeline::crew::{Crew, Folded},
    pipeline::naming::Naming,
    pipeline::remembered::{self, FreshIds, Uncommitted},
    pipeline::tally::counters,
    progress::{Progress, Talk},
};

/// Packed bytes of a batch, at most; a larger file is a batch of its own.
const CHECKPOINT_BYTES_MAX: u64 = 256 << 20;

/// How to learn.
pub(crate) struct Learning<'l> {
    pub(crate) words: &'l Vocabulary,
    pub(crate) naming: Option<&'l Naming>,
    pub(crate) scope: Scope,
    pub(crate) threads: usize,
    /// Files between two checkpoints, at most.
    pub(crate) checkpoint_files: usize,
    pub(crate) talk: Talk,
}

/// What a store holds, in memory.
pub(crate) struct Known {
    pub(crate) baseline: Baseline,
    pub(crate) repeats: Repeats,
    /// Ids taken from `repeats` and not committed yet.
    uncommitted: Arc<Uncommitted>,
}

impl Known {
    /// Reads the baseline; event ids are read day by day, as they are needed.
    ///
    /// # Errors
    /// The store is damaged or can't be read.
    pub(crate) fn load(store: &Store, words: &Vocabulary) -> anyhow::Result<Self> {
        let (repeats, uncommitted) = remembered::committed_often(store)?;
        Ok(Self {
            baseline: store.load(words)?,
            repeats,
            uncommitted,
        })
    }

    /// Says what a baseline holds now.
    pub(crate) fn say(&self, path: &Path, talk: Talk) {
        let now = self.baseline.window.0.map_or_else(
            || "nothing learnt yet".to_owned(),
            |(since, until)| format!("{since} to {until}"),
        );
        talk.say(&format!(
            "baseline {}: {} principals, {} observations, {now}",
            path.display(),
            self.baseline.len(),
            self.baseline.observations
        ));
    }
}

impl Learning<'_> {
    /// Learns `items` into what is known and into the store, batch by batch.
    ///
    /// # Errors
    /// The store refuses, or S3 can't be reached any more. What was committed before stays; the rest is not in the store.
    pub(crate) fn run(
        &self,
        sources: &Sources,
        items: &Items,
        (store, known): (&mut Store, &mut Known),
        tally: &mut Tally,
    ) -> anyhow::Result<()> {
        let progress = Progress::of_files(self.talk, "learning", items);
        let ids = (&known.repeats, &*known.uncommitted);
        let mut writer = Writer {
            words: self.words,
            store,
            baseline: &mut known.baseline,
            uncommitted: &known.uncommitted,
        };
        let mut crew = Crew::new(self);
        let each = |batch: &[Item]| crew.learnt((sources, batch), ids, (&mut *tally, &progress));
        let outcome = match self.threads {
            // One thread is what was asked for.
            1 => self.one_by_one(items, each, &mut writer),
            _ => self.side_by_side(items, each, &mut writer),
        };
        progress.finish();
        outcome
    }

    /// Writes each batch before the next is read.
    fn one_by_one(
        &self,
        items: &Items,
        mut each: impl FnMut(&[Item]) -> anyhow::Result<Learnt>,
        writer: &mut Writer<'_>,
    ) -> anyhow::Result<()> {
        self.batches(items, |batch| writer.write(each(batch)?))
    }

    /// Writes a batch while the next one is read.
    fn side_by_side(
        &self,
        items: &Items,
        mut each: impl FnMut(&[Item]) -> anyhow::Result<Learnt>,
        writer: &mut Writer<'_>,
    ) -> anyhow::Result<()> {
        thread::scope(|scope| {
            // No room: what a batch came to waits with its reader until the one before is committed.
            let (hand, handed) = mpsc::sync_channel(0);
            let writing = scope.spawn(move || {
                handed
                    .into_iter()
                    .try_for_each(|learnt| writer.write(learnt))
            });
            let read = self.batches(items, |batch| {
                hand.send(each(batch)?)
                    .context("hand a batch to be written")
            });
            drop(hand);
            let written = writing.join();
            // Where writing failed, nothing could be handed over either.
            written
                .unwrap_or_else(|died| std::panic::resume_unwind(died))
                .and(read)
        })
    }

    /// Hands the items to `each` in batches, in their order.
    ///
    /// # Errors
    /// The first of `each`.
    pub(crate) fn batches(
        &self,
        items: &Items,
        mut each: impl FnMut(&[Item]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let (mut batch, mut bytes) = (Vec::new(), 0_u64);
        for item in items {
            let item = item?;
            bytes = bytes.saturating_add(item.size());
            let full = batch.len() >= self.checkpoint_files || bytes > CHECKPOINT_BYTES_MAX;
            if full && !batch.is_empty() {
                each(&batch)?;
                batch.clear();
                bytes = item.size();
            }
            batch.push(item);
        }
        match batch.is_empty() {
            true => Ok(()),
            false => each(&batch),
        }
    }
}

/// What a batch came to, ready to be written.
struct Learnt {
    folded: Folded,
    fresh: Arc<FreshIds>,
    tally: Vec<(&'static str, u64)>,
}

impl Crew<'_> {
    /// Reads and folds a batch, and takes the ids of its events: no other batch may be under way.
    fn learnt(
        &mut self,
        batch: (&Sources, &[Item]),
        (repeats, uncommitted): (&Repeats, &Uncommitted),
        (tally, progress): (&mut Tally, &Progress),
    ) -> anyhow::Result<Learnt> {
        let before = tally.clone();
        let folded = self.fold(batch, repeats, (&mut *tally, progress))?;
        let fresh = Arc::new(repeats.take_fresh());
        uncommitted.hold(&fresh);
        Ok(Learnt {
            folded,
            fresh,
            tally: counters(&before, tally).into_iter().collect(),
        })
    }
}

/// Adds batches to what is known and to the store, in their order.
struct Writer<'w> {
    words: &'w Vocabulary,
    store: &'w mut Store,
    baseline: &'w mut Baseline,
    uncommitted: &'w Uncommitted,
}

impl Writer<'_> {
    fn write(&mut self, mut learnt: Learnt) -> anyhow::Result<()> {
        let touched = learnt.folded.touched(self.words);
        self.baseline.merge(&touched);
        self.baseline.bound_targets(self.words);
        let files = &learnt.folded.files;
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(provenance, fingerprint)| (&**provenance, &**fingerprint))
            .collect();
        self.store.commit(&Checkpoint {
            words: self.words,
            whole: self.baseline,
            touched: &touched,
            fingerprints: &learnt.fresh,
            files: &files,
            tally: &learnt.tally,
            detection: None,
            facts: &[],
        })?;
        self.uncommitted.committed();
        Ok(())
    }
}

/// Writes what was learnt since the last commit, in one transaction. `detection`: where judging stands, if that was done.
///
/// # Errors
/// The store refuses; it is left as it was.
pub(crate) fn commit(
    store: &mut Store,
    learnt: (&Vocabulary, &Baseline, &Baseline),
    beside: Beside<'_>,
    (files, before, after): (&[(String, String)], &Tally, &Tally),
) -> anyhow::Result<()> {
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(provenance, fingerprint)| (&**provenance, &**fingerprint))
        .collect();
    with_checkpoint(learnt, beside, (&files, before, after), |checkpoint| {
        Ok(store.commit(checkpoint)?)
    })
}

/// The same at the end of a run over any number of files and events.
///
/// # Errors
/// The store refuses; it is left as it was.
pub(crate) fn commit_at_the_end(
    store: &mut Store,
    learnt: (&Vocabulary, &Baseline, &Baseline),
    beside: Beside<'_>,
    (more, tally): (More<'_>, &Tally),
) -> anyhow::Result<()> {
    let tallies = (&[][..], &Tally::default(), tally);
    with_checkpoint(learnt, beside, tallies, |checkpoint| {
        Ok(store.commit_with(checkpoint, more)?)
    })
}

/// What is kept beside profiles: event ids, where detection stands, facts.
type Beside<'a> = (
    &'a Repeats,
    Option<&'a DetectorState>,
    &'a [(&'a str, &'a str)],
);

fn with_checkpoint(
    (words, whole, touched): (&Vocabulary, &Baseline, &Baseline),
    (repeats, detection, facts): Beside<'_>,
    (files, before, after): (&[(&str, &str)], &Tally, &Tally),
    commit: impl FnOnce(&Checkpoint<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let fingerprints = repeats.take_fresh();
    let tally: Vec<(&str, u64)> = counters(before, after).into_iter().collect();
    commit(&Checkpoint {
        words,
        whole,
        touched,
        fingerprints: &fingerprints,
        files,
        tally: &tally,
        detection,
        facts,
    })
}

/// What a state of detection leaves out, in words.
pub(crate) fn forgotten(state: &DetectorState) -> String {
    format!(
        "{} closed findings and minted credentials are forgotten: what is kept between runs is full",
        state.forgotten
    )
}

/// Checks that what was told to be a repeat or not can be relied on.
///
/// # Errors
/// Event ids could not be read back or laid aside.
pub(crate) fn trusted(repeats: &Repeats) -> anyhow::Result<()> {
    match repeats.take_failure() {
        None => Ok(()),
        Some(failure) => {
            Err(anyhow::Error::from_boxed(failure).context("tell repeated events from new ones"))
        }
    }
}
