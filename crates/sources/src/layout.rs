//! What a CloudTrail key tells without being opened: account, region, kind, day and minute of delivery.
//!
//! AWS's layout (CloudTrail user guide, "Finding your CloudTrail log files"):
//! `…/AWSLogs/[o-organisation/]account/CloudTrail[-Digest|-Insight]/region/yyyy/mm/dd/account_CloudTrail[…]_region_yyyymmddThhmmZ_….json.gz`.
//! The date is that of *delivery*. People copy and rename files, so both halves are read on their own: folders without a telling file
//! name, or a telling file name in any folder. Whatever follows neither is simply `None`.

/// Seconds of a day.
pub(crate) const DAY_SECS: i64 = 86_400;

/// Folders that other AWS services keep beside CloudTrail's under `AWSLogs/[o-…/]account/`. A closed list, so that a folder made by
/// hand is still read.
const OTHER_SERVICES: [&str; 8] = [
    "Config",
    "GuardDuty",
    "RedshiftLogs",
    "WAFLogs",
    "elasticloadbalancing",
    "globalaccelerator",
    "vpcdnsquerylogs",
    "vpcflowlogs",
];

/// What kind of file CloudTrail wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayoutKind {
    /// Records of calls.
    CloudTrail,
    /// Hashes of delivered files, for validation.
    Digest,
    /// CloudTrail Insights.
    Insight,
}

/// A day of the Gregorian calendar, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    /// 1 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31, and no more than the month has.
    pub day: u8,
}

impl Day {
    /// The day, if there is such a day.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 => 28 + u8::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        ((1..=9999).contains(&year) && (1..=days).contains(&day)).then_some(Self {
            year,
            month,
            day,
        })
    }

    /// Seconds from 1970-01-01T00:00:00Z to the day's first second.
    ///
    /// Days from the civil calendar after Howard Hinnant, "chrono-compatible low-level date algorithms".
    pub fn start(self) -> i64 {
        let month = i64::from(self.month);
        let year = i64::from(self.year) - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        (era * 146_097 + day_of_era - 719_468) * DAY_SECS
    }

    /// The day in which a second since 1970 falls, or `None` outside the years 1 to 9999.
    pub fn of(epoch_secs: i64) -> Option<Self> {
        let shifted = epoch_secs.div_euclid(DAY_SECS).checked_add(719_468)?;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = u8::try_from(day_of_year - (153 * shifted_month + 2) / 5 + 1).ok()?;
        let month = u8::try_from(if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        })
        .ok()?;
        let year = u16::try_from(year_of_era + era * 400 + i64::from(month <= 2)).ok()?;
        Self::new(year, month, day)
    }
}

/// What a key tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The account the file is about: twelve digits.
    pub account: String,
    /// The region the file is about.
    pub region: String,
    /// What the file holds.
    pub kind: LayoutKind,
    /// The day of delivery: of the folders where there are any, else of the file name.
    pub day: Day,
    /// The minute of delivery in seconds since 1970, from the file name; `None` where only the folders tell.
    pub delivered: Option<i64>,
}

impl Layout {
    /// Reads a key or path; `None` where it follows no part of the layout.
    pub fn parse(key: &str) -> Option<Self> {
        let (folder, name) = key.rsplit_once(['/', '\\']).unwrap_or(("", key));
        match (from_folder(folder), from_name(name)) {
            (Some(folder), Some(name)) => Some(Self {
                delivered: name.delivered,
                ..folder
            }),
            (Some(folder), None) => Some(folder),
            (None, name) => name,
        }
    }
}

/// The folder of another AWS service in which a key lies, up to and with its last `/`: `…/AWSLogs/111122223333/Config/`.
pub(crate) fn other_service(key: &str) -> Option<&str> {
    let mut account_before = false;
    let mut end = 0;
    for part in key.split_inclusive('/') {
        end += part.len();
        let Some(name) = part.strip_suffix('/') else {
            break;
        };
        if account_before && OTHER_SERVICES.contains(&name) && key[..end].contains("AWSLogs/") {
            return Some(&key[..end]);
        }
        account_before = is_account(name);
    }
    None
}

