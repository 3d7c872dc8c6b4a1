//! A container that streams, and its bad days: killed at any moment it loses nothing and tells nothing twice, stopped it writes a checkpoint in time, and what a
//! sink could not take while it was down arrives once it is up.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run containers, put objects, and kill"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use offtrail_simulator::{Scale, Settings};
use offtrail_tests::{
    archive::{Archive, mixed, of, records, write},
    binary::{json, json_lines},
    container::{Contained, Image},
    hook::Hook,
    moto::Moto,
    offtrail,
};
use serde_json::Value;

const BUCKET: &str = "trail";
const LEARNT_UNTIL: &str = "2026-06-19";
/// The same on both sides: calibration is another test's matter.
const THRESHOLD: &str = "9";
const PARTS: usize = 4;
/// Kills while objects are put, a part, and then one when all of it is in the journal.
const KILLS_PUTTING: usize = 4;
/// For each thing that is waited for.
const PATIENCE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(50);

/// An object of the bucket, and when its first and last events happened.
struct Object<'a> {
    path: &'a str,
    bytes: &'a [u8],
    times: (String, String),
}

/// Thirty days of which the last twelve are streamed, two thousand objects with all attacks in them.
fn archive() -> Archive {
    of(&Settings {
        days: 30,
        scale: Scale::Demo,
        ..Settings::default()
    })
}

/// What is delivered after the day until which was learnt, by the time of the first event.
fn delivered(archive: &Archive) -> Vec<Object<'_>> {
    let logs = archive
        .logs()
        .filter(|(path, _)| path.contains("/CloudTrail/"));
    let streamed = logs.filter_map(|(path, bytes)| {
        let times = records(bytes).into_iter().map(|record| {
            let time = &json(&record)["eventTime"];
            time.as_str().unwrap().to_owned()
        });
        let times: BTreeSet<String> = times.collect();
        let (first, last) = (times.first()?.clone(), times.last()?.clone());
        (&*last >= LEARNT_UNTIL).then_some(Object {
            path,
            bytes,
            times: (first, last),
        })
    });
    let mut objects: Vec<_> = streamed.collect();
    objects.sort_by(|one, other| (&one.times, one.path).cmp(&(&other.times, other.path)));
    objects
}

/// Divides objects where every event before happened before every event after, so that the parts can be judged one after the other.
fn parts<'o, 'a>(objects: &'o [Object<'a>]) -> Vec<&'o [Object<'a>]> {
    let mut parts = Vec::new();
    let (mut begun, mut last) = (0, "");
    for (place, object) in objects.iter().enumerate() {
        let wanted = objects.len() * (parts.len() + 1) / PARTS;
        if parts.len() + 1 < PARTS && place >= wanted && last < &*object.times.0 {
            parts.push(&objects[begun..place]);
            begun = place;
        }
        last = last.max(&object.times.1);
    }
    parts.push(&objects[begun..]);
    assert_eq!(parts.len(), PARTS);
    parts
}

/// What is learnt before, and the state folder of a container with a copy of it.
struct Desk {
    folder: tempfile::TempDir,
    learnt: PathBuf,
    state: PathBuf,
    log: PathBuf,
}

impl Desk {
    fn new(archive: &Archive) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (learnt, state, log) = (at("learnt.db"), at("state"), at("log"));
        fs::create_dir(&state).unwrap();
        archive.write(&at("archive"));
        let logs = at("archive/AWSLogs");
        offtrail![
            "backfill",
            &logs,
            "--until",
            LEARNT_UNTIL,
            "--baseline",
            &learnt,
            "-q"
        ]
        .ok();
        fs::copy(&learnt, state.join("org.db")).unwrap();
        Self {
            folder,
            learnt,
            state,
            log,
        }
    }

    fn container(&self, moto: &Moto) -> Option<Contained> {
        Some(moto.serve_contained(Image::built()?.command(&self.state)))
    }

    /// What `detect` tells of the same objects from the same baseline.
    fn detected(&self, objects: &[Object<'_>]) -> Vec<Value> {
        let at = |name: &str| self.folder.path().join(name);
        let (logs, baseline) = (at("streamed"), at("detected.db"));
        write(
            &logs,
            objects.iter().map(|object| (object.path, object.bytes)),
        );
        fs::copy(&self.learnt, &baseline).unwrap();
        let told = offtrail![
            "detect",
            &logs,
            "--baseline",
            &baseline,
            "--threshold",
            THRESHOLD,
            "-q"
        ]
        .ok();
        json_lines(&told)
    }
}

