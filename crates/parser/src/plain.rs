//! [`Plain`]: a record as CloudTrail itself writes it, read in one pass over its bytes.
//!
//! Nearly all records have no space between tokens, no key twice and no escape in the texts that count. Such a record is taken apart here;
//! of any other this says `None`, and the careful reader (`envelope`, `record`) begins again at its brace. Nothing is ever rejected here, and
//! what is passed over is checked against the same grammar. Keys may come in any order: eight of a key's bytes choose, the others are compared. What was met before
//! is not read but compared with the bytes that stand there: an identity, and region, address and agent together.

use crate::{
    known::{KnownCallers, Origin},
    mould::Identity,
    record,
    scan::Value,
    special::next_special,
    time,
};
use offtrail_event::Timestamp;

/// Nesting of a value that is passed over here; a bit of one word for each level.
const DEPTH_MAX: usize = 60;

/// How deep an identity may be nested beyond what this counts.
pub(crate) const IDENTITY_DEPTH: usize = 4;

/// A record, taken apart. A text that is not there is empty: both mean the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain<'t> {
    /// The offset after its brace.
    pub(crate) end: usize,
    /// How deep a member is nested.
    pub(crate) deepest: usize,
    pub(crate) identity: Identity<'t>,
    pub(crate) time: Option<Timestamp>,
    pub(crate) source: &'t str,
    pub(crate) name: &'t str,
    /// Region, address and agent, where the caller had the same lately; their texts are left out then.
    pub(crate) origin: Option<Origin>,
    pub(crate) region: &'t str,
    pub(crate) address: &'t str,
    pub(crate) agent: &'t str,
    pub(crate) error: &'t str,
    /// Null, absent, or an object.
    pub(crate) request: Value<'t>,
    pub(crate) response: Value<'t>,
    pub(crate) event_id: &'t str,
    pub(crate) read_only: Option<bool>,
    pub(crate) event_type: &'t str,
    pub(crate) category: &'t str,
    pub(crate) management: Option<bool>,
    pub(crate) recipient: &'t str,
    pub(crate) from_console: Option<bool>,
    seen: u32,
}

/// What a record must have to be read here.
const NEEDED: u32 = bits(&[IDENTITY, TIME, SOURCE, NAME, EVENT_ID]);

const fn bits(numbers: &[u32]) -> u32 {
    let (mut all, mut at) = (0, 0);
    while at < numbers.len() {
        all |= 1 << numbers[at];
        at += 1;
    }
    all
}

/// The numbers of those keys that are asked for again.
const IDENTITY: u32 = 1;
const TIME: u32 = 2;
const SOURCE: u32 = 3;
const NAME: u32 = 4;
const REGION: u32 = 5;
const ADDRESS: u32 = 6;
const AGENT: u32 = 7;
const ERROR: u32 = 8;
const MESSAGE: u32 = 9;
const EVENT_ID: u32 = 10;

/// The first eight bytes of a key after its quote.
const fn word(text: &[u8; 8]) -> u64 {
    u64::from_le_bytes(*text)
}

impl<'t> Plain<'t> {
    /// Reads the record that begins at `start`, if it is a plain one and its identity is known.
    pub(crate) fn read(text: &'t str, start: usize, known: &mut KnownCallers) -> Option<Self> {
        let mut walk = Walk::new(text, start);
        let mut plain = Self {
            end: 0,
            deepest: 0,
            identity: Identity::default(),
            time: None,
            source: "",
            name: "",
            origin: None,
            region: "",
            address: "",
            agent: "",
            error: "",
            request: Value::Absent,
            response: Value::Absent,
            event_id: "",
            read_only: None,
            event_type: "",
            category: "",
            management: None,
            recipient: "",
            from_console: None,
            seen: 0,
        };
        walk.after(b"{\"")?;
        loop {
            plain.member(&mut walk, known)?;
            match walk.next()? {
                b',' => walk.after(b"\"")?,
                b'}' => break,
                _ => return None,
            }
        }
        plain.end = walk.at;
        plain.deepest = walk.deepest;
        let apart = plain.event_type == "AwsCloudTrailInsight" || plain.category == "Insight";
        let told = plain.seen & bits(&[ERROR, MESSAGE]) != bits(&[MESSAGE]);
        (plain.seen & NEEDED == NEEDED && told && !apart).then_some(plain)
    }

