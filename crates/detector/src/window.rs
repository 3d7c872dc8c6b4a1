//! What makes a finding of single pieces of news: the damped sum of their bits, and how long a finding collects. Shared by cases and by the replay
//! that calibrates the threshold, so that both weigh alike.

use offtrail_event::{SECONDS_PER_DAY, Timestamp};

use crate::settings::FindingSettings;

/// The heaviest counts in full, the next half, the next a quarter, and so on.
pub(crate) fn damped_sum(bits: impl IntoIterator<Item = f64>) -> f64 {
    let mut bits: Vec<f64> = bits.into_iter().collect();
    bits.sort_by(|a, b| b.total_cmp(a));
    bits.iter()
        .zip(0..60)
        .map(|(bits, place)| bits * 0.5_f64.powi(place))
        .sum()
}

/// When a finding opened at `opened` stops collecting, if nothing extends it.
pub(crate) fn first_end(opened: Timestamp, settings: &FindingSettings) -> Timestamp {
    opened.plus_secs(hours(settings.window_hours))
}

/// When it stops, after an event at `time` raised its score by `rise` bits; `until`: when it would have stopped.
pub(crate) fn extended(
    (opened, until): (Timestamp, Timestamp),
    time: Timestamp,
    rise: f64,
    settings: &FindingSettings,
) -> Timestamp {
    if rise <= settings.extend_bits {
        return until;
    }
    let longest = opened.plus_secs((settings.days_max * SECONDS_PER_DAY as f64) as i64);
    until.max(time.plus_secs(hours(settings.window_hours)).min(longest))
}

fn hours(hours: f64) -> i64 {
    (hours * 3600.0) as i64
}
