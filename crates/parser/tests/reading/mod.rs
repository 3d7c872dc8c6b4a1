//! Reads bytes with the default parser and keeps what was handed over as text, for comparing.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use offtrail_event::Event;
use offtrail_parser::{FileTally, Limits, Parser, Reason, Reject};

/// What a file gave.
pub(crate) struct Read {
    pub(crate) tally: FileTally,
    /// `eventID`, or `-`, of each event.
    pub(crate) ids: Vec<String>,
    pub(crate) rejects: Vec<Reject>,
    /// Each event's debug text.
    pub(crate) events: Vec<String>,
}

pub(crate) fn read_within(bytes: &[u8], limits: Limits) -> Read {
    let (mut ids, mut rejects, mut events) = (Vec::new(), Vec::new(), Vec::new());
    let mut next = 0;
    let tally = Parser::new(limits).read(bytes, &mut |index, event, _| {
        assert_eq!(index, next, "indexes count up without a gap");
        next += 1;
        match event {
            Ok(event) => {
                ids.push(event.event_id.as_deref().unwrap_or("-").to_owned());
                events.push(format!("{event:?}"));
            }
            Err(reject) => {
                assert_eq!(reject.index, index);
                rejects.push(reject);
            }
        }
    });
    assert_eq!(
        tally.records,
        tally.observations + tally.rejected(),
        "records = observations + rejects"
    );
    assert_eq!(tally.observations, ids.len() as u64);
    assert_eq!(tally.rejected(), rejects.len() as u64);
    assert_eq!(tally.records, next);
    Read {
        tally,
        ids,
        rejects,
        events,
    }
}

pub(crate) fn read(bytes: &[u8]) -> Read {
    read_within(bytes, Limits::default())
}

/// Reads a text that holds one event and hands it to `check`.
pub(crate) fn one(json: &str, check: impl FnOnce(&Event<'_>)) {
    let mut check = Some(check);
    let tally = Parser::default().read(json.as_bytes(), &mut |_, event, _| match event {
        Ok(event) => check.take().expect("one event")(&event),
        Err(reject) => panic!("{reject}: {json}"),
    });
    assert_eq!(tally.observations, 1, "{json}");
}

pub(crate) fn reasons(read: &Read) -> Vec<Reason> {
    read.rejects.iter().map(|reject| reject.reason).collect()
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).expect("a vector takes all");
    encoder.finish().expect("a vector takes all")
}

/// A small whole record with this `eventID`.
pub(crate) fn record(id: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","principalId":"AIDAEXAMPLE","arn":"arn:aws:iam::111122223333:user/ci","accountId":"111122223333","accessKeyId":"AKIAEXAMPLE","userName":"ci"}},"eventTime":"2026-08-31T10:43:44Z","eventSource":"iam.amazonaws.com","eventName":"ListAccessKeys","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.7","userAgent":"aws-cli/2.33","requestParameters":{{"userName":"a \"quoted\" name"}},"responseElements":null,"eventID":"{id}","readOnly":true,"eventType":"AwsApiCall","recipientAccountId":"111122223333"}}"#
    )
}
