//! What one record tells of its caller's nature, for peer groups.
//!
//! Only the caller's side: who opened sessions of a role is read from the observation that minted them.

use offtrail_event::{Credential, CredentialKind, Principal, PrincipalKind, Traits};

use crate::{identity::Caller, record::RawRecord, scan::Value};

/// OIDC providers of CI systems, as they stand in `federatedProvider` and `identityProvider`.
const CI_PROVIDERS: &[&str] = &[
    "token.actions.githubusercontent.com",
    "vstoken.dev.azure.com",
    "gitlab",
    "api.bitbucket.org",
    "oidc.circleci.com",
    "agent.buildkite.com",
    "app.terraform.io",
    "oidc.codefresh.io",
    "app.harness.io",
    "oidc.semaphoreci.com",
    "jenkins",
    "teamcity",
    "spacelift.io",
];

/// OIDC providers of Kubernetes clusters: EKS, GKE, AKS, and those that name themselves.
const CLUSTER_PROVIDERS: &[&str] = &[
    "oidc.eks.",
    "oidc-eks.",
    "container.googleapis.com",
    "oic.prod-aks.azure.com",
    "kubernetes",
    "openshift",
];

/// What the record tells.
pub(crate) fn traits(
    caller: &Caller<'_>,
    principal: &Principal<'_>,
    credential: &Credential<'_>,
    record: &RawRecord<'_>,
) -> Traits {
    let mut traits = Traits::default();
    let mut add = |condition: bool, bit: Traits| {
        if condition {
            traits = traits.union(bit);
        }
    };
    let signed_in = credential.kind == CredentialKind::None
        && says(record.response.member("ConsoleLogin"), "Success");
    add(
        credential.kind == CredentialKind::Console || signed_in,
        Traits::CONSOLE,
    );
    add(
        credential.mfa == Some(true)
            || signed_in && says(record.additional.member("MFAUsed"), "Yes"),
        Traits::MFA,
    );
    add(
        credential.kind == CredentialKind::PermanentKey,
        Traits::PERMANENT_KEY,
    );
    let on_instance = caller.session.on_instance
        || credential
            .session_name
            .as_deref()
            .is_some_and(is_instance_id);
    add(
        principal.kind == PrincipalKind::Role && on_instance,
        Traits::INSTANCE,
    );
    add(
        principal.kind == PrincipalKind::Role && principal.person_is_key,
        Traits::SAML_FEDERATION,
    );
    add(
        principal.kind == PrincipalKind::ForeignAccount,
        Traits::SEEN_FROM_OUTSIDE,
    );
    let web_user = principal.kind == PrincipalKind::WebIdentityUser;
    let provider = caller
        .session
        .web_provider
        .as_deref()
        .or_else(|| caller.provider.as_deref().filter(|_| web_user));
    if let Some(provider) = provider.or_else(|| caller.principal_id.as_deref().filter(|_| web_user))
    {
        add(true, federation(provider));
    }
    traits
}

/// What kind of web-identity provider this is.
pub(crate) fn federation(provider: &str) -> Traits {
    let provider = provider.to_ascii_lowercase();
    let among = |list: &[&str]| list.iter().any(|words| provider.contains(words));
    if among(CI_PROVIDERS) {
        Traits::CI_FEDERATION
    } else if among(CLUSTER_PROVIDERS) {
        Traits::CLUSTER_FEDERATION
    } else {
        Traits::WEB_FEDERATION
    }
}

/// `i-` and 8 or 17 hexadecimal digits.
pub(crate) fn is_instance_id(name: &str) -> bool {
    name.strip_prefix("i-").is_some_and(|id| {
        matches!(id.len(), 8 | 17) && id.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn says(value: Value<'_>, text: &str) -> bool {
    matches!(value, Value::String(quoted) if quoted.is(text))
}
