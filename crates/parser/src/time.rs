//! Reads `eventTime` in the forms seen in the field.
//!
//! CloudTrail writes `2026-08-31T10:43:44Z`; that form is read without a general parser because every event has one.
//! Data lakes rewrite it as `2024-06-03 15:23:22.000000000` (UTC understood), `LookupEvents` with an offset.

use offtrail_event::{SECONDS_PER_DAY, Timestamp};

/// The moment, or `None` if `text` is none between 1970 and 2106.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    if let Some(time) = plain(text.as_bytes()) {
        return Some(time);
    }
    let text = text.trim();
    // `YYYY-MM-DD` alone is a day, not the time of an event.
    if text.len() <= "2026-08-31".len() {
        return None;
    }
    Timestamp::parse(text).or_else(|| spaced(text))
}

/// The day read last, as its text and its first second: records of a file share few.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LastDay {
    date: [u8; 11],
    start: i64,
}

impl LastDay {
    /// The moment, as [`plain`] reads it.
    #[inline]
    pub(crate) fn read(&mut self, text: &[u8; 20]) -> Option<Timestamp> {
        let clock = |at: usize| {
            let (ten, one) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
            (ten <= 9 && one <= 9).then(|| i64::from(ten * 10 + one))
        };
        if text[..11] != self.date {
            let time = plain(text)?;
            self.date.copy_from_slice(&text[..11]);
            self.start = time.day().start().epoch_secs();
            return Some(time);
        }
        let (hour, minute, second) = (clock(11)?, clock(14)?, clock(17)?);
        if (text[13], text[16], text[19]) != (b':', b':', b'Z')
            || hour > 23
            || minute > 59
            || second > 59
        {
            return None;
        }
        Timestamp::from_epoch_secs(self.start + hour * 3600 + minute * 60 + second)
    }
}

/// `2026-08-31T10:43:44Z` exactly.
pub(crate) fn plain(text: &[u8]) -> Option<Timestamp> {
    let shape: &[u8; 20] = text.try_into().ok()?;
    if (
        shape[4], shape[7], shape[10], shape[13], shape[16], shape[19],
    ) != (b'-', b'-', b'T', b':', b':', b'Z')
    {
        return None;
    }
    let number = |from: usize, to: usize| {
        shape[from..to].iter().try_fold(0_i64, |sum, digit| {
            digit
                .is_ascii_digit()
                .then(|| sum * 10 + i64::from(digit - b'0'))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month_days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1970..=2106).contains(&year)
        || !(1..=month_days).contains(&day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None;
    }
    Timestamp::from_epoch_secs(
        days_from_civil(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second,
    )
}

/// Days since 1970-01-01 of a Gregorian date: Howard Hinnant, "chrono-compatible low-level date algorithms", 2013.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// `2024-06-03 15:23:22.000000000`, with an offset or in UTC.
fn spaced(text: &str) -> Option<Timestamp> {
    let (date, clock) = text.split_once([' ', 'T'])?;
    let joined = format!("{date}T{}", clock.trim_end_matches(" UTC"));
    Timestamp::parse(&joined).or_else(|| Timestamp::parse(&format!("{joined}Z")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_forms_seen() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(
                read(text).map(|time| time.to_string()).as_deref(),
                expected,
                "{text}"
            );
        };
        check("2026-08-31T10:43:44Z", Some("2026-08-31T10:43:44Z"));
        check(
            "2024-06-03 15:23:22.000000000",
            Some("2024-06-03T15:23:22Z"),
        );
        check("2022-02-08 09:23:37+11:00", Some("2022-02-07T22:23:37Z"));
        check("2020-09-14T00:44:21.000Z", Some("2020-09-14T00:44:21Z"));
        check("2024-02-29T00:00:00Z", Some("2024-02-29T00:00:00Z"));
        check("2023-02-29T00:00:00Z", None);
        check("2026-13-45T99:00:00Z", None);
        check("1969-12-31T23:59:59Z", None);
        check("2107-01-01T00:00:00Z", None);
        check("2026-08-31", None);
        check("yesterday", None);
        check("…", None);
        check("", None);
    }

    proptest! {
        #[test]
        fn the_short_way_agrees_with_the_long_one(secs in 0..=i64::from(u32::MAX)) {
            let text = Timestamp::from_epoch_secs(secs).unwrap().to_string();
            prop_assert_eq!(plain(text.as_bytes()), Timestamp::parse(&text));
        }

        #[test]
        fn the_last_day_changes_nothing(
            secs in 0..=i64::from(u32::MAX),
            other in 0..SECONDS_PER_DAY,
            at in 0..20usize,
            byte in 0x20..0x7f_u8,
        ) {
            let text = |secs: i64| -> [u8; 20] {
                let secs = secs.min(i64::from(u32::MAX));
                let text = Timestamp::from_epoch_secs(secs).unwrap().to_string();
                text.as_bytes().try_into().unwrap()
            };
            let mut last = LastDay::default();
            let mut changed = text(secs - secs % SECONDS_PER_DAY + other);
            changed[at] = byte;
            for text in [text(secs), changed, text(secs), changed] {
                prop_assert_eq!(last.read(&text), plain(&text));
            }
        }

        #[test]
        fn any_text_is_safe(text in ".{0,40}") {
            let _ = read(&text);
        }
    }
}
