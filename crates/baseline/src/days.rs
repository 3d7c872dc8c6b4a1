//! [`DaySet`]: on which UTC days something was seen, in 16 bytes while those days lie within 96 days of each other.
//!
//! A set rather than a count, because distinct days must add up correctly when two halves of an archive are learnt apart.

use offtrail_event::Day;

/// Days that fit beside the base day without an allocation.
const INLINE_DAYS: usize = 96;

/// A set of days.
#[derive(Clone, Debug, Eq)]
pub struct DaySet(Repr);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Repr {
    /// Bit `i` stands for day `base + i`. Empty if no bit is set.
    Inline { base: u16, mask: [u32; 3] },
    /// The same for any span.
    Spilled(Box<Bitmap>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Bitmap {
    base: u16,
    words: Vec<u32>,
}

impl Default for DaySet {
    fn default() -> Self {
        Self(Repr::Inline {
            base: 0,
            mask: [0; 3],
        })
    }
}

impl PartialEq for DaySet {
    /// Equal if they hold the same days, however stored.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl DaySet {
    /// The set of one day.
    #[must_use]
    pub fn of(day: Day) -> Self {
        Self(Repr::Inline {
            base: day.0,
            mask: [1, 0, 0],
        })
    }

    fn parts(&self) -> (u16, &[u32]) {
        match &self.0 {
            Repr::Inline { base, mask } => (*base, mask),
            Repr::Spilled(bitmap) => (bitmap.base, &bitmap.words),
        }
    }

    /// The days, earliest first.
    pub fn iter(&self) -> impl Iterator<Item = Day> + '_ {
        let (base, words) = self.parts();
        words.iter().enumerate().flat_map(move |(index, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = u16::try_from(rest.trailing_zeros())
                    .ok()
                    .filter(|_| rest != 0)?;
                rest &= rest - 1;
                // A span of days never leaves u16, see `insert`.
                Some(Day(base
                    + u16::try_from(index).unwrap_or(u16::MAX) * 32
                    + bit))
            })
        })
    }

    /// How many days.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.parts().1.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether it holds no day.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts().1.iter().all(|word| *word == 0)
    }

    /// Whether it holds `day`.
    #[must_use]
    pub fn contains(&self, day: Day) -> bool {
        let (base, words) = self.parts();
        let Some(offset) = day.0.checked_sub(base) else {
            return false;
        };
        words
            .get(usize::from(offset / 32))
            .is_some_and(|word| word >> (offset % 32) & 1 == 1)
    }

    /// The earliest day.
    #[must_use]
    pub fn first(&self) -> Option<Day> {
        self.iter().next()
    }

    /// The latest day.
    #[must_use]
    pub fn last(&self) -> Option<Day> {
        let (base, words) = self.parts();
        let index = words.iter().rposition(|word| *word != 0)?;
        let bit = 31 - words[index].leading_zeros();
        Some(Day(base
            + u16::try_from(index * 32).unwrap_or(u16::MAX)
            + u16::try_from(bit).unwrap_or(0)))
    }

    /// Adds a day. True if it is new.
    pub fn insert(&mut self, day: Day) -> bool {
        if self.contains(day) {
            return false;
        }
        if self.is_empty() {
            *self = Self::of(day);
            return true;
        }
        if !self.has_room_for(day) {
            self.make_room_for(day);
        }
        self.set(day);
        true
    }

    fn has_room_for(&self, day: Day) -> bool {
        let (base, words) = self.parts();
        day.0 >= base && usize::from(day.0 - base) < words.len() * 32
    }

    /// Stores the same days anew, with room for `day`.
    fn make_room_for(&mut self, day: Day) {
        let days: Vec<Day> = self.iter().collect();
        let first = days.first().map_or(day, |first| (*first).min(day));
        let last = days.last().map_or(day, |last| (*last).max(day));
        let span = usize::from(last.0 - first.0) + 1;
        self.0 = if span <= INLINE_DAYS {
            Repr::Inline {
                base: first.0,
                mask: [0; 3],
            }
        } else {
            Repr::Spilled(Box::new(Bitmap {
                base: first.0,
                words: vec![0; span.div_ceil(32)],
            }))
        };
        for day in days {
            self.set(day);
        }
    }

    fn set(&mut self, day: Day) {
        let (base, words): (u16, &mut [u32]) = match &mut self.0 {
            Repr::Inline { base, mask } => (*base, mask),
            Repr::Spilled(bitmap) => (bitmap.base, &mut bitmap.words),
        };
        let offset = usize::from(day.0 - base);
        words[offset / 32] |= 1 << (offset % 32);
    }

    /// Adds all days of `other`.
    pub fn merge(&mut self, other: &Self) {
        for day in other.iter() {
            self.insert(day);
        }
    }

    /// As bytes: the base day (two bytes, little endian), then bits, least significant first, without trailing zero
    /// bytes. Equal sets give equal bytes; an empty set gives none.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Some(first) = self.first() else {
            return Vec::new();
        };
        let mut bytes = first.0.to_le_bytes().to_vec();
        for day in self.iter() {
            let offset = usize::from(day.0 - first.0);
            if bytes.len() <= 2 + offset / 8 {
                bytes.resize(3 + offset / 8, 0);
            }
            bytes[2 + offset / 8] |= 1 << (offset % 8);
        }
        bytes
    }

    /// From the bytes of [`DaySet::to_bytes`]; `None` if they run past the last day that exists. Linear in the bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut set = Self::default();
        let [low, high, bits @ ..] = bytes else {
            return bytes.is_empty().then_some(set);
        };
        let base = u16::from_le_bytes([*low, *high]);
        let offsets = || {
            let bit_set = |byte: u8, bit: usize| byte >> bit & 1 == 1;
            let bits = bits.iter().enumerate();
            bits.flat_map(move |(index, byte)| {
                (0..8)
                    .filter(move |bit| bit_set(*byte, *bit))
                    .map(move |bit| index * 8 + bit)
            })
        };
        let (Some(first), Some(last)) = (offsets().next(), offsets().last()) else {
            return Some(set);
        };
        let day = |offset: usize| Some(Day(base.checked_add(u16::try_from(offset).ok()?)?));
        let (first, last) = (day(first)?, day(last)?);
        set.insert(first);
        if !set.has_room_for(last) {
            set.make_room_for(last);
        }
        for offset in offsets() {
            set.set(day(offset)?);
        }
        Some(set)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_small() {
        assert_eq!(size_of::<DaySet>(), 16);
    }

    #[test]
    fn every_day_that_exists_is_read_in_one_go() {
        let mut bytes = vec![0xff; 2 + 8192];
        bytes[..2].copy_from_slice(&[0, 0]);
        *bytes.last_mut().unwrap() = 0x7f;
        assert_eq!(DaySet::from_bytes(&bytes).unwrap().len(), 65_535);
        bytes[0] = 2;
        assert_eq!(DaySet::from_bytes(&bytes), None);
    }

    proptest! {
        #[test]
        fn is_a_set(days in prop::collection::vec(19_000..22_000u16, 0..12), near in prop::collection::vec(20_000..20_150u16, 0..40)) {
            let mut set = DaySet::default();
            let mut model = BTreeSet::new();
            for day in days.into_iter().chain(near) {
                prop_assert_eq!(set.insert(Day(day)), model.insert(Day(day)));
            }
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(set.len() as usize, model.len());
            prop_assert_eq!(set.first(), model.first().copied());
            prop_assert_eq!(set.last(), model.last().copied());
            prop_assert_eq!(DaySet::from_bytes(&set.to_bytes()).unwrap(), set);
        }

        #[test]
        fn merge_is_union(left in prop::collection::vec(19_000..19_400u16, 0..20), right in prop::collection::vec(19_000..19_400u16, 0..20)) {
            let of = |days: &[u16]| { let mut set = DaySet::default(); for day in days { set.insert(Day(*day)); } set };
            let mut ab = of(&left);
            ab.merge(&of(&right));
            let mut ba = of(&right);
            ba.merge(&of(&left));
            prop_assert_eq!(&ab, &ba);
            prop_assert_eq!(ab.to_bytes(), ba.to_bytes());
            prop_assert!(left.iter().chain(&right).all(|day| ab.contains(Day(*day))));
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(set) = DaySet::from_bytes(&bytes) {
                prop_assert_eq!(DaySet::from_bytes(&set.to_bytes()).unwrap(), set);
            }
        }
    }
}
