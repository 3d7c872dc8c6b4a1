//! [`Walk`]: a place in a text that moves on over JSON without spaces, or not at all.
//!
//! The grammar is that of [`crate::scan::Scanner`] without white space between tokens. Whatever is not so is `None`, which means "look more carefully", never
//! "wrong".

use offtrail_event::Timestamp;

use crate::{
    scan::{Quoted, Value},
    special::{next_special, word_at},
    time,
};

/// Nesting of a value that is passed over here; a bit of one word for each level.
const DEPTH_MAX: usize = 60;

/// A place in a text, moving on.
pub(crate) struct Walk<'t> {
    pub(crate) text: &'t str,
    pub(crate) bytes: &'t [u8],
    pub(crate) at: usize,
    /// Deepest nesting met.
    pub(crate) deepest: usize,
}

impl<'t> Walk<'t> {
    pub(crate) fn new(text: &'t str, at: usize) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at,
            deepest: 0,
        }
    }

    #[inline(always)]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next byte, consumed.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// The next eight bytes, not consumed.
    #[inline(always)]
    pub(crate) fn word(&self) -> Option<u64> {
        word_at(self.bytes, self.at)
    }

    /// Consumes a text that must be next.
    #[inline(always)]
    pub(crate) fn after<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        let next: &[u8; N] = self.bytes.get(self.at..self.at + N)?.try_into().ok()?;
        if next != text {
            return None;
        }
        self.at += N;
        Some(())
    }

    /// A string without escapes.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Option<&'t str> {
        self.after(b"\"")?;
        let start = self.at;
        let end = next_special(self.bytes, start);
        if self.bytes.get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        self.text.get(start..end)
    }

    #[inline(always)]
    pub(crate) fn time(&mut self, last: &mut time::LastDay) -> Option<Timestamp> {
        let quoted: &[u8; 22] = self.bytes.get(self.at..self.at + 22)?.try_into().ok()?;
        if quoted[0] != b'"' || quoted[21] != b'"' {
            return None;
        }
        self.at += 22;
        last.read(quoted[1..].first_chunk()?)
    }

    /// A truth value, also as text, or null.
    #[inline(always)]
    pub(crate) fn truth(&mut self) -> Option<Option<bool>> {
        match self.peek()? {
            b't' => self.after(b"true").map(|()| Some(true)),
            b'f' => self.after(b"false").map(|()| Some(false)),
            b'n' => self.after(b"null").map(|()| None),
            _ => match self.string()? {
                "true" => Some(Some(true)),
                "false" => Some(Some(false)),
                _ => None,
            },
        }
    }

    /// An object or null.
    #[inline(always)]
    pub(crate) fn object(&mut self) -> Option<Value<'t>> {
        match self.peek()? {
            b'n' => self.after(b"null").map(|()| Value::Null),
            b'{' => {
                let start = self.at;
                self.container()?;
                self.text.get(start..self.at).map(Value::Object)
            }
            _ => None,
        }
    }

    /// Passes over a container that may be the one met last in its place.
    #[inline(always)]
    pub(crate) fn met_before(&mut self, last: &mut Box<[u8]>) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        if !last.is_empty() && rest.starts_with(last) {
            self.at += last.len();
            return Some(());
        }
        let start = self.at;
        self.pass()?;
        let text = self.bytes.get(start..self.at)?;
        if text.first() == Some(&b'{') && text.len() <= PASSED_BYTES_MAX && self.deepest <= 1 {
            *last = Box::from(text);
        }
        Some(())
    }

    /// A member: its key without escapes, and its value.
    #[inline(always)]
    pub(crate) fn member(&mut self) -> Option<(&'t str, Value<'t>)> {
        let key = self.string()?;
        self.after(b":")?;
        let start = self.at;
        let first = self.peek()?;
        self.pass()?;
        let value = match first {
            b'"' => {
                let body = self.text.get(start + 1..self.at - 1)?;
                let escaped = body.contains('\\');
                Value::String(Quoted { body, escaped })
            }
            b'{' => Value::Object(self.text.get(start..self.at)?),
            b'[' => Value::Array(self.text.get(start..self.at)?),
            b't' => Value::Bool(true),
            b'f' => Value::Bool(false),
            b'n' => Value::Null,
            _ => Value::Number(self.text.get(start..self.at)?),
        };
        Some((key, value))
    }

    /// Passes over any value.
    #[inline(always)]
    pub(crate) fn pass(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.at = string_end(self.bytes, self.at + 1)? + 1,
            b'{' | b'[' => self.container()?,
            _ => self.at = scalar_end(self.bytes, self.at)?,
        }
        Some(())
    }

    /// Passes over the object or array that is next.
    #[inline(never)]
    pub(crate) fn container(&mut self) -> Option<()> {
        let bytes = self.bytes;
        let mut at = self.at;
        // The lowest bit is the innermost container: 1 for an object.
        let (mut objects, mut depth, mut deepest) = (0_u64, 0, 0);
        loop {
            match *bytes.get(at)? {
                b'"' => at = string_end(bytes, at + 1)? + 1,
                bracket @ (b'{' | b'[') => {
                    depth += 1;
                    deepest = deepest.max(depth);
                    if depth > DEPTH_MAX {
                        return None;
                    }
                    let is_object = bracket == b'{';
                    objects = objects << 1 | u64::from(is_object);
                    at += 1;
                    // `[` and `{` are each two below their closing bracket.
                    if bytes.get(at) != Some(&(bracket + 2)) {
                        if is_object {
                            at = key_end(bytes, at)?;
                        }
                        continue;
                    }
                }
                _ => at = scalar_end(bytes, at)?,
            }
            while depth > 0 {
                match *bytes.get(at)? {
                    b',' => break,
                    b'}' if objects & 1 == 1 => {}
                    b']' if objects & 1 == 0 => {}
                    _ => return None,
                }
                at += 1;
                objects >>= 1;
                depth -= 1;
            }
            if depth == 0 {
                break;
            }
            at += 1;
            if objects & 1 == 1 {
                at = key_end(bytes, at)?;
            }
        }
        self.at = at;
        self.deepest = self.deepest.max(deepest);
        Some(())
    }
}

