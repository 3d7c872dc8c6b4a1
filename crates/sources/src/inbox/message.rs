//! What a queue's message tells: objects to fetch, an event itself, or nothing for us. Wrappings are taken off, whatever order they come in.
//!
//! Shapes: "Event message structure" (Amazon S3 user guide), "Amazon SNS message and JSON formats", "Amazon S3 events" and "AWS service events
//! delivered via CloudTrail" (Amazon EventBridge), "Configuring Amazon SNS notifications for CloudTrail". Keys are form-url-encoded in S3's own
//! notifications and plain in the other two. Whatever isn't needed may be absent.

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::failure::shorten;
use crate::inbox::status::Skipped;
use crate::layout::{DAY_SECS, Day, digits};
use crate::s3::decode;

/// Wrappings around what a message tells, at most: SNS within SNS within SNS is more than anybody has built.
pub const WRAPPINGS_MAX: usize = 4;

/// What a message tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Objects that were written.
    Objects {
        /// In the message's order.
        objects: Vec<Announced>,
        /// What else it told: test events, deletions and the like.
        skipped: Skipped,
    },
    /// An event delivered by EventBridge itself.
    Event {
        /// The event in its envelope, as it came.
        text: String,
        /// When EventBridge says it happened.
        time: Option<SystemTime>,
    },
}

/// An object that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// The bucket's name; not empty.
    pub bucket: String,
    /// The object's key, decoded; not empty.
    pub key: String,
    /// The entity tag, without quotes, where told.
    pub etag: Option<String>,
    /// Bytes, where told.
    pub size: Option<u64>,
    /// When it was written, where told.
    pub time: Option<SystemTime>,
}

/// A message that tells nothing we know how to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// No JSON, or a known field of another type.
    #[error(
        "the message is not a notification ({0}); point the queue at S3, SNS or EventBridge only"
    )]
    NotRead(String),
    /// JSON of another shape.
    #[error(
        "the message has no shape of S3, SNS, EventBridge or CloudTrail; point the queue at these only"
    )]
    UnknownShape,
    /// An object without a bucket or a key.
    #[error(
        "the message tells of an object without saying which; look at it among the dead letters"
    )]
    NoObject,
    /// More wrappings than [`WRAPPINGS_MAX`].
    #[error("the message is wrapped more than {WRAPPINGS_MAX} times; deliver it raw")]
    TooDeep,
}

impl Notice {
    /// Reads a message's body.
    ///
    /// # Errors
    /// It is not JSON, has no known shape, names no object, or is wrapped too often.
    pub fn read(body: &str) -> Result<Self, NoticeError> {
        let mut body = Cow::Borrowed(body);
        for _ in 0..=WRAPPINGS_MAX {
            let read: Body<'_> = serde_json::from_str(&body)
                .map_err(|error| NoticeError::NotRead(shorten(&error.to_string())))?;
            let inner = match (read.kind.as_deref(), read.message.as_deref()) {
                (Some("Notification"), Some(message)) => message.to_owned(),
                (Some("SubscriptionConfirmation" | "UnsubscribeConfirmation"), _) => {
                    return Ok(Self::nothing(|skipped| skipped.other_events = 1));
                }
                _ => return read.notice(&body),
            };
            body = Cow::Owned(inner);
        }
        Err(NoticeError::TooDeep)
    }

    fn nothing(count: impl FnOnce(&mut Skipped)) -> Self {
        let mut skipped = Skipped::default();
        count(&mut skipped);
        Self::Objects {
            objects: Vec::new(),
            skipped,
        }
    }
}

/// All that tells the shapes apart.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(rename = "Type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(rename = "Message", borrow)]
    message: Option<Cow<'a, str>>,
    #[serde(rename = "Event", borrow)]
    test: Option<Cow<'a, str>>,
    #[serde(rename = "Records", borrow)]
    records: Option<Vec<Record<'a>>>,
    #[serde(rename = "detail-type", borrow)]
    detail_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
    #[serde(rename = "s3Bucket", borrow)]
    bucket: Option<Cow<'a, str>>,
    #[serde(rename = "s3ObjectKey", borrow)]
    keys: Option<Vec<Cow<'a, str>>>,
    #[serde(rename = "eventSource", borrow)]
    event_source: Option<Cow<'a, str>>,
    #[serde(rename = "eventTime", borrow)]
    event_time: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(rename = "eventSource", borrow)]
    source: Option<Cow<'a, str>>,
    #[serde(rename = "eventName", borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(rename = "eventTime", borrow)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    s3: Option<Place<'a>>,
}

