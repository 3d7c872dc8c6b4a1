//! How well the findings of a backtest meet labels, for archives whose attacks are known.
//!
//! Strict credit: a state of a finding detects an attack when at least half of its evidence's bits come from that attack's labelled
//! events; a finding that never does is false. Recall is told at budgets of false findings a day, so that it says what somebody would
//! have seen, and average precision sums up the ranking (Manning, Raghavan, Schütze, *Introduction to Information Retrieval*, 8.4).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use anyhow::Context as _;
use offtrail_event::{SECONDS_PER_DAY, Timestamp};
use offtrail_report::{FindingV1, LabelScores, Recall};
use serde::{Deserialize, de::DeserializeOwned};

/// Budgets that recall is told at, false findings a day.
const BUDGETS: [f64; 4] = [0.3, 1.0, 3.0, 10.0];

#[derive(Deserialize)]
struct LabelLine {
    #[serde(rename = "eventID")]
    event_id: String,
    attack_id: String,
}

#[derive(Deserialize)]
struct AttackLine {
    id: String,
}

#[derive(Deserialize)]
struct NeutralLine {
    #[serde(rename = "eventID")]
    event_id: String,
}

/// Which events belong to which attack.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    attack_of: HashMap<String, String>,
    attacks: BTreeSet<String>,
    /// Events that are neither known good nor known bad: no evidence either way.
    neutral: HashSet<String>,
}

impl Labels {
    /// Reads `labels.jsonl`, `attacks.jsonl` beside it and, where there is one, `neutral.jsonl`.
    ///
    /// # Errors
    /// A file can't be read, or a line lacks its keys.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let beside = |name: &str| path.with_file_name(name);
        let labels: Vec<LabelLine> = lines(path)?;
        let attacks: Vec<AttackLine> = lines(&beside("attacks.jsonl"))?;
        let neutral = beside("neutral.jsonl");
        let neutral: Vec<NeutralLine> = if neutral.is_file() {
            lines(&neutral)?
        } else {
            Vec::new()
        };
        anyhow::ensure!(
            !attacks.is_empty(),
            "read labels {path:?}: attacks.jsonl beside it names no attack; nothing can be scored"
        );
        Ok(Self {
            attack_of: labels
                .into_iter()
                .map(|line| (line.event_id, line.attack_id))
                .collect(),
            attacks: attacks.into_iter().map(|line| line.id).collect(),
            neutral: neutral.into_iter().map(|line| line.event_id).collect(),
        })
    }

    /// What the evidence of a state says: `None` to pass it over, else the attack that has most of it, if any.
    fn verdict<'l>(&'l self, evidence: &[(&str, f64)]) -> Option<Option<&'l str>> {
        let (mut total, mut neutral) = (0.0, 0.0);
        let mut by_attack: Vec<(&str, f64)> = Vec::new();
        for (event_id, bits) in evidence {
            if self.neutral.contains(*event_id) {
                neutral += bits;
                continue;
            }
            total += bits;
            let Some(attack) = self.attack_of.get(*event_id) else {
                continue;
            };
            match by_attack.iter_mut().find(|(one, _)| one == attack) {
                Some((_, sum)) => *sum += bits,
                None => by_attack.push((attack, *bits)),
            }
        }
        if neutral > total {
            return None;
        }
        // Of two with equal bits the first in the evidence.
        let most = by_attack
            .into_iter()
            .reduce(|most, one| if one.1 > most.1 { one } else { most });
        Some(
            most.filter(|(_, bits)| total > 0.0 && *bits >= 0.5 * total)
                .map(|(attack, _)| attack),
        )
    }
}

fn lines<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    let doing = || format!("read labels {path:?}");
    let file = File::open(path).with_context(doing)?;
    let mut read = Vec::new();
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(doing)?;
        if !line.trim().is_empty() {
            read.push(
                serde_json::from_str(&line)
                    .with_context(|| format!("{}, line {}", doing(), index + 1))?,
            );
        }
    }
    Ok(read)
}

/// Takes states as they are told, and scores them at the end.
#[derive(Debug)]
pub(crate) struct Scoring<'l> {
    labels: &'l Labels,
    since: Timestamp,
    until: Timestamp,
    findings: BTreeMap<String, Scored>,
    /// How each attack was detected.
    credit: BTreeMap<String, Credit>,
}

/// What is known of one finding.
#[derive(Debug)]
struct Scored {
    best: f64,
    raised: bool,
    /// The attack it detected, if it ever did.
    attack: Option<String>,
}

/// How an attack was detected.
#[derive(Debug)]
struct Credit {
    /// Best score at which it was.
    best: f64,
    /// Whether a raised state did.
    raised: bool,
}

impl<'l> Scoring<'l> {
    /// Scores what is judged from `since` on.
    pub(crate) fn new(labels: &'l Labels, since: Timestamp) -> Self {
        Self {
            labels,
            since,
            until: since,
            findings: BTreeMap::new(),
            credit: BTreeMap::new(),
        }
    }

    /// Takes one state.
    pub(crate) fn take(&mut self, time: Timestamp, state: &FindingV1) {
        let evidence: Vec<(&str, f64)> = state
            .evidence
            .iter()
            .map(|one| {
                (
                    one.event_id.as_deref().unwrap_or_default(),
                    one.bits.max(0.0),
                )
            })
            .collect();
        self.state(time, (&state.id, state.score, state.raised), &evidence);
    }

