//! [`Settings`]: every number the detector weighs with, read from one documented TOML file (`data/settings.toml` is the default,
//! compiled in). A user's file overrides single lines; unknown keys are refused.

use offtrail_baseline::MaturityRule;
use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_64;

/// The documented defaults, as text.
pub const DEFAULT_SETTINGS: &str = include_str!("../../../data/settings.toml");

/// Version of the recipe these settings belong to.
pub const SETTINGS_VERSION: u32 = 3;

/// A settings file could not be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingsError {
    /// It is not TOML, or a key or value is not one of ours; the text names place and key.
    #[error("{0}")]
    Invalid(String),
    /// It is for another recipe.
    #[error(
        "settings are version {found}, this build reads version {SETTINGS_VERSION}; see `offtrail settings show`"
    )]
    Version {
        /// The version it states.
        found: u32,
    },
    /// A number lies outside of what makes sense.
    #[error("settings key {key} must be {expected}")]
    OutOfRange {
        /// Dotted key.
        key: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}

macro_rules! sections {
    ($($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $field:ident: $kind:ty,)+ })+) => {
        $(
            $(#[$outer])*
            #[derive(Clone, Debug, PartialEq, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name { $($(#[$inner])* pub $field: $kind,)+ }
        )+
    };
}

sections! {
    /// All settings.
    Settings {
        /// Version of the recipe.
        version: u32,
        /// Own rate, maturity, credential kind.
        call: CallSettings,
        /// How popular a call is among peers.
        popularity: PopularitySettings,
        /// How much harm a call can do.
        sensitivity: SensitivitySettings,
        /// A reader that starts to read data.
        purpose: PurposeSettings,
        /// A known call in odd bulk.
        volume: VolumeSettings,
        /// What calls are aimed at.
        target: TargetSettings,
        /// The root of a session's lineage.
        chain: ChainSettings,
        /// Networks, regions, user agents, denials, and what counts once a finding.
        context: ContextSettings,
        /// Grouping and threshold.
        finding: FindingSettings,
        /// What several principals take up together.
        change: ChangeSettings,
        /// What is raised whatever the threshold.
        floor: FloorSettings,
        /// Setting the threshold on the organisation's own history.
        calibration: CalibrationSettings,
        /// Holding back what was flagged.
        hold: HoldSettings,
        /// Steps of severity.
        severity: SeveritySettings,
        /// When a profile is settled.
        maturity: MaturitySettings,
        /// What the baseline forgets.
        baseline: BaselineSettings,
        /// When a stream tells that it stopped seeing.
        blindness: BlindnessSettings,
    }
    /// Own rate, maturity, credential kind.
    CallSettings {
        /// Weight of the own rate.
        own_rate_weight: f64,
        /// Half-life of news and active days, days.
        rate_half_life_days: f64,
        /// Active days until the own rate counts in full.
        mature_active_days: f64,
        /// Bits for a permanent key.
        permanent_key_bits: f64,
    }
    /// How popular a call is among peers.
    PopularitySettings {
        /// Kneser–Ney discount, 0 to 1.
        discount: f64,
        /// Weight of the wider group, in principals.
        strength: f64,
        /// Calls that exist: the last level.
        base_calls: f64,
        /// Day of the baseline from which news enters the tail.
        tail_from_day: f64,
    }
    /// How much harm a call can do.
    SensitivitySettings {
        /// Bits of an ordinary read.
        ordinary_read: f64,
        /// Bits of an ordinary write.
        ordinary_write: f64,
        /// Bits of a sensitive write.
        sensitive: f64,
        /// Bits of a severe write.
        severe: f64,
        /// Bits of an identity or credential read by a machine.
        identity_read_machine: f64,
        /// Bits of an identity or credential read by a person.
        identity_read_person: f64,
        /// Bits of asking who one is.
        caller_identity: f64,
        /// Share that stays where peers make the call.
        peers_floor: f64,
        /// Peer tail from which it counts in full, bits.
        peers_full_bits: f64,
        /// Distinct sensitive calls that make a habit.
        habit_calls: f64,
        /// Bits lost a doubling of the habit.
        habit_step: f64,
        /// Bits that stay.
        habit_floor: f64,
    }
    /// A reader that starts to read data.
    PurposeSettings {
        /// Bits.
        bits: f64,
        /// Distinct other reads it must know.
        reads_min: u32,
        /// Largest share of writes among its calls.
        write_share_max: f64,
        /// Active days it must have.
        active_days_min: u32,
    }
    /// A known call in odd bulk.
    VolumeSettings {
        /// Weight of the tail's bits.
        weight: f64,
        /// Most bits.
        cap_bits: f64,
        /// Calls a day from which on bulk is judged.
        calls_min: u32,
        /// The same for calls that destroy.
        destructive_calls_min: u32,
        /// Active days the principal must have.
        active_days_min: u32,
    }
    /// What calls are aimed at.
    TargetSettings {
        /// Weight of an account given access.
        foreign_account: f64,
        /// Weight of a role taken from another account.
        foreign_caller: f64,
        /// Share of both that stays for an account the organisation knows.
        known_account_share: f64,
        /// Weight of something made public.
        public: f64,
        /// Weight of a port opened to every address.
        open_ingress: f64,
        /// Weight of another user's key, password or second factor.
        key_of: f64,
        /// Weight of a secret, parameter, function, instance, trail or bucket used for the first time.
        first_use: f64,
        /// The same, where the call is a sensitive or severe write.
        first_change: f64,
        /// Bits of the rate from which on a first use is told at all.
        first_use_from_bits: f64,
        /// Most bits of a rate.
        cap_bits: f64,
    }
    /// The root of a session's lineage.
    ChainSettings {
        /// Weight of a call new to role and root.
        root_weight: f64,
        /// Weight of a call new to the root only.
        known_to_role_weight: f64,
        /// How fresh the taking of the role must be for that, days.
        taken_within_days: f64,
    }
    /// Networks, regions, user agents, denials, and what counts once a finding.
    ContextSettings {
        /// Weight of a new network.
        network: f64,
        /// Weight of a new network others use.
        network_shared: f64,
        /// Weight of a new family of user agents.
        user_agent: f64,
        /// Weight of a new region.
        region: f64,
        /// Weight of a call denied for the first time.
        denied: f64,
        /// Most bits a rate can give.
        cap_bits: f64,
        /// Bits of a federated session.
        federated_session: f64,
        /// Bits of root.
        root: f64,
        /// Weight of a principal never seen before.
        new_principal_weight: f64,
        /// Most bits of a role taken for the first time.
        role_taken_cap_bits: f64,
    }
    /// Grouping and threshold.
    FindingSettings {
        /// Hours a finding collects.
        window_hours: f64,
        /// Bits an event must add to extend that.
        extend_bits: f64,
        /// Longest a finding collects, days.
        days_max: f64,
        /// Bits that raise it.
        threshold_bits: f64,
        /// Days a session belongs to what opened it.
        session_days: f64,
        /// Days a created credential or principal belongs to its creator.
        created_days: f64,
    }
    /// What several principals take up together.
    ChangeSettings {
        /// Days within which they do.
        wave_days: f64,
        /// Other principals, of lineages of their own, that make a wave; 0: none does.
        wave_others: u32,
        /// Roles of the same name in other accounts that make one; 0: none does.
        same_name_others: u32,
        /// Share of its bits that a call of a wave counts for raising, 0 to 1.
        wave_share: f64,
    }
    /// What is raised whatever the threshold: severe calls that succeed.
    FloorSettings {
        /// By a machine that knows at most so many calls.
        narrow_calls_max: u32,
        /// By a principal of fewer active days, where the call decides who may do what.
        young_active_days: u32,
        /// Days of history needed for either.
        history_days_min: f64,
    }
    /// Setting the threshold on the organisation's own history.
    CalibrationSettings {
        /// Days of history needed.
        history_days_min: f64,
        /// Days replayed.
        replay_days: f64,
        /// Findings a day for each 100 principals.
        budget_per_100_principals: f64,
        /// Findings a day at least.
        budget_min: f64,
        /// Share of the budget aimed at.
        caution: f64,
        /// Lowest threshold, bits.
        threshold_min_bits: f64,
    }
    /// Holding back what was flagged.
    HoldSettings {
        /// Days until release by age; 0: never.
        release_after_days: f64,
        /// Later days with a sighting until release; 0: never.
        release_after_later_days: u32,
    }
    /// Steps of severity, in bits above the threshold.
    SeveritySettings {
        /// Medium from here.
        medium_above_bits: f64,
        /// High from here.
        high_above_bits: f64,
        /// Critical from here.
        critical_above_bits: f64,
    }
    /// When a profile is settled.
    MaturitySettings {
        /// Active days needed.
        active_days_min: u32,
        /// Observations needed.
        observations_min: u64,
        /// Largest share of young calls.
        recent_share_max: f64,
        /// Silent days until stale.
        stale_after_days: u32,
    }
    /// What the baseline forgets.
    BaselineSettings {
        /// Days after which an unseen row goes.
        expire_days: u32,
    }
    /// When a stream tells that it stopped seeing.
    BlindnessSettings {
        /// Hours of silence at least.
        silent_hours_min: f64,
        /// Times the longest gap of the last 30 days.
        silent_gaps: f64,
        /// Active days of the last 30 that an account or region must have.
        active_days_min: u32,
        /// Hours the newest event may be old while deliveries arrive.
        behind_hours: f64,
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::parse("").expect("the compiled-in defaults are read by a test")
    }
}

