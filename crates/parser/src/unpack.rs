//! Bytes → JSON text: gzip recognised by its magic bytes, inflated whole into a buffer that is used again, decoded as UTF-8.
//!
//! The fast way is libdeflate over the whole file, with the output size from the last four bytes of the file (ISIZE, RFC 1952).
//! ISIZE is written by whoever wrote the file, so it is held to deflate's greatest ratio (1032:1) and to
//! `inflated_bytes_max`; and libdeflate stops after the first member without a word. So whatever is not plainly one
//! whole member (a wrong size or checksum, a member that may have ended before, a short file) goes the slow way: member by member with
//! flate2, which keeps what came out before a break and knows where the break is.

use std::borrow::Cow;

use flate2::{Crc, Decompress, FlushDecompress, Status};
use libdeflater::Decompressor;
use memchr::memmem;

use crate::{Limits, Reason};

const MAGIC: &[u8] = b"\x1f\x8b";
/// Magic bytes and the only compression method gzip knows.
const MEMBER_START: &[u8] = b"\x1f\x8b\x08";
/// Smallest header and footer of a member.
const HEADER_BYTES: usize = 10;
const FOOTER_BYTES: usize = 8;
/// Deflate can't expand further than this (RFC 1951: 258 bytes from two bits).
const RATIO_MAX: usize = 1032;
/// Room to start with on the slow way.
const FIRST_ROOM: usize = 64 << 10;
/// A room that has to grow gets this share more than is needed now, so that it seldom grows again.
const SLACK_SHARE: usize = 8;

/// Inflates file after file into one buffer.
pub(crate) struct Unpacker {
    fast: Decompressor,
    room: Vec<u8>,
    /// Somebody else's room, inflated into while it is here.
    lent: Option<Vec<u8>>,
}

/// What came out of a file.
#[derive(Debug, Default)]
pub(crate) struct Unpacked {
    /// Gzip members, 0 for plain bytes.
    pub(crate) members: u64,
    /// Bytes after the last member.
    pub(crate) trailing_bytes: u64,
    /// What ended the inflating early, with where and what in words.
    pub(crate) fault: Option<(Reason, String)>,
}

impl Unpacker {
    pub(crate) fn new() -> Self {
        Self {
            fast: Decompressor::new(),
            room: Vec::new(),
            lent: None,
        }
    }

    /// Inflates into `room` until it is taken back.
    pub(crate) fn lend(&mut self, room: Vec<u8>) {
        self.lent = Some(room);
    }

    /// The room that was lent, if there is one.
    pub(crate) fn take_back(&mut self) -> Option<Vec<u8>> {
        self.lent.take()
    }

    fn room(&mut self) -> &mut Vec<u8> {
        self.lent.as_mut().unwrap_or(&mut self.room)
    }

    /// The content of a file: its bytes where they are no gzip, else what they inflate to.
    pub(crate) fn unpack<'a>(
        &'a mut self,
        bytes: &'a [u8],
        limits: &Limits,
    ) -> (&'a [u8], Unpacked) {
        if !bytes.starts_with(MAGIC) {
            return (bytes, Unpacked::default());
        }
        if let Some(length) = self.inflate_one(bytes, limits) {
            return (
                &self.room()[..length],
                Unpacked {
                    members: 1,
                    ..Unpacked::default()
                },
            );
        }
        let room = self.room();
        room.clear();
        let unpacked = inflate_members(bytes, room, limits.inflated_bytes_max);
        (room, unpacked)
    }

    /// Gives back memory of its own beyond `kept_bytes_max`.
    pub(crate) fn trim(&mut self, limits: &Limits) {
        if self.room.capacity() > limits.kept_bytes_max {
            self.room = Vec::new();
        }
    }

    /// The fast way: `Some(length)` only if the file is one whole member and nothing else.
    fn inflate_one(&mut self, bytes: &[u8], limits: &Limits) -> Option<usize> {
        let footer = bytes.get(bytes.len().checked_sub(4)?..)?;
        let size = told_by(footer)?;
        if size > possible(bytes, limits) || bytes.len() < HEADER_BYTES + FOOTER_BYTES {
            return None;
        }
        let room = self.lent.as_mut().unwrap_or(&mut self.room);
        if room.len() < size {
            grow(room, size, limits);
        }
        let inflated = self.fast.gzip_decompress(bytes, &mut room[..size]);
        let length = inflated.ok()?;
        // The member that was read ends with its size. Where the same four bytes stand before the file's last ones, it may have ended there.
        let before = &bytes[HEADER_BYTES..bytes.len() - 1];
        (length == size && memmem::find(before, footer).is_none()).then_some(length)
    }
}

/// Makes it a new room of at least `size` bytes. The former goes first: nothing in it is needed, and both at once would be twice the memory.
fn grow(room: &mut Vec<u8>, size: usize, limits: &Limits) {
    *room = Vec::new();
    let with_slack = (size + size / SLACK_SHARE).min(limits.kept_bytes_max);
    // Zeroed pages of the system, not written to before they are inflated into.
    *room = vec![0; size.max(with_slack)];
}

