//! [`Limits`]: how much of anything one file may make us hold. Each is a setting with a default, listed in `docs/limits.md`.

/// How much of anything one file may make the parser hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Inflated bytes of one file. What lies before the limit is read; the rest is one reject. Default 512 MiB: CloudTrail's own
    /// files stay below a few MiB, and 64 KiB of zeroes in gzip may stand for 64 MiB.
    pub inflated_bytes_max: usize,
    /// Bytes of one record. Default 16 MiB, 250 times the largest seen in the field (66 kB).
    pub record_bytes_max: usize,
    /// Depth of objects and arrays within a record. Default 128; real records stay below 20.
    pub nesting_max: usize,
    /// Wrappers around a record: objects of unknown shape, and JSON text within JSON text. Default 6.
    pub wrapping_max: usize,
    /// How often, at most, the bytes of a broken file may be read again in search of whole records. Default 4.
    pub rescans_max: usize,
    /// Inflated bytes a parser keeps allocated between files. Default 8 MiB.
    pub kept_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            inflated_bytes_max: 512 << 20,
            record_bytes_max: 16 << 20,
            nesting_max: 128,
            wrapping_max: 6,
            rescans_max: 4,
            kept_bytes_max: 8 << 20,
        }
    }
}
