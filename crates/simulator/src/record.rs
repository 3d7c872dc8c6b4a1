//! One CloudTrail record as JSON text, and the identities that sign it.
//!
//! Text is assembled by hand, since an archive holds millions of records; anything that is not from our own safe alphabets
//! goes through [`push_text`].

use crate::calls::Call;
use crate::chance::Chance;
use crate::clock::{Millis, iso};

/// Appends `text` as a JSON string, quotes included.
pub(crate) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A `userIdentity` with a gap where the access key id goes, since console sessions sign every request with another key.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    head: String,
    tail: String,
}

/// Who a user or role is, as far as identities need it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who<'a> {
    pub(crate) account: &'a str,
    pub(crate) path: &'a str,
    pub(crate) name: &'a str,
    pub(crate) unique_id: &'a str,
}

/// What a session context says besides its issuer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context<'a> {
    pub(crate) created: Millis,
    pub(crate) mfa: bool,
    /// `webIdFederationData` as JSON.
    pub(crate) web: Option<&'a str>,
    /// `ec2RoleDelivery`.
    pub(crate) instance: bool,
    pub(crate) source_identity: Option<&'a str>,
}

fn context(issuer: &str, c: &Context<'_>) -> String {
    let web = c.web.map_or(String::new(), |web| {
        format!(r#""webIdFederationData":{web},"#)
    });
    let instance = if c.instance {
        r#","ec2RoleDelivery":"2.0""#
    } else {
        ""
    };
    let source = c.source_identity.map_or(String::new(), |name| {
        format!(r#","sourceIdentity":"{name}""#)
    });
    let issuer = if issuer.is_empty() {
        String::new()
    } else {
        format!(r#""sessionIssuer":{issuer},"#)
    };
    format!(
        r#""sessionContext":{{{issuer}{web}"attributes":{{"creationDate":"{}","mfaAuthenticated":"{}"}}{instance}{source}}}"#,
        iso(c.created),
        c.mfa
    )
}

impl Identity {
    fn with_gap(head: String, tail: String) -> Self {
        Self { head, tail }
    }

    fn fixed(head: String) -> Self {
        Self {
            head,
            tail: String::new(),
        }
    }

    /// An IAM user: with its permanent key, or with a session where a context is given.
    pub(crate) fn user(who: Who<'_>, session: Option<&Context<'_>>) -> Self {
        let Who {
            account,
            path,
            name,
            unique_id,
        } = who;
        let session = session.map_or(String::new(), |c| format!(",{}", context("", c)));
        Self::with_gap(
            format!(
                r#"{{"type":"IAMUser","principalId":"{unique_id}","arn":"arn:aws:iam::{account}:user{path}{name}","accountId":"{account}","accessKeyId":""#
            ),
            format!(r#"","userName":"{name}"{session}}}"#),
        )
    }

    /// A session of a role.
    pub(crate) fn role(who: Who<'_>, session_name: &str, c: &Context<'_>) -> Self {
        let Who {
            account,
            path,
            name,
            unique_id,
        } = who;
        let issuer = format!(
            r#"{{"type":"Role","principalId":"{unique_id}","arn":"arn:aws:iam::{account}:role{path}{name}","accountId":"{account}","userName":"{name}"}}"#
        );
        Self::with_gap(
            format!(
                r#"{{"type":"AssumedRole","principalId":"{unique_id}:{session_name}","arn":"arn:aws:sts::{account}:assumed-role/{name}/{session_name}","accountId":"{account}","accessKeyId":""#
            ),
            format!(r#"",{}}}"#, context(&issuer, c)),
        )
    }

    /// A federated session of an IAM user.
    pub(crate) fn federated(issuer: Who<'_>, session_name: &str, created: Millis) -> Self {
        let Who {
            account,
            path,
            name,
            unique_id,
        } = issuer;
        let by = format!(
            r#"{{"type":"IAMUser","principalId":"{unique_id}","arn":"arn:aws:iam::{account}:user{path}{name}","accountId":"{account}","userName":"{name}"}}"#
        );
        let c = Context {
            created,
            ..Context::default()
        };
        Self::with_gap(
            format!(
                r#"{{"type":"FederatedUser","principalId":"{account}:{session_name}","arn":"arn:aws:sts::{account}:federated-user/{session_name}","accountId":"{account}","accessKeyId":""#
            ),
            format!(r#"",{}}}"#, context(&by, &c)),
        )
    }

    /// The root user in a console session.
    pub(crate) fn root(account: &str, created: Millis, mfa: bool) -> Self {
        let c = Context {
            created,
            mfa,
            ..Context::default()
        };
        Self::with_gap(
            format!(
                r#"{{"type":"Root","principalId":"{account}","arn":"arn:aws:iam::{account}:root","accountId":"{account}","accessKeyId":""#
            ),
            format!(r#"",{}}}"#, context("", &c)),
        )
    }

    /// A service acting for itself.
    pub(crate) fn service(service: &str) -> Self {
        Self::fixed(format!(
            r#"{{"type":"AWSService","invokedBy":"{service}"}}"#
        ))
    }

    /// A service event without a type, as some services write it.
    pub(crate) fn untyped(account: &str, service: &str) -> Self {
        Self::fixed(format!(
            r#"{{"accountId":"{account}","invokedBy":"{service}"}}"#
        ))
    }

    /// A caller of another account.
    pub(crate) fn foreign(account: &str, principal_id: &str) -> Self {
        Self::fixed(format!(
            r#"{{"type":"AWSAccount","principalId":"{principal_id}","accountId":"{account}"}}"#
        ))
    }

    /// Somebody who shows a SAML assertion.
    pub(crate) fn saml(provider: &str, name: &str) -> Self {
        Self::fixed(format!(
            r#"{{"type":"SAMLUser","principalId":"{provider}:{name}","userName":"{name}","identityProvider":"{provider}"}}"#
        ))
    }

    /// Somebody who shows a web identity token.
    pub(crate) fn web(provider: &str, subject: &str) -> Self {
        Self::fixed(format!(
            r#"{{"type":"WebIdentityUser","principalId":"{provider}:{subject}","userName":"{subject}","identityProvider":"{provider}"}}"#
        ))
    }

    /// A person at the door of Identity Center.
    pub(crate) fn identity_center(account: &str, user_id: &str) -> Self {
        Self::fixed(format!(
            r#"{{"type":"IdentityCenterUser","accountId":"{account}","onBehalfOf":{{"userId":"{user_id}","identityStoreArn":"arn:aws:identitystore::{account}:identitystore/d-93670a1b2c"}},"credentialId":"{user_id}"}}"#
        ))
    }

    /// A sign-in with a name that does not exist.
    pub(crate) fn hidden(account: &str) -> Self {
        Self::fixed(format!(
            r#"{{"type":"IAMUser","accountId":"{account}","accessKeyId":"","userName":"HIDDEN_DUE_TO_SECURITY_REASONS"}}"#
        ))
    }

    /// The JSON, with this key and, where a service calls on the principal's behalf, with that service.
    pub(crate) fn json(&self, key: &str, invoked_by: Option<&str>) -> String {
        let mut out = if self.tail.is_empty() {
            self.head.clone()
        } else {
            format!("{}{key}{}", self.head, self.tail)
        };
        if let Some(service) = invoked_by {
            out.pop();
            out.push_str(&format!(r#","invokedBy":"{service}"}}"#));
        }
        out
    }
}

/// Everything one record says.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) time: Millis,
    pub(crate) call: &'a Call,
    pub(crate) identity: &'a str,
    /// Account whose trail holds the record.
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) address: &'a str,
    pub(crate) agent: &'a str,
    /// Code and message.
    pub(crate) error: Option<(&'a str, &'a str)>,
    /// `requestParameters` as JSON.
    pub(crate) request: &'a str,
    /// `responseElements` as JSON.
    pub(crate) response: &'a str,
    /// More members, each opened by a comma.
    pub(crate) extra: &'a str,
    pub(crate) event_type: &'a str,
}

impl Draft<'_> {
    /// The event id, drawn now, and the record.
    pub(crate) fn write(&self, chance: &mut Chance) -> (String, String) {
        let id = chance.uuid();
        let mut out = String::with_capacity(1500);
        let version = match id.as_bytes()[0] {
            b'0'..=b'9' => "1.11",
            b'a'..=b'd' => "1.10",
            _ => "1.08",
        };
        for piece in [
            r#"{"eventVersion":""#,
            version,
            r#"","userIdentity":"#,
            self.identity,
            r#","eventTime":""#,
            &iso(self.time),
        ] {
            out.push_str(piece);
        }
        for piece in [
            r#"","eventSource":""#,
            self.call.source,
            r#"","eventName":""#,
            self.call.name,
            r#"","awsRegion":""#,
            self.region,
        ] {
            out.push_str(piece);
        }
        out.push_str(r#"","sourceIPAddress":"#);
        push_text(&mut out, self.address);
        out.push_str(r#","userAgent":"#);
        push_text(&mut out, self.agent);
        if let Some((code, message)) = self.error {
            out.push_str(r#","errorCode":"#);
            push_text(&mut out, code);
            out.push_str(r#","errorMessage":"#);
            push_text(&mut out, message);
        }
        for piece in [
            r#","requestParameters":"#,
            self.request,
            r#","responseElements":"#,
            self.response,
        ] {
            out.push_str(piece);
        }
        let truth = |value: bool| if value { "true" } else { "false" };
        for piece in [
            r#","requestID":""#,
            &chance.uuid(),
            r#"","eventID":""#,
            &id,
            r#"","readOnly":"#,
            truth(self.call.read_only),
        ] {
            out.push_str(piece);
        }
        for piece in [
            r#","eventType":""#,
            self.event_type,
            r#"","managementEvent":"#,
            truth(!self.call.data),
        ] {
            out.push_str(piece);
        }
        let category = if self.call.data { "Data" } else { "Management" };
        for piece in [
            r#","recipientAccountId":""#,
            self.account,
            r#"","eventCategory":""#,
            category,
            "\"",
            self.extra,
        ] {
            out.push_str(piece);
        }
        if self.address.ends_with(|c: char| c.is_ascii_digit()) {
            for piece in [
                r#","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":""#,
                self.call.service,
                ".",
                self.region,
                r#".amazonaws.com"}"#,
            ] {
                out.push_str(piece);
            }
        }
        out.push('}');
        (id, out)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn text_is_escaped() {
        let check = |text: &str| {
            let mut out = String::new();
            push_text(&mut out, text);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        };
        check("plain");
        check("a \"quoted\\ path\"\n\u{1}\té😀");
    }

    #[test]
    fn identities_are_json_with_and_without_a_service() {
        let who = Who {
            account: "111122223333",
            path: "/",
            name: "ci",
            unique_id: "AIDAEXAMPLE",
        };
        let c = Context {
            created: 0,
            mfa: true,
            web: Some("{}"),
            instance: true,
            source_identity: Some("ana"),
        };
        for identity in [
            Identity::user(who, None),
            Identity::user(who, Some(&c)),
            Identity::role(who, "s", &c),
            Identity::federated(who, "s", 0),
            Identity::root("1", 0, true),
            Identity::service("x"),
            Identity::identity_center("1", "u"),
        ] {
            for by in [None, Some("kms.amazonaws.com")] {
                let value: serde_json::Value =
                    serde_json::from_str(&identity.json("AKIA", by)).unwrap();
                assert!(value["type"].is_string());
            }
        }
    }
}
