//! [`Sensitivities`]: the catalogue's ruling on each call, looked up once.

use offtrail_event::{CallId, Vocabulary};

use crate::catalogue::{Catalogue, Effect, Sensitivity, SensitivityClass};

/// The catalogue's rulings by call id.
#[derive(Debug)]
pub(crate) struct Sensitivities {
    catalogue: Catalogue,
    known: Vec<Option<(Sensitivity, Effect)>>,
}

const UNMET: (Sensitivity, Effect) = (
    Sensitivity {
        class: SensitivityClass::OrdinaryWrite,
        reason: "call never met",
        tactic: None,
        technique: None,
        is_data_read: false,
        destructive: false,
    },
    Effect::Unknown,
);

impl Sensitivities {
    pub(crate) fn new() -> Self {
        Self {
            catalogue: Catalogue::embedded(),
            known: Vec::new(),
        }
    }

    /// Rules on a call, if that was not done before. `read_only` is what the record says, if there is one.
    pub(crate) fn meet(&mut self, call: CallId, read_only: Option<bool>, words: &Vocabulary) {
        let index = call.0 as usize;
        if self.known.len() <= index {
            self.known.resize(index + 1, None);
        }
        if self.known[index].is_none() {
            let (source, operation) = words.call(call);
            let effect = self.catalogue.facts(&source, &operation, read_only).effect;
            self.known[index] = Some((
                self.catalogue.sensitivity(&source, &operation, read_only),
                effect,
            ));
        }
    }

    pub(crate) fn of(&self, call: CallId) -> Sensitivity {
        self.get(call).0
    }

    pub(crate) fn effect(&self, call: CallId) -> Effect {
        self.get(call).1
    }

    fn get(&self, call: CallId) -> (Sensitivity, Effect) {
        self.known
            .get(call.0 as usize)
            .copied()
            .flatten()
            .unwrap_or(UNMET)
    }
}
