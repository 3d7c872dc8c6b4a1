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

/// Holds observations until it is their turn.
///
/// The heap orders keys; observations lie still in `seats`, so that ordering moves no more than 32 bytes each and allocates nothing.
pub struct WaitingRoom {
    queue: BinaryHeap<Reverse<(Key, u32)>>,
    seats: Vec<Option<Observation>>,
    free: Vec<u32>,
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
            queue: BinaryHeap::new(),
            seats: Vec::new(),
            free: Vec::new(),
            limit: limit.clamp(1, u32::MAX as usize - 1),
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
        let key = key_of(&observation);
        let seat = self.free.pop().unwrap_or_else(|| {
            self.seats.push(None);
            u32::try_from(self.seats.len() - 1).expect("the limit keeps seats within 32 bits")
        });
        self.seats[seat as usize] = Some(observation);
        self.queue.push(Reverse((key, seat)));
    }

    /// Lets the next observation out whose event time is before `complete_until`, or the earliest if the room is full.
    pub fn leave(&mut self, complete_until: Timestamp) -> Option<Observation> {
        let Reverse(((time, ..), _)) = self.queue.peek()?;
        let crowded = self.queue.len() > self.limit;
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
        let Reverse(((time, ..), seat)) = self.queue.pop()?;
        self.released = self.released.max(Some(time));
        self.free.push(seat);
        self.seats[seat as usize].take()
    }

    /// What is held, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Observation> {
        self.seats.iter().flatten()
    }

    /// Observations held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use offtrail_event::{
        CallId, Category, CredentialKind, Fingerprint, Mint, MintedKind, OriginKind, OutcomeClass,
        PrincipalId, PrincipalKind, TextId, Traits,
    };

    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_epoch_secs(1_700_000_000 + secs).unwrap()
    }

    fn observation(secs: i64, fingerprint: u64, mints: bool) -> Observation {
        Observation {
            fingerprint: Fingerprint(fingerprint),
            time: at(secs),
            principal: PrincipalId(0),
            principal_kind: PrincipalKind::Role,
            call: CallId(0),
            outcome: OutcomeClass::Succeeded,
            account: TextId(0),
            region: TextId(0),
            network: None,
            agent: TextId(0),
            credential_kind: CredentialKind::RoleSession,
            credential: None,
            origin: OriginKind::Internal,
            read_only: None,
            category: Category::Management,
            by_service: false,
            traits: Traits::default(),
            mint: mints.then_some(Mint {
                kind: MintedKind::Session,
                credential: None,
                principal: None,
            }),
            targets: None,
            detail: None,
        }
    }

    fn leaving(room: &mut WaitingRoom, until: i64) -> Vec<u64> {
        std::iter::from_fn(|| room.leave(at(until)))
            .map(|observation| observation.fingerprint.0)
            .collect()
    }

    #[test]
    fn leaves_by_time_then_what_mints_then_fingerprint() {
        let mut room = WaitingRoom::default();
        for (secs, fingerprint, mints) in
            [(9, 1, false), (5, 2, false), (5, 7, true), (5, 1, false)]
        {
            room.enter(observation(secs, fingerprint, mints));
        }
        assert_eq!(leaving(&mut room, 9), [7, 1, 2]);
        assert_eq!((room.len(), room.late, room.crowded_out), (1, 0, 0));
        assert_eq!(leaving(&mut room, 10), [1]);
        assert!(room.is_empty());
    }

    #[test]
    fn what_comes_after_later_ones_left_is_late_and_still_leaves() {
        let mut room = WaitingRoom::default();
        room.enter(observation(5, 1, false));
        assert_eq!(leaving(&mut room, 6), [1]);
        room.enter(observation(5, 2, false));
        assert_eq!(room.late, 0);
        room.enter(observation(4, 3, false));
        assert_eq!(room.late, 1);
        assert_eq!(leaving(&mut room, 6), [3, 2]);
    }

    #[test]
    fn a_full_room_lets_the_earliest_out_and_counts_it() {
        let mut room = WaitingRoom::with_limit(2);
        for secs in [3, 1, 2] {
            room.enter(observation(secs, secs.unsigned_abs(), false));
        }
        assert_eq!(leaving(&mut room, 0), [1]);
        assert_eq!((room.len(), room.crowded_out), (2, 1));
        assert_eq!(room.leave_any().unwrap().fingerprint.0, 2);
        assert_eq!(room.crowded_out, 1);
    }
}
