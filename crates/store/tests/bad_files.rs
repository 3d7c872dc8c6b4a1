//! What is no baseline, or can't be written, gives one line that says what to do, and stays as it was.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stderr)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use offtrail_baseline::{Baseline, Profile};
use offtrail_event::{Day, Fingerprint, Vocabulary};
use offtrail_store::{Checkpoint, Error, Reason, Store};
use rusqlite::Connection;
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.db");
    (folder, path)
}

/// A baseline changed by SQL.
fn baseline(sql: &str) -> (TempDir, PathBuf) {
    let (folder, path) = folder();
    drop(Store::create_or_open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    connection
        .pragma_update(None, "foreign_keys", false)
        .unwrap();
    connection.execute_batch(sql).unwrap();
    drop(connection);
    (folder, path)
}

/// Opening for reading and for writing says this, and changes nothing.
fn check(path: &Path, expected: &str) {
    let before = fs::read(path).ok();
    let files = fs::read_dir(path.parent().unwrap()).unwrap().count();
    for (doing, result) in [
        ("read", Store::open_read_only(path)),
        ("write", Store::create_or_open(path)),
    ] {
        let text = result.unwrap_err().to_string();
        assert_eq!(text, format!("{doing} baseline {path:?}: {expected}"));
        assert!(!text.contains('\n'));
    }
    assert_eq!(fs::read(path).ok(), before);
    assert!(
        fs::read_dir(path.parent().unwrap()).unwrap().count() <= files + 1,
        "at most a lock file is new"
    );
}

#[test]
fn a_newer_format_is_refused() {
    let (_folder, path) = baseline("PRAGMA user_version = 5");
    check(
        &path,
        "format 5 is newer than this build (4); upgrade offtrail or export it again",
    );
}

#[test]
fn what_is_no_baseline_is_refused() {
    let refusal = "not an offtrail baseline; name another file, it was left as it is";
    let (_folder, path) = folder();
    for bytes in [&b"{\"Records\":[]}"[..], b"SQLite format 3\0", &[0; 4096]] {
        fs::write(&path, bytes).unwrap();
        check(&path, refusal);
    }
    fs::remove_file(&path).unwrap();
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    check(&path, refusal);
    let (folder, _) = self::folder();
    check(folder.path(), "it is a folder; name a file");
}

#[test]
fn a_missing_file_or_folder_is_named() {
    let (folder, path) = folder();
    let text = Store::open_read_only(&path).unwrap_err().to_string();
    assert!(
        text.ends_with("no such file; learn one with `offtrail backfill`, or correct the path"),
        "{text}"
    );
    assert!(!path.exists());
    let text = Store::create_or_open(folder.path().join("no/b.db"))
        .unwrap_err()
        .to_string();
    assert!(
        text.ends_with("its folder does not exist; create the folder, or correct the path"),
        "{text}"
    );
}

#[test]
fn an_empty_file_becomes_a_baseline() {
    let (_folder, path) = folder();
    fs::write(&path, b"").unwrap();
    assert!(matches!(
        Store::open_read_only(&path).unwrap_err().reason,
        Reason::NotABaseline
    ));
    let store = Store::create_or_open(&path).unwrap();
    assert!(store.load(&Vocabulary::new()).unwrap().is_empty());
}

fn load_error(path: &Path) -> String {
    let result =
        Store::open_read_only(path).and_then(|store| store.load(&Vocabulary::new()).map(|_| ()));
    match result {
        Err(Error {
            reason: Reason::Damaged(detail),
            ..
        }) => detail,
        other => panic!("expected a damaged file, got {other:?}"),
    }
}

#[test]
fn rows_that_mean_nothing_are_damage() {
    let principal =
        "INSERT INTO principals (id, account, kind, unique_id) VALUES (1, '', 'role', 'r');
        INSERT INTO calls VALUES (1, 'iam.amazonaws.com', 'X');";
    let call = |values: &str| format!("{principal} INSERT INTO profile_calls VALUES ({values})");
    let check = |sql: &str, expected: &str| {
        let (_folder, path) = baseline(sql);
        let detail = load_error(&path);
        assert!(detail.contains(expected), "{detail}");
    };
    check(
        &call("1, 1, 7, 0, 1, 1, 1, x'0100', 1"),
        "outcome 7 means nothing",
    );
    check(
        &call("1, 1, 0, -1, 1, 1, 1, x'0100', 1"),
        "standing -1 means nothing",
    );
    check(
        &call("1, 2, 0, 0, 1, 1, 1, x'0100', 1"),
        "call 2 is missing",
    );
    check(
        &call("9, 1, 0, 0, 1, 1, 1, x'0100', 1"),
        "principal 9 is missing",
    );
    check(
        &call("1, 1, 0, 0, -1, 1, 1, x'0100', 1"),
        "time -1 is out of range",
    );
    check(&call("1, 1, 0, 0, 1, 1, 1, x'ffffff', 1"), "set of days");
    check(&call("1, 1, 0, 0, 1, 1, -1, x'0100', 1"), "-1");
    check(
        &format!("{principal} UPDATE principals SET kind = 'x'"),
        "\"x\" is not a known kind",
    );
    check(
        &format!("{principal} UPDATE principals SET hours = x'00'"),
        "hours",
    );
    check("UPDATE summary SET since = 1", "Null");
    check("INSERT INTO texts VALUES (1, CAST(x'ff' AS TEXT))", "utf-8");
}

#[test]
fn torn_pages_are_damage_or_no_baseline_and_never_a_panic() {
    let (_folder, path) = folder();
    fill(&mut Store::create_or_open(&path).unwrap(), 500).unwrap();
    let whole = fs::read(&path).unwrap();
    for at in (100..whole.len()).step_by(whole.len() / 40) {
        let mut torn = whole.clone();
        let end = torn.len().min(at + 700);
        torn[at..end].fill(0xa5);
        fs::write(&path, torn).unwrap();
        let result = Store::open_read_only(&path).and_then(|store| store.load(&Vocabulary::new()));
        if let Err(error) = result {
            assert!(
                matches!(
                    error.reason,
                    Reason::Damaged(_) | Reason::NotABaseline | Reason::Sqlite(_)
                ),
                "{error}"
            );
        }
        fs::write(&path, &whole[..at]).unwrap();
        let cut = Store::open_read_only(&path).and_then(|store| store.load(&Vocabulary::new()));
        assert!(cut.is_err(), "cut at {at} of {}", whole.len());
    }
}

/// Commits `count` principals.
fn fill(store: &mut Store, count: u32) -> Result<(), Error> {
    let words = Vocabulary::new();
    let mut baseline = store.load(&words)?;
    let known = u32::try_from(baseline.len()).unwrap();
    let mut touched = Baseline::new();
    for number in known..known + count {
        let id = words.principal_id(&offtrail_event::Principal {
            kind: offtrail_event::PrincipalKind::Role,
            account: "111122223333".into(),
            id: format!("AROAEXAMPLE{number:09}").into(),
            arn: None,
            name: Some("x".repeat(200).into()),
            person: None,
            person_is_key: false,
        });
        touched.set_profile(id, Profile::default());
    }
    baseline.merge(&touched);
    store.commit(&Checkpoint {
        words: &words,
        whole: &baseline,
        touched: &touched,
        fingerprints: &[(Day(1), Fingerprint(1))],
        files: &[("f", "1")],
        tally: &[("records", 1)],
        detection: None,
        facts: &[],
    })
}

fn principals(path: &Path) -> usize {
    Store::open_read_only(path)
        .unwrap()
        .load(&Vocabulary::new())
        .unwrap()
        .len()
}

#[test]
fn a_second_writer_is_told_who_writes() {
    let (_folder, path) = folder();
    let store = Store::create_or_open(&path).unwrap();
    let text = Store::create_or_open(&path).unwrap_err().to_string();
    let us = std::process::id();
    assert!(
        text.ends_with(&format!(
            "another process ({us}) is writing it; wait until it has ended, or stop it"
        )),
        "{text}"
    );
    assert_eq!(principals(&path), 0, "reading goes on beside");
    drop(store);
    Store::create_or_open(&path).unwrap();
}

/// Runs `test` in a folder that is a file system of its own of one megabyte; skipped where none can be mounted.
fn on_small_disk(test: impl FnOnce(&Path, &dyn Fn(&str))) {
    let folder = tempfile::tempdir().unwrap();
    let mount = |args: &[&str]| Command::new("mount").args(args).arg(folder.path()).output();
    let made = mount(&["-t", "tmpfs", "-o", "size=1m", "offtrail-test"]);
    if !made.is_ok_and(|output| output.status.success()) {
        eprintln!("no file system can be mounted here: not tested");
        return;
    }
    let remount = |options: &str| {
        let done = Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(folder.path())
            .output();
        assert!(done.unwrap().status.success());
    };
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        test(folder.path(), &remount)
    }));
    let gone = Command::new("umount").arg(folder.path()).output().unwrap();
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
    assert!(gone.status.success());
}

