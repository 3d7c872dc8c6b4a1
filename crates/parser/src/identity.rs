//! `userIdentity` → [`Principal`]: whose permissions were used, stable over sessions.
//!
//! A principal is keyed by its account and unique id (`AIDA…`, `AROA…`), because a name can be deleted and made again and an ARN
//! of a session names the session. The kinds are those of
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>.
//! Where the record says too little, or its witnesses disagree, the principal is unrecognised: never a guess.

use std::borrow::Cow;

use offtrail_event::{Principal, PrincipalKind, Timestamp};

use crate::{Reason, record::RawRecord, scan::Value, time};

/// The roles that IAM Identity Center makes; each is shared by many people, and the session's name is the person.
pub(crate) const SHARED_ROLE: &str = "AWSReservedSSO_";
/// What CloudTrail writes in place of a name typed wrongly, because it may be a password.
const HIDDEN_NAME: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// What a record tells of its caller, as text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller<'a> {
    pub(crate) kind: Option<Cow<'a, str>>,
    pub(crate) principal_id: Option<Cow<'a, str>>,
    pub(crate) arn: Option<Cow<'a, str>>,
    pub(crate) account: Option<Cow<'a, str>>,
    pub(crate) access_key: Option<Cow<'a, str>>,
    pub(crate) user_name: Option<Cow<'a, str>>,
    pub(crate) invoked_by: Option<Cow<'a, str>>,
    pub(crate) provider: Option<Cow<'a, str>>,
    pub(crate) recipient: Option<Cow<'a, str>>,
    /// `onBehalfOf.userId`.
    pub(crate) center_user: Option<Cow<'a, str>>,
    pub(crate) session: Session<'a>,
    /// `eventType`.
    pub(crate) event_type: Option<Cow<'a, str>>,
    /// `eventSource`.
    pub(crate) source: Cow<'a, str>,
}

/// What a record tells of the caller's session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session<'a> {
    pub(crate) present: bool,
    pub(crate) created: Option<Timestamp>,
    pub(crate) mfa: Option<bool>,
    pub(crate) source_identity: Option<Cow<'a, str>>,
    pub(crate) on_instance: bool,
    /// `webIdFederationData.federatedProvider`.
    pub(crate) web_provider: Option<Cow<'a, str>>,
    /// The subject among `webIdFederationData.attributes`.
    pub(crate) web_subject: Option<Cow<'a, str>>,
    pub(crate) issuer_id: Option<Cow<'a, str>>,
    pub(crate) issuer_arn: Option<Cow<'a, str>>,
    pub(crate) issuer_account: Option<Cow<'a, str>>,
    pub(crate) issuer_name: Option<Cow<'a, str>>,
}

impl<'a> Caller<'a> {
    /// Reads the fields that tell of the caller; a field of a type it can't have is an error.
    pub(crate) fn read(record: &RawRecord<'a>, source: Cow<'a, str>) -> Result<Self, Reason> {
        if !matches!(
            record.identity_value,
            Value::Absent | Value::Null | Value::Object(_)
        ) {
            return Err(Reason::BadField("userIdentity"));
        }
        let raw = &record.identity;
        Ok(Self {
            kind: raw.kind.text("userIdentity.type")?,
            principal_id: raw
                .principal_id
                .text_or_number("userIdentity.principalId")?,
            arn: raw.arn.text("userIdentity.arn")?,
            account: raw.account.text_or_number("userIdentity.accountId")?,
            access_key: raw.access_key.text("userIdentity.accessKeyId")?,
            user_name: raw.user_name.text("userIdentity.userName")?,
            invoked_by: raw.invoked_by.text("userIdentity.invokedBy")?,
            provider: raw.provider.text("userIdentity.identityProvider")?,
            recipient: record.recipient.text_or_number("recipientAccountId")?,
            center_user: raw.on_behalf_of.member("userId").string(),
            session: Session::read(record)?,
            event_type: record.event_type.text("eventType")?,
            source,
        })
    }

    /// The account whose trail holds the record.
    pub(crate) fn trail_account(&self) -> Cow<'a, str> {
        self.recipient
            .clone()
            .or_else(|| self.own_account())
            .unwrap_or_default()
    }

    fn own_account(&self) -> Option<Cow<'a, str>> {
        let session = &self.session;
        self.account
            .clone()
            .or_else(|| session.issuer_account.clone())
            .or_else(|| self.arn.as_ref().and_then(arn_account))
    }

    /// `principalId` before and after its first colon: unique id and session name.
    fn id_parts(&self) -> (Option<Cow<'a, str>>, Option<Cow<'a, str>>) {
        let Some(id) = &self.principal_id else {
            return (None, None);
        };
        match id.find(':') {
            None => (Some(id.clone()), None),
            Some(at) => (given(part(id, 0, at)), given(part(id, at + 1, id.len()))),
        }
    }
}

