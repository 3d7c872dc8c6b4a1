//! [`WaitingRoom`]: puts observations in order of event time.
//!
//! Files are delivered minutes to hours after their events and are not ordered inside. The room holds observations until the caller says
//! that nothing earlier is to be expected, then lets them out in one order that depends on the observations alone: by event time, then what mints
//! credentials before what may use them, then by fingerprint.

use std::{cmp::Reverse, collections::BinaryHeap, collections::binary_heap::PeekMut, mem};

use offtrail_event::{Loose, Observation, Sheaf, Timestamp};

/// Observations held by default: about 1.5 GiB at 300 bytes each. Beyond it the earliest leave before their time, and are counted.
pub const WAITING_MAX: usize = 5_000_000;

/// Observations that have left and whose sheaf still lies there, at most, beside three for each that is held. Beyond it those held move to
/// sheaves of their own: an event dated far ahead keeps nothing but itself.
const LEFT_LYING_MAX: usize = 65_536;

type Key = (Timestamp, bool, u64);

fn key_of(observation: &Observation) -> Key {
    (
        observation.time,
        observation.mint.is_none(),
        observation.fingerprint.0,
    )
}

/// Observations that came together: they lie still, and their turns are sorted.
#[derive(Default)]
struct Run {
    sheaf: Sheaf,
    /// Key and place in the sheaf, by key.
    turns: Vec<(Key, u32)>,
    /// How many have left.
    left: usize,
}

