//! The threads between the inbox and the loop: each takes what arrived, parses it and hands over what came of it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::SyncSender,
    },
    time::Duration,
};

use foldhash::HashMap;
use offtrail_event::{Observation, TextId, Vocabulary};
use offtrail_parser::{Parser, WithDetail};
use offtrail_sources::{Arrival, Delivery, Inbox, Item, Next, Receipt};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    pipeline::{
        naming::{Naming, named_observer},
        tally::{FileOutcome, observe},
    },
    stream::{ahead::Ahead, options::Shard},
};

/// How long a worker waits for something to arrive before it looks whether it is still needed.
const WAIT: Duration = Duration::from_secs(1);

/// What came of one arrival.
pub(crate) struct Read {
    pub(crate) observations: Vec<Observation>,
    pub(crate) outcome: FileOutcome,
    /// Observations of accounts that another instance takes.
    pub(crate) elsewhere: u64,
    /// Where it came from and what tells that it changed; empty where it can't be asked for again.
    pub(crate) file: (String, String),
    /// To be given back once its effect is durable; `None` where it could not be read, which the inbox knows.
    pub(crate) receipt: Option<Receipt>,
}

/// What workers share.
pub(crate) struct Work<'w> {
    pub(crate) inbox: Option<&'w Inbox>,
    pub(crate) words: &'w Vocabulary,
    pub(crate) naming: Option<&'w Naming>,
    pub(crate) shard: Option<Shard>,
    /// Set when the loop is gone.
    pub(crate) over: &'w AtomicBool,
    /// How much may lie ahead of the loop.
    pub(crate) ahead: &'w Ahead,
}

impl Work<'_> {
    /// Works until the inbox has ended or nobody wants more.
    pub(crate) fn run(&self, to: &SyncSender<Read>) {
        let Some(inbox) = self.inbox else { return };
        let mut parser = Parser::default();
        let mut observer = named_observer(self.words, WithDetail::Judge, self.naming);
        let mut ours = Ours::new(self.shard, self.words);
        while !self.over.load(Ordering::Relaxed) {
            let arrival = match inbox.next(WAIT) {
                Next::Arrival(arrival) => arrival,
                Next::Nothing => continue,
                Next::Ended => return,
            };
            let Arrival {
                provenance,
                fingerprint,
                bytes,
                receipt,
                attempt,
                ..
            } = arrival;
            let item = Item {
                provenance,
                fingerprint,
            };
            let unreadable = bytes.as_ref().err().map(ToString::to_string);
            let mut observations = Vec::new();
            let mut elsewhere = 0;
            let parsed = catch_unwind(AssertUnwindSafe(|| {
                let delivery = Delivery {
                    index: 0,
                    item: item.clone(),
                    bytes,
                };
                observe((&mut parser, &mut observer), delivery, |observation| {
                    if ours.takes(&observation) {
                        observations.push(observation);
                    } else {
                        elsewhere += 1;
                    }
                })
            }));
            let Ok((outcome, _)) = parsed else {
                // A bug of ours must not take the stream down with it: the message goes to the dead letters, where it can be looked at.
                tracing::error!(from = %item.provenance, "reading it failed; please report this");
                inbox.failed(receipt, "reading it failed inside offtrail");
                parser = Parser::default();
                observer = named_observer(self.words, WithDetail::Judge, self.naming);
                continue;
            };
            let receipt = match unreadable {
                None => Some(receipt),
                Some(why) => {
                    inbox.failed(receipt, &why);
                    None
                }
            };
            if receipt.is_none() && attempt > 1 {
                // It was counted when it came first.
                continue;
            }
            let read = Read {
                observations,
                outcome,
                elsewhere,
                file: (item.provenance.to_string(), item.fingerprint.to_string()),
                receipt,
            };
            self.ahead.enter(read.observations.len());
            if to.send(read).is_err() {
                return;
            }
        }
    }
}

/// Which accounts this instance takes.
struct Ours<'w> {
    shard: Option<Shard>,
    words: &'w Vocabulary,
    known: HashMap<TextId, bool>,
}

impl<'w> Ours<'w> {
    fn new(shard: Option<Shard>, words: &'w Vocabulary) -> Self {
        Self {
            shard,
            words,
            known: HashMap::default(),
        }
    }

    fn takes(&mut self, observation: &Observation) -> bool {
        let Some(shard) = self.shard else { return true };
        let words = self.words;
        *self
            .known
            .entry(observation.account)
            .or_insert_with(|| shard.takes(&words.text(observation.account)))
    }
}

impl Shard {
    /// Whether an account is of this shard: the same on every instance and in every version.
    pub(crate) fn takes(self, account: &str) -> bool {
        xxh3_64(account.as_bytes()) % u64::from(self.of) == u64::from(self.number - 1)
    }
}
