//! Where a JSON string ends, sixteen bytes at a time.
//!
//! The vectors are those of `wide`: SSE2 and NEON by the target, plain words elsewhere; nothing is chosen at run time. The idea is that of every
//! fast reader of JSON (Langdale and Lemire, "Parsing gigabytes of JSON per second", 2019): compare a vector at once, and look at the mask.

use wide::u8x16;

/// The eight bytes from `at` on, as a number.
#[inline(always)]
pub(crate) fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*word))
}

/// A hash of a few words, for looking up what is then compared.
#[inline(always)]
pub(crate) fn mixed<const N: usize>(words: [u64; N]) -> u64 {
    let sum = words.into_iter().fold(0_u64, |sum, word| {
        (sum.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    sum ^ sum >> 32
}

/// The next byte of a string, from `at` on, that is a quote, a backslash or a control character; the length if there is none.
///
/// Sixteen bytes at a time, in one vector of the processor; each bit of the mask stands for a byte, so the lowest one is the place.
#[inline(always)]
pub(crate) fn next_special(bytes: &[u8], at: usize) -> usize {
    let mut at = at;
    while let Some(Ok(chunk)) = bytes.get(at..at + 16).map(<[u8; 16]>::try_from) {
        let chunk = u8x16::new(chunk);
        let control = chunk.min(u8x16::splat(b' ' - 1)).simd_eq(chunk);
        let quote = chunk.simd_eq(u8x16::splat(b'"'));
        let backslash = chunk.simd_eq(u8x16::splat(b'\\'));
        let hits = (quote | backslash | control).to_bitmask();
        if hits != 0 {
            return at + hits.trailing_zeros() as usize;
        }
        at += 16;
    }
    let tail = bytes.get(at..).unwrap_or_default();
    at + tail
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | 0..b' '))
        .unwrap_or(tail.len())
}

/// Which of the next 64 bytes from `at` on are quotes, the lowest bit for the first; `None` at the end.
#[inline(always)]
pub(crate) fn quotes(bytes: &[u8], at: usize) -> Option<u64> {
    let is_quote =
        |chunk: [u8; 16]| u64::from(u8x16::new(chunk).simd_eq(u8x16::splat(b'"')).to_bitmask());
    if let Some(chunks) = bytes.get(at..at + 64) {
        let (chunks, _) = chunks.as_chunks::<16>();
        return Some(
            chunks
                .iter()
                .rev()
                .fold(0, |mask, chunk| mask << 16 | is_quote(*chunk)),
        );
    }
    let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
    let mask = rest
        .iter()
        .rev()
        .fold(0, |mask, byte| mask << 1 | u64::from(*byte == b'"'));
    Some(mask)
}
