//! [`Case`]: what one lineage does within a window, added up. A case that reaches the threshold is a raised finding.
//!
//! The sum is damped: the heaviest call counts in full, the next half, the next a quarter, so that one odd call ranks by itself and a
//! burst of small ones can't drown it; each other dimension counts once, with its largest value.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use offtrail_baseline::Dimension;
use offtrail_event::{CallId, Observation, OutcomeClass, PrincipalId, TargetKind, Timestamp};

use crate::{
    Attack, BaselineNote, CredentialShown, Evidence, LineageStep, Novelty, Settings,
    catalogue::{AttackIds, SensitivityClass},
    judge::{CallNews, ContextNews, TargetNews, Verdict},
    landscape::News,
    obey::{RuledNews, RuledNote},
    settings::FindingSettings,
    suppress::Covers,
    wave::Wave,
    window::{damped_sum, extended, first_end},
};

/// What enters the damped sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Damped {
    /// A new call.
    Call(CallId),
    /// A known call in bulk.
    Bulk(CallId),
    /// What a call was aimed at.
    Target(u32),
}

/// A call row that a case brought into the baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BroughtCall {
    pub(crate) principal: PrincipalId,
    pub(crate) call: CallId,
    pub(crate) outcome: OutcomeClass,
    pub(crate) time: Timestamp,
    pub(crate) surprise: f64,
    /// Whether it was counted in the landscape.
    pub(crate) counted: bool,
}

/// Another row that a case brought into the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BroughtFacet {
    pub(crate) principal: PrincipalId,
    pub(crate) dimension: Dimension,
    pub(crate) value: u32,
    pub(crate) news: News,
    pub(crate) time: Timestamp,
}

/// A call of a wave that a case holds.
#[derive(Clone, Debug)]
pub(crate) struct Follower {
    pub(crate) time: Timestamp,
    pub(crate) wave: Wave,
    pub(crate) novelty: Novelty,
}

/// The heaviest piece of evidence so far: whom a finding is about.
#[derive(Clone, Debug)]
pub(crate) struct Lead {
    pub(crate) bits: f64,
    pub(crate) principal: PrincipalId,
    pub(crate) credential: CredentialShown,
    pub(crate) call: Option<String>,
    /// What the call was aimed at, where that weighs more than the call.
    pub(crate) target: Option<String>,
    pub(crate) class: SensitivityClass,
    pub(crate) outcome: OutcomeClass,
    pub(crate) attack: (Option<String>, Option<String>),
    /// The detection mechanism and what a title says, where somebody refused it.
    pub(crate) ruled: Option<(String, String)>,
}

/// ATT&CK tactic and technique of a call, as the catalogue has them.
type AttackPair = (Option<&'static str>, Option<&'static str>);

/// What may lead a finding: a call, or what it was aimed at.
struct Named {
    bits: f64,
    call: String,
    target: Option<String>,
    class: SensitivityClass,
    attack: AttackPair,
    ruled: Option<(String, String)>,
}

impl Named {
    /// Of an observation's news what is told first: the gravest refusal, else the heavier of the call and what it was aimed at.
    fn heaviest(
        call: Option<&CallNews>,
        aimed: &[&TargetNews],
        refused: &[&RuledNews],
        evidence: &Evidence,
    ) -> Option<Self> {
        if let Some(news) = refused.iter().max_by_key(|news| news.severity) {
            return Some(Self::ruled(news, evidence));
        }
        let target = aimed
            .iter()
            .max_by(|a, b| a.novelty.bits.total_cmp(&b.novelty.bits));
        match (call, target) {
            (Some(call), Some(target)) if target.novelty.bits > call.novelty.bits => {
                Some(Self::target(target, evidence))
            }
            (Some(call), _) => Some(Self::call(call)),
            (None, Some(target)) => Some(Self::target(target, evidence)),
            (None, None) => None,
        }
    }

    fn ruled(news: &RuledNews, evidence: &Evidence) -> Self {
        Self {
            bits: news.novelty.bits,
            call: evidence.call.clone(),
            target: None,
            class: news.class,
            attack: news.attack,
            ruled: Some((news.mechanism.to_owned(), news.title.clone())),
        }
    }

    fn call(news: &CallNews) -> Self {
        Self {
            bits: news.novelty.bits,
            call: news.novelty.value.clone(),
            target: None,
            class: news.class,
            attack: news.attack,
            ruled: None,
        }
    }

    fn target(news: &TargetNews, evidence: &Evidence) -> Self {
        Self {
            bits: news.novelty.bits,
            call: evidence.call.clone(),
            target: Some(news.novelty.value.clone()),
            class: news.class,
            attack: news.attack,
            ruled: None,
        }
    }
}

