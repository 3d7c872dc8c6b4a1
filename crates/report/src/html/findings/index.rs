//! What the list, its filters and its search need of each finding. Texts that come again stand once, in a table.

use std::collections::BTreeMap;

use offtrail_event::Timestamp;
use serde::Serialize;

use super::details::place;
use crate::{
    FindingV1, PrincipalV1,
    finding::EvidenceV1,
    inert::{inert, inert_within},
    words::{principal_kind_words, principal_words, tactic_name},
};

/// Bars of a sparkline.
const SPARKS: usize = 16;

/// Highest bar of a sparkline; one digit each.
const SPARK_MAX: f64 = 9.0;

/// Texts of one kind (values of novelties, calls, addresses, keys) by which a finding is searched.
const SEARCHED_MAX: usize = 12;

/// Longest title, in characters.
const TITLE_CHARS_MAX: usize = 400;

#[derive(Serialize)]
pub(super) struct Index {
    /// Ids of the rows' numbers.
    texts: Vec<String>,
    /// Kinds in words.
    kinds: BTreeMap<String, String>,
    /// Tactics in words.
    tactics: BTreeMap<String, String>,
    principals: Vec<PrincipalRow>,
    findings: Vec<FindingRow>,
}

/// A principal, with its key as the profiles have it. Numbers are texts.
#[derive(Serialize)]
struct PrincipalRow {
    key: String,
    words: String,
    name: String,
    kind: u32,
    account: u32,
}

/// A finding in the list, worst first. Numbers are texts, but for `principal`, `place`, `events` and `score`.
#[derive(Serialize)]
struct FindingRow {
    id: String,
    title: String,
    severity: u32,
    score: f64,
    #[serde(rename = "type")]
    kind: u32,
    principal: u32,
    opened: String,
    time: String,
    events: usize,
    /// Bits over time, from the first evidence to the last: a digit a bar.
    spark: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tactics: Vec<u32>,
    raised: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed_by: Option<u32>,
    /// Its place among the details.
    place: usize,
    /// Texts it can be found by, beside title, id, type and principal.
    found_by: Vec<u32>,
}

pub(super) fn index(findings: &[FindingV1]) -> Index {
    let places = place(findings);
    let mut texts = Texts::default();
    let mut kinds = BTreeMap::new();
    let mut tactics = BTreeMap::new();
    let mut principals = Principals::default();
    let mut rows = Vec::with_capacity(findings.len());
    for (finding, place) in findings.iter().zip(places) {
        let kind = inert(&finding.principal.kind).into_owned();
        let words = principal_kind_words(&kind).to_owned();
        kinds.entry(kind).or_insert(words);
        for one in &finding.attack {
            let tactic = inert(&one.tactic).into_owned();
            let words = match tactic_name(&tactic) {
                Some(name) => format!("{name} ({tactic})"),
                None => tactic.clone(),
            };
            tactics.entry(tactic).or_insert(words);
        }
        let mut own_tactics: Vec<u32> = finding
            .attack
            .iter()
            .map(|one| texts.id(&one.tactic))
            .collect();
        own_tactics.sort_unstable();
        own_tactics.dedup();
        rows.push(FindingRow {
            id: inert(&finding.id).into_owned(),
            title: inert_within(&finding.title, TITLE_CHARS_MAX).into_owned(),
            severity: texts.id(&finding.severity),
            score: finding.score,
            kind: texts.id(&finding.kind),
            principal: principals.id(&finding.principal, &mut texts),
            opened: inert(&finding.opened).into_owned(),
            time: inert(&finding.time).into_owned(),
            events: finding.evidence.len(),
            spark: spark(&finding.evidence),
            tactics: own_tactics,
            raised: finding.raised,
            suppressed_by: finding.suppressed_by.as_deref().map(|by| texts.id(by)),
            place,
            found_by: found_by(finding, &mut texts),
        });
    }
    Index {
        texts: texts.all,
        kinds,
        tactics,
        principals: principals.rows,
        findings: rows,
    }
}

/// Texts, each once, by number in the order of first sight.
#[derive(Default)]
struct Texts {
    all: Vec<String>,
    ids: BTreeMap<String, u32>,
}

impl Texts {
    fn id(&mut self, text: &str) -> u32 {
        let text = inert(text);
        if let Some(id) = self.ids.get(text.as_ref()) {
            return *id;
        }
        let id = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(text.clone().into_owned());
        self.ids.insert(text.into_owned(), id);
        id
    }
}

#[derive(Default)]
struct Principals {
    rows: Vec<PrincipalRow>,
    ids: BTreeMap<String, u32>,
}

