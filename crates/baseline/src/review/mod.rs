//! Reading back the review text: one file of an export, as somebody edited it, as values with the lines they stand on.
//!
//! This reads what is written and knows no baseline; [`Import`] holds it against one. Every mistake is told with its line and what to do
//! about it. Format: `docs/formats/baseline-export.md`.

mod fields;
mod import;
mod mistake;
mod read;
mod suppressions;

pub use import::{Change, Changes, Import, Presumed, Ruled};
pub use mistake::{Mistake, What};
pub use read::read;
pub use suppressions::{SUPPRESSIONS_FILE_BYTES_MAX, read_suppressions};

use offtrail_event::{Day, OutcomeClass, PrincipalKind, Severity};

use crate::{CallPattern, Dimension, Season, Standing};

/// Largest review file, bytes.
pub const REVIEW_FILE_BYTES_MAX: usize = 32 << 20;

/// Most lines of a review file.
pub const REVIEW_FILE_LINES_MAX: usize = 200_000;

/// Mistakes of a file, and of an import, that are listed; more are counted.
pub const MISTAKES_MAX: usize = 100;

/// A review file as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct ReviewFile {
    /// Whose it is.
    pub principal: PrincipalLine,
    /// `learning`, `established` or `stale`.
    pub maturity: String,
    /// Credential kinds it was seen with.
    pub credentials: Vec<String>,
    /// What records told of its nature.
    pub traits: Vec<String>,
    /// The line on which `calls` begins.
    pub calls_line: usize,
    /// One per call and outcome, in the order of the file; no two of the same.
    pub calls: Vec<CallLine>,
    /// Lines of other dimensions; no two of the same.
    pub others: Vec<ValueLine>,
    /// What it is for.
    pub purpose: Option<PurposeTable>,
    /// What is expected of it.
    pub expectations: Vec<ExpectTable>,
}

/// Who a file is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalLine {
    /// The line of its id.
    pub line: usize,
    /// Its kind.
    pub kind: PrincipalKind,
    /// Its account; empty if unknown.
    pub account: String,
    /// Its unique id.
    pub id: String,
    /// The person of a shared role.
    pub person: Option<String>,
    /// Its name; empty if there is none.
    pub name: String,
    /// Its ARN; empty if there is none.
    pub arn: String,
}

/// A call of `calls`.
#[derive(Clone, Debug, PartialEq)]
pub struct CallLine {
    /// Its line, from 1 on.
    pub line: usize,
    /// `iam:ListAccessKeys`.
    pub call: String,
    /// The event source, where the call does not tell it; else empty.
    pub source: String,
    /// How it ended.
    pub outcome: OutcomeClass,
    /// UTC day of the first sighting.
    pub since: Day,
    /// `frequent`, `infrequent` or `rare`.
    pub seen: String,
    /// What was ruled.
    pub review: LineReview,
}

/// A line of `others`.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueLine {
    /// Its line, from 1 on.
    pub line: usize,
    /// Which dimension.
    pub dimension: Dimension,
    /// The value; for a role its key.
    pub value: String,
    /// UTC day of the first sighting.
    pub since: Day,
    /// What was ruled.
    pub review: LineReview,
}

/// The standing of a line, and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineReview {
    /// Learnt if nothing is said.
    pub standing: Standing,
    /// Of a refusal; [`crate::Answer::SEVERITY`] if nothing is said.
    pub severity: Option<Severity>,
    /// Who, when, why.
    pub said: Said,
}

/// Who said something, when, why, as far as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The reviewer.
    pub by: Option<String>,
    /// The day.
    pub on: Option<Day>,
    /// The reason.
    pub reason: Option<String>,
    /// The day from which on it no longer holds.
    pub until: Option<Day>,
}

/// `[purpose]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurposeTable {
    /// Its line, from 1 on.
    pub line: usize,
    /// In words.
    pub text: String,
    /// Calls it is confined to.
    pub only: Vec<CallPattern>,
    /// Of a call outside of them.
    pub severity: Option<Severity>,
    /// Who, when, why.
    pub said: Said,
}

/// `[[expect]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectTable {
    /// Its line, from 1 on.
    pub line: usize,
    /// Which calls.
    pub calls: Vec<CallPattern>,
    /// When.
    pub season: Season,
    /// Who, when, why.
    pub said: Said,
}
