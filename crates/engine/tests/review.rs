//! What people ruled is obeyed: approved stops, refused raises at once, expired is news again, each with reviewer and reason.
#![allow(clippy::unwrap_used)]

mod organisation;

use offtrail_baseline::{
    Answer, Baseline, Dimension, Expectation, PrincipalRulings, Purpose, Review, RuledLine, Ruling,
    Season, Standing,
};
use offtrail_detector::{Finding, LearningPolicy, Settings, Severity, Telling, Threshold};
use offtrail_engine::{Raising, Repeats, Scope, Watch};
use offtrail_event::{CredentialKind, Day, MintedKind, OutcomeClass, TargetKind, Vocabulary};
use organisation::{Act, Who, day, habits, only, staff};

const DAYS: u32 = 120;
const INTRUDER: &str = "203.0.113.0/24";

/// A baseline of `DAYS` days with what `acts` showed besides.
fn learnt(words: &Vocabulary, acts: &[Act<'_>]) -> Baseline {
    let mut watch = Watch::new(
        words,
        Baseline::new(),
        Repeats::default(),
        Settings::default(),
    )
    .with_scope(Scope {
        judge_from: Some(day(10_000)),
        ..Scope::default()
    });
    for observation in habits(&staff(), DAYS, words) {
        watch.take(observation);
    }
    for act in acts {
        watch.take(act.seen(words));
    }
    watch.into_baseline()
}

fn review(until: Option<Day>) -> Review {
    Review {
        on: day(DAYS).day(),
        until,
        by: "ana".into(),
        reason: "audit of keys".into(),
    }
}

fn call_line(call: &str, words: &Vocabulary) -> RuledLine {
    let (service, operation) = call.split_once(':').unwrap();
    let id = words.call_id(&format!("{service}.amazonaws.com"), operation);
    RuledLine::Call(id, OutcomeClass::Succeeded)
}

fn ruled(line: RuledLine, answer: Answer, until: Option<Day>) -> PrincipalRulings {
    let mut rulings = PrincipalRulings::default();
    let review = review(until);
    rulings.rule(line, Ruling { answer, review });
    rulings
}

/// Judges acts against a baseline; the states told, and the baseline then.
fn judged(
    words: &Vocabulary,
    baseline: Baseline,
    acts: &[Act<'_>],
    threshold: Option<f64>,
) -> (Vec<Finding>, Baseline) {
    let mut watch = Watch::new(words, baseline, Repeats::default(), Settings::default())
        .with_telling(Telling::Raised);
    if let Some(bits) = threshold {
        let calibrated = false;
        watch = watch.with_raising(Raising::At(Threshold { bits, calibrated }));
    }
    let mut told = Vec::new();
    for act in acts {
        watch.take(act.seen(words));
        watch.advance(act.time.plus_secs(1), &mut |finding| told.push(finding));
    }
    watch.finish(&mut |finding| told.push(finding));
    (told, watch.into_baseline())
}

fn keys(ci: &Who, days: u32) -> Act<'_> {
    Act::new(
        ci,
        day(DAYS + days).plus_secs(3 * 3600),
        "iam:ListAccessKeys",
    )
}

#[test]
fn an_approved_call_stops_raising_until_it_expires() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let acts = [keys(&ci, 1)];
    let (told, mut held) = judged(&words, learnt(&words, &[]), &acts, None);
    assert!(only(told).raised);
    let line = call_line("iam:ListAccessKeys", &words);
    let RuledLine::Call(call, outcome) = line else {
        unreachable!()
    };
    let standing = |baseline: &Baseline| {
        let row = baseline.profile(ci.id(&words)).unwrap().call(call, outcome);
        row.unwrap().standing()
    };
    assert_eq!(standing(&held), Standing::Pending);
    let until = day(DAYS + 30).day();
    let _ = held.review(ci.id(&words), ruled(line, Answer::Approved, Some(until)));
    assert_eq!(standing(&held), Standing::Approved);

    let (told, then) = judged(&words, held.clone(), &[keys(&ci, 2), keys(&ci, 29)], None);
    assert_eq!(told, []);
    assert_eq!(standing(&then), Standing::Approved);
    let finding = only(judged(&words, held, &[keys(&ci, 30)], None).0);
    let said = format!(
        "iam:ListAccessKeys was approved by ana on {} until {until}, expired: audit of keys.",
        day(DAYS).day()
    );
    assert!(
        finding.raised && finding.summary.contains(&said),
        "{finding:#?}"
    );
    assert!(finding.evidence[0].why.contains(&said));
    assert_eq!(
        finding.kind,
        "Discovery:IAMUser/AnomalousBehavior.FirstSeenCall!PermanentKey"
    );
}

