//! [`Parser`]: one file's bytes → its events and rejects, in the order they lie in the file.

use offtrail_event::Event;

use crate::{
    FileTally, Limits, Reject,
    envelope::Reader,
    unpack::{Unpacker, decode},
};

/// What [`Parser::read`] hands over: the index among the file's records and rejects, the event or the reject, and the record's
/// own text (for a reject of a whole file: nothing).
pub type Each<'e> = dyn FnMut(u64, Result<Event<'_>, Reject>, &[u8]) + 'e;

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

    /// Reads one file and hands over each record and reject, in file order. Any bytes are accepted: what can't be read is a reject.
    ///
    /// Faults of the file as a whole (broken gzip, bytes after it) come last, after the records that could be read.
    pub fn read(&mut self, bytes: &[u8], each: &mut Each<'_>) -> FileTally {
        let (content, unpacked) = self.unpacker.unpack(bytes, &self.limits);
        let (text, lossy) = decode(content);
        let mut reader = Reader::new(self.limits, each);
        reader.tally.members = unpacked.members;
        reader.tally.trailing_bytes = unpacked.trailing_bytes;
        reader.tally.lossy_utf8 = lossy;
        reader.tally.inflated_bytes = content.len() as u64;
        let tally = reader.file(&text, unpacked);
        self.unpacker.trim(&self.limits);
        tally
    }
}
