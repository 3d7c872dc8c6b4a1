//! Fields of TOML tables as typed values; every mistake is collected with its line, none ends the reading.

use std::ops::Range;

use offtrail_event::{Day, Timestamp};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{MISTAKES_MAX, Mistake, Said, What};
use crate::{CallPattern, PATTERNS_MAX, REASON_CHARS_MAX, REVIEWER_CHARS_MAX, is_sayable};

/// A table and where it begins.
#[derive(Clone, Copy)]
pub(super) struct Table<'t, 'i> {
    pub(super) fields: &'t DeTable<'i>,
    pub(super) line: usize,
}

/// Reads fields and collects mistakes.
pub(super) struct Fields {
    /// Where each line begins, bytes.
    starts: Vec<usize>,
    pub(super) mistakes: Vec<Mistake>,
}

impl Fields {
    pub(super) fn new(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1));
        Self {
            starts: starts.collect(),
            mistakes: Vec::new(),
        }
    }

    /// The line of a place in the text, from 1 on.
    pub(super) fn line(&self, span: Range<usize>) -> usize {
        self.starts.partition_point(|start| *start <= span.start)
    }

    pub(super) fn mistake(&mut self, line: usize, what: What) {
        if self.mistakes.len() < MISTAKES_MAX {
            self.mistakes.push(Mistake { line, what });
        }
    }

    /// Tells fields that are none of these.
    pub(super) fn only(&mut self, table: Table<'_, '_>, known: &[&str]) {
        for (key, _) in table.fields {
            if !known.contains(&&**key.get_ref()) {
                let field = key.get_ref().to_string();
                let known = known.join(", ");
                let line = self.line(key.span());
                self.mistake(line, What::UnknownField { field, known });
            }
        }
    }

    /// A field that has to be there.
    fn needed<T>(
        &mut self,
        table: Table<'_, '_>,
        field: &'static str,
        found: Option<T>,
    ) -> Option<T> {
        if !table.fields.contains_key(field) {
            self.mistake(table.line, What::Missing(field));
        }
        found
    }

    /// A text, whatever it says.
    pub(super) fn text<'t>(
        &mut self,
        table: Table<'t, '_>,
        field: &'static str,
    ) -> Option<(&'t str, usize)> {
        let value = table.fields.get(field)?;
        let line = self.line(value.span());
        match value.get_ref() {
            DeValue::String(text) => Some((text, line)),
            other => {
                self.wrong_type(line, (field, "a text in quotes"), other);
                None
            }
        }
    }

    pub(super) fn needed_text<'t>(
        &mut self,
        table: Table<'t, '_>,
        field: &'static str,
    ) -> Option<(&'t str, usize)> {
        let found = self.text(table, field);
        self.needed(table, field, found)
    }

    /// A text that a person said: not empty, and all of it can be seen.
    pub(super) fn said_text(
        &mut self,
        table: Table<'_, '_>,
        (field, max): (&'static str, usize),
    ) -> Option<String> {
        let (text, line) = self.text(table, field)?;
        let sound = is_sayable(text, max);
        if !sound {
            self.mistake(line, What::Text { field, max });
        }
        sound.then(|| text.to_owned())
    }

    /// A word of a list.
    pub(super) fn word<T: std::str::FromStr>(
        &mut self,
        table: Table<'_, '_>,
        field: &'static str,
        words: &[&str],
    ) -> Option<T> {
        let (text, line) = self.text(table, field)?;
        let read = text.parse().ok();
        if read.is_none() {
            let (found, wanted) = (text.to_owned(), words.join(", "));
            self.mistake(
                line,
                What::Word {
                    field,
                    found,
                    wanted,
                },
            );
        }
        read
    }

    pub(super) fn needed_word<T: std::str::FromStr>(
        &mut self,
        table: Table<'_, '_>,
        field: &'static str,
        words: &[&str],
    ) -> Option<T> {
        let found = self.word(table, field, words);
        self.needed(table, field, found)
    }

    /// A day.
    pub(super) fn day(&mut self, table: Table<'_, '_>, field: &'static str) -> Option<Day> {
        let value = table.fields.get(field)?;
        let read = match value.get_ref() {
            DeValue::Datetime(time) if time.time.is_none() => time.date.and_then(|date| {
                Timestamp::parse(&format!(
                    "{:04}-{:02}-{:02}",
                    date.year, date.month, date.day
                ))
            }),
            _ => None,
        };
        if read.is_none() {
            let line = self.line(value.span());
            self.mistake(line, What::Day(field));
        }
        read.map(Timestamp::day)
    }

    pub(super) fn needed_day(&mut self, table: Table<'_, '_>, field: &'static str) -> Option<Day> {
        let found = self.day(table, field);
        self.needed(table, field, found)
    }

    /// The values of a list with their lines; none if there is no list.
    pub(super) fn list<'t, 'i>(
        &mut self,
        table: Table<'t, 'i>,
        field: &'static str,
    ) -> Vec<(&'t Spanned<DeValue<'i>>, usize)> {
        let Some(value) = table.fields.get(field) else {
            return Vec::new();
        };
        match value.get_ref() {
            DeValue::Array(values) => values
                .iter()
                .map(|value| (value, self.line(value.span())))
                .collect(),
            other => {
                let line = self.line(value.span());
                self.wrong_type(line, (field, "a list in brackets"), other);
                Vec::new()
            }
        }
    }

    /// A list of tables.
    pub(super) fn tables<'t, 'i>(
        &mut self,
        table: Table<'t, 'i>,
        field: &'static str,
    ) -> Vec<Table<'t, 'i>> {
        let mut tables = Vec::new();
        for (value, line) in self.list(table, field) {
            match value.get_ref() {
                DeValue::Table(fields) => tables.push(Table { fields, line }),
                other => self.wrong_type(line, (field, "a list of tables { … }"), other),
            }
        }
        tables
    }

    /// A list of texts that has to be there.
    pub(super) fn texts(&mut self, table: Table<'_, '_>, field: &'static str) -> Vec<String> {
        self.needed::<()>(table, field, None);
        let mut texts = Vec::new();
        for (value, line) in self.list(table, field) {
            match value.get_ref() {
                DeValue::String(text) => texts.push(text.to_string()),
                other => self.wrong_type(line, (field, "a list of texts in quotes"), other),
            }
        }
        texts
    }

    /// A list of patterns that has to be there and to hold one.
    pub(super) fn patterns(
        &mut self,
        table: Table<'_, '_>,
        field: &'static str,
    ) -> Option<Vec<CallPattern>> {
        let before = self.mistakes.len();
        let texts = self.texts(table, field);
        if texts.len() > PATTERNS_MAX {
            let (what, max) = ("patterns", PATTERNS_MAX);
            self.mistake(table.line, What::TooMany { what, max });
            return None;
        }
        let mut patterns = Vec::new();
        for text in texts {
            match text.parse() {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => self.mistake(table.line, What::Pattern(error)),
            }
        }
        if patterns.is_empty() && self.mistakes.len() == before {
            self.mistake(table.line, What::NoCalls(field));
        }
        (self.mistakes.len() == before).then_some(patterns)
    }

    /// Who, when, why, until when.
    pub(super) fn said(&mut self, table: Table<'_, '_>) -> Said {
        let said = Said {
            by: self.said_text(table, ("by", REVIEWER_CHARS_MAX)),
            on: self.day(table, "on"),
            reason: self.said_text(table, ("reason", REASON_CHARS_MAX)),
            until: self.day(table, "until"),
        };
        if let Some((on, until)) = said.on.zip(said.until)
            && until <= on
        {
            let (until, on) = (until.to_string(), on.to_string());
            self.mistake(table.line, What::EndsBefore { until, on });
        }
        said
    }

    pub(super) fn wrong_type(
        &mut self,
        line: usize,
        (field, wanted): (&'static str, &'static str),
        found: &DeValue<'_>,
    ) {
        let found = match found {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let what = What::Type {
            field,
            wanted,
            found,
        };
        self.mistake(line, what);
    }
}
