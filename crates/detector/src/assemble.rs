//! Assembling a [`Finding`] from a case: type, severity, title, summary. Words for next steps are in `wording`.

use std::collections::BTreeSet;

use offtrail_event::{CredentialKind, PrincipalId, PrincipalKind, PrincipalName, Vocabulary};

use crate::{
    Finding, Reach, Severity,
    case::{Case, Lead},
    catalogue::SensitivityClass,
    settings::SeveritySettings,
    wording,
};

/// Builds the present state of a case as a finding. `threshold`: bits, and whether they were calibrated.
pub(crate) fn assemble(
    case: &Case,
    threshold: (f64, bool),
    steps: &SeveritySettings,
    words: &Vocabulary,
) -> Finding {
    let lead = case
        .lead
        .as_ref()
        .expect("a case is told only after something was added, which sets its lead");
    let principal = words.principal(lead.principal);
    let root = (case.root != lead.principal).then(|| words.principal(case.root));
    let score = case.score();
    let kind = finding_type(case, lead, &principal);
    let mut novelties = case.novelties.clone();
    novelties.sort_by(|a, b| {
        b.bits
            .total_cmp(&a.bits)
            .then_with(|| (a.dimension, &a.value).cmp(&(b.dimension, &b.value)))
    });
    Finding {
        id: case.id.clone(),
        guardduty: guardduty_type(lead),
        kind,
        time: case.last,
        opened: case.opened,
        severity: severity(case, lead, score - threshold.0, steps),
        score,
        threshold: threshold.0,
        calibrated: threshold.1,
        title: title(case, lead, &principal),
        summary: wording::summary(case, lead, &principal, root.as_ref()),
        harmless_if: wording::harmless_if(lead, &principal),
        next_steps: wording::next_steps(lead, &principal, root.as_ref()),
        principal,
        root,
        credential: lead.credential.clone(),
        lineage: case.lineage.clone(),
        novelties,
        evidence: case.evidence.clone(),
        baseline: case.note.clone(),
        attack: case.attack.iter().cloned().collect(),
        raised: case.raised,
        suppressed_by: None,
        reach: reach(case, words),
        change: None,
    }
}

/// What the credentials of a case touched.
fn reach(case: &Case, words: &Vocabulary) -> Reach {
    let is_credential = |text: &&String| {
        text.starts_with("AKIA") || text.starts_with("ASIA") || text.starts_with("password of ")
    };
    let steps = case.lineage.iter();
    let on_the_way = steps.flat_map(|step| [&step.credential, &step.minted]);
    let credentials: BTreeSet<&String> = if case.lineage.is_empty() {
        // Without lineage they are those of one principal; the console signs each request with another key.
        case.lead
            .iter()
            .map(|lead| &lead.credential.access_key_id)
            .filter(is_credential)
            .collect()
    } else {
        on_the_way.filter(is_credential).collect()
    };
    let called = case.calls.keys().map(|(id, _)| *id);
    let seen = case.seen_context.iter().map(|(id, ..)| *id);
    let ids: BTreeSet<PrincipalId> = called.chain(seen).collect();
    let names: Vec<PrincipalName> = ids.into_iter().map(|id| words.principal(id)).collect();
    let labels: BTreeSet<String> = names.iter().map(PrincipalName::label).collect();
    let accounts: BTreeSet<String> = names
        .iter()
        .map(|name| name.account.to_string())
        .filter(|account| !account.is_empty())
        .collect();
    Reach {
        credentials: credentials.into_iter().cloned().collect(),
        principals: labels.into_iter().collect(),
        accounts: accounts.into_iter().collect(),
    }
}

/// The four steps: bits above the threshold, with a floor for what hands an intruder something lasting; of what somebody refused at least
/// the severity they stated, whatever it weighs.
fn severity(case: &Case, lead: &Lead, above: f64, steps: &SeveritySettings) -> Severity {
    let (above, stated) = case.unruled(above);
    let by_bits = if above >= steps.critical_above_bits {
        Severity::Critical
    } else if above >= steps.high_above_bits {
        Severity::High
    } else if above >= steps.medium_above_bits {
        Severity::Medium
    } else {
        Severity::Low
    };
    let key_abused = lead.credential.kind == CredentialKind::PermanentKey
        && lead.class >= SensitivityClass::IdentityOrCredentialRead;
    let floor = if !case.has_reached() {
        Severity::Low
    } else if case.foothold || (key_abused && stated.is_none()) {
        Severity::High
    } else {
        Severity::Low
    };
    by_bits.max(floor).max(stated.unwrap_or(Severity::Low))
}

