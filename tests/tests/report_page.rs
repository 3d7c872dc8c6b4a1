//! `offtrail report`: what is wrong with its input is told, and its page serves people with a mouse, a keyboard, a phone, a screen reader and a printer.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests are an edge: they run the binary, look at its files, and tell what they measured"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use offtrail_tests::{
    binary::{json, json_lines},
    browser, offtrail,
};
use serde_json::{Value, json as value};

/// Findings of the large page, and what it may weigh.
const MANY: usize = 5_000;
const PAGE_BYTES_MAX: u64 = 5_000_000;

/// One finding, with every key the format demands.
fn finding(id: &str) -> Value {
    value!({
        "version": 1,
        "id": id,
        "type": "Discovery:IAMUser/AnomalousBehavior.FirstSeenCall!PermanentKey",
        "time": "2026-08-31T10:46:02Z",
        "opened": "2026-08-31T10:43:44Z",
        "severity": "high",
        "score": 17.3,
        "title": "First iam:ListAccessKeys by IAM user ci-deploy",
        "principal": {"kind": "iam_user", "account": "111122223333", "id": "AIDACKCEVSQ6C2EXAMPLE", "name": "ci-deploy"},
        "credential": {"kind": "permanent_key", "access_key_id": "AKIAIOSFODNN7EXAMPLE"},
    })
}

fn lines(findings: &[Value]) -> String {
    findings.iter().map(|one| format!("{one}\n")).collect()
}

#[test]
fn what_is_wrong_with_the_input_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let check = |text: Option<&str>, words: &[&str]| {
        if let Some(text) = text {
            fs::write(folder.path().join("in.jsonl"), text).expect("written");
        }
        offtrail!["report", "--findings", "in.jsonl", "--out", "out.html"]
            .within(folder.path())
            .run()
            .fails_saying(words);
        assert!(!folder.path().join("out.html").exists());
        assert!(!folder.path().join("out.html.partial").exists());
    };
    let whole = finding("a").to_string();
    check(None, &["\"in.jsonl\"", "correct the path"]);
    check(
        Some("no json\n"),
        &["\"in.jsonl\", line 1", "not a finding-v1 line"],
    );
    let torn = format!("{whole}\n\n{}", &whole[..100]);
    check(Some(&torn), &["line 3", "not a finding-v1 line"]);
    let newer = whole.replace("\"version\":1", "\"version\":2");
    check(Some(&newer), &["line 1", "format 2", "upgrade offtrail"]);

    fs::write(folder.path().join("in.jsonl"), b"\xff\n").expect("written");
    check(None, &["line 1", "not UTF-8"]);
    fs::write(folder.path().join("in.jsonl"), &whole).expect("written");
    offtrail!["report", "--findings", "in.jsonl", "--out", "-"]
        .within(folder.path())
        .run()
        .fails_saying(&["--out needs a file"]);
    offtrail![
        "report",
        "--findings",
        "in.jsonl",
        "--baseline",
        "no.db",
        "--out",
        "out.html"
    ]
    .within(folder.path())
    .run()
    .fails_saying(&["no.db"]);
    // A file without findings gives a page that says so.
    fs::write(folder.path().join("in.jsonl"), "").expect("written");
    offtrail!["report", "--findings", "in.jsonl", "--out", "out.html"]
        .within(folder.path())
        .ok();
    let page = fs::read_to_string(folder.path().join("out.html")).expect("a page");
    assert!(
        page.contains("There are no findings in this file."),
        "{page}"
    );
}

