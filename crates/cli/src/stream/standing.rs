//! How feeds, sinks and the baseline stand, in the words of [`super::status`].

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use offtrail_baseline::Baseline;
use offtrail_event::Day;
use offtrail_sinks::Sink;

use crate::stream::status::{FeedStatus, SinkStatus};

/// Days of the baseline that are looked at for gaps.
const GAP_DAYS: u16 = 30;

/// A feed.
pub(crate) fn feed(feed: offtrail_sources::FeedStatus) -> FeedStatus {
    let skipped = feed.skipped;
    let skipped = [
        ("test_event", skipped.test_events),
        ("other_event", skipped.other_events),
        ("other_key", skipped.other_keys),
        ("empty", skipped.empty),
        ("known", skipped.known),
        ("gone", skipped.gone),
    ];
    FeedStatus {
        name: feed.name,
        messages: feed.received,
        objects: feed.objects,
        bytes: feed.bytes,
        deleted: feed.deleted,
        skipped: skipped.into_iter().collect(),
        failed: feed.failed,
        dead_letters: feed.dead,
        in_flight: feed.in_flight,
        lag_secs: feed.lag.map(|lag| lag.as_secs_f64()),
        last_error: feed.last_error.filter(|_| feed.failing),
    }
}

/// A sink, and how many states it is behind.
pub(crate) fn sink((sink, behind): (&Sink, u64)) -> SinkStatus {
    let status = sink.status();
    SinkStatus {
        name: sink.name().to_owned(),
        delivered: status.delivered,
        retries: status.retries,
        refused: status.refused,
        failing_since: status.failing_since,
        behind,
        last_error: status.last_error.filter(|_| status.failing_since.is_some()),
    }
}

/// Says which sinks began to fail and which take states again.
pub(crate) fn say_changes(before: &[SinkStatus], now: &[SinkStatus]) {
    for (before, now) in before.iter().zip(now) {
        match (before.failing_since, now.failing_since) {
            (None, Some(_)) => tracing::warn!(
                sink = now.name,
                behind = now.behind,
                "findings wait for a sink: {}",
                now.last_error.as_deref().unwrap_or("it fails")
            ),
            (Some(_), None) => tracing::info!(sink = now.name, "a sink takes findings again"),
            _ => {}
        }
    }
}

/// How long a feed that fails again is not said to fail: an object now and then that S3 refuses is no news.
const QUIET: Duration = Duration::from_secs(60);

/// What was said of feeds, by name.
#[derive(Debug, Default)]
pub(crate) struct SaidOfFeeds(BTreeMap<String, Said>);

#[derive(Debug)]
struct Said {
    at: Instant,
    failing: bool,
}

impl SaidOfFeeds {
    /// Says which feeds began to fail and which go well again.
    pub(crate) fn say_changes(&mut self, now: Instant, feeds: &[FeedStatus]) {
        for feed in feeds {
            let said = self.0.get(&feed.name);
            let failing = said.is_some_and(|said| said.failing);
            let quiet = said.is_some_and(|said| now.duration_since(said.at) < QUIET);
            match &feed.last_error {
                Some(why) if !failing && !quiet => {
                    tracing::warn!(feed = feed.name, "a feed fails, tried again: {why}");
                }
                None if failing => tracing::info!(feed = feed.name, "a feed goes well again"),
                _ => continue,
            }
            let said = Said {
                at: now,
                failing: feed.last_error.is_some(),
            };
            self.0.insert(feed.name.clone(), said);
        }
    }
}

/// Rows of calls, and the hours of the last 30 days in which an account that was active that day had no record of any region.
pub(crate) fn of_baseline(baseline: &Baseline) -> (u64, u64) {
    let rows = baseline
        .iter()
        .map(|(_, profile)| profile.calls().len() as u64)
        .sum();
    let last = baseline.coverage.iter().map(|(_, _, day, _)| day).max();
    let first = last.map(|day| Day(day.0.saturating_sub(GAP_DAYS)));
    let mut seen: std::collections::BTreeMap<_, u32> = std::collections::BTreeMap::new();
    for (account, _, day, hours) in baseline.coverage.iter() {
        // The last day is not over.
        if Some(day) >= first && Some(day) < last {
            *seen.entry((account, day)).or_default() |= hours;
        }
    }
    let gaps = seen
        .values()
        .map(|hours| u64::from(24 - hours.count_ones().min(24)))
        .sum();
    (rows, gaps)
}
