//! How plain values and those of findings are packed. Kinds are written as the words every format uses.

use std::borrow::Cow;

use offtrail_baseline::{Dimension, Maturity, MaturityState};
use offtrail_event::{
    CredentialId, CredentialKind, Day, OutcomeClass, PrincipalKind, Severity, TextId, Timestamp,
};

use crate::{
    Attack, BaselineNote, CredentialShown, Evidence, Frequency, LineageStep, Novelty, PeerCount,
    Share,
    catalogue::SensitivityClass,
    decay::Decayed,
    obey::{REFUSED, RULED},
    peers::{Family, Group},
};

use super::{
    StateError,
    codec::{Packed, Packer, Unpacker, damaged, packed_struct},
};

macro_rules! packed_number {
    ($($type:ty),+) => { $(
        impl Packed for $type {
            fn pack(&self, to: &mut Packer) {
                to.number(*self as u64);
            }

            fn unpack(from: &mut Unpacker<'_>) -> Result<Self, StateError> {
                Self::try_from(from.number()?).map_err(|_| damaged("a number is too large"))
            }
        }
    )+ };
}

packed_number!(u8, u16, u32, u64, usize);

impl Packed for bool {
    fn pack(&self, to: &mut Packer) {
        to.number(u64::from(*self));
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, StateError> {
        match from.number()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(damaged("neither yes nor no")),
        }
    }
}

