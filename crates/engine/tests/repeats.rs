//! Event ids over a shelf: exact whatever leaves memory and comes back, in any order and from any number of threads.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use offtrail_engine::{Fresh, Repeats, Seen, Shelf, ShelfError};
use offtrail_event::{Day, Fingerprint, Timestamp};
use proptest::prelude::*;

/// A shelf in memory, shared with the test.
#[derive(Clone)]
struct Board {
    fresh: Fresh,
    lying: Arc<Mutex<BTreeMap<Day, Vec<Fingerprint>>>>,
    fetched: Arc<AtomicUsize>,
    broken: bool,
}

impl Board {
    fn new(fresh: Fresh) -> Self {
        Self {
            fresh,
            lying: Arc::default(),
            fetched: Arc::default(),
            broken: false,
        }
    }

    fn put(&self, ids: &[(Day, Fingerprint)]) {
        let mut lying = self.lying.lock().unwrap();
        for (day, id) in ids {
            lying.entry(*day).or_default().push(*id);
        }
    }
}

impl Shelf for Board {
    fn fresh(&self) -> Fresh {
        self.fresh
    }

    fn fetch(&self, day: Day) -> Result<Vec<Fingerprint>, ShelfError> {
        self.fetched.fetch_add(1, Ordering::Relaxed);
        if self.broken {
            return Err("read the shelf: it fell down".into());
        }
        Ok(self
            .lying
            .lock()
            .unwrap()
            .get(&day)
            .cloned()
            .unwrap_or_default())
    }

    fn lay(&self, day: Day, fresh: &[Fingerprint]) -> Result<(), ShelfError> {
        self.lying
            .lock()
            .unwrap()
            .entry(day)
            .or_default()
            .extend(fresh);
        Ok(())
    }
}

fn at(day: u16) -> Timestamp {
    Day(day).start()
}

fn id(number: u32) -> Fingerprint {
    Fingerprint::of(&number.to_le_bytes())
}

proptest! {
    #[test]
    fn tells_what_a_set_tells(
        picks in prop::collection::vec((19_000..19_012u16, 0..60u32, 0..20u8), 1..400),
        in_memory in 1..80usize,
        fresh in prop::sample::select(vec![Fresh::Stay, Fresh::GoToShelf]),
        before in prop::collection::btree_set((19_000..19_012u16, 0..60u32), 0..40),
    ) {
        let board = Board::new(fresh);
        let earlier: Vec<_> = before.iter().map(|(day, number)| (Day(*day), id(*number))).collect();
        board.put(&earlier);
        let repeats = Repeats::over(Box::new(board.clone()), in_memory);
        let mut model: BTreeSet<_> = earlier.into_iter().collect();
        for (day, number, commit) in picks {
            let expected = if model.insert((Day(day), id(number))) { Seen::First } else { Seen::Repeat };
            prop_assert_eq!(repeats.see(at(day), id(number)), expected);
            if commit == 0 {
                board.put(&repeats.take_fresh());
            }
        }
        board.put(&repeats.take_fresh());
        let lying = board.lying.lock().unwrap();
        let lying: Vec<_> = lying.iter().flat_map(|(day, ids)| ids.iter().map(|id| (*day, *id))).collect();
        prop_assert_eq!(lying.len(), model.len(), "each id is handed over once");
        prop_assert_eq!(lying.into_iter().collect::<BTreeSet<_>>(), model);
        prop_assert!(repeats.take_failure().is_none());
    }
}

#[test]
fn what_is_in_memory_does_not_grow_with_what_was_seen() {
    const A_DAY: u32 = 1_000;
    const IN_MEMORY: usize = 3_000;
    let board = Board::new(Fresh::GoToShelf);
    let repeats = Repeats::over(Box::new(board.clone()), IN_MEMORY);
    for day in 0..200u16 {
        for number in 0..A_DAY {
            // Every tenth event is one of the day before.
            let of = day - u16::from(number % 10 == 0 && day > 0);
            repeats.see(at(of), id(number));
            assert!(repeats.len() <= IN_MEMORY + 1);
        }
    }
    assert!(board.fetched.load(Ordering::Relaxed) <= 210);
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "what is tested is that threads may share it"
)]
fn an_event_is_first_in_one_thread_only_while_days_come_and_go() {
    const EVENTS: u32 = 20_000;
    for fresh in [Fresh::Stay, Fresh::GoToShelf] {
        let board = Board::new(fresh);
        let repeats = Repeats::over(Box::new(board.clone()), 300);
        let firsts = AtomicUsize::new(0);
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for event in 0..EVENTS {
                        let day = 19_000 + u16::try_from(event / 37 % 40).unwrap();
                        if repeats.see(at(day), id(event)) == Seen::First {
                            firsts.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(firsts.into_inner(), EVENTS as usize);
        board.put(&repeats.take_fresh());
        let lying: usize = board.lying.lock().unwrap().values().map(Vec::len).sum();
        assert_eq!(lying, EVENTS as usize);
    }
}

#[test]
fn days_that_come_and_go_in_turn_get_more_room() {
    let board = Board::new(Fresh::GoToShelf);
    let repeats = Repeats::over(Box::new(board.clone()), 1_000);
    for round in 0..200 {
        for number in 0..5_000u32 {
            let day = 19_000 + u16::try_from(number / 250).unwrap();
            let expected = if round == 0 {
                Seen::First
            } else {
                Seen::Repeat
            };
            assert_eq!(repeats.see(at(day), id(number)), expected);
        }
    }
    let fetched = board.fetched.load(Ordering::Relaxed);
    assert!(
        fetched < 20 * 20,
        "{fetched} fetches in 200 rounds of 20 days"
    );
}

#[test]
fn a_shelf_that_fails_is_told() {
    let mut board = Board::new(Fresh::Stay);
    board.broken = true;
    let repeats = Repeats::over(Box::new(board), 10);
    assert_eq!(repeats.see(at(19_000), id(1)), Seen::Forgotten);
    assert_eq!(
        repeats.take_failure().unwrap().to_string(),
        "read the shelf: it fell down"
    );
}

#[test]
fn what_is_forgotten_on_purpose_stays_forgotten() {
    let board = Board::new(Fresh::Stay);
    let repeats = Repeats::over(Box::new(board), 10);
    assert_eq!(repeats.see(at(19_000), id(1)), Seen::First);
    assert_eq!(repeats.see(at(19_001), id(1)), Seen::First);
    repeats.forget_before(Day(19_001));
    assert_eq!(repeats.see(at(19_000), id(2)), Seen::Forgotten);
    assert_eq!(repeats.see(at(19_001), id(1)), Seen::Repeat);
    assert_eq!((repeats.len(), repeats.horizon()), (1, Some(Day(19_001))));
}
