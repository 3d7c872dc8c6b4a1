//! From an object that a message tells of to the object fetched: what is passed over, and the loop that fetches the rest.

use std::sync::Arc;

use crate::inbox::desk::Desk;
use crate::inbox::held::{Next, Work};
use crate::inbox::message::Announced;
use crate::inbox::status::Skipped;
use crate::item::{Fingerprint, Provenance};
use crate::layout::{Layout, LayoutKind, other_service};
use crate::reader::ReadError;
use crate::s3::{Clients, Fetch, S3Error, Ticket, fetch};

/// The work that an object makes, or a count of why it makes none.
pub(super) fn of(desk: &Desk, object: Announced, skipped: &mut Skipped) -> Option<Work> {
    if passed_over(&object.key) {
        skipped.other_keys += 1;
        return None;
    }
    if object.size == Some(0) {
        skipped.empty += 1;
        return None;
    }
    let provenance = Provenance::Object {
        bucket: object.bucket.as_str().into(),
        key: object.key.as_str().into(),
    };
    let fingerprint = match (object.etag, object.size) {
        (Some(etag), Some(size)) => Fingerprint::Object {
            etag: etag.into_boxed_str(),
            size,
        },
        _ => Fingerprint::Unknown,
    };
    let told = fingerprint != Fingerprint::Unknown;
    if told && (desk.known)(&provenance.to_string(), &fingerprint.to_string()) {
        skipped.known += 1;
        return None;
    }
    Some(Work {
        message: 0,
        bucket: object.bucket,
        key: object.key,
        provenance,
        fingerprint,
        size: object.size.unwrap_or(0),
        delivered: object.time,
        wait: desk.settings.back_off,
    })
}

/// Whether a key tells that it isn't records of calls. One that tells nothing is read, as in an archive.
pub(super) fn passed_over(key: &str) -> bool {
    let of_calls = Layout::parse(key).is_none_or(|layout| layout.kind == LayoutKind::CloudTrail);
    key.ends_with('/') || !of_calls || other_service(key).is_some()
}

/// Fetches what a queue's messages tell of, as far ahead as the gate allows, until the inbox closes.
pub(super) async fn fetch_all(desk: Arc<Desk>, clients: Arc<Clients>, feed: usize) {
    loop {
        let mut stirred = std::pin::pin!(desk.stir.notified());
        // Listens from before the look, so that news between the look and the wait isn't missed.
        stirred.as_mut().enable();
        match desk.next_work(feed) {
            Next::Ended => return,
            Next::Wait(None) => stirred.await,
            Next::Wait(Some(until)) => {
                let _ = tokio::time::timeout_at(until.into(), stirred).await;
            }
            Next::Fetch(work, ticket) => {
                tokio::spawn(fetch_one(
                    Arc::clone(&desk),
                    Arc::clone(&clients),
                    feed,
                    (work, ticket),
                ));
            }
        }
    }
}

async fn fetch_one(
    desk: Arc<Desk>,
    clients: Arc<Clients>,
    feed: usize,
    (work, ticket): (Work, Ticket),
) {
    let object_bytes_max = desk.settings.sources.object_bytes_max;
    let mut errand = Errand {
        desk: Arc::clone(&desk),
        feed,
        work: Some(work.clone()),
    };
    let bytes = if work.size > object_bytes_max {
        let doing = format!("read {}", work.provenance);
        Err(ReadError::too_large(
            doing,
            object_bytes_max,
            "object_bytes_max",
        ))
    } else {
        let how = Fetch {
            clients,
            object_bytes_max,
            on_throttle: Arc::new(move || desk.state().gate.throttled(ticket)),
        };
        fetch(&how, &work.bucket, &work.key).await
    };
    errand.end(bytes);
}

/// The duty to say how a fetch ended: a task that dies says so too, rather than leaving a message open for ever.
struct Errand {
    desk: Arc<Desk>,
    feed: usize,
    work: Option<Work>,
}

impl Errand {
    fn end(&mut self, bytes: Result<Vec<u8>, ReadError>) {
        if let Some(work) = self.work.take() {
            self.desk.fetched(self.feed, work, bytes);
        }
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        if let Some(work) = &self.work {
            let died = std::io::Error::other("the fetching task ended before its work was done");
            let doing = format!("read {}", work.provenance);
            self.end(Err(S3Error::broken(doing, &died).into()));
        }
    }
}
