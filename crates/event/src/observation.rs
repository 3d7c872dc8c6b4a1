//! [`Observation`]: one principal made one call; all that profiles and detectors may see.
//!
//! A small value of ids, a time and flags. The texts that only evidence needs lie in one allocation ([`Detail`]), present
//! when somebody is going to judge, absent when a batch is only learnt.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

use crate::{
    CallId, Category, CredentialKind, MintedKind, OriginKind, OutcomeClass, PrincipalId,
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

const DETAIL_FIELDS: usize = 10;

/// The texts that only evidence needs, in one allocation.
#[derive(Clone, PartialEq, Eq)]
pub struct Detail {
    text: Box<str>,
    /// End of each field in `text`.
    ends: [u32; DETAIL_FIELDS],
}

impl Detail {
    /// Packs the texts; an absent text is an empty one.
    #[must_use]
    pub fn pack(fields: &DetailFields<'_>) -> Self {
        let parts = [
            fields.event_id,
            fields.event_name,
            fields.code,
            fields.address,
            fields.user_agent,
            fields.access_key_id,
            fields.session_name,
            fields.minted_key,
            fields.service,
            fields.announced_by,
        ];
        let mut text = String::with_capacity(parts.iter().map(|part| part.len()).sum());
        let mut ends = [0; DETAIL_FIELDS];
        for (part, end) in parts.iter().zip(&mut ends) {
            text.push_str(part);
            *end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        }
        Self {
            text: text.into_boxed_str(),
            ends,
        }
    }

    fn field(&self, index: usize) -> &str {
        let start = if index == 0 {
            0
        } else {
            self.ends[index - 1] as usize
        };
        self.text
            .get(start..self.ends[index] as usize)
            .unwrap_or_default()
    }

    /// `eventID`, verbatim; empty if the record had none.
    #[must_use]
    pub fn event_id(&self) -> &str {
        self.field(0)
    }

    /// `eventName`, verbatim (with its API date).
    #[must_use]
    pub fn event_name(&self) -> &str {
        self.field(1)
    }

    /// `errorCode`, verbatim; empty if none.
    #[must_use]
    pub fn code(&self) -> &str {
        self.field(2)
    }

    /// Address; empty if none.
    #[must_use]
    pub fn address(&self) -> &str {
        self.field(3)
    }

    /// `userAgent`, verbatim; empty if none.
    #[must_use]
    pub fn user_agent(&self) -> &str {
        self.field(4)
    }

    /// Access key id that signed; empty if none.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.field(5)
    }

    /// Role session name; empty if none.
    #[must_use]
    pub fn session_name(&self) -> &str {
        self.field(6)
    }

    /// Access key id that the call gave out; empty if none.
    #[must_use]
    pub fn minted_key(&self) -> &str {
        self.field(7)
    }

    /// The service the call came from or was made by; empty if none.
    #[must_use]
    pub fn service(&self) -> &str {
        self.field(8)
    }

    /// Who announces the network, for people; empty if not known.
    #[must_use]
    pub fn announced_by(&self) -> &str {
        self.field(9)
    }
}

impl fmt::Debug for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detail")
            .field("event_id", &self.event_id())
            .field("event_name", &self.event_name())
            .field("address", &self.address())
            .field("access_key_id", &self.access_key_id())
            .finish_non_exhaustive()
    }
}

/// The texts of a [`Detail`] before packing; absent texts are empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct DetailFields<'a> {
    /// `eventID`.
    pub event_id: &'a str,
    /// `eventName`.
    pub event_name: &'a str,
    /// `errorCode`.
    pub code: &'a str,
    /// Address.
    pub address: &'a str,
    /// `userAgent`.
    pub user_agent: &'a str,
    /// Access key id that signed.
    pub access_key_id: &'a str,
    /// Role session name.
    pub session_name: &'a str,
    /// Access key id that the call gave out.
    pub minted_key: &'a str,
    /// The service the call came from or was made by.
    pub service: &'a str,
    /// Who announces the network.
    pub announced_by: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detail_gives_back_each_text() {
        let detail = Detail::pack(&DetailFields {
            event_id: "e",
            code: "AccessDenied",
            service: "s",
            announced_by: "n",
            ..Default::default()
        });
        assert_eq!(
            (detail.event_id(), detail.event_name(), detail.code()),
            ("e", "", "AccessDenied")
        );
        assert_eq!(
            (detail.minted_key(), detail.service(), detail.announced_by()),
            ("", "s", "n")
        );
    }

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
