//! What calls give out, and how an event becomes an observation.

#![allow(clippy::unwrap_used)]

mod reading;

use offtrail_event::{CredentialId, Fingerprint, MintedKind, PrincipalKind, Vocabulary};
use offtrail_parser::{Observer, Parser, WithDetail};
use reading::one;

fn record(source: &str, name: &str, request: &str, response: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","principalId":"AIDAX","arn":"arn:aws:iam::111122223333:user/ci","accountId":"111122223333","accessKeyId":"AKIAX","userName":"ci"}},"eventTime":"2026-08-31T10:43:44Z","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.7","userAgent":"aws-cli/2.33","recipientAccountId":"111122223333","requestParameters":{request},"responseElements":{response}}}"#
    )
}

struct Expected {
    kind: MintedKind,
    key: Option<&'static str>,
    /// Kind, account and id.
    principal: Option<(PrincipalKind, &'static str, &'static str)>,
}

fn check(text: &str, expected: Option<Expected>) {
    one(text, |event| match (&event.minted, expected) {
        (None, None) => {}
        (Some(minted), Some(expected)) => {
            assert_eq!(
                (minted.kind, minted.access_key_id.as_deref()),
                (expected.kind, expected.key),
                "{text}"
            );
            let principal = minted
                .principal
                .as_ref()
                .map(|principal| (principal.kind, &*principal.account, &*principal.id));
            assert_eq!(principal, expected.principal, "{text}");
        }
        (minted, _) => panic!("{minted:?}: {text}"),
    });
}

#[test]
fn sessions() {
    let request =
        r#"{"roleArn":"arn:aws:iam::444455556666:role/path/deploy","roleSessionName":"s"}"#;
    let response = r#"{"credentials":{"accessKeyId":"ASIAY"},"assumedRoleUser":{"assumedRoleId":"AROAY:s","arn":"arn:aws:sts::444455556666:assumed-role/deploy/s"}}"#;
    let role = || {
        Some(Expected {
            kind: MintedKind::Session,
            key: Some("ASIAY"),
            principal: Some((PrincipalKind::Role, "444455556666", "AROAY")),
        })
    };
    check(&record("sts", "AssumeRole", request, response), role());
    check(
        &record("sts", "AssumeRoleWithSAML", "null", response),
        role(),
    );
    check(
        &record(
            "sts",
            "AssumeRole",
            request,
            &serde_json::to_string(response).unwrap(),
        ),
        role(),
    );
    check(
        &record("sts", "AssumeRole", request, "null"),
        Some(Expected {
            kind: MintedKind::Session,
            key: None,
            principal: None,
        }),
    );
    one(&record("sts", "AssumeRole", request, response), |event| {
        let principal = event.minted.as_ref().unwrap().principal.as_ref().unwrap();
        assert_eq!(
            (principal.arn.as_deref(), principal.name.as_deref()),
            (
                Some("arn:aws:iam::444455556666:role/path/deploy"),
                Some("deploy")
            )
        );
    });
    let denied = record("sts", "AssumeRole", request, "null").replace(
        r#""awsRegion""#,
        r#""errorCode":"AccessDenied","awsRegion""#,
    );
    check(&denied, None);
    let own = Some((PrincipalKind::IamUser, "111122223333", "AIDAX"));
    let token = r#"{"credentials":{"accessKeyId":"ASIAY"}}"#;
    check(
        &record("sts", "GetSessionToken", "null", token),
        Some(Expected {
            kind: MintedKind::Session,
            key: Some("ASIAY"),
            principal: own,
        }),
    );
    let federated = r#"{"credentials":{"accessKeyId":"ASIAY"},"federatedUser":{"federatedUserId":"111122223333:bob","arn":"arn:aws:sts::111122223333:federated-user/bob"}}"#;
    let bob = Some((
        PrincipalKind::FederatedUser,
        "111122223333",
        "111122223333:bob",
    ));
    check(
        &record("sts", "GetFederationToken", "null", federated),
        Some(Expected {
            kind: MintedKind::Session,
            key: Some("ASIAY"),
            principal: bob,
        }),
    );
    let root = Some((PrincipalKind::Root, "444455556666", "444455556666"));
    check(
        &record(
            "sts",
            "AssumeRoot",
            r#"{"targetPrincipal":"444455556666"}"#,
            token,
        ),
        Some(Expected {
            kind: MintedKind::Session,
            key: Some("ASIAY"),
            principal: root,
        }),
    );
}

