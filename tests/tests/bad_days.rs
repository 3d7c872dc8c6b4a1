//! Bad days of a stream, one after the other: what comes of each is what docs/streaming.md says.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they start the binary and spoil its day"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Child,
};

use flate2::{Compression, GzBuilder};
use offtrail_tests::{
    archive::{document, records},
    binary::{Offtrail, Running, exports, summary},
    fickle::Fickle,
    moto::Moto,
    streamed::{
        Delivered, Follow as _, Learnt, assert_told_once, count, deliver, delivery, final_states,
        is_ready, metric, says, stop, told, until,
    },
};
use serde_json::Value;

const BUCKET: &str = "trail";
/// Four days, 415 objects: the server takes some fifty a second.
const FEW: &str = "20260722T0000Z";

/// A bucket that tells a queue of its objects, and a queue for dead letters.
struct Trail {
    moto: Moto,
    queue: String,
    dead: String,
}

impl Trail {
    fn new() -> Option<Self> {
        let moto = Moto::start()?;
        let (queue, dead) = (moto.queue("trail"), moto.queue("dead"));
        moto.fill(BUCKET, []);
        moto.notify(BUCKET, &queue);
        Some(Self { moto, queue, dead })
    }

    fn put(&self, files: &[Delivered]) {
        for (path, bytes) in files {
            self.moto.put(&format!("/{BUCKET}/{path}"), bytes);
        }
    }

    /// Every message was used and deleted.
    fn assert_used_up(&self) {
        assert_eq!(self.moto.messages(&self.queue), 0);
        assert_eq!(self.moto.messages(&self.dead), 0);
    }
}

/// A stream that judges in the order of event time, whatever the order of delivery.
fn by_event_time(command: Offtrail, queue: &str, dead: &str) -> Offtrail {
    command
        .args(["--settle", "1h", "--queue", queue, "--dead-letter", dead])
        .args(["--visibility", "10s"])
}

/// Once what waits is judged too, all was told that `detect` tells, and once.
fn assert_ends_as_detect(learnt: &Learnt, baseline: &Path, sink: &Path) {
    learnt.stream(baseline, sink).args(["--settle", "1h"]).ok();
    assert_eq!(final_states(&told(sink)), learnt.detected());
    assert_told_once(&told(sink));
}

#[test]
fn a_bucket_that_slows_down_fails_breaks_off_and_repeats_loses_nothing() {
    let (Some(trail), learnt) = (Trail::new(), Learnt::until(FEW)) else {
        return;
    };
    let fickle = Fickle::before(&trail.moto);
    fickle.be_fitful();
    trail.put(&learnt.later);
    // Put again, so notified again: three times the same objects.
    trail.put(&learnt.later[..20]);
    trail.put(&learnt.later[..20]);
    let (baseline, sink) = (learnt.baseline("fitful.db"), learnt.path("fitful.jsonl"));
    let sums = learnt.path("fitful.json");
    let (queue, dead) = (fickle.to(&trail.queue), fickle.to(&trail.dead));
    let stream = by_event_time(learnt.stream(&baseline, &sink), &queue, &dead);
    let _ = fickle
        .serve(stream)
        .args(["--end-when-idle", "5s", "--summary"])
        .args([&sums])
        .run()
        .expect(0);
    assert!(fickle.refused() > 10, "{}", fickle.refused());
    assert_eq!(final_states(&told(&sink)), learnt.detected());
    assert_told_once(&told(&sink));
    assert_eq!(summary(&sums)["files_unreadable"], 0);
    trail.assert_used_up();
}

#[test]
fn keys_that_expire_hold_it_up_until_they_are_renewed() {
    let (Some(trail), learnt) = (Trail::new(), Learnt::until(FEW)) else {
        return;
    };
    let fickle = Fickle::before(&trail.moto);
    let (baseline, sink) = (learnt.baseline("keys.db"), learnt.path("keys.jsonl"));
    let talk = learnt.path("talk");
    let (queue, dead) = (fickle.to(&trail.queue), fickle.to(&trail.dead));
    let stream = by_event_time(learnt.stream(&baseline, &sink), &queue, &dead);
    let mut child = fickle
        .serve(stream)
        .args(["--listen", "127.0.0.1:0"])
        .start(&talk);
    until("ready", &mut child, &talk, || is_ready(&talk));
    let (first, second) = learnt.later.split_at(learnt.later.len() / 2);
    trail.put(first);
    until("the first half", &mut child, &talk, || {
        trail.moto.messages(&trail.queue) == 0
    });
    fickle.expire_keys();
    trail.put(second);
    until("the keys are not accepted", &mut child, &talk, || {
        says(&talk, "not accepted (ExpiredToken)")
    });
    assert!(trail.moto.messages(&trail.queue) > 0);
    fickle.renew_keys();
    until("the second half", &mut child, &talk, || {
        trail.moto.messages(&trail.queue) == 0
    });
    stop(child, &talk);
    assert_ends_as_detect(&learnt, &baseline, &sink);
    trail.assert_used_up();
}

