//! `offtrail baseline`: a baseline as text for review, and what it holds at a glance.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use offtrail_baseline::{
    Baseline, MaturityState,
    export::{json_lines, review_files},
};
use offtrail_event::Vocabulary;
use offtrail_store::Store;

use crate::{
    errors::Outcome,
    output::Output,
    pipeline::{calibration, run::settings},
};

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
    Show(ShowArgs),
    /// Writes the baseline as text into a folder: equal baselines give equal bytes.
    Export(ExportArgs),
}

#[derive(Args, Clone, Debug)]
struct ShowArgs {
    /// The baseline file.
    #[arg(long, value_name = "FILE")]
    baseline: PathBuf,
    /// Principals listed, busiest first.
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Settings whose rule of maturity applies.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
struct ExportArgs {
    /// The folder; created if absent. It must be empty, hold an earlier export, or --force be given.
    dir: PathBuf,
    /// The baseline file.
    #[arg(long, value_name = "FILE")]
    baseline: PathBuf,
    /// What to write.
    #[arg(long, value_enum, default_value_t = ExportFormat::Toml)]
    format: ExportFormat,
    /// Settings whose rule of maturity applies.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Write into a folder that holds something else.
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// For review in version control: one TOML file a principal, and index.md; without what changes in every run.
    Toml,
    /// All of it: baseline.jsonl, one JSON object a line. Equal files mean equal baselines.
    Jsonl,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<Outcome> {
    match &args.what {
        What::Show(args) => show(args)?,
        What::Export(args) => export(args)?,
    }
    Ok(Outcome::Done)
}

fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let rule = settings(args.settings.as_deref())?.maturity_rule();
    let store = Store::open_read_only(&args.baseline)?;
    let words = Vocabulary::new();
    let baseline = store.load(&words)?;
    let mut out = Output::stdout();
    let rows = |of: fn(&offtrail_baseline::Profile) -> usize| {
        baseline
            .iter()
            .map(|(_, profile)| of(profile))
            .sum::<usize>()
    };
    writeln!(out, "baseline      {}", args.baseline.display())?;
    writeln!(out, "principals    {}", baseline.len())?;
    writeln!(out, "observations  {}", baseline.observations)?;
    writeln!(
        out,
        "call rows     {}",
        rows(|profile| profile.calls().len())
    )?;
    writeln!(
        out,
        "other rows    {}",
        rows(|profile| profile.facets().len())
    )?;
    writeln!(out, "files learnt  {}", store.files()?.len())?;
    for (name, count) in store.tally()? {
        writeln!(out, "  {name:<12}{count:>12}  over all runs")?;
    }
    let Some((since, until)) = baseline.window.0 else {
        writeln!(out, "window        nothing learnt yet")?;
        return out.finish();
    };
    writeln!(out, "window        {since} to {until}")?;
    match calibration::stored(&store)? {
        Some(kept) => write!(out, "{}", kept.to_text())?,
        None => writeln!(out, "threshold     not calibrated")?,
    }
    writeln!(
        out,
        "coverage      share of the window's hours with records, by account"
    )?;
    for (account, share) in coverage(&baseline, &words) {
        writeln!(out, "  {account:<14}{:>8.2} %", share * 100.0)?;
    }
    let states = baseline
        .iter()
        .map(|(_, profile)| rule.apply(profile, until).state);
    let (mut learning, mut established, mut stale) = (0, 0, 0);
    for state in states {
        match state {
            MaturityState::Learning => learning += 1,
            MaturityState::Established => established += 1,
            MaturityState::Stale => stale += 1,
        }
    }
    writeln!(
        out,
        "maturity      {established} established, {learning} learning, {stale} stale"
    )?;
    let mut busiest: Vec<_> = baseline
        .iter()
        .map(|(id, profile)| (profile.observations, words.principal(id)))
        .collect();
    busiest.sort_by_cached_key(|(count, name)| (std::cmp::Reverse(*count), name.key()));
    writeln!(out, "busiest")?;
    for (count, name) in busiest.iter().take(args.top) {
        let label = offtrail_report::inert(&name.label()).into_owned();
        let key = offtrail_report::inert(&name.key()).into_owned();
        writeln!(
            out,
            "  {count:>12}  {:<22}  {label}  {key}",
            name.kind.as_str()
        )?;
    }
    out.finish()
}

/// Each account with the share of the window in which its records arrived.
fn coverage(baseline: &Baseline, words: &Vocabulary) -> Vec<(String, f64)> {
    let Some((since, until)) = baseline.window.0 else {
        return Vec::new();
    };
    let mut accounts: Vec<_> = baseline
        .coverage
        .iter()
        .map(|(account, ..)| account)
        .collect();
    accounts.sort_unstable();
    accounts.dedup();
    let mut shares: Vec<_> = accounts
        .into_iter()
        .map(|account| {
            let name = words.text(account);
            let name = if name.is_empty() { "unknown" } else { &*name };
            (
                offtrail_report::inert(name).into_owned(),
                baseline.coverage.share(account, since, until),
            )
        })
        .collect();
    shares.sort_by(|(a, _), (b, _)| a.cmp(b));
    shares
}

fn export(args: &ExportArgs) -> anyhow::Result<()> {
    let rule = settings(args.settings.as_deref())?.maturity_rule();
    let store = Store::open_read_only(&args.baseline)?;
    let words = Vocabulary::new();
    let baseline = store.load(&words)?;
    let earlier = prepare(&args.dir, args.force)?;
    let doing = |path: &Path| format!("write export {path:?}");
    match args.format {
        ExportFormat::Jsonl => {
            let mut out = Output::open(Some(&args.dir.join(JSONL_NAME)))?;
            for line in json_lines(&baseline, &words) {
                writeln!(out, "{line}")?;
            }
            out.finish()
        }
        ExportFormat::Toml => {
            let mut written = BTreeSet::new();
            for file in review_files(&baseline, &words, &rule) {
                let path = args.dir.join(&file.path);
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder).with_context(|| doing(folder))?;
                }
                fs::write(&path, file.text).with_context(|| doing(&path))?;
                written.insert(path);
            }
            if earlier == Earlier::Export {
                remove_gone(&args.dir, &written).with_context(|| doing(&args.dir))?;
            }
            Ok(())
        }
    }
}

