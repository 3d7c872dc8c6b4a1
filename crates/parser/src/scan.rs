//! A strict JSON reader over text: it borrows, skips what nobody asked for, and never recurses.
//!
//! Written here rather than taken from a library for three reasons: a file broken in the middle has to give its records before
//! and after the break with the place of the break; nesting has to be stack-safe at any depth; and only a quarter of a
//! record's bytes are wanted, so skipping, not parsing, is the work (Langdale and Lemire, "Parsing gigabytes of JSON per
//! second", 2019, and the on-demand readers after it). Strings are walked a vector at a time. The grammar is RFC 8259; the
//! tests compare it with serde_json on generated and on mutated text.

use std::borrow::Cow;

use crate::{escapes::unescape, special::next_special};

/// Where the text stopped being JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Break {
    /// Byte offset in the text.
    pub(crate) at: usize,
    /// What should have been there.
    pub(crate) expected: &'static str,
    /// The text ended here.
    pub(crate) ended: bool,
}

/// A JSON string between its quotes, escapes still in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quoted<'a> {
    pub(crate) body: &'a str,
    pub(crate) escaped: bool,
}

impl<'a> Quoted<'a> {
    /// The text it stands for; a lone surrogate becomes U+FFFD.
    pub(crate) fn text(self) -> Cow<'a, str> {
        if self.escaped {
            Cow::Owned(unescape(self.body))
        } else {
            Cow::Borrowed(self.body)
        }
    }
}

impl Quoted<'_> {
    /// Whether it stands for `text`, however it is written.
    pub(crate) fn is(self, text: &str) -> bool {
        self.body == text && !self.escaped || self.escaped && self.text() == text
    }

    /// Whether what it stands for may be a JSON object.
    pub(crate) fn begins_object(self) -> bool {
        self.body.starts_with('{') || self.escaped && self.text().starts_with('{')
    }
}