impl Principals {
    fn id(&mut self, principal: &PrincipalV1, texts: &mut Texts) -> u32 {
        let key = principal_key(principal);
        if let Some(id) = self.ids.get(&key) {
            return *id;
        }
        let id = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let named = [&principal.person, &principal.name, &principal.id];
        let name = named.into_iter().flatten().find(|text| !text.is_empty());
        self.rows.push(PrincipalRow {
            key: key.clone(),
            words: inert_within(&principal_words(principal), TITLE_CHARS_MAX).into_owned(),
            name: name.map_or_else(String::new, |name| inert(name).into_owned()),
            kind: texts.id(&principal.kind),
            account: texts.id(principal.account.as_deref().unwrap_or("unknown")),
        });
        self.ids.insert(key, id);
        id
    }
}

/// What tells a principal from others on a page: kind, account, unique id and person.
pub(super) fn principal_key(principal: &PrincipalV1) -> String {
    let text = |text: &Option<String>| inert(text.as_deref().unwrap_or_default()).into_owned();
    format!(
        "{} {}/{}#{}",
        inert(&principal.kind),
        text(&principal.account),
        text(&principal.id),
        text(&principal.person)
    )
}

/// Bits of evidence from the first event to the last, in equal steps of time; a digit a step, 9 the heaviest.
fn spark(evidence: &[EvidenceV1]) -> String {
    let at = |one: &EvidenceV1| Timestamp::parse(&one.time).map(Timestamp::epoch_secs);
    let times = || evidence.iter().filter_map(at);
    let (Some(first), Some(last)) = (times().min(), times().max()) else {
        return String::new();
    };
    let span = last - first;
    let steps = if span == 0 { 1 } else { SPARKS };
    let mut bits = vec![0.0; steps];
    for one in evidence {
        if let Some(time) = at(one) {
            let step = (time - first) as f64 / span.max(1) as f64 * steps as f64;
            // From 0 to the number of steps; the last event belongs to the last step.
            bits[(step as usize).min(steps - 1)] += one.bits.max(0.0);
        }
    }
    let most = bits.iter().copied().fold(0.0, f64::max);
    let digit = |bits: &f64| match most > 0.0 {
        true => (bits / most * SPARK_MAX).ceil() as u32,
        false => 0,
    };
    bits.iter()
        .map(|bits| char::from_digit(digit(bits), 10).unwrap_or('0'))
        .collect()
}

fn found_by(finding: &FindingV1, texts: &mut Texts) -> Vec<u32> {
    let values = finding.novelties.iter().map(|one| Some(&*one.value));
    let calls = finding.evidence.iter().map(|one| Some(&*one.call));
    let addresses = finding.evidence.iter().map(|one| one.address.as_deref());
    let keys = finding
        .evidence
        .iter()
        .map(|one| one.access_key_id.as_deref());
    let names = finding.evidence.iter().map(|one| one.principal.as_deref());
    let arn = std::iter::once(finding.principal.arn.as_deref());
    let mut found = Vec::new();
    let mut take = |all: &mut dyn Iterator<Item = Option<&str>>| {
        let mut own = Vec::new();
        for text in all.flatten().filter(|text| !text.is_empty()) {
            let id = texts.id(text);
            if !own.contains(&id) {
                own.push(id);
            }
            if own.len() == SEARCHED_MAX {
                break;
            }
        }
        found.append(&mut own);
    };
    take(&mut values.into_iter());
    take(&mut calls.into_iter());
    take(&mut addresses.into_iter());
    take(&mut keys.into_iter());
    take(&mut names.into_iter());
    take(&mut arn.into_iter());
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparks_are_bits_over_time() {
        let check = |events: &[(&str, f64)], expected: &str| {
            let evidence: Vec<_> = events
                .iter()
                .map(|(time, bits)| EvidenceV1 {
                    time: (*time).to_owned(),
                    bits: *bits,
                    ..EvidenceV1::default()
                })
                .collect();
            assert_eq!(spark(&evidence), expected);
        };
        check(&[], "");
        check(&[("no time", 1.0)], "");
        check(&[("2026-08-31T10:00:00Z", 5.0)], "9");
        check(&[("2026-08-31T10:00:00Z", 0.0)], "0");
        check(
            &[
                ("2026-08-31T10:00:00Z", 2.0),
                ("2026-08-31T10:08:00Z", 1.0),
                ("2026-08-31T10:16:00Z", 4.0),
            ],
            "5000000030000009",
        );
    }
}
