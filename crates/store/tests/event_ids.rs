//! Event ids read day by day, laid aside, and committed with what was laid aside.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the crate under test reads and writes the disk"
)]

use std::{collections::BTreeSet, path::Path};

use offtrail_baseline::Baseline;
use offtrail_event::{Day, Fingerprint, Vocabulary};
use offtrail_store::{Checkpoint, EventIds, More, Store};

fn checkpoint<'a>(
    words: &'a Vocabulary,
    baseline: &'a Baseline,
    fingerprints: &'a [(Day, Fingerprint)],
) -> Checkpoint<'a> {
    Checkpoint {
        words,
        whole: baseline,
        touched: baseline,
        fingerprints,
        files: &[],
        tally: &[],
        detection: None,
        facts: &[],
    }
}

fn fetched(ids: &EventIds, day: u16) -> BTreeSet<u64> {
    let all = ids.fetch(Day(day)).unwrap();
    let set: BTreeSet<u64> = all.iter().map(|id| id.0).collect();
    assert_eq!(set.len(), all.len(), "each once");
    set
}

fn ids(range: std::ops::Range<u64>) -> Vec<Fingerprint> {
    range.map(Fingerprint).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_day_is_what_was_committed_and_laid_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.db");
    let (words, baseline) = (Vocabulary::new(), Baseline::new());
    let mut store = Store::create_or_open(&path).unwrap();
    let remembered = store.event_ids().unwrap();
    assert_eq!(fetched(&remembered, 7), BTreeSet::new());
    let first: Vec<_> = ids(0..5).into_iter().map(|id| (Day(7), id)).collect();
    store
        .commit(&checkpoint(&words, &baseline, &first))
        .unwrap();
    remembered.lay(Day(7), &ids(5..8)).unwrap();
    remembered.lay(Day(8), &ids(0..2)).unwrap();
    remembered.lay(Day(7), &ids(8..9)).unwrap();
    assert_eq!(fetched(&remembered, 7), (0..9).collect());
    assert_eq!(fetched(&remembered, 8), (0..2).collect());

    let files = [("a.json", "1"), ("b.json", "2")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    let more = More {
        laid: &remembered,
        files: &mut files.clone().into_iter(),
    };
    let last = [(Day(8), Fingerprint(2))];
    store
        .commit_with(&checkpoint(&words, &baseline, &last), more)
        .unwrap();
    assert_eq!(fetched(&remembered, 7), (0..9).collect());
    assert_eq!(fetched(&remembered, 8), (0..3).collect());
    assert_eq!(store.files().unwrap(), files.into_iter().collect());
    assert_eq!(store.file_count().unwrap(), 2);
    drop(remembered);
    drop(store);
    let store = Store::open_read_only(&path).unwrap();
    assert_eq!(fetched(&store.event_ids().unwrap(), 7), (0..9).collect());
}

#[test]
fn nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.db");
    drop(Store::create_or_open(&path).unwrap());
    let before = names(folder.path());
    let store = Store::create_or_open(&path).unwrap();
    let remembered = store.event_ids().unwrap();
    for day in 0..40 {
        remembered.lay(Day(day), &ids(0..20_000)).unwrap();
    }
    assert_eq!(fetched(&remembered, 39), (0..20_000).collect());
    drop(remembered);
    drop(store);
    assert_eq!(names(folder.path()), before);
    let store = Store::open_read_only(&path).unwrap();
    assert_eq!(store.load_fingerprints().unwrap(), []);
}

#[test]
fn without_a_baseline_there_is_what_was_laid_aside() {
    let aside = EventIds::without_baseline().unwrap();
    aside.lay(Day(3), &ids(0..3)).unwrap();
    assert_eq!(fetched(&aside, 3), (0..3).collect());
    assert_eq!(fetched(&aside, 4), BTreeSet::new());
}
