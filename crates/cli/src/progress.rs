//! Talk on standard error: a bar on a terminal, a plain line every few seconds otherwise, nothing with `--quiet`.

use std::{
    io::{self, IsTerminal},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use offtrail_sources::Items;

/// Time between two plain lines.
const PLAIN_LINE_EVERY: Duration = Duration::from_secs(5);

/// Redraws of the bar, a second.
const REDRAWS_A_SECOND: u8 = 8;

/// Notes about single files that are shown; the rest is counted.
const NOTES_SHOWN_MAX: u64 = 20;

/// Whether a run talks on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Talk {
    /// Progress, notes and the reconciliation.
    Loud,
    /// Errors only.
    Quiet,
}

impl Talk {
    /// One line for people, between pieces of work.
    #[allow(clippy::print_stderr, reason = "stderr is where a run talks")]
    pub(crate) fn say(self, line: &str) {
        if self == Self::Loud {
            eprintln!("{line}");
        }
    }
}

/// How far a piece of work is. Shared by the threads that do it.
pub(crate) struct Progress {
    talk: Talk,
    what: &'static str,
    bar: Option<ProgressBar>,
    total: u64,
    bytes_total: u64,
    done: AtomicU64,
    bytes: AtomicU64,
    records: AtomicU64,
    notes: AtomicU64,
    begun: Instant,
    last_line: Mutex<Instant>,
}

impl Progress {
    /// A piece of work of `total` files (days, …).
    pub(crate) fn new(talk: Talk, what: &'static str, total: u64) -> Self {
        let now = Instant::now();
        let bar = (talk == Talk::Loud && io::stderr().is_terminal()).then(|| {
            let target = ProgressDrawTarget::stderr_with_hz(REDRAWS_A_SECOND);
            let style = ProgressStyle::with_template(
                "{prefix} {wide_bar} {human_pos}/{human_len} {msg} {eta_precise} left",
            )
            .unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::with_draw_target(Some(total), target)
                .with_style(style)
                .with_prefix(what)
        });
        Self {
            talk,
            what,
            bar,
            total,
            bytes_total: 0,
            done: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            records: AtomicU64::new(0),
            notes: AtomicU64::new(0),
            begun: now,
            last_line: Mutex::new(now),
        }
    }

    /// Reading these files: how much is left is told by their bytes, where those are known beforehand.
    pub(crate) fn of_files(talk: Talk, what: &'static str, items: &Items) -> Self {
        let mut progress = Self::new(talk, what, items.len() as u64);
        progress.bytes_total = items.bytes();
        if let Some(bar) = progress.bar.take() {
            let style =
                ProgressStyle::with_template("{prefix} {wide_bar} {human_pos}/{human_len} {msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_bar());
            progress.bar = Some(bar.with_style(style));
        }
        progress
    }

    /// One more is done, with so many records in it.
    pub(crate) fn done(&self, records: u64) {
        self.read(records, 0);
    }

    /// One more file is read, with so many records in so many bytes.
    pub(crate) fn read(&self, records: u64, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let records = self.records.fetch_add(records, Ordering::Relaxed) + records;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            if done.is_multiple_of(64) {
                bar.set_message(match self.bytes_total {
                    0 => format!("{} records/s", self.rate(records)),
                    _ => self.rates(done, records),
                });
            }
        } else if self.talk == Talk::Loud
            && let Ok(mut last) = self.last_line.try_lock()
            && last.elapsed() >= PLAIN_LINE_EVERY
        {
            *last = Instant::now();
            self.talk.say(&self.line(done, records));
        }
    }

    fn rate(&self, records: u64) -> u64 {
        (records as f64 / self.begun.elapsed().as_secs_f64().max(0.001)) as u64
    }

    fn line(&self, done: u64, records: u64) -> String {
        if self.bytes_total > 0 {
            return format!(
                "{}: {done} of {}, {records} records, {}",
                self.what,
                self.total,
                self.rates(done, records)
            );
        }
        let elapsed = self.begun.elapsed().as_secs_f64();
        let left = elapsed / done.max(1) as f64 * self.total.saturating_sub(done) as f64;
        format!(
            "{}: {done} of {}, {records} records, {} a second, about {left:.0} s left",
            self.what,
            self.total,
            self.rate(records)
        )
    }

    /// What a second brings, and how long the rest takes: half told by files and half by bytes, since either may be what takes the time.
    fn rates(&self, done: u64, records: u64) -> String {
        let elapsed = self.begun.elapsed().as_secs_f64().max(0.001);
        let bytes = self.bytes.load(Ordering::Relaxed);
        let share = |part: u64, whole: u64| (part as f64 / whole.max(1) as f64).clamp(0.0, 1.0);
        let share = (share(done, self.total) + share(bytes, self.bytes_total)) / 2.0;
        let left = elapsed / share.max(1e-6) * (1.0 - share);
        format!(
            "{:.1} of {:.1} MB, {} files, {} records and {:.1} MB a second, about {} left",
            bytes as f64 / 1e6,
            self.bytes_total as f64 / 1e6,
            self.rate(done),
            self.rate(records),
            bytes as f64 / 1e6 / elapsed,
            span(left)
        )
    }

    /// A note about one thing; after [`NOTES_SHOWN_MAX`] they are only counted.
    pub(crate) fn note(&self, line: &str) {
        let noted = self.notes.fetch_add(1, Ordering::Relaxed);
        if noted >= NOTES_SHOWN_MAX {
            return;
        }
        match &self.bar {
            Some(bar) => bar.suspend(|| self.talk.say(line)),
            None => self.talk.say(line),
        }
    }

    /// The work is over: the bar goes, and notes not shown are counted.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let hidden = self
            .notes
            .swap(0, Ordering::Relaxed)
            .saturating_sub(NOTES_SHOWN_MAX);
        if hidden > 0 {
            self.talk.say(&format!("… and {hidden} more like these"));
        }
    }
}

/// A time in the unit that fits it.
fn span(secs: f64) -> String {
    match secs {
        secs if secs < 120.0 => format!("{secs:.0} s"),
        secs if secs < 7_200.0 => format!("{:.0} min", secs / 60.0),
        secs => format!("{:.1} h", secs / 3_600.0),
    }
}
