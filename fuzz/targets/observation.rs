//! Surface: the records of a file on the short way to observations ([`Parser::observe`]), which leaves out what is known of a caller.
//!
//! Law: the short way gives what the long one gives ([`Parser::read`] and a fresh [`Observer`]), also the second time, when all callers are
//! known; and a record that serde_json reads gives the same observation once serde_json has written it anew, whatever its escapes, the order of its
//! keys and those that come twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offtrail_event::{Observation, Vocabulary};
use offtrail_parser::{Observer, Parser, WithDetail};
use serde_json::Value;

type Read = (Vec<(Observation, Vec<u8>)>, Vec<String>);

fuzz_target!(|bytes: &[u8]| {
    let words = Vocabulary::new();
    let expected = long(bytes, &words);
    let mut observer = Observer::new(&words, WithDetail::Judge);
    for _ in 0..2 {
        assert_eq!(short(bytes, &mut observer), expected);
    }
    for (observation, raw) in expected.0 {
        let Some(value) = value(&raw) else { continue };
        let text = format!("[{value}]");
        let (mut again, rejects) = long(text.as_bytes(), &words);
        assert_eq!((again.len(), rejects), (1, Vec::new()));
        let mut again = again.remove(0).0;
        if value["eventID"].as_str().is_none_or(|id| matches!(id, "" | "-" | "--")) {
            // Known by its bytes, which are others now.
            again.fingerprint = observation.fingerprint;
        }
        assert_eq!(again, observation);
    }
});

fn short(bytes: &[u8], observer: &mut Observer<'_>) -> Read {
    let mut read = Read::default();
    Parser::default().observe(bytes, observer, &mut |_, observed, raw| match observed {
        Ok(observation) => read.0.push((observation, raw.to_vec())),
        Err(reject) => read.1.push(format!("{reject:?}")),
    });
    read
}

fn long(bytes: &[u8], words: &Vocabulary) -> Read {
    let mut read = Read::default();
    Parser::default().read(bytes, &mut |_, event, raw| match event {
        Ok(event) => {
            let observation = Observer::new(words, WithDetail::Judge).observe(&event, raw);
            read.0.push((observation, raw.to_vec()));
        }
        Err(reject) => read.1.push(format!("{reject:?}")),
    });
    read
}

/// What serde_json makes of a record; `None` where it refuses (a lone surrogate) or would write a number otherwise than it stood there.
fn value(raw: &[u8]) -> Option<Value> {
    let value: Value = serde_json::from_slice(raw).ok()?;
    keeps_numbers(&value).then_some(value)
}

fn keeps_numbers(value: &Value) -> bool {
    match value {
        Value::Number(number) => !number.is_f64(),
        Value::Array(values) => values.iter().all(keeps_numbers),
        Value::Object(members) => members.values().all(keeps_numbers),
        _ => true,
    }
}
