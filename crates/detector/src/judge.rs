//! Judging: one observation against profiles and landscape. Reads, never writes.

use offtrail_baseline::{Baseline, CallRow, Dimension, Profile, Standing};
use offtrail_event::{
    CallId, Category, CredentialKind, MintedKind, Observation, OutcomeClass, PrincipalId,
    PrincipalKind, Vocabulary,
};

use crate::{
    Frequency, Novelty, PeerCount, Settings, Share,
    landscape::{Landscape, News},
    lineage::{Ancestry, Lineage},
    peers::Family,
    sensitivities::Sensitivities,
    weigh::{Scale, Subject, WeighedCall},
};

/// What an observation brings that is new, weighed.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// The root of its credential's chain, if that is another principal.
    pub ancestry: Option<Ancestry>,
    /// The new call, if it is one.
    pub call: Option<CallNews>,
    /// New networks, regions, … of this observation.
    pub context: Vec<ContextNews>,
    /// It repeats a call that is held back.
    pub repeats_held: bool,
    /// A held call that is old enough to be released now.
    pub release: bool,
}

impl Verdict {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.call.is_none() && self.context.is_empty() && !self.repeats_held
    }

    /// Bits it would add, undamped.
    #[must_use]
    pub fn bits(&self) -> f64 {
        self.call.as_ref().map_or(0.0, |call| call.novelty.bits)
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
    /// Its surprise when it was judged, bits: what taking it back needs.
    pub surprise: f64,
    /// ATT&CK tactic and technique.
    pub attack: (Option<&'static str>, Option<&'static str>),
    /// Its class: 0 ordinary read … 5 severe.
    pub class: crate::catalogue::SensitivityClass,
    /// Counts, bits and arithmetic.
    pub novelty: Novelty,
}