    /// Notes that a key was met; `None` for the second time.
    #[inline(always)]
    fn once(&mut self, number: u32) -> Option<()> {
        let bit = 1 << number;
        let new = self.seen & bit == 0;
        self.seen |= bit;
        new.then_some(())
    }

    /// Reads one member; the quote of its key is consumed.
    #[inline(always)]
    fn member(&mut self, walk: &mut Walk<'t>, known: &mut KnownCallers) -> Option<()> {
        const WHO: u64 = word(b"userIden");
        const WHEN: u64 = word(b"eventTim");
        const WHERE: u64 = word(b"eventSou");
        const WHAT: u64 = word(b"eventNam");
        const REGION_WORD: u64 = word(b"awsRegio");
        const REQUEST: u64 = word(b"requestP");
        const RESPONSE: u64 = word(b"response");
        const REQUEST_ID: u64 = word(b"requestI");
        const ID: u64 = word(b"eventID\"");
        const TLS: u64 = word(b"tlsDetai");
        let beginning = walk.word()?;
        match beginning {
            WHO => {
                self.once(IDENTITY)?;
                walk.after(b"userIdentity\":")?;
                self.identity = known.meet(walk.text, walk.at)?;
                walk.at += self.identity.length;
            }
            WHEN => {
                self.once(TIME)?;
                walk.after(b"eventTime\":")?;
                self.time = Some(walk.time()?);
            }
            WHERE => {
                self.once(SOURCE)?;
                walk.after(b"eventSource\":")?;
                self.source = walk.string()?;
            }
            WHAT => {
                self.once(NAME)?;
                walk.after(b"eventName\":")?;
                self.name = walk.string()?;
            }
            REGION_WORD => self.take_origin(walk, known)?,
            REQUEST => {
                self.once(11)?;
                walk.after(b"requestParameters\":")?;
                self.request = walk.object()?;
            }
            RESPONSE => {
                self.once(12)?;
                walk.after(b"responseElements\":")?;
                self.response = walk.object()?;
            }
            REQUEST_ID => {
                self.once(13)?;
                walk.after(b"requestID\":")?;
                walk.pass()?;
            }
            ID => {
                self.once(EVENT_ID)?;
                walk.after(b"eventID\":")?;
                self.event_id = walk.string()?;
                if matches!(self.event_id, "" | "-" | "--") {
                    return None;
                }
            }
            TLS => {
                self.once(14)?;
                walk.after(b"tlsDetails\":")?;
                walk.met_before(known.passed_over(self.source))?;
            }
            _ => self.further(beginning, walk)?,
        }
        Some(())
    }

    /// Region, address and agent: all three at once, where the caller had the same before.
    #[inline(always)]
    fn take_origin(&mut self, walk: &mut Walk<'t>, known: &KnownCallers) -> Option<()> {
        const ALL: u32 = bits(&[REGION, ADDRESS, AGENT]);
        let rest = walk.bytes.get(walk.at..)?;
        if self.seen & (ALL | 1 << IDENTITY) == 1 << IDENTITY
            && let Some((origin, length)) = known.origin(self.identity.class, rest)
        {
            self.origin = Some(origin);
            self.seen |= ALL;
            walk.at += length;
            return Some(());
        }
        self.once(REGION)?;
        walk.after(b"awsRegion\":")?;
        self.region = walk.string()?;
        Some(())
    }

