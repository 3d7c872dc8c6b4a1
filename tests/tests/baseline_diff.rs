//! What came and went between two baselines: folders, baseline files and what git has, in every form.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run the binary and git, and read what they wrote"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use offtrail_tests::{
    binary::{Ran, json, json_lines},
    offtrail,
    worker::{ACCOUNT, learnt, record},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The file of the worker below an export.
fn worker_file() -> String {
    format!("{ACCOUNT}/iam_user/worker-AIDAEXAMPLE000000001.toml")
}

/// Two exports, `before` and `after`, and the baseline of the second: a day later, with one more call and one principal more.
struct Two {
    folder: TempDir,
    baseline: PathBuf,
}

impl Two {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let old: Vec<String> = (0..4)
            .map(|day| record(day, day + 1, ("iam", "ListUsers"), &json!({})))
            .collect();
        let baseline = learnt(path, &old);
        export(&baseline, &path.join("before"));
        let neighbour = json!({"userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLE000000002",
            "arn": format!("arn:aws:iam::{ACCOUNT}:user/neighbour"),
            "accountId": ACCOUNT,
            "userName": "neighbour"
        }});
        let baseline = learnt(
            path,
            &[
                record(10, 5, ("iam", "CreateAccessKey"), &json!({})),
                record(11, 5, ("s3", "ListBuckets"), &json!({})),
                record(12, 5, ("sqs", "ListQueues"), &neighbour),
            ],
        );
        export(&baseline, &path.join("after"));
        Self { folder, baseline }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn diff(&self, before: &str, after: &str, more: &[&str]) -> Ran {
        offtrail!["baseline", "diff", before, after]
            .args(more)
            .within(self.folder.path())
            .run()
    }
}

fn export(baseline: &Path, dir: &Path) {
    offtrail!["baseline", "export", dir, "--baseline", baseline].ok();
}

#[test]
fn a_difference_names_what_is_new_and_nothing_else() {
    let two = Two::new();
    let text = two.diff("before", "after", &[]).expect(0).stdout;
    let expected = "\
Principals: 1 new, 1 changed, 0 gone. Calls: 3 new (1 severe, 0 sensitive, 0 identity reads), 0 changed, 0 gone; 0 newly waiting for review.

worker (111122223333/AIDAEXAMPLE000000001), IAM user, 111122223333/iam_user/worker-AIDAEXAMPLE000000001.toml
  + iam:CreateAccessKey  severe, write, rare since 2026-06-05  (line 12)
  + s3:ListBuckets  ordinary-write, list, rare since 2026-06-05  (line 14)

neighbour (111122223333/AIDAEXAMPLE000000002), new IAM user, 111122223333/iam_user/neighbour-AIDAEXAMPLE000000002.toml
  + sqs:ListQueues  ordinary-read, read, rare since 2026-06-05  (line 12)
";
    assert_eq!(text, expected);
    // A baseline file tells the same as its export; backwards, what came has gone.
    let store = two.baseline.to_str().unwrap();
    assert_eq!(two.diff("before", store, &[]).expect(0).stdout, text);
    let same = two.diff("after", store, &["--fail-on", "new"]).expect(0);
    assert_eq!(same.stdout, "No difference.\n");
    let back = two.diff("after", "before", &[]).expect(0).stdout;
    assert!(back.contains("0 new, 1 changed, 1 gone"), "{back}");
    assert!(back.contains("- iam:CreateAccessKey"), "{back}");
}

