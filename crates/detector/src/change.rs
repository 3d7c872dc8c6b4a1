//! [`Change`]: what several principals take up together, as one finding of low severity instead of one each.
//!
//! A case whose score reaches the threshold only through calls of a wave joins the change of that wave. It stays a case: later news is added to all it holds, and what
//! lifts the rest of it over the threshold is raised with everything.

use std::collections::{BTreeMap, BTreeSet};

use offtrail_event::{CallId, PrincipalId, PrincipalName, SECONDS_PER_DAY, Timestamp, Vocabulary};
use xxhash_rust::xxh3::xxh3_128;

use crate::{
    BehaviorChange, Detector, Evidence, Finding, Reach, Severity,
    assemble::assemble,
    case::{Case, Follower},
    judge::Verdict,
    settings::{ChangeSettings, SeveritySettings},
    suppress::Covers,
    wording,
};

/// Most events listed in a change; those of further members stand in their own cases only.
pub(crate) const CHANGE_EVIDENCE_MAX: usize = 1_000;

/// Members up to which each that joins is told; beyond, whenever their number has doubled, and at the end.
const TOLD_SINGLY_MAX: usize = 16;

/// One change of behaviour, while it goes on.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// What the finding shows of its members: id, lead of the heaviest, evidence, novelties.
    pub(crate) gathered: Case,
    /// The source of the call it formed around.
    pub(crate) source: String,
    /// First sighting of the wave.
    pub(crate) since: Timestamp,
    /// The largest score that one of its members has on its own, bits.
    pub(crate) score: f64,
    pub(crate) calls: BTreeSet<CallId>,
    /// Each principal of it, those before the first member included, with its first sighting.
    pub(crate) members: BTreeMap<PrincipalId, Timestamp>,
    /// Members and calls of the state last told.
    pub(crate) told_members: usize,
    pub(crate) told_calls: usize,
}

impl Change {
    /// Formed around the heaviest call of a wave that a case holds.
    pub(crate) fn form(
        case: &Case,
        heaviest: (CallId, &Follower),
        settings: &ChangeSettings,
        words: &Vocabulary,
    ) -> Self {
        let (call, follower) = heaviest;
        let (source, _) = words.call(call);
        let since = follower.wave.since;
        let opener = follower
            .wave
            .others
            .first()
            .map_or(case.root, |(id, _)| *id);
        let key = words.principal(opener).key();
        let digest = xxh3_128(format!("{source}\0{since}\0{key}").as_bytes());
        Self {
            gathered: Case {
                id: format!("{digest:032x}"),
                evidence: Vec::new(),
                novelties: Vec::new(),
                lineage: Vec::new(),
                brought_calls: Vec::new(),
                brought_facets: Vec::new(),
                calls: BTreeMap::new(),
                context: BTreeMap::new(),
                followers: BTreeMap::new(),
                seen: hashbrown::HashMap::default(),
                seen_context: BTreeSet::new(),
                attack: BTreeSet::new(),
                ruled: Vec::new(),
                raised: true,
                covers: Covers::default(),
                suppressed: None,
                change: None,
                told: None,
                told_evidence: 0,
                until: case.last.plus_secs(days(settings)),
                ..case.clone()
            },
            source: source.to_string(),
            since,
            score: 0.0,
            calls: BTreeSet::new(),
            members: BTreeMap::new(),
            told_members: 0,
            told_calls: 0,
        }
    }

    /// Adds a case, or what it gained: the calls of waves it holds and `evidence`.
    pub(crate) fn join(
        &mut self,
        case: &Case,
        evidence: &[Evidence],
        (settings, words): (&ChangeSettings, &Vocabulary),
    ) {
        let gathered = &mut self.gathered;
        // In order of time and texts: ids differ from run to run.
        let mut followers: Vec<_> = case.followers.iter().collect();
        followers.sort_by_cached_key(|((principal, _), follower)| {
            let call = follower.novelty.value.clone();
            (follower.time, call, words.principal(*principal).key())
        });
        for ((principal, call), follower) in followers {
            self.calls.insert(*call);
            for (other, first) in &follower.wave.others {
                self.members.entry(*other).or_insert(*first);
                self.since = self.since.min(*first);
            }
            self.members.entry(*principal).or_insert(follower.time);
            let novelty = &follower.novelty;
            let same = |one: &&mut crate::Novelty| one.value == novelty.value;
            match gathered.novelties.iter_mut().find(same) {
                Some(known) if known.bits < novelty.bits => *known = novelty.clone(),
                Some(_) => {}
                None => gathered.novelties.push(novelty.clone()),
            }
        }
        let weight = |case: &Case| case.lead.as_ref().map_or(0.0, |lead| lead.bits);
        if weight(case) > weight(gathered) {
            gathered.lead.clone_from(&case.lead);
            gathered.root = case.root;
            gathered.note = case.note.clone();
        }
        gathered.attack.extend(case.attack.iter().cloned());
        let room = CHANGE_EVIDENCE_MAX.saturating_sub(gathered.evidence.len());
        gathered
            .evidence
            .extend(evidence.iter().take(room).cloned());
        gathered.opened = gathered.opened.min(case.opened);
        gathered.last = gathered.last.max(case.last);
        gathered.until = gathered.until.max(case.last.plus_secs(days(settings)));
        self.score = self.score.max(case.score());
    }

