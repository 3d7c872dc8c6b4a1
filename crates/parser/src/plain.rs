//! [`Plain`]: a record as CloudTrail itself writes it, read in one pass over its bytes.
//!
//! Nearly all records have no space between tokens, no key twice and no escape in the texts that count. Such a record is taken apart here;
//! of any other this says `None`, and the careful reader (`envelope`, `record`) begins again at its brace. Nothing is ever rejected here, and
//! what is passed over is checked against the same grammar. Keys may come in any order: eight of a key's bytes choose, the others are compared. What was met before
//! is not read but compared with the bytes that stand there: an identity, and region, address and agent together.

use std::ops::Range;

use crate::{
    known::{KnownCallers, Origin},
    mould::Identity,
    record,
    scan::Value,
    walk::Walk,
};
use offtrail_event::Timestamp;

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
    /// Number of its ending, where that was met before; see [`crate::ending`].
    pub(crate) ending: Option<u32>,
    /// Where its ending lies, and which keys stand there.
    pub(crate) ending_from: usize,
    pub(crate) ending_to: usize,
    pub(crate) ending_seen: u32,
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
const READS: u32 = 15;
const TYPE: u32 = 16;
const MANAGES: u32 = 17;
const RECIPIENT: u32 = 18;
const CATEGORY: u32 = 19;

/// The keys of an ending.
const ENDING: u32 = bits(&[READS, TYPE, MANAGES, RECIPIENT, CATEGORY]);

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
            ending: None,
            ending_from: 0,
            ending_to: 0,
            ending_seen: 0,
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
                self.time = Some(walk.time(&mut known.last_day)?);
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
                if !record::is_given(self.event_id) {
                    return None;
                }
                self.take_ending(walk, known);
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

    /// All that comes after the record's id, where it was met before.
    #[inline(always)]
    fn take_ending(&mut self, walk: &mut Walk<'t>, known: &KnownCallers) {
        let from = walk.at;
        (self.ending_from, self.ending_to) = (from, from);
        let rest = walk.bytes.get(from..).unwrap_or_default();
        let Some(ending) = known.endings.find(rest) else {
            return;
        };
        let there = |range: &Range<usize>| walk.text.get(from + range.start..from + range.end);
        let (Some(event_type), Some(category), Some(recipient), true) = (
            there(&ending.event_type),
            there(&ending.category),
            there(&ending.recipient),
            self.seen & ending.seen == 0,
        ) else {
            return;
        };
        self.read_only = ending.read_only;
        self.management = ending.management;
        (self.event_type, self.category, self.recipient) = (event_type, category, recipient);
        self.seen |= ending.seen;
        self.ending = Some(ending.number);
        walk.at += ending.text.len();
    }

    /// Notes that a member was read which belongs to an ending, if all before it do. `comma` is where the one before it ends.
    #[inline(always)]
    fn goes_on(&mut self, key: u32, comma: usize, end: usize) {
        if comma == self.ending_to {
            self.ending_to = end;
            self.ending_seen |= 1 << key;
        }
    }

    /// Whether all keys of an ending stand in this one's.
    pub(crate) fn ends_whole(&self) -> bool {
        self.ending_seen == ENDING
    }

    #[inline(always)]
    fn further(&mut self, beginning: u64, walk: &mut Walk<'t>) -> Option<()> {
        const VERSION: u64 = word(b"eventVer");
        const ADDRESS_WORD: u64 = word(b"sourceIP");
        const AGENT_WORD: u64 = word(b"userAgen");
        const READS_WORD: u64 = word(b"readOnly");
        const TYPE_WORD: u64 = word(b"eventTyp");
        const MANAGES_WORD: u64 = word(b"manageme");
        const RECIPIENT_WORD: u64 = word(b"recipien");
        const CATEGORY_WORD: u64 = word(b"eventCat");
        let comma = walk.at.wrapping_sub(2);
        match beginning {
            READS_WORD => {
                self.once(READS)?;
                walk.after(b"readOnly\":")?;
                self.read_only = walk.truth()?;
                self.goes_on(READS, comma, walk.at);
            }
            TYPE_WORD => {
                self.once(TYPE)?;
                walk.after(b"eventType\":")?;
                self.event_type = walk.string()?;
                self.goes_on(TYPE, comma, walk.at);
            }
            MANAGES_WORD => {
                self.once(MANAGES)?;
                walk.after(b"managementEvent\":")?;
                self.management = walk.truth()?;
                self.goes_on(MANAGES, comma, walk.at);
            }
            RECIPIENT_WORD => {
                self.once(RECIPIENT)?;
                walk.after(b"recipientAccountId\":")?;
                self.recipient = walk.string()?;
                self.goes_on(RECIPIENT, comma, walk.at);
            }
            CATEGORY_WORD => {
                self.once(CATEGORY)?;
                walk.after(b"eventCategory\":")?;
                self.category = walk.string()?;
                self.goes_on(CATEGORY, comma, walk.at);
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
                if !record::is_given(self.error) {
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
