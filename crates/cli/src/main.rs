//! The binary `offtrail`: reads the arguments, runs one command, turns its outcome into an exit code.
//!
//! Exit codes: 0 done; 1 done, and a finding reached `--fail-on`; 2 could not do the work. A reader of standard output that goes away
//! (`| head`) ends the run quietly with 0.
#![allow(
    clippy::disallowed_methods,
    reason = "this crate is an edge: arguments, files, standard streams, threads and the clock are its work"
)]

mod args;
mod commands;
mod errors;
mod output;
mod pipeline;
mod progress;
mod stream;

use std::{env, process::ExitCode};

use clap::{CommandFactory as _, Parser as _};

use args::{Cli, Command};
use commands::{
    backfill, backtest, baseline, completions, demo, detect, events, explain, man, merge, partial,
    report, settings, simulate, stream as stream_command,
};
use errors::Outcome;

/// Observations are made on many threads and let go on one: an allocator that is at ease with that saves a tenth of the time of judging
/// (`docs/benchmarks.md`), and more where the C library's is the slow one of a static build.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let line = stream::config::layered(env::args_os().collect(), Cli::command, env::vars_os());
    let cli = match line {
        Ok(line) => Cli::parse_from(line),
        Err(error) => return errors::tell(&error),
    };
    let talk = cli.talk();
    let outcome = match &cli.command {
        Command::Backfill(args) => backfill::run(args, talk),
        Command::Detect(args) => detect::run(args, talk),
        Command::Backtest(args) => backtest::run(args, talk),
        Command::Stream(args) => stream_command::run(args, talk),
        Command::Partial(args) => partial::run(args, talk),
        Command::Merge(args) => merge::run(args, talk),
        Command::Events(args) => events::run(args, talk),
        Command::Baseline(args) => baseline::run(args, talk),
        Command::Explain(args) => explain::run(args),
        Command::Report(args) => report::run(args, talk),
        Command::Settings(args) => settings::run(args),
        Command::Simulate(args) => simulate::run(args, talk),
        Command::Demo(args) => demo::run(args, talk),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    };
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Reached) => ExitCode::from(errors::EXIT_REACHED),
        Err(error) => errors::tell(&error),
    }
}
