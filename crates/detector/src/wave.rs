//! Waves: a call that several principals of other lineages took up within days. A roll-out, a renamed SDK call or a new service looks like that; an intruder does
//! so only where he holds several credentials that don't lead to each other.
//!
//! What is kept is a function of the baseline's rows, held ones included: when each principal first made a call with success, lately, and which principal took
//! which role. So a replay gives what was kept while judging, whatever the order of learning.

use std::collections::BTreeSet;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use offtrail_baseline::{Baseline, Dimension, Profile, Standing};
use offtrail_event::{
    CallId, OutcomeClass, PrincipalId, PrincipalKind, SECONDS_PER_DAY, Timestamp, Vocabulary,
};

use crate::{
    Settings, catalogue::SensitivityClass, landscape::Landscape, peers::Family, replay::Step,
    settings::ChangeSettings,
};

/// Most recent first sightings kept of a call; the oldest are forgotten.
pub(crate) const SIGHTINGS_PER_CALL_MAX: usize = 64;

/// Most principals kept that took a role; the earliest are forgotten.
pub(crate) const TAKERS_PER_ROLE_MAX: usize = 64;

/// The principals before one that took up a call within the settings' days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wave {
    /// When the first of them did.
    pub since: Timestamp,
    /// Each with its first sighting, in order of time.
    pub others: Vec<(PrincipalId, Timestamp)>,
    /// How many lineages they are of.
    pub lineages: u32,
}

/// Who took up what lately, and who took which role.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waves {
    /// First sightings by call, in order of time.
    pub(crate) sightings: HashMap<u32, Vec<(Timestamp, PrincipalId)>, FixedState>,
    /// Takers by role, in the order they came.
    pub(crate) takers: HashMap<u32, Vec<PrincipalId>, FixedState>,
}

impl Waves {
    /// Notes that a principal made a call with success for the first time.
    pub(crate) fn sight(
        &mut self,
        id: PrincipalId,
        call: CallId,
        time: Timestamp,
        settings: &ChangeSettings,
    ) {
        let seen = self.sightings.entry(call.0).or_default();
        if let Some(place) = seen.iter().position(|(_, other)| *other == id) {
            if seen[place].0 <= time {
                return;
            }
            seen.remove(place);
        }
        let place = seen.partition_point(|(other, _)| *other <= time);
        seen.insert(place, (time, id));
        let newest = seen.last().map_or(time, |(newest, _)| *newest);
        let by_age = seen.partition_point(|(then, _)| !within(*then, newest, settings.wave_days));
        let by_size = seen.len().saturating_sub(SIGHTINGS_PER_CALL_MAX);
        seen.drain(..by_age.max(by_size));
    }

    /// Notes that a principal took a role.
    pub(crate) fn take(&mut self, taker: PrincipalId, role: u32) {
        let takers = self.takers.entry(role).or_default();
        if !takers.contains(&taker) {
            takers.push(taker);
            let over = takers.len().saturating_sub(TAKERS_PER_ROLE_MAX);
            takers.drain(..over);
        }
    }

    /// A principal and those whose sessions it may be: who took it within the settings' days, who took those, and so on.
    fn lineage(
        &self,
        id: PrincipalId,
        (baseline, now, days): (&Baseline, Timestamp, f64),
    ) -> BTreeSet<PrincipalId> {
        let mut found = BTreeSet::from([id]);
        let mut left = vec![id];
        while let Some(role) = left.pop() {
            for taker in self.takers.get(&role.0).into_iter().flatten() {
                let row = baseline
                    .profile(*taker)
                    .and_then(|profile| profile.facet(Dimension::Takes, role.0));
                if row.is_some_and(|row| within(row.last, now, days)) && found.insert(*taker) {
                    left.push(*taker);
                }
            }
        }
        found
    }
}

/// Whether a call of this class may be grouped with a wave. Calls that change who may do what never are; nor is the question who one is: every intruder
/// opens with it, and it comes into use at so many places that a few in one week mean nothing.
pub(crate) fn may_be_grouped(class: SensitivityClass) -> bool {
    matches!(
        class,
        SensitivityClass::OrdinaryRead
            | SensitivityClass::OrdinaryWrite
            | SensitivityClass::IdentityOrCredentialRead
    )
}

