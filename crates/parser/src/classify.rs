//! What an object is: a record, a wrapper around records, something AWS puts beside its logs, or unknown.

use crate::{
    Envelope,
    record::{Object, RawRecord, Wrapper},
    scan::Value,
};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A CloudTrail record, perhaps one with faults.
    Record,
    /// A CloudTrail Insights event.
    Insight,
    /// A digest file of CloudTrail's log validation.
    Digest,
    /// A notification without a record.
    Notification,
    /// Holds records in a member we know.
    Wrapper(Envelope),
    /// None of these.
    Unknown,
}

impl Object<'_> {
    /// What this object is.
    pub(crate) fn shape(&self) -> Shape {
        let record = &self.record;
        if let Some(shape) = self
            .wrapper
            .as_deref()
            .and_then(|wrapper| wrapper.shape(record))
        {
            return shape;
        }
        if is(record.event_type, "AwsCloudTrailInsight") || is(record.category, "Insight") {
            return Shape::Insight;
        }
        if record.signs() >= 2 {
            Shape::Record
        } else {
            Shape::Unknown
        }
    }

    /// Whether this is a record beyond doubt: it says what was called and when.
    pub(crate) fn is_whole_record(&self) -> bool {
        let record = &self.record;
        let text = |value| matches!(value, Value::String(_));
        text(record.name) && text(record.source) && (text(record.time) || text(record.timestamp))
    }
}

impl RawRecord<'_> {
    /// How many members it has that are typical of a record.
    fn signs(&self) -> usize {
        let members = [
            self.version,
            self.time,
            self.source,
            self.name,
            self.event_id,
            self.event_type,
            self.identity_value,
            self.request,
        ];
        members
            .iter()
            .filter(|value| **value != Value::Absent)
            .count()
    }
}

impl Wrapper<'_> {
    fn shape(&self, record: &RawRecord<'_>) -> Option<Shape> {
        let object = |value| matches!(value, Value::Object(_));
        let text = |value| matches!(value, Value::String(_));
        if object(self.s3) && is(record.source, "aws:s3") || is(self.event, "s3:TestEvent") {
            return Some(Shape::Notification);
        }
        if record.signs() >= 3 {
            return None;
        }
        if self.digest_object != Value::Absent && self.log_files != Value::Absent {
            return Some(Shape::Digest);
        }
        if is(self.message_type, "CONTROL_MESSAGE") {
            return Some(Shape::Notification);
        }
        let envelope = if text(self.detail_type) && self.detail != Value::Absent {
            Envelope::EventBridge
        } else if matches!(self.log_events, Value::Array(_)) {
            Envelope::LogsSubscription
        } else if text(self.cloudtrail_event) {
            Envelope::LookupEvents
        } else if object(self.aws_logs) || object(self.kinesis) || text(self.data) {
            Envelope::Kinesis
        } else if object(self.sns) || text(self.message) && text(self.topic) || text(self.body) {
            Envelope::Message
        } else {
            return None;
        };
        Some(Shape::Wrapper(envelope))
    }
}

fn is(value: Value<'_>, text: &str) -> bool {
    matches!(value, Value::String(quoted) if quoted.is(text))
}
