//! Stories that only the target of a call tells: the calls are ordinary for who makes them.
#![allow(clippy::unwrap_used)]

mod organisation;

use std::collections::BTreeMap;

use offtrail_baseline::{Baseline, Dimension, Standing};
use offtrail_detector::{Finding, Settings, Severity, Telling};
use offtrail_engine::{Repeats, Scope, Watch};
use offtrail_event::{Observation, PrincipalKind, TargetKind, Timestamp, Vocabulary};
use organisation::{Act, Who, day, habits, staff};

const DAYS: u32 = 120;
const SHARE: &str = "ec2:ModifySnapshotAttribute";
const TRUST: &str = "iam:UpdateAssumeRolePolicy";
const POLICY: &str = "s3:PutBucketPolicy";
const SECRET: &str = "secretsmanager:GetSecretValue";

/// Beside the habits of the staff: a DBA that shares snapshots with the organisation's backup account, an administrator that
/// keeps trust policies, a publisher that keeps bucket policies, and a robot that reads its one secret, every third day.
fn with_habits(who: &[Who; 4]) -> Vec<Act<'_>> {
    let [dba, admin, publisher, ci] = who;
    (0..DAYS)
        .step_by(3)
        .flat_map(|today| {
            let at = |minute: i64| day(today).plus_secs(14 * 3600 + minute * 60);
            [
                Act::new(dba, at(0), SHARE).aimed(TargetKind::ForeignAccount, "999900001111"),
                Act::new(admin, at(1), TRUST),
                Act::new(publisher, at(2), POLICY).aimed(TargetKind::Bucket, "media"),
                Act::new(ci, at(3), SECRET).aimed(TargetKind::Secret, "ci/token"),
            ]
        })
        .collect()
}

fn people() -> [Who; 4] {
    [
        Who::robot("nightly-backup"),
        Who::person("ana.novak"),
        Who::robot("upload-bot"),
        Who::robot("ci-deploy"),
    ]
}

fn start() -> Timestamp {
    day(DAYS).plus_secs(10 * 3600)
}

