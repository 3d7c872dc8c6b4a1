//! Simulated time as milliseconds since 1970, and its written forms.
//!
//! The civil date comes from Howard Hinnant's `civil_from_days` (2013). There is no clock here: "now" is whatever the
//! simulation says it is.

/// Milliseconds since 1970-01-01T00:00:00Z.
pub(crate) type Millis = i64;

pub(crate) const SECOND: Millis = 1000;
pub(crate) const MINUTE: Millis = 60 * SECOND;
pub(crate) const HOUR: Millis = 60 * MINUTE;
pub(crate) const DAY: Millis = 24 * HOUR;

/// Year, month and day of a count of days since 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn split(time: Millis) -> ((i64, i64, i64), i64) {
    (civil(time.div_euclid(DAY)), time.rem_euclid(DAY) / SECOND)
}

/// `2026-06-01T08:30:00Z`.
pub(crate) fn iso(time: Millis) -> String {
    let ((year, month, day), secs) = split(time);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        secs / 3600,
        secs / 60 % 60,
        secs % 60
    )
}

/// `2026-06-01`.
pub(crate) fn date(time: Millis) -> String {
    let ((year, month, day), _) = split(time);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026/06/01`, as in object keys.
pub(crate) fn folder(time: Millis) -> String {
    let ((year, month, day), _) = split(time);
    format!("{year:04}/{month:02}/{day:02}")
}

/// `20260601T0830Z`, as in the names of delivered files.
pub(crate) fn stamp(time: Millis) -> String {
    let ((year, month, day), secs) = split(time);
    format!(
        "{year:04}{month:02}{day:02}T{:02}{:02}Z",
        secs / 3600,
        secs / 60 % 60
    )
}

/// Day of the week, 0 = Monday.
pub(crate) fn weekday(time: Millis) -> u32 {
    // 1970-01-01 was a Thursday.
    (time.div_euclid(DAY) + 3).rem_euclid(7) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_cloudtrail_writes_them() {
        let check = |time, expected: &str| assert_eq!(iso(time), expected);
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_400_000, "2000-02-29T00:00:00Z");
        check(1_780_272_000_000, "2026-06-01T00:00:00Z");
        check(-1000, "1969-12-31T23:59:59Z");
        assert_eq!(stamp(1_780_300_200_000), "20260601T0750Z");
        assert_eq!(folder(1_780_272_000_000), "2026/06/01");
        assert_eq!(date(1_780_272_000_000), "2026-06-01");
        assert_eq!(weekday(1_780_272_000_000), 0);
    }
}
