//! `offtrail demo`: from nothing to the CI user's `ListAccessKeys`, and everything it says to try next works.
#![allow(
    clippy::disallowed_methods,
    reason = "tests are an edge: they run the binary and look at its files"
)]

use offtrail_tests::{
    binary::{Offtrail, json_lines},
    offtrail,
};

#[test]
fn the_demo_tells_the_story_and_what_to_try_next() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let demo = offtrail!["demo", "--out", "demo"]
        .within(folder.path())
        .run()
        .expect(0);
    for word in ["iam:ListAccessKeys", "ci-deploy", "!PermanentKey"] {
        assert!(demo.stdout.contains(word), "no {word}: {demo:#?}");
    }
    let headed = |severity: &str| demo.stdout.lines().any(|line| line.starts_with(severity));
    assert!(headed("HIGH ") || headed("CRITICAL "), "{demo:#?}");
    assert!(demo.stderr.contains("raised:"), "{demo:#?}");

    let below = folder.path().join("demo");
    for name in [
        "AWSLogs",
        "labels.jsonl",
        "attacks.jsonl",
        "baseline.db",
        "findings.jsonl",
    ] {
        assert!(below.join(name).exists(), "{name}");
        assert!(demo.stdout.contains(name), "{name} is not named");
    }
    let findings = std::fs::read_to_string(below.join("findings.jsonl")).expect("findings");
    let raised = json_lines(&findings);
    assert!(raised.iter().all(|finding| finding["raised"] == true));

    let commands: Vec<&str> = demo
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("  offtrail "))
        .collect();
    assert!(commands.len() >= 4, "{commands:?}");
    for command in &commands {
        let said = Offtrail::new(command.split(' ').map(Into::into))
            .within(folder.path())
            .ok();
        if command.starts_with("explain ") {
            for word in ["ci-deploy", "218506654178"] {
                assert!(said.contains(word), "{command}: {said}");
            }
        }
    }
    assert!(below.join("review/index.md").is_file());

    // Again, over what lies there now; but never over anything else.
    std::fs::remove_dir_all(below.join("review")).expect("the review");
    let again = offtrail!["demo", "--out", "demo", "--quiet"]
        .within(folder.path())
        .run()
        .expect(0);
    assert_eq!(again.stdout, demo.stdout);
    assert_eq!(again.stderr, "");
    std::fs::create_dir(folder.path().join("mine")).expect("a folder");
    std::fs::write(folder.path().join("mine/notes"), "mine").expect("a file");
    offtrail!["demo", "--out", "mine"]
        .within(folder.path())
        .run()
        .fails_saying(&["\"mine\"", "not empty", "--out"]);
}
