//! How well attacks are found in whole organisations, one of our own simulator and one of an independent one: recall at one false finding a
//! day, and false findings above the default threshold.
//!
//! The bar is 0.60 of the attacks at one false finding a day, where naive first-seen finds 0.14.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run programs and read what they wrote"
)]

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use offtrail_simulator::Settings;
use offtrail_tests::{
    archive::of,
    binary::{json, json_lines},
    neighbours::{shared, trailsim},
    offtrail,
    score::score,
};
use serde_json::Value;

const LEARN_UNTIL: &str = "2026-08-30";
/// Days judged: 120 from 2026-06-01, of which 90 are learnt.
const DAYS_JUDGED: usize = 30;
/// Least share of the attacks found at one false finding a day.
const RECALL_MIN: f64 = 0.60;
/// Most false findings above the default threshold, a day and 100 principals.
const FALSE_MAX: f64 = 1.0;

fn lines(path: &Path) -> Vec<Value> {
    json_lines(&fs::read_to_string(path).unwrap())
}

/// What a backtest gave.
struct Judged {
    findings: PathBuf,
    /// The states told, `--all` of them.
    states: Vec<Value>,
    /// What it told people, the figures of `--labels` among it.
    told: String,
}

/// Judges the last 30 days of an organisation.
fn backtest(dataset: &Path) -> Judged {
    let findings = dataset.join("findings.jsonl");
    let told = offtrail![
        "backtest",
        dataset.join("AWSLogs"),
        "--all",
        "--quiet",
        "--findings",
        &findings
    ]
    .args(["--learn-until", LEARN_UNTIL, "--labels"])
    .args([dataset.join("labels.jsonl")])
    .ok();
    Judged {
        states: lines(&findings),
        findings,
        told,
    }
}

/// False findings above the default threshold, a day and 100 principals.
fn false_rate(dataset: &Path, false_findings: usize) -> f64 {
    let stats = json(&fs::read_to_string(dataset.join("stats.json")).unwrap());
    let principals = stats["principals"].as_u64().unwrap();
    false_findings as f64 / DAYS_JUDGED as f64 * 100.0 / principals as f64
}

fn raised(states: &[Value]) -> Vec<Value> {
    let raised = states.iter().filter(|state| state["raised"] == true);
    raised.cloned().collect()
}

/// Holds the figures of `backtest --labels` to those of another scorer.
fn says_the_same(told: &str, recall: f64, false_findings: usize) {
    let line = told.lines().find(|line| line.contains("recall at    1 "));
    let said = line.and_then(|line| line.split_whitespace().next_back()?.parse().ok());
    assert!(
        said.is_some_and(|said: f64| (said - recall).abs() < 0.001),
        "recall {recall}: {told}"
    );
    assert!(
        told.contains(&format!("; {false_findings} of ")),
        "{false_findings} false: {told}"
    );
}

#[test]
fn our_own_organisation() {
    let folder = tempfile::tempdir().unwrap();
    of(&Settings::default()).write(folder.path());
    let Judged { states, told, .. } = backtest(folder.path());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let labels: HashMap<String, String> = lines(&folder.path().join("labels.jsonl"))
        .iter()
        .map(|label| (text(&label["eventID"]), text(&label["attack_id"])))
        .collect();
    let attacks = lines(&folder.path().join("attacks.jsonl"));
    let attacks: Vec<String> = attacks.iter().map(|attack| text(&attack["id"])).collect();
    assert!(attacks.len() >= 20);

    let all = score(&states, &labels, &attacks, DAYS_JUDGED);
    let shown = score(&raised(&states), &labels, &attacks, DAYS_JUDGED);
    let rate = false_rate(folder.path(), shown.false_findings);
    println!(
        "own organisation: recall {:.2} at 1 false a day, {all:?}; raised: {shown:?}, {rate:.2} false a day and 100 principals",
        all.recall()
    );
    assert!(all.recall() >= RECALL_MIN, "{all:?}");
    assert!(rate <= FALSE_MAX, "{rate}: {shown:?}");
    // What people see are the raised ones: most of the attacks must be among them.
    assert!(shown.detected * 2 >= attacks.len(), "{shown:?}");
    says_the_same(&told, all.recall(), all.false_findings);
}

#[test]
fn an_independent_organisation() {
    let (Some(mut python), Some(scorer)) = (trailsim(), shared("eval/score.py")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let made = python
        .args([
            "-m",
            "trailsim",
            "--seed",
            "4",
            "--scale",
            "small",
            "--attacks",
            "dev",
            "--out",
        ])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let Judged {
        findings,
        states,
        told,
    } = backtest(folder.path());
    let scored = |findings: &Path, more: &[&str]| {
        let scored = Command::new("python3")
            .arg("-B")
            .arg(&scorer)
            .args([folder.path(), findings])
            .args(["--from", LEARN_UNTIL, "--json"])
            .args(more)
            .output()
            .unwrap();
        assert!(scored.status.success(), "{scored:?}");
        json(&String::from_utf8(scored.stdout).unwrap())
    };
    let all = scored(&findings, &[]);
    let only_raised = folder.path().join("raised.jsonl");
    let raised: Vec<String> = raised(&states).iter().map(Value::to_string).collect();
    fs::write(&only_raised, raised.join("\n")).unwrap();
    let shown = scored(&only_raised, &["--days", &DAYS_JUDGED.to_string()]);
    let recall = all["recall_at_1_false_per_day"].as_f64().unwrap();
    let rate = false_rate(
        folder.path(),
        usize::try_from(shown["false"].as_u64().unwrap()).unwrap(),
    );
    println!(
        "independent organisation: recall {recall} at 1 false a day; {rate:.2} false a day and 100 principals above the threshold; all: {all}; raised: {shown}"
    );
    assert!(recall >= RECALL_MIN, "{all}");
    says_the_same(
        &told,
        recall,
        usize::try_from(all["false"].as_u64().unwrap()).unwrap(),
    );
    assert!(rate <= FALSE_MAX, "{rate}: {shown}");
}
