//! `index.md`: how many principals of which kind, how settled, and what waits for review.

use std::{collections::BTreeMap, fmt::Write};

use offtrail_event::Vocabulary;

use super::{path, review};
use crate::{Baseline, MaturityRule, MaturityState, Standing};

#[derive(Default)]
struct Totals {
    principals: u64,
    states: [u64; 3],
    standings: [u64; 3],
}

impl Totals {
    fn add(&mut self, other: &Self) {
        self.principals += other.principals;
        for (mine, theirs) in self.states.iter_mut().zip(other.states) {
            *mine += theirs;
        }
        for (mine, theirs) in self.standings.iter_mut().zip(other.standings) {
            *mine += theirs;
        }
    }

    fn cells(&self) -> String {
        let numbers = [self.principals]
            .into_iter()
            .chain(self.states)
            .chain(self.standings);
        numbers.map(|number| format!(" {number} |")).collect()
    }
}

/// The text of the file. Without the end of the window and without counts of observations and calls: a new call is one line
/// of difference, where it stands.
pub(super) fn text(baseline: &Baseline, words: &Vocabulary, rule: &MaturityRule) -> String {
    let mut groups: BTreeMap<(String, &str), Totals> = BTreeMap::new();
    let mut all = Totals::default();
    for (id, profile) in baseline.iter() {
        let name = words.principal(id);
        let mut one = Totals {
            principals: 1,
            ..Totals::default()
        };
        let states = [
            MaturityState::Established,
            MaturityState::Learning,
            MaturityState::Stale,
        ];
        let state = review::state(baseline, profile, rule);
        for (total, counted) in one.states.iter_mut().zip(states) {
            *total = u64::from(counted == state);
        }
        let standings = [Standing::Pending, Standing::Approved, Standing::Refused];
        for (total, counted) in one.standings.iter_mut().zip(standings) {
            let calls = profile
                .calls()
                .iter()
                .filter(|row| row.standing() == counted);
            let others = profile
                .facets()
                .iter()
                .filter(|row| row.standing == counted);
            *total = (calls.count() + others.count()) as u64;
        }
        all.add(&one);
        groups
            .entry((path::folder(&name.account), name.kind.as_str()))
            .or_default()
            .add(&one);
    }
    let mut out = String::from("# Baseline\n\n");
    if let Some((since, _)) = baseline.window.0 {
        let _ = writeln!(out, "Learnt from {} on.\n", since.day());
    }
    out.push_str("| account | kind | principals | established | learning | stale | pending | approved | refused |\n");
    out.push_str("|---|---|---:|---:|---:|---:|---:|---:|---:|\n");
    for ((account, kind), totals) in groups {
        let _ = writeln!(out, "| {account} | {kind} |{}", totals.cells());
    }
    let _ = writeln!(out, "| all | |{}", all.cells());
    out
}
