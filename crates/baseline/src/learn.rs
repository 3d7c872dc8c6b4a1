//! Learning: one observation added to the profiles it speaks of.

use offtrail_event::{
    CredentialKind, Mint, MintedKind, Observation, PrincipalId, PrincipalKind, Traits, Vocabulary,
};

use crate::{
    Baseline, Dimension, Standing,
    runs::{Runs, Sightings},
};

/// With which standing an observation is learnt: the call and each other dimension apart, since a finding may rest on one only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// Standing of the call row, if it is new.
    pub call: Standing,
    /// Standing of rows of other dimensions, if they are new.
    pub facets: Standing,
}

impl Lesson {
    /// Everything counts as known-good from now on.
    pub const ALL: Self = Self {
        call: Standing::Learnt,
        facets: Standing::Learnt,
    };
}

impl Baseline {
    /// Adds one observation that is no repeat. The lesson's standing applies to rows that are new; an existing row keeps its own.
    ///
    /// What a service did with the principal's permissions (forward access) is kept apart: it says nothing of the principal's
    /// own calls, networks and agents.
    pub fn learn(&mut self, observation: &Observation, words: &Vocabulary, lesson: Lesson) {
        self.learn_of_one(std::iter::once(observation), words, lesson);
    }

    /// Adds observations of which none is a repeat: what [`Baseline::learn`] does for each, sooner.
    ///
    /// Learning commutes, so those of one principal are taken one after the other: what its profile holds is fetched from memory once, and what
    /// they have in common is counted before it is written.
    pub fn learn_all(&mut self, observations: &[Observation], words: &Vocabulary, lesson: Lesson) {
        let mut order: Vec<u64> = observations
            .iter()
            .zip(0_u32..)
            .map(|(observation, index)| u64::from(observation.principal.0) << 32 | u64::from(index))
            .collect();
        order.sort_unstable();
        for of_one in order.chunk_by(|one, other| one >> 32 == other >> 32) {
            let of_one = of_one
                .iter()
                .map(|placed| &observations[(placed & u64::from(u32::MAX)) as usize]);
            self.learn_of_one(of_one, words, lesson);
        }
    }

    /// Adds observations of one principal.
    fn learn_of_one<'o>(
        &mut self,
        observations: impl Iterator<Item = &'o Observation> + Clone,
        words: &Vocabulary,
        lesson: Lesson,
    ) {
        let Some(id) = observations.clone().next().map(|first| first.principal) else {
            return;
        };
        self.profile_mut(id);
        // Field by field, so that texts can be looked up beside the profile.
        let Self {
            profiles,
            texts,
            coverage,
            covered,
            window,
            observations: learnt,
            ..
        } = self;
        let profile = profiles[id.0 as usize].get_or_insert_default();
        let mut runs = Runs::new(lesson);
        let mut with_more = false;
        for observation in observations.clone() {
            let time = observation.time;
            window.see(time);
            *learnt += 1;
            let trail = (observation.account, observation.region);
            if covered.is_new(trail, time) {
                coverage.see(trail.0, trail.1, time);
            }
            profile.traits = profile.traits.union(observation.traits);
            runs.time(profile, time);
            let credential = texts.credential(observation.credential_kind, words);
            if observation.credential_kind == CredentialKind::ForwardAccess {
                let call = texts.forwarded(observation.call, words);
                for (dimension, value) in [
                    (Dimension::Forwarded, call),
                    (Dimension::Credential, credential),
                ] {
                    let seen = Sightings::one(time);
                    profile.see_values((dimension, value), seen, Standing::Learnt);
                }
                continue;
            }
            let call = (observation.call, observation.outcome);
            runs.call(profile, call, time);
            let values = [
                observation.network.map(|text| text.0),
                Some(observation.region.0),
                Some(observation.agent.0),
                Some(credential),
                Some(observation.account.0),
            ];
            runs.values(profile, values, time);
            with_more |= observation.targets.is_some() || observation.mint.is_some();
        }
        runs.flush(profile);
        if with_more {
            for observation in observations {
                self.learn_more(observation, words, lesson);
            }
        }
    }

    /// Adds what few observations tell: what the call was aimed at, and which role was taken.
    fn learn_more(&mut self, observation: &Observation, words: &Vocabulary, lesson: Lesson) {
        if observation.credential_kind == CredentialKind::ForwardAccess {
            return;
        }
        let (id, time) = (observation.principal, observation.time);
        let targets = observation.targets.as_deref();
        if let Some(targets) = targets.filter(|_| !observation.by_service) {
            self.learn_targets((id, targets), time, words, lesson.facets);
        }
        if let Some(role) = taken_role(observation) {
            let seen = Sightings::one(time);
            let profile = self.profile_mut(id);
            profile.see_values((Dimension::Takes, role.0), seen, lesson.facets);
            let owner = words.account_of(role);
            let caller = words.account_of(id);
            let traits = assumed_traits(observation.principal_kind, caller == owner);
            let target = self.profile_mut(role);
            target.traits = target.traits.union(traits);
        }
    }
}

/// The role whose session an observation opened.
fn taken_role(observation: &Observation) -> Option<PrincipalId> {
    match observation.mint {
        Some(Mint {
            kind: MintedKind::Session,
            principal: Some(role),
            ..
        }) if role != observation.principal => Some(role),
        _ => None,
    }
}

/// What the kind of its caller tells of a role that was assumed.
#[must_use]
pub fn assumed_traits(caller: PrincipalKind, same_account: bool) -> Traits {
    match caller {
        PrincipalKind::AwsService => Traits::ASSUMED_BY_SERVICE,
        PrincipalKind::SamlUser => Traits::SAML_FEDERATION,
        PrincipalKind::WebIdentityUser
        | PrincipalKind::IdentityCenterUser
        | PrincipalKind::Unrecognised => Traits::default(),
        PrincipalKind::ForeignAccount => Traits::ASSUMED_BY_OTHER_ACCOUNT,
        PrincipalKind::Root
        | PrincipalKind::IamUser
        | PrincipalKind::Role
        | PrincipalKind::FederatedUser => {
            if same_account {
                Traits::ASSUMED_WITHIN_ACCOUNT
            } else {
                Traits::ASSUMED_BY_OTHER_ACCOUNT
            }
        }
    }
}
