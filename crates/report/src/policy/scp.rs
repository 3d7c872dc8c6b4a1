//! The draft of a service control policy: whole services that nobody in an organisation or an account uses, denied.
//!
//! A denial names services and does not say "all but these", so that a reviewer sees what is taken away and a new service of AWS is not
//! denied by surprise. Never denied is what an account is run and watched with, and what is used without leaving a record of its use.

use std::collections::BTreeSet;

use offtrail_baseline::{Dimension, Profile};
use offtrail_event::{Day, OutcomeClass, TextId};

use super::{
    PolicyView,
    document::{PolicyDocument, SCP_CHARS_MAX, Statement, documents},
};

/// Services that are never denied, with the reason.
const KEPT: [(&str, &[&str]); 4] = [
    (
        "identity, the organisation and access to the account rest on them",
        &[
            "account",
            "iam",
            "identity-sync",
            "identitystore",
            "identitystore-auth",
            "organizations",
            "signin",
            "sso",
            "sso-directory",
            "sso-oauth",
            "sts",
        ],
    ),
    (
        "bills, support and the console are run by them, rarely and when it matters",
        &[
            "aws-portal",
            "billing",
            "budgets",
            "ce",
            "consoleapp",
            "consolidatedbilling",
            "cur",
            "freetier",
            "health",
            "invoicing",
            "notifications",
            "notifications-contacts",
            "payments",
            "purchase-orders",
            "resource-groups",
            "servicequotas",
            "support",
            "support-console",
            "supportapp",
            "supportauthz",
            "supportplans",
            "tag",
            "tax",
            "trustedadvisor",
            "uxc",
        ],
    ),
    (
        "they guard and record the account",
        &[
            "access-analyzer",
            "cloudtrail",
            "cloudtrail-data",
            "cloudwatch",
            "config",
            "detective",
            "guardduty",
            "inspector2",
            "kms",
            "logs",
            "macie2",
            "securityhub",
            "securitylake",
            "shield",
            "waf",
            "waf-regional",
            "wafv2",
        ],
    ),
    (
        "their use is data events or in no trail, so that unseen does not mean unused",
        &[
            "aoss",
            "bedrock",
            "cassandra",
            "codewhisperer",
            "cognito-identity",
            "cognito-sync",
            "dax",
            "dsql",
            "dynamodb",
            "ec2-instance-connect",
            "ec2messages",
            "eks-auth",
            "elasticfilesystem",
            "es",
            "execute-api",
            "firehose",
            "iot",
            "iotjobsdata",
            "kafka-cluster",
            "kinesis",
            "kinesisvideo",
            "lambda",
            "mobileanalytics",
            "mobiletargeting",
            "neptune-db",
            "q",
            "rds-data",
            "rds-db",
            "redshift-data",
            "s3",
            "s3-object-lambda",
            "s3-outposts",
            "s3express",
            "sdb",
            "sns",
            "sqs",
            "ssmmessages",
            "timestream",
            "vpc-lattice-svcs",
            "xray",
        ],
    ),
];

/// Whose use counts: principals of one account, or everybody. A service control policy binds principals of the account it is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Everybody in the baseline.
    Organisation,
    /// Principals of this account.
    Account(&'a str),
}

/// A service control policy of what nobody uses.
#[derive(Clone, Debug)]
pub struct ScpDraft {
    /// The documents.
    pub documents: Vec<PolicyDocument>,
    /// First and last day of the baseline.
    pub window: Option<(Day, Day)>,
    /// Principals whose use counted.
    pub principals: usize,
    /// Services in use.
    pub used: Vec<&'static str>,
    /// Services denied.
    pub denied: Vec<&'static str>,
    /// Unused services that are not denied all the same, with the reason.
    pub kept: Vec<(&'static str, Vec<&'static str>)>,
    /// Services of which only calls that wait for review, were refused or are long past are known: not denied, so that a person decides.
    pub undecided: Vec<&'static str>,
    /// Services asked for, but only ever denied: among the denied.
    pub asked: Vec<&'static str>,
}

/// Which services calls belong to, by what became of the calls.
#[derive(Default)]
struct Seen {
    used: BTreeSet<&'static str>,
    undecided: BTreeSet<&'static str>,
    asked: BTreeSet<&'static str>,
}

