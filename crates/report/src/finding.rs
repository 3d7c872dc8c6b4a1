//! `finding-v1`: the JSON twin of [`offtrail_detector::Finding`], written and read.
//!
//! One owned twin serves both ways, so that a finding just judged and a finding read back from a file are shown by the same
//! renderer ([`crate::write_finding_text`]). Key order is that of the fields: first the keys of the interface, then
//! those added since. Reading ignores keys it does not know and takes the keys added since as absent.

use std::io;

use offtrail_detector::{
    BehaviorChange, Evidence, Finding, LineageStep, Novelty, Share, SuppressedBy,
};
use offtrail_event::PrincipalName;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::line::{two_decimals, write_json_line};

/// Version written into every `finding-v1` line, and the only one read.
pub const FINDING_VERSION: u32 = 1;

/// The ATT&CK release whose ids are meant; later ones rename tactics (TA0005 is Defense Evasion here).
pub const ATTACK_VERSION: &str = "17";

/// A finding as `finding-v1` writes it. Times are RFC 3339, kinds and severities the words of the interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FindingV1 {
    /// Always [`FINDING_VERSION`].
    pub version: u32,
    /// Stable over reruns.
    pub id: String,
    /// `ThreatPurpose:ResourceTypeAffected/ThreatFamilyName.DetectionMechanism!Artifact`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Event time at which this state was reached.
    pub time: String,
    /// Event time of its first evidence.
    pub opened: String,
    /// `low`, `medium`, `high` or `critical`.
    pub severity: String,
    /// Bits, two decimals.
    pub score: f64,
    /// One line.
    pub title: String,
    /// Plain words with counts and dates.
    #[serde(default)]
    pub summary: String,
    /// Whose permissions the heaviest evidence used.
    pub principal: PrincipalV1,
    /// What signed the heaviest evidence.
    pub credential: CredentialV1,
    /// Which credential gave out which, in order of time.
    #[serde(default)]
    pub lineage: Vec<LineageV1>,
    /// What is new, heaviest first.
    #[serde(default)]
    pub novelties: Vec<NoveltyV1>,
    /// Every event it rests on, in order of time.
    #[serde(default)]
    pub evidence: Vec<EvidenceV1>,
    /// What the principal's profile was compared over.
    #[serde(default)]
    pub baseline: BaselineV1,
    /// MITRE ATT&CK.
    #[serde(default)]
    pub attack: Vec<AttackV1>,
    /// The GuardDuty finding type it corresponds to.
    #[serde(default)]
    pub guardduty: Option<String>,
    /// What would make it harmless.
    #[serde(default)]
    pub harmless_if: Vec<String>,
    /// What to do next.
    #[serde(default)]
    pub next_steps: Vec<String>,
    /// Whether the score reached the threshold.
    #[serde(default = "yes")]
    pub raised: bool,
    /// The reviewed suppression that hides it.
    #[serde(default)]
    pub suppressed_by: Option<String>,
    /// The principal at the root of the lineage, if it is another one.
    #[serde(default)]
    pub root: Option<PrincipalV1>,
    /// The threshold it was held against, in bits.
    #[serde(default)]
    pub threshold: Option<f64>,
    /// Whether that threshold was calibrated on the organisation's own history.
    #[serde(default)]
    pub calibrated: Option<bool>,
    /// What the credentials of its lineage touched.
    #[serde(default)]
    pub reach: Option<ReachV1>,
    /// What several principals took up together, if that is what it tells.
    #[serde(default)]
    pub change: Option<ChangeV1>,
    /// What the suppression says that hides it.
    #[serde(default)]
    pub suppression: Option<SuppressionV1>,
}

/// What the suppression that hides a finding says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuppressionV1 {
    /// Who answers for it.
    pub author: String,
    /// The day it was said.
    pub on: String,
    /// The day from which on it hides nothing.
    pub until: String,
    /// Why.
    pub reason: String,
}

impl From<&SuppressedBy> for SuppressionV1 {
    fn from(one: &SuppressedBy) -> Self {
        Self {
            author: one.author.clone(),
            on: one.on.to_string(),
            until: one.until.to_string(),
            reason: one.reason.clone(),
        }
    }
}