impl Settings {
    /// Reads a user's file over the defaults.
    ///
    /// # Errors
    /// If it is not TOML, holds an unknown key, a value of the wrong kind or out of range, or another version.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let invalid = |error: toml::de::Error| SettingsError::Invalid(error.to_string());
        let theirs: toml::Table = toml::from_str(text).map_err(invalid)?;
        let mut table: toml::Table = toml::from_str(DEFAULT_SETTINGS).map_err(invalid)?;
        overlay(&mut table, theirs, "")?;
        let settings: Self = table.try_into().map_err(invalid)?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        if self.version != SETTINGS_VERSION {
            return Err(SettingsError::Version {
                found: self.version,
            });
        }
        let positive = [
            ("call.rate_half_life_days", self.call.rate_half_life_days),
            ("call.mature_active_days", self.call.mature_active_days),
            ("popularity.strength", self.popularity.strength),
            ("popularity.base_calls", self.popularity.base_calls),
            (
                "sensitivity.peers_full_bits",
                self.sensitivity.peers_full_bits,
            ),
            ("sensitivity.habit_calls", self.sensitivity.habit_calls),
            ("finding.window_hours", self.finding.window_hours),
            ("finding.days_max", self.finding.days_max),
            ("finding.threshold_bits", self.finding.threshold_bits),
            ("calibration.replay_days", self.calibration.replay_days),
            ("calibration.budget_min", self.calibration.budget_min),
            ("calibration.caution", self.calibration.caution),
            (
                "blindness.silent_hours_min",
                self.blindness.silent_hours_min,
            ),
            ("blindness.silent_gaps", self.blindness.silent_gaps),
            ("blindness.behind_hours", self.blindness.behind_hours),
        ];
        if let Some((key, _)) = positive
            .iter()
            .find(|(_, value)| !(value.is_finite() && *value > 0.0))
        {
            return Err(SettingsError::OutOfRange {
                key,
                expected: "a finite number above 0",
            });
        }
        if !(0.0..=1.0).contains(&self.change.wave_share) {
            return Err(SettingsError::OutOfRange {
                key: "change.wave_share",
                expected: "from 0 to 1",
            });
        }
        if !(0.0..=366.0).contains(&self.change.wave_days) {
            return Err(SettingsError::OutOfRange {
                key: "change.wave_days",
                expected: "from 0 to 366",
            });
        }
        if !(0.0..1.0).contains(&self.popularity.discount) {
            return Err(SettingsError::OutOfRange {
                key: "popularity.discount",
                expected: "from 0 up to, not including, 1",
            });
        }
        Ok(())
    }

    /// The maturity rule.
    #[must_use]
    pub fn maturity_rule(&self) -> MaturityRule {
        MaturityRule {
            active_days_min: self.maturity.active_days_min,
            observations_min: self.maturity.observations_min,
            recent_share_max: self.maturity.recent_share_max,
            stale_after_days: self.maturity.stale_after_days,
        }
    }

    /// A digest of all values, shown in findings: equal settings have equal digests, comments don't matter.
    #[must_use]
    pub fn digest(&self) -> String {
        format!("{:016x}", xxh3_64(format!("{self:?}").as_bytes()))
    }
}

