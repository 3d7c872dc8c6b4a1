//! Attacks that hide in what is usual, and the seed story with four credentials, in whole simulated organisations through the binary.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run programs and read what they wrote"
)]

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::Path,
};

use offtrail_simulator::{AttackSet, Scale, Settings, hard_scenario_ids};
use offtrail_tests::{archive::of, binary::json_lines, offtrail, score::score};
use serde_json::Value;

/// Days judged, a quarter of 120.
const DAYS_JUDGED: usize = 30;

fn lines(path: &Path) -> Vec<Value> {
    json_lines(&fs::read_to_string(path).unwrap())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Simulates into a folder, judges the last quarter; every state told, and the attack of each labelled event.
fn judged(
    folder: &Path,
    settings: &Settings,
    more: &[&str],
) -> (Vec<Value>, HashMap<String, String>) {
    of(settings).write(folder);
    let learn_until = if settings.days == 120 {
        "2026-08-30"
    } else {
        "2026-07-16"
    };
    let findings = folder.join("findings.jsonl");
    offtrail![
        "backtest",
        folder.join("AWSLogs"),
        "--quiet",
        "--findings",
        &findings
    ]
    .args(["--learn-until", learn_until])
    .args(more)
    .ok();
    let labels = lines(&folder.join("labels.jsonl"));
    let labels = labels.iter();
    let labels = labels.map(|label| (text(&label["eventID"]), text(&label["attack_id"])));
    (lines(&findings), labels.collect())
}

/// Which hard attacks are found at three false findings a day.
fn found(seed: u64) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        seed,
        attacks: AttackSet::Hard,
        ..Settings::default()
    };
    let (states, labels) = judged(folder.path(), &settings, &["--all"]);
    let is_found = |id: &&str| {
        let attack = [(*id).to_owned()];
        score(&states, &labels, &attack, 3 * DAYS_JUDGED).detected == 1
    };
    hard_scenario_ids()
        .filter(is_found)
        .map(str::to_owned)
        .collect()
}

fn check_all_found(seed: u64) {
    let all: BTreeSet<String> = hard_scenario_ids().map(str::to_owned).collect();
    assert_eq!(found(seed), all, "seed {seed}");
}

#[test]
fn what_hides_in_the_usual_is_found_at_three_false_findings_a_day() {
    check_all_found(1);
}

#[test]
fn what_hides_in_another_organisation_is_found_too() {
    check_all_found(2);
}

/// The only finding about a story, at its last state, and how `explain` shows it.
fn story(id: &str) -> (Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        days: 60,
        scale: Scale::Demo,
        attacks: AttackSet::Only(vec![id.to_owned()]),
        ..Settings::default()
    };
    let (states, labels) = judged(folder.path(), &settings, &[]);
    let is_about_it = |state: &&Value| {
        let mut evidence = state["evidence"].as_array().unwrap().iter();
        evidence.any(|event| labels.contains_key(event["event_id"].as_str().unwrap()))
    };
    let about: Vec<&Value> = states.iter().filter(is_about_it).collect();
    let ids: BTreeSet<String> = about.iter().map(|state| text(&state["id"])).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let last = (*about.last().unwrap()).clone();
    let evidence = last["evidence"].as_array().unwrap();
    let theirs = evidence
        .iter()
        .filter(|event| labels.contains_key(event["event_id"].as_str().unwrap()));
    // Everything the intruder did is in it.
    assert_eq!(theirs.count(), labels.len(), "{last:#}");
    let findings = folder.path().join("findings.jsonl");
    let told = offtrail!["explain", text(&last["id"]), "--findings", &findings].ok();
    (last, told)
}

/// Lineage and reach as people read them.
fn path_in(told: &str) -> String {
    let from = told.find("Lineage of the credential").unwrap();
    let until = told.find("Compared with").unwrap();
    told[from..until].trim_end().to_owned()
}

fn check_path(finding: &Value) {
    assert_eq!(finding["severity"], "critical");
    let keys = finding["reach"]["credentials"].as_array().unwrap();
    let permanent = keys.iter().filter(|key| text(key).starts_with("AKIA"));
    assert_eq!(permanent.count(), 3, "{keys:?}");
    assert!(keys.iter().any(|key| text(key).starts_with("ASIA")));
    let steps: BTreeSet<String> = finding["lineage"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| text(&step["by"]))
        .collect();
    let expected = ["iam:CreateAccessKey", "iam:CreateUser", "sts:AssumeRole"];
    assert_eq!(steps, expected.map(str::to_owned).into());
}

#[test]
fn the_seed_story_of_four_credentials_is_one_critical_finding_with_its_path() {
    let (finding, told) = story("ci-key-chain");
    check_path(&finding);
    insta::assert_snapshot!("path_of_four_credentials", path_in(&told));
}

#[test]
fn at_one_call_a_day_it_is_still_one_finding() {
    let (finding, told) = story("ci-key-chain-slow");
    check_path(&finding);
    insta::assert_snapshot!("path_at_one_call_a_day", path_in(&told));
}
