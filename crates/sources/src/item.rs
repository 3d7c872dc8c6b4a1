//! One thing to read: where it lies, how large it is, and what tells that its content changed.
//!
//! Archives hold millions of files, so an item is kept small: the bucket's name is shared, and the layout is read from the key when
//! asked for, not stored.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::layout::Layout;
use crate::range::FOLDER_SLACK_SECS;

/// Where bytes came from. Ordered: standard input, then paths, then objects by bucket and key, then messages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provenance {
    /// Standard input; shown as `-`.
    Stdin,
    /// A file, shown as the user named it (a folder's files: the folder as named, and the way down).
    Path(Box<Path>),
    /// An S3 object, shown as `s3://bucket/key`.
    Object {
        /// The bucket's name.
        bucket: Arc<str>,
        /// The object's key.
        key: Box<str>,
    },
    /// A queue's message that is itself an event, shown as `sqs://queue/id`.
    Message {
        /// The queue's name: the last part of its URL.
        queue: Arc<str>,
        /// The message's id.
        id: Box<str>,
    },
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("-"),
            Self::Path(path) => f.write_str(&shown(&path.to_string_lossy())),
            Self::Object { bucket, key } => write!(f, "s3://{bucket}/{}", shown(key)),
            Self::Message { queue, id } => write!(f, "sqs://{}/{}", shown(queue), shown(id)),
        }
    }
}

/// A key or path as it may be shown: control characters escaped, so that a name can't break a line or a terminal.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    Cow::Owned(text.chars().map(escape).collect())
}

/// What tells that the content behind a provenance changed between two runs. Compare the displayed form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fingerprint {
    /// Nothing is known beforehand: standard input and pipes. Never equal to an earlier run's; shown as the empty string.
    Unknown,
    /// A file: its time of modification in nanoseconds since 1970, as far as the file system tells.
    File {
        /// Nanoseconds since 1970-01-01T00:00:00Z; negative before.
        modified_nanos: i128,
        /// Bytes.
        size: u64,
    },
    /// An object: the store's entity tag.
    Object {
        /// The tag, without quotes.
        etag: Box<str>,
        /// Bytes.
        size: u64,
    },
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => Ok(()),
            Self::File {
                modified_nanos,
                size,
            } => write!(f, "mtime:{modified_nanos}+{size}"),
            Self::Object { etag, size } => write!(f, "etag:{etag}+{size}"),
        }
    }
}

/// One thing to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Where it lies.
    pub provenance: Provenance,
    /// What tells that it changed.
    pub fingerprint: Fingerprint,
}

impl Item {
    /// Bytes as listed, still packed; 0 where not known beforehand.
    pub fn size(&self) -> u64 {
        match self.fingerprint {
            Fingerprint::Unknown => 0,
            Fingerprint::File { size, .. } | Fingerprint::Object { size, .. } => size,
        }
    }

    /// The earliest moment at which it can have been delivered, seconds since 1970, as far as its name and folders tell.
    pub fn delivered_from(&self) -> Option<i64> {
        let layout = self.layout()?;
        let of_folder = || layout.day.start() - FOLDER_SLACK_SECS;
        Some(layout.delivered.unwrap_or_else(of_folder))
    }

    /// What the key or path tells where it follows AWS's layout; never needed for reading.
    pub fn layout(&self) -> Option<Layout> {
        match &self.provenance {
            Provenance::Stdin | Provenance::Message { .. } => None,
            Provenance::Path(path) => Layout::parse(&path.to_string_lossy()),
            Provenance::Object { key, .. } => Layout::parse(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provenances_are_shown_on_one_line() {
        let object = Provenance::Object {
            bucket: "b".into(),
            key: "a b/\u{1b}[31m\n+é.json".into(),
        };
        assert_eq!(object.to_string(), "s3://b/a b/\\u{1b}[31m\\n+é.json");
        assert_eq!(
            Provenance::Path(Path::new("x/y\r.gz").into()).to_string(),
            "x/y\\r.gz"
        );
        assert_eq!(Provenance::Stdin.to_string(), "-");
        let message = Provenance::Message {
            queue: "trail".into(),
            id: "5fea7756\n".into(),
        };
        assert_eq!(message.to_string(), "sqs://trail/5fea7756\\n");
    }
}
