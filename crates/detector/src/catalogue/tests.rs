//! The catalogue as a detection engineer would check it: known calls, the laws of the tables, and the sizes of the classes.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::*;
use SensitivityClass::{
    CallerIdentity, IdentityOrCredentialRead, OrdinaryRead, OrdinaryWrite, Sensitive, Severe,
};

/// Sizes of the classes as last reviewed.
const SIZES: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../data/classes.tsv"
));

#[test]
fn every_row_is_well_formed_sorted_and_unique() {
    let catalogue = Catalogue::parse()
        .map_err(|error| error.to_string())
        .unwrap();
    assert!(catalogue.actions.iter().count() > 20_000);
    assert!(catalogue.incidents.iter().count() > 370);
    assert!(catalogue.reviewed.iter().count() > 100);
}

#[test]
fn overrides_point_at_actions_that_exist() {
    let catalogue = Catalogue::embedded();
    for (service, action) in catalogue.overrides.targets() {
        let mut known = catalogue.actions.iter();
        assert!(
            known.any(|(of, name, _)| of == service && (action == "*" || name == action)),
            "{service}:{action}"
        );
    }
}

#[test]
fn actions_are_found_under_iam_names() {
    let catalogue = Catalogue::embedded();
    let check = |source: &str, operation: &str, expected: Option<&str>| {
        let action = catalogue.facts(source, operation, None).action;
        assert_eq!(
            action
                .map(|action| format!("{}:{}", action.service, action.name))
                .as_deref(),
            expected,
            "{source} {operation}"
        );
    };
    check(
        "monitoring.amazonaws.com",
        "GetMetricData",
        Some("cloudwatch:GetMetricData"),
    );
    check(
        "s3.amazonaws.com",
        "ListBuckets",
        Some("s3:ListAllMyBuckets"),
    );
    check("s3.amazonaws.com", "HeadObject", Some("s3:GetObject"));
    check("s3.amazonaws.com", "ListObjectsV2", Some("s3:ListBucket"));
    check(
        "lambda.amazonaws.com",
        "Invoke",
        Some("lambda:InvokeFunction"),
    );
    check(
        "lambda.amazonaws.com",
        "ListFunctions",
        Some("lambda:ListFunctions"),
    );
    check(
        "apigateway.amazonaws.com",
        "GetRestApis",
        Some("apigateway:GET"),
    );
    check(
        "tagging.amazonaws.com",
        "GetResources",
        Some("tag:GetResources"),
    );
    check("iam.amazonaws.com.cn", "createuser", Some("iam:CreateUser"));
    check("sts.amazonaws.com", "GetCallerIdentity", None);
    check(
        "elasticloadbalancing.amazonaws.com",
        "CreateLoadBalancer",
        Some("elasticloadbalancing:CreateLoadBalancer"),
    );
    check("nonesuch.amazonaws.com", "GetThings", None);
    check("", "", None);
}

#[test]
fn what_is_unknown_stays_unknown() {
    let catalogue = Catalogue::embedded();
    let check = |read_only, effect, class| {
        let facts = catalogue.facts("nonesuch.amazonaws.com", "ListThings", read_only);
        assert_eq!(
            (facts.effect, facts.no_iam_action, facts.in_incidents),
            (effect, false, false)
        );
        assert_eq!(
            catalogue
                .sensitivity("nonesuch.amazonaws.com", "ListThings", read_only)
                .class,
            class,
            "{read_only:?}"
        );
    };
    check(None, Effect::Unknown, OrdinaryWrite);
    check(Some(false), Effect::Write, OrdinaryWrite);
    check(Some(true), Effect::Read, OrdinaryRead);
    assert!(
        catalogue
            .facts("sts.amazonaws.com", "GetCallerIdentity", None)
            .no_iam_action
    );
}

