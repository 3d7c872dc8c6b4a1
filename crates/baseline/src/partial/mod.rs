//! Partial profiles: what machines that each learnt a part of an archive hand to each other, as lines of text that any engine can carry.
//!
//! A line is `KIND<TAB>KEY<TAB>PAYLOAD`; lines of the same kind and key belong together and can be merged in any order (`docs/formats/partial.md`). The payload is
//! packed with its names spelled out ([`offtrail_event::pack`]), so that ids of a run never leave it, and in base64, since engines carry text. The idea is
//! the combiner of MapReduce (Dean & Ghemawat 2004) over profiles that commute.

mod content;
mod fold;
mod profile;
mod tally;

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use offtrail_event::pack::PackError;

pub use content::{Content, EventIds};
pub use fold::{Partial, event_repeats};
pub use tally::{PartTally, TallyError};

/// The version written into each payload.
pub const PARTIAL_VERSION: u8 = 1;

/// Observations in one line, at most; more make further lines of the same key.
pub const OBSERVATIONS_PER_LINE_MAX: usize = 4_096;

/// What a line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// What one principal did.
    Profile,
    /// Hours for which records of one account arrived.
    Coverage,
    /// Counts of parts.
    Tally,
    /// Files learnt to their end.
    Files,
    /// Fingerprints of events.
    Ids,
    /// Observations to be judged.
    Observations,
    /// Events that a part must leave out.
    Repeats,
    /// How many events there are.
    Distinct,
}

impl Kind {
    /// Every kind, in the order in which lines are written.
    pub const ALL: &'static [Self] = &[
        Self::Tally,
        Self::Profile,
        Self::Coverage,
        Self::Files,
        Self::Ids,
        Self::Distinct,
        Self::Repeats,
        Self::Observations,
    ];

    /// The word that begins a line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Coverage => "coverage",
            Self::Tally => "tally",
            Self::Files => "files",
            Self::Ids => "ids",
            Self::Observations => "observations",
            Self::Repeats => "repeats",
            Self::Distinct => "distinct",
        }
    }

    /// The kind of a line, told from its beginning alone.
    #[must_use]
    pub fn of_line(line: &str) -> Option<Self> {
        let (word, _) = line.split_once('\t')?;
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a line can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// No such line is ever written.
    #[error(
        "it is no line of `offtrail partial` (KIND<TAB>KEY<TAB>PAYLOAD); give the lines as they were written"
    )]
    NoLine,
    /// The payload is not base64.
    #[error("its payload is not base64; give the line as it was written")]
    NotBase64,
    /// A later build wrote it.
    #[error(
        "its version {0} is newer than this build's ({PARTIAL_VERSION}); use one build of offtrail on all machines"
    )]
    Newer(u8),
    /// What is packed in it can't be read.
    #[error("it is damaged: {0}; write it again")]
    Damaged(#[from] PackError),
    /// Its key is not that of its payload.
    #[error("its key is not {0:?}, as its payload says; give the line as it was written")]
    Key(String),
    /// It can't be merged with the lines before it.
    #[error(transparent)]
    Tally(#[from] TallyError),
    /// The same events of the same part came before.
    #[error(
        "its events of part {0} came before it; give each line once, and no line of a part that was run again beside those of the run before"
    )]
    Twice(u32),
}

/// A line: its kind, its key and what was packed.
fn written((kind, key): (Kind, &str), packed: &[u8]) -> String {
    let mut payload = Vec::with_capacity(packed.len() + 1);
    payload.push(PARTIAL_VERSION);
    payload.extend_from_slice(packed);
    let mut line = String::with_capacity(32 + key.len() + payload.len() * 4 / 3);
    line.push_str(kind.as_str());
    line.push('\t');
    line.push_str(key);
    line.push('\t');
    STANDARD.encode_string(&payload, &mut line);
    line
}

/// The parts of a line.
struct Parts<'l> {
    kind: Kind,
    key: &'l str,
    packed: Vec<u8>,
}

fn parts(line: &str) -> Result<Parts<'_>, LineError> {
    let kind = Kind::of_line(line).ok_or(LineError::NoLine)?;
    let mut fields = line.splitn(3, '\t').skip(1);
    let (Some(key), Some(payload)) = (fields.next(), fields.next()) else {
        return Err(LineError::NoLine);
    };
    let mut packed = STANDARD.decode(payload).map_err(|_| LineError::NotBase64)?;
    match packed.first() {
        None | Some(0) => return Err(LineError::NoLine),
        Some(version) if *version > PARTIAL_VERSION => return Err(LineError::Newer(*version)),
        Some(_) => {}
    }
    packed.remove(0);
    Ok(Parts { kind, key, packed })
}
