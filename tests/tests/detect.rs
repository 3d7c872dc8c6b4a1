//! `offtrail detect`, day by day: the intruder's key is told once, what it did stays pending, and nothing is judged twice.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run the binary and look at its files"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use offtrail_simulator::demo_settings;
use offtrail_tests::{
    archive::of,
    binary::{Offtrail, json_lines, summary},
    formats::assert_is_finding,
    offtrail,
};
use serde_json::Value;
use tempfile::TempDir;

/// Days of the demo that are judged, up to the last: the first attacks lie in them, the seed story on the 19th and 20th.
const DAYS: [&str; 9] = [
    "2026-07-16",
    "2026-07-17",
    "2026-07-18",
    "2026-07-19",
    "2026-07-20",
    "2026-07-21",
    "2026-07-22",
    "2026-07-23",
    "2026-07-24",
];

/// The demo's organisation, learnt until its first judged day.
struct Learnt {
    folder: TempDir,
}

impl Learnt {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        of(&demo_settings()).write(folder.path());
        let learnt = Self { folder };
        offtrail![
            "backfill",
            learnt.logs(),
            "--quiet",
            "--until",
            DAYS[0],
            "--baseline",
            learnt.path("org.db")
        ]
        .ok();
        learnt
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn logs(&self) -> PathBuf {
        self.path("AWSLogs")
    }

    /// The files delivered on these days, all of them judged: nothing is left out by the time of an event.
    fn judge(&self, baseline: &str, since: &str, until: &str) -> Offtrail {
        offtrail![
            "detect",
            self.logs(),
            "--quiet",
            "--baseline",
            self.path(baseline)
        ]
        .args(["--since", since, "--until", until])
    }
}

fn rows(baseline: &Path) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    offtrail![
        "baseline",
        "export",
        folder.path(),
        "--format",
        "jsonl",
        "--baseline",
        baseline
    ]
    .ok();
    json_lines(&fs::read_to_string(folder.path().join("baseline.jsonl")).unwrap())
}

/// Standing of a call of a principal, by its outcomes.
fn standings(rows: &[Value], name: &str, operation: &str) -> Vec<String> {
    let of_name = rows.iter().filter(|row| row["principal"]["name"] == name);
    of_name
        .flat_map(|row| row["calls"].as_array().unwrap())
        .filter(|call| call["operation"] == operation)
        .map(|call| call["standing"].as_str().unwrap().to_owned())
        .collect()
}

fn is_story(finding: &Value) -> bool {
    finding["principal"]["name"] == "ci-deploy"
        && finding["novelties"]
            .as_array()
            .unwrap()
            .iter()
            .any(|novelty| novelty["value"] == "iam:ListAccessKeys")
}

