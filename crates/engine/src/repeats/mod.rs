//! [`Repeats`]: which events have been seen, so that none counts twice, whatever file it comes in.
//!
//! CloudTrail delivers some events twice (a fifth of the records, in an account with two trails on one bucket), and people copy files. A
//! repeat has the event time of its original, so ids are remembered per UTC day of event time. Only the days in use are in memory: the others
//! lie on a [`Shelf`] and are fetched, whole, when an event of such a day comes. Files are read in the order of delivery, so that this is
//! rare, and the answer is exact whatever the order. Without a shelf everything stays in memory; beyond the limit whole days are forgotten,
//! oldest first, and what then comes from a forgotten day is told apart as [`Seen::Forgotten`] and not counted again.

mod ids;
mod shelf;

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
};

use dashmap::DashMap;
use foldhash::fast::FixedState;
use offtrail_event::{Day, Fingerprint, Timestamp};

use ids::Ids;
pub use shelf::{Fresh, Shelf, ShelfError};

/// Events remembered by default where there is no shelf: about 700 MiB at most. With one, what is in memory never grows beyond it.
pub const REPEATS_MAX: usize = 50_000_000;

/// Events in memory where there is a shelf, at most: about 14 MiB. Days in use stay, and it doubles, up to [`REPEATS_MAX`], while days come
/// and go in turn.
pub const REPEATS_IN_MEMORY_MAX: usize = 1_000_000;

/// Ids fetched again of days that had been in memory, as multiples of what may be in memory, until more may.
const FETCHED_AGAIN_MAX: usize = 8;

/// Whether an event was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// For the first time.
    First,
    /// Before.
    Repeat,
    /// Its day lies before what is still remembered: it can't be told, and must not be counted.
    Forgotten,
}

/// A sixty-fourth of a day's events, chosen by the upper bits of the fingerprint.
type Part = (Day, u8);

/// Parts of a day.
const PARTS: u8 = 64;

/// Events whose ids are put in order together.
const TOGETHER_MAX: usize = 1 << INDEX_BITS;
const INDEX_BITS: u32 = 10;
const PART_BITS: u32 = PARTS.trailing_zeros();

/// An event by the part that its id lies in, and its index: in one number, which is sorted soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Placed(u32);

impl Placed {
    /// `index` is below [`TOGETHER_MAX`].
    fn of((day, part): Part, index: u32) -> Self {
        Self((u32::from(day.0) << PART_BITS | u32::from(part)) << INDEX_BITS | index)
    }

    fn part(self) -> Part {
        let part = self.0 >> INDEX_BITS;
        let day = u16::try_from(part >> PART_BITS).expect("sixteen bits of thirty-two are left");
        (Day(day), part.to_le_bytes()[0] % PARTS)
    }

    fn index(self) -> usize {
        self.0 as usize % TOGETHER_MAX
    }
}

/// The days there are: a timestamp's last is 49,710.
const DAYS: usize = 1 << 16;

/// Which events have been seen. Safe to share between threads.
pub struct Repeats {
    parts: DashMap<Part, Ids, FixedState>,
    held: AtomicUsize,
    /// How many may be in memory.
    limit: AtomicUsize,
    /// From how many on something has to go: the limit, or more where days in use hold more.
    bound: AtomicUsize,
    /// Days below this were forgotten.
    horizon: AtomicU32,
    shelf: Option<Box<dyn Shelf>>,
    /// For each day the turn in which it was last used; 0 where it is not in memory. A day is only added to under the lock of a part,
    /// with this looked at again, so that none is added to a day that is leaving.
    used: Box<[AtomicU32]>,
    turn: AtomicU32,
    moving: Mutex<Moving>,
}

/// What is known of moving days between memory and shelf. Days move one at a time, under its lock.
#[derive(Debug, Default)]
struct Moving {
    left: HashSet<Day, FixedState>,
    fetched_again: usize,
    failure: Option<ShelfError>,
}

impl Default for Repeats {
    fn default() -> Self {
        Self::with_limit(REPEATS_MAX)
    }
}

impl std::fmt::Debug for Repeats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut f = f.debug_struct("Repeats");
        f.field("held", &self.held).field("horizon", &self.horizon);
        f.finish_non_exhaustive()
    }
}

