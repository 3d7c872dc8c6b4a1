//! The days of call rows, in four bytes a row and a few more where they follow no rule.
//!
//! Most calls are seen on one day, or every so many days from the first to the last: then the row's own times and the step tell them all. Within
//! a month, a bit a day fits beside. Otherwise the bits lie with those of the profile's other rows in one run of bytes, where a row knows its
//! place: no allocation a row, no pointer.

use offtrail_event::Day;

use crate::DaySet;

/// First and last day of a row.
pub(crate) type Ends = (Day, Day);

/// The days of one row, together with its [`Ends`] and the [`DayBits`] of its profile. Two bits tell the form, thirty hold it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowDays(u32);

/// Every so many days from the first to the last: the value. Of one day: 1.
const STEP: u32 = 0;
/// Bit `i` stands for `i + 1` days after the first, which is one of them.
const MASK: u32 = 1;
/// The place in the bytes of as many bits as there are days from the first to the last.
const BITS: u32 = 2;
/// The same, of days that other days begin or end than the row's: four bytes of base and length, then bits. Only foreign files hold such rows.
const LOOSE: u32 = 3;

const VALUE_BITS: u32 = 30;
const VALUE_MAX: u32 = (1 << VALUE_BITS) - 1;
/// Days after the first that a mask holds.
const MASK_SPAN_MAX: u16 = 30;
/// Bytes of base and length.
const LOOSE_HEAD: usize = 4;
/// Wasted bytes up to which putting the rest in order isn't worth it.
const WASTED_MIN: usize = 64;

impl RowDays {
    fn new(form: u32, value: u32) -> Self {
        assert!(
            value <= VALUE_MAX,
            "the days of a profile take less than a gigabyte"
        );
        Self(form << VALUE_BITS | value)
    }

    /// Of one day.
    pub(crate) fn one() -> Self {
        Self::new(STEP, 1)
    }

    /// The same days and one after the first that is not among them, where both need no bytes of the profile.
    pub(crate) fn with(self, (first, last): Ends, day: Day) -> Option<Self> {
        let after = day.0.checked_sub(first.0)?;
        let value = self.value();
        if self.form() == STEP && day > last {
            if first == last {
                return Some(Self::new(STEP, u32::from(after)));
            }
            if u32::from(day.0 - last.0) == value {
                return Some(self);
            }
        }
        let span = after.max(last.0 - first.0);
        if span > MASK_SPAN_MAX || after == 0 || !matches!(self.form(), STEP | MASK) {
            return None;
        }
        let mask = match self.form() {
            MASK => value,
            _ => (1..=last.0 - first.0)
                .filter(|after| u32::from(*after) % value.max(1) == 0)
                .fold(0, |mask, after| mask | 1 << (after - 1)),
        };
        Some(Self::new(MASK, mask | 1 << (after - 1)))
    }

    fn form(self) -> u32 {
        self.0 >> VALUE_BITS
    }

    fn value(self) -> u32 {
        self.0 & VALUE_MAX
    }
}

/// The bits of those rows of a profile that need any.
#[derive(Clone, Debug, Default)]
pub(crate) struct DayBits {
    bytes: Vec<u8>,
    /// Bytes that belong to no row any more.
    wasted: u32,
}

impl DayBits {
    /// Whether a day is one of the row's.
    pub(crate) fn contains(&self, (first, last): Ends, days: RowDays, day: Day) -> bool {
        if days.form() == LOOSE {
            return self.unpack((first, last), days).contains(day);
        }
        let (Some(after), true) = (day.0.checked_sub(first.0), day <= last) else {
            return false;
        };
        match days.form() {
            STEP => u32::from(after) % days.value().max(1) == 0,
            MASK => after == 0 || days.value() >> (after - 1) & 1 == 1,
            _ => self
                .bits((first, last), days)
                .get(usize::from(after / 8))
                .is_some_and(|byte| byte >> (after % 8) & 1 == 1),
        }
    }

    /// All days of a row.
    pub(crate) fn unpack(&self, (first, last): Ends, days: RowDays) -> DaySet {
        let mut set = DaySet::default();
        match days.form() {
            STEP => {
                let step = usize::try_from(days.value()).unwrap_or(1).max(1);
                // From the end, so that room for all is made at once.
                set.insert(first);
                set.insert(last);
                for day in (first.0..last.0).step_by(step) {
                    set.insert(Day(day));
                }
            }
            MASK => {
                set.insert(first);
                for after in (0..MASK_SPAN_MAX).filter(|bit| days.value() >> bit & 1 == 1) {
                    set.insert(Day(first.0 + after + 1));
                }
            }
            _ => {
                let mut bytes = match days.form() {
                    BITS => first.0.to_le_bytes().to_vec(),
                    _ => self.head(days).0.to_le_bytes().to_vec(),
                };
                bytes.extend_from_slice(self.bits((first, last), days));
                // What was packed from a set is one.
                set = DaySet::from_bytes(&bytes).unwrap_or_default();
            }
        }
        set
    }

