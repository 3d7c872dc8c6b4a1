//! What a user may name as input on the command line.

use std::path::PathBuf;

/// One input named by a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Standard input, `-`.
    Stdin,
    /// A file, or a folder to walk.
    Path(PathBuf),
    /// The objects of a bucket whose keys begin with a prefix (empty: all).
    S3 {
        /// The bucket's name.
        bucket: String,
        /// What the keys begin with; not necessarily up to a `/`.
        prefix: String,
    },
}

/// A name that is no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Nothing between `s3://` and the next `/`.
    #[error("read source {0:?}: no bucket name; write s3://BUCKET/PREFIX")]
    NoBucket(String),
    /// An empty argument.
    #[error("read source \"\": empty; name a file, a folder, s3://BUCKET/PREFIX or -")]
    Empty,
    /// Another scheme than `s3://`.
    #[error(
        "read source {0:?}: only s3:// addresses are read; name a file, a folder, s3://BUCKET/PREFIX or -"
    )]
    Scheme(String),
}

impl Source {
    /// Reads a command-line argument: `-`, `s3://bucket/prefix`, or a path.
    ///
    /// # Errors
    /// An empty argument, `s3://` without a bucket, or another scheme (`http://…`).
    pub fn parse(argument: &str) -> Result<Self, SourceError> {
        if argument.is_empty() {
            return Err(SourceError::Empty);
        }
        if argument == "-" {
            return Ok(Self::Stdin);
        }
        match argument.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("s3") => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() {
                    return Err(SourceError::NoBucket(argument.to_owned()));
                }
                Ok(Self::S3 {
                    bucket: bucket.to_owned(),
                    prefix: prefix.to_owned(),
                })
            }
            Some((scheme, _)) if is_scheme(scheme) => Err(SourceError::Scheme(argument.to_owned())),
            _ => Ok(Self::Path(PathBuf::from(argument))),
        }
    }
}

/// Whether the text before `://` is a URL scheme rather than the start of an odd path.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(argument: &str, expected: Source) {
        assert_eq!(Source::parse(argument).unwrap(), expected, "{argument}");
    }

    fn s3(bucket: &str, prefix: &str) -> Source {
        Source::S3 {
            bucket: bucket.into(),
            prefix: prefix.into(),
        }
    }

    #[test]
    fn arguments_become_sources() {
        check("-", Source::Stdin);
        check("s3://b", s3("b", ""));
        check("s3://b/", s3("b", ""));
        check("S3://b/p/AWSLogs", s3("b", "p/AWSLogs"));
        check("logs/a b.json.gz", Source::Path("logs/a b.json.gz".into()));
        check("./s3:/x", Source::Path("./s3:/x".into()));
        check("./-", Source::Path("./-".into()));
    }

    #[test]
    fn what_is_no_source_says_what_to_write() {
        for (argument, expected) in [
            (
                "",
                "read source \"\": empty; name a file, a folder, s3://BUCKET/PREFIX or -",
            ),
            (
                "s3:///x",
                "read source \"s3:///x\": no bucket name; write s3://BUCKET/PREFIX",
            ),
            (
                "https://x/y",
                "read source \"https://x/y\": only s3:// addresses are read; name a file, a folder, s3://BUCKET/PREFIX or -",
            ),
        ] {
            assert_eq!(Source::parse(argument).unwrap_err().to_string(), expected);
        }
    }
}
