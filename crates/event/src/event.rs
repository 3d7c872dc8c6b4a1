//! [`Event`]: a CloudTrail record given meaning, with its texts borrowed from the buffer it was read from.

use std::borrow::Cow;

use crate::{
    Category, CredentialKind, OriginKind, OutcomeClass, PrincipalKind, TargetKind, Timestamp,
    Traits,
};

/// A record given meaning: who did what, when, from where, with which credential, and how it ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// `eventID`, verbatim; `None` where the record has none.
    pub event_id: Option<Cow<'a, str>>,
    /// `eventTime`.
    pub time: Timestamp,
    /// The account whose trail holds the record (`recipientAccountId`, else the caller's account); empty if unknown.
    pub account: Cow<'a, str>,
    /// `awsRegion`; empty if absent.
    pub region: Cow<'a, str>,
    /// What was called.
    pub call: Call<'a>,
    /// How it ended.
    pub outcome: Outcome<'a>,
    /// Whose permissions were used.
    pub principal: Principal<'a>,
    /// What signed the call.
    pub credential: Credential<'a>,
    /// Where it came from.
    pub origin: Origin<'a>,
    /// CloudTrail's own `readOnly`; absent before event version 1.06.
    pub read_only: Option<bool>,
    /// Management, data, network or insight.
    pub category: Category,
    /// The service that made the call with the caller's permissions (`invokedBy`), if any.
    pub via_service: Option<Cow<'a, str>>,
    /// `sharedEventID`: the same call seen by two accounts carries the same text.
    pub shared_event_id: Option<Cow<'a, str>>,
    /// What the call gave out: a session, a key, a user or a role. Only where it succeeded.
    pub minted: Option<Minted<'a>>,
    /// What the call was aimed at, where that may tell; only where it succeeded. Empty for nearly all calls.
    pub targets: Vec<Target<'a>>,
    /// What the record tells of the principal's nature, for peer groups.
    pub traits: Traits,
    /// `requestParameters.omitted`: CloudTrail left the parameters out because they were too large.
    pub parameters_omitted: bool,
}

/// What was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// `eventSource`, verbatim: `iam.amazonaws.com`.
    pub source: Cow<'a, str>,
    /// `eventName`, verbatim: `ListFunctions20150331`.
    pub name: Cow<'a, str>,
    /// `eventName` without its API date: `ListFunctions`. What calls are compared by.
    pub operation: Cow<'a, str>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// Succeeded, denied or failed.
    pub class: OutcomeClass,
    /// `errorCode`, verbatim.
    pub code: Option<Cow<'a, str>>,
}

/// Whose permissions were used, stable over sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal<'a> {
    /// Its kind.
    pub kind: PrincipalKind,
    /// The account it belongs to; empty if unknown.
    pub account: Cow<'a, str>,
    /// Its unique id: `AIDA…`, `AROA…`, the account for root, the service's host for a service; the ARN where the
    /// record gives no unique id. Never empty unless unrecognised.
    pub id: Cow<'a, str>,
    /// Its ARN, session stripped: `arn:aws:iam::…:role/…`.
    pub arn: Option<Cow<'a, str>>,
    /// Its name: user name, role name.
    pub name: Option<Cow<'a, str>>,
    /// The human behind a shared role: identity-centre session name, source identity, web-identity subject.
    pub person: Option<Cow<'a, str>>,
    /// Whether `person` is part of what a profile is keyed by: true for `AWSReservedSSO_*` roles.
    pub person_is_key: bool,
}

/// What signed the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential<'a> {
    /// Its kind.
    pub kind: CredentialKind,
    /// `accessKeyId`; `None` if absent or empty.
    pub access_key_id: Option<Cow<'a, str>>,
    /// The role session's name, free text of whoever assumed the role.
    pub session_name: Option<Cow<'a, str>>,
    /// When the session was created.
    pub created: Option<Timestamp>,
    /// Whether the session was opened with a second factor.
    pub mfa: Option<bool>,
    /// `sourceIdentity`, carried through role chains.
    pub source_identity: Option<Cow<'a, str>>,
    /// What ties together the calls of one session: the access key id, or, where every request has a fresh key
    /// (console, forward access), `principalId` and the session's creation time. `None` if the record has neither.
    pub session_key: Option<Cow<'a, str>>,
}

/// Where a call came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// Its kind.
    pub kind: OriginKind,
    /// The address in canonical text (`75.50.255.67`, not `075.050.255.067`).
    pub address: Option<Cow<'a, str>>,
    /// The service's host.
    pub service: Option<Cow<'a, str>>,
    /// The network the address is announced in or, without data on that, its /16 (IPv4) or /32 (IPv6) prefix.
    pub network: Option<Cow<'a, str>>,
    /// Who announces the network, where that was looked up: shown beside it, never compared. Empty if nobody is known.
    pub announced_by: Option<Cow<'a, str>>,
    /// `userAgent`, verbatim.
    pub user_agent: Option<Cow<'a, str>>,
    /// The family of the user agent: `aws-cli`, `Boto3`, `Terraform`, `console`, …; versions stripped.
    pub agent_family: Cow<'a, str>,
}

/// What kind of thing a call gave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MintedKind {
    /// Temporary credentials (`AssumeRole*`, `GetSessionToken`, `GetFederationToken`, `AssumeRoot`).
    Session,
    /// A permanent key (`CreateAccessKey`).
    AccessKey,
    /// A console password (`CreateLoginProfile`, `UpdateLoginProfile`).
    LoginProfile,
    /// A new user (`CreateUser`).
    User,
    /// A new role (`CreateRole`).
    Role,
}

impl MintedKind {
    /// Every kind, in the order of their declaration.
    pub const ALL: &'static [Self] = &[
        Self::Session,
        Self::AccessKey,
        Self::LoginProfile,
        Self::User,
        Self::Role,
    ];
}

/// What a successful call gave out: the edge from one credential to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minted<'a> {
    /// Session, key, login profile, user or role.
    pub kind: MintedKind,
    /// The access key id given out (`responseElements.credentials`, `.accessKey`).
    pub access_key_id: Option<Cow<'a, str>>,
    /// The principal whose permissions it carries, as far as the response names it.
    pub principal: Option<Principal<'a>>,
}

/// One thing a successful call was aimed at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// What kind of thing.
    pub kind: TargetKind,
    /// Which: an account id, a name; of bounded length, an ARN reduced to its name.
    pub value: Cow<'a, str>,
}