impl Packed for f64 {
    fn pack(&self, to: &mut Packer) {
        to.bytes.extend(self.to_le_bytes());
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, StateError> {
        let bytes = from.take(8)?;
        let number = bytes
            .first_chunk()
            .map_or(f64::NAN, |bytes| Self::from_le_bytes(*bytes));
        if number.is_finite() {
            Ok(number)
        } else {
            Err(damaged("a number is not finite"))
        }
    }
}

impl Packed for String {
    fn pack(&self, to: &mut Packer) {
        to.text(self);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, StateError> {
        from.text().map(str::to_owned)
    }
}

impl Packed for Cow<'static, str> {
    fn pack(&self, to: &mut Packer) {
        to.text(self);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, StateError> {
        Ok(Cow::Owned(String::unpack(from)?))
    }
}

impl<T: Packed> Packed for Option<T> {
    fn pack(&self, to: &mut Packer) {
        self.is_some().pack(to);
        if let Some(value) = self {
            value.pack(to);
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, StateError> {
        Ok(match bool::unpack(from)? {
            true => Some(T::unpack(from)?),
            false => None,
        })
    }
}

impl<T: Packed> Packed for Vec<T> {
    fn pack(&self, to: &mut Packer) {
        to.list(self.iter());
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, StateError> {
        from.list()
    }
}

macro_rules! packed_tuple {
    ($($name:ident $place:tt),+) => {
        impl<$($name: Packed),+> Packed for ($($name,)+) {
            fn pack(&self, to: &mut Packer) {
                $(self.$place.pack(to);)+
            }

            fn unpack(from: &mut Unpacker<'_>) -> Result<Self, StateError> {
                Ok(($($name::unpack(from)?,)+))
            }
        }
    };
}

packed_tuple!(A 0, B 1);
packed_tuple!(A 0, B 1, C 2);
packed_tuple!(A 0, B 1, C 2, D 3);

impl Packed for Timestamp {
    fn pack(&self, to: &mut Packer) {
        to.number(self.epoch_secs().unsigned_abs());
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, StateError> {
        i64::try_from(from.number()?)
            .ok()
            .and_then(Self::from_epoch_secs)
            .ok_or_else(|| damaged("a time is out of range"))
    }
}

impl Packed for Day {
    fn pack(&self, to: &mut Packer) {
        self.0.pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, StateError> {
        u16::unpack(from).map(Self)
    }
}

impl Packed for CredentialId {
    fn pack(&self, to: &mut Packer) {
        to.bytes.extend(self.0.to_le_bytes());
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, StateError> {
        let bytes = from.take(8)?;
        let id = bytes
            .first_chunk()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Ok(Self(id))
    }
}

/// Packs a kind as its word.
macro_rules! packed_kind {
    ($($kind:ty: $all:expr, $word:expr;)+) => { $(
        impl Packed for $kind {
            fn pack(&self, to: &mut Packer) {
                to.text(($word)(*self));
            }

            fn unpack(from: &mut Unpacker<'_>) -> Result<Self, StateError> {
                let word = from.text()?;
                let known = $all.into_iter().find(|kind| ($word)(*kind) == word);
                known.ok_or_else(|| StateError::Damaged(format!("{word:?} is not a known kind")))
            }
        }
    )+ };
}

packed_kind! {
    PrincipalKind: PrincipalKind::ALL.iter().copied(), PrincipalKind::as_str;
    CredentialKind: CredentialKind::ALL.iter().copied(), CredentialKind::as_str;
    Severity: Severity::ALL.iter().copied(), Severity::as_str;
    OutcomeClass: OutcomeClass::ALL.iter().copied(), OutcomeClass::as_str;
    Dimension: Dimension::ALL.iter().copied(), Dimension::as_str;
    Frequency: [Frequency::Unseen, Frequency::Rare, Frequency::Infrequent, Frequency::Frequent], Frequency::as_str;
    MaturityState: [MaturityState::Learning, MaturityState::Established, MaturityState::Stale], MaturityState::as_str;
    SensitivityClass: SensitivityClass::ALL.map(|(class, _)| class), SensitivityClass::name;
    Family: [Family::Machine, Family::Person, Family::Audit, Family::Service], family_word;
}

fn family_word(family: Family) -> &'static str {
    match family {
        Family::Machine => "machine",
        Family::Person => "person",
        Family::Audit => "audit",
        Family::Service => "service",
    }
}

/// The dimensions of novelties: those of profiles, and those that have no row.
const DIMENSIONS: [&str; 16] = [
    RULED,
    REFUSED[0],
    REFUSED[1],
    REFUSED[2],
    REFUSED[3],
    Dimension::Target.as_str(),
    "call",
    "volume",
    "denied",
    "principal",
    "root",
    "federated_session",
    Dimension::Network.as_str(),
    Dimension::Region.as_str(),
    Dimension::Agent.as_str(),
    Dimension::Takes.as_str(),
];

impl Packed for &'static str {
    fn pack(&self, to: &mut Packer) {
        to.text(self);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, StateError> {
        let word = from.text()?;
        let known = DIMENSIONS.into_iter().find(|known| *known == word);
        known.ok_or_else(|| StateError::Damaged(format!("{word:?} is not a known dimension")))
    }
}

packed_struct!(PeerCount {
    group,
    size,
    seen_by
});
packed_struct!(Share {
    principals,
    seen_by
});
packed_struct!(Attack { tactic, technique });
packed_struct!(CredentialShown {
    kind,
    access_key_id,
    session_name
});
packed_struct!(LineageStep {
    credential,
    minted,
    by,
    event_id,
    time
});
packed_struct!(Maturity {
    state,
    active_days,
    observations,
    calls,
    recent_calls
});
packed_struct!(BaselineNote {
    since,
    until,
    maturity,
    coverage,
    settings
});
packed_struct!(Novelty {
    dimension,
    value,
    class,
    principal_count,
    principal_calls,
    principal_days,
    peers,
    account,
    organisation,
    bits,
    arithmetic
});
packed_struct!(Evidence {
    event_id,
    time,
    call,
    outcome,
    code,
    region,
    address,
    user_agent,
    principal,
    access_key_id,
    bits,
    why
});
packed_struct!(Group { family, name, rule });
packed_struct!(Decayed { sum, at });

/// Packs the value of a dimension by what it is: a principal, a call or a text.
pub(super) fn pack_value((dimension, value): (&str, u32), to: &mut Packer) {
    use offtrail_event::{CallId, PrincipalId};
    match dimension {
        "role" | "principal" | "root" | "federated_session" | "refused_role" => {
            PrincipalId(value).pack(to)
        }
        "call" | "volume" | "denied" | "refused" | "purpose" => CallId(value).pack(to),
        _ => TextId(value).pack(to),
    }
}

/// Reads what [`pack_value`] wrote.
pub(super) fn unpack_value(dimension: &str, from: &mut Unpacker<'_>) -> Result<u32, StateError> {
    use offtrail_event::{CallId, PrincipalId};
    Ok(match dimension {
        "role" | "principal" | "root" | "federated_session" | "refused_role" => {
            PrincipalId::unpack(from)?.0
        }
        "call" | "volume" | "denied" | "refused" | "purpose" => CallId::unpack(from)?.0,
        _ => TextId::unpack(from)?.0,
    })
}