impl<'a> Session<'a> {
    fn read(record: &RawRecord<'a>) -> Result<Self, Reason> {
        let raw = &record.identity.session;
        if !matches!(
            record.identity.session_value,
            Value::Absent | Value::Null | Value::Object(_)
        ) {
            return Err(Reason::BadField("userIdentity.sessionContext"));
        }
        if !raw.present {
            return Ok(Self::default());
        }
        let mut web_subject = None;
        raw.web_identity
            .member("attributes")
            .members(|name, value| {
                if name == "sub" || name.ends_with(":sub") {
                    web_subject = value.string();
                }
            });
        Ok(Self {
            present: true,
            created: raw.created.string().and_then(|text| time::read(&text)),
            mfa: raw.mfa.truth(),
            source_identity: raw
                .source_identity
                .text("userIdentity.sessionContext.sourceIdentity")?,
            on_instance: !matches!(raw.ec2_delivery, Value::Absent | Value::Null),
            web_provider: raw.web_identity.member("federatedProvider").string(),
            web_subject,
            issuer_id: raw.issuer_id.text_or_number("sessionIssuer.principalId")?,
            issuer_arn: raw.issuer_arn.text("sessionIssuer.arn")?,
            issuer_account: raw
                .issuer_account
                .text_or_number("sessionIssuer.accountId")?,
            issuer_name: raw.issuer_name.text("sessionIssuer.userName")?,
        })
    }
}

/// Whose permissions were used, and the session's name where there is one.
pub(crate) fn principal<'a>(caller: &Caller<'a>) -> (Principal<'a>, Option<Cow<'a, str>>) {
    let principal = match caller.kind.as_deref() {
        Some("Root") => root(caller),
        Some("IAMUser") => iam_user(caller),
        Some("AssumedRole" | "Role") => return role(caller),
        Some("FederatedUser") => federated_user(caller),
        Some("SAMLUser") => before_any_role(caller, PrincipalKind::SamlUser),
        Some("WebIdentityUser") => before_any_role(caller, PrincipalKind::WebIdentityUser),
        Some("IdentityCenterUser") => identity_center_user(caller),
        Some("AWSService") => service(caller),
        Some("AWSAccount") => return foreign(caller),
        // Identities without a type: events of services, and nothing else, say who invoked them.
        None if caller.invoked_by.is_some()
            || caller.event_type.as_deref() == Some("AwsServiceEvent") =>
        {
            service(caller)
        }
        _ => unrecognised(caller),
    };
    (principal, None)
}

/// A principal without a person.
fn plain<'a>(kind: PrincipalKind, account: Cow<'a, str>, id: Cow<'a, str>) -> Principal<'a> {
    Principal {
        kind,
        account,
        id,
        arn: None,
        name: None,
        person: None,
        person_is_key: false,
    }
}

/// As much as the record says, without a claim.
fn unrecognised<'a>(caller: &Caller<'a>) -> Principal<'a> {
    let account = caller
        .own_account()
        .unwrap_or_else(|| caller.trail_account());
    Principal {
        arn: caller.arn.clone(),
        name: caller.user_name.clone().filter(|name| name != HIDDEN_NAME),
        ..plain(
            PrincipalKind::Unrecognised,
            account,
            caller.id_parts().0.unwrap_or_default(),
        )
    }
}

fn root<'a>(caller: &Caller<'a>) -> Principal<'a> {
    let Some(account) = caller.own_account().or_else(|| caller.recipient.clone()) else {
        return unrecognised(caller);
    };
    Principal {
        arn: caller.arn.clone(),
        name: Some(Cow::Borrowed("root")),
        ..plain(PrincipalKind::Root, account.clone(), account)
    }
}

fn iam_user<'a>(caller: &Caller<'a>) -> Principal<'a> {
    let account = caller
        .own_account()
        .or_else(|| caller.recipient.clone())
        .unwrap_or_default();
    let Some(id) = caller.id_parts().0.or_else(|| caller.arn.clone()) else {
        return unrecognised(caller);
    };
    let name = caller
        .user_name
        .clone()
        .filter(|name| name != HIDDEN_NAME)
        .or_else(|| caller.arn.as_ref().and_then(last_part));
    Principal {
        arn: caller.arn.clone(),
        name,
        ..plain(PrincipalKind::IamUser, account, id)
    }
}

