//! What calls were aimed at, bounded: a principal that reads a million parameters must not fill a baseline.
//!
//! A full profile keeps the targets that come first by [`target_order`] (bottom-k sampling: Cohen & Kaplan 2007), which no order
//! of learning, split or merge can change. Targets that somebody ruled on stay beside them.

use std::collections::BTreeMap;

use offtrail_event::{PrincipalId, TargetKind, TextId, Timestamp, Vocabulary};

use crate::{
    Baseline, Dimension, Profile, Standing, TARGETS_PER_PRINCIPAL_MAX, runs::Sightings,
    target_order,
};

impl Baseline {
    pub(crate) fn learn_targets(
        &mut self,
        (id, targets): (PrincipalId, &[(TargetKind, TextId)]),
        time: Timestamp,
        words: &Vocabulary,
        standing: Standing,
    ) {
        for (_, text) in targets {
            let is_new = self
                .profile_mut(id)
                .facet(Dimension::Target, text.0)
                .is_none();
            if is_new
                && let Some(cut) = self.target_cuts.get(&id)
                && target_order(&words.text(*text)) > *cut
            {
                continue;
            }
            let profile = self.profile_mut(id);
            profile.see_values((Dimension::Target, text.0), Sightings::one(time), standing);
            if is_new && let Some(cut) = bound(profile, words) {
                self.target_cuts.insert(id, cut);
            }
        }
    }

    /// Brings every profile back to [`TARGETS_PER_PRINCIPAL_MAX`] targets, after merging or loading.
    pub fn bound_targets(&mut self, words: &Vocabulary) {
        for profile in self.profiles_mut() {
            bound(profile, words);
        }
    }

    /// Adds what a profile of the same principal has seen, with no more targets than that.
    pub(crate) fn merge_profile(&mut self, id: PrincipalId, other: &Profile, words: &Vocabulary) {
        self.target_cuts.remove(&id);
        self.observations += other.observations;
        let profile = self.profile_mut(id);
        profile.merge(other);
        bound(profile, words);
    }
}

/// Lets go of what is too much; the place in the order from which on nothing was kept, if anything had to go.
fn bound(profile: &mut Profile, words: &Vocabulary) -> Option<u64> {
    let held = profile
        .facets_of(Dimension::Target)
        .filter(|row| !row.standing.is_ruled())
        .count();
    if held <= TARGETS_PER_PRINCIPAL_MAX {
        return None;
    }
    let order: BTreeMap<(u64, std::sync::Arc<str>), u32> = profile
        .facets_of(Dimension::Target)
        .filter(|row| !row.standing.is_ruled())
        .map(|row| {
            let text = words.text(TextId(row.value));
            ((target_order(&text), text), row.value)
        })
        .collect();
    let mut dropped = order.iter().skip(TARGETS_PER_PRINCIPAL_MAX);
    let cut = dropped.next().map(|((place, _), _)| *place);
    let gone: std::collections::BTreeSet<u32> = order
        .values()
        .skip(TARGETS_PER_PRINCIPAL_MAX)
        .copied()
        .collect();
    profile.retain_values(Dimension::Target, |value| !gone.contains(&value));
    cut
}
