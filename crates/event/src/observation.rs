//! [`Observation`]: one principal made one call; all that profiles and detectors may see.
//!
//! A small value of ids, a time and flags. The texts that only evidence needs lie in one allocation ([`Detail`]), present
//! when somebody is going to judge, absent when a batch is only learnt.

use xxhash_rust::xxh3::xxh3_64;

use crate::{
    CallId, Category, CredentialKind, Detail, MintedKind, OriginKind, OutcomeClass, PrincipalId,
    PrincipalKind, TargetKind, TextId, Timestamp,
};

/// What identifies an event among repeats: 64 bits of XXH3 over its `eventID` or, lacking one, over the whole record.
///
/// Compared only among events of one hour, so that at 10 million events an hour the chance of one false repeat is about
/// 3 in a million (birthday bound, n²/2⁶⁵).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// Of an `eventID` or of a record's bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxh3_64(bytes))
    }
}

/// Identifies one credential or session within a run and in checkpoints: XXH3 of its session key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialId(pub u64);

impl CredentialId {
    /// Of an access key id or another session key.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(xxh3_64(text.as_bytes()))
    }
}

/// What records tell of a principal's nature, as a set of bits. Learning takes the union, so the order doesn't matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Traits(pub u16);

impl Traits {
    /// Signed in to the console.
    pub const CONSOLE: Self = Self(1);
    /// Used a second factor.
    pub const MFA: Self = Self(1 << 1);
    /// Federated from a CI system's OIDC provider (GitHub, GitLab, Bitbucket, CircleCI, …).
    pub const CI_FEDERATION: Self = Self(1 << 2);
    /// Federated from a Kubernetes cluster's OIDC provider.
    pub const CLUSTER_FEDERATION: Self = Self(1 << 3);
    /// Federated from any other web-identity provider.
    pub const WEB_FEDERATION: Self = Self(1 << 4);
    /// A SAML provider (identity centre included) opened sessions of it.
    pub const SAML_FEDERATION: Self = Self(1 << 5);
    /// Runs on EC2: `ec2RoleDelivery`, or its session is named after an instance.
    pub const INSTANCE: Self = Self(1 << 6);
    /// An AWS service opened sessions of it (Lambda, ECS, EC2, …).
    pub const ASSUMED_BY_SERVICE: Self = Self(1 << 7);
    /// A principal of an account outside its own opened sessions of it.
    pub const ASSUMED_BY_OTHER_ACCOUNT: Self = Self(1 << 8);
    /// A user or role of its own account opened sessions of it.
    pub const ASSUMED_WITHIN_ACCOUNT: Self = Self(1 << 9);
    /// A permanent key signed for it.
    pub const PERMANENT_KEY: Self = Self(1 << 10);
    /// Only ever named as the caller of another account, never by a record of its own account.
    pub const SEEN_FROM_OUTSIDE: Self = Self(1 << 11);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any bit of `other` is set.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The edge from the credential that signed an observation to what it gave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mint {
    /// Session, key, login profile, user or role.
    pub kind: MintedKind,
    /// The credential given out, where the response names one. Its text is [`Detail::minted_key`].
    pub credential: Option<CredentialId>,
    /// The principal whose permissions it carries, where the response names one.
    pub principal: Option<PrincipalId>,
}

/// One principal made one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Identifies the event among repeats.
    pub fingerprint: Fingerprint,
    /// Event time.
    pub time: Timestamp,
    /// Who.
    pub principal: PrincipalId,
    /// The principal's kind.
    pub principal_kind: PrincipalKind,
    /// What was called: event source and operation.
    pub call: CallId,
    /// How it ended.
    pub outcome: OutcomeClass,
    /// The account whose trail holds the record.
    pub account: TextId,
    /// Region.
    pub region: TextId,
    /// Network of the address; `None` when the call did not come from a network address.
    pub network: Option<TextId>,
    /// Family of the user agent.
    pub agent: TextId,
    /// What kind of credential signed.
    pub credential_kind: CredentialKind,
    /// Which credential or session signed; `None` if the record does not tell.
    pub credential: Option<CredentialId>,
    /// Where it came from.
    pub origin: OriginKind,
    /// CloudTrail's own `readOnly`.
    pub read_only: Option<bool>,
    /// Management, data, network or insight.
    pub category: Category,
    /// A service made the call (for itself or with the caller's permissions).
    pub by_service: bool,
    /// What the record tells of the principal's nature.
    pub traits: Traits,
    /// What the call gave out.
    pub mint: Option<Mint>,
    /// What the call was aimed at, as texts like `secret:prod/db`; `None` for nearly all.
    pub targets: Option<Box<[(TargetKind, TextId)]>>,
    /// Texts for evidence; `None` in learn-only passes.
    pub detail: Option<Detail>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traits_are_a_set() {
        let set = Traits::CONSOLE.union(Traits::MFA);
        assert!(
            set.contains(Traits::MFA)
                && !set.contains(Traits::INSTANCE)
                && set.intersects(Traits::CONSOLE)
        );
    }
}
