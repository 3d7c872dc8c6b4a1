//! What is done with messages: deleted in batches, given back, made dead letters, and kept invisible while in hand.
//!
//! An order that can't be carried out waits and comes again; one whose handle is no longer good is dropped, for the queue gives the message out
//! again under another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
};

use crate::inbox::dead::DeadLetters;
use crate::inbox::desk::{Desk, Part};
use crate::inbox::error::QueueError;
use crate::inbox::held::{Order, What};
use crate::inbox::queue::{Queue, whole_secs};

/// Messages one request deletes or changes, at most; SQS allows no more.
pub(super) const BATCH_MAX: usize = 10;

/// Carries out a queue's orders, for ever.
pub(super) async fn settle_all(
    desk: Arc<Desk>,
    queue: Queue,
    feed: usize,
    dead: Option<Arc<DeadLetters>>,
) {
    let mut wait = desk.settings.back_off;
    loop {
        let mut ordered = std::pin::pin!(desk.ordered.notified());
        ordered.as_mut().enable();
        let orders = desk.orders(feed);
        if orders.is_empty() {
            ordered.await;
            continue;
        }
        match carry_out(&desk, &queue, orders, dead.as_deref()).await {
            Ok(()) => {
                wait = desk.settings.back_off;
                desk.went(feed, Part::Settle, Ok(()));
            }
            Err(why) => {
                desk.went(feed, Part::Settle, Err(&why));
                tokio::time::sleep(wait).await;
                wait = wait.saturating_mul(2).min(desk.settings.back_off_max);
            }
        }
    }
}

/// Carries out orders of one kind.
async fn carry_out(
    desk: &Desk,
    queue: &Queue,
    orders: Vec<Order>,
    dead: Option<&DeadLetters>,
) -> Result<(), String> {
    let what = orders.first().map(|order| order.what.clone());
    let answer = match (what, dead) {
        (Some(What::Dead(why)), Some(dead)) => {
            for order in orders {
                match dead.send(queue, &order.held, &why).await {
                    Ok(()) => desk.buried(order),
                    Err(why) => {
                        desk.put_back(order);
                        return Err(why);
                    }
                }
            }
            return Ok(());
        }
        (Some(What::Visible(_)), _) => {
            let entries: Vec<(&str, i32)> = orders
                .iter()
                .map(|order| (order.held.handle.as_str(), order.seconds()))
                .collect();
            change(queue, &entries).await
        }
        _ => delete(queue, &orders).await,
    };
    let failed = match answer {
        Ok(failed) => failed,
        Err(error) => {
            orders.into_iter().for_each(|order| desk.put_back(order));
            return Err(error.to_string());
        }
    };
    let mut why = Ok(());
    for (index, order) in orders.into_iter().enumerate() {
        match failed.iter().find(|(at, _)| *at == index) {
            None => desk.carried_out(order),
            Some((_, error)) if error.is_handle() => desk.dropped(order),
            Some((_, error)) => {
                why = Err(error.to_string());
                desk.put_back(order);
            }
        }
    }
    why
}

/// The entries of a batch that failed, by their place in it.
type Failed = Vec<(usize, QueueError)>;

async fn delete(queue: &Queue, orders: &[Order]) -> Result<Failed, QueueError> {
    let entries = orders.iter().enumerate().filter_map(|(index, order)| {
        let entry = DeleteMessageBatchRequestEntry::builder()
            .id(index.to_string())
            .receipt_handle(&order.held.handle);
        entry.build().ok()
    });
    let answer = queue
        .client
        .delete_message_batch()
        .queue_url(&queue.url)
        .set_entries(Some(entries.collect()))
        .send()
        .await
        .map_err(|error| QueueError::from_sdk(queue.doing("delete from"), &error))?;
    Ok(failed(&answer.failed, queue, "delete from"))
}

async fn change(queue: &Queue, entries: &[(&str, i32)]) -> Result<Failed, QueueError> {
    let entries = entries
        .iter()
        .enumerate()
        .filter_map(|(index, (handle, seconds))| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(*handle)
                .visibility_timeout(*seconds);
            entry.build().ok()
        });
    let answer = queue
        .client
        .change_message_visibility_batch()
        .queue_url(&queue.url)
        .set_entries(Some(entries.collect()))
        .send()
        .await
        .map_err(|error| QueueError::from_sdk(queue.doing("change visibility in"), &error))?;
    Ok(failed(&answer.failed, queue, "change visibility in"))
}

fn failed(entries: &[BatchResultErrorEntry], queue: &Queue, what: &str) -> Failed {
    let error = |entry: &BatchResultErrorEntry| {
        let index = entry.id.parse().ok()?;
        let doing = queue.doing(what);
        Some((
            index,
            QueueError::entry(doing, &entry.code, entry.message.as_deref()),
        ))
    };
    entries.iter().filter_map(error).collect()
}

/// Keeps a queue's messages invisible to others while they are in hand, for ever.
pub(super) async fn renew_all(desk: Arc<Desk>, queue: Queue, feed: usize) {
    let visibility = desk.settings.visibility.max(Duration::from_secs(1));
    loop {
        tokio::time::sleep(visibility / 8).await;
        let due = desk.due(feed, visibility / 2);
        for batch in due.chunks(BATCH_MAX) {
            let seconds = whole_secs(visibility);
            let entries: Vec<(&str, i32)> = batch
                .iter()
                .map(|(_, handle)| (handle.as_str(), seconds))
                .collect();
            match change(&queue, &entries).await {
                // A message that can't be kept (SQS ends it after twelve hours) comes again under another handle.
                Ok(_) => desk.renewed(batch),
                Err(error) => desk.went(feed, Part::Settle, Err(&error.to_string())),
            }
        }
    }
}

impl Order {
    fn seconds(&self) -> i32 {
        match self.what {
            What::Visible(seconds) => seconds,
            What::Delete | What::DeleteDead | What::Dead(_) => 0,
        }
    }
}

impl Desk {
    /// The messages of a queue whose visibility was last extended that long ago: keys and handles.
    fn due(&self, feed: usize, age: Duration) -> Vec<(u64, String)> {
        let now = Instant::now();
        let state = self.state();
        let due = state
            .held
            .iter()
            .filter(|(_, held)| held.feed == feed && now.duration_since(held.renewed) >= age);
        let mut due: Vec<_> = due.map(|(key, held)| (*key, held.handle.clone())).collect();
        // Dead letters that can't be written yet must not come again meanwhile; they have no key any more and are extended each time.
        let dead = |order: &&Order| matches!(order.what, What::Dead(_));
        let waiting = state.feeds[feed].orders.iter().filter(dead);
        due.extend(waiting.map(|order| (u64::MAX, order.held.handle.clone())));
        due
    }

    fn renewed(&self, batch: &[(u64, String)]) {
        let now = Instant::now();
        let mut state = self.state();
        for (key, _) in batch {
            if let Some(held) = state.held.get_mut(key) {
                held.renewed = now;
            }
        }
    }
}