fn role<'a>(caller: &Caller<'a>) -> (Principal<'a>, Option<Cow<'a, str>>) {
    let session = &caller.session;
    let (unique, named) = caller.id_parts();
    let own = caller.arn.as_ref().and_then(SessionArn::read);
    let session_name = named.or_else(|| own.as_ref().map(|own| own.session.clone()));
    let both_unique = |(issuer, own): (&Cow<'_, str>, &Cow<'_, str>)| {
        is_role_id(issuer) && is_role_id(own) && issuer != own
    };
    if session
        .issuer_id
        .as_ref()
        .zip(unique.as_ref())
        .is_some_and(both_unique)
    {
        return (unrecognised(caller), session_name);
    }
    let arn = session
        .issuer_arn
        .clone()
        .or_else(|| own.as_ref().map(SessionArn::role));
    // A role acting without a session carries its own ARN.
    let arn = arn.or_else(|| caller.arn.clone().filter(|arn| arn.contains(":role/")));
    let Some(id) = session.issuer_id.clone().or(unique).or_else(|| arn.clone()) else {
        return (unrecognised(caller), session_name);
    };
    let account = session
        .issuer_account
        .clone()
        .or_else(|| arn.as_ref().and_then(arn_account));
    let account = account
        .or_else(|| caller.own_account())
        .or_else(|| caller.recipient.clone())
        .unwrap_or_default();
    let name = session
        .issuer_name
        .clone()
        .or_else(|| own.map(|own| own.role_name))
        .or_else(|| arn.as_ref().and_then(last_part));
    let person = session
        .source_identity
        .clone()
        .or_else(|| session.web_subject.clone());
    let principal = Principal {
        arn,
        name,
        person,
        ..plain(PrincipalKind::Role, account, id)
    };
    (with_person(principal, session_name.as_ref()), session_name)
}

/// Keeps the person of a role that is shared by many.
pub(crate) fn with_person<'a>(
    principal: Principal<'a>,
    session_name: Option<&Cow<'a, str>>,
) -> Principal<'a> {
    let shared = principal
        .name
        .as_ref()
        .is_some_and(|name| name.starts_with(SHARED_ROLE));
    match session_name {
        Some(person) if shared => Principal {
            person: Some(person.clone()),
            person_is_key: true,
            ..principal
        },
        _ => principal,
    }
}

fn federated_user<'a>(caller: &Caller<'a>) -> Principal<'a> {
    let account = caller
        .own_account()
        .or_else(|| caller.recipient.clone())
        .unwrap_or_default();
    let Some(id) = caller.principal_id.clone().or_else(|| caller.arn.clone()) else {
        return unrecognised(caller);
    };
    let name = caller
        .id_parts()
        .1
        .or_else(|| caller.arn.as_ref().and_then(last_part));
    Principal {
        arn: caller.arn.clone(),
        name,
        ..plain(PrincipalKind::FederatedUser, account, id)
    }
}

/// A user of a SAML or web-identity provider: known by the provider and the provider's name for it, which is how AWS itself
/// builds `principalId`; that text is used where the record has no such pair.
fn before_any_role<'a>(caller: &Caller<'a>, kind: PrincipalKind) -> Principal<'a> {
    let pair = caller
        .provider
        .as_ref()
        .zip(caller.user_name.as_ref())
        .map(|(provider, name)| format!("{provider}:{name}"));
    let joined = caller.principal_id.clone().filter(|id| id.contains(':'));
    let id = joined
        .or_else(|| pair.map(Cow::Owned))
        .or_else(|| caller.principal_id.clone())
        .or_else(|| caller.user_name.clone());
    let Some(id) = id else {
        return unrecognised(caller);
    };
    let person = caller.user_name.clone();
    Principal {
        name: caller.user_name.clone(),
        person,
        ..plain(kind, caller.trail_account(), id)
    }
}

fn identity_center_user<'a>(caller: &Caller<'a>) -> Principal<'a> {
    let Some(id) = caller.center_user.clone().or_else(|| caller.id_parts().0) else {
        return unrecognised(caller);
    };
    let name = caller.user_name.clone();
    Principal {
        person: name.clone(),
        name,
        ..plain(
            PrincipalKind::IdentityCenterUser,
            caller.trail_account(),
            id,
        )
    }
}

