//! [`KnownCallers`]: what was made of a caller before, so that the next record of the same one needs no second thought.
//!
//! Most of an observation follows from who called and how: identity, user agent, address, region. Those texts repeat from record to
//! record, all but the access key and the moment its session began. So what resolving them gave is kept under these very texts, and a record
//! that brings them again becomes an observation without becoming an event first. Equal texts in the same fields have equal
//! meaning, so the short way can't differ from the long one; whatever is not plainly regular takes the long one.

use std::{borrow::Cow, hash::BuildHasher as _, ops::Range};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use memchr::memmem;
use offtrail_event::{
    Category, CredentialId, CredentialKind, Event, Fingerprint, Observation, OriginKind,
    OutcomeClass, PrincipalId, PrincipalKind, TextId, Timestamp, Traits,
};

use crate::{
    credential,
    record::{Met, RawRecord},
    scan::{Quoted, Value},
    time,
};

/// Bytes of texts that a worker remembers of callers; a full memory is emptied.
const KNOWN_CALLERS_BYTES_MAX: usize = 16 << 20;

/// Bytes of a caller's or an identity's texts beyond which it is not remembered; CloudTrail's own stay below 2 KiB.
const CALLER_BYTES_MAX: usize = 8 << 10;

/// What stands beside the texts of one entry in memory, about.
const ENTRY_BYTES: usize = 256;

/// Where an identity names its key, which is found first: most identities differ there, and all of one session agree.
const ACCESS_KEY: &str = "\"accessKeyId\":\"";
const ACCESS_KEY_WITHIN_BYTES: usize = 512;
/// Bytes that tell keys apart, and identities without one.
const KEY_BYTES: usize = 40;
const BEGINNING_BYTES: usize = 96;

/// What all records of one caller share.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) principal: PrincipalId,
    pub(crate) principal_kind: PrincipalKind,
    pub(crate) account: TextId,
    pub(crate) region: TextId,
    pub(crate) network: Option<TextId>,
    pub(crate) agent: TextId,
    pub(crate) credential_kind: CredentialKind,
    pub(crate) origin: OriginKind,
    pub(crate) by_service: bool,
    pub(crate) traits: Traits,
    signed: Signed,
    /// The account whose trail holds the records.
    pub(crate) account_text: Box<str>,
    /// For evidence.
    pub(crate) address: Box<str>,
    pub(crate) session_name: Box<str>,
    pub(crate) service: Box<str>,
}

/// What ties the calls of one session together, see [`credential::session_key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signed {
    ByKey,
    BySession,
}

/// The part of an observation that a record's own fields tell.
pub(crate) struct Own {
    pub(crate) time: Timestamp,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) credential: Option<CredentialId>,
    pub(crate) read_only: Option<bool>,
    pub(crate) category: Category,
}

/// An identity as it stands in records.
#[derive(Debug)]
struct Identity {
    hint: u64,
    text: Box<str>,
    deepest: usize,
    class: u64,
    /// Where its access key lies in the text.
    access_key: Option<Range<usize>>,
    by_key: Option<CredentialId>,
    /// Found out when first needed.
    by_session: Option<Option<CredentialId>>,
}

/// What a worker remembers of callers.
#[derive(Debug)]
pub(crate) struct KnownCallers {
    identities: Vec<Identity>,
    places: HashTable<u32>,
    /// Identities and classes forgotten so far: their numbers are not used again.
    forgotten: u64,
    /// Identities that differ in nothing but the access key and the beginning of the session.
    classes: HashTable<(Box<[u8]>, u64)>,
    callers: HashTable<(Box<[u8]>, Caller)>,
    bytes: usize,
    /// There was no room for something.
    full: bool,
    hasher: FixedState,
    access_key: memmem::Finder<'static>,
    /// The texts of the identity and of the caller asked for last.
    identity: Vec<u8>,
    texts: Vec<u8>,
}

impl Default for KnownCallers {
    fn default() -> Self {
        Self {
            identities: Vec::new(),
            places: HashTable::new(),
            forgotten: 0,
            classes: HashTable::new(),
            callers: HashTable::new(),
            bytes: 0,
            full: false,
            hasher: FixedState::default(),
            access_key: memmem::Finder::new(ACCESS_KEY),
            identity: Vec::new(),
            texts: Vec::new(),
        }
    }
}

impl KnownCallers {
    /// Whether a text begins with an identity that was met before. An object ends where it ends, whatever follows: a text that
    /// begins with the same bytes begins with the same object.
    pub(crate) fn meet(&self, rest: &str) -> Met {
        let bytes = rest.as_bytes();
        let window = &bytes[..bytes.len().min(ACCESS_KEY_WITHIN_BYTES)];
        let telling = match self.access_key.find(window) {
            Some(at) => &bytes[at..bytes.len().min(at + KEY_BYTES)],
            None => &bytes[..bytes.len().min(BEGINNING_BYTES)],
        };
        let hint = self.hasher.hash_one(telling);
        let same = |place: &u32| {
            let known = &self.identities[*place as usize];
            known.hint == hint && bytes.starts_with(known.text.as_bytes())
        };
        match self.places.find(hint, same) {
            Some(place) => Met::Before(self.forgotten + u64::from(*place)),
            None => Met::Not(hint),
        }
    }

