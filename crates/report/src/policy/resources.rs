//! On which resources an action was used, where the baseline tells.
//!
//! A profile remembers what the calls of a closed list were aimed at (its targets), but not which call had which target. So an action
//! is narrowed only if every operation behind it is of that list and every one of its calls told its target: the counts of the targets
//! must reach the counts of the calls. Anything else stays at `*`: a policy that takes away what is in use helps nobody. ARN forms:
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>.

use std::collections::{BTreeMap, BTreeSet};

use offtrail_baseline::{Dimension, FacetRow, Profile, TARGETS_PER_PRINCIPAL_MAX};
use offtrail_event::{
    OutcomeClass, PrincipalId, PrincipalName, TargetKind, TextId, Timestamp, Vocabulary,
};

use super::used::ActionKey;

/// Targets of this length may have been cut by the reader of records; bytes.
const WHOLE_BYTES_MAX: usize = 250;

/// What a target names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Bucket,
    Secret,
    Parameter,
    Function,
    Trail,
    Role,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Bucket,
        Self::Secret,
        Self::Parameter,
        Self::Function,
        Self::Trail,
        Self::Role,
    ];

    /// The calls that leave a target of this kind.
    fn telling(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Bucket => (
                "s3.amazonaws.com",
                &[
                    "GetObject",
                    "ListObjects",
                    "ListObjectsV2",
                    "DeleteBucket",
                    "PutBucketVersioning",
                    "PutBucketLifecycle",
                    "PutBucketLogging",
                    "PutBucketEncryption",
                    "DeleteBucketPolicy",
                    "DeleteBucketEncryption",
                    "PutBucketPolicy",
                ],
            ),
            Self::Secret => ("secretsmanager.amazonaws.com", &["GetSecretValue"]),
            Self::Parameter => (
                "ssm.amazonaws.com",
                &[
                    "GetParameter",
                    "GetParameterHistory",
                    "GetParameters",
                    "GetParametersByPath",
                ],
            ),
            Self::Function => (
                "lambda.amazonaws.com",
                &[
                    "Invoke",
                    "UpdateFunctionCode",
                    "UpdateFunctionConfiguration",
                ],
            ),
            Self::Trail => (
                "cloudtrail.amazonaws.com",
                &[
                    "StopLogging",
                    "DeleteTrail",
                    "UpdateTrail",
                    "PutEventSelectors",
                    "PutInsightSelectors",
                ],
            ),
            Self::Role => (
                "sts.amazonaws.com",
                &[
                    "AssumeRole",
                    "AssumeRoleWithSAML",
                    "AssumeRoleWithWebIdentity",
                ],
            ),
        }
    }

    fn target(self) -> Option<TargetKind> {
        match self {
            Self::Bucket => Some(TargetKind::Bucket),
            Self::Secret => Some(TargetKind::Secret),
            Self::Parameter => Some(TargetKind::Parameter),
            Self::Function => Some(TargetKind::Function),
            Self::Trail => Some(TargetKind::Trail),
            Self::Role => None,
        }
    }
}

/// The kind of resource an action is narrowed to. `ssm:GetParameters` is not: of several names only the first is remembered.
fn kind_of((service, name): ActionKey) -> Option<Kind> {
    match (service, name) {
        ("s3", _) => Some(Kind::Bucket),
        ("secretsmanager", "GetSecretValue") => Some(Kind::Secret),
        ("ssm", "GetParameter" | "GetParameterHistory" | "GetParametersByPath") => {
            Some(Kind::Parameter)
        }
        ("lambda", _) => Some(Kind::Function),
        ("cloudtrail", _) => Some(Kind::Trail),
        ("sts", "AssumeRole") => Some(Kind::Role),
        _ => None,
    }
}

/// The resources of one principal, by kind; a kind that is not fully known is absent.
#[derive(Debug, Default)]
pub(super) struct Resources {
    known: BTreeMap<Kind, BTreeSet<String>>,
}

impl Resources {
    /// Of a profile, targets last seen before `since` left out.
    pub(super) fn of(
        profile: &Profile,
        name: &PrincipalName,
        words: &Vocabulary,
        since: Timestamp,
    ) -> Self {
        let place = Place::of(profile, name, words);
        let full = profile.facets_of(Dimension::Target).count() >= TARGETS_PER_PRINCIPAL_MAX;
        let known = Kind::ALL
            .into_iter()
            .filter(|kind| !full || kind.target().is_none())
            .filter_map(|kind| {
                let rows = rows_of(kind, profile, words);
                let told: u64 = rows.iter().map(|(row, _)| u64::from(row.count)).sum();
                if told == 0 || told < calls_of(kind, profile, words) {
                    return None;
                }
                let wanted = rows
                    .into_iter()
                    .filter(|(row, _)| row.standing.is_known() && row.last >= since);
                let arns: Option<Vec<String>> =
                    wanted.map(|(_, text)| place.arn(kind, &text)).collect();
                let arns: BTreeSet<String> = arns?.into_iter().collect();
                (!arns.is_empty()).then_some((kind, arns))
            })
            .collect();
        Self { known }
    }

