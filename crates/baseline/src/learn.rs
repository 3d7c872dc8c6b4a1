//! Learning: one observation added to the profiles it speaks of.

use offtrail_event::{
    CredentialKind, Mint, MintedKind, Observation, PrincipalKind, TextId, Timestamp, Traits,
    Vocabulary,
};

use crate::{Baseline, Dimension, Standing};

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
        let time = observation.time;
        self.window.see(time);
        self.observations += 1;
        self.cover((observation.account, observation.region), time);
        let forwarded = (observation.credential_kind == CredentialKind::ForwardAccess)
            .then(|| self.forwarded_text(observation.call, words));
        let credential = self.credential_text(observation.credential_kind, words);
        let profile = self.profile_mut(observation.principal);
        profile.traits = profile.traits.union(observation.traits);
        profile.see_time(time);
        if let Some(value) = forwarded {
            profile.see_value(Dimension::Forwarded, value, time, Standing::Learnt);
            profile.see_value(Dimension::Credential, credential, time, Standing::Learnt);
            return;
        }
        let outcome = observation.outcome;
        profile.see_call_at((observation.call, outcome), time, lesson.call);
        let facets = [
            (Dimension::Network, observation.network.map(|text| text.0)),
            (Dimension::Region, Some(observation.region.0)),
            (Dimension::Agent, Some(observation.agent.0)),
            (Dimension::Credential, Some(credential)),
            (Dimension::Account, Some(observation.account.0)),
            (Dimension::Takes, taken_role(observation).map(|role| role.0)),
        ];
        for (dimension, value) in facets {
            if let Some(value) = value {
                profile.see_value(dimension, value, time, lesson.facets);
            }
        }
        if let Some(targets) = observation
            .targets
            .as_deref()
            .filter(|_| !observation.by_service)
        {
            self.learn_targets((observation.principal, targets), time, words, lesson.facets);
        }
        if let Some(role) = taken_role(observation) {
            let owner = words.account_of(role);
            let caller = words.account_of(observation.principal);
            let traits = assumed_traits(observation.principal_kind, caller == owner);
            let target = self.profile_mut(role);
            target.traits = target.traits.union(traits);
        }
    }
}

impl Baseline {
    /// Marks the hour of a record, unless it was just marked.
    fn cover(&mut self, trail: (TextId, TextId), time: Timestamp) {
        let hour = time.epoch_secs() / 3600;
        let place = (trail.0.0 ^ trail.1.0.rotate_left(3)) as usize % self.covered.len();
        let covered = Some((trail, hour));
        if self.covered[place] != covered {
            self.covered[place] = covered;
            self.coverage.see(trail.0, trail.1, time);
        }
    }
}

/// The role whose session an observation opened.
fn taken_role(observation: &Observation) -> Option<offtrail_event::PrincipalId> {
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

/// Number of credential kinds, each with an interned text.
pub(crate) const CREDENTIAL_KINDS: usize = CredentialKind::ALL.len();