/// Arguments of a stream that judges by event time alone: nothing is judged before a run without a queue takes it up.
fn arguments<'a>(queue: Option<(&'a str, &'a str)>, more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec![
        "stream",
        "--baseline",
        "org.db",
        "--threshold",
        THRESHOLD,
        "--settle",
        "1h",
    ];
    if let Some((queue, dead)) = queue {
        all.extend([
            "--queue",
            queue,
            "--dead-letter",
            dead,
            "--visibility",
            "5s",
        ]);
    }
    all.extend(more);
    all
}

/// The last state of each finding: severity and evidence.
fn last_states(lines: &[Value]) -> BTreeMap<String, (Value, BTreeSet<String>)> {
    let states = lines.iter().map(|line| {
        let evidence = line["evidence"].as_array().unwrap();
        let ids = evidence.iter().map(|event| event["event_id"].to_string());
        let id = line["id"].as_str().unwrap().to_owned();
        (id, (line["severity"].clone(), ids.collect()))
    });
    states.collect()
}

fn until(what: &str, mut seen: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !seen() {
        assert!(begun.elapsed() < PATIENCE, "no {what} within {PATIENCE:?}");
        thread::sleep(POLL);
    }
}

/// A moment between nearly at once and `most`: no event could stand for it, the moment is the point.
fn wait_until_some_moment(seed: &mut u64, most: Duration) {
    *seed += 1;
    let share = 0.02 + 0.98 * (mixed(*seed) % 1_000) as f64 / 1_000.0;
    thread::sleep(most.mul_f64(share));
}

#[test]
fn killed_twenty_times_it_tells_what_detect_tells_and_nothing_twice() {
    let (Some(moto), archive) = (Moto::start(), archive()) else {
        return;
    };
    let desk = Desk::new(&archive);
    let Some(contained) = desk.container(&moto) else {
        return;
    };
    let objects = delivered(&archive);
    assert!(objects.len() >= 2_000, "{}", objects.len());
    let (queue, dead) = (moto.queue("trail"), moto.queue("dead"));
    moto.fill(BUCKET, []);
    moto.notify(BUCKET, &queue);
    let sink = ["--sink", "findings.jsonl"];
    let streaming = arguments(Some((&queue, &dead)), &sink);
    let judging = arguments(None, &sink);
    let start = |arguments: &[&str]| contained.start(arguments, &desk.log);

    let (mut kills, mut kills_judging, mut seed) = (0, 0, 7);
    for part in parts(&objects) {
        thread::scope(|scope| {
            let put = scope.spawn(|| {
                for object in part {
                    moto.put(&format!("/{BUCKET}/{}", object.path), object.bytes);
                }
            });
            for _ in 0..KILLS_PUTTING {
                let mut running = start(&streaming);
                wait_until_some_moment(&mut seed, Duration::from_secs(3));
                assert_eq!(running.ended(), None, "{}", running.log());
                running.kill();
                kills += 1;
            }
            put.join().unwrap();
        });
        // All of it is in the journal or among the dead letters, and nothing of it judged.
        let running = start(&streaming);
        until("empty queue", || moto.messages(&queue) == 0);
        running.kill();
        kills += 1;
        // Judged and told, killed in the middle of that too.
        for _ in 0..2 {
            let mut running = start(&judging);
            wait_until_some_moment(&mut seed, Duration::from_secs(1));
            kills_judging += u32::from(running.ended().is_none());
            running.kill();
        }
        let _ = contained.run(&judging).expect(0);
    }
    assert_eq!(kills, 20);
    assert!(kills_judging > 0, "no kill hit the judging");

    assert_eq!(moto.messages(&queue), 0);
    assert_eq!(moto.messages(&dead), 0);
    let told = fs::read_to_string(desk.state.join("findings.jsonl")).unwrap();
    let distinct: BTreeSet<&str> = told.lines().collect();
    assert_eq!(
        distinct.len(),
        told.lines().count(),
        "a state was told twice"
    );
    let expected = last_states(&desk.detected(&objects));
    assert!(expected.len() > 3, "{expected:#?}");
    assert_eq!(last_states(&json_lines(&told)), expected);
}

