//! Text → records, whatever envelope they came in. One pass; elements of arrays are handed over as they are read.
//!
//! An object is read once and then looked at: is it a record, a known wrapper, something AWS puts beside its logs, or
//! unknown? An object of unknown shape is searched for records, a few levels deep: an export of a search engine or a list of
//! samples is a wrapper too. A record is an object with `eventName`, `eventSource` and a time; nothing else ever becomes one.

use memchr::memmem;

use crate::{
    Envelope, FileTally, Limits, Reason, Reject,
    classify::Shape,
    parser::Out,
    record::{Key, Object},
    resolve,
    scan::{Break, Scanner},
    unpack::Unpacked,
};

/// How many keys of records there are.
const KEYS: usize = Key::ALL.len();

/// Reads one file's text and hands over what it finds.
pub(crate) struct Reader<'r> {
    pub(crate) limits: Limits,
    pub(crate) tally: FileTally,
    out: &'r mut dyn Out,
    /// The key records of this file begin with, for finding the next one after a break.
    first_key: String,
    /// For each key of a record, and for its beginning, the key that came after it last.
    following: [Option<Key>; KEYS + 1],
    /// Bytes that recovery may still read again.
    rescan_bytes: usize,
    /// Wrappers around what is read now.
    pub(crate) level: usize,
    /// What is read now lies within an object of unknown shape: only whole records count.
    pub(crate) searching: bool,
    /// The text is known to end early (its gzip was cut): its broken end is told as that, not twice.
    pub(crate) cut: bool,
    /// Bytes that data within records may still inflate to.
    pub(crate) inflate_bytes: usize,
    /// Values at the top of the text.
    values: u64,
    /// A place in the text read now and its line.
    line: (usize, u64),
}

impl<'r> Reader<'r> {
    pub(crate) fn new(limits: Limits, out: &'r mut dyn Out) -> Self {
        Self {
            limits,
            tally: FileTally::default(),
            out,
            first_key: "eventVersion".to_owned(),
            following: [None; KEYS + 1],
            rescan_bytes: 0,
            level: 0,
            searching: false,
            cut: false,
            inflate_bytes: limits.inflated_bytes_max,
            values: 0,
            line: (0, 1),
        }
    }

    /// Reads the whole file; `unpacked` tells what went wrong before there was text.
    pub(crate) fn file(mut self, text: &str, unpacked: Unpacked) -> FileTally {
        self.rescan_bytes = text.len().saturating_mul(self.limits.rescans_max);
        self.cut = unpacked.fault.is_some();
        self.document(text);
        if let Some((reason, detail)) = unpacked.fault {
            self.reject(reason, detail, b"");
        }
        if unpacked.trailing_bytes > 0 {
            let detail = format!(
                "{} bytes after the last gzip member, not read",
                unpacked.trailing_bytes
            );
            self.reject(Reason::TrailingBytes, detail, b"");
        }
        let tally = &mut self.tally;
        tally.empty = tally.records + tally.digests + tally.insights + tally.notifications == 0;
        if tally.records == 0 && !tally.empty {
            tally.envelope = Envelope::Beside;
        }
        self.tally
    }

    pub(crate) fn reject(&mut self, reason: Reason, detail: String, raw: &[u8]) {
        let index = self.tally.records;
        self.tally.reject(reason);
        self.out.reject(Reject::new(index, reason, detail), raw);
    }

    /// A reject for a break in the text; none where the cut of the file is told elsewhere.
    fn reject_break(&mut self, text: &str, at: Break) {
        if self.cut && at.ended {
            return;
        }
        let line = self.line_of(text, at.at);
        let reason = if at.ended {
            Reason::Truncated
        } else {
            Reason::NotJson
        };
        let found: String = text
            .get(at.at..)
            .unwrap_or_default()
            .chars()
            .take(24)
            .collect();
        self.reject(
            reason,
            format!(
                "expected {} at byte {} (line {line}), found {found:?}",
                at.expected, at.at
            ),
            b"",
        );
    }

    /// The line of `at`, counted on from the place asked for before: the places of a broken file are many.
    fn line_of(&mut self, text: &str, at: usize) -> u64 {
        let (known, line) = self.line;
        let at = at.min(text.len());
        let lines = |from: usize, to: usize| {
            memchr::memchr_iter(b'\n', &text.as_bytes()[from..to]).count() as u64
        };
        let line = if at >= known {
            line + lines(known, at)
        } else {
            line - lines(at, known)
        };
        self.line = (at, line);
        line
    }

    pub(crate) fn envelope(&mut self, envelope: Envelope) {
        if self.tally.envelope == Envelope::Unknown {
            self.tally.envelope = envelope;
        }
    }

