//! [`Coverage`]: for which hours of which account and region any record has arrived, so that "never seen" can say in how
//! much of the window.

use std::collections::BTreeMap;

use offtrail_event::{Day, TextId, Timestamp};

/// Hours with records, per account and region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Bit `h` of a day stands for the hour from `h:00` UTC.
    hours: BTreeMap<(TextId, TextId), BTreeMap<Day, u32>>,
}

impl Coverage {
    /// Marks the hour of a record.
    pub fn see(&mut self, account: TextId, region: TextId, time: Timestamp) {
        self.add(account, region, time.day(), 1 << time.hour_of_day());
    }

    /// Marks hours of a day.
    pub fn add(&mut self, account: TextId, region: TextId, day: Day, hours: u32) {
        *self
            .hours
            .entry((account, region))
            .or_default()
            .entry(day)
            .or_default() |= hours & 0xff_ffff;
    }

    /// Adds all hours of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (account, region, day, hours) in other.iter() {
            self.add(account, region, day, hours);
        }
    }

    /// Account, region, day and its hours, for a store. Ordered by ids, which differ between runs.
    pub fn iter(&self) -> impl Iterator<Item = (TextId, TextId, Day, u32)> + '_ {
        self.hours.iter().flat_map(|((account, region), days)| {
            days.iter()
                .map(move |(day, hours)| (*account, *region, *day, *hours))
        })
    }

    /// The days of one account and region from `since` on, with their hours, in order.
    pub fn days(
        &self,
        account: TextId,
        region: TextId,
        since: Day,
    ) -> impl Iterator<Item = (Day, u32)> + '_ {
        let days = self.hours.get(&(account, region)).into_iter();
        days.flat_map(move |days| days.range(since..).map(|(day, hours)| (*day, *hours)))
    }

    /// Every account and region with its last hour, as the moment that hour ends. Ordered by ids, which differ between runs.
    pub fn last_hours(&self) -> impl Iterator<Item = (TextId, TextId, Timestamp)> + '_ {
        self.hours.iter().filter_map(|((account, region), days)| {
            let (day, hours) = days.last_key_value()?;
            let after = i64::from(u32::BITS - hours.leading_zeros()) * 3600;
            Some((*account, *region, day.start().plus_secs(after)))
        })
    }

    /// The share of hours from `since` to `until` in which any record of the account arrived, whatever its region;
    /// 0 to 1. Both ends count as whole hours.
    #[must_use]
    pub fn share(&self, account: TextId, since: Timestamp, until: Timestamp) -> f64 {
        let total = until.epoch_hours() - since.epoch_hours() + 1;
        if total <= 0 {
            return 0.0;
        }
        let mut days: BTreeMap<Day, u32> = BTreeMap::new();
        for ((owner, _), seen) in &self.hours {
            if *owner == account {
                for (day, hours) in seen.range(since.day()..=until.day()) {
                    *days.entry(*day).or_default() |= hours;
                }
            }
        }
        let covered: u32 = days
            .iter()
            .map(|(day, hours)| {
                let mut hours = *hours;
                if *day == since.day() {
                    hours &= u32::MAX << since.hour_of_day();
                }
                if *day == until.day() {
                    hours &= u32::MAX >> (31 - u32::from(until.hour_of_day()));
                }
                hours.count_ones()
            })
            .sum();
        f64::from(covered) / total as f64
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn share_counts_whole_hours_of_an_account() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let (account, other) = (TextId(0), TextId(1));
        let mut coverage = Coverage::default();
        coverage.see(account, TextId(2), at("2026-01-01T00:10:00Z"));
        coverage.see(account, TextId(3), at("2026-01-01T00:20:00Z"));
        coverage.see(account, TextId(3), at("2026-01-01T02:20:00Z"));
        coverage.see(other, TextId(3), at("2026-01-01T01:20:00Z"));
        let share = |since, until| coverage.share(account, at(since), at(until));
        assert!((share("2026-01-01T00:00:00Z", "2026-01-01T03:59:59Z") - 0.5).abs() < 1e-9);
        assert!((share("2026-01-01T00:30:00Z", "2026-01-01T00:40:00Z") - 1.0).abs() < 1e-9);
        assert!(share("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z").abs() < 1e-9);
    }
}
