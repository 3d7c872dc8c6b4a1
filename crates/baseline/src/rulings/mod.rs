//! What people ruled: lines of a principal approved or refused, what it is for, and when something is expected of it.
//!
//! Rulings lie beside profiles and outlive them: learning, merging and expiring rows never change one. Of two rulings on the same line the
//! newer one holds; of one day, the refusal: when two people disagree, the safer word stands until somebody speaks again.

mod expectation;
mod pattern;
mod ruling;

pub use expectation::{Expectation, Season};
pub use pattern::{CallPattern, PatternError};
pub use ruling::{Answer, Purpose, Review, RuledLine, Ruling};

use std::collections::BTreeMap;

use offtrail_event::PrincipalId;

use crate::{Baseline, Dimension, Profile, Standing, export::is_unseen};

/// Expectations of one principal.
pub const EXPECTATIONS_MAX: usize = 100;

/// Patterns of one purpose or expectation.
pub const PATTERNS_MAX: usize = 200;

/// Characters of a reviewer's name.
pub const REVIEWER_CHARS_MAX: usize = 200;

/// Characters of a reason or a purpose.
pub const REASON_CHARS_MAX: usize = 2_000;

/// Whether a text can be what a person said: not blank, at most `chars_max` characters, and all of them can be seen.
#[must_use]
pub fn is_sayable(text: &str, chars_max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= chars_max && !text.chars().any(is_unseen)
}

/// All rulings on one principal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrincipalRulings {
    /// On single lines.
    pub lines: BTreeMap<RuledLine, Ruling>,
    /// What it is for.
    pub purpose: Option<Purpose>,
    /// What is expected of it, sorted; no two of the same calls and season.
    pub expectations: Vec<Expectation>,
}

impl PrincipalRulings {
    /// Whether nobody ruled on anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.purpose.is_none() && self.expectations.is_empty()
    }

    /// Adds an expectation; of two of the same calls and season the newer one stays.
    pub fn expect(&mut self, one: Expectation) {
        self.expectations.push(one);
        self.expectations.sort();
        // Sorted by calls and season, then by what decides between two: the last one is kept.
        self.expectations.reverse();
        self.expectations
            .dedup_by(|later, kept| later.key() == kept.key());
        self.expectations.reverse();
    }

    /// Adds a ruling on a line; of two the newer one stays, of one day the refusal.
    pub fn rule(&mut self, line: RuledLine, ruling: Ruling) {
        let kept = self.lines.entry(line).or_insert_with(|| ruling.clone());
        if *kept < ruling {
            *kept = ruling;
        }
    }

    fn merge(&mut self, other: &Self) {
        for (line, ruling) in &other.lines {
            self.rule(*line, ruling.clone());
        }
        self.purpose = self.purpose.take().max(other.purpose.clone());
        for one in &other.expectations {
            self.expect(one.clone());
        }
    }
}

/// All rulings, by principal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rulings(BTreeMap<PrincipalId, PrincipalRulings>);

impl Rulings {
    /// Those on one principal, if there are any.
    #[must_use]
    pub fn of(&self, id: PrincipalId) -> Option<&PrincipalRulings> {
        self.0.get(&id)
    }

    /// Puts those on one principal in place of what was there; none at all, too: that is what a store has to write then.
    pub fn set(&mut self, id: PrincipalId, rulings: PrincipalRulings) {
        self.0.insert(id, rulings);
    }

    /// Every principal that was ruled on, by id (ids differ between runs: sort by text before showing).
    pub fn iter(&self) -> impl Iterator<Item = (PrincipalId, &PrincipalRulings)> {
        self.0.iter().map(|(id, rulings)| (*id, rulings))
    }

    /// Whether nobody ruled on anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds those of another baseline with the same vocabulary.
    pub fn merge(&mut self, other: &Self) {
        for (id, rulings) in other.iter() {
            self.0.entry(id).or_default().merge(rulings);
        }
    }

    /// Gives values of a dimension other names. Returns the principals whose rulings changed.
    pub(crate) fn rename_values(
        &mut self,
        dimension: Dimension,
        rename: impl Fn(u32) -> Option<u32>,
    ) -> Vec<PrincipalId> {
        let mut changed = Vec::new();
        for (id, rulings) in &mut self.0 {
            let gone: Vec<(RuledLine, u32)> = rulings
                .lines
                .keys()
                .filter_map(|line| match line {
                    RuledLine::Value(of, value) if *of == dimension => {
                        Some((*line, rename(*value)?))
                    }
                    _ => None,
                })
                .collect();
            if !gone.is_empty() {
                changed.push(*id);
            }
            for (line, value) in gone {
                if let Some(ruling) = rulings.lines.remove(&line) {
                    rulings.rule(RuledLine::Value(dimension, value), ruling);
                }
            }
        }
        changed
    }
}

impl Baseline {
    /// Puts the rulings on one principal in place of what was there: rows ruled on take their standing from it, rows no longer ruled on
    /// are learnt ones. Returns what changed, for a store to write.
    pub fn review(&mut self, id: PrincipalId, rulings: PrincipalRulings) -> Self {
        let old = self.rulings.of(id).cloned().unwrap_or_default();
        let mut touched = Self::new();
        let lifted = old
            .lines
            .keys()
            .filter(|line| !rulings.lines.contains_key(line));
        let lifted = lifted.map(|line| (*line, Standing::Learnt));
        let ruled = rulings.lines.iter();
        let ruled = ruled.map(|(line, ruling)| (*line, ruling.answer.standing()));
        let standings: Vec<(RuledLine, Standing)> = lifted.chain(ruled).collect();
        if let Some(profile) = self.profile_if_known(id) {
            let rows = set_standings(profile, standings);
            touched.set_profile(id, rows);
        }
        if rulings.is_empty() {
            self.rulings.0.remove(&id);
        } else {
            self.rulings.set(id, rulings.clone());
        }
        touched.rulings.set(id, rulings);
        touched
    }

    /// Gives every row that was ruled on the standing of its ruling.
    pub(crate) fn obey_rulings(&mut self) {
        let rulings = std::mem::take(&mut self.rulings);
        for (id, ruled) in rulings.iter() {
            let lines = ruled.lines.iter();
            let standings = lines.map(|(line, ruling)| (*line, ruling.answer.standing()));
            if let Some(profile) = self.profile_if_known(id) {
                set_standings(profile, standings.collect());
            }
        }
        self.rulings = rulings;
    }

    fn profile_if_known(&mut self, id: PrincipalId) -> Option<&mut Profile> {
        self.profile(id)?;
        Some(self.profile_mut(id))
    }
}

/// Sets the standing of those rows that there are; returns them as they are then.
fn set_standings(profile: &mut Profile, standings: Vec<(RuledLine, Standing)>) -> Profile {
    let (mut calls, mut facets) = (Vec::new(), Vec::new());
    for (line, standing) in standings {
        match line {
            RuledLine::Call(call, outcome) => {
                if let Some(row) = profile.call_mut(call, outcome) {
                    row.set_standing(standing);
                }
                calls.extend(profile.sightings_of(call, outcome));
            }
            RuledLine::Value(dimension, value) => {
                if let Some(row) = profile.facet_mut(dimension, value) {
                    row.standing = standing;
                    facets.push(row.clone());
                }
            }
        }
    }
    Profile::from_rows(&calls, facets)
}