#[test]
fn news_of_a_kind_gives_exit_code_1() {
    let two = Two::new();
    let check = |before: &str, after: &str, news: &str, code: i32| {
        let ran = two.diff(before, after, &["--fail-on", news]);
        assert_eq!(ran.code, Some(code), "{news}: {ran:#?}");
    };
    for (news, code) in [("new", 1), ("sensitive", 1), ("severe", 1), ("pending", 0)] {
        check("before", "after", news, code);
        check("after", "before", news, 0);
    }
    let file = two.path("after").join(worker_file());
    let text = fs::read_to_string(&file).unwrap();
    let edited: String = text
        .lines()
        .map(|line| {
            if line.contains("CreateAccessKey") {
                String::new()
            } else {
                line.replace(
                    "since = 2026-06-05, seen = \"rare\"",
                    "since = 2026-06-05, seen = \"rare\", standing = \"pending\"",
                ) + "\n"
            }
        })
        .collect();
    fs::write(&file, edited).unwrap();
    check("before", "after", "severe", 0);
    check("before", "after", "pending", 1);
}

#[test]
fn what_changed_on_a_line_is_told() {
    let two = Two::new();
    let file = two.path("after").join(worker_file());
    let text = fs::read_to_string(&file).unwrap();
    let ruled = text.replace(
        "call = \"iam:ListUsers\", since = 2026-06-01, seen = \"frequent\"",
        "call = \"iam:ListUsers\", since = 2026-06-01, seen = \"rare\", standing = \"approved\", by = \"ana\", reason = \"audit\"",
    );
    assert_ne!(text, ruled);
    fs::write(&file, ruled).unwrap();
    let lines = json_lines(
        &two.diff("before", "after", &["--format", "jsonl"])
            .expect(0)
            .stdout,
    );
    let changed: Vec<&Value> = lines
        .iter()
        .filter(|line| line["came"] == "changed")
        .collect();
    let [changed] = changed.as_slice() else {
        panic!("{lines:#?}");
    };
    assert_eq!(changed["value"], "iam:ListUsers");
    assert_eq!(
        changed["changes"],
        json!([
            "seen frequent → rare",
            "standing learnt → approved",
            "ruling nothing → by ana: audit"
        ])
    );
}

#[test]
fn markdown_is_a_table_for_a_comment() {
    let two = Two::new();
    let out = ["--format", "markdown", "--out", "comment.md"];
    assert_eq!(two.diff("before", "after", &out).expect(0).stdout, "");
    let text = fs::read_to_string(two.path("comment.md")).unwrap();
    assert!(
        text.starts_with("## Baseline\n\nPrincipals: 1 new"),
        "{text}"
    );
    let row = "| new | `iam:CreateAccessKey` | severe | write | 2026-06-05 |  |\n";
    assert!(text.contains(row), "{text}");
}

#[test]
fn sarif_points_at_the_new_line() {
    let two = Two::new();
    let log = json(
        &two.diff("before", "after", &["--format", "sarif"])
            .expect(0)
            .stdout,
    );
    assert_sarif(&log);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let levels: Vec<_> = results
        .iter()
        .map(|one| one["level"].as_str().unwrap())
        .collect();
    assert_eq!(levels, ["error", "warning", "note", "note"]);
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(
        place["artifactLocation"]["uri"],
        format!("after/{}", worker_file())
    );
    let line = usize::try_from(place["region"]["startLine"].as_u64().unwrap()).unwrap();
    let text = fs::read_to_string(two.path("after").join(worker_file())).unwrap();
    assert!(
        text.lines()
            .nth(line - 1)
            .unwrap()
            .contains("iam:CreateAccessKey")
    );
    let rooted = two.diff(
        "before",
        "after",
        &["--format", "sarif", "--root", "baselines/"],
    );
    let rooted = json(&rooted.expect(0).stdout);
    let place = &rooted["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(
        place["artifactLocation"]["uri"],
        format!("baselines/{}", worker_file())
    );
}

