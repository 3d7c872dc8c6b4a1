//! The details of each finding: `finding-v1` itself, its texts made inert, cut to what the page has room for.
//!
//! They are packed in blocks of [`BLOCK`], findings of one principal side by side, since those have most in common. The more findings a page has, the
//! less of each is kept: heaviest evidence and novelties first, and how many are left out is told.

use std::{cmp::Reverse, io};

use serde_json::{Map, Value, json};

use super::{index::principal_key, packed};
use crate::{
    FindingV1,
    inert::inert_within,
    sql::finding_queries,
    words::{credential_words, principal_words},
};

/// Most events of a finding that a page shows; fewer on a page of many findings.
pub const EVIDENCE_IN_PAGE_MAX: usize = 200;

/// Findings unpacked at once.
pub(super) const BLOCK: usize = 32;

/// Longest text, in characters.
const DETAIL_CHARS_MAX: usize = 1_000;

/// Items of each other list: steps of lineage, what was reached, principals of a change. `NAME_more` counts the rest.
const LIST_MAX: usize = 40;

/// What is kept of each finding.
#[derive(Clone, Copy)]
struct Kept {
    evidence: usize,
    novelties: usize,
    queries: usize,
}

/// From all there is to the least; the first that fits is taken, the last in any case.
const KEPT: [Kept; 8] = [
    Kept::of(EVIDENCE_IN_PAGE_MAX, 60, 6),
    Kept::of(80, 30, 6),
    Kept::of(40, 20, 6),
    Kept::of(20, 12, 2),
    Kept::of(10, 8, 2),
    Kept::of(6, 6, 2),
    Kept::of(4, 4, 0),
    Kept::of(2, 2, 0),
];

impl Kept {
    const fn of(evidence: usize, novelties: usize, queries: usize) -> Self {
        Self {
            evidence,
            novelties,
            queries,
        }
    }
}

/// The place of each finding among the details.
pub(super) fn place(findings: &[FindingV1]) -> Vec<usize> {
    let mut places = vec![0; findings.len()];
    for (place, index) in order(findings).into_iter().enumerate() {
        places[index] = place;
    }
    places
}

/// Findings of one principal side by side.
fn order(findings: &[FindingV1]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by_cached_key(|index| principal_key(&findings[*index].principal));
    order
}

/// The blocks, of as much as fits into `room` bytes.
pub(super) fn details(findings: &[FindingV1], room: usize) -> io::Result<Vec<String>> {
    let order = order(findings);
    let mut blocks = Vec::new();
    for (index, kept) in KEPT.iter().enumerate() {
        blocks.clear();
        let mut bytes = 0;
        for block in order.chunks(BLOCK) {
            let block: Vec<Value> = block
                .iter()
                .map(|index| detail(&findings[*index], *kept))
                .collect();
            let block = packed(&block)?;
            bytes += block.len();
            blocks.push(block);
            if bytes > room && index + 1 < KEPT.len() {
                break;
            }
        }
        if bytes <= room {
            break;
        }
    }
    Ok(blocks)
}

fn detail(finding: &FindingV1, kept: Kept) -> Value {
    let mut shown = finding.clone();
    let evidence_more = heaviest(&mut shown, kept.evidence);
    let novelties_more = shown.novelties.len().saturating_sub(kept.novelties);
    shown.novelties.truncate(kept.novelties);
    let Ok(Value::Object(mut all)) = serde_json::to_value(&shown) else {
        return Value::Null;
    };
    for known in [
        "version", "id", "type", "time", "opened", "severity", "score", "title", "raised",
    ] {
        all.remove(known);
    }
    let mut value = Value::Object(all);
    tame(&mut value);
    if let Value::Object(all) = &mut value {
        let words =
            |text: String| Value::String(inert_within(&text, DETAIL_CHARS_MAX).into_owned());
        all.insert(
            "credential_words".to_owned(),
            words(credential_words(&finding.credential, &finding.principal)),
        );
        if let Some(root) = &finding.root {
            all.insert("root_words".to_owned(), words(principal_words(root)));
        }
        more(all, "evidence_more", evidence_more);
        more(all, "novelties_more", novelties_more);
        let queries: Vec<Value> = finding_queries(finding)
            .into_iter()
            .take(kept.queries)
            .map(|query| json!({ "shows": inert_within(&query.shows, DETAIL_CHARS_MAX), "sql": query.sql }))
            .collect();
        if !queries.is_empty() {
            all.insert("queries".to_owned(), Value::Array(queries));
        }
    }
    value
}

fn more(all: &mut Map<String, Value>, name: &str, count: usize) {
    if count > 0 {
        all.insert(name.to_owned(), count.into());
    }
}

/// Keeps the heaviest events, in order of time, and gives how many are left out.
fn heaviest(finding: &mut FindingV1, most: usize) -> usize {
    let all = finding.evidence.len();
    let mut ranked: Vec<usize> = (0..all).collect();
    ranked.sort_by_key(|index| Reverse((finding.evidence[*index].bits * 100.0).round() as i64));
    ranked.truncate(most);
    ranked.sort_unstable();
    finding.evidence = ranked
        .iter()
        .map(|index| finding.evidence[*index].clone())
        .collect();
    all - ranked.len()
}

/// Makes every text inert, cuts long lists, and drops what is empty.
fn tame(value: &mut Value) {
    match value {
        Value::String(text) => *text = inert_within(text, DETAIL_CHARS_MAX).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(tame),
        Value::Object(entries) => {
            let mut cut = Vec::new();
            entries.retain(|name, value| match value {
                Value::Null => false,
                Value::Array(items) => {
                    // Evidence and novelties were cut before, by weight.
                    let weighed = name == "evidence" || name == "novelties";
                    if !weighed && items.len() > LIST_MAX {
                        cut.push((format!("{name}_more"), items.len() - LIST_MAX));
                        items.truncate(LIST_MAX);
                    }
                    !items.is_empty()
                }
                _ => true,
            });
            entries.values_mut().for_each(tame);
            for (name, count) in cut {
                more(entries, &name, count);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::EvidenceV1;

    fn finding(events: usize) -> FindingV1 {
        FindingV1 {
            evidence: (0..events)
                .map(|index| EvidenceV1 {
                    call: format!("iam:Call{index}"),
                    bits: (index % 7) as f64,
                    user_agent: Some("a\u{202e}b".to_owned()),
                    ..EvidenceV1::default()
                })
                .collect(),
            ..FindingV1::default()
        }
    }

    #[test]
    fn the_heaviest_evidence_stays_in_order_of_time() {
        let shown = detail(&finding(14), Kept::of(3, 1, 0));
        let calls: Vec<&str> = shown["evidence"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["call"].as_str())
            .collect();
        assert_eq!(calls, ["iam:Call5", "iam:Call6", "iam:Call13"]);
        assert_eq!(shown["evidence_more"], 11);
        assert_eq!(shown["evidence"][0]["user_agent"], "a\\u{202e}b");
        assert_eq!(shown["evidence"][0].get("region"), None);
    }

    #[test]
    fn a_page_without_room_keeps_the_least() {
        let findings = vec![finding(14); 3];
        let all = details(&findings, usize::MAX).map(|blocks| blocks[0].len());
        let least = details(&findings, 0).map(|blocks| blocks[0].len());
        assert!(matches!((all, least), (Ok(all), Ok(least)) if least < all));
    }
}
