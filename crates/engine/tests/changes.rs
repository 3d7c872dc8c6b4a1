//! Benign change: what several take up within days is one low finding, what an intruder adds to it is raised on its own, and what a new hire or a new key does as others do
//! is silent.
#![allow(clippy::unwrap_used)]

mod organisation;

use std::collections::BTreeMap;

use offtrail_baseline::{Baseline, Standing};
use offtrail_detector::{Finding, Settings, Severity, Telling, Threshold};
use offtrail_engine::{Raising, Repeats, Scope, Watch};
use offtrail_event::{MintedKind, Observation, OutcomeClass, Timestamp, Vocabulary};
use organisation::{Act, Who, day, habits, staff};

const DAYS: u32 = 60;
const ROLLED_OUT: &str = "bedrock:InvokeModel";

/// Above it a roll-out call in full, below it a share of it.
const THRESHOLD: f64 = 5.0;

fn at(days: u32, hour: i64) -> Timestamp {
    day(DAYS + days).plus_secs(hour * 3600)
}

fn learnt(words: &Vocabulary) -> Vec<Observation> {
    habits(&staff(), DAYS, words)
}

fn watch<'w>(words: &'w Vocabulary, baseline: Baseline, telling: Telling) -> Watch<'w> {
    watch_above(THRESHOLD, words, baseline, telling)
}

fn watch_above<'w>(
    bits: f64,
    words: &'w Vocabulary,
    baseline: Baseline,
    telling: Telling,
) -> Watch<'w> {
    Watch::new(words, baseline, Repeats::default(), Settings::default())
        .with_scope(Scope {
            judge_from: Some(day(DAYS)),
            ..Scope::default()
        })
        .with_telling(telling)
        .with_raising(Raising::At(Threshold {
            bits,
            calibrated: false,
        }))
}

