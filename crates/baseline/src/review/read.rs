//! [`read`]: the bytes of a review file as a [`ReviewFile`], or all its mistakes.

use std::collections::HashMap;

use offtrail_event::{OutcomeClass, PrincipalKind, Severity};
use toml::de::{DeTable, DeValue};

use super::{
    CallLine, ExpectTable, LineReview, Mistake, PrincipalLine, PurposeTable, REVIEW_FILE_BYTES_MAX,
    REVIEW_FILE_LINES_MAX, ReviewFile, ValueLine, What,
    fields::{Fields, Table},
};
use crate::{
    Dimension, EXPECTATIONS_MAX, REASON_CHARS_MAX, Season, Standing, export::EXPORT_FORMAT,
};

const FILE_FIELDS: &[&str] = &[
    "format",
    "kind",
    "account",
    "id",
    "name",
    "arn",
    "person",
    "maturity",
    "credentials",
    "traits",
    "calls",
    "others",
    "purpose",
    "expect",
];
const RULING_FIELDS: [&str; 6] = ["standing", "severity", "by", "on", "reason", "until"];
const CALL_FIELDS: &[&str] = &["call", "source", "since", "seen", "outcome"];
const SAID_FIELDS: [&str; 4] = ["by", "on", "reason", "until"];

/// Reads a review file. Both line ends of this world are line ends; a byte order mark is passed over.
///
/// # Errors
///
/// All that is wrong with it, up to [`super::MISTAKES_MAX`], by line.
pub fn read(bytes: &[u8]) -> Result<ReviewFile, Vec<Mistake>> {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    if bytes.len() > REVIEW_FILE_BYTES_MAX || lines > REVIEW_FILE_LINES_MAX {
        let what = What::TooLarge;
        return Err(vec![Mistake { line: 1, what }]);
    }
    document(bytes, file)
}

/// Reads a TOML document with `read`; nothing comes of it where there is any mistake.
pub(super) fn document<T>(
    bytes: &[u8],
    read: impl FnOnce(&mut Fields, Table<'_, '_>) -> Option<T>,
) -> Result<T, Vec<Mistake>> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            let what = What::NotText;
            return Err(vec![Mistake { line, what }]);
        }
    };
    let mut fields = Fields::new(text);
    for (index, line) in text.lines().enumerate() {
        if is_conflict(line) {
            fields.mistake(index + 1, What::Conflict(line.chars().take(80).collect()));
        }
    }
    if !fields.mistakes.is_empty() {
        return Err(fields.mistakes);
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let line = error.span().map_or(1, |span| fields.line(span));
        fields.mistake(line, What::Toml(error.message().to_owned()));
    }
    if !fields.mistakes.is_empty() {
        return Err(sorted(fields.mistakes));
    }
    let table = Table {
        fields: document.get_ref(),
        line: 1,
    };
    match (read(&mut fields, table), fields.mistakes.is_empty()) {
        (Some(whole), true) => Ok(whole),
        _ => Err(sorted(fields.mistakes)),
    }
}

/// The markers that version control leaves: seven of a kind, alone or before a name.
fn is_conflict(line: &str) -> bool {
    ["<<<<<<<", "|||||||", "=======", ">>>>>>>"]
        .iter()
        .filter_map(|marker| line.strip_prefix(marker))
        .any(|rest| rest.is_empty() || rest.starts_with(' '))
}

fn sorted(mut mistakes: Vec<Mistake>) -> Vec<Mistake> {
    mistakes.sort();
    mistakes
}

fn file(fields: &mut Fields, table: Table<'_, '_>) -> Option<ReviewFile> {
    fields.only(table, FILE_FIELDS);
    format(fields, table);
    let principal = principal(fields, table);
    let maturity = fields.needed_text(table, "maturity");
    let credentials = fields.texts(table, "credentials");
    let traits = fields.texts(table, "traits");
    let calls_line = table.fields.get("calls");
    let calls_line = calls_line.map_or(1, |value| fields.line(value.span()));
    if !table.fields.contains_key("calls") {
        fields.mistake(1, What::Missing("calls"));
    }
    Some(ReviewFile {
        calls: calls(fields, table),
        others: others(fields, table),
        purpose: purpose(fields, table),
        expectations: expectations(fields, table),
        principal: principal?,
        maturity: maturity?.0.to_owned(),
        credentials,
        traits,
        calls_line,
    })
}