/// What the credentials of a finding's lineage touched. Each list sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReachV1 {
    /// Access keys that signed or were given out, and whose password was set.
    pub credentials: Vec<String>,
    /// Principals whose permissions were used, as labels.
    pub principals: Vec<String>,
    /// Their accounts.
    pub accounts: Vec<String>,
}

/// Calls that several principals took up within days.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeV1 {
    /// When the first of them did.
    pub since: String,
    /// `bedrock:InvokeModel`, the heaviest first.
    pub calls: Vec<String>,
    /// Who, in order of time.
    pub principals: Vec<ChangedV1>,
}

/// One of the principals of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedV1 {
    /// Who.
    pub principal: PrincipalV1,
    /// When it first made one of the calls.
    pub first: String,
}

/// A line without `raised` was written by somebody who writes raised findings only.
fn yes() -> bool {
    true
}

/// A principal, with the keys it has in `observation-v1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrincipalV1 {
    /// Its kind, a word of the interface.
    pub kind: String,
    /// The account it belongs to.
    #[serde(default)]
    pub account: Option<String>,
    /// Its unique id.
    #[serde(default)]
    pub id: Option<String>,
    /// Its ARN.
    #[serde(default)]
    pub arn: Option<String>,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// The person of a shared identity-centre role.
    #[serde(default)]
    pub person: Option<String>,
}

/// A credential, with the keys it has in `observation-v1`. The last three are `null`: a finding spans many calls, see
/// its evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialV1 {
    /// Its kind, a word of the interface.
    pub kind: String,
    /// Access key id.
    #[serde(default)]
    pub access_key_id: Option<String>,
    /// Role session name.
    #[serde(default)]
    pub session_name: Option<String>,
    /// When the session was created.
    #[serde(default)]
    pub created: Option<String>,
    /// Whether a second factor opened it.
    #[serde(default)]
    pub mfa: Option<bool>,
    /// `sourceIdentity`.
    #[serde(default)]
    pub source_identity: Option<String>,
}

/// One credential giving out the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageV1 {
    /// What signed.
    pub credential: String,
    /// What was given out.
    pub minted: String,
    /// The call that gave it out.
    pub by: String,
    /// The event.
    pub event_id: Option<String>,
    /// Event time.
    pub time: String,
}

/// One thing that is new, with the counts it was weighed by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NoveltyV1 {
    /// `call`, `network`, `region`, …
    pub dimension: String,
    /// What.
    pub value: String,
    /// `unseen`, `rare`, `infrequent` or `frequent`.
    pub class: String,
    /// Sightings by the principal before.
    pub principal_count: u64,
    /// All calls of the principal before.
    pub principal_calls: u64,
    /// Active days of the principal before.
    pub principal_days: u32,
    /// Principals compared with it.
    pub peers: PeersV1,
    /// Principals of the same account.
    pub account: ShareV1,
    /// What it adds, in bits, two decimals.
    pub bits: f64,
    /// Principals of the organisation.
    #[serde(default)]
    pub organisation: Option<ShareV1>,
    /// How the bits come about.
    #[serde(default)]
    pub arithmetic: Option<String>,
}

/// The peer group of a principal, and how many of it had shown a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeersV1 {
    /// Its name and rule.
    pub group: String,
    /// Principals in it.
    pub size: u32,
    /// Of these, with the value.
    pub seen_by: u32,
}

/// How many principals of a set had shown a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareV1 {
    /// Principals in the set.
    pub principals: u32,
    /// Of these, with the value.
    pub seen_by: u32,
}

/// One event a finding rests on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EvidenceV1 {
    /// `eventID`.
    pub event_id: Option<String>,
    /// Event time.
    pub time: String,
    /// `iam:ListAccessKeys`.
    pub call: String,
    /// `succeeded`, `denied` or `failed`.
    pub outcome: String,
    /// Region.
    pub region: Option<String>,
    /// Address or service host.
    pub address: Option<String>,
    /// User agent, verbatim.
    pub user_agent: Option<String>,
    /// What it adds, in bits, two decimals.
    pub bits: f64,
    /// Why, in plain words.
    #[serde(default)]
    pub why: Vec<String>,
    /// `errorCode`.
    #[serde(default)]
    pub code: Option<String>,
    /// The principal whose permissions were used, as a label.
    #[serde(default)]
    pub principal: Option<String>,
    /// Access key id.
    #[serde(default)]
    pub access_key_id: Option<String>,
}

