//! Judging: one observation against profiles and landscape. Reads, never writes.

use offtrail_baseline::{Baseline, CallRow, Dimension, Profile, Standing};
use offtrail_event::{
    CallId, Category, CredentialKind, Observation, OutcomeClass, PrincipalId, PrincipalKind,
    TargetKind, Timestamp, Vocabulary,
};

use crate::{
    Frequency, Novelty, PeerCount, Settings, Share,
    landscape::{Landscape, News},
    lineage::{Ancestry, Edge, Lineage, Raised},
    obey::{RuledNews, Word},
    peers::Family,
    sensitivities::Sensitivities,
    target::is_foreign_caller,
    volume::{self, DayCounts},
    wave::{Wave, may_be_grouped},
    weigh::{Scale, Subject, WeighedCall},
};

/// What an observation brings that is new, weighed.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// The root of its credential's chain, if that is another principal.
    pub ancestry: Option<Ancestry>,
    /// The new call, if it is one.
    pub call: Option<Box<CallNews>>,
    /// A known call in odd bulk.
    pub volume: Option<Box<CallNews>>,
    /// What it was aimed at that is new to the principal.
    pub targets: Vec<TargetNews>,
    /// What somebody refused that it shows.
    pub ruled: Vec<RuledNews>,
    /// Somebody said that its call is no news: it is none within a finding either.
    pub settled: bool,
    /// What rulings say of its news that are over or out of season.
    pub notes: Vec<String>,
    /// New networks, regions, … of this observation.
    pub context: Vec<ContextNews>,
    /// It repeats a call that is held back.
    pub repeats_held: bool,
    /// A held call that is old enough to be released now.
    pub release: bool,
    /// Held values of other dimensions that are.
    pub release_facets: Vec<(Dimension, u32, News)>,
}

impl Verdict {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        !self.brings_news() && !self.repeats_held
    }

    /// Whether it has something new to open a case with.
    #[must_use]
    pub(crate) fn brings_news(&self) -> bool {
        self.call.is_some()
            || self.volume.is_some()
            || !self.context.is_empty()
            || !self.ruled.is_empty()
            || self.targets.iter().any(|news| news.novelty.bits > 0.0)
    }

    /// Bits it would add, undamped.
    #[must_use]
    pub fn bits(&self) -> f64 {
        let calls = self.call.iter().chain(&self.volume);
        calls.map(|news| news.novelty.bits).sum::<f64>()
            + self
                .targets
                .iter()
                .map(|news| news.novelty.bits)
                .sum::<f64>()
            + self.ruled.iter().map(|news| news.novelty.bits).sum::<f64>()
            + self
                .context
                .iter()
                .map(|news| news.novelty.bits)
                .sum::<f64>()
    }
}

/// A call new to a principal (or only to the root of its chain).
#[derive(Clone, Debug)]
pub struct CallNews {
    /// Which.
    pub call: CallId,
    /// Whether it is new to the principal itself, so that learning it changes its repertoire.
    pub new_to_principal: bool,
    /// Whether no outcome of it is known yet, so that learning it counts in the landscape.
    pub new_at_all: bool,
    /// Its surprise when it was judged, bits: what taking it back needs.
    pub surprise: f64,
    /// ATT&CK tactic and technique.
    pub attack: (Option<&'static str>, Option<&'static str>),
    /// Every tactic that incidents used it for.
    pub tactics: crate::catalogue::AttackIds,
    /// Its class: 0 ordinary read … 5 severe.
    pub class: crate::catalogue::SensitivityClass,
    /// Whether it is raised whatever the threshold.
    pub above_floor: bool,
    /// Whether the principal makes it with success for the first time.
    pub sighted: bool,
    /// Whom it follows in taking it up, if that is a wave it may be grouped with.
    pub wave: Option<Wave>,
    /// Counts, bits and arithmetic.
    pub novelty: Novelty,
}