#[test]
fn a_key_listing_is_an_identity_read_of_account_discovery() {
    let listing =
        Catalogue::embedded().sensitivity("iam.amazonaws.com", "ListAccessKeys", Some(true));
    assert_eq!(listing.class, IdentityOrCredentialRead);
    assert_eq!(
        (listing.tactic, listing.technique),
        (Some("TA0007"), Some("T1087.004"))
    );
    assert!(!listing.is_data_read && !listing.destructive);
}

#[test]
fn calls_have_the_class_an_engineer_expects() {
    let catalogue = Catalogue::embedded();
    let check = |class: SensitivityClass, calls: &str| {
        for call in calls.split_whitespace() {
            let (source, operation) = call.split_once(':').unwrap();
            // Without `readOnly`, as records before version 1.06 are.
            assert_eq!(
                catalogue
                    .sensitivity(&format!("{source}.amazonaws.com"), operation, None)
                    .class,
                class,
                "{call}"
            );
        }
    };
    check(CallerIdentity, "sts:GetCallerIdentity");
    check(
        OrdinaryRead,
        "s3:GetObject s3:ListObjects sts:AssumeRole ecr:GetAuthorizationToken dynamodb:Query sso:GetRoleCredentials",
    );
    check(
        OrdinaryWrite,
        "ec2:DescribeInstances s3:ListBuckets lambda:ListFunctions s3:GetBucketPolicy logs:DescribeLogGroups",
    );
    check(
        OrdinaryWrite,
        "s3:PutObject lambda:Invoke ses:SendEmail logs:CreateLogStream dynamodb:PutItem ec2:CreateTags iam:TagRole",
    );
    check(
        OrdinaryWrite,
        "ecs:RegisterTaskDefinition sqs:SendMessage cloudtrail:StartLogging sso:Logout",
    );
    check(
        IdentityOrCredentialRead,
        "iam:GetAccountAuthorizationDetails iam:ListUsers organizations:ListAccounts identitystore:ListUsers",
    );
    check(
        IdentityOrCredentialRead,
        "secretsmanager:GetSecretValue secretsmanager:BatchGetSecretValue secretsmanager:ListSecrets",
    );
    check(
        IdentityOrCredentialRead,
        "ssm:GetParameter ssm:GetParametersByPath ssm:DescribeParameters ec2:GetPasswordData ses:GetSendQuota",
    );
    check(
        IdentityOrCredentialRead,
        "cloudtrail:DescribeTrails guardduty:ListDetectors sts:GetFederationToken sts:GetSessionToken",
    );
    check(
        IdentityOrCredentialRead,
        "signin:ConsoleLogin config:DescribeConfigurationRecorders",
    );
    check(
        Sensitive,
        "ec2:RunInstances ssm:SendCommand lambda:UpdateFunctionCode lambda:AddPermission",
    );
    check(
        Sensitive,
        "ram:CreateResourceShare sqs:AddPermission iam:DeleteRole iam:ChangePassword ec2:TerminateInstances ses:VerifyEmailIdentity",
    );
    check(
        Sensitive,
        "bedrock:PutUseCaseForModelAccess servicequotas:RequestServiceQuotaIncrease wafv2:DeleteWebACL config:DeleteConfigRule",
    );
    check(
        Severe,
        "ec2:ModifySnapshotAttribute rds:ModifyDBSnapshotAttribute iam:CreateAccessKey iam:CreateUser iam:AttachUserPolicy iam:PutRolePolicy iam:UpdateAssumeRolePolicy iam:CreateLoginProfile",
    );
    check(
        Severe,
        "iam:DeactivateMFADevice iam:CreateOpenIDConnectProvider iam:CreateSAMLProvider iam:DeleteRolePermissionsBoundary",
    );
    check(
        Severe,
        "organizations:LeaveOrganization sso:CreateAccountAssignment kms:PutKeyPolicy kms:ScheduleKeyDeletion sts:AssumeRoot",
    );
    check(
        Severe,
        "cloudtrail:StopLogging cloudtrail:DeleteTrail cloudtrail:PutEventSelectors cloudtrail:UpdateTrail guardduty:DeleteDetector",
    );
    check(
        Severe,
        "config:StopConfigurationRecorder ec2:DeleteFlowLogs logs:DeleteLogGroup backup:DeleteRecoveryPoint s3:PutBucketPolicy",
    );
}

