//! What a sink's caller and its thread share: the states that wait, and how far things are.
//!
//! One mutex, one condition variable. States that the thread has in hand still count as waiting, and so do refused ones that nobody has
//! collected: the sink holds no more than its limits, whatever goes wrong outside.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::outlet::{Answer, Shape};
use crate::settings::Settings;
use crate::sink::Status;
use crate::told::Told;

/// The queue of one sink.
#[derive(Debug)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    changed: Condvar,
    states_max: usize,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Told>,
    in_hand: usize,
    /// Of states waiting and in hand.
    bytes: usize,
    offered: Option<i64>,
    taken: Option<i64>,
    refused: Vec<(i64, String)>,
    counts: Counts,
    failing_since: Option<Instant>,
    last_error: Option<String>,
    /// Set once: until when the thread may finish what it can.
    stop_at: Option<Instant>,
    /// Whether a wait has been cut short for it: once is enough.
    hurried: bool,
    ended: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    delivered: u64,
    retries: u64,
    refused: u64,
}

/// States in the thread's hand, in order; those that are done stay until the ones before them are.
#[derive(Debug)]
pub(crate) struct Wave {
    states: Vec<(Told, bool)>,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pause {
    /// It is over.
    Elapsed,
    /// The sink was told to stop since the last wait: try once more now.
    Hurry,
    /// The time to finish is up.
    Over,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Whether everything up to a later state is done now.
    pub(crate) moved: bool,
    /// What is open still, with the longest wait that a receiver asked for.
    pub(crate) open: Option<Duration>,
}

impl Wave {
    /// The states that are not done.
    pub(crate) fn open(&self) -> Vec<&Told> {
        let open = self.states.iter().filter(|(_, done)| !done);
        open.map(|(told, _)| told).collect()
    }
}

impl Queue {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            inner: Mutex::default(),
            changed: Condvar::new(),
            states_max: settings.queue_max.max(1),
            bytes_max: settings.queue_bytes_max,
        }
    }

    /// A panic elsewhere leaves these values whole: each change is one assignment or one push.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn room(&self) -> usize {
        self.room_in(&self.lock())
    }

    fn room_in(&self, inner: &Inner) -> usize {
        if inner.ended || inner.stop_at.is_some() {
            return 0;
        }
        let held = inner.waiting.len() + inner.in_hand;
        if inner.bytes >= self.bytes_max && held > 0 {
            return 0;
        }
        self.states_max.saturating_sub(held + inner.refused.len())
    }

    #[expect(
        clippy::result_large_err,
        reason = "the state itself comes back; it is moved once a finding"
    )]
    pub(crate) fn offer(&self, told: Told) -> Result<(), Told> {
        let mut inner = self.lock();
        if self.room_in(&inner) == 0 {
            return Err(told);
        }
        debug_assert!(inner.offered < Some(told.seq), "seqs rise");
        debug_assert!(!told.line.contains('\n'), "a line is one line");
        inner.offered = Some(told.seq);
        inner.bytes += told.bytes();
        inner.waiting.push_back(told);
        drop(inner);
        self.changed.notify_all();
        Ok(())
    }

    pub(crate) fn taken(&self) -> Option<i64> {
        self.lock().taken
    }

    pub(crate) fn take_refused(&self) -> Vec<(i64, String)> {
        std::mem::take(&mut self.lock().refused)
    }

    pub(crate) fn status(&self) -> Status {
        let inner = self.lock();
        Status {
            delivered: inner.counts.delivered,
            retries: inner.counts.retries,
            refused: inner.counts.refused,
            waiting: inner.waiting.len() + inner.in_hand,
            failing_since: inner.failing_since,
            last_error: inner.last_error.clone(),
            ended: inner.ended,
        }
    }

    /// The next states to deliver, waited for; `None` when the sink is to stop and nothing is left, or its time is up.
    pub(crate) fn next(&self, shape: Shape) -> Option<Wave> {
        let mut inner = self.lock();
        loop {
            if inner
                .stop_at
                .is_some_and(|at| inner.waiting.is_empty() || Instant::now() >= at)
            {
                return None;
            }
            if !inner.waiting.is_empty() {
                break;
            }
            inner = self
                .changed
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let mut states: Vec<(Told, bool)> = Vec::new();
        while states.len() < shape.states_max.max(1) {
            let again = |told: &Told| states.iter().any(|(other, _)| other.id == told.id);
            let Some(told) = inner.waiting.front() else {
                break;
            };
            if shape.one_per_finding && again(told) {
                break;
            }
            let told = inner.waiting.pop_front().expect("there is a front");
            states.push((told, false));
        }
        inner.in_hand = states.len();
        Some(Wave { states })
    }

    /// Writes down what a receiver answered to the open states of a wave, in their order.
    pub(crate) fn settle(&self, wave: &mut Wave, answers: Vec<Answer>) -> Settled {
        let mut inner = self.lock();
        let mut open = None;
        let states = wave.states.iter_mut().filter(|(_, done)| !done);
        for ((told, done), answer) in states.zip(answers) {
            match answer {
                Answer::Taken => inner.counts.delivered += 1,
                Answer::Refused(why) => {
                    inner.counts.refused += 1;
                    inner.refused.push((told.seq, why));
                }
                Answer::Later { why, after } => {
                    inner.counts.retries += 1;
                    inner.last_error = Some(why);
                    open = open.max(Some(after.unwrap_or_default()));
                    continue;
                }
            }
            *done = true;
        }
        match open {
            None => inner.failing_since = None,
            Some(_) => {
                inner.failing_since.get_or_insert_with(Instant::now);
            }
        }
        let settled = wave.states.iter().take_while(|(_, done)| *done).count();
        let last = wave.states.drain(..settled).fold(None, |_, (told, _)| {
            inner.bytes -= told.bytes();
            Some(told.seq)
        });
        inner.in_hand -= settled;
        inner.taken = last.or(inner.taken);
        Settled {
            moved: last.is_some(),
            open: open.filter(|_| !wave.states.is_empty()),
        }
    }

    /// Waits before the next attempt; a stop ends the wait.
    pub(crate) fn pause(&self, wait: Duration) -> Pause {
        let until = Instant::now() + wait;
        let mut inner = self.lock();
        loop {
            let now = Instant::now();
            match inner.stop_at {
                Some(at) if now >= at => return Pause::Over,
                Some(_) if !inner.hurried => {
                    inner.hurried = true;
                    return Pause::Hurry;
                }
                _ if now >= until => return Pause::Elapsed,
                _ => {}
            }
            let wake_at = inner.stop_at.map_or(until, |at| at.min(until));
            inner = self
                .changed
                .wait_timeout(inner, wake_at - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Tells the thread to finish by then. The first word counts.
    pub(crate) fn stop(&self, by: Instant) {
        self.lock().stop_at.get_or_insert(by);
        self.changed.notify_all();
    }

    /// Says that the thread is gone, and why if that was not to be.
    pub(crate) fn end(&self, why: Option<&str>) {
        let mut inner = self.lock();
        inner.ended = true;
        if let Some(why) = why {
            inner.last_error = Some(why.to_owned());
            inner.failing_since.get_or_insert_with(Instant::now);
        }
        drop(inner);
        self.changed.notify_all();
    }

    /// Waits for the thread's end, until then at most.
    pub(crate) fn wait_for_end(&self, by: Instant) {
        let mut inner = self.lock();
        while !inner.ended {
            let Some(left) = by.checked_duration_since(Instant::now()) else {
                return;
            };
            if left.is_zero() {
                return;
            }
            inner = self
                .changed
                .wait_timeout(inner, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}
