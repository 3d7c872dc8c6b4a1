//! What people read about the commands: help with examples, the manual page, completion scripts that their shells accept.

#![allow(
    clippy::disallowed_methods,
    reason = "tests are an edge: they run programs and read files"
)]
use std::process::{Command, Stdio};

use offtrail_tests::offtrail;

const COMMANDS: &[&str] = &[
    "backfill",
    "backtest",
    "baseline",
    "completions",
    "demo",
    "detect",
    "events",
    "explain",
    "report",
    "man",
    "merge",
    "partial",
    "settings",
    "simulate",
    "stream",
];

#[test]
fn the_help_of_each_command_shows_examples() {
    let overview = offtrail!["--help"].ok();
    for command in COMMANDS {
        assert!(
            overview.contains(&format!("\n  {command} ")),
            "{command}: {overview}"
        );
        let help = offtrail![command, "--help"].ok();
        let (_, examples) = help
            .split_once("Examples:\n")
            .unwrap_or_else(|| panic!("{command}: {help}"));
        assert!(
            examples.contains(&format!("  offtrail {command}")) || examples.contains("offtrail "),
            "{command}: {help}"
        );
    }
    assert!(offtrail!["--version"].ok().starts_with("offtrail "));
}

#[test]
fn the_overview_names_every_command_there_is() {
    let overview = offtrail!["--help"].ok();
    let named: Vec<&str> = overview
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    for name in &named {
        assert!(COMMANDS.contains(name), "{name} is not tested here");
    }
    assert_eq!(named.len(), COMMANDS.len());
}

#[test]
fn the_manual_is_roff() {
    let page = offtrail!["man"].ok();
    assert!(page.contains(".TH offtrail"), "{page}");
    for command in COMMANDS {
        assert!(
            page.contains(&format!("offtrail\\-{command}(1)")),
            "{command}"
        );
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    offtrail!["man", "--out", folder.path()].ok();
    for command in COMMANDS {
        let name = format!("offtrail-{command}.1");
        let page = std::fs::read_to_string(folder.path().join(&name)).expect("a page");
        assert!(page.contains(".SH SYNOPSIS"), "{name}");
        assert!(page.contains("Examples:"), "{name}");
    }
}

#[test]
fn completions_are_scripts_their_shells_accept() {
    for shell in ["bash", "zsh", "fish"] {
        let script = offtrail!["completions", shell].ok();
        for command in COMMANDS {
            assert!(script.contains(command), "{shell} does not know {command}");
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("script");
        std::fs::write(&file, &script).expect("a script");
        // -n: read, don't run. A shell that is not installed checks nothing.
        let checked = Command::new(shell)
            .arg("-n")
            .arg(&file)
            .stdin(Stdio::null())
            .output();
        if let Ok(output) = checked {
            assert!(output.status.success(), "{shell}: {output:?}");
        } else {
            println!("not checked by {shell}: it is not installed");
        }
    }
}
