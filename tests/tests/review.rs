//! A baseline under review, through the binary: export, edit, import, and what `detect` makes of it.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run the binary and look at its files"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use offtrail_tests::{
    archive::document,
    binary::{Offtrail, assert_same, json_lines, tree},
    offtrail,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Days of habit. No number of days doubles on the next few.
const DAYS: u32 = 70;

const HABIT: [&str; 4] = [
    "ecr:PutImage",
    "ecs:UpdateService",
    "s3:PutObject",
    "sts:GetCallerIdentity",
];

/// `2026-03-01` and so many days.
fn date(day: u32) -> String {
    let lengths = [31, 30, 31, 30, 31];
    let (mut month, mut left) = (3, day);
    for length in lengths {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    format!("2026-{month:02}-{:02}", left + 1)
}

fn record(user: &str, day: u32, hour: u32, call: &str) -> String {
    let (source, name) = call.split_once(':').unwrap();
    let id = format!("AIDAEXAMPLE{:0>10}", user.len());
    json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "IAMUser", "principalId": id, "accountId": "111122223333", "userName": user,
            "arn": format!("arn:aws:iam::111122223333:user/{user}"), "accessKeyId": format!("AKIA{id}"),
        },
        "eventTime": format!("{}T{hour:02}:15:00Z", date(day)),
        "eventSource": format!("{source}.amazonaws.com"), "eventName": name,
        "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7", "userAgent": "aws-cli/2.15.30",
        "eventID": format!("{user}-{day}-{hour}-{name}"),
        "readOnly": true, "eventType": "AwsApiCall", "managementEvent": true, "eventCategory": "Management",
        "recipientAccountId": "111122223333",
    })
    .to_string()
}

fn habit(day: u32) -> Vec<String> {
    let of = |user: &'static str| {
        (8..11).flat_map(move |hour| HABIT.map(|call| record(user, day, hour, call)))
    };
    of("ci-deploy").chain(of("backup")).collect()
}

struct Desk {
    folder: TempDir,
}

impl Desk {
    /// A baseline of two users' habits.
    fn new() -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let records: Vec<String> = (0..DAYS).flat_map(habit).collect();
        desk.learn("habit.json", &records);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, records: &[String]) -> PathBuf {
        fs::write(self.path(name), document(records)).unwrap();
        self.path(name)
    }

    fn on_baseline(&self, arguments: Offtrail) -> Offtrail {
        let file = self.path("org.db");
        arguments.args([Path::new("--baseline"), &file])
    }

    fn learn(&self, name: &str, records: &[String]) {
        let file = self.file(name, records);
        self.on_baseline(offtrail!["--quiet", "backfill", file])
            .ok();
    }

    /// The states told of these records; nothing is learnt of them unless `learn`.
    fn detect(&self, name: &str, records: &[String], learn: &str) -> Vec<Value> {
        let file = self.file(name, records);
        let run = offtrail![
            "--quiet",
            "detect",
            file,
            "--learn",
            learn,
            "--threshold",
            "3"
        ];
        json_lines(&self.on_baseline(run).ok())
    }

    fn export(&self, name: &str) -> PathBuf {
        let folder = self.path(name);
        self.on_baseline(offtrail!["baseline", "export", &folder])
            .ok();
        folder
    }

    fn import(&self, folder: &Path) -> Offtrail {
        self.on_baseline(offtrail![
            "baseline",
            "import",
            folder,
            "--on",
            "2026-06-01"
        ])
    }

    /// The text of a user in an export, edited.
    fn edit(&self, folder: &Path, user: &str, edit: impl Fn(&str) -> String) -> PathBuf {
        let files = tree(folder);
        let (path, bytes) = files
            .iter()
            .find(|(path, _)| path.to_string_lossy().contains(user))
            .unwrap();
        let path = folder.join(path);
        fs::write(&path, edit(std::str::from_utf8(bytes).unwrap())).unwrap();
        path
    }

    fn baseline(&self) -> Vec<u8> {
        fs::read(self.path("org.db")).unwrap()
    }
}

