//! Files, pipes and devices: kills, half lines, rotation, full disks.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Command;

use offtrail_sinks::{Settings, Told};
use proptest::prelude::*;

use crate::{PATIENCE, Running, quick, states};

fn text(states: &[Told]) -> String {
    states.iter().map(|s| format!("{}\n", s.line)).collect()
}

fn at(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Offers states to a sink over the file, waits for them, and ends it.
fn deliver(path: &Path, states: &[Told], settings: Settings) {
    let sink = Running::start(at(path), settings, None);
    sink.offer(states);
    let last = states.last().unwrap().seq;
    sink.wait_for(last);
    assert_eq!(sink.stop(), Some(last));
}

#[test]
fn a_file_is_made_with_its_folder_and_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/findings.jsonl");
    let all = states(5);
    deliver(&path, &all[..3], quick());
    deliver(&path, &all[3..], quick());
    assert_eq!(fs::read_to_string(&path).unwrap(), text(&all));
}

#[test]
fn what_is_no_json_lines_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for content in ["root:x:0:0\n", "{}\nhalf", "half"] {
        let path = folder.path().join("notes.txt");
        fs::write(&path, content).unwrap();
        let error = Running::try_start(at(&path), quick(), None).err().unwrap();
        let error = format!("{error}");
        assert!(error.contains("not one of JSON Lines"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    let error = Running::try_start(at(folder.path()), quick(), None)
        .err()
        .unwrap();
    assert!(error.to_string().starts_with("open the sink `"), "{error}");
}

#[test]
fn zeros_of_a_power_cut_are_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.jsonl");
    let all = states(3);
    fs::write(&path, text(&all[..2]) + "\0\0\0\0").unwrap();
    deliver(&path, &all[1..], quick());
    assert_eq!(fs::read_to_string(&path).unwrap(), text(&all));
}

#[test]
fn only_the_tail_is_searched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.jsonl");
    let all = states(20);
    fs::write(&path, text(&all)).unwrap();
    let settings = Settings {
        tail_bytes_max: text(&all[15..]).len() as u64 + 10,
        ..quick()
    };
    deliver(&path, &all[10..], settings);
    let again = text(&all) + &text(&all[10..15]);
    assert_eq!(fs::read_to_string(&path).unwrap(), again);
}

#[test]
fn a_half_line_longer_than_the_tail_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.jsonl");
    let all = states(2);
    let half = format!("{{\"id\":\"{}", "x".repeat(200_000));
    fs::write(&path, text(&all[..1]) + &half).unwrap();
    let settings = Settings {
        tail_bytes_max: 1_000,
        ..quick()
    };
    deliver(&path, &all[1..], settings);
    assert_eq!(fs::read_to_string(&path).unwrap(), text(&all));
}

#[test]
fn a_file_moved_away_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("f.jsonl"), folder.path().join("f.1"));
    let all = states(6);
    let sink = Running::start(at(&path), quick(), None);
    sink.offer(&all[..2]);
    sink.wait_for(2);
    fs::rename(&path, &moved).unwrap();
    sink.offer(&all[2..4]);
    sink.wait_for(4);
    fs::remove_file(&path).unwrap();
    sink.offer(&all[4..]);
    sink.wait_for(6);
    assert_eq!(fs::read_to_string(&moved).unwrap(), text(&all[..2]));
    assert_eq!(fs::read_to_string(&path).unwrap(), text(&all[4..]));
}

#[test]
fn a_folder_that_vanishes_and_comes_back_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("in");
    let path = inner.join("f.jsonl");
    let all = states(2);
    let sink = Running::start(at(&path), quick(), None);
    sink.offer(&all[..1]);
    sink.wait_for(1);
    fs::remove_dir_all(&inner).unwrap();
    // A file stands where the folder was: it can't be made.
    fs::write(&inner, "in the way").unwrap();
    sink.offer(&all[1..]);
    let error = sink.wait_for_failure();
    assert!(error.starts_with("can't write"), "{error}");
    fs::remove_file(&inner).unwrap();
    sink.wait_for(2);
    assert_eq!(fs::read_to_string(&path).unwrap(), text(&all[1..]));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_and_a_device_stays_one() {
    use std::os::unix::fs::FileTypeExt as _;

    let sink = Running::start("/dev/full", quick(), None);
    sink.offer(&states(1));
    let error = sink.wait_for_failure();
    assert!(error.contains("No space left"), "{error}");
    assert_eq!(sink.sink.taken(), None);
    drop(sink);
    let found = fs::metadata("/dev/full").unwrap();
    assert!(found.file_type().is_char_device());
}

#[test]
fn a_named_pipe_passes_lines_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let all = states(3);
    let sink = Running::start(at(&path), quick(), None);
    sink.offer(&all);
    let reader = BufReader::new(File::open(&path).unwrap());
    let lines: Vec<String> = reader.lines().take(3).map(Result::unwrap).collect();
    assert_eq!(lines.join("\n") + "\n", text(&all));
    sink.wait_for(3);
    assert_eq!(sink.sink.stop(PATIENCE), Some(3));
}

/// In a process of its own, whose output the test can read.
#[test]
fn standard_output_gets_lines() {
    if std::env::var_os("OFFTRAIL_SINK_TEST").is_some() {
        let sink = Running::start("-", quick(), None);
        sink.offer(&states(3));
        assert_eq!(sink.stop(), Some(3));
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "files::standard_output_gets_lines",
            "--exact",
            "--nocapture",
        ])
        .env("OFFTRAIL_SINK_TEST", "1")
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    // Between them and around stands what the test program says of itself.
    let told: Vec<&str> = output.lines().filter(|l| l.starts_with('{')).collect();
    assert_eq!(told.join("\n") + "\n", text(&states(3)), "{output}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A kill leaves a file that ends at any byte; who doesn't know what arrived offers everything again.
    #[test]
    fn a_kill_at_any_byte_leaves_each_state_once(cut in 0usize..1_000, count in 1i64..8) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.jsonl");
        let all = states(count);
        let whole = text(&all);
        fs::write(&path, &whole[..cut.min(whole.len())]).unwrap();
        deliver(&path, &all, quick());
        prop_assert_eq!(fs::read_to_string(&path).unwrap(), whole);
    }
}
