//! What calls are aimed at: access given away, things opened, other users' keys, names of secrets and the like.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests may read files"
)]

mod reading;

use std::{fs, path::Path};

use offtrail_event::Vocabulary;
use offtrail_parser::{Observer, Parser, WithDetail};
use reading::one;

const USER: &str = r#"{"type":"IAMUser","principalId":"AIDAX","arn":"arn:aws:iam::111122223333:user/ci","accountId":"111122223333","accessKeyId":"AKIAX","userName":"ci"}"#;

fn record(identity: &str, (service, name): (&str, &str), request: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{identity},"eventTime":"2026-08-31T10:43:44Z","eventSource":"{service}.amazonaws.com","eventName":"{name}","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.7","userAgent":"aws-cli/2.33","recipientAccountId":"111122223333","requestParameters":{request},"responseElements":null}}"#
    )
}

fn told(text: &str) -> Vec<String> {
    let mut told = Vec::new();
    one(text, |event| {
        let all = event.targets.iter();
        told.extend(all.map(|target| format!("{}:{}", target.kind, target.value)));
    });
    told
}

fn check(call: (&str, &str), request: &str, expected: &[&str]) {
    assert_eq!(told(&record(USER, call, request)), expected, "{request}");
    // As some exporters leave it: JSON text in a string.
    let text = serde_json::to_string(request).unwrap();
    assert_eq!(told(&record(USER, call, &text)), expected, "{text}");
}

fn policy(principal: &str, more: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"*","Resource":"*"{more}}}]}}"#
    )
}

