//! [`CallPattern`]: which calls a purpose or an expectation speaks of.

use std::{fmt, str::FromStr};

/// Characters of a pattern.
const PATTERN_CHARS_MAX: usize = 200;

/// `ecr` or `ecr:*` (every call of a service), `s3:Get*`, `iam:GetUser`. A service is written as in calls: `iam` for `iam.amazonaws.com`, other
/// event sources in full.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallPattern(Box<str>);

/// A text that is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error(
    "{0:?} is no pattern of calls; write a service (\"ecr\"), a call (\"iam:GetUser\") or the beginning of one (\"s3:Get*\")"
)]
pub struct PatternError(pub String);

impl CallPattern {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a call is one of these.
    #[must_use]
    pub fn fits(&self, source: &str, operation: &str) -> bool {
        let (service, wanted) = self.0.split_once(':').unwrap_or((&self.0, "*"));
        source.strip_suffix(".amazonaws.com").unwrap_or(source) == service
            && wanted
                .strip_suffix('*')
                .map_or(operation == wanted, |start| operation.starts_with(start))
    }
}

impl FromStr for CallPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = || PatternError(text.chars().take(PATTERN_CHARS_MAX).collect());
        let (service, operation) = text.split_once(':').unwrap_or((text, "*"));
        let plain = |text: &str| {
            let usual = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            text.bytes().all(usual)
        };
        let start = operation.strip_suffix('*').unwrap_or(operation);
        let sound = !service.is_empty() && !operation.is_empty() && plain(service) && plain(start);
        if sound && text.len() <= PATTERN_CHARS_MAX {
            Ok(Self(text.into()))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for CallPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pattern_fits_a_service_a_call_or_its_beginning() {
        let check = |pattern: &str, source: &str, operation: &str, expected: bool| {
            let pattern: CallPattern = pattern.parse().unwrap();
            assert_eq!(pattern.fits(source, operation), expected, "{pattern}");
        };
        check("ecr", "ecr.amazonaws.com", "PutImage", true);
        check("ecr:*", "ecr.amazonaws.com", "PutImage", true);
        check("ecr", "ecr-public.amazonaws.com", "PutImage", false);
        check("s3:Get*", "s3.amazonaws.com", "GetObject", true);
        check("s3:Get*", "s3.amazonaws.com", "PutObject", false);
        check("iam:GetUser", "iam.amazonaws.com", "GetUserPolicy", false);
        check("example.org:X", "example.org", "X", true);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for text in [
            "",
            ":",
            "*",
            "s3:",
            ":Get",
            "s3:*Get",
            "s 3",
            "s3:a:b",
            "*:Get",
            "s3:\u{7f}",
        ] {
            assert!(text.parse::<CallPattern>().is_err(), "{text:?}");
        }
    }
}