impl Seen {
    fn add(&mut self, profile: &Profile, view: &PolicyView<'_>) {
        for row in profile.calls() {
            let (source, operation) = view.words.call(row.call());
            let Some(service) = view.catalogue.service(&source, &operation) else {
                continue;
            };
            let known = row.standing().is_known() && row.last >= view.since;
            match row.outcome() {
                OutcomeClass::Succeeded if known => self.used.insert(service),
                OutcomeClass::Succeeded => self.undecided.insert(service),
                OutcomeClass::Denied => self.asked.insert(service),
                // Somebody uses it, if without luck.
                OutcomeClass::Failed => self.undecided.insert(service),
            };
        }
        for row in profile.facets_of(Dimension::Forwarded) {
            let text = view.words.text(TextId(row.value));
            let call = text.split_once(':').unwrap_or((&text, ""));
            let service = view.catalogue.service(call.0, call.1);
            self.used.extend(service.filter(|_| row.last >= view.since));
        }
    }
}

/// Drafts it; `None` where the scope holds no principal.
#[must_use]
pub fn draft_scp(view: &PolicyView<'_>, scope: Scope<'_>) -> Option<ScpDraft> {
    let mut seen = Seen::default();
    let mut principals = 0;
    for (id, profile) in view.baseline.iter() {
        let wanted = match scope {
            Scope::Organisation => true,
            Scope::Account(account) => &*view.words.account_of(id) == account,
        };
        if wanted {
            principals += 1;
            seen.add(profile, view);
        }
    }
    if principals == 0 {
        return None;
    }
    let is_kept = |service: &str| KEPT.iter().any(|(_, kept)| kept.contains(&service));
    let is_unused =
        |service: &str| !seen.used.contains(service) && !seen.undecided.contains(service);
    let denied: Vec<&str> = view
        .catalogue
        .services()
        .filter(|service| is_unused(service) && !is_kept(service))
        .collect();
    let kept = KEPT.iter().map(|(reason, services)| {
        let unused = services.iter().filter(|service| is_unused(service));
        (*reason, unused.copied().collect::<Vec<_>>())
    });
    let statement = Statement {
        sid: "UnusedServices".to_owned(),
        effect: "Deny",
        action: denied
            .iter()
            .map(|service| format!("{service}:*"))
            .collect(),
        resource: vec!["*".to_owned()],
        condition: None,
    };
    let statements = if denied.is_empty() {
        Vec::new()
    } else {
        vec![statement]
    };
    Some(ScpDraft {
        documents: documents(statements, SCP_CHARS_MAX),
        window: view
            .baseline
            .window
            .0
            .map(|(since, until)| (since.day(), until.day())),
        principals,
        kept: kept.filter(|(_, services)| !services.is_empty()).collect(),
        undecided: seen.undecided.difference(&seen.used).copied().collect(),
        asked: denied
            .iter()
            .filter(|service| seen.asked.contains(*service))
            .copied()
            .collect(),
        used: seen.used.into_iter().collect(),
        denied,
    })
}

#[cfg(test)]
mod tests {
    use offtrail_baseline::{Baseline, MaturityRule};
    use offtrail_detector::catalogue::Catalogue;
    use offtrail_event::{Timestamp, Vocabulary};

    use super::*;

    #[test]
    fn what_is_kept_exists_and_is_named_once() {
        let services: BTreeSet<&str> = Catalogue::embedded().services().collect();
        let mut named = BTreeSet::new();
        for (_, kept) in KEPT {
            assert!(kept.is_sorted());
            for service in kept {
                assert!(services.contains(service), "{service}");
                assert!(named.insert(*service), "{service} twice");
            }
        }
    }

    #[test]
    fn an_empty_baseline_denies_nothing() {
        let view = PolicyView {
            words: &Vocabulary::new(),
            baseline: &Baseline::default(),
            catalogue: &Catalogue::embedded(),
            rule: MaturityRule::default(),
            since: Timestamp::MIN,
        };
        assert!(draft_scp(&view, Scope::Organisation).is_none());
    }
}