    /// Whether so much joined that a new state is worth telling.
    pub(crate) fn grew(&self) -> bool {
        let (members, told) = (self.members.len(), self.told_members);
        let joined = members > told && (members <= TOLD_SINGLY_MAX || members >= 2 * told);
        joined || (self.calls.len() > self.told_calls && members <= TOLD_SINGLY_MAX)
    }

    /// Whether anything joined since the state last told.
    pub(crate) fn gained(&self) -> bool {
        self.members.len() > self.told_members
            || self.calls.len() > self.told_calls
            || self.gathered.evidence.len() > self.gathered.told_evidence
    }

    /// The present state as a finding.
    pub(crate) fn tell(
        &mut self,
        threshold: (f64, bool),
        steps: &SeveritySettings,
        words: &Vocabulary,
    ) -> Finding {
        self.told_members = self.members.len();
        self.told_calls = self.calls.len();
        self.gathered.told_evidence = self.gathered.evidence.len();
        self.gathered.evidence.sort_by_key(|one| one.time);
        let mut calls: Vec<String> = self
            .calls
            .iter()
            .map(|call| words.call_text(*call))
            .collect();
        calls.sort_unstable();
        // The call it formed around first.
        let heaviest = wording::heaviest_values(&self.gathered, "call");
        let rank = |call: &String| heaviest.iter().position(|(value, _)| value == call);
        calls.sort_by_key(rank);
        let mut principals: Vec<_> = self
            .members
            .iter()
            .map(|(id, first)| (words.principal(*id), *first))
            .collect();
        principals.sort_by_key(|(name, first)| (*first, name.key()));
        let change = BehaviorChange {
            since: self.since,
            calls,
            principals,
        };
        let finding = assemble(&self.gathered, threshold, steps, words);
        Finding {
            kind: "Behavior:AWSAccount/BehaviorChange.RollOut".to_owned(),
            severity: Severity::Low,
            score: self.score,
            title: wording::change_title(&change),
            summary: wording::change_summary(&change),
            harmless_if: wording::change_harmless_if(&change),
            next_steps: wording::change_next_steps(&change),
            root: None,
            guardduty: None,
            reach: reach(&change),
            change: Some(change),
            ..finding
        }
    }
}

impl Detector {
    /// Brings a case that reaches the threshold only through calls of waves to the change of its heaviest one; returns the state of that, if it is worth telling.
    pub(crate) fn join_change(
        &mut self,
        case: &mut Case,
        verdict: &Verdict,
        words: &Vocabulary,
    ) -> Option<Finding> {
        if case.has_reached() || case.whole_score() < self.threshold {
            return None;
        }
        let follows = verdict
            .call
            .as_ref()
            .is_some_and(|news| news.wave.is_some());
        if case.change.is_some() && !follows {
            return None;
        }
        let heaviest = case.heaviest_follower()?;
        let source = match &case.change {
            Some(source) => source.clone(),
            None => words.call(heaviest.0).0.to_string(),
        };
        let settings = &self.settings.change;
        let open = self
            .changes
            .remove(&source)
            .filter(|open| case.last <= open.gathered.until);
        let mut change = match open {
            Some(open) => open,
            None => Change::form(case, heaviest, settings, words),
        };
        let calls: Vec<&str> = case
            .followers
            .values()
            .map(|follower| follower.novelty.value.as_str())
            .collect();
        let evidence: Vec<Evidence> = match case.change {
            Some(_) => case.evidence.last().cloned().into_iter().collect(),
            None => {
                let of_wave = |one: &&Evidence| calls.contains(&one.call.as_str());
                case.evidence.iter().filter(of_wave).cloned().collect()
            }
        };
        change.join(case, &evidence, (settings, words));
        case.change = Some(source.clone());
        let threshold = (self.threshold, self.calibrated);
        let told = change
            .grew()
            .then(|| change.tell(threshold, &self.settings.severity, words));
        self.changes.insert(source, change);
        told
    }

    /// The last states of changes that gained something since they were told.
    pub(crate) fn tell_changes(&self, changes: &mut [Change], words: &Vocabulary) -> Vec<Finding> {
        let threshold = (self.threshold, self.calibrated);
        changes
            .iter_mut()
            .filter(|change| change.gained())
            .map(|change| change.tell(threshold, &self.settings.severity, words))
            .collect()
    }
}

/// The principals of a change and their accounts.
fn reach(change: &BehaviorChange) -> Reach {
    let names = || change.principals.iter().map(|(name, _)| name);
    let labels: BTreeSet<String> = names().map(PrincipalName::label).collect();
    let accounts: BTreeSet<String> = names().map(|name| name.account.to_string()).collect();
    Reach {
        credentials: Vec::new(),
        principals: labels.into_iter().collect(),
        accounts: accounts.into_iter().collect(),
    }
}

fn days(settings: &ChangeSettings) -> i64 {
    (settings.wave_days * SECONDS_PER_DAY as f64) as i64
}