fn format(fields: &mut Fields, table: Table<'_, '_>) {
    let Some(value) = table.fields.get("format") else {
        fields.mistake(1, What::Missing("format"));
        return;
    };
    let line = fields.line(value.span());
    match value.get_ref() {
        DeValue::Integer(number) if number.to_string() == EXPORT_FORMAT.to_string() => {}
        DeValue::Integer(number) => fields.mistake(line, What::Format(number.to_string())),
        other => fields.wrong_type(line, ("format", "a number"), other),
    }
}

fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|one| word(*one)).collect()
}

fn principal(fields: &mut Fields, table: Table<'_, '_>) -> Option<PrincipalLine> {
    let kinds = words(PrincipalKind::ALL, PrincipalKind::as_str);
    let kind = fields.needed_word(table, "kind", &kinds);
    let account = fields.needed_text(table, "account");
    let id = fields.needed_text(table, "id");
    let mut told = |field| fields.text(table, field).map(|(text, _)| text.to_owned());
    let [name, arn, person] = ["name", "arn", "person"].map(&mut told);
    let (id, line) = id?;
    Some(PrincipalLine {
        line,
        kind: kind?,
        account: account?.0.to_owned(),
        id: id.to_owned(),
        person,
        name: name.unwrap_or_default(),
        arn: arn.unwrap_or_default(),
    })
}

/// Tells what stands on two lines.
fn once(
    fields: &mut Fields,
    met: &mut HashMap<(String, String), usize>,
    key: (String, String),
    line: usize,
) {
    let what = key.0.clone();
    if let Some(first) = met.insert(key, line) {
        fields.mistake(line, What::Twice { what, first });
    }
}

fn calls(fields: &mut Fields, table: Table<'_, '_>) -> Vec<CallLine> {
    let known: Vec<&str> = CALL_FIELDS.iter().copied().chain(RULING_FIELDS).collect();
    let mut met = HashMap::new();
    let mut calls = Vec::new();
    for row in fields.tables(table, "calls") {
        fields.only(row, &known);
        let Some(call) = call(fields, row) else {
            continue;
        };
        let what = written(&call.call, call.outcome);
        once(fields, &mut met, (what, call.source.clone()), call.line);
        calls.push(call);
    }
    calls
}

/// How a call line is named in messages.
pub(super) fn written(call: &str, outcome: OutcomeClass) -> String {
    match outcome {
        OutcomeClass::Succeeded => format!("{call:?}"),
        other => format!("{call:?} ({other})"),
    }
}

fn call(fields: &mut Fields, row: Table<'_, '_>) -> Option<CallLine> {
    let name = fields.needed_text(row, "call");
    let source = fields.text(row, "source").map_or("", |(text, _)| text);
    let since = fields.needed_day(row, "since");
    let seen = fields.needed_text(row, "seen");
    let outcomes = words(OutcomeClass::ALL, OutcomeClass::as_str);
    let outcome = fields.word(row, "outcome", &outcomes);
    let review = line_review(fields, row);
    Some(CallLine {
        line: row.line,
        call: name?.0.to_owned(),
        source: source.to_owned(),
        outcome: outcome.unwrap_or(OutcomeClass::Succeeded),
        since: since?,
        seen: seen?.0.to_owned(),
        review,
    })
}

fn others(fields: &mut Fields, table: Table<'_, '_>) -> Vec<ValueLine> {
    let dimensions = words(Dimension::ALL, Dimension::as_str);
    let known: Vec<&str> = dimensions
        .iter()
        .copied()
        .chain(["since"])
        .chain(RULING_FIELDS)
        .collect();
    let mut met = HashMap::new();
    let mut others = Vec::new();
    for row in fields.tables(table, "others") {
        fields.only(row, &known);
        let named: Vec<Dimension> = Dimension::ALL
            .iter()
            .copied()
            .filter(|one| row.fields.contains_key(one.as_str()))
            .collect();
        let [dimension] = named[..] else {
            let (field, found, wanted) = ("others", String::new(), dimensions.join(", "));
            let found = if named.is_empty() {
                found
            } else {
                format!("{named:?}")
            };
            fields.mistake(
                row.line,
                What::Word {
                    field,
                    found,
                    wanted,
                },
            );
            continue;
        };
        let value = fields.needed_text(row, dimension.as_str());
        let since = fields.needed_day(row, "since");
        let review = line_review(fields, row);
        let (Some((value, _)), Some(since)) = (value, since) else {
            continue;
        };
        let what = format!("{dimension} {value:?}");
        once(fields, &mut met, (what, String::new()), row.line);
        others.push(ValueLine {
            line: row.line,
            dimension,
            value: value.to_owned(),
            since,
            review,
        });
    }
    others
}

