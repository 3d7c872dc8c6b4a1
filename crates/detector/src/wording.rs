//! The words of a finding: who, with what, what to do next, what would make it harmless. Plain, short, one place.

use offtrail_event::{CredentialKind, OutcomeClass, PrincipalKind, PrincipalName, TargetKind};

use crate::{
    BehaviorChange, Novelty,
    case::{Case, Lead},
    catalogue::SensitivityClass,
};

/// `IAM user ci-deploy`.
pub(crate) fn who(principal: &PrincipalName) -> String {
    let kind = match principal.kind {
        PrincipalKind::Root => return format!("the root user of {}", principal.account),
        PrincipalKind::IamUser => "IAM user",
        PrincipalKind::Role if principal.person.is_some() => "",
        PrincipalKind::Role => "role",
        PrincipalKind::FederatedUser => "federated user",
        PrincipalKind::SamlUser => "SAML user",
        PrincipalKind::WebIdentityUser => "web-identity user",
        PrincipalKind::IdentityCenterUser => "identity-centre user",
        PrincipalKind::AwsService => "service",
        PrincipalKind::ForeignAccount => "a caller of account",
        PrincipalKind::Unrecognised => "unrecognised principal",
    };
    format!("{kind} {}", principal.label())
        .trim_start()
        .to_owned()
}

/// `with a permanent key`.
pub(crate) fn with_credential(kind: CredentialKind, principal: PrincipalKind) -> &'static str {
    match kind {
        _ if principal == PrincipalKind::Root => "with root credentials",
        CredentialKind::PermanentKey => "with a permanent key",
        CredentialKind::UserSession => "in a temporary user session",
        CredentialKind::RoleSession => "in a temporary role session",
        CredentialKind::Console => "in the console",
        CredentialKind::ForwardAccess => "through a service",
        CredentialKind::Service => "as a service",
        CredentialKind::None => "without a credential",
        CredentialKind::Unrecognised => "with a credential of unrecognised kind",
    }
}

/// `account 444455556666`, `secret prod/db`: a target's text in words.
pub(crate) fn target(text: &str) -> String {
    let Some((kind, value)) = TargetKind::of_text(text).zip(text.split_once(':')) else {
        return text.to_owned();
    };
    let value = value.1;
    match kind {
        TargetKind::ForeignAccount => format!("foreign account {value}"),
        TargetKind::Public => format!("the public ({value})"),
        TargetKind::OpenIngress => format!("every address ({value})"),
        TargetKind::KeyOf => format!("the credentials of user {value}"),
        TargetKind::ForeignCaller => format!("a role from a foreign account ({value})"),
        TargetKind::UserData => format!("the user data of {value}"),
        TargetKind::Secret
        | TargetKind::Parameter
        | TargetKind::Function
        | TargetKind::Trail
        | TargetKind::Bucket => format!("{} {value}", kind.as_str()),
    }
}

/// Most rulings told in a summary.
const RULINGS_TOLD_MAX: usize = 3;

