//! Every format as a reader sees it.

use std::collections::BTreeMap;

use offtrail_baseline::MaturityRule;
use offtrail_detector::Severity;
use offtrail_event::CredentialKind;
use offtrail_report::{
    Apart, COLUMNS, Charset, EVIDENCE_LINES_MAX, FileTally, FindingTally, FindingV1,
    PrincipalOptions, PrincipalView, Purpose, ReadFindingError, Style, Tally, read_finding,
    sort_findings, write_finding, write_finding_short, write_finding_text, write_observation,
    write_principal, write_reject, write_summary, write_summary_text,
};

use crate::handmade::{at, baseline, behavior_change, event, finding};

pub(crate) fn written(
    write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// No line is wider than the page, but for queries, which must be whole to work.
pub(crate) fn assert_fits(text: &str) {
    for line in text.lines().filter(|line| !line.starts_with("  SELECT ")) {
        assert!(
            line.chars().count() <= COLUMNS,
            "wider than {COLUMNS}: {line}"
        );
    }
}

#[test]
fn observation_line() {
    insta::assert_snapshot!(written(|out| write_observation(
        out,
        &event(),
        "s3://trail/a.json.gz",
        12
    )));
}

#[test]
fn absent_texts_are_null() {
    let mut event = event();
    event.account = "".into();
    event.region = "".into();
    event.event_id = None;
    event.credential.access_key_id = Some("".into());
    event.credential.created = Some(at("2026-08-31T09:00:00Z"));
    event.credential.kind = CredentialKind::Console;
    let line = written(|out| write_observation(out, &event, "-", 0));
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    for pointer in [
        "/event_id",
        "/account",
        "/region",
        "/credential/access_key_id",
        "/outcome/code",
    ] {
        assert!(value.pointer(pointer).unwrap().is_null(), "{pointer}");
    }
    assert_eq!(value["credential"]["created"], "2026-08-31T09:00:00Z");
    assert_eq!(value["provenance"], "-#0");
}

#[test]
fn reject_line() {
    insta::assert_snapshot!(
        written(|out| write_reject(out, "a.json.gz", 7, "truncated", "the array ends inside record 7")),
        @r#"{"provenance":"a.json.gz","index":7,"reason":"truncated","detail":"the array ends inside record 7"}"#
    );
}

#[test]
fn finding_line() {
    insta::assert_snapshot!(written(|out| write_finding(
        out,
        &FindingV1::from(&finding())
    )));
}

#[test]
fn finding_text() {
    let text = written(|out| write_finding_text(out, &FindingV1::from(&finding()), Style::Plain));
    assert_fits(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn behavior_change_text_and_line() {
    let change = FindingV1::from(&behavior_change());
    let text = written(|out| write_finding_text(out, &change, Style::Plain));
    assert_fits(&text);
    insta::assert_snapshot!(text);
    let line = written(|out| write_finding(out, &change));
    assert_eq!(read_finding(&line).unwrap(), change);
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&value["change"]).unwrap());
}

#[test]
fn finding_text_in_colour_says_the_same() {
    let finding = FindingV1::from(&finding());
    let text = |style| written(|out| write_finding_text(out, &finding, style));
    let coloured = text(Style::Ansi);
    assert!(
        coloured.starts_with("\u{1b}[31mHIGH\u{1b}[0m"),
        "{coloured}"
    );
    assert_eq!(crate::laws::without_colour(&coloured), text(Style::Plain));
}

#[test]
fn a_finding_reads_back() {
    let finding = FindingV1::from(&finding());
    let line = written(|out| write_finding(out, &finding));
    assert_eq!(read_finding(&line).unwrap(), finding);
    let newer = line.replacen('{', r#"{"a_key_of_tomorrow":[1],"#, 1);
    assert_eq!(read_finding(&newer).unwrap(), finding);
}

#[test]
fn a_finding_with_only_the_keys_of_the_interface_reads() {
    let mut value = serde_json::to_value(FindingV1::from(&finding())).unwrap();
    let object = value.as_object_mut().unwrap();
    for key in ["root", "threshold", "calibrated", "change", "summary"] {
        object.remove(key).unwrap();
    }
    let read = read_finding(&value.to_string()).unwrap();
    assert_eq!(
        (read.threshold, read.calibrated, read.raised),
        (None, None, true)
    );
    let text = written(|out| write_finding_text(out, &read, Style::Plain));
    assert!(text.starts_with("HIGH  17.3 bits\n"), "{text}");
}

#[test]
fn what_is_no_finding_is_told() {
    let check = |line: &str, expected: &str| {
        let error = read_finding(line).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("", "not a finding-v1 line");
    check("[1]", "not a finding-v1 line");
    check(r#"{"version":1,"id":"a"}"#, "missing field `type`");
    check(
        r#"{"version":2,"id":"a"}"#,
        "format 2 is not the one this build reads (1)",
    );
    assert!(matches!(
        read_finding(r#"{"version":9}"#),
        Err(ReadFindingError::Version { found: 9 })
    ));
}

#[test]
fn long_evidence_is_cut_in_text_and_whole_in_json() {
    let mut long = finding();
    let one = long.evidence[0].clone();
    long.evidence = vec![one; 100];
    let twin = FindingV1::from(&long);
    let text = written(|out| write_finding_text(out, &twin, Style::Plain));
    let (_, after) = text.split_once("What happened (100 events)\n").unwrap();
    let lines = after
        .lines()
        .take_while(|line| !line.contains("more, see the JSON line"))
        .count();
    assert!(
        (EVIDENCE_LINES_MAX - 3..=EVIDENCE_LINES_MAX).contains(&lines),
        "{lines}"
    );
    let line = written(|out| write_finding(out, &twin));
    assert_eq!(read_finding(&line).unwrap().evidence.len(), 100);
}

#[test]
fn a_list_is_sorted_by_severity_then_score_then_id() {
    let one = |severity: &str, score, id: &str| FindingV1 {
        severity: severity.to_owned(),
        score,
        id: id.to_owned(),
        time: "2026-08-31T10:43:44Z".to_owned(),
        title: "T".to_owned(),
        ..FindingV1::default()
    };
    let mut list = [
        one("unheard of", 99.0, "a"),
        one("low", 30.0, "b"),
        one("critical", 10.0, "d"),
        one("critical", 10.0, "c"),
        one("critical", 11.0, "e"),
    ];
    sort_findings(&mut list);
    let text: String = list
        .iter()
        .map(|one| written(|out| write_finding_short(out, one, Style::Plain)))
        .collect();
    assert_fits(&text);
    insta::assert_snapshot!(text, @r"
    critical   11.0  2026-08-31T10:43:44Z  e  T
    critical   10.0  2026-08-31T10:43:44Z  c  T
    critical   10.0  2026-08-31T10:43:44Z  d  T
    low        30.0  2026-08-31T10:43:44Z  b  T
    unheard…   99.0  2026-08-31T10:43:44Z  a  T
    ");
}

fn principal_text(charset: Charset) -> String {
    let (words, baseline, principal) = baseline();
    let view = PrincipalView {
        words: &words,
        baseline: &baseline,
        principal,
        announced_by: &BTreeMap::new(),
        rule: MaturityRule::default(),
        now: at("2026-08-31T12:00:00Z"),
    };
    let options = PrincipalOptions {
        charset,
        ..PrincipalOptions::default()
    };
    written(|out| write_principal(out, &view, options))
}

#[test]
fn principal() {
    let text = principal_text(Charset::Blocks);
    assert_fits(&text);
    insta::assert_snapshot!(text);
    assert!(principal_text(Charset::Ascii).is_ascii());
}

fn tally() -> Tally {
    Tally {
        files_read: 12,
        files_pruned: 3,
        files_unreadable: 1,
        bytes_in: 1_234_567,
        bytes_inflated: 9_876_543,
        records: 1_234,
        observations: 1_230,
        rejects: [("not_an_object".to_owned(), 3), ("truncated".to_owned(), 1)].into(),
        apart: Apart {
            digests: 2,
            insights: 1,
            notifications: 0,
        },
        repeated: 200,
        out_of_scope: 30,
        judged: 1_000,
        learnt: 990,
        handed_on: 0,
        waited: 0,
        waiting: 0,
        late: 5,
        findings: FindingTally {
            total: 7,
            written: 6,
            suppressed: 1,
            suppressed_by: [("scanner".to_owned(), 1)].into(),
            raised: [(Severity::Critical, 1), (Severity::Low, 3)].into(),
        },
        by_file: Vec::new(),
    }
}

#[test]
fn summary() {
    let mut tally = tally();
    insta::assert_snapshot!(
        "summary_text",
        written(|out| write_summary_text(out, Purpose::Judge, &tally, Style::Plain))
    );
    tally.by_file.push(FileTally {
        provenance: "a.json.gz".to_owned(),
        records: 1_234,
        observations: 1_230,
        rejects: 4,
        apart: Apart::default(),
    });
    insta::assert_snapshot!(
        "summary_json",
        written(|out| write_summary(out, "detect", Purpose::Judge, &tally))
    );
}

#[test]
fn what_does_not_add_up_is_said() {
    let check = |purpose, change: fn(&mut Tally), expected: &[&str]| {
        let mut tally = tally();
        change(&mut tally);
        assert_eq!(tally.check(purpose), expected);
    };
    check(Purpose::Judge, |_| {}, &[]);
    check(Purpose::Show, |tally| tally.judged = 0, &[]);
    check(
        Purpose::Learn,
        |_| {},
        &["observations = learnt + repeated + out of scope: 1230 is not 990 + 200 + 30 = 1220"],
    );
    check(
        Purpose::Judge,
        |tally| {
            tally.records += 1;
            tally.judged -= 1;
            tally.findings.written = 7;
            tally.findings.suppressed_by.insert("audit".to_owned(), 2);
            tally.by_file = vec![FileTally {
                provenance: "b".into(),
                records: 1235,
                observations: 1230,
                rejects: 4,
                ..FileTally::default()
            }];
        },
        &[
            "records = observations + rejects: 1235 is not 1230 + 4 = 1234",
            "observations = judged + repeated + out of scope: 1230 is not 999 + 200 + 30 = 1229",
            "findings = written + suppressed: 7 is not 7 + 1 = 8",
            "suppressed = those of all suppressions: 1 is not 2 + 1 = 3",
            "records = observations + rejects, in b: 1235 is not 1230 + 4 = 1234",
        ],
    );
}
