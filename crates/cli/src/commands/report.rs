//! `offtrail report`: findings as one page to look at.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use offtrail_event::Vocabulary;
use offtrail_report::{FindingsPage, Known, write_findings_page};
use offtrail_store::Store;

use crate::{
    commands::{demo::quoted, explain},
    errors::Outcome,
    output::Output,
    progress::Talk,
};

/// Writes findings as one page: a ranked list with filters, and a view of each finding.
///
/// The page loads nothing and sends nothing: open it from disk, pass it on, print it. With --baseline a finding's view also shows its principal's week,
/// its calls by service, and which of its peers make the calls that are new. Of each finding the last state in the file is shown.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail report --findings findings.jsonl --baseline org.db --out report.html
  offtrail report --findings all.jsonl --out report.html            (findings only)")]
pub(crate) struct Arguments {
    /// Findings written by `detect` or `backtest` as JSON Lines.
    #[arg(long, value_name = "FILE")]
    findings: PathBuf,
    /// The baseline file they were judged by; without it the page shows the findings alone.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// The page; it appears under this name when it is whole.
    #[arg(long, value_name = "FILE.html")]
    out: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments, talk: Talk) -> anyhow::Result<Outcome> {
    anyhow::ensure!(
        args.out != Path::new("-"),
        "write the page: --out needs a file that a browser can open"
    );
    let findings = explain::last_states(&args.findings)?;
    let words = Vocabulary::new();
    let baseline = match &args.baseline {
        Some(path) => Some(Store::open_read_only(path)?.load(&words)?),
        None => None,
    };
    let known = baseline.as_ref().map(|baseline| Known {
        words: &words,
        baseline,
    });
    let [findings_path, baseline_path] =
        [Some(&args.findings), args.baseline.as_ref()].map(|path| path.map(|path| quoted(path)));
    let shown = findings.len();
    let mut out = Output::open(Some(&args.out)).context("write the page")?;
    let page = FindingsPage {
        findings,
        findings_path: findings_path.as_deref().unwrap_or_default(),
        known: known.zip(baseline_path.as_deref()),
    };
    write_findings_page(&mut out, page)?;
    out.finish()?;
    talk.say(&format!("{shown} findings in {:?}", args.out));
    Ok(Outcome::Done)
}
