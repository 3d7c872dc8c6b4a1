//! How plain values and those of this crate are packed. Kinds are written as the words every format uses.

use std::borrow::Cow;

use crate::{
    CredentialId, CredentialKind, Day, OutcomeClass, PrincipalKind, Severity, TargetKind,
    Timestamp, packed_kind,
};

use super::{PackError, Packed, Packer, Unpacker, damaged};

macro_rules! packed_number {
    ($($type:ty),+) => { $(
        impl Packed for $type {
            fn pack(&self, to: &mut Packer) {
                to.number(*self as u64);
            }

            fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
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

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
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

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
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

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        from.text().map(str::to_owned)
    }
}

impl Packed for Cow<'static, str> {
    fn pack(&self, to: &mut Packer) {
        to.text(self);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
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

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
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

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        from.list()
    }
}

macro_rules! packed_tuple {
    ($($name:ident $place:tt),+) => {
        impl<$($name: Packed),+> Packed for ($($name,)+) {
            fn pack(&self, to: &mut Packer) {
                $(self.$place.pack(to);)+
            }

            fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
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

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
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

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        u16::unpack(from).map(Self)
    }
}

impl Packed for CredentialId {
    fn pack(&self, to: &mut Packer) {
        to.bytes.extend(self.0.to_le_bytes());
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        let bytes = from.take(8)?;
        let id = bytes
            .first_chunk()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Ok(Self(id))
    }
}

packed_kind! {
    PrincipalKind: PrincipalKind::ALL.iter().copied(), PrincipalKind::as_str;
    CredentialKind: CredentialKind::ALL.iter().copied(), CredentialKind::as_str;
    Severity: Severity::ALL.iter().copied(), Severity::as_str;
    OutcomeClass: OutcomeClass::ALL.iter().copied(), OutcomeClass::as_str;
}

impl Packed for &'static str {
    fn pack(&self, to: &mut Packer) {
        to.text(self);
    }

    /// One of the words that the part was opened with.
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        let word = from.text()?;
        let known = from.known.iter().find(|known| **known == word);
        known
            .copied()
            .ok_or_else(|| PackError(format!("{word:?} is not a known word")))
    }
}

impl Packed for TargetKind {
    fn pack(&self, to: &mut Packer) {
        (*self as u8).pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        let place = usize::from(u8::unpack(from)?);
        let kind = Self::ALL.get(place).copied();
        kind.ok_or_else(|| damaged("a target of no kind"))
    }
}