/// The threat purpose of a tactic, in GuardDuty's words.
fn purpose(tactic: Option<&str>) -> &'static str {
    match tactic {
        Some("TA0001") => "InitialAccess",
        Some("TA0002") => "Execution",
        Some("TA0003") => "Persistence",
        Some("TA0004") => "PrivilegeEscalation",
        Some("TA0005") => "DefenseEvasion",
        Some("TA0006") => "CredentialAccess",
        Some("TA0007") => "Discovery",
        Some("TA0008") => "LateralMovement",
        Some("TA0009") => "Collection",
        Some("TA0010") => "Exfiltration",
        Some("TA0040") => "Impact",
        _ => "Behavior",
    }
}

pub(crate) fn finding_type(case: &Case, lead: &Lead, principal: &PrincipalName) -> String {
    let resource = match principal.kind {
        PrincipalKind::Role => "IAMRole",
        PrincipalKind::Root => "Root",
        PrincipalKind::FederatedUser => "FederatedUser",
        PrincipalKind::IdentityCenterUser => "IdentityCenterUser",
        _ => "IAMUser",
    };
    let mechanism = match (&lead.call, wording::bulk_of(case, lead)) {
        _ if let Some((mechanism, _)) = &lead.ruled => mechanism,
        _ if lead.target.is_some() => "FirstSeenTarget",
        (None, _) => "FirstSeenContext",
        (Some(_), Some(_)) => "OddVolume",
        (Some(_), None) => "FirstSeenCall",
    };
    let artifact = artifact(lead.credential.kind, principal.kind);
    format!(
        "{}:{resource}/AnomalousBehavior.{mechanism}!{artifact}",
        purpose(lead.attack.0.as_deref())
    )
}

fn artifact(credential: CredentialKind, principal: PrincipalKind) -> &'static str {
    match (credential, principal) {
        (_, PrincipalKind::Root) => "Root",
        (CredentialKind::PermanentKey, _) => "PermanentKey",
        (CredentialKind::UserSession, PrincipalKind::FederatedUser) => "FederatedSession",
        (CredentialKind::UserSession, _) => "UserSession",
        (CredentialKind::RoleSession, _) => "RoleSession",
        (CredentialKind::Console, _) => "Console",
        (CredentialKind::ForwardAccess, _) => "ForwardAccess",
        (CredentialKind::Service, _) => "Service",
        (CredentialKind::None, _) => "NoCredential",
        (CredentialKind::Unrecognised, _) => "UnrecognisedCredential",
    }
}

/// GuardDuty has no anomaly type for some purposes; those map to nothing rather than to a name that does not exist.
fn guardduty_type(lead: &Lead) -> Option<String> {
    let purpose = purpose(lead.attack.0.as_deref());
    let known = [
        "CredentialAccess",
        "DefenseEvasion",
        "Discovery",
        "Exfiltration",
        "Impact",
        "InitialAccess",
        "Persistence",
        "PrivilegeEscalation",
    ];
    known
        .contains(&purpose)
        .then(|| format!("{purpose}:IAMUser/AnomalousBehavior"))
}

/// `First iam:ListAccessKeys, iam:ListUsers and 3 more calls by IAM user ci-deploy with a permanent key`: the heaviest by
/// name, at most three; calls of less than half the heaviest one's bits are left to the table.
fn title(case: &Case, lead: &Lead, principal: &PrincipalName) -> String {
    let who = wording::who(principal);
    let with = wording::with_credential(lead.credential.kind, principal.kind);
    if let Some((_, title)) = &lead.ruled {
        return format!("{title} by {who} {with}");
    }
    if let (Some(call), Some(target)) = (&lead.call, &lead.target) {
        let target = wording::target(target);
        return format!("{call} aimed at {target} for the first time by {who} {with}");
    }
    let mut calls = wording::heaviest_values(case, "call");
    let half = calls.first().map_or(0.0, |(_, bits)| bits / 2.0);
    calls.retain(|(_, bits)| *bits >= half);
    let calls: Vec<&str> = calls.into_iter().map(|(call, _)| call).collect();
    match (calls.as_slice(), &lead.call) {
        ([], Some(bulk)) => format!("Odd bulk of {bulk} by {who} {with}"),
        ([], None) => format!("{who} {with} in new surroundings"),
        ([one], _) => format!("First {one} by {who} {with}"),
        ([one, two], _) => format!("First {one} and {two} by {who} {with}"),
        ([one, two, three], _) => format!("First {one}, {two} and {three} by {who} {with}"),
        ([one, two, three, rest @ ..], _) => {
            let (more, calls) = (rest.len(), if rest.len() == 1 { "call" } else { "calls" });
            format!("First {one}, {two}, {three} and {more} more {calls} by {who} {with}")
        }
    }
}
