//! What a profile alone tells of its principal's appetite for news.

use offtrail_baseline::Profile;
use offtrail_event::{CallId, OutcomeClass, SECONDS_PER_DAY, Timestamp};

use crate::landscape::News;

/// News of one kind and active days of a profile before `now`, decayed.
pub(crate) fn own_pace(
    profile: &Profile,
    news: News,
    now: Timestamp,
    half_life: f64,
) -> (f64, f64) {
    let weight = |then: Timestamp| {
        (-(now.secs_since(then) as f64) / SECONDS_PER_DAY as f64 / half_life).exp2()
    };
    let days = profile
        .days
        .iter()
        .filter(|day| *day <= now.day())
        .map(|day| weight(day.start()).min(1.0))
        .sum();
    let met = match news {
        News::Call => first_calls(profile)
            .filter(|(_, first)| *first < now)
            .map(|(_, first)| weight(first))
            .sum(),
        News::Denied => profile
            .calls()
            .iter()
            .filter(|row| row.outcome() == OutcomeClass::Denied && row.standing().is_known())
            .filter(|row| row.first < now)
            .map(|row| weight(row.first))
            .sum(),
        News::Network | News::Region | News::Agent | News::Role => profile
            .facets()
            .iter()
            .filter(|row| News::of(row.dimension) == Some(news) && row.standing.is_known())
            .filter(|row| row.first < now)
            .map(|row| weight(row.first))
            .sum(),
        News::Principal | News::Target(_) => 0.0,
    };
    (met, days)
}

/// The known calls of a profile with their first sighting, over all outcome classes.
pub(crate) fn first_calls(profile: &Profile) -> impl Iterator<Item = (CallId, Timestamp)> + '_ {
    let rows = profile.calls();
    rows.iter().enumerate().filter_map(move |(index, row)| {
        if index > 0 && rows[index - 1].call() == row.call() {
            return None;
        }
        let same = rows[index..]
            .iter()
            .take_while(|other| other.call() == row.call());
        same.filter(|other| other.standing().is_known())
            .map(|other| other.first)
            .min()
            .map(|first| (row.call(), first))
    })
}
