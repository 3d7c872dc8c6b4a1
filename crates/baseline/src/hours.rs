//! [`Hours`]: observations per hour of the UTC week, in as few bytes as they need.
//!
//! Most principals work in few hours or make few calls in each; 168 counts of two bytes would take a quarter of such a profile. The
//! form is told by the length of the bytes and depends on the counts alone, so that equal counts are equal bytes.

/// Hours of a UTC week, Monday 00:00 first.
pub const HOURS_OF_WEEK: usize = 168;

/// Up to this many hours are kept as triples: their bytes stay fewer than those of a byte for each hour.
const TRIPLES_MAX: usize = (HOURS_OF_WEEK - 1) / 3;

/// Counts per hour of the week, each held at `u16::MAX`.
///
/// One of: the hours that are not zero, ascending, each with its count (three bytes, little endian); a byte for each hour; two bytes
/// for each hour, little endian.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hours(Box<[u8]>);

impl Hours {
    /// From all counts.
    pub(crate) fn of(counts: &[u16; HOURS_OF_WEEK]) -> Self {
        let used = counts.iter().filter(|count| **count > 0).count();
        let bytes: Box<[u8]> = if used <= TRIPLES_MAX {
            let mut triples = Vec::with_capacity(used * 3);
            for (hour, count) in (0u8..).zip(counts).filter(|(_, count)| **count > 0) {
                let [low, high] = count.to_le_bytes();
                triples.extend([hour, low, high]);
            }
            triples.into_boxed_slice()
        } else if let Ok(small) = counts
            .iter()
            .map(|count| u8::try_from(*count))
            .collect::<Result<_, _>>()
        {
            small
        } else {
            counts
                .iter()
                .flat_map(|count| count.to_le_bytes())
                .collect()
        };
        Self(bytes)
    }

    /// All counts.
    pub(crate) fn counts(&self) -> [u16; HOURS_OF_WEEK] {
        let mut counts = [0; HOURS_OF_WEEK];
        match self.0.len() {
            HOURS_OF_WEEK => {
                for (count, byte) in counts.iter_mut().zip(&self.0) {
                    *count = u16::from(*byte);
                }
            }
            length if length > HOURS_OF_WEEK => {
                for (count, pair) in counts.iter_mut().zip(self.0.as_chunks::<2>().0) {
                    *count = u16::from_le_bytes(*pair);
                }
            }
            _ => {
                for [hour, low, high] in self.0.as_chunks::<3>().0 {
                    counts[usize::from(*hour)] = u16::from_le_bytes([*low, *high]);
                }
            }
        }
        counts
    }

    /// Adds to an hour, below [`HOURS_OF_WEEK`].
    pub(crate) fn see(&mut self, hour: u8, times: u32) {
        let times = u16::try_from(times).unwrap_or(u16::MAX);
        if self.see_in_place(hour, times).is_none() && !self.add_triple(hour, times) {
            // At most once for each hour that gets used beyond those, and once for each wider form.
            let mut counts = self.counts();
            let count = &mut counts[usize::from(hour)];
            *count = count.saturating_add(times);
            *self = Self::of(&counts);
        }
    }

    /// The same, if the form stays.
    fn see_in_place(&mut self, hour: u8, times: u16) -> Option<()> {
        let index = usize::from(hour);
        let (low, high) = match self.0.len() {
            HOURS_OF_WEEK => {
                let byte = &mut self.0[index];
                *byte = u8::try_from(u16::from(*byte).saturating_add(times)).ok()?;
                return Some(());
            }
            length if length > HOURS_OF_WEEK => {
                let [low, high] = &mut self.0.as_chunks_mut::<2>().0[index];
                (low, high)
            }
            _ => {
                let triples = self.0.as_chunks_mut::<3>().0;
                let found = triples.binary_search_by_key(&hour, |triple| triple[0]);
                let [_, low, high] = &mut triples[found.ok()?];
                (low, high)
            }
        };
        let count = u16::from_le_bytes([*low, *high]).saturating_add(times);
        [*low, *high] = count.to_le_bytes();
        Some(())
    }