/// A JSON value; containers as the text they span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    #[default]
    Absent,
    Null,
    Bool(bool),
    Number(&'a str),
    String(Quoted<'a>),
    Object(&'a str),
    Array(&'a str),
}

/// A position in a text.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Deepest nesting met since it was last set to 0.
    pub(crate) deepest: usize,
    open: Vec<u8>,
    /// Why the last string had no end.
    fault: Break,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            deepest: 0,
            open: Vec::new(),
            fault: Break {
                at: 0,
                expected: "a string",
                ended: false,
            },
        }
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Moves to `at`, which must lie on a character boundary (every ASCII byte does).
    pub(crate) fn go_to(&mut self, at: usize) {
        self.at = at.min(self.text.len());
    }

    /// The next byte that is no white space; it is not consumed.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                _ => return Some(*byte),
            }
        }
        None
    }

    /// Consumes `byte` if it is next.
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(crate) fn broken(&self, expected: &'static str) -> Break {
        Break {
            at: self.at,
            expected,
            ended: self.at >= self.text.len(),
        }
    }

    /// The next key of an object, its colon consumed, or `None` at its end. `first` is true before the first key.
    pub(crate) fn next_key(&mut self, first: &mut bool) -> Result<Option<Quoted<'a>>, Break> {
        let byte = self.peek();
        if byte == Some(b'}') {
            self.at += 1;
            return Ok(None);
        }
        if !std::mem::take(first) {
            if byte != Some(b',') {
                return Err(self.broken("`,` or `}` after a member"));
            }
            self.at += 1;
        }
        self.key().map(Some)
    }

    /// Consumes the next key if it is `text`, which has its quotes and its colon, and nothing but a comma stands before it.
    #[inline]
    pub(crate) fn eat_key(&mut self, first: &mut bool, text: &str) -> bool {
        let rest = &self.text.as_bytes()[self.at..];
        let comma = usize::from(!*first);
        let found = (*first || rest.first() == Some(&b','))
            && rest.get(comma..comma + text.len()) == Some(text.as_bytes());
        if found {
            self.at += comma + text.len();
            *first = false;
        }
        found
    }

    #[inline(always)]
    fn key(&mut self) -> Result<Quoted<'a>, Break> {
        if self.peek() != Some(b'"') {
            return Err(self.broken("a key"));
        }
        let key = self.string()?;
        if !self.eat(b':') {
            return Err(self.broken("`:` after a key"));
        }
        Ok(key)
    }

    /// Reads one value.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<Value<'a>, Break> {
        let mut value = Value::Absent;
        self.value_into(&mut value)?;
        Ok(value)
    }

    /// Reads one value into its place, without a copy on the way: each way writes it once, because what is written in pieces and then
    /// moved as a whole has to be waited for.
    pub(crate) fn value_into(&mut self, slot: &mut Value<'a>) -> Result<(), Break> {
        let next = self.peek();
        let start = self.at;
        match next {
            Some(b'"') => *slot = Value::String(self.string()?),
            Some(b'{') => {
                self.skip_container()?;
                *slot = Value::Object(&self.text[start..self.at]);
            }
            Some(b'[') => {
                self.skip_container()?;
                *slot = Value::Array(&self.text[start..self.at]);
            }
            Some(b't') => {
                self.word("true")?;
                *slot = Value::Bool(true);
            }
            Some(b'f') => {
                self.word("false")?;
                *slot = Value::Bool(false);
            }
            Some(b'n') => {
                self.word("null")?;
                *slot = Value::Null;
            }
            Some(b'-' | b'0'..=b'9') => *slot = Value::Number(self.number()?),
            _ => return Err(self.broken("a value")),
        }
        Ok(())
    }

    /// Passes over one value.
    pub(crate) fn skip_value(&mut self) -> Result<(), Break> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{' | b'[') => self.skip_container(),
            _ => self.skip_plain(),
        }
    }

    /// Passes over a value that is neither a string nor a container.
    fn skip_plain(&mut self) -> Result<(), Break> {
        match self.peek() {
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(b'-' | b'0'..=b'9') => self.number().map(drop),
            _ => Err(self.broken("a value")),
        }
    }

    fn word(&mut self, word: &'static str) -> Result<(), Break> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(());
        }
        let rest = self.text.len() - self.at;
        Err(Break {
            at: self.at,
            expected: word,
            ended: rest < word.len() && word.starts_with(&self.text[self.at..]),
        })
    }

    fn digits(&mut self) -> Result<(), Break> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        while bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start {
            Err(self.broken("a digit"))
        } else {
            Ok(())
        }
    }

    fn number(&mut self) -> Result<&'a str, Break> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        self.at += usize::from(bytes[self.at] == b'-');
        if bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    /// Reads a string whose opening quote is next.
    ///
    /// Nearly all have no escape and are read without a call. The call for the others gives back one number, not a string: what is
    /// passed through memory has to be waited for, and that once took a third of the reader's time.
    #[inline(always)]
    fn string(&mut self) -> Result<Quoted<'a>, Break> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut end = next_special(bytes, start);
        let escaped = bytes.get(end) != Some(&b'"');
        if escaped {
            match self.escaped_end(end) {
                Some(found) => end = found,
                None => return Err(self.fault),
            }
        }
        self.at = end + 1;
        Ok(Quoted {
            body: &self.text[start..end],
            escaped,
        })
    }

    /// The closing quote of a string that has something special at `end`; on `None` the break is in `fault`.
    #[cold]
    fn escaped_end(&mut self, end: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut end = end;
        loop {
            let fault = match bytes.get(end) {
                Some(b'"') => return Some(end),
                Some(b'\\') => match self.escape(end) {
                    Ok(after) => {
                        end = next_special(bytes, after);
                        continue;
                    }
                    Err(fault) => fault,
                },
                Some(_) => Break {
                    at: end,
                    expected: "no control character in a string",
                    ended: false,
                },
                None => Break {
                    at: end,
                    expected: "`\"` at the end of a string",
                    ended: true,
                },
            };
            self.fault = fault;
            return None;
        }
    }

    /// Checks the escape at `at` and gives the offset after it.
    fn escape(&self, at: usize) -> Result<usize, Break> {
        let bytes = self.text.as_bytes();
        match bytes.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
            Some(b'u') => {
                match (2..6).find(|step| !bytes.get(at + step).is_some_and(u8::is_ascii_hexdigit)) {
                    None => Ok(at + 6),
                    Some(step) => {
                        let ended = at + step >= bytes.len();
                        Err(Break {
                            at: at + step,
                            expected: "four hexadecimal digits after `\\u`",
                            ended,
                        })
                    }
                }
            }
            other => Err(Break {
                at: at + 1,
                expected: "an escape that JSON knows",
                ended: other.is_none(),
            }),
        }
    }

    /// Skips the object or array that is next, at any depth, without recursion.
    fn skip_container(&mut self) -> Result<(), Break> {
        let mut open = std::mem::take(&mut self.open);
        open.clear();
        let result = self.skip_nested(&mut open);
        self.open = open;
        result
    }

    fn skip_nested(&mut self, open: &mut Vec<u8>) -> Result<(), Break> {
        loop {
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    self.at += 1;
                    open.push(bracket);
                    self.deepest = self.deepest.max(open.len());
                    // `[` and `{` are each two below their closing bracket.
                    if self.eat(bracket + 2) {
                        open.pop();
                    } else if bracket == b'{' {
                        self.key()?;
                        continue;
                    } else {
                        continue;
                    }
                }
                Some(b'"') => drop(self.string()?),
                _ => self.skip_plain()?,
            }
            loop {
                let Some(bracket) = open.last().copied() else {
                    return Ok(());
                };
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        if bracket == b'{' {
                            self.key()?;
                        }
                        break;
                    }
                    Some(byte) if byte == bracket + 2 => {
                        self.at += 1;
                        open.pop();
                    }
                    _ if bracket == b'{' => return Err(self.broken("`,` or `}` after a member")),
                    _ => return Err(self.broken("`,` or `]` after an element")),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn accepts(text: &str) -> bool {
        let mut scanner = Scanner::new(text);
        scanner.value().is_ok() && scanner.peek().is_none()
    }

    #[test]
    fn takes_what_the_rfc_takes() {
        for text in [
            "0",
            "-0.5e+7",
            "1e400",
            r#""""#,
            r#""\u00e9\ud83d\ude00""#,
            "[]",
            "{}",
            r#"[{"a":[1,{"b":null}]},true]"#,
        ] {
            assert!(accepts(text), "{text}");
        }
        for text in [
            "",
            "01",
            "1.",
            "-",
            "+1",
            "tru",
            r#""\x""#,
            "\"\n\"",
            "[1,]",
            "[,]",
            "{,}",
            r#"{"a"}"#,
            r#"{"a":1,}"#,
            "[1 2]",
            "{]",
            "[}",
        ] {
            assert!(!accepts(text), "{text}");
        }
    }

    #[test]
    fn any_depth_is_safe() {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        let mut scanner = Scanner::new(&deep);
        assert!(scanner.value().is_ok());
        assert_eq!(scanner.deepest, 1_000_000);
    }

    #[test]
    fn a_lone_surrogate_is_replaced() {
        let text = |body| {
            Quoted {
                body,
                escaped: true,
            }
            .text()
            .into_owned()
        };
        assert_eq!(text(r"a\ud800b"), "a\u{fffd}b");
        assert_eq!(text(r"\ud800\ud83d\ude00\\\/"), "\u{fffd}😀\\/");
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<String>().prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(value in json(), cut in any::<prop::sample::Index>(), byte in 0x20..0x7f_u8) {
            let text = value.to_string();
            prop_assert!(accepts(&text));
            let mut bytes = text.into_bytes();
            let at = cut.index(bytes.len());
            bytes[at] = byte;
            if let Ok(mutated) = String::from_utf8(bytes) {
                // serde_json refuses lone surrogates only where it decodes; we take them as U+FFFD.
                let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&mutated).is_ok();
                prop_assert_eq!(accepts(&mutated), theirs, "{}", mutated);
            }
        }

        #[test]
        fn decodes_as_serde_json_does(text in any::<String>()) {
            let quoted = serde_json::to_string(&text).unwrap();
            let Value::String(read) = Scanner::new(&quoted).value().unwrap() else { panic!("a string") };
            prop_assert_eq!(read.text(), text);
        }
    }
}
