//! What can't be done is said in one line that tells what to do, with exit code 2, and the baseline there was stays as it was.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run the binary on broken files, disks and servers"
)]

use std::{
    ffi::OsStr,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use offtrail_tests::{
    binary::{Offtrail, assert_same, exports, path},
    desk::Desk,
    mounted::Disk,
    offtrail,
};

/// Where SQLite keeps a file's format number: <https://www.sqlite.org/fileformat2.html#the_database_header>.
const USER_VERSION_AT: usize = 60;

/// Longest wait for a process to have begun.
const START_MAX: Duration = Duration::from_secs(60);

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
            desk.folder()
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
        offtrail!["baseline", "export", desk.folder(), "--baseline", &baseline],
        &["not empty", "--force"],
    );
    check(
        offtrail!["simulate", "--out", desk.folder()],
        &["not empty", "--force"],
    );
    check(
        offtrail!["simulate", "--out", desk.path("s"), "--attacks", "nonsense"],
        &["nonsense", "scenarios are"],
    );
}

#[test]
fn settings_that_are_none_are_refused() {
    let desk = Desk::new();
    let before = desk.baseline();
    let (baseline, new) = (desk.path("org.db"), desk.path("new.json.gz"));
    let check = |command: Offtrail, says: &[&str]| {
        command.run().fails_saying(says);
        assert!(desk.baseline() == before, "the baseline was touched");
    };
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
fn another_process_that_writes_is_named_and_not_disturbed() {
    let desk = Desk::new();
    let (baseline, new) = (desk.path("org.db"), desk.path("new.json.gz"));
    let nothing = desk.file("nothing.json", b"");
    let mut holder = Command::new(path())
        .args([
            OsStr::new("backfill"),
            OsStr::new("-"),
            OsStr::new("--quiet"),
        ])
        .args([OsStr::new("--baseline"), baseline.as_os_str()])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    // It holds the baseline from when it has written who it is, and waits for input that we hold back.
    let process = holder.id().to_string();
    let says = ["is writing it", &process, "wait until it has ended"];
    let lock = desk.path("org.db-lock");
    let claimed = || fs::read_to_string(&lock).is_ok_and(|text| text.trim() == process);
    let started = Instant::now();
    while !claimed() {
        assert!(
            started.elapsed() < START_MAX,
            "backfill has not claimed the baseline"
        );
        std::thread::yield_now();
    }
    offtrail!["backfill", &nothing, "--baseline", &baseline, "--quiet"]
        .run()
        .fails_saying(&says);
    offtrail!["detect", &new, "--baseline", &baseline, "--quiet"]
        .run()
        .fails_saying(&says);
    // Reading goes on.
    offtrail!["baseline", "show", "--baseline", &baseline].ok();
    offtrail![
        "detect",
        &new,
        "--baseline",
        &baseline,
        "--learn",
        "none",
        "--quiet"
    ]
    .ok();
    let mut input = holder.stdin.take().unwrap();
    input.write_all(&fs::read(&new).unwrap()).unwrap();
    drop(input);
    assert!(holder.wait().unwrap().success());

    let undisturbed = desk.path("undisturbed.db");
    let old = desk.path("old.json.gz");
    offtrail![
        "backfill",
        &old,
        &new,
        "--baseline",
        &undisturbed,
        "--quiet"
    ]
    .ok();
    assert_same("held", &exports(&undisturbed), &exports(&baseline));
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
