//! How much harm a call can do: one class for each call, from the facts by a fixed list of rules, and by hand where no rule fits.
//!
//! Two things are measured in the scoring recipe this follows: reads and writes alone are worse than no classes at all, because
//! reconnaissance is made of reads; and a catalogue of calls seen in attacks does nearly as well as a hand-made map. So the classes
//! rest on incidents and access levels, not on read against write. The incident table also lists what everybody does all day
//! (`s3:GetObject`, `lambda:Invoke`, `ec2:DescribeInstances`); such calls are named in `data/sensitivity.tsv` with the reason, or, for reads
//! outside identity, credentials and defences, made ordinary by rule.
//!
//! The first rule that fits decides:
//!
//! 1. a reviewed row of `data/sensitivity.tsv`;
//! 2. a read: of identity services, secrets, the trail or the detector → `IdentityOrCredentialRead`; listed with the tactic credential
//!    access → the same; listed otherwise → `OrdinaryWrite` (a shade above an ordinary read); else `OrdinaryRead`;
//! 3. effect unknown: listed with a tactic beyond discovery → `Sensitive`; else `OrdinaryWrite`, never a read;
//! 4. a write: about tags only → `OrdinaryWrite`; identity → `Severe`, or `Sensitive` where it takes away; weakening the trail or the
//!    detector → `Severe`, another guard → `Sensitive`; deleting backups → `Severe`; permissions management, or named so → `Sensitive`;
//!    listed → `Sensitive`; else `OrdinaryWrite`.

use super::access::{AccessLevel, Effect};
use super::tables::Reviewed;
use super::{Facts, names};

/// How much harm a call can do; the weights in bits belong to the settings of the detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SensitivityClass {
    /// Reads that everybody makes, or that no incident has.
    OrdinaryRead,
    /// Writes that no incident has, and everyday reads that incidents have too.
    OrdinaryWrite,
    /// "Who am I": `sts:GetCallerIdentity`.
    CallerIdentity,
    /// Reads of identity, secrets, defences and of what an account can be abused for; also what mints sessions. Narrow machines never
    /// make them, people and auditors do: weighed by the kind of principal.
    IdentityOrCredentialRead,
    /// Writes seen in incidents, changes of resource permissions, running of commands, sharing and deleting of data.
    Sensitive,
    /// Privilege escalation and persistence in identity, blinding of defences, taking of keys and backups.
    Severe,
}

impl SensitivityClass {
    /// All classes, mildest first, with their names in the data files.
    pub const ALL: [(SensitivityClass, &'static str); 6] = [
        (SensitivityClass::OrdinaryRead, "ordinary-read"),
        (SensitivityClass::OrdinaryWrite, "ordinary-write"),
        (SensitivityClass::CallerIdentity, "caller-identity"),
        (SensitivityClass::IdentityOrCredentialRead, "identity-read"),
        (SensitivityClass::Sensitive, "sensitive"),
        (SensitivityClass::Severe, "severe"),
    ];

    /// The class of that name in the data files.
    pub fn from_name(name: &str) -> Option<SensitivityClass> {
        SensitivityClass::ALL
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(class, _)| *class)
    }

    /// Its name in the data files.
    pub fn name(self) -> &'static str {
        SensitivityClass::ALL[self as usize].1
    }
}

/// The class of a call, with why, and what it stands for in ATT&CK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sensitivity {
    /// The class.
    pub class: SensitivityClass,
    /// Why, in a few plain words that finish "because it …" or name the rule.
    pub reason: &'static str,
    /// The ATT&CK tactic it most likely serves, if any is known.
    pub tactic: Option<&'static str>,
    /// The ATT&CK technique, if any is known.
    pub technique: Option<&'static str>,
    /// Whether it returns stored data rather than descriptions.
    pub is_data_read: bool,
    /// Whether it destroys something, judged by its verb.
    pub destructive: bool,
}

/// Services whose reads tell who may do what, or return secrets.
const IDENTITY_READS: [&str; 6] = [
    "iam",
    "identitystore",
    "organizations",
    "secretsmanager",
    "sso",
    "sso-directory",
];

/// Services whose writes decide who may do what.
const IDENTITY_WRITES: [&str; 5] = [
    "iam",
    "identitystore",
    "organizations",
    "sso",
    "sso-directory",
];

/// The trail and the detector: reading their set-up is what an intruder does first, weakening them second.
const WATCHERS: [&str; 2] = ["cloudtrail", "guardduty"];

/// Other guards. Their set-up is read all day by people and dashboards; weakening them still tells.
const GUARDS: [&str; 13] = [
    "access-analyzer",
    "config",
    "detective",
    "fms",
    "inspector2",
    "macie2",
    "network-firewall",
    "securityhub",
    "securitylake",
    "shield",
    "waf",
    "waf-regional",
    "wafv2",
];

/// Discovery: the one tactic that makes no write harmful.
const DISCOVERY: &str = "TA0007";
const CREDENTIAL_ACCESS: &str = "TA0006";

/// What a rule says: the class, why, and the ATT&CK pair that the rule itself implies.
struct Ruling {
    class: SensitivityClass,
    reason: &'static str,
    implied: Option<(&'static str, &'static str)>,
}

