//! Records within wrappers: EventBridge, CloudWatch Logs, Kinesis and Firehose, `LookupEvents`, SNS and SQS, and objects of unknown shape.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    Envelope, Limits, Reason,
    classify::Shape,
    envelope::Reader,
    record::{Object, Wrapper},
    scan::{Scanner, Value},
    unpack::{Unpacker, decode},
};

impl Reader<'_> {
    /// Hands over the records within a wrapper of a known kind; `raw` is the whole wrapper.
    pub(crate) fn unwrap(&mut self, wrapper: &Wrapper<'_>, raw: &str) {
        let data = |value: Value<'_>| value.member("data").string().map(Cow::into_owned);
        if wrapper.detail_type != Value::Absent {
            self.event_bridge(wrapper.detail);
        } else if let Value::Array(events) = wrapper.log_events {
            self.log_events(events);
        } else if let Some(text) = wrapper.cloudtrail_event.string() {
            self.nested(&text);
        } else if let Some(data) = data(wrapper.aws_logs).or_else(|| data(wrapper.kinesis)) {
            self.encoded(&data, raw);
        } else if let Some(data) = wrapper.data.string() {
            self.encoded(&data, raw);
        } else if let Some(text) = wrapper
            .sns
            .member("Message")
            .string()
            .or_else(|| wrapper.message.string())
            .or_else(|| wrapper.body.string())
        {
            self.message(&text);
        } else {
            self.reject(
                Reason::NotCloudTrail,
                "a wrapper whose data is missing".to_owned(),
                raw.as_bytes(),
            );
        }
    }

    /// Hands over the records within a text that stood in a string.
    fn nested(&mut self, text: &str) {
        if self.level >= self.limits.wrapping_max {
            let detail = format!("wrapped more than {} times", self.limits.wrapping_max);
            return self.reject(Reason::TooDeep, detail, text.as_bytes());
        }
        let around = (
            std::mem::take(&mut self.cut),
            std::mem::take(&mut self.searching),
        );
        self.level += 1;
        self.document(text);
        self.level -= 1;
        (self.cut, self.searching) = around;
    }

    /// An EventBridge event is either CloudTrail's, or a notification of another service.
    fn event_bridge(&mut self, detail: Value<'_>) {
        match detail {
            Value::Object(text) if self.holds_record(text) => self.nested(text),
            _ => self.tally.notifications += 1,
        }
    }

    /// A message is CloudTrail's if a record lies in it; all others are notifications.
    fn message(&mut self, text: &str) {
        if self.holds_record(text) {
            self.nested(text)
        } else {
            self.tally.notifications += 1
        }
    }

    /// Whether a text is one object, and that a record or a wrapper around one.
    fn holds_record(&mut self, text: &str) -> bool {
        let mut scanner = Scanner::new(text);
        if scanner.peek() != Some(b'{') {
            return false;
        }
        let mut object = Object::default();
        self.object(&mut scanner, false, &mut object).is_ok()
            && matches!(
                object.shape(),
                Shape::Record | Shape::Insight | Shape::Wrapper(_)
            )
    }

    fn log_events(&mut self, events: &str) {
        let mut scanner = Scanner::new(events);
        scanner.eat(b'[');
        // The span was read once: breaks can't happen, and would end the walk.
        while let Ok(event) = scanner.value() {
            match event.member("message").string() {
                Some(text) if text.trim_start().starts_with('{') => self.nested(&text),
                _ => self.reject(
                    Reason::NotCloudTrail,
                    "a log event whose message is no JSON object".to_owned(),
                    b"",
                ),
            }
            scanner.eat(b',');
        }
    }

    /// Base64, perhaps of gzip.
    fn encoded(&mut self, data: &str, raw: &str) {
        let Ok(bytes) = STANDARD.decode(data.trim()) else {
            return self.reject(
                Reason::NotCloudTrail,
                "data that is no base64".to_owned(),
                raw.as_bytes(),
            );
        };
        let limits = Limits {
            inflated_bytes_max: self.inflate_bytes,
            ..self.limits
        };
        let mut unpacker = Unpacker::new();
        let (content, unpacked) = unpacker.unpack(&bytes, &limits);
        if unpacked.members > 0 {
            self.inflate_bytes = self.inflate_bytes.saturating_sub(content.len());
        }
        let (text, lossy) = decode(content);
        self.tally.lossy_utf8 |= lossy;
        self.nested(&text);
        if let Some((reason, detail)) = unpacked.fault {
            self.reject(
                reason,
                format!("data within a record: {detail}"),
                raw.as_bytes(),
            );
        }
    }

    /// Searches an object of unknown shape for whole records; without any it is one reject.
    pub(crate) fn search(&mut self, raw: &str) {
        let outermost = !self.searching;
        let before = self.found();
        if self.level < self.limits.wrapping_max {
            self.level += 1;
            self.searching = true;
            self.search_members(raw);
            self.searching = !outermost;
            self.level -= 1;
        }
        if !outermost {
            return;
        }
        if self.found() == before {
            let beginning: String = raw.chars().take(60).collect();
            self.reject(
                Reason::NotCloudTrail,
                format!("neither a record nor a wrapper of one: {beginning}"),
                raw.as_bytes(),
            );
        } else {
            self.envelope(Envelope::Wrapped);
        }
    }

    /// How much was found so far, of any kind.
    pub(crate) fn found(&self) -> u64 {
        let tally = &self.tally;
        tally.records + tally.insights + tally.digests + tally.notifications
    }

    fn search_members(&mut self, raw: &str) {
        let mut scanner = Scanner::new(raw);
        let mut first = true;
        scanner.eat(b'{');
        while let Ok(Some(_)) = scanner.next_key(&mut first) {
            if scanner.eat(b'[') {
                while !scanner.eat(b']') {
                    if !self.search_value(&mut scanner) {
                        return;
                    }
                    scanner.eat(b',');
                }
            } else if !self.search_value(&mut scanner) {
                return;
            }
        }
    }

    /// False at a break, which a text that was read once can't have.
    fn search_value(&mut self, scanner: &mut Scanner<'_>) -> bool {
        let text = scanner.text();
        if scanner.peek() != Some(b'{') {
            return scanner.value().is_ok();
        }
        let start = scanner.at();
        let mut object = Object::default();
        if self.object(scanner, false, &mut object).is_err() {
            return false;
        }
        self.judge(&mut object, &text[start..scanner.at()]);
        true
    }
}