/// What the principal's profile was compared over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BaselineV1 {
    /// First event of the baseline.
    pub since: Option<String>,
    /// Last event learnt before the finding opened.
    pub until: Option<String>,
    /// `learning`, `established` or `stale`.
    pub maturity: String,
    /// Share of the window's hours with records of the account; 0 to 1, four decimals.
    pub coverage: f64,
    /// Digest of the settings.
    pub settings: String,
    /// Active days of the principal.
    #[serde(default)]
    pub active_days: Option<u32>,
    /// Observations of the principal.
    #[serde(default)]
    pub observations: Option<u64>,
    /// Distinct calls of the principal.
    #[serde(default)]
    pub calls: Option<u32>,
    /// Of these, first seen lately.
    #[serde(default)]
    pub recent_calls: Option<u32>,
}

/// One ATT&CK technique.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttackV1 {
    /// `TA0007`.
    pub tactic: String,
    /// `T1087.004`; absent if only the tactic is known.
    pub technique: Option<String>,
    /// The ATT&CK release these ids are of.
    #[serde(default)]
    pub attack_version: Option<String>,
}

/// A line that is no `finding-v1` line.
#[derive(Debug, Error)]
pub enum ReadFindingError {
    /// Not JSON, or not an object with the keys of a finding.
    #[error(
        "read a finding: not a finding-v1 line: {source}; give a file written by `offtrail detect` or `backtest`"
    )]
    NotAFinding {
        /// What was wrong and where in the line.
        #[from]
        source: serde_json::Error,
    },
    /// Written by a build with another format.
    #[error(
        "read a finding: format {found} is not the one this build reads ({FINDING_VERSION}); upgrade offtrail or detect again"
    )]
    Version {
        /// The version the line names.
        found: u64,
    },
}

/// Reads one `finding-v1` line.
///
/// # Errors
/// [`ReadFindingError`]: the line is no finding, or of another version.
pub fn read_finding(line: &str) -> Result<FindingV1, ReadFindingError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u64,
    }
    let found = serde_json::from_str::<Versioned>(line)?.version;
    if found != u64::from(FINDING_VERSION) {
        return Err(ReadFindingError::Version { found });
    }
    Ok(serde_json::from_str(line)?)
}

/// Writes one `finding-v1` line.
///
/// # Errors
/// Those of the writer.
pub fn write_finding(out: &mut dyn io::Write, finding: &FindingV1) -> io::Result<()> {
    write_json_line(out, finding)
}

