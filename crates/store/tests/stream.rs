//! What a stream keeps: journal, waiting room, outbox and the places of sinks.
#![allow(clippy::unwrap_used)]

use offtrail_baseline::Baseline;
use offtrail_event::{Timestamp, Vocabulary};
use offtrail_store::{Checkpoint, Entry, Error, Reason, Store, Tick};

fn folder() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.db");
    (folder, path)
}

fn entries(store: &Store) -> Vec<Entry> {
    let mut all = Vec::new();
    store
        .replay(|entry| {
            all.push(entry);
            Ok::<_, Error>(())
        })
        .unwrap();
    all
}

fn checkpoint(store: &mut Store, waiting: &[u8]) {
    let (words, empty) = (Vocabulary::new(), Baseline::new());
    let checkpoint = Checkpoint {
        words: &words,
        whole: &empty,
        touched: &empty,
        fingerprints: &[],
        files: &[],
        tally: &[],
        detection: None,
        facts: &[],
    };
    store.checkpoint(&checkpoint, waiting).unwrap();
}

fn told(keys: &[&str]) -> Vec<(String, String)> {
    keys.iter()
        .map(|key| ((*key).to_owned(), format!("{{\"id\":\"{key}\"}}")))
        .collect()
}

#[test]
fn a_tick_is_there_after_opening_again_and_a_checkpoint_empties_the_journal() {
    let (_folder, path) = folder();
    let mut store = Store::open_for_stream(&path).unwrap();
    let until = Timestamp::from_epoch_secs(1_700_000_000);
    store
        .append(&Tick {
            arrivals: b"what arrived",
            until,
            updates: true,
            told: &told(&["a-1", "b-1"]),
            files: &[("x.json.gz".to_owned(), "f".to_owned())],
            tally: &[("records", 3)],
            ..Tick::default()
        })
        .unwrap();
    drop(store);
    let mut store = Store::open_for_stream(&path).unwrap();
    let expected = Entry {
        arrivals: b"what arrived".to_vec(),
        until,
        updates: true,
        told: vec!["a-1".to_owned(), "b-1".to_owned()],
    };
    assert_eq!(entries(&store), [expected]);
    assert!(store.knows_file("x.json.gz", "f").unwrap());
    assert_eq!(store.tally().unwrap()["records"], 3);
    checkpoint(&mut store, b"what waits");
    assert_eq!(entries(&store), []);
    assert_eq!(store.waiting().unwrap(), b"what waits");
    checkpoint(&mut store, b"");
    assert_eq!(store.waiting().unwrap(), b"");
    assert_eq!(store.outbox_size().unwrap().states, 2);
}

#[test]
fn only_a_stream_may_write_a_file_with_a_journal() {
    let (_folder, path) = folder();
    let mut store = Store::open_for_stream(&path).unwrap();
    store
        .append(&Tick {
            arrivals: b"x",
            ..Tick::default()
        })
        .unwrap();
    drop(store);
    let refused = Store::create_or_open(&path).unwrap_err();
    assert!(matches!(refused.reason, Reason::Streaming), "{refused}");
    assert!(refused.to_string().contains("offtrail stream"));
    assert!(Store::open_read_only(&path).is_ok());
    let mut store = Store::open_for_stream(&path).unwrap();
    checkpoint(&mut store, b"waits");
    drop(store);
    assert!(Store::create_or_open(&path).is_ok());
}

#[test]
fn a_state_lies_in_the_outbox_until_every_sink_has_taken_it() {
    let (_folder, path) = folder();
    let mut store = Store::open_for_stream(&path).unwrap();
    let sinks = ["file".to_owned(), "hook".to_owned()];
    store.name_sinks(&sinks).unwrap();
    let last = store.append(&Tick {
        told: &told(&["a", "b", "c"]),
        ..Tick::default()
    });
    assert_eq!(last.unwrap().last, Some(3));
    let keys = |store: &Store, after| -> Vec<String> {
        let rows = store.outbox_after(after, 10).unwrap();
        rows.into_iter().map(|row| row.key).collect()
    };
    let take = |store: &mut Store, taken: &[(String, i64)]| {
        let tick = Tick {
            taken,
            ..Tick::default()
        };
        store.append(&tick).unwrap();
    };
    take(&mut store, &[("file".to_owned(), 3)]);
    assert_eq!(keys(&store, 0), ["a", "b", "c"]);
    take(
        &mut store,
        &[("hook".to_owned(), 2), ("file".to_owned(), 1)],
    );
    assert_eq!(keys(&store, 0), ["c"]);
    assert_eq!(entries(&store), [], "places of sinks are no entry");
    // The slow sink is no longer named: nobody waits for what is left.
    let places = store.name_sinks(&sinks[..1]).unwrap();
    assert_eq!(
        places.into_iter().collect::<Vec<_>>(),
        [("file".to_owned(), 3)]
    );
    assert_eq!(keys(&store, 0), [""; 0]);
    let later = store.append(&Tick {
        told: &told(&["d"]),
        ..Tick::default()
    });
    assert_eq!(later.unwrap().last, Some(4), "places are never used twice");
    assert_eq!(store.outbox_last().unwrap(), 4);
}

#[test]
fn a_copy_is_whole() {
    let (folder, path) = folder();
    let mut store = Store::open_for_stream(&path).unwrap();
    store
        .append(&Tick {
            arrivals: b"x",
            ..Tick::default()
        })
        .unwrap();
    let copy = folder.path().join("copy.db");
    store.copy_to(&copy).unwrap();
    assert!(store.copy_to(&copy).is_err(), "nothing is written over");
    assert_eq!(entries(&Store::open_for_stream(&copy).unwrap()).len(), 1);
}
