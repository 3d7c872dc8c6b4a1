//! The names a part points to. Ids hold within one run only; a part has tables of its own, each sorted by text.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use crate::{CallId, Principal, PrincipalId, TextId, Vocabulary};

use super::{PackError, Packed, Packer, Unpacker, damaged};

/// One kind of name: what was met so far, and the rank of each once all are known.
#[derive(Debug)]
pub(super) struct Ranks<T> {
    met: BTreeSet<T>,
    ranks: BTreeMap<T, u64>,
    sorted: Vec<T>,
}

impl<T> Default for Ranks<T> {
    fn default() -> Self {
        Self {
            met: BTreeSet::new(),
            ranks: BTreeMap::new(),
            sorted: Vec::new(),
        }
    }
}

impl<T: Copy + Ord> Ranks<T> {
    /// The rank of a name; 0 while not all are known.
    fn rank(&mut self, name: T) -> u64 {
        if let Some(rank) = self.ranks.get(&name) {
            return *rank;
        }
        self.met.insert(name);
        0
    }

    fn ranked<K: Ord>(self, key: impl Fn(T) -> K) -> Self {
        let mut sorted: Vec<T> = self.met.into_iter().collect();
        sorted.sort_by_cached_key(|name| key(*name));
        Self {
            met: BTreeSet::new(),
            ranks: sorted.iter().copied().zip(0..).collect(),
            sorted,
        }
    }
}

/// The names of a part.
#[derive(Debug, Default)]
pub(super) struct Names {
    principals: Ranks<PrincipalId>,
    calls: Ranks<CallId>,
    texts: Ranks<TextId>,
}

impl Names {
    /// The same, each name with its rank.
    pub(super) fn ranked(self, words: &Vocabulary) -> Self {
        Self {
            principals: self.principals.ranked(|id| {
                let name = words.principal(id);
                (name.account, name.id, name.person, name.kind)
            }),
            calls: self.calls.ranked(|id| words.call(id)),
            texts: self.texts.ranked(|id| words.text(id)),
        }
    }
}

impl Packer {
    pub(super) fn write_tables(&mut self, words: &Vocabulary) {
        let principals = std::mem::take(&mut self.names.principals.sorted);
        self.number(principals.len() as u64);
        for id in principals {
            let name = words.principal(id);
            name.kind.pack(self);
            for text in [&name.account, &name.id, &name.arn, &name.name] {
                self.text(text);
            }
            name.person.map(|person| person.to_string()).pack(self);
        }
        let calls = std::mem::take(&mut self.names.calls.sorted);
        self.number(calls.len() as u64);
        for id in calls {
            let (source, operation) = words.call(id);
            self.text(&source);
            self.text(&operation);
        }
        let texts = std::mem::take(&mut self.names.texts.sorted);
        self.number(texts.len() as u64);
        for id in texts {
            self.text(&words.text(id));
        }
    }
}

impl<'b> Unpacker<'b> {
    /// Reads the tables; values follow.
    pub(super) fn open(
        bytes: &'b [u8],
        words: &Vocabulary,
        known: &'static [&'static str],
    ) -> Result<Self, PackError> {
        let mut from = Self {
            bytes,
            principals: Vec::new(),
            calls: Vec::new(),
            texts: Vec::new(),
            known,
        };
        for _ in 0..from.number()? {
            let id = from.principal(words)?;
            from.principals.push(id);
        }
        for _ in 0..from.number()? {
            let (source, operation) = (from.text()?, from.text()?);
            from.calls.push(words.call_id(source, operation));
        }
        for _ in 0..from.number()? {
            let text = from.text()?;
            from.texts.push(words.text_id(text));
        }
        Ok(from)
    }

    fn principal(&mut self, words: &Vocabulary) -> Result<PrincipalId, PackError> {
        let kind = Packed::unpack(self)?;
        let (account, id) = (self.text()?, self.text()?);
        let told = |text: &'b str| Some(Cow::Borrowed(text)).filter(|text| !text.is_empty());
        let (arn, name) = (told(self.text()?), told(self.text()?));
        let person: Option<String> = Packed::unpack(self)?;
        Ok(words.principal_id(&Principal {
            kind,
            account: Cow::Borrowed(account),
            id: Cow::Borrowed(id),
            arn,
            name,
            person_is_key: person.is_some(),
            person: person.map(Cow::Owned),
        }))
    }
}

/// The name of a rank in a table.
fn named<T: Copy>(table: &[T], rank: u64) -> Result<T, PackError> {
    usize::try_from(rank)
        .ok()
        .and_then(|index| table.get(index).copied())
        .ok_or_else(|| damaged("a name is missing"))
}

macro_rules! packed_id {
    ($id:ident, $table:ident) => {
        impl Packed for $id {
            fn pack(&self, to: &mut Packer) {
                let rank = to.names.$table.rank(*self);
                to.number(rank);
            }

            fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
                let rank = from.number()?;
                named(&from.$table, rank)
            }
        }
    };
}

packed_id!(PrincipalId, principals);
packed_id!(CallId, calls);
packed_id!(TextId, texts);
