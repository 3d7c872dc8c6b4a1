//! Policies drafted from a baseline, held against every call it was learnt from by an evaluator of our own.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run the binary and read what it wrote"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use offtrail_tests::{
    actions::Actions,
    archive::small,
    binary::json_lines,
    iam::{Decision, Request, decide},
    offtrail,
    worker::{ACCOUNT, learnt, record},
};
use serde_json::{Value, json};

/// Longest managed policy and longest service control policy.
const MANAGED_CHARS_MAX: usize = 6_144;
const SCP_CHARS_MAX: usize = 5_120;

/// The documents on standard output.
fn policy(baseline: &Path, arguments: &[&str]) -> Vec<Value> {
    let text = offtrail!["baseline", "policy", "--quiet", "--baseline", baseline]
        .args(arguments)
        .ok();
    let documents: Vec<Value> = serde_json::Deserializer::from_str(&text)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    let longest = if arguments.contains(&"--scp") {
        SCP_CHARS_MAX
    } else {
        MANAGED_CHARS_MAX
    };
    for one in &documents {
        let chars = one
            .to_string()
            .chars()
            .filter(|char| !char.is_whitespace())
            .count();
        assert!(chars <= longest, "{chars} characters");
    }
    documents
}

/// The same for people.
fn told(baseline: &Path, arguments: &[&str]) -> String {
    let format = ["--format", "text"];
    offtrail!["baseline", "policy", "--baseline", baseline]
        .args(arguments)
        .args(format)
        .ok()
}

/// One succeeded call: who, what, on which resource, and whether a service made it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Made {
    principal: String,
    source: String,
    operation: String,
    resource: String,
    via_service: bool,
}

/// Every succeeded call of an archive.
fn made(archive: &Path, records: &[String]) -> BTreeSet<Made> {
    let by_id: BTreeMap<String, Value> = records
        .iter()
        .map(|text| serde_json::from_str::<Value>(text).unwrap())
        .map(|record| (record["eventID"].as_str().unwrap().to_owned(), record))
        .collect();
    let lines = json_lines(&offtrail!["events", archive, "--quiet"].ok());
    let succeeded = lines
        .iter()
        .filter(|line| line["outcome"]["class"] == "succeeded")
        // A foreign account's calls are in its own trail too, and there its principals have names.
        .filter(|line| line["principal"]["kind"] != "foreign_account");
    succeeded
        .map(|line| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let principal = &line["principal"];
            // A person is part of the key of a role only: other principals are persons themselves.
            let person = principal["person"]
                .as_str()
                .filter(|_| principal["kind"] == "role");
            let person = person.map_or(String::new(), |person| format!("#{person}"));
            let operation = text(&line["call"]["operation"]);
            Made {
                principal: format!(
                    "{}/{}{person}",
                    text(&principal["account"]),
                    text(&principal["id"])
                ),
                source: text(&line["call"]["source"]),
                resource: resource(&operation, &by_id[line["event_id"].as_str().unwrap()]),
                operation,
                via_service: line["credential"]["kind"] == "forward_access",
            }
        })
        .collect()
}

/// The ARN a record's call is authorised on, for calls where policies may name one.
fn resource(operation: &str, record: &Value) -> String {
    let parameter = |name: &str| record["requestParameters"][name].as_str().unwrap_or("none");
    let of = |service: &str, kind: &str, name: &str| {
        if name.starts_with("arn:") {
            return name.to_owned();
        }
        let [region, account] = ["awsRegion", "recipientAccountId"]
            .map(|member| record[member].as_str().unwrap_or_default());
        format!("arn:aws:{service}:{region}:{account}:{kind}{name}")
    };
    match operation {
        "GetSecretValue" => {
            let arn = of("secretsmanager", "secret:", parameter("secretId"));
            if parameter("secretId").starts_with("arn:") {
                arn
            } else {
                arn + "-Ab12Cd"
            }
        }
        "GetParameter" | "GetParameterHistory" => of(
            "ssm",
            "parameter/",
            parameter("name").trim_start_matches('/'),
        ),
        "GetParametersByPath" => of("ssm", "parameter/", parameter("path").trim_matches('/')),
        "GetObject" => format!(
            "arn:aws:s3:::{}/{}",
            parameter("bucketName"),
            parameter("key")
        ),
        "Invoke" | "UpdateFunctionCode" | "UpdateFunctionConfiguration" => {
            of("lambda", "function:", parameter("functionName"))
        }
        "StopLogging" | "DeleteTrail" | "UpdateTrail" => {
            of("cloudtrail", "trail/", parameter("name"))
        }
        "PutEventSelectors" | "PutInsightSelectors" => {
            of("cloudtrail", "trail/", parameter("trailName"))
        }
        "AssumeRole" => parameter("roleArn").to_owned(),
        _ if record["eventSource"] == "s3.amazonaws.com" => {
            format!("arn:aws:s3:::{}", parameter("bucketName"))
        }
        _ => "arn:aws:other:::anything".to_owned(),
    }
}

