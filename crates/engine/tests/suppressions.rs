//! Reviewed suppressions hide what they cover and nothing else: correlation, holding and later news go on.
#![allow(clippy::unwrap_used)]

mod organisation;

use offtrail_baseline::{
    Answer, Baseline, PrincipalRulings, Review, RuledLine, Ruling, Standing, Suppressions,
    review::read_suppressions,
};
use offtrail_detector::{DetectorState, Finding, Settings, Severity, Telling, Threshold};
use offtrail_engine::{Raising, Repeats, Scope, Watch};
use offtrail_event::{OutcomeClass, Vocabulary};
use organisation::{Act, Who, day, habits, staff};

const DAYS: u32 = 120;
const OFFICE: &str = "198.51.100.0/24";
const INTRUDER: &str = "203.0.113.0/24";

fn learnt(words: &Vocabulary) -> Baseline {
    let empty = (Baseline::new(), Repeats::default());
    let mut watch = Watch::new(words, empty.0, empty.1, Settings::default()).with_scope(Scope {
        judge_from: Some(day(10_000)),
        ..Scope::default()
    });
    for observation in habits(&staff(), DAYS, words) {
        watch.take(observation);
    }
    watch.into_baseline()
}

/// One suppression of these patterns, in force from day 90 to day 150.
fn hiding(patterns: &str) -> Suppressions {
    let said = format!(
        "id = \"audit\"\nreason = \"keys are audited\"\nauthor = \"ana\"\non = {}\nuntil = {}",
        day(90).day(),
        day(150).day()
    );
    let text = format!("[[suppression]]\n{said}\n{patterns}\n");
    read_suppressions(text.as_bytes()).unwrap()
}

const LISTING: &str = "principal = \"ci-*\"\ncall = \"iam:List*\"";

fn at<'a>(who: &'a Who, days: u32, secs: i64, call: &'a str) -> Act<'a> {
    Act::new(who, day(DAYS + days).plus_secs(3 * 3600 + secs), call)
}

/// What judging leaves behind.
struct Run {
    told: Vec<Finding>,
    state: DetectorState,
    baseline: Baseline,
}

impl Run {
    fn last(&self) -> &Finding {
        self.told.last().unwrap()
    }

    fn is_hidden(&self) -> bool {
        let last = self.last();
        assert_eq!(last.raised, last.suppressed_by.is_none(), "{last:#?}");
        !last.raised
    }
}

fn judged_from(
    words: &Vocabulary,
    (baseline, state): (Baseline, Option<&DetectorState>),
    suppressions: Suppressions,
    acts: &[Act<'_>],
) -> Run {
    let bits = Threshold {
        bits: 8.0,
        calibrated: false,
    };
    let mut watch = Watch::new(words, baseline, Repeats::default(), Settings::default())
        .with_telling(Telling::Raised)
        .with_raising(Raising::At(bits))
        .with_suppressions(suppressions);
    if let Some(state) = state {
        watch = watch.resume(state).unwrap();
    }
    let mut told = Vec::new();
    for act in acts {
        watch.take(act.seen(words));
        watch.advance(act.time.plus_secs(1), &mut |finding| told.push(finding));
    }
    watch.finish(&mut |finding| told.push(finding));
    Run {
        told,
        state: watch.state().unwrap(),
        baseline: watch.into_baseline(),
    }
}

fn judged(words: &Vocabulary, patterns: &str, acts: &[Act<'_>]) -> Run {
    judged_from(words, (learnt(words), None), hiding(patterns), acts)
}

fn line(call: &str, words: &Vocabulary) -> RuledLine {
    let (service, operation) = call.split_once(':').unwrap();
    let id = words.call_id(&format!("{service}.amazonaws.com"), operation);
    RuledLine::Call(id, OutcomeClass::Succeeded)
}

#[test]
fn what_is_covered_is_hidden_and_held() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let run = judged(&words, LISTING, &[at(&ci, 1, 0, "iam:ListAccessKeys")]);
    assert!(run.told.len() == 1 && run.is_hidden(), "{:#?}", run.told);
    let by = run.last().suppressed_by.as_ref().unwrap();
    assert_eq!((&*by.id, &*by.author), ("audit", "ana"));
    assert_eq!(by.until, day(150).day());
    assert!(run.last().score >= run.last().threshold);
    let RuledLine::Call(call, outcome) = line("iam:ListAccessKeys", &words) else {
        unreachable!()
    };
    let row = run.baseline.profile(ci.id(&words)).unwrap();
    let row = row.call(call, outcome).unwrap();
    assert_eq!(row.standing(), Standing::Pending);
}

#[test]
fn each_pattern_hides_what_it_fits() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let check = |patterns: &str, expected: bool| {
        let act = at(&ci, 1, 0, "iam:ListAccessKeys").from(OFFICE);
        let run = judged(&words, patterns, &[act]);
        assert_eq!(run.is_hidden(), expected, "{patterns}");
    };
    check("principal = \"ci-deploy\"", true);
    check("principal = \"arn:aws:iam::111122223333:user/ci-*\"", true);
    check("principal = \"AIDAci-deploy\"", true);
    check("principal = \"111122223333/AIDA*\"", true);
    check("principal = \"ci\"", false);
    check("call = \"iam:ListUsers\"", false);
    check("call = \"iam\"\nnetwork = \"198.51.100.0/24\"", true);
    check("network = \"198.51.100.0/24 Example\"", true);
    check("network = \"203.0.113.0/24\"", false);
    check(
        "principal = \"ci-*\"\ntype = \"Discovery:*!PermanentKey\"",
        true,
    );
    check("principal = \"ci-*\"\ntype = \"Persistence:*\"", false);
}