    #[inline(always)]
    fn further(&mut self, beginning: u64, walk: &mut Walk<'t>) -> Option<()> {
        const VERSION: u64 = word(b"eventVer");
        const ADDRESS_WORD: u64 = word(b"sourceIP");
        const AGENT_WORD: u64 = word(b"userAgen");
        const READ_ONLY: u64 = word(b"readOnly");
        const TYPE: u64 = word(b"eventTyp");
        const MANAGEMENT: u64 = word(b"manageme");
        const RECIPIENT: u64 = word(b"recipien");
        const CATEGORY: u64 = word(b"eventCat");
        match beginning {
            READ_ONLY => {
                self.once(15)?;
                walk.after(b"readOnly\":")?;
                self.read_only = walk.truth()?;
            }
            TYPE => {
                self.once(16)?;
                walk.after(b"eventType\":")?;
                self.event_type = walk.string()?;
            }
            MANAGEMENT => {
                self.once(17)?;
                walk.after(b"managementEvent\":")?;
                self.management = walk.truth()?;
            }
            RECIPIENT => {
                self.once(18)?;
                walk.after(b"recipientAccountId\":")?;
                self.recipient = walk.string()?;
            }
            CATEGORY => {
                self.once(19)?;
                walk.after(b"eventCategory\":")?;
                self.category = walk.string()?;
            }
            VERSION => {
                self.once(20)?;
                walk.after(b"eventVersion\":")?;
                walk.pass()?;
            }
            ADDRESS_WORD => {
                self.once(ADDRESS)?;
                walk.after(b"sourceIPAddress\":")?;
                self.address = walk.string()?;
            }
            AGENT_WORD => {
                self.once(AGENT)?;
                walk.after(b"userAgent\":")?;
                self.agent = walk.string()?;
            }
            _ => self.rare(walk)?,
        }
        Some(())
    }

    /// A member that few records have. One that might make the object something else than a record, or that means more than its text, is left to the careful reader.
    #[inline(never)]
    fn rare(&mut self, walk: &mut Walk<'t>) -> Option<()> {
        walk.at -= 1;
        let key = walk.string()?;
        walk.after(b":")?;
        match key {
            "errorCode" => {
                self.once(ERROR)?;
                self.error = walk.string()?;
                if matches!(self.error, "" | "-" | "--") {
                    return None;
                }
            }
            "errorMessage" => {
                self.once(MESSAGE)?;
                walk.pass()?;
            }
            "sessionCredentialFromConsole" => {
                self.once(21)?;
                self.from_console = walk.truth()?;
            }
            "sharedEventID" => {
                self.once(22)?;
                walk.string()?;
            }
            "@timestamp" => return None,
            _ if record::is_of_wrapper(key) => return None,
            // Nobody reads the others, however often they come.
            _ => walk.pass()?,
        }
        Some(())
    }
}

/// A place in a text, moving on.
struct Walk<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    /// Deepest nesting met.
    deepest: usize,
}

impl<'t> Walk<'t> {
    fn new(text: &'t str, at: usize) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at,
            deepest: 0,
        }
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next byte, consumed.
    #[inline(always)]
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// The next eight bytes, not consumed.
    #[inline(always)]
    fn word(&self) -> Option<u64> {
        let bytes = self.bytes.get(self.at..self.at + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    /// Consumes a text that must be next.
    #[inline(always)]
    fn after<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        let next: &[u8; N] = self.bytes.get(self.at..self.at + N)?.try_into().ok()?;
        if next != text {
            return None;
        }
        self.at += N;
        Some(())
    }

    /// A string without escapes.
    #[inline(always)]
    fn string(&mut self) -> Option<&'t str> {
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
    fn time(&mut self) -> Option<Timestamp> {
        let quoted: &[u8; 22] = self.bytes.get(self.at..self.at + 22)?.try_into().ok()?;
        if quoted[0] != b'"' || quoted[21] != b'"' {
            return None;
        }
        self.at += 22;
        time::plain(&quoted[1..21])
    }

    /// A truth value, also as text, or null.
    #[inline(always)]
    fn truth(&mut self) -> Option<Option<bool>> {
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
    fn object(&mut self) -> Option<Value<'t>> {
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
    fn met_before(&mut self, last: &mut Box<[u8]>) -> Option<()> {
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

    /// Passes over any value.
    #[inline(always)]
    fn pass(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.at = string_end(self.bytes, self.at + 1)? + 1,
            b'{' | b'[' => self.container()?,
            _ => self.at = scalar_end(self.bytes, self.at)?,
        }
        Some(())
    }

    /// Passes over the object or array that is next.
    #[inline(never)]
    fn container(&mut self) -> Option<()> {
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
