//! Order out of many threads: the resequencer that keeps the order in which files are judged.
//!
//! [`in_order`] is a bounded ordered parallel map: workers take deliveries as they come, the caller gets the results in the order of the
//! list, and nobody runs more than a window ahead, so that memory stays bounded however slow one file is.

use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use offtrail_event::Timestamp;
use offtrail_sources::{Delivery, Item, Reader};

/// Files that may be read ahead of the one handed over next, per thread.
const AHEAD_FILES_PER_THREAD: usize = 4;

/// The earliest moment a file can have been delivered, as far as its name and folders tell.
pub(crate) fn delivered_from(item: &Item) -> Option<Timestamp> {
    Timestamp::from_epoch_secs(item.delivered_from()?)
}

struct State<T> {
    taken: usize,
    handed_over: usize,
    ready: BTreeMap<usize, T>,
    /// Nobody needs more: the caller stopped, or a worker died.
    stopped: bool,
}

/// The meeting place of workers and caller.
struct Line<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    window: usize,
}

impl<T> Line<T> {
    fn new(window: usize) -> Self {
        let state = State {
            taken: 0,
            handed_over: 0,
            ready: BTreeMap::new(),
            stopped: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            window: window.max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until one more may be taken; `false` when nothing is wanted any more.
    fn may_take(&self) -> bool {
        let mut state = self.lock();
        while !state.stopped && state.taken - state.handed_over >= self.window {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.taken += 1;
        !state.stopped
    }

    fn put(&self, index: usize, result: T) {
        self.lock().ready.insert(index, result);
        self.changed.notify_all();
    }

    /// Waits for the next result in order; `None` when it will never come.
    fn next(&self, index: usize) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(result) = state.ready.remove(&index) {
                state.handed_over = index + 1;
                drop(state);
                self.changed.notify_all();
                return Some(result);
            }
            if state.stopped {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }
}

/// Stops the line when a worker dies, so that nobody waits for its result for ever.
struct Guard<'l, T>(&'l Line<T>);

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop();
        }
    }
}

/// Works on deliveries with `threads` threads, each with a worker of its own, and gives the results to `each` in the order of the list. A worker
/// also gives back the buffer of a delivery, to be read into again.
///
/// # Errors
/// The first of `each`; the rest is not read then.
pub(crate) fn in_order<T: Send, W: FnMut(Delivery) -> (T, Vec<u8>)>(
    reader: &Reader,
    threads: usize,
    worker: impl Fn() -> W + Sync,
    each: impl FnMut(usize, T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let source = |spare| {
        let delivery = reader.next_into(spare)?;
        Some((delivery.index, delivery))
    };
    map_in_order(reader.len(), threads, &source, worker, each)
}

/// The same over any numbered source of `len` things, made of what is left of others.
fn map_in_order<D, S: Default, T: Send, W: FnMut(D) -> (T, S)>(
    len: usize,
    threads: usize,
    source: &(impl Fn(S) -> Option<(usize, D)> + Sync),
    worker: impl Fn() -> W + Sync,
    mut each: impl FnMut(usize, T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let threads = threads.max(1);
    let line = Line::new(threads.saturating_mul(AHEAD_FILES_PER_THREAD));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let _guard = Guard(&line);
                let mut work = worker();
                let mut spare = S::default();
                while line.may_take() {
                    let Some((index, delivery)) = source(spare) else {
                        break;
                    };
                    let result;
                    (result, spare) = work(delivery);
                    line.put(index, result);
                }
            });
        }
        // A caller that gives up or dies must not leave workers waiting: the scope would wait for them.
        let _guard = Guard(&line);
        for index in 0..len {
            let Some(result) = line.next(index) else {
                break;
            };
            if let Err(error) = each(index, result) {
                line.stop();
                return Err(error);
            }
        }
        line.stop();
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use offtrail_sources::Items;
    use proptest::prelude::*;

    use super::*;

    fn numbers(len: usize) -> (AtomicUsize, usize) {
        (AtomicUsize::new(0), len)
    }

    fn take((cursor, len): &(AtomicUsize, usize)) -> Option<(usize, usize)> {
        let index = cursor.fetch_add(1, Ordering::Relaxed);
        (index < *len).then_some((index, index))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn results_come_in_the_order_of_the_list(len in 0usize..200, threads in 1usize..9) {
            let source = numbers(len);
            let mut seen = Vec::new();
            let ahead_max = AtomicUsize::new(0);
            let handed_over = AtomicUsize::new(0);
            map_in_order(len, threads, &|()| take(&source), || |number: usize| {
                let ahead = number.saturating_sub(handed_over.load(Ordering::SeqCst));
                ahead_max.fetch_max(ahead, Ordering::SeqCst);
                (number * 3, ())
            }, |index, result| {
                handed_over.store(index + 1, Ordering::SeqCst);
                seen.push(result);
                Ok(())
            }).unwrap();
            prop_assert_eq!(seen, (0..len).map(|number| number * 3).collect::<Vec<_>>());
            prop_assert!(ahead_max.into_inner() <= threads * AHEAD_FILES_PER_THREAD + 1);
        }

        #[test]
        fn an_error_ends_the_work(len in 1usize..200, threads in 1usize..5, at in 0usize..200) {
            let at = at % len;
            let source = numbers(len);
            let mut seen = 0;
            let result = map_in_order(len, threads, &|()| take(&source), || |number: usize| (number, ()), |index, _| {
                seen += 1;
                anyhow::ensure!(index != at, "enough");
                Ok(())
            });
            prop_assert!(result.is_err());
            prop_assert_eq!(seen, at + 1);
        }
    }

    #[test]
    fn a_worker_that_dies_ends_the_work() {
        let source = numbers(50);
        let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            map_in_order(
                50,
                2,
                &|()| take(&source),
                || |number: usize| (assert_ne!(number, 20, "a bug"), ()),
                |_, ()| Ok(()),
            )
        }));
        assert!(died.is_err());
    }

    #[test]
    fn files_that_tell_no_delivery_come_first() {
        let item = |path: &str| Item {
            provenance: offtrail_sources::Provenance::Path(std::path::Path::new(path).into()),
            fingerprint: offtrail_sources::Fingerprint::Unknown,
        };
        let names = [
            "a/AWSLogs/111122223333/CloudTrail/us-east-1/2026/08/02/111122223333_CloudTrail_us-east-1_20260802T0005Z_x.json.gz",
            "b/111122223333_CloudTrail_us-east-1_20260801T2355Z_x.json.gz",
            "z.json",
        ];
        let items = Items::from(names.map(item).to_vec()).by_delivery().unwrap();
        let sorted: Vec<_> = items
            .iter()
            .map(|item| item.unwrap().provenance.to_string())
            .collect();
        assert_eq!(sorted, [names[2], names[1], names[0]]);
    }
}
