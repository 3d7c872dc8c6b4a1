//! [`Ids`]: a set of fingerprints in at most about 14 bytes each, which knows which of them are fresh.
//!
//! An open-addressed table with linear probing (Knuth, The Art of Computer Programming 3, section 6.4), one word a place. It is filled to
//! 85 % and grows by two fifths rather than to the double, because what counts here is memory: 9.4 to 13.4 bytes an id, a bit more for the
//! mark of the fresh ones.

use offtrail_event::Fingerprint;

/// A free place. The fingerprint of that value is kept as [`IN_PLACE_OF_FREE`].
const FREE: u64 = 0;
const IN_PLACE_OF_FREE: u64 = 0x9e37_79b9_7f4a_7c15;
/// Odd, so that multiplying loses nothing: fingerprints of one part share their upper bits, and those choose the place.
const SPREAD: u64 = 0xd6e8_feb8_6659_fd93;
/// Places that a table begins with.
const PLACES_MIN: usize = 8;

/// A set of fingerprints.
#[derive(Debug, Default)]
pub(super) struct Ids {
    places: Box<[u64]>,
    /// A bit for each place: whether what lies there is fresh.
    marks: Box<[u8]>,
    len: usize,
    fresh: usize,
}

impl Ids {
    /// How many it holds.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many of them are fresh.
    pub(super) fn fresh(&self) -> usize {
        self.fresh
    }

    /// Adds one. False if it was there.
    pub(super) fn insert(&mut self, fingerprint: Fingerprint, fresh: bool) -> bool {
        if (self.len + 1) * 20 > self.places.len() * 17 {
            self.grow_to((self.places.len() * 7 / 5).max(PLACES_MIN));
        }
        let id = match fingerprint.0 {
            FREE => IN_PLACE_OF_FREE,
            id => id,
        };
        let added = self.put(id, fresh);
        if added {
            self.len += 1;
            self.fresh += usize::from(fresh);
        }
        added
    }

    /// Makes room for so many more at once.
    pub(super) fn reserve(&mut self, more: usize) {
        let places = ((self.len + more + 1) * 20).div_ceil(17);
        if places > self.places.len() {
            self.grow_to(places.max(PLACES_MIN));
        }
    }

    /// The fresh ones.
    pub(super) fn all_fresh(&self) -> impl Iterator<Item = Fingerprint> {
        let marked = |place: usize| self.marks[place / 8] >> (place % 8) & 1 == 1;
        let ids = self.places.iter().enumerate();
        ids.filter(move |(place, id)| **id != FREE && marked(*place))
            .map(|(_, id)| Fingerprint(*id))
    }

    /// Fresh ones are no longer.
    pub(super) fn settle(&mut self) {
        self.marks.fill(0);
        self.fresh = 0;
    }

    fn grow_to(&mut self, places: usize) {
        let old = std::mem::take(&mut self.places);
        let marks = std::mem::take(&mut self.marks);
        self.places = vec![FREE; places].into_boxed_slice();
        self.marks = vec![0; places.div_ceil(8)].into_boxed_slice();
        for (place, id) in old.iter().enumerate().filter(|(_, id)| **id != FREE) {
            self.put(*id, marks[place / 8] >> (place % 8) & 1 == 1);
        }
    }

    /// Puts an id where it belongs; there is a free place. False if it was there.
    fn put(&mut self, id: u64, fresh: bool) -> bool {
        let places = self.places.len();
        let spread = u128::from(id.wrapping_mul(SPREAD));
        // The upper half of the product: evenly spread over any number of places (Lemire, 2019).
        let mut place = usize::try_from((spread * places as u128) >> 64).unwrap_or(0);
        loop {
            match self.places[place] {
                FREE => break,
                there if there == id => return false,
                _ => place = if place + 1 == places { 0 } else { place + 1 },
            }
        }
        self.places[place] = id;
        if fresh {
            self.marks[place / 8] |= 1 << (place % 8);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_takes_less_than_sixteen_bytes() {
        let mut ids = Ids::default();
        for number in 0..200_000u64 {
            ids.insert(Fingerprint::of(&number.to_le_bytes()), true);
            if number > 100 {
                let bytes = ids.places.len() * 8 + ids.marks.len();
                assert!(bytes < ids.len() * 14, "{bytes} bytes for {}", ids.len());
            }
        }
    }

    proptest! {
        #[test]
        fn is_a_set_with_marks(
            steps in prop::collection::vec((prop_oneof![0..40u64, any::<u64>()], any::<bool>(), 0..40u8), 0..300),
        ) {
            let (mut ids, mut model) = (Ids::default(), BTreeMap::new());
            for (id, fresh, then) in steps {
                prop_assert_eq!(ids.insert(Fingerprint(id), fresh), !model.contains_key(&id));
                model.entry(id).or_insert(fresh);
                match then {
                    0 => {
                        ids.settle();
                        model.values_mut().for_each(|fresh| *fresh = false);
                    }
                    1 => ids.reserve(100),
                    _ => {}
                }
            }
            let mut fresh: Vec<_> = ids.all_fresh().map(|id| if id.0 == IN_PLACE_OF_FREE { 0 } else { id.0 }).collect();
            fresh.sort_unstable();
            let expected: Vec<_> = model.iter().filter(|(_, fresh)| **fresh).map(|(id, _)| *id).collect();
            prop_assert_eq!((ids.len(), ids.fresh()), (model.len(), expected.len()));
            prop_assert_eq!(fresh, expected);
        }
    }
}
