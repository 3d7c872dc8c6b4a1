//! A backfill killed at any moment goes on where it stopped, and ends with the same bytes as one that nobody disturbed.
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
    archive::{mixed, quiet},
    binary::{Offtrail, assert_same, exports, summary},
    offtrail,
};

const KILLS: u64 = 10;
/// Starts tried for that many kills, at most: on a busy machine a run may end before it is killed.
const STARTS_MAX: u64 = 60;

fn backfill(logs: &Path, baseline: &Path) -> Offtrail {
    offtrail![
        "backfill",
        logs,
        "--baseline",
        baseline,
        "--checkpoint-files",
        "60"
    ]
}

#[test]
fn killed_ten_times_and_resumed_it_learns_the_same() {
    let folder = tempfile::tempdir().unwrap();
    quiet().write(folder.path());
    let logs = folder.path().join("AWSLogs");
    let [whole, baseline, talk] =
        ["whole.db", "killed.db", "talk"].map(|name| folder.path().join(name));
    let begun = Instant::now();
    backfill(&logs, &whole).ok();
    let undisturbed = begun.elapsed();
    let expected = exports(&whole);

    let (mut kills, mut resumed) = (0, 0);
    for start in 0..STARTS_MAX {
        if kills == KILLS {
            break;
        }
        // From nearly at once to a third of the whole: the moment is the point here, no event could stand for it.
        let share = 0.02 + 0.3 * (mixed(start) % 1_000) as f64 / 1_000.0;
        let mut child = backfill(&logs, &baseline).start(&talk);
        thread::sleep(Duration::from_secs_f64(undisturbed.as_secs_f64() * share));
        let ended_before = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        if ended_before.is_some_and(|status| status.success()) {
            // It had learnt all there is: the rest of the kills hit a new one.
            assert_same("resumed to the end", &expected, &exports(&baseline));
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

    backfill(&logs, &baseline).ok();
    assert_same("killed and resumed", &expected, &exports(&baseline));
    let sums = folder.path().join("summary.json");
    backfill(&logs, &baseline)
        .args([Path::new("--summary"), &sums])
        .ok();
    let sums = summary(&sums);
    assert_eq!(
        (&sums["files_read"], &sums["learnt"]),
        (&0.into(), &0.into())
    );
    assert_same("once more", &expected, &exports(&baseline));
}
