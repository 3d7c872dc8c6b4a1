//! The forms of lineage: keys, passwords and users made for somebody else, and how long what they do counts for their maker.
#![allow(clippy::unwrap_used)]

mod organisation;

use std::collections::BTreeMap;

use offtrail_baseline::Baseline;
use offtrail_detector::{Finding, Settings, Severity, Telling};
use offtrail_engine::{Repeats, Scope, Watch};
use offtrail_event::{CredentialKind, MintedKind, TargetKind, Timestamp, Vocabulary};
use organisation::{Act, Who, day, habits, staff};

const DAYS: u32 = 120;
const NETWORK: &str = "203.0.113.0/24";

/// Learns 120 days of habits, judges `acts`: the last state of each finding, in order of opening.
fn judged(acts: &[Act<'_>]) -> Vec<Finding> {
    let words = Vocabulary::new();
    let mut watch = Watch::new(
        &words,
        Baseline::new(),
        Repeats::default(),
        Settings::default(),
    )
    .with_scope(Scope {
        judge_from: Some(day(DAYS)),
        ..Scope::default()
    })
    .with_telling(Telling::All);
    for observation in habits(&staff(), DAYS, &words) {
        watch.take(observation);
    }
    for act in acts {
        watch.take(act.seen(&words));
    }
    let mut last = BTreeMap::new();
    watch.finish(&mut |finding| {
        last.insert(finding.id.clone(), finding);
    });
    let mut last: Vec<Finding> = last.into_values().collect();
    last.sort_by_key(|finding| finding.opened);
    last
}

fn only(acts: &[Act<'_>]) -> Finding {
    let mut told = judged(acts);
    assert_eq!(told.len(), 1, "{told:#?}");
    told.remove(0)
}

fn at(days: i64) -> Timestamp {
    day(DAYS).plus_secs(days * 86_400 + 4 * 3600)
}

fn steps(finding: &Finding) -> Vec<(&str, &str, &str)> {
    let steps = finding.lineage.iter();
    steps
        .map(|step| (&*step.credential, &*step.by, &*step.minted))
        .collect()
}

#[test]
fn four_credentials_at_one_call_a_day_are_one_finding() {
    let (ci, bot, role) = (
        Who::robot("ci-deploy"),
        Who::robot("backup-bot"),
        Who::workload("billing-task"),
    );
    let made = Who::robot("metrics-export");
    let act = |who, days, call| Act::new(who, at(days), call).from(NETWORK);
    let by_bot =
        |days, call| act(&bot, days, call).signed(CredentialKind::PermanentKey, "AKIAbot2");
    let by_role =
        |days, call| act(&role, days, call).signed(CredentialKind::RoleSession, "ASIArole");
    let by_made =
        |days, call| act(&made, days, call).signed(CredentialKind::PermanentKey, "AKIAmade");
    let mut acts = vec![
        act(&ci, 0, "sts:GetCallerIdentity"),
        act(&ci, 1, "iam:ListAccessKeys"),
        act(&ci, 2, "iam:CreateAccessKey").gives(MintedKind::AccessKey, "AKIAbot2", &bot),
        by_bot(3, "iam:ListUsers"),
        by_bot(4, "iam:ListRoles"),
        by_bot(5, "iam:ListPolicies"),
        by_bot(9, "sts:AssumeRole").gives(MintedKind::Session, "ASIArole", &role),
        by_role(9, "iam:CreateUser").gives(MintedKind::User, "", &made),
        by_role(9, "iam:CreateAccessKey").gives(MintedKind::AccessKey, "AKIAmade", &made),
        by_made(10, "sts:GetCallerIdentity"),
        by_made(14, "secretsmanager:ListSecrets"),
        by_made(20, "secretsmanager:GetSecretValue"),
    ];
    for (turn, act) in acts.iter_mut().enumerate() {
        act.time = act.time.plus_secs(turn as i64);
    }
    let finding = only(&acts);
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(finding.evidence.len(), acts.len());
    assert_eq!(
        steps(&finding),
        [
            ("AKIAci-deploy", "iam:CreateAccessKey", "AKIAbot2"),
            ("AKIAbot2", "sts:AssumeRole", "ASIArole"),
            (
                "ASIArole",
                "iam:CreateUser",
                "111122223333/AIDAmetrics-export"
            ),
            ("ASIArole", "iam:CreateAccessKey", "AKIAmade"),
        ]
    );
    let reach = &finding.reach;
    assert_eq!(
        reach.credentials,
        ["AKIAbot2", "AKIAci-deploy", "AKIAmade", "ASIArole"]
    );
    assert_eq!(
        reach.principals,
        ["backup-bot", "billing-task", "ci-deploy", "metrics-export"]
    );
    assert_eq!(reach.accounts, [organisation::ACCOUNT]);
}

#[test]
fn a_new_case_of_the_root_does_not_take_what_an_earlier_one_created() {
    let (ci, bot) = (Who::robot("ci-deploy"), Who::robot("backup-bot"));
    let own = Act::new(&ci, at(12), "ecs:ListClusters");
    let used = Act::new(&bot, at(13), "iam:ListRoles")
        .from(NETWORK)
        .signed(CredentialKind::PermanentKey, "AKIAbot2");
    let acts = [
        Act::new(&ci, at(0), "iam:CreateAccessKey")
            .from(NETWORK)
            .gives(MintedKind::AccessKey, "AKIAbot2", &bot),
        own,
        used,
    ];
    let told = judged(&acts);
    let calls = |finding: &Finding| -> Vec<String> {
        let evidence = finding.evidence.iter();
        evidence.map(|event| event.call.clone()).collect()
    };
    assert_eq!(told.len(), 2, "{told:#?}");
    assert_eq!(calls(&told[0]), ["iam:CreateAccessKey", "iam:ListRoles"]);
    assert_eq!(calls(&told[1]), ["ecs:ListClusters"]);
}

#[test]
fn a_rotated_key_at_home_soon_counts_for_its_owner_alone() {
    let (ci, bot) = (Who::robot("ci-deploy"), Who::robot("backup-bot"));
    let by_bot = |days, network| {
        let call = Act::new(&bot, at(days), "iam:ListRoles");
        let act = call.signed(CredentialKind::PermanentKey, "AKIAbot2");
        act.from(network)
    };
    let usual = |days| {
        Act::new(&bot, at(days), "s3:PutObject").signed(CredentialKind::PermanentKey, "AKIAbot2")
    };
    let created = Act::new(&ci, at(0), "iam:CreateAccessKey")
        .from(NETWORK)
        .gives(MintedKind::AccessKey, "AKIAbot2", &bot);
    let check = |network, findings: usize| {
        let told = judged(&[created.clone(), usual(1), by_bot(10, network)]);
        assert!(told[0].raised);
        let of_calls = told.iter().filter(|one| {
            let mut calls = one
                .novelties
                .iter()
                .filter(|novelty| novelty.dimension == "call");
            calls.next().is_some()
        });
        assert_eq!(of_calls.count(), findings, "{network}: {told:#?}");
    };
    check(NETWORK, 1);
    check(&bot.network, 2);
}

#[test]
fn a_password_set_for_another_is_followed_into_the_console_by_name() {
    let (ci, ana) = (Who::robot("ci-deploy"), Who::person("ana.novak"));
    let mut sets = Act::new(&ci, at(0), "iam:CreateLoginProfile")
        .from(NETWORK)
        .aimed(TargetKind::KeyOf, "ana.novak");
    sets.mint = Some((MintedKind::LoginProfile, "", &ana));
    let words = Vocabulary::new();
    // The record names the user and no more.
    let mut set = sets.seen(&words);
    if let Some(mint) = &mut set.mint {
        mint.principal = None;
    }
    let signs_in = Act::new(&ana, at(1), "signin:ConsoleLogin")
        .from(NETWORK)
        .signed(CredentialKind::None, "");
    let acts = Act::new(&ana, at(1).plus_secs(60), "iam:CreateUser")
        .from(NETWORK)
        .signed(CredentialKind::Console, "AIDAana.novak@1");
    let mut watch = Watch::new(
        &words,
        Baseline::new(),
        Repeats::default(),
        Settings::default(),
    )
    .with_scope(Scope {
        judge_from: Some(day(DAYS)),
        ..Scope::default()
    });
    for observation in habits(&staff(), DAYS, &words) {
        watch.take(observation);
    }
    watch.take(set);
    let mut signed_in = signs_in.seen(&words);
    signed_in.credential = None;
    watch.take(signed_in);
    watch.take(acts.seen(&words));
    let mut last = BTreeMap::new();
    watch.finish(&mut |finding| {
        last.insert(finding.id.clone(), finding);
    });
    assert_eq!(last.len(), 1, "{last:#?}");
    let finding = last.into_values().next().unwrap();
    assert_eq!(
        steps(&finding),
        [(
            "AKIAci-deploy",
            "iam:CreateLoginProfile",
            "password of ana.novak"
        )]
    );
    let calls: Vec<&str> = finding.evidence.iter().map(|event| &*event.call).collect();
    assert_eq!(
        calls,
        [
            "iam:CreateLoginProfile",
            "signin:ConsoleLogin",
            "iam:CreateUser"
        ]
    );
    assert_eq!(finding.reach.principals, ["ana.novak", "ci-deploy"]);
}