/// Lines of `new` that `old` hasn't, and the other way round; without the manifest, which digests all others.
fn difference(old: &Path, new: &Path) -> (Vec<String>, Vec<String>) {
    let lines = |folder: &Path| -> Vec<String> {
        let files = tree(folder).into_iter();
        files
            .filter(|(path, _)| path != Path::new("MANIFEST.sha256"))
            .flat_map(|(path, bytes)| {
                let text = String::from_utf8(bytes).unwrap();
                let lines = text
                    .lines()
                    .map(|line| format!("{}: {line}", path.display()));
                lines.collect::<Vec<_>>()
            })
            .collect()
    };
    let (old, new) = (lines(old), lines(new));
    let without = |one: &[String], other: &[String]| {
        one.iter()
            .filter(|line| !other.contains(line))
            .cloned()
            .collect()
    };
    (without(&old, &new), without(&new, &old))
}

#[test]
fn the_text_changes_with_behaviour_and_with_nothing_else() {
    let desk = Desk::new();
    let first = desk.export("first");
    let before = desk.baseline();
    desk.import(&first).ok();
    assert_eq!(
        desk.baseline(),
        before,
        "importing what was exported writes nothing"
    );
    assert_same(
        "export, import, export",
        &tree(&first),
        &tree(&desk.export("second")),
    );

    desk.learn("next.json", &habit(DAYS));
    assert_same(
        "a day of habit",
        &tree(&first),
        &tree(&desk.export("third")),
    );

    let mut records = habit(DAYS + 1);
    records.push(record("ci-deploy", DAYS + 1, 12, "iam:ListAccessKeys"));
    desk.learn("new.json", &records);
    let (gone, come) = difference(&first, &desk.export("fourth"));
    assert_eq!(gone, Vec::<String>::new());
    let [line] = &*come else {
        panic!("not one line: {come:#?}");
    };
    assert!(line.contains("ci-deploy-AIDAEXAMPLE"), "{line}");
    let told = format!(
        "{{ call = \"iam:ListAccessKeys\", since = {}, seen = \"rare\" }},",
        date(DAYS + 1)
    );
    assert!(line.ends_with(&told), "{line}");
}

const SAID: &str = r#", by = "ana", on = 2026-06-01, reason = "audit of keys""#;

