//! `offtrail settings`: shows the numbers findings are weighed by, or checks a file of them.

use std::{io::Write, path::PathBuf};

use clap::{Args, Subcommand};
use offtrail_detector::DEFAULT_SETTINGS;

use crate::{errors::Outcome, output::Output, pipeline::run::settings};

/// Shows the documented default settings, or checks a settings file.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail settings show > settings.toml
  offtrail settings check settings.toml
  offtrail detect AWSLogs/ --baseline org.db --settings settings.toml")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Prints every setting with its default and its reason, as TOML.
    Show,
    /// Reads a file as the judging commands would; a file needs only the lines that differ from the defaults.
    Check {
        /// The settings file.
        file: PathBuf,
    },
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<Outcome> {
    let mut out = Output::stdout();
    match &args.what {
        What::Show => out.write_all(DEFAULT_SETTINGS.as_bytes())?,
        What::Check { file } => {
            let read = settings(Some(file))?;
            writeln!(
                out,
                "{}: settings {}, recipe version {}, threshold {} bits",
                file.display(),
                read.digest(),
                read.version,
                read.finding.threshold_bits
            )?;
        }
    }
    out.finish()?;
    Ok(Outcome::Done)
}