/// Every state told of what the acts lead to after the habits, and what was learnt.
fn told(acts: &[Act<'_>], words: &Vocabulary) -> (Vec<Finding>, Baseline) {
    told_after(learnt(words), acts, words)
}

fn told_after(
    learnt: Vec<Observation>,
    acts: &[Act<'_>],
    words: &Vocabulary,
) -> (Vec<Finding>, Baseline) {
    told_above(THRESHOLD, learnt, acts, words)
}

fn told_above(
    bits: f64,
    learnt: Vec<Observation>,
    acts: &[Act<'_>],
    words: &Vocabulary,
) -> (Vec<Finding>, Baseline) {
    let mut watch = watch_above(bits, words, Baseline::new(), Telling::Raised);
    let mut seen = learnt;
    seen.extend(acts.iter().map(|act| act.seen(words)));
    seen.sort_by_key(|one| one.time);
    seen.into_iter().for_each(|one| watch.take(one));
    let mut told = Vec::new();
    watch.finish(&mut |finding| told.push(finding));
    (told, watch.baseline().clone())
}

/// The last state of each finding: of behaviour changes, and of others.
fn last(told: Vec<Finding>) -> (Vec<Finding>, Vec<Finding>) {
    let last: BTreeMap<String, Finding> = told
        .into_iter()
        .map(|finding| (finding.id.clone(), finding))
        .collect();
    last.into_values().partition(|one| one.change.is_some())
}

/// One call at six workloads on six days.
fn rollout(staff: &[Who]) -> Vec<Act<'_>> {
    (0..)
        .zip(&staff[7..13])
        .map(|(days, who)| Act::new(who, at(days, 15), ROLLED_OUT))
        .collect()
}

#[test]
fn a_rollout_is_a_few_findings_and_then_one_low_one() {
    let (words, staff) = (Vocabulary::new(), staff());
    let (told, baseline) = told(&rollout(&staff), &words);
    let (changes, others) = last(told);
    assert_eq!(others.len(), 3);
    let [change] = changes.as_slice() else {
        panic!("{changes:#?}")
    };
    assert_eq!(change.kind, "Behavior:AWSAccount/BehaviorChange.RollOut");
    assert_eq!((change.severity, change.raised), (Severity::Low, true));
    assert!(change.score < THRESHOLD, "{}", change.score);
    assert_eq!(
        change.title,
        "bedrock:InvokeModel is new at 6 principals since 2026-03-02"
    );
    let told = change.change.as_ref().unwrap();
    let names: Vec<&str> = told
        .principals
        .iter()
        .map(|(name, _)| &*name.name)
        .collect();
    let six: Vec<&str> = staff[7..13].iter().map(|who| &*who.name).collect();
    assert_eq!(names, six);
    assert_eq!(change.evidence.len(), 3);
    // The calls of members are held as those of any raised finding.
    let call = words.call_id("bedrock.amazonaws.com", "InvokeModel");
    for who in &staff[7..13] {
        let profile = baseline.profile(who.id(&words)).unwrap();
        let row = profile.call(call, OutcomeClass::Succeeded).unwrap();
        assert_eq!(row.standing(), Standing::Pending, "{}", who.name);
    }
}

#[test]
fn what_is_told_does_not_depend_on_the_order_in_which_names_were_met() {
    let staff = staff();
    let two = |who, days| {
        let later = at(days, 15).plus_secs(10);
        [
            Act::new(who, at(days, 15), ROLLED_OUT),
            Act::new(who, later, "bedrock:Converse"),
        ]
    };
    let acts: Vec<Act<'_>> = (0..)
        .zip(&staff[7..13])
        .flat_map(|(days, who)| two(who, days))
        .collect();
    let lines = |bits, names: [&str; 2]| {
        let words = Vocabulary::new();
        let _ids = names.map(|name| words.call_id("bedrock.amazonaws.com", name));
        let (told, _) = told_above(bits, learnt(&words), &acts, &words);
        let lines = told.iter().map(|one| format!("{:?}", one.change));
        lines.collect::<Vec<_>>()
    };
    // Some thresholds are passed by the first call of a principal, some only by both.
    for bits in 4..=16 {
        let bits = f64::from(bits);
        let [one, other] = [["InvokeModel", "Converse"], ["Converse", "InvokeModel"]];
        assert_eq!(lines(bits, one), lines(bits, other), "{bits} bits");
    }
}

/// One new call at two roles on two days, each in an account of its own; the organisation has both by habit.
fn released(one: &Who, other: &Who) -> (Vec<Finding>, Vec<Finding>) {
    let words = Vocabulary::new();
    let mut all = staff();
    all.extend([one.clone(), other.clone()]);
    let acts = [
        Act::new(one, at(0, 15), ROLLED_OUT),
        Act::new(other, at(1, 15), ROLLED_OUT),
    ];
    last(told_after(habits(&all, DAYS, &words), &acts, &words).0)
}

#[test]
fn a_release_in_several_accounts_is_one_change() {
    let here = Who::workload("checkout-task");
    let there = here.in_account("444455556666");
    let (changes, others) = released(&here, &there);
    assert_eq!(others.len(), 1, "the first is told on its own");
    let [change] = changes.as_slice() else {
        panic!("{changes:#?}")
    };
    let reach = &change.reach.accounts;
    assert_eq!(reach, &[organisation::ACCOUNT, "444455556666"]);
    assert_eq!(change.change.as_ref().unwrap().principals.len(), 2);

    let (changes, others) = released(
        &here,
        &Who::workload("invoice-task").in_account("444455556666"),
    );
    assert_eq!(
        (changes.len(), others.len()),
        (0, 2),
        "another name is another pipeline"
    );
}

#[test]
fn spread_over_months_it_is_no_wave() {
    let (words, staff) = (Vocabulary::new(), staff());
    let acts: Vec<Act<'_>> = (0..)
        .zip(&staff[7..13])
        .map(|(place, who)| Act::new(who, at(place * 4, 15), ROLLED_OUT))
        .collect();
    let (changes, others) = last(told(&acts, &words).0);
    assert_eq!((changes.len(), others.len()), (0, 6));
}

#[test]
fn who_adds_something_of_his_own_is_raised_with_everything() {
    let (words, staff) = (Vocabulary::new(), staff());
    let mut acts = rollout(&staff);
    let intruder = &staff[12];
    acts.push(Act::new(intruder, at(6, 15), "iam:ListAccessKeys"));
    let (changes, others) = last(told(&acts, &words).0);
    assert_eq!((changes.len(), others.len()), (1, 4));
    let raised = others
        .iter()
        .find(|one| *one.principal.name == *intruder.name)
        .unwrap();
    let calls: Vec<&str> = raised
        .novelties
        .iter()
        .map(|one| one.value.as_str())
        .collect();
    assert!(calls.contains(&"iam:ListAccessKeys") && calls.contains(&ROLLED_OUT));
    let whole: f64 = raised
        .novelties
        .iter()
        .map(|one| one.bits)
        .fold(0.0, f64::max);
    assert!(raised.score > whole, "the wave's call counts in full again");
    // Severe from the first: never grouped.
    let severe: Vec<Act<'_>> = (0..)
        .zip(&staff[7..13])
        .map(|(days, who)| Act::new(who, at(days, 15), "cloudtrail:StopLogging"))
        .collect();
    let (changes, others) = last(told(&severe, &words).0);
    assert_eq!((changes.len(), others.len()), (0, 6));
    // Refused ones neither.
    let denied: Vec<Act<'_>> = rollout(&staff).into_iter().map(Act::denied).collect();
    assert_eq!(last(told(&denied, &words).0).0, []);
}

#[test]
fn from_a_new_network_nothing_is_grouped() {
    let (words, staff) = (Vocabulary::new(), staff());
    let mut acts = rollout(&staff);
    let last_one = acts.pop().unwrap();
    acts.push(last_one.from("203.0.113.0/24"));
    let (changes, others) = last(told(&acts, &words).0);
    assert_eq!((changes.len(), others.len()), (1, 4));
    let members = &changes[0].change.as_ref().unwrap().principals;
    assert_eq!(members.len(), 5);
}

#[test]
fn one_lineage_is_no_wave() {
    let (words, staff) = (Vocabulary::new(), staff());
    let key = &staff[0];
    let roles = &staff[7..12];
    let mut acts = Vec::new();
    let sessions: Vec<String> = roles
        .iter()
        .map(|role| format!("ASIA-{}", role.name))
        .collect();
    for ((days, role), session) in (0..).zip(roles).zip(&sessions) {
        // From role to role: each session opens the next.
        let (by, with) = match days {
            0 => (key, key.key.as_str()),
            _ => (
                &roles[days as usize - 1],
                sessions[days as usize - 1].as_str(),
            ),
        };
        let assume = Act::new(by, at(0, 10 + i64::from(days)), "sts:AssumeRole");
        acts.push(assume.signed(by.credential_kind, with).gives(
            MintedKind::Session,
            session,
            role,
        ));
        let call = Act::new(role, at(0, 10 + i64::from(days)).plus_secs(60), ROLLED_OUT);
        acts.push(call.signed(role.credential_kind, session));
    }
    let (changes, others) = last(told(&acts, &words).0);
    assert_eq!(changes, []);
    assert_eq!(others.len(), 1, "one lineage, one finding");
    // Not even as a share: each of its roles counts for one principal with the others.
    let mut whys = others[0].evidence.iter().flat_map(|one| &one.why);
    assert!(whys.all(|why| !why.contains("took it up")), "{others:#?}");
}

#[test]
fn a_new_key_with_the_old_repertoire_is_silent() {
    let (words, staff) = (Vocabulary::new(), staff());
    let ci = &staff[0];
    let acts: Vec<Act<'_>> = (0..5)
        .map(|days| {
            Act::new(ci, at(days, 9), "s3:PutObject").signed(ci.credential_kind, "AKIAROTATED")
        })
        .collect();
    assert_eq!(told(&acts, &words).0, []);
}

#[test]
fn a_new_hire_who_does_what_others_do_is_silent() {
    let words = Vocabulary::new();
    let hire = Who {
        network: "net of ana.novak".to_owned(),
        ..Who::person("new.novak")
    };
    let calls = [
        "ec2:DescribeInstances",
        "s3:ListBuckets",
        "cloudwatch:DescribeAlarms",
    ];
    let acts: Vec<Act<'_>> = (0..)
        .zip(calls)
        .map(|(days, call)| Act::new(&hire, at(days, 9), call))
        .collect();
    assert_eq!(told(&acts, &words).0, []);
}

#[test]
fn a_new_role_of_a_known_template_is_silent() {
    let words = Vocabulary::new();
    let role = Who {
        network: "net of orders-task".to_owned(),
        ..Who::workload("returns-task")
    };
    let calls = ["s3:PutObject", "ecs:DescribeServices", "s3:GetObject"];
    let acts: Vec<Act<'_>> = (0..)
        .zip(calls)
        .map(|(days, call)| Act::new(&role, at(days, 9), call))
        .collect();
    assert_eq!(told(&acts, &words).0, []);
}

#[test]
fn going_on_from_a_state_in_the_middle_of_a_rollout_tells_the_same() {
    let (words, staff) = (Vocabulary::new(), staff());
    let acts = rollout(&staff);
    let (whole, _) = told(&acts, &words);
    for cut in 1..acts.len() {
        let mut first = watch(&words, Baseline::new(), Telling::Raised);
        let seen = learnt(&words).into_iter();
        seen.chain(acts[..cut].iter().map(|act| act.seen(&words)))
            .for_each(|one| first.take(one));
        let mut told = Vec::new();
        first.advance(acts[cut].time, &mut |finding| told.push(finding));
        let state = first.state().unwrap();
        let mut then = watch(&words, first.into_baseline(), Telling::Raised)
            .resume(&state)
            .unwrap();
        acts[cut..]
            .iter()
            .for_each(|act| then.take(act.seen(&words)));
        then.finish(&mut |finding| told.push(finding));
        assert_eq!(told, whole, "cut after {cut}");
    }
}
