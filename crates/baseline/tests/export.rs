//! Laws of the export: the same text after any order and split of learning and under any ids, and safe whatever the names.
#![allow(clippy::unwrap_used)]

use std::{borrow::Cow, collections::BTreeSet};

use offtrail_baseline::{
    Baseline, Dimension, Lesson, MaturityRule, Standing,
    export::{ExportFile, json_lines, review_files},
};
use offtrail_event::{
    Category, CredentialKind, Fingerprint, Mint, MintedKind, Observation, OriginKind, OutcomeClass,
    Principal, PrincipalKind, Timestamp, Traits, Vocabulary,
};
use proptest::prelude::*;

/// What is observed, in texts.
#[derive(Clone, Debug)]
struct Seen {
    principal: Named,
    takes: Option<Named>,
    call: (String, String),
    outcome: OutcomeClass,
    hour: i64,
    lesson: Lesson,
}

#[derive(Clone, Debug)]
struct Named {
    account: String,
    id: String,
    name: String,
    person: Option<String>,
}

impl Named {
    fn of(id: &str, name: &str) -> Self {
        Self {
            account: "111122223333".to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            person: None,
        }
    }

    fn principal(&self) -> Principal<'_> {
        Principal {
            kind: PrincipalKind::Role,
            account: Cow::Borrowed(&self.account),
            id: Cow::Borrowed(&self.id),
            arn: None,
            name: Some(Cow::Borrowed(&*self.name)).filter(|name| !name.is_empty()),
            person: self.person.as_deref().map(Cow::Borrowed),
            person_is_key: self.person.is_some(),
        }
    }
}

fn observation(seen: &Seen, words: &Vocabulary) -> Observation {
    let principal = words.principal_id(&seen.principal.principal());
    let account = words.text_id(&seen.principal.account);
    Observation {
        fingerprint: Fingerprint(0),
        time: Timestamp::parse("2026-01-01")
            .unwrap()
            .plus_secs(seen.hour * 3600),
        principal,
        principal_kind: PrincipalKind::Role,
        call: words.call_id(&seen.call.0, &seen.call.1),
        outcome: seen.outcome,
        account,
        region: words.text_id(&seen.call.1),
        network: (seen.hour % 2 == 0).then(|| words.text_id(&format!("198.51.{}.0/24", seen.hour))),
        agent: words.text_id("Boto3"),
        credential_kind: CredentialKind::RoleSession,
        credential: None,
        origin: OriginKind::Address,
        read_only: None,
        category: Category::Management,
        by_service: false,
        traits: Traits(1 << (seen.hour % 16)),
        mint: seen.takes.as_ref().map(|role| Mint {
            kind: MintedKind::Session,
            credential: None,
            principal: Some(words.principal_id(&role.principal())),
        }),
        targets: None,
        detail: None,
    }
}

fn learnt(all: &[Seen], words: &Vocabulary) -> Baseline {
    let mut baseline = Baseline::new();
    for seen in all {
        baseline.learn(&observation(seen, words), words, seen.lesson);
    }
    baseline
}

fn review(baseline: &Baseline, words: &Vocabulary) -> Vec<ExportFile> {
    review_files(baseline, words, &MaturityRule::default()).collect()
}

fn shown(baseline: &Baseline, words: &Vocabulary) -> (Vec<ExportFile>, Vec<String>) {
    (
        review(baseline, words),
        json_lines(baseline, words).collect(),
    )
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]{1,2}",
        Just("../../etc/passwd".to_owned()),
        Just("a\"]\n[b]\u{0}\\".to_owned()),
        Just("\u{202e}txt.\u{200b}exe".to_owned()),
        Just("CON".to_owned()),
        Just("é".repeat(3000)),
        any::<String>(),
    ]
}

fn named() -> impl Strategy<Value = Named> {
    let id = prop_oneof!["AROA[AB]{12}", "[aA]{1,3}", name()];
    let account = prop_oneof![Just("111122223333".to_owned()), Just(String::new()), name()];
    (account, id, name(), proptest::option::of(name())).prop_map(|(account, id, name, person)| {
        Named {
            account,
            id,
            name,
            person,
        }
    })
}

