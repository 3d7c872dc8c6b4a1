//! Messages in hand: what is still open of each, and what is to be done with it when nothing is.
//!
//! A message may tell of several objects; it is over when each piece is. All done: it is deleted. A piece failed: it stays for redelivery, or
//! becomes a dead letter. A piece was given back unread (the inbox closes, the caller dropped it): it comes again.

use std::time::{Duration, Instant, SystemTime};

use crate::inbox::desk::{Content, Desk, Part, Ready, State};
use crate::inbox::message::Notice;
use crate::inbox::status::Skipped;
use crate::item::{Fingerprint, Provenance};
use crate::reader::{OVERHEAD_BYTES, ReadError};
use crate::s3::{Outlook, Ticket};

/// A message in hand.
pub(super) struct Held {
    pub(super) feed: usize,
    pub(super) id: String,
    pub(super) handle: String,
    pub(super) body: String,
    /// How often the queue gave it out.
    pub(super) attempts: u32,
    pub(super) sent: Option<SystemTime>,
    /// When its visibility was last extended.
    pub(super) renewed: Instant,
    open: usize,
    failed: Option<String>,
    given_back: bool,
}

/// An object to fetch.
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub(super) message: u64,
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) provenance: Provenance,
    pub(super) fingerprint: Fingerprint,
    pub(super) size: u64,
    pub(super) delivered: Option<SystemTime>,
    /// The wait after the next failure.
    pub(super) wait: Duration,
}

/// How a piece of a message ended.
pub(super) enum Over {
    Done,
    Failed(String),
    GivenBack,
}

/// What is to be done with a message that is over.
pub(super) struct Order {
    pub(super) held: Held,
    pub(super) what: What,
}

/// The kinds of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// Delete it.
    Delete,
    /// Delete it: its dead letter is safe.
    DeleteDead,
    /// Make it visible after so many seconds.
    Visible(i32),
    /// Make it a dead letter, for this reason; then delete it.
    Dead(String),
}

/// What the fetching loop of a queue is to do next.
pub(super) enum Next {
    Fetch(Work, Ticket),
    /// Wait for news, or until then.
    Wait(Option<Instant>),
    Ended,
}

/// A message as received.
pub(super) struct Received {
    pub(super) id: String,
    pub(super) handle: String,
    pub(super) body: String,
    pub(super) attempts: u32,
    pub(super) sent: Option<SystemTime>,
}

/// What a message holds for us.
pub(super) enum Holds {
    Objects(Vec<Work>),
    Event(Ready),
    Unreadable(String),
}

impl Desk {
    /// Takes a message in, with what was found in it.
    pub(super) fn take_in(&self, feed: usize, received: Received, holds: Holds, skipped: Skipped) {
        let mut state = self.state();
        state.feeds[feed].told.received += 1;
        let id = (feed, received.id.clone());
        if let Some(held) = state
            .by_id
            .get(&id)
            .copied()
            .and_then(|key| state.held.get_mut(&key))
        {
            // In hand already: its visibility ran out. Only the newest handle counts.
            held.handle = received.handle;
            held.attempts = received.attempts;
            held.renewed = Instant::now();
            return;
        }
        let key = state.next_key;
        state.next_key += 1;
        let mut held = Held {
            feed,
            id: received.id,
            handle: received.handle,
            body: received.body,
            attempts: received.attempts,
            sent: received.sent,
            renewed: Instant::now(),
            open: 1,
            failed: None,
            given_back: false,
        };
        let attempt = held.attempts;
        let line = &mut state.feeds[feed];
        line.in_hand += 1;
        line.in_hand_bytes += held.body.len();
        line.told.skipped.add(skipped);
        if let Holds::Objects(works) = &holds {
            held.open = works.len();
        }
        let open = held.open > 0;
        state.by_id.insert(id, key);
        state.held.insert(key, held);
        match holds {
            Holds::Unreadable(why) => state.over(key, Over::Failed(why), &self.settings),
            _ if state.closed && open => {
                let given_back = state.held.get_mut(&key).map(|held| held.open = 1);
                debug_assert!(given_back.is_some());
                state.over(key, Over::GivenBack, &self.settings);
            }
            Holds::Event(ready) => {
                let line = &mut state.feeds[feed];
                line.told.objects += 1;
                line.told.bytes += ready.bytes() as u64;
                state.put(Ready {
                    message: Some(key),
                    attempt,
                    ..ready
                });
            }
            Holds::Objects(works) if open => {
                let works = works.into_iter().map(|work| Work {
                    message: key,
                    ..work
                });
                state.feeds[feed].waiting.extend(works);
            }
            Holds::Objects(_) => state.settle(key, &self.settings),
        }
        drop(state);
        self.stirred();
    }

