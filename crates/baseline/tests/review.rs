//! The review text read back: what was ruled survives it, and every mistake is told with its line and what to do about it.
#![allow(clippy::unwrap_used)]

use std::borrow::Cow;

use offtrail_baseline::{
    Answer, Baseline, CallSightings, Dimension, Expectation, FacetRow, MaturityRule,
    PrincipalRulings, Profile, Purpose, Review, RuledLine, Ruling, Season, Standing,
    export::{ExportFile, json_lines, review_files},
    review::{Change, Import, Mistake, Presumed, REVIEW_FILE_LINES_MAX, Ruled, read},
};
use offtrail_event::{
    Day, OutcomeClass, Principal, PrincipalId, PrincipalKind, Severity, Timestamp, Vocabulary,
};
use proptest::prelude::*;

fn ci(words: &Vocabulary) -> PrincipalId {
    words.principal_id(&Principal {
        kind: PrincipalKind::IamUser,
        account: Cow::Borrowed("111122223333"),
        id: Cow::Borrowed("AIDAEXAMPLE000000001"),
        arn: None,
        name: Some(Cow::Borrowed("ci-deploy")),
        person: None,
        person_is_key: false,
    })
}

/// A user with three calls, of which one is held back, and a network.
fn baseline(words: &Vocabulary) -> Baseline {
    let time = Timestamp::parse("2026-01-03").unwrap();
    let row = |operation, outcome, standing| {
        let call = words.call_id("iam.amazonaws.com", operation);
        CallSightings::new(call, outcome, time, standing)
    };
    let calls = vec![
        row("GetUser", OutcomeClass::Succeeded, Standing::Learnt),
        row("ListUsers", OutcomeClass::Denied, Standing::Learnt),
        row("ListAccessKeys", OutcomeClass::Succeeded, Standing::Pending),
    ];
    let network = FacetRow {
        dimension: Dimension::Network,
        standing: Standing::Learnt,
        value: words.text_id("198.51.100.0/24").0,
        count: 3,
        first: time,
        last: time,
    };
    let mut baseline = Baseline::new();
    let mut profile = Profile::from_rows(&calls, vec![network]);
    profile.days.insert(time.day());
    profile.seen = Some((time, time));
    baseline.set_profile(ci(words), profile);
    baseline.window.see(time);
    baseline
}

fn files(baseline: &Baseline, words: &Vocabulary) -> Vec<ExportFile> {
    review_files(baseline, words, &MaturityRule::default()).collect()
}

fn text(baseline: &Baseline, words: &Vocabulary) -> String {
    let mut files = files(baseline, words).into_iter();
    files
        .find(|file| file.path.ends_with(".toml"))
        .unwrap()
        .text
}

const PRESUMED: Presumed<'_> = Presumed {
    by: None,
    on: Day(20_500),
};

/// Reads a text back; the changes, and the baseline with them.
fn imported(
    mut baseline: Baseline,
    words: &Vocabulary,
    text: &str,
) -> Result<(Vec<Change>, Baseline), Vec<Mistake>> {
    let rule = MaturityRule::default();
    let mut import = Import::new((&baseline, words), &rule, PRESUMED);
    let mistakes = import.file("a.toml", text.as_bytes());
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let changes = import.finish();
    let shown = changes.shown.clone();
    let _ = changes.apply(&mut baseline);
    Ok((shown, baseline))
}

const SAID: &str = r#"by = "ana", on = 2026-02-01, reason = "audit of keys""#;

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "reads the example that is told of in documents"
)]
fn the_example_reads() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../baselines/example/218506654178"
    );
    let file = |path: &str| {
        let bytes = std::fs::read(format!("{folder}/{path}")).unwrap();
        read(&bytes).unwrap()
    };
    let user = file("iam_user/ci-deploy-AIDAEZYI63F6JB7CSK2GE.toml");
    let role = file("role/terraform-apply-AROAXU2WCMOTXTCGOKDCW.toml");
    let standings = |standing| {
        let calls = user.calls.iter().chain(&role.calls);
        calls
            .filter(|call| call.review.standing == standing)
            .count()
    };
    assert!(user.purpose.is_some() && role.expectations.len() == 1);
    assert!(
        [Standing::Approved, Standing::Refused, Standing::Pending]
            .into_iter()
            .all(|one| standings(one) > 0)
    );
}