/// One lineage's news within a window.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) root: PrincipalId,
    pub(crate) opened: Timestamp,
    /// When it stops collecting.
    pub(crate) until: Timestamp,
    pub(crate) last: Timestamp,
    /// Bits of what enters the damped sum, by whom.
    pub(crate) calls: BTreeMap<(PrincipalId, Damped), f64>,
    pub(crate) context: BTreeMap<&'static str, f64>,
    /// The calls among these that belong to waves.
    pub(crate) followers: BTreeMap<(PrincipalId, CallId), Follower>,
    pub(crate) seen: HashMap<(PrincipalId, CallId), bool, FixedState>,
    pub(crate) seen_context: BTreeSet<(PrincipalId, &'static str, u32)>,
    /// Rulings it met, for its summary.
    pub(crate) ruled: Vec<RuledNote>,
    pub(crate) lead: Option<Lead>,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) novelties: Vec<Novelty>,
    pub(crate) lineage: Vec<LineageStep>,
    pub(crate) attack: BTreeSet<Attack>,
    pub(crate) brought_calls: Vec<BroughtCall>,
    pub(crate) brought_facets: Vec<BroughtFacet>,
    pub(crate) note: BaselineNote,
    pub(crate) raised: bool,
    /// What of its news suppressions cover.
    pub(crate) covers: Covers,
    /// The mark of the suppression that hides it, though it reached the threshold.
    pub(crate) suppressed: Option<u64>,
    /// The source of the behaviour change it went to.
    pub(crate) change: Option<String>,
    /// What a call of a wave counts of itself before it is raised.
    pub(crate) wave_share: f64,
    /// A severe call succeeded, or something was minted that lasts.
    pub(crate) foothold: bool,
    /// Score of the state last told.
    pub(crate) told: Option<f64>,
    /// Evidence lines of the state last told.
    pub(crate) told_evidence: usize,
}

impl Case {
    pub(crate) fn open(
        id: String,
        root: PrincipalId,
        time: Timestamp,
        note: BaselineNote,
        settings: &Settings,
    ) -> Self {
        Self {
            id,
            root,
            opened: time,
            until: first_end(time, &settings.finding),
            wave_share: settings.change.wave_share,
            last: time,
            calls: BTreeMap::new(),
            context: BTreeMap::new(),
            followers: BTreeMap::new(),
            seen: HashMap::default(),
            seen_context: BTreeSet::new(),
            ruled: Vec::new(),
            lead: None,
            evidence: Vec::new(),
            novelties: Vec::new(),
            lineage: Vec::new(),
            attack: BTreeSet::new(),
            brought_calls: Vec::new(),
            brought_facets: Vec::new(),
            note,
            raised: false,
            covers: Covers::default(),
            suppressed: None,
            change: None,
            foothold: false,
            told: None,
            told_evidence: 0,
        }
    }

    /// Bits: damped sum of the calls plus the largest of each other dimension. Finite, ≥ 0. Before it is raised, calls of waves count their
    /// share, unless a network is new: what is rolled out runs where its principals run.
    pub(crate) fn score(&self) -> f64 {
        let calls = self.calls.iter();
        let own = calls.map(|((id, damped), bits)| bits * self.share_of(*id, *damped));
        damped_sum(own) + self.context.values().sum::<f64>()
    }

    /// How much of its bits a call counts.
    pub(crate) fn share_of(&self, principal: PrincipalId, damped: Damped) -> f64 {
        match damped {
            _ if self.raised || self.context.contains_key("network") => 1.0,
            Damped::Call(call) if self.followers.contains_key(&(principal, call)) => {
                self.wave_share
            }
            _ => 1.0,
        }
    }

    /// The same with calls of waves in full.
    pub(crate) fn whole_score(&self) -> f64 {
        damped_sum(self.calls.values().copied()) + self.context.values().sum::<f64>()
    }

    /// Whether rows that it brought are held back.
    pub(crate) fn is_held(&self) -> bool {
        self.has_reached() || self.change.is_some()
    }

    /// The heaviest of its calls that belong to waves.
    pub(crate) fn heaviest_follower(&self) -> Option<(CallId, &Follower)> {
        let bits = |follower: &Follower| follower.novelty.bits;
        self.followers
            .iter()
            .map(|((_, call), follower)| (*call, follower))
            .max_by(|(_, a), (_, b)| {
                let by_name = || b.novelty.value.cmp(&a.novelty.value);
                bits(a).total_cmp(&bits(b)).then_with(by_name)
            })
    }

