//! The ways to read a file, for all that compare them: the tests, the mutator among the examples, the fuzz target `observation`.

use offtrail_event::{Observation, Vocabulary};
use offtrail_parser::{Observer, Parser, WithDetail};
use serde_json::Value;

/// A file's observations with the records they come from, and its rejects as text.
pub(crate) type Read = (Vec<(Observation, Vec<u8>)>, Vec<String>);

/// By an observer that may have met others before.
pub(crate) fn short(bytes: &[u8], observer: &mut Observer<'_>) -> Read {
    let mut read = Read::default();
    Parser::default().observe(bytes, observer, &mut |_, observed, raw| match observed {
        Ok(observation) => read.0.push((observation, raw.to_vec())),
        Err(reject) => read.1.push(format!("{reject:?}")),
    });
    read
}

/// As events, each by a fresh observer.
pub(crate) fn long(bytes: &[u8], words: &Vocabulary, detail: WithDetail) -> Read {
    let mut read = Read::default();
    Parser::default().read(bytes, &mut |_, event, raw| match event {
        Ok(event) => {
            let observation = Observer::new(words, detail).observe(&event, raw);
            read.0.push((observation, raw.to_vec()));
        }
        Err(reject) => read.1.push(format!("{reject:?}")),
    });
    read
}

/// The record as serde_json writes it anew, in a list, and what the long way makes of that; `None` where it is no JSON to serde_json (a lone surrogate)
/// or a number would be written otherwise than it stood there.
pub(crate) fn rewritten(
    (observation, raw): &(Observation, Vec<u8>),
    words: &Vocabulary,
    detail: WithDetail,
) -> Option<(String, Read)> {
    let value: Value = serde_json::from_slice(raw).ok()?;
    if !keeps_numbers(&value) {
        return None;
    }
    let text = format!("[{value}]");
    let mut read = long(text.as_bytes(), words, detail);
    let id = value["eventID"].as_str();
    if id.is_none_or(|id| matches!(id, "" | "-" | "--")) {
        // Known by its bytes, which are others now.
        for (again, _) in &mut read.0 {
            again.fingerprint = observation.fingerprint;
        }
    }
    Some((text, read))
}

fn keeps_numbers(value: &Value) -> bool {
    match value {
        Value::Number(number) => !number.is_f64(),
        Value::Array(values) => values.iter().all(keeps_numbers),
        Value::Object(members) => members.values().all(keeps_numbers),
        _ => true,
    }
}
