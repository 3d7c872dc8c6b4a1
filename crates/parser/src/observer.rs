//! [`Observer`]: [`Event`] → [`Observation`]. Texts that last become ids of one shared vocabulary.
//!
//! Each worker asks a small cache of its own first, so that threads which meet mostly known texts don't wait for each other.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashTable};
use std::{borrow::Cow, hash::BuildHasher};

use offtrail_event::{
    CallId, CredentialId, CredentialKind, Detail, DetailFields, Event, Fingerprint, Mint, Minted,
    MintedKind, Observation, OriginKind, OutcomeClass, Principal, PrincipalId, PrincipalKind,
    Target, TargetKind, TextId, Vocabulary,
};

use crate::{
    Limits, Reason, agent,
    known::{self, KnownCallers, Origin},
    minted::{self, Answers},
    network, outcome,
    plain::{IDENTITY_DEPTH, Plain},
    record::{RawRecord, is_given},
    resolve,
    scan::Value,
    taken::{KnownRoles, Taken},
    targets::{self, Telling},
    texts::{KnownAgent, KnownPlace, Texts},
};

/// Names the networks of an event, where something better than their prefix is known.
pub type NameNetworks<'v> = dyn FnMut(&mut Event<'_>) + Send + 'v;

/// Entries of each cache; a full one is emptied.
const CACHE_ENTRIES_MAX: usize = 1 << 16;

/// Whether observations carry the texts that only evidence needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithDetail {
    /// They are only learnt from: no.
    Learn,
    /// They are going to be judged: yes.
    Judge,
}

/// Turns events into observations; one per worker thread.
pub struct Observer<'v> {
    words: &'v Vocabulary,
    detail: WithDetail,
    texts: HashMap<Box<str>, TextId, FixedState>,
    calls: HashTable<(Box<str>, Box<str>, CallId)>,
    principals: HashTable<(KnownPrincipal, PrincipalId)>,
    hasher: FixedState,
    callers: KnownCallers,
    names: HashTable<KnownCall>,
    places: Texts<KnownPlace>,
    agents: Texts<KnownAgent>,
    roles: KnownRoles,
    naming: Option<Box<NameNetworks<'v>>>,
    /// A target as text, while it is looked up.
    target: String,
}

/// A call as a record names it, and what it takes to observe it.
struct KnownCall {
    /// Its source and its name, one after the other.
    texts: Box<str>,
    source_bytes: usize,
    id: CallId,
    telling: Telling,
    answers: Answers,
}

impl KnownCall {
    fn texts(&self) -> (&str, &str) {
        self.texts.split_at(self.source_bytes)
    }

    fn is(&self, source: &str, name: &str) -> bool {
        self.source_bytes == source.len() && self.texts() == (source, name)
    }
}

/// A session that a record tells was opened.
enum Opened<'t> {
    /// Of a role that was met before.
    Known(Taken<'t>, PrincipalId),
    New(Minted<'t>, Option<Taken<'t>>),
}

impl<'t> Opened<'t> {
    fn read(plain: &Plain<'t>, roles: &KnownRoles) -> Self {
        let taken = Taken::read(plain.request, plain.response);
        match taken.and_then(|taken| Some((taken, roles.find(&taken)?))) {
            Some((taken, role)) => Self::Known(taken, role),
            None => Self::New(minted::session(plain.request, plain.response), taken),
        }
    }

    fn access_key(&self) -> Option<&str> {
        match self {
            Self::Known(taken, _) => Some(taken.access_key),
            Self::New(minted, _) => minted.access_key_id.as_deref(),
        }
    }
}

/// All of a principal that the vocabulary looks at.
struct KnownPrincipal {
    kind: PrincipalKind,
    texts: [Box<str>; 5],
}

impl KnownPrincipal {
    fn texts<'p>(principal: &'p Principal<'_>) -> [&'p str; 5] {
        let text = |text: &'p Option<Cow<'_, str>>| text.as_deref().unwrap_or_default();
        let person = if principal.person_is_key {
            text(&principal.person)
        } else {
            ""
        };
        [
            &principal.account,
            &principal.id,
            text(&principal.arn),
            text(&principal.name),
            person,
        ]
    }
}

impl<'v> Observer<'v> {
    /// An observer over the run's vocabulary.
    #[must_use]
    pub fn new(words: &'v Vocabulary, detail: WithDetail) -> Self {
        Self {
            words,
            detail,
            texts: HashMap::default(),
            calls: HashTable::new(),
            principals: HashTable::new(),
            hasher: FixedState::default(),
            callers: KnownCallers::default(),
            names: HashTable::new(),
            places: Texts::default(),
            agents: Texts::default(),
            roles: KnownRoles::default(),
            naming: None,
            target: String::new(),
        }
    }

