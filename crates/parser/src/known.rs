//! [`KnownCallers`]: what was made of a caller before, so that the next record of the same one needs no second thought.
//!
//! Most of an observation follows from who called and how: identity, user agent, address, region. Those texts repeat from record to
//! record, all but the access key and the moment its session began. So an identity is kept as its text with two holes, and what resolving it gave is kept
//! for it and the other texts. Equal texts in the same fields have equal meaning, and nothing is taken for known by a hash alone, so the short way
//! can't differ from the long one; whatever is not plainly regular takes the long one.

use std::{borrow::Cow, hash::BuildHasher as _, ops::Range};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use memchr::{memchr, memmem};
use offtrail_event::{
    Category, CredentialId, CredentialKind, Event, Fingerprint, Observation, OriginKind,
    OutcomeClass, PrincipalId, PrincipalKind, TextId, Timestamp, Traits,
};

use crate::{
    credential,
    outcome::SIGN_IN,
    plain::Plain,
    record::RawRecord,
    scan::Value,
    special::{next_special, quotes},
    time,
};

/// Bytes of texts that a worker remembers of callers; a full memory is emptied.
const KNOWN_CALLERS_BYTES_MAX: usize = 16 << 20;

/// Bytes of a caller's or an identity's texts beyond which it is not remembered; CloudTrail's own stay below 2 KiB.
const CALLER_BYTES_MAX: usize = 8 << 10;

/// What stands beside the texts of one entry in memory, about.
const ENTRY_BYTES: usize = 256;

/// Bytes within which an identity has told its second value: type and unique id, or type and service.
const BEGINNING_BYTES: usize = 256;

/// Quotes around two keys and two texts, and around as many again where the first are shared by many identities.
const QUOTES: u32 = 8;
const MORE_QUOTES: u32 = 16;

/// Identities that begin alike and are compared in turn.
const ALIKE_MAX: usize = 8;

/// Callers of one identity that are tried before they are looked for.
const RECENT: usize = 4;

/// Sources whose last `tlsDetails` is remembered; a power of two.
const PASSED_OVER: usize = 64;

/// An identity that stands in a record.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Identity<'t> {
    /// Among those remembered.
    pub(crate) class: u32,
    /// In the text, bytes.
    pub(crate) length: usize,
    pub(crate) access_key: &'t str,
    /// When its session began, as text.
    created: &'t str,
}

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
    pub(crate) user_agent: Box<str>,
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

/// An identity as it stands in records: the same text but for an access key and a moment.
#[derive(Debug)]
struct Class {
    hash: u64,
    text: Box<str>,
    /// The access key, and what of it may differ: all after its prefix. Empty where nothing may.
    access_key: Range<usize>,
    key: Range<usize>,
    /// When the session began; empty where it does not tell.
    created: Range<usize>,
    /// Who the session is of, see [`credential::session_of`].
    who: Box<str>,
    /// Those of its callers met last, by their places.
    recent: [Option<u32>; RECENT],
}

/// A caller and the texts it is known by.
#[derive(Debug)]
struct Known {
    hash: u64,
    class: u32,
    /// Region, address and agent as CloudTrail writes them one after the other, from the region's key on, without its quote.
    texts: Box<str>,
    region: Range<usize>,
    address: Range<usize>,
    agent: Range<usize>,
    event_type: Box<str>,
    recipient: Box<str>,
    from_console: Option<bool>,
    caller: Caller,
}

/// What a caller is looked for by: its class, region, address, agent, type of event, recipient and mark of the console.
type Parts<'a> = (u32, [&'a str; 5], Option<bool>);

impl Known {
    fn parts(&self) -> Parts<'_> {
        let texts = [
            &self.texts[self.region.clone()],
            &self.texts[self.address.clone()],
            &self.texts[self.agent.clone()],
            &*self.event_type,
            &*self.recipient,
        ];
        (self.class, texts, self.from_console)
    }

    /// Whether what stands outside of region, address and agent is the same.
    fn is_also(&self, plain: &Plain<'_>) -> bool {
        self.from_console == plain.from_console
            && *self.recipient == *plain.recipient
            && *self.event_type == *plain.event_type
    }
}

/// What a worker remembers of callers.
#[derive(Debug)]
pub(crate) struct KnownCallers {
    classes: Vec<Class>,
    class_places: HashTable<u32>,
    /// Beginnings shared by many identities, as hashes.
    crowded: HashTable<u64>,
    callers: Vec<Known>,
    caller_places: HashTable<u32>,
    bytes: usize,
    /// There was no room for something.
    full: bool,
    hasher: FixedState,
    passed_over: Vec<Box<[u8]>>,
}