fn within(then: Timestamp, now: Timestamp, days: f64) -> bool {
    now.secs_since(then) as f64 <= days * SECONDS_PER_DAY as f64
}

impl Landscape {
    /// Notes that a principal took a role, unless it is a service or a caller without a profile of its own, who open sessions of anybody's.
    pub(crate) fn note_taking(&mut self, taker: PrincipalId, role: u32) {
        if self.family(taker) != Family::Service {
            self.waves.take(taker, role);
        }
    }

    /// Notes that a principal made a call with success for the first time.
    pub(crate) fn sight(&mut self, id: PrincipalId, call: CallId, time: Timestamp) {
        if self.family(id) != Family::Service {
            self.waves.sight(id, call, time, &self.settings.change);
        }
    }

    /// The wave that a principal joins by making a call now, if there is one. `root`: of its credential's lineage.
    pub(crate) fn wave(
        &self,
        (id, root): (PrincipalId, Option<PrincipalId>),
        (call, now): (CallId, Timestamp),
        (baseline, words): (&Baseline, &Vocabulary),
    ) -> Option<Wave> {
        let rule = &self.settings.change;
        let seen = self.waves.sightings.get(&call.0)?;
        let at = (baseline, now, rule.wave_days);
        let mut own = self.waves.lineage(id, at);
        if let Some(root) = root {
            own.extend(self.waves.lineage(root, at));
        }
        let mut others = Vec::new();
        let mut lineages: Vec<BTreeSet<PrincipalId>> = Vec::new();
        let mut same_name = 0;
        for (time, other) in seen {
            // A principal made for the occasion is no witness.
            let settled = baseline
                .profile(*other)
                .and_then(|profile| profile.seen)
                .is_some_and(|(first, _)| !within(first, *time, rule.wave_days));
            let counts = *time <= now && within(*time, now, rule.wave_days) && settled;
            if *other == id || !counts {
                continue;
            }
            let mut lineage = self.waves.lineage(*other, at);
            if !lineage.is_disjoint(&own) {
                continue;
            }
            lineages.retain(|known| {
                let apart = known.is_disjoint(&lineage);
                if !apart {
                    lineage.extend(known);
                }
                apart
            });
            lineages.push(lineage);
            others.push((*other, *time));
            same_name += u32::from(is_same_role(id, *other, words));
        }
        let lineages = u32::try_from(lineages.len()).unwrap_or(u32::MAX);
        let enough = |count: u32, least: u32| least > 0 && count >= least;
        let (since, found) = (others.first()?.1, enough(lineages, rule.wave_others));
        (found || enough(same_name, rule.same_name_others)).then_some(Wave {
            since,
            others,
            lineages,
        })
    }
}

/// From when on a replay notes first sightings: nothing looks further back than calibration does. `None`: from the beginning.
pub(crate) fn sighted_from(baseline: &Baseline, settings: &Settings) -> Option<Timestamp> {
    let days = settings.calibration.replay_days + settings.change.wave_days;
    let (_, until) = baseline.window.0?;
    Some(until.plus_secs(-((days * SECONDS_PER_DAY as f64) as i64)))
}

/// Lists what a profile contributed to waves, held rows included.
pub(crate) fn replay_waves(
    profile: &Profile,
    sighted_from: Option<Timestamp>,
    add: &mut dyn FnMut(Timestamp, u32, Step),
) {
    if profile.seen.is_none() {
        return;
    }
    for row in profile.calls() {
        let counts =
            row.outcome() == OutcomeClass::Succeeded && row.standing() != Standing::Refused;
        if counts && sighted_from.is_none_or(|from| row.first >= from) {
            add(row.first, u32::MAX, Step::Sighted(row.call()));
        }
    }
    for row in profile.facets_of(Dimension::Takes) {
        add(row.first, u32::MAX, Step::Taken(row.value));
    }
}

/// Whether two principals are roles of one name in two accounts: what one pipeline deploys to both.
fn is_same_role(one: PrincipalId, other: PrincipalId, words: &Vocabulary) -> bool {
    let (one, other) = (words.principal(one), words.principal(other));
    let is_role = one.kind == PrincipalKind::Role && other.kind == PrincipalKind::Role;
    let is_nobody = one.person.is_none() && other.person.is_none();
    is_role && is_nobody && one.account != other.account && one.name == other.name
}
