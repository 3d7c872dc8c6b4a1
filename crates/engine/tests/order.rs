//! Order and chunks of delivery don't matter within the waiting room, and each observation is accounted for once.
#![allow(clippy::unwrap_used)]

mod organisation;

use std::sync::{
    LazyLock,
    atomic::{AtomicUsize, Ordering},
};

use offtrail_baseline::Baseline;
use offtrail_detector::{Settings, Telling};
use offtrail_engine::{Repeats, Scope, Seen, Watch, WatchTally};
use offtrail_event::{Fingerprint, MintedKind, Observation, TargetKind, Vocabulary};
use organisation::{Act, Who, day, habits, staff};
use proptest::prelude::*;

const DAYS: u32 = 40;

/// Some weeks of habits and an odd day after them.
static HISTORY: LazyLock<(Vocabulary, Vec<Observation>)> = LazyLock::new(|| {
    let words = Vocabulary::new();
    let staff = staff();
    let mut seen = habits(&staff, DAYS + 2, &words);
    let (ci, role) = (Who::robot("ci-deploy"), Who::workload("billing-task"));
    let at = |minutes: i64| day(DAYS).plus_secs(minutes * 60);
    let network = "203.0.113.0/24";
    let odd = [
        Act::new(&ci, at(0), "sts:GetCallerIdentity").from(network),
        Act::new(&ci, at(1), "iam:ListUsers").from(network).denied(),
        Act::new(&ci, at(2), "sts:AssumeRole").from(network).gives(
            MintedKind::Session,
            "ASIAs",
            &role,
        ),
        // Of the same second: the room lets what mints out first.
        Act::new(&role, at(2), "secretsmanager:GetSecretValue")
            .signed(offtrail_event::CredentialKind::RoleSession, "ASIAs")
            .aimed(TargetKind::Secret, "prod/db"),
        Act::new(&role, at(5), "ec2:ModifySnapshotAttribute")
            .signed(offtrail_event::CredentialKind::RoleSession, "ASIAs")
            .aimed(TargetKind::ForeignAccount, "444455556666"),
        Act::new(&role, at(9), "iam:CreateUser")
            .signed(offtrail_event::CredentialKind::RoleSession, "ASIAs"),
    ];
    seen.extend(odd.iter().map(|act| act.seen(&words)));
    (words, seen)
});

fn scope() -> Scope {
    Scope {
        judge_from: Some(day(DAYS - 2)),
        ..Scope::default()
    }
}

fn watch(words: &Vocabulary) -> Watch<'_> {
    Watch::new(
        words,
        Baseline::new(),
        Repeats::default(),
        Settings::default(),
    )
    .with_scope(scope())
    .with_telling(Telling::All)
}

/// What is told when all is taken in first; everything before `judge_from` comes first, as in a backtest.
fn in_one_go(order: &[usize]) -> String {
    let (words, seen) = &*HISTORY;
    let mut watch = watch(words);
    for index in order {
        watch.take(seen[*index].clone());
    }
    let mut told = Vec::new();
    watch.finish(&mut |finding| told.push(finding));
    assert!(told.iter().any(|finding| finding.raised));
    format!("{told:?}")
}

static EXPECTED: LazyLock<String> =
    LazyLock::new(|| in_one_go(&(0..HISTORY.1.len()).collect::<Vec<_>>()));

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_tells_the_same(order in Just((0..HISTORY.1.len()).collect::<Vec<_>>()).prop_shuffle()) {
        prop_assert_eq!(&in_one_go(&order), &*EXPECTED);
    }

    #[test]
    fn any_chunks_tell_the_same(
        cuts in prop::collection::vec(0..(HISTORY.1.len()), 0..20),
        late_hours in 0..6_i64,
        shuffled in Just((0..HISTORY.1.len()).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let (words, seen) = &*HISTORY;
        // Delivered about in order of time, each up to some hours late.
        let mut order = shuffled;
        order.sort_by_key(|index| {
            let lag = seen[*index].fingerprint.0 % u64::try_from(late_hours * 3600 + 1).unwrap();
            seen[*index].time.plus_secs(i64::try_from(lag).unwrap())
        });
        let mut cuts = cuts;
        cuts.push(seen.len());
        cuts.sort_unstable();
        let mut watch = watch(words);
        let mut told = Vec::new();
        let mut from = 0;
        for cut in cuts {
            for index in &order[from..cut] {
                watch.take(seen[*index].clone());
            }
            from = cut;
            if let Some(next) = order.get(cut) {
                // Nothing earlier than this is to come.
                let lateness = late_hours * 3600;
                let complete = seen[*next].time.plus_secs(-lateness);
                watch.advance(complete, &mut |finding| told.push(finding));
            }
        }
        watch.finish(&mut |finding| told.push(finding));
        prop_assert_eq!(watch.tally().late, 0);
        prop_assert_eq!(&format!("{told:?}"), &*EXPECTED);
    }

    #[test]
    fn each_observation_is_accounted_for_once(
        picks in prop::collection::vec((0..30_usize, 0..50_u32), 1..120),
        since in 0..20_u32,
        until in 20..50_u32,
        judged_from in 0..50_u32,
        remembered in 1..40_usize,
    ) {
        let words = Vocabulary::new();
        let ci = Who::robot("ci-deploy");
        let scope = Scope {
            since: Some(day(since)),
            until: Some(day(until)),
            judge_from: Some(day(judged_from)),
        };
        let repeats = Repeats::with_limit(remembered);
        let mut watch = Watch::new(&words, Baseline::new(), repeats, Settings::default())
            .with_scope(scope);
        let mut in_scope = 0;
        for (minute, on) in &picks {
            let time = day(*on).plus_secs(i64::try_from(*minute).unwrap() * 60);
            in_scope += u64::from(scope.holds(time));
            watch.take(Act::new(&ci, time, "s3:PutObject").seen(&words));
        }
        watch.finish(&mut |_| ());
        let tally = watch.tally();
        let WatchTally { observations, judged, only_learnt, repeated, forgotten, out_of_scope, .. } = tally;
        prop_assert_eq!(observations, picks.len() as u64);
        prop_assert_eq!(observations, judged + only_learnt + repeated + forgotten + out_of_scope);
        prop_assert_eq!(out_of_scope, picks.len() as u64 - in_scope);
        prop_assert_eq!(watch.baseline().observations, judged + only_learnt);
    }
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "what is tested is that threads may share it"
)]
fn an_event_is_first_in_one_thread_only() {
    const EVENTS: u64 = 5_000;
    let repeats = Repeats::default();
    let firsts = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for event in 0..EVENTS {
                    let fingerprint = Fingerprint::of(&event.to_le_bytes());
                    if repeats.see(day(0), fingerprint) == Seen::First {
                        firsts.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(firsts.into_inner() as u64, EVENTS);
    assert_eq!(repeats.len() as u64, EVENTS);
    assert_eq!(repeats.take_fresh().len() as u64, EVENTS);
}
