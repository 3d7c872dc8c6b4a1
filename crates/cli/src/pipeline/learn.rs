//! Learning: many threads fold files into partial baselines; each batch of files is committed as one checkpoint.
//!
//! Learning commutes, so neither the threads nor the batches can be seen in the result. A batch is one transaction: a run killed at any
//! moment leaves a store that tells exactly which files its profiles hold, and the next run goes on with the others.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use offtrail_baseline::{Baseline, Lesson};
use offtrail_detector::DetectorState;
use offtrail_engine::{Repeats, Scope, Seen};
use offtrail_event::{Observation, Vocabulary};
use offtrail_parser::{Parser, WithDetail};
use offtrail_report::Tally;
use offtrail_sources::{Item, Items, Reader, Sources};
use offtrail_store::{Checkpoint, More, Store};

use crate::{
    pipeline::naming::{Naming, named_observer},
    pipeline::remembered,
    pipeline::tally::{FileOutcome, Rows, counters, observe},
    progress::{Progress, Talk},
};

/// Packed bytes of a batch, at most; a larger file is a batch of its own.
const CHECKPOINT_BYTES_MAX: u64 = 256 << 20;

/// Observations whose ids are looked up together.
const TOGETHER: usize = 1024;

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
}

impl Known {
    /// Reads the baseline; event ids are read day by day, as they are needed.
    ///
    /// # Errors
    /// The store is damaged or can't be read.
    pub(crate) fn load(store: &Store, words: &Vocabulary) -> anyhow::Result<Self> {
        Ok(Self {
            baseline: store.load(words)?,
            repeats: remembered::committed_often(store)?,
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

/// What one worker made of its share of a batch.
struct Share {
    partial: Baseline,
    later: Vec<Observation>,
    files: Vec<(usize, FileOutcome, bool)>,
}

/// What a batch of files came to.
pub(crate) struct Folded {
    /// What was learnt.
    pub(crate) touched: Baseline,
    /// What was not learnt, since it is to be judged: from `judge_from` of the scope on, in no particular order.
    pub(crate) later: Vec<Observation>,
    /// Files learnt to their end: provenance and fingerprint.
    pub(crate) files: Vec<(String, String)>,
}

/// What became of observations, counted by all workers together.
#[derive(Default)]
struct Counts {
    repeated: AtomicU64,
    out_of_scope: AtomicU64,
    learnt: AtomicU64,
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
        let outcome = self.batches(items, |batch| {
            self.batch(
                (sources, batch),
                (&mut *store, &mut *known),
                (&mut *tally, &progress),
            )
        });
        progress.finish();
        outcome
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

    fn batch(
        &self,
        (sources, items): (&Sources, &[Item]),
        (store, known): (&mut Store, &mut Known),
        (tally, progress): (&mut Tally, &Progress),
    ) -> anyhow::Result<()> {
        let before = tally.clone();
        let Folded { touched, files, .. } =
            self.fold((sources, items), &known.repeats, (&mut *tally, progress))?;
        known.baseline.merge(&touched);
        known.baseline.bound_targets(self.words);
        commit(
            store,
            (self.words, &known.baseline, &touched),
            (&known.repeats, None, &[]),
            (&files, &before, tally),
        )
    }

    /// Reads a batch and folds it: each event that `repeats` has not seen is learnt, or kept for judging.
    ///
    /// # Errors
    /// S3 can't be reached any more.
    pub(crate) fn fold(
        &self,
        (sources, items): (&Sources, &[Item]),
        repeats: &Repeats,
        (tally, progress): (&mut Tally, &Progress),
    ) -> anyhow::Result<Folded> {
        let order = largest_first(items);
        let ordered: Vec<Item> = order.iter().map(|at| items[*at].clone()).collect();
        let reader = sources.read(ordered)?;
        let counts = Counts::default();
        let shares = thread::scope(|scope| {
            let workers: Vec<_> = (0..self.threads.clamp(1, items.len()))
                .map(|_| scope.spawn(|| self.share(&reader, repeats, (&counts, progress))))
                .collect();
            workers
                .into_iter()
                .map(|worker| {
                    worker
                        .join()
                        .unwrap_or_else(|died| std::panic::resume_unwind(died))
                })
                .collect::<Vec<_>>()
        });
        trusted(repeats)?;
        let (mut touched, mut later) = (Baseline::new(), Vec::new());
        let mut outcomes = Vec::with_capacity(items.len());
        for share in shares {
            touched.merge(&share.partial);
            later.extend(share.later);
            outcomes.extend(share.files);
        }
        touched.bound_targets(self.words);
        outcomes.sort_by_key(|(index, ..)| order[*index]);
        let mut files = Vec::new();
        for (index, outcome, whole) in outcomes {
            let index = order[index];
            if outcome.is_readable() && whole {
                let item = &items[index];
                files.push((item.provenance.to_string(), item.fingerprint.to_string()));
            }
            outcome.count(tally, Rows::Sums, progress)?;
        }
        tally.repeated += counts.repeated.into_inner();
        tally.out_of_scope += counts.out_of_scope.into_inner();
        tally.learnt += counts.learnt.into_inner();
        tally.handed_on += later.len() as u64;
        // Standard input has no fingerprint: it may hold something else next time.
        files.retain(|(_, fingerprint)| !fingerprint.is_empty());
        Ok(Folded {
            touched,
            later,
            files,
        })
    }

    fn share(
        &self,
        reader: &Reader,
        repeats: &Repeats,
        (counts, progress): (&Counts, &Progress),
    ) -> Share {
        let mut parser = Parser::default();
        let judge_from = self.scope.judge_from;
        let detail = match judge_from {
            None => WithDetail::Learn,
            Some(_) => WithDetail::Judge,
        };
        let mut observer = named_observer(self.words, detail, self.naming);
        let mut share = Share {
            partial: Baseline::new(),
            later: Vec::new(),
            files: Vec::new(),
        };
        let mut files = Vec::new();
        let (mut repeated, mut out_of_scope, mut learnt) = (0, 0, 0);
        let mut waiting: Vec<Observation> = Vec::with_capacity(TOGETHER);
        let mut fold = |waiting: &mut Vec<Observation>| {
            let ids: Vec<_> = waiting
                .iter()
                .map(|observation| (observation.time, observation.fingerprint))
                .collect();
            let mut seen = repeats.see_all(&ids).into_iter();
            waiting.retain(|_| seen.next() == Some(Seen::First));
            repeated += (ids.len() - waiting.len()) as u64;
            if let Some(from) = judge_from {
                let later = waiting.extract_if(.., |observation| observation.time >= from);
                share.later.extend(later);
            }
            share.partial.learn_all(waiting, self.words, Lesson::ALL);
            learnt += waiting.len() as u64;
            waiting.clear();
        };
        let mut spare = Vec::new();
        while let Some(delivery) = reader.next_into(spare) {
            let index = delivery.index;
            let before = out_of_scope;
            let outcome;
            (outcome, spare) = observe((&mut parser, &mut observer), delivery, |observation| {
                if !self.scope.holds(observation.time) {
                    out_of_scope += 1;
                    return;
                }
                waiting.push(observation);
                if waiting.len() >= TOGETHER {
                    fold(&mut waiting);
                }
            });
            progress.read(outcome.records(), outcome.bytes());
            // A file with events out of scope is read again by a run with a wider one.
            files.push((index, outcome, out_of_scope == before));
        }
        fold(&mut waiting);
        share.files = files;
        counts.repeated.fetch_add(repeated, Ordering::Relaxed);
        counts
            .out_of_scope
            .fetch_add(out_of_scope, Ordering::Relaxed);
        counts.learnt.fetch_add(learnt, Ordering::Relaxed);
        share
    }
}

/// In which order a batch is read: the largest first, so that no thread is left with a large one when the others are done.
fn largest_first(items: &[Item]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(items[*at].size()));
    order
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