#[test]
fn names_alone_decide_nothing() {
    let catalogue = Catalogue::embedded();
    assert_eq!(
        catalogue
            .sensitivity("greengrass.amazonaws.com", "ListGroups", Some(true))
            .class,
        OrdinaryRead
    );
    assert_eq!(
        catalogue
            .sensitivity("iam.amazonaws.com", "ListGroups", Some(true))
            .class,
        IdentityOrCredentialRead
    );
}

#[test]
fn data_reads_and_destruction_are_flagged() {
    let catalogue = Catalogue::embedded();
    let check = |source: &str, operation: &str, expected: (bool, bool)| {
        let found = catalogue.sensitivity(source, operation, None);
        assert_eq!(
            (found.is_data_read, found.destructive),
            expected,
            "{source} {operation}"
        );
    };
    check("s3.amazonaws.com", "GetObject", (true, false));
    check(
        "secretsmanager.amazonaws.com",
        "GetSecretValue",
        (true, false),
    );
    check("ec2.amazonaws.com", "TerminateInstances", (false, true));
    check("iam.amazonaws.com", "ListUsers", (false, false));
}

/// A row that the rules already give is one more line to review for nothing.
#[test]
fn each_reviewed_row_says_something_the_rules_do_not() {
    let catalogue = Catalogue::embedded();
    let mut idle = Vec::new();
    for (source, operation, row) in catalogue.reviewed.iter() {
        assert!(row.reason.len() > 12, "{source}:{operation} needs a reason");
        let idle_row = [None, Some(true), Some(false)]
            .into_iter()
            .all(|read_only| {
                let facts = catalogue.facts(source, operation, read_only);
                let (with, without) = (
                    sensitivity::of(source, operation, &facts, Some(row)),
                    sensitivity::of(source, operation, &facts, None),
                );
                (with.class, with.tactic, with.technique)
                    == (without.class, without.tactic, without.technique)
            });
        if idle_row {
            idle.push(format!("{source}:{operation}"));
        }
    }
    assert!(
        idle.is_empty(),
        "rows that the rules give already: {}",
        idle.join(" ")
    );
}

/// Counts the classes over all IAM actions and over the incident table, by tactic; `data/classes.tsv` is what was last reviewed, so that a
/// change of rules or facts shows its reach in the diff.
#[test]
fn class_sizes_are_as_reviewed() {
    let catalogue = Catalogue::embedded();
    let mut sizes: BTreeMap<String, [usize; 6]> = BTreeMap::new();
    let mut count = |group: &str, class: SensitivityClass| {
        sizes.entry(group.to_owned()).or_default()[class as usize] += 1
    };
    for (service, action, _) in catalogue.actions.iter() {
        count(
            "all IAM actions",
            catalogue.sensitivity(service, action, None).class,
        );
    }
    for (source, operation, incident) in catalogue.incidents.iter() {
        let class = catalogue.sensitivity(source, operation, None).class;
        count("all incident calls", class);
        AttackIds(incident.tactics)
            .iter()
            .for_each(|tactic| count(tactic, class));
    }
    let mut text = String::from(
        "# How many calls each class holds; checked by a test. Calls with several tactics count in each.\ngroup",
    );
    SensitivityClass::ALL
        .iter()
        .for_each(|(_, name)| text += &format!("\t{name}"));
    for (group, counts) in &sizes {
        text += &format!("\n{group}");
        counts.iter().for_each(|n| text += &format!("\t{n}"));
    }
    text += "\n";
    assert_eq!(
        text, SIZES,
        "if the new sizes are meant, put this into data/classes.tsv:\n{text}"
    );
}
