//! The two ends that every reading command shares: listing what there is, and the reconciliation.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use anyhow::Context as _;
use offtrail_report::{Purpose, Tally, write_summary, write_summary_text};
use offtrail_sources::{Listing, Source, Sources};

use crate::{
    args::{InputArgs, ListArgs, RejectsMax},
    output::{self, Output},
    pipeline::tally::within_rejects_max,
    progress::{Progress, Talk},
};

/// Lists what there is to read, and says what is left out.
///
/// # Errors
/// A source named by the user can't be listed.
pub(crate) fn list(
    (input, listed): (&InputArgs, &ListArgs),
    tally: &mut Tally,
    talk: Talk,
) -> anyhow::Result<(Sources, Listing)> {
    let sources = Sources::new(input.source_settings());
    let range = input.range();
    // An inventory stands in for the listing of what lies in S3.
    let (instead, asked): (Vec<Source>, Vec<Source>) = input
        .sources
        .iter()
        .cloned()
        .partition(|source| listed.inventory.is_some() && matches!(source, Source::S3 { .. }));
    let mut listing = sources.list(&asked, range)?;
    if let Some(manifest) = &listed.inventory {
        listing = listing.joined(sources.inventory(manifest, &instead, range)?)?;
    }
    if let Some(path) = &listed.keys {
        let twice = path == Path::new("-") && asked.contains(&Source::Stdin);
        anyhow::ensure!(
            !twice,
            "read standard input: it can't hold both events and names; give --keys a file"
        );
        let named = sources.named(names(path)?, range);
        let named =
            named.with_context(|| format!("read names {:?}", path.display().to_string()))?;
        listing = listing.joined(named)?;
    }
    tell_listing(&listing, tally, talk);
    Ok((sources, listing))
}

/// Bytes of a line that names something to read, at most.
const NAME_BYTES_MAX: u64 = 64 << 10;

/// The lines of a file of names, or of standard input.
fn names(path: &Path) -> anyhow::Result<impl Iterator<Item = io::Result<String>>> {
    let mut from: Box<dyn BufRead> = match path == Path::new("-") {
        true => Box::new(io::stdin().lock()),
        false => {
            let opened = File::open(path);
            let doing = || {
                format!(
                    "read names {:?}; correct the path",
                    path.display().to_string()
                )
            };
            Box::new(BufReader::new(opened.with_context(doing)?))
        }
    };
    Ok(std::iter::from_fn(move || {
        let mut line = String::new();
        match from.by_ref().take(NAME_BYTES_MAX).read_line(&mut line) {
            Err(error) => Some(Err(error)),
            Ok(0) => None,
            Ok(read) if read as u64 == NAME_BYTES_MAX => Some(Err(io::Error::other(format!(
                "more than {NAME_BYTES_MAX} bytes; write one name a line"
            )))),
            Ok(_) => {
                line.truncate(line.trim_end_matches(['\n', '\r']).len());
                Some(Ok(line))
            }
        }
    }))
}

/// Counts what a listing leaves out, and says it.
pub(crate) fn tell_listing(listing: &Listing, tally: &mut Tally, talk: Talk) {
    tally.files_pruned = listing.pruned.files;
    tally.files_unreadable = listing.problems.len() as u64;
    let notes = Progress::new(talk, "listing", 0);
    for problem in &listing.problems {
        notes.note(&format!(
            "not read: {}: {}",
            problem.provenance, problem.detail
        ));
    }
    for folder in &listing.passed_over {
        notes.note(&format!(
            "passed over {folder}: another service's; name it as a source to read it"
        ));
    }
    notes.finish();
    if listing.pruned.ranges > 0 {
        talk.say(&format!(
            "{} ranges of keys were not listed: they lie outside of the time asked for",
            listing.pruned.ranges
        ));
    }
    if listing.items.is_empty() {
        talk.say("there is nothing to read in the sources named");
    }
}

/// How a run ends.
pub(crate) struct Ending<'e> {
    /// Where its reconciliation is written.
    pub(crate) summary: Option<&'e Path>,
    /// How much may have been unreadable.
    pub(crate) max_rejects: Option<RejectsMax>,
}

/// Ends a run: the reconciliation on standard error and in `--summary`, then `--max-rejects`.
///
/// # Errors
/// The summary can't be written, or more was unreadable than allowed.
pub(crate) fn reconcile(
    input: &InputArgs,
    command: (&str, Purpose),
    tally: &Tally,
    talk: Talk,
) -> anyhow::Result<()> {
    let ending = Ending {
        summary: input.summary.as_deref(),
        max_rejects: input.max_rejects,
    };
    end(&ending, command, tally, talk)
}

/// The same for a command that reads no sources.
///
/// # Errors
/// As [`reconcile`].
pub(crate) fn end(
    ending: &Ending<'_>,
    (command, purpose): (&str, Purpose),
    tally: &Tally,
    talk: Talk,
) -> anyhow::Result<()> {
    if talk == Talk::Loud {
        let stderr = io::stderr();
        let style = output::style(&stderr);
        write_summary_text(&mut stderr.lock(), purpose, tally, style)?;
    }
    if let Some(path) = ending.summary {
        let mut file = Output::open(Some(path))?;
        write_summary(&mut file, command, purpose, tally)?;
        file.finish()?;
    }
    within_rejects_max(tally, ending.max_rejects)
}

/// The settings file named, or the defaults.
///
/// # Errors
/// The file can't be read, or holds something that is no setting.
pub(crate) fn settings(path: Option<&Path>) -> anyhow::Result<offtrail_detector::Settings> {
    let Some(path) = path else {
        return Ok(offtrail_detector::Settings::default());
    };
    let doing = || format!("read settings {path:?}");
    let text =
        std::fs::read_to_string(path).with_context(|| format!("{}; correct the path", doing()))?;
    offtrail_detector::Settings::parse(&text).with_context(doing)
}