/// Names as intruders choose them, in every place of a finding.
fn hostile() -> Vec<Value> {
    let texts = [
        "<script>window.hit=1</script>",
        "</script><script>window.hit=1</script>",
        "<img src=x onerror=\"window.hit=1\">",
        "\"><svg onload=window.hit=1>",
        "' onmouseover='window.hit=1",
        "javascript:window.hit=1",
        "<!--<script>",
        "]]>{{constructor.constructor('window.hit=1')()}}${window.hit=1}",
        "\u{1b}[2J\u{1b}]0;owned\u{7}",
        "admin\u{202e}txt.exe\u{2066}\u{200b}",
        "\u{2028}\u{2029}\u{0}",
        "=cmd|'/c calc'!A1",
        "__proto__",
        "constructor",
    ];
    let all = texts.iter().enumerate().map(|(index, text)| {
        let mut one = finding(&format!("f{index} {text}"));
        for key in ["type", "title", "summary", "severity", "suppressed_by", "guardduty"] {
            one[key] = (*text).into();
        }
        if index % 2 == 0 {
            one["severity"] = "low".into();
            one["suppressed_by"] = Value::Null;
        }
        one["principal"] = value!({"kind": text, "account": text, "id": text, "arn": text, "name": text, "person": text});
        one["root"] = one["principal"].clone();
        one["credential"] = value!({"kind": text, "access_key_id": text, "session_name": text});
        one["lineage"] = value!([{"credential": text, "minted": format!("{text} 2"), "by": text, "event_id": text, "time": text}]);
        let share = value!({"principals": 3, "seen_by": 1});
        one["novelties"] = value!([{
            "dimension": text, "value": text, "class": text, "principal_count": 0, "principal_calls": 9, "principal_days": 3,
            "peers": {"group": text, "size": 3, "seen_by": 1}, "account": share, "organisation": share, "bits": 2.5, "arithmetic": text,
        }]);
        one["evidence"] = value!([{
            "event_id": text, "time": "2026-08-31T10:43:44Z", "call": text, "outcome": text, "region": text, "address": text,
            "user_agent": text, "bits": 2.5, "why": [text], "code": text, "principal": text, "access_key_id": text,
        }]);
        one["attack"] = value!([{"tactic": text, "technique": text}]);
        one["change"] = value!({"since": text, "calls": [text], "principals": [{"principal": one["principal"], "first": text}]});
        one["reach"] = value!({"credentials": [text, "b"], "principals": [text, "b"], "accounts": [text, "b"]});
        one["harmless_if"] = value!([text]);
        one["next_steps"] = value!([text]);
        one["baseline"] = value!({"since": text, "until": text, "maturity": text, "coverage": 0.5, "settings": text});
        one
    });
    all.collect()
}

#[test]
fn names_that_would_act_stand_as_text() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("hostile.jsonl"), lines(&hostile())).expect("written");
    offtrail![
        "report",
        "--findings",
        "hostile.jsonl",
        "--out",
        "hostile.html"
    ]
    .within(folder.path())
    .ok();
    let page = folder.path().join("hostile.html");
    let text = fs::read_to_string(&page).expect("a page");
    assert_eq!(text.matches("<script").count(), 2, "ours and the data");
    assert!(!text.contains("onerror=\""), "an attribute got through");
    for live in ['\u{1b}', '\u{202e}', '\u{2066}', '\u{200b}', '\u{2028}'] {
        assert!(!text.contains(live), "{live:?} got through");
    }
    let _ = browser::report_page(&value!({ "hostile": page }), folder.path());
}

/// The demo with everything it weighed, and the page of it.
struct Demo {
    folder: tempfile::TempDir,
}

impl Demo {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        offtrail!["demo", "--out", "demo", "--quiet"]
            .within(folder.path())
            .ok();
        offtrail![
            "backtest",
            "demo/AWSLogs",
            "--learn-until",
            "2026-07-16",
            "--all",
            "--findings",
            "all.jsonl",
            "--quiet"
        ]
        .within(folder.path())
        .ok();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn page(&self, findings: &Path, name: &str) -> PathBuf {
        let out = self.path(name);
        offtrail![
            "report",
            "--findings",
            findings,
            "--baseline",
            "demo/baseline.db",
            "--out",
            &out
        ]
        .within(self.folder.path())
        .ok();
        out
    }
}

/// Numbers that look drawn, the same every time (splitmix64).
struct Drawn(u64);

