//! What can't be done is said in one line that tells what to do, with exit code 2, and the baseline there was stays as it was.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run the binary on broken files, disks and servers"
)]

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use offtrail_tests::{
    archive::{document, gz, quiet, write},
    binary::{Offtrail, exports},
    moto::Moto,
    mounted::Disk,
    offtrail,
};
use tempfile::TempDir;

/// Where SQLite keeps a file's format number: <https://www.sqlite.org/fileformat2.html#the_database_header>.
const USER_VERSION_AT: usize = 60;
/// S3 is given up after this long, at most.
const GIVEN_UP: Duration = Duration::from_secs(60);

/// A small baseline, and records that are not in it yet.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let records = quiet().records();
        let (old, new) = records.split_at(500);
        let [old, new] = [old, new].map(|records| gz(&document(records)));
        write(
            folder.path(),
            [("old.json.gz", &*old), ("new.json.gz", &*new)],
        );
        let desk = Self { folder };
        offtrail![
            "backfill",
            desk.path("old.json.gz"),
            "--baseline",
            desk.path("org.db"),
            "--quiet"
        ]
        .ok();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of these bytes.
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    fn baseline(&self) -> Vec<u8> {
        fs::read(self.path("org.db")).unwrap()
    }
}

/// Every command that takes a baseline, on this one.
fn on_baseline(desk: &Desk, baseline: &Path) -> Vec<Offtrail> {
    let new = desk.path("new.json.gz");
    let out = desk.path("out");
    vec![
        offtrail!["backfill", &new, "--quiet", "--baseline", baseline],
        offtrail!["detect", &new, "--quiet", "--baseline", baseline],
        offtrail![
            "detect",
            &new,
            "--quiet",
            "--learn",
            "none",
            "--baseline",
            baseline
        ],
        offtrail!["baseline", "show", "--baseline", baseline],
        offtrail!["baseline", "export", out, "--baseline", baseline],
        offtrail!["explain", "ci-deploy", "--baseline", baseline],
    ]
}

#[test]
fn a_baseline_that_is_none_is_left_as_it_is() {
    let desk = Desk::new();
    let sound = desk.baseline();
    let check = |name: &str, bytes: &[u8], says: &[&str]| {
        let path = desk.file(name, bytes);
        for command in on_baseline(&desk, &path) {
            let mut words = vec!["baseline", name];
            words.extend(says);
            command.run().fails_saying(&words);
            assert!(fs::read(&path).unwrap() == bytes, "{name} was touched");
        }
    };
    let mut newer = sound.clone();
    newer[USER_VERSION_AT + 3] += 1;
    check(
        "newer.db",
        &newer,
        &[
            "is newer than this build",
            "upgrade offtrail or export it again",
        ],
    );
    check(
        "text.db",
        b"not a baseline at all\n",
        &["not an offtrail baseline", "name another file"],
    );
    let mut foreign = sound.clone();
    foreign[USER_VERSION_AT + 8..USER_VERSION_AT + 12].fill(7);
    check(
        "foreign.db",
        &foreign,
        &["not an offtrail baseline", "name another file"],
    );
    check(
        "cut.db",
        &sound[..sound.len() / 2],
        &["damaged", "restore it from a copy"],
    );
    let mut garbled = sound.clone();
    garbled[4096..].fill(0xa5);
    check(
        "garbled.db",
        &garbled,
        &["damaged", "restore it from a copy"],
    );

    let folder = desk.path("folder");
    fs::create_dir(&folder).unwrap();
    for command in on_baseline(&desk, &folder) {
        command
            .run()
            .fails_saying(&["baseline", "it is a folder", "name a file"]);
    }
    for command in on_baseline(&desk, &desk.path("absent.db"))
        .into_iter()
        .skip(1)
    {
        command
            .run()
            .fails_saying(&["no such file", "offtrail backfill"]);
    }
    let nowhere = desk.path("nowhere/org.db");
    on_baseline(&desk, &nowhere)
        .remove(0)
        .run()
        .fails_saying(&["its folder does not exist", "create the folder"]);
}