#[test]
fn nothing_edited_changes_nothing() {
    let words = Vocabulary::new();
    let before = text(&baseline(&words), &words);
    let (shown, after) = imported(baseline(&words), &words, &before).unwrap();
    assert_eq!(shown, []);
    assert_eq!(text(&after, &words), before);
    let crlf = before.replace('\n', "\r\n");
    assert_eq!(imported(baseline(&words), &words, &crlf).unwrap().0, []);
}

#[test]
fn a_line_is_approved_refused_and_lifted_by_editing_it() {
    let words = Vocabulary::new();
    let before = text(&baseline(&words), &words);
    let approved = before.replace(
        "standing = \"pending\"",
        &format!("standing = \"approved\", {SAID}, until = 2027-01-01"),
    );
    let (shown, after) = imported(baseline(&words), &words, &approved).unwrap();
    assert_eq!((shown.len(), shown[0].ruled), (1, Ruled::Approved));
    assert_eq!(shown[0].what, "iam:ListAccessKeys");
    assert_eq!(text(&after, &words), approved);
    let call = words.call_id("iam.amazonaws.com", "ListAccessKeys");
    let profile = after.profile(ci(&words)).unwrap();
    let row = profile.call(call, OutcomeClass::Succeeded).unwrap();
    assert_eq!(row.standing(), Standing::Approved);

    let refused = approved
        .replace("\"approved\"", "\"refused\"")
        .replace(", until = 2027-01-01", "");
    let (shown, after) = imported(after, &words, &refused).unwrap();
    assert_eq!((shown.len(), shown[0].ruled), (1, Ruled::Refused));
    let exported = text(&after, &words);
    assert!(exported.contains("standing = \"refused\", severity = \"high\", by = \"ana\""));

    let lifted = exported.replace(
        &format!(", standing = \"refused\", severity = \"high\", {SAID}"),
        "",
    );
    let (shown, after) = imported(after, &words, &lifted).unwrap();
    assert_eq!((shown.len(), shown[0].ruled), (1, Ruled::Lifted));
    assert_eq!(text(&after, &words), lifted);
}

#[test]
fn purposes_expectations_and_learnt_values_are_ruled_on() {
    let words = Vocabulary::new();
    let before = text(&baseline(&words), &words);
    let edited = format!(
        "{before}\nothers = [\n  {{ network = \"198.51.100.0/24\", since = 2026-01-03, standing = \"refused\", severity = \"low\", {SAID} }},\n]\n\
         \n[purpose]\ntext = \"CI deploy\"\nonly = [\"ecr\", \"s3\", \"codedeploy:*\"]\nseverity = \"critical\"\nby = \"ana\"\non = 2026-02-01\nreason = \"its pipeline\"\n\
         \n[[expect]]\ncalls = [\"glue\"]\nmonths = [1, 4, 7, 10]\ndays = [\"1-5\", 31]\nby = \"ben\"\non = 2026-02-02\nreason = \"quarterly job\"\nuntil = 2028-01-01\n"
    );
    let (shown, after) = imported(baseline(&words), &words, &edited).unwrap();
    let ruled: Vec<Ruled> = shown.iter().map(|one| one.ruled).collect();
    assert_eq!(ruled, [Ruled::Refused, Ruled::PurposeSet, Ruled::Expected]);
    assert_eq!(text(&after, &words), edited);
    // Without its lines a refused network is one that was removed, which is no ruling.
    let mistakes = imported(after, &words, &before).unwrap_err();
    assert!(mistakes[0].to_string().contains("put it back"));
}

