//! Packing values into bytes and back: numbers as LEB128 (seven bits a byte, low ones first), floats as their eight bytes, texts and
//! lists with their length before them. The state of detection, the journal of a stream and partial profiles are written so.
//!
//! Ids hold within one run only: a packed [`seal`]ed part has tables of its own names, each sorted by text, so that the same values give the same
//! bytes whatever the ids of the run were, and it ends with a checksum.
//!
//! Reading never trusts a length: a list grows item by item, and each item takes at least one byte, so that nothing can be larger in memory than the
//! bytes allow.

mod names;
mod observation;
mod values;

use xxhash_rust::xxh3::xxh3_64;

use crate::{CallId, PrincipalId, TextId, Vocabulary};

pub use observation::{pack_observations, unpack_observations};

use self::names::Names;

/// Why bytes are not what was packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackError(pub String);

impl std::fmt::Display for PackError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PackError {}

/// Writes a part: the tables of names, the values that point into them, a checksum. `write` is called twice: to learn which names there
/// are, and with their places in the tables.
#[must_use]
pub fn seal(words: &Vocabulary, write: &dyn Fn(&mut Packer)) -> Vec<u8> {
    let mut first = Packer::new(Names::default());
    write(&mut first);
    let mut packer = Packer::new(first.names.ranked(words));
    packer.write_tables(words);
    write(&mut packer);
    let mut bytes = packer.bytes;
    bytes.extend(xxh3_64(&bytes).to_le_bytes());
    bytes
}

/// Opens a part: checks it and brings its names into the vocabulary. `known` are the words that a `&'static str` may be.
///
/// # Errors
/// It is not what [`seal`] made.
pub fn open<'b>(
    bytes: &'b [u8],
    words: &Vocabulary,
    known: &'static [&'static str],
) -> Result<Unpacker<'b>, PackError> {
    let Some((values, sum)) = bytes.split_last_chunk::<8>() else {
        return Err(damaged("cut off"));
    };
    if xxh3_64(values) != u64::from_le_bytes(*sum) {
        return Err(damaged("the checksum does not fit"));
    }
    Unpacker::open(values, words, known)
}

/// Writes values.
pub struct Packer {
    bytes: Vec<u8>,
    names: Names,
}

impl Packer {
    fn new(names: Names) -> Self {
        Self {
            bytes: Vec::new(),
            names,
        }
    }

    /// Writes a number in as many bytes as it needs.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    /// Writes a text.
    pub fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Writes a list in its order.
    pub fn list<'i, T: Packed + 'i>(&mut self, items: impl ExactSizeIterator<Item = &'i T>) {
        self.number(items.len() as u64);
        for item in items {
            item.pack(self);
        }
    }

    /// Writes what has no order of its own, in the order of its bytes.
    pub fn unordered<T: Packed>(&mut self, items: impl Iterator<Item = T>) {
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
pub struct Unpacker<'b> {
    bytes: &'b [u8],
    /// The tables of names, with the ids of the vocabulary they were opened with. Whoever renames something before reading values does it here.
    pub principals: Vec<PrincipalId>,
    /// See [`Unpacker::principals`].
    pub calls: Vec<CallId>,
    /// See [`Unpacker::principals`].
    pub texts: Vec<TextId>,
    known: &'static [&'static str],
}

/// The error that says `what`.
#[must_use]
pub fn damaged(what: &str) -> PackError {
    PackError(what.to_owned())
}

impl<'b> Unpacker<'b> {
    /// Reads so many bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn take(&mut self, count: usize) -> Result<&'b [u8], PackError> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(count)
            .ok_or_else(|| damaged("cut off"))?;
        self.bytes = rest;
        Ok(taken)
    }

    /// Reads a number.
    ///
    /// # Errors
    /// The bytes end, or it is over 64 bits.
    pub fn number(&mut self) -> Result<u64, PackError> {
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

    /// Reads a text.
    ///
    /// # Errors
    /// The bytes end, or are no UTF-8.
    pub fn text(&mut self) -> Result<&'b str, PackError> {
        let length = usize::try_from(self.number()?).map_err(|_| damaged("a text is too long"))?;
        std::str::from_utf8(self.take(length)?).map_err(|_| damaged("a text is not UTF-8"))
    }

    /// Reads a list.
    ///
    /// # Errors
    /// An item is not what it should be.
    pub fn list<T: Packed>(&mut self) -> Result<Vec<T>, PackError> {
        let count = self.number()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(T::unpack(self)?);
        }
        Ok(items)
    }

    /// That nothing is left over.
    ///
    /// # Errors
    /// Bytes are left over.
    pub fn end(&self) -> Result<(), PackError> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(damaged("bytes are left over"))
        }
    }
}

/// What can be packed. Every value takes at least one byte.
pub trait Packed: Sized {
    /// Writes it.
    fn pack(&self, to: &mut Packer);
    /// Reads it.
    ///
    /// # Errors
    /// The bytes are not what [`Packed::pack`] wrote.
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError>;
}

/// Packs a struct field by field, in the order given.
#[macro_export]
macro_rules! packed_struct {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::pack::Packed for $name {
            fn pack(&self, to: &mut $crate::pack::Packer) {
                $($crate::pack::Packed::pack(&self.$field, to);)+
            }

            fn unpack(from: &mut $crate::pack::Unpacker<'_>) -> Result<Self, $crate::pack::PackError> {
                Ok(Self { $($field: $crate::pack::Packed::unpack(from)?,)+ })
            }
        }
    };
}

/// Packs a kind as its word: `Kind: all of them, the word of one;`.
#[macro_export]
macro_rules! packed_kind {
    ($($kind:ty: $all:expr, $word:expr;)+) => { $(
        impl $crate::pack::Packed for $kind {
            fn pack(&self, to: &mut $crate::pack::Packer) {
                to.text(($word)(*self));
            }

            fn unpack(from: &mut $crate::pack::Unpacker<'_>) -> Result<Self, $crate::pack::PackError> {
                let word = from.text()?;
                let known = $all.into_iter().find(|kind| ($word)(*kind) == word);
                known.ok_or_else(|| $crate::pack::PackError(format!("{word:?} is not a known kind")))
            }
        }
    )+ };
}
