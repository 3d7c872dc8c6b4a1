//! The stories offtrail is for: a CI user's leaked key, and a chain of credentials that starts with it.
#![allow(clippy::unwrap_used)]

mod organisation;

use std::collections::BTreeMap;

use offtrail_baseline::{Baseline, MaturityState};
use offtrail_detector::{Finding, Frequency, Settings, Severity, Telling};
use offtrail_engine::{Repeats, Scope, Watch};
use offtrail_event::{CredentialKind, MintedKind, Observation, Timestamp, Vocabulary};
use organisation::{Act, Who, day, habits, last_states, only, staff};

const DAYS: u32 = 120;

/// Learns `DAYS` days of habits, judges `then`.
fn judged(words: &Vocabulary, then: &[Observation], telling: Telling) -> Vec<Finding> {
    judged_with(words, then, telling, Settings::default())
}

fn judged_with(
    words: &Vocabulary,
    then: &[Observation],
    telling: Telling,
    settings: Settings,
) -> Vec<Finding> {
    let mut watch = Watch::new(words, Baseline::new(), Repeats::default(), settings)
        .with_scope(Scope {
            judge_from: Some(day(DAYS)),
            ..Scope::default()
        })
        .with_telling(telling);
    for observation in habits(&staff(), DAYS, words).iter().chain(then) {
        watch.take(observation.clone());
    }
    let mut told = Vec::new();
    watch.finish(&mut |finding| told.push(finding));
    told
}

/// The score as `docs/detection.md` has it: calls and bulks damped, each other dimension once.
fn damped_sum(finding: &Finding) -> f64 {
    let is_call = |dimension: &str| matches!(dimension, "call" | "volume");
    let mut calls: Vec<f64> = Vec::new();
    let mut once: BTreeMap<&str, f64> = BTreeMap::new();
    for novelty in &finding.novelties {
        if is_call(novelty.dimension) {
            calls.push(novelty.bits);
        } else {
            let largest = once.entry(novelty.dimension).or_default();
            *largest = largest.max(novelty.bits);
        }
    }
    calls.sort_by(|a, b| b.total_cmp(a));
    let damped: f64 = (0..)
        .zip(&calls)
        .map(|(place, bits)| bits / 2_f64.powi(place))
        .sum();
    damped + once.values().sum::<f64>()
}

fn leaked_key<'a>(ci: &'a Who, start: Timestamp) -> Vec<Act<'a>> {
    vec![
        Act::new(ci, start, "sts:GetCallerIdentity").from("203.0.113.0/24"),
        Act::new(ci, start.plus_secs(10), "iam:ListAccessKeys").from("203.0.113.0/24"),
    ]
}

#[test]
fn a_ci_users_leaked_key_is_told_with_its_numbers() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let acts = leaked_key(&ci, day(DAYS).plus_secs(3 * 3600));
    let seen: Vec<Observation> = acts.iter().map(|act| act.seen(&words)).collect();
    let finding = only(judged(&words, &seen, Telling::Raised));

    assert_eq!(
        finding.kind,
        "Discovery:IAMUser/AnomalousBehavior.FirstSeenCall!PermanentKey"
    );
    assert_eq!(
        finding.guardduty.as_deref(),
        Some("Discovery:IAMUser/AnomalousBehavior")
    );
    assert!(finding.raised && finding.severity >= Severity::High);
    assert_eq!(
        finding.title,
        "First iam:ListAccessKeys and sts:GetCallerIdentity by IAM user ci-deploy with a permanent key"
    );
    assert_eq!(&*finding.principal.name, "ci-deploy");
    assert_eq!(finding.credential.access_key_id, "AKIAci-deploy");
    assert!(finding.next_steps[0].contains("Deactivate AKIAci-deploy"));
    assert!(!finding.harmless_if.is_empty());
    assert_eq!(finding.attack[0].tactic, "TA0007");
    assert_eq!(finding.baseline.maturity.state, MaturityState::Established);
    assert_eq!(finding.evidence.len(), 2);

    let lead = &finding.novelties[0];
    assert_eq!(
        (lead.dimension, &*lead.value),
        ("call", "iam:ListAccessKeys")
    );
    assert_eq!(lead.class, Frequency::Unseen);
    // Three calls a day for 120 days and GetCallerIdentity just before, on the 121st.
    assert_eq!((lead.principal_count, lead.principal_calls), (0, 361));
    assert_eq!(lead.principal_days, 121);
    assert_eq!((lead.peers.size, lead.peers.seen_by), (7, 0));
    assert_eq!(
        lead.peers.group,
        "robot users (IAM user with a robot's name)"
    );
    assert_eq!(
        (lead.organisation.principals, lead.organisation.seen_by),
        (20, 7)
    );
    assert_eq!((lead.account.principals, lead.account.seen_by), (20, 7));
    assert!((finding.score - damped_sum(&finding)).abs() < 1e-9);
}