/// Learns the habits, judges `then`; the last state of each finding and what was learnt.
fn judged(words: &Vocabulary, then: &[Act<'_>], telling: Telling) -> (Vec<Finding>, Baseline) {
    judged_from(words, then, (DAYS, telling))
}

fn judged_from(
    words: &Vocabulary,
    then: &[Act<'_>],
    (from, telling): (u32, Telling),
) -> (Vec<Finding>, Baseline) {
    let who = people();
    let mut seen: Vec<Observation> = habits(&staff(), DAYS, words);
    seen.extend(with_habits(&who).iter().map(|act| act.seen(words)));
    seen.sort_by_key(|one| one.time);
    seen.extend(then.iter().map(|act| act.seen(words)));
    let mut watch = Watch::new(
        words,
        Baseline::new(),
        Repeats::default(),
        Settings::default(),
    )
    .with_scope(Scope {
        judge_from: Some(day(from)),
        ..Scope::default()
    })
    .with_telling(telling);
    for observation in seen {
        watch.take(observation);
    }
    let mut last = BTreeMap::new();
    watch.finish(&mut |finding| {
        last.insert(finding.id.clone(), finding);
    });
    (last.into_values().collect(), watch.baseline().clone())
}

/// What one act leads to, with `all` told; its only target's bits and arithmetic.
fn target_of(then: &[Act<'_>]) -> (Finding, f64, String) {
    let words = Vocabulary::new();
    let (mut told, _) = judged(&words, then, Telling::All);
    assert_eq!(told.len(), 1, "{told:#?}");
    let finding = told.remove(0);
    let novelty = finding
        .novelties
        .iter()
        .find(|novelty| novelty.dimension == "target")
        .unwrap();
    let (bits, arithmetic) = (novelty.bits, novelty.arithmetic.clone());
    (finding, bits, arithmetic)
}

#[test]
fn a_dba_shares_a_snapshot_with_a_foreign_account() {
    let [dba, ..] = people();
    let act = Act::new(&dba, start(), SHARE).aimed(TargetKind::ForeignAccount, "444455556666");
    let (finding, bits, arithmetic) = target_of(&[act]);
    // One pair met (the backup account) in 120.1 days: 1.5 × log2(130.1 / 1.5).
    assert!(
        (bits - 1.5 * (130.4_f64 / 1.5).log2()).abs() < 0.02,
        "{bits}"
    );
    assert_eq!(
        arithmetic,
        "1.5 × 6.44 rate of such targets (1 met in 120 days)"
    );
    assert_eq!(finding.novelties.len(), 1);
    assert_eq!(
        finding.title,
        "ec2:ModifySnapshotAttribute aimed at foreign account 444455556666 for the first time by IAM user nightly-backup with a permanent key"
    );
    assert!(
        finding.kind.contains("FirstSeenTarget!PermanentKey"),
        "{}",
        finding.kind
    );
    assert!(
        finding.summary.contains("foreign account 444455556666"),
        "{}",
        finding.summary
    );
    assert!((finding.score - bits).abs() < 1e-9);
}

#[test]
fn an_account_the_organisation_knows_weighs_less() {
    let [_, admin, ..] = people();
    let act = Act::new(&admin, start(), TRUST).aimed(TargetKind::ForeignAccount, "999900001111");
    let (_, bits, arithmetic) = target_of(&[act]);
    assert!(arithmetic.ends_with("× 0.4 known account"), "{arithmetic}");
    assert!(bits < 4.5, "{bits}");
}

#[test]
fn a_backdoored_trust_policy_and_its_use() {
    let [_, admin, ..] = people();
    let outsider = Who {
        kind: PrincipalKind::ForeignAccount,
        ..Who::workload("444455556666")
    };
    let back = start().plus_secs(3600);
    let acts = [
        Act::new(&admin, start(), TRUST).aimed(TargetKind::ForeignAccount, "444455556666"),
        Act::new(&outsider, back, "sts:AssumeRole")
            .aimed(TargetKind::ForeignCaller, "444455556666 deploy"),
    ];
    let (backdoor, bits, _) = target_of(&acts[..1]);
    assert!(bits > 9.0 && backdoor.evidence.len() == 1, "{bits}");
    let words = Vocabulary::new();
    let (told, _) = judged(&words, &acts, Telling::All);
    let used = told
        .iter()
        .find(|finding| finding.principal.kind == PrincipalKind::ForeignAccount)
        .unwrap();
    // None met in 120 days, but the account was named in the policy an hour before.
    let novelty = &used.novelties[0];
    assert_eq!(novelty.value, "foreign_caller:444455556666 deploy");
    assert!(
        novelty.arithmetic.ends_with("× 0.4 known account"),
        "{}",
        novelty.arithmetic
    );
    let (_, alone, _) = target_of(&acts[1..]);
    assert!(
        (alone - 1.5 * 8.0_f64.min((130.4_f64 / 0.5).log2())).abs() < 0.02,
        "{alone}"
    );
}

#[test]
fn a_bucket_made_public() {
    let [_, _, publisher, _] = people();
    let act = Act::new(&publisher, start(), POLICY)
        .aimed(TargetKind::Public, "media")
        .aimed(TargetKind::Bucket, "media");
    let (finding, bits, _) = target_of(&[act]);
    assert!(bits > 7.5, "{bits}");
    // The bucket itself is the publisher's daily work.
    assert_eq!(finding.novelties.len(), 1);
}

#[test]
fn a_ci_user_reads_a_secret_it_never_read() {
    let [.., ci] = people();
    let known = Act::new(&ci, start(), SECRET).aimed(TargetKind::Secret, "ci/token");
    let words = Vocabulary::new();
    assert!(
        judged(&words, std::slice::from_ref(&known), Telling::All)
            .0
            .is_empty()
    );
    let new = Act::new(&ci, start(), SECRET).aimed(TargetKind::Secret, "prod/db");
    let (_, bits, arithmetic) = target_of(&[new]);
    // Forty uses of one secret: 0.5 × log2(41 / 0.5).
    assert!((bits - 0.5 * 82_f64.log2()).abs() < 1e-9, "{bits}");
    assert_eq!(
        arithmetic,
        "1.00 maturity × 0.5 × 6.36 rate of new ones (0 used once in 40 uses of the kind)"
    );
}

#[test]
fn a_share_and_a_new_network_raise_and_the_target_is_held() {
    let [dba, ..] = people();
    let act = |hours: i64| {
        Act::new(&dba, start().plus_secs(hours * 3600), SHARE)
            .from("203.0.113.0/24")
            .aimed(TargetKind::ForeignAccount, "444455556666")
    };
    let words = Vocabulary::new();
    let (told, learnt) = judged(&words, &[act(0), act(30)], Telling::Raised);
    assert_eq!(told.len(), 1);
    let finding = &told[0];
    assert!(finding.raised && finding.severity >= Severity::High);
    assert_eq!(finding.evidence.len(), 2);
    let target = words.find_text("foreign_account:444455556666").unwrap();
    let profile = learnt.profile(dba.id(&words)).unwrap();
    let row = profile.facet(Dimension::Target, target.0).unwrap();
    assert_eq!((row.standing, row.count), (Standing::Pending, 2));
    // What is held does not make the account known to the organisation.
    let [_, admin, ..] = people();
    let later = Act::new(&admin, start().plus_secs(40 * 3600), TRUST)
        .aimed(TargetKind::ForeignAccount, "444455556666");
    let (told, _) = judged(&words, &[act(0), later], Telling::All);
    let other = told
        .iter()
        .find(|finding| &*finding.principal.name == "ana.novak")
        .unwrap();
    let arithmetic = &other.novelties[0].arithmetic;
    assert!(!arithmetic.contains("known account"), "{arithmetic}");
}

#[test]
fn what_was_counted_live_is_what_a_replay_counts() {
    let [dba, .., ci] = people();
    let acts = [
        Act::new(&dba, start(), SHARE).aimed(TargetKind::ForeignAccount, "444455556666"),
        Act::new(&ci, start().plus_secs(60), SECRET).aimed(TargetKind::Secret, "prod/db"),
    ];
    let targets_from = |from: u32| {
        let words = Vocabulary::new();
        let (told, _) = judged_from(&words, &acts, (from, Telling::All));
        let mut found: Vec<(String, String)> = told
            .iter()
            .filter(|finding| finding.time >= day(DAYS))
            .flat_map(|finding| &finding.novelties)
            .filter(|novelty| novelty.dimension == "target")
            .map(|novelty| (novelty.value.clone(), novelty.arithmetic.clone()))
            .collect();
        found.sort();
        found
    };
    let replayed = targets_from(DAYS);
    assert_eq!(replayed.len(), 2);
    // The last of these learns every target under judgement, from the first day on.
    for from in [DAYS - 1, DAYS - 30, 0] {
        assert_eq!(targets_from(from), replayed, "judged from day {from}");
    }
}