/// Plain words with counts and dates.
pub(crate) fn summary(
    case: &Case,
    lead: &Lead,
    principal: &PrincipalName,
    root: Option<&PrincipalName>,
) -> String {
    let mut text = String::new();
    let note = &case.note;
    let novelty = lead.call.as_ref().and_then(|call| {
        case.novelties
            .iter()
            .filter(|one| one.dimension == "call" && one.value == *call)
            .max_by(|a, b| a.bits.total_cmp(&b.bits))
    });
    if let (Some(call), Some(_)) = (&lead.call, &lead.ruled) {
        text.push_str(&format!(
            "{} called {call}{} on {} {}.",
            capital(&who(principal)),
            if lead.outcome == OutcomeClass::Denied {
                " (denied)"
            } else {
                ""
            },
            case.opened.day(),
            with_credential(lead.credential.kind, principal.kind),
        ));
    } else if let (Some(call), Some(aimed)) = (&lead.call, &lead.target) {
        let mut told = case.novelties.iter();
        let told = told.find(|one| one.dimension == "target" && one.value == *aimed);
        text.push_str(&format!(
            "{} aimed {call} at {} on {} {}, which it had not done before; {} of {} principals of the organisation had.",
            capital(&who(principal)),
            target(aimed),
            case.last.day(),
            with_credential(lead.credential.kind, principal.kind),
            told.map_or(0, |one| one.organisation.seen_by),
            told.map_or(0, |one| one.organisation.principals),
        ));
    } else if let (Some(call), Some(novelty)) = (&lead.call, novelty) {
        let never = match (novelty.principal_count, note.since) {
            (0, Some(since)) => format!(
                "had never made it in {} calls on {} active days (baseline since {}, records for {:.1} % of its hours)",
                novelty.principal_calls,
                novelty.principal_days,
                since.day(),
                note.coverage * 100.0
            ),
            (0, None) => "is judged without any baseline".to_owned(),
            (count, _) => {
                format!("had made it {count} times, never with this outcome or for this root")
            }
        };
        text.push_str(&format!(
            "{} called {call}{} on {} {}. It {never}; {} of {} {} and {} of {} principals of the organisation make this call.",
            capital(&who(principal)),
            if lead.outcome == OutcomeClass::Denied { " (denied)" } else { "" },
            case.opened.day(),
            with_credential(lead.credential.kind, principal.kind),
            novelty.peers.seen_by,
            novelty.peers.size,
            novelty.peers.group.split(" (").next().unwrap_or("peers"),
            novelty.organisation.seen_by,
            novelty.organisation.principals,
        ));
    } else if let (Some(call), Some(bulk)) = (&lead.call, bulk_of(case, lead)) {
        text.push_str(&format!(
            "{} made {call} in odd bulk on {} {}: {}.",
            capital(&who(principal)),
            case.last.day(),
            with_credential(lead.credential.kind, principal.kind),
            bulk.arithmetic,
        ));
    } else {
        text.push_str(&format!(
            "{} was seen in new surroundings on {}.",
            capital(&who(principal)),
            case.opened.day()
        ));
    }
    for note in case.ruled.iter().take(RULINGS_TOLD_MAX) {
        text.push(' ');
        text.push_str(&note.text);
    }
    if let Some(more) = case.ruled.len().checked_sub(RULINGS_TOLD_MAX + 1) {
        text.push_str(&format!(" And {} more rulings.", more + 1));
    }
    let calls = heaviest_values(case, "call").len();
    if calls > 1 {
        text.push_str(&format!(
            " In all {calls} new calls from {} to {}.",
            case.opened, case.last
        ));
    }
    let networks = heaviest_values(case, "network");
    if !networks.is_empty() {
        let networks: Vec<&str> = networks.into_iter().map(|(network, _)| network).collect();
        text.push_str(&format!(" New network: {}.", networks.join(", ")));
    }
    if let Some(root) = root {
        text.push_str(&format!(
            " The credential's lineage starts at {}.",
            who(root)
        ));
    }
    text
}

/// `bedrock:InvokeModel and 2 more calls are new at 6 principals since 2026-09-01`.
pub(crate) fn change_title(change: &BehaviorChange) -> String {
    let principals = change.principals.len();
    let (what, are) = match change.calls.as_slice() {
        [] => ("A call".to_owned(), "is"),
        [one] => (one.clone(), "is"),
        [one, _] => (format!("{one} and 1 more call"), "are"),
        [one, rest @ ..] => (format!("{one} and {} more calls", rest.len()), "are"),
    };
    format!(
        "{what} {are} new at {principals} principals since {}",
        change.since.day()
    )
}

/// Who took up what, when.
pub(crate) fn change_summary(change: &BehaviorChange) -> String {
    /// Most principals named; all are listed beside the summary.
    const NAMED_MAX: usize = 10;
    let named: Vec<String> = change
        .principals
        .iter()
        .take(NAMED_MAX)
        .map(|(name, first)| format!("{} ({})", who(name), first.day()))
        .collect();
    let more = match change.principals.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let last = change.principals.last().map(|(_, first)| first.day());
    let until = last.map_or_else(String::new, |last| format!(" to {last}"));
    format!(
        "From {}{until} {} principals called {} for the first time: {}{more}. None of them would have been raised but for what the others took up too.",
        change.since.day(),
        change.principals.len(),
        change.calls.join(", "),
        named.join(", "),
    )
}

/// What would make a change harmless.
pub(crate) fn change_harmless_if(change: &BehaviorChange) -> Vec<String> {
    let call = change.calls.first().map_or("the call", String::as_str);
    vec![
        format!(
            "a release, a new tool or a new version of an SDK that makes {call} was rolled out to these principals about {}",
            change.since.day()
        ),
        "whoever answers for that roll-out names the same principals".to_owned(),
    ]
}

/// What to do about a change.
pub(crate) fn change_next_steps(change: &BehaviorChange) -> Vec<String> {
    let first = change.principals.first();
    let first = first.map_or_else(|| "the first".to_owned(), |(name, _)| who(name));
    vec![
        format!("Ask who rolled it out; begin with {first}, where it was seen first"),
        "Look for a principal in the list that is no part of the roll-out: judge that one by itself (offtrail explain NAME)".to_owned(),
        "If it is meant, leave it: whoever takes the calls up next joins this finding, and what is held becomes known with age".to_owned(),
    ]
}

