//! [`Finding`]: one judged piece of news about one principal, with its evidence and a stable id, as values with texts.
//! How it is written (JSON Lines, text, …) is the report's concern.

use offtrail_baseline::Maturity;
pub use offtrail_event::Severity;
use offtrail_event::{CredentialKind, Day, OutcomeClass, PrincipalName, Timestamp};

/// One state of a finding. A later state with the same id replaces it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Stable over reruns: a digest of the lineage's principal and of the event that opened it.
    pub id: String,
    /// `ThreatPurpose:ResourceTypeAffected/ThreatFamilyName.DetectionMechanism!Artifact`.
    pub kind: String,
    /// Event time at which this state was reached.
    pub time: Timestamp,
    /// Event time of its first evidence.
    pub opened: Timestamp,
    /// How soon somebody should look.
    pub severity: Severity,
    /// Bits; finite, ≥ 0. Before it is raised, calls of a wave count their share.
    pub score: f64,
    /// The threshold it was held against, in bits.
    pub threshold: f64,
    /// Whether that threshold was calibrated on the organisation's own history.
    pub calibrated: bool,
    /// One line.
    pub title: String,
    /// Plain words with counts and dates.
    pub summary: String,
    /// Whose permissions the heaviest evidence used.
    pub principal: PrincipalName,
    /// The principal at the root of the credential's lineage, if it is another one.
    pub root: Option<PrincipalName>,
    /// What signed the heaviest evidence.
    pub credential: CredentialShown,
    /// From the first credential to the last, in order of time.
    pub lineage: Vec<LineageStep>,
    /// What is new, heaviest first.
    pub novelties: Vec<Novelty>,
    /// Every event it rests on, in order of time.
    pub evidence: Vec<Evidence>,
    /// What the principal's profile was compared over.
    pub baseline: BaselineNote,
    /// MITRE ATT&CK tactics and techniques.
    pub attack: Vec<Attack>,
    /// The GuardDuty finding type it corresponds to.
    pub guardduty: Option<String>,
    /// What would make it harmless.
    pub harmless_if: Vec<String>,
    /// What to do next, for this kind of credential.
    pub next_steps: Vec<String>,
    /// Whether the score reached the threshold and no suppression hides it.
    pub raised: bool,
    /// The reviewed suppression that hides it.
    pub suppressed_by: Option<SuppressedBy>,
    /// What the credentials of its lineage touched.
    pub reach: Reach,
    /// What several principals took up together, if that is what it tells.
    pub change: Option<BehaviorChange>,
}

/// The suppression that hides a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressedBy {
    /// Its name.
    pub id: String,
    /// Who answers for it.
    pub author: String,
    /// The day it was said.
    pub on: Day,
    /// The day from which on it hides nothing.
    pub until: Day,
    /// Why.
    pub reason: String,
}

/// What the credentials of a finding's lineage touched: how far the harm may go. Each list sorted, each entry once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Access keys that signed evidence or were given out on the way, and whose password was set.
    pub credentials: Vec<String>,
    /// Principals whose permissions were used, as labels.
    pub principals: Vec<String>,
    /// Accounts of these principals.
    pub accounts: Vec<String>,
}

/// A call, or several, that several principals took up within days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BehaviorChange {
    /// When the first of them did.
    pub since: Timestamp,
    /// Which calls, `bedrock:InvokeModel`, the heaviest first.
    pub calls: Vec<String>,
    /// Each principal with its first sighting of one of the calls, in order of time.
    pub principals: Vec<(PrincipalName, Timestamp)>,
}

/// The credential as shown in a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialShown {
    /// Its kind.
    pub kind: CredentialKind,
    /// Access key id; empty if none.
    pub access_key_id: String,
    /// Role session name; empty if none.
    pub session_name: String,
}

/// One credential giving out the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineageStep {
    /// Access key id (or the principal's key, where the record has none) that signed.
    pub credential: String,
    /// Access key id, or principal, that was given out.
    pub minted: String,
    /// The call that gave it out: `sts:AssumeRole`.
    pub by: String,
    /// The event.
    pub event_id: String,
    /// Event time.
    pub time: Timestamp,
}

/// How often a value had been seen, in GuardDuty's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Frequency {
    /// Never.
    Unseen,
    /// On one or two days.
    Rare,
    /// On fewer than one in five active days.
    Infrequent,
    /// More often.
    Frequent,
}

impl Frequency {
    /// The word used for it in every format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unseen => "unseen",
            Self::Rare => "rare",
            Self::Infrequent => "infrequent",
            Self::Frequent => "frequent",
        }
    }

    /// From distinct days with the value and active days.
    #[must_use]
    pub fn of(days: u32, active_days: u32) -> Self {
        match days {
            0 => Self::Unseen,
            1 | 2 => Self::Rare,
            days if days.saturating_mul(5) < active_days => Self::Infrequent,
            _ => Self::Frequent,
        }
    }
}

/// One thing that is new, with the counts it was weighed by, as they stood when it was judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Novelty {
    /// `call`, `network`, `region`, `user_agent`, `role`, `principal`, `denied`.
    pub dimension: &'static str,
    /// What: `iam:ListAccessKeys`.
    pub value: String,
    /// How often the principal had shown it.
    pub class: Frequency,
    /// Sightings by the principal before.
    pub principal_count: u64,
    /// All calls of the principal before.
    pub principal_calls: u64,
    /// Active days of the principal before.
    pub principal_days: u32,
    /// Principals compared with it.
    pub peers: PeerCount,
    /// Principals of the same account.
    pub account: Share,
    /// Principals of the organisation.
    pub organisation: Share,
    /// What it adds, in bits, before damping.
    pub bits: f64,
    /// How the bits come about: `0.5·1.0·5.3 own rate + 6.2 peers + 4.0 sensitivity + 0.5 permanent key`.
    pub arithmetic: String,
}

/// The peer group of a principal, and how many of it had shown a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCount {
    /// Its name and rule.
    pub group: String,
    /// Principals in it.
    pub size: u32,
    /// Of these, with the value.
    pub seen_by: u32,
}

/// How many principals of a set had shown a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Principals in the set.
    pub principals: u32,
    /// Of these, with the value.
    pub seen_by: u32,
}

/// One event a finding rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// `eventID`.
    pub event_id: String,
    /// Event time.
    pub time: Timestamp,
    /// `iam:ListAccessKeys`.
    pub call: String,
    /// How it ended.
    pub outcome: OutcomeClass,
    /// `errorCode`; empty if none.
    pub code: String,
    /// Region.
    pub region: String,
    /// Address or service host; empty if neither.
    pub address: String,
    /// User agent, verbatim.
    pub user_agent: String,
    /// The principal whose permissions were used, as a label.
    pub principal: String,
    /// Access key id; empty if none.
    pub access_key_id: String,
    /// What it adds, in bits, before damping.
    pub bits: f64,
    /// Why, in plain words.
    pub why: Vec<String>,
}

/// What the principal's profile was compared over.
#[derive(Clone, Debug, PartialEq)]
pub struct BaselineNote {
    /// First event of the baseline; `None` if nothing was learnt.
    pub since: Option<Timestamp>,
    /// Last event learnt before the finding opened.
    pub until: Option<Timestamp>,
    /// The principal's maturity then.
    pub maturity: Maturity,
    /// Share of the window's hours in which records of the principal's account arrived; 0 to 1.
    pub coverage: f64,
    /// Digest of the settings.
    pub settings: String,
}

/// One ATT&CK technique.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attack {
    /// `TA0007`.
    pub tactic: String,
    /// `T1087.004`; empty if only the tactic is known.
    pub technique: String,
}
