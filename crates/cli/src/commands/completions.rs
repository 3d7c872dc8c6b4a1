//! `offtrail completions`: the completion script of a shell.

use std::io::Write;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::{args::Cli, errors::Outcome, output::Output};

/// Prints the completion script of a shell.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail completions bash > ~/.local/share/bash-completion/completions/offtrail
  offtrail completions zsh > ~/.zfunc/_offtrail
  offtrail completions fish > ~/.config/fish/completions/offtrail.fish")]
pub(crate) struct Arguments {
    /// The shell.
    shell: Shell,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "offtrail", &mut script);
    let mut out = Output::stdout();
    out.write_all(&script)?;
    out.finish()?;
    Ok(Outcome::Done)
}
