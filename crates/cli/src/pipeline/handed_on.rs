//! Judging what other machines read: observations handed on, in order of their hours, by the same loop that judges files.

use std::path::Path;

use anyhow::Context as _;
use offtrail_baseline::partial::{Content, PartTally};
use offtrail_detector::Finding;
use offtrail_engine::Watch;
use offtrail_event::{SECONDS_PER_DAY, Timestamp};
use offtrail_report::Tally;

use crate::{
    pipeline::{
        judge::{Judging, Side, Teller, count},
        learn::trusted,
        parts::{each_line, of_parts},
    },
    progress::Progress,
};

/// Seconds that one key of observations spans.
const HOUR_SECS: i64 = SECONDS_PER_DAY / 24;

impl<'j> Judging<'j> {
    /// Judges the observations in these files (`-`: standard input), which hold lines of `partial --learn-until` in order of their hours, and the tally
    /// of all parts. Gives the loop as it ended, and what parts counted.
    ///
    /// # Errors
    /// A line is not what was written or out of order, something is missing or there twice, or `tell` fails.
    pub(crate) fn run_handed_on(
        &self,
        files: &[&Path],
        mut watch: Watch<'j>,
        tally: &mut Tally,
        mut tell: impl FnMut(Side, &Finding) -> anyhow::Result<()>,
    ) -> anyhow::Result<(Watch<'j>, PartTally)> {
        let progress = Progress::new(self.talk, "judging", 0);
        let mut teller = Teller::new(&mut tell);
        let mut parts = PartTally::default();
        let mut hour = Timestamp::MIN;
        let mut done = Ok(());
        for file in files {
            done = done.and_then(|()| {
                each_line(file, |line| match Content::read(line, self.words)? {
                    Content::Tally(tally) => Ok(parts.merge(&tally)?),
                    Content::Observations(observations) => {
                        let first = observations.iter().map(|one| one.time).min();
                        let first = first.unwrap_or(hour);
                        let begun = first.plus_secs(-(first.epoch_secs() % HOUR_SECS));
                        self.in_turn(begun, hour)?;
                        hour = begun;
                        teller.advance(&mut watch, hour)?;
                        progress.done(observations.len() as u64);
                        watch.take_all(&mut observations.into());
                        Ok(())
                    }
                    _ => anyhow::bail!(
                        "it is neither the tally nor observations; give only these to be judged"
                    ),
                })
            });
        }
        if done.is_ok() {
            teller.finish(&mut watch);
        }
        progress.finish();
        teller.end()?;
        done?;
        *tally = of_parts(&parts);
        trusted(watch.repeats())?;
        self.hold(tally, &watch)?;
        let judged = watch.tally();
        count(tally, judged, self.policy);
        let learnt = parts.count("learnt");
        tally.repeated = parts.count("repeated");
        tally.out_of_scope = parts.count("out_of_scope") + learnt + judged.out_of_scope;
        tally.learnt += learnt;
        tally.handed_on = 0;
        Ok((watch, parts))
    }

    /// That an hour is to be judged, and not before one that was.
    fn in_turn(&self, begun: Timestamp, last: Timestamp) -> anyhow::Result<()> {
        anyhow::ensure!(
            begun >= last,
            "its observations are of {begun}, and those before it of {last}; sort the lines by their keys"
        );
        let learnt_until = self.scope.judge_from.unwrap_or(Timestamp::MIN);
        anyhow::ensure!(
            begun.plus_secs(HOUR_SECS) > learnt_until,
            "its observations are of {begun}, before --learn-until {learnt_until}; give the same --learn-until as to `partial`"
        );
        Ok(())
    }

    /// That all that was handed on has come, once.
    fn hold(&self, tally: &Tally, watch: &Watch<'_>) -> anyhow::Result<()> {
        let came = watch.tally();
        anyhow::ensure!(
            tally.handed_on == came.observations,
            "the parts handed on {} observations and {} came; give all lines of observations and the tally of the same parts",
            tally.handed_on,
            came.observations
        );
        let twice = came.repeated + came.forgotten;
        anyhow::ensure!(
            twice == 0,
            "{twice} observations came more than once; run the parts that hold repeats again, see `offtrail merge --repeats`"
        );
        anyhow::ensure!(
            came.only_learnt == 0,
            "{} observations lie before --learn-until; give the same --learn-until as to `partial`",
            came.only_learnt
        );
        Ok(())
    }
}

/// The baseline of the parts, ready to judge by.
///
/// # Errors
/// It holds what is to be judged.
pub(crate) fn ends_before(
    baseline: &offtrail_baseline::Baseline,
    learn_until: Timestamp,
    path: &Path,
) -> anyhow::Result<()> {
    match baseline.window.0 {
        Some((_, until)) if until >= learn_until => Err(anyhow::anyhow!(
            "it was learnt until {until}; merge a baseline of parts made with --learn-until {learn_until}"
        ))
        .with_context(|| format!("judge by baseline {:?}", path.display().to_string())),
        _ => Ok(()),
    }
}
