//! [`Principals`]: who each [`PrincipalId`](crate::PrincipalId) stands for, in little memory.
//!
//! An organisation has a hundred thousand principals, but few accounts, and ARNs that differ from each other only in the name at
//! their end. So accounts and beginnings of ARNs are kept once for all, and of a principal only its unique id and its name.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use crate::{PrincipalKind, PrincipalName, table::Table};

/// All principals.
#[derive(Debug, Default)]
pub(crate) struct Principals {
    entries: Table<Entry>,
    /// Accounts and beginnings of ARNs.
    shared: Table<Arc<str>>,
}

/// What a principal is looked for by: kind, place of its account, unique id and keyed person.
type Parts<'a> = (PrincipalKind, u32, &'a str, Option<&'a str>);

/// One principal with its label: ARN and name.
#[derive(Debug)]
struct Entry {
    kind: PrincipalKind,
    /// Whether the ARN ends with the name, which is then left out of `arn`.
    ends_with_name: bool,
    /// Place of the account.
    account: u32,
    /// Place of the ARN.
    arn: u32,
    /// Length of the unique id in `id_and_name`, bytes.
    id_length: u32,
    id_and_name: Box<str>,
    person: Option<Box<Arc<str>>>,
}

impl Hash for Entry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl Entry {
    fn parts(&self) -> Parts<'_> {
        let person = self.person.as_ref().map(|person| &***person);
        (self.kind, self.account, self.id_and_name().0, person)
    }

    fn id_and_name(&self) -> (&str, &str) {
        self.id_and_name.split_at(self.id_length as usize)
    }
}

impl Principals {
    /// The place of a principal, made without a label if new.
    pub(crate) fn intern(
        &self,
        (kind, account, id, person): (PrincipalKind, &str, &str, Option<&str>),
    ) -> u32 {
        let parts: Parts<'_> = (kind, self.share(account), id, person);
        let make = || Entry {
            kind,
            ends_with_name: false,
            account: parts.1,
            arn: self.share(""),
            id_length: u32::try_from(id.len())
                .expect("neither a record nor a row holds a text of four gigabytes"),
            id_and_name: Box::from(id),
            person: person.map(|person| Box::new(Arc::from(person))),
        };
        self.entries
            .intern(&parts, |entry| entry.parts() == parts, make)
    }

    /// Takes a label if it is better than the one so far: told rather than not, then the smaller ARN, then the smaller name.
    pub(crate) fn offer_label(&self, place: u32, arn: &str, name: &str) {
        let is_better = |entry: &Entry| self.is_better((arn, name), entry);
        if !self.entries.read(place, is_better) {
            return;
        }
        let beginning = arn.strip_suffix(name).filter(|_| !name.is_empty());
        let start = self.share(beginning.unwrap_or(arn));
        self.entries.change(place, |entry| {
            // Another thread may have offered a better one since.
            if is_better(entry) {
                entry.id_and_name = [entry.id_and_name().0, name].concat().into_boxed_str();
                entry.ends_with_name = beginning.is_some();
                entry.arn = start;
            }
        });
    }

    fn is_better(&self, (arn, name): (&str, &str), entry: &Entry) -> bool {
        let rank = |arn: &str, name: &str| (arn.is_empty(), name.is_empty());
        let (old_arn, (_, old_name)) = (self.arn(entry), entry.id_and_name());
        (rank(arn, name), arn, name) < (rank(&old_arn, old_name), &*old_arn, old_name)
    }

    fn arn(&self, entry: &Entry) -> Arc<str> {
        let start = self.shared.read(entry.arn, Arc::clone);
        if entry.ends_with_name {
            Arc::from([&*start, entry.id_and_name().1].concat())
        } else {
            start
        }
    }

    /// Who is at a place.
    pub(crate) fn get(&self, place: u32) -> PrincipalName {
        self.entries.read(place, |entry| {
            let (id, name) = entry.id_and_name();
            PrincipalName {
                kind: entry.kind,
                account: self.shared.read(entry.account, Arc::clone),
                id: Arc::from(id),
                person: entry.person.as_deref().cloned(),
                arn: self.arn(entry),
                name: Arc::from(name),
            }
        })
    }

    /// The account of who is at a place.
    pub(crate) fn account(&self, place: u32) -> Arc<str> {
        let account = self.entries.read(place, |entry| entry.account);
        self.shared.read(account, Arc::clone)
    }

    /// How many; places are below this.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    fn share(&self, text: &str) -> u32 {
        self.shared
            .intern(&text, |known| &**known == text, || Arc::from(text))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Entry>() <= 40);
    }

    /// Short texts of separators, NULs, lengths and letters of two bytes: what a packing could mistake for its own.
    fn hostile() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop::sample::select(vec!['\0', '\u{1}', '/', '#', ':', 'a', 'é']),
            0..4,
        )
        .prop_map(|letters| letters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn two_principals_never_share_a_place(
            all in prop::collection::vec((hostile(), hostile(), prop::option::of(hostile()), any::<bool>()), 1..40),
        ) {
            let principals = Principals::default();
            let mut places = HashMap::new();
            for (account, id, person, root) in &all {
                let kind = if *root { PrincipalKind::Root } else { PrincipalKind::Role };
                let key = (kind, &**account, &**id, person.as_deref());
                let place = principals.intern(key);
                prop_assert_eq!(*places.entry(key).or_insert(place), place);
                let name = principals.get(place);
                prop_assert_eq!(&name.account, &principals.account(place));
                prop_assert_eq!((name.kind, &*name.account, &*name.id, name.person.as_deref()), key);
            }
            prop_assert_eq!(principals.len(), places.len());
        }

        #[test]
        fn a_label_reads_back_and_the_best_stays(
            mut labels in prop::collection::vec((hostile(), hostile(), any::<bool>()), 1..12),
        ) {
            for (arn, name, ends_with_name) in &mut labels {
                if *ends_with_name {
                    arn.push_str(name);
                }
            }
            let told = |labels: &mut dyn Iterator<Item = &(String, String, bool)>| {
                let principals = Principals::default();
                let place = principals.intern((PrincipalKind::Role, "", "", None));
                for (arn, name, _) in labels {
                    principals.offer_label(place, arn, name);
                }
                let kept = principals.get(place);
                (kept.arn.to_string(), kept.name.to_string())
            };
            let best = labels.iter().map(|(arn, name, _)| (arn.clone(), name.clone()));
            let best = best.min_by_key(|(arn, name)| (arn.is_empty(), name.is_empty(), arn.clone(), name.clone()));
            prop_assert_eq!(Some(told(&mut labels.iter())), best.clone());
            prop_assert_eq!(Some(told(&mut labels.iter().rev())), best);
        }
    }
}