    fn state(
        &mut self,
        time: Timestamp,
        (id, score, raised): (&str, f64, bool),
        evidence: &[(&str, f64)],
    ) {
        self.until = self.until.max(time);
        let Some(attack) = self.labels.verdict(evidence) else {
            return;
        };
        let mine = self.findings.entry(id.to_owned()).or_insert(Scored {
            best: score,
            raised,
            attack: None,
        });
        mine.best = mine.best.max(score);
        mine.raised |= raised;
        if let Some(attack) = attack {
            mine.attack = Some(attack.to_owned());
            let credit = self.credit.entry(attack.to_owned()).or_insert(Credit {
                best: score,
                raised,
            });
            credit.best = credit.best.max(score);
            credit.raised |= raised;
        }
    }

    fn days(&self) -> f64 {
        (self.until.secs_since(self.since) as f64 / SECONDS_PER_DAY as f64).max(1.0)
    }

    fn false_scores(&self) -> Vec<f64> {
        let mut scores: Vec<f64> = self
            .findings
            .values()
            .filter(|mine| mine.attack.is_none())
            .map(|mine| mine.best)
            .collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        scores
    }

    /// Share of the attacks detected where so many false findings a day are read, from the worst down.
    fn recall_at(&self, false_per_day: f64) -> f64 {
        let allowed = (false_per_day * self.days()) as usize;
        let threshold = self.false_scores().get(allowed).copied().unwrap_or(-1.0);
        let detected = self
            .labels
            .attacks
            .iter()
            .filter(|attack| {
                self.credit
                    .get(*attack)
                    .is_some_and(|credit| credit.best > threshold)
            })
            .count();
        detected as f64 / self.labels.attacks.len() as f64
    }

    fn average_precision(&self) -> f64 {
        let mut ranked: Vec<(f64, bool)> = self
            .findings
            .values()
            .map(|mine| (mine.best, mine.attack.is_some()))
            .collect();
        // Of equal scores the false ones first: no credit for luck.
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let (mut hits, mut sum) = (0u32, 0.0);
        for (index, (_, hit)) in ranked.iter().enumerate() {
            if *hit {
                hits += 1;
                sum += f64::from(hits) / (index + 1) as f64;
            }
        }
        let detected: BTreeSet<_> = self
            .findings
            .values()
            .filter_map(|mine| mine.attack.as_ref())
            .collect();
        sum / f64::from(hits.max(1)) * detected.len() as f64 / self.labels.attacks.len() as f64
    }

    /// The figures.
    pub(crate) fn scores(&self) -> LabelScores {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let credited = |only_raised: bool| {
            let of = self.labels.attacks.iter().filter(|attack| {
                let credit = self.credit.get(*attack);
                credit.is_some_and(|credit| credit.raised || !only_raised)
            });
            number(of.count())
        };
        let falsely = self.findings.values().filter(|mine| mine.attack.is_none());
        LabelScores {
            attacks: number(self.labels.attacks.len()),
            detected: credited(false),
            detected_raised: credited(true),
            findings: number(self.findings.len()),
            false_findings: number(falsely.clone().count()),
            false_raised: number(falsely.filter(|mine| mine.raised).count()),
            days: self.days(),
            recall: BUDGETS
                .map(|false_a_day| Recall {
                    false_a_day,
                    share: self.recall_at(false_a_day),
                })
                .to_vec(),
            average_precision: self.average_precision(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        let pairs = [("e1", "a"), ("e2", "a"), ("e3", "b")];
        Labels {
            attack_of: pairs.map(|(e, a)| (e.to_owned(), a.to_owned())).into(),
            attacks: ["a", "b"].map(str::to_owned).into(),
            neutral: ["n".to_owned()].into(),
        }
    }

    #[test]
    fn credit_needs_half_of_the_bits() {
        let labels = labels();
        let check = |evidence: &[(&str, f64)], expected| {
            assert_eq!(labels.verdict(evidence), expected, "{evidence:?}");
        };
        check(&[("e1", 1.0), ("x", 1.0)], Some(Some("a")));
        check(&[("e1", 1.0), ("x", 1.1)], Some(None));
        check(&[("e1", 1.0), ("e3", 2.0)], Some(Some("b")));
        check(&[("e1", 1.0), ("n", 1.0)], Some(Some("a")));
        check(&[("e1", 1.0), ("n", 1.1)], None);
        check(&[], Some(None));
    }

    #[test]
    fn figures_of_a_ranking() {
        let labels = labels();
        let mut scoring = Scoring::new(&labels, Timestamp::MIN);
        let day = |days: i64| Timestamp::MIN.plus_secs(days * SECONDS_PER_DAY);
        scoring.state(day(1), ("f1", 9.0, true), &[("e1", 1.0)]);
        scoring.state(day(1), ("f2", 8.0, true), &[("x", 1.0)]);
        scoring.state(day(2), ("f3", 7.0, false), &[("e3", 1.0)]);
        assert!(
            (scoring.recall_at(0.3) - 0.5).abs() < 1e-9,
            "no false one is read"
        );
        assert!((scoring.recall_at(1.0) - 1.0).abs() < 1e-9);
        assert!((scoring.average_precision() - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-9);
        let scores = scoring.scores();
        assert_eq!(
            (scores.attacks, scores.detected, scores.detected_raised),
            (2, 2, 1)
        );
        assert_eq!(
            (scores.findings, scores.false_findings, scores.false_raised),
            (3, 1, 1)
        );
    }
}
