//! A backfill killed at any moment goes on where it stopped, and ends with the same bytes as one that nobody disturbed.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they start and kill the binary"
)]

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use offtrail_tests::{
    archive::{mixed, quiet},
    binary::{Offtrail, assert_same, exports, json, summary},
    moto::Moto,
    offtrail,
};

/// An exported baseline.
type Exports = Vec<(PathBuf, Vec<u8>)>;

const KILLS: u64 = 10;
/// Starts tried for that many kills, at most: on a busy machine a run may end before it is killed.
const STARTS_MAX: u64 = 60;

/// Where an archive lies.
trait Archived {
    /// A command line that learns it.
    fn backfill(&self, baseline: &Path) -> Offtrail;
}

impl Archived for Path {
    fn backfill(&self, baseline: &Path) -> Offtrail {
        learn(self.as_os_str(), baseline)
    }
}

impl Archived for Moto {
    fn backfill(&self, baseline: &Path) -> Offtrail {
        self.serve(learn(OsStr::new("s3://trail/AWSLogs"), baseline))
    }
}

fn learn(source: &OsStr, baseline: &Path) -> Offtrail {
    offtrail![
        "backfill",
        source,
        "--baseline",
        baseline,
        "--checkpoint-files",
        "20"
    ]
}

/// Kills and resumes until there were enough kills; the baseline that is left.
fn killed(
    folder: &Path,
    archive: &(impl Archived + ?Sized),
    expected: &Exports,
    whole: Duration,
) -> PathBuf {
    let [baseline, talk] = ["killed.db", "talk"].map(|name| folder.join(name));
    let (mut kills, mut resumed) = (0, 0);
    for start in 0..STARTS_MAX {
        if kills == KILLS {
            break;
        }
        // From nearly at once to half of the whole: the moment is the point here, no event could stand for it.
        let share = 0.02 + 0.48 * (mixed(start) % 1_000) as f64 / 1_000.0;
        let mut child = archive.backfill(&baseline).start(&talk);
        thread::sleep(Duration::from_secs_f64(whole.as_secs_f64() * share));
        let ended_before = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        if ended_before.is_some_and(|status| status.success()) {
            // It had learnt all there is: the rest of the kills hit a new one.
            assert_same("resumed to the end", expected, &exports(&baseline));
            fs::remove_file(&baseline).unwrap();
            continue;
        }
        assert_eq!(ended_before, None, "{}", fs::read_to_string(&talk).unwrap());
        kills += 1;
        resumed += u64::from(fs::read_to_string(&talk).unwrap().contains("learnt before"));
        // What lies there now is a sound baseline of the files it names, or nothing yet.
        if baseline.exists() {
            let shown = offtrail!["baseline", "show", "--baseline", &baseline].run();
            assert!(
                shown.code == Some(0) || shown.stderr.contains("not an offtrail baseline"),
                "{shown:#?}"
            );
        }
    }
    assert_eq!(kills, KILLS);
    assert!(resumed > 0, "no kill hit the middle of the work");
    baseline
}

/// Learns what is left, and once more what is learnt already.
fn resumed(
    folder: &Path,
    archive: &(impl Archived + ?Sized),
    (expected, baseline): (&Exports, &Path),
) {
    archive.backfill(baseline).ok();
    assert_same("killed and resumed", expected, &exports(baseline));
    let sums = folder.join("summary.json");
    archive
        .backfill(baseline)
        .args([Path::new("--summary"), &sums])
        .ok();
    let sums = summary(&sums);
    assert_eq!(
        (&sums["files_read"], &sums["learnt"]),
        (&0.into(), &0.into())
    );
    assert_same("once more", expected, &exports(baseline));
}

#[test]
fn killed_ten_times_and_resumed_it_learns_the_same() {
    let folder = tempfile::tempdir().unwrap();
    quiet().write(folder.path());
    let logs = folder.path().join("AWSLogs");
    let whole = folder.path().join("whole.db");
    let begun = Instant::now();
    logs.backfill(&whole).ok();
    let undisturbed = begun.elapsed();
    let expected = exports(&whole);
    let baseline = killed(folder.path(), &*logs, &expected, undisturbed);
    resumed(folder.path(), &*logs, (&expected, &baseline));
}

#[test]
fn killed_while_it_fetches_from_s3_it_fetches_nothing_twice_that_was_committed() {
    let Some(moto) = Moto::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let archive = quiet().until_june(5);
    moto.fill("trail", archive.logs());
    archive.write(folder.path());
    let logs = folder.path().join("AWSLogs");
    let [local, whole] = ["local.db", "whole.db"].map(|name| folder.path().join(name));
    logs.backfill(&local).ok();
    let begun = Instant::now();
    moto.backfill(&whole).ok();
    let undisturbed = begun.elapsed();
    let expected = exports(&whole);
    assert_same("from S3 as from disk", &exports(&local), &expected);
    assert_eq!(moto.fetched("trail").len(), archive.logs().count());

    let baseline = killed(folder.path(), &moto, &expected, undisturbed);
    let plan = folder.path().join("plan.json");
    moto.backfill(&baseline)
        .args([Path::new("--plan"), Path::new("--summary"), &plan])
        .ok();
    let plan = json(&fs::read_to_string(plan).unwrap());
    assert!(plan["learnt_before"].as_u64() > Some(0), "{plan}");
    // What was under way when it was killed belongs to no checkpoint and is fetched again; what was committed is not.
    let _ = moto.fetched("trail");
    resumed(folder.path(), &moto, (&expected, &baseline));
    let fetched = moto.fetched("trail").len() as u64;
    assert_eq!(plan["requests"]["get"], fetched);
}
