//! `offtrail baseline export`: a baseline as text, for review or whole.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use offtrail_baseline::export::{json_lines, review_files};
use offtrail_event::Vocabulary;
use offtrail_store::Store;

use crate::{output::Output, pipeline::run::settings};

#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
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
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
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