/// The line and the words of the first mistake in an edited text.
fn check(edit: impl Fn(&str) -> String, line: usize, expected: &str) {
    let words = Vocabulary::new();
    let before = text(&baseline(&words), &words);
    let mistakes = imported(baseline(&words), &words, &edit(&before)).unwrap_err();
    let told: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
    assert_eq!(told[0], format!("{line}: {expected}"), "{told:#?}");
}

const PENDING: &str = "standing = \"pending\"";

fn replace(from: &'static str, to: &'static str) -> impl Fn(&str) -> String {
    move |text: &str| {
        assert!(text.contains(from), "{text}");
        text.replace(from, to)
    }
}

#[test]
fn mistakes_in_a_ruling_have_their_line_and_a_remedy() {
    check(
        replace(PENDING, "standing = \"aproved\""),
        12,
        "\"standing\" can't be \"aproved\"; write learnt, pending, approved, refused",
    );
    check(
        replace(PENDING, "standing = \"approved\", reason = \"x\""),
        12,
        "\"iam:ListAccessKeys\" is approved without a reviewer; add by = \"…\", or import with --reviewer NAME",
    );
    check(
        replace(PENDING, "standing = \"approved\", by = \"ana\""),
        12,
        "\"iam:ListAccessKeys\" is approved without a reason; add reason = \"…\"",
    );
    check(
        replace(
            PENDING,
            "standing = \"approved\", by = \"a\\u001b[2J\", reason = \"x\"",
        ),
        12,
        "\"by\" has to be a text of 1 to 200 characters without control characters and characters that show nothing",
    );
    check(
        replace(
            PENDING,
            "standing = \"approved\", by = \"ana\", reason = \"\\u202e\"",
        ),
        12,
        "\"reason\" has to be a text of 1 to 2000 characters without control characters and characters that show nothing",
    );
    check(
        replace(
            PENDING,
            "standing = \"approved\", by = \"ana\", reason = \"x\", until = \"2027\"",
        ),
        12,
        "\"until\" has to be a day like 2026-02-01, without quotes and time",
    );
    check(
        replace(
            PENDING,
            "standing = \"approved\", by = \"ana\", reason = \"x\", on = 2026-03-01, until = 2026-03-01",
        ),
        12,
        "it ends (2026-03-01) before it begins (2026-03-01); correct one of the two days",
    );
    check(
        replace(
            PENDING,
            "standing = \"approved\", by = \"ana\", reason = \"x\", severity = \"low\"",
        ),
        12,
        "a severity belongs to a refusal; remove it",
    );
    check(
        replace(PENDING, "standing = \"pending\", by = \"ana\""),
        12,
        "\"by\" without a ruling; add standing = \"approved\" or \"refused\", or remove it",
    );
}

#[test]
fn mistakes_in_what_is_learnt_have_their_line_and_a_remedy() {
    check(
        replace(", standing = \"pending\"", ""),
        12,
        "\"iam:ListAccessKeys\" is pending in the baseline and can't be made learnt by hand; write standing = \"approved\" or \"refused\", or put \"pending\" back",
    );
    check(
        replace(PENDING, "standing = \"approved\", reviewer = \"ana\""),
        12,
        "unknown field \"reviewer\"; known here: call, source, since, seen, outcome, standing, severity, by, on, reason, until",
    );
    check(
        replace(PENDING, "standing = true"),
        12,
        "\"standing\" has to be a text in quotes, and is true or false",
    );
    check(
        replace(
            "since = 2026-01-03, seen = \"rare\", standing",
            "since = 2026-01-04, seen = \"rare\", standing",
        ),
        12,
        "since is \"2026-01-04\" here and \"2026-01-03\" in the baseline; it is learnt and not edited: export again and make your change there",
    );
    check(
        replace("iam:GetUser", "iam:GetUsers"),
        10,
        "\"iam:GetUser\" is in the baseline and not in this file; lines are ruled on and not removed: put it back, or export again and make your change there",
    );
    check(
        |text| {
            let line = text.lines().find(|line| line.contains("GetUser")).unwrap();
            text.replace(line, &format!("{line}\n{line}"))
        },
        12,
        "\"iam:GetUser\" stands here and on line 11; keep one of the two lines",
    );
    check(
        replace("maturity = \"learning\"", "maturity = \"established\""),
        4,
        "maturity is \"established\" here and \"learning\" in the baseline; it is learnt and not edited: export again and make your change there",
    );
    check(
        replace("AIDAEXAMPLE000000001", "AIDAEXAMPLE000000002"),
        4,
        "principal \"111122223333/AIDAEXAMPLE000000002\" is not in the baseline (any more); remove the file, or import with --ignore-gone",
    );
}

