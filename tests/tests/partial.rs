//! Parts of an archive, learnt apart and merged, are the archive: the same baseline, the same findings, and nothing wrong passes.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run the binary and write archives"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use offtrail_tests::{
    archive::{mixed, small},
    binary::{Offtrail, assert_same, exports, summary, tree},
    offtrail,
};

const PARTS: u64 = 5;
const LEARN_UNTIL: &str = "2026-06-12";

/// Files of an archive divided by chance, and a few of them in two parts.
struct Job {
    folder: tempfile::TempDir,
    names: Vec<String>,
}

impl Job {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        small().write(folder.path());
        let logs = folder.path().join("AWSLogs");
        let mut names = vec![String::new(); PARTS as usize];
        for (number, (path, _)) in (0u64..).zip(tree(&logs)) {
            let mut parts = vec![mixed(number) % PARTS];
            if number % 50 == 0 {
                parts.push((parts[0] + 1) % PARTS);
            }
            for part in parts {
                names[part as usize] += &format!("{}\n", logs.join(&path).display());
            }
        }
        Self { folder, names }
    }

    fn within(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn part(&self, number: usize, options: &[&str]) -> Offtrail {
        offtrail!["partial", "--quiet", "--part", number.to_string()]
            .args(options)
            .input(self.names[number].as_bytes())
    }

    /// The lines of all parts, before and after those that hold repeats were run again, and what `merge --repeats` told.
    fn lines(&self, options: &[&str]) -> (Vec<String>, Vec<String>, String) {
        let first: Vec<String> = (0..self.names.len())
            .map(|number| self.part(number, options).ok())
            .collect();
        let ids = only("ids", &first.concat());
        let told = offtrail!["merge", "--repeats"].input(ids.as_bytes()).ok();
        let file = self.within("told.lines");
        fs::write(&file, &told).unwrap();
        let mut options = options.to_vec();
        options.extend(["--without", file.to_str().unwrap()]);
        let again = (0..self.names.len())
            .map(|number| self.part(number, &options).ok())
            .collect();
        (first, again, only("distinct", &told))
    }

    fn merged(&self, baseline: &str, lines: &str) -> Offtrail {
        offtrail![
            "merge",
            "--quiet",
            "--parts",
            PARTS.to_string(),
            "--baseline",
            self.within(baseline)
        ]
        .input(lines.as_bytes())
    }
}

fn only(kind: &str, lines: &str) -> String {
    let of_kind = |line: &&str| line.split('\t').next() == Some(kind);
    lines.split_inclusive('\n').filter(of_kind).collect()
}

#[test]
fn parts_learn_what_the_whole_learns_whatever_the_tree_of_merges() {
    let job = Job::new();
    let logs = job.within("AWSLogs");
    offtrail![
        "backfill",
        "--quiet",
        &logs,
        "--baseline",
        job.within("whole.db")
    ]
    .ok();
    let expected = exports(&job.within("whole.db"));
    let (first, again, distinct) = job.lines(&[]);

    // Parts that share events and were not run again: nothing is written.
    let both = first.concat();
    job.merged("none.db", &both)
        .run()
        .fails_saying(&["reconcile the parts", "came in several parts"]);
    assert!(!job.within("none.db").exists());

    let lines = again.concat() + &distinct;
    let sums = job.within("sums.json");
    job.merged("at-once.db", &lines)
        .args([Path::new("--summary"), &sums])
        .ok();
    assert_same(
        "merged at once",
        &expected,
        &exports(&job.within("at-once.db")),
    );
    assert_eq!(summary(&sums)["learnt"], 14_082);

    let merge = |lines: String| offtrail!["merge"].input(lines.as_bytes()).ok();
    let left = merge(again[3].clone() + &again[1]);
    let right = merge(again[4].clone() + &merge(again[0].clone() + &again[2]));
    job.merged("tree.db", &(merge(right + &left) + &distinct))
        .ok();
    assert_same(
        "merged in a tree",
        &expected,
        &exports(&job.within("tree.db")),
    );

    // Learning goes on from there as from a baseline of one machine: every event is known.
    let sums = job.within("more.json");
    offtrail![
        "backfill",
        "--quiet",
        &logs,
        "--baseline",
        job.within("tree.db"),
        "--summary",
        &sums
    ]
    .ok();
    assert_eq!(
        (
            summary(&sums)["learnt"].clone(),
            summary(&sums)["files_read"].clone()
        ),
        (0.into(), 0.into())
    );

    // Merged again, everything would count twice.
    job.merged("tree.db", &lines)
        .run()
        .fails_saying(&["tree.db", "are in it already"]);
    job.merged("few.db", &again[..4].concat())
        .run()
        .fails_saying(&[
            "reconcile the parts",
            "the parts are those from 0 on, 5 of them: 4 were counted",
        ]);
    let lost = lines.replacen(
        &only("profile", &lines).lines().next().unwrap().to_owned(),
        "",
        1,
    );
    let lost: String = lost
        .split_inclusive('\n')
        .filter(|line| *line != "\n")
        .collect();
    job.merged("lost.db", &lost)
        .run()
        .fails_saying(&["learnt = the observations of all profiles"]);
    let broken = lines.clone() + "profile\tx\tAA==\n";
    let number = format!("line {}", lines.lines().count() + 1);
    job.merged("broken.db", &broken)
        .run()
        .fails_saying(&["read standard input", &number]);
}

