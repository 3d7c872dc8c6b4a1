//! Judging surroundings: new networks, regions, user agents, denials, roles taken, and who acts for the first time.
//!
//! Each is weighed by the principal's own rate of such news, damped by maturity; a finding counts each dimension once.

use offtrail_baseline::Dimension;
use offtrail_event::{MintedKind, Observation, OutcomeClass, PrincipalKind, TextId};

use crate::{
    Frequency, Share,
    judge::{Bench, ContextNews},
    landscape::News,
    weigh::Subject,
};

impl Bench<'_> {
    /// Bits that root and federated sessions carry once a finding, whatever the news.
    pub(crate) fn add_standing_bits(
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

    pub(crate) fn judge_context(
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
            let text = self.words.text(TextId(value)).to_string();
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
