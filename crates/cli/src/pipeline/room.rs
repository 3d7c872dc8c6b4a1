//! [`Room`]: how much of what large files inflate to lies in memory at once; and [`order`], in which a batch is read so that no thread waits
//! for it.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use offtrail_parser::Parser;

/// Inflated bytes from which on a file is large. Smaller ones never wait.
const LARGE_BYTES: usize = 8 << 20;

/// Inflated bytes of large files in memory at once, for each thread, all threads together. A larger file goes alone.
const LARGE_BYTES_PER_THREAD_MAX: usize = 16 << 20;

/// Where there are threads to commit a batch beside, the next one begins with small files: this share of it, so that the memory of both is not
/// needed at once.
const BEFORE_LARGE_SHARE: u64 = 4;

/// What a packed byte is taken to inflate to before the file is there; CloudTrail's own files come to 8 to 12.
const RATIO: u64 = 9;

/// Room for what large files inflate to, kept from one to the next. Safe to share between threads.
#[derive(Debug)]
pub(crate) struct Room {
    bytes_max: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes that files have now.
    held: usize,
    /// Rooms that no file has. Zeroed once: pages that are new to a process cost more than inflating into them.
    spare: Vec<Vec<u8>>,
}

/// Room that a file has until this is dropped.
#[derive(Debug)]
pub(crate) struct Held<'r> {
    room: &'r Room,
    bytes: usize,
    /// `None`: lent, or of a small file.
    buffer: Option<Vec<u8>>,
}

