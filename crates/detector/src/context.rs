//! Judging surroundings: new networks, regions, user agents, denials, roles taken, and who acts for the first time.
//!
//! Each is weighed by the principal's own rate of such news, damped by maturity; a finding counts each dimension once.

use offtrail_baseline::{Dimension, FacetRow, Standing};
use offtrail_event::{MintedKind, Observation, OutcomeClass, PrincipalKind, TextId, Timestamp};

use crate::{
    Frequency, Share,
    judge::{Bench, ContextNews, Held, Verdict},
    landscape::News,
    obey::Word,
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
            is_row_new: false,
            novelty,
        });
    }

    pub(crate) fn judge_context(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        verdict: &mut Verdict,
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
            let Some(news) = News::of(dimension) else {
                continue;
            };
            let row = subject
                .profile
                .and_then(|profile| profile.facet(dimension, value));
            match self.held_facet(row, subject.now) {
                Held::Not
                    if row
                        .is_some_and(|row| self.is_settled_value(subject.id, row, subject.now)) =>
                {
                    continue;
                }
                Held::Released => {
                    verdict.release_facets.push((dimension, value, news));
                    continue;
                }
                Held::Not | Held::Waiting => {}
            }
            let shared =
                dimension == Dimension::Network && self.landscape.network_users(value) >= 2;
            let weight = if shared {
                context.network_shared
            } else {
                weight
            };
            let mut text = self.words.text(TextId(value)).to_string();
            if dimension == Dimension::Network {
                let detail = observation.detail.as_ref();
                let by = detail.map_or("", |detail| detail.announced_by());
                text = [&text, by].join(" ").trim_end().to_owned();
            }
            let found = &mut verdict.context;
            self.add_rated(subject, news, (dimension, value, text, weight), found);
        }
        self.judge_denial(observation, subject, &mut verdict.context);
        self.judge_role(observation, subject, verdict);
        self.judge_principal(observation, subject, &mut verdict.context);
    }

    /// Whether a value is held back, and whether its age lets it go now.
    pub(crate) fn held_facet(&self, row: Option<&FacetRow>, now: Timestamp) -> Held {
        let Some(row) = row.filter(|row| row.standing == Standing::Pending) else {
            return Held::Not;
        };
        let release_after = self.settings.hold.release_after_days;
        let age_days = now.secs_since(row.first) as f64 / offtrail_event::SECONDS_PER_DAY as f64;
        if release_after > 0.0 && age_days >= release_after {
            Held::Released
        } else {
            Held::Waiting
        }
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
        let row = subject
            .profile
            .and_then(|profile| profile.facet(dimension, value));
        found.push(ContextNews {
            key: (dimension.as_str(), value),
            facet: Some((dimension, value, news)),
            is_row_new: row.is_none(),
            novelty,
        });
    }

    fn judge_denial(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        found: &mut Vec<ContextNews>,
    ) {
        let denied = observation.outcome == OutcomeClass::Denied;
        if !denied || matches!(self.word(observation), Word::Known | Word::Refused) {
            return;
        }
        let seen = subject
            .profile
            .and_then(|profile| profile.call(observation.call, OutcomeClass::Denied));
        if seen.is_some_and(|row| self.is_known_call(subject.id, row, subject.now)) {
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
            is_row_new: seen.is_none(),
            novelty,
        });
    }

    fn judge_role(&self, observation: &Observation, subject: Subject<'_>, verdict: &mut Verdict) {
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
        match self.held_facet(seen, subject.now) {
            Held::Not
                if seen.is_some_and(|row| self.is_settled_value(subject.id, row, subject.now)) =>
            {
                return;
            }
            Held::Released => {
                let released = (Dimension::Takes, role.0, News::Role);
                verdict.release_facets.push(released);
                return;
            }
            Held::Not | Held::Waiting => {}
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
        verdict.context.push(ContextNews {
            key: (Dimension::Takes.as_str(), role.0),
            facet: Some((Dimension::Takes, role.0, News::Role)),
            is_row_new: seen.is_none(),
            novelty,
        });
    }
}
