//! [`WaitingRoom`]: puts observations in order of event time.
//!
//! Files are delivered minutes to hours after their events and are not ordered inside. The room holds observations until the caller says
//! that nothing earlier is to be expected, then lets them out in one order that depends on the observations alone: by event time, then what mints
//! credentials before what may use them, then by fingerprint.

use std::{cmp::Reverse, collections::BinaryHeap};

use offtrail_event::{Observation, Timestamp};

/// Observations held by default: about 1.5 GiB at 300 bytes each. Beyond it the earliest leave before their time, and are counted.
pub const WAITING_MAX: usize = 5_000_000;

type Key = (Timestamp, bool, u64);

fn key_of(observation: &Observation) -> Key {
    (
        observation.time,
        observation.mint.is_none(),
        observation.fingerprint.0,
    )
}

struct Waiting(Key, Box<Observation>);

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

/// Holds observations until it is their turn.
pub struct WaitingRoom {
    held: BinaryHeap<Reverse<Waiting>>,
    limit: usize,
    /// Nothing before this is let out in order any more.
    released: Option<Timestamp>,
    /// Observations that came after later ones had been let out.
    pub late: u64,
    /// Observations let out early because the room was full.
    pub crowded_out: u64,
}

impl Default for WaitingRoom {
    fn default() -> Self {
        Self::with_limit(WAITING_MAX)
    }
}

impl WaitingRoom {
    /// Holds at most `limit` observations.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self {
            held: BinaryHeap::new(),
            limit: limit.max(1),
            released: None,
            late: 0,
            crowded_out: 0,
        }
    }

    /// Takes an observation in.
    pub fn enter(&mut self, observation: Observation) {
        if self
            .released
            .is_some_and(|released| observation.time < released)
        {
            self.late += 1;
        }
        self.held.push(Reverse(Waiting(
            key_of(&observation),
            Box::new(observation),
        )));
    }

    /// Lets the next observation out whose event time is before `complete_until`, or the earliest if the room is full.
    pub fn leave(&mut self, complete_until: Timestamp) -> Option<Observation> {
        let Reverse(Waiting((time, ..), _)) = self.held.peek()?;
        let crowded = self.held.len() > self.limit;
        if *time >= complete_until && !crowded {
            return None;
        }
        if *time >= complete_until {
            self.crowded_out += 1;
        }
        self.leave_any()
    }

    /// Lets the next observation out, whatever its time.
    pub fn leave_any(&mut self) -> Option<Observation> {
        let Reverse(Waiting((time, ..), observation)) = self.held.pop()?;
        self.released = self.released.max(Some(time));
        Some(*observation)
    }

    /// Observations held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}