#[test]
fn an_approved_call_joins_no_open_finding_any_more() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let watch = |baseline| Watch::new(&words, baseline, Repeats::default(), Settings::default());
    let mut first = watch(learnt(&words, &[]));
    let mut told = Vec::new();
    first.take(keys(&ci, 1).seen(&words));
    first.finish(&mut |finding| told.push(finding));
    assert_eq!(told.len(), 1);
    let state = first.state().unwrap();
    let mut baseline = first.into_baseline();
    let line = call_line("iam:ListAccessKeys", &words);
    let _ = baseline.review(ci.id(&words), ruled(line, Answer::Approved, None));
    let mut second = watch(baseline).resume(&state).unwrap();
    let again = keys(&ci, 1).time.plus_secs(60);
    second.take(
        Act {
            time: again,
            ..keys(&ci, 1)
        }
        .seen(&words),
    );
    second.finish(&mut |finding| told.push(finding));
    assert_eq!(told.len(), 1, "{told:#?}");
}

#[test]
fn a_refused_call_raises_at_once_at_its_severity() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    // A call it makes every day.
    let line = call_line("s3:PutObject", &words);
    let upload = |days: u32, secs: i64| {
        let time = day(DAYS + days).plus_secs(3600 + secs);
        Act::new(&ci, time, "s3:PutObject")
    };
    for (severity, threshold) in [
        (Severity::Low, None),
        (Severity::Medium, Some(200.0)),
        (Severity::High, None),
        (Severity::Critical, Some(1.0)),
    ] {
        let mut baseline = learnt(&words, &[]);
        let answer = Answer::Refused(severity);
        let _ = baseline.review(ci.id(&words), ruled(line, answer, None));
        let acts = [upload(1, 0), upload(1, 60), upload(9, 0)];
        let (told, then) = judged(&words, baseline, &acts, threshold);
        // At once, once more at the end of the window with what came again; then a finding of its own.
        assert_eq!(told.len(), 3, "{told:#?}");
        assert_eq!((told[0].evidence.len(), told[1].evidence.len()), (1, 2));
        assert!(told[0].id == told[1].id && told[1].id != told[2].id);
        for finding in &told {
            assert!(finding.raised);
            assert_eq!(finding.severity, severity);
            assert!(finding.score >= finding.threshold);
        }
        let finding = &told[1];
        let said = format!(
            "s3:PutObject is refused, said ana on {}: audit of keys.",
            day(DAYS).day()
        );
        assert!(finding.summary.contains(&said), "{}", finding.summary);
        assert!(finding.evidence.iter().all(|one| one.why.contains(&said)));
        assert_eq!(finding.novelties[0].dimension, "refused");
        assert!(
            finding
                .kind
                .ends_with("AnomalousBehavior.RefusedCall!PermanentKey")
        );
        assert_eq!(
            finding.title,
            "Refused s3:PutObject by IAM user ci-deploy with a permanent key"
        );
        let RuledLine::Call(call, outcome) = line else {
            unreachable!()
        };
        let row = then
            .profile(ci.id(&words))
            .unwrap()
            .call(call, outcome)
            .unwrap();
        assert_eq!(row.standing(), Standing::Refused);
    }
}

#[test]
fn a_refusal_covers_attempts_and_ends_when_it_expires() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let line = call_line("iam:ListAccessKeys", &words);
    let mut baseline = learnt(&words, &[keys(&ci, 0)]);
    let until = Some(day(DAYS + 30).day());
    let _ = baseline.review(
        ci.id(&words),
        ruled(line, Answer::Refused(Severity::Low), until),
    );
    let denied = [keys(&ci, 1).denied()];
    let finding = only(judged(&words, baseline.clone(), &denied, None).0);
    assert!(finding.kind.contains("RefusedCall"), "{}", finding.kind);
    assert!(
        finding.summary.contains("(until 2026-05-31)"),
        "{}",
        finding.summary
    );
    let finding = only(judged(&words, baseline, &[keys(&ci, 30)], None).0);
    assert!(finding.kind.contains("FirstSeenCall"), "{}", finding.kind);
    let said = "was refused by ana on 2026-05-01 until 2026-05-31, expired";
    assert!(finding.summary.contains(said), "{}", finding.summary);
}

#[test]
fn refused_values_raise_whatever_was_called() {
    let words = Vocabulary::new();
    let (ci, role) = (Who::robot("ci-deploy"), Who::workload("billing-task"));
    let check = |act: Act<'_>, line: RuledLine, title: &str| {
        let mut baseline = learnt(
            &words,
            &[Act {
                time: day(DAYS),
                ..act.clone()
            }],
        );
        let answer = Answer::Refused(Severity::Critical);
        let _ = baseline.review(ci.id(&words), ruled(line, answer, None));
        let finding = only(judged(&words, baseline, &[act], Some(500.0)).0);
        assert_eq!(finding.title, title);
        assert_eq!(finding.severity, Severity::Critical);
        assert!(finding.kind.contains("RefusedContext"), "{}", finding.kind);
    };
    let at = day(DAYS + 1).plus_secs(60);
    let upload = Act::new(&ci, at, "s3:PutObject");
    let text = |dimension, text: &str| RuledLine::Value(dimension, words.text_id(text).0);
    let by = "by IAM user ci-deploy with a permanent key";
    check(
        upload.clone().from(INTRUDER),
        text(Dimension::Network, INTRUDER),
        &format!("Refused network {INTRUDER} {by}"),
    );
    check(
        upload.clone(),
        text(Dimension::Credential, "permanent_key"),
        &format!("Refused credential permanent_key {by}"),
    );
    check(
        upload.aimed(TargetKind::Bucket, "payroll"),
        text(Dimension::Target, "bucket:payroll"),
        &format!("Refused target bucket:payroll {by}"),
    );
    let taken =
        Act::new(&ci, at, "sts:AssumeRole").gives(MintedKind::Session, "ASIAsession", &role);
    let line = RuledLine::Value(Dimension::Takes, role.id(&words).0);
    check(taken, line, &format!("Refused role billing-task {by}"));
}