/// Bytes that a file inflates to as its last four bytes tell, held to what is possible; 0 if it is no gzip. For planning only: whoever wrote the file
/// wrote them, and of several members only the last is told.
#[must_use]
pub fn inflated_told(bytes: &[u8], limits: &Limits) -> usize {
    if !bytes.starts_with(MAGIC) {
        return 0;
    }
    let told = bytes.last_chunk::<4>().and_then(|footer| told_by(footer));
    told.unwrap_or(0).min(possible(bytes, limits))
}

fn told_by(footer: &[u8]) -> Option<usize> {
    Some(u32::from_le_bytes(footer.try_into().ok()?) as usize)
}

/// What a file of so many bytes can inflate to at most.
fn possible(bytes: &[u8], limits: &Limits) -> usize {
    let most = bytes.len().saturating_mul(RATIO_MAX);
    most.min(limits.inflated_bytes_max)
}

/// The slow way: member by member, keeping what came out before a fault.
fn inflate_members(bytes: &[u8], out: &mut Vec<u8>, limit: usize) -> Unpacked {
    let mut unpacked = Unpacked::default();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at..].starts_with(MAGIC) {
            unpacked.trailing_bytes = (bytes.len() - at) as u64;
            break;
        }
        unpacked.members += 1;
        match inflate_member(bytes, at, out, limit) {
            Ok(next) => at = next,
            Err(fault) => {
                unpacked.fault = Some(fault);
                break;
            }
        }
    }
    unpacked
}

