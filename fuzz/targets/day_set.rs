//! Surface: the days of a row as a baseline file holds them ([`DaySet::from_bytes`]).
//!
//! Law: nothing panics; what is accepted is a set in order with as many days as it counts, and comes back equal from its own bytes,
//! which are the shortest; merged with itself it stays what it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offtrail_baseline::DaySet;
use offtrail_event::Day;

fuzz_target!(|bytes: &[u8]| {
    let Some(set) = DaySet::from_bytes(bytes) else {
        return;
    };
    let days: Vec<Day> = set.iter().collect();
    assert!(days.is_sorted_by(|a, b| a < b), "{days:?}");
    assert_eq!(set.len() as usize, days.len());
    assert_eq!(
        (set.first(), set.last()),
        (days.first().copied(), days.last().copied())
    );
    assert!(days.iter().all(|day| set.contains(*day)));

    let own = set.to_bytes();
    assert!(
        own.len() <= bytes.len() && own.last() != Some(&0),
        "{own:?}"
    );
    assert_eq!(DaySet::from_bytes(&own).as_ref(), Some(&set));

    let mut merged = set.clone();
    merged.merge(&set);
    assert_eq!(merged, set);
    assert_eq!(merged.to_bytes(), own);
});