#[test]
fn day_by_day_the_story_is_told_once_and_stays_pending() {
    let learnt = Learnt::new();
    fs::copy(learnt.path("org.db"), learnt.path("all.db")).unwrap();
    let mut told = Vec::new();
    for days in DAYS.windows(2) {
        let lines = learnt.judge("org.db", days[0], days[1]).ok();
        told.extend(json_lines(&lines));
    }
    for finding in &told {
        assert_is_finding(finding);
        assert_eq!(finding["raised"], true);
    }
    let ids: BTreeSet<&str> = told
        .iter()
        .filter(|finding| is_story(finding))
        .map(|finding| finding["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let last = told.iter().rfind(|finding| is_story(finding)).unwrap();
    assert!(last["type"].as_str().unwrap().ends_with("!PermanentKey"));
    assert!(last["severity"] == "high" || last["severity"] == "critical");

    let rows = rows(&learnt.path("org.db"));
    for operation in ["ListAccessKeys", "CreateAccessKey", "ListUsers"] {
        assert_eq!(
            standings(&rows, "ci-deploy", operation),
            ["pending"],
            "{operation}"
        );
    }
    assert!(standings(&rows, "ci-deploy", "DescribeStackEvents").contains(&"learnt".to_owned()));

    // The same files again: nothing is judged, told or changed.
    let sums = learnt.path("summary.json");
    let again = learnt
        .judge("org.db", DAYS[0], DAYS[8])
        .args([Path::new("--summary"), &sums])
        .ok();
    assert_eq!(again, "");
    let sums = summary(&sums);
    assert_eq!(sums["judged"], 0);
    assert!(sums["repeated"].as_u64() > Some(1_000), "{sums}");
    assert_eq!(rows, self::rows(&learnt.path("org.db")));
    // People see what is pending.
    let shown = offtrail!["explain", "ci-deploy", "--baseline", learnt.path("org.db")].ok();
    assert!(shown.contains("pending"), "{shown}");

    // Learnt in one run as known-good: the same story, but the intruder has trained the baseline.
    let lines = learnt
        .judge("all.db", DAYS[0], DAYS[8])
        .args(["--learn", "all"])
        .ok();
    let lines = json_lines(&lines);
    let trained = lines.iter().find(|finding| is_story(finding)).unwrap();
    assert_eq!(trained["id"], last["id"]);
    let rows = self::rows(&learnt.path("all.db"));
    assert_eq!(standings(&rows, "ci-deploy", "ListAccessKeys"), ["learnt"]);
}

#[test]
fn what_is_told_and_how_it_ends_is_the_users_choice() {
    let learnt = Learnt::new();
    let bytes = fs::read(learnt.path("org.db")).unwrap();
    let untouched = || {
        assert!(
            bytes == fs::read(learnt.path("org.db")).unwrap(),
            "the baseline was touched"
        )
    };
    let judge = |more: &[&str]| {
        learnt
            .judge("org.db", DAYS[0], DAYS[8])
            .args(["--learn", "none"])
            .args(more)
            .run()
    };

    let plain = judge(&[]).expect(0);
    untouched();
    let told = json_lines(&plain.stdout);
    told.iter().for_each(assert_is_finding);
    let of = |severity: &str| {
        told.iter()
            .filter(|finding| finding["severity"] == severity)
            .count()
    };
    assert!(
        of("critical") > 0 && of("critical") < told.len(),
        "{}",
        told.len()
    );

    assert_eq!(
        judge(&["--fail-on", "critical"]).expect(1).stdout,
        plain.stdout
    );
    assert_eq!(
        judge(&["--fail-on", "critical", "--threshold", "5000"])
            .expect(0)
            .stdout,
        ""
    );
    let severe = judge(&["--min-severity", "critical"]).expect(0);
    let severe = json_lines(&severe.stdout);
    assert!(
        severe.len() == of("critical")
            && severe
                .iter()
                .all(|finding| finding["severity"] == "critical")
    );

    let all = json_lines(&judge(&["--all"]).expect(0).stdout);
    all.iter().for_each(assert_is_finding);
    assert!(all.iter().any(|finding| finding["raised"] == false));
    let raised: Vec<&Value> = all
        .iter()
        .filter(|finding| finding["raised"] == true)
        .collect();
    assert_eq!(raised.len(), told.len());

    let text = judge(&["--format", "text"]).expect(0).stdout;
    for word in ["CRITICAL", "ci-deploy", "iam:ListAccessKeys", "Next steps"] {
        assert!(text.contains(word), "no {word}: {text}");
    }
    assert!(!text.contains('{') && !text.contains('\u{1b}'));

    let file = learnt.path("findings.jsonl");
    let to_file = judge(&["--findings", file.to_str().unwrap()]).expect(0);
    assert_eq!(to_file.stdout, "");
    assert_eq!(fs::read_to_string(&file).unwrap(), plain.stdout);
    untouched();
}

/// The last state of each finding.
fn last_states(lines: &str) -> BTreeMap<String, Value> {
    let states = json_lines(lines).into_iter();
    states
        .map(|state| (state["id"].as_str().unwrap().to_owned(), state))
        .collect()
}

/// Severity, score and events of findings by id: what must not depend on how a span of time is cut into runs.
fn substance(states: &BTreeMap<String, Value>) -> Vec<String> {
    let line = |(id, state): (&String, &Value)| {
        let evidence = state["evidence"].as_array().unwrap().iter();
        let events: Vec<&str> = evidence
            .map(|event| event["event_id"].as_str().unwrap())
            .collect();
        let (severity, score) = (&state["severity"], &state["score"]);
        format!("{id} {severity} {score} {events:?}")
    };
    states.iter().map(line).collect()
}

#[test]
fn days_judged_one_by_one_tell_what_one_run_tells() {
    let learnt = Learnt::new();
    for (name, more) in [("all", &["--all"][..]), ("raised", &[])] {
        let copy = |kind: &str| {
            let copy = format!("{name}-{kind}.db");
            fs::copy(learnt.path("org.db"), learnt.path(&copy)).unwrap();
            copy
        };
        let (whole, daily) = (copy("whole"), copy("daily"));
        let one = learnt.judge(&whole, DAYS[0], DAYS[8]).args(more).ok();
        let mut portions = String::new();
        for days in DAYS.windows(2) {
            portions += &learnt.judge(&daily, days[0], days[1]).args(more).ok();
        }
        let (one, portions) = (last_states(&one), last_states(&portions));
        assert!(one.len() > 3, "{name}: {}", one.len());
        assert_eq!(substance(&one), substance(&portions), "{name}");
        let grown = portions.values().any(|state| {
            state["opened"].as_str().unwrap()[..10] != state["time"].as_str().unwrap()[..10]
        });
        assert!(
            grown,
            "{name}: no finding grew over midnight, so nothing is shown"
        );
        assert_eq!(
            rows(&learnt.path(&whole)),
            rows(&learnt.path(&daily)),
            "{name}"
        );
    }
}

#[test]
fn learning_none_goes_on_from_open_findings_and_keeps_nothing() {
    let learnt = Learnt::new();
    let one = learnt
        .judge("org.db", DAYS[0], DAYS[5])
        .args(["--learn", "none"])
        .ok();
    let one = last_states(&one);
    learnt.judge("org.db", DAYS[0], DAYS[4]).ok();
    let bytes = fs::read(learnt.path("org.db")).unwrap();
    let rest = learnt
        .judge("org.db", DAYS[4], DAYS[5])
        .args(["--learn", "none"])
        .ok();
    let rest = last_states(&rest);
    assert!(bytes == fs::read(learnt.path("org.db")).unwrap());
    let story = rest.values().find(|state| is_story(state)).unwrap();
    let id = story["id"].as_str().unwrap();
    assert_eq!(story["opened"], one[id]["opened"]);
    assert!(
        story["opened"].as_str().unwrap() < DAYS[4],
        "it was opened by the run before"
    );
}
