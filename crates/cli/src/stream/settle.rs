//! How long an observation waits for earlier ones, by the clock of this machine: nothing here looks at the time of day.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use offtrail_event::{Observation, Timestamp};

/// Tells up to which event time the waiting room may be emptied.
#[derive(Debug)]
pub(crate) struct Settle {
    wait: Duration,
    /// When something arrived, and the moment after its latest event.
    arrived: VecDeque<(Instant, Timestamp)>,
    /// Up to when it was emptied so far.
    until: Option<Timestamp>,
}

impl Settle {
    /// What arrives waits for `wait`.
    pub(crate) fn new(wait: Duration) -> Self {
        Self {
            wait,
            arrived: VecDeque::new(),
            until: None,
        }
    }

    /// Notes what arrived at `now`.
    pub(crate) fn arrived<'o>(
        &mut self,
        now: Instant,
        observations: impl Iterator<Item = &'o Observation>,
    ) {
        let latest = observations.map(|observation| observation.time).max();
        if let Some(latest) = latest {
            self.arrived.push_back((now, latest.plus_secs(1)));
        }
    }

    /// Up to when the room may be emptied at `now`; `None` if nothing has waited long enough. What comes late for a room already emptied
    /// needs no waiting: the same moment is given again as soon as it arrived.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Timestamp> {
        let mut due = None;
        while let Some((at, latest)) = self.arrived.front().copied() {
            let late = self.until.is_some_and(|until| latest <= until);
            if !late && now.saturating_duration_since(at) < self.wait {
                break;
            }
            self.arrived.pop_front();
            due = due.max(Some(latest));
        }
        self.until = self.until.max(due);
        due.and(self.until)
    }

    /// Up to when it has to be emptied for nothing to be left.
    pub(crate) fn all(&mut self) -> Option<Timestamp> {
        let last = self.arrived.drain(..).map(|(_, latest)| latest).max();
        self.until = self.until.max(last);
        last.and(self.until)
    }

    /// How long until something is due.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Duration> {
        let (at, _) = self.arrived.front()?;
        Some((*at + self.wait).saturating_duration_since(now))
    }
}
