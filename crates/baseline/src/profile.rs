//! [`Profile`]: what one principal has been seen to do.

use std::fmt;

use offtrail_event::{CallId, Day, OutcomeClass, Timestamp, Traits};

use crate::{
    CallRow, CallSightings, DaySet, Dimension, FacetRow, Standing,
    hours::{HOURS_OF_WEEK, Hours},
    row_days::DayBits,
    runs::Sightings,
};

/// What one principal has been seen to do.
#[derive(Clone, Default)]
pub struct Profile {
    calls: Vec<CallRow>,
    day_bits: DayBits,
    facets: Vec<FacetRow>,
    hours: Hours,
    /// Days on which it made any call.
    pub days: DaySet,
    /// What records told of its nature.
    pub traits: Traits,
    /// Observations learnt.
    pub observations: u64,
    /// Earliest and latest observation; `None` for a principal that was only named by others.
    pub seen: Option<(Timestamp, Timestamp)>,
}

impl fmt::Debug for Profile {
    /// What it tells; how days are packed depends on the order of learning.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("calls", &self.sightings().collect::<Vec<_>>())
            .field("facets", &self.facets)
            .field("hours", &self.hours)
            .field("days", &self.days)
            .field("traits", &self.traits)
            .field("observations", &self.observations)
            .field("seen", &self.seen)
            .finish()
    }
}

impl PartialEq for Profile {
    fn eq(&self, other: &Self) -> bool {
        self.sightings().eq(other.sightings())
            && self.facets == other.facets
            && self.hours == other.hours
            && self.days == other.days
            && self.traits == other.traits
            && self.observations == other.observations
            && self.seen == other.seen
    }
}

impl Eq for Profile {}

impl Profile {
    /// From rows in any order (of a store, of a review text); rows of the same key are merged.
    #[must_use]
    pub fn from_rows(calls: &[CallSightings], mut facets: Vec<FacetRow>) -> Self {
        let mut profile = Self {
            calls: Vec::with_capacity(calls.len()),
            ..Self::default()
        };
        for seen in calls {
            profile.see_call(CallRow::of(seen), &seen.days);
        }
        profile.calls.shrink_to_fit();
        profile.day_bits.shrink();
        facets.sort_by_key(FacetRow::key);
        facets.dedup_by(|later, kept| {
            let same = later.key() == kept.key();
            if same {
                kept.merge(later);
            }
            same
        });
        facets.shrink_to_fit();
        profile.facets = facets;
        profile
    }

    /// Call rows, sorted by call id and outcome class (ids differ between runs: sort by text before showing).
    #[must_use]
    pub fn calls(&self) -> &[CallRow] {
        &self.calls
    }

    /// The days on which one of its call rows was seen.
    #[must_use]
    pub fn days_of(&self, row: &CallRow) -> DaySet {
        self.day_bits.unpack(row.ends(), row.days)
    }

    /// All that the row of a call with one outcome class tells, to make a row of another profile from.
    #[must_use]
    pub fn sightings_of(&self, call: CallId, outcome: OutcomeClass) -> Option<CallSightings> {
        self.call(call, outcome).map(|row| self.sightings_in(row))
    }

    fn sightings(&self) -> impl Iterator<Item = CallSightings> {
        self.calls.iter().map(|row| self.sightings_in(row))
    }

    fn sightings_in(&self, row: &CallRow) -> CallSightings {
        CallSightings {
            call: row.call(),
            outcome: row.outcome(),
            standing: row.standing(),
            count: row.count(),
            first: row.first,
            last: row.last,
            days: self.days_of(row),
        }
    }

    /// Other rows, sorted by dimension and value id.
    #[must_use]
    pub fn facets(&self) -> &[FacetRow] {
        &self.facets
    }

    /// Observations per hour of the UTC week, each held at `u16::MAX`.
    #[must_use]
    pub fn hours(&self) -> [u16; HOURS_OF_WEEK] {
        self.hours.counts()
    }

    /// Replaces them, for a store.
    pub fn set_hours(&mut self, counts: &[u16; HOURS_OF_WEEK]) {
        self.hours = Hours::of(counts);
    }

