//! Hands out the content of listed items in their order, to as many threads as ask.
//!
//! Files and standard input are read by the asking thread itself. S3 objects are fetched ahead by a task that walks the list in the same
//! order and stops at the gate's bounds. It can't lock up: an item is only waited for when all before it have been handed out, so the gate
//! is then free to admit it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};

use crate::item::{Fingerprint, Item, Provenance, shown};
use crate::items::{Cursor, Items, ItemsError};
use crate::s3::{Clients, Fetch, Gate, S3Error, Store, Ticket, fetch};
use crate::settings::Settings;

/// What an object fetched ahead costs beside its bytes: buffers, its place in the queue. Counted, so that a million empty objects are
/// bounded too.
pub(crate) const OVERHEAD_BYTES: u64 = 4 << 10;

/// Bytes of a buffer that is used again for the next file; a larger one is given back.
const SPARE_BYTES_MAX: usize = 1 << 20;

/// One item's content.
#[derive(Debug)]
pub struct Delivery {
    /// The item's place in the list, from 0.
    pub index: usize,
    /// What was read.
    pub item: Item,
    /// Its bytes, as they lie there (still packed), or why there are none.
    pub bytes: Result<Vec<u8>, ReadError>,
}

/// One item that can't be read; the others go on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file.
    #[error("read {:?}: {}", path.display().to_string(), io_text(source))]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Standard input.
    #[error("read standard input: {0}")]
    Stdin(io::Error),
    /// More bytes than allowed.
    #[error("{doing}: more than {bytes_max} bytes; not read (raise {setting} to read it)")]
    TooLarge {
        /// What was done, to what.
        doing: String,
        /// The limit.
        bytes_max: u64,
        /// The limit's name.
        setting: &'static str,
    },
    /// An S3 object.
    #[error(transparent)]
    S3(#[from] S3Error),
    /// A queue's message, named as something to read: its queue hands it out, once.
    #[error(
        "read {0}: a message is handed out by its queue and can't be read again; name files or objects"
    )]
    Handed(String),
    /// The list of what to read can't be read on: what follows is unknown.
    #[error(transparent)]
    Items(#[from] ItemsError),
    /// The same, found by those who fetch ahead.
    #[error("{0}")]
    NotListed(String),
}

impl ReadError {
    /// Whether going on would fail for every other item of the same kind: no credentials, no way to the endpoint, the bucket gone.
    pub fn is_general(&self) -> bool {
        match self {
            Self::S3(error) => error.is_general(),
            Self::Items(_) | Self::NotListed(_) => true,
            Self::File { .. } | Self::Stdin(_) | Self::TooLarge { .. } | Self::Handed(_) => false,
        }
    }

    pub(crate) fn too_large(doing: String, bytes_max: u64, setting: &'static str) -> Self {
        Self::TooLarge {
            doing,
            bytes_max,
            setting,
        }
    }
}

fn io_text(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "no longer there; it was deleted or moved after it was listed".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "permission denied; allow this user to read it".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Hands out deliveries; made by [`crate::Sources::read`]. Dropping it ends what is being fetched.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    place: Mutex<(usize, Cursor)>,
    object_bytes_max: u64,
    stdin_bytes_max: u64,
    fetching: Option<(AbortHandle, Arc<Store>)>,
}

/// What the asking threads and the fetching tasks share.
#[derive(Debug)]
struct Shared {
    items: Items,
    queue: Mutex<Queue>,
    arrived: Condvar,
    room: Notify,
}

#[derive(Debug)]
struct Queue {
    ready: BTreeMap<usize, Fetched>,
    gate: Gate,
    /// Why nothing more is fetched, where the list could not be read on.
    ended: Option<String>,
}

/// An object in its place.
#[derive(Debug)]
struct Fetched {
    /// What it costs of the gate's bytes.
    cost: u64,
    bytes: Result<Vec<u8>, ReadError>,
}

