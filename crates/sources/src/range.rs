//! Which files can't hold an event of the wanted time: told from the key alone, so that they need not be fetched.
//!
//! CloudTrail delivers a file after its events: with delivery time D and the greatest lateness L, the events lie in (D − L, D].
//! So a file is left out only when D < since, or D − L > until. Names are exact to the minute and folders to the day; each bound is
//! taken from the side that keeps the file. Events themselves are compared with the range later, by whoever reads them.

use crate::layout::{DAY_SECS, Day, Layout};

/// A file name tells its delivery to the minute, so it may be this much later than the name says.
const NAME_SECS: i64 = 60;
/// A file made around midnight may lie in the folder of the day before or after: folders are trusted to one hour.
pub(crate) const FOLDER_SLACK_SECS: i64 = 3_600;

/// The wanted event times: from `since` on, before `until`; seconds since 1970. `None` is no bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The first second wanted.
    pub since: Option<i64>,
    /// The first second no more wanted.
    pub until: Option<i64>,
}

/// The range as bounds on the time of delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeliveryRange {
    /// Files wholly delivered before this second hold nothing wanted.
    from: i64,
    /// Files delivered after this second hold nothing wanted.
    to: i64,
}

impl DeliveryRange {
    /// Bounds on delivery for the wanted event times, with files up to `lateness_secs_max` late.
    pub(crate) fn new(range: TimeRange, lateness_secs_max: u64) -> Self {
        let lateness = i64::try_from(lateness_secs_max).unwrap_or(i64::MAX);
        Self {
            from: range.since.unwrap_or(i64::MIN),
            to: range
                .until
                .map_or(i64::MAX, |until| until.saturating_add(lateness)),
        }
    }

    /// Whether a file of this layout may hold a wanted event.
    pub(crate) fn keeps(&self, layout: &Layout) -> bool {
        match layout.delivered {
            Some(delivered) => {
                delivered.saturating_add(NAME_SECS) > self.from && delivered <= self.to
            }
            None => self.keeps_days(layout.day, layout.day),
        }
    }

    /// Whether folders of the days `first` to `last` may hold a wanted event.
    pub(crate) fn keeps_days(&self, first: Day, last: Day) -> bool {
        last.start() + DAY_SECS + FOLDER_SLACK_SECS > self.from
            && first.start() - FOLDER_SLACK_SECS <= self.to
    }

    /// The first day folder that may hold a wanted event; `None` when there is no such bound.
    pub(crate) fn first_day(&self) -> Option<Day> {
        (self.from > i64::MIN)
            .then(|| Day::of(self.from.saturating_sub(FOLDER_SLACK_SECS)))
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const MIDNIGHT: i64 = 1_788_048_000; // 2026-08-30T00:00:00Z

    fn range(since: Option<i64>, until: Option<i64>) -> DeliveryRange {
        DeliveryRange::new(TimeRange { since, until }, 86_400)
    }

    fn layout(key: &str) -> Layout {
        Layout::parse(key).unwrap()
    }

    fn check(since: Option<i64>, until: Option<i64>, key: &str, kept: bool) {
        assert_eq!(
            range(since, until).keeps(&layout(key)),
            kept,
            "{since:?} {until:?} {key}"
        );
    }

    #[test]
    fn names_are_compared_to_the_minute() {
        let name = "111122223333_CloudTrail_us-east-1_20260830T0000Z_x.json.gz";
        check(None, None, name, true);
        check(Some(MIDNIGHT), None, name, true);
        check(Some(MIDNIGHT + 59), None, name, true);
        check(Some(MIDNIGHT + 60), None, name, false);
        check(None, Some(MIDNIGHT - DAY_SECS), name, true);
        check(None, Some(MIDNIGHT - DAY_SECS - 1), name, false);
    }

    #[test]
    fn folders_are_compared_to_the_day_and_an_hour() {
        let key = "111122223333/CloudTrail/us-east-1/2026/08/29/x.json";
        check(Some(MIDNIGHT), None, key, true);
        check(Some(MIDNIGHT + 3_599), None, key, true);
        check(Some(MIDNIGHT + 3_600), None, key, false);
        assert_eq!(
            range(Some(MIDNIGHT), None).first_day(),
            Day::new(2026, 8, 29)
        );
        assert_eq!(
            range(Some(MIDNIGHT + 3_600), None).first_day(),
            Day::new(2026, 8, 30)
        );
        assert_eq!(range(None, None).first_day(), None);
    }

    proptest! {
        /// The law pruning rests on: a file that may hold a wanted event is kept, whatever bounds are asked for.
        #[test]
        fn no_wanted_event_is_lost(delivered in 0_i64..4_000_000_000, late in 0_i64..86_400, since: Option<u32>, until: Option<u32>) {
            let event = delivered - late;
            let (since, until) = (since.map(i64::from), until.map(i64::from));
            let wanted = since.is_none_or(|s| event >= s) && until.is_none_or(|u| event < u);
            let day = Day::of(delivered).unwrap();
            let named = Layout {
                account: String::new(), region: String::new(), kind: crate::LayoutKind::CloudTrail, day,
                delivered: Some(delivered - delivered.rem_euclid(60)),
            };
            let unnamed = Layout { delivered: None, ..named.clone() };
            if wanted {
                prop_assert!(range(since, until).keeps(&named));
                prop_assert!(range(since, until).keeps(&unnamed));
            }
        }

        #[test]
        fn the_first_day_folder_is_the_first_kept(since in 0_i64..4_000_000_000) {
            let bounds = range(Some(since), None);
            let first = bounds.first_day().unwrap();
            prop_assert!(bounds.keeps_days(first, first));
            let before = Day::of(first.start() - 1).unwrap();
            prop_assert!(!bounds.keeps_days(before, before));
        }
    }
}