#[test]
fn keys_users_and_roles() {
    let own = Some((PrincipalKind::IamUser, "111122223333", "AIDAX"));
    let key =
        |user: &str| format!(r#"{{"accessKey":{{"accessKeyId":"AKIAY","userName":"{user}"}}}}"#);
    let expected = |principal| {
        Some(Expected {
            kind: MintedKind::AccessKey,
            key: Some("AKIAY"),
            principal,
        })
    };
    check(
        &record(
            "iam",
            "CreateAccessKey",
            r#"{"userName":"other"}"#,
            &key("other"),
        ),
        expected(None),
    );
    check(
        &record("iam", "CreateAccessKey", "null", &key("ci")),
        expected(own),
    );
    let login = |principal| {
        Some(Expected {
            kind: MintedKind::LoginProfile,
            key: None,
            principal,
        })
    };
    check(
        &record(
            "iam",
            "UpdateLoginProfile",
            r#"{"userName":"other"}"#,
            "null",
        ),
        login(None),
    );
    check(
        &record(
            "iam",
            "CreateLoginProfile",
            r#"{"userName":"ci"}"#,
            r#"{"loginProfile":{"userName":"ci"}}"#,
        ),
        login(own),
    );
    let user = r#"{"user":{"userName":"new","userId":"AIDAN","arn":"arn:aws:iam::111122223333:user/new"}}"#;
    let new = Some((PrincipalKind::IamUser, "111122223333", "AIDAN"));
    check(
        &record("iam", "CreateUser", "{}", user),
        Some(Expected {
            kind: MintedKind::User,
            key: None,
            principal: new,
        }),
    );
    let role = r#"{"role":{"roleName":"new","roleId":"AROAN","arn":"arn:aws:iam::111122223333:role/new"}}"#;
    let new = Some((PrincipalKind::Role, "111122223333", "AROAN"));
    check(
        &record("iam", "CreateRole", "{}", role),
        Some(Expected {
            kind: MintedKind::Role,
            key: None,
            principal: new,
        }),
    );
    check(&record("iam", "ListUsers", "{}", user), None);
    check(&record("ec2", "CreateUser", "{}", user), None);
}

#[test]
fn an_event_becomes_an_observation() {
    let words = Vocabulary::new();
    let text = record(
        "iam",
        "CreateAccessKey",
        "null",
        r#"{"accessKey":{"accessKeyId":"AKIAY","userName":"ci"}}"#,
    );
    for detail in [WithDetail::Learn, WithDetail::Judge] {
        let mut observer = Observer::new(&words, detail);
        let mut observed = Vec::new();
        // Twice, so that the second time comes from the cache.
        Parser::default().read(
            format!("[{text},{text}]").as_bytes(),
            &mut |_, event, raw| {
                observed.push((observer.observe(&event.unwrap(), raw), raw.to_vec()))
            },
        );
        for (observation, raw) in &observed {
            assert_eq!(
                observation.fingerprint,
                Fingerprint::of(raw),
                "no eventID: the record's own bytes"
            );
            assert_eq!(words.call_text(observation.call), "iam:CreateAccessKey");
            assert_eq!(
                words.principal(observation.principal).key(),
                "111122223333/AIDAX"
            );
            assert_eq!(&*words.principal(observation.principal).name, "ci");
            assert_eq!(observation.credential, Some(CredentialId::of("AKIAX")));
            let mint = observation.mint.unwrap();
            assert_eq!(
                (mint.credential, mint.principal),
                (Some(CredentialId::of("AKIAY")), Some(observation.principal))
            );
            assert_eq!(&*words.text(observation.network.unwrap()), "198.51.0.0/16");
            assert_eq!(&*words.text(observation.agent), "aws-cli");
            let kept = observation.detail.as_ref().map(|detail| {
                (
                    detail.access_key_id(),
                    detail.minted_key(),
                    detail.event_name(),
                )
            });
            assert_eq!(
                kept,
                (detail == WithDetail::Judge).then_some(("AKIAX", "AKIAY", "CreateAccessKey"))
            );
        }
    }
}
