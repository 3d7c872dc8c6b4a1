//! `offtrail events`: every record as a normalised observation, one a line, in the order of the sources.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;
use offtrail_engine::Scope;
use offtrail_parser::Parser;
use offtrail_report::{Purpose, Tally, write_observation, write_reject};
use offtrail_sources::Delivery;

use crate::{
    args::{InputArgs, ListArgs},
    errors::Outcome,
    output::Output,
    pipeline::{
        naming::{Namer, Naming},
        order::in_order,
        run::{list, reconcile},
        tally::{FileOutcome, Rows, read},
    },
    progress::{Progress, Talk},
};

/// Prints what offtrail makes of each record: normalised observations, one JSON object a line.
///
/// What can't be read gives no line; it is counted, and written with its reason to --rejects.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail events AWSLogs/ | head
  offtrail events mixed-folder/ --rejects rejects.jsonl --summary summary.json > observations.jsonl
  zcat part.json.gz | offtrail events -")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: InputArgs,
    /// Write what could not be read: provenance, index, reason, detail; one JSON object a line.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

/// One file's lines.
struct Lines {
    outcome: FileOutcome,
    observations: Vec<u8>,
    rejects: Vec<u8>,
    out_of_scope: u64,
    /// Memory can't refuse a write; kept all the same, rather than dropped.
    written: io::Result<()>,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments, talk: Talk) -> anyhow::Result<Outcome> {
    let naming = Naming::open(args.input.asn_db.as_deref())?;
    let mut out = Output::stdout();
    let mut rejects = match &args.rejects {
        Some(path) => Some(Output::open(Some(path))?),
        None => None,
    };
    let mut tally = Tally::default();
    let (sources, listing) = list((&args.input, &ListArgs::default()), &mut tally, talk)?;
    let rows = match args.input.summary {
        Some(_) => Rows::ByFile,
        None => Rows::Sums,
    };
    let reader = sources.read(listing.items)?;
    let progress = Progress::of_files(talk, "reading", reader.items());
    let scope = Scope {
        since: args.input.since,
        until: args.input.until,
        judge_from: None,
    };
    let done = in_order(
        &reader,
        args.input.threads(),
        || worker(scope, naming.as_ref()),
        |_, lines: Lines| {
            lines.written?;
            tally.out_of_scope += lines.out_of_scope;
            progress.read(lines.outcome.records(), lines.outcome.bytes());
            lines.outcome.count(&mut tally, rows, &progress)?;
            out.write_all(&lines.observations)?;
            if let Some(rejects) = &mut rejects {
                rejects.write_all(&lines.rejects)?;
            }
            Ok(())
        },
    );
    progress.finish();
    done?;
    out.finish()?;
    if let Some(rejects) = rejects {
        rejects.finish()?;
    }
    if let Some(naming) = &naming {
        naming.say(talk);
    }
    reconcile(&args.input, ("events", Purpose::Show), &tally, talk)?;
    Ok(Outcome::Done)
}

fn worker(scope: Scope, naming: Option<&Naming>) -> impl FnMut(Delivery) -> (Lines, Vec<u8>) {
    let mut parser = Parser::default();
    let mut namer = Namer::new(naming);
    move |delivery| {
        let provenance = delivery.item.provenance.to_string();
        let mut observations = Vec::new();
        let mut rejects = Vec::new();
        let mut out_of_scope = 0;
        let mut written = Ok(());
        let by = (&mut parser, &mut namer);
        let outcome = read(by, delivery, &mut |index, record, _| {
            let line = match record {
                Ok(event) if scope.holds(event.time) => {
                    write_observation(&mut observations, &event, &provenance, index)
                }
                Ok(_) => {
                    out_of_scope += 1;
                    Ok(())
                }
                Err(reject) => write_reject(
                    &mut rejects,
                    &provenance,
                    index,
                    reject.reason.as_str(),
                    &reject.detail,
                ),
            };
            if written.is_ok() {
                written = line;
            }
        });
        let lines = Lines {
            outcome,
            observations,
            rejects,
            out_of_scope,
            written,
        };
        (lines, Vec::new())
    }
}