/// The policy as text in a member.
fn with_policy(member: &str, thing: &str, principal: &str) -> String {
    let text = serde_json::to_string(&policy(principal, "")).unwrap();
    format!(r#"{{"{member}":{text},{thing}}}"#)
}

#[test]
fn accounts_named_in_policies() {
    let trust =
        |principal: &str| with_policy("policyDocument", r#""roleName":"deploy""#, principal);
    let update = ("iam", "UpdateAssumeRolePolicy");
    check(
        update,
        &trust(r#"{"AWS":"arn:aws:iam::444455556666:root"}"#),
        &["foreign_account:444455556666"],
    );
    check(
        update,
        &trust(r#"{"AWS":["444455556666","arn:aws:iam::777788889999:user/eve","444455556666"]}"#),
        &[
            "foreign_account:444455556666",
            "foreign_account:777788889999",
        ],
    );
    for own in [
        r#"{"AWS":"arn:aws:iam::111122223333:root"}"#,
        r#"{"Service":"ec2.amazonaws.com"}"#,
        r#"{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}"#,
        r#"{"AWS":"AIDAEXAMPLE"}"#,
    ] {
        check(update, &trust(own), &[]);
    }
    check(update, &trust(r#""*""#), &["public:deploy"]);
    let deny = trust(r#"{"AWS":"*"}"#).replace("Allow", "Deny");
    check(update, &deny, &[]);
    let encoded = r#"{"assumeRolePolicyDocument":"%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22AWS%22%3A%22444455556666%22%7D%7D%7D","roleName":"r"}"#;
    check(
        ("iam", "CreateRole"),
        encoded,
        &["foreign_account:444455556666"],
    );
    for broken in ["\"\"", "\"%7B\"", "\"%zz\"", "\"{\"", "7", "[]", "\"%\""] {
        let request = format!(r#"{{"policyDocument":{broken},"roleName":"r"}}"#);
        check(update, &request, &[]);
    }
    let foreign = r#"{"AWS":"444455556666"}"#;
    for (call, member, thing) in [
        (
            ("secretsmanager", "PutResourcePolicy"),
            "resourcePolicy",
            "secretId",
        ),
        (("kms", "PutKeyPolicy"), "policy", "keyId"),
        (
            ("ecr", "SetRepositoryPolicy"),
            "policyText",
            "repositoryName",
        ),
    ] {
        let request = with_policy(member, &format!(r#""{thing}":"x""#), foreign);
        check(call, &request, &["foreign_account:444455556666"]);
    }
    let topic = with_policy(
        "attributeValue",
        r#""attributeName":"Policy","topicArn":"arn:aws:sns:us-east-1:111122223333:news""#,
        r#"{"AWS":"*"}"#,
    );
    check(("sns", "SetTopicAttributes"), &topic, &["public:news"]);
}

#[test]
fn bucket_policies_name_the_bucket_too() {
    let put = ("s3", "PutBucketPolicy");
    let request = |principal: &str, more: &str| {
        format!(
            r#"{{"bucketName":"media","bucketPolicy":{},"Host":"media.s3.amazonaws.com"}}"#,
            policy(principal, more)
        )
    };
    check(
        put,
        &request(r#""*""#, ""),
        &["public:media", "bucket:media"],
    );
    let bound = r#","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-abc"}}"#;
    check(put, &request(r#"{"AWS":"*"}"#, bound), &["bucket:media"]);
    check(
        put,
        &request(r#"{"AWS":"arn:aws:iam::444455556666:role/x"}"#, bound),
        &["foreign_account:444455556666", "bucket:media"],
    );
}

#[test]
fn shares() {
    for (call, request, expected) in [
        (
            ("ec2", "ModifySnapshotAttribute"),
            r#"{"snapshotId":"snap-1","createVolumePermission":{"add":{"items":[{"userId":"444455556666"},{"group":"all"}]}},"attributeType":"CREATE_VOLUME_PERMISSION"}"#,
            &["foreign_account:444455556666", "public:snap-1"][..],
        ),
        (
            ("ec2", "ModifySnapshotAttribute"),
            r#"{"snapshotId":"snap-1","createVolumePermission":{"remove":{"items":[{"userId":"444455556666"}]}}}"#,
            &[],
        ),
        (
            ("ec2", "ModifyImageAttribute"),
            r#"{"imageId":"ami-1","launchPermission":{"add":{"items":[{"userId":"111122223333"},{"userId":"444455556666"}]}}}"#,
            &["foreign_account:444455556666"],
        ),
        (
            ("rds", "ModifyDBSnapshotAttribute"),
            r#"{"dBSnapshotIdentifier":"nightly","attributeName":"restore","valuesToAdd":["444455556666","all"]}"#,
            &["foreign_account:444455556666", "public:nightly"],
        ),
        (
            ("lambda", "AddPermission20150331v2"),
            r#"{"functionName":"pay","principal":"444455556666","action":"lambda:InvokeFunction"}"#,
            &["foreign_account:444455556666"],
        ),
        (
            ("lambda", "AddPermission20150331v2"),
            r#"{"functionName":"pay","principal":"events.amazonaws.com"}"#,
            &[],
        ),
        (
            ("lambda", "AddLayerVersionPermission20181031"),
            r#"{"layerName":"tools","principal":"*"}"#,
            &["public:tools"],
        ),
        (
            ("ram", "CreateResourceShare"),
            r#"{"name":"net","principals":["444455556666","arn:aws:organizations::111122223333:organization/o-1"]}"#,
            &["foreign_account:444455556666"],
        ),
        (
            ("sqs", "AddPermission"),
            r#"{"queueUrl":"https://q","label":"l","aWSAccountIds":[444455556666]}"#,
            &["foreign_account:444455556666"],
        ),
        (
            ("s3", "PutBucketReplication"),
            r#"{"bucketName":"b","ReplicationConfiguration":{"Rule":{"Destination":{"Bucket":"arn:aws:s3:::theirs","Account":"444455556666"}}}}"#,
            &["foreign_account:444455556666"],
        ),
    ] {
        check(call, request, expected);
    }
}

#[test]
fn things_opened() {
    for (call, request, expected) in [
        (
            ("ec2", "AuthorizeSecurityGroupIngress"),
            r#"{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]},"ipv6Ranges":{}},{"ipProtocol":"tcp","fromPort":443,"toPort":443,"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}},{"ipProtocol":"-1","ipv6Ranges":{"items":[{"cidrIpv6":"::/0"}]}}]}}"#,
            &["open_ingress:tcp 22", "open_ingress:all"][..],
        ),
        (
            ("ec2", "AuthorizeSecurityGroupIngress"),
            r#"{"groupId":"sg-1","cidrIp":"0.0.0.0/0","ipProtocol":"tcp","fromPort":8000,"toPort":9000}"#,
            &["open_ingress:tcp 8000-9000"],
        ),
        (
            ("lambda", "CreateFunctionUrlConfig"),
            r#"{"functionName":"pay","authType":"NONE"}"#,
            &["public:pay"],
        ),
        (
            ("lambda", "CreateFunctionUrlConfig"),
            r#"{"functionName":"pay","authType":"AWS_IAM"}"#,
            &[],
        ),
        (
            ("s3", "PutBucketAcl"),
            r#"{"bucketName":"media","x-amz-acl":["public-read"]}"#,
            &["public:media"],
        ),
        (
            ("s3", "PutBucketAcl"),
            r#"{"bucketName":"media","AccessControlPolicy":{"AccessControlList":{"Grant":[{"Grantee":{"URI":"http://acs.amazonaws.com/groups/global/AllUsers"},"Permission":"READ"}]}}}"#,
            &["public:media"],
        ),
        (
            ("s3", "PutBucketAcl"),
            r#"{"bucketName":"media","x-amz-acl":["private"]}"#,
            &[],
        ),
        (
            ("s3", "DeleteBucketPublicAccessBlock"),
            r#"{"bucketName":"media","publicAccessBlock":""}"#,
            &["public:media"],
        ),
        (
            ("s3", "PutBucketPublicAccessBlock"),
            r#"{"bucketName":"media","PublicAccessBlockConfiguration":{"BlockPublicAcls":true,"BlockPublicPolicy":false}}"#,
            &["public:media"],
        ),
        (
            ("rds", "ModifyDBInstance"),
            r#"{"dBInstanceIdentifier":"orders","publiclyAccessible":true}"#,
            &["public:orders"],
        ),
        (
            ("rds", "ModifyDBInstance"),
            r#"{"dBInstanceIdentifier":"orders","publiclyAccessible":false}"#,
            &[],
        ),
    ] {
        check(call, request, expected);
    }
}

#[test]
fn names() {
    for (call, request, expected) in [
        (
            ("iam", "CreateAccessKey"),
            r#"{"userName":"admin"}"#,
            &["key_of:admin"][..],
        ),
        (("iam", "CreateAccessKey"), r#"{"userName":"ci"}"#, &[]),
        (("iam", "CreateAccessKey"), "null", &[]),
        (
            ("secretsmanager", "GetSecretValue"),
            r#"{"secretId":"arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db-a1B2c3"}"#,
            &["secret:prod/db"],
        ),
        (
            ("secretsmanager", "GetSecretValue"),
            r#"{"secretId":"prod/db"}"#,
            &["secret:prod/db"],
        ),
        (
            ("secretsmanager", "GetSecretValue"),
            r#"{"secretId":"arn:aws:secretsmanager:us-east-1:444455556666:secret:db-a1B2c3"}"#,
            &["secret:444455556666:db"],
        ),
        (
            ("ssm", "GetParameter"),
            r#"{"name":"/prod/db","withDecryption":true}"#,
            &["parameter:prod/db"],
        ),
        (
            ("ssm", "GetParameters"),
            r#"{"names":["/a","/b"]}"#,
            &["parameter:a"],
        ),
        (
            ("lambda", "UpdateFunctionCode20150331v2"),
            r#"{"functionName":"arn:aws:lambda:us-east-1:111122223333:function:pay:7"}"#,
            &["function:pay"],
        ),
        (
            ("lambda", "Invoke"),
            r#"{"functionName":"pay"}"#,
            &["function:pay"],
        ),
        (
            ("ec2", "ModifyInstanceAttribute"),
            r#"{"instanceId":"i-1","userData":"<sensitiveDataRemoved>"}"#,
            &["user_data:i-1"],
        ),
        (
            ("ec2", "ModifyInstanceAttribute"),
            r#"{"instanceId":"i-1","disableApiTermination":{"value":true}}"#,
            &[],
        ),
        (
            ("cloudtrail", "StopLogging"),
            r#"{"name":"arn:aws:cloudtrail:us-east-1:111122223333:trail/main"}"#,
            &["trail:main"],
        ),
        (
            ("s3", "GetObject"),
            r#"{"bucketName":"media","key":"a"}"#,
            &["bucket:media"],
        ),
        (
            ("ec2", "DescribeInstances"),
            r#"{"bucketName":"media"}"#,
            &[],
        ),
    ] {
        check(call, request, expected);
    }
    let long = format!(r#"{{"secretId":"{}"}}"#, "é".repeat(300));
    let told = told(&record(USER, ("secretsmanager", "GetSecretValue"), &long));
    assert_eq!(told[0].len(), "secret:".len() + 256);
}

#[test]
fn a_role_taken_from_another_account() {
    let caller = r#"{"type":"AWSAccount","principalId":"AROAEVE:s","accountId":"444455556666"}"#;
    let request = |account: &str| {
        format!(r#"{{"roleArn":"arn:aws:iam::{account}:role/ops/deploy","roleSessionName":"s"}}"#)
    };
    let assume = ("sts", "AssumeRole");
    assert_eq!(
        told(&record(caller, assume, &request("111122223333"))),
        ["foreign_caller:444455556666 deploy"]
    );
    assert!(told(&record(USER, assume, &request("111122223333"))).is_empty());
    assert!(told(&record(caller, assume, &request("777788889999"))).is_empty());
}

#[test]
fn only_what_succeeded_counts_and_only_eight() {
    let accounts: Vec<String> = (0..30).map(|n| format!("\"4444555566{n:02}\"")).collect();
    let request = format!(
        r#"{{"dBSnapshotIdentifier":"s","valuesToAdd":[{}]}}"#,
        accounts.join(",")
    );
    let call = ("rds", "ModifyDBSnapshotAttribute");
    let text = record(USER, call, &request);
    assert_eq!(told(&text).len(), 8);
    let denied = text.replace(
        "\"responseElements\"",
        "\"errorCode\":\"AccessDenied\",\"responseElements\"",
    );
    assert!(told(&denied).is_empty());
}

#[test]
fn observations_carry_them_as_texts() {
    let words = Vocabulary::new();
    let mut observer = Observer::new(&words, WithDetail::Learn);
    let mut seen = Vec::new();
    let texts = [
        record(
            USER,
            ("secretsmanager", "GetSecretValue"),
            r#"{"secretId":"prod/db"}"#,
        ),
        record(USER, ("iam", "ListUsers"), "null"),
    ];
    Parser::default().read(
        format!("[{}]", texts.join(",")).as_bytes(),
        &mut |_, event, raw| {
            seen.push(observer.observe(&event.unwrap(), raw).targets);
        },
    );
    let texts = seen[0]
        .as_ref()
        .unwrap()
        .iter()
        .map(|(_, id)| words.text(*id).to_string());
    assert_eq!(texts.collect::<Vec<_>>(), ["secret:prod/db"]);
    assert!(seen[1].is_none());
}

/// Recorded attacks, read where they lie beside the repository; nothing to do without them.
#[test]
fn recorded_attacks() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/real/stratus");
    for (file, expected) in [
        (
            "aws.exfiltration.ec2-share-ebs-snapshot",
            "foreign_account:098797384747",
        ),
        (
            "aws.persistence.iam-backdoor-role",
            "foreign_account:193672423079",
        ),
        (
            "aws.persistence.iam-create-backdoor-role",
            "foreign_account:193672423079",
        ),
        (
            "aws.persistence.lambda-layer-extension",
            "function:stratus-red-team-lambda-layer-simpleLambda",
        ),
        (
            "aws.defense-evasion.cloudtrail-event-selectors",
            "trail:stratus-red-team-ctes-trail-khlvciwdor",
        ),
        (
            "aws.credential-access.secretsmanager-retrieve-secrets",
            "secret:stratus-red-team-retrieve-secret-18",
        ),
    ] {
        let Ok(bytes) = fs::read(folder.join(format!("{file}.json"))) else {
            continue;
        };
        let mut told = Vec::new();
        Parser::default().read(&bytes, &mut |_, event, _| {
            let targets = event.map(|event| {
                let all = event.targets.iter();
                all.map(|target| format!("{}:{}", target.kind, target.value))
                    .collect::<Vec<_>>()
            });
            told.extend(targets.unwrap_or_default());
        });
        assert!(told.iter().any(|one| one == expected), "{file}: {told:?}");
    }
}
