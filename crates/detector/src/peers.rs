//! Peer groups: principals compared with each other, by rules a person can read. The group and its rule are named in each finding.
//!
//! Machines are compared with machines and people with people: a CI user that lists users is odd even where administrators do
//! it daily. The rules look at kind, name and at what records told of the principal's nature ([`Traits`]), first match wins.

use std::borrow::Cow;

use offtrail_event::{PrincipalKind, PrincipalName, Traits};

/// The wider group a peer group belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Robots, deploy roles, workloads.
    Machine,
    /// People, root.
    Person,
    /// Auditors, scanners, vendors: broad readers.
    Audit,
    /// Services, service-linked roles, and callers without a profile of their own; never judged.
    Service,
}

/// Which group a principal belongs to, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The wider group.
    pub family: Family,
    /// Its name: `robot users`, `people with PlatformAdmin`.
    pub name: String,
    /// The rule that put the principal there.
    pub rule: Cow<'static, str>,
}

/// Words in a name that mark a robot.
const ROBOT_WORDS: &[&str] = &[
    "app",
    "automation",
    "backup",
    "bitbucket",
    "bot",
    "build",
    "builder",
    "buildkite",
    "ci",
    "cicd",
    "circleci",
    "cd",
    "cron",
    "deploy",
    "deployer",
    "deployment",
    "github",
    "gitlab",
    "jenkins",
    "job",
    "machine",
    "pipeline",
    "release",
    "robot",
    "runner",
    "s3",
    "service",
    "ses",
    "smtp",
    "svc",
    "sync",
    "system",
    "terraform",
    "travis",
    "upload",
    "uploader",
];

/// Words in a role's name that mark deployment.
const DEPLOY_WORDS: &[&str] = &[
    "argo",
    "argocd",
    "atlantis",
    "bamboo",
    "bitbucket",
    "buildkite",
    "cdk",
    "ci",
    "cicd",
    "circleci",
    "cloudformation",
    "codebuild",
    "codepipeline",
    "deploy",
    "deployer",
    "deployment",
    "flux",
    "github",
    "gitlab",
    "jenkins",
    "pipeline",
    "provisioner",
    "pulumi",
    "release",
    "spacelift",
    "terraform",
    "tf",
];

/// Words in a role's name that mark a broad reader.
const AUDIT_WORDS: &[&str] = &[
    "audit",
    "auditor",
    "compliance",
    "cspm",
    "datadog",
    "drata",
    "inventory",
    "lacework",
    "newrelic",
    "orca",
    "prisma",
    "prowler",
    "scan",
    "scanner",
    "securityaudit",
    "snyk",
    "vanta",
    "vendor",
    "wiz",
];

/// Puts a principal into its group.
#[must_use]
pub fn group_of(name: &PrincipalName, traits: Traits) -> Group {
    let group = |family, name: &str, rule| Group {
        family,
        name: name.to_owned(),
        rule: Cow::Borrowed(rule),
    };
    match name.kind {
        PrincipalKind::Root => group(Family::Person, "root users", "kind root"),
        PrincipalKind::FederatedUser => {
            group(Family::Person, "federated users", "kind federated_user")
        }
        PrincipalKind::IdentityCenterUser => group(
            Family::Person,
            "identity-centre users",
            "kind identity_center_user",
        ),
        PrincipalKind::IamUser => user_group(&name.name, traits),
        PrincipalKind::Role => role_group(name, traits),
        PrincipalKind::AwsService
        | PrincipalKind::SamlUser
        | PrincipalKind::WebIdentityUser
        | PrincipalKind::ForeignAccount
        | PrincipalKind::Unrecognised => group(
            Family::Service,
            name.kind.as_str(),
            "kind without a profile of its own",
        ),
    }
}

fn user_group(name: &str, traits: Traits) -> Group {
    let robot = |rule| Group {
        family: Family::Machine,
        name: "robot users".to_owned(),
        rule: Cow::Borrowed(rule),
    };
    let person = |rule| Group {
        family: Family::Person,
        name: "people with an IAM user".to_owned(),
        rule: Cow::Borrowed(rule),
    };
    if traits.intersects(Traits::CONSOLE) {
        person("IAM user that signs in to the console")
    } else if has_word(name, ROBOT_WORDS) {
        robot("IAM user with a robot's name")
    } else if traits.intersects(Traits::MFA) {
        person("IAM user with a second factor")
    } else if name.contains('@') || is_first_last(name) {
        person("IAM user with a person's name")
    } else {
        robot("IAM user that never signs in to the console")
    }
}

