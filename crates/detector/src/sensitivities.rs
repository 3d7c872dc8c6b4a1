//! [`Sensitivities`]: the catalogue's ruling on each call, looked up once.

use std::collections::BTreeMap;

use offtrail_event::{CallId, Vocabulary};

use crate::catalogue::{AttackIds, Catalogue, Effect, Sensitivity, SensitivityClass};

/// Class, effect, and all tactics of the incident table.
type Ruling = (Sensitivity, Effect, AttackIds);

/// The catalogue's rulings by call id.
#[derive(Debug)]
pub(crate) struct Sensitivities {
    catalogue: Catalogue,
    known: Vec<Option<Ruling>>,
    /// What records said of calls that were ruled on with their help.
    pub(crate) told: BTreeMap<CallId, bool>,
}

const UNMET: Sensitivity = Sensitivity {
    class: SensitivityClass::OrdinaryWrite,
    reason: "call never met",
    tactic: None,
    technique: None,
    is_data_read: false,
    destructive: false,
};

impl Sensitivities {
    pub(crate) fn new() -> Self {
        Self {
            catalogue: Catalogue::embedded(),
            known: Vec::new(),
            told: BTreeMap::new(),
        }
    }

    /// Rules on a call, if that was not done before. `read_only` is what the record says, if there is one.
    pub(crate) fn meet(&mut self, call: CallId, read_only: Option<bool>, words: &Vocabulary) {
        let index = call.0 as usize;
        if self.known.len() <= index {
            self.known.resize(index + 1, None);
        }
        if self.known[index].is_none() {
            if let Some(read_only) = read_only {
                self.told.insert(call, read_only);
            }
            let (source, operation) = words.call(call);
            let facts = self.catalogue.facts(&source, &operation, read_only);
            let sensitivity = self.catalogue.sensitivity(&source, &operation, read_only);
            self.known[index] = Some((sensitivity, facts.effect, facts.tactics));
        }
    }

    pub(crate) fn of(&self, call: CallId) -> Sensitivity {
        self.get(call).0
    }

    pub(crate) fn effect(&self, call: CallId) -> Effect {
        self.get(call).1
    }

    /// Every tactic that incidents used the call for.
    pub(crate) fn tactics(&self, call: CallId) -> AttackIds {
        self.get(call).2
    }

    fn get(&self, call: CallId) -> Ruling {
        let known = self.known.get(call.0 as usize).copied().flatten();
        known.unwrap_or((UNMET, Effect::Unknown, AttackIds::default()))
    }
}