    /// The length of an identity that was met before, bytes, and how deep it is nested.
    pub(crate) fn met(&self, id: u64) -> (usize, usize) {
        self.at(id)
            .map_or((0, 0), |known| (known.text.len(), known.deepest))
    }

    fn at(&self, id: u64) -> Option<&Identity> {
        let place = usize::try_from(id.checked_sub(self.forgotten)?).ok()?;
        self.identities.get(place)
    }

    /// What is known of the caller of a record, and the credential that signed it. `None`: the record has to be resolved.
    pub(crate) fn find(
        &mut self,
        record: &mut RawRecord<'_>,
    ) -> Option<(&Caller, Option<CredentialId>)> {
        self.texts.clear();
        if self.full {
            self.forget();
        }
        let (class, place) = self.class(record)?;
        self.texts.extend_from_slice(&class.to_le_bytes());
        for value in [
            record.agent,
            record.address,
            record.region,
            record.event_type,
            record.recipient,
            record.from_console,
        ] {
            write(value, &mut self.texts);
        }
        let hash = self.hasher.hash_one(&*self.texts);
        let (_, caller) = self
            .callers
            .find(hash, |(texts, _)| **texts == *self.texts)?;
        let known = place.and_then(|place| self.identities.get_mut(place));
        let credential = match (caller.signed, known) {
            (Signed::ByKey, Some(known)) => known.by_key,
            (Signed::ByKey, None) => by_key(record),
            (Signed::BySession, None) => by_session(record),
            (Signed::BySession, Some(known)) => *known.by_session.get_or_insert_with(|| {
                record.settle();
                by_session(record)
            }),
        };
        Some((caller, credential))
    }

    /// The class of a record's identity, and its place if its text is known. `None`: it is not plainly regular.
    fn class(&mut self, record: &mut RawRecord<'_>) -> Option<(u64, Option<usize>)> {
        if let Met::Before(id) = record.met
            && let Some(known) = self.at(id)
        {
            if let Some(key) = known.access_key.clone() {
                record.identity.access_key = Value::String(Quoted {
                    body: &record.identity_text[key],
                    escaped: false,
                });
            }
            let place = usize::try_from(id - self.forgotten).ok();
            return Some((known.class, place));
        }
        record.settle();
        self.identity.clear();
        if !write_identity(record, &mut self.identity) || self.identity.len() > CALLER_BYTES_MAX {
            return None;
        }
        let hash = self.hasher.hash_one(&*self.identity);
        let known = self
            .classes
            .find(hash, |(texts, _)| **texts == *self.identity)
            .map(|(_, class)| *class);
        let class = match known {
            Some(class) => class,
            None => {
                if !self.admit(self.identity.len()) {
                    return None;
                }
                let class = self.forgotten + self.classes.len() as u64;
                let hasher = &self.hasher;
                self.classes.insert_unique(
                    hash,
                    (Box::from(&*self.identity), class),
                    |(texts, _)| hasher.hash_one(&**texts),
                );
                class
            }
        };
        Some((class, self.remember_identity(record, class)))
    }

    fn remember_identity(&mut self, record: &RawRecord<'_>, class: u64) -> Option<usize> {
        let text = record.identity_text;
        let Met::Not(hint) = record.met else {
            return None;
        };
        if text.is_empty() || text.len() > CALLER_BYTES_MAX || !self.admit(text.len()) {
            return None;
        }
        let access_key = match record.identity.access_key {
            Value::String(key) => {
                let at = memmem::find(text.as_bytes(), key.body.as_bytes())?;
                Some(at..at + key.body.len())
            }
            _ => None,
        };
        let place = u32::try_from(self.identities.len()).ok()?;
        self.identities.push(Identity {
            hint,
            text: Box::from(text),
            deepest: record.identity_deepest,
            class,
            access_key,
            by_key: by_key(record),
            by_session: None,
        });
        let identities = &self.identities;
        self.places
            .insert_unique(hint, place, |place| identities[*place as usize].hint);
        Some(place as usize)
    }

    /// Counts what is about to be remembered. False: there is no room for it, and all will be forgotten before the next record.
    fn admit(&mut self, bytes: usize) -> bool {
        self.full |= self.bytes + bytes + ENTRY_BYTES > KNOWN_CALLERS_BYTES_MAX;
        if !self.full {
            self.bytes += bytes + ENTRY_BYTES;
        }
        !self.full
    }

    fn forget(&mut self) {
        self.forgotten += self.identities.len().max(self.classes.len()) as u64;
        self.identities.clear();
        self.places.clear();
        self.classes.clear();
        self.callers.clear();
        self.bytes = 0;
        self.full = false;
    }

