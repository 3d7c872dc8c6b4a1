//! [`FileTally`]: what became of one file. `records = observations + rejects` always holds.

use std::collections::BTreeMap;

use crate::Reason;

/// The outermost envelope the records of a file came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Envelope {
    /// Nothing that could be an envelope was found.
    #[default]
    Unknown,
    /// `{"Records":[…]}`, as CloudTrail delivers to S3.
    Records,
    /// `[…]`.
    Array,
    /// One record.
    Single,
    /// JSON Lines, or JSON values one after the other.
    Lines,
    /// EventBridge: the record is `detail`.
    EventBridge,
    /// A CloudWatch Logs subscription: records are `logEvents[].message`.
    LogsSubscription,
    /// `LookupEvents`: the record is the text of `CloudTrailEvent`.
    LookupEvents,
    /// Kinesis or Firehose: the record is in `data`, base64 and perhaps gzip.
    Kinesis,
    /// A message of SNS or SQS that carries a record.
    Message,
    /// Another object with records somewhere inside.
    Wrapped,
    /// A digest, Insight or notification file.
    Beside,
}

/// What became of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileTally {
    /// Observations and rejects together.
    pub records: u64,
    /// Records that became events.
    pub observations: u64,
    /// Rejects by the word of their reason.
    pub rejects: BTreeMap<&'static str, u64>,
    /// Digest files of CloudTrail's log validation: no records, no rejects.
    pub digests: u64,
    /// CloudTrail Insights events: no records, no rejects.
    pub insights: u64,
    /// Notifications of S3, SNS, SQS, CloudWatch Logs and EventBridge events of other services: no records, no rejects.
    pub notifications: u64,
    /// The file is readable and holds nothing: no bytes, `[]`, `{"Records":[]}`.
    pub empty: bool,
    /// The outermost envelope.
    pub envelope: Envelope,
    /// Gzip members read; 0 for plain text. More than one is unusual for CloudTrail.
    pub members: u64,
    /// Bytes after the last gzip member, not read.
    pub trailing_bytes: u64,
    /// Bytes that are not UTF-8 were read as U+FFFD.
    pub lossy_utf8: bool,
    /// Bytes of JSON text after inflating.
    pub inflated_bytes: u64,
}

impl FileTally {
    /// Rejects of all reasons.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejects.values().sum()
    }

    pub(crate) fn reject(&mut self, reason: Reason) {
        self.records += 1;
        *self.rejects.entry(reason.as_str()).or_default() += 1;
    }

    pub(crate) fn observation(&mut self) {
        self.records += 1;
        self.observations += 1;
    }
}