/// Observations of few principals, so that rows meet.
fn sightings() -> impl Strategy<Value = Vec<Seen>> {
    let outcome = prop::sample::select(OutcomeClass::ALL.to_vec());
    let pool = (
        prop::collection::vec(named(), 1..5),
        prop::collection::vec((name(), name()), 1..5),
    );
    let picks = prop::collection::vec(
        (
            any::<prop::sample::Index>(),
            any::<prop::sample::Index>(),
            outcome,
            0..24 * 200i64,
        ),
        0..40,
    );
    (pool, picks).prop_map(|((principals, calls), picks)| {
        picks
            .into_iter()
            .map(|(who, what, outcome, hour)| Seen {
                principal: who.get(&principals).clone(),
                takes: (hour % 3 == 0).then(|| what.get(&principals).clone()),
                call: what.get(&calls).clone(),
                outcome,
                hour,
                lesson: Lesson::ALL,
            })
            .collect()
    })
}

fn is_safe(path: &str) -> bool {
    path.len() < 1024
        && path.split('/').all(|part| {
            !part.is_empty()
                && part.len() <= 255
                && !part.starts_with(['.', '-'])
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._@+-".contains(&byte))
        })
}

proptest! {
    #[test]
    fn order_split_and_ids_do_not_matter(all in sightings(), cut in any::<prop::sample::Index>()) {
        let words = Vocabulary::new();
        let whole = shown(&learnt(&all, &words), &words);
        let mut backwards = all.clone();
        backwards.reverse();
        let other_words = Vocabulary::new();
        let reversed = learnt(&backwards, &other_words);
        prop_assert_eq!(&whole, &shown(&reversed, &other_words));
        let (left, right) = all.split_at(if all.is_empty() { 0 } else { cut.index(all.len()) });
        let mut parts = learnt(right, &words);
        parts.merge(&learnt(left, &words));
        prop_assert_eq!(&whole, &shown(&parts, &words));
    }

    #[test]
    fn any_name_gives_a_safe_path_and_text_that_parses(all in sightings()) {
        let words = Vocabulary::new();
        let baseline = learnt(&all, &words);
        let files = review(&baseline, &words);
        let folded: BTreeSet<_> = files.iter().map(|file| file.path.to_ascii_lowercase()).collect();
        prop_assert_eq!(folded.len(), baseline.len() + 1);
        prop_assert!(files.is_sorted_by_key(|file| &file.path));
        let mut ids = BTreeSet::new();
        for file in files.iter().filter(|file| file.path != "index.md") {
            prop_assert!(is_safe(&file.path), "{}", file.path);
            let table: toml::Table = file.text.parse().unwrap();
            let text = |key: &str| table.get(key).map(|value| value.as_str().unwrap().to_owned());
            ids.insert((text("account"), text("id"), text("person")));
        }
        let expected: BTreeSet<_> = baseline
            .iter()
            .map(|(id, _)| words.principal(id))
            .map(|name| {
                (Some(name.account.to_string()), Some(name.id.to_string()), name.person.map(|person| person.to_string()))
            })
            .collect();
        prop_assert_eq!(ids, expected);
        for line in json_lines(&baseline, &words) {
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert!(value["type"].is_string());
        }
    }
}

fn seen(call: &str, outcome: OutcomeClass, hour: i64, standing: Standing) -> Seen {
    Seen {
        principal: Named::of("AROAEXAMPLE000000001", "deploy"),
        takes: None,
        call: ("iam.amazonaws.com".to_owned(), call.to_owned()),
        outcome,
        hour,
        lesson: Lesson {
            call: standing,
            facets: Standing::Learnt,
        },
    }
}