impl Repeats {
    /// Remembers at most about `limit` events.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self {
            parts: DashMap::with_hasher(FixedState::default()),
            held: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit),
            bound: AtomicUsize::new(limit),
            horizon: AtomicU32::new(0),
            shelf: None,
            used: Box::default(),
            turn: AtomicU32::new(1),
            moving: Mutex::default(),
        }
    }

    /// Remembers all that lies on a shelf and all that is seen, with about `in_memory` of it in memory ([`REPEATS_IN_MEMORY_MAX`]).
    #[must_use]
    pub fn over(shelf: Box<dyn Shelf>, in_memory: usize) -> Self {
        Self {
            shelf: Some(shelf),
            used: (0..DAYS).map(|_| AtomicU32::new(0)).collect(),
            ..Self::with_limit(in_memory)
        }
    }

    /// Remembers an event; says whether it was remembered before.
    pub fn see(&self, time: Timestamp, fingerprint: Fingerprint) -> Seen {
        let day = time.day();
        if u32::from(day.0) < self.horizon.load(Ordering::Relaxed) {
            return Seen::Forgotten;
        }
        while self.use_day(day) || self.fetch(day) {
            let mut ids = self.parts.entry(part_of(day, fingerprint)).or_default();
            if !self.is_here(day) {
                continue;
            }
            if !ids.insert(fingerprint, true) {
                return Seen::Repeat;
            }
            drop(ids);
            if self.held.fetch_add(1, Ordering::Relaxed) >= self.bound.load(Ordering::Relaxed) {
                self.make_room(day);
            }
            return Seen::First;
        }
        Seen::Forgotten
    }

    /// Remembers events and says of each what [`Repeats::see`] says, in their order. Of those that lie together a lock is taken once.
    pub fn see_all(&self, events: &[(Timestamp, Fingerprint)]) -> Vec<Seen> {
        let mut seen = vec![Seen::Forgotten; events.len()];
        let mut order = Vec::with_capacity(events.len().min(TOGETHER_MAX));
        for (events, seen) in events
            .chunks(TOGETHER_MAX)
            .zip(seen.chunks_mut(TOGETHER_MAX))
        {
            order.clear();
            order.extend(
                (0..)
                    .zip(events)
                    .map(|(index, (time, id))| Placed::of(part_of(time.day(), *id), index)),
            );
            order.sort_unstable();
            for together in order.chunk_by(|one, other| one.part() == other.part()) {
                self.see_part(together, events, seen);
            }
        }
        seen
    }

    /// Remembers events of one part.
    fn see_part(
        &self,
        together: &[Placed],
        events: &[(Timestamp, Fingerprint)],
        seen: &mut [Seen],
    ) {
        let Some(part) = together.first().map(|first| first.part()) else {
            return;
        };
        let (day, _) = part;
        if u32::from(day.0) < self.horizon.load(Ordering::Relaxed) {
            return;
        }
        while self.use_day(day) || self.fetch(day) {
            let mut ids = self.parts.entry(part).or_default();
            if !self.is_here(day) {
                continue;
            }
            let before = ids.len();
            for index in together.iter().map(|placed| placed.index()) {
                seen[index] = match ids.insert(events[index].1, true) {
                    true => Seen::First,
                    false => Seen::Repeat,
                };
            }
            let added = ids.len() - before;
            drop(ids);
            let held = self.held.fetch_add(added, Ordering::Relaxed) + added;
            if held > self.bound.load(Ordering::Relaxed) {
                self.make_room(day);
            }
            return;
        }
    }

    /// Puts back what an earlier run remembered, where there is no shelf.
    pub fn restore(&self, day: Day, fingerprints: &[Fingerprint]) {
        self.add(day, fingerprints);
        while self.held.load(Ordering::Relaxed) > self.limit.load(Ordering::Relaxed)
            && self.forget_a_day()
        {}
    }

    /// What is in memory and was seen for the first time since the last call, sorted. What was laid on the shelf is there.
    pub fn take_fresh(&self) -> Vec<(Day, Fingerprint)> {
        let parts = self.parts.iter().filter(|part| part.fresh() > 0);
        let mut counted: Vec<(Part, usize)> =
            parts.map(|part| (*part.key(), part.fresh())).collect();
        // A part's number is the upper bits of its ids: parts in order, each sorted, are all of them sorted.
        counted.sort_unstable();
        let mut fresh = Vec::with_capacity(counted.iter().map(|(_, count)| count).sum());
        for (key, _) in counted {
            let Some(mut part) = self.parts.get_mut(&key) else {
                continue;
            };
            let begin = fresh.len();
            fresh.extend(part.all_fresh().map(|fingerprint| (key.0, fingerprint)));
            part.settle();
            fresh[begin..].sort_unstable();
        }
        let mut moving = self.moving();
        // Few days fetched again between two checkpoints are no sign that more should be in memory.
        moving.fetched_again /= 2;
        // What had to stay may leave now.
        let limit = self.limit.load(Ordering::Relaxed);
        self.bound.store(limit, Ordering::Relaxed);
        fresh
    }

    /// Why the shelf failed, once. From then on every event of a day that is not in memory is [`Seen::Forgotten`]: whoever gave a shelf asks
    /// before relying on what was counted.
    pub fn take_failure(&self) -> Option<ShelfError> {
        self.moving().failure.take()
    }

    /// Forgets the days before `day`, for good: their events are [`Seen::Forgotten`] from now on.
    pub fn forget_before(&self, day: Day) {
        self.horizon.fetch_max(u32::from(day.0), Ordering::Relaxed);
        self.parts.retain(|(kept, _), ids| {
            if *kept >= day {
                return true;
            }
            self.held.fetch_sub(ids.len(), Ordering::Relaxed);
            false
        });
    }

    /// The first day still remembered, if any had to be forgotten.
    #[must_use]
    pub fn horizon(&self) -> Option<Day> {
        let horizon = self.horizon.load(Ordering::Relaxed);
        u16::try_from(horizon).ok().filter(|day| *day > 0).map(Day)
    }

    /// Events in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Whether none is in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn moving(&self) -> MutexGuard<'_, Moving> {
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a day is in memory.
    fn is_here(&self, day: Day) -> bool {
        self.used
            .get(usize::from(day.0))
            .is_none_or(|used| used.load(Ordering::Acquire) > 0)
    }

    /// Notes that a day in memory is in use. False if it is not there.
    fn use_day(&self, day: Day) -> bool {
        let Some(used) = self.used.get(usize::from(day.0)) else {
            return true;
        };
        let (last, now) = (
            used.load(Ordering::Acquire),
            self.turn.load(Ordering::Relaxed),
        );
        if last != now && last > 0 {
            // Lost only to another that uses it, or to its leaving, which is seen under the lock of the part.
            let _ = used.compare_exchange(last, now, Ordering::AcqRel, Ordering::Relaxed);
        }
        last > 0
    }

    /// Adds ids that are not fresh.
    fn add(&self, day: Day, fingerprints: &[Fingerprint]) -> usize {
        let each = fingerprints.len() / usize::from(PARTS);
        let mut added = 0;
        for fingerprint in fingerprints {
            let mut ids = self.parts.entry(part_of(day, *fingerprint)).or_default();
            if ids.len() == 0 {
                ids.reserve(each);
            }
            added += usize::from(ids.insert(*fingerprint, false));
        }
        self.held.fetch_add(added, Ordering::Relaxed);
        added
    }

    /// Brings a day into memory. False if the shelf failed.
    fn fetch(&self, day: Day) -> bool {
        let Some(shelf) = &self.shelf else {
            return true;
        };
        let mut moving = self.moving();
        if self.is_here(day) {
            return true;
        }
        let fetched = match shelf.fetch(day) {
            Ok(fetched) => fetched,
            Err(failure) => {
                moving.failure.get_or_insert(failure);
                return false;
            }
        };
        self.add(day, &fetched);
        if moving.left.contains(&day) {
            moving.fetched_again += fetched.len();
        }
        let limit = self.limit.load(Ordering::Relaxed);
        if moving.fetched_again > limit.saturating_mul(FETCHED_AGAIN_MAX) {
            moving.fetched_again = 0;
            let more = (limit * 2).min(REPEATS_MAX.max(limit));
            self.limit.store(more, Ordering::Relaxed);
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        self.used[usize::from(day.0)].store(turn.max(1), Ordering::Release);
        self.send_away(day, &**shelf, &mut moving);
        true
    }

    /// Has days leave memory, because too many ids are in it.
    fn make_room(&self, day: Day) {
        let Some(shelf) = &self.shelf else {
            self.forget_a_day();
            return;
        };
        // Another thread that is at it does it for both.
        if let Ok(mut moving) = self.moving.try_lock() {
            self.send_away(day, &**shelf, &mut moving);
        }
    }

    /// Has days leave memory, those used longest ago first, until few enough ids are in it; `day` stays.
    fn send_away(&self, day: Day, shelf: &dyn Shelf, moving: &mut Moving) {
        let limit = self.limit.load(Ordering::Relaxed);
        let bound = self.bound.load(Ordering::Relaxed).max(limit);
        if self.held.load(Ordering::Relaxed) <= bound {
            return;
        }
        let mut days: BTreeMap<Day, bool> = BTreeMap::new();
        for part in &self.parts {
            *days.entry(part.key().0).or_default() |= part.fresh() > 0;
        }
        let used = |day: Day| self.used[usize::from(day.0)].load(Ordering::Relaxed);
        let stays = shelf.fresh() == Fresh::Stay;
        let mut leaving: Vec<Day> = days
            .into_iter()
            .filter(|(other, fresh)| *other != day && used(*other) > 0 && !(stays && *fresh))
            .map(|(other, _)| other)
            .collect();
        leaving.sort_by_key(|day| (used(*day), *day));
        for day in leaving {
            // A fifth more goes than must, so that this is not done again for the next event.
            if self.held.load(Ordering::Relaxed) <= limit - limit / 5 {
                self.bound.store(limit, Ordering::Relaxed);
                return;
            }
            self.leave(day, shelf, moving);
        }
        // What is left is in use or has to stay, and there will be more of it before anything can leave.
        let held = self.held.load(Ordering::Relaxed);
        self.bound
            .store(limit.max(held + held / 4), Ordering::Relaxed);
    }

    fn leave(&self, day: Day, shelf: &dyn Shelf, moving: &mut Moving) {
        self.used[usize::from(day.0)].store(0, Ordering::Release);
        let stays = shelf.fresh() == Fresh::Stay;
        let mut fresh = Vec::new();
        for number in 0..PARTS {
            // Nothing fresh is lost to a thread that added it just now: such a part stays until its day is fetched again and joins it.
            let gone = self
                .parts
                .remove_if(&(day, number), |_, ids| !stays || ids.fresh() == 0);
            if let Some((_, ids)) = gone {
                self.held.fetch_sub(ids.len(), Ordering::Relaxed);
                fresh.extend(ids.all_fresh());
            }
        }
        moving.left.insert(day);
        if !fresh.is_empty()
            && let Err(failure) = shelf.lay(day, &fresh)
        {
            moving.failure.get_or_insert(failure);
        }
    }

    /// Forgets the oldest day, unless only one is left. Whether one went.
    fn forget_a_day(&self) -> bool {
        let days = || self.parts.iter().map(|part| part.key().0);
        let (Some(oldest), Some(newest)) = (days().min(), days().max()) else {
            return false;
        };
        if oldest == newest {
            return false;
        }
        self.forget_before(Day(oldest.0 + 1));
        true
    }
}

