//! Findings and baselines as text and JSON Lines, into a given writer.
//!
//! Each format has its own versioned types here, twins of the values of `event`, `detector` and `baseline`: those can change
//! while what has left the process keeps its shape. Text for terminals is inert whatever it tells of.

mod finding;
mod line;
mod observation;

pub use finding::{
    ATTACK_VERSION, AttackV1, BaselineV1, CredentialV1, EvidenceV1, FINDING_VERSION, FindingV1, LineageV1, NoveltyV1,
    PeersV1, PrincipalV1, ReadFindingError, ShareV1, read_finding, write_finding,
};
pub use observation::{OBSERVATION_VERSION, write_observation, write_reject};
