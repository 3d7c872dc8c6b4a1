//! How many objects may be under way: bounded by count and by bytes, and lowered while S3 asks to slow down.
//!
//! The count follows additive increase, multiplicative decrease (Chiu and Jain 1989): halved when an answer says "slow down" or none comes in time, raised by
//! [`STEP`] over as many good answers as are allowed at once, as long as so many are wanted. Answers to requests admitted before the last halving don't halve it again: they
//! tell of the same crowd. No clock is needed.

/// How many more are allowed at once after a round of good answers.
const STEP: usize = 8;

/// The proof of admission; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// The gate's state.
#[derive(Debug)]
pub(crate) struct Gate {
    allowed: usize,
    allowed_max: usize,
    bytes_max: u64,
    running: usize,
    bytes: u64,
    good: usize,
    admitted: u64,
    halved_at: u64,
}

impl Gate {
    /// At most `allowed.1` requests, `allowed.0` of them (at least one) to begin with, and `bytes_max` bytes.
    pub(crate) fn new(allowed: (usize, usize), bytes_max: u64) -> Self {
        let (allowed, allowed_max) = (allowed.0.max(1), allowed.1.max(allowed.0).max(1));
        Self {
            allowed,
            allowed_max,
            bytes_max,
            running: 0,
            bytes: 0,
            good: 0,
            admitted: 0,
            halved_at: 0,
        }
    }

    /// How many requests may run at once.
    pub(crate) fn allowed(&self) -> usize {
        self.allowed
    }

    /// Admits a request for `bytes`, or not yet. One that is larger than the whole budget is admitted when nothing else is held.
    pub(crate) fn admit(&mut self, bytes: u64) -> Option<Ticket> {
        let full = self.bytes > 0 && self.bytes.saturating_add(bytes) > self.bytes_max;
        if self.running >= self.allowed || full {
            return None;
        }
        self.running += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.admitted += 1;
        Some(Ticket(self.admitted))
    }

    /// S3 asked the request of this ticket to slow down, or did not answer in time.
    pub(crate) fn throttled(&mut self, ticket: Ticket) {
        if ticket.0 > self.halved_at {
            self.allowed = (self.allowed / 2).max(1);
            self.halved_at = self.admitted;
            self.good = 0;
        }
    }

    /// A request ended, well or not; its bytes stay held until released.
    pub(crate) fn finished(&mut self, well: bool) {
        // Where fewer run than may, good answers don't tell that more would be answered as well.
        let wanted = self.running >= self.allowed;
        self.running -= 1;
        self.good += usize::from(well && wanted) * STEP;
        if self.good >= self.allowed && self.allowed < self.allowed_max {
            self.good -= self.allowed;
            self.allowed += 1;
        }
    }

    /// An object's bytes were handed out.
    pub(crate) fn released(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fill(gate: &mut Gate) -> Vec<Ticket> {
        std::iter::from_fn(|| gate.admit(1)).collect()
    }

    #[test]
    fn count_and_bytes_are_bounded() {
        assert_eq!(fill(&mut Gate::new((3, 3), 100)).len(), 3);
        assert_eq!(fill(&mut Gate::new((0, 0), 100)).len(), 1);
        let mut gate = Gate::new((9, 9), 10);
        assert!(gate.admit(6).is_some() && gate.admit(4).is_some() && gate.admit(1).is_none());
        gate.released(4);
        assert!(gate.admit(4).is_some());
    }

    #[test]
    fn an_object_larger_than_the_budget_goes_alone() {
        let mut gate = Gate::new((9, 9), 10);
        assert!(gate.admit(1).is_some() && gate.admit(1_000).is_none());
        gate.released(1);
        assert!(gate.admit(1_000).is_some() && gate.admit(1).is_none());
        gate.released(1_000);
        assert!(gate.admit(1).is_some());
    }

    #[test]
    fn one_crowd_halves_once_and_good_answers_bring_it_back() {
        let mut gate = Gate::new((8, 8), 1_000);
        let tickets = fill(&mut gate);
        tickets.iter().for_each(|ticket| gate.throttled(*ticket));
        assert_eq!(gate.allowed, 4);
        tickets.iter().for_each(|_| gate.finished(false));
        let later = fill(&mut gate);
        assert_eq!(later.len(), 4);
        gate.throttled(later[0]);
        assert_eq!(gate.allowed, 2);
        later.iter().for_each(|_| gate.finished(false));
        answer_well(&mut gate, 20);
        assert_eq!(gate.allowed, 8);
    }

    /// So many good answers while all that may be asked is asked.
    fn answer_well(gate: &mut Gate, answers: usize) {
        for _ in 0..answers {
            fill(gate);
            gate.finished(true);
        }
    }

    #[test]
    fn good_answers_raise_the_count_as_long_as_it_is_used() {
        let mut gate = Gate::new((64, 512), 1 << 40);
        for _ in 0..10_000 {
            gate.admit(1).unwrap();
            gate.finished(true);
        }
        assert_eq!(gate.allowed, 64, "one at a time proves nothing");
        answer_well(&mut gate, 64);
        assert_eq!(gate.allowed, 64 + STEP - 1);
        answer_well(&mut gate, 20_000);
        assert_eq!(gate.allowed, 512);
        let last = gate.admitted;
        gate.throttled(Ticket(last));
        assert_eq!(gate.allowed, 256);
    }

    #[test]
    fn one_request_is_always_allowed() {
        let mut gate = Gate::new((1, 1), 10);
        for _ in 0..5 {
            let ticket = gate.admit(1).unwrap();
            gate.throttled(ticket);
            gate.finished(false);
        }
        assert_eq!(fill(&mut gate).len(), 1);
    }
}