fn part_of(day: Day, fingerprint: Fingerprint) -> Part {
    (day, u8::try_from(fingerprint.0 >> 58).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn an_event_is_first_once() {
        let repeats = Repeats::default();
        let id = Fingerprint::of(b"e");
        assert_eq!(repeats.see(at("2026-01-01"), id), Seen::First);
        assert_eq!(repeats.see(at("2026-01-01T05:00:00Z"), id), Seen::Repeat);
        assert_eq!(repeats.take_fresh(), [(at("2026-01-01").day(), id)]);
        assert_eq!(repeats.take_fresh(), []);
        let resumed = Repeats::default();
        resumed.restore(at("2026-01-01").day(), &[id]);
        assert_eq!(resumed.see(at("2026-01-01"), id), Seen::Repeat);
    }

    #[test]
    fn events_seen_together_are_told_apart() {
        let repeats = Repeats::default();
        let id = |name: &str| Fingerprint::of(name.as_bytes());
        repeats.see(at("2026-01-02"), id("b"));
        let events = [
            (at("2026-01-01"), id("a")),
            (at("2026-01-02"), id("b")),
            (at("2026-01-01"), id("a")),
            (at("2026-01-01"), id("b")),
        ];
        let expected = [Seen::First, Seen::Repeat, Seen::Repeat, Seen::First];
        assert_eq!(repeats.see_all(&events), expected);
        assert_eq!(repeats.len(), 3);
        repeats.forget_before(at("2026-01-02").day());
        assert_eq!(
            repeats.see_all(&events[..2]),
            [Seen::Forgotten, Seen::Repeat]
        );
    }

    #[test]
    fn the_oldest_day_goes_first_and_is_not_counted_again() {
        let repeats = Repeats::with_limit(3);
        for (day, name) in [
            ("2026-01-01", "a"),
            ("2026-01-02", "b"),
            ("2026-01-03", "c"),
            ("2026-01-04", "d"),
        ] {
            assert_eq!(
                repeats.see(at(day), Fingerprint::of(name.as_bytes())),
                Seen::First
            );
        }
        assert_eq!(repeats.horizon(), Some(at("2026-01-02").day()));
        assert_eq!(
            repeats.see(at("2026-01-01"), Fingerprint::of(b"a")),
            Seen::Forgotten
        );
        assert_eq!(
            repeats.see(at("2026-01-02"), Fingerprint::of(b"b")),
            Seen::Repeat
        );
        assert_eq!(repeats.len(), 3);
    }
}
