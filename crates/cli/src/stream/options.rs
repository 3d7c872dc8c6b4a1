//! The values of the options of `offtrail stream`.

use std::{fmt, str::FromStr, time::Duration};

use clap::ValueEnum;
use offtrail_detector::LearningPolicy;

/// Longest duration an option takes: a week.
const DURATION_MAX: Duration = Duration::from_secs(7 * 86_400);

/// A duration like 1s, 250ms, 5m or 2h.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= DURATION_MAX => Ok(duration),
        Ok(_) => Err("write at most 7 days".to_owned()),
        Err(_) => Err("write a duration: 250ms, 1s, 5m, 2h".to_owned()),
    }
}

/// Share K of N of all accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// From 1.
    pub(crate) number: u32,
    /// How many there are.
    pub(crate) of: u32,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write which of how many: 1/3, 2/3 or 3/3".to_owned();
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let (number, of) = (
            number.parse().map_err(|_| wrong())?,
            of.parse().map_err(|_| wrong())?,
        );
        if (1..=of).contains(&number) {
            Ok(Self { number, of })
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// What a stream learns. One that learns nothing would find the same news for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum StreamLearn {
    /// All; what raised findings rest on stays pending.
    #[default]
    Hold,
    /// Everything as known-good.
    All,
}

impl StreamLearn {
    /// The engine's word for it.
    pub(crate) fn policy(self) -> LearningPolicy {
        match self {
            Self::Hold => LearningPolicy::HoldFlagged,
            Self::All => LearningPolicy::LearnAll,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_numbered_from_one() {
        let check = |text: &str, expected: Option<(u32, u32)>| {
            let shard = text.parse::<Shard>().ok();
            assert_eq!(shard.map(|shard| (shard.number, shard.of)), expected);
        };
        check("1/1", Some((1, 1)));
        check("2/3", Some((2, 3)));
        for wrong in ["", "1", "0/2", "3/2", "1/0", "a/b", "1/2/3", "-1/2"] {
            check(wrong, None);
        }
    }

    #[test]
    fn every_account_is_taken_by_one_share() {
        for account in ["111122223333", "444455556666", "", "000000000000"] {
            let takers = (1..=5).filter(|number| {
                Shard {
                    number: *number,
                    of: 5,
                }
                .takes(account)
            });
            assert_eq!(takers.count(), 1, "{account}");
        }
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert!(duration("5").is_err() && duration("8d").is_err() && duration("").is_err());
    }
}