fn line_review(fields: &mut Fields, row: Table<'_, '_>) -> LineReview {
    let standings = words(Standing::ALL, Standing::as_str);
    let standing = fields.word(row, "standing", &standings);
    let standing = standing.unwrap_or(Standing::Learnt);
    let severity = severity(fields, row);
    let said = fields.said(row);
    if !standing.is_ruled() {
        for field in RULING_FIELDS.into_iter().skip(1) {
            if row.fields.contains_key(field) {
                fields.mistake(row.line, What::NoRuling(field));
            }
        }
    } else if standing == Standing::Approved && row.fields.contains_key("severity") {
        fields.mistake(row.line, What::SeverityOfApproval);
    }
    LineReview {
        standing,
        severity,
        said,
    }
}

fn severity(fields: &mut Fields, row: Table<'_, '_>) -> Option<Severity> {
    let severities = words(Severity::ALL, Severity::as_str);
    fields.word(row, "severity", &severities)
}

fn purpose(fields: &mut Fields, table: Table<'_, '_>) -> Option<PurposeTable> {
    let value = table.fields.get("purpose")?;
    let line = fields.line(value.span());
    let DeValue::Table(inner) = value.get_ref() else {
        fields.wrong_type(line, ("purpose", "a table [purpose]"), value.get_ref());
        return None;
    };
    let row = Table {
        fields: inner,
        line,
    };
    let known: Vec<&str> = ["text", "only", "severity"]
        .into_iter()
        .chain(SAID_FIELDS)
        .collect();
    fields.only(row, &known);
    if !inner.contains_key("text") {
        fields.mistake(line, What::Missing("text"));
    }
    let text = fields.said_text(row, ("text", REASON_CHARS_MAX));
    let only = fields.patterns(row, "only");
    let severity = severity(fields, row);
    let said = fields.said(row);
    Some(PurposeTable {
        line,
        text: text?,
        only: only?,
        severity,
        said,
    })
}

fn expectations(fields: &mut Fields, table: Table<'_, '_>) -> Vec<ExpectTable> {
    let known: Vec<&str> = ["calls", "months", "days"]
        .into_iter()
        .chain(SAID_FIELDS)
        .collect();
    let rows = fields.tables(table, "expect");
    if rows.len() > EXPECTATIONS_MAX {
        let (what, max) = ("expectations of a principal", EXPECTATIONS_MAX);
        fields.mistake(rows[EXPECTATIONS_MAX].line, What::TooMany { what, max });
        return Vec::new();
    }
    let mut all = Vec::new();
    for row in rows {
        fields.only(row, &known);
        let calls = fields.patterns(row, "calls");
        let months = numbers(fields, row, ("months", 12));
        let days = numbers(fields, row, ("days", 31));
        let said = fields.said(row);
        let season = Season::new(months, days);
        if season.is_always() {
            let what = "neither months nor days; write months = [1, 4, 7, 10] or days = [\"1-5\"]";
            fields.mistake(row.line, What::Season(what.to_owned()));
        }
        if let Some(calls) = calls {
            all.push(ExpectTable {
                line: row.line,
                calls,
                season,
                said,
            });
        }
    }
    all
}

/// Numbers from 1 to `max`, and ranges of them: `[1, "5-7"]`.
fn numbers(fields: &mut Fields, row: Table<'_, '_>, (field, max): (&'static str, u8)) -> Vec<u8> {
    let mut numbers = Vec::new();
    for (value, line) in fields.list(row, field) {
        let ends = match value.get_ref() {
            DeValue::Integer(number) => {
                let number = number.to_string();
                Some((number.clone(), number))
            }
            DeValue::String(text) => match text.split_once('-') {
                Some((from, to)) => Some((from.trim().to_owned(), to.trim().to_owned())),
                None => Some((text.trim().to_owned(), text.trim().to_owned())),
            },
            _ => None,
        };
        let read = |text: &str| {
            text.parse::<u8>()
                .ok()
                .filter(|one| (1..=max).contains(one))
        };
        let ends = ends.and_then(|(from, to)| Some((read(&from)?, read(&to)?)));
        match ends {
            Some((from, to)) if from <= to => numbers.extend(from..=to),
            _ => {
                let what = format!(
                    "{field:?} holds something other than numbers from 1 to {max} and ranges of them like \"5-7\""
                );
                fields.mistake(line, What::Season(what));
            }
        }
    }
    numbers
}
