//! A followed folder: what is there, what comes, what changes.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests write files and may fail loudly"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use offtrail_sources::{Feed, Inbox, InboxSettings, Next};

const LONG: Duration = Duration::from_secs(30);

fn open(folder: &Path, known: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Inbox {
    let settings = InboxSettings {
        poll: Duration::from_millis(40),
        ..InboxSettings::default()
    };
    Inbox::open(vec![Feed::Follow(folder.into())], settings, Arc::new(known)).unwrap()
}

/// The name and the text of the next file.
fn next(inbox: &Inbox) -> (String, String) {
    let Next::Arrival(arrival) = inbox.next(LONG) else {
        panic!("{:?}", inbox.status())
    };
    inbox.done(arrival.receipt);
    let shown = arrival.provenance.to_string();
    let name = shown.rsplit('/').next().unwrap().to_owned();
    (name, String::from_utf8(arrival.bytes.unwrap()).unwrap())
}

fn pair(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

#[test]
fn files_come_in_the_order_of_their_delivery_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let named = |account: &str, minute: &str| {
        format!("{account}_CloudTrail_us-east-1_20260830T{minute}Z_a.json.gz")
    };
    let (early, late) = (named("444455556666", "0005"), named("111122223333", "0010"));
    write(&format!("x/{late}"), "late");
    write(&format!("y/{early}"), "early");
    write("known.json", "known");
    write(&format!("{}.Ab12", named("111122223333", "0000")), "half");
    write("AWSLogs/111122223333/Config/c.json", "not ours");
    write("empty.json", "");
    let inbox = open(folder.path(), |provenance, fingerprint| {
        provenance.ends_with("known.json") && fingerprint.starts_with("mtime:")
    });
    assert_eq!(next(&inbox), pair(&early, "early"));
    assert_eq!(next(&inbox), pair(&late, "late"));
    let whole = named("111122223333", "0000");
    fs::rename(
        folder.path().join(format!("{whole}.Ab12")),
        folder.path().join(&whole),
    )
    .unwrap();
    assert_eq!(next(&inbox), pair(&whole, "half"));
    write(&format!("x/{late}"), "late and longer");
    assert_eq!(next(&inbox), pair(&late, "late and longer"));
    write("empty.json", "no more");
    assert_eq!(next(&inbox), pair("empty.json", "no more"));
    let status = inbox.status().remove(0);
    assert_eq!((status.objects, status.in_flight), (5, 0));
    assert_eq!((status.skipped.known, status.skipped.other_keys), (1, 1));
    inbox.close();
    assert!(matches!(inbox.next(LONG), Next::Ended));
    assert!(inbox.status()[0].ended && inbox.flush(LONG));
}

#[test]
fn a_folder_that_vanishes_is_told_and_followed_again() {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("trail");
    fs::create_dir(&folder).unwrap();
    let inbox = open(&folder, |_, _| false);
    fs::remove_dir(&folder).unwrap();
    while !inbox.status()[0].failing {
        assert!(matches!(
            inbox.next(Duration::from_millis(10)),
            Next::Nothing
        ));
    }
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a"), "back").unwrap();
    assert_eq!(next(&inbox), pair("a", "back"));
    assert!(!inbox.status()[0].failing);
}

#[test]
fn what_can_not_be_followed_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let refused = |feeds| {
        Inbox::open(feeds, InboxSettings::default(), Arc::new(|_, _| false))
            .unwrap_err()
            .to_string()
    };
    let told = refused(vec![Feed::Follow(file)]);
    assert!(
        told.ends_with("not a folder; name the folder in which files appear"),
        "{told}"
    );
    let told = refused(vec![Feed::Follow(folder.path().join("none"))]);
    assert!(told.ends_with("no such folder; correct the path"), "{told}");
    assert_eq!(
        refused(Vec::new()),
        "open the stream: nothing to read; name a queue, a folder to follow or standard input"
    );
    let twice = refused(vec![Feed::Stdin, Feed::Stdin]);
    assert_eq!(twice, "open the stream: - is named twice; name it once");
}

#[test]
fn a_folder_is_busy_until_a_look_finds_nothing_new() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), "a").unwrap();
    // The first look gets as far as its first file, and no further until it is let go on.
    let (let_go_on, go_on) = std::sync::mpsc::channel::<()>();
    let go_on = std::sync::Mutex::new(go_on);
    let inbox = open(folder.path(), move |_, _| {
        go_on.lock().unwrap().recv().is_err()
    });
    assert!(inbox.status()[0].is_busy());
    let_go_on.send(()).unwrap();
    assert_eq!(next(&inbox), pair("a.json", "a"));
    let begun = std::time::Instant::now();
    while inbox.status()[0].is_busy() {
        assert!(begun.elapsed() < LONG);
        std::thread::yield_now();
    }
}
