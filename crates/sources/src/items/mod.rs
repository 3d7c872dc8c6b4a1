//! The list of what to read, kept small: front-coded, and beyond a few megabytes in a temporary file.
//!
//! Archives hold millions of files whose names differ in their last thirty bytes. Each name is written as what it shares with the one before and the
//! rest (front coding; Witten, Moffat and Bell, "Managing Gigabytes", 1999), in blocks that can be read on their own. A list is appended to and walked from
//! front to back; another order is made by sorting pieces and merging them (external merge sort; Knuth, volume 3, 5.4). So what stays in
//! memory doesn't grow with the number of files.

mod code;
mod room;
mod sort;

use std::fmt;
use std::io;

use code::{Decoder, Encoder};
use room::{Block, Room};

use crate::item::{Item, Provenance};

pub use room::LIST_BYTES_MAX;
pub use sort::SORTED_AT_ONCE_MAX;

/// Bytes from which on a block is full.
const BLOCK_BYTES: usize = 16 << 10;

/// The list can't be read back from its temporary file.
#[derive(Debug, thiserror::Error)]
#[error(
    "read the list of files back from its temporary file: {0}; name a sound folder in TMPDIR and run again"
)]
pub struct ItemsError(#[from] io::Error);

impl ItemsError {
    fn damaged() -> Self {
        Self(io::Error::new(
            io::ErrorKind::InvalidData,
            "what lies there is not what was written",
        ))
    }
}

/// What is to be read, in an order. Walked from front to back, as often as wanted.
#[derive(Default)]
pub struct Items {
    blocks: Vec<Block>,
    open: Encoder,
    room: Room,
    len: usize,
    bytes: u64,
    objects: usize,
    last: Option<Provenance>,
    unsorted: bool,
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("len", &self.len)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl Items {
    /// Puts one at the end.
    pub fn push(&mut self, item: &Item) {
        self.len += 1;
        self.bytes = self.bytes.saturating_add(item.size());
        self.objects += usize::from(matches!(item.provenance, Provenance::Object { .. }));
        self.unsorted |= self
            .last
            .as_ref()
            .is_some_and(|last| *last >= item.provenance);
        self.last = Some(item.provenance.clone());
        self.open.push(item);
        if self.open.bytes.len() >= BLOCK_BYTES {
            self.blocks.push(self.room.keep(self.open.take()));
        }
    }

    /// Puts all of another list at the end.
    ///
    /// # Errors
    /// It can't be read back.
    pub(crate) fn append(&mut self, other: &Items) -> Result<(), ItemsError> {
        for item in other.iter() {
            self.push(&item?);
        }
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of all, packed as they lie there, as far as known beforehand.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many of them are objects of S3.
    pub fn objects(&self) -> usize {
        self.objects
    }

    /// From front to back. An error ends it.
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            items: self,
            cursor: Cursor::default(),
        }
    }

    /// Those for which `keep` says so, in the same order.
    ///
    /// # Errors
    /// The first of `keep`, or the list can't be read back.
    pub fn filtered<E: From<ItemsError>>(
        self,
        mut keep: impl FnMut(&Item) -> Result<bool, E>,
    ) -> Result<Self, E> {
        let mut kept = Self::default();
        for item in self.iter() {
            let item = item?;
            if keep(&item)? {
                kept.push(&item);
            }
        }
        Ok(kept)
    }

    /// Sorted by where they lie, each once.
    ///
    /// # Errors
    /// The list can't be read back.
    pub(crate) fn by_provenance(self) -> Result<Self, ItemsError> {
        if self.unsorted {
            sort::sorted(&self, |_| None)
        } else {
            Ok(self)
        }
    }

    /// Sorted by when they were delivered, as far as their names tell, those of one moment by where they lie; each once. Those that don't tell come first.
    ///
    /// # Errors
    /// The list can't be read back.
    pub fn by_delivery(self) -> Result<Self, ItemsError> {
        sort::sorted(&self, Item::delivered_from)
    }
}

impl From<Vec<Item>> for Items {
    fn from(items: Vec<Item>) -> Self {
        let mut list = Self::default();
        for item in &items {
            list.push(item);
        }
        list
    }
}

impl<'a> IntoIterator for &'a Items {
    type Item = Result<Item, ItemsError>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Walks a list. Made by [`Items::iter`].
#[derive(Debug)]
pub struct Iter<'a> {
    items: &'a Items,
    cursor: Cursor,
}

impl Iterator for Iter<'_> {
    type Item = Result<Item, ItemsError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.cursor.next(self.items)
    }
}

/// A place in a list that is always the same one; apart from it, so that both may lie in one value.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    block: usize,
    decoder: Decoder,
    failed: bool,
}

impl Cursor {
    /// Before the first item of a block.
    fn from_block(block: usize) -> Self {
        Self {
            block,
            ..Self::default()
        }
    }

    /// Whether there is more before the block `end` begins.
    fn is_before(&self, end: usize) -> bool {
        self.block < end || !self.decoder.is_at_end()
    }

    /// The next item. After an error there is none.
    pub(crate) fn next(&mut self, items: &Items) -> Option<Result<Item, ItemsError>> {
        if self.failed {
            return None;
        }
        let next = self.step(items).transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }

