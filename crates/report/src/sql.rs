//! The queries that recompute what is shown: anybody with a baseline file and any SQLite tool can check the numbers.
//!
//! They read the views that `docs/formats/store.md` describes. A query must be whole to work, so its lines may be wider than
//! the page; texts from outside stand in them as SQL literals whose control and invisible characters are written `char(27)`.

use std::io;

use crate::{
    FindingV1, PrincipalV1, Style,
    inert::is_live,
    page::{Page, Tone},
};

/// Longest text written into a query, in characters; longer ones get no query.
pub const LITERAL_CHARS_MAX: usize = 500;

/// Most novelties of a finding for which queries are written.
const NOVELTIES_MAX: usize = 3;

/// One query, and what its rows show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// What its rows show, in a few words.
    pub shows: String,
    /// One SQL statement for the baseline file.
    pub sql: String,
}

/// The queries that give what [`crate::write_principal`] shows; none if a text of its key is longer than [`LITERAL_CHARS_MAX`].
#[must_use]
pub fn principal_queries(principal: &PrincipalV1) -> Vec<Query> {
    let Some(key) = key_condition(principal) else {
        return Vec::new();
    };
    let query = |shows: &str, sql: String| Query {
        shows: shows.to_owned(),
        sql,
    };
    vec![
        query(
            "the principal",
            format!("SELECT * FROM readable_principals WHERE {key};"),
        ),
        query(
            "its calls",
            format!(
                "SELECT call, outcome, standing, count, distinct_days, first_seen, last_seen FROM readable_calls \
                 WHERE {key} ORDER BY count DESC, call, outcome;"
            ),
        ),
        query(
            "its networks, regions, user agents and so on",
            format!(
                "SELECT dimension, value, standing, count, first_seen, last_seen FROM readable_facets \
                 WHERE {key} ORDER BY dimension, count DESC, value;"
            ),
        ),
    ]
}

/// The queries for the counts of a finding's heaviest novelties. They tell what the baseline holds now; what was learnt since the
/// finding was judged is in it too.
#[must_use]
pub fn finding_queries(finding: &FindingV1) -> Vec<Query> {
    let Some(key) = key_condition(&finding.principal) else {
        return Vec::new();
    };
    let Some(account) = literal(finding.principal.account.as_deref().unwrap_or_default()) else {
        return Vec::new();
    };
    let mut queries = Vec::new();
    for novelty in finding.novelties.iter().take(NOVELTIES_MAX) {
        // Who announces a network stands behind it; rows hold the network alone.
        let row = match novelty.dimension.as_str() {
            "network" => novelty.value.split(' ').next().unwrap_or_default(),
            _ => &novelty.value,
        };
        let Some(value) = literal(row) else {
            continue;
        };
        let (table, is_it, kept) = match novelty.dimension.as_str() {
            "call" => (
                "readable_calls",
                format!("call = {value}"),
                "outcome, standing, count, distinct_days",
            ),
            "denied" => (
                "readable_calls",
                format!("call = {value} AND outcome = 'denied'"),
                "outcome, standing, count, distinct_days",
            ),
            "network" | "region" | "user_agent" => (
                "readable_facets",
                format!("dimension = '{}' AND value = {value}", novelty.dimension),
                "standing, count",
            ),
            // Roles and principals are shown by their label, which is no key.
            _ => continue,
        };
        let what = format!("{} {}", novelty.dimension, novelty.value);
        queries.push(Query {
            shows: format!("{what}: seen by the principal"),
            sql: format!(
                "SELECT {kept}, first_seen, last_seen FROM {table} WHERE {key} AND {is_it};"
            ),
        });
        queries.push(Query {
            shows: format!("{what}: known to how many principals of the account"),
            sql: format!(
                "SELECT count(DISTINCT principal_id) AS seen_by, (SELECT count(*) FROM principals WHERE account = {account}) \
                 AS principals FROM {table} WHERE account = {account} AND {is_it} AND standing IN ('learnt', 'approved');"
            ),
        });
    }
    queries
}

/// Writes the queries of a finding, for its story; nothing if there are none.
///
/// # Errors
/// Those of the writer.
pub fn write_finding_queries(
    out: &mut dyn io::Write,
    finding: &FindingV1,
    style: Style,
) -> io::Result<()> {
    queries(&mut Page::new(out, style), &finding_queries(finding))
}

/// A heading and the queries; nothing if there are none.
pub(crate) fn queries(page: &mut Page<'_>, queries: &[Query]) -> io::Result<()> {
    if queries.is_empty() {
        return Ok(());
    }
    page.heading("Check it yourself (sqlite3 -readonly BASELINE)")?;
    for query in queries {
        // One line, so that all of it stays a comment when somebody copies the block.
        page.line(&[(Tone::Faint, "  -- "), (Tone::Faint, &query.shows)])?;
        page.whole("  ", &query.sql)?;
    }
    Ok(())
}

/// The condition that singles out a principal.
fn key_condition(principal: &PrincipalV1) -> Option<String> {
    let text = |text: &Option<String>| literal(text.as_deref().unwrap_or_default());
    let person = match &principal.person {
        Some(person) => format!("person = {}", literal(person)?),
        None => "person IS NULL".to_owned(),
    };
    Some(format!(
        "account = {} AND unique_id = {} AND kind = {} AND {person}",
        text(&principal.account)?,
        text(&principal.id)?,
        literal(&principal.kind)?,
    ))
}

/// A text as an SQL expression; `None` if it is too long.
fn literal(text: &str) -> Option<String> {
    if text.chars().count() > LITERAL_CHARS_MAX {
        return None;
    }
    let mut parts: Vec<String> = Vec::new();
    let mut quoted = String::new();
    for c in text.chars() {
        if is_live(c) {
            if !quoted.is_empty() {
                parts.push(format!("'{}'", std::mem::take(&mut quoted)));
            }
            parts.push(format!("char({})", u32::from(c)));
        } else {
            quoted.push(c);
            if c == '\'' {
                quoted.push(c);
            }
        }
    }
    if !quoted.is_empty() || parts.is_empty() {
        parts.push(format!("'{quoted}'"));
    }
    Some(parts.join(" || "))
}