    /// What the fetching loop of a queue is to do next.
    pub(super) fn next_work(&self, feed: usize) -> Next {
        let mut state = self.state();
        let state = &mut *state;
        let line = &mut state.feeds[feed];
        if state.closed {
            return Next::Ended;
        }
        let now = Instant::now();
        while let Some(due) = line.delayed.iter().position(|(then, _)| *then <= now) {
            let (_, work) = line.delayed.swap_remove(due);
            line.waiting.push_back(work);
        }
        let earliest = line.delayed.iter().map(|(then, _)| *then).min();
        let Some(work) = line.waiting.pop_front() else {
            return Next::Wait(earliest);
        };
        match state.gate.admit(work.cost()) {
            Some(ticket) => {
                line.fetching += 1;
                Next::Fetch(work, ticket)
            }
            None => {
                line.waiting.push_front(work);
                Next::Wait(earliest)
            }
        }
    }

    /// An object was fetched, or not.
    pub(super) fn fetched(&self, feed: usize, work: Work, bytes: Result<Vec<u8>, ReadError>) {
        let mut state = self.state();
        state.feeds[feed].fetching -= 1;
        state.gate.finished(bytes.is_ok());
        let outlook = match &bytes {
            Ok(_) => None,
            Err(ReadError::S3(error)) => Some(error.outlook()),
            Err(_) => Some(Outlook::Hopeless),
        };
        match (outlook, &bytes) {
            (Some(Outlook::Gone), _) => {
                state.gate.released(work.cost());
                state.feeds[feed].told.skipped.gone += 1;
                state.over(work.message, Over::Done, &self.settings);
            }
            (Some(outlook @ (Outlook::Passing | Outlook::Refused)), Err(error)) => {
                state.gate.released(work.cost());
                state.feeds[feed].fails(Part::Fetch, &error.to_string());
                match state.closed {
                    true => state.over(work.message, Over::GivenBack, &self.settings),
                    false => state.later(feed, work, outlook, self.settings.back_off_max),
                }
            }
            _ => {
                let line = &mut state.feeds[feed];
                line.goes_well(Part::Fetch);
                if let Ok(bytes) = &bytes {
                    line.told.objects += 1;
                    line.told.bytes += bytes.len() as u64;
                }
                let attempt = state
                    .held
                    .get(&work.message)
                    .map_or(1, |held| held.attempts);
                let ready = Ready {
                    feed,
                    cost: work.cost(),
                    message: Some(work.message),
                    provenance: work.provenance,
                    fingerprint: work.fingerprint,
                    content: Content::Bytes(bytes),
                    delivered: work.delivered,
                    attempt,
                };
                state.put(ready);
            }
        }
        drop(state);
        self.stirred();
    }

    /// A piece of a message, or an arrival of another feed, is over.
    pub(super) fn over(&self, feed: usize, message: Option<u64>, how: Over) {
        let mut state = self.state();
        if let Over::Failed(why) = &how
            && message.is_none()
        {
            state.feeds[feed].told.failed += 1;
            state.feeds[feed].told.last_error = Some(why.clone());
        }
        match message {
            Some(key) => state.over(key, how, &self.settings),
            None => {
                let told = &mut state.feeds[feed].told;
                told.in_flight = told.in_flight.saturating_sub(1);
            }
        }
        drop(state);
        self.stirred();
    }

