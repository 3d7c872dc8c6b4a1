//! Judging: many threads read, one loop judges in order of event time, and every state told goes to one place.

use std::sync::{Mutex, PoisonError};

use offtrail_detector::{Finding, LearningPolicy, Settings, Telling};
use offtrail_engine::{Raising, Repeats, Scope, Watch, WatchTally};
use offtrail_event::{Loose, Sheaf, Timestamp, Vocabulary};
use offtrail_parser::{Parser, WithDetail};
use offtrail_report::Tally;
use offtrail_sources::{Delivery, Fingerprint, ItemsError, Listing, Reader, Sources};

use crate::{
    pipeline::{
        learn::trusted,
        naming::{Naming, named_observer},
        order::{delivered_from, in_order},
        tally::{FileOutcome, Rows, observe},
    },
    progress::{Progress, Talk},
};

use offtrail_baseline::{Baseline, Suppressions};

/// How to judge.
pub(crate) struct Judging<'j> {
    pub(crate) words: &'j Vocabulary,
    pub(crate) naming: Option<&'j Naming>,
    pub(crate) scope: Scope,
    pub(crate) policy: LearningPolicy,
    pub(crate) telling: Telling,
    pub(crate) settings: Settings,
    pub(crate) raising: Raising,
    pub(crate) suppressions: Suppressions,
    pub(crate) threads: usize,
    /// How much later than its events a file may be delivered, seconds.
    pub(crate) lateness_secs: i64,
    pub(crate) talk: Talk,
}

/// Which of two watches side by side told something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The one that was handed over.
    First,
    /// The one beside it.
    Beside,
}

/// What was judged.
pub(crate) struct Judged<'j> {
    pub(crate) watch: Watch<'j>,
    reader: Reader,
    /// For each file of the reader, whether it was read to its end.
    read: Vec<bool>,
}

impl Judged<'_> {
    /// Files read to their end that can be told from others: provenance and fingerprint. Where the list can't be read back they end early, and `failed` says why.
    pub(crate) fn files(
        &self,
        failed: &mut Option<ItemsError>,
    ) -> impl Iterator<Item = (String, String)> {
        let items = self
            .reader
            .items()
            .iter()
            .map_while(move |item| item.map_err(|error| *failed = Some(error)).ok());
        items
            .zip(&self.read)
            .filter(|(item, read)| **read && item.fingerprint != Fingerprint::Unknown)
            .map(|(item, _)| (item.provenance.to_string(), item.fingerprint.to_string()))
    }
}

impl<'j> Judging<'j> {
    /// The loop, ready to go on from a baseline and the events it was learnt from.
    pub(crate) fn watch(&self, baseline: Baseline, repeats: Repeats) -> Watch<'j> {
        self.watch_by(self.settings.clone(), baseline, repeats)
    }

    /// A loop to run beside that one, by other settings; it takes over baseline and repeats from it.
    pub(crate) fn beside(&self, settings: Settings) -> Watch<'j> {
        self.watch_by(settings, Baseline::new(), Repeats::default())
    }

    fn watch_by(&self, settings: Settings, baseline: Baseline, repeats: Repeats) -> Watch<'j> {
        Watch::new(self.words, baseline, repeats, settings)
            .with_scope(self.scope)
            .with_policy(self.policy)
            .with_telling(self.telling)
            .with_raising(self.raising)
            .with_suppressions(self.suppressions.clone())
    }

    /// Reads what is listed and judges it; `tell` gets each state as it is reached.
    ///
    /// # Errors
    /// S3 can't be reached any more, or `tell` fails: nothing more is judged then.
    pub(crate) fn run(
        &self,
        sources: &Sources,
        listing: Listing,
        mut watch: Watch<'j>,
        tally: &mut Tally,
        mut tell: impl FnMut(Side, &Finding) -> anyhow::Result<()>,
    ) -> anyhow::Result<Judged<'j>> {
        let items = listing.items.by_delivery()?;
        let mut read = vec![false; items.len()];
        let reader = sources.read(items)?;
        let progress = Progress::of_files(self.talk, "judging", reader.items());
        let mut later = reader.items().iter().skip(1);
        let mut teller = Teller::new(&mut tell);
        let spare = Mutex::default();
        let done = in_order(
            &reader,
            self.threads,
            || self.worker(&spare),
            |index, (outcome, sheaves): (FileOutcome, Vec<Sheaf>)| {
                read[index] = outcome.is_readable();
                progress.read(outcome.records(), outcome.bytes());
                outcome.count(tally, Rows::Sums, &progress)?;
                for mut sheaf in sheaves {
                    watch.take_all(&mut sheaf);
                    put(&spare, sheaf);
                }
                trusted(watch.repeats())?;
                let next = later.next().transpose()?;
                match next.as_ref().and_then(delivered_from) {
                    Some(next) => teller.advance(&mut watch, next.plus_secs(-self.lateness_secs)),
                    None => Ok(()),
                }
            },
        );
        if done.is_ok() {
            teller.finish(&mut watch);
        }
        progress.finish();
        teller.end()?;
        done?;
        count(tally, watch.tally(), self.policy);
        Ok(Judged {
            watch,
            reader,
            read,
        })
    }

    fn worker(
        &self,
        spare: &Mutex<Vec<Sheaf>>,
    ) -> impl FnMut(Delivery) -> ((FileOutcome, Vec<Sheaf>), Vec<u8>) {
        let mut parser = Parser::default();
        let mut observer = named_observer(self.words, WithDetail::Judge, self.naming);
        let mut loose = Loose::within(taken(spare));
        move |delivery| {
            let mut sheaves = Vec::new();
            let by = (&mut parser, &mut observer);
            let (outcome, bytes) = observe(by, delivery, |observation| {
                loose.push(observation);
                if loose.is_full() {
                    sheaves.push(loose.tie(|| taken(spare)));
                }
            });
            sheaves.push(loose.tie(|| taken(spare)));
            ((outcome, sheaves), bytes)
        }
    }
}

