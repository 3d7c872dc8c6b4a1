//! [`PartTally`]: what parts counted, over which window, and how they named networks.

use std::collections::BTreeMap;

use offtrail_event::pack::{PackError, Packed, Packer, Unpacker};

use crate::Window;

/// What parts counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartTally {
    /// The numbers of the parts, ascending.
    pub parts: Vec<u32>,
    /// Earliest and latest event time learnt.
    pub window: Window,
    /// Counts by name.
    pub counts: BTreeMap<String, u64>,
    /// Facts that must be the same for all parts.
    pub facts: BTreeMap<String, String>,
}

/// Why two tallies can't be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TallyError {
    /// A part would count twice.
    #[error(
        "it counts part {0}, which was counted before; give each line once, and no line of a part that was run again beside those of the run before"
    )]
    Twice(u32),
    /// The parts were not made alike.
    #[error(
        "its {name} is {theirs:?} and that of lines before it {mine:?}; run all parts with the same options"
    )]
    Facts {
        /// What differs.
        name: String,
        /// As it was before.
        mine: String,
        /// As it is here.
        theirs: String,
    },
}

impl PartTally {
    /// One count; 0 if it was never counted.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// Adds other parts.
    ///
    /// # Errors
    /// A part is in both, or they were not made alike; nothing is added then.
    pub fn merge(&mut self, other: &Self) -> Result<(), TallyError> {
        if let Some(part) = other.parts.iter().find(|part| self.parts.contains(part)) {
            return Err(TallyError::Twice(*part));
        }
        let known = !self.parts.is_empty();
        for name in self.facts.keys().chain(other.facts.keys()) {
            let of = |tally: &Self| tally.facts.get(name).cloned().unwrap_or_default();
            let (mine, theirs) = (of(self), of(other));
            if known && mine != theirs {
                return Err(TallyError::Facts {
                    name: name.clone(),
                    mine,
                    theirs,
                });
            }
        }
        self.facts.clone_from(&other.facts);
        self.parts.extend(&other.parts);
        self.parts.sort_unstable();
        self.window.merge(other.window);
        for (name, count) in &other.counts {
            let sum = self.counts.entry(name.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
        Ok(())
    }
}

impl Packed for PartTally {
    fn pack(&self, to: &mut Packer) {
        self.parts.pack(to);
        self.window.0.pack(to);
        let counts: Vec<(String, u64)> = self.counts.clone().into_iter().collect();
        counts.pack(to);
        let facts: Vec<(String, String)> = self.facts.clone().into_iter().collect();
        facts.pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        let mut parts: Vec<u32> = from.list()?;
        parts.sort_unstable();
        let window = Window(Packed::unpack(from)?);
        let counts: Vec<(String, u64)> = from.list()?;
        let facts: Vec<(String, String)> = from.list()?;
        Ok(Self {
            parts,
            window,
            counts: counts.into_iter().collect(),
            facts: facts.into_iter().collect(),
        })
    }
}