impl Default for KnownCallers {
    fn default() -> Self {
        Self {
            classes: Vec::new(),
            class_places: HashTable::new(),
            crowded: HashTable::new(),
            callers: Vec::new(),
            caller_places: HashTable::new(),
            bytes: 0,
            full: false,
            hasher: FixedState::default(),
            passed_over: vec![Box::default(); PASSED_OVER],
        }
    }
}

impl Class {
    /// Whether a text begins with this identity. An object ends where it ends, whatever follows; and what stands in the holes are
    /// strings, without escapes and of the same length.
    #[inline]
    fn begins(&self, text: &[u8]) -> bool {
        let own = self.text.as_bytes();
        let same = |from: usize, to: usize| text.get(from..to) == own.get(from..to);
        let whole =
            |hole: &Range<usize>| hole.is_empty() || next_special(text, hole.start) == hole.end;
        text.len() >= own.len()
            && same(0, self.key.start)
            && same(self.key.end, self.created.start)
            && same(self.created.end, own.len())
            && whole(&self.key)
            && whole(&self.created)
    }
}

impl KnownCallers {
    /// The identity that stands at `at`, if it was met before.
    #[inline]
    pub(crate) fn meet<'t>(&self, text: &'t str, at: usize) -> Option<Identity<'t>> {
        let rest = text.as_bytes().get(at..)?;
        let hash = self.hasher.hash_one(beginning(rest, QUOTES)?);
        let place = match self.class_at(hash, rest) {
            None if self.is_crowded(hash) => {
                self.class_at(self.hasher.hash_one(beginning(rest, MORE_QUOTES)?), rest)
            }
            place => place,
        }?;
        let class = &self.classes[place as usize];
        let part = |range: &Range<usize>| text.get(at + range.start..at + range.end);
        Some(Identity {
            class: place,
            length: class.text.len(),
            access_key: part(&class.access_key)?,
            created: part(&class.created)?,
        })
    }

    #[inline]
    fn class_at(&self, hash: u64, rest: &[u8]) -> Option<u32> {
        let same = |place: &u32| {
            let class = &self.classes[*place as usize];
            class.hash == hash && class.begins(rest)
        };
        self.class_places.find(hash, same).copied()
    }

    fn is_crowded(&self, hash: u64) -> bool {
        self.crowded.find(hash, |known| *known == hash).is_some()
    }

    /// How many identities begin with what gives this hash.
    fn alike(&self, hash: u64) -> usize {
        let is_alike = |place: &&u32| self.classes[**place as usize].hash == hash;
        self.class_places.iter_hash(hash).filter(is_alike).count()
    }

    /// The caller of a class met lately whose region, address and agent stand at the beginning of a text, and how long they are.
    #[inline]
    pub(crate) fn candidate(&self, class: u32, rest: &[u8]) -> Option<(u32, usize)> {
        let recent = self.classes.get(class as usize)?.recent;
        recent
            .into_iter()
            .map_while(|place| place)
            .find_map(|place| {
                let texts = &self.callers[place as usize].texts;
                rest.starts_with(texts.as_bytes())
                    .then_some((place, texts.len()))
            })
    }

    /// Where the `tlsDetails` met last in records of a source is kept.
    #[inline]
    pub(crate) fn passed_over(&mut self, source: &str) -> &mut Box<[u8]> {
        let beginning = source
            .as_bytes()
            .first_chunk::<4>()
            .copied()
            .unwrap_or_default();
        let place = u32::from_le_bytes(beginning).wrapping_mul(0x9e37_79b1) >> 26;
        &mut self.passed_over[place as usize % PASSED_OVER]
    }

    /// What is known of the caller of a record.
    #[inline]
    pub(crate) fn find(&mut self, plain: &Plain<'_>) -> Option<(&Caller, Option<CredentialId>)> {
        let class = plain.identity.class;
        let place = match plain.candidate {
            Some(candidate) if self.callers[candidate as usize].is_also(plain) => candidate,
            candidate => {
                let texts = match candidate {
                    Some(other) => self.callers[other as usize].parts().1,
                    None => [plain.region, plain.address, plain.agent, "", ""],
                };
                let texts = [
                    texts[0],
                    texts[1],
                    texts[2],
                    plain.event_type,
                    plain.recipient,
                ];
                let place = self.place((class, texts, plain.from_console))?;
                let recent = &mut self.classes[class as usize].recent;
                recent.rotate_right(1);
                recent[0] = Some(place);
                place
            }
        };
        let caller = &self.callers[place as usize].caller;
        Some((caller, self.credential(caller.signed, &plain.identity)?))
    }

    fn place(&self, parts: Parts<'_>) -> Option<u32> {
        let hash = self.hasher.hash_one(parts);
        let same = |place: &u32| {
            let known = &self.callers[*place as usize];
            known.hash == hash && known.parts() == parts
        };
        self.caller_places.find(hash, same).copied()
    }

    /// The credential that signed a record of a known caller.
    #[inline]
    fn credential(&self, signed: Signed, identity: &Identity<'_>) -> Option<Option<CredentialId>> {
        if signed == Signed::ByKey {
            return Some(Some(CredentialId::of(identity.access_key)));
        }
        if identity.created.is_empty() {
            return Some(None);
        }
        let created = time::plain(identity.created.as_bytes())?;
        let who = &*self.classes[identity.class as usize].who;
        Some((!who.is_empty()).then(|| CredentialId::of(&credential::session_of(who, created))))
    }

    /// Remembers what resolving a record gave.
    pub(crate) fn remember(
        &mut self,
        record: &RawRecord<'_>,
        event: &Event<'_>,
        observation: &Observation,
    ) {
        if self.full {
            self.forget();
        }
        let is_sign_in =
            matches!(record.event_type, Value::String(kind) if kind.is("AwsConsoleSignIn"));
        let invoked = record.identity.invoked_by.string().is_some();
        let signed_in = (is_sign_in || event.credential.kind == CredentialKind::None)
            && tells_sign_in(record.response);
        // Resolved from more than the texts: a sign-in from its answer, a service that names nobody from the call's.
        if signed_in || event.principal.kind == PrincipalKind::AwsService && !invoked {
            return;
        }
        let (Some(texts), Some(from_console)) = (
            plain_texts([
                record.region,
                record.address,
                record.agent,
                record.event_type,
                record.recipient,
            ]),
            plain_truth(record.from_console),
        ) else {
            return;
        };
        let length: usize = texts.iter().map(|text| text.len()).sum();
        if length > CALLER_BYTES_MAX {
            return;
        }
        let Some(class) = self.class(record) else {
            return;
        };
        let parts = (class, texts, from_console);
        if self.place(parts).is_some() || !self.admit(length) {
            return;
        }
        let Ok(place) = u32::try_from(self.callers.len()) else {
            return;
        };
        let hash = self.hasher.hash_one(parts);
        self.callers
            .push(Known::of((hash, parts), Caller::of(event, observation)));
        let callers = &self.callers;
        self.caller_places
            .insert_unique(hash, place, |place| callers[*place as usize].hash);
    }

    /// The class of a record's identity, made if it is new. `None`: it is not plainly regular.
    fn class(&mut self, record: &RawRecord<'_>) -> Option<u32> {
        let text = record.identity_text;
        if let Some(known) = self.meet(text, 0) {
            return (known.length == text.len()).then_some(known.class);
        }
        if text.is_empty()
            || text.len() > CALLER_BYTES_MAX
            || memchr(b'\\', text.as_bytes()).is_some()
        {
            return None;
        }
        let mut told = beginning(text.as_bytes(), QUOTES)?;
        let mut hash = self.hasher.hash_one(told);
        if self.alike(hash) >= ALIKE_MAX {
            if !self.is_crowded(hash) && self.admit(0) {
                self.crowded.insert_unique(hash, hash, |hash| *hash);
            }
            told = beginning(text.as_bytes(), MORE_QUOTES)?;
            hash = self.hasher.hash_one(told);
            if self.alike(hash) >= ALIKE_MAX {
                return None;
            }
        }
        let access_key = hole(text, "\"accessKeyId\"", record.identity.access_key)?;
        let created = hole(text, "\"creationDate\"", record.identity.session.created)?;
        let key = match &text[access_key.clone()] {
            "-" | "--" => return None,
            key if key.starts_with("AKIA") || key.starts_with("ASIA") => {
                access_key.start + 4..access_key.end
            }
            _ => access_key.end..access_key.end,
        };
        if !created.is_empty() {
            time::plain(text[created.clone()].as_bytes())?;
        }
        // What is not there lies where it is in nobody's way.
        let created = if created.is_empty() {
            text.len()..text.len()
        } else {
            created
        };
        let is_told = key.start < told.len() && !key.is_empty();
        if is_told || key.end > created.start || !self.admit(text.len()) {
            return None;
        }
        let identity = &record.identity;
        let id = identity.principal_id.text_or_number("").ok().flatten();
        let who = id.or_else(|| identity.arn.string()).unwrap_or_default();
        let place = u32::try_from(self.classes.len()).ok()?;
        self.classes.push(Class {
            hash,
            text: Box::from(text),
            access_key,
            key,
            created,
            who: Box::from(&*who),
            recent: [None; RECENT],
        });
        let classes = &self.classes;
        self.class_places
            .insert_unique(hash, place, |place| classes[*place as usize].hash);
        Some(place)
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
        self.classes.clear();
        self.class_places.clear();
        self.crowded.clear();
        self.callers.clear();
        self.caller_places.clear();
        self.bytes = 0;
        self.full = false;
    }
}