#[test]
fn later_news_outside_of_it_raises_with_everything() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let acts = [
        at(&ci, 1, 0, "iam:ListAccessKeys"),
        at(&ci, 1, 60, "iam:CreateAccessKey"),
    ];
    let run = judged(&words, LISTING, &acts);
    assert!(run.told.len() >= 2 && run.told[0].suppressed_by.is_some());
    assert!(!run.is_hidden());
    let last = run.last();
    assert_eq!(last.id, run.told[0].id);
    assert_eq!(last.evidence.len(), 2);
    assert!(last.score > run.told[0].score);
    // Once it is raised, what is covered joins it as anything else.
    let more = [
        acts[0].clone(),
        acts[1].clone(),
        at(&ci, 1, 120, "iam:ListUsers"),
    ];
    let run = judged(&words, LISTING, &more);
    assert!(!run.is_hidden() && run.last().evidence.len() == 3);
}

#[test]
fn the_same_call_from_elsewhere_is_not_what_was_covered() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let patterns = "call = \"iam\"\nnetwork = \"198.51.100.0/24\"";
    let office = at(&ci, 1, 0, "iam:ListAccessKeys").from(OFFICE);
    let again = at(&ci, 1, 60, "iam:ListAccessKeys").from(OFFICE);
    let run = judged(&words, patterns, &[office.clone(), again]);
    assert!(run.is_hidden(), "{:#?}", run.told);
    let elsewhere = at(&ci, 1, 60, "iam:ListAccessKeys").from(INTRUDER);
    let run = judged(&words, patterns, &[office, elsewhere]);
    assert!(!run.is_hidden() && run.last().evidence.len() == 2);
}

#[test]
fn expired_it_hides_nothing() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let check = |days, expected| {
        let run = judged(&words, LISTING, &[at(&ci, days, 0, "iam:ListAccessKeys")]);
        assert_eq!(run.is_hidden(), expected, "{days}");
    };
    check(29, true);
    check(30, false);
}

#[test]
fn what_somebody_refused_is_never_hidden() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let mut baseline = learnt(&words);
    let mut rulings = PrincipalRulings::default();
    let review = Review {
        on: day(DAYS).day(),
        until: None,
        by: "ben".into(),
        reason: "never".into(),
    };
    let answer = Answer::Refused(Severity::High);
    let call = line("iam:ListAccessKeys", &words);
    rulings.rule(call, Ruling { answer, review });
    let _ = baseline.review(ci.id(&words), rulings);
    // Hidden until the refused call is made; then raised with what was hidden.
    let acts = [
        at(&ci, 1, 0, "iam:ListUsers"),
        at(&ci, 1, 60, "iam:ListAccessKeys"),
    ];
    let run = judged_from(&words, (baseline, None), hiding(LISTING), &acts);
    assert!(!run.is_hidden() && run.last().evidence.len() == 2);
    assert_eq!(run.last().severity, Severity::High);
}

#[test]
fn the_next_run_goes_on_where_this_one_ended() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let first = || judged(&words, LISTING, &[at(&ci, 1, 0, "iam:ListAccessKeys")]);
    let next = |suppressions, call| {
        let first = first();
        assert!(first.is_hidden());
        let from = (first.baseline, Some(&first.state));
        let run = judged_from(&words, from, suppressions, &[at(&ci, 1, 600, call)]);
        assert_eq!(run.last().id, first.told[0].id);
        run
    };
    assert!(next(hiding(LISTING), "iam:ListAccessKeys").is_hidden());
    assert!(next(hiding(LISTING), "iam:ListUsers").is_hidden());
    assert!(!next(hiding(LISTING), "iam:CreateAccessKey").is_hidden());
    // Taken away, or of other patterns: what is seen again is raised with everything.
    assert!(!next(Suppressions::default(), "iam:ListAccessKeys").is_hidden());
    assert!(!next(hiding("principal = \"x*\""), "iam:ListAccessKeys").is_hidden());
}