fn told(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

impl From<&Finding> for FindingV1 {
    fn from(finding: &Finding) -> Self {
        Self {
            version: FINDING_VERSION,
            id: finding.id.clone(),
            kind: finding.kind.clone(),
            time: finding.time.to_string(),
            opened: finding.opened.to_string(),
            severity: finding.severity.as_str().to_owned(),
            score: two_decimals(finding.score),
            title: finding.title.clone(),
            summary: finding.summary.clone(),
            principal: PrincipalV1::from(&finding.principal),
            credential: CredentialV1 {
                kind: finding.credential.kind.as_str().to_owned(),
                access_key_id: told(&finding.credential.access_key_id),
                session_name: told(&finding.credential.session_name),
                ..CredentialV1::default()
            },
            lineage: finding.lineage.iter().map(LineageV1::from).collect(),
            novelties: finding.novelties.iter().map(NoveltyV1::from).collect(),
            evidence: finding.evidence.iter().map(EvidenceV1::from).collect(),
            baseline: BaselineV1::from(&finding.baseline),
            attack: finding.attack.iter().map(AttackV1::from).collect(),
            guardduty: finding.guardduty.clone(),
            harmless_if: finding.harmless_if.clone(),
            next_steps: finding.next_steps.clone(),
            raised: finding.raised,
            suppressed_by: finding.suppressed_by.as_ref().map(|one| one.id.clone()),
            root: finding.root.as_ref().map(PrincipalV1::from),
            threshold: Some(two_decimals(finding.threshold)),
            calibrated: Some(finding.calibrated),
            reach: Some(ReachV1 {
                credentials: finding.reach.credentials.clone(),
                principals: finding.reach.principals.clone(),
                accounts: finding.reach.accounts.clone(),
            }),
            change: finding.change.as_ref().map(ChangeV1::from),
            suppression: finding.suppressed_by.as_ref().map(SuppressionV1::from),
        }
    }
}

impl From<&BehaviorChange> for ChangeV1 {
    fn from(change: &BehaviorChange) -> Self {
        let principals = change.principals.iter();
        Self {
            since: change.since.to_string(),
            calls: change.calls.clone(),
            principals: principals
                .map(|(principal, first)| ChangedV1 {
                    principal: PrincipalV1::from(principal),
                    first: first.to_string(),
                })
                .collect(),
        }
    }
}

impl From<&PrincipalName> for PrincipalV1 {
    fn from(principal: &PrincipalName) -> Self {
        Self {
            kind: principal.kind.as_str().to_owned(),
            account: told(&principal.account),
            id: told(&principal.id),
            arn: told(&principal.arn),
            name: told(&principal.name),
            person: principal.person.as_deref().and_then(told),
        }
    }
}

impl From<&LineageStep> for LineageV1 {
    fn from(step: &LineageStep) -> Self {
        Self {
            credential: step.credential.clone(),
            minted: step.minted.clone(),
            by: step.by.clone(),
            event_id: told(&step.event_id),
            time: step.time.to_string(),
        }
    }
}

impl From<&Novelty> for NoveltyV1 {
    fn from(novelty: &Novelty) -> Self {
        Self {
            dimension: novelty.dimension.to_owned(),
            value: novelty.value.clone(),
            class: novelty.class.as_str().to_owned(),
            principal_count: novelty.principal_count,
            principal_calls: novelty.principal_calls,
            principal_days: novelty.principal_days,
            peers: PeersV1 {
                group: novelty.peers.group.clone(),
                size: novelty.peers.size,
                seen_by: novelty.peers.seen_by,
            },
            account: ShareV1::from(novelty.account),
            bits: two_decimals(novelty.bits),
            organisation: Some(ShareV1::from(novelty.organisation)),
            arithmetic: Some(novelty.arithmetic.clone()),
        }
    }
}

impl From<Share> for ShareV1 {
    fn from(share: Share) -> Self {
        Self {
            principals: share.principals,
            seen_by: share.seen_by,
        }
    }
}

impl From<&Evidence> for EvidenceV1 {
    fn from(evidence: &Evidence) -> Self {
        Self {
            event_id: told(&evidence.event_id),
            time: evidence.time.to_string(),
            call: evidence.call.clone(),
            outcome: evidence.outcome.as_str().to_owned(),
            region: told(&evidence.region),
            address: told(&evidence.address),
            user_agent: told(&evidence.user_agent),
            bits: two_decimals(evidence.bits),
            why: evidence.why.clone(),
            code: told(&evidence.code),
            principal: told(&evidence.principal),
            access_key_id: told(&evidence.access_key_id),
        }
    }
}

impl From<&offtrail_detector::BaselineNote> for BaselineV1 {
    fn from(note: &offtrail_detector::BaselineNote) -> Self {
        let coverage = two_decimals(note.coverage.clamp(0.0, 1.0) * 100.0) / 100.0;
        Self {
            since: note.since.map(|time| time.to_string()),
            until: note.until.map(|time| time.to_string()),
            maturity: note.maturity.state.as_str().to_owned(),
            coverage,
            settings: note.settings.clone(),
            active_days: Some(note.maturity.active_days),
            observations: Some(note.maturity.observations),
            calls: Some(note.maturity.calls),
            recent_calls: Some(note.maturity.recent_calls),
        }
    }
}

impl From<&offtrail_detector::Attack> for AttackV1 {
    fn from(attack: &offtrail_detector::Attack) -> Self {
        Self {
            tactic: attack.tactic.clone(),
            technique: told(&attack.technique),
            attack_version: Some(ATTACK_VERSION.to_owned()),
        }
    }
}
