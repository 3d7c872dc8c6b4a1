//! Novelty, surprise, sensitivity, grouping and severity: what turns an observation into a finding that can be checked.
//! Arithmetic and look-up only; no clock, no input or output.

pub mod catalogue;
mod finding;

pub use finding::{
    Attack, BaselineNote, CredentialShown, Evidence, Finding, Frequency, LineageStep, Novelty, PeerCount, Severity, Share,
};
