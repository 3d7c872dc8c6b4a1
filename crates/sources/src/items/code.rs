//! One item as bytes: what its name shares with the one before, the rest, and its fingerprint.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::item::{Fingerprint, Item, Provenance};

/// How most names end.
const ENDING: &[u8] = b".json.gz";

const STDIN: u8 = 0;
const PATH: u8 = 1;
const OBJECT: u8 = 2;
const MESSAGE: u8 = 3;

const UNKNOWN: u64 = 0;
const FILE: u64 = 1;
/// An object whose entity tag is an MD5 in small hexadecimal digits, as of all that was put in one piece.
const OBJECT_MD5: u64 = 2;
const OBJECT_OTHER: u64 = 3;

/// Writes items one after another.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    /// What was written.
    pub(crate) bytes: Vec<u8>,
    before: Vec<u8>,
    name: Vec<u8>,
    modified: i128,
}

impl Encoder {
    /// Writes one more.
    pub(crate) fn push(&mut self, item: &Item) {
        self.name.clear();
        name_into(&item.provenance, &mut self.name);
        let ends = self.name.ends_with(ENDING);
        if ends {
            self.name.truncate(self.name.len() - ENDING.len());
        }
        let shared = self.before.iter().zip(&self.name);
        let shared = shared.take_while(|(a, b)| a == b).count();
        let rest = &self.name[shared..];
        put(&mut self.bytes, shared as u128);
        let md5 = match &item.fingerprint {
            Fingerprint::Object { etag, .. } => md5(etag),
            _ => None,
        };
        let kind = match (&item.fingerprint, md5) {
            (Fingerprint::Unknown, _) => UNKNOWN,
            (Fingerprint::File { .. }, _) => FILE,
            (Fingerprint::Object { .. }, Some(_)) => OBJECT_MD5,
            (Fingerprint::Object { .. }, None) => OBJECT_OTHER,
        };
        let told = (rest.len() as u64) << 3 | u64::from(ends) << 2 | kind;
        put(&mut self.bytes, told.into());
        self.bytes.extend_from_slice(rest);
        match (&item.fingerprint, md5) {
            (Fingerprint::Unknown, _) => {}
            (
                Fingerprint::File {
                    modified_nanos,
                    size,
                },
                _,
            ) => {
                let step = modified_nanos.wrapping_sub(self.modified);
                put(&mut self.bytes, (step << 1 ^ step >> 127).cast_unsigned());
                put(&mut self.bytes, u128::from(*size));
                self.modified = *modified_nanos;
            }
            (Fingerprint::Object { size, .. }, Some(md5)) => {
                self.bytes.extend_from_slice(&md5.to_be_bytes());
                put(&mut self.bytes, u128::from(*size));
            }
            (Fingerprint::Object { etag, size }, None) => {
                put(&mut self.bytes, etag.len() as u128);
                self.bytes.extend_from_slice(etag.as_bytes());
                put(&mut self.bytes, u128::from(*size));
            }
        }
        std::mem::swap(&mut self.before, &mut self.name);
    }

    /// What was written; the next item needs nothing of it.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.before.clear();
        self.modified = 0;
        std::mem::take(&mut self.bytes)
    }
}

/// Reads what an [`Encoder`] wrote.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    bytes: Vec<u8>,
    at: usize,
    name: Vec<u8>,
    modified: i128,
    bucket: Option<Arc<str>>,
}

impl Decoder {
    /// Whether all was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The buffer of what was read, emptied.
    pub(crate) fn reuse(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        bytes
    }

    /// Reads these bytes from now on.
    pub(crate) fn begin(&mut self, bytes: Vec<u8>) {
        self.bytes = bytes;
        self.at = 0;
        self.name.clear();
        self.modified = 0;
    }

