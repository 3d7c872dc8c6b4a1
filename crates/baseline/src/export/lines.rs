//! All of a baseline as JSON Lines: first the window, then coverage, then one line per principal; each kind sorted by its texts.

use std::fmt::Write;

use offtrail_event::{Day, PrincipalId, PrincipalName, TextId, Timestamp, Vocabulary};

use super::{EXPORT_FORMAT, in_order, quote::json, review, ruled};
use crate::{Baseline, CallRow, DaySet, Dimension, FacetRow, Profile};

/// All of a baseline, one JSON object a line, without line ends. Equal lines mean equal baselines.
pub fn json_lines<'a>(
    baseline: &'a Baseline,
    words: &'a Vocabulary,
) -> impl Iterator<Item = String> + 'a {
    let principals = in_order(baseline, words).into_iter();
    std::iter::once(window_line(baseline))
        .chain(coverage_lines(baseline, words))
        .chain(principals.filter_map(move |id| {
            let line = profile_line(&words.principal(id), baseline.profile(id)?, words);
            Some(match baseline.rulings.of(id) {
                Some(rulings) if !rulings.is_empty() => {
                    let open = line.strip_suffix('}').unwrap_or(&line);
                    format!("{open},\"rulings\":{}}}", ruled::json(rulings, words))
                }
                _ => line,
            })
        }))
}

fn window_line(baseline: &Baseline) -> String {
    format!(
        r#"{{"type":"baseline","version":{EXPORT_FORMAT},{},"observations":{}}}"#,
        span(["since", "until"], baseline.window.0),
        baseline.observations
    )
}

fn coverage_lines(baseline: &Baseline, words: &Vocabulary) -> Vec<String> {
    let mut all: Vec<_> = baseline
        .coverage
        .iter()
        .map(|(account, region, day, hours)| (words.text(account), words.text(region), day, hours))
        .collect();
    all.sort();
    all.iter()
        .map(|(account, region, day, hours)| {
            let hours: Vec<_> = (0..24).filter(|hour| hours >> hour & 1 == 1).collect();
            format!(
                r#"{{"type":"coverage","account":{},"region":{},"day":"{day}","hours":{hours:?}}}"#,
                json(account),
                json(region)
            )
        })
        .collect()
}

fn profile_line(name: &PrincipalName, profile: &Profile, words: &Vocabulary) -> String {
    let mut out = format!(r#"{{"type":"profile","principal":{}"#, principal(name));
    let traits: Vec<_> = review::traits(profile)
        .iter()
        .map(|word| json(word))
        .collect();
    let _ = write!(
        out,
        r#","traits":[{}],{},"observations":{},"days":{},"hours_of_week":"#,
        traits.join(","),
        span(["first_seen", "last_seen"], profile.seen),
        profile.observations,
        ranges(&profile.days)
    );
    let hours = profile.hours();
    let hours = hours.iter().enumerate().filter(|(_, count)| **count > 0);
    let hours: Vec<_> = hours
        .map(|(hour, count)| format!(r#""{hour}":{count}"#))
        .collect();
    let _ = write!(out, "{{{}}}", hours.join(","));
    let rows = profile.calls().iter();
    let calls = sorted(rows.map(|row| call(row, &profile.days_of(row), words)));
    let facets = sorted(profile.facets().iter().map(|row| facet(row, words)));
    let _ = write!(out, r#","calls":[{calls}],"facets":[{facets}]}}"#);
    out
}

/// Objects in the order of their text, which begins with their key.
fn sorted(objects: impl Iterator<Item = String>) -> String {
    let mut objects: Vec<_> = objects.collect();
    objects.sort();
    objects.join(",")
}

fn call(row: &CallRow, days: &DaySet, words: &Vocabulary) -> String {
    let (source, operation) = words.call(row.call());
    format!(
        r#"{{"source":{},"operation":{},"outcome":"{}","standing":"{}",{},"count":{},"days":{}}}"#,
        json(&source),
        json(&operation),
        row.outcome(),
        row.standing(),
        span(["first_seen", "last_seen"], Some((row.first, row.last))),
        row.count(),
        ranges(days)
    )
}

fn facet(row: &FacetRow, words: &Vocabulary) -> String {
    let value = match row.dimension {
        Dimension::Takes => principal(&words.principal(PrincipalId(row.value))),
        _ => json(&words.text(TextId(row.value))),
    };
    format!(
        r#"{{"dimension":"{}","value":{value},"standing":"{}",{},"count":{}}}"#,
        row.dimension,
        row.standing,
        span(["first_seen", "last_seen"], Some((row.first, row.last))),
        row.count
    )
}

pub(super) fn principal(name: &PrincipalName) -> String {
    let told = |text: &str| {
        if text.is_empty() {
            "null".to_owned()
        } else {
            json(text)
        }
    };
    format!(
        r#"{{"kind":"{}","account":{},"id":{},"person":{},"arn":{},"name":{}}}"#,
        name.kind,
        json(&name.account),
        json(&name.id),
        name.person
            .as_deref()
            .map_or_else(|| "null".to_owned(), json),
        told(&name.arn),
        told(&name.name)
    )
}

fn span([from, to]: [&str; 2], times: Option<(Timestamp, Timestamp)>) -> String {
    match times {
        Some((first, last)) => format!(r#""{from}":"{first}","{to}":"{last}""#),
        None => format!(r#""{from}":null,"{to}":null"#),
    }
}

/// Days as a list of days and, where they follow each other, of ISO 8601 intervals with both ends included.
fn ranges(days: &DaySet) -> String {
    let mut runs: Vec<(Day, Day)> = Vec::new();
    for day in days.iter() {
        match runs.last_mut() {
            Some((_, last)) if day.days_since(*last) == 1 => *last = day,
            _ => runs.push((day, day)),
        }
    }
    let texts: Vec<_> = runs
        .iter()
        .map(|(first, last)| {
            if first == last {
                format!("\"{first}\"")
            } else {
                format!("\"{first}/{last}\"")
            }
        })
        .collect();
    format!("[{}]", texts.join(","))
}