/// Something a call was aimed at that is new to the principal.
#[derive(Clone, Debug)]
pub struct TargetNews {
    /// What kind of thing.
    pub kind: TargetKind,
    /// Its text's id: the value of the profile row.
    pub value: u32,
    /// Whether learning it makes a new row.
    pub is_row_new: bool,
    /// ATT&CK tactic and technique of the call.
    pub attack: (Option<&'static str>, Option<&'static str>),
    /// The call's class.
    pub class: crate::catalogue::SensitivityClass,
    /// Counts, bits and arithmetic; 0 bits where it is only to be learnt.
    pub novelty: Novelty,
}

/// Something else that is new.
#[derive(Clone, Debug)]
pub struct ContextNews {
    /// What makes two of them the same within a finding: dimension and value.
    pub key: (&'static str, u32),
    /// The profile row behind it, if it has one.
    pub facet: Option<(Dimension, u32, News)>,
    /// Whether learning it makes a new row; false where a row is held back or refused.
    pub is_row_new: bool,
    /// Counts, bits and arithmetic.
    pub novelty: Novelty,
}

/// All that judging looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bench<'a> {
    pub(crate) settings: &'a Settings,
    /// Bits from which on a case is raised.
    pub(crate) threshold: f64,
    pub(crate) landscape: &'a Landscape,
    pub(crate) sensitivities: &'a Sensitivities,
    pub(crate) lineage: &'a Lineage,
    pub(crate) raised: Raised<'a>,
    pub(crate) today: &'a DayCounts,
    pub(crate) baseline: &'a Baseline,
    pub(crate) words: &'a Vocabulary,
}

/// Whether an observation can be news at all: services acting for themselves, forward-access sessions and service-linked roles
/// are profiled and never judged.
pub(crate) fn is_judged(observation: &Observation, family: Family) -> bool {
    let kind = !matches!(
        observation.principal_kind,
        PrincipalKind::AwsService
            | PrincipalKind::SamlUser
            | PrincipalKind::WebIdentityUser
            | PrincipalKind::ForeignAccount
            | PrincipalKind::Unrecognised
    );
    let credential = !matches!(
        observation.credential_kind,
        CredentialKind::ForwardAccess | CredentialKind::Service
    );
    kind && credential
        && !observation.by_service
        && observation.category != Category::Insight
        && family != Family::Service
}

