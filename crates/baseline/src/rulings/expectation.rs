//! [`Expectation`]: calls that come in some months or on some days of the month, and are no news then; at any other time they are.

use offtrail_event::Day;

use super::{CallPattern, Review};

/// When something is expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Season {
    /// Months of the year, bit 0 for January; none set: any.
    months: u16,
    /// Days of the month, bit 0 for the first; none set: any.
    days: u32,
}

impl Season {
    /// Of months (1 to 12) and days of the month (1 to 31); an empty list is any. Others are left out.
    #[must_use]
    pub fn new(months: impl IntoIterator<Item = u8>, days: impl IntoIterator<Item = u8>) -> Self {
        let mut season = Self::default();
        for month in months.into_iter().filter(|month| (1..=12).contains(month)) {
            season.months |= 1 << (month - 1);
        }
        for day in days.into_iter().filter(|day| (1..=31).contains(day)) {
            season.days |= 1 << (day - 1);
        }
        season
    }

    /// Whether it is all the year.
    #[must_use]
    pub fn is_always(self) -> bool {
        self.months == 0 && self.days == 0
    }

    /// Months of the year, ascending; none: any.
    pub fn months(self) -> impl Iterator<Item = u8> {
        (1..=12).filter(move |month| self.months >> (month - 1) & 1 == 1)
    }

    /// Days of the month, ascending; none: any.
    pub fn days(self) -> impl Iterator<Item = u8> {
        (1..=31).filter(move |day| self.days >> (day - 1) & 1 == 1)
    }

    /// Whether a day lies in it.
    #[must_use]
    pub fn holds(self, day: Day) -> bool {
        let (month, day) = day.month_and_day();
        (self.months == 0 || self.months().any(|one| one == month))
            && (self.days == 0 || self.days().any(|one| one == day))
    }
}

/// Calls that are no news in their season, and are out of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Expectation {
    /// Which calls.
    pub calls: Vec<CallPattern>,
    /// When.
    pub season: Season,
    /// By whom, when, why.
    pub review: Review,
}

impl Expectation {
    /// What makes two of them the same.
    pub(super) fn key(&self) -> (&[CallPattern], Season) {
        (&self.calls, self.season)
    }

    /// Whether it speaks of a call.
    #[must_use]
    pub fn speaks_of(&self, source: &str, operation: &str) -> bool {
        self.calls.iter().any(|one| one.fits(source, operation))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use offtrail_event::Timestamp;

    use super::*;

    #[test]
    fn a_season_holds_its_months_and_days() {
        let day = |text: &str| Timestamp::parse(text).unwrap().day();
        let quarters = Season::new([1, 4, 7, 10], 1..=5);
        assert!(quarters.holds(day("2026-04-05")) && !quarters.holds(day("2026-04-06")));
        assert!(!quarters.holds(day("2026-05-01")));
        assert!(Season::new([], [31]).holds(day("2026-01-31")));
        assert!(Season::default().is_always() && Season::default().holds(day("2026-02-28")));
        assert_eq!(
            Season::new([13, 0, 12], [0, 32])
                .months()
                .collect::<Vec<_>>(),
            [12]
        );
    }
}