/// Holds observations until it is their turn.
///
/// Each sheaf is sorted by itself, and what leaves next is the first of the firsts (a merge of sorted runs), so that the heap holds as many keys
/// as sheaves wait, and no observation is moved.
pub struct WaitingRoom {
    /// The next turn of each run that has one.
    queue: BinaryHeap<Reverse<(Key, u32)>>,
    runs: Vec<Run>,
    /// Runs without observations.
    free: Vec<u32>,
    /// The run whose last observation has left and may still be looked at.
    spent: Option<u32>,
    held: usize,
    /// Observations of sheaves that still lie there, whether they have left or not.
    lying: usize,
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
            runs: Vec::new(),
            free: Vec::new(),
            spent: None,
            held: 0,
            lying: 0,
            limit: limit.clamp(1, u32::MAX as usize - 1),
            released: None,
            late: 0,
            crowded_out: 0,
        }
    }

    /// Takes in those observations of a sheaf that pass, and leaves the room of one that is done with.
    pub fn enter(&mut self, sheaf: &mut Sheaf, mut passes: impl FnMut(usize) -> bool) {
        self.settle();
        let index = self.free.pop().unwrap_or_else(|| {
            self.runs.push(Run::default());
            u32::try_from(self.runs.len() - 1).expect("the limit keeps runs within 32 bits")
        });
        let run = &mut self.runs[index as usize];
        mem::swap(&mut run.sheaf, sheaf);
        let keys = run.sheaf.observations().iter().map(key_of);
        let turns = keys.zip(0..).filter(|(_, place)| passes(*place as usize));
        run.turns.extend(turns);
        run.turns.sort_unstable();
        self.held += run.turns.len();
        self.lying += run.sheaf.observations().len();
        if let Some(released) = self.released {
            let late = run.turns.partition_point(|(key, _)| key.0 < released);
            self.late += late as u64;
        }
        match run.turns.first() {
            Some((key, _)) => self.queue.push(Reverse((*key, index))),
            None => self.spent = Some(index),
        }
        if self.lying > 4 * self.held + LEFT_LYING_MAX {
            self.tidy();
        }
    }

    /// Moves what is held out of sheaves of which most has left.
    fn tidy(&mut self) {
        self.settle();
        self.lying = 0;
        for run in &mut self.runs {
            let held = run.turns.len() - run.left;
            if held > 0 && held * 2 < run.sheaf.observations().len() {
                let mut loose = Loose::default();
                run.turns.drain(..run.left);
                run.left = 0;
                for ((_, place), next) in run.turns.iter_mut().zip(0..) {
                    loose.push(run.sheaf.observations()[*place as usize].clone());
                    *place = next;
                }
                run.sheaf = loose.tie(Sheaf::default);
            }
            self.lying += run.sheaf.observations().len();
        }
    }

    /// Lets the next observation out whose event time is before `complete_until`, or the earliest if the room is full.
    pub fn leave(&mut self, complete_until: Timestamp) -> Option<&Observation> {
        let Reverse(((time, ..), _)) = self.queue.peek()?;
        if *time >= complete_until {
            if self.held <= self.limit {
                return None;
            }
            self.crowded_out += 1;
        }
        self.leave_any()
    }

    /// Lets the next observation out, whatever its time.
    pub fn leave_any(&mut self) -> Option<&Observation> {
        self.settle();
        let mut next = self.queue.peek_mut()?;
        let Reverse(((time, ..), index)) = *next;
        let run = &mut self.runs[index as usize];
        let (_, place) = run.turns[run.left];
        run.left += 1;
        match run.turns.get(run.left) {
            Some((key, _)) => *next = Reverse((*key, index)),
            None => {
                PeekMut::pop(next);
                self.spent = Some(index);
            }
        }
        self.released = self.released.max(Some(time));
        self.held -= 1;
        run.sheaf.observations().get(place as usize)
    }

    /// Makes the spent run a free one.
    fn settle(&mut self) {
        if let Some(index) = self.spent.take() {
            let run = &mut self.runs[index as usize];
            self.lying -= run.sheaf.observations().len();
            run.sheaf.clear();
            run.turns.clear();
            run.left = 0;
            self.free.push(index);
        }
    }

    /// What is held, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Observation> {
        self.runs.iter().flat_map(|run| {
            let turns = run.turns[run.left..].iter();
            turns.map(|(_, place)| &run.sheaf.observations()[*place as usize])
        })
    }

    /// Observations held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held == 0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use offtrail_event::{
        CallId, Category, CredentialKind, Fingerprint, Mint, MintedKind, OriginKind, OutcomeClass,
        PrincipalId, PrincipalKind, TextId, Traits,
    };
    use proptest::prelude::*;

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

    fn enter(room: &mut WaitingRoom, observations: Vec<Observation>) {
        room.enter(&mut Sheaf::from(observations), |_| true);
    }

    fn leaving(room: &mut WaitingRoom, until: i64) -> Vec<u64> {
        let next = || Some(room.leave(at(until))?.fingerprint.0);
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn leaves_by_time_then_what_mints_then_fingerprint() {
        let mut room = WaitingRoom::default();
        for (secs, fingerprint, mints) in
            [(9, 1, false), (5, 2, false), (5, 7, true), (5, 1, false)]
        {
            enter(&mut room, vec![observation(secs, fingerprint, mints)]);
        }
        assert_eq!(leaving(&mut room, 9), [7, 1, 2]);
        assert_eq!((room.len(), room.late, room.crowded_out), (1, 0, 0));
        assert_eq!(leaving(&mut room, 10), [1]);
        assert!(room.is_empty());
    }

    #[test]
    fn of_a_sheaf_those_leave_that_pass() {
        let mut room = WaitingRoom::default();
        let mut sheaf: Sheaf = [(3, 1), (9, 2), (1, 3), (2, 4)]
            .map(|(secs, fingerprint)| observation(secs, fingerprint, false))
            .to_vec()
            .into();
        room.enter(&mut sheaf, |place| place != 3);
        assert!(sheaf.observations().is_empty());
        assert_eq!(room.iter().count(), 3);
        assert_eq!(leaving(&mut room, 9), [3, 1]);
        assert_eq!(room.len(), 1);
        room.enter(&mut sheaf, |_| true);
        assert_eq!(leaving(&mut room, 10), [2]);
        assert_eq!(room.iter().count(), 0);
    }

    #[test]
    fn an_event_dated_far_ahead_keeps_nothing_but_itself() {
        let mut room = WaitingRoom::default();
        let sheaves = 200;
        for number in 0..sheaves {
            let ahead = observation(1_000_000, number, false);
            let mut sheaf = vec![observation(5, number, false); 999];
            sheaf.insert(number as usize, ahead);
            enter(&mut room, sheaf);
            assert_eq!(leaving(&mut room, 10).len(), 999);
            assert_eq!(room.iter().count(), room.len());
            assert!(room.lying <= 4 * room.len() + LEFT_LYING_MAX + 4000);
        }
        assert_eq!(
            leaving(&mut room, 2_000_000),
            (0..sheaves).collect::<Vec<_>>()
        );
        assert_eq!((room.lying, room.late), (1000, 0));
    }

    proptest! {
        #[test]
        fn any_sheaves_leave_in_one_order(
            stays in prop::collection::vec((0i64..20, any::<bool>()), 0..60),
            cuts in prop::collection::vec(1usize..9, 60),
        ) {
            let mut all: Vec<Observation> = (0..).zip(&stays).map(|(id, (secs, mints))| observation(*secs, id, *mints)).collect();
            let mut room = WaitingRoom::default();
            let mut rest = &all[..];
            for cut in cuts {
                let (sheaf, more) = rest.split_at(cut.min(rest.len()));
                enter(&mut room, sheaf.to_vec());
                rest = more;
            }
            prop_assert_eq!(room.len(), all.len());
            let left = leaving(&mut room, 100);
            all.sort_by_key(key_of);
            prop_assert_eq!(left, all.iter().map(|one| one.fingerprint.0).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_comes_after_later_ones_left_is_late_and_still_leaves() {
        let mut room = WaitingRoom::default();
        enter(&mut room, vec![observation(5, 1, false)]);
        assert_eq!(leaving(&mut room, 6), [1]);
        enter(&mut room, vec![observation(5, 2, false)]);
        assert_eq!(room.late, 0);
        enter(&mut room, vec![observation(4, 3, false)]);
        assert_eq!(room.late, 1);
        assert_eq!(leaving(&mut room, 6), [3, 2]);
    }

    #[test]
    fn a_full_room_lets_the_earliest_out_and_counts_it() {
        let mut room = WaitingRoom::with_limit(2);
        for secs in [3, 1, 2] {
            let one = observation(secs, secs.unsigned_abs(), false);
            enter(&mut room, vec![one]);
        }
        assert_eq!(leaving(&mut room, 0), [1]);
        assert_eq!((room.len(), room.crowded_out), (2, 1));
        assert_eq!(room.leave_any().unwrap().fingerprint.0, 2);
        assert_eq!(room.crowded_out, 1);
    }
}