impl Bench<'_> {
    /// Judges one observation.
    pub(crate) fn judge(&self, observation: &Observation) -> Verdict {
        let id = observation.principal;
        let is_judged = is_judged(observation, self.landscape.family(id));
        let profile = self.baseline.profile(id);
        let subject = Subject {
            id,
            profile,
            now: observation.time,
        };
        let ruled = self.refusals(observation, subject, is_judged);
        if !is_judged && !is_foreign_caller(observation) {
            return Verdict {
                ruled,
                ..Verdict::default()
            };
        }
        let finding = &self.settings.finding;
        let is_suspect = |edge: &Edge| {
            self.raised.covers(edge.root, edge.minted_at)
                && !is_at_home(observation, profile, edge.minted_at)
        };
        let ancestry = self
            .lineage
            .ancestry(observation, self.words, finding, is_suspect);
        let mut verdict = Verdict {
            ancestry,
            ruled,
            ..Verdict::default()
        };
        self.judge_targets(observation, subject, &mut verdict);
        if !is_judged {
            return verdict;
        }
        let word = self.word(observation);
        verdict.settled = matches!(word, Word::Known);
        match (&word, self.repertoire(observation, subject)) {
            (Word::Refused, _) => {}
            (Word::Known, _) | (Word::Nothing, Repertoire::Known) => {
                verdict.call = self.known_call(observation, ancestry);
            }
            (_, Repertoire::Known | Repertoire::New) => {
                verdict.call = self.new_call(observation, subject, ancestry);
            }
            (_, Repertoire::Waiting) => verdict.repeats_held = true,
            (_, Repertoire::Released) => verdict.release = true,
        }
        self.judge_wave(observation, &mut verdict);
        verdict.volume = self.judge_volume(observation, subject);
        self.judge_context(observation, subject, &mut verdict);
        if let (Word::OutOfSeason(note), Some(_)) = (word, &verdict.call) {
            verdict.notes.push(note);
        }
        if verdict.brings_news() {
            verdict.notes.extend(self.lapsed(observation));
        }
        if !verdict.is_silent() {
            self.add_standing_bits(observation, subject, &mut verdict.context);
        }
        verdict
    }

    /// Looks for the wave a new call belongs to. Some calls are never grouped: those that didn't succeed, sensitive and severe ones, and those
    /// that give access away.
    fn judge_wave(&self, observation: &Observation, verdict: &mut Verdict) {
        let grants = |news: &TargetNews| news.kind.is_grant() && news.novelty.bits > 0.0;
        if verdict.targets.iter().any(grants) {
            return;
        }
        let root = verdict.ancestry.map(|ancestry| ancestry.root);
        let Some(news) = &mut verdict.call else {
            return;
        };
        let may_be = news.new_to_principal
            && observation.outcome == OutcomeClass::Succeeded
            && may_be_grouped(news.class)
            && !news.above_floor;
        if may_be {
            news.wave = self.landscape.wave(
                (observation.principal, root),
                (news.call, observation.time),
                (self.baseline, self.words),
            );
        }
    }

    /// Whether a principal knows its call: learnt, held back, or neither.
    fn repertoire(&self, observation: &Observation, subject: Subject<'_>) -> Repertoire {
        let Some(profile) = subject.profile else {
            return Repertoire::New;
        };
        let rows = relevant_rows(profile, observation.call, observation.outcome);
        if rows
            .clone()
            .any(|row| self.is_known_call(subject.id, row, subject.now))
        {
            return Repertoire::Known;
        }
        let Some(row) = rows.clone().find(|row| row.standing() == Standing::Pending) else {
            return Repertoire::New;
        };
        let hold = &self.settings.hold;
        let age_days =
            observation.time.secs_since(row.first) as f64 / offtrail_event::SECONDS_PER_DAY as f64;
        let later_days = profile.days_of(row).len().saturating_sub(1);
        let by_age = hold.release_after_days > 0.0 && age_days >= hold.release_after_days;
        let by_days =
            hold.release_after_later_days > 0 && later_days >= hold.release_after_later_days;
        if by_age || by_days {
            Repertoire::Released
        } else {
            Repertoire::Waiting
        }
    }

    pub(crate) fn scale(&self) -> Scale<'_> {
        Scale {
            settings: self.settings,
            landscape: self.landscape,
            sensitivities: self.sensitivities,
        }
    }

    /// The principal at the root of an observation's chain, if the call is new to it.
    fn new_to_root(
        &self,
        observation: &Observation,
        ancestry: Option<Ancestry>,
    ) -> Option<Subject<'_>> {
        let root = ancestry.map(|ancestry| Subject {
            id: ancestry.root,
            profile: self.baseline.profile(ancestry.root),
            now: observation.time,
        })?;
        (!self.knows(root, observation)).then_some(root)
    }

    /// Weighs a call that is known to its principal, for the root of its chain.
    fn known_call(
        &self,
        observation: &Observation,
        ancestry: Option<Ancestry>,
    ) -> Option<Box<CallNews>> {
        let root = self
            .new_to_root(observation, ancestry)
            .filter(|root| self.took_recently(*root, observation))?;
        let weighed = self
            .scale()
            .call(root, observation.call, CredentialKind::RoleSession)?;
        let weight = self.settings.chain.known_to_role_weight;
        let bits = weight * weighed.bits;
        if bits <= 0.0 {
            return None;
        }
        let arithmetic = format!(
            "{weight} × ({}) for the principal at the root of the chain",
            weighed.arithmetic
        );
        let news = self.call_news(observation, root, weighed, (bits, arithmetic), false);
        Some(Box::new(news))
    }

    /// Weighs a call that its principal does not know.
    fn new_call(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        ancestry: Option<Ancestry>,
    ) -> Option<Box<CallNews>> {
        let new_to_root = self.new_to_root(observation, ancestry);
        let signed = observation.credential_kind;
        let chain = &self.settings.chain;
        let own = self.scale().call(subject, observation.call, signed)?;
        let root = new_to_root.and_then(|root| {
            Some((
                root,
                self.scale()
                    .call(root, observation.call, CredentialKind::RoleSession)?,
            ))
        });
        let mut bits = own.bits;
        let mut arithmetic = own.arithmetic.clone();
        if let Some((_, weighed)) = &root {
            let through_root = chain.root_weight * weighed.bits;
            if through_root > bits {
                bits = through_root;
                arithmetic = format!(
                    "{} × ({}) for the principal at the root of the chain",
                    chain.root_weight, weighed.arithmetic
                );
            }
        }
        let news = self.call_news(observation, subject, own, (bits, arithmetic), true);
        Some(Box::new(news))
    }

    /// Whether a principal is known to make the call of an observation with this outcome.
    fn knows(&self, subject: Subject<'_>, observation: &Observation) -> bool {
        subject.profile.is_some_and(|profile| {
            relevant_rows(profile, observation.call, observation.outcome)
                .any(|row| self.is_known_call(subject.id, row, observation.time))
        })
    }

    /// Weighs a known call in odd bulk.
    fn judge_volume(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
    ) -> Option<Box<CallNews>> {
        let rule = &self.settings.volume;
        let (call, day) = (observation.call, observation.time.day());
        let today = self.today.today(subject.id, call, day);
        let n = today + 1;
        if n < rule.calls_min.min(rule.destructive_calls_min) {
            return None;
        }
        let sensitivity = self.sensitivities.of(call);
        let from = if sensitivity.destructive {
            rule.destructive_calls_min
        } else {
            rule.calls_min
        };
        if n < from || !volume::is_step(n, from) {
            return None;
        }
        let profile = subject.profile?;
        if profile.active_days_until(day) < rule.active_days_min {
            return None;
        }
        let row = profile
            .call(call, observation.outcome)
            .filter(|row| row.standing().is_known())?;
        let days = profile.days_of(row);
        if days.first() >= Some(day) {
            return None;
        }
        let usual = volume::usual((row, &days), today, day);
        let tail = volume::tail_bits(n, usual);
        let bits = (rule.weight * tail).min(rule.cap_bits);
        let popularity = self.landscape.popularity(subject.id, call)?;
        let arithmetic = format!(
            "min({}, {} × {tail:.2} tail of {n} a day where {usual:.1} are usual)",
            rule.cap_bits, rule.weight
        );
        let surprise = popularity.surprise;
        let weighed = WeighedCall {
            bits,
            arithmetic: String::new(),
            popularity,
            sensitivity,
        };
        let mut news = self.call_news(observation, subject, weighed, (bits, arithmetic), false);
        news.novelty.dimension = "volume";
        news.surprise = surprise;
        (bits > 0.0).then(|| Box::new(news))
    }

    /// Whether the root of the chain took this role for the first time within the settings' days.
    fn took_recently(&self, root: Subject<'_>, observation: &Observation) -> bool {
        let Some(profile) = root.profile else {
            return true;
        };
        let Some(row) = profile.facet(Dimension::Takes, observation.principal.0) else {
            return true;
        };
        let days =
            observation.time.secs_since(row.first) as f64 / offtrail_event::SECONDS_PER_DAY as f64;
        days <= self.settings.chain.taken_within_days || !row.standing.is_known()
    }

    fn call_news(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        weighed: WeighedCall,
        (bits, arithmetic): (f64, String),
        new_to_principal: bool,
    ) -> CallNews {
        let value = self.words.call_text(observation.call);
        let rows = subject
            .profile
            .map_or(&[][..], |profile| profile.call_rows(observation.call));
        let days_of = |row| {
            subject
                .profile
                .map_or(0, |profile| profile.days_of(row).len())
        };
        let days = rows.iter().map(days_of).max().unwrap_or(0);
        let count = rows.iter().map(|row| u64::from(row.count())).sum();
        let novelty = Novelty {
            peers: PeerCount {
                seen_by: weighed.popularity.peers.seen_by,
                ..self.peer_group(subject.id, weighed.popularity.peers)
            },
            account: weighed.popularity.account,
            organisation: weighed.popularity.organisation,
            bits,
            arithmetic,
            ..self.novelty("call", value, subject, (count, days))
        };
        CallNews {
            call: observation.call,
            new_to_principal,
            new_at_all: new_to_principal
                && rows
                    .iter()
                    .all(|row| !row.standing().is_known() && row.outcome() != observation.outcome),
            surprise: weighed.popularity.surprise,
            attack: (weighed.sensitivity.tactic, weighed.sensitivity.technique),
            tactics: self.sensitivities.tactics(observation.call),
            class: weighed.sensitivity.class,
            above_floor: new_to_principal && self.is_above_floor(observation, subject),
            sighted: new_to_principal
                && observation.outcome == OutcomeClass::Succeeded
                && rows
                    .iter()
                    .all(|row| row.outcome() != OutcomeClass::Succeeded),
            wave: None,
            novelty,
        }
    }

    fn peer_group(&self, id: PrincipalId, share: Share) -> PeerCount {
        let group = self.landscape.group(id).map_or_else(String::new, |group| {
            format!("{} ({})", group.name, group.rule)
        });
        PeerCount {
            group,
            size: share.principals,
            seen_by: share.seen_by,
        }
    }

    /// A novelty with the principal's own counts filled in and no bits yet.
    pub(crate) fn novelty(
        &self,
        dimension: &'static str,
        value: String,
        subject: Subject<'_>,
        (count, days): (u64, u32),
    ) -> Novelty {
        let active = subject
            .profile
            .map_or(0, |profile| profile.active_days_until(subject.now.day()));
        Novelty {
            dimension,
            value,
            class: Frequency::of(days, active),
            principal_count: count,
            principal_calls: subject.profile.map_or(0, |profile| profile.observations),
            principal_days: active,
            peers: self.peer_group(subject.id, Share::default()),
            account: Share::default(),
            organisation: Share::default(),
            bits: 0.0,
            arithmetic: String::new(),
        }
    }
}

/// Whether a principal uses a network it knew before `since`: a key rotated by an administrator, in its owner's hands.
fn is_at_home(observation: &Observation, profile: Option<&Profile>, since: Timestamp) -> bool {
    let Some((network, profile)) = observation.network.zip(profile) else {
        return false;
    };
    let row = profile.facet(Dimension::Network, network.0);
    row.is_some_and(|row| row.standing.is_known() && row.first < since)
}

/// How a principal stands to a call.
enum Repertoire {
    Known,
    New,
    /// Held back.
    Waiting,
    /// Held back, and let go now.
    Released,
}

/// Whether something is held back.
pub(crate) enum Held {
    Not,
    Waiting,
    Released,
}

/// Rows that show a call of this outcome is nothing new: what succeeded covers all, a denial covers failures.
fn relevant_rows(
    profile: &Profile,
    call: CallId,
    outcome: OutcomeClass,
) -> impl Iterator<Item = &CallRow> + Clone {
    let outcomes = OutcomeClass::ALL.iter();
    outcomes
        .take_while(move |covering| **covering <= outcome)
        .filter_map(move |covering| profile.call(call, *covering))
}
