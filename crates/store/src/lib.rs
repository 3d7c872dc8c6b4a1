//! The baseline on disk: one SQLite file, inspectable with any SQLite tool; crash-safe, written incrementally.
//!
//! A [`Store`] is opened for writing by one process at a time, or for reading by any number. What was learnt since the last
//! commit goes in as one [`Checkpoint`], one transaction: profiles, remembered events and finished inputs together, so that
//! a process killed at any moment leaves a file that tells exactly which inputs its profiles hold. Ids in the file are the
//! file's own; rows are joined to a vocabulary by text. The schema is described in `docs/formats/store.md`.
#![allow(
    clippy::disallowed_methods,
    reason = "this crate is an edge: it reads and writes the disk"
)]

mod claim;
mod commit;
mod detection;
mod error;
mod event_ids;
mod forget;
mod header;
mod load;
mod notes;
mod open;
mod remembered;
mod rulings;
mod schema;
mod stream;
mod words;

pub use commit::{Checkpoint, More};
pub use error::{Doing, Error, Reason};
pub use event_ids::EventIds;
pub use open::Store;
pub use schema::FORMAT;
pub use stream::{ARRIVALS_BYTES_MAX, Appended, Entry, OutboxSize, Outgoing, Tick};
