//! `offtrail backtest`: learns up to a day, judges what follows, strictly in order; leaves no baseline behind.

use std::{
    io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use offtrail_baseline::Baseline;
use offtrail_detector::{Finding, Settings, Telling, Threshold};
use offtrail_engine::{Raising, Scope, Watch};
use offtrail_event::{Day, Timestamp, Vocabulary};
use offtrail_report::{
    Backtest, Chosen, Compared, Forecast, ForecastFinding, How, LabelScores, Pair, Purpose, Shown,
    Tally, compare, write_backtest_page, write_comparison, write_forecast, write_scores,
};
use offtrail_sources::Source;
use offtrail_store::Store;

use crate::{
    args::{InputArgs, JudgeArgs, ListArgs, time},
    errors::Outcome,
    output::{self, Output},
    pipeline::{
        findings::Findings,
        forecast::{Gathered, chosen},
        handed_on,
        judge::{Judging, Side},
        naming::{Naming, agree_on_facts},
        plan, remembered,
        run::{list, reconcile, settings},
        score::{Labels, Scoring},
        suppressions,
    },
    progress::Talk,
};

/// Learns an archive up to a day and judges the rest, as if it had run all along; leaves no baseline behind.
///
/// Every event is judged by what came before it, and only then learnt. Says how many findings a day there would have been, of
/// which severity and about whom, and which threshold keeps within --budget findings a day in the whole organisation.
#[derive(Args, Clone, Debug)]
#[command(
    mut_arg("sources", |arg| arg.required(false).required_unless_present_any(["keys", "inventory"])),
    after_help = "\
Examples:
  offtrail backtest AWSLogs/ --learn-until 2026-08-30 --html backtest.html --findings findings.jsonl
  offtrail backtest s3://trail-bucket/AWSLogs --learn-until 2026-08-30 --budget 3 --findings findings.jsonl
  offtrail backtest AWSLogs/ --learn-until 2026-08-30 --compare other.toml --html backtest.html --findings findings.jsonl
  offtrail backtest AWSLogs/ --learn-until 2026-08-30 --all --findings all.jsonl   (to tune and to score)
  offtrail backtest - --observations --baseline parts.db --learn-until 2026-08-30 < sorted.lines   (of many machines)
  offtrail backtest s3://trail-bucket/AWSLogs --learn-until 2026-08-30 --plan   (requests, cost and time; fetches nothing)"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) listed: ListArgs,
    /// Learn events before this time; judge those from it on.
    #[arg(long, value_name = "TIME", value_parser = time)]
    learn_until: Timestamp,
    /// Findings a day in the whole organisation that somebody can read: the threshold is calibrated for it on the history before
    /// --learn-until, and what stays below it is weighed too, so that lower thresholds are told. By default what the settings say
    /// for that many principals.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    budget: Option<u32>,
    /// Score the findings against labelled attacks: labels.jsonl, with attacks.jsonl beside it, as `simulate` writes them.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Also write it all as one page that loads nothing and runs no script.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Judge the same events by these settings as well, and show which findings come and go.
    #[arg(long, value_name = "SETTINGS")]
    compare: Option<PathBuf>,
    /// SOURCE holds what `offtrail partial --learn-until` of many machines handed on: lines of observations sorted by their keys, and the tally.
    #[arg(long, requires = "baseline", conflicts_with_all = ["keys", "inventory", "plan"])]
    observations: bool,
    /// With --observations: the baseline that `offtrail merge` made of the same parts; only read.
    #[arg(long, value_name = "FILE", requires = "observations")]
    baseline: Option<PathBuf>,
    #[command(flatten)]
    judge: JudgeArgs,
}

/// Findings a day that the forecast is made for, where neither `--budget` nor a calibration names a number.
const BUDGET: f64 = 1.0;