fn service<'a>(caller: &Caller<'a>) -> Principal<'a> {
    let host = caller
        .invoked_by
        .clone()
        .unwrap_or_else(|| caller.source.clone());
    Principal {
        name: Some(host.clone()),
        ..plain(PrincipalKind::AwsService, caller.trail_account(), host)
    }
}

/// A caller known by its account. Of the trail's own account, the unique id's prefix still tells user and role.
fn foreign<'a>(caller: &Caller<'a>) -> (Principal<'a>, Option<Cow<'a, str>>) {
    let (unique, session_name) = caller.id_parts();
    let anonymous = |text: &Cow<'_, str>| {
        text.eq_ignore_ascii_case("anonymous") || text == "ANONYMOUS_PRINCIPAL"
    };
    let account = caller.account.clone().filter(|account| !anonymous(account));
    let unique = unique.filter(|unique| !anonymous(unique));
    let Some(account) = account else {
        let id = unique.unwrap_or(Cow::Borrowed("anonymous"));
        return (
            plain(PrincipalKind::ForeignAccount, Cow::Borrowed(""), id),
            session_name,
        );
    };
    let kind = match &unique {
        _ if caller.recipient.as_ref() != Some(&account) => PrincipalKind::ForeignAccount,
        Some(unique) if is_role_id(unique) => PrincipalKind::Role,
        Some(unique) if unique.starts_with("AIDA") => PrincipalKind::IamUser,
        _ => PrincipalKind::ForeignAccount,
    };
    let id = unique.unwrap_or_else(|| account.clone());
    (
        Principal {
            arn: caller.arn.clone(),
            ..plain(kind, account, id)
        },
        session_name,
    )
}

/// Whether a unique id is a role's.
pub(crate) fn is_role_id(id: &str) -> bool {
    id.starts_with("AROA")
}

/// `arn:aws:sts::111122223333:assumed-role/deploy/build-17`, taken apart.
pub(crate) struct SessionArn<'a> {
    partition: Cow<'a, str>,
    account: Cow<'a, str>,
    pub(crate) role_name: Cow<'a, str>,
    pub(crate) session: Cow<'a, str>,
}

impl<'a> SessionArn<'a> {
    pub(crate) fn read(arn: &Cow<'a, str>) -> Option<Self> {
        let mut fields = arn.splitn(6, ':');
        let (prefix, partition, service, region, account) = (
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
        );
        let names = fields.next()?.strip_prefix("assumed-role/")?;
        let (role_name, session) = names.split_once('/')?;
        if prefix != "arn" || service != "sts" || role_name.is_empty() || session.is_empty() {
            return None;
        }
        let account_at = prefix.len() + partition.len() + service.len() + region.len() + 4;
        let names_at = arn.len() - names.len();
        Some(Self {
            partition: part(arn, prefix.len() + 1, prefix.len() + 1 + partition.len()),
            account: part(arn, account_at, account_at + account.len()),
            role_name: part(arn, names_at, names_at + role_name.len()),
            session: part(arn, arn.len() - session.len(), arn.len()),
        })
    }

    /// The role's ARN; its path is not part of a session's ARN and is left out.
    pub(crate) fn role(&self) -> Cow<'a, str> {
        Cow::Owned(format!(
            "arn:{}:iam::{}:role/{}",
            self.partition, self.account, self.role_name
        ))
    }
}

/// The account in an ARN.
pub(crate) fn arn_account<'a>(arn: &Cow<'a, str>) -> Option<Cow<'a, str>> {
    let account = arn.split(':').nth(4).filter(|_| arn.starts_with("arn:"))?;
    let from = arn.split(':').take(4).map(|field| field.len() + 1).sum();
    given(part(arn, from, from + account.len()))
}

/// What follows the last slash of an ARN: the name.
pub(crate) fn last_part<'a>(arn: &Cow<'a, str>) -> Option<Cow<'a, str>> {
    given(part(arn, arn.rfind('/')? + 1, arn.len()))
}

/// A piece of a text, borrowed where the text is.
pub(crate) fn part<'a>(text: &Cow<'a, str>, from: usize, to: usize) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[from..to]),
        Cow::Owned(text) => Cow::Owned(text[from..to].to_owned()),
    }
}

fn given(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    Some(text).filter(|text| !text.is_empty())
}
