//! [`Crew`]: the threads that fold a batch of files into partial baselines. What they know of callers, and their buffers, are kept from
//! batch to batch.

use std::thread;

use offtrail_baseline::{Baseline, Lesson};
use offtrail_engine::{Repeats, Seen};
use offtrail_event::{Observation, Vocabulary};
use offtrail_parser::{Limits, Observer, Parser, WithDetail, inflated_told};
use offtrail_report::Tally;
use offtrail_sources::{Item, Reader, Sources};

use crate::{
    pipeline::learn::{Learning, trusted},
    pipeline::naming::named_observer,
    pipeline::room::{Room, order},
    pipeline::tally::{FileOutcome, Rows, observe},
    progress::Progress,
};

/// Observations whose ids are looked up together.
const TOGETHER: usize = 1024;

/// The threads of one run.
pub(crate) struct Crew<'l> {
    learning: &'l Learning<'l>,
    room: Room,
    workers: Vec<Worker<'l>>,
}

/// What one thread keeps from file to file.
struct Worker<'l> {
    learning: &'l Learning<'l>,
    parser: Parser,
    observer: Observer<'l>,
    spare: Vec<u8>,
}

/// What one worker made of its share of a batch.
struct Share {
    partial: Baseline,
    later: Vec<Observation>,
    files: Vec<(usize, FileOutcome, bool)>,
    counts: Counts,
}

/// What became of observations.
#[derive(Default)]
struct Counts {
    repeated: u64,
    out_of_scope: u64,
    learnt: u64,
}

/// What a batch of files came to.
pub(crate) struct Folded {
    /// What was learnt, by worker.
    partials: Vec<Baseline>,
    /// What was not learnt, since it is to be judged: from `judge_from` of the scope on, in no particular order.
    pub(crate) later: Vec<Observation>,
    /// Files learnt to their end: provenance and fingerprint.
    pub(crate) files: Vec<(String, String)>,
}

impl Folded {
    /// Takes what was learnt, as one.
    pub(crate) fn touched(&mut self, words: &Vocabulary) -> Baseline {
        let mut partials = std::mem::take(&mut self.partials).into_iter();
        let mut touched = partials.next().unwrap_or_default();
        for partial in partials {
            touched.merge(&partial);
        }
        touched.bound_targets(words);
        touched
    }
}

impl<'l> Crew<'l> {
    /// One that learns as told.
    pub(crate) fn new(learning: &'l Learning<'l>) -> Self {
        Self {
            learning,
            room: Room::for_threads(learning.threads),
            workers: Vec::new(),
        }
    }

    /// Reads a batch and folds it: each event that `repeats` has not seen is learnt, or kept for judging.
    ///
    /// # Errors
    /// S3 can't be reached any more.
    pub(crate) fn fold(
        &mut self,
        (sources, items): (&Sources, &[Item]),
        repeats: &Repeats,
        (tally, progress): (&mut Tally, &Progress),
    ) -> anyhow::Result<Folded> {
        let threads = self.learning.threads.clamp(1, items.len());
        let sizes: Vec<u64> = items.iter().map(Item::size).collect();
        let order = order(&sizes, threads);
        let ordered: Vec<Item> = order.iter().map(|at| items[*at].clone()).collect();
        let reader = sources.read(ordered)?;
        let shares = self.shares((&reader, threads), repeats, progress);
        trusted(repeats)?;
        let mut folded = Folded {
            partials: Vec::with_capacity(shares.len()),
            later: Vec::new(),
            files: Vec::new(),
        };
        let mut outcomes = Vec::with_capacity(items.len());
        for share in shares {
            tally.repeated += share.counts.repeated;
            tally.out_of_scope += share.counts.out_of_scope;
            tally.learnt += share.counts.learnt;
            folded.partials.push(share.partial);
            folded.later.extend(share.later);
            outcomes.extend(share.files);
        }
        tally.handed_on += folded.later.len() as u64;
        outcomes.sort_by_key(|(index, ..)| order[*index]);
        for (index, outcome, whole) in outcomes {
            if outcome.is_readable() && whole {
                let item = &items[order[index]];
                let file = (item.provenance.to_string(), item.fingerprint.to_string());
                folded.files.push(file);
            }
            outcome.count(tally, Rows::Sums, progress)?;
        }
        // Standard input has no fingerprint: it may hold something else next time.
        folded
            .files
            .retain(|(_, fingerprint)| !fingerprint.is_empty());
        Ok(folded)
    }