/// What SARIF 2.1.0 demands of a log like ours, and GitHub beyond it.
fn assert_sarif(log: &Value) {
    assert_eq!(log["version"], "2.1.0");
    assert!(
        log["$schema"]
            .as_str()
            .unwrap()
            .ends_with("sarif-schema-2.1.0.json")
    );
    let runs = log["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    let driver = &runs[0]["tool"]["driver"];
    assert_eq!(driver["name"], "offtrail");
    let rules = driver["rules"].as_array().unwrap();
    for rule in rules {
        assert!(rule["id"].is_string() && rule["shortDescription"]["text"].is_string());
    }
    for result in runs[0]["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["note", "warning", "error"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        assert!(
            result["partialFingerprints"]
                .as_object()
                .unwrap()
                .values()
                .all(Value::is_string)
        );
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(
            !uri.starts_with('/') && !uri.contains([' ', '+', '#']),
            "{uri}"
        );
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
    }
}

#[test]
fn git_has_the_earlier_one() {
    let two = Two::new();
    let repository = two.path("repository");
    fs::create_dir(&repository).unwrap();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=ana", "-c", "user.email=ana@example.com"];
        let ran = Command::new("git")
            .args(identity)
            .args(arguments)
            .current_dir(&repository)
            // Whatever this machine's user has set up.
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .output()
            .unwrap();
        assert!(ran.status.success(), "{ran:?}");
    };
    git(&["init", "--quiet", "."]);
    let baselines = repository.join("infra/baselines");
    let copy = |from: &str| {
        for (path, bytes) in offtrail_tests::binary::tree(&two.path(from)) {
            let to = baselines.join(path);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(to, bytes).unwrap();
        }
    };
    copy("before");
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "before"]);
    copy("after");
    let expected = two.diff("before", "after", &[]).expect(0).stdout;
    let store = two.baseline.to_str().unwrap();
    for after in ["infra/baselines", store] {
        for within in [&repository, &repository.join("infra")] {
            let after = if after == store {
                store.into()
            } else {
                baselines.clone()
            };
            let ran = offtrail!["baseline", "diff", "git:HEAD:infra/baselines", after]
                .within(within)
                .ok();
            assert_eq!(ran, expected);
        }
    }
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "after"]);
    let sarif = offtrail![
        "baseline",
        "diff",
        "git:HEAD~1:infra/baselines",
        "git:HEAD:infra/baselines",
        "--format",
        "sarif"
    ]
    .within(&repository)
    .ok();
    let place = &json(&sarif)["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(
        place["artifactLocation"]["uri"],
        format!("infra/baselines/{}", worker_file())
    );
    let fails = |place: &str, says: &[&str]| {
        offtrail!["baseline", "diff", place, &baselines]
            .within(&repository)
            .run()
            .fails_saying(says);
    };
    fails(
        "git:nowhere:infra/baselines",
        &["git:nowhere:infra/baselines", "git:REVISION:PATH"],
    );
    fails(
        "git:HEAD:elsewhere",
        &["git:HEAD:elsewhere", "git:REVISION:PATH"],
    );
    fails("git:--help:x", &["write git:REVISION:PATH"]);
    fails("git:HEAD", &["write git:REVISION:PATH"]);
    offtrail!["baseline", "diff", "git:HEAD:infra/baselines", &baselines]
        .within(&repository)
        .env("PATH", "")
        .run()
        .fails_saying(&["there is no git", "compare two exported folders"]);
}

#[test]
fn what_cannot_be_compared_is_said_with_its_place() {
    let two = Two::new();
    let empty = two.path("empty");
    fs::create_dir(&empty).unwrap();
    let fails = |before: &str, says: &[&str]| two.diff(before, "after", &[]).fails_saying(says);
    fails(
        "empty",
        &["\"empty\"", "no export in TOML", "baseline export"],
    );
    fails("absent.db", &["absent.db"]);
    let file = two.path("before").join(worker_file());
    let text = fs::read_to_string(&file).unwrap();
    let line = text
        .lines()
        .position(|line| line.contains("iam:ListUsers"))
        .unwrap();
    let conflict = text.replace("  { call", "<<<<<<< HEAD\n  { call");
    fs::write(&file, conflict).unwrap();
    let place = format!("line {}", line + 1);
    fails(
        "before",
        &["before", &worker_file(), &place, "merge conflict"],
    );
}