    /// ARN patterns for an action that was used by these operations; `None`: not known.
    pub(super) fn for_action(
        &self,
        action: ActionKey,
        operations: &BTreeSet<String>,
    ) -> Option<Vec<String>> {
        let kind = kind_of(action)?;
        let (_, telling) = kind.telling();
        if !operations.iter().all(|one| telling.contains(&&**one)) {
            return None;
        }
        let arns = self.known.get(&kind)?;
        let mut patterns: Vec<String> = arns
            .iter()
            .flat_map(|arn| match (kind, action.1) {
                (Kind::Bucket, "GetObject") => vec![format!("{arn}/*")],
                // Whole ARNs end in six characters that Secrets Manager adds.
                (Kind::Secret, _) => vec![format!("{arn}-??????")],
                (Kind::Parameter, "GetParametersByPath") => {
                    vec![arn.clone(), format!("{arn}/*")]
                }
                // Versions and aliases follow the name.
                (Kind::Function, _) => vec![arn.clone(), format!("{arn}:*")],
                _ => vec![arn.clone()],
            })
            .collect();
        patterns.sort();
        Some(patterns)
    }
}

/// The target rows of a kind, with their texts.
fn rows_of<'p>(
    kind: Kind,
    profile: &'p Profile,
    words: &Vocabulary,
) -> Vec<(&'p FacetRow, String)> {
    let Some(target) = kind.target() else {
        return profile
            .facets_of(Dimension::Takes)
            .map(|row| {
                let role = words.principal(PrincipalId(row.value));
                (row, role.arn.to_string())
            })
            .collect();
    };
    let rows = profile.facets_of(Dimension::Target);
    rows.filter_map(|row| {
        let text = words.text(TextId(row.value));
        let (word, value) = text.split_once(':')?;
        (word == target.as_str()).then(|| (row, value.to_owned()))
    })
    .collect()
}

/// How many calls should have left a target of that kind.
fn calls_of(kind: Kind, profile: &Profile, words: &Vocabulary) -> u64 {
    let (source, operations) = kind.telling();
    let rows = profile.calls().iter().filter(|row| {
        let (of, operation) = words.call(row.call());
        row.outcome() == OutcomeClass::Succeeded
            && &*of == source
            && operations.contains(&&*operation)
    });
    rows.map(|row| u64::from(row.count())).sum()
}

/// Partition and account of resources that are named without them.
struct Place {
    partition: String,
    account: String,
}

impl Place {
    fn of(profile: &Profile, name: &PrincipalName, words: &Vocabulary) -> Self {
        let partition = name.arn.split(':').nth(1).unwrap_or("aws");
        let accounts: Vec<_> = profile
            .facets_of(Dimension::Account)
            .map(|row| words.text(TextId(row.value)))
            .collect();
        let account = match accounts.as_slice() {
            [one] if is_account(one) => one.to_string(),
            _ => "*".to_owned(),
        };
        Self {
            partition: if partition.starts_with("aws") {
                literal(partition)
            } else {
                "aws".to_owned()
            },
            account,
        }
    }

    /// The ARN pattern of a resource, without what an action adds; `None`: its name tells too little.
    fn arn(&self, kind: Kind, text: &str) -> Option<String> {
        if text.is_empty() || text.len() > WHOLE_BYTES_MAX {
            return None;
        }
        let (account, name) = match text.split_once(':') {
            Some((account, name)) if is_account(account) => (account, name),
            _ => (&*self.account, text),
        };
        let named = |service: &str, resource: &str| {
            let partition = &self.partition;
            Some(format!("arn:{partition}:{service}:*:{account}:{resource}"))
        };
        match kind {
            Kind::Role => {
                let is_role = text.starts_with("arn:") && text.contains(":role/");
                is_role.then(|| literal(text))
            }
            // A slash or a colon: an access point, whose objects have ARNs of another form.
            Kind::Bucket => (!text.contains(['/', ':']))
                .then(|| format!("arn:{}:s3:::{}", self.partition, literal(text))),
            Kind::Secret => named("secretsmanager", &format!("secret:{}", literal(name))),
            Kind::Parameter => named(
                "ssm",
                &format!("parameter/{}", literal(name.trim_matches('/'))),
            ),
            Kind::Function => {
                let name = name.strip_prefix("function:").unwrap_or(name);
                let name = name.split(':').next().unwrap_or(name);
                named("lambda", &format!("function:{}", literal(name)))
            }
            Kind::Trail => named("cloudtrail", &format!("trail/{}", literal(name))),
        }
    }
}

/// A text that matches nothing but itself:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-specialchars>.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '*' | '?' | '$' => out.extend(["${", &char.to_string(), "}"]),
            _ => out.push(char),
        }
    }
    out
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_patterns_that_match_nothing_else() {
        let place = Place {
            partition: "aws".into(),
            account: "111122223333".into(),
        };
        let check = |kind, text: &str, expected: Option<&str>| {
            assert_eq!(place.arn(kind, text).as_deref(), expected, "{text}");
        };
        check(Kind::Bucket, "data", Some("arn:aws:s3:::data"));
        check(Kind::Bucket, "accesspoint/x", None);
        check(Kind::Bucket, "*", Some("arn:aws:s3:::${*}"));
        check(
            Kind::Secret,
            "prod/db",
            Some("arn:aws:secretsmanager:*:111122223333:secret:prod/db"),
        );
        check(
            Kind::Secret,
            "444455556666:db",
            Some("arn:aws:secretsmanager:*:444455556666:secret:db"),
        );
        check(
            Kind::Parameter,
            "/prod/key",
            Some("arn:aws:ssm:*:111122223333:parameter/prod/key"),
        );
        check(
            Kind::Function,
            "444455556666:function:work:live",
            Some("arn:aws:lambda:*:444455556666:function:work"),
        );
        check(
            Kind::Trail,
            "main",
            Some("arn:aws:cloudtrail:*:111122223333:trail/main"),
        );
        check(Kind::Role, "arn:aws:sts::1:assumed-role/x/y", None);
        check(Kind::Secret, "", None);
        check(Kind::Secret, &"x".repeat(256), None);
    }
}
