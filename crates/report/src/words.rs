//! Kinds of the interface in plain words: who a principal is, what a credential is and what its kind asks for.

use crate::{
    finding::{CredentialV1, PrincipalV1},
    inert::inert,
};

/// A principal in words: `IAM user ci-deploy (AIDA…) of account 111122223333`.
pub(crate) fn principal_words(principal: &PrincipalV1) -> String {
    let mut text = principal_kind_words(&principal.kind).to_owned();
    let id = principal.id.as_deref().map(inert);
    match (principal.name.as_deref().map(inert), id) {
        (Some(name), Some(id)) if name != id => text += &format!(" {name} ({id})"),
        (Some(name), _) => text += &format!(" {name}"),
        (None, Some(id)) => text += &format!(" {id}"),
        (None, None) => {}
    }
    if let Some(person) = &principal.person {
        text += &format!(", used by {}", inert(person));
    }
    if let Some(account) = &principal.account {
        text += &format!(", account {}", inert(account));
    }
    text
}

/// A principal's kind in words; an unknown word stays what it is.
pub(crate) fn principal_kind_words(kind: &str) -> &str {
    match kind {
        "root" => "root user",
        "iam_user" => "IAM user",
        "role" => "role",
        "federated_user" => "federated user",
        "saml_user" => "SAML user",
        "web_identity_user" => "web-identity user",
        "identity_center_user" => "Identity Center user",
        "aws_service" => "AWS service",
        "foreign_account" => "another account's principal",
        "unrecognised" => "unrecognised principal",
        other => other,
    }
}

/// A credential in words, with what its kind means for whoever has to act.
pub(crate) fn credential_words(credential: &CredentialV1, principal: &PrincipalV1) -> String {
    let key = credential
        .access_key_id
        .as_deref()
        .map(|key| format!(" {}", inert(key)))
        .unwrap_or_default();
    let named = credential
        .session_name
        .as_deref()
        .map(|name| format!(", session name {}", inert(name)));
    let named = named.unwrap_or_default();
    match credential.kind.as_str() {
        "permanent_key" if principal.kind == "root" => {
            format!("permanent root key{key} (long-lived: delete it)")
        }
        "permanent_key" => format!("permanent user key{key} (long-lived: rotate it)"),
        "user_session" => {
            format!("temporary user session{key}{named} (expires; the key that opened it does not)")
        }
        "role_session" => format!(
            "temporary role session{key}{named} (expires; revoke the role's sessions to end it now)"
        ),
        "console" => {
            format!("console session{key}{named} (a person signed in: password and second factor)")
        }
        "forward_access" => {
            format!("forward-access session{key}: a service acting with the caller's permissions")
        }
        "service" => format!("AWS service acting for itself{key}"),
        "none" => "no credential (sign-in attempt or anonymous call)".to_owned(),
        "unrecognised" => {
            format!("unrecognised credential{key}{named} (what the record tells of it disagrees)")
        }
        other => format!("{}{key}{named}", inert(other)),
    }
}

/// The name of an ATT&CK enterprise tactic.
pub(crate) fn tactic_name(tactic: &str) -> Option<&'static str> {
    Some(match tactic {
        "TA0043" => "Reconnaissance",
        "TA0042" => "Resource Development",
        "TA0001" => "Initial Access",
        "TA0002" => "Execution",
        "TA0003" => "Persistence",
        "TA0004" => "Privilege Escalation",
        "TA0005" => "Defense Evasion",
        "TA0006" => "Credential Access",
        "TA0007" => "Discovery",
        "TA0008" => "Lateral Movement",
        "TA0009" => "Collection",
        "TA0010" => "Exfiltration",
        "TA0011" => "Command and Control",
        "TA0040" => "Impact",
        _ => return None,
    })
}
