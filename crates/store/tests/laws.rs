//! Laws of the store: any split into commits loads as the whole, under any ids; a kill at any moment leaves a committed prefix.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::{
    borrow::Cow,
    collections::BTreeSet,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use offtrail_baseline::{
    Answer, Baseline, CallPattern, DaySet, Dimension, Expectation, Lesson, PrincipalRulings,
    Profile, Purpose, Review, RuledLine, Ruling, Season, Standing, export::json_lines,
};
use offtrail_detector::DetectorState;
use offtrail_event::{
    Category, CredentialKind, Day, Fingerprint, Mint, MintedKind, Observation, OriginKind,
    OutcomeClass, Principal, PrincipalId, PrincipalKind, Severity, TargetKind, TextId, Timestamp,
    Traits, Vocabulary,
};
use offtrail_store::{Checkpoint, Store};
use proptest::prelude::*;

/// Principals of the tests; one with a person, one with an empty one, one whose texts are odd.
fn principal(number: u32, words: &Vocabulary) -> PrincipalId {
    let (id, person) = match number % 5 {
        0 => ("AROAEXAMPLE000000001", None),
        1 => ("AROAEXAMPLE000000001", Some("ann@example.com")),
        2 => ("AROAEXAMPLE000000001", Some("")),
        3 => ("'; DROP TABLE principals; --\0\u{202e}", None),
        _ => ("AIDAEXAMPLE000000004", None),
    };
    words.principal_id(&Principal {
        kind: PrincipalKind::Role,
        account: Cow::Borrowed(if number == 4 { "" } else { "111122223333" }),
        id: Cow::Borrowed(id),
        arn: number
            .is_multiple_of(2)
            .then_some(Cow::Borrowed("arn:aws:iam::111122223333:role/r")),
        name: number.is_multiple_of(3).then_some(Cow::Borrowed("r")),
        person: person.map(Cow::Borrowed),
        person_is_key: person.is_some(),
    })
}

fn observation(number: u32, words: &Vocabulary) -> Observation {
    let who = number % 5;
    Observation {
        fingerprint: Fingerprint(u64::from(number)),
        time: Timestamp::parse("2026-01-01")
            .unwrap()
            .plus_secs(i64::from(number % 701) * 20_000),
        principal: principal(who, words),
        principal_kind: PrincipalKind::Role,
        call: words.call_id("iam.amazonaws.com", &format!("Call{}", number % 13)),
        outcome: OutcomeClass::ALL[number as usize % 3],
        account: words.text_id("111122223333"),
        region: words.text_id(["eu-west-1", "us-east-1"][number as usize % 2]),
        network: number
            .is_multiple_of(2)
            .then(|| words.text_id(&format!("198.51.{}.0/24", number % 7))),
        agent: words.text_id("Boto3"),
        credential_kind: CredentialKind::RoleSession,
        credential: None,
        origin: OriginKind::Address,
        read_only: None,
        category: Category::Management,
        by_service: false,
        traits: Traits(1 << (number % 12)),
        mint: number.is_multiple_of(11).then(|| Mint {
            kind: MintedKind::Session,
            credential: None,
            principal: Some(principal((who + 1) % 5, words)),
        }),
        targets: number.is_multiple_of(7).then(|| {
            let text = format!("secret:{}", number % 17);
            Box::from([(TargetKind::Secret, words.text_id(&text))])
        }),
        detail: None,
    }
}

fn learnt(numbers: &[u32], words: &Vocabulary) -> Baseline {
    let mut baseline = Baseline::new();
    for number in numbers {
        let lesson = Lesson {
            call: Standing::ALL[*number as usize % 13 % 4],
            facets: Standing::Learnt,
        };
        baseline.learn(&observation(*number, words), words, lesson);
    }
    baseline
}

fn shown(baseline: &Baseline, words: &Vocabulary) -> Vec<String> {
    json_lines(baseline, words).collect()
}

/// Opens, loads, learns and commits as a run does.
fn run(path: &Path, numbers: &[u32]) {
    let words = Vocabulary::new();
    // Interned in another order than in the file.
    let touched = learnt(numbers, &words);
    let mut store = Store::create_or_open(path).unwrap();
    let mut whole = store.load(&words).unwrap();
    whole.merge(&touched);
    let fingerprints: Vec<(Day, Fingerprint)> = numbers
        .iter()
        .map(|number| observation(*number, &words))
        .map(|one| (one.time.day(), one.fingerprint))
        .collect();
    let file = format!("{numbers:?}");
    store
        .commit(&Checkpoint {
            words: &words,
            whole: &whole,
            touched: &touched,
            fingerprints: &fingerprints,
            files: &[(&file, "content")],
            tally: &[("observations", numbers.len() as u64)],
            detection: None,
            facts: &[],
        })
        .unwrap();
}

