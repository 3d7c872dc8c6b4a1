//! [`Sheaf`]: observations that came together, in one piece.
//!
//! Where many threads read and one judges, an allocation for each observation would be made on one thread and given back on another. A sheaf
//! holds its observations in one allocation and the texts of their details in a second; emptied, both are used again.

use std::{mem, sync::Arc};

use crate::{Detail, Observation};

/// Observations of a sheaf, where many come one after the other: some 100 kB with their texts.
pub const SHEAF_OBSERVATIONS_MAX: usize = 256;

/// Bytes that the texts of a full sheaf take, mostly.
const TEXTS_BYTES: usize = 56 << 10;

/// Observations that came together.
#[derive(Debug, Default)]
pub struct Sheaf {
    observations: Vec<Observation>,
    /// Room for the texts of the next observations.
    texts: Vec<u8>,
    /// Where they begin, while it is gathered.
    starts: Vec<Option<usize>>,
}

/// A sheaf that is being gathered.
#[derive(Debug, Default)]
pub struct Loose(Sheaf);

impl Sheaf {
    /// The observations, in the order in which they came.
    #[must_use]
    pub fn observations(&self) -> &[Observation] {
        &self.observations
    }

    /// Keeps only those that pass.
    pub fn retain(&mut self, keep: impl FnMut(&Observation) -> bool) {
        self.observations.retain(keep);
    }

    /// Whether it has room for as many observations as a sheaf should hold.
    #[must_use]
    pub fn is_roomy(&self) -> bool {
        self.observations.capacity() >= SHEAF_OBSERVATIONS_MAX
    }

    /// Lets the observations go, and keeps their room.
    pub fn clear(&mut self) {
        let mut details = self.observations.iter_mut();
        let shared = details.find_map(|one| one.detail.take()?.into_shared());
        self.observations.clear();
        // Somebody may have kept a detail: its texts stay with it.
        let texts = shared.and_then(Arc::into_inner);
        if let Some(mut texts) = texts.filter(|texts| texts.capacity() <= TEXTS_BYTES * 4) {
            texts.clear();
            self.texts = texts;
        }
    }
}

impl From<Vec<Observation>> for Sheaf {
    fn from(observations: Vec<Observation>) -> Self {
        Self {
            observations,
            ..Self::default()
        }
    }
}

impl Loose {
    /// Begins one in the room of another, whose observations go.
    #[must_use]
    pub fn within(spare: Sheaf) -> Self {
        Self(emptied(spare))
    }

    /// Adds an observation.
    pub fn push(&mut self, mut observation: Observation) {
        let sheaf = &mut self.0;
        let start = observation.detail.take().map(|detail| {
            let start = sheaf.texts.len();
            detail.append_to(&mut sheaf.texts);
            start
        });
        sheaf.starts.push(start);
        sheaf.observations.push(observation);
    }

    /// Whether it holds as many as a sheaf should.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.observations.len() >= SHEAF_OBSERVATIONS_MAX
    }

    /// Ends a sheaf and begins the next, in the room of `spare` if the one that ends is large enough to take this one's along.
    #[must_use]
    pub fn tie(&mut self, spare: impl FnOnce() -> Sheaf) -> Sheaf {
        let starts = mem::take(&mut self.0.starts);
        let (mut sheaf, texts) = if self.0.observations.len() * 2 >= SHEAF_OBSERVATIONS_MAX {
            let mut sheaf = mem::replace(&mut self.0, emptied(spare()));
            let texts = mem::take(&mut sheaf.texts);
            (sheaf, texts)
        } else {
            let observations: Vec<_> = self.0.observations.drain(..).collect();
            let texts = self.0.texts.clone();
            self.0.texts.clear();
            (Sheaf::from(observations), texts)
        };
        let texts = Arc::new(texts);
        for (observation, start) in sheaf.observations.iter_mut().zip(&starts) {
            observation.detail = start.map(|start| Detail::within(&texts, start));
        }
        self.0.starts = starts;
        self.0.starts.clear();
        sheaf
    }
}

/// A sheaf without observations and with room for as many as it should hold.
fn emptied(mut sheaf: Sheaf) -> Sheaf {
    sheaf.clear();
    if !sheaf.is_roomy() {
        sheaf.observations.reserve(SHEAF_OBSERVATIONS_MAX);
        sheaf.texts.reserve(TEXTS_BYTES);
    }
    sheaf
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::{
        CallId, Category, CredentialKind, DetailFields, Fingerprint, OriginKind, OutcomeClass,
        PrincipalId, PrincipalKind, TextId, Timestamp, Traits,
    };

    fn observation(number: u64, event_id: Option<&str>) -> Observation {
        Observation {
            fingerprint: Fingerprint(number),
            time: Timestamp::MIN,
            principal: PrincipalId(0),
            principal_kind: PrincipalKind::Role,
            call: CallId(0),
            outcome: OutcomeClass::Succeeded,
            account: TextId(0),
            region: TextId(0),
            network: None,
            agent: TextId(0),
            credential_kind: CredentialKind::RoleSession,
            credential: None,
            origin: OriginKind::Internal,
            read_only: None,
            category: Category::Management,
            by_service: false,
            traits: Traits::default(),
            mint: None,
            targets: None,
            detail: event_id.map(|event_id| {
                Detail::pack(&DetailFields {
                    event_id,
                    announced_by: "n",
                    ..Default::default()
                })
            }),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_is_gathered_is_there_in_any_room(
            sheaves in prop::collection::vec(prop::collection::vec(prop::option::of("[a-zü]{0,300}"), 0..160), 0..4),
            keeps in any::<bool>(),
        ) {
            let mut loose = Loose::default();
            let mut spare = Sheaf::default();
            let mut kept = Vec::new();
            for ids in &sheaves {
                let observations: Vec<_> = (0..).zip(ids).map(|(number, id)| observation(number, id.as_deref())).collect();
                observations.iter().cloned().for_each(|one| loose.push(one));
                spare = loose.tie(|| spare);
                prop_assert_eq!(spare.observations(), &observations);
                // Gathered again, as they lie in the other one.
                let mut again = Loose::default();
                spare.observations().iter().cloned().for_each(|one| again.push(one));
                let again = again.tie(Sheaf::default);
                prop_assert_eq!(again.observations(), &observations);
                if keeps {
                    kept.extend(spare.observations().iter().cloned().zip(observations));
                }
            }
            for (kept, expected) in kept {
                prop_assert_eq!(kept, expected);
            }
        }
    }
}
