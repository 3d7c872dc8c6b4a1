//! [`read_suppressions`]: the bytes of `suppressions.toml` as [`Suppressions`], or all its mistakes.

use std::collections::HashMap;

use super::{
    Mistake, What,
    fields::{Fields, Table},
    read::document,
};
use crate::{
    REASON_CHARS_MAX, REVIEWER_CHARS_MAX, SUPPRESSION_DAYS_MAX, SUPPRESSION_ID_CHARS_MAX,
    SUPPRESSIONS_MAX, Suppression, Suppressions, TEXT_PATTERN_CHARS_MAX, TextPattern,
};

/// Largest file of suppressions, bytes.
pub const SUPPRESSIONS_FILE_BYTES_MAX: usize = 4 << 20;

const PATTERNS: [&str; 4] = ["principal", "call", "network", "type"];
const SAID: [&str; 5] = ["id", "reason", "author", "on", "until"];

/// Reads a file of suppressions: each is whole, or none is taken over.
///
/// # Errors
///
/// All that is wrong with it, up to [`super::MISTAKES_MAX`], by line.
pub fn read_suppressions(bytes: &[u8]) -> Result<Suppressions, Vec<Mistake>> {
    if bytes.len() > SUPPRESSIONS_FILE_BYTES_MAX {
        let what = What::SuppressionsTooLarge;
        return Err(vec![Mistake { line: 1, what }]);
    }
    document(bytes, |fields, table| {
        fields.only(table, &["suppression"]);
        let rows = fields.tables(table, "suppression");
        if let Some(row) = rows.get(SUPPRESSIONS_MAX) {
            let (what, max) = ("suppressions", SUPPRESSIONS_MAX);
            fields.mistake(row.line, What::TooMany { what, max });
            return None;
        }
        let mut met = HashMap::new();
        let mut all = Vec::new();
        for row in rows {
            let Some(one) = suppression(fields, row) else {
                continue;
            };
            if let Some(first) = met.insert(one.id.clone(), row.line) {
                let what = format!("suppression {:?}", one.id);
                fields.mistake(row.line, What::SuppressionTwice { what, first });
            }
            all.push(one);
        }
        Some(Suppressions::new(all))
    })
}

fn suppression(fields: &mut Fields, row: Table<'_, '_>) -> Option<Suppression> {
    let known: Vec<&str> = SAID.into_iter().chain(PATTERNS).collect();
    fields.only(row, &known);
    for field in SAID {
        if !row.fields.contains_key(field) {
            fields.mistake(row.line, What::SuppressionLacks(field));
        }
    }
    if !PATTERNS.iter().any(|field| row.fields.contains_key(*field)) {
        fields.mistake(row.line, What::SuppressesEverything);
    }
    let id = id(fields, row);
    let principal = text_pattern(fields, row, "principal");
    let kind = text_pattern(fields, row, "type");
    let call = fields.text(row, "call").and_then(|(text, line)| {
        let read = text.parse();
        read.map_err(|error| fields.mistake(line, What::Pattern(error)))
            .ok()
    });
    let network = fields.said_text(row, ("network", TEXT_PATTERN_CHARS_MAX));
    // Findings show who announces a network after it.
    let network = network.map(|text| text.split_whitespace().next().unwrap_or_default().into());
    let author = fields.said_text(row, ("author", REVIEWER_CHARS_MAX));
    let reason = fields.said_text(row, ("reason", REASON_CHARS_MAX));
    let (on, until) = (fields.day(row, "on"), fields.day(row, "until"));
    if let Some((on, until)) = on.zip(until) {
        let days = until.days_since(on);
        let (from, to) = (on.to_string(), until.to_string());
        if days <= 0 {
            let (until, on) = (to, from);
            fields.mistake(row.line, What::EndsBefore { until, on });
        } else if days > SUPPRESSION_DAYS_MAX {
            fields.mistake(row.line, What::TooLong { days });
        }
    }
    Some(Suppression {
        id: id?.into(),
        principal,
        call,
        network,
        kind,
        author: author?.into(),
        on: on?,
        until: until?,
        reason: reason?.into(),
    })
}

fn id(fields: &mut Fields, row: Table<'_, '_>) -> Option<String> {
    let (text, line) = fields.text(row, "id")?;
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let sound = !text.is_empty() && text.bytes().all(usual);
    if !sound || text.len() > SUPPRESSION_ID_CHARS_MAX {
        fields.mistake(line, What::SuppressionId);
        return None;
    }
    Some(text.to_owned())
}

fn text_pattern(
    fields: &mut Fields,
    row: Table<'_, '_>,
    field: &'static str,
) -> Option<TextPattern> {
    let (text, line) = fields.text(row, field)?;
    let read = text.parse();
    read.map_err(|error| fields.mistake(line, What::TextPattern { field, error }))
        .ok()
}
