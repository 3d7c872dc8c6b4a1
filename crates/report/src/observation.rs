//! `observation-v1` and reject lines: what `offtrail events` writes, one JSON object a line.
//!
//! The types here are twins of [`offtrail_event::Event`] that borrow from it, so that the wire format can stay while
//! the vocabulary grows. Key order is that of the fields; what is absent is `null`, never an empty text.

use std::{fmt, io};

use offtrail_event::{Event, Timestamp};
use serde::{Serialize, Serializer};

use crate::line::write_json_line;

/// Version written into every `observation-v1` line.
pub const OBSERVATION_VERSION: u32 = 1;

#[derive(Serialize)]
struct ObservationV1<'a> {
    version: u32,
    event_id: Option<&'a str>,
    #[serde(serialize_with = "as_text")]
    time: Timestamp,
    account: Option<&'a str>,
    region: Option<&'a str>,
    call: CallV1<'a>,
    outcome: OutcomeV1<'a>,
    principal: PrincipalRef<'a>,
    credential: CredentialRef<'a>,
    origin: OriginV1<'a>,
    read_only: Option<bool>,
    category: &'static str,
    via_service: Option<&'a str>,
    #[serde(serialize_with = "as_text")]
    provenance: Provenance<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<NetworkV1<'a>>,
}

/// There only where networks were looked up.
#[derive(Serialize)]
struct NetworkV1<'a> {
    value: &'a str,
    announced_by: Option<&'a str>,
}

#[derive(Serialize)]
struct CallV1<'a> {
    source: &'a str,
    name: &'a str,
    operation: &'a str,
}

#[derive(Serialize)]
struct OutcomeV1<'a> {
    class: &'static str,
    code: Option<&'a str>,
}

#[derive(Serialize)]
struct PrincipalRef<'a> {
    kind: &'static str,
    account: Option<&'a str>,
    id: Option<&'a str>,
    arn: Option<&'a str>,
    name: Option<&'a str>,
    person: Option<&'a str>,
}

#[derive(Serialize)]
struct CredentialRef<'a> {
    kind: &'static str,
    access_key_id: Option<&'a str>,
    session_name: Option<&'a str>,
    #[serde(serialize_with = "as_text_or_null")]
    created: Option<Timestamp>,
    mfa: Option<bool>,
    source_identity: Option<&'a str>,
}

#[derive(Serialize)]
struct OriginV1<'a> {
    kind: &'static str,
    address: Option<&'a str>,
    service: Option<&'a str>,
    user_agent: Option<&'a str>,
}

#[derive(Serialize)]
struct RejectV1<'a> {
    provenance: &'a str,
    index: u64,
    reason: &'a str,
    detail: &'a str,
}

/// Where a record was read and which one it was there: `s3://…#12`.
struct Provenance<'a> {
    from: &'a str,
    index: u64,
}

impl fmt::Display for Provenance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.from, self.index)
    }
}

fn as_text<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn as_text_or_null<T: fmt::Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// A text, or `None` where it is absent or empty.
fn told<T: AsRef<str> + ?Sized>(text: &T) -> Option<&str> {
    Some(text.as_ref()).filter(|text| !text.is_empty())
}

fn told_of<T: AsRef<str>>(text: &Option<T>) -> Option<&str> {
    text.as_ref().and_then(told)
}

impl<'a> ObservationV1<'a> {
    fn of(event: &'a Event<'_>, from: &'a str, index: u64) -> Self {
        let Event {
            principal,
            credential,
            origin,
            ..
        } = event;
        Self {
            version: OBSERVATION_VERSION,
            event_id: told_of(&event.event_id),
            time: event.time,
            account: told(&event.account),
            region: told(&event.region),
            call: CallV1 {
                source: &event.call.source,
                name: &event.call.name,
                operation: &event.call.operation,
            },
            outcome: OutcomeV1 {
                class: event.outcome.class.as_str(),
                code: told_of(&event.outcome.code),
            },
            principal: PrincipalRef {
                kind: principal.kind.as_str(),
                account: told(&principal.account),
                id: told(&principal.id),
                arn: told_of(&principal.arn),
                name: told_of(&principal.name),
                person: told_of(&principal.person),
            },
            credential: CredentialRef {
                kind: credential.kind.as_str(),
                access_key_id: told_of(&credential.access_key_id),
                session_name: told_of(&credential.session_name),
                created: credential.created,
                mfa: credential.mfa,
                source_identity: told_of(&credential.source_identity),
            },
            origin: OriginV1 {
                kind: origin.kind.as_str(),
                address: told_of(&origin.address),
                service: told_of(&origin.service),
                user_agent: told_of(&origin.user_agent),
            },
            read_only: event.read_only,
            category: event.category.as_str(),
            via_service: told_of(&event.via_service),
            provenance: Provenance { from, index },
            network: origin
                .announced_by
                .as_deref()
                .zip(told_of(&origin.network))
                .map(|(by, value)| NetworkV1 {
                    value,
                    announced_by: told(by),
                }),
        }
    }
}

/// Writes one `observation-v1` line. `provenance` says where the record was read, `index` which one it was there,
/// counted from 0. Many small writes: give a buffered writer.
///
/// # Errors
/// Those of the writer.
pub fn write_observation(
    out: &mut dyn io::Write,
    event: &Event<'_>,
    provenance: &str,
    index: u64,
) -> io::Result<()> {
    write_json_line(out, &ObservationV1::of(event, provenance, index))
}

/// Writes one line about input that could not become an event: which record of what, why (a word of a closed list),
/// and in detail.
///
/// # Errors
/// Those of the writer.
pub fn write_reject(
    out: &mut dyn io::Write,
    provenance: &str,
    index: u64,
    reason: &str,
    detail: &str,
) -> io::Result<()> {
    write_json_line(
        out,
        &RejectV1 {
            provenance,
            index,
            reason,
            detail,
        },
    )
}
