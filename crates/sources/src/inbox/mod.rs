//! A stream's inbox: one place from which deliveries come, whatever they come from: SQS queues, followed folders, standard input.
//!
//! [`Inbox::next`] hands out arrivals to as many synchronous threads as ask. An arrival's receipt goes back by [`Inbox::done`] when its effect
//! is durable, or by [`Inbox::failed`]; only then does a message leave its queue. So nothing is lost when the process is killed, and what was not
//! finished comes again: at least once here, exactly once by whoever remembers what was done ([`Known`]).
//!
//! Waiting is measured by a clock that can't be set; the time of day is only used to say how far behind a feed is.

mod dead;
mod desk;
mod error;
mod follow;
mod held;
mod lines;
mod message;
mod queue;
mod settings;
mod settle;
mod status;
mod work;

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use crate::item::{Fingerprint, Provenance};
use crate::reader::{ReadError, read_file};
use crate::s3::Store;
use dead::DeadLetters;
use desk::{Content, Desk, Ready, Taken};
use follow::Follow;
use held::Over;
use queue::Queue;

pub use desk::Known;
pub use error::{InboxError, QueueError};
pub use message::{Announced, Notice, NoticeError, WRAPPINGS_MAX};
pub use settings::{
    BACK_OFF, BACK_OFF_MAX, CHUNK_BYTES_MAX, CHUNK_WAIT, DEAD_LETTER_BYTES_MAX, DELIVERIES_MAX,
    DeadLetter, FILES_AHEAD_MAX, FOLDER_POLL, FOLLOWED_FILES_MAX, Feed, InboxSettings,
    LINE_BYTES_MAX, LINES_AHEAD_BYTES_MAX, LONG_POLL, MESSAGE_BYTES_HELD_MAX, MESSAGES_HELD_MAX,
    RECEIVERS, RETRY_WAIT, VISIBILITY,
};
pub use status::{FeedStatus, Skipped};

/// Tasks that carry out the orders of one queue side by side: a deletion's way there and back is most of its time.
const SETTLERS: usize = 4;

/// Hands out what the feeds bring; see the module. Dropping it ends its threads; messages in hand come again when their visibility runs out.
pub struct Inbox {
    desk: Arc<Desk>,
    threads: Vec<JoinHandle<()>>,
    /// The runtime of the queues' tasks; `None` without queues.
    store: Option<Store>,
}

/// What [`Inbox::next`] found.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "handed on at once, never kept")]
pub enum Next {
    /// Something to work on.
    Arrival(Arrival),
    /// Nothing came in the time given.
    Nothing,
    /// Nothing comes any more: closed and drained, or standard input is at its end and there is no other feed.
    Ended,
}

/// One delivery of a stream.
#[derive(Debug)]
pub struct Arrival {
    /// Where it came from.
    pub provenance: Provenance,
    /// What tells its content from an earlier one of the same provenance.
    pub fingerprint: Fingerprint,
    /// Its bytes, as they lie there, or why there are none: then the receipt goes back by [`Inbox::failed`].
    pub bytes: Result<Vec<u8>, ReadError>,
    /// When it was written, as its notification, its name or its file tells.
    pub delivered: Option<SystemTime>,
    /// Which delivery of its message this is, from 1; above 1 it failed before, or was in hand when a process ended.
    pub attempt: u32,
    /// What goes back when it is over.
    pub receipt: Receipt,
}

/// The way to say that an arrival is over. One that is dropped gives the arrival back: a message comes again; a file only when it changes
/// or at the next start.
#[must_use = "goes back by `done` or `failed`"]
pub struct Receipt {
    desk: Weak<Desk>,
    feed: usize,
    message: Option<u64>,
    open: bool,
}

impl Inbox {
    /// Opens the feeds and begins to receive. `known` tells what needs no fetching; it is called often, from several threads.
    ///
    /// # Errors
    /// No feed, or one named twice; a queue that isn't there, is denied or can't be reached; no credentials; a folder that isn't there; a
    /// place for dead letters that can't be used.
    pub fn open(
        feeds: Vec<Feed>,
        settings: InboxSettings,
        known: Known,
    ) -> Result<Self, InboxError> {
        if feeds.is_empty() {
            return Err(InboxError::NoFeed);
        }
        for (index, feed) in feeds.iter().enumerate() {
            if feeds[..index].contains(feed) {
                return Err(InboxError::Twice(feed.to_string()));
            }
            if let Feed::Follow(path) = feed {
                check_folder(path)?;
            }
        }
        let queues = feeds.iter().any(|feed| matches!(feed, Feed::Queue(_)));
        let store = match queues {
            true => Some(Store::open(settings.sources.s3.clone())?),
            false => None,
        };
        let desk = Arc::new(Desk::new(&feeds, settings, known));
        let mut inbox = Self {
            desk,
            threads: Vec::new(),
            store,
        };
        inbox.start(feeds)?;
        Ok(inbox)
    }

    fn start(&mut self, feeds: Vec<Feed>) -> Result<(), InboxError> {
        let mut queues = Vec::new();
        for (index, feed) in feeds.into_iter().enumerate() {
            let desk = Arc::clone(&self.desk);
            match feed {
                Feed::Queue(url) => queues.push((index, url)),
                Feed::Follow(path) => {
                    let follow = Follow::new(desk, index, path);
                    self.thread("follow", move || follow.run())?;
                }
                Feed::Stdin => {
                    let input = lines::read(io::stdin()).map_err(InboxError::Thread)?;
                    self.thread("lines", move || lines::put_all(&desk, index, &input))?;
                }
            }
        }
        self.start_queues(&queues)
    }