impl Reader {
    pub(crate) fn new(items: Items, store: Option<Arc<Store>>, settings: &Settings) -> Self {
        // What an earlier reader of the same store found out holds on.
        let known = store
            .as_ref()
            .map_or(0, |store| store.clients.allowed.load(Ordering::Relaxed));
        let begin = match known {
            0 => settings.in_flight,
            known => known.min(settings.in_flight_max),
        };
        let gate = Gate::new(
            (begin, settings.in_flight_max),
            settings.in_flight_bytes_max,
        );
        let shared = Arc::new(Shared {
            items,
            queue: Mutex::new(Queue {
                ready: BTreeMap::new(),
                gate,
                ended: None,
            }),
            arrived: Condvar::new(),
            room: Notify::new(),
        });
        let fetching = store.map(|store| {
            let task = fetch_ahead(
                Arc::clone(&shared),
                Arc::clone(&store.clients),
                settings.object_bytes_max,
            );
            (store.runtime.spawn(task).abort_handle(), store)
        });
        Self {
            shared,
            place: Mutex::default(),
            object_bytes_max: settings.object_bytes_max,
            stdin_bytes_max: settings.stdin_bytes_max,
            fetching,
        }
    }

    /// The next item's content, or `None` when all were handed out. Each item is handed out once; indices rise in the order of the calls.
    /// Blocks until the content is there.
    pub fn next(&self) -> Option<Delivery> {
        self.next_into(Vec::new())
    }

    /// The same, with a file's bytes in a buffer that the caller has done with.
    pub fn next_into(&self, spare: Vec<u8>) -> Option<Delivery> {
        let (index, item) = {
            let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
            let (index, cursor) = &mut *place;
            let item = cursor.next(&self.shared.items)?;
            *index += 1;
            (*index - 1, item)
        };
        let item = match item {
            Ok(item) => item,
            Err(error) => {
                // What would have come can't be named any more; the error says so and ends the run.
                let item = Item {
                    provenance: Provenance::Stdin,
                    fingerprint: Fingerprint::Unknown,
                };
                let bytes = Err(error.into());
                return Some(Delivery { index, item, bytes });
            }
        };
        let bytes = match &item.provenance {
            Provenance::Stdin => self.stdin(),
            Provenance::Path(path) => {
                let caps = (self.object_bytes_max, self.stdin_bytes_max);
                read_file_into(path, caps, spare)
            }
            Provenance::Object { .. } => self.shared.take(index),
            Provenance::Message { .. } => Err(ReadError::Handed(item.provenance.to_string())),
        };
        Some(Delivery { index, item, bytes })
    }

    /// What is handed out, in its order.
    pub fn items(&self) -> &Items {
        &self.shared.items
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.shared.items.len()
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.shared.items.is_empty()
    }

    fn stdin(&self) -> Result<Vec<u8>, ReadError> {
        let bytes = capped(io::stdin().lock(), (0, self.stdin_bytes_max), Vec::new())
            .map_err(ReadError::Stdin)?;
        bytes.ok_or_else(|| {
            ReadError::too_large(
                "read standard input".to_owned(),
                self.stdin_bytes_max,
                "stdin_bytes_max",
            )
        })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some((task, store)) = &self.fetching {
            task.abort();
            let allowed = self.shared.queue().gate.allowed();
            store.clients.allowed.store(allowed, Ordering::Relaxed);
        }
    }
}

/// A file's bytes, or a pipe's; each kind has its cap.
pub(crate) fn read_file(
    path: &Path,
    object_bytes_max: u64,
    stdin_bytes_max: u64,
) -> Result<Vec<u8>, ReadError> {
    read_file_into(path, (object_bytes_max, stdin_bytes_max), Vec::new())
}