#[test]
fn calls_outside_of_a_purpose_raise_like_refused_ones() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let purpose = |until| Purpose {
        review: review(until),
        text: "CI deploy".into(),
        only: vec![
            "s3".parse().unwrap(),
            "ecs:*".parse().unwrap(),
            "sts".parse().unwrap(),
        ],
        severity: Severity::Critical,
    };
    let mut rulings = PrincipalRulings {
        purpose: Some(purpose(None)),
        ..PrincipalRulings::default()
    };
    let mut baseline = learnt(&words, &[keys(&ci, 0)]);
    let _ = baseline.review(ci.id(&words), rulings.clone());
    let acts = [Act::new(&ci, day(DAYS + 1), "s3:PutObject"), keys(&ci, 1)];
    let finding = only(judged(&words, baseline.clone(), &acts, Some(500.0)).0);
    assert_eq!(
        finding.title,
        "iam:ListAccessKeys outside of its purpose by IAM user ci-deploy with a permanent key"
    );
    assert_eq!(finding.severity, Severity::Critical);
    let said = "iam:ListAccessKeys is outside of its purpose (CI deploy: only s3, ecs:*, sts), said ana on 2026-05-01: audit of keys.";
    assert!(finding.summary.contains(said), "{}", finding.summary);
    assert!(finding.kind.contains("OutsidePurpose"));

    // What was approved by itself may lie outside; a purpose that is over confines nothing.
    let line = call_line("iam:ListAccessKeys", &words);
    let answer = Answer::Approved;
    rulings.rule(
        line,
        Ruling {
            answer,
            review: review(None),
        },
    );
    let _ = baseline.review(ci.id(&words), rulings);
    assert_eq!(judged(&words, baseline.clone(), &acts, None).0, []);
    let over = PrincipalRulings {
        purpose: Some(purpose(Some(day(DAYS + 1).day()))),
        ..PrincipalRulings::default()
    };
    let _ = baseline.review(ci.id(&words), over);
    assert_eq!(judged(&words, baseline, &acts, None).0, []);
}

#[test]
fn what_is_expected_is_no_news_then_and_is_at_any_other_time() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let mut rulings = PrincipalRulings::default();
    rulings.expect(Expectation {
        calls: vec!["iam:List*".parse().unwrap()],
        // Day 120 is 2026-05-01.
        season: Season::new([5], 1..=3),
        review: review(None),
    });
    let mut baseline = learnt(&words, &[]);
    let _ = baseline.review(ci.id(&words), rulings);
    let (told, then) = judged(&words, baseline, &[keys(&ci, 0), keys(&ci, 2)], None);
    assert_eq!(told, []);
    let finding = only(judged(&words, then, &[keys(&ci, 3)], None).0);
    let said = "iam:ListAccessKeys is expected only in months 5 and on days of the month 1, 2, 3, said ana on 2026-05-01: audit of keys.";
    assert!(finding.summary.contains(said), "{}", finding.summary);
}

#[test]
fn a_resumed_watch_obeys_and_tells_the_same() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let line = call_line("s3:PutObject", &words);
    let mut baseline = learnt(&words, &[]);
    let answer = Answer::Refused(Severity::Medium);
    let _ = baseline.review(ci.id(&words), ruled(line, answer, None));
    let upload = |secs: i64| Act::new(&ci, day(DAYS + 1).plus_secs(secs), "s3:PutObject");
    let watch = |baseline| {
        Watch::new(&words, baseline, Repeats::default(), Settings::default())
            .with_policy(LearningPolicy::LearnAll)
    };
    let mut first = watch(baseline);
    let mut told = Vec::new();
    first.take(upload(0).seen(&words));
    first.finish(&mut |finding| told.push(finding));
    let state = first.state().unwrap();
    let mut second = watch(first.into_baseline()).resume(&state).unwrap();
    second.take(
        upload(60)
            .signed(CredentialKind::PermanentKey, "AKIAother")
            .seen(&words),
    );
    second.finish(&mut |finding| told.push(finding));
    assert_eq!(told.len(), 2, "{told:#?}");
    assert_eq!(told[0].id, told[1].id);
    assert_eq!(
        (told[1].evidence.len(), told[1].severity),
        (2, Severity::Medium)
    );
}
