//! Names of single files and objects, one a line, as somebody else listed them: nothing has to be listed again.

use std::path::PathBuf;

use crate::item::{Fingerprint, Item, Provenance};
use crate::source::{Source, SourceError};

/// A line that is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the names: {reason}")]
pub struct NameError {
    /// Its number, from 1.
    pub line: u64,
    /// Why.
    pub reason: NoName,
}

/// Why a line is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoName {
    /// Neither an object nor a path.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Standard input has no name.
    #[error("- stands for standard input; name files and objects")]
    Stdin,
    /// A bucket without a key, or a key that ends with a `/`.
    #[error("{0:?} names no object; write s3://BUCKET/KEY, one object a line")]
    NoObject(String),
    /// It can't be read.
    #[error("{0}")]
    Unreadable(String),
    /// What follows the key is not size and tag.
    #[error(
        "after {0:?}, write nothing, or its size in bytes and its entity tag, with tabs between"
    )]
    Fields(String),
}

/// What a line names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    /// A file or folder.
    Path(PathBuf),
    /// An object.
    Object(Item),
}

impl Name {
    /// Reads a path, or `s3://BUCKET/KEY`, perhaps with size and entity tag after tabs: with these an object that was learnt is known to be the same later.
    pub(crate) fn parse(line: &str) -> Result<Self, NoName> {
        let (name, fields) = match line.split_once('\t') {
            Some((name, fields)) if name.contains("://") => (name, Some(fields)),
            _ => (line, None),
        };
        match Source::parse(name)? {
            Source::Stdin => Err(NoName::Stdin),
            Source::Path(path) => Ok(Self::Path(path)),
            Source::S3 { prefix: key, .. } if key.is_empty() || key.ends_with('/') => {
                Err(NoName::NoObject(name.to_owned()))
            }
            Source::S3 { bucket, prefix } => Ok(Self::Object(Item {
                provenance: Provenance::Object {
                    bucket: bucket.into(),
                    key: prefix.into(),
                },
                fingerprint: match fields {
                    None => Fingerprint::Unknown,
                    Some(fields) => {
                        fingerprint(fields).ok_or_else(|| NoName::Fields(name.to_owned()))?
                    }
                },
            })),
        }
    }
}

fn fingerprint(fields: &str) -> Option<Fingerprint> {
    let (size, etag) = fields.split_once('\t')?;
    let etag = etag.trim_matches('"');
    let size = size.parse().ok()?;
    let whole = !etag.is_empty() && !etag.contains('\t');
    whole.then(|| Fingerprint::Object {
        etag: etag.into(),
        size,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(line: &str, shown: &str, fingerprint: &str) {
        let Name::Object(item) = Name::parse(line).unwrap() else {
            panic!("{line:?} is no object");
        };
        assert_eq!(item.provenance.to_string(), shown);
        assert_eq!(item.fingerprint.to_string(), fingerprint);
    }

    #[test]
    fn a_line_names_an_object_or_a_path() {
        check("s3://b/k.gz", "s3://b/k.gz", "");
        check("s3://b/a b\t12\t\"e1\"", "s3://b/a b", "etag:e1+12");
        let path = |text: &str| Ok(Name::Path(text.into()));
        assert_eq!(Name::parse("a/b\tc.gz"), path("a/b\tc.gz"));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for line in [
            "-",
            "s3://b",
            "s3://b/p/",
            "http://x/y",
            "s3://b/k\t12",
            "s3://b/k\tx\te",
        ] {
            assert!(Name::parse(line).is_err(), "{line:?}");
        }
    }
}