/// Runs the command.
pub(crate) fn run(args: &Arguments, talk: Talk) -> anyhow::Result<Outcome> {
    if args.listed.plan {
        let listed = (&args.input, &args.listed);
        return plan::tell(listed, ("backtest", Purpose::Judge), Ok, talk);
    }
    let words = Vocabulary::new();
    let naming = Naming::open(args.input.asn_db.as_deref())?;
    let judging = judging(args, (&words, naming.as_ref()), talk)?;
    let second = args.compare.as_deref().map(|path| settings(Some(path)));
    let second: Option<Settings> = second.transpose()?;
    let labels = args.labels.as_deref().map(Labels::read).transpose()?;
    let html = args.html.as_deref().map(page_file).transpose()?;
    let scoring = || {
        labels
            .as_ref()
            .map(|labels| Scoring::new(labels, args.learn_until))
    };
    let (mut gathered, mut gathered_beside) = (Gathered::new(scoring()), Gathered::new(scoring()));
    let mut findings = Findings::open(&args.judge)?;
    let mut tally = Tally::default();
    let tell = |side, finding: &Finding| {
        if side == Side::Beside {
            gathered_beside.take(finding);
            return Ok(());
        }
        gathered.take(finding);
        findings.take(finding)
    };
    let (watch, only_learnt) = match &args.baseline {
        None => judge_archive(args, (&judging, second.as_ref()), (&mut tally, talk), tell)?,
        Some(baseline) => judge_handed_on(
            args,
            (&judging, second.as_ref()),
            baseline,
            (&mut tally, tell),
        )?,
    };
    tally.findings = findings.tally();
    let last = watch.baseline().window.0.map(|(_, until)| until);
    suppressions::say(&judging.suppressions, &tally.findings, last, talk);
    let first = Run::of(args, &judging, (&watch, &judging.settings), gathered);
    let second = watch
        .beside()
        .zip(second.as_ref())
        .map(|watch| Run::of(args, &judging, watch, gathered_beside));
    drop(watch);

    let reached = args
        .judge
        .fail_on
        .is_some_and(|least| findings.reached(least));
    let left_out = findings.words();
    let to_stdout = findings.leaves_stdout_to_people();
    findings.finish()?;
    let told = Told::of(&first, second.as_ref());
    if let Some(mut file) = html {
        write_backtest_page(&mut file, &told.page(args))?;
        file.finish()?;
    }
    told.to_people(to_stdout, talk)?;

    talk.say(&format!(
        "learnt before {}: {only_learnt} observations, out of scope of judging",
        args.learn_until
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

/// Learns and judges the sources; how many observations were only learnt.
fn judge_archive<'j>(
    args: &Arguments,
    (judging, second): (&Judging<'j>, Option<&Settings>),
    (tally, talk): (&mut Tally, Talk),
    tell: impl FnMut(Side, &Finding) -> anyhow::Result<()>,
) -> anyhow::Result<(Watch<'j>, u64)> {
    let (sources, listing) = list((&args.input, &args.listed), tally, talk)?;
    let watch = watch(judging, second, Baseline::new())?;
    let judged = judging.run(&sources, listing, watch, tally, tell)?;
    let only_learnt = judged.watch.tally().only_learnt;
    Ok((judged.watch, only_learnt))
}

/// Judges what other machines handed on, by what they learnt; how many observations these were.
fn judge_handed_on<'j>(
    args: &Arguments,
    (judging, second): (&Judging<'j>, Option<&Settings>),
    path: &Path,
    (tally, tell): (&mut Tally, impl FnMut(Side, &Finding) -> anyhow::Result<()>),
) -> anyhow::Result<(Watch<'j>, u64)> {
    let mut files = Vec::new();
    for source in &args.input.sources {
        files.push(match source {
            Source::Stdin => Path::new("-"),
            Source::Path(path) => path,
            Source::S3 { .. } => anyhow::bail!(
                "read observations: --observations takes files and standard input, no s3:// address"
            ),
        });
    }
    let store = Store::open_read_only(path)?;
    let baseline = store.load(judging.words)?;
    handed_on::ends_before(&baseline, args.learn_until, path)?;
    let learnt = baseline.observations;
    let watch = watch(judging, second, baseline)?;
    let (watch, parts) = judging.run_handed_on(&files, watch, tally, tell)?;
    agree_on_facts(&parts.facts, &store, watch.baseline())?;
    anyhow::ensure!(
        parts.count("learnt") == learnt,
        "judge by baseline {:?}: it holds {learnt} observations, and the parts learnt {}; merge a new one of the same parts",
        path.display().to_string(),
        parts.count("learnt")
    );
    Ok((watch, learnt))
}

fn watch<'j>(
    judging: &Judging<'j>,
    second: Option<&Settings>,
    baseline: Baseline,
) -> anyhow::Result<Watch<'j>> {
    let watch = judging.watch(baseline, remembered::never_committed()?);
    Ok(match second {
        Some(second) => watch.with_beside(judging.beside(second.clone())),
        None => watch,
    })
}

fn judging<'j>(
    args: &Arguments,
    (words, naming): (&'j Vocabulary, Option<&'j Naming>),
    talk: Talk,
) -> anyhow::Result<Judging<'j>> {
    let all = args.judge.rules.all
        || args.budget.is_some()
        || args.labels.is_some()
        || args.html.is_some()
        || args.compare.is_some();
    Ok(Judging {
        words,
        naming,
        scope: Scope {
            since: args.input.since,
            until: args.input.until,
            judge_from: Some(args.learn_until),
        },
        policy: args.judge.learn.policy(),
        telling: if all { Telling::All } else { Telling::Raised },
        settings: settings(args.judge.rules.settings.as_deref())?,
        suppressions: suppressions::read(args.judge.rules.suppressions.as_deref())?,
        raising: match args.judge.rules.threshold {
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
    })
}