    /// Whether this call of this principal is news it already holds.
    pub(crate) fn holds(&self, principal: PrincipalId, call: CallId) -> bool {
        self.seen.get(&(principal, call)).copied().unwrap_or(false)
    }

    /// Adds what is new; returns the bits the score rose by.
    pub(crate) fn add(
        &mut self,
        observation: &Observation,
        verdict: &Verdict,
        mut evidence: Evidence,
        settings: &FindingSettings,
    ) -> f64 {
        let before = self.score();
        let principal = observation.principal;
        let call = verdict
            .call
            .as_deref()
            .filter(|news| !self.seen.contains_key(&(principal, news.call)));
        let (refused_again, refused): (Vec<&RuledNews>, Vec<&RuledNews>) =
            (verdict.ruled.iter()).partition(|news| self.holds_ruled(principal, news));
        let repeats = verdict.repeats_held
            || !refused_again.is_empty()
            || self.holds(principal, observation.call);
        let fresh: Vec<&ContextNews> = verdict
            .context
            .iter()
            .filter(|news| {
                !self
                    .seen_context
                    .contains(&(principal, news.key.0, news.key.1))
            })
            .collect();
        let aimed: Vec<&TargetNews> = verdict
            .targets
            .iter()
            .filter(|news| news.novelty.bits > 0.0)
            .filter(|news| {
                !self
                    .seen_context
                    .contains(&(principal, "target", news.value))
            })
            .collect();
        let is_news = call.is_some() || verdict.volume.is_some() || !refused.is_empty();
        if !is_news && fresh.is_empty() && aimed.is_empty() && !repeats {
            return 0.0;
        }
        let mut bits = 0.0;
        for news in &refused {
            bits += news.novelty.bits;
            self.add_ruled(principal, news);
        }
        let ruled = refused.iter().chain(&refused_again);
        evidence.why.extend(ruled.map(|news| news.note.clone()));
        if let Some(bulk) = &verdict.volume {
            bits += self.add_volume(observation, bulk);
            evidence.why.push(format!(
                "bulk of {}: {}",
                bulk.novelty.value, bulk.novelty.arithmetic
            ));
        }
        if let Some(news) = call {
            bits += news.novelty.bits;
            self.add_call(observation, news);
            evidence.why.push(why_call(news));
            evidence.why.extend(why_wave(news));
        }
        for news in &fresh {
            bits += news.novelty.bits;
            self.add_context(principal, news);
            evidence.why.push(format!(
                "first {} {}",
                news.novelty.dimension.replace('_', " "),
                news.novelty.value
            ));
        }
        for news in &aimed {
            bits += news.novelty.bits;
            self.add_target(observation, news);
            evidence
                .why
                .push(format!("first aimed at {}", news.novelty.value));
        }
        if bits > 0.0 {
            self.note_rulings(&verdict.notes);
            evidence.why.extend(verdict.notes.iter().cloned());
        }
        if bits <= 0.0 && repeats {
            evidence.why.push("again, within this finding".to_owned());
        }
        evidence.bits = bits;
        let call = call.or(verdict.volume.as_deref());
        let named = Named::heaviest(call, &aimed, &refused, &evidence);
        self.lead(observation, named, bits, &evidence);
        self.last = self.last.max(observation.time);
        self.evidence.push(evidence);
        let rise = self.score() - before;
        self.until = extended((self.opened, self.until), observation.time, rise, settings);
        rise
    }

    fn add_context(&mut self, principal: PrincipalId, news: &ContextNews) {
        self.seen_context
            .insert((principal, news.key.0, news.key.1));
        let largest = self.context.entry(news.key.0).or_default();
        *largest = largest.max(news.novelty.bits);
        self.novelties.push(news.novelty.clone());
    }

    fn add_call(&mut self, observation: &Observation, news: &CallNews) {
        self.seen
            .insert((observation.principal, news.call), news.new_to_principal);
        self.calls.insert(
            (observation.principal, Damped::Call(news.call)),
            news.novelty.bits,
        );
        self.novelties.push(news.novelty.clone());
        if let Some(wave) = &news.wave {
            let follower = Follower {
                time: observation.time,
                wave: wave.clone(),
                novelty: news.novelty.clone(),
            };
            let key = (observation.principal, news.call);
            self.followers.insert(key, follower);
        }
        self.note_attacks(news.attack, &news.tactics);
        self.foothold |= news.class == SensitivityClass::Severe
            && observation.outcome == OutcomeClass::Succeeded;
    }

