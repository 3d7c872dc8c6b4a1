//! The one loop: put in order, drop repeats, judge, then learn. The same for batch and stream.
//!
//! [`Repeats`] remembers event ids, [`WaitingRoom`] puts observations in order of event time, [`Watch`] judges and then learns
//! them, and counts what became of each; [`Blindness`] tells where a stream stopped seeing. No clock: time is what the observations say, or is given.

mod blind_words;
mod blindness;
mod repeats;
mod waiting;
mod watch;

pub use blindness::{
    BEHIND_FOR_SECS, BLIND_SPOT_DAYS_MAX, Blindness, FUTURE_SECS_MAX, SUSPECT_SECS,
};
pub use repeats::{Fresh, REPEATS_IN_MEMORY_MAX, REPEATS_MAX, Repeats, Seen, Shelf, ShelfError};
pub use waiting::{WAITING_MAX, WaitingRoom};
pub use watch::{Raising, Scope, Watch, WatchTally};