impl Drawn {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn event_id(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            a >> 32,
            a >> 16 & 0xffff,
            a & 0xffff,
            b >> 48,
            b & 0xffff_ffff_ffff
        )
    }
}

/// Findings as a large organisation would have them: those of the demo, each with other events, addresses, keys, names, days and numbers.
fn varied(templates: &[Value], count: usize) -> Vec<Value> {
    let mut drawn = Drawn(7);
    let made = (0..count).map(|index| {
        let template = &templates[index % templates.len()];
        let account = template["principal"]["account"]
            .as_str()
            .unwrap_or_default();
        let name = template["principal"]["name"].as_str().unwrap_or_default();
        let id = template["principal"]["id"].as_str().unwrap_or_default();
        let mut text = template.to_string();
        let who = drawn.below(40);
        if who > 0 {
            for (of, other) in [
                (
                    account,
                    format!("{:012}", 100_000_000_000 + drawn.below(30) * 7_919),
                ),
                (name, format!("{name}-{who}")),
                (id, format!("{}{who:02}", &id[..id.len().saturating_sub(2)])),
            ] {
                if !of.is_empty() {
                    text = text.replace(of, &other);
                }
            }
        }
        let day = format!("2026-0{}-{:02}", 1 + drawn.below(9), 1 + drawn.below(28));
        let opened = template["opened"].as_str().unwrap_or_default();
        let mut one = json(&text.replace(&opened[..10], &day));
        one["id"] = format!("{:016x}{:016x}", drawn.next(), drawn.next()).into();
        let more = drawn.below(900) as f64 / 100.0;
        one["score"] = value!(
            (one["score"].as_f64().unwrap_or_default() * 100.0 + more * 100.0).round() / 100.0
        );
        one["severity"] = ["low", "medium", "high", "critical"][drawn.below(4) as usize].into();
        one["raised"] = (index % 10 != 0).into();
        for novelty in one["novelties"].as_array_mut().into_iter().flatten() {
            novelty["principal_calls"] = drawn.below(90_000).into();
            novelty["principal_days"] = drawn.below(300).into();
            novelty["bits"] = value!(drawn.below(1_500) as f64 / 100.0);
        }
        for event in one["evidence"].as_array_mut().into_iter().flatten() {
            event["event_id"] = drawn.event_id().into();
            event["bits"] = value!(drawn.below(1_500) as f64 / 100.0);
            event["address"] = format!("198.51.{}.{}", drawn.below(256), drawn.below(256)).into();
        }
        one
    });
    made.collect()
}

#[test]
fn the_page_serves_its_readers_and_stays_light() {
    let demo = Demo::new();
    let templates = json_lines(&fs::read_to_string(demo.path("all.jsonl")).expect("findings"));
    assert!(templates.len() > 50, "{} templates", templates.len());
    let many = demo.path("many.jsonl");
    fs::write(&many, lines(&varied(&templates, MANY))).expect("written");
    let large = demo.page(&many, "many.html");
    let weight = |path: &Path| fs::metadata(path).expect("written").len();
    let bytes = weight(&large);
    eprintln!(
        "{MANY} findings: {} bytes as JSON Lines, {bytes} as a page",
        weight(&many)
    );
    assert!(bytes <= PAGE_BYTES_MAX, "{bytes} bytes");

    // The same input gives the same bytes.
    let findings = demo.path("demo/findings.jsonl");
    let page = demo.page(&findings, "page.html");
    let again = demo.page(&findings, "again.html");
    assert!(fs::read(&page).expect("a page") == fs::read(again).expect("a page"));

    let mut job = value!({ "page": page, "findings": findings, "large": large });
    if let Some(folder) = std::env::var_os("OFFTRAIL_PAGE_IMAGES") {
        job["images"] = PathBuf::from(folder).to_string_lossy().into_owned().into();
    }
    if let Some(said) = browser::report_page(&job, demo.folder.path()) {
        let times = said.lines().find(|line| line.starts_with("times: "));
        eprintln!("{}", times.expect("the browser's times"));
    }
}
