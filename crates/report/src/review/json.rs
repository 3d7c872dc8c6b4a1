//! A review file as JSON: the keys of the TOML, with access level and sensitivity of each call.

use offtrail_baseline::review::{
    CallLine, ExpectTable, LineReview, PurposeTable, ReviewFile, Said, ValueLine,
};
use offtrail_detector::catalogue::Catalogue;
use serde::Serialize;

use super::Known;
use crate::inert::is_live;

/// Version of the form.
pub const REVIEW_VERSION: u32 = 1;

#[derive(Serialize)]
struct ReviewV1<'a> {
    format: u32,
    kind: &'static str,
    account: &'a str,
    id: &'a str,
    person: Option<&'a str>,
    name: Option<&'a str>,
    arn: Option<&'a str>,
    maturity: &'a str,
    credentials: &'a [String],
    traits: &'a [String],
    calls: Vec<CallV1<'a>>,
    others: Vec<OtherV1<'a>>,
    purpose: Option<PurposeV1<'a>>,
    expect: Vec<ExpectV1<'a>>,
}

#[derive(Serialize)]
struct CallV1<'a> {
    call: &'a str,
    source: Option<&'a str>,
    since: String,
    seen: &'a str,
    outcome: &'static str,
    access: String,
    sensitivity: &'static str,
    #[serde(flatten)]
    review: ReviewLineV1<'a>,
}

#[derive(Serialize)]
struct OtherV1<'a> {
    dimension: &'static str,
    value: &'a str,
    since: String,
    #[serde(flatten)]
    review: ReviewLineV1<'a>,
}

#[derive(Serialize)]
struct ReviewLineV1<'a> {
    standing: &'static str,
    severity: Option<&'static str>,
    #[serde(flatten)]
    said: SaidV1<'a>,
}

#[derive(Serialize)]
struct SaidV1<'a> {
    by: Option<&'a str>,
    on: Option<String>,
    reason: Option<&'a str>,
    until: Option<String>,
}

#[derive(Serialize)]
struct PurposeV1<'a> {
    text: &'a str,
    only: Vec<&'a str>,
    severity: Option<&'static str>,
    #[serde(flatten)]
    said: SaidV1<'a>,
}

#[derive(Serialize)]
struct ExpectV1<'a> {
    calls: Vec<&'a str>,
    months: Vec<u8>,
    days: Vec<u8>,
    #[serde(flatten)]
    said: SaidV1<'a>,
}

/// The file as JSON, ending in a newline. What shows nothing or turns the direction of writing is escaped.
///
/// # Panics
/// Never: texts, numbers and lists of them are JSON.
#[must_use]
pub fn review_json(file: &ReviewFile, catalogue: &Catalogue) -> String {
    let principal = &file.principal;

    let value = ReviewV1 {
        format: REVIEW_VERSION,
        kind: principal.kind.as_str(),
        account: &principal.account,
        id: &principal.id,
        person: principal.person.as_deref(),
        name: Some(&*principal.name).filter(|text| !text.is_empty()),
        arn: Some(&*principal.arn).filter(|text| !text.is_empty()),
        maturity: &file.maturity,
        credentials: &file.credentials,
        traits: &file.traits,
        calls: file
            .calls
            .iter()
            .map(|line| call(line, catalogue))
            .collect(),
        others: file.others.iter().map(other).collect(),
        purpose: file.purpose.as_ref().map(purpose),
        expect: file.expectations.iter().map(expect).collect(),
    };
    let plain = serde_json::to_string_pretty(&value).expect("texts, numbers and lists are JSON");
    escaped(&plain) + "\n"
}

/// JSON with everything escaped that shows nothing or turns the direction of writing; it reads back to the same.
pub(crate) fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for char in json.chars() {
        // Line ends stand between values only: within texts they are escaped already.
        if is_live(char) && char != '\n' {
            for unit in char.encode_utf16(&mut [0; 2]) {
                out += &format!("\\u{unit:04x}");
            }
        } else {
            out.push(char);
        }
    }
    out
}

fn call<'a>(line: &'a CallLine, catalogue: &Catalogue) -> CallV1<'a> {
    let known = Known::of(line, catalogue);
    CallV1 {
        call: &line.call,
        source: Some(&*line.source).filter(|text| !text.is_empty()),
        since: line.since.to_string(),
        seen: &line.seen,
        outcome: line.outcome.as_str(),
        access: known.access(),
        sensitivity: known.class.name(),
        review: review(&line.review),
    }
}

fn other(line: &ValueLine) -> OtherV1<'_> {
    OtherV1 {
        dimension: line.dimension.as_str(),
        value: &line.value,
        since: line.since.to_string(),
        review: review(&line.review),
    }
}

fn review(review: &LineReview) -> ReviewLineV1<'_> {
    ReviewLineV1 {
        standing: review.standing.as_str(),
        severity: review.severity.map(|severity| severity.as_str()),
        said: said(&review.said),
    }
}

fn said(said: &Said) -> SaidV1<'_> {
    SaidV1 {
        by: said.by.as_deref(),
        on: said.on.map(|day| day.to_string()),
        reason: said.reason.as_deref(),
        until: said.until.map(|day| day.to_string()),
    }
}

fn purpose(table: &PurposeTable) -> PurposeV1<'_> {
    PurposeV1 {
        text: &table.text,
        only: table.only.iter().map(|pattern| pattern.as_str()).collect(),
        severity: table.severity.map(|severity| severity.as_str()),
        said: said(&table.said),
    }
}

fn expect(table: &ExpectTable) -> ExpectV1<'_> {
    ExpectV1 {
        calls: table.calls.iter().map(|pattern| pattern.as_str()).collect(),
        months: table.season.months().collect(),
        days: table.season.days().collect(),
        said: said(&table.said),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_escaped_reads_back(text in any::<String>()) {
            let plain = serde_json::to_string_pretty(&[&text]).unwrap_or_default();
            let shown = escaped(&plain);
            prop_assert!(!shown.contains(|char| is_live(char) && char != '\n'));
            let back: Result<[String; 1], _> = serde_json::from_str(&shown);
            prop_assert_eq!(back.ok(), Some([text]));
        }
    }
}
