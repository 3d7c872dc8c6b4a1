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

/// A number of bits at the two decimals that files and texts show, between 0 and 10¹² (what is not finite or negative
/// becomes 0: no judgement gives that). So it has at most 14 digits, which every JSON reader reads back exactly.
pub(crate) fn two_decimals(bits: f64) -> f64 {
    const LARGEST: f64 = 1e12;
    if bits.is_finite() && bits > 0.0 {
        (bits.min(LARGEST) * 100.0).round() / 100.0
    } else {
        0.0
    }
}
