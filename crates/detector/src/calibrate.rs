//! Calibration: which threshold would have kept within a budget of findings in the last days of the baseline.
//!
//! The replay that builds the landscape passes every first sighting in order of time; those of the last days are weighed as they
//! pass, as if they were judged live, and added up per principal and window. So no archive needs to be read again, and a
//! baseline learnt in any order gives the same threshold. What rows don't tell (lineage beyond one principal, bulk, how often a target
//! had been used by then) is left out.

use std::collections::{BTreeMap, BTreeSet};

use offtrail_baseline::Baseline;
use offtrail_event::{
    CallId, CredentialKind, OutcomeClass, PrincipalId, SECONDS_PER_DAY, TextId, Timestamp, Traits,
    Vocabulary,
};

use crate::{
    Settings, Threshold,
    landscape::{Landscape, News},
    peers::Family,
    replay::Step,
    sensitivities::Sensitivities,
    wave::may_be_grouped,
    weigh::{Scale, Subject},
    window::{damped_sum, extended, first_end},
};

/// A threshold set on the organisation's own history, and what it was set on.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Threshold, bits.
    pub threshold: f64,
    /// Findings a day the organisation is ready to read.
    pub budget_a_day: f64,
    /// First moment replayed.
    pub from: Timestamp,
    /// Last moment replayed: the end of the baseline.
    pub until: Timestamp,
    /// Principals judged.
    pub principals: u32,
    /// Scores of the would-be findings, bits, highest first: the curve behind the threshold.
    pub scores: Vec<f64>,
}

impl Calibration {
    /// Would-be findings a day at a threshold.
    #[must_use]
    pub fn findings_a_day(&self, threshold: f64) -> f64 {
        let raised = self.scores.partition_point(|bits| *bits >= threshold);
        raised as f64 / self.days()
    }

    /// The threshold, as findings are raised with it.
    #[must_use]
    pub fn as_threshold(&self) -> Threshold {
        Threshold {
            bits: self.threshold,
            calibrated: true,
        }
    }

    /// Days replayed.
    #[must_use]
    pub fn days(&self) -> f64 {
        (self.until.secs_since(self.from) as f64 / SECONDS_PER_DAY as f64).max(1.0)
    }
}

/// What one principal's news of a window scores.
#[derive(Clone, Debug)]
struct Tab {
    opened: Timestamp,
    until: Timestamp,
    /// Bits of calls and targets.
    calls: Vec<f64>,
    /// Bits of calls of waves, and what they count unless a network is new.
    waves: Vec<f64>,
    wave_share: f64,
    context: BTreeMap<News, f64>,
}

enum Weighed {
    /// A call or a target: it enters the damped sum.
    Damped(f64),
    /// A call of a wave.
    Wave(f64),
    Context(News, f64),
}

/// Sets a threshold on the last days of a baseline; `None` if its history is too short. `budget_a_day`: findings a day, `None`: as the
/// settings say for that many principals.
#[must_use]
pub fn calibrate(
    baseline: &Baseline,
    words: &Vocabulary,
    settings: &Settings,
    budget_a_day: Option<f64>,
) -> Option<Calibration> {
    let rule = &settings.calibration;
    let (since, until) = baseline.window.0?;
    let days = |from: Timestamp| until.secs_since(from) as f64 / SECONDS_PER_DAY as f64;
    if days(since) < rule.history_days_min {
        return None;
    }
    let from = until
        .plus_secs(-secs(rule.replay_days * SECONDS_PER_DAY as f64))
        .max(since);
    let (scores, principals) = replay(baseline, words, settings, from);
    let by_size = rule.budget_per_100_principals * f64::from(principals) / 100.0;
    let budget = budget_a_day.unwrap_or(by_size.max(rule.budget_min));
    // Just above the first finding too many.
    let allowed = (budget * rule.caution * days(from)) as usize;
    let threshold = scores
        .get(allowed)
        .map_or(0.0, |bits| bits + 0.01)
        .max(rule.threshold_min_bits);
    Some(Calibration {
        threshold,
        budget_a_day: budget,
        from,
        until,
        principals,
        scores,
    })
}

