//! [`Vocabulary`]: every text that lasts, once; ids instead of texts everywhere else.
//!
//! One vocabulary serves all threads of a run. The look-up map is sharded (`dashmap`), so that threads which meet mostly known
//! texts rarely wait; callers on a hot path keep a small cache of their own before it. Ids count up from zero within
//! each kind in the order of first interning, which differs from run to run: nothing that leaves the process may depend on it.

use std::{
    hash::Hash,
    sync::{Arc, RwLock},
};

use dashmap::DashMap;
use foldhash::fast::FixedState;

use crate::{Principal, PrincipalKind};

/// Id of an interned text (account, region, network, agent family, …).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextId(pub u32);

/// Id of a call: event source and operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u32);

/// Id of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrincipalId(pub u32);

/// Who a [`PrincipalId`] stands for. Two principals are the same if account, unique id and keyed person are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalName {
    /// Its kind.
    pub kind: PrincipalKind,
    /// The account it belongs to; empty if unknown.
    pub account: Arc<str>,
    /// Its unique id.
    pub id: Arc<str>,
    /// The person of a shared identity-centre role; `None` for all others.
    pub person: Option<Arc<str>>,
    /// Its ARN; empty if never told. Of several the smallest, so that the order of learning doesn't matter.
    pub arn: Arc<str>,
    /// Its name; empty if never told. Goes with `arn`.
    pub name: Arc<str>,
}

impl PrincipalName {
    /// `account/id` or `account/id#person`: the key of its profile in files and messages.
    #[must_use]
    pub fn key(&self) -> String {
        match &self.person {
            Some(person) => format!("{}/{}#{person}", self.account, self.id),
            None => format!("{}/{}", self.account, self.id),
        }
    }

    /// What a person would call it: its name (with the person behind it), else its unique id.
    #[must_use]
    pub fn label(&self) -> String {
        let name = if self.name.is_empty() {
            &self.id
        } else {
            &self.name
        };
        match &self.person {
            Some(person) => format!("{person} ({name})"),
            None => name.to_string(),
        }
    }
}

/// Kind, account, unique id and keyed person.
type PrincipalKey = (PrincipalKind, Arc<str>, Arc<str>, Option<Arc<str>>);

/// Every text that lasts, once.
#[derive(Debug, Default)]
pub struct Vocabulary {
    texts: Table<Arc<str>>,
    calls: Table<(Arc<str>, Arc<str>)>,
    principals: Table<PrincipalKey>,
    labels: RwLock<Vec<(Arc<str>, Arc<str>)>>,
}

impl Vocabulary {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of a text, interned if new.
    #[must_use]
    pub fn text_id(&self, text: &str) -> TextId {
        TextId(self.texts.intern(Arc::from(text)))
    }

    /// The id of a text that is already known.
    #[must_use]
    pub fn find_text(&self, text: &str) -> Option<TextId> {
        self.texts.find(&Arc::from(text)).map(TextId)
    }

    /// The text of an id.
    #[must_use]
    pub fn text(&self, id: TextId) -> Arc<str> {
        self.texts.get(id.0)
    }

    /// The id of a call, interned if new. `operation` is the event name without its API date.
    #[must_use]
    pub fn call_id(&self, source: &str, operation: &str) -> CallId {
        CallId(self.calls.intern((Arc::from(source), Arc::from(operation))))
    }

    /// Event source and operation of a call.
    #[must_use]
    pub fn call(&self, id: CallId) -> (Arc<str>, Arc<str>) {
        self.calls.get(id.0)
    }

    /// How a call is written for people and in findings: `iam:ListAccessKeys`. The endpoint's first label stands for
    /// the event source where that is `<label>.amazonaws.com`; other event sources are written out.
    #[must_use]
    pub fn call_text(&self, id: CallId) -> String {
        let (source, operation) = self.call(id);
        format!(
            "{}:{operation}",
            source.strip_suffix(".amazonaws.com").unwrap_or(&source)
        )
    }

    /// How many calls are known; ids are below this.
    #[must_use]
    pub fn call_count(&self) -> usize {
        self.calls.len()
    }

    /// The id of a principal, interned if new; the smallest non-empty ARN ever offered becomes its label.
    #[must_use]
    pub fn principal_id(&self, principal: &Principal<'_>) -> PrincipalId {
        let person = principal
            .person
            .as_deref()
            .filter(|_| principal.person_is_key);
        let key = (
            principal.kind,
            Arc::from(&*principal.account),
            Arc::from(&*principal.id),
            person.map(Arc::from),
        );
        let id = self.principals.intern(key);
        let arn = principal.arn.as_deref().unwrap_or_default();
        let name = principal.name.as_deref().unwrap_or_default();
        self.offer_label(id, arn, name);
        PrincipalId(id)
    }

