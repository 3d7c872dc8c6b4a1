//! [`Partial`]: lines folded together, and the events that came in several parts.

use std::collections::{BTreeMap, BTreeSet};

use offtrail_event::{Day, Fingerprint, Observation, Vocabulary};

use super::{
    Content, EventIds, LineError, OBSERVATIONS_PER_LINE_MAX, PartTally,
    content::{
        coverage_lines, distinct_line, file_lines, ids_line, is_same_hour, observation_line,
        profile_line, repeats_line, slice_of, tally_line,
    },
};
use crate::Baseline;

/// The key that event ids are merged by: day, slice, part, and whether they were handed on.
type IdsKey = (Day, u8, u32, bool);

/// What parts learnt, folded together.
#[derive(Debug, Default)]
pub struct Partial {
    /// Profiles, coverage and window. Its number of observations is that of all profiles together.
    pub baseline: Baseline,
    /// What was counted.
    pub tally: PartTally,
    /// Files learnt to their end: provenance and fingerprint.
    pub files: BTreeSet<(String, String)>,
    /// How many events there are, if that was counted.
    pub distinct: Option<u64>,
    ids: BTreeMap<IdsKey, Vec<Fingerprint>>,
    repeats: BTreeMap<u32, BTreeSet<(Day, Fingerprint)>>,
}

impl Partial {
    /// Adds what a line says. Observations are not kept.
    ///
    /// # Errors
    /// Parts or events would count twice, or parts were not made alike.
    pub fn take(&mut self, content: Content, words: &Vocabulary) -> Result<(), LineError> {
        match content {
            Content::Profile(id, profile) => {
                self.baseline.merge_profile(id, &profile, words);
            }
            Content::Coverage(coverage) => self.baseline.coverage.merge(&coverage),
            Content::Tally(tally) => {
                self.tally.merge(&tally)?;
                self.baseline.window.merge(tally.window);
            }
            Content::Files(files) => self.files.extend(files),
            Content::Ids(ids) => self.take_ids(ids)?,
            Content::Repeats(part, ids) => self.repeats.entry(part).or_default().extend(ids),
            Content::Distinct(count) => {
                self.distinct = Some(self.distinct.unwrap_or(0).saturating_add(count));
            }
            Content::Observations(_) => {}
        }
        Ok(())
    }

    /// Adds events of one part.
    ///
    /// # Errors
    /// One of them was there before.
    pub fn take_ids(&mut self, new: EventIds) -> Result<(), LineError> {
        let key = (new.day, new.slice, new.part, new.handed_on);
        let ids = self.ids.entry(key).or_default();
        let before = ids.len() + new.ids.len();
        ids.extend(new.ids);
        ids.sort_unstable();
        ids.dedup();
        if ids.len() == before {
            Ok(())
        } else {
            Err(LineError::Twice(new.part))
        }
    }

    /// Adds events of one part as they were read, each for the first time.
    ///
    /// # Errors
    /// One of them was there before.
    pub fn see(
        &mut self,
        (part, handed_on): (u32, bool),
        events: impl Iterator<Item = (Day, Fingerprint)>,
    ) -> Result<(), LineError> {
        let mut slices: BTreeMap<(Day, u8), Vec<Fingerprint>> = BTreeMap::new();
        for (day, id) in events {
            slices.entry((day, slice_of(id))).or_default().push(id);
        }
        for ((day, slice), ids) in slices {
            self.take_ids(EventIds {
                day,
                slice,
                part,
                handed_on,
                ids,
            })?;
        }
        Ok(())
    }

    /// Events that were learnt, by day; latest day first, so that a memory that is full keeps those.
    pub fn learnt_ids(&self) -> impl Iterator<Item = (Day, &[Fingerprint])> {
        let learnt = self.ids.iter().rev().filter(|((.., on), _)| !*on);
        learnt.map(|((day, ..), ids)| (*day, ids.as_slice()))
    }

    /// Writes all of it as lines, each handed to `each`. The same content gives the same lines.
    ///
    /// # Errors
    /// The first of `each`.
    pub fn lines<E>(
        &self,
        words: &Vocabulary,
        mut each: impl FnMut(String) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.tally.parts.is_empty() {
            each(tally_line(&self.tally))?;
        }
        let mut profiles: Vec<_> = self.baseline.iter().collect();
        profiles.sort_by_cached_key(|(id, _)| words.principal(*id).key());
        for (id, profile) in profiles {
            each(profile_line(id, profile, words))?;
        }
        let mut coverage = coverage_lines(&self.baseline.coverage, words);
        coverage.sort_unstable();
        coverage.into_iter().try_for_each(&mut each)?;
        file_lines(&self.files)
            .into_iter()
            .try_for_each(&mut each)?;
        for ((day, slice, part, handed_on), ids) in &self.ids {
            each(ids_line(&EventIds {
                day: *day,
                slice: *slice,
                part: *part,
                handed_on: *handed_on,
                ids: ids.clone(),
            }))?;
        }
        if let Some(count) = self.distinct {
            each(distinct_line(count))?;
        }
        for (part, ids) in &self.repeats {
            let ids: Vec<_> = ids.iter().copied().collect();
            each(repeats_line(*part, &ids))?;
        }
        Ok(())
    }

    /// Lines of observations to be judged, sorted in place by event time.
    #[must_use]
    pub fn observation_lines(observations: &mut [Observation], words: &Vocabulary) -> Vec<String> {
        observations.sort_by_key(|one| (one.time, one.fingerprint));
        let hours = observations.chunk_by(is_same_hour);
        hours
            .flat_map(|hour| hour.chunks(OBSERVATIONS_PER_LINE_MAX))
            .map(|chunk| observation_line(chunk, words))
            .collect()
    }

    /// Events that this part must leave out.
    pub fn repeats_of(&self, part: u32) -> impl Iterator<Item = (Day, Fingerprint)> {
        self.repeats.get(&part).into_iter().flatten().copied()
    }

    /// The parts for which there are events to leave out.
    pub fn repeated_parts(&self) -> impl Iterator<Item = u32> {
        self.repeats.keys().copied()
    }
}

/// Which events of these came in several parts: the lowest part keeps each, the others must leave it out. With all of `ids` of the same days
/// and slices together this is exact. Holds the number of distinct events too.
#[must_use]
pub fn event_repeats(partial: &Partial) -> Partial {
    let mut told = Partial::default();
    let mut distinct = 0;
    let all: Vec<_> = partial.ids.iter().collect();
    for slice in all.chunk_by(|one, next| (one.0.0, one.0.1) == (next.0.0, next.0.1)) {
        let day = slice[0].0.0;
        let mut events: Vec<(Fingerprint, u32)> = slice
            .iter()
            .flat_map(|((_, _, part, _), ids)| ids.iter().map(|id| (*id, *part)))
            .collect();
        events.sort_unstable();
        for same in events.chunk_by(|one, next| one.0 == next.0) {
            distinct += 1;
            for (id, part) in &same[1..] {
                told.repeats.entry(*part).or_default().insert((day, *id));
            }
        }
    }
    told.distinct = Some(distinct);
    told
}
