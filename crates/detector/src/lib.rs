//! Novelty, surprise, sensitivity, grouping and severity: what turns an observation into a finding that can be checked.
//! Arithmetic and look-up only; no clock, no input or output.
//!
//! [`Detector`] is the door: `meet`, `judge`, `collect`, `learn`. The recipe is written in `docs/detection.md`, its numbers in
//! `data/settings.toml`.

mod assemble;
mod calibrate;
mod case;
pub mod catalogue;
mod change;
mod context;
mod decay;
mod detector;
mod finding;
mod floor;
mod judge;
mod landscape;
mod lineage;
mod obey;
mod own_pace;
pub mod peers;
mod place;
mod policy;
mod recreated;
mod replay;
mod sensitivities;
mod settings;
mod state;
mod suppress;
mod tail;
mod target;
mod targets_met;
mod volume;
mod wave;
mod weigh;
mod window;
mod wording;

pub use calibrate::{Calibration, calibrate};
pub use detector::{Collected, Detector};
pub use finding::{
    Attack, BaselineNote, BehaviorChange, CredentialShown, Evidence, Finding, Frequency,
    LineageStep, Novelty, PeerCount, Reach, Severity, Share, SuppressedBy,
};
pub use judge::{CallNews, ContextNews, TargetNews, Verdict};
pub use landscape::{Landscape, News, Popularity};
pub use lineage::{Ancestry, Lineage};
pub use obey::RuledNews;
pub use policy::{LearningPolicy, Telling, Threshold};
pub use settings::{DEFAULT_SETTINGS, SETTINGS_VERSION, Settings, SettingsError};
pub use state::{DetectorState, STATE_BYTES_MAX, STATE_VERSION, Setup, StateError};
pub use wave::Wave;
