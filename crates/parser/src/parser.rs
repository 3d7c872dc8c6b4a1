//! [`Parser`]: one file's bytes → its events and rejects, in the order they lie in the file.

use offtrail_event::{Event, Observation};

use crate::{
    FileTally, Limits, Observer, Reason, Reject,
    envelope::Reader,
    record::RawRecord,
    resolve,
    unpack::{Unpacker, decode},
};

/// What [`Parser::read`] hands over: the index among the file's records and rejects, the event or the reject, and the record's
/// own text (for a reject of a whole file: nothing).
pub type Each<'e> = dyn FnMut(u64, Result<Event<'_>, Reject>, &[u8]) + 'e;

/// What [`Parser::observe`] hands over: the same with the observation in place of the event.
pub type EachObserved<'e> = dyn FnMut(u64, Result<Observation, Reject>, &[u8]) + 'e;

/// Who takes the records of a file.
pub(crate) trait Out {
    /// Takes one record with its index and its text; an error is told to the taker as a reject after.
    fn record(&mut self, index: u64, record: &mut RawRecord<'_>, raw: &[u8]) -> Result<(), Reason>;

    /// Takes a reject.
    fn reject(&mut self, reject: Reject, raw: &[u8]);

    /// Takes the record that begins at `start` the short way, if there is one; its end then.
    fn plain(
        &mut self,
        _index: u64,
        _text: &str,
        _start: usize,
        _limits: &Limits,
    ) -> Option<usize> {
        None
    }
}

/// Takes them as events.
struct Events<'r, 'e>(&'r mut Each<'e>);

impl Out for Events<'_, '_> {
    fn record(&mut self, index: u64, record: &mut RawRecord<'_>, raw: &[u8]) -> Result<(), Reason> {
        let event = resolve::event(record)?;
        (self.0)(index, Ok(event), raw);
        Ok(())
    }

    fn reject(&mut self, reject: Reject, raw: &[u8]) {
        (self.0)(reject.index, Err(reject), raw);
    }
}

/// Takes them as observations.
struct Observations<'r, 'v, 'e> {
    observer: &'r mut Observer<'v>,
    each: &'r mut EachObserved<'e>,
}

impl Out for Observations<'_, '_, '_> {
    fn record(&mut self, index: u64, record: &mut RawRecord<'_>, raw: &[u8]) -> Result<(), Reason> {
        let observation = self.observer.record(record, raw)?;
        (self.each)(index, Ok(observation), raw);
        Ok(())
    }

    fn reject(&mut self, reject: Reject, raw: &[u8]) {
        (self.each)(reject.index, Err(reject), raw);
    }

    fn plain(&mut self, index: u64, text: &str, start: usize, limits: &Limits) -> Option<usize> {
        let (end, observation) = self.observer.plain(text, start, limits)?;
        (self.each)(index, Ok(observation), &text.as_bytes()[start..end]);
        Some(end)
    }
}

/// Reads files one after the other into buffers it keeps; one per worker thread.
pub struct Parser {
    limits: Limits,
    unpacker: Unpacker,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Parser {
    /// A parser that keeps within `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            unpacker: Unpacker::new(),
        }
    }

    /// Inflates files into `room` from now on, until it is taken back; it grows where it is too small. Rooms of its own that are large
    /// ([`Limits::kept_bytes_max`]) a parser gives up after each file, a lent one it leaves to whoever lent it.
    pub fn lend(&mut self, room: Vec<u8>) {
        self.unpacker.lend(room);
    }

    /// The room that was lent last, if it was not taken back yet.
    pub fn take_back(&mut self) -> Option<Vec<u8>> {
        self.unpacker.take_back()
    }

    /// Reads one file and hands over each record and reject, in file order. Any bytes are accepted: what can't be read is a reject.
    ///
    /// Faults of the file as a whole (broken gzip, bytes after it) come last, after the records that could be read.
    pub fn read(&mut self, bytes: &[u8], each: &mut Each<'_>) -> FileTally {
        self.file(bytes, &mut Events(each))
    }

    /// Reads one file as [`Parser::read`] does and hands over what [`Observer::observe`] makes of each event: the same observations, sooner,
    /// because what is known of a caller isn't found out again.
    pub fn observe(
        &mut self,
        bytes: &[u8],
        observer: &mut Observer<'_>,
        each: &mut EachObserved<'_>,
    ) -> FileTally {
        self.file(bytes, &mut Observations { observer, each })
    }

    fn file(&mut self, bytes: &[u8], out: &mut dyn Out) -> FileTally {
        let (content, unpacked) = self.unpacker.unpack(bytes, &self.limits);
        let (text, lossy) = decode(content);
        let mut reader = Reader::new(self.limits, out);
        reader.tally.members = unpacked.members;
        reader.tally.trailing_bytes = unpacked.trailing_bytes;
        reader.tally.lossy_utf8 = lossy;
        reader.tally.inflated_bytes = content.len() as u64;
        let tally = reader.file(&text, unpacked);
        self.unpacker.trim(&self.limits);
        tally
    }
}
