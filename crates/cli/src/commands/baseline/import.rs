//! `offtrail baseline import`: the edited text of an export, read back. All of it or nothing.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use offtrail_baseline::review::{Change, Changes, Import, Presumed, REVIEW_FILE_BYTES_MAX, Ruled};
use offtrail_event::Vocabulary;
use offtrail_report::inert_within;

use super::kept::{Kept, ReviewerArgs};
use crate::{output::Output, pipeline::run::settings, progress::Talk};

/// Mistakes told one by one; the rest is counted.
const MISTAKES_SHOWN_MAX: usize = 200;

/// Characters of a line that is told; a longer one is cut.
const LINE_CHARS_MAX: usize = 3_000;

/// Folders below the one named that are looked into: account, kind, and one to spare.
const FOLDERS_DEEP_MAX: usize = 4;

/// Reads the edited text of an export back: what it approves, refuses, confines and expects.
///
/// Only standings and what belongs to them may be edited. Whatever else differs from what an export would write now is a mistake, told with
/// its line and what to do about it; then nothing is changed.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail baseline import review/ --baseline org.db --dry-run
  offtrail baseline import review/ --baseline org.db --reviewer ana
  offtrail baseline import review/111122223333/iam_user/ci-deploy-AIDAEXAMPLE000000001.toml --baseline org.db")]
pub(super) struct Arguments {
    /// The folder of an export, a folder in it, or one file of it.
    dir: PathBuf,
    /// The baseline file.
    #[arg(long, value_name = "FILE")]
    baseline: PathBuf,
    /// Say what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Count files of principals that the baseline doesn't hold, instead of refusing them.
    #[arg(long)]
    ignore_gone: bool,
    #[command(flatten)]
    reviewer: ReviewerArgs,
    /// Settings the export was made with.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(args: &Arguments, talk: Talk) -> anyhow::Result<()> {
    let rule = settings(args.settings.as_deref())?.maturity_rule();
    let presumed = Presumed {
        by: args.reviewer.by()?,
        on: args.reviewer.on(),
    };
    let mut kept = Kept::open(&args.baseline)?;
    let paths = files(&args.dir)?;
    let mut import = Import::new((&kept.baseline, &kept.words), &rule, presumed);
    if args.ignore_gone {
        import = import.ignoring_gone();
    }
    let mistakes = read_all(&mut import, &paths)?;
    anyhow::ensure!(
        mistakes == 0,
        "import {:?}: mistakes in the text: {mistakes}, listed above; nothing was changed",
        args.dir
    );
    let changes = import.finish();
    tell(&changes, &kept.words)?;
    talk.say(&counted(&changes, args.dry_run));
    if args.dry_run || changes.shown.is_empty() {
        return Ok(());
    }
    let touched = changes.apply(&mut kept.baseline);
    kept.keep(&touched)
}

/// The review files below a folder, in the order of their paths; or the one file named.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let doing = || format!("import {path:?}");
    let about = fs::metadata(path).with_context(|| format!("{}; correct the path", doing()))?;
    if about.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    below(path, FOLDERS_DEEP_MAX, &mut found).with_context(doing)?;
    found.sort();
    anyhow::ensure!(
        !found.is_empty(),
        "import {path:?}: there is no review file (*.toml); name the folder of `offtrail baseline export`"
    );
    Ok(found)
}

fn below(folder: &Path, deep: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if entry.file_type()?.is_dir() {
            if deep > 0 && !hidden {
                below(&path, deep - 1, found)?;
            }
        } else if !hidden && path.extension().is_some_and(|end| end == "toml") {
            found.push(path);
        }
    }
    Ok(())
}

/// Reads every file; tells its mistakes on standard error and returns how many there are.
fn read_all(import: &mut Import<'_>, paths: &[PathBuf]) -> anyhow::Result<usize> {
    let mut count = 0;
    let mut err = io::stderr().lock();
    for path in paths {
        let shown = path.display().to_string();
        let shown = inert_within(&shown, LINE_CHARS_MAX).into_owned();
        let bytes = bytes(path).with_context(|| format!("import {path:?}"))?;
        for mistake in import.file(&shown, &bytes) {
            if count < MISTAKES_SHOWN_MAX {
                let told = mistake.to_string();
                writeln!(err, "{shown}:{}", inert_within(&told, LINE_CHARS_MAX))?;
            }
            count += 1;
        }
    }
    if count > MISTAKES_SHOWN_MAX {
        writeln!(err, "and {} more", count - MISTAKES_SHOWN_MAX)?;
    }
    Ok(count)
}

/// A file, as far as one may be long; one byte more tells that it is longer.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(REVIEW_FILE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn tell(changes: &Changes, words: &Vocabulary) -> anyhow::Result<()> {
    let mut out = Output::stdout();
    for change in &changes.shown {
        writeln!(out, "{}", line(change, words))?;
    }
    out.finish()
}

/// `approved  ci-deploy (111122223333/AIDA…)  iam:ListAccessKeys, ana on 2026-02-01: audit of keys`.
fn line(change: &Change, words: &Vocabulary) -> String {
    let name = words.principal(change.principal);
    let ruled = word(change.ruled);
    let review = change.review.as_ref().map_or_else(String::new, |review| {
        let until = review.until;
        let until = until.map_or_else(String::new, |until| format!(" until {until}"));
        format!(", {} on {}{until}: {}", review.by, review.on, review.reason)
    });
    let (label, key, what) = (name.label(), name.key(), &change.what);
    let line = format!("{ruled:<18}  {label} ({key})  {what}{review}");
    inert_within(&line, LINE_CHARS_MAX).into_owned()
}

fn word(ruled: Ruled) -> &'static str {
    match ruled {
        Ruled::Approved => "approved",
        Ruled::Refused => "refused",
        Ruled::Lifted => "lifted",
        Ruled::PurposeSet => "purpose",
        Ruled::PurposeLifted => "purpose lifted",
        Ruled::Expected => "expected",
        Ruled::ExpectationLifted => "no longer expected",
    }
}

fn counted(changes: &Changes, dry_run: bool) -> String {
    let of = |ruled| changes.count(ruled);
    let mut text = format!(
        "{} files read: approved {}, refused {}, lifted {}, purposes {} set and {} lifted, expectations {} set and {} lifted",
        changes.files,
        of(Ruled::Approved),
        of(Ruled::Refused),
        of(Ruled::Lifted),
        of(Ruled::PurposeSet),
        of(Ruled::PurposeLifted),
        of(Ruled::Expected),
        of(Ruled::ExpectationLifted),
    );
    if changes.gone > 0 {
        text += &format!("; {} of principals that are gone", changes.gone);
    }
    if dry_run {
        text += "; nothing was written (--dry-run)";
    }
    text
}
