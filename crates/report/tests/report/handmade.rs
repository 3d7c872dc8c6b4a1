//! A CI user whose leaked key lists access keys, made by hand, with documentation addresses (RFC 5737) and example key ids.

use std::{borrow::Cow, sync::Arc};

use offtrail_baseline::{Baseline, Lesson, Maturity, MaturityState, Standing};
use offtrail_detector::{
    Attack, BaselineNote, BehaviorChange, CredentialShown, Evidence, Finding, Frequency,
    LineageStep, Novelty, PeerCount, Reach, Severity, Share,
};
use offtrail_event::{
    Call, Category, Credential, CredentialKind, Event, Fingerprint, Mint, MintedKind, Observation,
    Origin, OriginKind, Outcome, OutcomeClass, Principal, PrincipalId, PrincipalKind,
    PrincipalName, Timestamp, Traits, Vocabulary,
};

pub(crate) const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SESSION: &str = "ASIAIOSFODNN7EXAMPLE";

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(crate) fn ci_user() -> PrincipalName {
    PrincipalName {
        kind: PrincipalKind::IamUser,
        account: Arc::from("111122223333"),
        id: Arc::from("AIDACKCEVSQ6C2EXAMPLE"),
        person: None,
        arn: Arc::from("arn:aws:iam::111122223333:user/ci-deploy"),
        name: Arc::from("ci-deploy"),
    }
}

fn evidence(id: &str, time: &str, call: &str, bits: f64, why: &[&str]) -> Evidence {
    Evidence {
        event_id: id.to_owned(),
        time: at(time),
        call: call.to_owned(),
        outcome: OutcomeClass::Succeeded,
        code: String::new(),
        region: "us-east-1".to_owned(),
        address: "198.51.100.7".to_owned(),
        user_agent: "aws-cli/2.15.30 Python/3.11.8 Linux/6.1".to_owned(),
        principal: "ci-deploy".to_owned(),
        access_key_id: KEY.to_owned(),
        bits,
        why: why.iter().map(|why| (*why).to_owned()).collect(),
    }
}

fn novelties() -> Vec<Novelty> {
    let call = Novelty {
        dimension: "call",
        value: "iam:ListAccessKeys".to_owned(),
        class: Frequency::Unseen,
        principal_count: 0,
        principal_calls: 61_480,
        principal_days: 214,
        peers: PeerCount {
            group: "IAM users with permanent keys that call in CI hours".to_owned(),
            size: 9,
            seen_by: 0,
        },
        account: Share {
            principals: 412,
            seen_by: 3,
        },
        organisation: Share {
            principals: 2_210,
            seen_by: 14,
        },
        bits: 9.812_345,
        arithmetic: "0.5·1.0·5.3 own rate + 6.2 peers + 0.5 sensitivity + 0.5 permanent key"
            .to_owned(),
    };
    let network = Novelty {
        dimension: "network",
        value: "AS64496 Example Hosting, a network announced from a documentation prefix"
            .to_owned(),
        class: Frequency::Rare,
        principal_count: 2,
        peers: PeerCount {
            group: String::new(),
            size: 0,
            seen_by: 0,
        },
        organisation: Share::default(),
        bits: 4.0,
        arithmetic: "4.0 own rate".to_owned(),
        ..call.clone()
    };
    vec![call, network]
}

