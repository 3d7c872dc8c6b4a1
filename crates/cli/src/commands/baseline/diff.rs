//! `offtrail baseline diff`: what behaviour came and went between two baselines, wherever each lies.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use offtrail_baseline::{
    MaturityRule,
    export::review_files,
    review::{self, REVIEW_FILE_BYTES_MAX},
};
use offtrail_detector::catalogue::Catalogue;
use offtrail_event::Vocabulary;
use offtrail_report::{
    Difference, FailOn, Side, compare_reviews, difference_markdown, write_difference_lines,
    write_difference_sarif, write_difference_text,
};
use offtrail_store::Store;

use super::{
    folder::{INDEX_NAME, principal_files},
    git,
};
use crate::{errors::Outcome, output::Output, pipeline::run::settings};

/// Shows what behaviour came and went between two baselines.
///
/// Each is a folder exported as TOML, a baseline file, or git:REVISION:PATH for a folder as git has it.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail baseline diff git:main:baselines baselines
  offtrail baseline diff baselines org.db --fail-on sensitive
  offtrail baseline diff git:origin/main:baselines baselines --format sarif --out baseline.sarif")]
pub(super) struct Arguments {
    /// The earlier one.
    #[arg(value_name = "A")]
    before: String,
    /// The later one.
    #[arg(value_name = "B")]
    after: String,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = DiffFormat::Text)]
    format: DiffFormat,
    /// Write it here; - or none: standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 1 if there is such news.
    #[arg(long, value_enum)]
    fail_on: Option<News>,
    /// With --format sarif: the folder of B within the repository; by default as it is named.
    #[arg(long, value_name = "PATH")]
    root: Option<String>,
    /// Settings whose rule of maturity applies to baseline files.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DiffFormat {
    /// For people, worst news first.
    Text,
    /// For a comment on a pull request, worst news first, cut to the length one may have.
    Markdown,
    /// SARIF 2.1.0, for annotations beside the lines of a pull request.
    Sarif,
    /// One JSON object a change.
    Jsonl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum News {
    /// Anything new.
    New,
    /// A new call that is sensitive or severe.
    Sensitive,
    /// A new call that is severe.
    Severe,
    /// A line that newly waits for review.
    Pending,
}

/// Mistakes told of one file; the first says what to do.
const MISTAKES_SHOWN_MAX: usize = 3;

/// Runs the command.
pub(super) fn run(args: &Arguments) -> anyhow::Result<Outcome> {
    let rule = settings(args.settings.as_deref())?.maturity_rule();
    let mut before = texts(&args.before, &rule)?;
    let mut after = texts(&args.after, &rule)?;
    // What is the same is not read: in a large organisation that is nearly all.
    before.retain(|path, bytes| match after.get(path) {
        Some(same) if same == bytes => {
            after.remove(path);
            false
        }
        _ => true,
    });
    let before = side(&args.before, before)?;
    let after = side(&args.after, after)?;
    let difference = compare_reviews(&before, &after, &Catalogue::embedded());
    let mut out = Output::open(args.out.as_deref())?;
    write(args, &difference, &mut out)?;
    out.finish()?;
    let reached = args.fail_on.is_some_and(|news| {
        difference.reaches(match news {
            News::New => FailOn::New,
            News::Sensitive => FailOn::Sensitive,
            News::Severe => FailOn::Severe,
            News::Pending => FailOn::Pending,
        })
    });
    Ok(if reached {
        Outcome::Reached
    } else {
        Outcome::Done
    })
}

fn write(args: &Arguments, difference: &Difference, out: &mut Output) -> anyhow::Result<()> {
    use std::io::Write as _;
    match args.format {
        DiffFormat::Text => write_difference_text(out, difference)?,
        DiffFormat::Markdown => out.write_all(difference_markdown(difference).as_bytes())?,
        DiffFormat::Jsonl => write_difference_lines(out, difference)?,
        DiffFormat::Sarif => {
            let root = args.root.clone().unwrap_or_else(|| root_of(&args.after));
            write_difference_sarif(out, difference, &root)?;
        }
    }
    Ok(())
}

/// The folder of the second text within the repository, as far as its name tells.
fn root_of(after: &str) -> String {
    if let Some(tree) = after.strip_prefix(git::PREFIX).and_then(git::Tree::parse) {
        return tree.path.trim_start_matches("./").to_owned();
    }
    let path = Path::new(after);
    if !path.is_dir() {
        return String::new();
    }
    let here = std::env::current_dir().unwrap_or_default();
    let within = path.strip_prefix(&here).unwrap_or(path);
    let text = within.to_string_lossy().replace('\\', "/");
    text.trim_start_matches("./").to_owned()
}

/// The review texts of a place, by path below the folder.
fn texts(place: &str, rule: &MaturityRule) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    if let Some(text) = place.strip_prefix(git::PREFIX) {
        let tree = git::Tree::parse(text).with_context(|| {
            format!("read {place:?}: write git:REVISION:PATH, such as git:main:baselines")
        })?;
        let files = tree.files(|path| is_principal(path) || path == INDEX_NAME)?;
        return of_export(place, files);
    }
    let path = Path::new(place);
    if path.is_dir() {
        return folder(place, path);
    }
    let store = Store::open_read_only(path)?;
    let words = Vocabulary::new();
    let baseline = store.load(&words)?;
    let files = review_files(&baseline, &words, rule).filter(|file| file.path != INDEX_NAME);
    Ok(files
        .map(|file| (file.path, file.text.into_bytes()))
        .collect())
}

fn folder(place: &str, dir: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let doing = |path: &Path| format!("read review {path:?}");
    let mut files = BTreeMap::new();
    for path in principal_files(dir).with_context(|| doing(dir))? {
        let size = fs::metadata(&path).with_context(|| doing(&path))?.len();
        anyhow::ensure!(
            size <= REVIEW_FILE_BYTES_MAX as u64,
            "{}: it is larger than {REVIEW_FILE_BYTES_MAX} bytes; no export is",
            doing(&path)
        );
        let bytes = fs::read(&path).with_context(|| doing(&path))?;
        let within = path.strip_prefix(dir).unwrap_or(&path);
        files.insert(within.to_string_lossy().replace('\\', "/"), bytes);
    }
    if dir.join(INDEX_NAME).is_file() {
        files.insert(INDEX_NAME.to_owned(), Vec::new());
    }
    of_export(place, files)
}

/// The principals among the files, if they are those of an export.
fn of_export(
    place: &str,
    mut files: BTreeMap<String, Vec<u8>>,
) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    anyhow::ensure!(
        !files.is_empty(),
        "read {place:?}: there is no export in TOML; make one with `offtrail baseline export`"
    );
    files.remove(INDEX_NAME);
    Ok(files)
}

/// Whether a path is one of `<account>/<kind>/<principal>.toml`.
fn is_principal(path: &str) -> bool {
    path.split('/').count() == 3
        && !path.split('/').any(|part| part.starts_with('.'))
        && path.ends_with(".toml")
}

fn side(place: &str, texts: BTreeMap<String, Vec<u8>>) -> anyhow::Result<Side> {
    let mut side = Side::new();
    for (path, bytes) in texts {
        let file = review::read(&bytes).map_err(|mistakes| {
            let shown = mistakes.iter().take(MISTAKES_SHOWN_MAX);
            let shown: Vec<_> = shown.map(|mistake| format!("line {mistake}")).collect();
            anyhow::anyhow!("read {place:?}, {path:?}: {}", shown.join("; "))
        })?;
        side.insert(path, file);
    }
    Ok(side)
}