/// Scores of the would-be findings from a moment on, highest first, and how many principals there are.
fn replay(
    baseline: &Baseline,
    words: &Vocabulary,
    settings: &Settings,
    from: Timestamp,
) -> (Vec<f64>, u32) {
    let mut sensitivities = Sensitivities::new();
    for (_, profile) in baseline.iter() {
        for row in profile.calls() {
            sensitivities.meet(row.call(), None, words);
        }
    }
    let mut open: BTreeMap<PrincipalId, Tab> = BTreeMap::new();
    let mut joined: BTreeSet<PrincipalId> = BTreeSet::new();
    let mut scores = Vec::new();
    let mut before = |landscape: &Landscape, id: PrincipalId, time: Timestamp, step: Step| {
        if time < from {
            return;
        }
        if step == Step::Joined {
            // Its group is known only after this step: weighed with the first news.
            joined.insert(id);
            return;
        }
        if landscape.family(id) == Family::Service {
            return;
        }
        let scale = Scale {
            settings,
            landscape,
            sensitivities: &sensitivities,
        };
        let subject = Subject {
            id,
            profile: baseline.profile(id),
            now: time,
        };
        let Some(news) = weigh(scale, subject, step, words) else {
            return;
        };
        let news = if let (&Weighed::Damped(bits), Step::Call(call)) = (&news, step)
            && may_be_grouped(sensitivities.of(call).class)
            && is_success(subject, call)
            && landscape
                .wave((id, None), (call, time), (baseline, words))
                .is_some()
        {
            Weighed::Wave(bits)
        } else {
            news
        };
        let tab = open.entry(id).or_insert_with(|| Tab::open(time, settings));
        if time > tab.until {
            scores.push(tab.score());
            *tab = Tab::open(time, settings);
        }
        if joined.remove(&id) {
            tab.add(new_principal(scale, subject), time, settings);
        }
        tab.add(news, time, settings);
    };
    let landscape = Landscape::replay(baseline, words, settings, &mut before);
    scores.extend(open.values().map(Tab::score));
    scores.sort_by(|a, b| b.total_cmp(a));
    (scores, landscape.principals())
}

fn secs(secs: f64) -> i64 {
    secs as i64
}

fn weigh(
    scale: Scale<'_>,
    subject: Subject<'_>,
    step: Step,
    words: &Vocabulary,
) -> Option<Weighed> {
    let context = &scale.settings.context;
    let rated = |news: News, weight: f64| {
        let rate = scale.own_rate_bits(subject, news).min(context.cap_bits);
        Some(Weighed::Context(
            news,
            scale.maturity(subject) * weight * rate,
        ))
    };
    match step {
        Step::Call(call) => call_bits(scale, subject, call).map(Weighed::Damped),
        Step::Denied => rated(News::Denied, context.denied),
        Step::Facet(News::Network, value) if scale.landscape.network_users(value) >= 2 => {
            rated(News::Network, context.network_shared)
        }
        Step::Facet(News::Network, _) => rated(News::Network, context.network),
        Step::Facet(News::Region, _) => rated(News::Region, context.region),
        Step::Facet(News::Agent, _) => rated(News::Agent, context.user_agent),
        Step::Facet(News::Role, _) => {
            let rate = scale.own_rate_bits(subject, News::Role);
            Some(Weighed::Context(
                News::Role,
                rate.min(context.role_taken_cap_bits),
            ))
        }
        Step::Facet(News::Target(kind), value) if kind.is_grant() => {
            let known = scale
                .landscape
                .knows_account(kind, &words.text(TextId(value)));
            Some(Weighed::Damped(scale.grant(kind, known, subject.now).0))
        }
        Step::Facet(News::Target(_), _)
        | Step::Joined
        | Step::Active
        | Step::Sighted(_)
        | Step::Taken(_)
        | Step::Facet(News::Call | News::Denied | News::Principal, _) => None,
    }
}

/// Whether the first sighting of a call was a success.
fn is_success(subject: Subject<'_>, call: CallId) -> bool {
    let row = subject
        .profile
        .and_then(|profile| profile.call(call, OutcomeClass::Succeeded));
    row.is_some_and(|row| row.first == subject.now)
}

fn new_principal(scale: Scale<'_>, subject: Subject<'_>) -> Weighed {
    let context = &scale.settings.context;
    let rate = scale
        .landscape
        .group_rate(subject.id, News::Principal, subject.now);
    let bits = context.new_principal_weight * (-rate.log2()).clamp(0.0, context.cap_bits);
    Weighed::Context(News::Principal, bits)
}

fn call_bits(scale: Scale<'_>, subject: Subject<'_>, call: CallId) -> Option<f64> {
    let permanent = subject
        .profile
        .is_some_and(|profile| profile.traits.contains(Traits::PERMANENT_KEY));
    let signed = if permanent {
        CredentialKind::PermanentKey
    } else {
        CredentialKind::RoleSession
    };
    scale
        .call(subject, call, signed)
        .map(|weighed| weighed.bits)
}

impl Tab {
    fn open(time: Timestamp, settings: &Settings) -> Self {
        let until = first_end(time, &settings.finding);
        Self {
            opened: time,
            until,
            calls: Vec::new(),
            waves: Vec::new(),
            wave_share: settings.change.wave_share,
            context: BTreeMap::new(),
        }
    }

    fn score(&self) -> f64 {
        let share = if self.context.contains_key(&News::Network) {
            1.0
        } else {
            self.wave_share
        };
        let waves = self.waves.iter().map(|bits| bits * share);
        damped_sum(self.calls.iter().copied().chain(waves)) + self.context.values().sum::<f64>()
    }

    fn add(&mut self, news: Weighed, time: Timestamp, settings: &Settings) {
        let before = self.score();
        match news {
            Weighed::Damped(bits) => self.calls.push(bits),
            Weighed::Wave(bits) => self.waves.push(bits),
            Weighed::Context(kind, bits) => {
                let largest = self.context.entry(kind).or_default();
                *largest = largest.max(bits);
            }
        }
        let rise = self.score() - before;
        self.until = extended((self.opened, self.until), time, rise, &settings.finding);
    }
}
