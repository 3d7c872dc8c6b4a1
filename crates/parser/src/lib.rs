//! Bytes → records → events → observations; resolves who acted and with which credential.
//!
//! Data walks one way: [`Parser::read`] unpacks a file (`unpack`), finds the records in whatever envelope they came
//! (`envelope`), reads the fields it knows (`record`) and gives them meaning as an [`Event`](offtrail_event::Event)
//! (`resolve` and its neighbours). [`Observer::observe`] turns an event into an
//! [`Observation`](offtrail_event::Observation), the only thing profiles and detectors see.
//!
//! What can't be read becomes a [`Reject`]: counted and handed over, never a silent skip and never the end of the file.
//! The crate does no input or output and keeps no state between files but its buffers.

mod agent;
mod classify;
mod credential;
mod ending;
mod envelope;
mod escapes;
mod identity;
mod known;
mod limits;
mod minted;
mod mould;
mod network;
mod observer;
mod operation;
mod outcome;
mod parser;
mod plain;
mod record;
mod reject;
mod resolve;
mod scan;
mod special;
mod taken;
mod tally;
mod targets;
mod texts;
mod time;
mod traits;
mod unpack;
mod unwrap;
mod walk;

pub use limits::Limits;
pub use observer::{NameNetworks, Observer, WithDetail};
pub use parser::{Each, EachObserved, Parser};
pub use reject::{Reason, Reject};
pub use tally::{Envelope, FileTally};
pub use unpack::inflated_told;