fn role_group(name: &PrincipalName, traits: Traits) -> Group {
    let group = |family, name: String, rule| Group {
        family,
        name,
        rule: Cow::Borrowed(rule),
    };
    if name.arn.contains(":role/aws-service-role/") || name.name.starts_with("AWSServiceRoleFor") {
        return group(
            Family::Service,
            "service-linked roles".to_owned(),
            "path /aws-service-role/",
        );
    }
    if let Some(set) = permission_set(&name.name) {
        return group(
            Family::Person,
            format!("people with {set}"),
            "identity-centre permission set",
        );
    }
    if traits.intersects(Traits::SAML_FEDERATION) {
        return group(
            Family::Person,
            format!("people with {}", name.name),
            "role opened through SAML",
        );
    }
    if traits.intersects(Traits::CI_FEDERATION) {
        return group(
            Family::Machine,
            "deploy roles".to_owned(),
            "role opened by a CI system's identity",
        );
    }
    if has_word(&name.name, AUDIT_WORDS) {
        return group(
            Family::Audit,
            "audit and vendor roles".to_owned(),
            "role with an auditor's or vendor's name",
        );
    }
    if has_word(&name.name, DEPLOY_WORDS) {
        return group(
            Family::Machine,
            "deploy roles".to_owned(),
            "role with a deployer's name",
        );
    }
    if traits.intersects(
        Traits::CLUSTER_FEDERATION
            .union(Traits::INSTANCE)
            .union(Traits::ASSUMED_BY_SERVICE),
    ) {
        return group(
            Family::Machine,
            "workload roles".to_owned(),
            "role opened by an instance, a cluster or a service",
        );
    }
    if traits.intersects(Traits::ASSUMED_BY_OTHER_ACCOUNT) {
        return group(
            Family::Audit,
            "audit and vendor roles".to_owned(),
            "role opened from another account",
        );
    }
    group(
        Family::Machine,
        "other roles".to_owned(),
        "role of no other group",
    )
}

/// `PlatformAdmin` of `AWSReservedSSO_PlatformAdmin_0123456789abcdef`.
fn permission_set(role: &str) -> Option<&str> {
    let rest = role.strip_prefix("AWSReservedSSO_")?;
    Some(rest.rsplit_once('_').map_or(rest, |(set, _)| set))
}

/// Whether one of the words stands in the name between separators, whatever its case.
fn has_word(name: &str, words: &[&str]) -> bool {
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .flat_map(split_camel)
        .any(|part| words.iter().any(|word| part.eq_ignore_ascii_case(word)))
}

/// `GitHubActionsRole` → the whole, and `Git Hub Actions Role`; enough for names written without separators.
fn split_camel(part: &str) -> impl Iterator<Item = &str> {
    let mut pieces = vec![part];
    let mut start = 0;
    for (index, window) in part.as_bytes().windows(2).enumerate() {
        if window[0].is_ascii_lowercase() && window[1].is_ascii_uppercase() {
            pieces.push(&part[start..=index]);
            start = index + 1;
        }
    }
    pieces.push(&part[start..]);
    pieces.into_iter()
}

/// `ana.silva`.
fn is_first_last(name: &str) -> bool {
    let mut parts = name.split('.');
    let word = |part: Option<&str>| {
        part.is_some_and(|part| {
            part.len() > 1 && part.chars().all(|c| c.is_alphabetic() || c == '-')
        })
    };
    word(parts.next()) && word(parts.next()) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn name(kind: PrincipalKind, name: &str) -> PrincipalName {
        let text = |text: &str| Arc::from(text);
        PrincipalName {
            kind,
            account: text("1"),
            id: text("X"),
            person: None,
            arn: text(""),
            name: text(name),
        }
    }

    fn check(kind: PrincipalKind, called: &str, traits: Traits, expected: &str) {
        assert_eq!(
            group_of(&name(kind, called), traits).name,
            expected,
            "{called}"
        );
    }

    #[test]
    fn users_are_robots_or_people() {
        let user =
            |called, traits, expected| check(PrincipalKind::IamUser, called, traits, expected);
        user("ci-deploy", Traits::PERMANENT_KEY, "robot users");
        user("ci-deploy", Traits::CONSOLE, "people with an IAM user");
        user("ana.silva", Traits::default(), "people with an IAM user");
        user(
            "ana@example.com",
            Traits::default(),
            "people with an IAM user",
        );
        user("grafana", Traits::default(), "robot users");
        user("grafana", Traits::MFA, "people with an IAM user");
    }

    #[test]
    fn roles_by_who_opens_them_and_by_name() {
        let role = |called, traits, expected| check(PrincipalKind::Role, called, traits, expected);
        role(
            "AWSReservedSSO_PlatformAdmin_0123456789abcdef",
            Traits::default(),
            "people with PlatformAdmin",
        );
        role(
            "AWSReservedSSO_Read_Only_0123456789abcdef",
            Traits::default(),
            "people with Read_Only",
        );
        role(
            "orders-lambda-role",
            Traits::ASSUMED_BY_SERVICE,
            "workload roles",
        );
        role("GitHubActionsRole", Traits::CI_FEDERATION, "deploy roles");
        role(
            "TerraformApply",
            Traits::ASSUMED_WITHIN_ACCOUNT,
            "deploy roles",
        );
        role(
            "SecurityAudit",
            Traits::ASSUMED_BY_OTHER_ACCOUNT,
            "audit and vendor roles",
        );
        role(
            "partner",
            Traits::ASSUMED_BY_OTHER_ACCOUNT,
            "audit and vendor roles",
        );
        role(
            "AWSServiceRoleForSupport",
            Traits::default(),
            "service-linked roles",
        );
        role("admin", Traits::ASSUMED_WITHIN_ACCOUNT, "other roles");
    }
}
