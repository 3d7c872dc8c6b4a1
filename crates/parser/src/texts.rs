//! [`Texts`]: what addresses and user agents stand for, under their own words.

use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use offtrail_event::{OriginKind, TextId};

/// Bytes of addresses, and of agents, that a worker remembers; a full memory is emptied.
const KNOWN_TEXTS_BYTES_MAX: usize = 2 << 20;

/// What stands beside the text of one entry in memory, about.
const ENTRY_BYTES: usize = 96;

/// What is known under a text.
pub(crate) trait UnderText {
    /// The text.
    fn text(&self) -> &str;
    /// Bytes of all its texts.
    fn bytes(&self) -> usize;
}

/// Where an address is.
#[derive(Debug)]
pub(crate) struct KnownPlace {
    pub(crate) text: Box<str>,
    pub(crate) kind: OriginKind,
    pub(crate) network: Option<TextId>,
    /// For evidence.
    pub(crate) address: Box<str>,
    pub(crate) service: Box<str>,
}

/// What a user agent is.
#[derive(Debug)]
pub(crate) struct KnownAgent {
    pub(crate) text: Box<str>,
    pub(crate) family: TextId,
    pub(crate) is_console: bool,
}

impl KnownAgent {
    /// For evidence.
    pub(crate) fn shown(&self) -> &str {
        match &*self.text {
            "-" | "--" => "",
            text => text,
        }
    }
}

impl UnderText for KnownPlace {
    fn text(&self) -> &str {
        &self.text
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.address.len() + self.service.len()
    }
}

impl UnderText for KnownAgent {
    fn text(&self) -> &str {
        &self.text
    }

    fn bytes(&self) -> usize {
        self.text.len()
    }
}

/// What is known, found by text and by place.
#[derive(Debug)]
pub(crate) struct Texts<T> {
    pub(crate) known: Vec<T>,
    places: HashTable<u32>,
    bytes: usize,
    hasher: FixedState,
}

impl<T> Default for Texts<T> {
    fn default() -> Self {
        Self {
            known: Vec::new(),
            places: HashTable::new(),
            bytes: 0,
            hasher: FixedState::default(),
        }
    }
}

impl<T: UnderText> Texts<T> {
    /// Whether the memory is full.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes > KNOWN_TEXTS_BYTES_MAX
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.places.clear();
        self.bytes = 0;
    }

    /// The place of what is known under a text.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(text);
        self.places
            .find(hash, |place| self.known[*place as usize].text() == text)
            .copied()
    }

    /// Adds what is new; its place.
    pub(crate) fn add(&mut self, new: T) -> u32 {
        let place = u32::try_from(self.known.len())
            .expect("a memory of a few megabytes holds fewer than four billion");
        self.bytes += new.bytes() + ENTRY_BYTES;
        let hash = self.hasher.hash_one(new.text());
        self.known.push(new);
        let (known, hasher) = (&self.known, &self.hasher);
        self.places.insert_unique(hash, place, |place| {
            hasher.hash_one(known[*place as usize].text())
        });
        place
    }
}
