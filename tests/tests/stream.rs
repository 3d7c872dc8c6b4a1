//! `offtrail stream`: what it tells is what `offtrail detect` tells, once, whatever happens to the process on the way.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they start and kill the binary"
)]

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use offtrail_tests::{
    archive::{mixed, write},
    binary::{exports, summary},
    moto::Moto,
    mounted::Disk,
    offtrail,
    streamed::{
        Follow as _, Learnt, PATIENCE, assert_told_once, final_states, is_ready, metric, plain,
        signal, told, until,
    },
};
use serde_json::Value;

#[test]
fn standard_input_and_a_folder_tell_what_detect_tells() {
    let learnt = Learnt::new();
    let expected = learnt.detected();

    let mut lines = Vec::new();
    for (_, bytes) in &learnt.later {
        lines.extend(plain(bytes));
        lines.push(b'\n');
    }
    let (baseline, sink) = (learnt.baseline("stdin.db"), learnt.path("stdin.jsonl"));
    let sums = learnt.path("stdin.json");
    learnt
        .stream(&baseline, &sink)
        .args(["-", "--settle", "1h", "--summary"])
        .args([&sums])
        .input(&lines)
        .ok();
    assert_eq!(final_states(&told(&sink)), expected);
    let sums = summary(&sums);
    assert_eq!(sums["command"], "stream");
    assert_eq!(sums["waiting"], Value::Null, "all was judged");

    let (baseline, sink) = (learnt.baseline("folder.db"), learnt.path("folder.jsonl"));
    learnt
        .stream(&baseline, &sink)
        .args(["--settle", "1h", "--end-when-idle", "5s", "--follow"])
        .args([learnt.path("later")])
        .ok();
    assert_eq!(final_states(&told(&sink)), expected);
    assert_told_once(&told(&sink));
    // What a stream leaves is a baseline like any other, and it was learnt from the same events.
    assert_eq!(exports(&baseline), exports(&learnt.path("detected.db")));
    // Once more: everything is known.
    let again = learnt.path("again.json");
    learnt
        .stream(&baseline, &sink)
        .args(["--end-when-idle", "1s", "--summary"])
        .args([&again])
        .arg_follow(&learnt.path("later"))
        .ok();
    assert_eq!(summary(&again)["records"], 0);
    assert_told_once(&told(&sink));
}

#[test]
fn killed_at_any_moment_it_loses_nothing_and_tells_nothing_twice() {
    let learnt = Learnt::new();
    let expected = learnt.detected();
    let (baseline, sink) = (learnt.baseline("killed.db"), learnt.path("killed.jsonl"));
    let (inbox, talk) = (learnt.path("inbox"), learnt.path("talk"));
    fs::create_dir(&inbox).unwrap();
    let start = || {
        learnt
            .stream(&baseline, &sink)
            .args(["--settle", "1h", "--checkpoint-every", "300ms"])
            .args(["--end-when-idle", "4s"])
            .arg_follow(&inbox)
            .start(&talk)
    };
    // Files appear while it runs; it is killed ten times.
    let parts: Vec<_> = learnt
        .later
        .chunks(learnt.later.len().div_ceil(10))
        .collect();
    for (number, part) in parts.iter().enumerate() {
        let mut child = start();
        for (path, bytes) in *part {
            write(&inbox, [(path.as_str(), bytes.as_slice())]);
        }
        // The moment is the point here, no event could stand for it.
        thread::sleep(Duration::from_millis(mixed(number as u64) % 900));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut child = start();
    let begun = Instant::now();
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        assert!(begun.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(20));
    };
    assert!(ended.success(), "{}", fs::read_to_string(&talk).unwrap());
    assert_eq!(final_states(&told(&sink)), expected);
    assert_told_once(&told(&sink));
    assert_eq!(exports(&baseline), exports(&learnt.path("detected.db")));
}

#[test]
fn it_tells_within_seconds_stops_when_asked_and_goes_on() {
    let learnt = Learnt::new();
    let (baseline, sink) = (learnt.baseline("live.db"), learnt.path("live.jsonl"));
    let (inbox, talk) = (learnt.path("inbox"), learnt.path("talk"));
    fs::create_dir(&inbox).unwrap();
    let start = |talk: &Path| {
        learnt
            .stream(&baseline, &sink)
            .args(["--settle", "200ms", "--update-every", "1s"])
            .arg_follow(&inbox)
            .start(talk)
    };
    let mut child = start(&talk);
    until("ready", &mut child, &talk, || is_ready(&talk));
    let half = learnt.later.len() / 2;
    let files = |part: &[(String, Vec<u8>)]| {
        write(
            &inbox,
            part.iter()
                .map(|(path, bytes)| (path.as_str(), bytes.as_slice())),
        );
    };
    files(&learnt.later[..half]);
    until("a finding", &mut child, &talk, || !told(&sink).is_empty());

    // A second instance is refused, and says what to do; another stands by.
    let second = learnt
        .stream(&baseline, &learnt.path("second.jsonl"))
        .arg_follow(&inbox)
        .run();
    second.fails_saying(&["writing it", "--standby"]);
    let standby_talk = learnt.path("standby");
    let mut standby = learnt
        .stream(&baseline, &sink)
        .args(["--standby", "--settle", "200ms"])
        .arg_follow(&inbox)
        .start(&standby_talk);
    until("standing by", &mut standby, &standby_talk, || {
        fs::read_to_string(&standby_talk).is_ok_and(|talk| talk.contains("standing by"))
    });

    signal(&child, "TERM");
    let begun = Instant::now();
    let ended = child.wait().unwrap();
    assert!(ended.success(), "{}", fs::read_to_string(&talk).unwrap());
    assert!(begun.elapsed() < Duration::from_secs(10));
    until("taking over", &mut standby, &standby_talk, || {
        is_ready(&standby_talk)
    });
    let before = told(&sink).lines().count();
    files(&learnt.later[half..]);
    until("more findings", &mut standby, &standby_talk, || {
        told(&sink).lines().count() > before
    });
    signal(&standby, "TERM");
    assert!(standby.wait().unwrap().success());
    assert_told_once(&told(&sink));
    // A checkpoint was made: other commands may write again.
    offtrail!["baseline", "show", "--baseline", &baseline].ok();
    offtrail![
        "detect",
        learnt.path("earlier"),
        "--quiet",
        "--baseline",
        &baseline
    ]
    .ok();
}