fn inflate_member(
    bytes: &[u8],
    start: usize,
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<usize, (Reason, String)> {
    let Some(header) = header_length(&bytes[start..]) else {
        let reason = if bytes.len() - start < HEADER_BYTES {
            Reason::TruncatedGzip
        } else {
            Reason::CorruptGzip
        };
        return Err((reason, format!("no whole gzip header at byte {start}")));
    };
    let first_out = out.len();
    let mut inflate = Decompress::new(false);
    let mut at = start + header;
    loop {
        if out.len() >= limit {
            return Err((
                Reason::TooLarge,
                format!(
                    "inflates to more than {limit} bytes; stopped at byte {at} of {}",
                    bytes.len()
                ),
            ));
        }
        let room = out
            .len()
            .clamp(FIRST_ROOM, limit.max(FIRST_ROOM))
            .min(limit - out.len());
        out.reserve_exact(room.saturating_sub(out.capacity() - out.len()));
        let (read, written) = (inflate.total_in(), out.len());
        let status = inflate.decompress_vec(&bytes[at..], out, FlushDecompress::None);
        at += usize::try_from(inflate.total_in() - read).unwrap_or(0);
        out.truncate(limit);
        match status {
            Ok(Status::StreamEnd) => break,
            Err(error) => {
                return Err((
                    Reason::CorruptGzip,
                    format!("gzip breaks at byte {at} of {}: {error}", bytes.len()),
                ));
            }
            Ok(_) if inflate.total_in() == read && out.len() == written => {
                return Err((
                    Reason::TruncatedGzip,
                    format!(
                        "gzip ends at byte {} in the middle of its data",
                        bytes.len()
                    ),
                ));
            }
            Ok(_) => {}
        }
    }
    let Some(footer) = bytes.get(at..at + FOOTER_BYTES) else {
        return Err((
            Reason::TruncatedGzip,
            format!(
                "gzip ends at byte {} in the middle of its footer",
                bytes.len()
            ),
        ));
    };
    let mut crc = Crc::new();
    crc.update(&out[first_out..]);
    let mut expected = crc.sum().to_le_bytes().to_vec();
    expected.extend(crc.amount().to_le_bytes());
    if footer != expected {
        return Err((
            Reason::CorruptGzip,
            format!("checksum or length in the gzip footer at byte {at} is wrong"),
        ));
    }
    Ok(at + FOOTER_BYTES)
}

/// Length of a member's header (RFC 1952, section 2.3), or `None` if it is not whole or no header we know.
fn header_length(bytes: &[u8]) -> Option<usize> {
    const FHCRC: u8 = 1 << 1;
    const FEXTRA: u8 = 1 << 2;
    const FNAME: u8 = 1 << 3;
    const FCOMMENT: u8 = 1 << 4;
    if !bytes.starts_with(MEMBER_START) || bytes.len() < HEADER_BYTES || bytes[3] & 0xe0 != 0 {
        return None;
    }
    let flags = bytes[3];
    let mut at = HEADER_BYTES;
    if flags & FEXTRA != 0 {
        let length = bytes.get(at..at + 2)?;
        at += 2 + usize::from(u16::from_le_bytes(length.try_into().ok()?));
    }
    for flag in [FNAME, FCOMMENT] {
        if flags & flag != 0 {
            at += memchr::memchr(0, bytes.get(at..)?)? + 1;
        }
    }
    at += if flags & FHCRC == 0 { 0 } else { 2 };
    (at <= bytes.len()).then_some(at)
}

/// The content as text, its byte-order mark dropped, and whether bytes had to be replaced by U+FFFD.
pub(crate) fn decode(content: &[u8]) -> (Cow<'_, str>, bool) {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    match simdutf8::basic::from_utf8(content) {
        Ok(text) => (Cow::Borrowed(text), false),
        Err(_) => (String::from_utf8_lossy(content), true),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn check(bytes: &[u8], limit: usize, content: &[u8], fault: Option<Reason>) -> Unpacked {
        let mut unpacker = Unpacker::new();
        let limits = Limits {
            inflated_bytes_max: limit,
            ..Limits::default()
        };
        let (read, unpacked) = unpacker.unpack(bytes, &limits);
        assert_eq!(read, content);
        assert_eq!(unpacked.fault.as_ref().map(|(reason, _)| *reason), fault);
        unpacked
    }

    #[test]
    fn members_and_trailing_bytes_are_told() {
        assert_eq!(check(b"plain", 100, b"plain", None).members, 0);
        assert_eq!(check(&gzip(b"one"), 100, b"one", None).members, 1);
        assert_eq!(
            check(&[gzip(b"one"), gzip(b"two")].concat(), 100, b"onetwo", None).members,
            2
        );
        assert_eq!(
            check(&[gzip(b"one"), vec![0; 7]].concat(), 100, b"one", None).trailing_bytes,
            7
        );
        check(
            &[gzip(b"one"), b"\x1f\x8b".to_vec()].concat(),
            100,
            b"one",
            Some(Reason::TruncatedGzip),
        );
    }

    #[test]
    fn a_hidden_member_with_the_same_length_is_found() {
        assert_eq!(
            check(&[gzip(b"one"), gzip(b"two")].concat(), 100, b"onetwo", None).members,
            2
        );
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let zeroes = vec![0; 1 << 20];
        check(&gzip(&zeroes), 1 << 20, &zeroes, None);
        check(
            &gzip(&zeroes),
            1000,
            &zeroes[..1000],
            Some(Reason::TooLarge),
        );
    }

    #[test]
    fn what_a_file_tells_of_its_size_is_held_to_what_is_possible() {
        let told = |bytes: &[u8], limit: usize| {
            let limits = Limits {
                inflated_bytes_max: limit,
                ..Limits::default()
            };
            inflated_told(bytes, &limits)
        };
        assert_eq!(told(b"{}", 100), 0);
        assert_eq!(told(b"", 100), 0);
        assert_eq!(told(&gzip(b"content"), 100), 7);
        assert_eq!(told(&gzip(&[0; 1000]), 100), 100);
        let lie = [MEMBER_START, &[0xff; 20]].concat();
        assert_eq!(told(&lie, usize::MAX), 23 * RATIO_MAX);
    }

    #[test]
    fn a_room_grows_with_slack_and_a_large_one_is_given_back() {
        let mut unpacker = Unpacker::new();
        let limits = Limits {
            kept_bytes_max: 1000,
            ..Limits::default()
        };
        for (length, kept) in [
            (800, 900),
            (850, 900),
            (100, 900),
            (950, 1000),
            (1001, 0),
            (10, 11),
        ] {
            let content = vec![b'x'; length];
            let packed = gzip(&content);
            let (read, _) = unpacker.unpack(&packed, &limits);
            assert_eq!(read, content);
            unpacker.trim(&limits);
            assert_eq!(unpacker.room.len(), kept, "after {length} bytes");
        }
    }

    #[test]
    fn a_wrong_checksum_keeps_the_content() {
        let mut bytes = gzip(b"content");
        let at = bytes.len() - 8;
        bytes[at] ^= 1;
        check(&bytes, 100, b"content", Some(Reason::CorruptGzip));
        let mut bytes = gzip(b"content");
        let at = bytes.len() - 1;
        bytes[at] = 0x7f;
        check(&bytes, 100, b"content", Some(Reason::CorruptGzip));
    }

    proptest! {
        #[test]
        fn a_cut_keeps_what_came_before(content in prop::collection::vec(any::<u8>(), 1..2000), cut in any::<prop::sample::Index>()) {
            let bytes = gzip(&content);
            let kept = 2 + cut.index(bytes.len() - 2);
            let mut unpacker = Unpacker::new();
            let (read, unpacked) = unpacker.unpack(&bytes[..kept], &Limits::default());
            prop_assert!(content.starts_with(read));
            prop_assert!(unpacked.fault.is_some());
        }

        #[test]
        fn any_bytes_are_safe(tail in prop::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [MEMBER_START, &tail].concat();
            let mut unpacker = Unpacker::new();
            let (read, _) = unpacker.unpack(&bytes, &Limits { inflated_bytes_max: 5000, ..Limits::default() });
            prop_assert!(read.len() <= 5000);
        }
    }
}
