//! [`Repeats`]: which events have been seen, so that none counts twice, whatever file it comes in.
//!
//! CloudTrail delivers some events twice (a fifth of the records, in an account with two trails on one bucket), and people copy files. A
//! repeat has the event time of its original, so ids are remembered per UTC day of event time, eight bytes each plus the set's slack
//! (at most 18 bytes). Beyond the limit whole days go, oldest first; what is then repeated from a forgotten day is told apart
//! as [`Seen::Forgotten`] and not counted again.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use dashmap::DashMap;
use foldhash::fast::FixedState;
use hashbrown::HashSet;
use offtrail_event::{Day, Fingerprint, Timestamp};

/// Events remembered by default: about 900 MiB at most.
pub const REPEATS_MAX: usize = 50_000_000;

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

/// A sixty-fourth of a day's events: the upper bits of the fingerprint choose it, the set uses the lower ones.
type Part = (Day, u8);

#[derive(Debug, Default)]
struct Events {
    seen: HashSet<u64, FixedState>,
    /// First seen since the last [`Repeats::take_fresh`].
    fresh: Vec<Fingerprint>,
}

/// Which events have been seen. Safe to share between threads.
#[derive(Debug)]
pub struct Repeats {
    parts: DashMap<Part, Events, FixedState>,
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
        Self {
            parts: DashMap::with_hasher(FixedState::default()),
            held: AtomicUsize::new(0),
            limit,
            horizon: AtomicU32::new(0),
        }
    }

    /// Remembers an event; says whether it was remembered before.
    pub fn see(&self, time: Timestamp, fingerprint: Fingerprint) -> Seen {
        let day = time.day();
        if u32::from(day.0) < self.horizon.load(Ordering::Relaxed) {
            return Seen::Forgotten;
        }
        {
            let mut events = self.parts.entry(part_of(day, fingerprint)).or_default();
            if !events.seen.insert(fingerprint.0) {
                return Seen::Repeat;
            }
            events.fresh.push(fingerprint);
        }
        if self.held.fetch_add(1, Ordering::Relaxed) >= self.limit {
            self.forget_a_day();
        }
        Seen::First
    }

    /// Puts back what an earlier run remembered.
    pub fn restore(&self, day: Day, fingerprints: &[Fingerprint]) {
        for fingerprint in fingerprints {
            let mut events = self.parts.entry(part_of(day, *fingerprint)).or_default();
            if events.seen.insert(fingerprint.0) {
                self.held.fetch_add(1, Ordering::Relaxed);
            }
        }
        while self.held.load(Ordering::Relaxed) > self.limit && self.forget_a_day() {}
    }

    /// What was seen for the first time since the last call, sorted.
    pub fn take_fresh(&self) -> Vec<(Day, Fingerprint)> {
        let mut fresh = Vec::new();
        for mut part in self.parts.iter_mut() {
            let (day, _) = *part.key();
            fresh.extend(part.fresh.drain(..).map(|fingerprint| (day, fingerprint)));
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
        let days = || self.parts.iter().map(|part| part.key().0);
        let (Some(oldest), Some(newest)) = (days().min(), days().max()) else {
            return false;
        };
        if oldest == newest {
            return false;
        }
        self.horizon
            .fetch_max(u32::from(oldest.0) + 1, Ordering::Relaxed);
        self.parts.retain(|(day, _), events| {
            if *day > oldest {
                return true;
            }
            self.held.fetch_sub(events.seen.len(), Ordering::Relaxed);
            false
        });
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
