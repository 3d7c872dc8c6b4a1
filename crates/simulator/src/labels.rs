//! The files beside the archive: which events are malicious, which attacks they belong to, what changed without harm,
//! and what was made.

use serde_json::{Value, json};

use crate::attacks::Attack;
use crate::changes::Change;
use crate::clock::{date, iso};
use crate::delivery::Delivered;
use crate::organisation::Organisation;
use crate::population::Population;
use crate::principals::Kind;
use crate::settings::Settings;

/// What was simulated, as written to `stats.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Principals, hires and re-created roles included.
    pub principals: usize,
    /// Account ids, in the order of the organisation.
    pub accounts: Vec<String>,
    /// Attacks that left at least one event.
    pub attacks: usize,
    /// Malicious events.
    pub attack_events: usize,
    /// Planned benign changes.
    pub benign_changes: usize,
    /// Events by kind of principal, in a fixed order of kinds; attacks are not counted.
    pub by_kind: Vec<(&'static str, u64)>,
    /// What was delivered.
    pub delivered: Delivered,
}

fn lines(rows: impl Iterator<Item = Value>) -> Vec<u8> {
    let mut out = Vec::new();
    for row in rows {
        out.extend_from_slice(row.to_string().as_bytes());
        out.push(b'\n');
    }
    out
}

/// `labels.jsonl`: malicious events only.
pub(crate) fn labels(attacks: &[Attack]) -> Vec<u8> {
    lines(attacks.iter().flat_map(|attack| {
        attack
            .events
            .iter()
            .map(|id| json!({"eventID": id, "attack_id": attack.scenario.id}))
    }))
}

/// `attacks.jsonl`, by start.
pub(crate) fn attacks(org: &Organisation, people: &Population, attacks: &[Attack]) -> Vec<u8> {
    lines(attacks.iter().filter_map(|attack| {
        let (start, end) = attack.span?;
        let victim = &people.all[attack.victim];
        Some(json!({
            "id": attack.scenario.id,
            "title": attack.scenario.title,
            "start": iso(start),
            "end": iso(end),
            "victim": victim.card.id(org),
            "victim_arn": victim.card.arn(org),
            "victim_kind": victim.card.kind.name(),
            "principal_kind": victim.card.kind.principal_kind(),
            "style": attack.scenario.style,
            "events": attack.events.len(),
        }))
    }))
}

/// `benign_changes.jsonl`, by day.
pub(crate) fn changes(org: &Organisation, changes: &[Change]) -> Vec<u8> {
    lines(
        changes
            .iter()
            .filter(|change| change.day < org.days)
            .enumerate()
            .map(|(n, change)| {
                json!({
                    "id": format!("change-{:04}", n + 1),
                    "day": change.day,
                    "date": date(org.day_start(change.day)),
                    "kind": change.kind,
                    "title": change.title,
                    "ids": change.ids,
                })
            }),
    )
}

/// `stats.json`.
pub(crate) fn stats(settings: &Settings, org: &Organisation, summary: &Summary) -> Vec<u8> {
    let by_kind: serde_json::Map<String, Value> = summary
        .by_kind
        .iter()
        .map(|(kind, n)| ((*kind).to_owned(), json!(n)))
        .collect();
    let delivered = summary.delivered;
    let value = json!({
        "seed": settings.seed,
        "scale": settings.scale.name(),
        "days": settings.days,
        "start": date(org.start),
        "principals": summary.principals,
        "accounts": summary.accounts,
        "events": delivered.events,
        "duplicates": delivered.repeated,
        "late": delivered.late,
        "files": delivered.files,
        "other_files": delivered.other_files,
        "raw_bytes": delivered.raw_bytes,
        "gz_bytes": delivered.gz_bytes,
        "mean_record": delivered.raw_bytes / (delivered.events + delivered.repeated).max(1),
        "by_kind": by_kind,
        "attacks": summary.attacks,
        "attack_events": summary.attack_events,
        "benign_changes": summary.benign_changes,
    });
    let mut out = format!("{value:#}").into_bytes();
    out.push(b'\n');
    out
}

/// Names and counts in the fixed order of kinds.
pub(crate) fn named(counts: &[u64]) -> Vec<(&'static str, u64)> {
    Kind::ALL
        .iter()
        .zip(counts)
        .map(|(kind, n)| (kind.name(), *n))
        .collect()
}