    /// The row of a call with one outcome class, whatever its standing.
    #[must_use]
    pub fn call(&self, call: CallId, outcome: OutcomeClass) -> Option<&CallRow> {
        let key = CallRow::key_of(call, outcome);
        self.calls
            .binary_search_by_key(&key, CallRow::key)
            .ok()
            .map(|index| &self.calls[index])
    }

    /// The same, to change its standing.
    pub fn call_mut(&mut self, call: CallId, outcome: OutcomeClass) -> Option<&mut CallRow> {
        let key = CallRow::key_of(call, outcome);
        self.calls
            .binary_search_by_key(&key, CallRow::key)
            .ok()
            .map(|index| &mut self.calls[index])
    }

    /// The rows of a call: at most one per outcome class.
    #[must_use]
    pub fn call_rows(&self, call: CallId) -> &[CallRow] {
        let low = self.calls.partition_point(|row| row.call() < call);
        let rows = &self.calls[low..];
        let of_call = rows.iter().take_while(|row| row.call() == call).count();
        &rows[..of_call]
    }

    /// The row of a value, whatever its standing.
    #[must_use]
    pub fn facet(&self, dimension: Dimension, value: u32) -> Option<&FacetRow> {
        self.facets
            .binary_search_by_key(&(dimension, value), FacetRow::key)
            .ok()
            .map(|index| &self.facets[index])
    }

    /// The same, to change its standing.
    pub fn facet_mut(&mut self, dimension: Dimension, value: u32) -> Option<&mut FacetRow> {
        let found = self
            .facets
            .binary_search_by_key(&(dimension, value), FacetRow::key)
            .ok();
        found.map(|index| &mut self.facets[index])
    }

    /// All rows of one dimension.
    pub fn facets_of(&self, dimension: Dimension) -> impl Iterator<Item = &FacetRow> {
        let low = self.facets.partition_point(|row| row.dimension < dimension);
        self.facets[low..]
            .iter()
            .take_while(move |row| row.dimension == dimension)
    }

    /// Days with any call, up to and including `day`.
    #[must_use]
    pub fn active_days_until(&self, day: Day) -> u32 {
        u32::try_from(self.days.iter().take_while(|seen| *seen <= day).count()).unwrap_or(u32::MAX)
    }

    /// Adds sightings of a call on one day; a row already there keeps its standing.
    pub(crate) fn see_calls(
        &mut self,
        (call, outcome): (CallId, OutcomeClass),
        seen: Sightings,
        standing: Standing,
    ) {
        let key = CallRow::key_of(call, outcome);
        let day = seen.first.day();
        let mut standing = standing;
        if let Ok(index) = self.calls.binary_search_by_key(&key, CallRow::key) {
            let row = &mut self.calls[index];
            let ends = row.ends();
            let days = match self.day_bits.contains(ends, row.days, day) {
                true => Some(row.days),
                false => row
                    .days
                    .with(ends, day)
                    .or_else(|| self.day_bits.add(ends, row.days, day)),
            };
            if let Some(days) = days {
                row.days = days;
                row.set_count(row.count().saturating_add(seen.count));
                row.first = row.first.min(seen.first);
                row.last = row.last.max(seen.last);
                if self.day_bits.is_wasteful() {
                    self.pack_days();
                }
                return;
            }
            standing = row.standing();
        }
        let seen = CallSightings {
            count: seen.count,
            last: seen.last,
            ..CallSightings::new(call, outcome, seen.first, standing)
        };
        self.see_call(CallRow::of(&seen), &seen.days);
    }

    /// Adds the sightings of a row whose days are given apart.
    fn see_call(&mut self, mut row: CallRow, days: &DaySet) {
        let at = self.calls.binary_search_by_key(&row.key(), CallRow::key);
        match at {
            Ok(index) => {
                let mine = &mut self.calls[index];
                let old = (mine.ends(), mine.days);
                let mut all = self.day_bits.unpack(old.0, old.1);
                all.merge(days);
                mine.merge(&row);
                mine.days = self.day_bits.repack(old, mine.ends(), &all);
                if self.day_bits.is_wasteful() {
                    self.pack_days();
                }
            }
            Err(index) => {
                row.days = self.day_bits.pack(row.ends(), days);
                self.calls.insert(index, row);
            }
        }
    }

    /// Packs the days of all rows again, without waste.
    fn pack_days(&mut self) {
        let old = std::mem::take(&mut self.day_bits);
        for row in &mut self.calls {
            let days = old.unpack(row.ends(), row.days);
            row.days = self.day_bits.pack(row.ends(), &days);
        }
    }