    /// Reads a text of one or more JSON values.
    pub(crate) fn document(&mut self, text: &str) {
        let mut scanner = Scanner::new(text);
        let line_around = std::mem::replace(&mut self.line, (0, 1));
        while let Some(byte) = scanner.peek() {
            let start = scanner.at();
            if self.level == 0 {
                self.values += 1;
                if self.values == 2 && self.tally.envelope == Envelope::Single {
                    self.tally.envelope = Envelope::Lines;
                }
            }
            let before = self.found();
            let result = match byte {
                b'{' if self.plain(&mut scanner, start) => Ok(()),
                b'{' => {
                    let mut object = Object::default();
                    self.object(&mut scanner, true, &mut object)
                        .map(|()| self.judge(&mut object, &text[start..scanner.at()]))
                }
                b'[' => {
                    self.envelope(Envelope::Array);
                    scanner.go_to(start + 1);
                    self.elements(&mut scanner);
                    Ok(())
                }
                _ => Err(scanner.broken("an object or an array")),
            };
            if let Err(at) = result {
                // What was handed over on the way must not be found again.
                let from = if self.found() == before {
                    start + 1
                } else {
                    at.at
                };
                self.reject_break(text, at);
                if !next_line(&mut scanner, at.at) {
                    self.resume(&mut scanner, from);
                }
            }
        }
        self.line = line_around;
    }

