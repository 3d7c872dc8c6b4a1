//! [`Baseline`]: all profiles over a stated window.

use std::collections::HashMap;

use offtrail_event::{PrincipalId, Timestamp};

use crate::{
    Coverage, Dimension, Profile, Rulings,
    at_hand::{Covered, KnownTexts},
};

/// Earliest and latest event time learnt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window(pub Option<(Timestamp, Timestamp)>);

impl Window {
    /// Widens it to hold `time`.
    pub fn see(&mut self, time: Timestamp) {
        let (since, until) = self.0.unwrap_or((time, time));
        self.0 = Some((since.min(time), until.max(time)));
    }

    /// Widens it to hold `other`.
    pub fn merge(&mut self, other: Self) {
        if let Some((since, until)) = other.0 {
            self.see(since);
            self.see(until);
        }
    }
}

/// All profiles over a stated window, and the coverage of that window.
///
/// Ids are those of the one [`offtrail_event::Vocabulary`] it was learnt with; two baselines can be merged only if they share it.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    pub(crate) profiles: Vec<Option<Profile>>,
    pub(crate) texts: KnownTexts,
    /// The place in [`crate::target_order`] from which on a full profile takes no target; a cache.
    pub(crate) target_cuts: HashMap<PrincipalId, u64>,
    pub(crate) covered: Covered,
    /// Hours for which records arrived.
    pub coverage: Coverage,
    /// Earliest and latest event time learnt.
    pub window: Window,
    /// Observations learnt.
    pub observations: u64,
    /// What people ruled.
    pub rulings: Rulings,
}

impl Baseline {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The profile of a principal, if it was ever seen or named.
    #[must_use]
    pub fn profile(&self, id: PrincipalId) -> Option<&Profile> {
        self.profiles.get(id.0 as usize)?.as_ref()
    }

    /// The profile of a principal, created empty if absent.
    pub fn profile_mut(&mut self, id: PrincipalId) -> &mut Profile {
        let index = id.0 as usize;
        if self.profiles.len() <= index {
            self.profiles.resize_with(index + 1, || None);
        }
        self.profiles[index].get_or_insert_default()
    }

    /// Puts a whole profile in its place, for a store.
    pub fn set_profile(&mut self, id: PrincipalId, profile: Profile) {
        *self.profile_mut(id) = profile;
    }

    /// All profiles, by id (ids differ between runs: sort by [`offtrail_event::PrincipalName::key`] before showing).
    pub fn iter(&self) -> impl Iterator<Item = (PrincipalId, &Profile)> {
        self.profiles
            .iter()
            .enumerate()
            .filter_map(|(index, profile)| {
                Some((PrincipalId(u32::try_from(index).ok()?), profile.as_ref()?))
            })
    }

    pub(crate) fn profiles_mut(&mut self) -> impl Iterator<Item = &mut Profile> {
        self.profiles.iter_mut().flatten()
    }

    /// How many profiles.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether nothing was learnt.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Adds all that `other`, learnt with the same vocabulary, has seen, and what was ruled on it. A profile may then hold more targets than
    /// [`crate::TARGETS_PER_PRINCIPAL_MAX`], until [`Baseline::bound_targets`].
    pub fn merge(&mut self, other: &Self) {
        for (id, profile) in other.iter() {
            self.profile_mut(id).merge(profile);
        }
        // A cut can only have come down; it is found again when a profile is next full.
        self.target_cuts.clear();
        self.coverage.merge(&other.coverage);
        self.window.merge(other.window);
        self.observations += other.observations;
        self.rulings.merge(&other.rulings);
        self.obey_rulings();
    }

    /// Gives values of a dimension other names; rows of a profile that then have the same one are merged. Returns the profiles with the
    /// rows that went and those in their place, for a store to write.
    pub fn rename_values(
        &mut self,
        dimension: Dimension,
        rename: impl Fn(u32) -> Option<u32>,
    ) -> Self {
        let mut touched = Self::new();
        for (index, profile) in self.profiles.iter_mut().enumerate() {
            let Some(profile) = profile else { continue };
            let changed = profile.rename_values(dimension, &rename);
            if !changed.is_empty() {
                let id = PrincipalId(u32::try_from(index).expect("profiles are found by 32 bits"));
                touched.set_profile(id, Profile::from_rows(&[], changed));
            }
        }
        let ruled = self.rulings.rename_values(dimension, &rename);
        if !ruled.is_empty() {
            self.obey_rulings();
        }
        for id in ruled {
            let rulings = self.rulings.of(id).cloned().unwrap_or_default();
            touched.rulings.set(id, rulings);
        }
        touched
    }

    /// Forgets rows last seen more than `age_days` before the end of the window. Returns how many rows went.
    pub fn expire(&mut self, age_days: u32) -> u64 {
        let Some((_, until)) = self.window.0 else {
            return 0;
        };
        self.target_cuts.clear();
        let horizon = until.plus_secs(-i64::from(age_days) * offtrail_event::SECONDS_PER_DAY);
        self.profiles
            .iter_mut()
            .flatten()
            .map(|profile| profile.expire(horizon))
            .sum()
    }
}