/// A document of so many bytes: these records again and again, each with an id of its own.
fn large(of: &[String], bytes: usize) -> (Vec<u8>, u64) {
    let (mut all, mut length) = (Vec::new(), 0);
    while length < bytes {
        let number = all.len();
        let mut record: Value = serde_json::from_str(&of[number % of.len()]).unwrap();
        record["eventID"] = format!("b16b00b5-0000-4000-8000-{number:012x}").into();
        let text = record.to_string();
        length += text.len();
        all.push(text);
    }
    let count = all.len() as u64;
    (document(&all), count)
}

#[test]
fn an_object_of_a_hundred_megabytes_is_read_like_any_other() {
    let (Some(trail), learnt) = (Trail::new(), Learnt::until(FEW)) else {
        return;
    };
    let own: Vec<String> = learnt.later[..20]
        .iter()
        .filter(|(path, _)| path.contains("/CloudTrail/"))
        .flat_map(|(_, bytes)| records(bytes))
        .collect();
    let (text, count) = large(&own, 100_000_000);
    let (path, _) = &learnt.later[0];
    // Stored, not packed: what is fetched is as long as what is read.
    let mut packed = GzBuilder::new().write(Vec::new(), Compression::none());
    std::io::Write::write_all(&mut packed, &text).unwrap();
    trail.put(&[(
        path.replace(".json.gz", "L.json.gz"),
        packed.finish().unwrap(),
    )]);
    let (baseline, sink, sums) = (
        learnt.baseline("large.db"),
        learnt.path("large.jsonl"),
        learnt.path("large.json"),
    );
    let stream = by_event_time(learnt.stream(&baseline, &sink), &trail.queue, &trail.dead);
    let talk = learnt.path("talk");
    let mut child = trail
        .moto
        .serve(stream)
        .args(["--listen", "127.0.0.1:0", "--summary"])
        .args([&sums])
        .start(&talk);
    until("used up", &mut child, &talk, || {
        trail.moto.messages(&trail.queue) == 0
    });
    let peak = peak_mib(&child);
    assert!(peak < 1_024, "{peak} MiB");
    stop(child, &talk);
    let sums = summary(&sums);
    assert_eq!(
        (sums["records"].as_u64(), sums["rejects"].as_u64()),
        (Some(count), Some(0))
    );
    trail.assert_used_up();
}

/// The most memory a process ever held, in MiB.
fn peak_mib(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let mut words = status
        .lines()
        .filter_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 = words
        .next()
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib / 1024
}

/// A stream that follows a folder and tells at once, and what it was given so far.
struct Live {
    child: Running,
    talk: PathBuf,
    inbox: PathBuf,
    given: usize,
}

impl Live {
    fn start(command: Offtrail, folder: &Path) -> Self {
        let (inbox, talk) = (folder.join("inbox"), folder.join("talk"));
        fs::create_dir(&inbox).unwrap();
        let mut child = command
            .args(["--settle", "200ms", "--listen", "127.0.0.1:0"])
            .arg_follow(&inbox)
            .start(&talk);
        until("ready", &mut child, &talk, || is_ready(&talk));
        Self {
            child,
            talk,
            inbox,
            given: 0,
        }
    }

    /// Gives it files, and waits until all in them is judged.
    fn give(&mut self, files: &[Delivered]) {
        deliver(&self.inbox, files);
        self.given += count(files);
        let (talk, given) = (self.talk.clone(), self.given as f64);
        until("all judged", &mut self.child, &talk, || {
            let (read, waiting) = (
                metric(&talk, "offtrail_records_total"),
                metric(&talk, "offtrail_waiting_observations"),
            );
            read == Some(given) && waiting == Some(0.0)
        });
    }

    fn metric(&self, name: &str) -> f64 {
        metric(&self.talk, name).unwrap()
    }

    fn stop(self) {
        stop(self.child, &self.talk);
    }
}

/// The evidence of findings, by principal: what was told, whatever it weighed.
fn evidence(states: &BTreeMap<String, Value>) -> BTreeSet<(String, String)> {
    let pairs = states.values().flat_map(|state| {
        let principal = state["principal"]["arn"].to_string();
        let evidence = state["evidence"].as_array().unwrap();
        evidence
            .iter()
            .map(move |event| (principal.clone(), event["event_id"].to_string()))
    });
    pairs.collect()
}