/// Bucket and object, as S3's notifications and its EventBridge events both name them.
#[derive(Deserialize)]
struct Place<'a> {
    #[serde(borrow)]
    bucket: Option<Bucket<'a>>,
    #[serde(borrow)]
    object: Option<Object<'a>>,
}

#[derive(Deserialize)]
struct Bucket<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    key: Option<Cow<'a, str>>,
    size: Option<u64>,
    #[serde(rename = "eTag", alias = "etag", borrow)]
    etag: Option<Cow<'a, str>>,
}

impl Body<'_> {
    fn notice(self, body: &str) -> Result<Notice, NoticeError> {
        if self.test.as_deref() == Some("s3:TestEvent") {
            return Ok(Notice::nothing(|skipped| skipped.test_events = 1));
        }
        if let Some(records) = self.records {
            return from_records(records, body);
        }
        if let Some(kind) = self.detail_type.as_deref() {
            return from_event_bridge(kind, self.detail, self.time.as_deref(), body);
        }
        if let (Some(bucket), Some(keys)) = (&self.bucket, self.keys) {
            let objects = keys
                .iter()
                .map(|key| announced(bucket, key.clone().into_owned(), None))
                .collect::<Result<_, _>>()?;
            return Ok(Notice::Objects {
                objects,
                skipped: Skipped::default(),
            });
        }
        // A rule that passes on `$.detail` alone.
        let bare = self.event_source.as_deref().is_some_and(is_cloudtrail);
        bare.then(|| Notice::Event {
            text: body.to_owned(),
            time: self.event_time.as_deref().and_then(moment),
        })
        .ok_or(NoticeError::UnknownShape)
    }
}

fn from_records(records: Vec<Record<'_>>, body: &str) -> Result<Notice, NoticeError> {
    let cloudtrail = |record: &Record<'_>| {
        record.s3.is_none() && record.source.as_deref().is_some_and(is_cloudtrail)
    };
    if records.iter().any(cloudtrail) {
        return Ok(Notice::Event {
            text: body.to_owned(),
            time: records
                .iter()
                .find_map(|record| moment(record.time.as_deref()?)),
        });
    }
    let (mut objects, mut skipped) = (Vec::new(), Skipped::default());
    for record in records {
        let name = record.name.as_deref().unwrap_or_default();
        let name = name.strip_prefix("s3:").unwrap_or(name);
        if !name.starts_with("ObjectCreated:") {
            skipped.other_events += 1;
            continue;
        }
        let place = record.s3.ok_or(NoticeError::NoObject)?;
        objects.push(place.announced(record.time.as_deref(), decode)?);
    }
    Ok(Notice::Objects { objects, skipped })
}

fn from_event_bridge(
    kind: &str,
    detail: Option<&RawValue>,
    time: Option<&str>,
    body: &str,
) -> Result<Notice, NoticeError> {
    match kind {
        "Object Created" => {
            let place: Place<'_> = serde_json::from_str(detail.map_or("{}", RawValue::get))
                .map_err(|error| NoticeError::NotRead(shorten(&error.to_string())))?;
            Ok(Notice::Objects {
                objects: vec![place.announced(time, str::to_owned)?],
                skipped: Skipped::default(),
            })
        }
        "AWS Insight via CloudTrail" => Ok(Notice::nothing(|skipped| skipped.other_events = 1)),
        _ if kind.ends_with(" via CloudTrail") => Ok(Notice::Event {
            text: body.to_owned(),
            time: time.and_then(moment),
        }),
        _ => Ok(Notice::nothing(|skipped| skipped.other_events = 1)),
    }
}