    /// Adds the triple of an hour that is not zero any more, where triples are and stay the form.
    fn add_triple(&mut self, hour: u8, times: u16) -> bool {
        let triples = self.0.as_chunks::<3>().0;
        let is_triples = self.0.len() < HOURS_OF_WEEK && triples.len() < TRIPLES_MAX;
        let Err(at) = triples.binary_search_by_key(&hour, |triple| triple[0]) else {
            return false;
        };
        if !is_triples || times == 0 {
            return false;
        }
        let [low, high] = times.to_le_bytes();
        let (before, after) = self.0.split_at(at * 3);
        self.0 = [before, &[hour, low, high], after]
            .concat()
            .into_boxed_slice();
        true
    }

    /// Adds all counts of another.
    pub(crate) fn merge(&mut self, other: &Self) {
        let mut counts = self.counts();
        for (mine, theirs) in counts.iter_mut().zip(other.counts()) {
            *mine = mine.saturating_add(theirs);
        }
        *self = Self::of(&counts);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Weeks of every form: few hours or all, counts small, large and at the edge of a form.
    fn weeks() -> impl Strategy<Value = [u16; HOURS_OF_WEEK]> {
        let count = prop_oneof![1..4u16, 250..260u16, 65_530..=u16::MAX];
        let used = prop_oneof![0..4usize, 54..58usize, Just(HOURS_OF_WEEK)];
        let most = prop::sample::select(vec![3, 255, u16::MAX]);
        (
            prop::collection::vec(count, HOURS_OF_WEEK),
            used,
            most,
            0..HOURS_OF_WEEK,
        )
            .prop_map(|(counts, used, most, first)| {
                let mut week = [0; HOURS_OF_WEEK];
                for (offset, count) in counts.into_iter().take(used).enumerate() {
                    week[(first + offset) % HOURS_OF_WEEK] = count.min(most);
                }
                week
            })
    }

    proptest! {
        #[test]
        fn counts_read_back(week in weeks()) {
            prop_assert_eq!(Hours::of(&week).counts(), week);
        }

        #[test]
        fn seeing_is_adding(mut week in weeks(), seen in prop::collection::vec((0..168u8, prop_oneof![1..3u32, 200..70_000u32]), 0..60)) {
            let mut hours = Hours::of(&week);
            for (hour, times) in seen {
                hours.see(hour, times);
                let count = &mut week[usize::from(hour)];
                *count = u16::try_from(u32::from(*count) + times).unwrap_or(u16::MAX);
                prop_assert_eq!(&hours, &Hours::of(&week));
            }
        }

        #[test]
        fn merging_is_a_saturating_sum_in_any_order(a in weeks(), b in weeks(), c in weeks()) {
            let [a, b, c] = [a, b, c].map(|week| Hours::of(&week));
            let sum = |parts: [&Hours; 3]| {
                let mut sum = Hours::default();
                for part in parts {
                    sum.merge(part);
                }
                sum
            };
            let expected: Vec<u16> = (0..HOURS_OF_WEEK)
                .map(|hour| [&a, &b, &c].map(|part| part.counts()[hour]).into_iter().fold(0, u16::saturating_add))
                .collect();
            prop_assert_eq!(sum([&a, &b, &c]).counts().to_vec(), expected);
            prop_assert_eq!(sum([&a, &b, &c]), sum([&c, &b, &a]));
            let mut right = b.clone();
            right.merge(&c);
            let mut grouped = a.clone();
            grouped.merge(&right);
            prop_assert_eq!(grouped, sum([&b, &a, &c]));
        }
    }

    #[test]
    fn bytes_fit_the_need() {
        let bytes = |used: usize, count: u16| {
            let mut week = [0; HOURS_OF_WEEK];
            week[..used].fill(count);
            Hours::of(&week).0.len()
        };
        assert_eq!(bytes(0, 0), 0);
        assert_eq!(bytes(55, u16::MAX), 165);
        assert_eq!(bytes(56, 255), 168);
        assert_eq!(bytes(56, 256), 336);
    }
}
