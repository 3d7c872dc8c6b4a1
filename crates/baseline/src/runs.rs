//! [`Runs`]: what observations of one principal have in common with the one before is counted first and written once.
//!
//! Learning commutes, so any number of sightings that differ in nothing but their time can be added to a row together.

use offtrail_event::{CallId, OutcomeClass, Timestamp};

use crate::{Dimension, Lesson, Profile};

/// Sightings of one thing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sightings {
    pub(crate) count: u32,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

impl Sightings {
    /// A single one.
    pub(crate) fn one(time: Timestamp) -> Self {
        Self {
            count: 1,
            first: time,
            last: time,
        }
    }

    fn add(&mut self, time: Timestamp) {
        self.count = self.count.saturating_add(1);
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }
}

/// Dimensions in which nearly every observation has a value, mostly that of the one before.
pub(crate) const RUNNING: [Dimension; 5] = [
    Dimension::Network,
    Dimension::Region,
    Dimension::Agent,
    Dimension::Credential,
    Dimension::Account,
];

/// What of a principal is counted and not yet in its profile. To be flushed into the same profile, always.
#[derive(Debug)]
pub(crate) struct Runs {
    lesson: Lesson,
    values: [Option<(u32, Sightings)>; RUNNING.len()],
    /// A call with its outcome, on one day.
    call: Option<((CallId, OutcomeClass), Sightings)>,
    /// Any call, within one hour.
    hour: Option<Sightings>,
}

impl Runs {
    pub(crate) fn new(lesson: Lesson) -> Self {
        Self {
            lesson,
            values: [None; RUNNING.len()],
            call: None,
            hour: None,
        }
    }

    /// Counts an observation's time.
    pub(crate) fn time(&mut self, profile: &mut Profile, time: Timestamp) {
        match &mut self.hour {
            Some(seen) if seen.first.epoch_hours() == time.epoch_hours() => seen.add(time),
            hour => {
                if let Some(seen) = hour.replace(Sightings::one(time)) {
                    profile.see_times(seen);
                }
            }
        }
    }

    /// Counts its call.
    pub(crate) fn call(
        &mut self,
        profile: &mut Profile,
        call: (CallId, OutcomeClass),
        time: Timestamp,
    ) {
        match &mut self.call {
            Some((last, seen)) if *last == call && seen.first.day() == time.day() => seen.add(time),
            slot => {
                if let Some((call, seen)) = slot.replace((call, Sightings::one(time))) {
                    profile.see_calls(call, seen, self.lesson.call);
                }
            }
        }
    }

    /// Counts its values in the dimensions of [`RUNNING`].
    pub(crate) fn values(
        &mut self,
        profile: &mut Profile,
        values: [Option<u32>; RUNNING.len()],
        time: Timestamp,
    ) {
        for ((slot, dimension), value) in self.values.iter_mut().zip(RUNNING).zip(values) {
            let Some(value) = value else { continue };
            match slot {
                Some((last, seen)) if *last == value => seen.add(time),
                slot => {
                    if let Some((value, seen)) = slot.replace((value, Sightings::one(time))) {
                        profile.see_values((dimension, value), seen, self.lesson.facets);
                    }
                }
            }
        }
    }

    /// Adds all that is left.
    pub(crate) fn flush(self, profile: &mut Profile) {
        for (dimension, run) in RUNNING.into_iter().zip(self.values) {
            if let Some((value, seen)) = run {
                profile.see_values((dimension, value), seen, self.lesson.facets);
            }
        }
        if let Some((call, seen)) = self.call {
            profile.see_calls(call, seen, self.lesson.call);
        }
        if let Some(seen) = self.hour {
            profile.see_times(seen);
        }
    }
}