/// Reads `…/account/CloudTrail/region/yyyy/mm/dd`.
fn from_folder(folder: &str) -> Option<Layout> {
    let mut parts = folder.rsplit(['/', '\\']);
    let day = digits(parts.next()?, 2)?;
    let month = digits(parts.next()?, 2)?;
    let year = digits(parts.next()?, 4)?;
    let region = parts.next().filter(|text| is_region(text))?;
    let kind = folder_kind(parts.next()?)?;
    let account = parts.next().filter(|text| is_account(text))?;
    Some(Layout {
        account: account.to_owned(),
        region: region.to_owned(),
        kind,
        day: day_of(year, month, day)?,
        delivered: None,
    })
}

/// Reads `account_CloudTrail[-Digest|-Insight]_region_…_yyyymmddThhmmZ_….json[.gz]`; a digest's name also carries the trail's name and
/// home region, so the time is the first part that looks like one.
fn from_name(name: &str) -> Option<Layout> {
    let mut parts = name.split('_');
    let account = parts.next().filter(|text| is_account(text))?;
    let kind = folder_kind(parts.next()?)?;
    let region = parts.next().filter(|text| is_region(text))?;
    let (day, delivered) = parts.find_map(|part| minute(part.split('.').next().unwrap_or(part)))?;
    Some(Layout {
        account: account.to_owned(),
        region: region.to_owned(),
        kind,
        day,
        delivered: Some(delivered),
    })
}

/// The kind a folder or a part of a file name tells.
pub(crate) fn folder_kind(text: &str) -> Option<LayoutKind> {
    match text {
        "CloudTrail" => Some(LayoutKind::CloudTrail),
        "CloudTrail-Digest" => Some(LayoutKind::Digest),
        "CloudTrail-Insight" => Some(LayoutKind::Insight),
        _ => None,
    }
}