fn fingerprints(store: &Store) -> BTreeSet<(Day, Fingerprint)> {
    let days = store.load_fingerprints().unwrap();
    assert!(days.is_sorted_by_key(|(day, _)| *day));
    days.into_iter()
        .flat_map(|(day, ids)| ids.into_iter().map(move |id| (day, id)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_split_into_commits_loads_as_the_whole(parts in prop::collection::vec(prop::collection::vec(any::<u32>(), 0..30), 0..6)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.db");
        drop(Store::create_or_open(&path).unwrap());
        for part in &parts {
            run(&path, part);
        }
        let all: Vec<u32> = parts.concat();
        let words = Vocabulary::new();
        let whole = learnt(&all, &words);
        let store = Store::open_read_only(&path).unwrap();
        let other_words = Vocabulary::new();
        prop_assert_eq!(shown(&whole, &words), shown(&store.load(&other_words).unwrap(), &other_words));
        let expected: BTreeSet<_> = all
            .iter()
            .map(|number| observation(*number, &words))
            .map(|one| (one.time.day(), one.fingerprint))
            .collect();
        prop_assert_eq!(fingerprints(&store), expected);
        let files: BTreeSet<_> = parts.iter().map(|part| (format!("{part:?}"), "content".to_owned())).collect();
        for (file, _) in &files {
            prop_assert!(store.knows_file(file, "content").unwrap() && !store.knows_file(file, "other").unwrap());
        }
        prop_assert_eq!(store.files().unwrap(), files);
        prop_assert_eq!(store.tally().unwrap().get("observations").copied().unwrap_or(0), all.len() as u64);
    }
}

fn any_review() -> impl Strategy<Value = Review> {
    (
        any::<String>(),
        any::<String>(),
        any::<u16>(),
        any::<Option<u16>>(),
    )
        .prop_map(|(by, reason, on, until)| Review {
            on: Day(on),
            until: until.map(Day),
            by: by.replace('\0', "").into(),
            reason: reason.into(),
        })
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        Just(Answer::Approved),
        prop::sample::select(Severity::ALL).prop_map(Answer::Refused)
    ]
}

/// Rulings on one principal: on every second line that it has, by the answers given.
fn rulings(
    profile: &Profile,
    answers: &[(Answer, Review)],
    words: &Vocabulary,
) -> PrincipalRulings {
    let calls = profile.calls().iter();
    let calls = calls.map(|row| RuledLine::Call(row.call(), row.outcome()));
    let values = profile.facets().iter();
    let values = values.map(|row| RuledLine::Value(row.dimension, row.value));
    // By text: ids differ between runs.
    let mut lines: Vec<(String, RuledLine)> = calls
        .chain(values)
        .map(|line| match line {
            RuledLine::Call(call, outcome) => (format!("{}{outcome}", words.call_text(call)), line),
            RuledLine::Value(Dimension::Takes, id) => {
                (words.principal(PrincipalId(id)).key(), line)
            }
            RuledLine::Value(dimension, id) => {
                (format!("{dimension}{}", words.text(TextId(id))), line)
            }
        })
        .collect();
    lines.sort();
    let mut all = PrincipalRulings::default();
    for ((_, line), (answer, review)) in lines.into_iter().step_by(2).zip(answers) {
        let (answer, review) = (*answer, review.clone());
        all.rule(line, Ruling { answer, review });
    }
    let only: Vec<CallPattern> = vec!["ecr".parse().unwrap(), "s3:Get*".parse().unwrap()];
    if let Some((_, review)) = answers.first() {
        all.purpose = Some(Purpose {
            review: review.clone(),
            text: review.reason.clone(),
            only: only.clone(),
            severity: Severity::Critical,
        });
    }
    for (number, (_, review)) in (1..).zip(answers) {
        all.expect(Expectation {
            calls: only.clone(),
            season: Season::new([number], [number, 31]),
            review: review.clone(),
        });
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_rulings_survive_the_file_and_what_is_learnt_later(answers in prop::collection::vec((any_answer(), any_review()), 0..9)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.db");
        let before: Vec<u32> = (0..60).collect();
        run(&path, &before);
        let words = Vocabulary::new();
        let mut store = Store::create_or_open(&path).unwrap();
        let mut whole = store.load(&words).unwrap();
        for number in [1, 3] {
            let id = principal(number, &words);
            let ruled = rulings(whole.profile(id).unwrap(), &answers, &words);
            let touched = whole.review(id, ruled);
            store.commit(&Checkpoint {
                words: &words,
                whole: &whole,
                touched: &touched,
                fingerprints: &[],
                files: &[],
                tally: &[],
                detection: None,
                facts: &[],
            }).unwrap();
        }
        drop(store);
        let loaded = |words: &Vocabulary| Store::open_read_only(&path).unwrap().load(words).unwrap();
        let other = Vocabulary::new();
        prop_assert_eq!(shown(&loaded(&other), &other), shown(&whole, &words));
        // Learning and forgetting change no ruling and no standing that rests on one.
        run(&path, &(0..300).collect::<Vec<_>>());
        Store::create_or_open(&path).unwrap().forget_rows(Timestamp::MAX).unwrap();
        let words = Vocabulary::new();
        let later = loaded(&words);
        for number in [1, 3] {
            let id = principal(number, &words);
            let rulings = later.rulings.of(id).cloned().unwrap_or_default();
            let profile = later.profile(id).unwrap();
            prop_assert!(rulings.lines.len() == answers.len() && rulings.expectations.len() == answers.len());
            for (line, ruling) in &rulings.lines {
                let standing = match *line {
                    RuledLine::Call(call, outcome) => profile.call(call, outcome).unwrap().standing(),
                    RuledLine::Value(dimension, value) => profile.facet(dimension, value).unwrap().standing,
                };
                prop_assert_eq!(standing, ruling.answer.standing());
            }
        }
    }
}

#[test]
fn forgetting_in_the_file_equals_expiring_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.db");
    let numbers: Vec<u32> = (0..400).collect();
    run(&path, &numbers);
    let words = Vocabulary::new();
    let mut expected = learnt(&numbers, &words);
    let gone = expected.expire(30);
    assert!(gone > 0);
    let until = expected.window.0.unwrap().1;
    let mut store = Store::create_or_open(&path).unwrap();
    let horizon = until.plus_secs(-30 * 86_400);
    assert_eq!(store.forget_rows(horizon).unwrap(), gone);
    let other = Vocabulary::new();
    assert_eq!(
        shown(&expected, &words),
        shown(&store.load(&other).unwrap(), &other)
    );
    let before = fingerprints(&store).len() as u64;
    let went = store.forget_fingerprints(horizon.day()).unwrap();
    assert!(went > 0);
    assert_eq!(fingerprints(&store).len() as u64, before - went);
}

#[test]
fn a_row_gone_from_the_whole_is_deleted_and_a_ruling_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.db");
    run(&path, &[0, 1]);
    let words = Vocabulary::new();
    let mut store = Store::create_or_open(&path).unwrap();
    let touched = store.load(&words).unwrap();
    let mut whole = touched.clone();
    assert!(
        whole
            .profile_mut(principal(0, &words))
            .expire(Timestamp::MAX)
            > 0
    );
    let ruled = observation(1, &words);
    let profile = whole.profile_mut(ruled.principal);
    let mut seen = profile.sightings_of(ruled.call, ruled.outcome).unwrap();
    seen.standing = Standing::Refused;
    // Other days than its times tell are kept as they are.
    seen.days = DaySet::of(Day(3));
    *profile = Profile::from_rows(&[seen], Vec::new());
    store
        .commit(&Checkpoint {
            words: &words,
            whole: &whole,
            touched: &touched,
            fingerprints: &[],
            files: &[],
            tally: &[],
            detection: None,
            facts: &[],
        })
        .unwrap();
    let other = Vocabulary::new();
    assert_eq!(
        shown(&whole, &words),
        shown(&store.load(&other).unwrap(), &other)
    );
}

