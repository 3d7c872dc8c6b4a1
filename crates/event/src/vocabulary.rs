//! [`Vocabulary`]: every text that lasts, once; ids instead of texts everywhere else.
//!
//! One vocabulary serves all threads of a run. Each kind of text has a lock that readers share and a new text takes for itself for an
//! instant; callers on a hot path keep a small cache of their own before it. Looking up what is known allocates nothing. Ids count up from
//! zero within each kind in the order of first interning, which differs from run to run: nothing that leaves the process may depend on it.

use std::sync::Arc;

use crate::{Principal, PrincipalKind, principals::Principals, table::Table};

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

/// Every text that lasts, once.
#[derive(Debug, Default)]
pub struct Vocabulary {
    texts: Table<Arc<str>>,
    /// Event source and operation.
    calls: Table<(Arc<str>, Arc<str>)>,
    principals: Principals,
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
        TextId(
            self.texts
                .intern(&text, |known| &**known == text, || Arc::from(text)),
        )
    }

    /// The id of a text that is already known.
    #[must_use]
    pub fn find_text(&self, text: &str) -> Option<TextId> {
        self.texts.find(&text, |known| &**known == text).map(TextId)
    }

    /// The text of an id.
    #[must_use]
    pub fn text(&self, id: TextId) -> Arc<str> {
        self.texts.read(id.0, Arc::clone)
    }

    /// The id of a call, interned if new. `operation` is the event name without its API date.
    #[must_use]
    pub fn call_id(&self, source: &str, operation: &str) -> CallId {
        CallId(self.calls.intern(
            &(source, operation),
            |known| (&*known.0, &*known.1) == (source, operation),
            || (Arc::from(source), Arc::from(operation)),
        ))
    }

    /// Event source and operation of a call.
    #[must_use]
    pub fn call(&self, id: CallId) -> (Arc<str>, Arc<str>) {
        self.calls.read(id.0, Clone::clone)
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
        let key = (principal.kind, &*principal.account, &*principal.id, person);
        let id = self.principals.intern(key);
        let arn = principal.arn.as_deref().unwrap_or_default();
        let name = principal.name.as_deref().unwrap_or_default();
        self.principals.offer_label(id, arn, name);
        PrincipalId(id)
    }

    /// Who an id stands for.
    #[must_use]
    pub fn principal(&self, id: PrincipalId) -> PrincipalName {
        self.principals.get(id.0)
    }

    /// The account a principal belongs to; empty if unknown. Cheaper than all of [`Vocabulary::principal`].
    #[must_use]
    pub fn account_of(&self, id: PrincipalId) -> Arc<str> {
        self.principals.account(id.0)
    }

    /// How many principals are known; ids are below this.
    #[must_use]
    pub fn principal_count(&self) -> usize {
        self.principals.len()
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

    #[test]
    #[allow(
        clippy::disallowed_methods,
        reason = "the core starts no threads, but is shared by those of a run"
    )]
    fn threads_that_meet_the_same_texts_agree() {
        let words = Vocabulary::new();
        let met = || {
            let meet = |number: u32| {
                let arn = format!("arn:aws:iam::111122223333:role/{number}");
                let id = words.principal_id(&Principal {
                    id: Cow::Owned(number.to_string()),
                    arn: Some(Cow::Owned(arn.clone())),
                    ..role("", None, false)
                });
                assert_eq!(*words.principal(id).arn, *arn);
                (id, words.text_id(&arn), words.call_id(&arn, "X"))
            };
            (0..500).map(meet).collect::<Vec<_>>()
        };
        let (one, other) = std::thread::scope(|scope| {
            let threads = [scope.spawn(met), scope.spawn(met)];
            let [one, other] = threads.map(|thread| thread.join().expect("meets all"));
            (one, other)
        });
        assert_eq!(one, other);
        assert_eq!((words.principal_count(), words.call_count()), (500, 500));
    }
}