    /// Reads an object. Of a top-level one, the elements of `Records` and `Events` are handed over on the way.
    ///
    /// Records of one file have their keys in one order, so the key that followed last time is tried before any other.
    pub(crate) fn object<'a>(
        &mut self,
        scanner: &mut Scanner<'a>,
        top: bool,
        object: &mut Object<'a>,
    ) -> Result<(), Break> {
        scanner.eat(b'{');
        scanner.deepest = 0;
        let mut first = true;
        let mut place = KEYS;
        loop {
            let guess = self.following[place];
            let key = match guess {
                Some(key) if scanner.eat_key(&mut first, key.text()) => Some(key),
                _ => {
                    let Some(quoted) = scanner.next_key(&mut first)? else {
                        break;
                    };
                    if object.first_key.is_empty() {
                        object.first_key = quoted.body;
                    }
                    let name = quoted.text();
                    let key = Key::of(&name);
                    if key.is_none() {
                        if top && self.hands_over(&name, scanner) {
                            object.streamed = true;
                            if !self.elements(scanner) {
                                return Ok(());
                            }
                        } else {
                            object.take(&name, scanner)?;
                        }
                        continue;
                    }
                    self.following[place] = key;
                    key
                }
            };
            let Some(key) = key else { continue };
            if object.first_key.is_empty() {
                object.first_key = key.name();
            }
            place = key as usize;
            object.record.take(key, scanner)?;
        }
        object.deepest = scanner.deepest + 1;
        Ok(())
    }

    /// Whether a member's elements are records, to be handed over one by one; its bracket is consumed then.
    fn hands_over(&mut self, name: &str, scanner: &mut Scanner<'_>) -> bool {
        if !matches!(name, "Records" | "records" | "Events") || !scanner.eat(b'[') {
            return false;
        }
        self.envelope(if name == "Events" {
            Envelope::LookupEvents
        } else {
            Envelope::Records
        });
        true
    }

    /// Takes the record that begins with the brace at `start` the short way, if it goes that way; the scanner stands behind it then.
    fn plain(&mut self, scanner: &mut Scanner<'_>, start: usize) -> bool {
        if self.searching {
            return false;
        }
        let index = self.tally.records;
        let text = scanner.text();
        let Some(end) = self.out.plain(index, text, start, &self.limits) else {
            return false;
        };
        // After the brace and the quote; such a record has no escape in a key.
        let key = &text[start + 2..];
        let same = key.strip_prefix(&*self.first_key);
        if !same.is_some_and(|rest| rest.starts_with('"')) {
            let key = key.split('"').next().unwrap_or_default();
            key.clone_into(&mut self.first_key);
        }
        self.envelope(Envelope::Single);
        self.tally.observation();
        scanner.go_to(end);
        true
    }

    /// Reads the elements of an array whose bracket is consumed; false if the text ended before the closing one.
    pub(crate) fn elements(&mut self, scanner: &mut Scanner<'_>) -> bool {
        let text = scanner.text();
        let mut after_comma = false;
        loop {
            let next = scanner.peek();
            let start = scanner.at();
            if next == Some(b']') && !after_comma {
                scanner.go_to(start + 1);
                return true;
            }
            let (from, result) = match self.element(scanner) {
                Ok(()) => (scanner.at(), self.separator(scanner)),
                Err(at) => (start, Err(at)),
            };
            match result {
                Ok(comma) => after_comma = comma,
                Err(at) => {
                    self.reject_break(text, at);
                    if !self.resume(scanner, from) {
                        return false;
                    }
                    after_comma = scanner.eat(b',');
                }
            }
        }
    }

    /// Whether a comma follows; a closing bracket is left where it is.
    fn separator(&mut self, scanner: &mut Scanner<'_>) -> Result<bool, Break> {
        match scanner.peek() {
            Some(b',') => Ok(scanner.eat(b',')),
            Some(b']') => Ok(false),
            _ => Err(scanner.broken("`,` or `]` after an element")),
        }
    }

    fn element(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Break> {
        let text = scanner.text();
        let next = scanner.peek();
        let start = scanner.at();
        if next == Some(b'{') {
            if self.plain(scanner, start) {
                return Ok(());
            }
            let mut object = Object::default();
            self.object(scanner, false, &mut object)?;
            self.judge(&mut object, &text[start..scanner.at()]);
            return Ok(());
        }
        scanner.value()?;
        let raw = &text[start..scanner.at()];
        let brief: String = raw.chars().take(24).collect();
        self.reject(
            Reason::NotAnObject,
            format!("the element at byte {start} is {brief}"),
            raw.as_bytes(),
        );
        Ok(())
    }

    /// After a break: moves on to the next whole record from `from` on, hands it over, and stops after it and the braces that
    /// close what was around it. False if there is none; then the scanner stands at the end.
    ///
    /// A whole record is an object that begins with the same key as the records before it and has a record's fields, so
    /// nothing is ever invented. The search reads bytes again at most `rescans_max` times.
    fn resume(&mut self, scanner: &mut Scanner<'_>, from: usize) -> bool {
        let text = scanner.text();
        let mut from = from;
        while let Some(start) = next_start(text, from, &self.first_key) {
            scanner.go_to(start);
            let mut object = Object::default();
            match self.object(scanner, false, &mut object) {
                Ok(()) if object.is_whole_record() => {
                    self.judge(&mut object, &text[start..scanner.at()]);
                    while scanner.eat(b'}') {}
                    return true;
                }
                result => {
                    let end = result.map_or_else(|at| at.at, |_| scanner.at());
                    let read = end - start;
                    from = if read <= self.rescan_bytes {
                        start + 1
                    } else {
                        end.max(start + 1)
                    };
                    self.rescan_bytes = self.rescan_bytes.saturating_sub(read);
                }
            }
        }
        scanner.go_to(text.len());
        false
    }

    /// Decides what an object is and hands over what it holds.
    pub(crate) fn judge(&mut self, object: &mut Object<'_>, raw: &str) {
        if object.streamed {
            return;
        }
        match object.shape() {
            Shape::Record if !self.searching || object.is_whole_record() => {
                self.record(object, raw)
            }
            Shape::Insight => self.tally.insights += 1,
            Shape::Digest => self.tally.digests += 1,
            Shape::Notification => self.tally.notifications += 1,
            // Found by a search, only the plain wrappers count: any object may have a `data` or a `body`.
            Shape::Wrapper(Envelope::Kinesis | Envelope::Message) if self.searching => {
                self.search(raw)
            }
            Shape::Wrapper(envelope) => {
                self.envelope(envelope);
                self.unwrap(&object.wrapper.as_deref().copied().unwrap_or_default(), raw);
            }
            Shape::Record | Shape::Unknown => self.search(raw),
        }
    }

    /// Hands over one record.
    fn record(&mut self, object: &mut Object<'_>, raw: &str) {
        self.envelope(if self.searching {
            Envelope::Wrapped
        } else {
            Envelope::Single
        });
        if self.first_key != object.first_key {
            object.first_key.clone_into(&mut self.first_key);
        }
        if raw.len() > self.limits.record_bytes_max {
            let detail = format!(
                "{} bytes, more than {}",
                raw.len(),
                self.limits.record_bytes_max
            );
            return self.reject(Reason::RecordTooLarge, detail, raw.as_bytes());
        }
        if object.deepest > self.limits.nesting_max {
            let detail = format!(
                "nested {} deep, more than {}",
                object.deepest, self.limits.nesting_max
            );
            return self.reject(Reason::TooDeep, detail, raw.as_bytes());
        }
        let index = self.tally.records;
        match self.out.record(index, &mut object.record, raw.as_bytes()) {
            Ok(()) => self.tally.observation(),
            Err(reason) => self.reject(
                reason,
                resolve::explain(reason, &object.record),
                raw.as_bytes(),
            ),
        }
    }
}

/// Moves to the next line, from `from` on, that begins with an object or an array; false, unmoved, if there is none.
fn next_line(scanner: &mut Scanner<'_>, from: usize) -> bool {
    let bytes = scanner.text().as_bytes();
    let from = from.min(bytes.len());
    let found = memchr::memchr_iter(b'\n', &bytes[from..])
        .map(|at| from + at + 1)
        .find(|at| matches!(bytes.get(*at), Some(b'{' | b'[')));
    if let Some(at) = found {
        scanner.go_to(at);
    }
    found.is_some()
}

/// The brace of the next object that begins with `key`, from `from` on.
fn next_start(text: &str, from: usize, key: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let needle = format!("\"{key}\"");
    let from = from.min(bytes.len());
    memmem::find_iter(&bytes[from..], needle.as_bytes()).find_map(|found| {
        let at = bytes[..from + found]
            .iter()
            .rposition(|byte| !byte.is_ascii_whitespace())?;
        (bytes[at] == b'{' && at >= from).then_some(at)
    })
}
