//! [`Endings`]: the members that follow a record's id, nearly always the same: whether it only read, its type and category, and whose trail holds it.

use std::ops::Range;

use hashbrown::HashTable;

use crate::{
    plain::Plain,
    special::{mixed, word_at},
};

/// Endings that a worker remembers; a full memory is emptied.
const ENDINGS_MAX: usize = 1 << 10;

/// Bytes of an ending that is worth it, and beyond which it isn't.
const ENDING_BYTES_MIN: usize = 100;
const ENDING_BYTES_MAX: usize = 512;

/// Where what tells endings apart lies in most of them: whether it only read, whether it is a management event, and the account.
const TELLING: [usize; 4] = [12, 56, 84, 92];

/// An ending, and what it says.
#[derive(Debug)]
pub(crate) struct Ending {
    /// Never that of another one.
    pub(crate) number: u32,
    hash: u64,
    /// From the comma after the record's id on.
    pub(crate) text: Box<str>,
    /// Which keys stand in it, see [`Plain`].
    pub(crate) seen: u32,
    pub(crate) read_only: Option<bool>,
    pub(crate) management: Option<bool>,
    pub(crate) event_type: Range<usize>,
    pub(crate) category: Range<usize>,
    pub(crate) recipient: Range<usize>,
}

/// Endings met before.
#[derive(Debug, Default)]
pub(crate) struct Endings {
    known: HashTable<Ending>,
    numbers: u32,
}

impl Endings {
    /// The ending that stands at the beginning of `rest`.
    #[inline]
    pub(crate) fn find(&self, rest: &[u8]) -> Option<&Ending> {
        let hash = hash(rest)?;
        let same = |known: &Ending| known.hash == hash && rest.starts_with(known.text.as_bytes());
        self.known.find(hash, same)
    }

    /// Remembers the ending of a record.
    pub(crate) fn remember(&mut self, text: &str, plain: &Plain<'_>) {
        let Some(ending) = text.get(plain.ending_from..plain.ending_to) else {
            return;
        };
        if !(ENDING_BYTES_MIN..=ENDING_BYTES_MAX).contains(&ending.len()) || !plain.ends_whole() {
            return;
        }
        let after = text.as_bytes().get(plain.ending_from..);
        let (Some(hash), Some(number)) = (after.and_then(hash), self.numbers.checked_add(1)) else {
            return;
        };
        self.numbers = number;
        if self.known.len() >= ENDINGS_MAX {
            self.known.clear();
        }
        // Each key stands there once at most, and a text in between has no quotes.
        let value = |key: &str, value: &str| match ending.find(key) {
            Some(at) => at + key.len()..at + key.len() + value.len(),
            None => 0..0,
        };
        let ending = Ending {
            number,
            hash,
            seen: plain.ending_seen,
            read_only: plain.read_only,
            management: plain.management,
            event_type: value("\"eventType\":\"", plain.event_type),
            category: value("\"eventCategory\":\"", plain.category),
            recipient: value("\"recipientAccountId\":\"", plain.recipient),
            text: Box::from(ending),
        };
        self.known.insert_unique(hash, ending, |known| known.hash);
    }
}

/// A hash of what tells most endings apart.
#[inline(always)]
fn hash(rest: &[u8]) -> Option<u64> {
    let [reads, manages, account, more] = TELLING.map(|at| word_at(rest, at));
    Some(mixed([reads?, manages?, account?, more?]))
}
