//! A state made to fit a receiver's largest message: the newest evidence stays, and the line says how much was left out.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The key under which a shortened line tells how many events it no longer lists.
const LEFT_OUT: &str = "evidence_left_out";

/// The line, if it has at most `bytes_max` bytes; else with as many of its newest events as fit, and `"evidence_left_out": N` at its end.
/// `None`: it doesn't fit without any evidence either. Whatever else it holds stays byte for byte.
pub(crate) fn fit(line: &str, bytes_max: usize) -> Option<Cow<'_, str>> {
    if line.len() <= bytes_max {
        return Some(Cow::Borrowed(line));
    }
    let Object(keys) = serde_json::from_str(line).ok()?;
    let (_, evidence) = keys.iter().find(|(key, _)| key == "evidence")?;
    let evidence: Vec<&RawValue> = serde_json::from_str(evidence.get()).ok()?;
    let without = write(&keys, &[], evidence.len());
    let mut left = bytes_max.checked_sub(without.len())?;
    // Evidence lies in order of time: the newest stands last. Each costs a comma, one of them too much.
    let fits = |event: &&&RawValue| match left.checked_sub(event.get().len() + 1) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let kept = evidence.iter().rev().take_while(fits).count();
    let (left_out, kept) = evidence.split_at(evidence.len() - kept);
    Some(Cow::Owned(write(&keys, kept, left_out.len())))
}

fn write(keys: &[(String, &RawValue)], evidence: &[&RawValue], left_out: usize) -> String {
    let mut out = String::from("{");
    for (key, value) in keys {
        let name = serde_json::Value::from(key.as_str());
        out.push_str(&format!("{name}:"));
        if key == "evidence" {
            let events: Vec<&str> = evidence.iter().map(|event| event.get()).collect();
            out.push_str(&format!("[{}]", events.join(",")));
        } else {
            out.push_str(value.get());
        }
        out.push(',');
    }
    out.push_str(&format!("\"{LEFT_OUT}\":{left_out}}}"));
    out
}

/// The keys of an object in their order, their values as they stand.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object<'de>, M::Error> {
                let mut keys = Vec::new();
                while let Some(entry) = map.next_entry::<String, &RawValue>()? {
                    keys.push(entry);
                }
                Ok(Object(keys))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const LINE: &str = r#"{"id":"a","evidence":[{"n":1},{"n":22},{"n":333}],"score":1.10}"#;

    fn check(bytes_max: usize, expected: Option<&str>) {
        assert_eq!(fit(LINE, bytes_max).as_deref(), expected, "{bytes_max}");
    }

    #[test]
    fn the_newest_evidence_stays() {
        check(LINE.len(), Some(LINE));
        let all_but_first =
            r#"{"id":"a","evidence":[{"n":22},{"n":333}],"score":1.10,"evidence_left_out":1}"#;
        let long = LINE.replace("{\"n\":1}", &format!("{{\"n\":\"{}\"}}", "1".repeat(90)));
        let fitted = fit(&long, all_but_first.len() + 1).unwrap();
        assert_eq!(fitted, all_but_first);
        check(
            62,
            Some(r#"{"id":"a","evidence":[],"score":1.10,"evidence_left_out":3}"#),
        );
        check(40, None);
    }

    #[test]
    fn what_is_no_finding_is_not_shortened() {
        assert_eq!(fit(r#"["long"]"#, 3), None);
        assert_eq!(fit(r#"{"id":"long"}"#, 3), None);
        assert_eq!(fit("not JSON", 3), None);
    }

    proptest! {
        #[test]
        fn it_fits_and_says_what_is_missing(sizes in prop::collection::vec(0usize..60, 0..20), bytes_max in 0usize..700) {
            let events: Vec<String> = sizes.iter().enumerate().map(|(i, size)| format!(r#"{{"n":{i},"t":"{}"}}"#, "x".repeat(*size))).collect();
            let line = format!(r#"{{"id":"a","evidence":[{}]}}"#, events.join(","));
            if let Some(fitted) = fit(&line, bytes_max) {
                prop_assert!(fitted.len() <= bytes_max);
                let value: serde_json::Value = serde_json::from_str(&fitted).unwrap();
                let kept = value["evidence"].as_array().unwrap();
                let left_out = value[LEFT_OUT].as_u64().unwrap_or(0) as usize;
                prop_assert_eq!(kept.len() + left_out, events.len());
                prop_assert!(kept.iter().enumerate().all(|(i, event)| event["n"] == i + left_out));
            }
        }
    }
}