#[test]
fn what_is_asked_for_and_not_there_is_said() {
    let desk = Desk::new();
    let before = desk.baseline();
    let (baseline, new) = (desk.path("org.db"), desk.path("new.json.gz"));
    let check = |command: Offtrail, says: &[&str]| {
        command.run().fails_saying(says);
        assert!(desk.baseline() == before, "the baseline was touched");
    };
    let absent = desk.path("absent");
    check(
        offtrail!["backfill", &absent, "--baseline", &baseline, "--quiet"],
        &["absent", "no such file or folder"],
    );
    check(
        offtrail!["detect", &new, &absent, "--baseline", &baseline, "--quiet"],
        &["absent", "no such file or folder"],
    );
    check(
        offtrail![
            "detect",
            &new,
            "--baseline",
            &baseline,
            "--findings",
            desk.path("nowhere/f.jsonl")
        ],
        &["nowhere/f.jsonl", "check that its folder exists"],
    );
    check(
        offtrail![
            "detect",
            &new,
            "--baseline",
            &baseline,
            "--findings",
            desk.folder.path()
        ],
        &["it is a folder", "name a file"],
    );
    check(
        offtrail!["explain", "nobody-of-that-name", "--baseline", &baseline],
        &["no such principal", "baseline show"],
    );
    check(
        offtrail![
            "explain",
            "f00d",
            "--findings",
            desk.file("none.jsonl", b"")
        ],
        &["no finding of that id", "--baseline"],
    );
    check(
        offtrail![
            "explain",
            "f00d",
            "--findings",
            desk.file("odd.jsonl", b"{}\n")
        ],
        &["read findings", "line 1"],
    );
    check(
        offtrail![
            "baseline",
            "export",
            desk.folder.path(),
            "--baseline",
            &baseline
        ],
        &["not empty", "--force"],
    );
    check(
        offtrail!["simulate", "--out", desk.folder.path()],
        &["not empty", "--force"],
    );
    check(
        offtrail!["simulate", "--out", desk.path("s"), "--attacks", "nonsense"],
        &["nonsense", "scenarios are"],
    );

    let judged = |settings: &Path| {
        offtrail![
            "detect",
            &new,
            "--baseline",
            &baseline,
            "--settings",
            settings
        ]
    };
    let unknown = desk.file("unknown.toml", b"[finding]\nthreshold_bitz = 3\n");
    check(
        judged(&unknown),
        &[
            "unknown.toml",
            "unknown key finding.threshold_bitz",
            "offtrail settings show",
        ],
    );
    check(
        offtrail!["settings", "check", &unknown],
        &["unknown key finding.threshold_bitz"],
    );
    check(
        judged(&desk.file("wrong.toml", b"[finding]\nthreshold_bits = \"many\"\n")),
        &["wrong.toml", "threshold_bits"],
    );
    check(
        judged(&desk.file("odd.toml", b"= =\n")),
        &["odd.toml", "line 1"],
    );
    check(
        judged(&desk.path("absent.toml")),
        &["read settings", "absent.toml"],
    );
    let shown = offtrail!["settings", "show"].ok();
    offtrail![
        "settings",
        "check",
        desk.file("shown.toml", shown.as_bytes())
    ]
    .ok();
}

#[test]
fn a_command_line_that_means_nothing_is_refused() {
    let desk = Desk::new();
    let (baseline, new) = (desk.path("org.db"), desk.path("new.json.gz"));
    let check = |command: Offtrail, says: &[&str]| {
        let ran = command.run().expect(2);
        assert_eq!(ran.stdout, "");
        for word in says {
            assert!(ran.stderr.contains(word), "no {word:?}: {ran:#?}");
        }
    };
    check(
        offtrail!["backtest", &new, "--learn-until", "yesterday"],
        &["yesterday", "--learn-until", "YYYY-MM-DD"],
    );
    check(
        offtrail!["events", &new, "--since", "2026-13-01"],
        &["2026-13-01", "RFC 3339"],
    );
    check(
        offtrail!["events", &new, "--max-rejects", "some"],
        &["some", "--max-rejects"],
    );
    check(
        offtrail![
            "detect",
            &new,
            "--baseline",
            &baseline,
            "--min-severity",
            "dire"
        ],
        &["dire", "critical"],
    );
    check(
        offtrail!["backfill", "s3://", "--baseline", &baseline],
        &["no bucket name", "s3://BUCKET/PREFIX"],
    );
    check(offtrail!["detect", &new], &["--baseline"]);
    check(offtrail!["backfill", "--baseline", &baseline], &["SOURCE"]);
    check(offtrail!["frobnicate"], &["frobnicate"]);
}

