//! [`Suppressions`]: reviewed statements that hide matching news for a time: pattern, reason, author, expiry. What a pattern fits is said here; what
//! hiding means is the detector's concern, and reading the file the review's.

use std::{fmt, str::FromStr};

use offtrail_event::{Day, PrincipalName, Timestamp};
use xxhash_rust::xxh3::xxh3_64;

use crate::{CallPattern, is_sayable};

/// Suppressions of a file.
pub const SUPPRESSIONS_MAX: usize = 1_000;

/// Days from which a suppression is written to its end, at most: what hides has to be looked at again.
pub const SUPPRESSION_DAYS_MAX: i32 = 400;

/// Characters of a suppression's id.
pub const SUPPRESSION_ID_CHARS_MAX: usize = 64;

/// Characters of a text pattern: as long as an ARN can be.
pub const TEXT_PATTERN_CHARS_MAX: usize = 2_048;

/// A text in which each `*` stands for any characters, or none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextPattern(Box<str>);

/// A text that is no pattern, or one that fits everything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error(
    "has to be 1 to {TEXT_PATTERN_CHARS_MAX} characters that can be seen, not of * alone, which fits everything"
)]
pub struct TextPatternError;

impl TextPattern {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it fits the whole of a text. In time proportional to the product of both lengths at worst.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else {
            return false;
        };
        let Some(last) = parts.next_back() else {
            return rest.is_empty();
        };
        for part in parts {
            // The earliest place leaves the most for what follows.
            let Some(at) = rest.find(part) else {
                return false;
            };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

impl FromStr for TextPattern {
    type Err = TextPatternError;

    fn from_str(text: &str) -> Result<Self, TextPatternError> {
        let fits_all = text.chars().all(|one| one == '*');
        if fits_all || !is_sayable(text, TEXT_PATTERN_CHARS_MAX) {
            return Err(TextPatternError);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for TextPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One suppression. Patterns that are there all have to fit; there is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Its name: letters, digits, `.`, `_`, `-`.
    pub id: Box<str>,
    /// Name, ARN, unique id or key of a principal.
    pub principal: Option<TextPattern>,
    /// Calls.
    pub call: Option<CallPattern>,
    /// The first word of a network as findings show it: `198.51.100.0/24`, `AS64496`.
    pub network: Option<Box<str>>,
    /// The type of a finding.
    pub kind: Option<TextPattern>,
    /// Who answers for it.
    pub author: Box<str>,
    /// The day it was said.
    pub on: Day,
    /// From the start of this UTC day on, by event time, it hides nothing.
    pub until: Day,
    /// Why.
    pub reason: Box<str>,
}

impl Suppression {
    /// Whether it hides nothing any more at a moment of event time.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until.start()
    }

    /// Whether it speaks of a principal.
    #[must_use]
    pub fn speaks_of(&self, name: &PrincipalName) -> bool {
        self.principal.as_ref().is_none_or(|pattern| {
            let plain = [&name.name, &name.arn, &name.id];
            plain
                .into_iter()
                .any(|text| !text.is_empty() && pattern.fits(text))
                || pattern.fits(&name.key())
        })
    }

    /// What makes it the same suppression in the next run: its id and what it fits. Whoever changes a pattern writes another one.
    #[must_use]
    pub fn mark(&self) -> u64 {
        let text = |pattern: Option<&str>| pattern.unwrap_or_default().to_owned();
        let parts = [
            self.id.to_string(),
            text(self.principal.as_ref().map(TextPattern::as_str)),
            text(self.call.as_ref().map(CallPattern::as_str)),
            text(self.network.as_deref()),
            text(self.kind.as_ref().map(TextPattern::as_str)),
        ];
        xxh3_64(parts.join("\0").as_bytes())
    }
}

/// Suppressions in the order of their file; no two of one id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suppressions(Vec<Suppression>);

impl Suppressions {
    /// Those of a file. The caller answers for ids that differ.
    #[must_use]
    pub(crate) fn new(all: Vec<Suppression>) -> Self {
        Self(all)
    }

    /// Each in the order of its file.
    pub fn iter(&self) -> impl Iterator<Item = &Suppression> {
        self.0.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        let check = |pattern: &str, text: &str, expected: bool| {
            let pattern: TextPattern = pattern.parse().unwrap();
            assert_eq!(pattern.fits(text), expected, "{pattern} {text}");
        };
        check("scanner", "scanner", true);
        check("scanner", "scanner-2", false);
        check("scanner*", "scanner-2", true);
        check("*scan*", "the scanner", true);
        check(
            "arn:aws:iam::*:role/audit-*",
            "arn:aws:iam::111122223333:role/audit-x",
            true,
        );
        check("a*a", "a", false);
        check("a*a", "aa", true);
        check("a*b*c", "a-c-b-c", true);
        check("a*b*c", "a-c-b", false);
        check("ü*", "über", true);
    }

    #[test]
    fn what_fits_everything_or_shows_nothing_is_no_pattern() {
        for text in ["", "*", "***", " ", "a\u{202e}", "a\u{1b}"] {
            assert!(text.parse::<TextPattern>().is_err(), "{text:?}");
        }
    }
}
