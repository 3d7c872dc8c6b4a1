//! A small organisation for tests: principals, what they do by habit over some months, and a builder for single observations.
//! Everything is computed from names and numbers, so that the same call gives the same observations.
#![allow(clippy::unwrap_used, reason = "test code")]
#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::{borrow::Cow, collections::BTreeMap};

use offtrail_detector::Finding;
use offtrail_event::{
    Category, CredentialId, CredentialKind, Detail, DetailFields, Fingerprint, Mint, MintedKind,
    Observation, OriginKind, OutcomeClass, Principal, PrincipalId, PrincipalKind, SECONDS_PER_DAY,
    TargetKind, Timestamp, Traits, Vocabulary,
};

pub(crate) const ACCOUNT: &str = "111122223333";

/// Who acts, and with what by habit.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) account: String,
    pub(crate) kind: PrincipalKind,
    pub(crate) unique: String,
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) credential_kind: CredentialKind,
    pub(crate) key: String,
    pub(crate) network: String,
    pub(crate) agent: String,
    pub(crate) traits: Traits,
}

impl Who {
    fn new(kind: PrincipalKind, unique: &str, path: &str, name: &str) -> Self {
        Self {
            account: ACCOUNT.to_owned(),
            kind,
            unique: unique.to_owned(),
            arn: format!("arn:aws:iam::{ACCOUNT}:{path}/{name}"),
            name: name.to_owned(),
            credential_kind: CredentialKind::RoleSession,
            key: format!("ASIA{unique}"),
            network: format!("net of {name}"),
            agent: "boto3".to_owned(),
            traits: Traits::default(),
        }
    }

    /// An IAM user with a permanent key.
    pub(crate) fn robot(name: &str) -> Self {
        Self {
            credential_kind: CredentialKind::PermanentKey,
            key: format!("AKIA{name}"),
            traits: Traits::PERMANENT_KEY,
            ..Self::new(PrincipalKind::IamUser, &format!("AIDA{name}"), "user", name)
        }
    }

    /// An IAM user at the console.
    pub(crate) fn person(name: &str) -> Self {
        Self {
            credential_kind: CredentialKind::Console,
            agent: "console".to_owned(),
            traits: Traits::CONSOLE,
            ..Self::robot(name)
        }
    }

    /// A role that services open.
    pub(crate) fn workload(name: &str) -> Self {
        Self {
            traits: Traits::ASSUMED_BY_SERVICE,
            ..Self::new(PrincipalKind::Role, &format!("AROA{name}"), "role", name)
        }
    }

    /// The same role, deleted and made again.
    pub(crate) fn made_again(&self) -> Self {
        Self {
            unique: format!("{}2", self.unique),
            ..self.clone()
        }
    }

    /// A role of the same name, deployed to another account.
    pub(crate) fn in_account(&self, account: &str) -> Self {
        Self {
            account: account.to_owned(),
            unique: format!("{}{account}", self.unique),
            arn: self.arn.replace(ACCOUNT, account),
            ..self.clone()
        }
    }

    pub(crate) fn service_linked() -> Self {
        Self::new(
            PrincipalKind::Role,
            "AROALINKED",
            "role/aws-service-role/support.amazonaws.com",
            "AWSServiceRoleForSupport",
        )
    }

    pub(crate) fn service() -> Self {
        Self {
            credential_kind: CredentialKind::Service,
            arn: String::new(),
            ..Self::new(PrincipalKind::AwsService, "config.amazonaws.com", "", "")
        }
    }

    pub(crate) fn id(&self, words: &Vocabulary) -> PrincipalId {
        words.principal_id(&Principal {
            kind: self.kind,
            account: Cow::Borrowed(&self.account),
            id: Cow::Borrowed(&self.unique),
            arn: Some(Cow::Borrowed(self.arn.as_str())).filter(|arn| !arn.is_empty()),
            name: Some(Cow::Borrowed(self.name.as_str())).filter(|name| !name.is_empty()),
            person: None,
            person_is_key: false,
        })
    }
}

/// Midnight of the day `day` of the organisation's life.
pub(crate) fn day(day: u32) -> Timestamp {
    Timestamp::parse("2026-01-01")
        .unwrap()
        .plus_secs(i64::from(day) * SECONDS_PER_DAY)
}

/// One observation in the making.
#[derive(Clone, Debug)]
pub(crate) struct Act<'a> {
    pub(crate) who: &'a Who,
    pub(crate) time: Timestamp,
    /// `iam:ListAccessKeys`.
    pub(crate) call: &'a str,
    pub(crate) outcome: OutcomeClass,
    pub(crate) network: &'a str,
    pub(crate) key: &'a str,
    pub(crate) credential_kind: CredentialKind,
    pub(crate) by_service: bool,
    /// What the call gives out: kind, key, whose.
    pub(crate) mint: Option<(MintedKind, &'a str, &'a Who)>,
    /// What it is aimed at.
    pub(crate) targets: Vec<(TargetKind, &'a str)>,
}

impl<'a> Act<'a> {
    pub(crate) fn new(who: &'a Who, time: Timestamp, call: &'a str) -> Self {
        Self {
            who,
            time,
            call,
            outcome: OutcomeClass::Succeeded,
            network: &who.network,
            key: &who.key,
            credential_kind: who.credential_kind,
            by_service: who.kind == PrincipalKind::AwsService,
            mint: None,
            targets: Vec::new(),
        }
    }

    pub(crate) fn aimed(mut self, kind: TargetKind, value: &'a str) -> Self {
        self.targets.push((kind, value));
        self
    }