/// Writes the user's values over the defaults; a key the defaults lack is refused with its full name.
fn overlay(
    defaults: &mut toml::Table,
    theirs: toml::Table,
    path: &str,
) -> Result<(), SettingsError> {
    for (key, value) in theirs {
        let full = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match (defaults.get_mut(&key), value) {
            (None, _) => {
                return Err(SettingsError::Invalid(format!(
                    "unknown key {full}; see `offtrail settings show`"
                )));
            }
            (Some(toml::Value::Table(inner)), toml::Value::Table(value)) => {
                overlay(inner, value, &full)?
            }
            (Some(toml::Value::Float(inner)), toml::Value::Integer(value)) => *inner = value as f64,
            (Some(inner), value) if inner.same_type(&value) => *inner = value,
            (Some(inner), value) => {
                let (expected, found) = (inner.type_str(), value.type_str());
                return Err(SettingsError::Invalid(format!(
                    "{full} must be a {expected}, not a {found}"
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_overrides_single_lines() {
        let settings = Settings::parse("[finding]\nthreshold_bits = 9\n").unwrap();
        assert!((settings.finding.threshold_bits - 9.0).abs() < f64::EPSILON);
        assert_eq!(settings.sensitivity, Settings::default().sensitivity);
        assert_ne!(settings.digest(), Settings::default().digest());
    }

    #[test]
    fn what_is_not_ours_is_refused_by_name() {
        let error = |text: &str| Settings::parse(text).unwrap_err().to_string();
        assert!(error("[finding]\nthreshhold = 9").contains("unknown key finding.threshhold"));
        assert!(
            error("[finding]\nthreshold_bits = \"9\"")
                .contains("finding.threshold_bits must be a float")
        );
        assert!(error("version = 2").contains("version 2"));
        assert!(error("[finding]\nthreshold_bits = nan").contains("finding.threshold_bits"));
        assert!(error("[[[").contains("TOML"));
    }
}