    /// Stops: what is not begun is given back, and queues have ended but for what is being fetched.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        for feed in 0..state.feeds.len() {
            let line = &mut state.feeds[feed];
            line.told.ended |= line.queue;
            let waiting = std::mem::take(&mut line.waiting).into_iter();
            let delayed = std::mem::take(&mut line.delayed).into_iter();
            let works: Vec<Work> = waiting.chain(delayed.map(|(_, work)| work)).collect();
            for work in works {
                state.over(work.message, Over::GivenBack, &self.settings);
            }
        }
        drop(state);
        self.stirred();
    }

    /// Up to ten orders of one kind for one request: deletions before the rest. A dead letter comes alone.
    pub(super) fn orders(&self, feed: usize) -> Vec<Order> {
        let mut state = self.state();
        let line = &mut state.feeds[feed];
        let deletes = |order: &Order| matches!(order.what, What::Delete | What::DeleteDead);
        let mut taken = Vec::new();
        let (mut at, any) = (0, line.orders.iter().any(deletes));
        while let Some(order) = line.orders.get(at) {
            let fits = match &order.what {
                What::Delete | What::DeleteDead => true,
                What::Visible(_) => !any,
                What::Dead(_) => !any && taken.is_empty(),
            };
            if !fits {
                at += 1;
                continue;
            }
            let alone = matches!(order.what, What::Dead(_));
            taken.extend(line.orders.remove(at));
            if alone || taken.len() == super::settle::BATCH_MAX {
                break;
            }
        }
        line.ordering += taken.len();
        taken
    }

    /// An order was carried out.
    pub(super) fn carried_out(&self, order: Order) {
        if order.what == What::Delete {
            self.state().feeds[order.held.feed].told.deleted += 1;
        }
        self.dropped(order);
    }

    /// An order needs no more: the message is no longer in hand.
    pub(super) fn dropped(&self, order: Order) {
        let mut state = self.state();
        let line = &mut state.feeds[order.held.feed];
        line.ordering -= 1;
        line.in_hand -= 1;
        line.in_hand_bytes -= order.held.body.len();
        drop(state);
        self.stirred();
    }

    /// A dead letter is safe where it goes: what is left is to delete the message.
    pub(super) fn buried(&self, mut order: Order) {
        order.what = What::DeleteDead;
        self.state().feeds[order.held.feed].told.dead += 1;
        self.put_back(order);
        self.ordered.notify_waiters();
    }

    /// An order could not be carried out and comes again.
    pub(super) fn put_back(&self, order: Order) {
        let mut state = self.state();
        let line = &mut state.feeds[order.held.feed];
        line.ordering -= 1;
        line.orders.push_back(order);
    }
}

impl State {
    fn over(&mut self, key: u64, how: Over, settings: &super::InboxSettings) {
        let Some(held) = self.held.get_mut(&key) else {
            return;
        };
        held.open = held.open.saturating_sub(1);
        match how {
            Over::Done => {}
            Over::GivenBack => held.given_back = true,
            Over::Failed(why) => {
                let line = &mut self.feeds[held.feed];
                line.told.failed += 1;
                line.told.last_error = Some(why.clone());
                held.failed.get_or_insert(why);
            }
        }
        if held.open == 0 {
            self.settle(key, settings);
        }
    }

    /// Decides what becomes of a message of which nothing is open.
    fn settle(&mut self, key: u64, settings: &super::InboxSettings) {
        let Some(mut held) = self.held.remove(&key) else {
            return;
        };
        self.by_id.remove(&(held.feed, held.id.clone()));
        let retry = match self.closed {
            true => 0,
            false => super::queue::whole_secs(settings.retry_wait),
        };
        let dead = held.attempts >= settings.attempts_max && settings.dead_letter.is_some();
        let what = match held.failed.take() {
            Some(why) if dead => What::Dead(why),
            Some(_) => What::Visible(retry),
            None if held.given_back => What::Visible(retry),
            None => What::Delete,
        };
        let feed = held.feed;
        self.feeds[feed].orders.push_back(Order { held, what });
    }

    /// An object is to be asked for again after a while; longer each time, and long at once where somebody has to act first.
    fn later(&mut self, feed: usize, mut work: Work, outlook: Outlook, wait_max: Duration) {
        let wait = match outlook {
            Outlook::Refused => wait_max,
            _ => work.wait.min(wait_max),
        };
        work.wait = work.wait.saturating_mul(2).min(wait_max);
        self.feeds[feed].delayed.push((Instant::now() + wait, work));
    }
}

impl Work {
    fn cost(&self) -> u64 {
        self.size.saturating_add(OVERHEAD_BYTES)
    }
}

impl Ready {
    fn bytes(&self) -> usize {
        match &self.content {
            Content::Bytes(Ok(bytes)) => bytes.len(),
            _ => 0,
        }
    }
}

impl Holds {
    /// What a message's body holds, and what of it is passed over.
    pub(super) fn of(
        desk: &Desk,
        feed: usize,
        queue: &std::sync::Arc<str>,
        received: &Received,
    ) -> (Self, Skipped) {
        let event = |text: String, time| Ready {
            feed,
            provenance: Provenance::Message {
                queue: std::sync::Arc::clone(queue),
                id: received.id.clone().into_boxed_str(),
            },
            fingerprint: Fingerprint::Unknown,
            content: Content::Bytes(Ok(text.into_bytes())),
            delivered: time,
            attempt: 1,
            message: None,
            cost: 0,
        };
        match Notice::read(&received.body) {
            Err(why) => (Self::Unreadable(why.to_string()), Skipped::default()),
            Ok(Notice::Event { text, time }) => {
                (Self::Event(event(text, time)), Skipped::default())
            }
            Ok(Notice::Objects {
                objects,
                mut skipped,
            }) => {
                let works = objects
                    .into_iter()
                    .filter_map(|object| super::work::of(desk, object, &mut skipped))
                    .collect();
                (Self::Objects(works), skipped)
            }
        }
    }
}
