//! [`Decayed`]: a sum whose terms lose half their weight every half-life.

use offtrail_event::{SECONDS_PER_DAY, Timestamp};

/// A decaying sum. Exact for additions in order of time; an addition that comes late is weighed as if it had come in time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Decayed {
    pub(crate) sum: f64,
    pub(crate) at: Option<Timestamp>,
}

impl Decayed {
    /// The sum at a moment; a moment before the last addition gives the sum at that addition.
    pub(crate) fn at(&self, now: Timestamp, half_life_days: f64) -> f64 {
        self.at
            .map_or(0.0, |then| self.sum * weight(now, then, half_life_days))
            .max(0.0)
    }

    /// Adds a term that came at `time`.
    pub(crate) fn add(&mut self, term: f64, time: Timestamp, half_life_days: f64) {
        match self.at {
            Some(then) if then > time => self.sum += term * weight(then, time, half_life_days),
            Some(then) => {
                self.sum = self.sum * weight(time, then, half_life_days) + term;
                self.at = Some(time);
            }
            None => {
                *self = Self {
                    sum: term,
                    at: Some(time),
                }
            }
        }
    }
}

fn weight(now: Timestamp, then: Timestamp, half_life_days: f64) -> f64 {
    let days = now.secs_since(then).max(0) as f64 / SECONDS_PER_DAY as f64;
    (-days / half_life_days).exp2()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_term_halves_every_half_life() {
        let start = Timestamp::parse("2026-01-01").unwrap();
        let later = start.plus_secs(45 * SECONDS_PER_DAY);
        let mut sum = Decayed::default();
        sum.add(1.0, start, 45.0);
        sum.add(1.0, later, 45.0);
        assert!((sum.at(later, 45.0) - 1.5).abs() < 1e-12);
        let mut turned = Decayed::default();
        turned.add(1.0, later, 45.0);
        turned.add(1.0, start, 45.0);
        assert!((turned.at(later, 45.0) - 1.5).abs() < 1e-12);
        assert!(Decayed::default().at(later, 45.0).abs() < 1e-12);
    }
}
