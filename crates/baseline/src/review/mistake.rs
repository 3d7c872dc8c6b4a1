//! [`Mistake`]: what is wrong with a line of a review file, and what to do about it.

use super::{REVIEW_FILE_BYTES_MAX, REVIEW_FILE_LINES_MAX, SUPPRESSIONS_FILE_BYTES_MAX};
use crate::{SUPPRESSION_DAYS_MAX, SUPPRESSION_ID_CHARS_MAX, TextPatternError};

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{line}: {what}")]
pub struct Mistake {
    /// From 1 on.
    pub line: usize,
    /// What is wrong, and what to do about it.
    pub what: What,
}

/// What is wrong. Each says what to do about it; texts of the file are quoted as a Rust string is, so that they do nothing on a terminal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum What {
    /// No UTF-8.
    #[error("this is no UTF-8 text; save the file as UTF-8, or take back its last version")]
    NotText,
    /// Too large.
    #[error(
        "the file is larger than {REVIEW_FILE_BYTES_MAX} bytes or {REVIEW_FILE_LINES_MAX} lines; no export is: export it again"
    )]
    TooLarge,
    /// What version control leaves behind.
    #[error(
        "a merge conflict was left here ({0:?}); decide which side holds and remove the three markers"
    )]
    Conflict(String),
    /// Not TOML.
    #[error("this is no TOML: {0}; correct it, or take back the file's last version")]
    Toml(String),
    /// A later format.
    #[error("format {0} is not the one this build reads (1); upgrade offtrail or export again")]
    Format(String),
    /// A field nobody knows.
    #[error("unknown field {field:?}; known here: {known}")]
    UnknownField {
        /// Its name.
        field: String,
        /// Those there are.
        known: String,
    },
    /// A field that has to be there.
    #[error("{0:?} is missing; export the file again, or put it back")]
    Missing(&'static str),
    /// A list of calls without any.
    #[error("{0:?} names no call; name at least one, or remove the whole table")]
    NoCalls(&'static str),
    /// Another type.
    #[error("{field:?} has to be {wanted}, and is {found}")]
    Type {
        /// Its name.
        field: &'static str,
        /// What it has to be.
        wanted: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A word of no list.
    #[error("{field:?} can't be {found:?}; write {wanted}")]
    Word {
        /// Its name.
        field: &'static str,
        /// What is there.
        found: String,
        /// What can be.
        wanted: String,
    },
    /// A day that there is not.
    #[error("{0:?} has to be a day like 2026-02-01, without quotes and time")]
    Day(&'static str),
    /// A text that can't be said.
    #[error(
        "{field:?} has to be a text of 1 to {max} characters without control characters and characters that show nothing"
    )]
    Text {
        /// Its name.
        field: &'static str,
        /// Most characters.
        max: usize,
    },
    /// A pattern.
    #[error("{0}")]
    Pattern(crate::PatternError),
    /// Too many of something.
    #[error("more than {max} {what}; join some of them")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// A season that is none.
    #[error("{0}")]
    Season(String),
    /// A call twice.
    #[error("{what} stands here and on line {first}; keep one of the two lines")]
    Twice {
        /// Which.
        what: String,
        /// Where it stands first.
        first: usize,
    },
    /// A field of a ruling on a line that has none.
    #[error("{0:?} without a ruling; add standing = \"approved\" or \"refused\", or remove it")]
    NoRuling(&'static str),
    /// A severity of what is approved.
    #[error("a severity belongs to a refusal; remove it")]
    SeverityOfApproval,
    /// No reviewer.
    #[error("{0} without a reviewer; add by = \"…\", or import with --reviewer NAME")]
    NoReviewer(String),
    /// No reason.
    #[error("{0} without a reason; add reason = \"…\"")]
    NoReason(String),
    /// Ends before it begins.
    #[error("it ends ({until}) before it begins ({on}); correct one of the two days")]
    EndsBefore {
        /// `until`.
        until: String,
        /// `on`.
        on: String,
    },
    /// A principal nobody knows.
    #[error(
        "principal {0:?} is not in the baseline (any more); remove the file, or import with --ignore-gone"
    )]
    Gone(String),
    /// Two files of one principal.
    #[error("principal {what:?} has another file, {first:?}; remove one of the two")]
    PrincipalTwice {
        /// Which.
        what: String,
        /// Its first file.
        first: String,
    },
    /// A line the baseline hasn't.
    #[error(
        "{0} is not in the baseline; only what was seen can be ruled on: correct it, or export again and make your change there"
    )]
    UnknownLine(String),
    /// A line the baseline has.
    #[error(
        "{0} is in the baseline and not in this file; lines are ruled on and not removed: put it back, or export again and make your change there"
    )]
    LineGone(String),
    /// A field of the baseline's own.
    #[error(
        "{field} is {found:?} here and {known:?} in the baseline; it is learnt and not edited: export again and make your change there"
    )]
    Edited {
        /// Its name.
        field: &'static str,
        /// What is there.
        found: String,
        /// What would be exported.
        known: String,
    },
    /// A standing that isn't given by hand.
    #[error(
        "{what} is {known} in the baseline and can't be made {found} by hand; write standing = \"approved\" or \"refused\", or put {known:?} back"
    )]
    Standing {
        /// Which line.
        what: String,
        /// Standing of the baseline.
        known: &'static str,
        /// Standing of the file.
        found: &'static str,
    },
    /// A file of suppressions that is too large.
    #[error("the file is larger than {SUPPRESSIONS_FILE_BYTES_MAX} bytes; join some suppressions")]
    SuppressionsTooLarge,
    /// A field that a suppression has to have.
    #[error("a suppression without {0:?}; each says id, reason, author, on and until")]
    SuppressionLacks(&'static str),
    /// A suppression without a pattern.
    #[error("this suppression would hide everything; say principal, call, network or type")]
    SuppressesEverything,
    /// An id that is none.
    #[error(
        "\"id\" has to be 1 to {SUPPRESSION_ID_CHARS_MAX} letters, digits, dots, underscores and hyphens"
    )]
    SuppressionId,
    /// Two of one id.
    #[error("{what} stands here and on line {first}; give one of the two another id")]
    SuppressionTwice {
        /// Which.
        what: String,
        /// Where it stands first.
        first: usize,
    },
    /// It would hide for too long.
    #[error(
        "it hides for {days} days, at most {SUPPRESSION_DAYS_MAX} are possible; write an earlier until, and renew it then"
    )]
    TooLong {
        /// From `on` to `until`.
        days: i32,
    },
    /// A pattern of texts.
    #[error("{field:?} {error}")]
    TextPattern {
        /// Its name.
        field: &'static str,
        /// What is wrong with it.
        error: TextPatternError,
    },
}
