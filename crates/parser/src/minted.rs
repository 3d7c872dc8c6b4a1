//! What a successful call gave out: the edge from the credential that signed it to the next one.
//!
//! Read from `responseElements` of the few calls of STS and IAM that give something out; all other records never look at it.

use std::borrow::Cow;

use offtrail_event::{Minted, MintedKind, OutcomeClass, Principal, PrincipalKind};

use crate::{
    identity::{SessionArn, arn_account, last_part, part, with_person},
    outcome::SIGN_IN,
    record::RawRecord,
    scan::{Scanner, Value},
};

/// The calls that give something out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mint {
    AssumeRole,
    SessionToken,
    FederationToken,
    AssumeRoot,
    AccessKey,
    LoginProfile,
    User,
    Role,
}

impl Mint {
    fn of(source: &str, name: &str) -> Option<Self> {
        Some(match (source, name) {
            (
                "sts.amazonaws.com",
                "AssumeRole" | "AssumeRoleWithSAML" | "AssumeRoleWithWebIdentity",
            ) => Self::AssumeRole,
            ("sts.amazonaws.com", "GetSessionToken") => Self::SessionToken,
            ("sts.amazonaws.com", "GetFederationToken") => Self::FederationToken,
            ("sts.amazonaws.com", "AssumeRoot") => Self::AssumeRoot,
            ("iam.amazonaws.com", "CreateAccessKey") => Self::AccessKey,
            ("iam.amazonaws.com", "CreateLoginProfile" | "UpdateLoginProfile") => {
                Self::LoginProfile
            }
            ("iam.amazonaws.com", "CreateUser") => Self::User,
            ("iam.amazonaws.com", "CreateRole") => Self::Role,
            _ => return None,
        })
    }
}

/// What a call may answer beside how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// Nothing that anybody looks at.
    Nothing,
    /// The session of a role that it opened.
    Session,
    /// Something else that it gave out, or how a sign-in ended.
    More,
}

/// What a call may answer.
pub(crate) fn answers(source: &str, name: &str) -> Answers {
    match Mint::of(source, name) {
        Some(Mint::AssumeRole) => Answers::Session,
        Some(_) => Answers::More,
        None if name == SIGN_IN => Answers::More,
        None => Answers::Nothing,
    }
}

/// What the call gave out, if it is one that does and succeeded.
pub(crate) fn minted<'a>(
    record: &RawRecord<'a>,
    caller: &Principal<'a>,
    source: &str,
    name: &str,
    outcome: OutcomeClass,
) -> Option<Minted<'a>> {
    let mint = Mint::of(source, name).filter(|_| outcome == OutcomeClass::Succeeded)?;
    // Some exporters leave these objects as JSON text in a string.
    let as_text = |value| match value {
        Value::String(quoted) if quoted.begins_object() => Some(quoted.text()),
        _ => None,
    };
    let (request, response) = (as_text(record.request), as_text(record.response));
    if request.is_none() && response.is_none() {
        return Some(read(mint, caller, record.request, record.response));
    }
    let request = request.as_deref().map_or(record.request, object_in);
    let response = response.as_deref().map_or(record.response, object_in);
    Some(own(read(mint, caller, request, response)))
}

fn object_in(text: &str) -> Value<'_> {
    Scanner::new(text).value().unwrap_or_default()
}

fn read<'v>(
    mint: Mint,
    caller: &Principal<'v>,
    request: Value<'v>,
    response: Value<'v>,
) -> Minted<'v> {
    let (kind, principal) = match mint {
        Mint::AssumeRole => return session(request, response),
        Mint::SessionToken => (MintedKind::Session, Some(caller.clone())),
        Mint::FederationToken => (
            MintedKind::Session,
            federated_user(response.member("federatedUser")),
        ),
        Mint::AssumeRoot => (MintedKind::Session, assumed_root(request)),
        Mint::AccessKey => (
            MintedKind::AccessKey,
            own_user(
                caller,
                response.member("accessKey").member("userName"),
                request,
            ),
        ),
        Mint::LoginProfile => (
            MintedKind::LoginProfile,
            own_user(
                caller,
                response.member("loginProfile").member("userName"),
                request,
            ),
        ),
        Mint::User => (
            MintedKind::User,
            created(
                response.member("user"),
                PrincipalKind::IamUser,
                ["userId", "userName"],
            ),
        ),
        Mint::Role => (
            MintedKind::Role,
            created(
                response.member("role"),
                PrincipalKind::Role,
                ["roleId", "roleName"],
            ),
        ),
    };
    let holder = if kind == MintedKind::AccessKey {
        "accessKey"
    } else {
        "credentials"
    };
    Minted {
        kind,
        access_key_id: response.member(holder).member("accessKeyId").string(),
        principal,
    }
}

