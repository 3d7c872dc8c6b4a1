//! Sorting a list that doesn't fit into memory: pieces that do, then one merge of them.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::item::Item;
use crate::items::room::{LIST_BYTES_MAX, Room};
use crate::items::{Cursor, Items, ItemsError};

/// Items sorted at once, in memory; longer lists are sorted in such pieces, which are then merged.
pub const SORTED_AT_ONCE_MAX: usize = 16_384;

/// By what else than the provenance items are sorted.
type Moment = Option<i64>;

/// Sorted by `moment`, then by provenance; each once.
pub(crate) fn sorted(items: &Items, moment: impl Fn(&Item) -> Moment) -> Result<Items, ItemsError> {
    sorted_in_pieces(items, moment, (SORTED_AT_ONCE_MAX, LIST_BYTES_MAX))
}

/// The same, in pieces of that many items, with so many bytes of them in memory.
pub(crate) fn sorted_in_pieces(
    items: &Items,
    moment: impl Fn(&Item) -> Moment,
    (piece_max, memory): (usize, usize),
) -> Result<Items, ItemsError> {
    let mut pieces = Items {
        room: Room::of(memory),
        ..Items::default()
    };
    let mut ends = Vec::new();
    let mut piece = Vec::new();
    let mut rest = items.iter();
    loop {
        for item in rest.by_ref().take(piece_max) {
            let item = item?;
            piece.push((moment(&item), item));
        }
        if piece.is_empty() {
            break;
        }
        piece.sort_by(|(a, one), (b, other)| (a, &one.provenance).cmp(&(b, &other.provenance)));
        piece.dedup_by(|(_, later), (_, earlier)| later.provenance == earlier.provenance);
        if ends.is_empty() && piece.len() >= items.len() {
            return Ok(piece.into_iter().map(|(_, item)| item).collect());
        }
        ends.push(pieces.piece(piece.drain(..).map(|(_, item)| item)));
    }
    merged(&pieces, &ends, moment)
}

impl FromIterator<Item> for Items {
    fn from_iter<I: IntoIterator<Item = Item>>(items: I) -> Self {
        let mut list = Self::default();
        for item in items {
            list.push(&item);
        }
        list
    }
}

impl Items {
    /// Puts a piece at the end, in blocks of its own; the blocks where it begins and ends.
    fn piece(&mut self, items: impl Iterator<Item = Item>) -> (usize, usize) {
        let begin = self.blocks.len();
        for item in items {
            self.push(&item);
        }
        if !self.open.bytes.is_empty() {
            self.blocks.push(self.room.keep(self.open.take()));
        }
        (begin, self.blocks.len())
    }
}

/// The first item of a piece that is not merged yet.
struct Head {
    moment: Moment,
    item: Item,
    piece: usize,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        let of = |head: &Self| (head.moment, head.piece);
        (self.moment.cmp(&other.moment))
            .then_with(|| self.item.provenance.cmp(&other.item.provenance))
            .then_with(|| of(self).cmp(&of(other)))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

fn merged(
    pieces: &Items,
    ends: &[(usize, usize)],
    moment: impl Fn(&Item) -> Moment,
) -> Result<Items, ItemsError> {
    let mut cursors: Vec<(Cursor, usize)> = ends
        .iter()
        .map(|(begin, end)| (Cursor::from_block(*begin), *end))
        .collect();
    let mut head = |piece: usize| -> Result<Option<Reverse<Head>>, ItemsError> {
        let Some((cursor, end)) = cursors.get_mut(piece) else {
            return Ok(None);
        };
        if cursor.is_before(*end) {
            let item = cursor.next(pieces).transpose()?;
            return Ok(item.map(|item| {
                Reverse(Head {
                    moment: moment(&item),
                    item,
                    piece,
                })
            }));
        }
        Ok(None)
    };
    let mut heads = BinaryHeap::with_capacity(ends.len());
    for piece in 0..ends.len() {
        heads.extend(head(piece)?);
    }
    let mut list = Items::default();
    while let Some(Reverse(first)) = heads.pop() {
        // Of equal ones the first is taken: they follow each other, since what they are sorted by is told by the provenance.
        if list.last.as_ref() != Some(&first.item.provenance) {
            list.push(&first.item);
        }
        heads.extend(head(first.piece)?);
    }
    Ok(list)
}
