//! [`Repeats`]: which events have been seen, so that none counts twice, whatever file it comes in.
//!
//! CloudTrail delivers some events twice (a fifth of the records, in an account with two trails on one bucket), and people copy files. A
//! repeat has the event time of its original, so ids are remembered per UTC day of event time, eight bytes each plus the set's slack
//! (at most 18 bytes). Beyond the limit whole days go, oldest first; what is then repeated from a forgotten day is told apart
//! as [`Seen::Forgotten`] and not counted again.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
};

use foldhash::fast::FixedState;
use hashbrown::HashSet;
use offtrail_event::{Day, Fingerprint, Timestamp};

/// Events remembered by default: about 900 MiB at most.
pub const REPEATS_MAX: usize = 50_000_000;

const SHARDS: usize = 64;

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

/// Fingerprints by day.
type Days = BTreeMap<Day, HashSet<u64, FixedState>>;

#[derive(Debug, Default)]
struct Shard {
    days: Days,
    /// First seen since the last [`Repeats::take_fresh`].
    fresh: Vec<(Day, Fingerprint)>,
}

/// Which events have been seen. Safe to share between threads.
#[derive(Debug)]
pub struct Repeats {
    shards: Vec<Mutex<Shard>>,
    held: AtomicUsize,
    limit: usize,
    /// Days below this were forgotten.
    horizon: AtomicU32,
}

impl Default for Repeats {
    fn default() -> Self {
        Self::with_limit(REPEATS_MAX)
    }
}

impl Repeats {
    /// Remembers at most about `limit` events.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        let shards = std::iter::repeat_with(Mutex::default)
            .take(SHARDS)
            .collect();
        Self {
            shards,
            held: AtomicUsize::new(0),
            limit,
            horizon: AtomicU32::new(0),
        }
    }

    fn shard(&self, fingerprint: Fingerprint) -> &Mutex<Shard> {
        // The upper bits choose the shard, the sets use the lower ones.
        let index = usize::try_from(fingerprint.0 >> 58).unwrap_or(0);
        &self.shards[index]
    }

    /// Remembers an event; says whether it was remembered before.
    pub fn see(&self, time: Timestamp, fingerprint: Fingerprint) -> Seen {
        let day = time.day();
        if u32::from(day.0) < self.horizon.load(Ordering::Relaxed) {
            return Seen::Forgotten;
        }
        let mut shard = self
            .shard(fingerprint)
            .lock()
            .expect("no holder of the lock can panic");
        if !shard.days.entry(day).or_default().insert(fingerprint.0) {
            return Seen::Repeat;
        }
        shard.fresh.push((day, fingerprint));
        drop(shard);
        if self.held.fetch_add(1, Ordering::Relaxed) >= self.limit {
            self.forget_a_day();
        }
        Seen::First
    }

    /// Puts back what an earlier run remembered.
    pub fn restore(&self, day: Day, fingerprints: &[Fingerprint]) {
        for fingerprint in fingerprints {
            let mut shard = self
                .shard(*fingerprint)
                .lock()
                .expect("no holder of the lock can panic");
            if shard.days.entry(day).or_default().insert(fingerprint.0) {
                self.held.fetch_add(1, Ordering::Relaxed);
            }
        }
        while self.held.load(Ordering::Relaxed) > self.limit && self.forget_a_day() {}
    }

    /// What was seen for the first time since the last call, sorted.
    pub fn take_fresh(&self) -> Vec<(Day, Fingerprint)> {
        let mut fresh = Vec::new();
        for shard in &self.shards {
            fresh.append(&mut shard.lock().expect("no holder of the lock can panic").fresh);
        }
        fresh.sort_unstable();
        fresh
    }

    /// The first day still remembered, if any had to be forgotten.
    #[must_use]
    pub fn horizon(&self) -> Option<Day> {
        let horizon = self.horizon.load(Ordering::Relaxed);
        u16::try_from(horizon).ok().filter(|day| *day > 0).map(Day)
    }

    /// Events remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the oldest day, unless only one is left. Whether one went.
    fn forget_a_day(&self) -> bool {
        let days = |pick: fn(&Days) -> Option<Day>| {
            self.shards
                .iter()
                .filter_map(|shard| {
                    pick(&shard.lock().expect("no holder of the lock can panic").days)
                })
                .collect::<Vec<_>>()
        };
        let oldest = days(|days| days.first_key_value().map(|(day, _)| *day))
            .into_iter()
            .min();
        let newest = days(|days| days.last_key_value().map(|(day, _)| *day))
            .into_iter()
            .max();
        let (Some(oldest), Some(newest)) = (oldest, newest) else {
            return false;
        };
        if oldest == newest {
            return false;
        }
        self.horizon
            .fetch_max(u32::from(oldest.0) + 1, Ordering::Relaxed);
        for shard in &self.shards {
            let mut shard = shard.lock().expect("no holder of the lock can panic");
            if let Some(set) = shard.days.remove(&oldest) {
                self.held.fetch_sub(set.len(), Ordering::Relaxed);
            }
        }
        true
    }
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