/// What a call that assumed a role gave out.
pub(crate) fn session<'v>(request: Value<'v>, response: Value<'v>) -> Minted<'v> {
    let [credentials, user] = response.members_named(["credentials", "assumedRoleUser"]);
    let [id, arn] = user.members_named(["assumedRoleId", "arn"]);
    Minted {
        kind: MintedKind::Session,
        access_key_id: credentials.member("accessKeyId").string(),
        principal: id
            .string()
            .and_then(|id| assumed_role(request.member("roleArn"), id, arn)),
    }
}

/// The role of `assumedRoleUser`: the one asked for, by its id and the session's ARN. Its ARN with its path stands only in the request.
fn assumed_role<'v>(
    asked: Value<'v>,
    id: Cow<'v, str>,
    session_arn: Value<'v>,
) -> Option<Principal<'v>> {
    let (unique, named) = match id.find(':') {
        Some(at) => (part(&id, 0, at), Some(part(&id, at + 1, id.len()))),
        None => (id, None),
    };
    if unique.is_empty() {
        return None;
    }
    let session = session_arn.string().as_ref().and_then(SessionArn::read);
    let asked = asked.string().filter(|arn| arn.contains(":role/"));
    let arn = asked.or_else(|| session.as_ref().map(SessionArn::role))?;
    let name = session
        .as_ref()
        .map(|session| session.role_name.clone())
        .or_else(|| last_part(&arn));
    let session_name = named.or_else(|| session.map(|session| session.session));
    let account = arn_account(&arn).unwrap_or_default();
    let principal = Principal {
        kind: PrincipalKind::Role,
        account,
        id: unique,
        arn: Some(arn),
        name,
        person: None,
        person_is_key: false,
    };
    Some(with_person(principal, session_name.as_ref()))
}

fn federated_user(user: Value<'_>) -> Option<Principal<'_>> {
    let id = user.member("federatedUserId").string()?;
    let arn = user.member("arn").string();
    let account = arn.as_ref().and_then(arn_account).unwrap_or_default();
    let name = arn.as_ref().and_then(last_part);
    Some(Principal {
        kind: PrincipalKind::FederatedUser,
        account,
        id,
        arn,
        name,
        person: None,
        person_is_key: false,
    })
}

/// The root user of the account that `AssumeRoot` asked for.
fn assumed_root(request: Value<'_>) -> Option<Principal<'_>> {
    let target = request.member("targetPrincipal").string()?;
    let account = if target.starts_with("arn:") {
        arn_account(&target)?
    } else {
        target
    };
    let name = Some(Cow::Borrowed("root"));
    Some(Principal {
        kind: PrincipalKind::Root,
        account: account.clone(),
        id: account,
        arn: None,
        name,
        person: None,
        person_is_key: false,
    })
}

/// The caller, where it made the thing for itself. For another user the response has only a name, not the unique id.
fn own_user<'v>(
    caller: &Principal<'v>,
    named: Value<'v>,
    request: Value<'v>,
) -> Option<Principal<'v>> {
    let named = named
        .string()
        .or_else(|| request.member("userName").string());
    let own = named.is_none() || named == caller.name;
    (own && caller.kind == PrincipalKind::IamUser).then(|| caller.clone())
}

fn created<'v>(
    thing: Value<'v>,
    kind: PrincipalKind,
    [id, name]: [&str; 2],
) -> Option<Principal<'v>> {
    let id = thing.member(id).string()?;
    let arn = thing.member("arn").string();
    let account = arn.as_ref().and_then(arn_account).unwrap_or_default();
    Some(Principal {
        kind,
        account,
        id,
        arn,
        name: thing.member(name).string(),
        person: None,
        person_is_key: false,
    })
}

fn own<'a>(minted: Minted<'_>) -> Minted<'a> {
    let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
    let principal = minted.principal.map(|principal| Principal {
        kind: principal.kind,
        account: own(principal.account),
        id: own(principal.id),
        arn: principal.arn.map(own),
        name: principal.name.map(own),
        person: principal.person.map(own),
        person_is_key: principal.person_is_key,
    });
    Minted {
        kind: minted.kind,
        access_key_id: minted.access_key_id.map(own),
        principal,
    }
}
