//! [`Reject`]: input that could not become an event. Counted and shown, never a silent skip.

use std::fmt;

/// Longest [`Reject::detail`], in bytes: enough to find the spot, too little to flood a file of rejects.
pub(crate) const DETAIL_BYTES_MAX: usize = 240;

/// Input that could not become an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Its place among the records and rejects of the file, from 0.
    pub index: u64,
    /// What was wrong.
    pub reason: Reason,
    /// Where and what, in words; at most 240 bytes.
    pub detail: String,
}

impl Reject {
    pub(crate) fn new(index: u64, reason: Reason, detail: String) -> Self {
        // What stood in the input must not steer somebody's terminal.
        let mut detail = if detail.contains(char::is_control) {
            detail.replace(char::is_control, " ")
        } else {
            detail
        };
        if detail.len() > DETAIL_BYTES_MAX {
            let cut = detail.floor_char_boundary(DETAIL_BYTES_MAX - '…'.len_utf8());
            detail.truncate(cut);
            detail.push('…');
        }
        Self {
            index,
            reason,
            detail,
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.as_str(), self.detail)
    }
}

/// Why input could not become an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The gzip stream ends before its footer; what was inflated before is read.
    TruncatedGzip,
    /// The gzip stream is broken or its checksum is wrong; what was inflated before is read.
    CorruptGzip,
    /// Inflating would pass `inflated_bytes_max`; what was inflated before is read.
    TooLarge,
    /// Bytes follow the last gzip member that are no member.
    TrailingBytes,
    /// The text is no JSON, or stops being JSON here.
    NotJson,
    /// The JSON text ends in the middle of a value.
    Truncated,
    /// An element of the array of records is no object.
    NotAnObject,
    /// JSON, but neither a CloudTrail record nor an envelope that holds one.
    NotCloudTrail,
    /// The field has to be there and is not.
    MissingField(&'static str),
    /// `eventTime` is no time between 1970 and 2106.
    BadTime,
    /// The field is of a type it can't have.
    BadField(&'static str),
    /// Nested deeper than `nesting_max`.
    TooDeep,
    /// Longer than `record_bytes_max`.
    RecordTooLarge,
}

impl Reason {
    /// The word used for it in every format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TruncatedGzip => "truncated_gzip",
            Self::CorruptGzip => "corrupt_gzip",
            Self::TooLarge => "too_large",
            Self::TrailingBytes => "trailing_bytes",
            Self::NotJson => "not_json",
            Self::Truncated => "truncated",
            Self::NotAnObject => "not_an_object",
            Self::NotCloudTrail => "not_cloudtrail",
            Self::MissingField(_) => "missing_field",
            Self::BadTime => "bad_time",
            Self::BadField(_) => "bad_field",
            Self::TooDeep => "too_deep",
            Self::RecordTooLarge => "record_too_large",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_cut_at_a_character() {
        let reject = Reject::new(0, Reason::NotJson, "é".repeat(500));
        assert!(reject.detail.len() <= DETAIL_BYTES_MAX && reject.detail.ends_with('…'));
        assert_eq!(
            Reject::new(1, Reason::BadTime, "short".into()).to_string(),
            "bad_time: short"
        );
    }
}
