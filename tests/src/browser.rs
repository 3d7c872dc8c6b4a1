//! A real browser for pages: Node runs `tests/browser/report.mjs`, which drives Debian's chromium (`scripts/install browser`).

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::neighbours::root;

/// Runs the checks of a job; `None`, said aloud, where there is no Node.
///
/// # Panics
/// A check fails, or what `scripts/install browser` installs is missing though Node is there.
#[must_use]
pub fn report_page(job: &Value, folder: &Path) -> Option<String> {
    let known = Command::new("node").arg("--version").output();
    if !known.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no node, so the page was not tried in a browser");
        return None;
    }
    let tests = root().join("tests/browser");
    assert!(
        tests.join("node_modules").is_dir(),
        "no {}/node_modules: run scripts/install browser first",
        tests.display()
    );
    let file = folder.join("job.json");
    std::fs::write(&file, job.to_string()).unwrap();
    let output = Command::new("node")
        .arg(tests.join("report.mjs"))
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let wrong: Vec<&str> = said
        .lines()
        .filter(|line| !line.starts_with("ok: "))
        .collect();
    assert!(
        output.status.success(),
        "{}\n{}",
        wrong.join("\n"),
        String::from_utf8_lossy(&output.stderr)
    );
    Some(said)
}