#[test]
fn stopped_it_writes_a_checkpoint_in_time() {
    let (Some(moto), archive) = (Moto::start(), archive()) else {
        return;
    };
    let desk = Desk::new(&archive);
    let Some(contained) = desk.container(&moto) else {
        return;
    };
    let objects = delivered(&archive);
    let (queue, dead) = (moto.queue("trail"), moto.queue("dead"));
    moto.fill(BUCKET, []);
    moto.notify(BUCKET, &queue);
    for object in &objects[..300] {
        moto.put(&format!("/{BUCKET}/{}", object.path), object.bytes);
    }
    let sink = ["--sink", "findings.jsonl"];
    let mut running = contained.start(&arguments(Some((&queue, &dead)), &sink), &desk.log);
    // In the middle of the work.
    running.until("a message taken", PATIENCE, |_| {
        (moto.messages(&queue) < 250).then_some(())
    });
    let (code, took) = running.stop();
    assert_eq!(code, Some(0), "{}", fs::read_to_string(&desk.log).unwrap());
    assert!(took < Duration::from_secs(10), "{took:?}");
    // The next start finds no journal to take again, and what was received before.
    let next = contained.run(&arguments(None, &sink)).expect(0);
    assert!(!next.stderr.contains("took the journal again"), "{next:#?}");
}

#[test]
fn a_sink_that_was_down_gets_everything_in_order_and_once() {
    let (Some(moto), archive) = (Moto::start(), archive()) else {
        return;
    };
    let desk = Desk::new(&archive);
    let Some(contained) = desk.container(&moto) else {
        return;
    };
    let objects = delivered(&archive);
    let logs = desk.state.join("logs");
    write(
        &logs,
        objects.iter().map(|object| (object.path, object.bytes)),
    );
    let hook = Hook::down();
    let url = hook.url();
    let sinks = ["--sink", "findings.jsonl", "--sink", &url];
    let mut following = arguments(None, &sinks);
    following.extend(["--follow", "logs", "--end-when-idle", "10s"]);
    let mut running = contained.start(&following, &desk.log);
    let file = desk.state.join("findings.jsonl");
    let expected = last_states(&desk.detected(&objects));
    // It judges all there is, hands it to the sink that is up, and goes on trying the other.
    running.until("all findings in the file", PATIENCE, |_| {
        let told = fs::read_to_string(&file).ok()?;
        let whole = told.rsplit_once('\n')?.0;
        (last_states(&json_lines(whole)) == expected).then_some(())
    });
    let (code, took) = running.stop();
    assert_eq!(
        (code, took < Duration::from_secs(10)),
        (Some(0), true),
        "{took:?}"
    );
    let told = fs::read_to_string(&file).unwrap();
    assert!(hook.refused() > 0);
    assert_eq!(hook.taken().len(), 0);

    hook.up();
    let _ = contained.run(&arguments(None, &sinks)).expect(0);
    let told_after = fs::read_to_string(&file).unwrap();
    assert!(told_after.starts_with(&told));
    let taken = hook.taken();
    let bodies: Vec<&str> = taken.iter().map(|(_, body)| body.trim_end()).collect();
    assert_eq!(bodies, told_after.lines().collect::<Vec<_>>());
    let keys: BTreeSet<&str> = taken.iter().map(|(key, _)| &**key).collect();
    assert_eq!(keys.len(), taken.len());
}