#[test]
fn facts_are_kept_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.db");
    let mut store = Store::create_or_open(&path).unwrap();
    assert_eq!(store.meta("settings").unwrap(), None);
    store.set_meta("settings", "a").unwrap();
    store.set_meta("settings", "b").unwrap();
    drop(store);
    let store = Store::open_read_only(&path).unwrap();
    assert_eq!(store.meta("settings").unwrap().as_deref(), Some("b"));
    assert!(
        store
            .meta("created_by")
            .unwrap()
            .unwrap()
            .starts_with("offtrail ")
    );
}

#[test]
fn the_documented_queries_find_something() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.db");
    run(&path, &(0..600).collect::<Vec<_>>());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch("UPDATE principals SET name = 'ci-deploy'; UPDATE calls SET operation = 'ListAccessKeys' WHERE id = 1;
            UPDATE profile_calls SET first_seen = last_seen WHERE principal_id = 1;
            INSERT INTO rulings VALUES (1, -1, 1, 0, 3, 2, 'ana', 'audit', 20000, NULL);
            UPDATE principals SET last_seen = last_seen - 61 * 86400 WHERE id = 1")
        .unwrap();
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats/store.md");
    let document = std::fs::read_to_string(document).unwrap();
    let queries: Vec<_> = document
        .split("```sql")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(queries.len() >= 6);
    for query in queries {
        assert!(
            connection.prepare(query).unwrap().exists([]).unwrap(),
            "nothing found: {query}"
        );
    }
}

