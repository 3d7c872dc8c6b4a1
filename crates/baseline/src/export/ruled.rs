//! Rulings in the review text: on a line beside what it is about, purposes and expectations as tables after the calls. And as JSON.

use std::fmt::Write;

use offtrail_event::{PrincipalId, TextId, Vocabulary};

use super::{
    lines::principal,
    quote,
    review::{line, list},
};
use crate::{
    Answer, CallPattern, Dimension, Expectation, PrincipalRulings, Purpose, Review, RuledLine,
    Ruling, Standing,
};

/// The standing of a line, and what belongs to it.
pub(super) fn standing(out: &mut String, standing: Standing, ruling: Option<&Ruling>) {
    let _ = write!(out, ", standing = \"{standing}\"");
    let Some(Ruling { answer, review }) = ruling else {
        return;
    };
    if let Answer::Refused(severity) = answer {
        let _ = write!(out, ", severity = \"{severity}\"");
    }
    let (by, reason) = (quote::toml(&review.by), quote::toml(&review.reason));
    let _ = write!(out, ", by = {by}, on = {}, reason = {reason}", review.on);
    if let Some(until) = review.until {
        let _ = write!(out, ", until = {until}");
    }
}

/// Purpose and expectations.
pub(super) fn tables(out: &mut String, rulings: &PrincipalRulings) {
    if let Some(purpose) = &rulings.purpose {
        purpose_table(out, purpose);
    }
    for one in &rulings.expectations {
        expect_table(out, one);
    }
}

fn purpose_table(out: &mut String, purpose: &Purpose) {
    out.push_str("\n[purpose]\n");
    line(out, "text", &purpose.text);
    let only: Vec<String> = purpose.only.iter().map(ToString::to_string).collect();
    list(out, "only", &only);
    line(out, "severity", purpose.severity.as_str());
    said(out, &purpose.review);
}

fn expect_table(out: &mut String, one: &Expectation) {
    out.push_str("\n[[expect]]\n");
    let calls: Vec<String> = one.calls.iter().map(ToString::to_string).collect();
    list(out, "calls", &calls);
    for (key, numbers) in [
        ("months", one.season.months().collect::<Vec<u8>>()),
        ("days", one.season.days().collect()),
    ] {
        if !numbers.is_empty() {
            let _ = writeln!(out, "{key} = [{}]", ranges(&numbers));
        }
    }
    said(out, &one.review);
}

/// Numbers one by one, and as ranges where three or more follow each other.
fn ranges(numbers: &[u8]) -> String {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b);
    let texts = runs.map(|run| match run {
        [first, _, .., last] => format!("\"{first}-{last}\""),
        _ => {
            let each: Vec<String> = run.iter().map(ToString::to_string).collect();
            each.join(", ")
        }
    });
    texts.collect::<Vec<_>>().join(", ")
}

fn said(out: &mut String, review: &Review) {
    line(out, "by", &review.by);
    let _ = writeln!(out, "on = {}", review.on);
    line(out, "reason", &review.reason);
    if let Some(until) = review.until {
        let _ = writeln!(out, "until = {until}");
    }
}

/// All rulings on one principal as a JSON object; lines in the order of their texts.
pub(super) fn json(rulings: &PrincipalRulings, words: &Vocabulary) -> String {
    let lines = rulings.lines.iter();
    let mut lines: Vec<String> = lines
        .map(|(line, ruling)| {
            let answer = match ruling.answer {
                Answer::Approved => r#""standing":"approved""#.to_owned(),
                Answer::Refused(severity) => {
                    format!(r#""standing":"refused","severity":"{severity}""#)
                }
            };
            let what = line_json(*line, words);
            format!("{{{what},{answer},{}}}", review_json(&ruling.review))
        })
        .collect();
    lines.sort();
    let purpose = rulings.purpose.as_ref().map_or_else(
        || "null".to_owned(),
        |one| {
            let (text, severity) = (quote::json(&one.text), one.severity);
            let (only, review) = (patterns(&one.only), review_json(&one.review));
            format!(r#"{{"text":{text},"only":{only},"severity":"{severity}",{review}}}"#)
        },
    );
    let expected = rulings.expectations.iter().map(|one| {
        let (calls, review) = (patterns(&one.calls), review_json(&one.review));
        let months: Vec<u8> = one.season.months().collect();
        let days: Vec<u8> = one.season.days().collect();
        format!(r#"{{"calls":{calls},"months":{months:?},"days":{days:?},{review}}}"#)
    });
    let expected: Vec<String> = expected.collect();
    format!(
        r#"{{"lines":[{}],"purpose":{purpose},"expect":[{}]}}"#,
        lines.join(","),
        expected.join(",")
    )
}

fn line_json(line: RuledLine, words: &Vocabulary) -> String {
    match line {
        RuledLine::Call(call, outcome) => {
            let (source, operation) = words.call(call);
            let (source, operation) = (quote::json(&source), quote::json(&operation));
            format!(r#""source":{source},"operation":{operation},"outcome":"{outcome}""#)
        }
        RuledLine::Value(dimension, value) => {
            let value = match dimension {
                Dimension::Takes => principal(&words.principal(PrincipalId(value))),
                _ => quote::json(&words.text(TextId(value))),
            };
            format!(r#""dimension":"{dimension}","value":{value}"#)
        }
    }
}

fn patterns(all: &[CallPattern]) -> String {
    let all: Vec<String> = all.iter().map(|one| quote::json(one.as_str())).collect();
    format!("[{}]", all.join(","))
}

fn review_json(review: &Review) -> String {
    let until = review
        .until
        .map_or_else(|| "null".to_owned(), |until| format!("\"{until}\""));
    format!(
        r#""by":{},"on":"{}","reason":{},"until":{until}"#,
        quote::json(&review.by),
        review.on,
        quote::json(&review.reason)
    )
}