#[test]
fn what_the_text_says_is_obeyed_and_told() {
    let desk = Desk::new();
    let keys = |day| [record("ci-deploy", day, 12, "iam:ListAccessKeys")];
    let held = desk.detect("news.json", &keys(DAYS + 1), "hold");
    assert_eq!(held.last().unwrap()["raised"], true, "{held:#?}");
    fs::write(
        desk.path("findings.jsonl"),
        format!("{}\n", held.last().unwrap()),
    )
    .unwrap();
    let findings = desk.path("findings.jsonl");
    let run = offtrail![
        "baseline",
        "pending",
        "--format",
        "jsonl",
        "--findings",
        findings
    ];
    let waiting = json_lines(&desk.on_baseline(run).ok());
    let call = &waiting[0];
    assert_eq!(
        (&call["value"], &call["name"]),
        (&json!("iam:ListAccessKeys"), &json!("ci-deploy"))
    );
    assert_eq!(call["finding"], held[0]["id"]);

    // Approved until a day: it stops, and is news again from that day on.
    let text = desk.export("review");
    desk.edit(&text, "ci-deploy", |text| {
        assert!(text.contains("standing = \"pending\""), "{text}");
        let approved = format!("standing = \"approved\"{SAID}, until = 2026-07-01");
        text.replace("standing = \"pending\"", &approved)
    });
    let ran = desk.import(&text).run().expect(0);
    assert!(ran.stdout.contains("approved"), "{}", ran.stdout);
    assert!(
        ran.stderr.contains("approved 1, refused 0, lifted 0"),
        "{}",
        ran.stderr
    );
    let (gone, come) = difference(&text, &desk.export("again"));
    // The totals count one more approved line; the text of the principal is as it was edited.
    assert!(gone.len() == 2 && come.len() == 2, "{gone:#?} {come:#?}");
    assert!(
        gone.iter()
            .chain(&come)
            .all(|line| line.starts_with("index.md"))
    );
    assert_eq!(
        desk.detect("a.json", &keys(DAYS + 2), "none"),
        Vec::<Value>::new()
    );
    let later = desk.detect("b.json", &keys(122), "none");
    let summary = later.last().unwrap()["summary"].as_str().unwrap();
    let said = "iam:ListAccessKeys was approved by ana on 2026-06-01 until 2026-07-01, expired: audit of keys.";
    assert!(
        date(122) == "2026-07-01" && summary.contains(said),
        "{summary}"
    );

    // Refused in one line of the text: a daily call raises at once.
    desk.edit(&text, "ci-deploy", |text| {
        let line = text
            .lines()
            .find(|line| line.contains("s3:PutObject"))
            .unwrap();
        let refused = line.replace(
            " },",
            ", standing = \"refused\", severity = \"critical\", reason = \"no uploads\" },",
        );
        text.replace(line, &refused)
    });
    desk.import(&text)
        .run()
        .fails_saying_of_text(&["is refused without a reviewer", ":15: "]);
    desk.import(&text).env("OFFTRAIL_REVIEWER", "ben").ok();
    let told = desk.detect("c.json", &habit(DAYS + 3), "none");
    assert_eq!(told[0]["severity"], "critical");
    let summary = told[0]["summary"].as_str().unwrap();
    assert!(
        summary.contains("s3:PutObject is refused, said ben on 2026-06-01: no uploads."),
        "{summary}"
    );
    assert_eq!(told[0]["principal"]["name"], "ci-deploy");
}

trait FailsOfText {
    fn fails_saying_of_text(self, words: &[&str]);
}

impl FailsOfText for offtrail_tests::binary::Ran {
    /// Mistakes on lines of their own before the one that says that nothing was changed.
    fn fails_saying_of_text(self, words: &[&str]) {
        assert_eq!(self.code, Some(2), "{self:#?}");
        let last = self.stderr.lines().last().unwrap();
        assert!(last.ends_with("nothing was changed"), "{self:#?}");
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?}: {self:#?}");
        }
        assert_eq!(self.stdout, "");
    }
}

#[test]
fn one_mistake_in_one_file_and_nothing_is_applied() {
    let desk = Desk::new();
    let text = desk.export("review");
    let before = desk.baseline();
    let approve = |text: &str| {
        let line = text
            .lines()
            .find(|line| line.contains("s3:PutObject"))
            .unwrap();
        let ruled = format!(", standing = \"refused\"{SAID} }},");
        text.replace(line, &line.replace(" },", &ruled))
    };
    desk.edit(&text, "backup", approve);
    desk.edit(&text, "ci-deploy", |text| {
        let text = text.replace("since = 2026-03-01, seen", "since = 2026-03-02, sean");
        format!("{text}nonsense = \u{22}\u{1b}[2J\u{22}\n")
    });
    let ran = desk.import(&text).run();
    assert!(!ran.stderr.contains('\u{1b}'), "{ran:#?}");
    ran.fails_saying_of_text(&["ci-deploy-AIDAEXAMPLE"]);
    assert_eq!(desk.baseline(), before);

    // The same without the mistake: first said, then done.
    desk.edit(&text, "ci-deploy", |_| {
        fs::read_to_string(original(&desk, "ci-deploy")).unwrap()
    });
    let dry = desk.import(&text).args(["--dry-run"]).run().expect(0);
    assert!(
        dry.stdout.starts_with("refused")
            && dry
                .stdout
                .contains("s3:PutObject, ana on 2026-06-01: audit of keys")
    );
    assert_eq!(desk.baseline(), before);
    desk.import(&text).ok();
    assert_ne!(desk.baseline(), before);
}

