//! What the caller chooses, and the sizes behind each scale.

/// How large an organisation to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scale {
    /// About 50 principals in 3 accounts: for `offtrail demo` and tests.
    Demo,
    /// About 175 principals in 4 accounts.
    Small,
    /// About four times the principals and six times the events of `Small`, in 8 accounts.
    Medium,
    /// About eleven times the principals and twenty times the events of `Small`, in 14 accounts.
    Large,
}

impl Scale {
    /// The name used on the command line and in `stats.json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    /// How many of each kind of principal, against `Small`.
    pub(crate) fn copies(self, at_small: usize) -> usize {
        match self {
            Self::Demo => at_small.div_ceil(4),
            Self::Small => at_small,
            Self::Medium => at_small * 4,
            Self::Large => at_small * 12,
        }
    }

    /// How busy each principal is, against `Small`.
    pub(crate) fn busyness(self) -> f64 {
        match self {
            Self::Demo | Self::Small => 1.0,
            Self::Medium => 2.0,
            Self::Large => 2.5,
        }
    }

    pub(crate) fn accounts(self) -> usize {
        match self {
            Self::Demo => 3,
            Self::Small => 4,
            Self::Medium => 8,
            Self::Large => 14,
        }
    }
}

/// Which attacks happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttackSet {
    /// None: an organisation without harm, to measure false findings.
    None,
    /// Every scenario, each once, each with its own victim.
    All,
    /// Those that make only calls their victims make anyway; everybody makes the same calls with ordinary targets (see
    /// [`crate::hard_scenario_ids`]).
    Hard,
    /// Only the scenarios with these ids, of any set or of none.
    Only(Vec<String>),
}

/// Everything that decides what is written: the same settings give the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Seed of all chance.
    pub seed: u64,
    /// Days simulated, from `DAYS_MIN` to `DAYS_MAX`.
    pub days: u32,
    /// Size of the organisation.
    pub scale: Scale,
    /// First moment, in seconds since 1970-01-01T00:00:00Z; midnight UTC is expected, and enforced by rounding down.
    pub start_epoch_secs: i64,
    /// Attacks to place in the last quarter of the days.
    pub attacks: AttackSet,
}

/// Fewest days that leave room for history and for attacks.
pub const DAYS_MIN: u32 = 16;
/// Most days: ten years.
pub const DAYS_MAX: u32 = 3660;
/// Latest start accepted: 2200-01-01, so that dates keep four digits.
pub const START_EPOCH_SECS_MAX: i64 = 7_258_118_400;

impl Default for Settings {
    /// Seed 1, 120 days from 2026-06-01, small, all attacks.
    fn default() -> Self {
        Self {
            seed: 1,
            days: 120,
            scale: Scale::Small,
            start_epoch_secs: 1_780_272_000,
            attacks: AttackSet::All,
        }
    }
}

/// The organisation of `offtrail demo`: about 50 principals, 60 days, the leaked CI key and six other attacks after day 45.
#[must_use]
pub fn demo_settings() -> Settings {
    let ids = [
        "ci-key-listaccesskeys",
        "instance-role-ssrf",
        "function-role-injected",
        "person-session-hijack",
        "model-theft",
        "trail-silenced",
        "mail-abuse",
    ];
    Settings {
        days: 60,
        scale: Scale::Demo,
        attacks: AttackSet::Only(ids.iter().map(ToString::to_string).collect()),
        ..Settings::default()
    }
}

/// Why nothing, or not everything, was simulated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `Settings::days` is out of range.
    #[error("simulate {days} days: choose between {DAYS_MIN} and {DAYS_MAX}")]
    Days {
        /// The days asked for.
        days: u32,
    },
    /// `Settings::start_epoch_secs` is out of range.
    #[error("simulate from {secs} s after 1970: choose a start between 1970 and 2200")]
    Start {
        /// The start asked for, in seconds since 1970.
        secs: i64,
    },
    /// `AttackSet::Only` names a scenario that does not exist.
    #[error("simulate attack {id:?}: there is no such scenario; scenarios are {known}")]
    UnknownAttack {
        /// The id asked for.
        id: String,
        /// The ids there are, separated by spaces.
        known: String,
    },
    /// The sink refused a file.
    #[error(
        "write simulated file {path:?}: {source}; the archive is incomplete, remove it and simulate again"
    )]
    Write {
        /// Path of the file, relative to the archive.
        path: String,
        /// What the sink said.
        source: std::io::Error,
    },
}
