//! The thread against receivers that follow a script: whatever fails, everything arrives once, in order.
#![allow(clippy::unwrap_used)]

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::start;
use crate::outlet::{Answer, Outlet, Shape};
use crate::queue::{Pause, Queue};
use crate::settings::Settings;
use crate::told::{Told, state, states};

/// Long enough for a machine that is busy; a test that works never waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a script says to one state; after the script's end everything is taken.
#[derive(Debug, Clone, Copy)]
enum Line {
    Take,
    Fail,
    Refuse,
}

struct Script {
    lines: std::vec::IntoIter<Line>,
    shape: Shape,
    arrived: Arc<Mutex<Vec<(i64, String)>>>,
}

impl Outlet for Script {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn attempt(&mut self, states: &[&Told]) -> Vec<Answer> {
        let mut answer = |state: &&Told| match self.lines.next().unwrap_or(Line::Take) {
            Line::Take => {
                let mut arrived = self.arrived.lock().unwrap();
                arrived.push((state.seq, state.id.clone()));
                Answer::Taken
            }
            Line::Fail => Answer::later("down"),
            Line::Refuse => Answer::Refused("ill-formed".into()),
        };
        states.iter().map(&mut answer).collect()
    }
}

fn settings(queue_max: usize) -> Settings {
    Settings {
        queue_max,
        backoff_first: Duration::ZERO,
        ..Settings::default()
    }
}

/// A queue with its thread, and what tells that things moved.
fn run(outlet: impl Outlet + 'static, settings: &Settings) -> (Arc<Queue>, Receiver<()>) {
    let queue = Arc::new(Queue::new(settings));
    let (woken, wakes): (Sender<()>, _) = mpsc::channel();
    let wake = Arc::new(move || {
        let _ = woken.send(());
    });
    start(Box::new(outlet), Arc::clone(&queue), settings, wake).unwrap();
    (queue, wakes)
}

/// Offers everything as room appears, and waits until it is done.
fn feed(queue: &Queue, wakes: &Receiver<()>, states: Vec<Told>) -> Vec<(i64, String)> {
    let last = states.last().map(|state| state.seq);
    let mut refused = vec![];
    for mut state in states {
        while let Err(back) = queue.offer(state) {
            state = back;
            refused.extend(queue.take_refused());
            if queue.room() == 0 {
                wakes.recv_timeout(PATIENCE).unwrap();
            }
        }
    }
    while queue.taken() < last {
        wakes.recv_timeout(PATIENCE).unwrap();
    }
    refused.extend(queue.take_refused());
    refused
}

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![
        3 => Just(Line::Take),
        4 => Just(Line::Fail),
        1 => Just(Line::Refuse),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn everything_arrives_once_in_order(
        script in prop::collection::vec(line(), 0..60),
        ids in prop::collection::vec(0u8..4, 1..30),
        queue_max in 1usize..8,
        states_max in 1usize..5,
        one_per_finding: bool,
    ) {
        let arrived = Arc::default();
        let shape = Shape { states_max, one_per_finding };
        let outlet = Script { lines: script.into_iter(), shape, arrived: Arc::clone(&arrived) };
        let (queue, wakes) = run(outlet, &settings(queue_max));
        let states: Vec<Told> = ids.iter().enumerate().map(|(i, id)| state(i as i64 * 3 + 1, &id.to_string())).collect();
        let refused = feed(&queue, &wakes, states.clone());
        queue.stop(Instant::now());

        let arrived = arrived.lock().unwrap().clone();
        let mut seen: Vec<i64> = arrived.iter().map(|(seq, _)| *seq).chain(refused.iter().map(|(seq, _)| *seq)).collect();
        seen.sort_unstable();
        let all: Vec<i64> = states.iter().map(|state| state.seq).collect();
        prop_assert_eq!(seen, all, "each once");
        let told_of = |id: &str| arrived.iter().filter(|(_, other)| other == id).map(|(seq, _)| *seq).collect::<Vec<_>>();
        if one_per_finding {
            for id in 0..4 {
                prop_assert!(told_of(&id.to_string()).is_sorted(), "{:?}", arrived);
            }
        }
        if states_max == 1 {
            prop_assert!(arrived.is_sorted_by_key(|(seq, _)| *seq), "{:?}", arrived);
        }
        let status = queue.status();
        prop_assert_eq!((status.delivered, status.refused), (arrived.len() as u64, refused.len() as u64));
        prop_assert_eq!((status.waiting, status.failing_since), (0, None));
    }
}

/// Answers what it is told through a channel, and says when it is asked.
struct Asked {
    asked: Sender<i64>,
    answers: Receiver<Answer>,
}

impl Outlet for Asked {
    fn shape(&self) -> Shape {
        Shape::SINGLE
    }

    fn attempt(&mut self, states: &[&Told]) -> Vec<Answer> {
        let _ = self.asked.send(states[0].seq);
        vec![self.answers.recv().unwrap_or(Answer::later("gone"))]
    }
}

fn asked() -> (Asked, Receiver<i64>, Sender<Answer>) {
    let ((asked, asks), (answer, answers)) = (mpsc::channel(), mpsc::channel());
    (Asked { asked, answers }, asks, answer)
}