    pub(crate) fn from(self, network: &'a str) -> Self {
        Self { network, ..self }
    }

    pub(crate) fn signed(self, credential_kind: CredentialKind, key: &'a str) -> Self {
        Self {
            credential_kind,
            key,
            ..self
        }
    }

    pub(crate) fn denied(self) -> Self {
        Self {
            outcome: OutcomeClass::Denied,
            ..self
        }
    }

    pub(crate) fn gives(self, kind: MintedKind, key: &'a str, whose: &'a Who) -> Self {
        Self {
            mint: Some((kind, key, whose)),
            ..self
        }
    }

    pub(crate) fn seen(&self, words: &Vocabulary) -> Observation {
        let (source, operation) = self.call.split_once(':').unwrap();
        let event_id = format!("{} {} {}", self.time, self.who.unique, self.call);
        let code = if self.outcome == OutcomeClass::Denied {
            "AccessDenied"
        } else {
            ""
        };
        Observation {
            fingerprint: Fingerprint::of(event_id.as_bytes()),
            time: self.time,
            principal: self.who.id(words),
            principal_kind: self.who.kind,
            call: words.call_id(&format!("{source}.amazonaws.com"), operation),
            outcome: self.outcome,
            account: words.text_id(&self.who.account),
            region: words.text_id("eu-west-1"),
            network: Some(words.text_id(self.network)),
            agent: words.text_id(&self.who.agent),
            credential_kind: self.credential_kind,
            credential: Some(CredentialId::of(self.key)),
            origin: OriginKind::Address,
            read_only: None,
            category: Category::Management,
            by_service: self.by_service,
            traits: self.who.traits,
            mint: self.mint.map(|(kind, key, whose)| Mint {
                kind,
                credential: (!key.is_empty()).then(|| CredentialId::of(key)),
                principal: Some(whose.id(words)),
            }),
            targets: (!self.targets.is_empty()).then(|| {
                let ids = self
                    .targets
                    .iter()
                    .map(|(kind, value)| (*kind, words.text_id(&format!("{kind}:{value}"))));
                ids.collect()
            }),
            detail: Some(Detail::pack(&DetailFields {
                announced_by: "",
                event_id: &event_id,
                event_name: operation,
                code,
                address: self.network,
                user_agent: &self.who.agent,
                access_key_id: self.key,
                session_name: "",
                minted_key: self.mint.map_or("", |(_, key, _)| key),
                service: "",
            })),
        }
    }
}

/// What machines and people of the organisation do by habit; later ones are taken up later.
const MACHINE_CALLS: &[&str] = &[
    "s3:PutObject",
    "ecr:GetAuthorizationToken",
    "ecs:DescribeServices",
    "ecs:UpdateService",
    "s3:GetObject",
    "cloudformation:DescribeStacks",
    "ecr:BatchGetImage",
    "logs:CreateLogStream",
    "ecs:RegisterTaskDefinition",
    "ssm:GetParameter",
    "cloudfront:CreateInvalidation",
    "sqs:SendMessage",
];
const PEOPLE_CALLS: &[&str] = &[
    "ec2:DescribeInstances",
    "s3:ListBuckets",
    "cloudwatch:DescribeAlarms",
    "iam:ListUsers",
    "logs:FilterLogEvents",
    "iam:ListAccessKeys",
    "rds:DescribeDBInstances",
    "lambda:ListFunctions",
    "iam:GetUser",
];

/// The principals of the organisation: seven robots, six workloads, seven people. The first is the CI user of the story.
pub(crate) fn staff() -> Vec<Who> {
    let mut staff = vec![Who::robot("ci-deploy")];
    staff.extend(
        ["backup", "upload", "release", "build", "sync", "smtp"]
            .map(|job| Who::robot(&format!("{job}-bot"))),
    );
    staff.extend(
        ["orders", "billing", "search", "mail", "stock", "images"]
            .map(|name| Who::workload(&format!("{name}-task"))),
    );
    staff.extend(
        ["ana", "ben", "cem", "dora", "eva", "finn", "gita"]
            .map(|name| Who::person(&format!("{name}.novak"))),
    );
    staff
}

/// What the staff does by habit on the days from 0 to `days`; no two observations share a second.
pub(crate) fn habits(staff: &[Who], days: u32, words: &Vocabulary) -> Vec<Observation> {
    let mut seen = Vec::new();
    for today in 0..days {
        for (place, who) in (0..).zip(staff) {
            let person = who.kind == PrincipalKind::IamUser && who.traits.contains(Traits::CONSOLE);
            if person && (today + 3) % 7 >= 5 {
                continue;
            }
            let calls = if person { PEOPLE_CALLS } else { MACHINE_CALLS };
            // Everybody starts somewhere else in the list and takes up one more call every nineteen days.
            let known = 3 + today / 19;
            for turn in 0..3_u32 {
                let choice = (place + (today + turn) % known) as usize % calls.len();
                let time = day(today).plus_secs(i64::from(8 * 3600 + turn * 3600 + place * 60));
                seen.push(Act::new(who, time, calls[choice]).seen(words));
            }
        }
    }
    seen
}

/// The last state of each finding.
pub(crate) fn last_states(told: Vec<Finding>) -> Vec<Finding> {
    let by_id: BTreeMap<String, Finding> = told
        .into_iter()
        .map(|finding| (finding.id.clone(), finding))
        .collect();
    by_id.into_values().collect()
}

/// The last state of the only finding.
pub(crate) fn only(told: Vec<Finding>) -> Finding {
    let mut last = last_states(told);
    assert_eq!(last.len(), 1, "{last:#?}");
    last.remove(0)
}