#[test]
fn events_that_come_six_hours_late_are_judged_all_the_same() {
    let learnt = Learnt::until(FEW);
    let (baseline, sink) = (learnt.baseline("late.db"), learnt.path("late.jsonl"));
    let mut live = Live::start(learnt.stream(&baseline, &sink), &learnt.path("."));
    // The night of the attack comes after the six hours that follow it.
    let (before, rest): (Vec<_>, Vec<_>) = learnt
        .later
        .iter()
        .cloned()
        .partition(|(path, _)| delivery(path) < "20260719T0500Z");
    let (night, rest): (Vec<_>, Vec<_>) = rest
        .into_iter()
        .partition(|(path, _)| delivery(path) < "20260719T0700Z");
    let (overtaking, after): (Vec<_>, Vec<_>) = rest
        .into_iter()
        .partition(|(path, _)| delivery(path) < "20260719T1300Z");
    for part in [before, overtaking] {
        live.give(&part);
    }
    assert_eq!(live.metric("offtrail_late_total"), 0.0);
    let known = final_states(&told(&sink));
    live.give(&night);
    assert!(live.metric("offtrail_late_total") > 0.0);
    until("the attack", &mut live.child, &live.talk, || {
        final_states(&told(&sink)).len() > known.len()
    });
    live.give(&after);
    live.stop();
    let detected = learnt.detected();
    let missed: Vec<_> = evidence(&detected)
        .difference(&evidence(&final_states(&told(&sink))))
        .cloned()
        .collect();
    assert_eq!(missed, []);
    assert_told_once(&told(&sink));
    assert_eq!(exports(&baseline), exports(&learnt.path("detected.db")));
}

#[test]
fn what_is_delivered_again_after_a_month_changes_and_tells_nothing() {
    let learnt = Learnt::until(FEW);
    let (baseline, sink) = (learnt.baseline("again.db"), learnt.path("again.jsonl"));
    let before = exports(&baseline);
    let mut live = Live::start(learnt.stream(&baseline, &sink), &learnt.path("."));
    // In other files, so that only the ids of the events tell.
    let month_old: Vec<Delivered> = learnt
        .earlier
        .iter()
        .filter(|(path, _)| delivery(path) < "20260622")
        .map(|(path, bytes)| (path.replace("AWSLogs", "replayed/AWSLogs"), bytes.clone()))
        .collect();
    assert!(month_old.len() > 100, "{}", month_old.len());
    live.give(&month_old);
    live.stop();
    assert_eq!(told(&sink), "");
    assert_eq!(exports(&baseline), before);
}

#[test]
fn a_clock_that_jumps_changes_nothing_that_is_told() {
    let places = ["x86_64", "aarch64"]
        .map(|cpu| format!("/usr/lib/{cpu}-linux-gnu/faketime/libfaketimeMT.so.1"));
    let Some(library) = places.iter().find(|place| Path::new(place).exists()) else {
        eprintln!("skipped: no libfaketime (scripts/install tests)");
        return;
    };
    let learnt = Learnt::until(FEW);
    let (baseline, sink) = (learnt.baseline("clock.db"), learnt.path("clock.jsonl"));
    let clock = learnt.path("clock");
    fs::write(&clock, "@2026-07-18 06:00:00").unwrap();
    let stream = learnt
        .stream(&baseline, &sink)
        .args([
            "--settle",
            "1h",
            "--listen",
            "127.0.0.1:0",
            "--checkpoint-every",
            "500ms",
        ])
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap())
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let (inbox, talk) = (learnt.path("inbox"), learnt.path("talk"));
    fs::create_dir(&inbox).unwrap();
    let mut child = stream.arg_follow(&inbox).start(&talk);
    until("ready", &mut child, &talk, || is_ready(&talk));
    let mut given = 0.0;
    let parts = learnt.later.chunks(learnt.later.len().div_ceil(4));
    // Forward by weeks, back to before the beginning, to a year that is long past.
    for (part, jump) in parts.zip(["2026-08-20", "2026-07-01", "2001-01-01", "2026-07-22"]) {
        deliver(&inbox, part);
        given += count(part) as f64;
        until("read", &mut child, &talk, || {
            metric(&talk, "offtrail_records_total") == Some(given)
        });
        fs::write(&clock, format!("@{jump} 06:00:00")).unwrap();
        let made = metric(&talk, "offtrail_checkpoints_total").unwrap();
        until("a checkpoint", &mut child, &talk, || {
            metric(&talk, "offtrail_checkpoints_total") > Some(made)
        });
    }
    stop(child, &talk);
    assert_ends_as_detect(&learnt, &baseline, &sink);
    assert_eq!(exports(&baseline), exports(&learnt.path("detected.db")));
}