    /// Raises the bits of a bulk to its present size; returns by how much.
    fn add_volume(&mut self, observation: &Observation, bulk: &CallNews) -> f64 {
        let held = self
            .calls
            .entry((observation.principal, Damped::Bulk(bulk.call)))
            .or_default();
        let rise = (bulk.novelty.bits - *held).max(0.0);
        *held += rise;
        self.novelties
            .retain(|old| old.dimension != "volume" || old.value != bulk.novelty.value);
        self.novelties.push(bulk.novelty.clone());
        rise
    }

    fn add_target(&mut self, observation: &Observation, news: &TargetNews) {
        let principal = observation.principal;
        self.seen_context.insert((principal, "target", news.value));
        self.calls
            .insert((principal, Damped::Target(news.value)), news.novelty.bits);
        self.novelties.push(news.novelty.clone());
        self.note_attack(news.attack);
        // Access given away lasts until somebody takes it back.
        self.foothold |= matches!(news.kind, TargetKind::ForeignAccount | TargetKind::Public);
    }

    /// Notes the likeliest tactic of a call with its technique.
    fn note_attack(&mut self, attack: AttackPair) {
        if let (Some(tactic), technique) = attack {
            self.attack.insert(Attack {
                tactic: tactic.to_owned(),
                technique: technique.unwrap_or_default().to_owned(),
            });
        }
    }

    /// Notes the tactics of a call: the likeliest with its technique, then the others it was used for.
    pub(crate) fn note_attacks(&mut self, attack: AttackPair, tactics: &AttackIds) {
        self.note_attack(attack);
        let others = tactics.iter().filter(|tactic| attack.0 != Some(tactic));
        self.attack.extend(others.map(|tactic| Attack {
            tactic: tactic.to_owned(),
            technique: String::new(),
        }));
    }

    fn lead(
        &mut self,
        observation: &Observation,
        call: Option<Named>,
        bits: f64,
        evidence: &Evidence,
    ) {
        // What somebody refused leads; else the lead is the heaviest call, and context leads only where there is no call yet.
        let weight = call.as_ref().map_or(0.0, |news| news.bits);
        let better = match &self.lead {
            None => true,
            Some(lead) => {
                let ruled = call.as_ref().is_some_and(|news| news.ruled.is_some());
                match (ruled, lead.ruled.is_some()) {
                    (true, false) => true,
                    (false, true) => false,
                    _ => call.is_some() && (lead.call.is_none() || weight > lead.bits),
                }
            }
        };
        if !better {
            return;
        }
        let session = observation
            .detail
            .as_ref()
            .map_or("", |detail| detail.session_name());
        self.lead = Some(Lead {
            bits: if call.is_some() { weight } else { bits },
            principal: observation.principal,
            credential: CredentialShown {
                kind: observation.credential_kind,
                access_key_id: evidence.access_key_id.clone(),
                session_name: session.to_owned(),
            },
            class: call
                .as_ref()
                .map_or(SensitivityClass::OrdinaryRead, |news| news.class),
            outcome: observation.outcome,
            attack: call.as_ref().map_or((None, None), |news| {
                let (tactic, technique) = news.attack;
                (tactic.map(str::to_owned), technique.map(str::to_owned))
            }),
            target: call.as_ref().and_then(|news| news.target.clone()),
            ruled: call.as_ref().and_then(|news| news.ruled.clone()),
            call: call.map(|news| news.call),
        });
    }

    /// Adds the steps of a chain that it lacks, in order of time.
    pub(crate) fn add_lineage(&mut self, steps: Vec<LineageStep>) {
        for step in steps {
            if !self.lineage.contains(&step) {
                self.lineage.push(step);
            }
        }
        // Stable: steps of one second stay in the order of their chain.
        self.lineage.sort_by_key(|step| step.time);
    }
}

fn why_wave(news: &CallNews) -> Option<String> {
    news.wave.as_ref().map(|wave| {
        format!(
            "{} other principals took it up since {}",
            wave.others.len(),
            wave.since.day()
        )
    })
}

fn why_call(news: &CallNews) -> String {
    let novelty = &news.novelty;
    if news.new_to_principal {
        format!(
            "first {} in {} calls over {} active days; {} of {} peers and {} of {} principals of the organisation make it",
            novelty.value,
            novelty.principal_calls,
            novelty.principal_days,
            novelty.peers.seen_by,
            novelty.peers.size,
            novelty.organisation.seen_by,
            novelty.organisation.principals
        )
    } else {
        format!(
            "{} is usual for this role but new to the principal that opened the session",
            novelty.value
        )
    }
}