    fn shares(
        &mut self,
        (reader, threads): (&Reader, usize),
        repeats: &Repeats,
        progress: &Progress,
    ) -> Vec<Share> {
        while self.workers.len() < threads {
            self.workers.push(Worker::new(self.learning));
        }
        let room = &self.room;
        let workers = &mut self.workers[..threads];
        thread::scope(|scope| {
            let under_way: Vec<_> = workers
                .iter_mut()
                .map(|worker| scope.spawn(|| worker.share(reader, repeats, (room, progress))))
                .collect();
            under_way
                .into_iter()
                .map(|worker| {
                    let share = worker.join();
                    share.unwrap_or_else(|died| std::panic::resume_unwind(died))
                })
                .collect()
        })
    }
}

impl<'l> Worker<'l> {
    fn new(learning: &'l Learning<'l>) -> Self {
        let detail = match learning.scope.judge_from {
            None => WithDetail::Learn,
            Some(_) => WithDetail::Judge,
        };
        Self {
            learning,
            parser: Parser::default(),
            observer: named_observer(learning.words, detail, learning.naming),
            spare: Vec::new(),
        }
    }

    fn share(
        &mut self,
        reader: &Reader,
        repeats: &Repeats,
        (room, progress): (&Room, &Progress),
    ) -> Share {
        let learning = self.learning;
        let mut share = Share {
            partial: Baseline::new(),
            later: Vec::new(),
            files: Vec::new(),
            counts: Counts::default(),
        };
        let mut files = Vec::new();
        let mut out_of_scope = 0;
        let mut waiting: Vec<Observation> = Vec::with_capacity(TOGETHER);
        while let Some(delivery) = reader.next_into(std::mem::take(&mut self.spare)) {
            let index = delivery.index;
            let before = out_of_scope;
            let limits = Limits::default();
            let told = delivery.bytes.as_ref();
            let told = told.map_or(0, |bytes| inflated_told(bytes, &limits));
            let mut held = room.take(told);
            held.lend_to(&mut self.parser);
            let read = (&mut self.parser, &mut self.observer);
            let (outcome, spare) = observe(read, delivery, |observation| {
                if !learning.scope.holds(observation.time) {
                    out_of_scope += 1;
                    return;
                }
                waiting.push(observation);
                if waiting.len() >= TOGETHER {
                    share.see(&mut waiting, repeats, learning);
                }
            });
            held.take_back_from(&mut self.parser);
            drop(held);
            self.spare = spare;
            progress.read(outcome.records(), outcome.bytes());
            // A file with events out of scope is read again by a run with a wider one.
            files.push((index, outcome, out_of_scope == before));
        }
        share.see(&mut waiting, repeats, learning);
        share.files = files;
        share.counts.out_of_scope = out_of_scope;
        share
    }
}

impl Share {
    /// Learns observations that were not seen before, or keeps them.
    fn see(&mut self, waiting: &mut Vec<Observation>, repeats: &Repeats, learning: &Learning<'_>) {
        let judge_from = learning.scope.judge_from;
        let ids: Vec<_> = waiting
            .iter()
            .map(|observation| (observation.time, observation.fingerprint))
            .collect();
        let mut seen = repeats.see_all(&ids).into_iter();
        waiting.retain(|_| seen.next() == Some(Seen::First));
        self.counts.repeated += (ids.len() - waiting.len()) as u64;
        if let Some(from) = judge_from {
            let later = waiting.extract_if(.., |observation| observation.time >= from);
            self.later.extend(later);
        }
        self.partial.learn_all(waiting, learning.words, Lesson::ALL);
        self.counts.learnt += waiting.len() as u64;
        waiting.clear();
    }
}
