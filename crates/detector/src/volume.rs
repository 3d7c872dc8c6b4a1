//! Volume: a known call in odd bulk.
//!
//! A principal's calls of one kind a day are taken as geometric around their mean over the days it made any (a Poisson count whose rate itself
//! varies like an exponential: the heaviest-tailed member of the negative binomial family that stays unimodal at zero). The tail
//! `P(n or more)` in bits is what a bulk is worth, times a weight, up to a cap. Mean and days come from the profile's row without today, so
//! that a bulk doesn't excuse itself.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use offtrail_baseline::{CallRow, DaySet};
use offtrail_event::{CallId, Day, Observation, PrincipalId, Timestamp};
use statrs::distribution::{DiscreteCDF, NegativeBinomial};

/// Calls made today, by principal and call.
#[derive(Clone, Debug, Default)]
pub(crate) struct DayCounts {
    pub(crate) counts: HashMap<(PrincipalId, CallId), (Day, u32), FixedState>,
}

impl DayCounts {
    /// Counts one.
    pub(crate) fn add(&mut self, observation: &Observation) {
        let day = observation.time.day();
        let count = self
            .counts
            .entry((observation.principal, observation.call))
            .or_insert((day, 0));
        if count.0 == day {
            count.1 += 1;
        } else if count.0 < day {
            *count = (day, 1);
        }
    }

    /// Calls of that kind by that principal on that day so far.
    pub(crate) fn today(&self, principal: PrincipalId, call: CallId, day: Day) -> u32 {
        self.counts
            .get(&(principal, call))
            .filter(|(then, _)| *then == day)
            .map_or(0, |(_, count)| *count)
    }

    /// Forgets days before `now`'s.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        self.counts.retain(|_, (day, _)| *day >= now.day());
    }
}

/// Whether the `n`th call of a day is one at which bulk is weighed: a fourth more than at the last such step.
pub(crate) fn is_step(n: u32, from: u32) -> bool {
    let mut step = f64::from(from);
    while step.ceil() < f64::from(n) {
        step *= 1.25;
    }
    (step.ceil() - f64::from(n)).abs() < 0.5
}

/// Mean a day over earlier days with the call, one imagined day of one call added.
pub(crate) fn usual((row, days): (&CallRow, &DaySet), today: u32, day: Day) -> f64 {
    let days = days.len() - u32::from(days.contains(day));
    f64::from(row.count().saturating_sub(today) + 1) / f64::from(days + 1)
}

/// `-log2 P(at least n a day)` around a usual mean, bits, ≥ 0, at most 1,000.
pub(crate) fn tail_bits(n: u32, usual: f64) -> f64 {
    if n == 0 {
        return 0.0;
    }
    let success = 1.0 / (1.0 + usual);
    let tail = NegativeBinomial::new(1.0, success).map_or(1.0, |days| days.sf(u64::from(n - 1)));
    if tail > 0.0 {
        (-tail.log2()).clamp(0.0, 1000.0)
    } else {
        1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bulk_is_worth_what_its_tail_says() {
        // Geometric: P(X ≥ n) = (λ / (1 + λ))^n.
        assert!((tail_bits(20, 4.0) - 20.0 * 1.25_f64.log2()).abs() < 1e-6);
        assert!(tail_bits(0, 4.0).abs() < 1e-9);
        assert!(tail_bits(100_000, 1.0) <= 1000.0);
    }

    #[test]
    fn steps_grow_by_a_fourth() {
        let steps: Vec<u32> = (1..100).filter(|n| is_step(*n, 20)).collect();
        assert_eq!(steps, [20, 25, 32, 40, 49, 62, 77, 96]);
    }
}
