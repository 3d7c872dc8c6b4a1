//! What a raised finding rests on is held back until it is old enough; services, and principals made again under an old ARN.
#![allow(clippy::unwrap_used)]

mod organisation;

use offtrail_baseline::{Baseline, Dimension, Standing};
use offtrail_detector::{Finding, LearningPolicy, Settings, Telling};
use offtrail_engine::{Repeats, Scope, Watch};
use offtrail_event::{CredentialKind, OutcomeClass, Vocabulary};
use organisation::{Act, Who, day, habits, staff};

const DAYS: u32 = 60;
const INTRUDER: &str = "203.0.113.0/24";

fn watch(words: &Vocabulary, policy: LearningPolicy) -> Watch<'_> {
    let settings = Settings::default();
    let mut watch = Watch::new(words, Baseline::new(), Repeats::default(), settings)
        .with_scope(Scope {
            judge_from: Some(day(DAYS)),
            ..Scope::default()
        })
        .with_policy(policy)
        .with_telling(Telling::All);
    for observation in habits(&staff(), DAYS, words) {
        watch.take(observation);
    }
    watch
}

/// Takes what the acts show, judges it, returns what was told.
fn tell(watch: &mut Watch<'_>, acts: &[Act<'_>], words: &Vocabulary) -> Vec<Finding> {
    let mut told = Vec::new();
    for act in acts {
        watch.take(act.seen(words));
    }
    let end = acts.iter().map(|act| act.time).max().unwrap().plus_secs(1);
    watch.advance(end, &mut |finding| told.push(finding));
    told
}

fn create_user<'a>(who: &'a Who, days: u32) -> Act<'a> {
    Act::new(who, day(DAYS + days).plus_secs(3600), "iam:CreateUser").from(INTRUDER)
}

/// The standing of the call and of the intruder's network in the profile.
fn standings(
    watch: &Watch<'_>,
    who: &Who,
    words: &Vocabulary,
) -> (Option<Standing>, Option<Standing>) {
    let profile = watch.baseline().profile(who.id(words)).unwrap();
    let call = words.call_id("iam.amazonaws.com", "CreateUser");
    let network = words.text_id(INTRUDER).0;
    let row = profile.call(call, OutcomeClass::Succeeded);
    let facet = profile.facet(Dimension::Network, network);
    (row.map(|row| row.standing()), facet.map(|row| row.standing))
}

const HELD: (Option<Standing>, Option<Standing>) =
    (Some(Standing::Pending), Some(Standing::Pending));
const KNOWN: (Option<Standing>, Option<Standing>) =
    (Some(Standing::Learnt), Some(Standing::Learnt));

#[test]
fn a_repeat_of_what_is_held_joins_its_finding() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let mut watch = watch(&words, LearningPolicy::HoldFlagged);
    let first = tell(&mut watch, &[create_user(&ci, 0)], &words);
    assert!(first.len() == 1 && first[0].raised);
    assert_eq!(standings(&watch, &ci, &words), HELD);
    // The repeat adds no bits, so nothing new is told until the case closes with its last state.
    assert_eq!(tell(&mut watch, &[create_user(&ci, 1)], &words), []);
    let mut last = Vec::new();
    watch.finish(&mut |finding| last.push(finding));
    assert_eq!(last.len(), 1);
    assert_eq!((&last[0].id, last[0].evidence.len()), (&first[0].id, 2));
    assert_eq!(last[0].evidence[1].why, ["again, within this finding"]);
}

#[test]
fn what_is_held_makes_nothing_popular() {
    let words = Vocabulary::new();
    let (ci, other) = (Who::robot("ci-deploy"), Who::robot("sync-bot"));
    let seen = |policy| {
        let mut watch = watch(&words, policy);
        tell(&mut watch, &[create_user(&ci, 0)], &words);
        let told = tell(&mut watch, &[create_user(&other, 1)], &words);
        let last = told.last().unwrap();
        let call = last
            .novelties
            .iter()
            .find(|one| one.dimension == "call")
            .unwrap();
        let network = last
            .novelties
            .iter()
            .find(|one| one.dimension == "network")
            .unwrap();
        (
            call.peers.seen_by,
            call.organisation.seen_by,
            network.organisation.seen_by,
        )
    };
    assert_eq!(seen(LearningPolicy::HoldFlagged), (0, 0, 0));
    assert_eq!(seen(LearningPolicy::LearnAll), (1, 1, 1));
}

#[test]
fn what_came_before_the_raise_is_held_too() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let mut watch = watch(&words, LearningPolicy::HoldFlagged);
    let quiet = Act::new(&ci, day(DAYS).plus_secs(60), "ecs:ListClusters");
    let told = tell(&mut watch, &[quiet], &words);
    assert!(told.len() == 1 && !told[0].raised);
    let call = words.call_id("ecs.amazonaws.com", "ListClusters");
    let standing = |watch: &Watch<'_>| {
        let profile = watch.baseline().profile(ci.id(&words)).unwrap();
        profile
            .call(call, OutcomeClass::Succeeded)
            .unwrap()
            .standing()
    };
    assert_eq!(standing(&watch), Standing::Learnt);
    tell(&mut watch, &[create_user(&ci, 0)], &words);
    assert_eq!(standing(&watch), Standing::Pending);
}