#[test]
fn a_chain_of_credentials_is_one_finding_with_its_lineage() {
    let words = Vocabulary::new();
    let (ci, bot, role) = (
        Who::robot("ci-deploy"),
        Who::robot("backup-bot"),
        Who::workload("billing-task"),
    );
    let start = day(DAYS).plus_secs(3 * 3600);
    let at = |minutes: i64| start.plus_secs(minutes * 60);
    let network = "203.0.113.0/24";
    let acts = [
        Act::new(&ci, at(0), "iam:CreateAccessKey")
            .from(network)
            .gives(MintedKind::AccessKey, "AKIAnew", &bot),
        Act::new(&bot, at(9), "sts:AssumeRole")
            .from(network)
            .signed(CredentialKind::PermanentKey, "AKIAnew")
            .gives(MintedKind::Session, "ASIAsession", &role),
        Act::new(&role, at(12), "secretsmanager:GetSecretValue")
            .from(network)
            .signed(CredentialKind::RoleSession, "ASIAsession"),
        Act::new(&role, at(13), "iam:CreateUser")
            .from(network)
            .signed(CredentialKind::RoleSession, "ASIAsession"),
    ];
    let seen: Vec<Observation> = acts.iter().map(|act| act.seen(&words)).collect();
    let finding = only(judged(&words, &seen, Telling::All));

    // The heaviest call leads: what the CI user did at the root of the chain.
    assert_eq!(&*finding.principal.name, "ci-deploy");
    assert!(finding.root.is_none());
    assert_eq!(finding.evidence.len(), 4);
    let steps: Vec<(&str, &str, &str)> = finding
        .lineage
        .iter()
        .map(|step| (&*step.credential, &*step.minted, &*step.by))
        .collect();
    assert_eq!(
        steps,
        [
            ("AKIAci-deploy", "AKIAnew", "iam:CreateAccessKey"),
            ("AKIAnew", "ASIAsession", "sts:AssumeRole"),
        ]
    );
    assert!(finding.raised && finding.severity == Severity::Critical);
    assert!((finding.score - damped_sum(&finding)).abs() < 1e-9);
    let calls: Vec<&str> = finding.evidence.iter().map(|event| &*event.call).collect();
    assert_eq!(
        calls,
        [
            "iam:CreateAccessKey",
            "sts:AssumeRole",
            "secretsmanager:GetSecretValue",
            "iam:CreateUser"
        ]
    );
}

#[test]
fn a_session_is_told_with_who_opened_it() {
    let words = Vocabulary::new();
    let (ci, role) = (Who::robot("ci-deploy"), Who::workload("billing-task"));
    let start = day(DAYS).plus_secs(3 * 3600);
    let seen = [
        Act::new(&ci, start, "sts:AssumeRole")
            .gives(MintedKind::Session, "ASIAsession", &role)
            .seen(&words),
        Act::new(&role, start.plus_secs(60), "iam:CreateUser")
            .signed(CredentialKind::RoleSession, "ASIAsession")
            .seen(&words),
    ];
    let finding = only(judged(&words, &seen, Telling::All));
    assert_eq!(&*finding.principal.name, "billing-task");
    assert_eq!(&*finding.root.as_ref().unwrap().name, "ci-deploy");
    let contain = "Contain IAM user ci-deploy as well: the chain of credentials starts there";
    assert!(finding.next_steps.iter().any(|step| step == contain));
    assert_eq!(
        finding.kind,
        "Persistence:IAMRole/AnomalousBehavior.FirstSeenCall!RoleSession"
    );
}

#[test]
fn all_states_are_told_or_only_raised_ones() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let seen = [Act::new(&ci, day(DAYS).plus_secs(60), "ecs:ListClusters").seen(&words)];
    assert_eq!(judged(&words, &seen, Telling::Raised), []);
    let quiet = only(judged(&words, &seen, Telling::All));
    assert!(!quiet.raised && quiet.score < quiet.threshold);
    assert_eq!(quiet.severity, Severity::Low);
    assert!((quiet.score - damped_sum(&quiet)).abs() < 1e-9);
}