/// The same, into a buffer.
fn read_file_into(
    path: &Path,
    (object_bytes_max, stdin_bytes_max): (u64, u64),
    spare: Vec<u8>,
) -> Result<Vec<u8>, ReadError> {
    let failed = |source| ReadError::File {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let (bytes_max, setting) = match metadata.is_file() {
        true => (object_bytes_max, "object_bytes_max"),
        false => (stdin_bytes_max, "stdin_bytes_max"),
    };
    let bytes = capped(file, (metadata.len(), bytes_max), spare).map_err(failed)?;
    bytes.ok_or_else(|| {
        ReadError::too_large(
            format!("read {:?}", path.display().to_string()),
            bytes_max,
            setting,
        )
    })
}

/// All bytes, in a buffer that is used again, or `None` when there are more than `bytes_max`; `told` is how many are expected.
fn capped(
    mut from: impl Read,
    (told, bytes_max): (u64, u64),
    spare: Vec<u8>,
) -> io::Result<Option<Vec<u8>>> {
    if told > bytes_max {
        return Ok(None);
    }
    let mut bytes = match spare.capacity() > SPARE_BYTES_MAX {
        true => Vec::new(),
        false => spare,
    };
    bytes.clear();
    // One more, so that the end is seen without growing.
    bytes.reserve(usize::try_from(told).unwrap_or(0) + 1);
    from.by_ref().take(bytes_max).read_to_end(&mut bytes)?;
    // Exactly at the limit it takes one more look to know whether that was all.
    let more = bytes.len() as u64 == bytes_max && from.read(&mut [0])? > 0;
    Ok((!more).then_some(bytes))
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for an object and frees its room.
    fn take(&self, index: usize) -> Result<Vec<u8>, ReadError> {
        let mut queue = self.queue();
        loop {
            if let Some(fetched) = queue.ready.remove(&index) {
                queue.gate.released(fetched.cost);
                drop(queue);
                self.room.notify_one();
                return fetched.bytes;
            }
            if let Some(why) = &queue.ended {
                return Err(ReadError::NotListed(why.clone()));
            }
            queue = self
                .arrived
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Puts an object where the asking thread finds it.
    fn put(&self, index: usize, fetched: Fetched) {
        let mut queue = self.queue();
        queue.gate.finished(fetched.bytes.is_ok());
        queue.ready.insert(index, fetched);
        drop(queue);
        self.arrived.notify_all();
        self.room.notify_one();
    }

    /// Waits for room at the gate.
    async fn admit(&self, cost: u64) -> Ticket {
        loop {
            // `notify_one` leaves a permit when nobody waits, so room made between the look and the wait is not missed.
            if let Some(ticket) = self.queue().gate.admit(cost) {
                return ticket;
            }
            self.room.notified().await;
        }
    }
}

/// Fetches the list's objects in its order as far ahead as the gate allows.
async fn fetch_ahead(shared: Arc<Shared>, clients: Arc<Clients>, object_bytes_max: u64) {
    let mut tasks = JoinSet::new();
    let mut cursor = Cursor::default();
    for index in 0.. {
        let item = match cursor.next(&shared.items) {
            None => break,
            Some(Ok(item)) => item,
            Some(Err(error)) => {
                shared.queue().ended = Some(error.to_string());
                shared.arrived.notify_all();
                break;
            }
        };
        let Provenance::Object { bucket, key } = &item.provenance else {
            continue;
        };
        let cost = item.size().saturating_add(OVERHEAD_BYTES);
        let ticket = shared.admit(cost).await;
        let mut place = Place {
            shared: Arc::clone(&shared),
            index,
            cost,
            object: (Arc::clone(bucket), key.clone()),
            filled: false,
        };
        if item.size() > object_bytes_max {
            let doing = format!("read {}", item.provenance);
            place.fill(Err(ReadError::too_large(
                doing,
                object_bytes_max,
                "object_bytes_max",
            )));
            continue;
        }
        let watched = Arc::clone(&shared);
        let how = Fetch {
            clients: Arc::clone(&clients),
            object_bytes_max,
            on_throttle: Arc::new(move || watched.queue().gate.throttled(ticket)),
        };
        tasks.spawn(async move {
            let (bucket, key) = &place.object;
            let bytes = fetch(&how, bucket, key).await;
            place.fill(bytes);
        });
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
}

/// The duty to put something in an object's place: a task that dies leaves an error there rather than a thread waiting for ever.
struct Place {
    shared: Arc<Shared>,
    index: usize,
    cost: u64,
    object: (Arc<str>, Box<str>),
    filled: bool,
}

impl Place {
    fn fill(&mut self, bytes: Result<Vec<u8>, ReadError>) {
        self.filled = true;
        let cost = self.cost;
        self.shared.put(self.index, Fetched { cost, bytes });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.filled {
            let (bucket, key) = &self.object;
            let doing = format!("read s3://{bucket}/{}", shown(key));
            let died = io::Error::other("the fetching task ended before its work was done");
            self.fill(Err(S3Error::broken(doing, &died).into()));
        }
    }
}
