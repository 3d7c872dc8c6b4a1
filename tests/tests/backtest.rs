//! `offtrail backtest`: the page, and two settings judged side by side in one run.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run the binary and read what it wrote"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use offtrail_tests::{archive, binary::json_lines, offtrail};
use tempfile::TempDir;

/// Sixteen days from 2026-06-01, of which the last four are judged: too few to calibrate, so the settings' threshold holds.
const LEARN_UNTIL: &str = "2026-06-13";
const WITHOUT_NETWORK: &str = "version = 3\n[context]\nnetwork = 0.0\nnetwork_shared = 0.0\n";

/// What one run wrote.
#[derive(Debug, PartialEq)]
struct Ran {
    told: String,
    page: String,
    findings: String,
}

impl Ran {
    fn raised(&self) -> BTreeSet<String> {
        json_lines(&self.findings)
            .iter()
            .filter(|state| state["raised"] == true)
            .map(|state| state["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The number behind `only with A: ` and the like.
    fn count(&self, of: &str) -> usize {
        let line = self.told.lines().find_map(|line| line.strip_prefix(of));
        let number = line.unwrap_or_else(|| panic!("no {of}: {}", self.told));
        number.parse().unwrap()
    }
}

/// An archive, its labels and a settings file without the network.
fn organisation() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    archive::small().write(folder.path());
    let settings = folder.path().join("other.toml");
    fs::write(&settings, WITHOUT_NETWORK).unwrap();
    (folder, settings)
}

fn backtest(folder: &Path, more: &[&str]) -> Ran {
    let (page, findings) = (folder.join("page.html"), folder.join("findings.jsonl"));
    let told = offtrail!["backtest", folder.join("AWSLogs"), "--quiet"]
        .args(["--learn-until", LEARN_UNTIL, "--labels"])
        .args([&folder.join("labels.jsonl")])
        .args(["--html".as_ref(), page.as_os_str()])
        .args(["--findings".as_ref(), findings.as_os_str()])
        .args(more)
        .ok();
    let read = |path| fs::read_to_string(path).unwrap();
    Ran {
        told,
        page: read(page),
        findings: read(findings),
    }
}

#[test]
fn the_page_names_every_raised_finding_and_loads_nothing() {
    let (folder, _) = organisation();
    let ran = backtest(folder.path(), &[]);
    let raised = ran.raised();
    assert!(raised.len() > 5, "{raised:?}");
    let (_, list) = ran.page.split_once("<section id=\"findings\"").unwrap();
    for id in &raised {
        assert!(list.contains(&format!("<code>{id}</code>")), "{id}");
    }
    assert!(ran.page.contains("default-src 'none'"), "{}", ran.page);
    for banned in ["<script", "src=", "url(", "@import", "href=\"http"] {
        assert!(!ran.page.contains(banned), "{banned}");
    }
    for said in [
        "not calibrated: fewer than 28 days",
        "in the whole organisation",
    ] {
        assert!(ran.told.contains(said), "no {said}: {}", ran.told);
        assert!(ran.page.contains(said), "no {said}: {}", ran.page);
    }
    let whole_page = ran.page.starts_with("<!DOCTYPE html>") && ran.page.ends_with("</html>");
    assert!(whole_page && ran.page.matches("<svg").count() == 2);
}

#[test]
fn the_same_settings_make_no_difference() {
    let (folder, _) = organisation();
    let same = folder.path().join("same.toml");
    fs::write(&same, "version = 3\n").unwrap();
    let ran = backtest(folder.path(), &["--compare", same.to_str().unwrap()]);
    for fate in ["only with A: ", "only with B: ", "another severity: "] {
        assert_eq!(ran.count(fate), 0, "{fate}");
    }
    assert_eq!(ran.count("the same in both: "), ran.raised().len());
    let alone = backtest(folder.path(), &[]);
    assert_eq!(ran.findings, alone.findings);
}

/// A threshold between the two scores of the first finding whose severity changes: under it that finding goes.
fn between(told: &str) -> String {
    let line = told
        .lines()
        .find(|line| line.trim_start().starts_with("A: "));
    let scores = line.unwrap().split(' ');
    let scores: Vec<f64> = scores.filter_map(|word| word.parse().ok()).collect();
    assert!(scores.len() == 2 && scores[0] > scores[1], "{line:?}");
    format!("{:.2}", (scores[0] + scores[1]) / 2.0)
}

#[test]
fn without_the_network_findings_go_and_the_second_run_is_what_it_would_be_alone() {
    let (folder, settings) = organisation();
    let settings = settings.to_str().unwrap();
    // Where nothing is held back, scores don't depend on the threshold.
    let run = |more: &[&str]| backtest(folder.path(), &[&["--learn", "all"], more].concat());
    let changed = run(&["--compare", settings]);
    let threshold = between(&changed.told);
    let both = run(&["--threshold", &threshold, "--compare", settings]);
    let alone = run(&["--threshold", &threshold, "--settings", settings]);
    assert!(both.count("only with A: ") > 0, "{}", both.told);
    let shown = both.count("the same in both: ")
        + both.count("another severity: ")
        + both.count("only with B: ");
    assert_eq!(shown, alone.raised().len());
    assert!(both.told.contains("set by hand"), "{}", both.told);
    let (_, compared) = both.page.split_once("<section id=\"compared\"").unwrap();
    for id in both.raised().union(&alone.raised()) {
        assert!(compared.contains(&format!("<code>{id}</code>")), "{id}");
    }
    // The figures against the labels are those of the run alone.
    let figure = |ran: &Ran| {
        let mut lines = ran.told.lines().rev();
        let line = lines.find(|line| line.contains("average precision"));
        line.unwrap()
            .split_whitespace()
            .next_back()
            .unwrap()
            .to_owned()
    };
    assert_eq!(figure(&both), figure(&alone));
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let (folder, settings) = organisation();
    let compare = ["--compare", settings.to_str().unwrap(), "--threads"];
    let [one, two] = ["1", "2"].map(|threads| {
        let arguments: Vec<&str> = compare.iter().copied().chain([threads]).collect();
        backtest(folder.path(), &arguments)
    });
    assert_eq!(one, two);
}

#[test]
fn what_can_not_be_done_is_told_before_the_work() {
    let (folder, _) = organisation();
    let run = |more: &[&str]| {
        offtrail!["backtest", folder.path().join("AWSLogs"), "--quiet"]
            .args(["--learn-until", LEARN_UNTIL])
            .args(more)
            .within(folder.path())
            .run()
    };
    run(&["--html", "-"]).fails_saying(&["--html needs a file"]);
    run(&["--html", "none/page.html"]).fails_saying(&["none/page.html"]);
    run(&["--compare", "none.toml"]).fails_saying(&["none.toml", "correct the path"]);
    assert!(!folder.path().join("findings.jsonl").exists());
}
