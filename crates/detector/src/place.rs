//! Which case the news of an observation belongs to: the open one of its lineage's root, the closed one that its credential was created
//! in, or a new one.

use offtrail_baseline::Baseline;
use offtrail_event::{Observation, PrincipalId, Vocabulary};

use crate::{Detector, case::Case, detector::finding_id, judge::Verdict, lineage::lasts};

/// Where a case lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It collects what its root does.
    Open,
    /// Its window is over; what was created in it still joins it.
    Closed,
}

impl Detector {
    /// Takes out the case that news of a root belongs to, or opens one; closes the open one if its window is over. The caller puts it
    /// back into its place.
    pub(crate) fn case_for(
        &mut self,
        root: PrincipalId,
        observation: &Observation,
        verdict: &Verdict,
        (baseline, words): (&Baseline, &Vocabulary),
    ) -> Option<(Case, Place)> {
        let created = verdict.ancestry.is_some_and(|ancestry| ancestry.created);
        if let Some(case) = self.open.remove(&root) {
            if observation.time > case.until {
                self.keep(case);
            } else if created
                && !self.created_in(&case, observation, words)
                && let Some(earlier) = self.closed.remove(&root)
            {
                if self.created_in(&earlier, observation, words) {
                    self.open.insert(root, case);
                    return Some((earlier, Place::Closed));
                }
                self.closed.insert(root, earlier);
                return Some((case, Place::Open));
            } else {
                return Some((case, Place::Open));
            }
        }
        if (created || verdict.repeats_held)
            && let Some(case) = self.closed.remove(&root)
        {
            return Some((case, Place::Open));
        }
        if !verdict.brings_news() {
            return None;
        }
        let id = finding_id(root, observation, words);
        let note = self.note(observation, baseline, words);
        let case = Case::open(id, root, observation.time, note, self.settings());
        Some((case, Place::Open))
    }

    /// Whether something on the way to the credential of an observation was created in a case.
    fn created_in(&self, case: &Case, observation: &Observation, words: &Vocabulary) -> bool {
        let mut chain = self.lineage.chain(observation, words).into_iter();
        chain.any(|step| lasts(&step) && case.lineage.contains(&step))
    }

    /// Keeps a closed case as long as a created credential or a held row may lead back to it. One of a root: a raised one rather than
    /// another, else the latest.
    pub(crate) fn keep(&mut self, case: Case) {
        let lasting = case.is_held() || case.lineage.iter().any(lasts);
        let kept = self.closed.get(&case.root);
        if lasting && (case.raised || kept.is_none_or(|kept| !kept.raised)) {
            self.closed.insert(case.root, case);
        }
    }
}
