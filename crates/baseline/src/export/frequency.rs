//! [`Frequency`]: how often a call is seen, in three steps that rarely change.
//!
//! Both numbers of days are rounded down to a power of two before they are compared. A class can then change only on a day on
//! which one of them doubles, some eight times in the first year, and not with every run.

use std::fmt;

use crate::{CallRow, Profile};

/// How often a call is seen, measured in the active days of its principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Frequency {
    /// On four days or more, and on about every fourth active day since it was first seen.
    Frequent,
    /// Between the two.
    Infrequent,
    /// On one day only, or on fewer than about one in sixteen active days.
    Rare,
}

/// Largest gap, in powers of two, between active days and days with the call for a frequent one.
const FREQUENT_GAP_MAX: u32 = 2;
/// The same for an infrequent one.
const INFREQUENT_GAP_MAX: u32 = 4;
/// Distinct days that a frequent call needs.
const FREQUENT_DAYS_MIN: u32 = 4;

impl Frequency {
    /// Of a row of a profile: its distinct days against the days on which the principal was active since the row's first day.
    #[must_use]
    pub fn of(row: &CallRow, profile: &Profile) -> Self {
        let first = row.first.day();
        let active = profile.days.iter().filter(|day| *day >= first).count();
        Self::of_days(
            profile.days_of(row).len(),
            u32::try_from(active).unwrap_or(u32::MAX),
        )
    }

    fn of_days(distinct: u32, active: u32) -> Self {
        let gap = active
            .max(1)
            .ilog2()
            .saturating_sub(distinct.max(1).ilog2());
        if distinct < 2 || gap > INFREQUENT_GAP_MAX {
            Self::Rare
        } else if distinct >= FREQUENT_DAYS_MIN && gap <= FREQUENT_GAP_MAX {
            Self::Frequent
        } else {
            Self::Infrequent
        }
    }

    /// The word used for it in every format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Frequent => "frequent",
            Self::Infrequent => "infrequent",
            Self::Rare => "rare",
        }
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_fall_into_three_classes() {
        let check = |distinct, active, expected| {
            assert_eq!(
                Frequency::of_days(distinct, active),
                expected,
                "{distinct} of {active}"
            );
        };
        check(0, 0, Frequency::Rare);
        check(1, 1, Frequency::Rare);
        check(2, 2, Frequency::Infrequent);
        check(4, 4, Frequency::Frequent);
        check(90, 90, Frequency::Frequent);
        check(16, 90, Frequency::Frequent);
        check(15, 90, Frequency::Infrequent);
        check(4, 90, Frequency::Infrequent);
        check(3, 90, Frequency::Rare);
        check(1, 365, Frequency::Rare);
    }

    #[test]
    fn a_class_rarely_changes() {
        for every in [1, 2, 3, 5, 9, 20, 50] {
            let classes: Vec<_> = (1..=730)
                .map(|active: u32| Frequency::of_days(active.div_ceil(every), active))
                .collect();
            let changes = classes.windows(2).filter(|pair| pair[0] != pair[1]).count();
            assert!(changes <= 20, "once in {every} days: {changes} changes");
        }
    }
}
