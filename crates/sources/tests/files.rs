//! Files and folders as a user has them: sorted, links and locked folders survived, caps kept, every problem told.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests make files and may fail loudly"
)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use offtrail_sources::{Listing, Pruned, Settings, Source, Sources, TimeRange};

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn list(root: &Path, range: TimeRange) -> Listing {
    Sources::new(Settings::default())
        .list(&[Source::Path(root.into())], range)
        .unwrap()
}

/// Provenances below the root, as text.
fn names(root: &Path, listing: &Listing) -> Vec<String> {
    let root = format!("{}/", root.display());
    listing
        .items
        .iter()
        .map(|item| item.unwrap().provenance.to_string().replace(&root, ""))
        .collect()
}

fn problems(root: &Path, listing: &Listing) -> Vec<String> {
    let root = format!("{}/", root.display());
    listing
        .problems
        .iter()
        .map(|problem| format!("{}: {}", problem.provenance, problem.detail).replace(&root, ""))
        .collect()
}

#[test]
fn a_folder_is_walked_in_order() {
    let root = tempfile::tempdir().unwrap();
    for path in ["b/2.json", "b/1.json", "a.json", "b.json", "c/d/e/f.gz"] {
        put(root.path(), path, path);
    }
    let listing = list(root.path(), TimeRange::default());
    assert_eq!(
        names(root.path(), &listing),
        ["a.json", "b/1.json", "b/2.json", "b.json", "c/d/e/f.gz"]
    );
    assert!(listing.problems.is_empty());
}

#[test]
fn a_source_named_twice_or_within_another_is_read_once() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "a/x.json", "x");
    let whole = Source::Path(root.path().into());
    let part = Source::Path(root.path().join("a"));
    let listing = Sources::new(Settings::default())
        .list(
            &[part, whole.clone(), whole, Source::Stdin, Source::Stdin],
            TimeRange::default(),
        )
        .unwrap();
    assert_eq!(names(root.path(), &listing), ["-", "a/x.json"]);
}

#[test]
fn links_back_dead_links_and_pipes_are_problems_not_the_end() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "a/x.json", "x");
    symlink(root.path(), root.path().join("a/up")).unwrap();
    symlink(root.path().join("nowhere"), root.path().join("dead")).unwrap();
    symlink(root.path().join("a/x.json"), root.path().join("link.json")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap();
    let listing = list(root.path(), TimeRange::default());
    assert_eq!(names(root.path(), &listing), ["a/x.json", "link.json"]);
    let root_text = root.path().display().to_string();
    assert_eq!(
        problems(root.path(), &listing),
        [
            format!("a/up: a link back to {root_text:?}; not followed"),
            "dead: gone, or a link that leads nowhere; not read".to_owned(),
            "socket: neither a file nor a folder; not read".to_owned(),
        ]
    );
}

#[test]
fn a_locked_folder_is_a_problem() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "a/x.json", "x");
    put(root.path(), "locked/y.json", "y");
    let locked = root.path().join("locked");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    // Root may open anything, so there the folder is simply read.
    let open_anyway = fs::read_dir(&locked).is_ok();
    let listing = list(root.path(), TimeRange::default());
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
    if open_anyway {
        assert_eq!(names(root.path(), &listing), ["a/x.json", "locked/y.json"]);
    } else {
        assert_eq!(names(root.path(), &listing), ["a/x.json"]);
        assert_eq!(
            problems(root.path(), &listing),
            ["locked: permission denied; not read"]
        );
    }
}

