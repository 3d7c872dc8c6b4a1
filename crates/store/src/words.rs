//! Ids of a vocabulary against ids of a file, joined by text.

use offtrail_baseline::{Dimension, Standing};
use offtrail_event::{CallId, OutcomeClass, PrincipalId, Severity, TextId, Vocabulary};
use rusqlite::{Connection, OptionalExtension, Params};

use crate::Reason;

/// Finds or makes the file's ids of one vocabulary's ids, remembering them for the length of one commit.
pub(crate) struct FileIds<'a> {
    connection: &'a Connection,
    words: &'a Vocabulary,
    texts: Vec<Option<i64>>,
    calls: Vec<Option<i64>>,
    principals: Vec<Option<i64>>,
}

impl<'a> FileIds<'a> {
    pub(crate) fn new(connection: &'a Connection, words: &'a Vocabulary) -> Self {
        Self {
            connection,
            words,
            texts: Vec::new(),
            calls: Vec::new(),
            principals: Vec::new(),
        }
    }

    pub(crate) fn text(&mut self, id: TextId) -> Result<i64, Reason> {
        let (connection, words) = (self.connection, self.words);
        remembered(&mut self.texts, id.0, || {
            let text = words.text(id);
            let find = "SELECT id FROM texts WHERE text = ?1";
            let make = "INSERT INTO texts (text) VALUES (?1) RETURNING id";
            find_or_make(connection, (find, make), [&*text])
        })
    }

    pub(crate) fn call(&mut self, id: CallId) -> Result<i64, Reason> {
        let (connection, words) = (self.connection, self.words);
        remembered(&mut self.calls, id.0, || {
            let (source, operation) = words.call(id);
            let find = "SELECT id FROM calls WHERE source = ?1 AND operation = ?2";
            let make = "INSERT INTO calls (source, operation) VALUES (?1, ?2) RETURNING id";
            find_or_make(connection, (find, make), [&*source, &*operation])
        })
    }

    /// The row of a principal, made if new, with its label brought up to date.
    pub(crate) fn principal(&mut self, id: PrincipalId) -> Result<i64, Reason> {
        let (connection, words) = (self.connection, self.words);
        remembered(&mut self.principals, id.0, || {
            let name = words.principal(id);
            let mut statement = connection.prepare_cached(
                "INSERT INTO principals (account, kind, unique_id, person, arn, name) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (account, unique_id, kind, coalesce(person, ''), (person IS NULL))
                 DO UPDATE SET arn = excluded.arn, name = excluded.name RETURNING id",
            )?;
            Ok(statement.query_row(
                (
                    &*name.account,
                    name.kind.as_str(),
                    &*name.id,
                    name.person.as_deref(),
                    &*name.arn,
                    &*name.name,
                ),
                |row| row.get(0),
            )?)
        })
    }

    /// The value of a row of another dimension.
    pub(crate) fn value(&mut self, dimension: Dimension, value: u32) -> Result<i64, Reason> {
        match dimension {
            Dimension::Takes => self.principal(PrincipalId(value)),
            _ => self.text(TextId(value)),
        }
    }
}

fn remembered(
    known: &mut Vec<Option<i64>>,
    id: u32,
    find: impl FnOnce() -> Result<i64, Reason>,
) -> Result<i64, Reason> {
    let index = id as usize;
    if let Some(Some(row)) = known.get(index) {
        return Ok(*row);
    }
    let row = find()?;
    if known.len() <= index {
        known.resize(index + 1, None);
    }
    known[index] = Some(row);
    Ok(row)
}

fn find_or_make(
    connection: &Connection,
    (find, make): (&str, &str),
    texts: impl Params + Copy,
) -> Result<i64, Reason> {
    let found = connection
        .prepare_cached(find)?
        .query_row(texts, |row| row.get(0))
        .optional()?;
    match found {
        Some(id) => Ok(id),
        None => Ok(connection
            .prepare_cached(make)?
            .query_row(texts, |row| row.get(0))?),
    }
}

/// The number that stands for an outcome in the file.
pub(crate) fn outcome_code(outcome: OutcomeClass) -> i64 {
    position(OutcomeClass::ALL, outcome)
}

/// The number that stands for a standing in the file.
pub(crate) fn standing_code(standing: Standing) -> i64 {
    position(Standing::ALL, standing)
}

/// The number that stands for a severity in the file.
pub(crate) fn severity_code(severity: Severity) -> i64 {
    position(Severity::ALL, severity)
}

/// The number that stands for a dimension in the file.
pub(crate) fn dimension_code(dimension: Dimension) -> i64 {
    position(Dimension::ALL, dimension)
}

fn position<T: Copy + PartialEq>(all: &[T], one: T) -> i64 {
    let index = all.iter().position(|other| *other == one);
    index.expect("ALL holds every variant") as i64
}

/// The variant a number of the file stands for.
pub(crate) fn decoded<T: Copy>(all: &[T], code: i64, what: &str) -> Result<T, Reason> {
    usize::try_from(code)
        .ok()
        .and_then(|code| all.get(code).copied())
        .ok_or_else(|| Reason::Damaged(format!("{what} {code} means nothing")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_file_stay_what_the_schema_says() {
        let codes = |all: &[&str], expected: &[&str]| assert_eq!(all, expected);
        let words: Vec<_> = OutcomeClass::ALL.iter().map(|one| one.as_str()).collect();
        codes(&words, &["succeeded", "denied", "failed"]);
        let words: Vec<_> = Standing::ALL.iter().map(|one| one.as_str()).collect();
        codes(&words, &["learnt", "pending", "approved", "refused"]);
        let words: Vec<_> = Severity::ALL.iter().map(|one| one.as_str()).collect();
        codes(&words, &["low", "medium", "high", "critical"]);
        let words: Vec<_> = Dimension::ALL.iter().map(|one| one.as_str()).collect();
        codes(
            &words,
            &[
                "network",
                "region",
                "user_agent",
                "credential",
                "account",
                "role",
                "forwarded_call",
                "target",
            ],
        );
    }
}