const fn ruling(
    class: SensitivityClass,
    reason: &'static str,
    implied: Option<(&'static str, &'static str)>,
) -> Ruling {
    Ruling {
        class,
        reason,
        implied,
    }
}

/// The sensitivity of a call. `source` is without domain; `row` is the reviewed row of the call, if there is one.
pub(super) fn of(
    source: &str,
    operation: &str,
    facts: &Facts,
    row: Option<&Reviewed>,
) -> Sensitivity {
    let Ruling {
        class,
        reason,
        implied,
    } = match row {
        Some(row) => ruling(row.class, row.reason, None),
        None => by_rule(source, operation, facts),
    };
    let stated = row.and_then(|row| row.tactic.map(|tactic| (Some(tactic), row.technique)));
    let (tactic, technique) = stated.unwrap_or_else(|| {
        if facts.tactics.is_empty() {
            (implied.map(|pair| pair.0), implied.map(|pair| pair.1))
        } else {
            (
                facts.tactics.iter().next(),
                facts.techniques.most_specific(),
            )
        }
    });
    Sensitivity {
        class,
        reason,
        tactic,
        technique,
        is_data_read: names::is_data_read(source, operation),
        destructive: facts.effect != Effect::Read && names::is_destructive(source, operation),
    }
}

fn by_rule(source: &str, operation: &str, facts: &Facts) -> Ruling {
    match facts.effect {
        Effect::Read => read(source, facts),
        Effect::Unknown => unknown(facts),
        Effect::Write => write(source, operation, facts),
    }
}

fn read(source: &str, facts: &Facts) -> Ruling {
    use SensitivityClass::{IdentityOrCredentialRead, OrdinaryRead, OrdinaryWrite};
    if source == "secretsmanager" {
        return ruling(
            IdentityOrCredentialRead,
            "reads or lists secrets",
            Some(("TA0006", "T1555.006")),
        );
    }
    if IDENTITY_READS.contains(&source) {
        return ruling(
            IdentityOrCredentialRead,
            "reads who may do what",
            Some((DISCOVERY, "T1087.004")),
        );
    }
    if WATCHERS.contains(&source) {
        return ruling(
            IdentityOrCredentialRead,
            "looks at what watches the account",
            Some((DISCOVERY, "T1654")),
        );
    }
    if facts.tactics.contains(CREDENTIAL_ACCESS) {
        return ruling(
            IdentityOrCredentialRead,
            "read in incidents to get at credentials",
            None,
        );
    }
    if facts.in_incidents {
        return ruling(
            OrdinaryWrite,
            "an operational read that incidents have too",
            None,
        );
    }
    ruling(OrdinaryRead, "an ordinary read", None)
}

fn unknown(facts: &Facts) -> Ruling {
    if facts.tactics.iter().any(|tactic| tactic != DISCOVERY) {
        return ruling(
            SensitivityClass::Sensitive,
            "seen in incidents beyond discovery",
            None,
        );
    }
    ruling(
        SensitivityClass::OrdinaryWrite,
        "unknown whether it reads or writes",
        None,
    )
}

fn write(source: &str, operation: &str, facts: &Facts) -> Ruling {
    use SensitivityClass::{OrdinaryWrite, Sensitive, Severe};
    if names::is_about_tags(operation) {
        return ruling(OrdinaryWrite, "changes tags only", None);
    }
    if IDENTITY_WRITES.contains(&source) {
        // Reports and simulations only read, however the record marks them.
        return if facts.access.only_reads() {
            read(source, facts)
        } else {
            identity_write(source, operation)
        };
    }
    if names::is_weakening(operation) {
        if WATCHERS.contains(&source) {
            return ruling(
                Severe,
                "blinds what watches the account",
                Some(("TA0005", "T1562.008")),
            );
        }
        if GUARDS.contains(&source) {
            return ruling(Sensitive, "weakens a guard", Some(("TA0005", "T1562.001")));
        }
    }
    if names::is_backup_deletion(operation) {
        return ruling(Severe, "deletes backups", Some(("TA0040", "T1490")));
    }
    if facts.access.contains(AccessLevel::PermissionsManagement)
        || names::is_resource_permission(operation)
    {
        return ruling(
            Sensitive,
            "changes who may use a resource",
            Some(("TA0003", "T1098")),
        );
    }
    if facts.in_incidents {
        let reason = if facts.in_the_wild {
            "a write seen in real attacks"
        } else {
            "a write that research shows abused"
        };
        return ruling(Sensitive, reason, None);
    }
    ruling(OrdinaryWrite, "an ordinary write", None)
}

fn identity_write(source: &str, operation: &str) -> Ruling {
    // Taking a boundary or an organisation's policy away gives rights; taking anything else away only costs its owner.
    let gives = source == "organizations" || operation.contains("PermissionsBoundary");
    if names::is_withdrawing(operation) && !gives {
        return ruling(
            SensitivityClass::Sensitive,
            "takes an identity, a right or a credential away",
            Some(("TA0040", "T1531")),
        );
    }
    ruling(
        SensitivityClass::Severe,
        "changes who may do what",
        Some(("TA0003", "T1098")),
    )
}