#[test]
fn settings_are_read_again_on_sighup() {
    let learnt = Learnt::new();
    let (baseline, sink) = (learnt.baseline("live.db"), learnt.path("live.jsonl"));
    let (inbox, talk) = (learnt.path("inbox"), learnt.path("talk"));
    fs::create_dir(&inbox).unwrap();
    let settings = learnt.path("settings.toml");
    let shown = offtrail!["settings", "show"].ok();
    fs::write(&settings, &shown).unwrap();
    let mut child = learnt
        .stream(&baseline, &sink)
        .args([Path::new("--settings"), &settings])
        .arg_follow(&inbox)
        .start(&talk);
    until("ready", &mut child, &talk, || is_ready(&talk));
    let says = |words: &str| fs::read_to_string(&talk).is_ok_and(|talk| talk.contains(words));
    fs::write(&settings, "no settings at all").unwrap();
    signal(&child, "HUP");
    until("old settings stand", &mut child, &talk, || {
        says("the old ones stand")
    });
    fs::write(&settings, &shown).unwrap();
    signal(&child, "HUP");
    until("new settings", &mut child, &talk, || says("read again"));
    signal(&child, "TERM");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_disk_that_fills_stops_it_from_acknowledging_and_nothing_else() {
    let Some(disk) = Disk::mount(24 << 10) else {
        return;
    };
    let learnt = Learnt::new();
    let expected = learnt.detected();
    let baseline = disk.join("org.db");
    fs::copy(learnt.path("org.db"), &baseline).unwrap();
    let (sink, talk) = (learnt.path("full.jsonl"), learnt.path("talk"));
    let mut child = learnt
        .stream(&baseline, &sink)
        .args(["--settle", "1h"])
        .arg_follow(&learnt.path("later"))
        .start(&talk);
    until("ready", &mut child, &talk, || is_ready(&talk));
    let ballast = disk.join("ballast");
    // As much as fits; the last bytes are refused.
    let _ = fs::write(&ballast, vec![0; 64 << 20]);
    until("the disk is full", &mut child, &talk, || {
        fs::read_to_string(&talk).is_ok_and(|talk| talk.contains("the disk is full"))
    });
    fs::remove_file(&ballast).unwrap();
    signal(&child, "TERM");
    let ended = child.wait().unwrap();
    assert!(ended.success(), "{}", fs::read_to_string(&talk).unwrap());
    learnt
        .stream(&baseline, &sink)
        .args(["--settle", "1h", "--end-when-idle", "3s"])
        .arg_follow(&learnt.path("later"))
        .ok();
    assert_eq!(final_states(&told(&sink)), expected);
    assert_told_once(&told(&sink));
}

#[test]
fn what_a_killed_stream_left_is_taken_up_without_any_input() {
    let learnt = Learnt::new();
    let (baseline, sink) = (learnt.baseline("left.db"), learnt.path("left.jsonl"));
    let talk = learnt.path("talk");
    let mut child = learnt
        .stream(&baseline, &sink)
        // A checkpoint would take up the journal before it is looked at.
        .args(["--settle", "1h", "--checkpoint-every", "1h"])
        .args(["--listen", "127.0.0.1:0"])
        .arg_follow(&learnt.path("later"))
        .start(&talk);
    let journal = || {
        let refused = offtrail!["detect", learnt.path("later"), "--baseline", &baseline].run();
        refused.stderr
    };
    until("an entry in the journal", &mut child, &talk, || {
        metric(&talk, "offtrail_journal_bytes") > Some(0.0)
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(journal().contains("offtrail stream"), "{}", journal());
    learnt.stream(&baseline, &sink).ok();
    offtrail![
        "detect",
        learnt.path("later"),
        "--quiet",
        "--baseline",
        &baseline
    ]
    .ok();
}

#[test]
fn where_the_disk_is_gone_it_starts_from_the_copy_of_its_baseline() {
    let (Some(moto), learnt) = (Moto::start(), Learnt::new()) else {
        return;
    };
    moto.fill("copies", []);
    let (baseline, sink) = (learnt.baseline("copied.db"), learnt.path("copied.jsonl"));
    let stream = |sums: &Path| {
        let command = learnt
            .stream(&baseline, &sink)
            .args(["--settle", "1h", "--end-when-idle", "3s"])
            .args(["--copy-to", "s3://copies/state/org.db", "--summary"])
            .args([sums])
            .arg_follow(&learnt.path("later"));
        moto.serve(command).ok();
        summary(sums)
    };
    let first = stream(&learnt.path("first.json"));
    assert!(first["judged"].as_u64() > Some(0));
    let expected = exports(&baseline);
    for ending in ["db", "db-wal", "db-shm", "db-lock"] {
        let _ = fs::remove_file(baseline.with_extension(ending));
    }
    // Nothing is learnt, judged or told again.
    let again = stream(&learnt.path("again.json"));
    assert_eq!(again["records"], 0);
    assert_eq!(exports(&baseline), expected);
    assert_told_once(&told(&sink));
}
