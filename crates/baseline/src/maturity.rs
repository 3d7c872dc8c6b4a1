//! Maturity: whether a profile is old and settled enough for "never" to mean something.
//!
//! The rule looks at active days, at the number of calls, and at whether discovery has flattened: of the distinct calls known, how
//! many appeared within the last ten active days. (A Terraform user's repertoire keeps growing within one project; a profile that still
//! meets new calls every day has not been seen enough.)

use std::fmt;

use offtrail_event::Timestamp;

use crate::Profile;

/// Whether a profile is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MaturityState {
    /// Too young, too few calls, or still discovering.
    Learning,
    /// Settled.
    Established,
    /// Was not seen for a long while.
    Stale,
}

impl MaturityState {
    /// The word used for it in every format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Learning => "learning",
            Self::Established => "established",
            Self::Stale => "stale",
        }
    }
}

impl fmt::Display for MaturityState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The numbers of the rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaturityRule {
    /// Active days needed.
    pub active_days_min: u32,
    /// Observations needed.
    pub observations_min: u64,
    /// Largest share of distinct calls that may be younger than `active_days_min` active days.
    pub recent_share_max: f64,
    /// Days without any call after which a profile is stale.
    pub stale_after_days: u32,
}

impl Default for MaturityRule {
    fn default() -> Self {
        Self {
            active_days_min: 10,
            observations_min: 50,
            recent_share_max: 0.25,
            stale_after_days: 60,
        }
    }
}

/// A state and the numbers that decided it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Maturity {
    /// Learning, established or stale.
    pub state: MaturityState,
    /// Active days up to the moment asked about.
    pub active_days: u32,
    /// Observations.
    pub observations: u64,
    /// Distinct calls known.
    pub calls: u32,
    /// Of these, first seen within the last `active_days_min` active days.
    pub recent_calls: u32,
}

impl MaturityRule {
    /// Applies the rule to a profile at a moment of event time.
    #[must_use]
    pub fn apply(&self, profile: &Profile, now: Timestamp) -> Maturity {
        let active_days = profile.active_days_until(now.day());
        let skipped = active_days.saturating_sub(self.active_days_min) as usize;
        let recent_since = profile
            .days
            .iter()
            .nth(skipped)
            .map_or(now, |day| day.start());
        let mut firsts: Vec<(u32, Timestamp)> = Vec::with_capacity(profile.calls().len());
        for row in profile
            .calls()
            .iter()
            .filter(|row| row.standing().is_known())
        {
            match firsts.last_mut() {
                Some((call, first)) if *call == row.call().0 => *first = (*first).min(row.first),
                _ => firsts.push((row.call().0, row.first)),
            }
        }
        let recent_calls = firsts
            .iter()
            .filter(|(_, first)| *first >= recent_since)
            .count();
        let flat = active_days > self.active_days_min
            && recent_calls as f64 <= self.recent_share_max * firsts.len() as f64;
        let last = profile.seen.map(|(_, last)| last);
        let stale = last.is_some_and(|last| {
            now.day().days_since(last.day())
                > i32::try_from(self.stale_after_days).unwrap_or(i32::MAX)
        });
        let state = if stale {
            MaturityState::Stale
        } else if active_days >= self.active_days_min
            && profile.observations >= self.observations_min
            && flat
        {
            MaturityState::Established
        } else {
            MaturityState::Learning
        };
        Maturity {
            state,
            active_days,
            observations: profile.observations,
            calls: u32::try_from(firsts.len()).unwrap_or(u32::MAX),
            recent_calls: u32::try_from(recent_calls).unwrap_or(u32::MAX),
        }
    }
}
