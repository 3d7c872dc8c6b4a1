//! Weighing one new call: own rate, peer tail, sensitivity, purpose and credential, in bits, with the arithmetic kept.
//!
//! The recipe (version 3) and where each term comes from is written in `docs/detection.md`.

use std::fmt::Write;

use offtrail_baseline::Profile;
use offtrail_event::{CallId, CredentialKind, OutcomeClass, PrincipalId, Timestamp};

use crate::{
    Settings,
    catalogue::{Effect, Sensitivity, SensitivityClass},
    landscape::{Landscape, News, Popularity},
    peers::Family,
    sensitivities::Sensitivities,
};

/// Who is weighed, when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) id: PrincipalId,
    pub(crate) profile: Option<&'a Profile>,
    pub(crate) now: Timestamp,
}

/// A new call, weighed.
#[derive(Clone, Debug)]
pub(crate) struct WeighedCall {
    /// Bits, ≥ 0.
    pub(crate) bits: f64,
    pub(crate) arithmetic: String,
    pub(crate) popularity: Popularity,
    pub(crate) sensitivity: Sensitivity,
}

/// Weighs calls against a landscape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) landscape: &'a Landscape,
    pub(crate) sensitivities: &'a Sensitivities,
}

impl Scale<'_> {
    /// How far a principal's own habits can be trusted, 0 to 1.
    pub(crate) fn maturity(&self, subject: Subject<'_>) -> f64 {
        let days = subject
            .profile
            .map_or(0, |profile| profile.active_days_until(subject.now.day()));
        (f64::from(days) / self.settings.call.mature_active_days).min(1.0)
    }

    /// Bits of a rate of news of the principal's own, undamped.
    pub(crate) fn own_rate_bits(&self, subject: Subject<'_>, news: News) -> f64 {
        (-self
            .landscape
            .own_rate(subject.id, subject.profile, news, subject.now)
            .log2())
        .max(0.0)
    }

    /// Weighs a call new to the subject; `None` if the subject is in no group yet.
    pub(crate) fn call(
        &self,
        subject: Subject<'_>,
        call: CallId,
        signed: CredentialKind,
    ) -> Option<WeighedCall> {
        let popularity = self.landscape.popularity(subject.id, call)?;
        let sensitivity = self.sensitivities.of(call);
        let maturity = self.maturity(subject);
        let own = self.own_rate_bits(subject, News::Call);
        let weight = self.sensitivity_bits(subject, &sensitivity, popularity.tail);
        let purpose = self.purpose_bits(subject, &sensitivity);
        let key = if signed == CredentialKind::PermanentKey {
            self.settings.call.permanent_key_bits
        } else {
            0.0
        };
        let own_weight = self.settings.call.own_rate_weight;
        let bits =
            (own_weight * maturity * own + popularity.tail + weight + purpose + key).max(0.0);
        let mut arithmetic = format!(
            "{own_weight} × {maturity:.2} × {own:.2} own rate + {:.2} peer tail {weight:+.2} {} ({})",
            popularity.tail,
            sensitivity.class.name(),
            sensitivity.reason
        );
        if purpose > 0.0 {
            let _ = write!(arithmetic, " + {purpose:.2} first data read of a reader");
        }
        if key > 0.0 {
            let _ = write!(arithmetic, " + {key:.2} permanent key");
        }
        Some(WeighedCall {
            bits,
            arithmetic,
            popularity,
            sensitivity,
        })
    }

    fn sensitivity_bits(&self, subject: Subject<'_>, sensitivity: &Sensitivity, tail: f64) -> f64 {
        let weights = &self.settings.sensitivity;
        let machine = self.landscape.family(subject.id) != Family::Person;
        let class = match sensitivity.class {
            SensitivityClass::OrdinaryRead => weights.ordinary_read,
            SensitivityClass::OrdinaryWrite => weights.ordinary_write,
            SensitivityClass::CallerIdentity => weights.caller_identity,
            SensitivityClass::IdentityOrCredentialRead if machine => weights.identity_read_machine,
            SensitivityClass::IdentityOrCredentialRead => weights.identity_read_person,
            SensitivityClass::Sensitive => weights.sensitive,
            SensitivityClass::Severe => weights.severe,
        };
        if class <= 0.0 {
            return class;
        }
        let share = weights.peers_floor
            + (1.0 - weights.peers_floor) * (tail / weights.peers_full_bits).min(1.0);
        let bits = class * share;
        if sensitivity.class < SensitivityClass::Sensitive {
            return bits;
        }
        let habit = f64::from(self.habit(subject.profile, subject.now));
        if habit <= weights.habit_calls {
            return bits;
        }
        let lost = weights.habit_step * ((1.0 + habit) / weights.habit_calls).log2();
        (bits - lost).max(weights.habit_floor.min(bits))
    }

    /// Distinct sensitive and severe calls the subject is known to make.
    fn habit(&self, profile: Option<&Profile>, now: Timestamp) -> u32 {
        let Some(profile) = profile else { return 0 };
        let known = profile.calls().iter().filter(|row| {
            row.outcome() == OutcomeClass::Succeeded
                && row.first < now
                && row.standing().is_known()
                && self.sensitivities.of(row.call()).class >= SensitivityClass::Sensitive
        });
        u32::try_from(known.count()).unwrap_or(u32::MAX)
    }

    /// Bits of a first data read by a principal that only ever listed and described.
    fn purpose_bits(&self, subject: Subject<'_>, sensitivity: &Sensitivity) -> f64 {
        let rule = &self.settings.purpose;
        let Some(profile) = subject.profile.filter(|_| sensitivity.is_data_read) else {
            return 0.0;
        };
        if profile.active_days_until(subject.now.day()) < rule.active_days_min {
            return 0.0;
        }
        let (mut reads, mut writes) = (0_u32, 0_u32);
        for row in profile.calls() {
            if row.outcome() != OutcomeClass::Succeeded
                || !row.standing().is_known()
                || row.first >= subject.now
            {
                continue;
            }
            if self.sensitivities.of(row.call()).is_data_read {
                return 0.0;
            }
            match self.sensitivities.effect(row.call()) {
                Effect::Read => reads += 1,
                Effect::Write | Effect::Unknown => writes += 1,
            }
        }
        let narrow = f64::from(writes) <= rule.write_share_max * f64::from(reads);
        if reads >= rule.reads_min && narrow {
            rule.bits
        } else {
            0.0
        }
    }
}
