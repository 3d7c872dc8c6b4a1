//! [`RawRecord`] → [`Event`]: a record given meaning.

use std::{borrow::Cow, sync::LazyLock};

use memchr::memmem;
use offtrail_event::{Call, Category, Event, Origin, PrincipalKind, Timestamp};

use crate::{
    Reason, agent,
    credential::{Marks, credential},
    identity::{Caller, principal},
    minted::minted,
    network::place,
    operation::operation,
    outcome::outcome,
    record::RawRecord,
    scan::Value,
    targets::{Aimed, targets},
    time,
    traits::traits,
};

/// Gives a record its meaning. A field that has to be there and is not, or is of a type it can't have, is an error; fields nobody
/// needs may hold anything.
pub(crate) fn event<'a>(record: &RawRecord<'a>) -> Result<Event<'a>, Reason> {
    let time = event_time(record)?;
    let source = record
        .source
        .text("eventSource")?
        .ok_or(Reason::MissingField("eventSource"))?;
    let name = record
        .name
        .text("eventName")?
        .ok_or(Reason::MissingField("eventName"))?;
    let region = record.region.text("awsRegion")?.unwrap_or_default();
    let user_agent = record.agent.text("userAgent")?;
    let place = place(record.address.text("sourceIPAddress")?);
    let caller = Caller::read(record, source.clone())?;
    let outcome = outcome(record)?;
    let (principal, session_name) = principal(&caller);
    let agent = user_agent.as_deref().unwrap_or_default();
    let marks = Marks {
        from_console: record.from_console.truth() == Some(true),
        agent,
        origin: place.kind,
    };
    let credential = credential(&caller, &principal, session_name, marks);
    let traits = traits(&caller, &principal, &credential, record);
    let minted = minted(record, &principal, &source, &name, outcome.class);
    let account = caller.trail_account();
    let aimed = Aimed {
        source: &source,
        operation: operation(&name),
        outcome: outcome.class,
        account: &account,
        caller: &principal,
    };
    let targets = targets(record.request, &aimed);
    let agent_family = match &user_agent {
        Some(Cow::Borrowed(agent)) => agent::family(agent),
        Some(Cow::Owned(agent)) => Cow::Owned(agent::family(agent).into_owned()),
        None => Cow::Borrowed(""),
    };
    let via_service = caller
        .invoked_by
        .clone()
        .filter(|_| principal.kind != PrincipalKind::AwsService);
    Ok(Event {
        event_id: record.event_id.text("eventID")?,
        time,
        account,
        region,
        call: call(source, name),
        outcome,
        principal,
        credential,
        origin: Origin {
            kind: place.kind,
            address: place.address,
            service: place.service,
            network: place.network,
            announced_by: None,
            user_agent,
            agent_family,
        },
        read_only: record.read_only.truth(),
        category: category(
            record.category.string().as_deref(),
            caller.event_type.as_deref(),
            record.management.truth(),
        ),
        via_service,
        shared_event_id: record.shared_id.text("sharedEventID")?,
        minted,
        targets,
        traits,
        parameters_omitted: parameters_omitted(record.request),
    })
}

fn event_time(record: &RawRecord<'_>) -> Result<Timestamp, Reason> {
    let value = if matches!(record.time, Value::Absent | Value::Null) {
        record.timestamp
    } else {
        record.time
    };
    match value {
        Value::Absent | Value::Null => Err(Reason::MissingField("eventTime")),
        Value::String(text) => time::read(&text.text()).ok_or(Reason::BadTime),
        _ => Err(Reason::BadTime),
    }
}

fn call<'a>(source: Cow<'a, str>, name: Cow<'a, str>) -> Call<'a> {
    let operation = match &name {
        Cow::Borrowed(name) => Cow::Borrowed(operation(name)),
        Cow::Owned(name) => Cow::Owned(operation(name).to_owned()),
    };
    Call {
        source,
        name,
        operation,
    }
}

/// The category that a record names, or else the one that follows from its type and its mark.
pub(crate) fn category(
    category: Option<&str>,
    event_type: Option<&str>,
    management: Option<bool>,
) -> Category {
    match category {
        Some("Data") => Category::Data,
        Some("NetworkActivity") => Category::Network,
        Some("Insight") => Category::Insight,
        Some(_) => Category::Management,
        // `eventCategory` is absent before event version 1.07.
        None if event_type == Some("AwsVpceEvent") => Category::Network,
        None if management == Some(false) => Category::Data,
        None => Category::Management,
    }
}

/// `requestParameters.omitted` is true where the parameters were too large.
fn parameters_omitted(request: Value<'_>) -> bool {
    static OMITTED: LazyLock<memmem::Finder<'static>> =
        LazyLock::new(|| memmem::Finder::new(r#""omitted""#));
    let Value::Object(text) = request else {
        return false;
    };
    OMITTED.find(text.as_bytes()).is_some() && request.member("omitted").truth() == Some(true)
}

/// What was wrong with a record, in words, with what helps to find it.
pub(crate) fn explain(reason: Reason, record: &RawRecord<'_>) -> String {
    let what = match reason {
        Reason::MissingField(field) => format!("{field} is missing"),
        Reason::BadField(field) => format!("{field} is of a type it can't have"),
        Reason::BadTime => match if record.time == Value::Absent {
            record.timestamp
        } else {
            record.time
        } {
            Value::String(text) => {
                format!("eventTime {:?} is no time from 1970 to 2106", text.text())
            }
            Value::Number(digits) => format!("eventTime is the number {digits}, not RFC 3339 text"),
            _ => "eventTime is no text".to_owned(),
        },
        other => other.as_str().to_owned(),
    };
    let name = record
        .name
        .string()
        .map(|name| format!("; eventName {name}"))
        .unwrap_or_default();
    let id = record
        .event_id
        .string()
        .map(|id| format!("; eventID {id}"))
        .unwrap_or_default();
    what + &name + &id
}