/// Something else that is new.
#[derive(Clone, Debug)]
pub struct ContextNews {
    /// What makes two of them the same within a finding: dimension and value.
    pub key: (&'static str, u32),
    /// The profile row behind it, if it has one.
    pub facet: Option<(Dimension, u32, News)>,
    /// Counts, bits and arithmetic.
    pub novelty: Novelty,
}

/// All that judging looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bench<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) landscape: &'a Landscape,
    pub(crate) sensitivities: &'a Sensitivities,
    pub(crate) lineage: &'a Lineage,
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
        if !is_judged(observation, self.landscape.family(id)) {
            return Verdict::default();
        }
        let profile = self.baseline.profile(id);
        let subject = Subject {
            id,
            profile,
            now: observation.time,
        };
        let ancestry = self.lineage.ancestry(observation, &self.settings.finding);
        let mut verdict = Verdict {
            ancestry,
            ..Verdict::default()
        };
        match self.held(observation, profile) {
            Held::Not => verdict.call = self.judge_call(observation, subject, ancestry),
            Held::Waiting => verdict.repeats_held = true,
            Held::Released => verdict.release = true,
        }
        self.judge_context(observation, subject, &mut verdict.context);
        if !verdict.is_silent() {
            self.add_standing_bits(observation, subject, &mut verdict.context);
        }
        verdict
    }

    /// Bits that root and federated sessions carry once a finding, whatever the news.
    fn add_standing_bits(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        found: &mut Vec<ContextNews>,
    ) {
        let context = &self.settings.context;
        let (dimension, bits) = match (observation.principal_kind, observation.credential_kind) {
            (PrincipalKind::Root, _) => ("root", context.root),
            (PrincipalKind::FederatedUser, _) => ("federated_session", context.federated_session),
            _ => return,
        };
        let mut novelty = self.novelty(
            dimension,
            self.words.principal(subject.id).label(),
            subject,
            (0, 0),
        );
        novelty.class = Frequency::Infrequent;
        novelty.bits = bits;
        novelty.arithmetic = format!("{bits} once a finding");
        found.push(ContextNews {
            key: (dimension, subject.id.0),
            facet: None,
            novelty,
        });
    }

    /// Whether the call is held back, and whether the policy lets it go now.
    fn held(&self, observation: &Observation, profile: Option<&Profile>) -> Held {
        let Some(profile) = profile else {
            return Held::Not;
        };
        let rows = relevant_rows(profile, observation.call, observation.outcome);
        if rows.clone().any(|row| row.standing().is_known()) {
            return Held::Not;
        }
        let Some(row) = rows.clone().find(|row| row.standing() == Standing::Pending) else {
            return Held::Not;
        };
        let hold = &self.settings.hold;
        let age_days =
            observation.time.secs_since(row.first) as f64 / offtrail_event::SECONDS_PER_DAY as f64;
        let later_days = row.days.len().saturating_sub(1);
        let by_age = hold.release_after_days > 0.0 && age_days >= hold.release_after_days;
        let by_days =
            hold.release_after_later_days > 0 && later_days >= hold.release_after_later_days;
        if by_age || by_days {
            Held::Released
        } else {
            Held::Waiting
        }
    }

    fn scale(&self) -> Scale<'_> {
        Scale {
            settings: self.settings,
            landscape: self.landscape,
            sensitivities: self.sensitivities,
        }
    }

    fn judge_call(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        ancestry: Option<Ancestry>,
    ) -> Option<CallNews> {
        let known = knows(subject.profile, observation.call, observation.outcome);
        let through = ancestry.map(|ancestry| Subject {
            id: ancestry.root,
            profile: self.baseline.profile(ancestry.root),
            now: observation.time,
        });
        let new_to_root =
            through.filter(|root| !knows(root.profile, observation.call, observation.outcome));
        let signed = observation.credential_kind;
        let chain = &self.settings.chain;
        if known {
            let root = new_to_root.filter(|root| self.took_recently(*root, observation))?;
            let weighed = self
                .scale()
                .call(root, observation.call, CredentialKind::RoleSession)?;
            let weight = chain.known_to_role_weight;
            let bits = weight * weighed.bits;
            if bits <= 0.0 {
                return None;
            }
            let arithmetic = format!(
                "{weight} × ({}) for the principal at the root of the chain",
                weighed.arithmetic
            );
            return Some(self.call_news(observation, root, weighed, (bits, arithmetic), false));
        }
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
        Some(self.call_news(observation, subject, own, (bits, arithmetic), true))
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
        let days = rows.iter().map(|row| row.days.len()).max().unwrap_or(0);
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
            surprise: weighed.popularity.surprise,
            attack: (weighed.sensitivity.tactic, weighed.sensitivity.technique),
            class: weighed.sensitivity.class,
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
    fn novelty(
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

    fn judge_context(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        found: &mut Vec<ContextNews>,
    ) {
        let context = &self.settings.context;
        let facets = [
            (
                Dimension::Network,
                observation.network.map(|text| text.0),
                context.network,
            ),
            (
                Dimension::Region,
                Some(observation.region.0),
                context.region,
            ),
            (
                Dimension::Agent,
                Some(observation.agent.0),
                context.user_agent,
            ),
        ];
        for (dimension, value, weight) in facets {
            let Some(value) = value else { continue };
            let known = subject
                .profile
                .and_then(|profile| profile.facet(dimension, value))
                .is_some_and(|row| row.standing.is_known());
            let (Some(news), false) = (News::of(dimension), known) else {
                continue;
            };
            let shared =
                dimension == Dimension::Network && self.landscape.network_users(value) >= 2;
            let weight = if shared {
                context.network_shared
            } else {
                weight
            };
            let text = self.words.text(offtrail_event::TextId(value)).to_string();
            self.add_rated(subject, news, (dimension, value, text, weight), found);
        }
        self.judge_denial(observation, subject, found);
        self.judge_role(observation, subject, found);
        self.judge_principal(observation, subject, found);
    }

    /// Weighs a value by the principal's own rate of such news.
    fn add_rated(
        &self,
        subject: Subject<'_>,
        news: News,
        (dimension, value, text, weight): (Dimension, u32, String, f64),
        found: &mut Vec<ContextNews>,
    ) {
        let maturity = self.scale().maturity(subject);
        let rate = self
            .scale()
            .own_rate_bits(subject, news)
            .min(self.settings.context.cap_bits);
        let bits = maturity * weight * rate;
        let mut novelty = self.novelty(dimension.as_str(), text, subject, (0, 0));
        novelty.bits = bits;
        novelty.arithmetic = format!("{maturity:.2} maturity × {weight} × {rate:.2} own rate");
        if dimension == Dimension::Network {
            novelty.organisation = Share {
                principals: self.landscape.principals(),
                seen_by: self.landscape.network_users(value),
            };
        }
        found.push(ContextNews {
            key: (dimension.as_str(), value),
            facet: Some((dimension, value, news)),
            novelty,
        });
    }

    fn judge_denial(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        found: &mut Vec<ContextNews>,
    ) {
        if observation.outcome != OutcomeClass::Denied {
            return;
        }
        let seen = subject
            .profile
            .and_then(|profile| profile.call(observation.call, OutcomeClass::Denied));
        if seen.is_some_and(|row| row.standing().is_known()) {
            return;
        }
        let maturity = self.scale().maturity(subject);
        let rate = self
            .scale()
            .own_rate_bits(subject, News::Denied)
            .min(self.settings.context.cap_bits);
        let weight = self.settings.context.denied;
        let mut novelty = self.novelty(
            "denied",
            self.words.call_text(observation.call),
            subject,
            (0, 0),
        );
        novelty.bits = maturity * weight * rate;
        novelty.arithmetic =
            format!("{maturity:.2} maturity × {weight} × {rate:.2} own rate of denials");
        // One key for all denials: they count once a finding.
        found.push(ContextNews {
            key: ("denied", observation.call.0),
            facet: None,
            novelty,
        });
    }

    fn judge_role(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        found: &mut Vec<ContextNews>,
    ) {
        let Some(mint) = observation
            .mint
            .filter(|mint| mint.kind == MintedKind::Session)
        else {
            return;
        };
        let Some(role) = mint.principal.filter(|role| *role != observation.principal) else {
            return;
        };
        let seen = subject
            .profile
            .and_then(|profile| profile.facet(Dimension::Takes, role.0));
        if seen.is_some_and(|row| row.standing.is_known()) {
            return;
        }
        let cap = self.settings.context.role_taken_cap_bits;
        let rate = self.scale().own_rate_bits(subject, News::Role).min(cap);
        let mut novelty = self.novelty(
            Dimension::Takes.as_str(),
            self.words.principal(role).label(),
            subject,
            (0, 0),
        );
        novelty.bits = rate;
        novelty.arithmetic = format!("{rate:.2} own rate of taking new roles, at most {cap}");
        found.push(ContextNews {
            key: (Dimension::Takes.as_str(), role.0),
            facet: Some((Dimension::Takes, role.0, News::Role)),
            novelty,
        });
    }

    fn judge_principal(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        found: &mut Vec<ContextNews>,
    ) {
        let context = &self.settings.context;
        let mut add = |dimension: &'static str, value: String, bits: f64, arithmetic: String| {
            let mut novelty = self.novelty(dimension, value, subject, (0, 0));
            novelty.bits = bits;
            novelty.arithmetic = arithmetic;
            found.push(ContextNews {
                key: (dimension, observation.principal.0),
                facet: None,
                novelty,
            });
        };
        if subject.profile.is_none_or(|profile| profile.seen.is_none()) {
            let rate = self
                .landscape
                .group_rate(subject.id, News::Principal, observation.time);
            let rate = (-rate.log2()).clamp(0.0, context.cap_bits);
            let bits = context.new_principal_weight * rate;
            let label = self.words.principal(subject.id).label();
            add(
                "principal",
                label,
                bits,
                format!(
                    "{} × {rate:.2} rate of new principals in its group",
                    context.new_principal_weight
                ),
            );
        }
    }
}

enum Held {
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
    profile
        .call_rows(call)
        .iter()
        .filter(move |row| row.outcome() <= outcome)
}

fn knows(profile: Option<&Profile>, call: CallId, outcome: OutcomeClass) -> bool {
    profile.is_some_and(|profile| {
        relevant_rows(profile, call, outcome).any(|row| row.standing().is_known())
    })
}
