//! [`KnownCallers`]: what was made of a caller before, so that the next record of the same one needs no second thought.
//!
//! Most of an observation follows from who called and how: identity, user agent, address, region. Those texts repeat from record to
//! record, all but the access key and the moment its session began. So an identity is kept as its text with two holes, and what resolving it gave is kept
//! for it and the other texts. Equal texts in the same fields have equal meaning, and nothing is taken for known by a hash alone, so the short way
//! can't differ from the long one; whatever is not plainly regular takes the long one.

use std::{borrow::Cow, hash::BuildHasher as _};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use memchr::memmem;
use offtrail_event::{
    CredentialId, CredentialKind, Event, Observation, OriginKind, PrincipalId, PrincipalKind,
    TextId, Traits,
};

use crate::{
    agent, credential,
    ending::Endings,
    mould::{Holes, Identity, MORE_QUOTES, Mould, QUOTES, beginning, hash_of},
    outcome::SIGN_IN,
    plain::Plain,
    record::RawRecord,
    scan::Value,
    special::{mixed, word_at},
    time,
    traits::is_instance_id,
};

/// Bytes of texts that a worker remembers of callers; a full memory is emptied.
const KNOWN_CALLERS_BYTES_MAX: usize = 8 << 20;

/// Bytes of a caller's or an identity's texts beyond which it is not remembered; CloudTrail's own stay below 2 KiB.
const CALLER_BYTES_MAX: usize = 8 << 10;

/// What stands beside the texts of one entry in memory, about.
const ENTRY_BYTES: usize = 256;

/// Identities that begin alike and are compared in turn.
const ALIKE_MAX: usize = 8;

/// Callers, and origins, of one identity that are tried before they are looked for.
const RECENT: usize = 4;
const ORIGINS: usize = 8;

/// Bytes of an origin that is remembered.
const ORIGIN_BYTES_MAX: usize = 1 << 10;

/// Sources whose last `tlsDetails` is remembered; a power of two.
const PASSED_OVER: usize = 64;

/// Region, address and agent of a record, by their places in what an observer remembers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) region: TextId,
    pub(crate) place: u32,
    pub(crate) agent: u32,
}

/// What all records of one caller share.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) principal: PrincipalId,
    pub(crate) principal_kind: PrincipalKind,
    pub(crate) account: TextId,
    pub(crate) credential_kind: CredentialKind,
    pub(crate) by_service: bool,
    pub(crate) traits: Traits,
    signed: Signed,
    /// The account whose trail holds the records.
    pub(crate) account_text: Box<str>,
    /// For evidence.
    pub(crate) session_name: Box<str>,
    pub(crate) via_service: Box<str>,
}

/// What ties the calls of one session together, see [`credential::session_key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signed {
    ByKey,
    BySession,
}

/// An identity as it stands in records: the same text but for the name of a session, an access key and a moment.
#[derive(Debug)]
struct Class {
    hash: u64,
    mould: Mould,
    /// The session met last that is known by who it is of and when it began.
    session: Option<Box<Session>>,
    /// The callers and the origins met last.
    callers: [Option<Recent>; RECENT],
    origins: Origins,
}

/// A caller by its place, and by what it is told from others of its class in a few bytes: the record's ending, where it has a number, and marks as in [`Parts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Recent {
    place: u32,
    by: Option<(u32, Marks)>,
}

/// The mark of the console, whether the agent is the console's, and what kind of place it called from.
type Marks = (Option<bool>, bool, OriginKind);

/// Origins with their texts, and a few bytes of each that tell most of them apart.
#[derive(Debug, Default)]
struct Origins {
    signs: [u64; ORIGINS],
    told: [Option<(Box<str>, Origin)>; ORIGINS],
}

/// Where the address begins after a region's name of eight or nine letters.
const SIGN_AT: usize = "awsRegion\":\"eu-west-1\",\"sourceIPAddress\":\"".len();

/// What tells origins apart, mostly: sixteen bytes of the address.
#[inline(always)]
fn sign(text: &[u8]) -> Option<u64> {
    Some(mixed([
        word_at(text, SIGN_AT)?,
        word_at(text, SIGN_AT + 8)?,
    ]))
}

/// What a caller is looked for by: its class, type of event and recipient, and marks.
type Parts<'a> = (u32, [&'a str; 2], Marks);

/// A caller and what it is known by.
#[derive(Debug)]
struct Known {
    hash: u64,
    class: u32,
    texts: [Box<str>; 2],
    marks: Marks,
    caller: Caller,
}

impl Known {
    fn parts(&self) -> Parts<'_> {
        let texts = self.texts.each_ref().map(|text| &**text);
        (self.class, texts, self.marks)
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
    pub(crate) endings: Endings,
    /// For reading times.
    pub(crate) last_day: time::LastDay,
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
            endings: Endings::default(),
            last_day: time::LastDay::default(),
        }
    }
}