/// Names the file for the child of the kill test.
const CHILD_FILE: &str = "OFFTRAIL_STORE_TEST_FILE";
/// Observations in one commit of the child.
const STEP: u32 = 200;

fn step(number: u32) -> Vec<u32> {
    (number * STEP..(number + 1) * STEP).collect()
}

#[test]
#[ignore = "the child of the kill test: commits until it is killed"]
fn child_that_commits() {
    let Some(path) = std::env::var_os(CHILD_FILE) else {
        return;
    };
    let path = Path::new(&path);
    let done = Store::create_or_open(path).unwrap().files().unwrap().len();
    for number in u32::try_from(done).unwrap().. {
        run(path, &step(number));
        println!("committed");
    }
}

#[test]
fn killed_at_any_moment_a_committed_prefix_stands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.db");
    let mut steps = 0;
    for kill in 0..10 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_commits", "--ignored", "--nocapture"])
            .env(CHILD_FILE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Killed while it is at the commit after these, or the one after that.
        let told = lines
            .map(Result::unwrap)
            .filter(|line| line.ends_with("committed"))
            .take(1 + kill % 3)
            .count();
        child.kill().unwrap();
        child.wait().unwrap();
        let store = Store::open_read_only(&path).unwrap();
        let files = u32::try_from(store.files().unwrap().len()).unwrap();
        assert!(
            files >= steps + u32::try_from(told).unwrap(),
            "what was told as committed is there"
        );
        steps = files;
        let expected: Vec<u32> = (0..steps).flat_map(step).collect();
        let (words, other) = (Vocabulary::new(), Vocabulary::new());
        assert_eq!(
            shown(&learnt(&expected, &words), &words),
            shown(&store.load(&other).unwrap(), &other)
        );
        assert_eq!(fingerprints(&store).len(), expected.len());
        assert_eq!(
            store.tally().unwrap()["observations"],
            expected.len() as u64
        );
    }
}

/// A state of detection; its bytes mean nothing to the store.
fn detection(cases: &[u8], landscape: &[u8]) -> DetectorState {
    DetectorState {
        version: 1,
        cases: cases.to_vec(),
        landscape: landscape.to_vec(),
        forgotten: 0,
    }
}

#[test]
fn learning_without_judging_keeps_open_findings_and_drops_what_was_computed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::create_or_open(folder.path().join("b.db")).unwrap();
    let words = Vocabulary::new();
    let mut learnt = Baseline::new();
    learnt.profile_mut(principal(0, &words)).observations = 1;
    let mut commit = |touched: &Baseline, detection: Option<&DetectorState>| {
        let checkpoint = Checkpoint {
            words: &words,
            whole: &learnt,
            touched,
            fingerprints: &[],
            files: &[],
            tally: &[],
            detection,
            facts: &[],
        };
        store.commit(&checkpoint).unwrap();
        store.load_detection().unwrap()
    };
    let nothing = Baseline::new();
    assert_eq!(commit(&learnt, None), None);
    let first = detection(b"open", b"common");
    assert_eq!(commit(&learnt, Some(&first)).as_ref(), Some(&first));
    assert_eq!(commit(&nothing, None), Some(first));
    assert_eq!(commit(&learnt, None), Some(detection(b"open", b"")));
    let second = detection(b"other", b"");
    assert_eq!(commit(&learnt, Some(&second)), Some(second));
}