#[test]
fn a_full_queue_gives_the_state_back() {
    let (outlet, asks, answer) = asked();
    let (queue, wakes) = run(outlet, &settings(2));
    let [first, second, third] = states::<3>();
    queue.offer(first).unwrap();
    assert_eq!(asks.recv_timeout(PATIENCE), Ok(1));
    queue.offer(second).unwrap();
    assert_eq!((queue.room(), queue.status().waiting), (0, 2));
    assert_eq!(queue.offer(third.clone()), Err(third.clone()));
    answer.send(Answer::Taken).unwrap();
    wakes.recv_timeout(PATIENCE).unwrap();
    assert_eq!((queue.room(), queue.taken()), (1, Some(1)));
    queue.offer(third).unwrap();
    queue.stop(Instant::now());
}

#[test]
fn bytes_count_too() {
    let (outlet, asks, _answer) = asked();
    let settings = Settings {
        queue_bytes_max: 1,
        ..settings(10)
    };
    let (queue, _wakes) = run(outlet, &settings);
    let [first, second] = states::<2>();
    assert!(queue.room() > 0, "one state always fits");
    queue.offer(first).unwrap();
    assert_eq!(asks.recv_timeout(PATIENCE), Ok(1));
    assert_eq!(queue.offer(second.clone()), Err(second));
    queue.stop(Instant::now());
}

#[test]
fn refusals_nobody_collects_take_up_room() {
    let (outlet, _asks, answer) = asked();
    let (queue, wakes) = run(outlet, &settings(1));
    let [first] = states::<1>();
    queue.offer(first).unwrap();
    answer.send(Answer::Refused("no".into())).unwrap();
    wakes.recv_timeout(PATIENCE).unwrap();
    assert_eq!((queue.taken(), queue.room()), (Some(1), 0));
    assert_eq!(queue.take_refused(), [(1, "no".to_owned())]);
    assert_eq!(queue.room(), 1);
    queue.stop(Instant::now());
}

#[test]
fn a_stop_ends_the_wait_and_finishes_what_it_can() {
    let (outlet, asks, answer) = asked();
    let settings = Settings {
        backoff_first: PATIENCE * 60,
        backoff_max: PATIENCE * 60,
        ..settings(10)
    };
    let (queue, _wakes) = run(outlet, &settings);
    let [first, second] = states::<2>();
    queue.offer(first).unwrap();
    queue.offer(second).unwrap();
    answer.send(Answer::later("down")).unwrap();
    assert_eq!(asks.recv_timeout(PATIENCE), Ok(1));
    while queue.status().failing_since.is_none() {
        std::thread::yield_now();
    }
    assert_eq!(queue.status().last_error.as_deref(), Some("down"));
    let by = Instant::now() + PATIENCE;
    queue.stop(by);
    for seq in [1, 2] {
        answer.send(Answer::Taken).unwrap();
        assert_eq!(asks.recv_timeout(PATIENCE), Ok(seq));
    }
    queue.wait_for_end(by);
    assert_eq!(queue.taken(), Some(2));
    assert!(queue.status().ended && queue.room() == 0);
}

#[test]
fn a_stop_before_a_wait_cuts_it_short_too() {
    let queue = Queue::new(&settings(1));
    queue.stop(Instant::now() + PATIENCE);
    assert_eq!(queue.pause(PATIENCE), Pause::Hurry);
    assert_eq!(queue.pause(Duration::ZERO), Pause::Elapsed);
    let over = Queue::new(&settings(1));
    over.stop(Instant::now());
    assert_eq!(over.pause(PATIENCE), Pause::Over);
}

#[test]
fn a_stop_does_not_wait_for_a_receiver_that_hangs() {
    let (outlet, asks, _answer) = asked();
    let (queue, _wakes) = run(outlet, &settings(10));
    let [first] = states::<1>();
    queue.offer(first).unwrap();
    assert_eq!(asks.recv_timeout(PATIENCE), Ok(1));
    let by = Instant::now();
    queue.stop(by);
    queue.wait_for_end(by);
    assert_eq!(queue.taken(), None);
}

#[test]
fn a_receiver_is_left_alone_for_as_long_as_it_asks() {
    let (outlet, asks, answer) = asked();
    let (queue, _wakes) = run(outlet, &settings(10));
    let [first] = states::<1>();
    queue.offer(first).unwrap();
    assert_eq!(asks.recv_timeout(PATIENCE), Ok(1));
    let after = Duration::from_millis(80);
    let before = Instant::now();
    let why = "slow down".to_owned();
    answer
        .send(Answer::Later {
            why,
            after: Some(after),
        })
        .unwrap();
    assert_eq!(asks.recv_timeout(PATIENCE), Ok(1));
    assert!(before.elapsed() >= after);
    queue.stop(Instant::now());
}

struct Defect;

impl Outlet for Defect {
    fn shape(&self) -> Shape {
        Shape::SINGLE
    }

    fn attempt(&mut self, _: &[&Told]) -> Vec<Answer> {
        panic!("a defect, on purpose");
    }
}

#[test]
fn a_defect_is_told() {
    let (queue, _wakes) = run(Defect, &settings(10));
    let [first] = states::<1>();
    queue.offer(first).unwrap();
    queue.wait_for_end(Instant::now() + PATIENCE);
    let status = queue.status();
    assert!(status.ended && status.failing_since.is_some());
    assert!(status.last_error.unwrap().contains("defect"));
}