    /// Remembers what resolving the record asked for last gave.
    pub(crate) fn remember(
        &mut self,
        record: &RawRecord<'_>,
        event: &Event<'_>,
        observation: &Observation,
    ) {
        let invoked = record.identity.invoked_by.string().is_some();
        // Resolved from more than the texts: a sign-in from its answer, a service that names nobody from the call's.
        if self.texts.is_empty()
            || self.texts.len() > CALLER_BYTES_MAX
            || event.credential.kind == CredentialKind::None
            || event.principal.kind == PrincipalKind::AwsService && !invoked
            || matches!(record.event_type, Value::String(kind) if kind.is("AwsConsoleSignIn"))
        {
            return;
        }
        let hash = self.hasher.hash_one(&*self.texts);
        if self
            .callers
            .find(hash, |(texts, _)| **texts == *self.texts)
            .is_some()
            || !self.admit(self.texts.len())
        {
            return;
        }
        let hasher = &self.hasher;
        self.callers.insert_unique(
            hash,
            (Box::from(&*self.texts), Caller::of(event, observation)),
            |(texts, _)| hasher.hash_one(&**texts),
        );
    }
}

impl Caller {
    fn of(event: &Event<'_>, observation: &Observation) -> Self {
        let credential = &event.credential;
        let text = |text: &Option<Cow<'_, str>>| Box::from(text.as_deref().unwrap_or_default());
        let has_own_key =
            credential.access_key_id.is_some() && !credential::has_fresh_keys(credential.kind);
        let service = event
            .via_service
            .as_deref()
            .or(event.origin.service.as_deref());
        Self {
            principal: observation.principal,
            principal_kind: observation.principal_kind,
            account: observation.account,
            region: observation.region,
            network: observation.network,
            agent: observation.agent,
            credential_kind: observation.credential_kind,
            origin: observation.origin,
            by_service: observation.by_service,
            traits: observation.traits,
            signed: if has_own_key {
                Signed::ByKey
            } else {
                Signed::BySession
            },
            account_text: Box::from(&*event.account),
            address: text(&event.origin.address),
            session_name: text(&credential.session_name),
            service: Box::from(service.unwrap_or_default()),
        }
    }

    /// The observation of a record of this caller that gives nothing out.
    pub(crate) fn observation(
        &self,
        own: &Own,
        call: offtrail_event::CallId,
        outcome: OutcomeClass,
    ) -> Observation {
        Observation {
            fingerprint: own.fingerprint,
            time: own.time,
            principal: self.principal,
            principal_kind: self.principal_kind,
            call,
            outcome,
            account: self.account,
            region: self.region,
            network: self.network,
            agent: self.agent,
            credential_kind: self.credential_kind,
            credential: own.credential,
            origin: self.origin,
            read_only: own.read_only,
            category: own.category,
            by_service: self.by_service,
            traits: self.traits,
            mint: None,
            targets: None,
            detail: None,
        }
    }
}

fn by_key(record: &RawRecord<'_>) -> Option<CredentialId> {
    let key = record.identity.access_key.string()?;
    Some(CredentialId::of(&key))
}

fn by_session(record: &RawRecord<'_>) -> Option<CredentialId> {
    let identity = &record.identity;
    if !identity.session.present {
        return None;
    }
    let created = time::read(&identity.session.created.string()?)?;
    let id = identity.principal_id.text_or_number("").ok().flatten();
    let who = id.or_else(|| identity.arn.string())?;
    Some(CredentialId::of(&credential::session_of(&who, created)))
}

/// Writes every field that tells of the identity, but the access key after its prefix and when its session began. False: not
/// plainly regular, not to be remembered.
fn write_identity(record: &RawRecord<'_>, texts: &mut Vec<u8>) -> bool {
    let identity = &record.identity;
    let session = &identity.session;
    let key = match identity.access_key {
        Value::Absent | Value::Null => 0,
        Value::String(key) if key.escaped || matches!(key.body, "" | "-" | "--") => return false,
        Value::String(key) if key.body.starts_with("AKIA") => 1,
        Value::String(key) if key.body.starts_with("ASIA") => 2,
        Value::String(_) => 3,
        _ => return false,
    };
    texts.extend([key, u8::from(session.present)]);
    for value in [
        record.identity_value,
        identity.kind,
        identity.principal_id,
        identity.arn,
        identity.account,
        identity.user_name,
        identity.invoked_by,
        identity.provider,
        identity.on_behalf_of,
        identity.session_value,
        session.mfa,
        session.source_identity,
        session.ec2_delivery,
        session.web_identity,
        session.issuer_id,
        session.issuer_arn,
        session.issuer_account,
        session.issuer_name,
    ] {
        write(value, texts);
    }
    true
}

/// Writes a value so that no two sequences of values look alike: its kind, its text, and a byte that no text holds.
fn write(value: Value<'_>, texts: &mut Vec<u8>) {
    let (kind, text) = match value {
        Value::Absent => (0, ""),
        Value::Null => (1, ""),
        Value::Bool(false) => (2, ""),
        Value::Bool(true) => (3, ""),
        Value::Number(text) => (4, text),
        Value::String(text) if text.escaped => (5, text.body),
        Value::String(text) => (6, text.body),
        Value::Object(text) => (7, text),
        Value::Array(text) => (8, text),
    };
    texts.push(kind);
    texts.extend_from_slice(text.as_bytes());
    texts.push(0xff);
}