/// A user's text as it was exported.
fn original(desk: &Desk, user: &str) -> PathBuf {
    let folder = desk.export("original");
    desk.edit(&folder, user, str::to_owned)
}

#[test]
fn principals_gone_and_given_twice_are_told() {
    let desk = Desk::new();
    let text = desk.export("review");
    let file = desk.edit(&text, "ci-deploy", str::to_owned);
    let copy = file.with_file_name("copy.toml");
    fs::copy(&file, &copy).unwrap();
    desk.import(&text)
        .run()
        .fails_saying_of_text(&["has another file"]);
    fs::write(
        &copy,
        fs::read_to_string(&file)
            .unwrap()
            .replace("AIDAEXAMPLE", "AIDAGONEXXX"),
    )
    .unwrap();
    desk.import(&text)
        .run()
        .fails_saying_of_text(&["is not in the baseline", "--ignore-gone"]);
    let ran = desk.import(&text).args(["--ignore-gone"]).run().expect(0);
    assert!(
        ran.stderr.contains("1 of principals that are gone"),
        "{ran:#?}"
    );
    desk.import(&desk.path("nowhere"))
        .run()
        .fails_saying(&["import", "correct the path"]);
    fs::create_dir(desk.path("empty")).unwrap();
    desk.import(&desk.path("empty"))
        .run()
        .fails_saying(&["there is no review file"]);
}

#[test]
fn single_lines_are_ruled_on_from_the_command_line() {
    let desk = Desk::new();
    let rule = |arguments: Offtrail| {
        let said = [
            "--reviewer",
            "ana",
            "--reason",
            "audit",
            "--on",
            "2026-06-01",
        ];
        desk.on_baseline(arguments).args(said)
    };
    let shown = rule(offtrail![
        "baseline",
        "refuse",
        "ci-deploy",
        "s3:PutObject",
        "--severity",
        "low"
    ])
    .ok();
    assert_eq!(
        shown,
        "refused  ci-deploy (111122223333/AIDAEXAMPLE0000000009)  s3:PutObject (succeeded)\n"
    );
    rule(offtrail![
        "baseline",
        "approve",
        "backup",
        "region=us-east-1"
    ])
    .ok();
    let text = desk.export("review");
    fs::create_dir(desk.path("nothing")).unwrap();
    let (_, lines) = difference(&desk.path("nothing"), &text);
    let ruled: Vec<&String> = lines
        .iter()
        .filter(|line| line.contains("by = \"ana\""))
        .collect();
    assert_eq!(ruled.len(), 2, "{lines:#?}");
    let told = desk.detect("a.json", &habit(DAYS + 1), "none");
    assert_eq!((told.len(), &told[0]["severity"]), (2, &json!("low")));

    let fails = |arguments: Offtrail, words: &[&str]| rule(arguments).run().fails_saying(words);
    fails(
        offtrail!["baseline", "refuse", "ci-deploy", "iam:Never"],
        &["never seen", "offtrail explain"],
    );
    fails(
        offtrail!["baseline", "refuse", "nobody", "s3:PutObject"],
        &["no such principal"],
    );
    let nameless = offtrail![
        "baseline",
        "approve",
        "backup",
        "s3:PutObject",
        "--reason",
        "x"
    ];
    desk.on_baseline(nameless)
        .run()
        .fails_saying(&["--reviewer"]);
    let hostile = offtrail![
        "baseline",
        "approve",
        "backup",
        "s3:PutObject",
        "--reason",
        "\u{202e}x",
        "--reviewer",
        "ana"
    ];
    desk.on_baseline(hostile).run().fails_saying(&["--reason"]);
    let typo = offtrail![
        "baseline",
        "approve",
        "backup",
        "s3:PutObject",
        "--reason",
        "x",
        "--reviewer",
        "ana"
    ];
    let missing = desk.path("typo.db");
    typo.args([Path::new("--baseline"), &missing])
        .run()
        .fails_saying(&["no such file"]);
    assert!(!missing.exists());
}