#[test]
fn a_disk_that_can_only_be_read_is_said_and_can_be_judged_from() {
    let Some(disk) = Disk::mount(4_096) else {
        return;
    };
    let desk = Desk::new();
    let bytes = desk.baseline();
    let baseline = disk.join("org.db");
    fs::write(&baseline, &bytes).unwrap();
    disk.seal();
    let new = desk.path("new.json.gz");
    let says = [
        "not permitted, or the disk is read-only",
        "copy it to a writable folder",
    ];
    offtrail!["backfill", &new, "--baseline", &baseline, "--quiet"]
        .run()
        .fails_saying(&says);
    offtrail![
        "backfill",
        &new,
        "--baseline",
        disk.join("fresh.db"),
        "--quiet"
    ]
    .run()
    .fails_saying(&says);
    offtrail!["detect", &new, "--baseline", &baseline, "--quiet"]
        .run()
        .fails_saying(&says);
    offtrail![
        "detect",
        &new,
        "--baseline",
        &baseline,
        "--quiet",
        "--learn",
        "none"
    ]
    .ok();
    offtrail![
        "detect",
        &new,
        "--baseline",
        desk.path("org.db"),
        "--findings",
        disk.join("f.jsonl")
    ]
    .run()
    .fails_saying(&["f.jsonl", "can be written"]);
    assert!(fs::read(&baseline).unwrap() == bytes && desk.baseline() == bytes);
}

#[test]
fn a_full_disk_is_said_and_nothing_is_lost() {
    let desk = Desk::new();
    let bytes = desk.baseline();
    let room = u32::try_from(bytes.len() / 1_024).unwrap() + 128;
    let Some(disk) = Disk::mount(room) else {
        return;
    };
    let baseline = disk.join("org.db");
    fs::write(&baseline, &bytes).unwrap();
    let before = exports(&desk.path("org.db"));
    let new = desk.path("new.json.gz");
    let says = ["the disk is full", "free some space"];
    offtrail!["backfill", &new, "--baseline", &baseline, "--quiet"]
        .run()
        .fails_saying(&says);
    offtrail!["detect", &new, "--baseline", &baseline, "--quiet"]
        .run()
        .fails_saying(&says);
    assert!(
        fs::read(&baseline).unwrap() == bytes,
        "the baseline was touched"
    );
    assert_eq!(exports(&baseline), before);
    // An archive that doesn't fit says that it is no whole one.
    let folder = disk.join("archive");
    offtrail!["simulate", "--out", folder, "--quiet"]
        .run()
        .fails_saying(&["write simulated file", "the archive is incomplete"]);
}

#[test]
fn a_bucket_that_is_not_there_is_said() {
    let Some(moto) = Moto::start() else {
        return;
    };
    let desk = Desk::new();
    let before = desk.baseline();
    moto.fill(
        "trail-bucket",
        [("AWSLogs/x.json", &b"{\"Records\":[]}"[..])],
    );
    let check = |source: &str, says: &[&str]| {
        for command in ["backfill", "detect"] {
            let command = offtrail![
                command,
                source,
                "--baseline",
                desk.path("org.db"),
                "--quiet"
            ];
            moto.serve(command).run().fails_saying(says);
            assert!(desk.baseline() == before, "the baseline was touched");
        }
    };
    check(
        "s3://no-such-bucket/AWSLogs",
        &["s3://no-such-bucket", "does not exist", "check the name"],
    );
    check(
        "s3://trail-bucket/elsewhere/",
        &["s3://trail-bucket/elsewhere/", "check the prefix"],
    );
}

#[test]
fn a_store_that_refuses_or_is_silent_is_said_within_bounded_time() {
    let desk = Desk::new();
    let before = desk.baseline();
    let check = |port: u16, says: &[&str]| {
        let begun = Instant::now();
        offtrail![
            "backfill",
            "s3://trail-bucket/AWSLogs",
            "--baseline",
            desk.path("org.db"),
            "--quiet"
        ]
        .env("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{port}"))
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "example")
        .run()
        .fails_saying(says);
        assert!(begun.elapsed() < GIVEN_UP, "{:?}", begun.elapsed());
        assert!(desk.baseline() == before, "the baseline was touched");
    };
    check(
        denying(),
        &[
            "s3://trail-bucket/AWSLogs",
            "access denied",
            "s3:ListBucket",
        ],
    );
    // A port that was free a moment ago: nobody listens there.
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    check(closed, &["can't reach S3", "AWS_ENDPOINT_URL"]);
    offtrail![
        "backfill",
        "s3://trail-bucket/AWSLogs",
        "--baseline",
        desk.path("org.db"),
        "--quiet"
    ]
    .run()
    .fails_saying(&["no AWS credentials", "AWS_PROFILE"]);
}

/// A server that denies everything; gives its port. Ends with this test.
fn denying() -> u16 {
    const ANSWER: &str = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            let head =
                "HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nConnection: close";
            let _ = write!(
                &stream,
                "{head}\r\nContent-Length: {}\r\n\r\n{ANSWER}",
                ANSWER.len()
            );
        }
    });
    port
}