#[test]
fn a_patient_intruder_is_not_learnt() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let daily = |policy| {
        let mut watch = watch(&words, policy);
        for days in 0..10 {
            tell(&mut watch, &[create_user(&ci, days)], &words);
        }
        standings(&watch, &ci, &words)
    };
    assert_eq!(daily(LearningPolicy::HoldFlagged), HELD);
    assert_eq!(daily(LearningPolicy::LearnAll), KNOWN);
    assert_eq!(daily(LearningPolicy::Frozen), (None, None));
}

#[test]
fn what_is_held_is_released_by_age() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let mut watch = watch(&words, LearningPolicy::HoldFlagged);
    tell(&mut watch, &[create_user(&ci, 0)], &words);
    tell(&mut watch, &[create_user(&ci, 13)], &words);
    assert_eq!(standings(&watch, &ci, &words), HELD);
    tell(&mut watch, &[create_user(&ci, 14)], &words);
    assert_eq!(standings(&watch, &ci, &words), KNOWN);
    // A month later it is nobody's news.
    assert_eq!(tell(&mut watch, &[create_user(&ci, 44)], &words), []);
}

#[test]
fn frozen_news_joins_the_open_finding() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let mut watch = watch(&words, LearningPolicy::Frozen);
    let first = tell(&mut watch, &[create_user(&ci, 0)], &words);
    let again = tell(&mut watch, &[create_user(&ci, 1)], &words);
    assert_eq!((first.len(), again.len()), (1, 0));
    let mut last = Vec::new();
    watch.finish(&mut |finding| last.push(finding));
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].id, first[0].id);
    assert_eq!(last[0].evidence.len(), 2);
    assert!((last[0].score - first[0].score).abs() < 1e-9);
}

#[test]
fn services_and_what_they_do_for_others_are_learnt_and_never_judged() {
    let words = Vocabulary::new();
    let (ci, linked, service) = (
        Who::robot("ci-deploy"),
        Who::service_linked(),
        Who::service(),
    );
    let at = |secs| day(DAYS).plus_secs(secs);
    let mut forwarded =
        Act::new(&ci, at(1), "kms:Decrypt").signed(CredentialKind::ForwardAccess, "ASIAforwarded");
    forwarded.by_service = true;
    let acts = [
        forwarded,
        Act::new(&linked, at(2), "iam:CreateUser"),
        Act::new(&service, at(3), "iam:CreateUser"),
    ];
    let mut watch = watch(&words, LearningPolicy::HoldFlagged);
    assert_eq!(tell(&mut watch, &acts, &words), []);
    let profile = watch.baseline().profile(ci.id(&words)).unwrap();
    let values: Vec<_> = profile
        .facets_of(Dimension::Forwarded)
        .map(|row| words.text(offtrail_event::TextId(row.value)).to_string())
        .collect();
    assert_eq!(values, ["kms:Decrypt"]);
    let decrypt = words.call_id("kms.amazonaws.com", "Decrypt");
    assert!(profile.call(decrypt, OutcomeClass::Succeeded).is_none());
    let create = words.call_id("iam.amazonaws.com", "CreateUser");
    for who in [&linked, &service] {
        let profile = watch.baseline().profile(who.id(&words)).unwrap();
        assert!(profile.call(create, OutcomeClass::Succeeded).is_some());
    }
    // The same call of the user's own is news: the forwarded one did not make it known.
    let own = Act::new(&ci, at(60), "kms:Decrypt");
    assert_eq!(tell(&mut watch, &[own], &words).len(), 1);
}

#[test]
fn a_role_made_again_under_its_arn_is_a_new_principal_and_says_so() {
    let words = Vocabulary::new();
    let old = Who::workload("orders-task");
    let new = old.made_again();
    let mut watch = watch(&words, LearningPolicy::HoldFlagged);
    let told = tell(
        &mut watch,
        &[Act::new(&new, day(DAYS).plus_secs(60), "s3:PutObject")],
        &words,
    );
    let novelty = told[0]
        .novelties
        .iter()
        .find(|novelty| novelty.dimension == "principal")
        .unwrap();
    let last = day(DAYS - 1).day();
    let expected =
        format!("orders-task (re-created under the ARN of AROAorders-task, last seen {last})");
    assert_eq!(novelty.value, expected);
    let why = &told[0].evidence[0].why;
    assert!(
        why.contains(&format!("first principal {expected}")),
        "{why:?}"
    );
    assert!(
        told[0]
            .novelties
            .iter()
            .any(|one| one.value == "s3:PutObject")
    );
    // One that takes nobody's place is only new.
    let stranger = Who::workload("nobody-task");
    let told = tell(
        &mut watch,
        &[Act::new(
            &stranger,
            day(DAYS).plus_secs(120),
            "s3:PutObject",
        )],
        &words,
    );
    assert!(
        told[0]
            .novelties
            .iter()
            .any(|one| one.value == "nobody-task")
    );
}