#[test]
fn mistakes_in_a_file_have_their_line_and_a_remedy() {
    check(
        |text| format!("<<<<<<< HEAD\n{text}=======\n>>>>>>> review\n"),
        1,
        "a merge conflict was left here (\"<<<<<<< HEAD\"); decide which side holds and remove the three markers",
    );
    check(
        replace("format = 1", "format = 2"),
        1,
        "format 2 is not the one this build reads (1); upgrade offtrail or export again",
    );
    check(
        |text| format!("{text}{}", "#\n".repeat(REVIEW_FILE_LINES_MAX)),
        1,
        "the file is larger than 33554432 bytes or 200000 lines; no export is: export it again",
    );
    check(
        |text| format!("{text}\n[purpose]\ntext = \"CI\"\nonly = []\n"),
        16,
        "\"only\" names no call; name at least one, or remove the whole table",
    );
    check(
        |text| format!("{text}\n[[expect]]\ncalls = [\"glue:*Run\"]\nmonths = [13]\n"),
        16,
        "\"glue:*Run\" is no pattern of calls; write a service (\"ecr\"), a call (\"iam:GetUser\") or the beginning of one (\"s3:Get*\")",
    );
}

#[test]
fn bytes_of_any_kind_are_a_mistake_and_no_panic() {
    let told = |bytes: &[u8]| read(bytes).unwrap_err()[0].to_string();
    assert_eq!(
        told(b"a = 1\n\xff"),
        "2: this is no UTF-8 text; save the file as UTF-8, or take back its last version"
    );
    assert!(told(b"calls = [\n  { call = \n]\n").contains("this is no TOML"));
}

#[test]
fn two_files_of_one_principal_are_a_mistake() {
    let words = Vocabulary::new();
    let baseline = baseline(&words);
    let text = text(&baseline, &words);
    let rule = MaturityRule::default();
    let mut import = Import::new((&baseline, &words), &rule, PRESUMED);
    assert_eq!(import.file("a.toml", text.as_bytes()), []);
    let mistakes = import.file("b.toml", text.as_bytes());
    let expected = "4: principal \"111122223333/AIDAEXAMPLE000000001\" has another file, \"a.toml\"; remove one of the two";
    assert_eq!(mistakes[0].to_string(), expected);
}

fn any_review() -> impl Strategy<Value = Review> {
    let said = "[^\\p{C}\\p{Z}][^\\p{C}\\p{Zl}\\p{Zp}]{0,20}";
    (said, said, 20_000..21_000u16, prop::option::of(1..2_000u16)).prop_map(
        |(by, reason, on, until)| Review {
            on: Day(on),
            until: until.map(|days| Day(on + days)),
            by: by.into(),
            reason: reason.into(),
        },
    )
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        Just(Answer::Approved),
        prop::sample::select(Severity::ALL).prop_map(Answer::Refused)
    ]
}