    /// Lets `name` name the networks of each event that [`crate::Parser::observe`] reads. It has to see every event, so none takes the
    /// short way over what is known of its caller.
    #[must_use]
    pub fn with_naming(mut self, name: Box<NameNetworks<'v>>) -> Self {
        self.naming = Some(name);
        self
    }

    /// The observation of a record.
    pub(crate) fn record(
        &mut self,
        record: &RawRecord<'_>,
        raw: &[u8],
    ) -> Result<Observation, Reason> {
        let mut event = resolve::event(record)?;
        if let Some(name) = &mut self.naming {
            name(&mut event);
            return Ok(self.observe(&event, raw));
        }
        let observation = self.observe(&event, raw);
        self.callers.remember(record, &event, &observation);
        // An escaped text may stand for one that is no text when it is written plainly.
        let is_plain = |value| matches!(value, Value::String(quoted) if !quoted.escaped);
        if is_plain(record.source) && is_plain(record.name) {
            self.know_call(&event, observation.call);
        }
        Ok(observation)
    }

    /// The observation of the record that begins at `start`, and its end, if the record is plainly regular and its caller and its call are known.
    pub(crate) fn plain(
        &mut self,
        text: &str,
        start: usize,
        limits: &Limits,
    ) -> Option<(usize, Observation)> {
        if self.naming.is_some() {
            return None;
        }
        let plain = Plain::read(text, start, &mut self.callers)?;
        let is_large = plain.end - start > limits.record_bytes_max;
        if is_large || plain.deepest + IDENTITY_DEPTH > limits.nesting_max {
            return None;
        }
        let observation = self.of_plain(&plain)?;
        if plain.ending.is_none() {
            self.callers.endings.remember(text, &plain);
        }
        Some((plain.end, observation))
    }

    fn of_plain(&mut self, plain: &Plain<'_>) -> Option<Observation> {
        let origin = self.origin(plain);
        let (place, agent) = (
            &self.places.known[origin.place as usize],
            &self.agents.known[origin.agent as usize],
        );
        let hash = self.hasher.hash_one((plain.source, plain.name));
        let call = self
            .names
            .find(hash, |call| call.is(plain.source, plain.name))?;
        let is_console = agent.is_console;
        let (caller, credential) = self.callers.find(plain, is_console, place.kind)?;
        let outcome = match plain.error {
            "" => OutcomeClass::Succeeded,
            code => outcome::of_code(code),
        };
        let succeeded = outcome == OutcomeClass::Succeeded;
        let may_sign_in = plain.event_type == "AwsConsoleSignIn"
            || caller.credential_kind == CredentialKind::None;
        if may_sign_in && known::tells_sign_in(plain.response) {
            return None;
        }
        let opened = match call.answers {
            Answers::Session if succeeded => Some(Opened::read(plain, &self.roles)),
            Answers::Nothing | Answers::Session => None,
            Answers::More => return None,
        };
        let is_foreign = caller.principal_kind == PrincipalKind::ForeignAccount;
        let targets = match call.telling {
            Telling::Name(kind, member) if succeeded => {
                targets::named(plain.request, (kind, member), &caller.account_text)
            }
            // Of sessions told only where the caller is from another account.
            Telling::More if succeeded && (opened.is_none() || is_foreign) => return None,
            _ => Vec::new(),
        };
        let category = Some(plain.category).filter(|text| is_given(text));
        let mut observation = Observation {
            fingerprint: Fingerprint::of(plain.event_id.as_bytes()),
            time: plain.time?,
            principal: caller.principal,
            principal_kind: caller.principal_kind,
            call: call.id,
            outcome,
            account: caller.account,
            region: origin.region,
            network: place.network,
            agent: agent.family,
            credential_kind: caller.credential_kind,
            credential,
            origin: place.kind,
            read_only: plain.read_only,
            category: resolve::category(category, Some(plain.event_type), plain.management),
            by_service: caller.by_service,
            traits: caller.traits,
            mint: None,
            targets: None,
            detail: None,
        };
        if self.detail == WithDetail::Judge {
            let minted_key = opened.as_ref().and_then(Opened::access_key);
            observation.detail = Some(Detail::pack(&DetailFields {
                event_id: plain.event_id,
                event_name: plain.name,
                code: plain.error,
                address: &place.address,
                user_agent: agent.shown(),
                access_key_id: plain.identity.access_key,
                session_name: match plain.identity.session {
                    "" => &caller.session_name,
                    name => name,
                },
                minted_key: minted_key.unwrap_or_default(),
                service: match &*caller.via_service {
                    "" => &place.service,
                    service => service,
                },
                announced_by: "",
            }));
        }
        observation.mint = opened.map(|opened| self.opened(&opened));
        observation.targets = self.targets(&targets);
        Some(observation)
    }

