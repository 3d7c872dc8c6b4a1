//! `offtrail man`: the manual page, or one page a command into a folder.

use std::{fs, io::Write, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};
use clap_mangen::Man;

use crate::{args::Cli, errors::Outcome, output::Output};

/// Prints the manual page, or writes one page for each command into a folder.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail man | man -l -
  offtrail man --out ~/.local/share/man/man1")]
pub(crate) struct Arguments {
    /// Write a page for each command into this folder, created if absent.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<Outcome> {
    if let Some(folder) = &args.out {
        let doing = || format!("write manual pages into {folder:?}");
        fs::create_dir_all(folder).with_context(doing)?;
        clap_mangen::generate_to(Cli::command(), folder).with_context(doing)?;
        return Ok(Outcome::Done);
    }
    let mut page = Vec::new();
    Man::new(Cli::command()).render(&mut page)?;
    let mut out = Output::stdout();
    out.write_all(&page)?;
    out.finish()?;
    Ok(Outcome::Done)
}