fn any_ruling() -> impl Strategy<Value = Ruling> {
    (any_answer(), any_review()).prop_map(|(answer, review)| Ruling { answer, review })
}

fn any_expectation() -> impl Strategy<Value = Expectation> {
    let pattern = "[a-z]{1,8}(:[A-Z][a-zA-Z]{0,8}\\*?)?";
    let patterns = prop::collection::vec(pattern, 1..4);
    let months = prop::collection::vec(1..=12u8, 1..6);
    let days = prop::collection::vec(1..=31u8, 0..12);
    (patterns, months, days, any_review()).prop_map(|(calls, months, days, review)| Expectation {
        calls: calls.iter().map(|one| one.parse().unwrap()).collect(),
        season: Season::new(months, days),
        review,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_rulings_survive_the_text(
        rulings in prop::collection::vec(prop::option::of(any_ruling()), 4),
        purpose in prop::option::of((any_review(), any_expectation(), prop::sample::select(Severity::ALL))),
        expected in prop::collection::vec(any_expectation(), 0..4),
    ) {
        let words = Vocabulary::new();
        let plain = baseline(&words);
        let id = ci(&words);
        let profile = plain.profile(id).unwrap();
        let calls = profile.calls().iter().map(|row| RuledLine::Call(row.call(), row.outcome()));
        let values = profile.facets().iter().map(|row| RuledLine::Value(row.dimension, row.value));
        let mut all = PrincipalRulings::default();
        for (line, ruling) in calls.chain(values).zip(&rulings) {
            if let Some(ruling) = ruling {
                all.rule(line, ruling.clone());
            }
        }
        all.purpose = purpose.map(|(review, only, severity)| Purpose {
            text: review.reason.clone(),
            only: only.calls,
            severity,
            review,
        });
        for one in expected {
            all.expect(one);
        }
        let mut ruled = plain.clone();
        let touched = ruled.review(id, all.clone());
        prop_assert_eq!(touched.rulings.of(id), Some(&all));
        let lines = |baseline: &Baseline| json_lines(baseline, &words).collect::<Vec<_>>();
        prop_assert_eq!(lines(&ruled) == lines(&plain), all.is_empty());
        for line in lines(&ruled) {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{}", line);
        }
        let exported = text(&ruled, &words);
        let file = read(exported.as_bytes());
        prop_assert!(file.is_ok(), "{:#?}\n{}", file, exported);
        // Onto itself: nothing changes. Onto the plain one: all of it comes back, but for what was held back and is learnt again.
        let (shown, same) = imported(ruled.clone(), &words, &exported).unwrap();
        prop_assert_eq!(shown, vec![]);
        prop_assert_eq!(text(&same, &words), &*exported);
        let (_, onto_plain) = imported(plain, &words, &exported).unwrap();
        prop_assert_eq!(onto_plain.rulings.of(id).cloned().unwrap_or_default(), all);
        prop_assert_eq!(text(&onto_plain, &words), exported);
        prop_assert_eq!(lines(&onto_plain), lines(&ruled));
    }

    #[test]
    fn rulings_merge_in_any_order(left in any_ruling(), right in any_ruling()) {
        let line = RuledLine::Value(Dimension::Network, 0);
        let of = |ruling: &Ruling| {
            let mut one = PrincipalRulings::default();
            one.rule(line, ruling.clone());
            let mut all = Baseline::new();
            all.rulings.set(PrincipalId(0), one);
            all
        };
        let mut ab = of(&left);
        ab.merge(&of(&right));
        let mut ba = of(&right);
        ba.merge(&of(&left));
        prop_assert_eq!(&ab.rulings, &ba.rulings);
        let kept = &ab.rulings.of(PrincipalId(0)).unwrap().lines[&line];
        prop_assert!(kept.review.on == left.review.on.max(right.review.on));
        if left.review.on == right.review.on && left.answer != right.answer {
            prop_assert!(matches!(kept.answer, Answer::Refused(_)));
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }
}