/// Twelve digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Small letters, digits and hyphens, such as `us-gov-west-1`: new regions come every year, so no list.
pub(crate) fn is_region(text: &str) -> bool {
    (3..=32).contains(&text.len())
        && text.contains('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A number of exactly `len` digits (at most four, so that it fits).
pub(crate) fn digits(text: &str, len: usize) -> Option<u16> {
    (text.len() == len && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

fn day_of(year: u16, month: u16, day: u16) -> Option<Day> {
    Day::new(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
}

/// Reads `yyyymmddThhmm[ss]Z` as its day and the seconds since 1970.
fn minute(text: &str) -> Option<(Day, i64)> {
    if !text.is_ascii()
        || !matches!(text.len(), 14 | 16)
        || &text[8..9] != "T"
        || !text.ends_with('Z')
    {
        return None;
    }
    let number = |from: usize, to: usize| digits(&text[from..to], to - from);
    let day = day_of(number(0, 4)?, number(4, 6)?, number(6, 8)?)?;
    let (hour, minute) = (number(9, 11)?, number(11, 13)?);
    let second = if text.len() == 16 { number(13, 15)? } else { 0 };
    (hour < 24 && minute < 60 && second < 60).then(|| {
        (
            day,
            day.start() + i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second),
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Account, region, kind, day, delivery.
    type Told = (
        &'static str,
        &'static str,
        LayoutKind,
        (u16, u8, u8),
        Option<i64>,
    );

    fn check(key: &str, expected: Option<Told>) {
        let expected =
            expected.map(
                |(account, region, kind, (year, month, day), delivered)| Layout {
                    account: account.into(),
                    region: region.into(),
                    kind,
                    day: Day::new(year, month, day).unwrap(),
                    delivered,
                },
            );
        assert_eq!(Layout::parse(key), expected, "{key}");
    }

    const ACCOUNT: &str = "111122223333";

    #[test]
    fn keys_of_trails_are_read() {
        let calls = |delivered| {
            Some((
                ACCOUNT,
                "us-east-1",
                LayoutKind::CloudTrail,
                (2026, 8, 30),
                delivered,
            ))
        };
        let name = "111122223333_CloudTrail_us-east-1_20260830T2355Z_AbCdEfGhIjKlMnOp.json.gz";
        let at = Some(1_788_134_100);
        check(
            &format!("AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/08/30/{name}"),
            calls(at),
        );
        check(
            &format!("any/where/AWSLogs/o-abc123/{ACCOUNT}/CloudTrail/us-east-1/2026/08/30/{name}"),
            calls(at),
        );
        check(&format!("copies/{name}"), calls(at));
        check(name, calls(at));
        check(
            &format!("AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/08/30/renamed.json"),
            calls(None),
        );
    }

    #[test]
    fn digests_and_insights_are_told_apart() {
        let key = format!(
            "AWSLogs/{ACCOUNT}/CloudTrail-Digest/eu-west-1/2026/02/28/{ACCOUNT}_CloudTrail-Digest_eu-west-1_my_trail_us-east-1_20260228T000102Z.json.gz"
        );
        check(
            &key,
            Some((
                ACCOUNT,
                "eu-west-1",
                LayoutKind::Digest,
                (2026, 2, 28),
                Some(1_772_236_862),
            )),
        );
        let key = format!("AWSLogs/{ACCOUNT}/CloudTrail-Insight/eu-west-1/2026/02/28/x.json.gz");
        check(
            &key,
            Some((
                ACCOUNT,
                "eu-west-1",
                LayoutKind::Insight,
                (2026, 2, 28),
                None,
            )),
        );
    }

    #[test]
    fn what_follows_no_layout_tells_nothing() {
        for key in [
            "",
            "/",
            "events.json",
            "2026/08/30/x.json.gz",
            "AWSLogs/1111/CloudTrail/us-east-1/2026/08/30/x.json.gz",
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026/02/30/x.json.gz",
            "AWSLogs/111122223333/Config/us-east-1/2026/08/30/x.json.gz",
            "111122223333_CloudTrail_us-east-1_20260830T2460Z_x.json.gz",
        ] {
            check(key, None);
        }
    }

    #[test]
    fn folders_of_other_services_are_known() {
        let found = other_service(
            "x/AWSLogs/o-1/111122223333/Config/eu-west-1/2026/1/1/ConfigHistory/a.json.gz",
        );
        assert_eq!(found, Some("x/AWSLogs/o-1/111122223333/Config/"));
        for key in [
            "AWSLogs/111122223333/copies/a.json",
            "111122223333/Config/a",
            "AWSLogs/Config/a",
            "AWSLogs/111122223333/Config",
        ] {
            assert_eq!(other_service(key), None, "{key}");
        }
    }

    #[test]
    fn the_days_of_leap_years_count() {
        assert_eq!(Day::new(1970, 1, 1).unwrap().start(), 0);
        assert_eq!(Day::new(2000, 2, 29).unwrap().start(), 951_782_400);
        assert_eq!(Day::new(1900, 2, 29), None);
        assert_eq!(Day::of(951_782_400 + DAY_SECS - 1), Day::new(2000, 2, 29));
        assert_eq!(Day::of(i64::MAX), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,80}", tail in "[0-9TZ_/.a-z]{0,60}") {
            let _ = Layout::parse(&text);
            let _ = other_service(&text);
            let _ = Layout::parse(&format!("111122223333_CloudTrail_us-east-1_{text}{tail}"));
            let _ = Layout::parse(&format!("111122223333/CloudTrail/us-east-1/{tail}"));
        }

        #[test]
        fn a_day_and_its_seconds_agree(secs in -62_135_596_800_i64..253_402_300_800) {
            let day = Day::of(secs).unwrap();
            prop_assert!(day.start() <= secs && secs < day.start() + DAY_SECS);
        }
    }
}