#[test]
fn a_path_that_is_not_there_ends_the_run() {
    for (path, expected) in [
        (
            "/nowhere/at all",
            "read \"/nowhere/at all\": no such file or folder; correct the path",
        ),
        (
            "/dev/null/x",
            "read \"/dev/null/x\": no such file or folder; correct the path",
        ),
    ] {
        let error = Sources::new(Settings::default())
            .list(&[Source::Path(path.into())], TimeRange::default())
            .unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_range_prunes_by_name_and_other_services_are_passed_over() {
    let root = tempfile::tempdir().unwrap();
    let trail = "AWSLogs/111122223333/CloudTrail/us-east-1";
    for day in ["28", "30"] {
        put(
            root.path(),
            &format!(
                "{trail}/2026/08/{day}/111122223333_CloudTrail_us-east-1_202608{day}T1200Z_x.json"
            ),
            "{}",
        );
    }
    put(root.path(), "AWSLogs/111122223333/Config/a.json", "{}");
    put(root.path(), "AWSLogs/111122223333/Config/b.json", "{}");
    put(root.path(), "copied.json", "{}");
    let listing = list(
        root.path(),
        TimeRange {
            since: Some(1_788_048_000),
            until: None,
        },
    );
    assert_eq!(
        names(root.path(), &listing),
        [
            &format!("{trail}/2026/08/30/111122223333_CloudTrail_us-east-1_20260830T1200Z_x.json"),
            "copied.json"
        ]
    );
    assert_eq!(
        listing.pruned,
        Pruned {
            files: 1,
            ranges: 0
        }
    );
    let passed: Vec<String> = listing
        .passed_over
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        passed,
        [format!(
            "{}/AWSLogs/111122223333/Config",
            root.path().display()
        )]
    );

    let config = list(
        &root.path().join("AWSLogs/111122223333/Config"),
        TimeRange::default(),
    );
    assert_eq!(config.items.len(), 2, "named itself, it is read");
}

#[test]
fn caps_and_vanished_files_are_told_and_the_rest_is_read() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "1-exact", "12345678");
    put(root.path(), "2-over", "123456789");
    put(root.path(), "3-gone", "x");
    put(root.path(), "4-empty", "");
    let sources = Sources::new(Settings {
        object_bytes_max: 8,
        ..Settings::default()
    });
    let listing = sources
        .list(&[Source::Path(root.path().into())], TimeRange::default())
        .unwrap();
    fs::remove_file(root.path().join("3-gone")).unwrap();
    let reader = sources.read(listing.items).unwrap();
    let root_text = format!("{}/", root.path().display());
    let mut seen = Vec::new();
    while let Some(delivery) = reader.next() {
        seen.push(match delivery.bytes {
            Ok(bytes) => String::from_utf8(bytes).unwrap(),
            Err(error) => error.to_string().replace(&root_text, ""),
        });
    }
    assert_eq!(
        seen,
        [
            "12345678",
            "read \"2-over\": more than 8 bytes; not read (raise object_bytes_max to read it)",
            "read \"3-gone\": no longer there; it was deleted or moved after it was listed",
            "",
        ]
    );
    assert!(reader.next().is_none(), "asked again after the end");
}

#[test]
fn a_changed_file_has_another_fingerprint() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "a", "one");
    let fingerprint = || {
        list(root.path(), TimeRange::default())
            .items
            .iter()
            .next()
            .unwrap()
            .unwrap()
            .fingerprint
            .to_string()
    };
    let before = fingerprint();
    assert_eq!(before, fingerprint());
    put(root.path(), "a", "three");
    assert_ne!(before, fingerprint());
}

#[test]
fn several_threads_share_the_list() {
    let root = tempfile::tempdir().unwrap();
    for number in 0..200 {
        put(root.path(), &format!("{number:03}"), &number.to_string());
    }
    let sources = Sources::new(Settings::default());
    let listing = sources
        .list(&[Source::Path(root.path().into())], TimeRange::default())
        .unwrap();
    let reader = sources.read(listing.items).unwrap();
    let seen = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = None;
                while let Some(delivery) = reader.next() {
                    assert!(last < Some(delivery.index), "indices rise in each thread");
                    last = Some(delivery.index);
                    let text = String::from_utf8(delivery.bytes.unwrap()).unwrap();
                    seen.lock().unwrap().push((delivery.index, text));
                }
            });
        }
    });
    let mut seen = seen.into_inner().unwrap();
    seen.sort_unstable();
    let expected: Vec<(usize, String)> = (0..200)
        .map(|number| (number, number.to_string()))
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn standard_input_is_one_delivery_with_a_cap() {
    let name = "standard_input_is_one_delivery_with_a_cap";
    if let Ok(stdin_bytes_max) = std::env::var("OFFTRAIL_STDIN_TEST") {
        let settings = Settings {
            stdin_bytes_max: stdin_bytes_max.parse().unwrap(),
            ..Settings::default()
        };
        let sources = Sources::new(settings);
        let items = sources
            .list(&[Source::Stdin], TimeRange::default())
            .unwrap()
            .items;
        let first = items.iter().next().unwrap().unwrap();
        assert_eq!(
            (
                first.provenance.to_string().as_str(),
                first.fingerprint.to_string().as_str()
            ),
            ("-", "")
        );
        let reader = sources.read(items).unwrap();
        let seen = match reader.next().unwrap().bytes {
            Ok(bytes) => String::from_utf8(bytes).unwrap(),
            Err(error) => error.to_string(),
        };
        assert_eq!(seen, std::env::var("OFFTRAIL_STDIN_EXPECTED").unwrap());
        assert!(reader.next().is_none());
        return;
    }
    let over =
        "read standard input: more than 2 bytes; not read (raise stdin_bytes_max to read it)";
    for (stdin_bytes_max, expected) in [("2", over), ("3", "{}\n")] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env("OFFTRAIL_STDIN_TEST", stdin_bytes_max)
            .env("OFFTRAIL_STDIN_EXPECTED", expected)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(b"{}\n").unwrap();
        assert!(child.wait().unwrap().success());
    }
}