const SUPPRESSIONS: &str = r#"[[suppression]]
id = "key-audit"
principal = "ci-*"
call = "iam:List*"
reason = "keys are audited"
author = "ana"
on = 2026-04-01
until = 2026-06-01

[[suppression]]
id = "nobody"
principal = "nobody"
reason = "nothing like it"
author = "ben"
on = 2026-04-01
until = 2026-06-01

[[suppression]]
id = "old"
type = "Discovery:*"
reason = "a migration"
author = "ben"
on = 2026-03-01
until = 2026-04-01
"#;

#[test]
fn what_is_suppressed_is_counted_shown_on_request_and_raised_by_later_news() {
    let desk = Desk::new();
    let file = desk.path("suppressions.toml");
    let (findings, summary) = (desk.path("all.jsonl"), desk.path("summary.json"));
    fs::write(&file, SUPPRESSIONS).unwrap();
    let mut records = vec![record("ci-deploy", DAYS, 12, "iam:ListAccessKeys")];
    let judge = |records: &[String], all: &[&str]| {
        let news = desk.file("news.json", records);
        let run = offtrail!["detect", news, "--suppressions", &file]
            .args("--learn none --threshold 3 --format jsonl".split(' '))
            .args([Path::new("--findings"), &findings])
            .args([Path::new("--summary"), &summary]);
        let ran = desk.on_baseline(run).args(all).run().expect(0);
        let told = json_lines(&fs::read_to_string(&findings).unwrap());
        (ran, told, offtrail_tests::binary::summary(&summary))
    };

    let (ran, told, counts) = judge(&records, &[]);
    assert_eq!(told, Vec::<Value>::new());
    let expected = json!({"key-audit": 1});
    assert_eq!(counts["findings"]["suppressed_by"], expected, "{counts}");
    assert_eq!(counts["findings"]["suppressed"], 1);
    assert_eq!(counts["reconciled"], true);
    for said in [
        "1 = 0 written + 1 suppressed",
        "suppression key-audit hid 1 finding (ana, until 2026-06-01: keys are audited)",
        "suppression nobody hid nothing in this run",
        "warning: suppression old has expired and hides nothing any more",
    ] {
        let words: Vec<&str> = ran.stderr.split_whitespace().collect();
        assert!(words.join(" ").contains(said), "no {said:?}: {ran:#?}");
    }

    let (_, told, counts) = judge(&records, &["--all"]);
    let hidden = told.last().unwrap();
    assert_eq!(
        (&hidden["raised"], &hidden["suppressed_by"]),
        (&json!(false), &json!("key-audit"))
    );
    assert_eq!(hidden["suppression"]["author"], "ana");
    assert_eq!(counts["findings"]["suppressed"], 1);
    let id = hidden["id"].as_str().unwrap();
    let story = offtrail!["explain", id, "--findings", &findings].ok();
    let said = "by key-audit (ana, until 2026-06-01, keys are audited)";
    assert!(story.contains(said), "{story}");

    records.push(record("ci-deploy", DAYS, 13, "iam:CreateAccessKey"));
    let (_, told, counts) = judge(&records, &[]);
    let raised = told.last().unwrap();
    assert_eq!(
        (&raised["raised"], &raised["suppressed_by"], &raised["id"]),
        (&json!(true), &Value::Null, &hidden["id"])
    );
    assert_eq!(raised["evidence"].as_array().unwrap().len(), 2);
    assert_eq!(counts["findings"]["suppressed"], 0);

    fs::write(&file, SUPPRESSIONS.replace("author", "auther")).unwrap();
    let news = desk.path("news.json");
    let ran = desk
        .on_baseline(offtrail!["detect", news, "--suppressions", &file])
        .run();
    assert_eq!((ran.code, &*ran.stdout), (Some(2), ""));
    for said in [
        "suppressions.toml:6: unknown field \"auther\"",
        "nothing was judged",
    ] {
        assert!(ran.stderr.contains(said), "no {said:?}: {ran:#?}");
    }
}