    /// Region, address and agent of a record.
    fn origin(&mut self, plain: &Plain<'_>) -> Origin {
        if let Some(origin) = plain.origin {
            return origin;
        }
        if self.places.is_full() || self.agents.is_full() {
            self.places.clear();
            self.agents.clear();
            self.callers.forget_origins();
        }
        let region = match plain.region {
            text if is_given(text) => self.text(text),
            _ => self.text(""),
        };
        let place = match self.places.find(plain.address) {
            Some(place) => place,
            None => {
                let text = Some(Cow::Borrowed(plain.address)).filter(|text| is_given(text));
                let place = network::place(text);
                let own =
                    |text: &Option<Cow<'_, str>>| Box::from(text.as_deref().unwrap_or_default());
                let known = KnownPlace {
                    text: Box::from(plain.address),
                    kind: place.kind,
                    network: place.network.as_deref().map(|network| self.text(network)),
                    address: own(&place.address),
                    service: own(&place.service),
                };
                self.places.add(known)
            }
        };
        let agent = match self.agents.find(plain.agent) {
            Some(agent) => agent,
            None => {
                let text = if is_given(plain.agent) {
                    plain.agent
                } else {
                    ""
                };
                let family = match text {
                    "" => Cow::Borrowed(""),
                    text => agent::family(text),
                };
                let known = KnownAgent {
                    family: self.text(&family),
                    is_console: agent::is_console(text),
                    text: Box::from(plain.agent),
                };
                self.agents.add(known)
            }
        };
        let origin = Origin {
            region,
            place,
            agent,
        };
        let texts = [plain.region, plain.address, plain.agent];
        self.callers
            .note_origin(plain.identity.class, texts, origin);
        origin
    }

    fn opened(&mut self, opened: &Opened<'_>) -> Mint {
        match opened {
            Opened::Known(taken, role) => Mint {
                kind: MintedKind::Session,
                credential: Some(CredentialId::of(taken.access_key)),
                principal: Some(*role),
            },
            Opened::New(minted, taken) => {
                let mint = self.mint(minted);
                let of_nobody = |principal: &&Principal<'_>| principal.person.is_none();
                // A role shared by people is another principal for each.
                if let (Some(taken), Some(role)) = (taken, mint.principal)
                    && minted
                        .principal
                        .as_ref()
                        .is_some_and(|known| of_nobody(&known))
                {
                    self.roles.remember(taken, role);
                }
                mint
            }
        }
    }

    fn mint(&mut self, minted: &Minted<'_>) -> Mint {
        Mint {
            kind: minted.kind,
            credential: minted.access_key_id.as_deref().map(CredentialId::of),
            principal: minted
                .principal
                .as_ref()
                .map(|principal| self.principal(principal)),
        }
    }

    /// Remembers what it takes to observe a call, so that the next record of it may be short.
    fn know_call(&mut self, event: &Event<'_>, id: CallId) {
        let call = &event.call;
        let hash = self.hasher.hash_one((&*call.source, &*call.name));
        let same = |known: &KnownCall| known.is(&call.source, &call.name);
        if self.names.find(hash, same).is_some() {
            return;
        }
        if self.names.len() >= CACHE_ENTRIES_MAX {
            self.names.clear();
        }
        let known = KnownCall {
            texts: [&*call.source, &*call.name].concat().into_boxed_str(),
            source_bytes: call.source.len(),
            id,
            telling: Telling::of(&call.source, &call.operation),
            answers: minted::answers(&call.source, &call.name),
        };
        let hasher = &self.hasher;
        self.names
            .insert_unique(hash, known, |known| hasher.hash_one(known.texts()));
    }