/// The finding of the interface's example: a key of a CI user lists access keys, then makes one for an administrator.
pub(crate) fn finding() -> Finding {
    let mut denied = evidence(
        "6d6b6d0f-0003",
        "2026-08-31T10:46:02Z",
        "s3:ListAllMyBuckets",
        2.5,
        &["new call"],
    );
    denied.outcome = OutcomeClass::Denied;
    denied.code = "AccessDenied".to_owned();
    denied.principal = "deploy-admin".to_owned();
    denied.access_key_id = SESSION.to_owned();
    Finding {
        id: "f-7c1d2e9a40b35f86".to_owned(),
        kind: "Discovery:IAMUser/AnomalousBehavior.FirstSeenCall!PermanentKey".to_owned(),
        time: at("2026-08-31T10:46:02Z"),
        opened: at("2026-08-31T10:43:44Z"),
        severity: Severity::High,
        score: 17.304_999,
        threshold: 12.5,
        calibrated: false,
        title: "First iam:ListAccessKeys by IAM user ci-deploy with a permanent key".to_owned(),
        summary: "ci-deploy had made 61,480 calls on 214 days since 2026-01-29 and never iam:ListAccessKeys; none of its 9 peers \
                  and 3 of 412 principals of the account had. It came from an address it had used on one day only."
            .to_owned(),
        principal: ci_user(),
        root: None,
        credential: CredentialShown {
            kind: CredentialKind::PermanentKey,
            access_key_id: KEY.to_owned(),
            session_name: String::new(),
        },
        lineage: vec![
            LineageStep {
                credential: KEY.to_owned(),
                minted: SESSION.to_owned(),
                by: "sts:AssumeRole".to_owned(),
                event_id: "6d6b6d0f-0002".to_owned(),
                time: at("2026-08-31T10:45:10Z"),
            },
            LineageStep {
                credential: SESSION.to_owned(),
                minted: "AKIAI44QH8DHBEXAMPLE".to_owned(),
                by: "iam:CreateAccessKey".to_owned(),
                event_id: "6d6b6d0f-0004".to_owned(),
                time: at("2026-08-31T10:45:50Z"),
            },
        ],
        novelties: novelties(),
        evidence: vec![
            evidence("6d6b6d0f-0001", "2026-08-31T10:43:44Z", "iam:ListAccessKeys", 9.8, &["never seen of it", "no peer of 9"]),
            evidence("6d6b6d0f-0002", "2026-08-31T10:45:10Z", "sts:AssumeRole", 5.0, &["new role"]),
            denied,
        ],
        baseline: BaselineNote {
            since: Some(at("2026-01-29")),
            until: Some(at("2026-08-31T10:40:00Z")),
            maturity: Maturity {
                state: MaturityState::Established,
                active_days: 214,
                observations: 61_480,
                calls: 43,
                recent_calls: 1,
            },
            coverage: 0.992_04,
            settings: "0f3a9c".to_owned(),
        },
        attack: vec![Attack {
            tactic: "TA0007".to_owned(),
            technique: "T1087.004".to_owned(),
        }],
        guardduty: Some("Discovery:IAMUser/AnomalousBehavior".to_owned()),
        harmless_if: vec!["the pipeline was changed on 2026-08-31 to check the age of its keys".to_owned()],
        next_steps: vec![
            format!("Deactivate {KEY}; give the pipeline a new key or, better, a role."),
            "Look at what the key has done since 2026-08-31T10:43:44Z.".to_owned(),
        ],
        raised: true,
        suppressed_by: None,
        reach: Reach {
            credentials: vec![KEY.to_owned()],
            principals: vec!["ci-deploy".to_owned()],
            accounts: vec!["111122223333".to_owned()],
        },
        change: None,
    }
}

/// A behaviour change: the same call at three principals within days.
pub(crate) fn behavior_change() -> Finding {
    let named = |name: &str| PrincipalName {
        name: name.into(),
        arn: format!("arn:aws:iam::111122223333:user/{name}").into(),
        ..ci_user()
    };
    let call = "bedrock:InvokeModel".to_owned();
    Finding {
        kind: "Behavior:AWSAccount/BehaviorChange.RollOut".to_owned(),
        severity: Severity::Low,
        score: 7.25,
        title: "bedrock:InvokeModel is new at 3 principals since 2026-08-27".to_owned(),
        summary: "From 2026-08-27 to 2026-08-31 3 principals called bedrock:InvokeModel for the first time.".to_owned(),
        novelties: vec![Novelty {
            value: call.clone(),
            ..novelties().remove(0)
        }],
        evidence: vec![evidence(
            "6d6b6d0f-0001",
            "2026-08-31T10:43:44Z",
            &call,
            9.8,
            &["2 other principals took it up since 2026-08-27"],
        )],
        harmless_if: vec!["a release was rolled out to these principals about 2026-08-27".to_owned()],
        next_steps: vec!["Ask who rolled it out".to_owned()],
        lineage: Vec::new(),
        attack: Vec::new(),
        guardduty: None,
        change: Some(BehaviorChange {
            since: at("2026-08-27T09:00:00Z"),
            calls: vec![call],
            principals: vec![
                (named("orders"), at("2026-08-27T09:00:00Z")),
                (named("search"), at("2026-08-28T09:00:00Z")),
                (ci_user(), at("2026-08-31T10:43:44Z")),
            ],
        }),
        time: at("2026-08-31T10:43:44Z"),
        ..finding()
    }
}

