//! Event time: whole seconds since 1970-01-01T00:00:00Z, the resolution CloudTrail writes, and whole UTC days.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike};

/// Seconds in a UTC day.
pub const SECONDS_PER_DAY: i64 = 86_400;

/// A moment in event time, in whole seconds since the Unix epoch. Always within [`Timestamp::MIN`] and [`Timestamp::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u32);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const MIN: Self = Self(0);
    /// 2106-02-07T06:28:15Z, the last second that fits.
    pub const MAX: Self = Self(u32::MAX);

    /// From seconds since the epoch; `None` outside of what fits (before 1970, after 2106).
    #[must_use]
    pub fn from_epoch_secs(secs: i64) -> Option<Self> {
        u32::try_from(secs).ok().map(Self)
    }

    /// Seconds since the epoch.
    #[must_use]
    pub fn epoch_secs(self) -> i64 {
        i64::from(self.0)
    }

    /// The UTC day this moment lies in.
    #[must_use]
    pub fn day(self) -> Day {
        // u32::MAX seconds are 49,710 days: always within u16.
        Day(u16::try_from(self.epoch_secs() / SECONDS_PER_DAY).unwrap_or(u16::MAX))
    }

    /// Hour of its UTC day, 0 to 23.
    #[must_use]
    pub fn hour_of_day(self) -> u8 {
        u8::try_from(self.epoch_secs() % SECONDS_PER_DAY / 3600).unwrap_or(0)
    }

    /// Whole hours since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn epoch_hours(self) -> i64 {
        self.epoch_secs() / 3600
    }

    /// Hour of its UTC week, 0 (Monday 00:00) to 167 (Sunday 23:00).
    #[must_use]
    pub fn hour_of_week(self) -> u8 {
        // 1970-01-01 was a Thursday.
        let weekday = (self.epoch_secs() / SECONDS_PER_DAY + 3) % 7;
        u8::try_from(weekday * 24).unwrap_or(0) + self.hour_of_day()
    }

    /// This moment moved by `secs` (negative: earlier), held within [`Timestamp::MIN`] and [`Timestamp::MAX`].
    #[must_use]
    pub fn plus_secs(self, secs: i64) -> Self {
        let moved = self
            .epoch_secs()
            .saturating_add(secs)
            .clamp(0, i64::from(u32::MAX));
        Self(u32::try_from(moved).unwrap_or(u32::MAX))
    }

    /// Seconds from `earlier` to this moment; negative if `earlier` is later.
    #[must_use]
    pub fn secs_since(self, earlier: Self) -> i64 {
        self.epoch_secs() - earlier.epoch_secs()
    }

    /// Reads RFC 3339 (`2026-08-31T10:43:44Z`, offsets and fractions allowed) or a bare `YYYY-MM-DD` (UTC midnight).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Self::from_epoch_secs(time.timestamp());
        }
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        Self::from_epoch_secs(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp())
    }
}

impl fmt::Display for Timestamp {
    /// `2026-08-31T10:43:44Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = DateTime::from_timestamp(self.epoch_secs(), 0).unwrap_or_default();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second()
        )
    }
}

/// A whole UTC day, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub u16);

impl Day {
    /// Midnight that opens the day.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::from_epoch_secs(i64::from(self.0) * SECONDS_PER_DAY).unwrap_or(Timestamp::MAX)
    }

    /// Days from `earlier` to this day; negative if `earlier` is later.
    #[must_use]
    pub fn days_since(self, earlier: Self) -> i32 {
        i32::from(self.0) - i32::from(earlier.0)
    }

    /// Month of the year (1 to 12) and day of the month (1 to 31).
    #[must_use]
    pub fn month_and_day(self) -> (u8, u8) {
        let date = self.date();
        let byte = |number: u32| u8::try_from(number).unwrap_or(0);
        (byte(date.month()), byte(date.day()))
    }

    fn date(self) -> NaiveDate {
        NaiveDate::from_ymd_opt(1970, 1, 1).unwrap_or_default() + TimeDelta::days(i64::from(self.0))
    }
}

impl fmt::Display for Day {
    /// `2026-08-31`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        write!(
            f,
            "{:04}-{:02}-{:02}",
            date.year(),
            date.month(),
            date.day()
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_rfc_3339_and_bare_days() {
        let at = |text: &str| Timestamp::parse(text).map(|time| time.to_string());
        assert_eq!(
            at("2026-08-31T10:43:44Z").as_deref(),
            Some("2026-08-31T10:43:44Z")
        );
        assert_eq!(
            at("2026-08-31T12:43:44.9+02:00").as_deref(),
            Some("2026-08-31T10:43:44Z")
        );
        assert_eq!(at("2026-08-31").as_deref(), Some("2026-08-31T00:00:00Z"));
        assert_eq!(at("1969-12-31T23:59:59Z"), None);
        assert_eq!(at("yesterday"), None);
    }

    #[test]
    fn a_monday_midnight_opens_the_week() {
        let monday = Timestamp::parse("2026-11-23").unwrap();
        assert_eq!(monday.hour_of_week(), 0);
        assert_eq!(monday.plus_secs(-1).hour_of_week(), 167);
        assert_eq!(monday.day().to_string(), "2026-11-23");
        assert_eq!(monday.day().month_and_day(), (11, 23));
    }

    proptest! {
        #[test]
        fn text_and_back(secs in 0..=i64::from(u32::MAX)) {
            let time = Timestamp::from_epoch_secs(secs).unwrap();
            prop_assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
            prop_assert!(time.day().start() <= time);
            prop_assert!(time.hour_of_week() < 168);
        }
    }
}