    /// The observation of an event; `raw` is the record's own text, which identifies it where it has no `eventID`.
    pub fn observe(&mut self, event: &Event<'_>, raw: &[u8]) -> Observation {
        let credential = &event.credential;
        let mint = event.minted.as_ref().map(|minted| self.mint(minted));
        let by_service = event.principal.kind == PrincipalKind::AwsService
            || event.origin.kind == OriginKind::Service
            || matches!(
                credential.kind,
                CredentialKind::ForwardAccess | CredentialKind::Service
            );
        Observation {
            fingerprint: Fingerprint::of(event.event_id.as_deref().map_or(raw, str::as_bytes)),
            time: event.time,
            principal: self.principal(&event.principal),
            principal_kind: event.principal.kind,
            call: self.call(&event.call.source, &event.call.operation),
            outcome: event.outcome.class,
            account: self.text(&event.account),
            region: self.text(&event.region),
            network: event
                .origin
                .network
                .as_deref()
                .map(|network| self.text(network)),
            agent: self.text(&event.origin.agent_family),
            credential_kind: credential.kind,
            credential: credential.session_key.as_deref().map(CredentialId::of),
            origin: event.origin.kind,
            read_only: event.read_only,
            category: event.category,
            by_service,
            traits: event.traits,
            mint,
            targets: self.targets(&event.targets),
            detail: (self.detail == WithDetail::Judge).then(|| detail(event)),
        }
    }

    fn targets(&mut self, targets: &[Target<'_>]) -> Option<Box<[(TargetKind, TextId)]>> {
        if targets.is_empty() {
            return None;
        }
        let mut text = std::mem::take(&mut self.target);
        let ids = targets.iter().map(|target| {
            text.clear();
            text.push_str(target.kind.as_str());
            text.push(':');
            text.push_str(&target.value);
            (target.kind, self.text(&text))
        });
        let ids = ids.collect();
        self.target = text;
        Some(ids)
    }

    fn text(&mut self, text: &str) -> TextId {
        if let Some(id) = self.texts.get(text) {
            return *id;
        }
        let id = self.words.text_id(text);
        if self.texts.len() >= CACHE_ENTRIES_MAX {
            self.texts.clear();
        }
        self.texts.insert(Box::from(text), id);
        id
    }

    fn call(&mut self, source: &str, operation: &str) -> CallId {
        let hash = self.hasher.hash_one((source, operation));
        if let Some((.., id)) = self
            .calls
            .find(hash, |known| &*known.1 == operation && &*known.0 == source)
        {
            return *id;
        }
        let id = self.words.call_id(source, operation);
        if self.calls.len() >= CACHE_ENTRIES_MAX {
            self.calls.clear();
        }
        let hasher = &self.hasher;
        self.calls.insert_unique(
            hash,
            (Box::from(source), Box::from(operation), id),
            |known| hasher.hash_one((&*known.0, &*known.1)),
        );
        id
    }

    fn principal(&mut self, principal: &Principal<'_>) -> PrincipalId {
        let texts = KnownPrincipal::texts(principal);
        let hash = self.hasher.hash_one(texts);
        let same = |known: &KnownPrincipal| {
            known.kind == principal.kind
                && known
                    .texts
                    .iter()
                    .zip(texts)
                    .all(|(known, text)| &**known == text)
        };
        if let Some((_, id)) = self.principals.find(hash, |(known, _)| same(known)) {
            return *id;
        }
        let id = self.words.principal_id(principal);
        if self.principals.len() >= CACHE_ENTRIES_MAX {
            self.principals.clear();
        }
        let known = KnownPrincipal {
            kind: principal.kind,
            texts: texts.map(Box::from),
        };
        let hasher = &self.hasher;
        self.principals
            .insert_unique(hash, (known, id), |(known, _)| {
                hasher.hash_one(known.texts.each_ref().map(|text| &**text))
            });
        id
    }
}

fn detail(event: &Event<'_>) -> Detail {
    let minted_key = event
        .minted
        .as_ref()
        .and_then(|minted| minted.access_key_id.as_deref());
    Detail::pack(&DetailFields {
        event_id: event.event_id.as_deref().unwrap_or_default(),
        event_name: &event.call.name,
        code: event.outcome.code.as_deref().unwrap_or_default(),
        address: event.origin.address.as_deref().unwrap_or_default(),
        user_agent: event.origin.user_agent.as_deref().unwrap_or_default(),
        access_key_id: event
            .credential
            .access_key_id
            .as_deref()
            .unwrap_or_default(),
        session_name: event.credential.session_name.as_deref().unwrap_or_default(),
        minted_key: minted_key.unwrap_or_default(),
        service: event
            .via_service
            .as_deref()
            .or(event.origin.service.as_deref())
            .unwrap_or_default(),
        announced_by: event.origin.announced_by.as_deref().unwrap_or_default(),
    })
}
