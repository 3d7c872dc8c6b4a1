//! How long to wait before the next attempt: exponential, capped, with half of it left to chance.
//!
//! "Equal jitter" of "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015): receivers that come back are not met by everybody at
//! the same moment, and nobody tries again at once.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The wait after the `failures`-th failure in a row (from 1): between half and all of `first · 2^(failures-1)`, or of `max`.
pub(crate) fn wait(failures: u32, first: Duration, max: Duration, chance: u64) -> Duration {
    let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
    let whole = first.saturating_mul(doubled).min(max);
    let half = whole / 2;
    let share = (chance >> 40) as f64 / f64::from(1u32 << 24);
    half + (whole - half).mul_f64(share)
}

/// A number that nobody can foresee; each hash state of the standard library is seeded anew.
pub(crate) fn chance() -> u64 {
    RandomState::new().hash_one(0u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(200);
    const MAX: Duration = Duration::from_secs(60);

    #[test]
    fn waits_double_up_to_the_cap() {
        for (failures, at_least, at_most) in [
            (1, 100, 200),
            (2, 200, 400),
            (5, 1_600, 3_200),
            (9, 25_600, 51_200),
            (10, 30_000, 60_000),
            (u32::MAX, 30_000, 60_000),
        ] {
            let shortest = wait(failures, FIRST, MAX, 0);
            let longest = wait(failures, FIRST, MAX, u64::MAX);
            assert_eq!(shortest, Duration::from_millis(at_least), "{failures}");
            assert!(longest <= Duration::from_millis(at_most), "{failures}");
            assert!(longest > Duration::from_millis(at_most - 1), "{failures}");
        }
    }

    #[test]
    fn chance_differs_from_time_to_time() {
        assert_ne!(chance(), chance());
    }
}
