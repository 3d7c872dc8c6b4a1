//! `offtrail backfill`: learns an archive into a baseline; goes on where it stopped, counts nothing twice.

use std::path::PathBuf;

use clap::Args;
use offtrail_engine::Scope;
use offtrail_event::Vocabulary;
use offtrail_report::{Purpose, Tally};
use offtrail_sources::Items;
use offtrail_store::Store;

use crate::{
    args::{InputArgs, ListArgs},
    errors::Outcome,
    pipeline::{
        calibration,
        learn::{Known, Learning, commit},
        naming::{Naming, agree},
        plan,
        run::{list, reconcile, settings},
    },
    progress::Talk,
};

/// Learns what each principal does from an archive, into a baseline file.
///
/// Interrupted at any moment, it goes on where it stopped when run again; files and events learnt before are not counted twice.
#[derive(Args, Clone, Debug)]
#[command(
    mut_arg("sources", |arg| arg.required(false).required_unless_present_any(["keys", "inventory"])),
    after_help = "\
Examples:
  offtrail backfill AWSLogs/ --baseline org.db
  offtrail backfill s3://trail-bucket/AWSLogs --baseline org.db --since 2026-06-01
  offtrail backfill new-files/ --baseline org.db    (adds to what is there)
  offtrail backfill s3://trail-bucket/AWSLogs --baseline org.db --plan    (requests, cost and time; fetches nothing)
  offtrail backfill --keys keys.txt --baseline org.db
  offtrail backfill --inventory s3://lists/trail-bucket/daily/2026-08-30T01-00Z/manifest.json --baseline org.db
  offtrail backfill s3://trail-bucket/AWSLogs --baseline org.db --role-arn arn:aws:iam::111122223333:role/read-logs"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) listed: ListArgs,
    /// The baseline file; created if absent.
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: PathBuf,
    /// Files between two checkpoints: more are faster, fewer lose less of a killed run.
    #[arg(long, value_name = "N", default_value_t = CHECKPOINT_FILES, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) checkpoint_files: u32,
    /// Settings the threshold is calibrated with; see `offtrail settings show`.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
}

/// Files between two checkpoints, by default.
pub(crate) const CHECKPOINT_FILES: u32 = 2_000;

/// Runs the command.
pub(crate) fn run(args: &Arguments, talk: Talk) -> anyhow::Result<Outcome> {
    let settings = settings(args.settings.as_deref())?;
    let naming = Naming::open(args.input.asn_db.as_deref())?;
    let mut tally = Tally::default();
    if args.listed.plan {
        return plan(args, talk);
    }
    let (sources, listing) = list((&args.input, &args.listed), &mut tally, talk)?;
    let mut store = Store::create_or_open(&args.baseline)?;
    let words = Vocabulary::new();
    let mut known = Known::load(&store, &words)?;
    agree_on_networks(naming.as_ref(), &mut store, (&mut known, &words))?;
    let listed = listing.items.len();
    // By delivery the requests of one moment spread over all accounts and regions, and so over all parts of a bucket.
    let items = learnt_before_left_out(listing.items, &store)?.by_delivery()?;
    if items.len() < listed {
        talk.say(&format!(
            "{} of {listed} files were learnt before and are not read again",
            listed - items.len()
        ));
    }
    let learning = Learning {
        words: &words,
        naming: naming.as_ref(),
        scope: Scope {
            since: args.input.since,
            until: args.input.until,
            judge_from: None,
        },
        threads: args.input.threads(),
        checkpoint_files: usize::try_from(args.checkpoint_files).unwrap_or(usize::MAX),
        talk,
    };
    learning.run(&sources, &items, (&mut store, &mut known), &mut tally)?;
    known.say(&args.baseline, talk);
    if tally.learnt > 0 || calibration::stored(&store)?.is_none() {
        calibration::renew(&mut store, (&known.baseline, &words), &settings, talk)?;
    }
    if let Some(naming) = &naming {
        naming.say(talk);
    }
    reconcile(&args.input, ("backfill", Purpose::Learn), &tally, talk)?;
    Ok(Outcome::Done)
}

/// Says what the run would read.
fn plan(args: &Arguments, talk: Talk) -> anyhow::Result<Outcome> {
    let left_out = |items: Items| match args.baseline.exists() {
        true => learnt_before_left_out(items, &Store::open_read_only(&args.baseline)?),
        false => Ok(items),
    };
    plan::tell(
        (&args.input, &args.listed),
        ("backfill", Purpose::Learn),
        left_out,
        talk,
    )
}

/// The items that are not learnt yet.
fn learnt_before_left_out(items: Items, store: &Store) -> anyhow::Result<Items> {
    if store.file_count()? == 0 {
        return Ok(items);
    }
    items.filtered(|item| {
        let (provenance, fingerprint) = (item.provenance.to_string(), item.fingerprint.to_string());
        Ok(!store.knows_file(&provenance, &fingerprint)?)
    })
}

/// Brings the networks of a baseline to the names of this run, as a checkpoint of its own.
fn agree_on_networks(
    naming: Option<&Naming>,
    store: &mut Store,
    (known, words): (&mut Known, &Vocabulary),
) -> anyhow::Result<()> {
    let agreed = agree(naming, store, (&mut known.baseline, words))?;
    let facts = agreed.facts();
    if facts.is_empty() {
        return Ok(());
    }
    let state = match agreed.renamed.is_empty() {
        true => None,
        false => agreed.state(store, (&known.baseline, words))?,
    };
    let none = Tally::default();
    commit(
        store,
        (words, &known.baseline, &agreed.renamed),
        (&known.repeats, state.as_ref(), &facts),
        (&[], &none, &none),
    )
}