/// The event that opened it.
pub(crate) fn event() -> Event<'static> {
    Event {
        event_id: Some(Cow::Borrowed("6d6b6d0f-0001")),
        time: at("2026-08-31T10:43:44Z"),
        account: Cow::Borrowed("111122223333"),
        region: Cow::Borrowed("us-east-1"),
        call: Call {
            source: Cow::Borrowed("iam.amazonaws.com"),
            name: Cow::Borrowed("ListAccessKeys"),
            operation: Cow::Borrowed("ListAccessKeys"),
        },
        outcome: Outcome {
            class: OutcomeClass::Succeeded,
            code: None,
        },
        principal: Principal {
            kind: PrincipalKind::IamUser,
            account: Cow::Borrowed("111122223333"),
            id: Cow::Borrowed("AIDACKCEVSQ6C2EXAMPLE"),
            arn: Some(Cow::Borrowed("arn:aws:iam::111122223333:user/ci-deploy")),
            name: Some(Cow::Borrowed("ci-deploy")),
            person: None,
            person_is_key: false,
        },
        credential: Credential {
            kind: CredentialKind::PermanentKey,
            access_key_id: Some(Cow::Borrowed(KEY)),
            session_name: None,
            created: None,
            mfa: None,
            source_identity: None,
            session_key: Some(Cow::Borrowed(KEY)),
        },
        origin: Origin {
            kind: OriginKind::Address,
            address: Some(Cow::Borrowed("198.51.100.7")),
            service: None,
            network: Some(Cow::Borrowed("198.51.0.0/16")),
            announced_by: None,
            user_agent: Some(Cow::Borrowed("aws-cli/2.15.30 \"quoted\"\u{1b}")),
            agent_family: Cow::Borrowed("aws-cli"),
        },
        read_only: Some(true),
        category: Category::Management,
        via_service: None,
        shared_event_id: None,
        minted: None,
        traits: Traits::PERMANENT_KEY,
        targets: Vec::new(),
        parameters_omitted: false,
    }
}

/// A baseline in which the CI user worked on twenty weekdays, took a role, and has one call held back.
pub(crate) fn baseline() -> (Vocabulary, Baseline, PrincipalId) {
    let words = Vocabulary::new();
    let mut baseline = Baseline::new();
    let principal = words.principal_id(&event().principal);
    let role = words.principal_id(&Principal {
        kind: PrincipalKind::Role,
        account: Cow::Borrowed("111122223333"),
        id: Cow::Borrowed("AROACKCEVSQ6C2EXAMPLE"),
        arn: Some(Cow::Borrowed("arn:aws:iam::111122223333:role/deploy-admin")),
        name: Some(Cow::Borrowed("deploy-admin")),
        person: None,
        person_is_key: false,
    });
    let seen = |call: (&str, &str), outcome, time: Timestamp, network: &str, mint| Observation {
        fingerprint: Fingerprint::of(b"any"),
        time,
        principal,
        principal_kind: PrincipalKind::IamUser,
        call: words.call_id(call.0, call.1),
        outcome,
        account: words.text_id("111122223333"),
        region: words.text_id("us-east-1"),
        network: Some(words.text_id(network)),
        agent: words.text_id("aws-cli"),
        credential_kind: CredentialKind::PermanentKey,
        credential: None,
        origin: OriginKind::Address,
        read_only: None,
        category: Category::Management,
        by_service: false,
        traits: Traits::PERMANENT_KEY,
        mint,
        targets: None,
        detail: None,
    };
    let mint = Some(Mint {
        kind: MintedKind::Session,
        credential: None,
        principal: Some(role),
    });
    let monday = at("2026-08-03T09:00:00Z");
    for day in (0..26).filter(|day| day % 7 < 5) {
        let morning = monday.plus_secs(day * 86_400);
        let mut learn = |call, outcome, hours: i64, mint| {
            let time = morning.plus_secs(hours * 3600);
            baseline.learn(
                &seen(call, outcome, time, "203.0.113.0/24", mint),
                &words,
                Lesson::ALL,
            );
        };
        learn(
            ("sts.amazonaws.com", "AssumeRole"),
            OutcomeClass::Succeeded,
            0,
            mint,
        );
        for hours in 0..8i64 {
            learn(
                ("s3.amazonaws.com", "ListBuckets"),
                OutcomeClass::Succeeded,
                hours,
                None,
            );
        }
        learn(
            ("ecr.amazonaws.com", "DescribeRepositories"),
            OutcomeClass::Denied,
            3,
            None,
        );
    }
    let held = Lesson {
        call: Standing::Pending,
        facets: Standing::Pending,
    };
    let call = ("iam.amazonaws.com", "ListAccessKeys");
    let news = seen(
        call,
        OutcomeClass::Succeeded,
        at("2026-08-31T10:43:44Z"),
        "198.51.0.0/16",
        None,
    );
    baseline.learn(&news, &words, held);
    (words, baseline, principal)
}
