//! `offtrail merge`: folds lines of partial profiles into fewer lines, into a baseline, or into what parts must leave out.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use offtrail_baseline::partial::{Content, Kind, Partial, event_repeats};
use offtrail_detector::Settings;
use offtrail_engine::Seen;
use offtrail_event::Vocabulary;
use offtrail_report::{Purpose, Tally};
use offtrail_store::Store;

use crate::{
    args::RejectsMax,
    commands::partial::write_line,
    errors::Outcome,
    output::Output,
    pipeline::{
        calibration,
        learn::{Known, commit, trusted},
        naming::agree_on_facts,
        parts::{each_line, of_parts},
        run::{Ending, end, settings},
    },
    progress::Talk,
};

/// Folds lines of `offtrail partial` into fewer lines that say the same, or into a baseline.
///
/// Any lines may be folded, in any order and in as many steps as you like: the baseline is that of `offtrail backfill` over the same files. It
/// is written only if all sums hold: records, observations, parts, events.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cat part-*.lines | offtrail merge > whole.lines
  offtrail merge part-*.lines --baseline org.db --parts 12
  grep -h ^ids part-*.lines | offtrail merge --repeats    (what parts must leave out: partial --without)")]
pub(crate) struct Arguments {
    /// Files of lines; - or none: standard input.
    #[arg(value_name = "LINES")]
    lines: Vec<PathBuf>,
    /// Write the baseline here, in place of lines; what it holds already is added to.
    #[arg(long, value_name = "FILE", conflicts_with = "repeats")]
    baseline: Option<PathBuf>,
    /// Read ids, and write which events came in several parts and which of these must leave them out.
    #[arg(long)]
    repeats: bool,
    /// Fail unless the parts counted are those from 0 on, so many.
    #[arg(long, value_name = "N", requires = "baseline")]
    parts: Option<u32>,
    /// Settings the threshold is calibrated with; see `offtrail settings show`.
    #[arg(long, value_name = "FILE", requires = "baseline")]
    settings: Option<PathBuf>,
    /// Fail with exit code 2 when more records or files than N (or N% of them) were unreadable; by default any number may be.
    #[arg(long, value_name = "N|P%", requires = "baseline")]
    max_rejects: Option<RejectsMax>,
    /// Write the reconciliation of all parts as JSON; - for standard output.
    #[arg(long, value_name = "FILE", requires = "baseline")]
    summary: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments, talk: Talk) -> anyhow::Result<Outcome> {
    let settings = settings(args.settings.as_deref())?;
    let words = Vocabulary::new();
    let mut out = Output::stdout();
    let mut partial = Partial::default();
    let stdin = [PathBuf::from("-")];
    let files = match args.lines.as_slice() {
        [] => &stdin,
        named => named,
    };
    for file in files {
        each_line(file, |line| {
            let kind = Kind::of_line(line);
            if kind == Some(Kind::Observations) && args.baseline.is_none() && !args.repeats {
                return write_line(&mut out, line);
            }
            match (kind, args.repeats, &args.baseline) {
                (Some(kind), true, _) if kind != Kind::Ids => {
                    anyhow::bail!("it holds {kind}; give --repeats only lines of ids")
                }
                (Some(kind @ (Kind::Observations | Kind::Repeats)), _, Some(_)) => {
                    anyhow::bail!("it holds {kind}, which is no part of a baseline; leave it out")
                }
                _ => Ok(partial.take(Content::read(line, &words)?, &words)?),
            }
        })?;
    }
    let Some(path) = &args.baseline else {
        if args.repeats {
            partial = event_repeats(&partial);
        }
        partial.lines(&words, |line| write_line(&mut out, &line))?;
        out.finish()?;
        return Ok(Outcome::Done);
    };
    let tally = of_parts(&partial.tally);
    let violated = args.violated(&partial, &tally);
    anyhow::ensure!(
        violated.is_empty(),
        "reconcile the parts: {}; nothing was written: run the job again",
        violated.join("; ")
    );
    write_baseline((&partial, &words), path, (&tally, &settings), talk)?;
    let ending = Ending {
        summary: args.summary.as_deref(),
        max_rejects: args.max_rejects,
    };
    end(&ending, ("merge", Purpose::Learn), &tally, talk)?;
    Ok(Outcome::Done)
}

impl Arguments {
    /// Every sum over the parts that does not hold, in words.
    fn violated(&self, partial: &Partial, tally: &Tally) -> Vec<String> {
        let mut violated = tally.check(Purpose::Learn);
        let mut hold = |what: &str, one: u64, other: u64| {
            if one != other {
                violated.push(format!("{what}: {one} is not {other}"));
            }
        };
        hold(
            "learnt = the observations of all profiles",
            tally.learnt,
            partial.baseline.observations,
        );
        if let Some(distinct) = partial.distinct {
            hold(
                "learnt + handed on = the distinct events",
                tally.learnt + tally.handed_on,
                distinct,
            );
        }
        let twice: usize = {
            let told = event_repeats(partial);
            let parts: Vec<_> = told.repeated_parts().collect();
            parts
                .into_iter()
                .map(|part| told.repeats_of(part).count())
                .sum()
        };
        if twice > 0 {
            violated.push(format!(
                "{twice} events came in several parts: run these again as `offtrail merge --repeats` says"
            ));
        }
        if let Some(parts) = self.parts {
            let all = (0..parts).eq(partial.tally.parts.iter().copied());
            if !all {
                violated.push(format!(
                    "the parts are those from 0 on, {parts} of them: {} were counted",
                    partial.tally.parts.len()
                ));
            }
        }
        violated
    }
}

/// Adds all that parts learnt to a baseline file, with the code that `backfill` uses.
fn write_baseline(
    (partial, words): (&Partial, &Vocabulary),
    path: &Path,
    (tally, settings): (&Tally, &Settings),
    talk: Talk,
) -> anyhow::Result<()> {
    let doing = || format!("add to baseline {:?}", path.display().to_string());
    let mut store = Store::create_or_open(path)?;
    let mut known = Known::load(&store, words)?;
    agree_on_facts(&partial.tally.facts, &store, &known.baseline)?;
    let (mut again, mut given) = (0u64, 0u64);
    for (day, ids) in partial.learnt_ids() {
        for id in ids {
            given += 1;
            again += u64::from(known.repeats.see(day.start(), *id) == Seen::Repeat);
        }
    }
    trusted(&known.repeats)?;
    anyhow::ensure!(
        again == 0,
        "{}: {again} of the events are in it already; merge into a new baseline",
        doing()
    );
    anyhow::ensure!(
        known.baseline.is_empty() || given == tally.learnt,
        "{}: it can't be told which of the events are in it already; give all lines of ids, or merge into a new baseline",
        doing()
    );
    if given < tally.learnt {
        talk.say(&format!(
            "{given} of {} events are remembered: an event that comes again from the others will be counted twice",
            tally.learnt
        ));
    }
    known.baseline.merge(&partial.baseline);
    known.baseline.bound_targets(words);
    let files: Vec<_> = partial.files.iter().cloned().collect();
    let facts = partial.tally.facts.iter();
    let facts: Vec<(&str, &str)> = facts.map(|(key, value)| (&**key, &**value)).collect();
    commit(
        &mut store,
        (words, &known.baseline, &partial.baseline),
        (&known.repeats, None, &facts),
        (&files, &Tally::default(), tally),
    )
    .with_context(doing)?;
    known.say(path, talk);
    if tally.learnt > 0 || calibration::stored(&store)?.is_none() {
        calibration::renew(&mut store, (&known.baseline, words), settings, talk)?;
    }
    Ok(())
}
