//! The one loop: put in order, drop repeats, judge, then learn. The same for batch and stream.
//!
//! [`Repeats`] remembers event ids, [`WaitingRoom`] puts observations in order of event time, [`Watch`] judges and then learns
//! them, and counts what became of each. No clock: time is what the observations say.

mod repeats;
mod waiting;
mod watch;

pub use repeats::{REPEATS_MAX, Repeats, Seen};
pub use waiting::{WAITING_MAX, WaitingRoom};
pub use watch::{Raising, Scope, Watch, WatchTally};
