//! Packing values into bytes and back: numbers as LEB128 (seven bits a byte, low ones first), floats as their eight bytes, texts and
//! lists with their length before them.
//!
//! Reading never trusts a length: a list grows item by item, and each item takes at least one byte, so that nothing can be larger in memory than the
//! bytes allow.

use offtrail_event::{CallId, PrincipalId, TextId};

use super::{StateError, names::Names};

/// Writes values.
pub(super) struct Packer {
    pub(super) bytes: Vec<u8>,
    pub(super) names: Names,
}

impl Packer {
    pub(super) fn new(names: Names) -> Self {
        Self {
            bytes: Vec::new(),
            names,
        }
    }

    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    pub(super) fn list<'i, T: Packed + 'i>(&mut self, items: impl ExactSizeIterator<Item = &'i T>) {
        self.number(items.len() as u64);
        for item in items {
            item.pack(self);
        }
    }

    /// Writes what has no order of its own, in the order of its bytes.
    pub(super) fn unordered<T: Packed>(&mut self, items: impl Iterator<Item = T>) {
        let whole = std::mem::take(&mut self.bytes);
        let mut packed: Vec<Vec<u8>> = items
            .map(|item| {
                item.pack(self);
                std::mem::take(&mut self.bytes)
            })
            .collect();
        packed.sort_unstable();
        self.bytes = whole;
        self.number(packed.len() as u64);
        for item in packed {
            self.bytes.extend(item);
        }
    }
}

/// Reads values.
pub(super) struct Unpacker<'b> {
    pub(super) bytes: &'b [u8],
    pub(super) principals: Vec<PrincipalId>,
    pub(super) calls: Vec<CallId>,
    pub(super) texts: Vec<TextId>,
}

pub(super) fn damaged(what: &str) -> StateError {
    StateError::Damaged(what.to_owned())
}

impl<'b> Unpacker<'b> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'b [u8], StateError> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(count)
            .ok_or_else(|| damaged("cut off"))?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(super) fn number(&mut self) -> Result<u64, StateError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(damaged("a number is too large"))
    }

    pub(super) fn text(&mut self) -> Result<&'b str, StateError> {
        let length = usize::try_from(self.number()?).map_err(|_| damaged("a text is too long"))?;
        std::str::from_utf8(self.take(length)?).map_err(|_| damaged("a text is not UTF-8"))
    }

    pub(super) fn list<T: Packed>(&mut self) -> Result<Vec<T>, StateError> {
        let count = self.number()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(T::unpack(self)?);
        }
        Ok(items)
    }

    /// That nothing is left over.
    pub(super) fn end(&self) -> Result<(), StateError> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(damaged("bytes are left over"))
        }
    }
}

/// What can be packed. Every value takes at least one byte.
pub(super) trait Packed: Sized {
    fn pack(&self, to: &mut Packer);
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, StateError>;
}

/// Packs a struct field by field, in the order given.
macro_rules! packed_struct {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl Packed for $name {
            fn pack(&self, to: &mut Packer) {
                $(self.$field.pack(to);)+
            }

            fn unpack(from: &mut Unpacker<'_>) -> Result<Self, StateError> {
                Ok(Self { $($field: Packed::unpack(from)?,)+ })
            }
        }
    };
}

pub(super) use packed_struct;