/// The file of a whole export.
const JSONL_NAME: &str = "baseline.jsonl";
/// The file that every review export holds.
const INDEX_NAME: &str = "index.md";

/// What an export folder held before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Earlier {
    /// Nothing of ours.
    Nothing,
    /// An export for review.
    Export,
}

/// Makes the folder, and makes sure that an export into it overwrites nothing but an export.
fn prepare(dir: &Path, force: bool) -> anyhow::Result<Earlier> {
    let doing = || format!("write export {dir:?}");
    fs::create_dir_all(dir).with_context(doing)?;
    // Hidden files stay out of it: the folder may be a git repository.
    let full = fs::read_dir(dir)
        .with_context(doing)?
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .any(|name| !name.as_encoded_bytes().starts_with(b"."));
    let review = dir.join(INDEX_NAME).is_file();
    anyhow::ensure!(
        !full || review || dir.join(JSONL_NAME).is_file() || force,
        "write export {dir:?}: the folder is not empty and holds no earlier export; name another one, or use --force"
    );
    Ok(if review {
        Earlier::Export
    } else {
        Earlier::Nothing
    })
}

/// Removes the files of an earlier export whose principals are gone: the folder tells what the baseline holds now.
fn remove_gone(dir: &Path, written: &BTreeSet<PathBuf>) -> io::Result<()> {
    // <account>/<kind>/<principal>.toml
    let folders = |dir: &Path| -> io::Result<Vec<PathBuf>> {
        let mut below = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if entry.file_type()?.is_dir() && !hidden {
                below.push(entry.path());
            }
        }
        Ok(below)
    };
    for account in folders(dir)? {
        for kind in folders(&account)? {
            for entry in fs::read_dir(&kind)? {
                let path = entry?.path();
                let ours = path.extension().is_some_and(|end| end == "toml");
                if ours && !written.contains(&path) {
                    fs::remove_file(path)?;
                }
            }
        }
    }
    Ok(())
}
