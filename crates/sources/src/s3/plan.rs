//! How to list a bucket side by side: where in AWS's layout a prefix stands tells whether to split it into its folders or to run through it.
//!
//! S3 lists a prefix in order, a thousand keys an answer, so one run over an organisation's archive takes hours. Folders are listed side
//! by side instead: down to each account's region by folder, then one run per region; only a region that turns out large is split further,
//! by year and month. Outside the layout, folders are split where there are few, else the prefix is one plain run.

use crate::layout::{Day, digits, folder_kind, is_account, is_region};
use crate::range::DeliveryRange;

/// Folders above `AWSLogs/` are split this deep, at most.
const DEPTH_ABOVE_MAX: usize = 3;

/// One piece of listing work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// List the folders right below, and the objects beside them.
    Split {
        /// The prefix.
        prefix: String,
        /// How many splits led here, where that matters: above `AWSLogs/`.
        depth: usize,
    },
    /// List every key below.
    Run {
        /// The prefix.
        prefix: String,
        /// Only keys sorted after this one.
        after: Option<String>,
        /// Split instead when the run turns out long.
        splits: bool,
    },
}

/// Where a prefix stands in the layout `…AWSLogs/[o-…/]account/kind/region/year/month/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Above,
    Trunk,
    Region,
    Year(u16),
    Month(u16, u8),
    Elsewhere,
}

/// The first step for a prefix as the user gave it.
pub(crate) fn first(prefix: &str) -> Step {
    match place(prefix) {
        // A prefix may end inside a name; only one that ends with a folder can be run from a day on.
        Place::Month(..) | Place::Elsewhere => Step::Run {
            prefix: prefix.to_owned(),
            after: None,
            splits: false,
        },
        Place::Above | Place::Trunk | Place::Region | Place::Year(_) => Step::Split {
            prefix: prefix.to_owned(),
            depth: 0,
        },
    }
}

/// The step for a folder found by splitting, or `None` when all of it is out of range.
pub(crate) fn below(folder: String, depth: usize, range: &DeliveryRange) -> Option<Step> {
    let first = range.first_day();
    match place(&folder) {
        Place::Above if depth < DEPTH_ABOVE_MAX => Some(Step::Split {
            prefix: folder,
            depth: depth + 1,
        }),
        Place::Trunk => Some(Step::Split {
            prefix: folder,
            depth: 0,
        }),
        Place::Above | Place::Elsewhere => Some(Step::Run {
            prefix: folder,
            after: None,
            splits: false,
        }),
        Place::Region => {
            let after =
                first.map(|day| format!("{folder}{:04}/{:02}/{:02}", day.year, day.month, day.day));
            Some(Step::Run {
                prefix: folder,
                after,
                splits: true,
            })
        }
        Place::Year(year) => {
            let (from, to) = (Day::new(year, 1, 1)?, Day::new(year, 12, 31)?);
            range.keeps_days(from, to).then_some(Step::Split {
                prefix: folder,
                depth: 0,
            })
        }
        Place::Month(year, month) => {
            let from = Day::new(year, month, 1)?;
            let to = (28..=31).rev().find_map(|day| Day::new(year, month, day))?;
            let after = first
                .filter(|day| (day.year, day.month) == (year, month))
                .map(|day| format!("{folder}{:02}", day.day));
            range.keeps_days(from, to).then_some(Step::Run {
                prefix: folder,
                after,
                splits: false,
            })
        }
    }
}

fn place(prefix: &str) -> Place {
    let folder = prefix.rfind('/').map_or("", |end| &prefix[..end]);
    let mut parts = folder.split('/').skip_while(|part| *part != "AWSLogs");
    if parts.next().is_none() {
        return Place::Above;
    }
    let rest: Vec<&str> = parts.collect();
    let rest = match rest.split_first() {
        Some((organisation, below)) if organisation.starts_with("o-") => below,
        _ => &rest[..],
    };
    let dated = |account: &str, kind: &str, region: &str| {
        is_account(account) && folder_kind(kind).is_some() && is_region(region)
    };
    match *rest {
        [] => Place::Trunk,
        [account] if is_account(account) => Place::Trunk,
        [account, kind] if is_account(account) && folder_kind(kind).is_some() => Place::Trunk,
        [account, kind, region] if dated(account, kind, region) => Place::Region,
        [account, kind, region, year] if dated(account, kind, region) => match digits(year, 4) {
            Some(year) if year > 0 => Place::Year(year),
            _ => Place::Elsewhere,
        },
        [account, kind, region, year, month] if dated(account, kind, region) => {
            match (digits(year, 4), digits(month, 2)) {
                (Some(year @ 1..), Some(month @ 1..=12)) => Place::Month(year, month as u8),
                _ => Place::Elsewhere,
            }
        }
        _ => Place::Elsewhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TimeRange;
    use proptest::prelude::*;

    const REGION: &str = "p/AWSLogs/o-1/111122223333/CloudTrail/eu-west-1/";

    fn check(prefix: &str, expected: Place) {
        assert_eq!(place(prefix), expected, "{prefix}");
    }

    #[test]
    fn prefixes_find_their_place() {
        check("", Place::Above);
        check("p/AWSLo", Place::Above);
        check("p/AWSLogs/", Place::Trunk);
        check("AWSLogs/o-1/", Place::Trunk);
        check("AWSLogs/111122223333/", Place::Trunk);
        check("AWSLogs/111122223333/CloudTrail/eu-", Place::Trunk);
        check(REGION, Place::Region);
        check(&format!("{REGION}2026/"), Place::Year(2026));
        check(&format!("{REGION}2026/08/"), Place::Month(2026, 8));
        check(&format!("{REGION}2026/08/30/"), Place::Elsewhere);
        check(&format!("{REGION}2026/13/"), Place::Elsewhere);
        check("AWSLogs/111122223333/Config/", Place::Elsewhere);
        check("AWSLogs/copies/", Place::Elsewhere);
    }

    #[test]
    fn a_range_narrows_what_is_listed() {
        let midnight = 1_788_048_000; // 2026-08-30T00:00:00Z
        let range = DeliveryRange::new(
            TimeRange {
                since: Some(midnight),
                until: Some(midnight + 86_400),
            },
            86_400,
        );
        let run = |prefix: String, after: Option<String>, splits| {
            Some(Step::Run {
                prefix,
                after,
                splits,
            })
        };
        let step = |tail: &str| below(format!("{REGION}{tail}"), 0, &range);
        assert_eq!(
            step(""),
            run(REGION.into(), Some(format!("{REGION}2026/08/29")), true)
        );
        assert_eq!(
            step("2026/"),
            Some(Step::Split {
                prefix: format!("{REGION}2026/"),
                depth: 0
            })
        );
        assert_eq!(step("2025/"), None);
        assert_eq!(step("2026/07/"), None);
        assert_eq!(
            step("2026/08/"),
            run(
                format!("{REGION}2026/08/"),
                Some(format!("{REGION}2026/08/29")),
                false
            )
        );
        assert_eq!(
            step("2026/09/"),
            run(format!("{REGION}2026/09/"), None, false)
        );
        assert_eq!(step("2026/10/"), None);
    }

    proptest! {
        #[test]
        fn any_prefix_is_survived(tail in "\\PC{0,40}") {
            let range = DeliveryRange::new(TimeRange::default(), 0);
            let _ = first(&tail);
            let loose = below(format!("{tail}/"), 0, &range);
            let inside = below(format!("{REGION}{tail}/"), 0, &range);
            prop_assert!(loose.is_some() && inside.is_some(), "without a range nothing is left out");
        }
    }
}
