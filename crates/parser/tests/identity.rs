//! Who acted and with which credential, kind by kind; minimal records, one line each.

#![allow(clippy::unwrap_used)]

mod reading;

use offtrail_event::{
    CredentialKind as Credential, Event, OriginKind, PrincipalKind as Principal, Traits,
};
use reading::one;

const SESSION: &str = r#""sessionContext":{"sessionIssuer":{},"webIdFederationData":{},"attributes":{"creationDate":"2026-08-31T10:00:00Z","mfaAuthenticated":"false"}}"#;
const ISSUER: &str = r#""sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAX","arn":"arn:aws:iam::111122223333:role/path/deploy","accountId":"111122223333","userName":"deploy"},"attributes":{"creationDate":"2026-08-31T10:00:00Z","mfaAuthenticated":"false"}}"#;
const USER: &str = r#""type":"IAMUser","principalId":"AIDAX","arn":"arn:aws:iam::111122223333:user/ci","accountId":"111122223333","userName":"ci""#;
const ROLE: &str = r#""type":"AssumedRole","principalId":"AROAX:build-17","arn":"arn:aws:sts::111122223333:assumed-role/deploy/build-17","accountId":"111122223333""#;
const ROOT: &str = r#""type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333""#;

/// A record of this identity (the members of `userIdentity`) with further members.
fn record(identity: &str, more: &str) -> String {
    let comma = if more.is_empty() { "" } else { "," };
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{{identity}}},"eventTime":"2026-08-31T10:43:44Z","eventSource":"sts.amazonaws.com","eventName":"GetCallerIdentity","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.7","userAgent":"Boto3/1.40","recipientAccountId":"111122223333","eventID":"e"{comma}{more}}}"#
    )
}

fn check(identity: &str, more: &str, kind: Principal, id: &str, credential: Credential) {
    let text = record(identity, more);
    one(&text, |event| {
        assert_eq!(
            (
                event.principal.kind,
                &*event.principal.id,
                event.credential.kind
            ),
            (kind, id, credential),
            "{text}"
        );
    });
}

fn with(identity: &str, more: &str) -> String {
    format!("{identity},{more}")
}

