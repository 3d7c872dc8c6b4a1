//! What signed the call. The type of the identity, the prefix of the key, `invokedBy`, the session context and the marks of the
//! console have to agree; where they don't, the credential is unrecognised.
//!
//! | witness | says |
//! |---|---|
//! | key prefix `AKIA` / `ASIA` | permanent / temporary (IAM user guide, "Unique identifiers") |
//! | `invokedBy` | a service called with the caller's permissions (a forward-access session); `signin.amazonaws.com` is the console |
//! | `sessionCredentialFromConsole` | console, since 2022 |
//! | the console's own user agents | console, before that; only beside a temporary key, because any caller may write an agent |
//! | `eventType` `AwsConsoleSignIn` without a key | nothing signed: somebody is signing in |
//!
//! A session context alone says nothing: real records with permanent keys carry one.

use std::borrow::Cow;

use offtrail_event::{Credential, CredentialKind, OriginKind, Principal, PrincipalKind, Timestamp};

use crate::{agent, identity::Caller};

/// What the first letters of a key say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Permanent,
    Temporary,
    /// Masked or rewritten beyond its prefix.
    Unknown,
    Absent,
}

/// What else a record says of how it was signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks<'m> {
    /// `sessionCredentialFromConsole`.
    pub(crate) from_console: bool,
    /// `userAgent`.
    pub(crate) agent: &'m str,
    /// Where the call came from.
    pub(crate) origin: OriginKind,
}

/// What signed the call.
pub(crate) fn credential<'a>(
    caller: &Caller<'a>,
    principal: &Principal<'a>,
    session_name: Option<Cow<'a, str>>,
    marks: Marks<'_>,
) -> Credential<'a> {
    let kind = kind(caller, principal, marks);
    let session = &caller.session;
    Credential {
        kind,
        access_key_id: caller.access_key.clone(),
        session_name,
        created: session.created,
        mfa: session.mfa,
        source_identity: session.source_identity.clone(),
        session_key: session_key(caller, kind),
    }
}

fn kind(caller: &Caller<'_>, principal: &Principal<'_>, marks: Marks<'_>) -> CredentialKind {
    let key = match caller.access_key.as_deref() {
        None => Key::Absent,
        Some(key) if key.starts_with("AKIA") => Key::Permanent,
        Some(key) if key.starts_with("ASIA") => Key::Temporary,
        Some(_) => Key::Unknown,
    };
    if caller.event_type.as_deref() == Some("AwsConsoleSignIn") && key == Key::Absent {
        return CredentialKind::None;
    }
    match principal.kind {
        PrincipalKind::AwsService => CredentialKind::Service,
        PrincipalKind::Root | PrincipalKind::IamUser => of_user(caller, key, marks),
        PrincipalKind::Role => of_role(caller, principal, key, marks),
        PrincipalKind::FederatedUser => match key {
            Key::Permanent => CredentialKind::Unrecognised,
            _ => by_others(caller, key, marks).unwrap_or(CredentialKind::UserSession),
        },
        // AssumeRoleWithSAML and AssumeRoleWithWebIdentity are not signed: the caller has nothing yet to sign with.
        PrincipalKind::SamlUser | PrincipalKind::WebIdentityUser if key == Key::Absent => {
            CredentialKind::None
        }
        PrincipalKind::IdentityCenterUser => CredentialKind::UserSession,
        PrincipalKind::ForeignAccount if principal.account.is_empty() => CredentialKind::None,
        PrincipalKind::ForeignAccount
            if crate::identity::is_role_id(&principal.id) && key != Key::Permanent =>
        {
            CredentialKind::RoleSession
        }
        _ => CredentialKind::Unrecognised,
    }
}

/// The console or a service, where the record says so.
fn by_others(caller: &Caller<'_>, key: Key, marks: Marks<'_>) -> Option<CredentialKind> {
    let console_agent = key == Key::Temporary && agent::is_console(marks.agent);
    match caller.invoked_by.as_deref() {
        Some(host) if agent::is_console_host(host) => Some(CredentialKind::Console),
        Some(_) => Some(CredentialKind::ForwardAccess),
        None if marks.from_console || console_agent => Some(CredentialKind::Console),
        None => None,
    }
}

fn of_user(caller: &Caller<'_>, key: Key, marks: Marks<'_>) -> CredentialKind {
    match (key, by_others(caller, key, marks)) {
        (Key::Permanent, None) => CredentialKind::PermanentKey,
        // The console and services sign with temporary keys.
        (Key::Permanent, Some(_)) => CredentialKind::Unrecognised,
        (_, Some(kind)) => kind,
        (Key::Temporary, None) if caller.session.present => CredentialKind::UserSession,
        (_, None) => CredentialKind::Unrecognised,
    }
}

fn of_role(
    caller: &Caller<'_>,
    principal: &Principal<'_>,
    key: Key,
    marks: Marks<'_>,
) -> CredentialKind {
    // Only a service can assume a service-linked role.
    let linked = principal
        .arn
        .as_deref()
        .is_some_and(|arn| arn.contains(":role/aws-service-role/"));
    match by_others(caller, key, marks) {
        _ if key == Key::Permanent => CredentialKind::Unrecognised,
        Some(CredentialKind::ForwardAccess) if linked => CredentialKind::Service,
        Some(kind) => kind,
        None if linked && marks.origin != OriginKind::Address => CredentialKind::Service,
        None => CredentialKind::RoleSession,
    }
}

/// What ties the calls of one session together. The console and services get a fresh key for every request, so there it is the
/// caller and the moment the session was created.
fn session_key<'a>(caller: &Caller<'a>, kind: CredentialKind) -> Option<Cow<'a, str>> {
    if !has_fresh_keys(kind) && caller.access_key.is_some() {
        return caller.access_key.clone();
    }
    let created = caller.session.created?;
    let who = caller.principal_id.as_ref().or(caller.arn.as_ref())?;
    Some(Cow::Owned(session_of(who, created)))
}

/// Whether every request is signed with a key of its own.
pub(crate) fn has_fresh_keys(kind: CredentialKind) -> bool {
    matches!(
        kind,
        CredentialKind::Console | CredentialKind::ForwardAccess
    )
}

/// The key of a session known by its caller and the moment it was created.
pub(crate) fn session_of(who: &str, created: Timestamp) -> String {
    format!("{who}@{}", created.epoch_secs())
}
