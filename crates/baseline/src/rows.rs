//! The rows of a profile: one per call and outcome class, one per value of each other dimension.

use std::{fmt, str::FromStr};

use offtrail_event::{CallId, OutcomeClass, TargetKind, Timestamp, UnknownKind};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    DaySet,
    row_days::{Ends, RowDays},
};

/// What stands behind a row: whether what it shows counts as known-good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Learnt: seen, and nothing spoke against it.
    Learnt,
    /// Held back: a raised finding rests on it; waits for review or for the policy's release.
    Pending,
    /// Approved by a person.
    Approved,
    /// Refused by a person: raises whenever it is seen.
    Refused,
}

impl Standing {
    /// Every standing.
    pub const ALL: &'static [Self] = &[Self::Learnt, Self::Pending, Self::Approved, Self::Refused];

    /// The word used for it in every format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Learnt => "learnt",
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }

    /// Whether a row of this standing makes a call known-good.
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(self, Self::Learnt | Self::Approved)
    }

    /// Whether a person said so.
    #[must_use]
    pub const fn is_ruled(self) -> bool {
        matches!(self, Self::Approved | Self::Refused)
    }

    const fn bits(self) -> u32 {
        self as u32
    }

    const fn of_bits(bits: u32) -> Self {
        match bits & 3 {
            0 => Self::Learnt,
            1 => Self::Pending,
            2 => Self::Approved,
            _ => Self::Refused,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Standing {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .iter()
            .find(|standing| standing.as_str() == text)
            .copied()
            .ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// Largest count a row holds; further sightings leave it there.
pub(crate) const COUNT_MAX: u32 = (1 << 30) - 1;

/// One call with one outcome class, whenever and however often: what a row is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSightings {
    /// What was called.
    pub call: CallId,
    /// How it ended.
    pub outcome: OutcomeClass,
    /// What stands behind it.
    pub standing: Standing,
    /// How often; held at 2³⁰ − 1.
    pub count: u32,
    /// First sighting, event time.
    pub first: Timestamp,
    /// Last sighting, event time.
    pub last: Timestamp,
    /// The days it was seen on.
    pub days: DaySet,
}

impl CallSightings {
    /// One sighting.
    #[must_use]
    pub fn new(call: CallId, outcome: OutcomeClass, time: Timestamp, standing: Standing) -> Self {
        Self {
            call,
            outcome,
            standing,
            count: 1,
            first: time,
            last: time,
            days: DaySet::of(time.day()),
        }
    }
}

/// One call with one outcome class, in a profile: 20 bytes, and the days are told by [`crate::Profile::days_of`].
#[derive(Clone, Debug)]
pub struct CallRow {
    /// Call id, shifted by two bits to hold the outcome class below.
    key: u32,
    /// Count in the upper 30 bits, standing in the lower two.
    count_and_standing: u32,
    /// First sighting, event time.
    pub first: Timestamp,
    /// Last sighting, event time.
    pub last: Timestamp,
    /// The days it was seen on.
    pub(crate) days: RowDays,
}

impl CallRow {
    /// A row without its days.
    pub(crate) fn of(seen: &CallSightings) -> Self {
        Self {
            key: Self::key_of(seen.call, seen.outcome),
            count_and_standing: seen.count.min(COUNT_MAX) << 2 | seen.standing.bits(),
            first: seen.first,
            last: seen.last,
            days: RowDays::one(),
        }
    }

    /// First and last day.
    pub(crate) fn ends(&self) -> Ends {
        (self.first.day(), self.last.day())
    }

    /// The key rows are sorted by.
    ///
    /// # Panics
    /// Never in practice: four billion texts would not fit in memory before a quarter of them ran out.
    #[must_use]
    pub fn key_of(call: CallId, outcome: OutcomeClass) -> u32 {
        assert!(
            call.0 < 1 << 30,
            "fewer than a billion distinct calls exist"
        );
        call.0 << 2 | outcome as u32
    }

    /// The key this row is sorted by.
    #[must_use]
    pub fn key(&self) -> u32 {
        self.key
    }

    /// What was called.
    #[must_use]
    pub fn call(&self) -> CallId {
        CallId(self.key >> 2)
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> OutcomeClass {
        match self.key & 3 {
            0 => OutcomeClass::Succeeded,
            1 => OutcomeClass::Denied,
            _ => OutcomeClass::Failed,
        }
    }

    /// How often, up to 2³⁰ − 1.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count_and_standing >> 2
    }

    /// Sets the count, held at 2³⁰ − 1.
    pub fn set_count(&mut self, count: u32) {
        self.count_and_standing = count.min(COUNT_MAX) << 2 | self.count_and_standing & 3;
    }

    /// What stands behind it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing::of_bits(self.count_and_standing)
    }

    /// Gives it another standing.
    pub fn set_standing(&mut self, standing: Standing) {
        self.count_and_standing = self.count_and_standing & !3 | standing.bits();
    }

    /// Adds the sightings of another row of the same key, except days. Of two standings the stronger ruling stays.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.set_count(self.count().saturating_add(other.count()));
        self.set_standing(self.standing().max(other.standing()));
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// What a profile remembers beside calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// The network calls came from.
    Network,
    /// The region called.
    Region,
    /// The family of the user agent.
    Agent,
    /// The kind of credential that signed.
    Credential,
    /// The account whose trail holds the call.
    Account,
    /// A role this principal opened sessions of; its value is a principal, not a text.
    Takes,
    /// A call a service made with this principal's permissions (forward access): kept apart from calls of its own.
    Forwarded,
    /// What its calls were aimed at, as texts like `secret:prod/db`: at most [`TARGETS_PER_PRINCIPAL_MAX`].
    Target,
}

/// Targets remembered of one principal. Of more those are kept that come first by [`target_order`].
pub const TARGETS_PER_PRINCIPAL_MAX: usize = 2000;

/// The order in which targets are kept: grants (an account, the public, a port) before uses, each by a hash of its text.
///
/// A rule over the text alone makes what is kept a function of the set that was met, whatever the order of learning: a text
/// among the first 2,000 of the whole set is among the first 2,000 of each part of it, so that its counts are whole too.
#[must_use]
pub fn target_order(text: &str) -> u64 {
    let is_use = !TargetKind::of_text(text).is_some_and(TargetKind::is_grant);
    u64::from(is_use) << 63 | xxh3_64(text.as_bytes()) >> 1
}

impl Dimension {
    /// Every dimension.
    pub const ALL: &'static [Self] = &[
        Self::Network,
        Self::Region,
        Self::Agent,
        Self::Credential,
        Self::Account,
        Self::Takes,
        Self::Forwarded,
        Self::Target,
    ];

    /// The word used for it in every format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Region => "region",
            Self::Agent => "user_agent",
            Self::Credential => "credential",
            Self::Account => "account",
            Self::Takes => "role",
            Self::Forwarded => "forwarded_call",
            Self::Target => "target",
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Dimension {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .iter()
            .find(|one| one.as_str() == text)
            .copied()
            .ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// One value of one dimension: 20 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetRow {
    /// Which dimension.
    pub dimension: Dimension,
    /// What stands behind it.
    pub standing: Standing,
    /// The value: a [`offtrail_event::TextId`] or, for [`Dimension::Takes`], a [`offtrail_event::PrincipalId`].
    pub value: u32,
    /// How often.
    pub count: u32,
    /// First sighting, event time.
    pub first: Timestamp,
    /// Last sighting, event time.
    pub last: Timestamp,
}

impl FacetRow {
    /// The key rows are sorted by.
    #[must_use]
    pub fn key(&self) -> (Dimension, u32) {
        (self.dimension, self.value)
    }

    /// Adds the sightings of another row of the same key. Of two standings the stronger ruling stays.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.standing = self.standing.max(other.standing);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_are_small() {
        assert_eq!(size_of::<CallRow>(), 20);
        assert_eq!(size_of::<FacetRow>(), 20);
    }

    #[test]
    fn count_and_standing_share_a_word() {
        let time = Timestamp::parse("2026-01-01").unwrap();
        let seen = CallSightings::new(CallId(7), OutcomeClass::Denied, time, Standing::Pending);
        let mut row = CallRow::of(&seen);
        row.set_count(u32::MAX);
        assert_eq!(
            (row.count(), row.standing()),
            (COUNT_MAX, Standing::Pending)
        );
        row.set_standing(Standing::Refused);
        assert_eq!(
            (row.count(), row.standing()),
            (COUNT_MAX, Standing::Refused)
        );
        assert_eq!(
            (row.call(), row.outcome()),
            (CallId(7), OutcomeClass::Denied)
        );
    }

    #[test]
    fn every_word_reads_back() {
        for standing in Standing::ALL {
            assert_eq!(standing.as_str().parse::<Standing>().unwrap(), *standing);
        }
        for dimension in Dimension::ALL {
            assert_eq!(dimension.as_str().parse::<Dimension>().unwrap(), *dimension);
        }
    }
}