#[test]
fn users() {
    use Credential::*;
    let check = |more: &str, outside: &str, credential| {
        check(
            &with(USER, more),
            outside,
            Principal::IamUser,
            "AIDAX",
            credential,
        )
    };
    check(r#""accessKeyId":"AKIAX""#, "", PermanentKey);
    check(
        &format!(r#""accessKeyId":"AKIAX",{SESSION}"#),
        "",
        PermanentKey,
    );
    check(
        &format!(r#""accessKeyId":"ASIAX",{SESSION}"#),
        "",
        UserSession,
    );
    check(
        &format!(r#""accessKeyId":"ASIA2***",{SESSION}"#),
        "",
        UserSession,
    );
    check(r#""accessKeyId":"ASIAX""#, "", Unrecognised);
    check(
        &format!(r#""accessKeyId":"ASIAX",{SESSION},"invokedBy":"cloudformation.amazonaws.com""#),
        "",
        ForwardAccess,
    );
    check(
        &format!(r#""accessKeyId":"ASIAX",{SESSION},"invokedBy":"signin.amazonaws.com""#),
        "",
        Console,
    );
    check(
        &format!(r#""accessKeyId":"ASIAX",{SESSION}"#),
        r#""sessionCredentialFromConsole":"true""#,
        Console,
    );
    check(
        &format!(r#""accessKeyId":"ASIAX",{SESSION}"#),
        r#""userAgent":"console.ec2.amazonaws.com""#,
        Console,
    );
    // An agent is the caller's own word: it can't hide a permanent key.
    check(
        r#""accessKeyId":"AKIAX""#,
        r#""userAgent":"console.amazonaws.com""#,
        PermanentKey,
    );
    check(
        r#""accessKeyId":"AKIAX""#,
        r#""sessionCredentialFromConsole":true"#,
        Unrecognised,
    );
    check(
        r#""accessKeyId":"AKIAX","invokedBy":"cloudformation.amazonaws.com""#,
        "",
        Unrecognised,
    );
    check(r#""accessKeyId":"masked""#, "", Unrecognised);
    check(
        r#""accessKeyId":"""#,
        r#""eventType":"AwsConsoleSignIn""#,
        None,
    );
}

#[test]
fn roots() {
    use Credential::*;
    let check = |more: &str, outside: &str, credential| {
        check(
            &with(ROOT, more),
            outside,
            Principal::Root,
            "111122223333",
            credential,
        )
    };
    check(r#""accessKeyId":"AKIAX""#, "", PermanentKey);
    check(
        &format!(r#""accessKeyId":"ASIAX",{SESSION}"#),
        "",
        UserSession,
    );
    check(
        &format!(r#""accessKeyId":"ASIAX",{SESSION}"#),
        r#""sessionCredentialFromConsole":"true""#,
        Console,
    );
    check(
        r#""accessKeyId":"""#,
        r#""eventType":"AwsConsoleSignIn""#,
        None,
    );
}

#[test]
fn roles() {
    use Credential::*;
    let check = |more: &str, outside: &str, credential| {
        check(
            &with(ROLE, more),
            outside,
            Principal::Role,
            "AROAX",
            credential,
        )
    };
    check(
        &format!(r#""accessKeyId":"ASIAX",{ISSUER}"#),
        "",
        RoleSession,
    );
    check(r#""accessKeyId":"ASIAX""#, "", RoleSession);
    check(
        &format!(r#""accessKeyId":"AKIAX",{ISSUER}"#),
        "",
        Unrecognised,
    );
    check(
        &format!(r#""accessKeyId":"ASIAX",{ISSUER},"invokedBy":"athena.amazonaws.com""#),
        "",
        ForwardAccess,
    );
    check(
        &format!(r#""accessKeyId":"ASIAX",{ISSUER}"#),
        r#""sessionCredentialFromConsole":"true""#,
        Console,
    );
    let linked = ISSUER.replace(
        "role/path/",
        "role/aws-service-role/autoscaling.amazonaws.com/",
    );
    check(
        &format!(r#""accessKeyId":"ASIAX",{linked},"invokedBy":"autoscaling.amazonaws.com""#),
        "",
        Service,
    );
    check(
        &format!(r#""accessKeyId":"ASIAX",{linked}"#),
        r#""sourceIPAddress":"autoscaling.amazonaws.com""#,
        Service,
    );
    check(
        &format!(r#""accessKeyId":"ASIAX",{linked}"#),
        "",
        RoleSession,
    );
}

#[test]
fn others() {
    use Credential::*;
    check(
        r#""type":"FederatedUser","principalId":"111122223333:alice","arn":"arn:aws:sts::111122223333:federated-user/alice","accountId":"111122223333","accessKeyId":"ASIAX""#,
        "",
        Principal::FederatedUser,
        "111122223333:alice",
        UserSession,
    );
    check(
        r#""type":"SAMLUser","principalId":"hash=:bob","userName":"bob","identityProvider":"hash=""#,
        "",
        Principal::SamlUser,
        "hash=:bob",
        None,
    );
    check(
        r#""type":"SAMLUser","principalId":"0f3a","userName":"bob","identityProvider":"P""#,
        "",
        Principal::SamlUser,
        "P:bob",
        None,
    );
    check(
        r#""type":"WebIdentityUser","principalId":"accounts.google.com:app:17","userName":"17","identityProvider":"accounts.google.com""#,
        "",
        Principal::WebIdentityUser,
        "accounts.google.com:app:17",
        None,
    );
    check(
        r#""type":"IdentityCenterUser","accountId":"111122223333","onBehalfOf":{"userId":"u-1","identityStoreArn":"arn:aws:identitystore::1:identitystore/d-1"},"credentialId":"c""#,
        "",
        Principal::IdentityCenterUser,
        "u-1",
        UserSession,
    );
    check(
        r#""type":"AWSService","invokedBy":"ec2.amazonaws.com""#,
        "",
        Principal::AwsService,
        "ec2.amazonaws.com",
        Service,
    );
    check(
        r#""accountId":"111122223333","invokedBy":"ec2.amazonaws.com""#,
        "",
        Principal::AwsService,
        "ec2.amazonaws.com",
        Service,
    );
}

#[test]
fn callers_of_other_accounts_and_the_unrecognised() {
    use Credential::*;
    check(
        r#""type":"AWSAccount","principalId":"AROAY:s","accountId":"444455556666""#,
        "",
        Principal::ForeignAccount,
        "AROAY",
        RoleSession,
    );
    check(
        r#""type":"AWSAccount","principalId":"AIDAY","accountId":"444455556666""#,
        "",
        Principal::ForeignAccount,
        "AIDAY",
        Unrecognised,
    );
    check(
        r#""type":"AWSAccount","accountId":"444455556666""#,
        "",
        Principal::ForeignAccount,
        "444455556666",
        Unrecognised,
    );
    check(
        r#""type":"AWSAccount","principalId":"","accountId":"ANONYMOUS_PRINCIPAL""#,
        "",
        Principal::ForeignAccount,
        "anonymous",
        None,
    );
    check(
        r#""type":"AWSAccount","principalId":"AROAY:s","accountId":"111122223333""#,
        "",
        Principal::Role,
        "AROAY",
        RoleSession,
    );
    check(
        r#""type":"Directory","principalId":"p""#,
        "",
        Principal::Unrecognised,
        "p",
        Unrecognised,
    );
    check("", "", Principal::Unrecognised, "", Unrecognised);
    check(
        r#""type":"IAMUser","accountId":"111122223333","accessKeyId":"","userName":"HIDDEN_DUE_TO_SECURITY_REASONS""#,
        r#""eventType":"AwsConsoleSignIn""#,
        Principal::Unrecognised,
        "",
        None,
    );
    check(
        r#""type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ci","accessKeyId":"AKIAX""#,
        "",
        Principal::IamUser,
        "arn:aws:iam::111122223333:user/ci",
        PermanentKey,
    );
}

#[test]
fn witnesses_that_disagree() {
    let other = with(
        &ROLE.replace("AROAX:", "AROAZ:"),
        &format!(r#""accessKeyId":"ASIAX",{ISSUER}"#),
    );
    check(
        &other,
        "",
        Principal::Unrecognised,
        "AROAZ",
        Credential::Unrecognised,
    );
}

fn event(identity: &str, more: &str, look: impl FnOnce(&Event<'_>)) {
    one(&record(identity, more), look);
}

#[test]
fn the_session_is_stripped() {
    event(&with(ROLE, ISSUER), "", |event| {
        let principal = &event.principal;
        assert_eq!(
            principal.arn.as_deref(),
            Some("arn:aws:iam::111122223333:role/path/deploy")
        );
        assert_eq!(
            (
                principal.name.as_deref(),
                event.credential.session_name.as_deref()
            ),
            (Some("deploy"), Some("build-17"))
        );
        assert_eq!(
            event.credential.created.unwrap().to_string(),
            "2026-08-31T10:00:00Z"
        );
    });
    // Without an issuer the role's ARN comes from the session's, partition kept.
    let china =
        r#""type":"AssumedRole","arn":"arn:aws-cn:sts::111122223333:assumed-role/deploy/s""#;
    event(china, "", |event| {
        assert_eq!(
            &*event.principal.id,
            "arn:aws-cn:iam::111122223333:role/deploy"
        );
        assert_eq!(
            (
                &*event.principal.account,
                event.credential.session_name.as_deref()
            ),
            ("111122223333", Some("s"))
        );
    });
}

#[test]
fn the_person_behind_a_shared_role() {
    let sso = ROLE
        .replace(
            "/deploy/build-17",
            "/AWSReservedSSO_Admin_0a1b/ann@example.com",
        )
        .replace(":build-17", ":ann@example.com");
    event(&sso, "", |event| {
        assert_eq!(
            (
                event.principal.person.as_deref(),
                event.principal.person_is_key
            ),
            (Some("ann@example.com"), true)
        );
        assert!(event.traits.contains(Traits::SAML_FEDERATION));
    });
    let sourced = with(
        ROLE,
        &ISSUER.replace(r#""attributes""#, r#""sourceIdentity":"ann","attributes""#),
    );
    event(&sourced, "", |event| {
        assert_eq!(
            (
                event.principal.person.as_deref(),
                event.principal.person_is_key
            ),
            (Some("ann"), false)
        )
    });
    let web = r#""webIdFederationData":{"federatedProvider":"arn:aws:iam::1:oidc-provider/token.actions.githubusercontent.com","attributes":{"token.actions.githubusercontent.com:sub":"repo:acme/app"}},"attributes""#;
    event(
        &with(ROLE, &ISSUER.replace(r#""attributes""#, web)),
        "",
        |event| {
            assert_eq!(event.principal.person.as_deref(), Some("repo:acme/app"));
            assert_eq!(event.traits, Traits::CI_FEDERATION);
        },
    );
}

#[test]
fn session_keys() {
    let check = |identity: &str, more: &str, expected: Option<&str>| {
        event(identity, more, |event| {
            assert_eq!(event.credential.session_key.as_deref(), expected)
        });
    };
    check(&with(USER, r#""accessKeyId":"AKIAX""#), "", Some("AKIAX"));
    check(
        &with(ROLE, &format!(r#""accessKeyId":"ASIAX",{ISSUER}"#)),
        "",
        Some("ASIAX"),
    );
    check(
        &with(
            ROLE,
            &format!(r#""accessKeyId":"ASIAX",{ISSUER},"invokedBy":"athena.amazonaws.com""#),
        ),
        "",
        Some("AROAX:build-17@1788170400"),
    );
    check(
        &with(ROLE, &format!(r#""accessKeyId":"ASIAX",{ISSUER}"#)),
        r#""sessionCredentialFromConsole":"true""#,
        Some("AROAX:build-17@1788170400"),
    );
    check(USER, "", None);
}

#[test]
fn traits_of_the_caller() {
    let check = |identity: &str, more: &str, expected: Traits| {
        event(identity, more, |event| assert_eq!(event.traits, expected))
    };
    check(
        &with(USER, r#""accessKeyId":"AKIAX""#),
        "",
        Traits::PERMANENT_KEY,
    );
    check(
        &with(
            &ROLE.replace("build-17", "i-0123456789abcdef0"),
            r#""accessKeyId":"ASIAX""#,
        ),
        "",
        Traits::INSTANCE,
    );
    let mfa = with(
        USER,
        &format!(
            r#""accessKeyId":"ASIAX",{}"#,
            SESSION.replace("\"false\"", "\"true\"")
        ),
    );
    check(&mfa, "", Traits::MFA);
    let sign_in = r#""eventType":"AwsConsoleSignIn","eventName":"ConsoleLogin","responseElements":{"ConsoleLogin":"Success"},"additionalEventData":{"MFAUsed":"Yes"}"#;
    check(USER, sign_in, Traits::CONSOLE.union(Traits::MFA));
    let eks = r#""type":"WebIdentityUser","principalId":"x","userName":"system:serviceaccount:a:b","identityProvider":"arn:aws:iam::1:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/0A""#;
    check(eks, "", Traits::CLUSTER_FEDERATION);
}

#[test]
fn origin_and_service() {
    event(
        &with(
            ROLE,
            r#""accessKeyId":"ASIAX","invokedBy":"athena.amazonaws.com""#,
        ),
        r#""sourceIPAddress":"athena.amazonaws.com""#,
        |event| {
            assert_eq!(
                (event.origin.kind, event.origin.service.as_deref()),
                (OriginKind::Service, Some("athena.amazonaws.com"))
            );
            assert_eq!(event.via_service.as_deref(), Some("athena.amazonaws.com"));
        },
    );
    event(
        r#""type":"AWSService","invokedBy":"ec2.amazonaws.com""#,
        "",
        |event| assert_eq!(event.via_service, None),
    );
    event(
        USER,
        r#""requestParameters":{"omitted":true,"policy":"omitted"}"#,
        |event| assert!(event.parameters_omitted),
    );
}
