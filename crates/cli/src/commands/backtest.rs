//! `offtrail backtest`: learns up to a day, judges what follows, strictly in order; leaves no baseline behind.

use std::{io, path::PathBuf};

use clap::Args;
use offtrail_baseline::Baseline;
use offtrail_detector::{Telling, Threshold};
use offtrail_engine::{Raising, Repeats, Scope};
use offtrail_event::{Timestamp, Vocabulary};
use offtrail_report::{
    CalibrationV1, FindingV1, Forecast, ForecastFinding, Purpose, Tally, write_forecast,
};

use crate::{
    args::{InputArgs, JudgeArgs, time},
    errors::Outcome,
    output::{self, Output},
    pipeline::{
        findings::Findings,
        judge::Judging,
        naming::Naming,
        run::{list, reconcile, settings},
        score::{Labels, Scoring},
    },
    progress::Talk,
};

/// Learns an archive up to a day and judges the rest, as if it had run all along; leaves no baseline behind.
///
/// Every event is judged by what came before it, and only then learnt. Says how many findings a day there would have been, of
/// which severity and about whom, and which threshold keeps within --budget findings a day.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail backtest AWSLogs/ --learn-until 2026-08-30
  offtrail backtest s3://trail-bucket/AWSLogs --learn-until 2026-08-30 --budget 3 --findings findings.jsonl
  offtrail backtest AWSLogs/ --learn-until 2026-08-30 --all --findings all.jsonl   (to tune and to score)")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Learn events before this time; judge those from it on.
    #[arg(long, value_name = "TIME", value_parser = time)]
    learn_until: Timestamp,
    /// Findings a day somebody can read: the threshold is calibrated for it on the history before --learn-until, and what stays
    /// below it is weighed too, so that lower thresholds are told.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    budget: Option<u32>,
    /// Score the findings against labelled attacks: labels.jsonl, with attacks.jsonl beside it, as `simulate` writes them.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    #[command(flatten)]
    judge: JudgeArgs,
}

/// Findings a day that the forecast is made for, where `--budget` names none.
const BUDGET: u32 = 1;

/// Runs the command.
pub(crate) fn run(args: &Arguments, talk: Talk) -> anyhow::Result<Outcome> {
    let words = Vocabulary::new();
    let naming = Naming::open(args.input.asn_db.as_deref())?;
    let judging = Judging {
        words: &words,
        naming: naming.as_ref(),
        scope: Scope {
            since: args.input.since,
            until: args.input.until,
            judge_from: Some(args.learn_until),
        },
        policy: args.judge.learn.policy(),
        telling: if args.judge.all || args.budget.is_some() || args.labels.is_some() {
            Telling::All
        } else {
            Telling::Raised
        },
        settings: settings(args.judge.settings.as_deref())?,
        raising: match args.judge.threshold {
            Some(bits) => Raising::At(Threshold {
                bits,
                calibrated: false,
            }),
            None => Raising::Calibrated {
                budget_a_day: args.budget.map(f64::from),
            },
        },
        threads: args.input.threads(),
        lateness_secs: args.input.lateness_secs(),
        talk,
    };
    let mut scoring = match &args.labels {
        Some(path) => Some(Scoring::new(Labels::read(path)?, args.learn_until)),
        None => None,
    };
    let mut findings = Findings::open(&args.judge)?;
    let mut tally = Tally::default();
    let (sources, listing) = list(&args.input, &mut tally, talk)?;
    let watch = judging.watch(Baseline::new(), Repeats::default());
    let judged = judging.run(&sources, listing, watch, &mut tally, |finding| {
        if let Some(scoring) = &mut scoring {
            scoring.take(finding.time, &FindingV1::from(finding));
        }
        findings.take(finding)
    })?;
    tally.findings = findings.tally();
    let counts = judged.watch.tally();
    if let Some(made) = judged.watch.calibration() {
        let kept = CalibrationV1::of(made, &judging.settings.digest());
        talk.say(kept.to_text().trim_end());
    }
    let last = judged.watch.baseline().window.0.map(|(_, until)| until);
    drop(judged);

    let reached = args
        .judge
        .fail_on
        .is_some_and(|least| findings.reached(least));
    let left_out = findings.words();
    let told = findings.for_forecast();
    let to_stdout = findings.leaves_stdout_to_people();
    findings.finish()?;
    let people = People {
        to_stdout,
        talk,
        scoring,
    };
    forecast(args, &told, last, &people)?;

    talk.say(&format!(
        "learnt before {}: {} observations, out of scope of judging",
        args.learn_until, counts.only_learnt
    ));
    if let Some(left_out) = left_out {
        talk.say(&left_out);
    }
    if let Some(naming) = &naming {
        naming.say(talk);
    }
    reconcile(&args.input, ("backtest", Purpose::Judge), &tally, talk)?;
    Ok(if reached {
        Outcome::Reached
    } else {
        Outcome::Done
    })
}

/// Where people read, and what they are told beside the forecast.
struct People {
    /// Standard output is free for them; else findings stream to it, and they read standard error.
    to_stdout: bool,
    talk: Talk,
    scoring: Option<Scoring>,
}

/// Writes the forecast, and how the findings meet the labels, where people read.
fn forecast(
    args: &Arguments,
    findings: &[ForecastFinding],
    last: Option<Timestamp>,
    people: &People,
) -> anyhow::Result<()> {
    let since = args.learn_until.day();
    let until = match (last, args.input.until) {
        (_, Some(until)) => until.plus_secs(-1).day(),
        (Some(last), None) => last.day(),
        (None, None) => since,
    };
    let forecast = Forecast {
        since,
        until: until.max(since),
        budget: args.budget.unwrap_or(BUDGET),
        findings,
    };
    let write = |out: &mut dyn io::Write, style| -> io::Result<()> {
        write_forecast(out, &forecast, style, output::charset())?;
        match &people.scoring {
            Some(scoring) => scoring.write(out),
            None => Ok(()),
        }
    };
    if people.to_stdout {
        let mut out = Output::stdout();
        write(&mut out, output::style(&io::stdout()))?;
        return out.finish();
    }
    if people.talk == Talk::Loud {
        let stderr = io::stderr();
        let style = output::style(&stderr);
        write(&mut stderr.lock(), style)?;
    }
    Ok(())
}