/// Up to ten actions that are not in use, spread over the table.
fn ten_others<'a>(actions: &'a Actions, used: &BTreeSet<&str>) -> Vec<&'a str> {
    let all: Vec<&str> = actions.all().collect();
    let step = all.len() / 40;
    let unused = all.into_iter().step_by(step);
    unused
        .filter(|action| !used.contains(action))
        .take(10)
        .collect()
}

#[test]
fn a_policy_allows_what_was_used_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let archive = small();
    archive.write(folder.path());
    let logs = folder.path().join("AWSLogs");
    let baseline = folder.path().join("org.db");
    offtrail!["backfill", &logs, "--baseline", &baseline, "--quiet"].ok();
    let actions = Actions::read();
    let mut by_principal: BTreeMap<String, Vec<Made>> = BTreeMap::new();
    for made in made(&logs, &archive.records()) {
        by_principal
            .entry(made.principal.clone())
            .or_default()
            .push(made);
    }
    assert!(by_principal.len() > 50, "{} principals", by_principal.len());
    let (mut allowed, mut narrowed) = (0, 0);
    for (principal, calls) in &by_principal {
        let documents = policy(&baseline, &[principal]);
        let mut text = None;
        let mut used = BTreeSet::new();
        for call in calls {
            let Some(action) = actions.of(&call.source, &call.operation) else {
                let text = text.get_or_insert_with(|| told(&baseline, &[principal]));
                assert!(text.contains(&call.operation), "{call:?} untold: {text}");
                continue;
            };
            used.insert(action);
            let request = Request {
                action,
                resource: &call.resource,
                via_service: call.via_service,
            };
            assert_eq!(
                decide(&documents, request),
                Decision::Allowed,
                "{call:?} by {documents:#?}"
            );
            allowed += 1;
            let elsewhere = Request {
                resource: "arn:aws:other:::elsewhere",
                ..request
            };
            narrowed += u32::from(decide(&documents, elsewhere) == Decision::Unmentioned);
        }
        let others = ten_others(&actions, &used);
        assert_eq!(others.len(), 10);
        for action in others {
            let request = Request {
                action,
                resource: "arn:aws:other:::anything",
                via_service: true,
            };
            assert_eq!(
                decide(&documents, request),
                Decision::Unmentioned,
                "{principal} {action}"
            );
        }
    }
    assert!(
        allowed > 500 && narrowed > 20,
        "{allowed} allowed, {narrowed} narrowed"
    );
    scp_spares_what_is_used(&baseline, &by_principal, &actions);
}

fn scp_spares_what_is_used(
    baseline: &Path,
    by_principal: &BTreeMap<String, Vec<Made>>,
    actions: &Actions,
) {
    let full = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "FullAWSAccess", "Effect": "Allow", "Action": ["*"], "Resource": ["*"]}]});
    let account = by_principal
        .keys()
        .filter_map(|principal| principal.split_once('/'))
        .map(|(account, _)| account)
        .find(|account| account.len() == 12)
        .unwrap();
    for (scope, arguments) in [
        (None, vec!["--scp"]),
        (Some(account), vec!["--scp", "--account", account]),
    ] {
        let mut documents = policy(baseline, &arguments);
        assert!(!documents.is_empty());
        documents.push(full.clone());
        let decision = |action: &str| {
            decide(
                &documents,
                Request {
                    action,
                    resource: "arn:aws:other:::anything",
                    via_service: false,
                },
            )
        };
        let mut used = BTreeSet::new();
        let mut actions_seen = BTreeSet::new();
        for (principal, calls) in by_principal {
            if scope.is_some_and(|account| !principal.starts_with(account)) {
                continue;
            }
            for call in calls {
                if let Some(action) = actions.of(&call.source, &call.operation) {
                    if actions_seen.insert(action) {
                        assert_eq!(decision(action), Decision::Allowed, "{action}");
                    }
                    used.insert(action.split(':').next().unwrap());
                }
            }
        }
        let services: BTreeSet<&str> = actions
            .all()
            .map(|action| action.split(':').next().unwrap())
            .collect();
        let services: BTreeSet<&str> = services
            .into_iter()
            .filter(|service| decision(&format!("{service}:Anything")) == Decision::Denied)
            .collect();
        assert!(services.len() > 200, "{}", services.len());
        assert!(services.iter().all(|service| !used.contains(service)));
        for kept in [
            "iam",
            "sts",
            "organizations",
            "support",
            "cloudtrail",
            "sqs",
        ] {
            assert!(!services.contains(kept), "{kept} is denied");
        }
    }
}