    fn offer_label(&self, id: u32, arn: &str, name: &str) {
        let index = id as usize;
        let better = |old: &(Arc<str>, Arc<str>)| {
            let rank = |arn: &str, name: &str| (arn.is_empty(), name.is_empty());
            (rank(arn, name), arn, name) < (rank(&old.0, &old.1), &*old.0, &*old.1)
        };
        {
            let labels = self.labels.read().expect("no holder of the lock can panic");
            if labels.get(index).is_some_and(|old| !better(old)) {
                return;
            }
        }
        let mut labels = self
            .labels
            .write()
            .expect("no holder of the lock can panic");
        if labels.len() <= index {
            labels.resize_with(index + 1, || (Arc::from(""), Arc::from("")));
        }
        if better(&labels[index]) {
            labels[index] = (Arc::from(arn), Arc::from(name));
        }
    }

    /// Who an id stands for.
    #[must_use]
    pub fn principal(&self, id: PrincipalId) -> PrincipalName {
        let (kind, account, unique, person) = self.principals.get(id.0);
        let labels = self.labels.read().expect("no holder of the lock can panic");
        let (arn, name) = labels
            .get(id.0 as usize)
            .cloned()
            .unwrap_or_else(|| (Arc::from(""), Arc::from("")));
        PrincipalName {
            kind,
            account,
            id: unique,
            person,
            arn,
            name,
        }
    }

    /// How many principals are known; ids are below this.
    #[must_use]
    pub fn principal_count(&self) -> usize {
        self.principals.len()
    }
}

/// Texts of one kind: a sharded map to ids and a list back.
#[derive(Debug)]
struct Table<K: Eq + Hash> {
    ids: DashMap<K, u32, FixedState>,
    entries: RwLock<Vec<K>>,
}

impl<K: Eq + Hash> Default for Table<K> {
    fn default() -> Self {
        Self {
            ids: DashMap::with_hasher(FixedState::default()),
            entries: RwLock::new(Vec::new()),
        }
    }
}

impl<K: Clone + Eq + Hash> Table<K> {
    fn intern(&self, key: K) -> u32 {
        if let Some(id) = self.ids.get(&key) {
            return *id;
        }
        *self.ids.entry(key.clone()).or_insert_with(|| {
            let mut entries = self
                .entries
                .write()
                .expect("no holder of the lock can panic");
            entries.push(key);
            u32::try_from(entries.len() - 1)
                .expect("memory ends before four billion distinct texts")
        })
    }

    fn find(&self, key: &K) -> Option<u32> {
        self.ids.get(key).map(|id| *id)
    }

    fn get(&self, id: u32) -> K {
        self.entries
            .read()
            .expect("no holder of the lock can panic")[id as usize]
            .clone()
    }

    fn len(&self) -> usize {
        self.entries
            .read()
            .expect("no holder of the lock can panic")
            .len()
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn role(arn: &'static str, person: Option<&'static str>, keyed: bool) -> Principal<'static> {
        Principal {
            kind: PrincipalKind::Role,
            account: Cow::Borrowed("111122223333"),
            id: Cow::Borrowed("AROAEXAMPLE"),
            arn: Some(Cow::Borrowed(arn)).filter(|arn| !arn.is_empty()),
            name: None,
            person: person.map(Cow::Borrowed),
            person_is_key: keyed,
        }
    }

    #[test]
    fn the_same_text_has_one_id() {
        let words = Vocabulary::new();
        assert_eq!(words.text_id("us-east-1"), words.text_id("us-east-1"));
        assert_ne!(words.text_id("us-east-1"), words.text_id("eu-west-1"));
        assert_eq!(words.find_text("nowhere"), None);
        let call = words.call_id("iam.amazonaws.com", "ListAccessKeys");
        assert_eq!(words.call_text(call), "iam:ListAccessKeys");
        assert_eq!(
            words.call_text(words.call_id("example.org", "X")),
            "example.org:X"
        );
    }

    #[test]
    fn a_person_splits_a_principal_only_when_it_is_keyed() {
        let words = Vocabulary::new();
        let shared = words.principal_id(&role("", Some("a@example.com"), false));
        assert_eq!(
            shared,
            words.principal_id(&role("", Some("b@example.com"), false))
        );
        assert_ne!(
            shared,
            words.principal_id(&role("", Some("a@example.com"), true))
        );
    }

    #[test]
    fn the_label_does_not_depend_on_the_order() {
        for order in [["", "arn:b", "arn:a"], ["arn:a", "", "arn:b"]] {
            let words = Vocabulary::new();
            let ids: Vec<_> = order
                .map(|arn| words.principal_id(&role(arn, None, false)))
                .into();
            assert_eq!(&*words.principal(ids[0]).arn, "arn:a");
        }
    }
}
