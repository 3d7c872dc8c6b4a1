//! The thread of a sink: takes states from the queue, delivers them, and tries again until each is taken or refused.
//!
//! States go out in waves. A wave holds as many states as its outlet takes at once and ends before a second state of one finding where the
//! outlet sends them side by side; the next wave begins when the last state of this one is done. So whatever fails, and however often, a
//! receiver never gets an older state of a finding after a newer one.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::backoff;
use crate::outlet::Outlet;
use crate::queue::{Pause, Queue};
use crate::settings::Settings;

/// Told as soon as everything up to a later state is done.
pub(crate) type Wake = Arc<dyn Fn() + Send + Sync>;

/// The thread's own settings.
#[derive(Debug, Clone, Copy)]
struct Waits {
    first: Duration,
    max: Duration,
}

/// Says that the thread ended, also when it unwinds.
struct End(Arc<Queue>);

impl Drop for End {
    fn drop(&mut self) {
        let why = thread::panicking().then_some("the sink's thread ended through a defect");
        self.0.end(why);
    }
}

/// Starts the thread.
///
/// # Errors
/// The machine gives no further thread.
pub(crate) fn start(
    mut outlet: Box<dyn Outlet>,
    queue: Arc<Queue>,
    settings: &Settings,
    wake: Wake,
) -> io::Result<()> {
    let waits = Waits {
        first: settings.backoff_first,
        max: settings.backoff_max,
    };
    let run = move || {
        let end = End(queue);
        run(&mut *outlet, &end.0, waits, &wake);
        drop(outlet);
    };
    thread::Builder::new()
        .name("sink".into())
        .spawn(run)
        .map(drop)
}

fn run(outlet: &mut dyn Outlet, queue: &Queue, waits: Waits, wake: &Wake) {
    while let Some(mut wave) = queue.next(outlet.shape()) {
        let mut failures = 0;
        loop {
            let answers = outlet.attempt(&wave.open());
            let settled = queue.settle(&mut wave, answers);
            if settled.moved {
                wake();
            }
            let Some(asked) = settled.open else {
                break;
            };
            failures += 1;
            let own = backoff::wait(failures, waits.first, waits.max, backoff::chance());
            match queue.pause(own.max(asked)) {
                Pause::Elapsed => {}
                Pause::Hurry => failures = 0,
                Pause::Over => return,
            }
        }
    }
}

#[cfg(test)]
#[path = "pump_tests.rs"]
mod tests;
