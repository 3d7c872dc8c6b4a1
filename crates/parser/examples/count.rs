//! Reads every file below a folder and prints what became of it, and how fast.
//!
//! `cargo run --release -p offtrail-parser --example count -- [--files] FOLDER`

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a tool for people at a terminal"
)]

mod files;

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
    time::Instant,
};

use offtrail_event::Vocabulary;
use offtrail_parser::{FileTally, Observer, Parser, Reject, WithDetail};

fn main() -> io::Result<()> {
    let mut each_file = false;
    let mut folder = PathBuf::from(".");
    for argument in env::args().skip(1) {
        if argument == "--files" {
            each_file = true
        } else {
            folder = PathBuf::from(argument)
        }
    }
    let paths = files::below(&folder)?;
    let words = Vocabulary::new();
    let mut observer = Observer::new(&words, WithDetail::Learn);
    let mut parser = Parser::default();
    let (mut observations, mut rejects, mut inflated) = (0, 0, 0);
    let mut kinds: BTreeMap<_, u64> = BTreeMap::new();
    let start = Instant::now();
    for path in &paths {
        let bytes = fs::read(path)?;
        let mut first_reject: Option<Reject> = None;
        let tally = parser.observe(
            &bytes,
            &mut observer,
            &mut |_, observed, _| match observed {
                Ok(observation) => {
                    *kinds
                        .entry((observation.principal_kind, observation.credential_kind))
                        .or_default() += 1;
                }
                Err(reject) => drop(first_reject.get_or_insert(reject)),
            },
        );
        observations += tally.observations;
        rejects += tally.rejected();
        inflated += tally.inflated_bytes;
        if each_file {
            print_file(path, &tally, first_reject.as_ref());
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} files: {observations} observations, {rejects} rejects, {inflated} bytes of JSON in {seconds:.3} s",
        paths.len()
    );
    println!(
        "{:.0} events/s, {:.3} GB/s",
        observations as f64 / seconds,
        inflated as f64 / seconds / 1e9
    );
    for ((principal, credential), count) in kinds {
        println!("{count:>9} {principal} with {credential}");
    }
    println!(
        "{} calls, {} principals",
        words.call_count(),
        words.principal_count()
    );
    Ok(())
}

fn print_file(path: &Path, tally: &FileTally, first_reject: Option<&Reject>) {
    println!(
        "{:>6} observations {:>4} rejects {} digests {} insights {} notifications {:?} {}",
        tally.observations,
        tally.rejected(),
        tally.digests,
        tally.insights,
        tally.notifications,
        tally.envelope,
        path.display(),
    );
    if let Some(reject) = first_reject {
        println!(
            "       {:?}; first: #{} {reject}",
            tally.rejects, reject.index
        );
    }
}