#[test]
fn a_long_policy_is_divided_and_says_so() {
    let actions = Actions::read();
    let ec2: Vec<&str> = actions
        .all()
        .filter_map(|action| action.strip_prefix("ec2:"))
        .take(400)
        .collect();
    assert_eq!(ec2.len(), 400);
    let records: Vec<String> = (0..)
        .zip(&ec2)
        .map(|(number, name)| record(number, 1, ("ec2", name), &json!({})))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let baseline = learnt(folder.path(), &records);
    let documents = policy(&baseline, &["worker"]);
    assert!(documents.len() > 1);
    for name in ec2 {
        let request = Request {
            action: &format!("ec2:{name}"),
            resource: "arn:aws:ec2:::any",
            via_service: false,
        };
        assert_eq!(decide(&documents, request), Decision::Allowed, "{name}");
    }
    let text = told(&baseline, &["worker"]);
    assert!(
        text.contains("documents, since AWS takes at most 6144 characters in one"),
        "{text}"
    );
    let out = folder.path().join("policies");
    offtrail![
        "baseline",
        "policy",
        "worker",
        "--baseline",
        &baseline,
        "--out",
        &out,
        "--quiet"
    ]
    .ok();
    assert_eq!(fs::read_dir(out).unwrap().count(), documents.len());
}

#[test]
fn what_is_not_allowed_is_told_apart() {
    let denied = json!({"errorCode": "AccessDenied"});
    let forwarded = json!({
        "sourceIPAddress": "secretsmanager.amazonaws.com",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLE000000001",
            "arn": format!("arn:aws:iam::{ACCOUNT}:user/worker"),
            "accountId": ACCOUNT,
            "userName": "worker",
            "invokedBy": "secretsmanager.amazonaws.com"
        }
    });
    let secret = |name: &str| json!({"requestParameters": {"secretId": name}});
    let records = [
        record(1, 1, ("sqs", "CreateQueue"), &json!({})),
        record(2, 20, ("sns", "CreateTopic"), &json!({})),
        record(3, 20, ("iam", "ListUsers"), &denied),
        record(4, 20, ("sts", "GetCallerIdentity"), &json!({})),
        record(5, 20, ("ec2", "CallOfTomorrow"), &json!({})),
        record(6, 20, ("secretsmanager", "GetSecretValue"), &secret("db*")),
        record(7, 20, ("kms", "Decrypt"), &forwarded),
        record(8, 20, ("lambda", "CreateFunction20150331"), &json!({})),
        record(
            9,
            20,
            ("s3", "GetObject"),
            &json!({"requestParameters": {"bucketName": "data", "key": "x"}}),
        ),
        record(
            10,
            20,
            ("s3", "HeadObject"),
            &json!({"requestParameters": {"bucketName": "other", "key": "x"}}),
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    let baseline = learnt(folder.path(), &records);
    let arguments = ["worker", "--unused-days", "10"];
    let documents = policy(&baseline, &arguments);
    let check = |action: &str, resource: &str, via_service, expected| {
        let request = Request {
            action,
            resource,
            via_service,
        };
        assert_eq!(decide(&documents, request), expected, "{action} {resource}");
    };
    use Decision::{Allowed, Unmentioned};
    check("sqs:CreateQueue", "arn:aws:sqs:::q", false, Unmentioned);
    check("sns:CreateTopic", "arn:aws:sns:::t", false, Allowed);
    check("iam:ListUsers", "*", false, Unmentioned);
    let secret =
        |name: &str| format!("arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:{name}-aB3dE6");
    check(
        "secretsmanager:GetSecretValue",
        &secret("db*"),
        false,
        Allowed,
    );
    // The star is the secret's own and no wildcard.
    check(
        "secretsmanager:GetSecretValue",
        &secret("dbx"),
        false,
        Unmentioned,
    );
    // Some of the reads did not tell their bucket.
    check("s3:GetObject", "arn:aws:s3:::other/x", false, Allowed);
    check(
        "lambda:CreateFunction",
        "arn:aws:lambda:::f",
        false,
        Allowed,
    );
    // With a key of its own the service calls for itself or for the user, as the records tell.
    check("kms:Decrypt", "arn:aws:kms:::k", true, Allowed);
    let text = told(&baseline, &arguments);
    for expected in [
        "sqs:CreateQueue  last seen 2026-06-01",
        "only ever denied (1):\n  iam:ListUsers",
        "depends on their parameters (1):\n  sts:GetCallerIdentity",
        "action is not known, look it up (1):\n  ec2:CallOfTomorrow",
        "add iam:PassRole on those roles, which no record shows (1):\n  lambda:CreateFunction",
    ] {
        assert!(text.contains(expected), "no {expected:?} in {text}");
    }
    // Without the limit the queue is in.
    let all = policy(&baseline, &["worker"]);
    let request = Request {
        action: "sqs:CreateQueue",
        resource: "arn:aws:sqs:::q",
        via_service: false,
    };
    assert_eq!(decide(&all, request), Allowed);
}

#[test]
fn what_cannot_be_drafted_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let baseline = learnt(
        folder.path(),
        &[record(1, 1, ("sqs", "CreateQueue"), &json!({}))],
    );
    let fails = |arguments: &[&str], says: &[&str]| {
        offtrail!["baseline", "policy", "--baseline", &baseline]
            .args(arguments)
            .run()
            .fails_saying(says);
    };
    fails(&["nobody"], &["no such principal", "baseline show"]);
    fails(
        &["--scp", "--account", "999999999999"],
        &["999999999999", "holds no principal of it"],
    );
}