impl Room {
    /// Room for so many threads.
    pub(crate) fn for_threads(threads: usize) -> Self {
        Self {
            bytes_max: bytes_max(threads),
            state: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// Waits until there is room for a file that inflates to so many bytes.
    pub(crate) fn take(&self, bytes: usize) -> Held<'_> {
        if bytes < LARGE_BYTES {
            return Held {
                room: self,
                bytes: 0,
                buffer: None,
            };
        }
        let full = |state: &mut State| state.held > 0 && state.held + bytes > self.bytes_max;
        let state = self.freed.wait_while(self.state(), full);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let buffer = match state.fitting(bytes) {
            Some(at) => state.spare.swap_remove(at),
            None => {
                // The others are too small, or so large that they would be waste.
                state.spare.clear();
                vec![0; bytes]
            }
        };
        state.held += bytes;
        Held {
            room: self,
            bytes,
            buffer: Some(buffer),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The smallest room that a file fits in, if not most of it would lie idle.
    fn fitting(&self, bytes: usize) -> Option<usize> {
        let rooms = self.spare.iter().enumerate();
        let fitting =
            rooms.filter(|(_, room)| (bytes..=bytes.saturating_mul(2)).contains(&room.len()));
        fitting.min_by_key(|(_, room)| room.len()).map(|(at, _)| at)
    }
}

impl Held<'_> {
    /// Has a parser inflate into it; a small file is inflated into the parser's own.
    pub(crate) fn lend_to(&mut self, parser: &mut Parser) {
        if let Some(buffer) = self.buffer.take() {
            parser.lend(buffer);
        }
    }

    /// Takes it back.
    pub(crate) fn take_back_from(&mut self, parser: &mut Parser) {
        self.buffer = parser.take_back();
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            let mut state = self.room.state();
            state.held -= self.bytes;
            // Smaller than it was given, and its file was not as it told.
            let is_whole = |buffer: &Vec<u8>| buffer.len() >= self.bytes;
            state.spare.extend(self.buffer.take().filter(is_whole));
            drop(state);
            self.room.freed.notify_all();
        }
    }
}

fn bytes_max(threads: usize) -> usize {
    LARGE_BYTES_PER_THREAD_MAX.saturating_mul(threads)
}

/// A thread while the order is made: when it is done with its file, and how much room the file has until when.
#[derive(Clone, Copy, Default)]
struct Planned {
    done: u64,
    room: u64,
    freed: u64,
}

/// In which order files of these packed sizes are read by so many threads. The largest first, so that no thread is left with a large one when
/// the others are done; but large ones only as there will be room for them, if reading takes a time that goes by size, and, by several threads, not
/// while the batch before is still being committed.
pub(crate) fn order(sizes: &[u64], threads: usize) -> Vec<usize> {
    let mut largest_first: Vec<usize> = (0..sizes.len()).collect();
    largest_first.sort_by_key(|at| std::cmp::Reverse(sizes[*at]));
    let inflated = |at: usize| sizes[at].saturating_mul(RATIO);
    let large = largest_first.partition_point(|at| inflated(*at) >= LARGE_BYTES as u64);
    let (mut large, mut small): (VecDeque<usize>, VecDeque<usize>) = (
        largest_first[..large].iter().copied().collect(),
        largest_first[large..].iter().copied().collect(),
    );
    let bytes_max = bytes_max(threads) as u64;
    let all: u64 = sizes.iter().fold(0, |all, size| all.saturating_add(*size));
    let large_from = match threads {
        0 | 1 => 0,
        _ => all.saturating_mul(RATIO) / threads as u64 / BEFORE_LARGE_SHARE,
    };
    let mut planned = vec![Planned::default(); threads.max(1)];
    let mut order = Vec::with_capacity(sizes.len());
    while order.len() < sizes.len() {
        let now = planned.iter().map(|thread| thread.done).min().unwrap_or(0);
        let rooms = planned.iter().filter(|thread| thread.freed > now);
        let held: u64 = rooms.map(|thread| thread.room).sum();
        let fits = |at: &usize| {
            now >= large_from && (held == 0 || held.saturating_add(inflated(*at)) <= bytes_max)
        };
        let next = match large.front().is_some_and(fits) || small.is_empty() {
            true => large.pop_front(),
            false => small.pop_front(),
        };
        let Some(at) = next else { break };
        order.push(at);
        if let Some(free) = planned.iter_mut().find(|thread| thread.done == now) {
            let bytes = inflated(at);
            free.done = now.saturating_add(bytes.max(1));
            if bytes >= LARGE_BYTES as u64 {
                free.room = bytes;
                // A quarter more: no two threads keep to a plan.
                let late = if threads > 1 { bytes / 4 } else { 0 };
                free.freed = free.done.saturating_add(late);
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn one_thread_reads_the_largest_first() {
        assert_eq!(order(&[1, 7 * MIB, 3, 8 * MIB], 1), [3, 1, 2, 0]);
        assert_eq!(order(&[], 2), [0_usize; 0]);
        assert_eq!(order(&[0, 0], 2), [0, 1]);
    }

    #[test]
    fn a_large_file_is_followed_by_small_ones_of_its_size() {
        let mut sizes = vec![MIB / 2; 60];
        sizes.extend([6 * MIB, 7 * MIB]);
        let order = order(&sizes, 2);
        let place = |file: usize| order.iter().position(|at| *at == file).unwrap();
        // A quarter of all, 43 MiB, comes first.
        assert!((20..24).contains(&place(61)), "{order:?}");
        let between = place(60) - place(61);
        assert!((14..26).contains(&between), "{order:?}");
        assert_eq!(order.len(), sizes.len());
    }

    #[test]
    fn large_files_alone_are_all_read() {
        assert_eq!(order(&[6 * MIB, 7 * MIB, 5 * MIB], 2), [1, 0, 2]);
    }

    #[test]
    fn large_files_wait_for_room_and_small_ones_do_not() {
        let room = Room::for_threads(2);
        let under_way = AtomicUsize::new(0);
        let alone = |bytes: usize| {
            let held = room.take(bytes);
            assert_eq!(under_way.fetch_add(1, Ordering::SeqCst), 0);
            drop(room.take(LARGE_BYTES - 1));
            under_way.fetch_sub(1, Ordering::SeqCst);
            drop(held);
        };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| alone(20 << 20)));
                scope.spawn(|| (0..100).for_each(|_| alone(60 << 20)));
            }
        });
        let together = [room.take(16 << 20), room.take(16 << 20)];
        assert_eq!(room.state().held, 32 << 20);
        drop(together);
        assert_eq!(room.state().held, 0);
    }

    #[test]
    fn a_room_is_kept_for_the_next_that_fills_it_by_half() {
        let room = Room::for_threads(1);
        let mut parser = Parser::default();
        for (wanted, given) in [(40, 40), (21, 40), (19, 19), (10, 19), (9, 9), (20, 20)] {
            let mut held = room.take(wanted << 20);
            let buffer = held.buffer.as_ref().map(Vec::len);
            assert_eq!(buffer, Some(given << 20), "{wanted}");
            held.lend_to(&mut parser);
            held.take_back_from(&mut parser);
        }
        let mut held = room.take(16 << 20);
        held.lend_to(&mut parser);
        drop(held);
        assert_eq!(
            parser.take_back().map(|buffer| buffer.len()),
            Some(20 << 20)
        );
        assert!(room.state().spare.is_empty());
    }
}
