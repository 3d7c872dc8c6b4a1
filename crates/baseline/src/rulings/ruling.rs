//! [`Ruling`] and [`Purpose`]: what somebody said of a line or of a principal, who, when, why, and until when.

use offtrail_event::{CallId, Day, OutcomeClass, Severity, Timestamp};

use super::CallPattern;
use crate::{Dimension, Standing};

/// What a ruling is about: one line of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuledLine {
    /// A call with an outcome.
    Call(CallId, OutcomeClass),
    /// A value of another dimension: a text's id, or for [`Dimension::Takes`] a principal's.
    Value(Dimension, u32),
}

/// Who said so, when, why, and until when. Newer ones are greater.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Review {
    /// The day it was said.
    pub on: Day,
    /// From the start of this UTC day on, by event time, it no longer holds.
    pub until: Option<Day>,
    /// Who said it. Never empty, without control characters.
    pub by: Box<str>,
    /// Why. Never empty, without control characters.
    pub reason: Box<str>,
}

impl Review {
    /// Whether it no longer holds at a moment of event time.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now >= until.start())
    }
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// It is known-good.
    Approved,
    /// It raises whenever it is seen, at this severity.
    Refused(Severity),
}

impl Answer {
    /// The severity of a refusal that states none.
    pub const SEVERITY: Severity = Severity::High;

    /// The standing it gives a row.
    #[must_use]
    pub const fn standing(self) -> Standing {
        match self {
            Self::Approved => Standing::Approved,
            Self::Refused(_) => Standing::Refused,
        }
    }
}

/// A line approved or refused. The one that holds against another is greater.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ruling {
    /// Approved or refused.
    pub answer: Answer,
    /// By whom, when, why.
    pub review: Review,
}

impl Ruling {
    fn rank(&self) -> (Day, Answer, &Review) {
        (self.review.on, self.answer, &self.review)
    }
}

impl Ord for Ruling {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Ruling {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// What a principal is for: any judged call outside of it raises like a refused one. The one that holds against another is greater.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purpose {
    /// By whom, when, why.
    pub review: Review,
    /// In words: `CI deploy`.
    pub text: Box<str>,
    /// The calls it is confined to.
    pub only: Vec<CallPattern>,
    /// How grave a call outside of them is.
    pub severity: Severity,
}

impl Purpose {
    /// Whether it allows a call.
    #[must_use]
    pub fn allows(&self, source: &str, operation: &str) -> bool {
        self.only.iter().any(|one| one.fits(source, operation))
    }
}
