//! [`Table`]: a list of entries with a map back from what each stands for to its place.
//!
//! The map holds places only and asks the list for the rest, so that an entry lies in memory once and is found by its borrowed parts.

use std::{
    hash::{BuildHasher, Hash},
    sync::RwLock,
};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Entries of one kind. An entry hashes as the parts it is looked for by.
#[derive(Debug)]
pub(crate) struct Table<E> {
    known: RwLock<Known<E>>,
}

#[derive(Debug)]
struct Known<E> {
    places: HashTable<u32>,
    entries: Vec<E>,
    hasher: FixedState,
}

impl<E> Default for Table<E> {
    fn default() -> Self {
        Self {
            known: RwLock::new(Known {
                places: HashTable::new(),
                entries: Vec::new(),
                hasher: FixedState::default(),
            }),
        }
    }
}

impl<E: Hash> Known<E> {
    fn find(&self, parts: &impl Hash, same: impl Fn(&E) -> bool) -> Option<u32> {
        let hash = self.hasher.hash_one(parts);
        self.places
            .find(hash, |place| same(&self.entries[*place as usize]))
            .copied()
    }

    fn add(&mut self, entry: E) -> u32 {
        let place = u32::try_from(self.entries.len())
            .expect("memory ends before four billion distinct texts");
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.places
            .insert_unique(hasher.hash_one(&entry), place, |place| {
                hasher.hash_one(&entries[*place as usize])
            });
        self.entries.push(entry);
        place
    }
}

impl<E: Hash> Table<E> {
    /// The place of the entry with these parts, which `same` recognises; made if absent.
    pub(crate) fn intern(
        &self,
        parts: &impl Hash,
        same: impl Fn(&E) -> bool,
        make: impl FnOnce() -> E,
    ) -> u32 {
        if let Some(place) = self.find(parts, &same) {
            return place;
        }
        let mut known = self.known.write().expect("no holder of the lock can panic");
        // Another thread may have been faster.
        match known.find(parts, same) {
            Some(place) => place,
            None => known.add(make()),
        }
    }

    /// The place of the entry with these parts, if there is one.
    pub(crate) fn find(&self, parts: &impl Hash, same: impl Fn(&E) -> bool) -> Option<u32> {
        self.known
            .read()
            .expect("no holder of the lock can panic")
            .find(parts, same)
    }

    /// Reads the entry of a place.
    pub(crate) fn read<T>(&self, place: u32, read: impl FnOnce(&E) -> T) -> T {
        read(
            &self
                .known
                .read()
                .expect("no holder of the lock can panic")
                .entries[place as usize],
        )
    }

    /// Changes the entry of a place, but nothing it is found by.
    pub(crate) fn change(&self, place: u32, change: impl FnOnce(&mut E)) {
        change(
            &mut self
                .known
                .write()
                .expect("no holder of the lock can panic")
                .entries[place as usize],
        );
    }

    /// How many entries; places are below this.
    pub(crate) fn len(&self) -> usize {
        self.known
            .read()
            .expect("no holder of the lock can panic")
            .entries
            .len()
    }
}