impl Place<'_> {
    fn announced(
        self,
        time: Option<&str>,
        key: impl FnOnce(&str) -> String,
    ) -> Result<Announced, NoticeError> {
        let bucket = self.bucket.and_then(|bucket| bucket.name);
        let object = self.object.ok_or(NoticeError::NoObject)?;
        let key = object.key.as_deref().map(key).unwrap_or_default();
        Ok(Announced {
            etag: object
                .etag
                .map(|etag| etag.trim_matches('"').to_owned())
                .filter(|etag| !etag.is_empty()),
            size: object.size,
            ..announced(bucket.as_deref().unwrap_or_default(), key, time)?
        })
    }
}

fn announced(bucket: &str, key: String, time: Option<&str>) -> Result<Announced, NoticeError> {
    if bucket.is_empty() || key.is_empty() {
        return Err(NoticeError::NoObject);
    }
    Ok(Announced {
        bucket: bucket.to_owned(),
        key,
        etag: None,
        size: None,
        time: time.and_then(moment),
    })
}

/// Whether an event source is an endpoint that CloudTrail names: S3's own notifications say `aws:s3`.
fn is_cloudtrail(source: &str) -> bool {
    source.ends_with(".amazonaws.com")
}

/// Reads `2026-08-30T23:55:00[.123]Z`; `None` for any other form and before 1970.
fn moment(text: &str) -> Option<SystemTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut date = date.split('-');
    let day = Day::new(
        digits(date.next()?, 4)?,
        u8::try_from(digits(date.next()?, 2)?).ok()?,
        u8::try_from(digits(date.next()?, 2)?).ok()?,
    )?;
    let mut clock = seconds.split(':').map(|part| digits(part, 2));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let rest = date.next().is_some() || clock.next().is_some();
    if rest || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let of_day = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    debug_assert!(of_day <= DAY_SECS);
    let secs = u64::try_from(day.start() + of_day).ok()?;
    let millis: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    UNIX_EPOCH.checked_add(Duration::from_millis(secs * 1_000 + millis))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const AT: &str = "2026-08-30T23:55:01.250Z";

    fn at() -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_millis(1_788_134_101_250))
    }

    fn created(key: &str) -> serde_json::Value {
        json!({"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": AT,
            "s3": {"bucket": {"name": "logs"}, "object": {"key": key, "size": 12, "eTag": "e"}}})
    }

    fn object(key: &str) -> Announced {
        Announced {
            bucket: "logs".into(),
            key: key.into(),
            etag: Some("e".into()),
            size: Some(12),
            time: at(),
        }
    }

    fn sns(inner: &str) -> String {
        json!({"Type": "Notification", "MessageId": "1", "TopicArn": "t", "Message": inner})
            .to_string()
    }

    fn check(body: &str, objects: Vec<Announced>, expected: Skipped) {
        let expected = Notice::Objects {
            objects,
            skipped: expected,
        };
        assert_eq!(Notice::read(body).unwrap(), expected, "{body}");
        assert_eq!(Notice::read(&sns(body)).unwrap(), expected, "{body} in SNS");
    }

    fn check_event(body: &str, time: Option<SystemTime>) {
        let expected = Notice::Event {
            text: body.to_owned(),
            time,
        };
        assert_eq!(Notice::read(body).unwrap(), expected, "{body}");
        assert_eq!(Notice::read(&sns(body)).unwrap(), expected, "{body} in SNS");
    }

    #[test]
    fn objects_are_found_in_every_wrapping() {
        let none = Skipped::default();
        let s3 = json!({"Records": [created("AWSLogs%2Fa+b%2Bc/x.json.gz")]}).to_string();
        check(&s3, vec![object("AWSLogs/a b+c/x.json.gz")], none);
        check(&sns(&s3), vec![object("AWSLogs/a b+c/x.json.gz")], none);
        let bridge = json!({"version": "0", "detail-type": "Object Created", "source": "aws.s3", "time": AT,
            "detail": {"bucket": {"name": "logs"}, "object": {"key": "a+b%2F", "size": 12, "etag": "e", "sequencer": "0"}}});
        check(&bridge.to_string(), vec![object("a+b%2F")], none);
        let trail = json!({"s3Bucket": "logs", "s3ObjectKey": ["a+b", "c"]}).to_string();
        let told = |key: &str| Announced {
            etag: None,
            size: None,
            time: None,
            ..object(key)
        };
        check(&trail, vec![told("a+b"), told("c")], none);
    }

    #[test]
    fn what_is_not_for_us_is_counted() {
        let test = Skipped {
            test_events: 1,
            ..Skipped::default()
        };
        let other = |other_events| Skipped {
            other_events,
            ..Skipped::default()
        };
        check(
            r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"logs"}"#,
            vec![],
            test,
        );
        let removed = json!({"eventName": "ObjectRemoved:Delete", "s3": {"object": {"key": "a"}}});
        check(
            &json!({"Records": [removed, created("b"), {}]}).to_string(),
            vec![object("b")],
            other(2),
        );
        check(r#"{"Records":[]}"#, vec![], other(0));
        for kind in [
            "Object Deleted",
            "AWS Insight via CloudTrail",
            "Scheduled Event",
        ] {
            check(
                &json!({"detail-type": kind, "detail": {}}).to_string(),
                vec![],
                other(1),
            );
        }
        check(
            r#"{"Type":"SubscriptionConfirmation","Message":"m","Token":"t"}"#,
            vec![],
            other(1),
        );
    }

    #[test]
    fn events_are_handed_on_as_they_came() {
        for kind in [
            "AWS API Call via CloudTrail",
            "AWS Console Sign In via CloudTrail",
            "AWS Service Event via CloudTrail",
        ] {
            let body = json!({"detail-type": kind, "time": "2026-08-30T23:55:01.25Z", "detail": {"eventID": "x"}});
            check_event(&body.to_string(), at());
        }
        let bare = json!({"eventVersion": "1.11", "eventSource": "iam.amazonaws.com", "eventTime": "soon"});
        check_event(&bare.to_string(), None);
        check_event(&json!({"Records": [bare]}).to_string(), None);
    }

    #[test]
    fn what_has_no_known_shape_is_an_error() {
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        for body in [
            "",
            "hello",
            "[]",
            "5",
            "\"a\"",
            &deep,
            r#"{"Records":5}"#,
            r#"{"Type":"Notification","Message":"x"}"#,
        ] {
            assert!(
                matches!(Notice::read(body), Err(NoticeError::NotRead(_))),
                "{body}"
            );
        }
        for body in [
            "{}",
            &format!(r#"{{"a":{deep}}}"#),
            r#"{"Type":"Notification"}"#,
        ] {
            assert_eq!(Notice::read(body), Err(NoticeError::UnknownShape), "{body}");
        }
        for body in [
            r#"{"Records":[{"eventName":"ObjectCreated:Put"}]}"#,
            r#"{"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":{"key":"k"}}}]}"#,
            r#"{"detail-type":"Object Created"}"#,
            r#"{"s3Bucket":"b","s3ObjectKey":[""]}"#,
        ] {
            assert_eq!(Notice::read(body), Err(NoticeError::NoObject), "{body}");
        }
        let mut wrapped = json!({"Records": []}).to_string();
        for _ in 0..WRAPPINGS_MAX {
            wrapped = sns(&wrapped);
        }
        assert!(Notice::read(&wrapped).is_ok());
        assert_eq!(Notice::read(&sns(&wrapped)), Err(NoticeError::TooDeep));
    }

    #[test]
    fn moments_are_read_to_the_millisecond() {
        assert_eq!(moment("1970-01-01T00:00:00Z"), Some(UNIX_EPOCH));
        assert_eq!(moment(AT), at());
        for text in [
            "",
            "2026-08-30",
            "2026-08-30T23:55:01",
            "2026-08-30T24:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-08-30T23:55:01.Z",
            "1969-12-31T23:59:59Z",
            "2026-08-30T23:55:01+00:00Z",
            "2026-08-30-1T23:55:01Z",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,60}", key in "[\\PC\"]{0,20}", name in "(s3:)?Object(Created|Removed):[a-z]{0,3}|.{0,5}") {
            let _ = Notice::read(&text);
            let _ = Notice::read(&sns(&text));
            let _ = moment(&text);
            let body = json!({"Records": [{"eventName": name, "eventTime": text, "s3": {"bucket": {"name": "b"}, "object": {"key": key}}}]});
            let _ = Notice::read(&body.to_string());
        }
    }
}
