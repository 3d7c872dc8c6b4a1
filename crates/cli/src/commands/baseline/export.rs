//! `offtrail baseline export`: a baseline as text, for review or whole.

use std::{
    fmt,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use offtrail_baseline::{
    Baseline, MaturityRule,
    export::{ExportFile, json_lines, review_files},
    review::{self, ReviewFile},
};
use offtrail_detector::catalogue::Catalogue;
use offtrail_event::Vocabulary;
use offtrail_report::{CsvExport, review_json, review_markdown};
use offtrail_store::Store;

use super::folder::{CSV_NAMES, Folder, INDEX_NAME, JSONL_NAME};
use crate::pipeline::run::settings;

#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The folder; created if absent. It must be empty, hold an earlier export in the same format, or --force be given.
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
    /// Write into a folder that holds something else; an export in another format is replaced.
    #[arg(long)]
    force: bool,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ExportFormat {
    /// For review in version control: one TOML file a principal, and index.md; without what changes in every run.
    Toml,
    /// The same as one JSON file a principal, with access level and sensitivity of each call.
    Json,
    /// The same as two tables for spreadsheets: principals.csv and calls.csv.
    Csv,
    /// The same as one page of Markdown a principal.
    Markdown,
    /// All of it: baseline.jsonl, one JSON object a line. Equal files mean equal baselines.
    Jsonl,
}

impl fmt::Display for ExportFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Toml => "toml",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Markdown => "markdown",
            Self::Jsonl => "jsonl",
        })
    }
}

/// A baseline with what is needed to write it.
struct Exported<'a> {
    baseline: &'a Baseline,
    words: &'a Vocabulary,
    rule: &'a MaturityRule,
    catalogue: &'a Catalogue,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let rule = settings(args.settings.as_deref())?.maturity_rule();
    let store = Store::open_read_only(&args.baseline)?;
    let words = Vocabulary::new();
    let baseline = store.load(&words)?;
    let exported = Exported {
        baseline: &baseline,
        words: &words,
        rule: &rule,
        catalogue: &Catalogue::embedded(),
    };
    let mut folder = Folder::open(&args.dir, args.format, args.force)?;
    match args.format {
        ExportFormat::Toml => {
            for file in exported.files() {
                folder.write(file.path, file.text.as_bytes())?;
            }
        }
        ExportFormat::Json => exported.pages(&mut folder, "json", review_json)?,
        ExportFormat::Markdown => exported.pages(&mut folder, "md", review_markdown)?,
        ExportFormat::Csv => exported.tables(&mut folder)?,
        ExportFormat::Jsonl => {
            let mut out = folder.begin(JSONL_NAME)?;
            for line in json_lines(&baseline, &words) {
                writeln!(out, "{line}")?;
            }
            folder.end(JSONL_NAME, out)?;
        }
    }
    folder.finish()
}

impl Exported<'_> {
    fn files(&self) -> impl Iterator<Item = ExportFile> {
        review_files(self.baseline, self.words, self.rule)
    }

    /// One page a principal, and the index.
    fn pages(
        &self,
        folder: &mut Folder,
        end: &str,
        page: fn(&ReviewFile, &Catalogue) -> String,
    ) -> anyhow::Result<()> {
        for file in self.files() {
            if file.path == INDEX_NAME {
                folder.write(file.path, file.text.as_bytes())?;
                continue;
            }
            let text = page(&read(&file)?, self.catalogue);
            let path = Path::new(&file.path).with_extension(end);
            let path = path
                .into_os_string()
                .into_string()
                .expect("paths of exports are ASCII");
            folder.write(path, text.as_bytes())?;
        }
        Ok(())
    }

    fn tables(&self, folder: &mut Folder) -> anyhow::Result<()> {
        let [principals, calls] = CSV_NAMES;
        let mut csv = CsvExport::new(
            self.catalogue,
            folder.begin(principals)?,
            folder.begin(calls)?,
        )?;
        for file in self.files().filter(|file| file.path != INDEX_NAME) {
            csv.add(&read(&file)?)?;
        }
        let (written_principals, written_calls) = csv.finish()?;
        folder.end(principals, written_principals)?;
        folder.end(calls, written_calls)
    }
}

/// The review text as it is read back.
fn read(file: &ExportFile) -> anyhow::Result<ReviewFile> {
    let read = review::read(file.text.as_bytes());
    read.map_err(|mistakes| anyhow::anyhow!("{}", mistakes[0]))
        .with_context(|| {
            format!(
                "export {}: the review text of this principal does not read back; export it as toml or jsonl",
                file.path
            )
        })
}