    pub(crate) fn see_facet(&mut self, row: FacetRow) {
        match self.facets.binary_search_by_key(&row.key(), FacetRow::key) {
            Ok(index) => self.facets[index].merge(&row),
            Err(index) => self.facets.insert(index, row),
        }
    }

    /// Adds sightings of a value; a value already known keeps its standing.
    pub(crate) fn see_values(
        &mut self,
        (dimension, value): (Dimension, u32),
        seen: Sightings,
        standing: Standing,
    ) {
        let found = self
            .facets
            .binary_search_by_key(&(dimension, value), FacetRow::key);
        match found {
            Ok(index) => {
                let row = &mut self.facets[index];
                row.count = row.count.saturating_add(seen.count);
                row.first = row.first.min(seen.first);
                row.last = row.last.max(seen.last);
            }
            Err(index) => {
                let row = FacetRow {
                    dimension,
                    standing,
                    value,
                    count: seen.count,
                    first: seen.first,
                    last: seen.last,
                };
                self.facets.insert(index, row);
            }
        }
    }

    /// Keeps only those rows of a dimension that pass.
    pub(crate) fn retain_values(&mut self, dimension: Dimension, keep: impl Fn(u32) -> bool) {
        self.facets
            .retain(|row| row.dimension != dimension || keep(row.value));
    }

    /// Gives values of a dimension other names; rows that then have the same one are merged, and known if one of them was known.
    /// Returns the rows that went and the rows in their place.
    pub(crate) fn rename_values(
        &mut self,
        dimension: Dimension,
        rename: impl Fn(u32) -> Option<u32>,
    ) -> Vec<FacetRow> {
        let gone: Vec<(FacetRow, u32)> = self
            .facets_of(dimension)
            .filter_map(|row| Some((row.clone(), rename(row.value)?)))
            .collect();
        let mut changed = Vec::with_capacity(gone.len() * 2);
        self.facets.retain(|row| {
            row.dimension != dimension || !gone.iter().any(|(old, _)| old.value == row.value)
        });
        for (old, value) in gone {
            let mut row = FacetRow {
                value,
                ..old.clone()
            };
            if let Some(there) = self.facet_mut(dimension, value) {
                // What waits for review must not hold back what is known.
                let standings = [there.standing, row.standing];
                if standings.iter().any(|standing| standing.is_known()) {
                    for standing in [&mut there.standing, &mut row.standing] {
                        if *standing == Standing::Pending {
                            *standing = Standing::Learnt;
                        }
                    }
                }
            }
            self.see_facet(row.clone());
            changed.extend([old, row]);
        }
        changed
    }

    /// Adds observations within one hour.
    pub(crate) fn see_times(&mut self, seen: Sightings) {
        self.observations += u64::from(seen.count);
        self.days.insert(seen.first.day());
        self.hours.see(seen.first.hour_of_week(), seen.count);
        let (first, last) = self.seen.unwrap_or((seen.first, seen.last));
        self.seen = Some((first.min(seen.first), last.max(seen.last)));
    }

    /// Adds all that another profile of the same principal has seen.
    pub fn merge(&mut self, other: &Self) {
        for row in &other.calls {
            self.see_call(row.clone(), &other.days_of(row));
        }
        for row in &other.facets {
            self.see_facet(row.clone());
        }
        self.hours.merge(&other.hours);
        self.days.merge(&other.days);
        self.traits = self.traits.union(other.traits);
        self.observations += other.observations;
        self.seen = match (self.seen, other.seen) {
            (Some(mine), Some(theirs)) => Some((mine.0.min(theirs.0), mine.1.max(theirs.1))),
            (mine, theirs) => mine.or(theirs),
        };
    }

    /// Forgets rows last seen before `horizon`; a person's rulings stay. Returns how many rows went.
    pub fn expire(&mut self, horizon: Timestamp) -> u64 {
        let before = self.calls.len() + self.facets.len();
        self.calls
            .retain(|row| row.last >= horizon || row.standing().is_ruled());
        self.facets
            .retain(|row| row.last >= horizon || row.standing.is_ruled());
        self.pack_days();
        (before - self.calls.len() - self.facets.len()) as u64
    }
}