    fn start_queues(&self, queues: &[(usize, String)]) -> Result<(), InboxError> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let (config, settings) = (store.clients.config(), &self.desk.settings);
        // All are looked at before the first message is received.
        let (queues, dead) = store.runtime.block_on(async {
            let mut checked = Vec::new();
            for (feed, url) in queues {
                let queue = Queue::new(config, url, settings.wait)?;
                queue.check().await?;
                checked.push((*feed, queue));
            }
            let dead = match &settings.dead_letter {
                Some(letter) => Some(Arc::new(DeadLetters::open(letter, config, settings).await?)),
                None => None,
            };
            Ok::<_, InboxError>((checked, dead))
        })?;
        for (feed, queue) in queues {
            let desk = || Arc::clone(&self.desk);
            let runtime = &store.runtime;
            for _ in 0..settings.receivers.max(1) {
                runtime.spawn(queue::receive_all(desk(), queue.clone(), feed));
            }
            for _ in 0..SETTLERS {
                runtime.spawn(settle::settle_all(
                    desk(),
                    queue.clone(),
                    feed,
                    dead.clone(),
                ));
            }
            runtime.spawn(work::fetch_all(desk(), Arc::clone(&store.clients), feed));
            runtime.spawn(settle::renew_all(desk(), queue, feed));
        }
        Ok(())
    }

    fn thread(
        &mut self,
        name: &str,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), InboxError> {
        let builder = std::thread::Builder::new().name(name.to_owned());
        self.threads
            .push(builder.spawn(work).map_err(InboxError::Thread)?);
        Ok(())
    }

    /// What comes next, waiting for it for so long. May be called by several threads at once.
    pub fn next(&self, timeout: Duration) -> Next {
        loop {
            let ready = match self.desk.take(timeout) {
                Taken::Nothing => return Next::Nothing,
                Taken::Ended => return Next::Ended,
                Taken::Ready(ready) => ready,
            };
            if let Some(arrival) = self.arrival(ready) {
                return Next::Arrival(arrival);
            }
        }
    }

    /// Makes an arrival of what was ready; `None` for a file that is gone.
    fn arrival(&self, ready: Ready) -> Option<Arrival> {
        let feed = ready.feed;
        let receipt = Receipt {
            desk: Arc::downgrade(&self.desk),
            feed,
            message: ready.message,
            open: true,
        };
        let bytes = match ready.content {
            Content::Bytes(bytes) => bytes,
            Content::File(path) => {
                let limits = &self.desk.settings.sources;
                let read = read_file(&path, limits.object_bytes_max, limits.stdin_bytes_max);
                match &read {
                    Err(ReadError::File { source, .. }) if source.kind() == ErrorKind::NotFound => {
                        let gone = Skipped {
                            gone: 1,
                            ..Skipped::default()
                        };
                        self.desk.skipped(feed, gone);
                        return None;
                    }
                    Err(_) => {}
                    Ok(bytes) => self.desk.read(feed, bytes.len()),
                }
                read
            }
        };
        self.desk.handed_out(feed, ready.delivered);
        Some(Arrival {
            provenance: ready.provenance,
            fingerprint: ready.fingerprint,
            bytes,
            delivered: ready.delivered,
            attempt: ready.attempt,
            receipt,
        })
    }

    /// The arrival's effect is durable. Its message is deleted when all that it told of is.
    pub fn done(&self, receipt: Receipt) {
        receipt.end(Over::Done);
    }

    /// The arrival can't be used, for this reason. Its message stays for redelivery, or becomes a dead letter after
    /// [`InboxSettings::attempts_max`] deliveries.
    pub fn failed(&self, receipt: Receipt, why: &str) {
        receipt.end(Over::Failed(why.to_owned()));
    }

    /// Stops receiving. What was not begun becomes visible to others again; what is fetched or being fetched is still handed out.
    pub fn close(&self) {
        self.desk.close();
    }

    /// Waits until what is done with messages has reached their queues, for so long; whether it has.
    pub fn flush(&self, within: Duration) -> bool {
        self.desk.flushed(within)
    }

    /// Every feed as it stands, in the order in which they were named.
    pub fn status(&self) -> Vec<FeedStatus> {
        self.desk.status()
    }

    /// The AWS configuration of the queues; `None` without queues (see [`crate::aws_config`]). Its connections live as long as the inbox.
    pub fn aws(&self) -> Option<&aws_config::SdkConfig> {
        self.store.as_ref().map(|store| store.clients.config())
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.desk.close();
        for thread in self.threads.drain(..) {
            // It panicked: there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

impl Receipt {
    fn end(mut self, how: Over) {
        self.open = false;
        if let Some(desk) = self.desk.upgrade() {
            desk.over(self.feed, self.message, how);
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if self.open
            && let Some(desk) = self.desk.upgrade()
        {
            desk.over(self.feed, self.message, Over::GivenBack);
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt")
            .field("feed", &self.feed)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("feeds", &self.status().len())
            .finish_non_exhaustive()
    }
}

fn check_folder(path: &Path) -> Result<(), InboxError> {
    let why = match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Ok(()),
        Ok(_) => "not a folder; name the folder in which files appear".to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            "no such folder; correct the path".to_owned()
        }
        Err(error) => error.to_string(),
    };
    Err(InboxError::Folder {
        path: path.to_owned(),
        why,
    })
}
