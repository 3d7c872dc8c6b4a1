//! Judging what a call was aimed at: access given to another account or to everybody, a port opened, another user's key, and
//! secrets, functions, buckets that a principal never touched.
//!
//! Grants are weighed by how often the organisation meets such grants, uses by how often the principal's own uses are of
//! something new: who reads another secret each time says nothing by reading one more.

use offtrail_baseline::{Dimension, TARGETS_PER_PRINCIPAL_MAX};
use offtrail_event::{
    CallId, Observation, PrincipalId, PrincipalKind, TargetKind, TextId, Timestamp,
};

use crate::{
    Share,
    case::BroughtFacet,
    catalogue::{Effect, SensitivityClass},
    judge::{Bench, Held, TargetNews, Verdict},
    landscape::News,
    targets_met::account_in,
    weigh::{Scale, Subject},
};

/// Whether an observation of a caller that is not judged otherwise is judged for what it is aimed at: a role of ours taken from
/// another account.
pub(crate) fn is_foreign_caller(observation: &Observation) -> bool {
    let targets = observation.targets.as_deref().unwrap_or_default();
    observation.principal_kind == PrincipalKind::ForeignAccount
        && !observation.by_service
        && targets
            .iter()
            .any(|(kind, _)| *kind == TargetKind::ForeignCaller)
}

impl TargetNews {
    /// The row that learning it makes.
    pub(crate) fn brought(&self, principal: PrincipalId, time: Timestamp) -> BroughtFacet {
        BroughtFacet {
            principal,
            dimension: Dimension::Target,
            value: self.value,
            news: News::Target(self.kind),
            time,
        }
    }
}

impl Bench<'_> {
    pub(crate) fn judge_targets(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        verdict: &mut Verdict,
    ) {
        for (kind, text) in observation.targets.as_deref().unwrap_or_default() {
            self.judge_target(observation, subject, (*kind, *text), verdict);
        }
    }

    fn judge_target(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        (kind, text): (TargetKind, TextId),
        verdict: &mut Verdict,
    ) {
        let row = subject
            .profile
            .and_then(|profile| profile.facet(Dimension::Target, text.0));
        match self.held_facet(row, subject.now) {
            Held::Not
                if row.is_some_and(|row| self.is_settled_value(subject.id, row, subject.now)) =>
            {
                return;
            }
            Held::Not => {}
            Held::Waiting => {
                verdict.repeats_held = true;
                return;
            }
            Held::Released => {
                let released = (Dimension::Target, text.0, News::Target(kind));
                verdict.release_facets.push(released);
                return;
            }
        }
        let full = subject.profile.is_some_and(|profile| {
            profile.facets_of(Dimension::Target).count() >= TARGETS_PER_PRINCIPAL_MAX
        });
        if full && !kind.is_grant() {
            // What a full profile let go can't be told from what it never met.
            return;
        }
        let value = self.words.text(text);
        let met_by = self.landscape.targets().met_by(text.0);
        let (bits, arithmetic) = match kind {
            // The caller's unique id may change with each of its sessions; account and role tell.
            TargetKind::ForeignCaller if met_by > 0 => (0.0, "known of its account".to_owned()),
            _ if kind.is_grant() => {
                let known = self.knows_account(kind, &value);
                self.scale().grant(kind, known, subject.now)
            }
            _ => self.use_bits(observation, subject, kind),
        };
        let mut novelty = self.novelty("target", value.to_string(), subject, (0, 0));
        novelty.bits = bits;
        novelty.arithmetic = arithmetic;
        novelty.organisation = Share {
            principals: self.landscape.principals(),
            seen_by: met_by,
        };
        let sensitivity = self.sensitivities.of(observation.call);
        verdict.targets.push(TargetNews {
            kind,
            value: text.0,
            is_row_new: row.is_none(),
            attack: (sensitivity.tactic, sensitivity.technique),
            class: sensitivity.class,
            novelty,
        });
    }

    /// Whether the organisation knows the account that a target names. That a caller comes from it does not count yet for what
    /// the caller does.
    fn knows_account(&self, kind: TargetKind, value: &str) -> bool {
        if self.landscape.knows_account(kind, value) {
            return true;
        }
        let account = account_in(kind, value).and_then(|account| self.words.find_text(account));
        account.is_some_and(|text| {
            let mut covered = self.baseline.coverage.iter();
            covered.any(|(account, ..)| account == text)
        })
    }

    /// Whether a call changes something that incidents change.
    fn is_grave_change(&self, call: CallId) -> bool {
        self.sensitivities.of(call).class >= SensitivityClass::Sensitive
            && self.sensitivities.effect(call) != Effect::Read
    }

    /// Bits of a use, by how often the principal's uses of the kind were of something new: of `n` uses those of what was used
    /// only once estimate the chance that the next is of something unseen (Good 1953).
    fn use_bits(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        kind: TargetKind,
    ) -> (f64, String) {
        let rule = &self.settings.target;
        let maturity = self.scale().maturity(subject);
        let (uses, once) = subject.profile.map_or((0, 0), |profile| {
            let targets = self.landscape.targets();
            targets.uses(profile, kind, subject.now)
        });
        let rate = (f64::from(once) + 0.5) / (uses as f64 + 1.0);
        let rate = (-rate.log2()).clamp(0.0, rule.cap_bits);
        let weight = if self.is_grave_change(observation.call) {
            rule.first_change
        } else {
            rule.first_use
        };
        let arithmetic = format!(
            "{maturity:.2} maturity × {weight} × {rate:.2} rate of new ones ({once} used once in {uses} uses of the kind)"
        );
        if rate < rule.first_use_from_bits {
            return (0.0, arithmetic);
        }
        (maturity * weight * rate, arithmetic)
    }
}

impl Scale<'_> {
    /// Bits of a grant, by the rate at which the organisation meets such grants. `known`: the account it names is known.
    pub(crate) fn grant(self, kind: TargetKind, known: bool, now: Timestamp) -> (f64, String) {
        let rule = &self.settings.target;
        let weight = match kind {
            TargetKind::ForeignAccount => rule.foreign_account,
            TargetKind::ForeignCaller => rule.foreign_caller,
            TargetKind::Public => rule.public,
            TargetKind::OpenIngress => rule.open_ingress,
            _ => rule.key_of,
        };
        let met = self.landscape.targets().pairs(kind);
        let days = self.landscape.day_of(now).max(0.0);
        let rate = (-((f64::from(met) + 0.5) / (days + 10.0)).log2()).clamp(0.0, rule.cap_bits);
        let share = if known { rule.known_account_share } else { 1.0 };
        let mut arithmetic =
            format!("{weight} × {rate:.2} rate of such targets ({met} met in {days:.0} days)");
        if known {
            arithmetic.push_str(&format!(" × {share} known account"));
        }
        (weight * share * rate, arithmetic)
    }
}