#[test]
fn severity_climbs_in_four_steps_above_the_threshold() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    // A sensitive call with no floor of its own, in a session that is no permanent key.
    let act = Act::new(&ci, day(DAYS).plus_secs(60), "ecs:ListClusters")
        .signed(CredentialKind::UserSession, "ASIAci")
        .from("203.0.113.0/24");
    let seen = [act.seen(&words)];
    let score = only(judged(&words, &seen, Telling::All)).score;
    let check = |above: f64, expected: Severity| {
        let mut settings = Settings::default();
        settings.finding.threshold_bits = score - above;
        let finding = only(judged_with(&words, &seen, Telling::All, settings));
        assert!((finding.score - score).abs() < 1e-9);
        assert_eq!(finding.raised, above >= 0.0);
        assert_eq!(finding.severity, expected, "{above} bits above");
    };
    check(-0.5, Severity::Low);
    check(0.5, Severity::Low);
    check(1.6, Severity::Medium);
    check(4.1, Severity::High);
    check(8.1, Severity::Critical);
}

#[test]
fn ids_and_numbers_do_not_depend_on_the_vocabulary() {
    let ci = Who::robot("ci-deploy");
    let acts = leaked_key(&ci, day(DAYS).plus_secs(3 * 3600));
    let told = |words: &Vocabulary| {
        let seen: Vec<Observation> = acts.iter().map(|act| act.seen(words)).collect();
        judged(words, &seen, Telling::All)
    };
    let fresh = Vocabulary::new();
    let turned = Vocabulary::new();
    for who in staff().iter().rev() {
        let _ = who.id(&turned);
    }
    for call in ["ListAccessKeys", "ListUsers", "GetUser"] {
        let _ = turned.call_id("iam.amazonaws.com", call);
    }
    let (left, right) = (told(&fresh), told(&turned));
    assert_eq!(format!("{left:?}"), format!("{right:?}"));
    assert!(!left.is_empty());
}

#[test]
fn a_known_call_in_bulk_is_news_by_its_tail() {
    let words = Vocabulary::new();
    let ci = Who::robot("ci-deploy");
    let start = day(DAYS).plus_secs(3600);
    let bulk = |n: i64| -> Vec<Observation> {
        (0..n)
            .map(|turn| Act::new(&ci, start.plus_secs(turn), "s3:PutObject").seen(&words))
            .collect()
    };
    assert_eq!(judged(&words, &bulk(19), Telling::All), []);

    // In habit it comes on `days` days, once each: n a day are P(X ≥ n) = (λ / (1 + λ))ⁿ around λ = (days + 1) / (days + 1).
    let mut settings = Settings::default();
    settings.volume.cap_bits = 100.0;
    let finding = only(judged_with(&words, &bulk(25), Telling::All, settings));
    let novelty = &finding.novelties[0];
    assert_eq!(
        (novelty.dimension, &*novelty.value),
        ("volume", "s3:PutObject")
    );
    assert!((novelty.bits - 0.5 * 25.0).abs() < 1e-6, "{novelty:?}");
    assert!((finding.score - damped_sum(&finding)).abs() < 1e-9);

    // Capped, bulk alone stays below the default threshold.
    let finding = only(judged(&words, &bulk(400), Telling::All));
    assert!((finding.score - 10.0).abs() < 1e-9 && !finding.raised);
}

#[test]
fn roles_chained_within_a_second_keep_their_lineage() {
    let words = Vocabulary::new();
    let (ci, first, second) = (
        Who::robot("ci-deploy"),
        Who::workload("billing-task"),
        Who::workload("orders-task"),
    );
    let start = day(DAYS).plus_secs(3600);
    let seen = [
        Act::new(&ci, start, "sts:AssumeRole")
            .gives(MintedKind::Session, "ASIA1", &first)
            .seen(&words),
        Act::new(&first, start, "sts:AssumeRole")
            .signed(CredentialKind::RoleSession, "ASIA1")
            .gives(MintedKind::Session, "ASIA2", &second)
            .seen(&words),
        Act::new(&second, start.plus_secs(1), "iam:CreateUser")
            .signed(CredentialKind::RoleSession, "ASIA2")
            .seen(&words),
    ];
    let told = last_states(judged(&words, &seen, Telling::All));
    let finding = told.iter().find(|one| one.raised).unwrap();
    let minted: Vec<&str> = finding.lineage.iter().map(|step| &*step.minted).collect();
    assert_eq!(minted, ["ASIA1", "ASIA2"]);
}
