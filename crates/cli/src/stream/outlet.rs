//! From the outbox to the sinks: one list, every sink with a place in it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use offtrail_report::FindingV1;
use offtrail_sinks::{Sink, Told};
use offtrail_store::{Outgoing, Store};

/// States read from the outbox at once, at most, for each sink.
const STATES_READ_MAX: usize = 256;

/// The sinks of a stream.
pub(crate) struct Outlet {
    sinks: Vec<Place>,
}

struct Place {
    sink: Sink,
    /// The last state given to it.
    offered: i64,
    /// Up to where it has taken them, as the store knows.
    noted: i64,
}

/// What sinks did since it was last noted.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Sink, and up to where it has taken the outbox.
    pub(crate) taken: Vec<(String, i64)>,
    /// Sink, place in the outbox and reason.
    pub(crate) refused: Vec<(String, i64, String)>,
}

impl Outlet {
    /// Starts where each sink stopped.
    ///
    /// # Errors
    /// The store refuses.
    pub(crate) fn open(sinks: Vec<Sink>, store: &mut Store) -> anyhow::Result<Self> {
        let names: Vec<String> = sinks.iter().map(|sink| sink.name().to_owned()).collect();
        let places: BTreeMap<String, i64> = store.name_sinks(&names)?;
        let place = |sink: Sink| {
            let taken = places.get(sink.name()).copied().unwrap_or(0);
            Place {
                sink,
                offered: taken,
                noted: taken,
            }
        };
        Ok(Self {
            sinks: sinks.into_iter().map(place).collect(),
        })
    }

    /// Gives every sink as much as it has room for, up to the last state.
    ///
    /// # Errors
    /// The store can't be read.
    pub(crate) fn pump(&mut self, store: &Store, last_seq: i64) -> anyhow::Result<()> {
        for place in &mut self.sinks {
            while place.offered < last_seq {
                let room = place.sink.room().min(STATES_READ_MAX);
                if room == 0 {
                    break;
                }
                let states = store.outbox_after(place.offered, room)?;
                if states.is_empty() {
                    place.offered = last_seq;
                    break;
                }
                for state in states {
                    let seq = state.seq;
                    let told = told(state).context("read the outbox")?;
                    if place.sink.offer(told).is_err() {
                        break;
                    }
                    place.offered = seq;
                }
            }
        }
        Ok(())
    }

    /// What sinks have done since the last call; to be written with the next tick.
    pub(crate) fn progress(&mut self) -> Progress {
        let mut progress = Progress::default();
        for place in &mut self.sinks {
            let name = place.sink.name();
            // In this order: what was refused up to here is told by then.
            let taken = place.sink.taken().filter(|taken| *taken > place.noted);
            for (seq, why) in place.sink.take_refused() {
                tracing::error!(sink = name, "a finding was refused for good: {why}");
                progress.refused.push((name.to_owned(), seq, why));
            }
            if let Some(taken) = taken {
                place.noted = taken;
                progress.taken.push((name.to_owned(), taken));
            }
        }
        progress
    }

    /// Whether every sink has taken everything up to a place.
    pub(crate) fn is_done(&self, last_seq: i64) -> bool {
        self.sinks.iter().all(|place| place.noted >= last_seq)
    }

    /// The sinks and how many places each is behind.
    pub(crate) fn each(&self, last_seq: i64) -> impl Iterator<Item = (&Sink, u64)> {
        self.sinks.iter().map(move |place| {
            let behind = last_seq.saturating_sub(place.noted);
            (&place.sink, behind.unsigned_abs())
        })
    }

    /// Ends the sinks' threads; each gets what is left of `within` to finish what it began. Returns what they did in the end.
    pub(crate) fn stop(self, within: std::time::Duration) -> Progress {
        let mut progress = Progress::default();
        let until = std::time::Instant::now() + within;
        for place in self.sinks {
            let name = place.sink.name().to_owned();
            let left = until.saturating_duration_since(std::time::Instant::now());
            let (taken, refused) = place.sink.stop_and_collect(left);
            let refused = refused.into_iter();
            progress
                .refused
                .extend(refused.map(|(seq, why)| (name.clone(), seq, why)));
            if let Some(taken) = taken.filter(|taken| *taken > place.noted) {
                progress.taken.push((name, taken));
            }
        }
        progress
    }
}

/// A state as sinks take it.
fn told(state: Outgoing) -> anyhow::Result<Told> {
    let finding: FindingV1 = offtrail_report::read_finding(&state.line)?;
    Ok(Told {
        seq: state.seq,
        key: state.key,
        id: finding.id,
        time: finding.time,
        severity: finding.severity,
        account: finding.principal.account.unwrap_or_default(),
        title: finding.title,
        summary: finding.summary,
        line: state.line.into(),
    })
}
