//! How much is parsed ahead of the loop: bounded by observations, because one delivery may hold a handful or half a million.

use std::sync::{Condvar, Mutex, PoisonError};

/// Observations parsed ahead of the loop, at most, some 150 bytes each; a delivery with more goes alone.
pub(crate) const READ_AHEAD_OBSERVATIONS_MAX: usize = 400_000;

/// The bound, shared by those who parse and the loop.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: usize,
    over: bool,
}

impl Ahead {
    /// Waits until so many more may lie ahead of the loop, or the loop is gone.
    pub(crate) fn enter(&self, observations: usize) {
        let full = |state: &mut State| {
            let sum = state.held.saturating_add(observations);
            !state.over && state.held > 0 && sum > READ_AHEAD_OBSERVATIONS_MAX
        };
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self
            .moved
            .wait_while(state, full)
            .unwrap_or_else(PoisonError::into_inner);
        state.held = state.held.saturating_add(observations);
    }

    /// The loop took so many.
    pub(crate) fn leave(&self, observations: usize) {
        self.change(|state| state.held = state.held.saturating_sub(observations));
    }

    /// The loop is gone: nobody waits for it.
    pub(crate) fn end(&self) {
        self.change(|state| state.over = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{sync::mpsc::channel, thread, time::Duration};

    use super::*;

    /// Whether `enter` returns at once; what waits is let go in the end.
    fn waits(ahead: &Ahead, observations: usize) -> bool {
        thread::scope(|scope| {
            let (to, from) = channel();
            scope.spawn(move || {
                ahead.enter(observations);
                let _ = to.send(());
            });
            let waited = from.recv_timeout(Duration::from_millis(100)).is_err();
            ahead.end();
            waited
        })
    }

    #[test]
    fn a_delivery_waits_for_room_unless_it_is_alone() {
        let ahead = Ahead::default();
        ahead.enter(READ_AHEAD_OBSERVATIONS_MAX + 1);
        ahead.leave(READ_AHEAD_OBSERVATIONS_MAX + 1);
        ahead.enter(READ_AHEAD_OBSERVATIONS_MAX - 1);
        ahead.enter(1);
        assert!(waits(&ahead, 1));
    }

    #[test]
    fn room_that_is_made_is_used() {
        let ahead = Ahead::default();
        ahead.enter(READ_AHEAD_OBSERVATIONS_MAX);
        ahead.leave(5);
        ahead.enter(5);
        assert!(waits(&ahead, 1));
    }
}