    /// The next item; `None` when the bytes are no item.
    pub(crate) fn next(&mut self) -> Option<Item> {
        let shared = usize::try_from(self.number()?).ok()?;
        let told = u64::try_from(self.number()?).ok()?;
        let rest = usize::try_from(told >> 3).ok()?;
        if shared > self.name.len() {
            return None;
        }
        self.name.truncate(shared);
        let from = self.at;
        let rest = self.bytes.get(from..from.checked_add(rest)?)?;
        self.name.extend_from_slice(rest);
        self.at += rest.len();
        let whole = self.name.len();
        if told & 4 != 0 {
            self.name.extend_from_slice(ENDING);
        }
        let provenance = self.provenance();
        self.name.truncate(whole);
        let fingerprint = self.fingerprint(told & 3)?;
        Some(Item {
            provenance: provenance?,
            fingerprint,
        })
    }

    fn provenance(&mut self) -> Option<Provenance> {
        let (tag, text) = self.name.split_first()?;
        match *tag {
            STDIN => Some(Provenance::Stdin),
            PATH => Some(Provenance::Path(Path::new(OsStr::from_bytes(text)).into())),
            OBJECT | MESSAGE => {
                let mut at = 0;
                let len = usize::try_from(number(text, &mut at)?).ok()?;
                let (owner, rest) = text.get(at..)?.split_at_checked(len)?;
                let owner = std::str::from_utf8(owner).ok()?;
                let rest = std::str::from_utf8(rest).ok()?;
                let known = self.bucket.take().filter(|known| **known == *owner);
                let owner = known.unwrap_or_else(|| owner.into());
                self.bucket = Some(Arc::clone(&owner));
                Some(match *tag {
                    OBJECT => Provenance::Object {
                        bucket: owner,
                        key: rest.into(),
                    },
                    _ => Provenance::Message {
                        queue: owner,
                        id: rest.into(),
                    },
                })
            }
            _ => None,
        }
    }

    fn fingerprint(&mut self, kind: u64) -> Option<Fingerprint> {
        Some(match kind {
            UNKNOWN => Fingerprint::Unknown,
            FILE => {
                let step = self.number()?;
                let step = (step >> 1).cast_signed() ^ -(step & 1).cast_signed();
                self.modified = self.modified.wrapping_add(step);
                Fingerprint::File {
                    modified_nanos: self.modified,
                    size: self.size()?,
                }
            }
            OBJECT_MD5 => {
                let bytes = self.bytes.get(self.at..self.at + 16)?;
                let md5 = u128::from_be_bytes(bytes.try_into().ok()?);
                self.at += 16;
                Fingerprint::Object {
                    etag: format!("{md5:032x}").into(),
                    size: self.size()?,
                }
            }
            _ => {
                let len = usize::try_from(self.number()?).ok()?;
                let bytes = self.bytes.get(self.at..self.at.checked_add(len)?)?;
                let etag = std::str::from_utf8(bytes).ok()?.into();
                self.at += len;
                Fingerprint::Object {
                    etag,
                    size: self.size()?,
                }
            }
        })
    }

    fn size(&mut self) -> Option<u64> {
        u64::try_from(self.number()?).ok()
    }

    fn number(&mut self) -> Option<u128> {
        number(&self.bytes, &mut self.at)
    }
}

/// What is front-coded of a provenance.
fn name_into(provenance: &Provenance, name: &mut Vec<u8>) {
    let mut owned = |tag, owner: &str, rest: &str| {
        name.push(tag);
        put(name, owner.len() as u128);
        name.extend_from_slice(owner.as_bytes());
        name.extend_from_slice(rest.as_bytes());
    };
    match provenance {
        Provenance::Object { bucket, key } => owned(OBJECT, bucket, key),
        Provenance::Message { queue, id } => owned(MESSAGE, queue, id),
        Provenance::Stdin => name.push(STDIN),
        Provenance::Path(path) => {
            name.push(PATH);
            name.extend_from_slice(path.as_os_str().as_bytes());
        }
    }
}

/// The tag as a number, if it is 32 small hexadecimal digits.
fn md5(etag: &str) -> Option<u128> {
    let digits = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (etag.len() == 32 && etag.bytes().all(digits))
        .then(|| u128::from_str_radix(etag, 16).ok())
        .flatten()
}

/// Seven bits a byte, lowest first (LEB128).
fn put(bytes: &mut Vec<u8>, mut number: u128) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn number(bytes: &[u8], at: &mut usize) -> Option<u128> {
    let mut number = 0;
    for shift in (0..128).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        number |= u128::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}
