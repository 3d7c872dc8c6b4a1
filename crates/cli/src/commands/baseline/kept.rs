//! A baseline opened to rule on it, and what rulings are given with: by whom, on which day.

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use clap::Args;
use offtrail_baseline::{Baseline, REVIEWER_CHARS_MAX};
use offtrail_event::{Day, Timestamp, Vocabulary};
use offtrail_store::{Checkpoint, Store};

use crate::args::day;

/// Who rules, and on which day.
#[derive(Args, Clone, Debug)]
pub(super) struct ReviewerArgs {
    /// Who rules; where a text names somebody, that holds.
    #[arg(long, value_name = "NAME", env = "OFFTRAIL_REVIEWER")]
    pub(super) reviewer: Option<String>,
    /// The day of the ruling, where a text names none; by default today (UTC).
    #[arg(long, value_name = "DAY", value_parser = day)]
    on: Option<Day>,
}

impl ReviewerArgs {
    /// The day of the ruling.
    pub(super) fn on(&self) -> Day {
        self.on.unwrap_or_else(today)
    }

    /// The reviewer, if one is named.
    ///
    /// # Errors
    /// The name is empty, too long, or shows something other than it is.
    pub(super) fn by(&self) -> anyhow::Result<Option<&str>> {
        match &self.reviewer {
            Some(name) => Ok(Some(said(("--reviewer", name), REVIEWER_CHARS_MAX)?)),
            None => Ok(None),
        }
    }
}

/// A text that a person said on the command line.
///
/// # Errors
/// It is empty, too long, or holds characters that show nothing.
pub(super) fn said<'t>((flag, text): (&str, &'t str), max: usize) -> anyhow::Result<&'t str> {
    anyhow::ensure!(
        offtrail_baseline::is_sayable(text, max),
        "{flag} {text:?}: write 1 to {max} characters, without control characters and characters that show nothing"
    );
    Ok(text)
}

fn today() -> Day {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let secs = now.map_or(0, |since| since.as_secs());
    let time = i64::try_from(secs)
        .ok()
        .and_then(Timestamp::from_epoch_secs);
    time.unwrap_or(Timestamp::MAX).day()
}

/// A baseline with its store, open for writing.
pub(super) struct Kept {
    pub(super) store: Store,
    pub(super) words: Vocabulary,
    pub(super) baseline: Baseline,
}

impl Kept {
    /// Opens a baseline that exists.
    ///
    /// # Errors
    /// It is missing, damaged, or another process writes it.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        // Reading first: a path with a typo must not become a baseline.
        drop(Store::open_read_only(path)?);
        let store = Store::create_or_open(path)?;
        let words = Vocabulary::new();
        let baseline = store.load(&words)?;
        Ok(Self {
            store,
            words,
            baseline,
        })
    }

    /// Writes what rulings touched, in one transaction.
    ///
    /// # Errors
    /// The disk is full or refuses; the file is as it was.
    pub(super) fn keep(mut self, touched: &Baseline) -> anyhow::Result<()> {
        let checkpoint = Checkpoint {
            words: &self.words,
            whole: &self.baseline,
            touched,
            fingerprints: &[],
            files: &[],
            tally: &[],
            detection: None,
            facts: &[],
        };
        self.store.commit(&checkpoint).context("keep the rulings")
    }
}
