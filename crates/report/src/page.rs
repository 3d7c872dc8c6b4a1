//! [`Page`]: lines of text of at most 100 columns into a given writer, the one way text leaves this crate.
//!
//! Every text passes [`crate::inert`] here, and colour is added after it: so nothing that a finding holds can reach the terminal
//! as a control sequence, whatever the renderer above forgot. Columns are counted in characters; a wide (CJK) character
//! counts as one, so such a line may look longer.

use std::{fmt, io};

use anstyle::{AnsiColor, Effects};

use crate::inert::inert_within;

/// Width of the text forms, in characters.
pub const COLUMNS: usize = 100;

/// Longest paragraph shown, in characters.
const PARAGRAPH_CHARS_MAX: usize = 4_000;

/// Longest line that is shown whole, in characters: a query of four long texts, each character written `char(1114111)`.
const WHOLE_CHARS_MAX: usize = 60_000;

/// Whether text carries colour. The caller knows whether a terminal reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// No control sequence at all.
    #[default]
    Plain,
    /// Colour and weight by ANSI SGR sequences.
    Ansi,
}

/// What a piece of text is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Text,
    Heading,
    Faint,
    Good,
    Low,
    Medium,
    High,
    Critical,
}

impl Tone {
    /// The tone of a severity's word; of an unknown one plain text.
    pub(crate) fn of_severity(severity: &str) -> Self {
        match severity {
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            "critical" => Self::Critical,
            _ => Self::Text,
        }
    }

    fn style(self) -> anstyle::Style {
        let colour = |colour: AnsiColor| anstyle::Style::new().fg_color(Some(colour.into()));
        match self {
            Self::Text => anstyle::Style::new(),
            Self::Heading => anstyle::Style::new().effects(Effects::BOLD),
            Self::Faint => anstyle::Style::new().effects(Effects::DIMMED),
            Self::Good => colour(AnsiColor::Green),
            Self::Low => colour(AnsiColor::Cyan),
            Self::Medium => colour(AnsiColor::Yellow),
            Self::High => colour(AnsiColor::Red),
            Self::Critical => colour(AnsiColor::Red).effects(Effects::BOLD | Effects::INVERT),
        }
    }
}

/// Lines of text into a given writer.
pub(crate) struct Page<'a> {
    out: &'a mut dyn io::Write,
    style: Style,
}

impl<'a> Page<'a> {
    pub(crate) fn new(out: &'a mut dyn io::Write, style: Style) -> Self {
        Self { out, style }
    }

    /// One line of pieces, cut at the last column.
    pub(crate) fn line(&mut self, pieces: &[(Tone, &str)]) -> io::Result<()> {
        let mut left = COLUMNS;
        let last = pieces
            .iter()
            .rposition(|(_, text)| !text.trim_end().is_empty());
        for (index, (tone, text)) in pieces.iter().enumerate() {
            if left == 0 || last.is_none_or(|last| index > last) {
                break;
            }
            let text = if last == Some(index) {
                text.trim_end()
            } else {
                text
            };
            let shown = inert_within(text, left);
            left -= shown.chars().count();
            self.piece(*tone, &shown)?;
        }
        self.out.write_all(b"\n")
    }

    /// One line of plain text.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.line(&[(Tone::Text, text)])
    }

    /// One line that loses its sense when cut or broken, and so may be wider than the page: a query.
    pub(crate) fn whole(&mut self, indent: &str, text: &str) -> io::Result<()> {
        let shown = inert_within(text, WHOLE_CHARS_MAX);
        self.piece(Tone::Text, indent)?;
        self.piece(Tone::Text, &shown)?;
        self.out.write_all(b"\n")
    }

    /// An empty line and a heading.
    pub(crate) fn heading(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(b"\n")?;
        self.line(&[(Tone::Heading, text)])
    }

    /// Text broken at spaces over as many lines as it needs; the first begins with `first`, the others are indented alike.
    pub(crate) fn paragraph(&mut self, first: (Tone, &str), text: &str) -> io::Result<()> {
        self.paragraph_in(Tone::Text, first, text)
    }

    /// The same in another tone.
    pub(crate) fn paragraph_in(
        &mut self,
        tone: Tone,
        first: (Tone, &str),
        text: &str,
    ) -> io::Result<()> {
        let indent = first.1.chars().count();
        let blank = " ".repeat(indent);
        for (index, line) in wrapped(text, COLUMNS.saturating_sub(indent))
            .iter()
            .enumerate()
        {
            let begin = if index == 0 {
                first
            } else {
                (Tone::Text, blank.as_str())
            };
            self.line(&[begin, (tone, line)])?;
        }
        Ok(())
    }

    fn piece(&mut self, tone: Tone, text: &str) -> io::Result<()> {
        let style = tone.style();
        match self.style {
            Style::Ansi if !style.is_plain() => write!(self.out, "{style}{text}{style:#}"),
            Style::Ansi | Style::Plain => self.out.write_all(text.as_bytes()),
        }
    }
}

/// The text made inert and broken into lines of at most `width` characters; words longer than that are broken too.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let text = inert_within(text, PARAGRAPH_CHARS_MAX);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut rest = word;
        let mut chars = rest.chars().count();
        if used > 0 && used + 1 + chars > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        while chars > width {
            let end = rest
                .char_indices()
                .nth(width)
                .map_or(rest.len(), |(end, _)| end);
            lines.push(rest[..end].to_owned());
            rest = &rest[end..];
            chars -= width;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(rest);
        used += chars;
    }
    if used > 0 || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// A count with its thousands set apart: `61,480`.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A count and what is counted: `1 day`, `2 days`.
pub(crate) fn counted(count: impl Into<u64>, one: &str) -> String {
    let count = count.into();
    format!(
        "{} {one}{}",
        grouped(count),
        if count == 1 { "" } else { "s" }
    )
}

/// Items joined by a separator.
pub(crate) fn joined<T: fmt::Display>(
    items: impl IntoIterator<Item = T>,
    separator: &str,
) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(separator)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn counts_are_grouped() {
        for (count, expected) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345_678, "12,345,678"),
        ] {
            assert_eq!(grouped(count), expected);
        }
        assert_eq!(
            (counted(1u64, "day"), counted(0u64, "day")),
            ("1 day".into(), "0 days".into())
        );
    }

    #[test]
    fn text_wraps_at_spaces_and_inside_long_words() {
        assert_eq!(wrapped("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrapped("", 3), [""]);
    }

    #[test]
    fn colour_only_where_asked() {
        let line = |style| {
            let mut out = Vec::new();
            Page::new(&mut out, style)
                .line(&[(Tone::High, "a\x1bb"), (Tone::Text, " c  ")])
                .unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(line(Style::Plain), "a\\u{1b}b c\n");
        assert_eq!(line(Style::Ansi), "\x1b[31ma\\u{1b}b\x1b[0m c\n");
    }
}