/// Opens the page's file; early, so that a wrong path is told before hours of judging.
fn page_file(path: &Path) -> anyhow::Result<Output> {
    anyhow::ensure!(
        path != Path::new("-"),
        "write the page: --html needs a file, standard output is for findings and the forecast"
    );
    Output::open(Some(path)).context("write the page")
}

/// What came of judging by one of the settings.
struct Run {
    since: Day,
    until: Day,
    budget: f64,
    threshold: Chosen,
    telling: Telling,
    findings: Vec<ForecastFinding>,
    scores: Option<LabelScores>,
}

impl Run {
    fn of(
        args: &Arguments,
        judging: &Judging<'_>,
        (watch, settings): (&Watch<'_>, &Settings),
        gathered: Gathered<'_>,
    ) -> Self {
        let since = args.learn_until.day();
        let last = watch.baseline().window.0.map(|(_, until)| until.day());
        let until = match args.input.until {
            Some(until) => until.plus_secs(-1).day(),
            None => last.unwrap_or(since),
        };
        let threshold = chosen(watch, settings, judging.raising);
        let calibrated_to = match &threshold.how {
            How::Calibrated(made) => made.budget_a_day,
            How::ByHand | How::TooLittleHistory { .. } => BUDGET,
        };
        let (findings, scores) = gathered.finish();
        Self {
            since,
            until: until.max(since),
            budget: args.budget.map_or(calibrated_to, f64::from),
            threshold,
            telling: judging.telling,
            findings,
            scores,
        }
    }

    fn forecast(&self) -> Forecast<'_> {
        Forecast {
            since: self.since,
            until: self.until,
            budget: self.budget,
            threshold: self.threshold.clone(),
            telling: self.telling,
            findings: &self.findings,
        }
    }
}

/// What is told at the end: one run, or two and what becomes of the findings of the first.
struct Told<'r> {
    first: &'r Run,
    second: Option<(&'r Run, Vec<Pair<'r>>)>,
}

impl<'r> Told<'r> {
    fn of(first: &'r Run, second: Option<&'r Run>) -> Self {
        Self {
            first,
            second: second.map(|second| (second, compare(&first.findings, &second.findings))),
        }
    }

    fn page<'t>(&'t self, args: &'t Arguments) -> Backtest<'t> {
        let from = |path: Option<&'t Path>| path.and_then(Path::to_str).unwrap_or("the defaults");
        Backtest {
            forecast: self.first.forecast(),
            scores: self.first.scores.as_ref(),
            compared: self.second.as_ref().map(|(second, pairs)| Compared {
                forecast: second.forecast(),
                scores: second.scores.as_ref(),
                first_from: from(args.judge.rules.settings.as_deref()),
                second_from: from(args.compare.as_deref()),
                pairs,
            }),
        }
    }

    /// Writes it where people read: standard output, unless findings stream to it.
    fn to_people(&self, to_stdout: bool, talk: Talk) -> anyhow::Result<()> {
        if to_stdout {
            let mut out = Output::stdout();
            self.write(&mut out, shown(output::style(&io::stdout())))?;
            return out.finish();
        }
        if talk == Talk::Loud {
            let stderr = io::stderr();
            let style = output::style(&stderr);
            self.write(&mut stderr.lock(), shown(style))?;
        }
        Ok(())
    }

    fn write(&self, out: &mut dyn io::Write, shown: Shown) -> io::Result<()> {
        let first = self.first.forecast();
        let scores = self.first.scores.as_ref();
        write_forecast(out, &first, shown)?;
        if let Some(scores) = scores {
            write_scores(out, scores, shown)?;
        }
        let Some((second, pairs)) = &self.second else {
            return Ok(());
        };
        let both = scores.zip(second.scores.as_ref());
        write_comparison(out, (&first, &second.forecast()), pairs, both, shown)
    }
}

fn shown(style: offtrail_report::Style) -> Shown {
    Shown {
        style,
        charset: output::charset(),
    }
}