impl Known {
    fn of((hash, (class, texts, from_console)): (u64, Parts<'_>), caller: Caller) -> Self {
        let mut joined =
            String::with_capacity(64 + texts.iter().map(|text| text.len()).sum::<usize>());
        let mut add = |key: &str, text: &str| {
            joined.push_str(key);
            let start = joined.len();
            joined.push_str(text);
            start..joined.len()
        };
        let region = add("awsRegion\":\"", texts[0]);
        let address = add("\",\"sourceIPAddress\":\"", texts[1]);
        let agent = add("\",\"userAgent\":\"", texts[2]);
        joined.push('"');
        Self {
            hash,
            class,
            texts: joined.into_boxed_str(),
            region,
            address,
            agent,
            event_type: Box::from(texts[3]),
            recipient: Box::from(texts[4]),
            from_console,
            caller,
        }
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
            user_agent: text(&event.origin.user_agent),
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

/// What an identity begins with: up to the quote of this number. After eight its second value ends, which tells it from nearly all others.
#[inline]
fn beginning(text: &[u8], quotes_wanted: u32) -> Option<&[u8]> {
    let mut from = 0;
    let mut missing = quotes_wanted;
    while from < BEGINNING_BYTES {
        let mut found = quotes(text, from)?;
        let count = found.count_ones();
        if count < missing {
            missing -= count;
            from += 64;
            continue;
        }
        for _ in 1..missing {
            found &= found - 1;
        }
        return text.get(..=from + found.trailing_zeros() as usize);
    }
    None
}

/// Where the text of a member lies in an object, if the member stands there once at most. Empty if it does not.
fn hole(text: &str, key: &str, value: Value<'_>) -> Option<Range<usize>> {
    let mut found = memmem::find_iter(text.as_bytes(), key.as_bytes());
    let (first, second) = (found.next(), found.next());
    match (first, value) {
        (None, Value::Absent) => Some(0..0),
        (Some(at), Value::String(quoted)) if second.is_none() && !quoted.escaped => {
            let start = at + key.len() + 2;
            let there = text.get(start - 2..start)? == ":\"";
            let range = start..start + quoted.body.len();
            (there && text.get(range.clone())? == quoted.body).then_some(range)
        }
        _ => None,
    }
}

/// Whether an answer may tell of a sign-in, or that one failed; doubtful ones count as if they did.
pub(crate) fn tells_sign_in(response: Value<'_>) -> bool {
    match response {
        Value::Absent | Value::Null => false,
        Value::Object(text) => {
            let tells = |words: &str| memmem::find(text.as_bytes(), words.as_bytes()).is_some();
            tells("\\") || tells(SIGN_IN) || tells("Failure")
        }
        _ => true,
    }
}

/// Texts without escapes; absent ones are empty.
fn plain_texts(values: [Value<'_>; 5]) -> Option<[&str; 5]> {
    let mut texts = [""; 5];
    for (text, value) in texts.iter_mut().zip(values) {
        match value {
            Value::Absent => {}
            Value::String(quoted) if !quoted.escaped => *text = quoted.body,
            _ => return None,
        }
    }
    Some(texts)
}

fn plain_truth(value: Value<'_>) -> Option<Option<bool>> {
    match value {
        Value::Absent | Value::Null => Some(None),
        Value::Bool(truth) => Some(Some(truth)),
        Value::String(quoted) if !quoted.escaped => match quoted.body {
            "true" => Some(Some(true)),
            "false" => Some(Some(false)),
            _ => None,
        },
        _ => None,
    }
}