/// The bulk a finding is about, if its lead is a known call in odd bulk rather than a new call.
pub(crate) fn bulk_of<'c>(case: &'c Case, lead: &Lead) -> Option<&'c Novelty> {
    let call = lead.call.as_ref()?;
    let of = |dimension: &str| {
        let mut all = case.novelties.iter();
        all.find(|one| one.dimension == dimension && one.value == *call)
    };
    if of("call").is_some() {
        None
    } else {
        of("volume")
    }
}

/// What is new of one dimension with its bits, heaviest first, each value once.
pub(crate) fn heaviest_values<'c>(case: &'c Case, dimension: &str) -> Vec<(&'c str, f64)> {
    let mut found: Vec<(&str, f64)> = case
        .novelties
        .iter()
        .filter(|one| one.dimension == dimension)
        .map(|one| (one.value.as_str(), one.bits))
        .collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let mut values: Vec<(&str, f64)> = Vec::new();
    for (value, bits) in found {
        if !values.iter().any(|(known, _)| *known == value) {
            values.push((value, bits));
        }
    }
    values
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// What would make a finding harmless.
pub(crate) fn harmless_if(lead: &Lead, principal: &PrincipalName) -> Vec<String> {
    let call = lead.call.as_deref().unwrap_or("this");
    if lead.ruled.is_some() {
        return vec!["whoever ruled it changes the ruling (offtrail baseline approve, or the text in review)".to_owned()];
    }
    let mut reasons = vec![match principal.kind {
        PrincipalKind::IamUser | PrincipalKind::Role
            if principal.person.is_none() && lead.credential.kind != CredentialKind::Console =>
        {
            format!(
                "a change to what {} runs (a release, a new pipeline step, a new tool) was rolled out just before and needs {call}",
                principal.label()
            )
        }
        _ => format!("{} confirms having made {call}, and why", principal.label()),
    }];
    if lead.outcome == OutcomeClass::Denied {
        reasons.push("a permission is missing for a job that is meant to run".to_owned());
    }
    if lead.credential.kind == CredentialKind::RoleSession && principal.person.is_none() {
        reasons.push("someone known opened the session for maintenance; the AssumeRole event names the caller".to_owned());
    }
    reasons
}

/// What to do next, by kind of credential.
pub(crate) fn next_steps(
    lead: &Lead,
    principal: &PrincipalName,
    root: Option<&PrincipalName>,
) -> Vec<String> {
    let key = if lead.credential.access_key_id.is_empty() {
        "the key"
    } else {
        &lead.credential.access_key_id
    };
    let name = principal.label();
    let mut steps: Vec<String> = match lead.credential.kind {
        _ if principal.kind == PrincipalKind::Root => vec![
            "Ask the holder of the root mailbox whether they signed in; if not, reset the password and MFA from a clean machine".into(),
            "List and delete root access keys; root needs none".into(),
        ],
        CredentialKind::PermanentKey => vec![
            format!("Deactivate {key} (aws iam update-access-key --status Inactive) once its owner confirms or cannot be reached; a permanent key stays valid until then"),
            format!("Search code hosts, CI logs and images for {key}: permanent keys leak there"),
            format!("Check its last use and every network it was used from (offtrail explain {name})"),
            format!("List keys, users, roles and login profiles that {name} created since, and disable them too"),
        ],
        CredentialKind::RoleSession if principal.person.is_some() => vec![
            format!("Call {name} and ask; end their identity-centre session if they did not do it"),
            "Check the sign-in events of that person for new networks and devices".into(),
        ],
        CredentialKind::RoleSession => vec![
            "Revoke the role's older sessions (policy AWSRevokeOlderSessions); a session lives 1 to 12 hours".into(),
            format!("Find where the session was stolen: for {name} look for SSRF or metadata access on the instance, function or task behind {}", session(lead)),
            "Read the trust policy: who else can assume the role?".into(),
        ],
        CredentialKind::Console => vec![
            format!("Call {name} and ask; if unknown, disable the login profile and end sessions"),
            "Check the ConsoleLogin events: network, MFA".into(),
        ],
        CredentialKind::UserSession => vec![
            format!("Deactivate the permanent key of {name} that opened the session: ending the session is not enough"),
            "Deny the session until it runs out (aws:TokenIssueTime condition)".into(),
        ],
        CredentialKind::ForwardAccess | CredentialKind::Service | CredentialKind::None | CredentialKind::Unrecognised => {
            vec!["Read the whole event: the record does not say which credential signed".into()]
        }
    };
    if let Some(root) = root {
        steps.push(format!(
            "Contain {} as well: the chain of credentials starts there",
            who(root)
        ));
    }
    if lead.class == SensitivityClass::Severe && lead.outcome == OutcomeClass::Succeeded {
        steps.push("Undo the change it made before anything else uses it".to_owned());
    }
    steps
}

fn session(lead: &Lead) -> String {
    if lead.credential.session_name.is_empty() {
        "the session".to_owned()
    } else {
        format!("session {}", lead.credential.session_name)
    }
}
