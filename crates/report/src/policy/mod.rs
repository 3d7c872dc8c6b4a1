//! Least privilege: what a principal used, as an IAM policy; what nobody uses, as a service control policy.
//!
//! A policy is drafted from what a baseline holds: succeeded calls that count as known-good, through the catalogue's actions. What a
//! policy can't say (calls without an action, calls that were denied, that wait for review, that were refused) is told apart, so that
//! nothing of the baseline goes unmentioned. Forms and limits:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>.

mod document;
mod draft;
mod resources;
mod scp;
mod text;
mod used;

pub use document::{
    Conditions, MANAGED_POLICIES_MAX, MANAGED_POLICY_CHARS_MAX, PolicyDocument, SCP_CHARS_MAX,
    SCPS_MAX, Statement,
};
pub use draft::{PolicyDraft, PolicyView, draft_policy, is_governed};
pub use scp::{Scope, ScpDraft, draft_scp};
pub use text::{write_policy_notes, write_policy_text, write_scp_notes};