impl KnownCallers {
    /// The identity that stands at `at`, if it was met before.
    #[inline]
    pub(crate) fn meet<'t>(&self, text: &'t str, at: usize) -> Option<Identity<'t>> {
        let rest = text.as_bytes().get(at..)?;
        let hash = hash_of(beginning(rest, QUOTES)?, &self.hasher);
        match self.class_at(hash, text, at) {
            None if self.is_crowded(hash) => {
                let hash = hash_of(beginning(rest, MORE_QUOTES)?, &self.hasher);
                self.class_at(hash, text, at)
            }
            identity => identity,
        }
    }

    #[inline]
    fn class_at<'t>(&self, hash: u64, text: &'t str, at: usize) -> Option<Identity<'t>> {
        self.class_places.iter_hash(hash).find_map(|place| {
            let class = &self.classes[*place as usize];
            let identity = class.mould.read(text, at).filter(|_| class.hash == hash)?;
            Some(Identity {
                class: *place,
                ..identity
            })
        })
    }

    fn is_crowded(&self, hash: u64) -> bool {
        self.crowded.find(hash, |known| *known == hash).is_some()
    }

    /// How many identities begin with what gives this hash.
    fn alike(&self, hash: u64) -> usize {
        let is_alike = |place: &&u32| self.classes[**place as usize].hash == hash;
        self.class_places.iter_hash(hash).filter(is_alike).count()
    }

    /// The origin met lately with a class that stands at the beginning of a text, and how long its text is.
    #[inline]
    pub(crate) fn origin(&self, class: u32, rest: &[u8]) -> Option<(Origin, usize)> {
        let origins = &self.classes.get(class as usize)?.origins;
        let sign = sign(rest)?;
        let alike = origins
            .signs
            .iter()
            .zip(&origins.told)
            .filter(|(known, _)| **known == sign);
        alike
            .filter_map(|(_, told)| told.as_ref())
            .find(|(text, _)| rest.starts_with(text.as_bytes()))
            .map(|(text, origin)| (*origin, text.len()))
    }

    /// Remembers an origin as the last one of a class: region, address and agent as CloudTrail writes them one after the other, from the region's key
    /// on, without its quote.
    pub(crate) fn note_origin(&mut self, class: u32, texts: [&str; 3], origin: Origin) {
        let length: usize = texts.iter().map(|text| text.len()).sum();
        if length > ORIGIN_BYTES_MAX {
            return;
        }
        let [region, address, agent] = texts;
        let joined = [
            "awsRegion\":\"",
            region,
            "\",\"sourceIPAddress\":\"",
            address,
            "\",\"userAgent\":\"",
            agent,
            "\"",
        ]
        .concat();
        let Some(sign) = sign(joined.as_bytes()) else {
            return;
        };
        if let Some(class) = self.classes.get_mut(class as usize) {
            let Origins { signs, told } = &mut class.origins;
            signs.rotate_right(1);
            told.rotate_right(1);
            let before = told[0].as_ref().map_or(0, |(text, _)| text.len());
            self.bytes = (self.bytes + joined.len()).saturating_sub(before);
            self.full |= self.bytes > KNOWN_CALLERS_BYTES_MAX;
            (signs[0], told[0]) = (sign, Some((joined.into_boxed_str(), origin)));
        }
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

    /// What is known of the caller of a record, and the credential that signed it.
    #[inline]
    pub(crate) fn find(
        &mut self,
        plain: &Plain<'_>,
        console_agent: bool,
        origin: OriginKind,
    ) -> Option<(&Caller, Option<CredentialId>)> {
        let class = plain.identity.class;
        let marks = (plain.from_console, console_agent, origin);
        let parts = (class, [plain.event_type, plain.recipient], marks);
        let recent = self.classes.get(class as usize)?.callers;
        let mut recent = recent.into_iter().map_while(|place| place);
        // An ending tells the texts.
        let by = plain.ending.map(|ending| (ending, marks));
        let found = match by {
            Some(_) => recent.find(|recent| recent.by == by),
            None => recent.find(|recent| self.callers[recent.place as usize].parts() == parts),
        };
        let place = match found {
            Some(recent) => recent.place,
            None => {
                let place = self.place(parts)?;
                let recent = &mut self.classes[class as usize].callers;
                recent.rotate_right(1);
                recent[0] = Some(Recent { place, by });
                place
            }
        };
        let caller = &self.callers[place as usize].caller;
        let session = &mut self.classes[class as usize].session;
        Some((caller, credential(caller.signed, &plain.identity, session)?))
    }

    fn place(&self, parts: Parts<'_>) -> Option<u32> {
        let hash = self.hasher.hash_one(parts);
        let same = |place: &u32| {
            let known = &self.callers[*place as usize];
            known.hash == hash && known.parts() == parts
        };
        self.caller_places.find(hash, same).copied()
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
            plain_texts([record.event_type, record.recipient]),
            plain_truth(record.from_console),
        ) else {
            return;
        };
        let length = texts[0].len() + texts[1].len();
        if length > CALLER_BYTES_MAX {
            return;
        }
        let Some(class) = self.class(record, event) else {
            return;
        };
        let agent = event.origin.user_agent.as_deref().unwrap_or_default();
        let marks = (from_console, agent::is_console(agent), event.origin.kind);
        let parts = (class, texts, marks);
        if self.place(parts).is_some() || !self.admit(length) {
            return;
        }
        let Ok(place) = u32::try_from(self.callers.len()) else {
            return;
        };
        let hash = self.hasher.hash_one(parts);
        self.callers.push(Known {
            hash,
            class,
            texts: texts.map(Box::from),
            marks,
            caller: Caller::of(event, observation),
        });
        let callers = &self.callers;
        self.caller_places
            .insert_unique(hash, place, |place| callers[*place as usize].hash);
    }

    /// The class of a record's identity, made if it is new. `None`: it is not plainly regular.
    fn class(&mut self, record: &RawRecord<'_>, event: &Event<'_>) -> Option<u32> {
        let text = record.identity_text;
        if let Some(known) = self.meet(text, 0) {
            return (known.length == text.len()).then_some(known.class);
        }
        if text.is_empty() || text.len() > CALLER_BYTES_MAX || text.contains('\\') {
            return None;
        }
        let mut told = beginning(text.as_bytes(), QUOTES)?;
        let mut hash = hash_of(told, &self.hasher);
        if self.alike(hash) >= ALIKE_MAX {
            if !self.is_crowded(hash) && self.admit(0) {
                self.crowded.insert_unique(hash, hash, |hash| *hash);
            }
            told = beginning(text.as_bytes(), MORE_QUOTES)?;
            hash = hash_of(told, &self.hasher);
            if self.alike(hash) >= ALIKE_MAX {
                return None;
            }
        }
        let mut holes = Holes::of(record)?;
        if holes.session.start < told.len() || holes.session_again.end > holes.key.start {
            (holes.session, holes.session_again) = (0..0, 0..0);
        }
        let is_told = holes.key.start.min(holes.created.start) < told.len();
        let bytes = text.len() + size_of::<Class>();
        if is_told || holes.key.end > holes.created.start || !self.admit(bytes) {
            return None;
        }
        let place = u32::try_from(self.classes.len()).ok()?;
        let name = event.credential.session_name.as_deref().unwrap_or_default();
        self.classes.push(Class {
            hash,
            mould: Mould::new(text, &holes, is_instance_id(name))?,
            session: None,
            callers: [None; RECENT],
            origins: Origins::default(),
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

    /// Forgets the origins of all.
    pub(crate) fn forget_origins(&mut self) {
        for class in &mut self.classes {
            class.origins = Origins::default();
        }
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

/// A session by who it is of and when it began.
#[derive(Debug)]
struct Session {
    who: Box<str>,
    created: Box<str>,
    id: CredentialId,
}

/// The credential that signed a record of a known caller.
#[inline]
fn credential(
    signed: Signed,
    identity: &Identity<'_>,
    last: &mut Option<Box<Session>>,
) -> Option<Option<CredentialId>> {
    if signed == Signed::ByKey {
        return Some(Some(CredentialId::of(identity.access_key)));
    }
    if identity.created.is_empty() {
        return Some(None);
    }
    if let Some(last) = last
        && *last.created == *identity.created
        && *last.who == *identity.who
    {
        return Some(Some(last.id));
    }
    let created = time::plain(identity.created.as_bytes())?;
    if identity.who.is_empty() {
        return Some(None);
    }
    let id = CredentialId::of(&credential::session_of(identity.who, created));
    *last = Some(Box::new(Session {
        who: Box::from(identity.who),
        created: Box::from(identity.created),
        id,
    }));
    Some(Some(id))
}

impl Caller {
    fn of(event: &Event<'_>, observation: &Observation) -> Self {
        let credential = &event.credential;
        let text = |text: &Option<Cow<'_, str>>| Box::from(text.as_deref().unwrap_or_default());
        let has_own_key =
            credential.access_key_id.is_some() && !credential::has_fresh_keys(credential.kind);
        Self {
            principal: observation.principal,
            principal_kind: observation.principal_kind,
            account: observation.account,
            credential_kind: observation.credential_kind,
            by_service: observation.by_service,
            traits: observation.traits,
            signed: if has_own_key {
                Signed::ByKey
            } else {
                Signed::BySession
            },
            account_text: Box::from(&*event.account),
            session_name: text(&credential.session_name),
            via_service: text(&event.via_service),
        }
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
fn plain_texts(values: [Value<'_>; 2]) -> Option<[&str; 2]> {
    let mut texts = [""; 2];
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