    /// Packs the days of a row whose times have these ends.
    pub(crate) fn pack(&mut self, (first, last): Ends, days: &DaySet) -> RowDays {
        if (days.first(), days.last()) != (Some(first), Some(last)) {
            return self.pack_loose(days);
        }
        if let Some(step) = step_of(days) {
            return RowDays::new(STEP, step);
        }
        if last.0 - first.0 <= MASK_SPAN_MAX {
            let later = days.iter().skip(1);
            let mask = later.fold(0, |mask, day| mask | 1 << (day.0 - first.0 - 1));
            return RowDays::new(MASK, mask);
        }
        let place = self.bytes.len();
        // Two bytes of base, which is the first day.
        self.bytes.extend_from_slice(&days.to_bytes()[2..]);
        RowDays::new(BITS, u32::try_from(place).unwrap_or(u32::MAX))
    }

    fn pack_loose(&mut self, days: &DaySet) -> RowDays {
        let place = self.bytes.len();
        let bytes = days.to_bytes();
        let (base, bits) = bytes.split_at(bytes.len().min(2));
        let length = u16::try_from(bits.len()).unwrap_or(u16::MAX);
        let base: [u8; 2] = base.try_into().unwrap_or_default();
        self.bytes.extend_from_slice(&base);
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(bits);
        RowDays::new(LOOSE, u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// Packs a row's days anew, in place of what they were.
    pub(crate) fn repack(&mut self, old: (Ends, RowDays), ends: Ends, days: &DaySet) -> RowDays {
        let room = self.range(old.0, old.1);
        let new = self.pack(ends, days);
        let packed = self.range(ends, new);
        if room.len() == packed.len() && !room.is_empty() {
            self.bytes.copy_within(packed.clone(), room.start);
            self.bytes.truncate(packed.start);
            let place = u32::try_from(room.start).unwrap_or(u32::MAX);
            return RowDays::new(new.form(), place);
        }
        self.wasted += u32::try_from(room.len()).unwrap_or(u32::MAX);
        new
    }

    /// Adds a day after the first to a row that has bits of its own here. `None`: it has none.
    pub(crate) fn add(&mut self, ends: Ends, days: RowDays, day: Day) -> Option<RowDays> {
        let after = usize::from(day.0.checked_sub(ends.0.0)?);
        if days.form() != BITS {
            return None;
        }
        let room = self.range(ends, days);
        let mut place = room.start;
        if after / 8 >= room.len() {
            if room.end != self.bytes.len() {
                place = self.bytes.len();
                self.wasted += u32::try_from(room.len()).unwrap_or(u32::MAX);
                self.bytes.extend_from_within(room);
            }
            self.bytes.resize(place + after / 8 + 1, 0);
        }
        self.bytes[place + after / 8] |= 1 << (after % 8);
        Some(RowDays::new(BITS, u32::try_from(place).unwrap_or(u32::MAX)))
    }

    /// Whether so much is wasted that the rows should be packed again.
    pub(crate) fn is_wasteful(&self) -> bool {
        let wasted = self.wasted as usize;
        wasted > WASTED_MIN && wasted * 4 > self.bytes.len()
    }

    /// Gives back what was allocated too much.
    pub(crate) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }

    fn head(&self, days: RowDays) -> (u16, usize) {
        let place = days.value() as usize;
        match self.bytes.get(place..place + LOOSE_HEAD) {
            Some([a, b, c, d]) => (
                u16::from_le_bytes([*a, *b]),
                usize::from(u16::from_le_bytes([*c, *d])),
            ),
            _ => (0, 0),
        }
    }

    /// The bytes that belong to a row.
    fn range(&self, (first, last): Ends, days: RowDays) -> std::ops::Range<usize> {
        let place = days.value() as usize;
        match days.form() {
            BITS => place..place + usize::from((last.0 - first.0) / 8) + 1,
            LOOSE => place..place + LOOSE_HEAD + self.head(days).1,
            _ => 0..0,
        }
    }

    fn bits(&self, ends: Ends, days: RowDays) -> &[u8] {
        let range = self.range(ends, days);
        let from = match days.form() {
            LOOSE => range.start + LOOSE_HEAD,
            _ => range.start,
        };
        self.bytes.get(from..range.end).unwrap_or_default()
    }
}

/// The step, if all days are as far from each other.
fn step_of(days: &DaySet) -> Option<u32> {
    let mut all = days.iter();
    let mut last = all.next()?;
    let mut step = None;
    for day in all {
        let gap = day.0 - last.0;
        if *step.get_or_insert(gap) != gap {
            return None;
        }
        last = day;
    }
    Some(u32::from(step.unwrap_or(1)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn set(days: &[u16]) -> DaySet {
        let mut set = DaySet::default();
        for day in days {
            set.insert(Day(*day));
        }
        set
    }

    fn ends(set: &DaySet) -> Ends {
        (set.first().unwrap(), set.last().unwrap())
    }

    #[test]
    fn a_day_more_needs_no_unpacking() {
        let bits = DayBits::default();
        let check = |days: &[u16], day: u16, expected: bool| {
            let before = set(days);
            let ends = (before.first().unwrap(), before.last().unwrap());
            let packed = DayBits::default().pack(ends, &before);
            let with = packed.with(ends, Day(day));
            assert_eq!(with.is_some(), expected, "{days:?} and {day}");
            if let Some(with) = with {
                let after = set(&[days, &[day]].concat());
                let ends = (after.first().unwrap(), after.last().unwrap());
                assert_eq!(bits.unpack(ends, with), after, "{days:?} and {day}");
            }
        };
        check(&[100], 101, true);
        check(&[100], 170, true);
        check(&[100, 107], 114, true);
        check(&[100, 107], 108, true);
        check(&[100, 107], 103, true);
        check(&[100, 101, 105], 130, true);
        check(&[100, 101, 105], 131, false);
        check(&[100, 107, 108], 104, true);
        check(&[100, 170], 171, false);
        check(&[100], 99, false);
    }

    #[test]
    fn a_day_more_in_bits_of_its_own() {
        let mut bits = DayBits::default();
        let mut rows: Vec<(DaySet, RowDays)> = [[100, 101, 190], [100, 103, 190]]
            .iter()
            .map(|days| {
                let days = set(days);
                let ends = (days.first().unwrap(), days.last().unwrap());
                let packed = bits.pack(ends, &days);
                (days, packed)
            })
            .collect();
        for day in [120, 191, 192, 240, 102, 1000] {
            for (days, packed) in &mut rows {
                let ends = (days.first().unwrap(), days.last().unwrap());
                *packed = bits.add(ends, *packed, Day(day)).unwrap();
                days.insert(Day(day));
                let ends = (days.first().unwrap(), days.last().unwrap());
                assert_eq!(bits.unpack(ends, *packed), *days);
            }
        }
        assert!(bits.wasted > 0);
    }

    #[test]
    fn what_follows_a_rule_takes_no_bytes() {
        let weekly: Vec<u16> = (19_000..19_400).step_by(7).collect();
        let daily: Vec<u16> = (19_000..19_400).collect();
        for days in [
            &[19_000][..],
            &[19_000, 19_300],
            &weekly,
            &daily,
            &[3, 4, 9, 33],
        ] {
            let (mut bits, set) = (DayBits::default(), set(days));
            let packed = bits.pack(ends(&set), &set);
            assert!(bits.bytes.is_empty());
            assert_eq!(bits.unpack(ends(&set), packed), set);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn rows_keep_their_days(
            adds in prop::collection::vec((0..5usize, prop_oneof![19_000..19_020u16, 19_000..19_200u16, 18_000..20_000u16]), 1..40),
            loose in prop::collection::vec(18_000..20_000u16, 0..5),
        ) {
            let mut bits = DayBits::default();
            let first = (Day(19_010), Day(19_010));
            let mut rows: Vec<(Ends, RowDays, DaySet)> = (0..4).map(|_| (first, RowDays::one(), set(&[19_010]))).collect();
            // Days that say otherwise than the row's times are kept as well.
            let odd = set(&loose);
            rows.push((first, bits.pack(first, &odd), odd));
            for (row, day) in adds {
                let (ends, days, model) = &mut rows[row];
                prop_assert_eq!(bits.contains(*ends, *days, Day(day)), model.contains(Day(day)));
                let mut now = bits.unpack(*ends, *days);
                now.insert(Day(day));
                model.insert(Day(day));
                let wider = (ends.0.min(Day(day)), ends.1.max(Day(day)));
                *days = bits.repack((*ends, *days), wider, &now);
                *ends = wider;
            }
            for (ends, days, model) in &rows {
                prop_assert_eq!(&bits.unpack(*ends, *days), model);
            }
            let used = rows.iter().map(|(ends, days, _)| bits.range(*ends, *days).len());
            prop_assert_eq!(used.sum::<usize>() + bits.wasted as usize, bits.bytes.len());
        }
    }
}