#[test]
fn a_principal_reads_as_one_file() {
    let words = Vocabulary::new();
    let mut all: Vec<_> = (0..20)
        .map(|day| {
            seen(
                "GetUser",
                OutcomeClass::Succeeded,
                day * 24 + 1,
                Standing::Learnt,
            )
        })
        .collect();
    all.push(seen(
        "ListAccessKeys",
        OutcomeClass::Denied,
        49,
        Standing::Pending,
    ));
    all.push(seen(
        "ListUsers",
        OutcomeClass::Succeeded,
        25,
        Standing::Learnt,
    ));
    let files = review(&learnt(&all, &words), &words);
    let [file, index] = <[ExportFile; 2]>::try_from(files).unwrap();
    assert_eq!(
        file.path,
        "111122223333/role/deploy-AROAEXAMPLE000000001.toml"
    );
    assert_eq!(
        file.text,
        r#"format = 1
kind = "role"
account = "111122223333"
id = "AROAEXAMPLE000000001"
name = "deploy"
maturity = "learning"
credentials = ["role_session"]
traits = ["mfa", "assumed_within_account"]

calls = [
  { call = "iam:GetUser", since = 2026-01-01, seen = "frequent" },
  { call = "iam:ListAccessKeys", since = 2026-01-03, seen = "rare", outcome = "denied", standing = "pending" },
  { call = "iam:ListUsers", since = 2026-01-02, seen = "rare" },
]
"#
    );
    assert_eq!(index.path, "index.md");
    assert!(
        index.text.contains("Learnt from 2026-01-01 on."),
        "{}",
        index.text
    );
    assert!(
        index
            .text
            .contains("| 111122223333 | role | 1 | 0 | 1 | 0 | 1 | 0 | 0 |"),
        "{}",
        index.text
    );
}

#[test]
fn another_ordinary_day_changes_nothing() {
    let words = Vocabulary::new();
    let day = |day: i64| {
        seen(
            "GetUser",
            OutcomeClass::Succeeded,
            day * 24 + 1,
            Standing::Learnt,
        )
    };
    let mut all: Vec<_> = (0..40).map(day).collect();
    let before = review(&learnt(&all, &words), &words);
    all.extend([day(40), day(40)]);
    let baseline = learnt(&all, &words);
    assert_eq!(before, review(&baseline, &words));
    let lines: Vec<_> = json_lines(&baseline, &words).collect();
    assert!(lines[0].ends_with(r#""observations":42}"#), "{}", lines[0]);
    assert!(
        lines
            .last()
            .unwrap()
            .contains(r#""days":["2026-01-01/2026-02-10"]"#)
    );
}

#[test]
fn held_values_of_other_dimensions_are_shown() {
    let words = Vocabulary::new();
    let mut one = seen("GetUser", OutcomeClass::Succeeded, 2, Standing::Learnt);
    one.lesson.facets = Standing::Pending;
    let baseline = learnt(&[one], &words);
    let id = baseline.iter().next().unwrap().0;
    assert_eq!(
        baseline
            .profile(id)
            .unwrap()
            .facets_of(Dimension::Network)
            .count(),
        1
    );
    let text = &review(&baseline, &words)[0].text;
    let line = r#"  { network = "198.51.2.0/24", since = 2026-01-01, standing = "pending" },"#;
    assert!(text.contains(line), "{text}");
}

#[test]
fn an_event_source_is_said_where_the_call_does_not_tell_it() {
    let words = Vocabulary::new();
    let mut all = vec![];
    for source in ["iam.amazonaws.com", "iam", "a.b.amazonaws.com", "a.b"] {
        let mut one = seen("X", OutcomeClass::Succeeded, 1, Standing::Learnt);
        one.call.0 = source.to_owned();
        all.push(one);
    }
    let text = &review(&learnt(&all, &words), &words)[0].text;
    let calls: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("  {"))
        .collect();
    let starts = [
        r#"{ call = "a.b:X", since"#,
        r#"{ call = "a.b:X", source = "a.b.amazonaws.com", since"#,
        r#"{ call = "iam:X", since"#,
        r#"{ call = "iam:X", source = "iam", since"#,
    ];
    assert_eq!(calls.len(), starts.len());
    for (line, start) in calls.iter().zip(starts) {
        assert!(line.trim_start().starts_with(start), "{line}");
    }
}