#[test]
fn what_parts_hand_on_is_judged_as_the_whole_is() {
    let job = Job::new();
    let logs = job.within("AWSLogs");
    let backtest = [
        "--quiet",
        "--all",
        "--learn-until",
        LEARN_UNTIL,
        "--findings",
    ];
    offtrail!["backtest", &logs, "--summary", job.within("whole.json")]
        .args(backtest)
        .args([job.within("whole.jsonl")])
        .ok();
    let expected = fs::read_to_string(job.within("whole.jsonl")).unwrap();
    let (_, again, distinct) = job.lines(&["--learn-until", LEARN_UNTIL]);
    let lines = again.concat();
    let observations = only("observations", &lines);
    let is_learnt = |line: &&str| !line.starts_with("observations\t");
    let learnt: String = lines.split_inclusive('\n').filter(is_learnt).collect();
    let learnt = learnt + &distinct;
    job.merged("parts.db", &learnt).ok();

    let mut sorted: Vec<&str> = observations.split_inclusive('\n').collect();
    sorted.sort_by_key(|line| line.split('\t').nth(1).unwrap().to_owned());
    let tally = only("tally", &offtrail!["merge"].input(learnt.as_bytes()).ok());
    let judge = |name: &str, lines: &str| {
        offtrail![
            "backtest",
            "-",
            "--observations",
            "--baseline",
            job.within("parts.db")
        ]
        .args(backtest)
        .args([
            job.within(&format!("{name}.jsonl")),
            "--summary".into(),
            job.within(&format!("{name}.json")),
        ])
        .input(lines.as_bytes())
    };
    judge("parts", &(tally.clone() + &sorted.concat())).ok();
    assert!(
        fs::read_to_string(job.within("parts.jsonl")).unwrap() == expected,
        "findings differ"
    );
    let [whole, parts] = ["whole.json", "parts.json"].map(|name| summary(&job.within(name)));
    for count in ["judged", "learnt", "late", "findings"] {
        assert_eq!(whole[count], parts[count], "{count}");
    }

    judge("lost", &(tally.clone() + &sorted[1..].concat()))
        .run()
        .fails_saying(&["handed on", "came"]);
    judge("twice", &(tally.clone() + sorted[0] + &sorted.concat()))
        .run()
        .fails_saying(&["handed on", "came"]);
    judge("unsorted", &(tally + sorted[9] + sorted[0]))
        .run()
        .fails_saying(&["line 3", "sort the lines by their keys"]);
}

#[test]
fn what_is_no_name_and_no_line_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let said = |command: Offtrail, input: &str, words: &[&str]| {
        command.input(input.as_bytes()).run().fails_saying(words);
    };
    said(
        offtrail!["partial", "--quiet"],
        "s3://bucket/\n",
        &["line 1 of the names", "names no object"],
    );
    said(
        offtrail!["partial", "--quiet", "s3://bucket/keys"],
        "",
        &["is no file of names"],
    );
    said(
        offtrail!["partial", "--quiet", "--max-rejects", "0"],
        "/nowhere/x.json.gz\n",
        &["--max-rejects"],
    );
    said(
        offtrail!["merge"],
        "hello\n",
        &["line 1", "no line of `offtrail partial`"],
    );
    said(
        offtrail!["merge", "--repeats"],
        "tally\tall\tAA==\n",
        &["give --repeats only lines of ids"],
    );
    let none = folder.path().join("none.db");
    said(
        offtrail!["merge", "--quiet", "--parts", "1", "--baseline", &none],
        "",
        &["the parts are those from 0 on"],
    );
    assert!(!none.exists());
}