/// Bytes of a member nobody reads that is remembered so as to be passed over at once.
const PASSED_BYTES_MAX: usize = 512;

/// The closing quote of a string that begins at `at`.
#[inline(always)]
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let end = next_special(bytes, at);
    match bytes.get(end)? {
        b'"' => Some(end),
        b'\\' => escaped_end(bytes, end),
        _ => None,
    }
}

/// The same from the first backslash on.
#[inline(never)]
fn escaped_end(bytes: &[u8], backslash: usize) -> Option<usize> {
    let mut at = backslash;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => {}
            _ => return None,
        }
        let after = match bytes.get(at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at + 2,
            b'u' => {
                let digits = bytes.get(at + 2..at + 6)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                at + 6
            }
            _ => return None,
        };
        at = next_special(bytes, after);
    }
}

/// The offset after a key and its colon.
#[inline(always)]
fn key_end(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let end = string_end(bytes, at + 1)?;
    (bytes.get(end + 1) == Some(&b':')).then_some(end + 2)
}

/// The offset after a value that is neither a string nor a container.
#[inline(always)]
fn scalar_end(bytes: &[u8], at: usize) -> Option<usize> {
    let word =
        |word: &[u8]| (bytes.get(at..at + word.len()) == Some(word)).then_some(at + word.len());
    match bytes.get(at)? {
        b't' => word(b"true"),
        b'f' => word(b"false"),
        b'n' => word(b"null"),
        _ => number_end(bytes, at),
    }
}

fn number_end(bytes: &[u8], at: usize) -> Option<usize> {
    let digits = |from: usize| {
        let mut at = from;
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        (at > from).then_some(at)
    };
    let mut at = at + usize::from(bytes.get(at) == Some(&b'-'));
    at = if bytes.get(at) == Some(&b'0') {
        at + 1
    } else {
        digits(at)?
    };
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        at = digits(at)?;
    }
    Some(at)
}
