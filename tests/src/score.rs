//! How well findings match the labels of a simulated archive: recall at a budget of false findings a day.
//!
//! Strict credit: at a threshold, a finding detects an attack when its score reaches the threshold and at least half of its
//! evidence's bits come from events of that attack; a finding above the threshold that detects nothing is false. The threshold is
//! the lowest that keeps the false ones within the budget. States of one finding count together, each by what it rested on then.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

/// What was scored.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Attacks in the archive.
    pub attacks: usize,
    /// Attacks detected at the budget.
    pub detected: usize,
    /// False findings, at any score.
    pub false_findings: usize,
}

impl Score {
    /// Share of the attacks detected, 0 to 1.
    #[must_use]
    pub fn recall(&self) -> f64 {
        self.detected as f64 / self.attacks as f64
    }
}

/// Scores states of findings. `labels` gives the attack of an event's id; `false_max` is how many false findings the budget allows.
///
/// # Panics
/// A state is no finding.
#[must_use]
pub fn score(
    states: &[Value],
    labels: &HashMap<String, String>,
    attacks: &[String],
    false_max: usize,
) -> Score {
    let mut best: BTreeMap<&str, f64> = BTreeMap::new();
    let mut hit: BTreeMap<&str, &str> = BTreeMap::new();
    let mut credit: BTreeMap<&str, f64> = BTreeMap::new();
    for state in states {
        let id = state["id"].as_str().unwrap();
        let score = state["score"].as_f64().unwrap();
        let most = best.entry(id).or_insert(score);
        *most = most.max(score);
        if let Some(attack) = attack_of(state, labels) {
            hit.insert(id, attack);
            let most = credit.entry(attack).or_insert(score);
            *most = most.max(score);
        }
    }
    let mut wrong: Vec<f64> = best
        .iter()
        .filter(|(id, _)| !hit.contains_key(*id))
        .map(|(_, score)| *score)
        .collect();
    wrong.sort_by(|a, b| b.total_cmp(a));
    let threshold = wrong.get(false_max).copied().unwrap_or(-1.0);
    let detected = attacks
        .iter()
        .filter(|attack| {
            credit
                .get(attack.as_str())
                .is_some_and(|score| *score > threshold)
        })
        .count();
    Score {
        attacks: attacks.len(),
        detected,
        false_findings: wrong.len(),
    }
}

/// The attack that at least half of a state's evidence belongs to.
fn attack_of<'l>(state: &Value, labels: &'l HashMap<String, String>) -> Option<&'l str> {
    let mut total = 0.0;
    let mut shares: BTreeMap<&str, f64> = BTreeMap::new();
    for evidence in state["evidence"].as_array().unwrap() {
        let bits = evidence["bits"].as_f64().unwrap();
        total += bits;
        if let Some(attack) = labels.get(evidence["event_id"].as_str().unwrap()) {
            *shares.entry(attack).or_default() += bits;
        }
    }
    let (attack, share) = shares.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (total > 0.0 && share >= 0.5 * total).then_some(attack)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(id: &str, score: f64, evidence: &[(&str, f64)]) -> Value {
        let evidence: Vec<Value> = evidence
            .iter()
            .map(|(event, bits)| json!({"event_id": event, "bits": bits}))
            .collect();
        json!({"id": id, "score": score, "evidence": evidence})
    }

    #[test]
    fn credit_is_strict_and_the_budget_sets_the_threshold() {
        let label = |event: &str, attack: &str| (event.to_owned(), attack.to_owned());
        let labels = HashMap::from([label("e1", "a"), label("e2", "b")]);
        let attacks = ["a".to_owned(), "b".to_owned()];
        let states = [
            state("good", 9.0, &[("e1", 3.0), ("x", 3.0)]),
            state("weak", 8.0, &[("e2", 1.0), ("x", 3.0)]),
            state("late", 2.0, &[("e2", 1.0)]),
            state("late", 5.0, &[("e2", 1.0), ("x", 9.0)]),
            state("wrong", 7.0, &[("x", 1.0)]),
        ];
        let check = |false_max, detected| {
            let expected = Score {
                attacks: 2,
                detected,
                false_findings: 2,
            };
            assert_eq!(score(&states, &labels, &attacks, false_max), expected);
        };
        check(0, 1);
        check(1, 1);
        check(2, 2);
    }
}