    fn step(&mut self, items: &Items) -> Result<Option<Item>, ItemsError> {
        while self.decoder.is_at_end() {
            let mut bytes = self.decoder.reuse();
            match items.blocks.get(self.block) {
                Some(block) => block.read(&mut bytes)?,
                None if self.block == items.blocks.len() => {
                    bytes.extend_from_slice(&items.open.bytes);
                }
                None => return Ok(None),
            }
            self.block += 1;
            self.decoder.begin(bytes);
        }
        self.decoder
            .next()
            .map(Some)
            .ok_or_else(ItemsError::damaged)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::item::Fingerprint;
    use proptest::prelude::*;
    use std::path::Path;

    fn object(key: &str, etag: &str) -> Item {
        Item {
            provenance: Provenance::Object {
                bucket: "trail".into(),
                key: key.into(),
            },
            fingerprint: Fingerprint::Object {
                etag: etag.into(),
                size: 2_300,
            },
        }
    }

    fn all(items: &Items) -> Vec<Item> {
        items.iter().map(Result::unwrap).collect()
    }

    fn any_item() -> impl Strategy<Value = Item> {
        let name = "[a-c/é]{0,6}(\\.json\\.gz)?";
        let provenance = prop_oneof![
            Just(Provenance::Stdin),
            name.prop_map(|text| Provenance::Path(Path::new(&text).into())),
            ("[ab]{1,2}", name).prop_map(|(bucket, key)| Provenance::Object {
                bucket: bucket.into(),
                key: key.into()
            }),
            ("[ab]{1,2}", name).prop_map(|(queue, id)| Provenance::Message {
                queue: queue.into(),
                id: id.into()
            }),
        ];
        let fingerprint = prop_oneof![
            Just(Fingerprint::Unknown),
            (any::<i128>(), any::<u64>()).prop_map(|(modified_nanos, size)| Fingerprint::File {
                modified_nanos,
                size
            }),
            ("[0-9a-f]{32}|[0-9A-Fa-f-]{0,40}", any::<u64>()).prop_map(|(etag, size)| {
                Fingerprint::Object {
                    etag: etag.into(),
                    size,
                }
            }),
        ];
        (provenance, fingerprint).prop_map(|(provenance, fingerprint)| Item {
            provenance,
            fingerprint,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn what_was_put_in_comes_out(items in prop::collection::vec(any_item(), 0..80), memory in prop_oneof![Just(0_usize), Just(64), Just(1 << 20)]) {
            let mut list = Items { room: Room::of(memory), ..Items::default() };
            for item in &items {
                list.push(item);
                // Many small blocks, some in memory and some not.
                if list.open.bytes.len() > 40 {
                    list.blocks.push(list.room.keep(list.open.take()));
                }
            }
            prop_assert_eq!(list.len(), items.len());
            prop_assert_eq!(all(&list), items);
        }

        #[test]
        fn sorting_in_pieces_is_sorting(items in prop::collection::vec(any_item(), 0..80), piece in 1_usize..30) {
            let list = Items::from(items.clone());
            let mut expected = items;
            expected.sort_by(|a, b| a.provenance.cmp(&b.provenance));
            expected.dedup_by(|a, b| a.provenance == b.provenance);
            prop_assert_eq!(all(&sort::sorted_in_pieces(&list, |_| None, (piece, 0)).unwrap()), expected.clone());
            prop_assert_eq!(all(&list.by_provenance().unwrap()), expected.clone());
            expected.sort_by_key(Item::delivered_from);
            let list = Items::from(expected.clone());
            prop_assert_eq!(all(&sort::sorted_in_pieces(&list, Item::delivered_from, (piece, 64)).unwrap()), expected);
        }
    }

    /// A day of one account and region; the random part of a name is of 16 characters, as CloudTrail has it.
    fn day() -> impl Iterator<Item = Item> {
        (0..20_000_u64).map(|number| {
            let random = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let minute = number * 1_440 / 20_000;
            let key = format!(
                "AWSLogs/o-ab12cd34/111122223333/CloudTrail/eu-west-1/2026/08/30/111122223333_CloudTrail_eu-west-1_20260830T{:02}{:02}Z_{random:016X}.json.gz",
                minute / 60,
                minute % 60
            );
            object(&key, &format!("{:032x}", u128::from(random) << 32 | u128::from(number)))
        })
    }

    #[test]
    fn an_object_takes_some_forty_bytes() {
        let mut list = Items::default();
        day().for_each(|item| list.push(&item));
        let bytes: usize = list.blocks.iter().map(Block::len).sum();
        assert!(bytes / list.len() <= 44, "{}", bytes / list.len());
        assert_eq!(all(&list), day().collect::<Vec<_>>());
        assert_eq!((list.objects(), list.bytes()), (20_000, 20_000 * 2_300));
    }

    #[test]
    fn a_list_that_can_not_be_read_back_says_so() {
        let mut list = Items {
            room: Room::of(0),
            ..Items::default()
        };
        day().take(3_000).for_each(|item| list.push(&item));
        assert!(list.blocks.len() > 2);
        list.blocks[1].damage();
        let told: Vec<_> = list.iter().collect();
        assert!(told.len() < 3_000, "an error ends the walk");
        let error = told.last().unwrap().as_ref().unwrap_err().to_string();
        assert!(error.starts_with("read the list of files back"), "{error}");
        assert!(list.by_delivery().is_err());
    }
}