#[test]
fn a_full_disk_loses_nothing_that_was_committed() {
    on_small_disk(|disk, _| {
        let path = disk.join("b.db");
        let mut store = Store::create_or_open(&path).unwrap();
        fill(&mut store, 10).unwrap();
        let error = fill(&mut store, 10_000).unwrap_err();
        assert!(matches!(error.reason, Reason::Full), "{error}");
        drop(store);
        assert_eq!(principals(&path), 10);
    });
}

#[test]
fn a_write_that_fails_late_is_undone_as_a_whole() {
    let (_folder, path) = folder();
    let mut store = Store::create_or_open(&path).unwrap();
    fill(&mut store, 10).unwrap();
    drop(store);
    // Profiles are written before inputs: the failure comes late in the commit.
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "CREATE TRIGGER stop BEFORE INSERT ON files BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .unwrap();
    drop(connection);
    assert!(fill(&mut Store::create_or_open(&path).unwrap(), 10).is_err());
    assert_eq!(principals(&path), 10);
    let store = Store::open_read_only(&path).unwrap();
    assert_eq!(store.tally().unwrap()["records"], 1);
}

#[test]
fn a_read_only_disk_can_be_read_and_says_so_when_written() {
    on_small_disk(|disk, remount| {
        let path = disk.join("b #?%.db");
        fill(&mut Store::create_or_open(&path).unwrap(), 10).unwrap();
        remount("ro");
        assert_eq!(principals(&path), 10);
        let text = Store::create_or_open(&path).unwrap_err().to_string();
        assert!(text.contains("the disk is read-only"), "{text}");
        let error = fill(&mut Store::open_read_only(&path).unwrap(), 1).unwrap_err();
        assert!(matches!(error.reason, Reason::NotPermitted), "{error}");
    });
}
