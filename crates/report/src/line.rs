//! One JSON value on one line, the frame of every JSON Lines format here.

use std::io;

use serde::Serialize;

/// Writes `value` as JSON without line breaks inside, and a line break after.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write_json_line(out: &mut dyn io::Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// A number of bits at the two decimals that files and texts show; not finite or negative becomes 0, which no
/// judgement gives.
pub(crate) fn two_decimals(bits: f64) -> f64 {
    /// Above this a number has no decimals worth keeping, and a hundred times it might not be finite.
    const LARGEST: f64 = 1e12;
    if !bits.is_finite() || bits <= 0.0 {
        0.0
    } else if bits >= LARGEST {
        bits.trunc()
    } else {
        (bits * 100.0).round() / 100.0
    }
}
