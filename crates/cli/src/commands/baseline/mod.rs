//! `offtrail baseline`: a baseline as text for review, and what it holds at a glance.

mod export;
mod show;

use clap::{Args, Subcommand};

use crate::errors::Outcome;

/// Shows a baseline, or exports it as text.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail baseline show --baseline org.db
  offtrail baseline export review/ --baseline org.db
  offtrail baseline export dump/ --baseline org.db --format jsonl")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Prints totals, window, coverage, maturity and the busiest principals.
    Show(show::Arguments),
    /// Writes the baseline as text into a folder: equal baselines give equal bytes.
    Export(export::Arguments),
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<Outcome> {
    match &args.what {
        What::Show(args) => show::run(args)?,
        What::Export(args) => export::run(args)?,
    }
    Ok(Outcome::Done)
}
