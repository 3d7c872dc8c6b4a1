//! [`Observer`]: [`Event`] → [`Observation`]. Texts that last become ids of one shared vocabulary.
//!
//! Each worker asks a small cache of its own first, so that threads which meet mostly known texts don't wait for each other.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashTable};
use std::hash::BuildHasher;

use offtrail_event::{
    CallId, CredentialId, CredentialKind, Detail, DetailFields, Event, Fingerprint, Mint,
    Observation, OriginKind, Principal, PrincipalId, PrincipalKind, Target, TargetKind, TextId,
    Vocabulary,
};

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
}

/// All of a principal that the vocabulary looks at.
struct KnownPrincipal {
    kind: PrincipalKind,
    texts: [Box<str>; 5],
}

impl KnownPrincipal {
    fn texts<'p>(principal: &'p Principal<'_>) -> [&'p str; 5] {
        let text =
            |text: &'p Option<std::borrow::Cow<'_, str>>| text.as_deref().unwrap_or_default();
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
        }
    }

    /// The observation of an event; `raw` is the record's own text, which identifies it where it has no `eventID`.
    pub fn observe(&mut self, event: &Event<'_>, raw: &[u8]) -> Observation {
        let credential = &event.credential;
        let mint = event.minted.as_ref().map(|minted| Mint {
            kind: minted.kind,
            credential: minted.access_key_id.as_deref().map(CredentialId::of),
            principal: minted
                .principal
                .as_ref()
                .map(|principal| self.principal(principal)),
        });
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
        let ids = targets.iter().map(|target| {
            let text = format!("{}:{}", target.kind, target.value);
            (target.kind, self.text(&text))
        });
        Some(ids.collect())
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