/// Takes a sheaf that is done with, to be filled again.
fn taken(spare: &Mutex<Vec<Sheaf>>) -> Sheaf {
    let mut spare = spare.lock().unwrap_or_else(PoisonError::into_inner);
    spare.pop().unwrap_or_default()
}

fn put(spare: &Mutex<Vec<Sheaf>>, sheaf: Sheaf) {
    if sheaf.is_roomy() {
        let mut spare = spare.lock().unwrap_or_else(PoisonError::into_inner);
        spare.push(sheaf);
    }
}

/// Tells through closures that can't fail: the first failure is kept and ends the run.
pub(crate) struct Teller<'t> {
    tell: &'t mut dyn FnMut(Side, &Finding) -> anyhow::Result<()>,
    failed: Option<anyhow::Error>,
}

impl<'t> Teller<'t> {
    pub(crate) fn new(tell: &'t mut dyn FnMut(Side, &Finding) -> anyhow::Result<()>) -> Self {
        Self { tell, failed: None }
    }

    fn told(&mut self, side: Side, finding: &Finding) {
        if self.failed.is_none() {
            self.failed = (self.tell)(side, finding).err();
        }
    }

    /// Judges what happened before `complete_until`.
    ///
    /// # Errors
    /// Something could not be told: there is nothing more to do; [`Teller::end`] says why.
    pub(crate) fn advance(
        &mut self,
        watch: &mut Watch<'_>,
        complete_until: Timestamp,
    ) -> anyhow::Result<()> {
        watch.advance(complete_until, &mut |finding| {
            self.told(Side::First, &finding);
        });
        for finding in watch.take_beside() {
            self.told(Side::Beside, &finding);
        }
        anyhow::ensure!(self.failed.is_none(), "tell a finding");
        Ok(())
    }

    /// Judges all that waits, and tells what stays open.
    pub(crate) fn finish(&mut self, watch: &mut Watch<'_>) {
        watch.finish(&mut |finding| {
            self.told(Side::First, &finding);
        });
        for finding in watch.take_beside() {
            self.told(Side::Beside, &finding);
        }
    }

    /// That all was told.
    ///
    /// # Errors
    /// The first failure.
    pub(crate) fn end(self) -> anyhow::Result<()> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

/// What was only learnt, to be judged by, is out of the scope of judging; repeats of forgotten days are repeats.
pub(crate) fn count(tally: &mut Tally, watch: WatchTally, policy: LearningPolicy) {
    tally.judged = watch.judged;
    tally.repeated = watch.repeated + watch.forgotten;
    tally.out_of_scope = watch.out_of_scope + watch.only_learnt;
    tally.late = watch.late + watch.crowded_out;
    tally.learnt = match policy {
        LearningPolicy::Frozen => watch.only_learnt,
        LearningPolicy::HoldFlagged | LearningPolicy::LearnAll => watch.only_learnt + watch.judged,
    };
}
