//! What is told beside a draft: what the policy leaves out and why, and where it is wider than what was used.

use std::io::{self, Write};

use offtrail_event::Day;

use super::{
    PolicyDocument, PolicyDraft, ScpDraft,
    document::{
        MANAGED_POLICIES_MAX, MANAGED_POLICY_CHARS_MAX, SCP_CHARS_MAX, SCPS_MAX, Statement,
    },
    is_governed,
};
use crate::{
    PrincipalV1,
    inert::{inert, inert_within},
    page::counted,
    words::principal_words,
};

/// Longest resource pattern shown; AWS allows ARNs of 2,048 characters.
const RESOURCE_CHARS_MAX: usize = 2_048;

/// Writes what is to be known of a draft beside its documents.
///
/// # Errors
/// Those of the writer.
pub fn write_policy_notes(out: &mut dyn Write, draft: &PolicyDraft) -> io::Result<()> {
    let principal = PrincipalV1::from(&draft.principal);
    writeln!(
        out,
        "Policy of what {} used{}",
        principal_words(&principal),
        window(draft.window)
    )?;
    if !is_governed(draft.principal.kind) {
        writeln!(
            out,
            "No policy of IAM governs a principal of this kind: the draft shows what it used, and can't be attached."
        )?;
    }
    writeln!(
        out,
        "Its profile is {}: what it needs but did not do in that time is not in the policy.",
        draft.maturity
    )?;
    divided(
        out,
        (&draft.documents, MANAGED_POLICY_CHARS_MAX),
        (MANAGED_POLICIES_MAX, "a user or role"),
    )?;
    let lists: [(&str, &[String]); 7] = [
        (
            "Allowed on every resource, since the baseline does not tell on which they were used",
            &draft.on_any_resource,
        ),
        (
            "Hand a role over: add iam:PassRole on those roles, which no record shows",
            &draft.passes_role,
        ),
        (
            "Need no action in a policy, or one that depends on their parameters",
            &draft.without_action,
        ),
        (
            "Not in the policy: their IAM action is not known, look it up",
            &draft.unknown,
        ),
        (
            "Not in the policy: they were only ever denied",
            &draft.denied,
        ),
        ("Not in the policy: they wait for review", &draft.pending),
        ("Not in the policy: a person refused them", &draft.refused),
    ];
    for (heading, texts) in lists {
        list(out, heading, texts.iter().map(|text| inert(text)))?;
    }
    let unused = draft
        .unused
        .iter()
        .map(|(call, day)| format!("{}  last seen {day}", inert(call)));
    list(out, "Not in the policy: unused for that long", unused)
}

/// Writes a draft's documents as lists, for reading.
///
/// # Errors
/// Those of the writer.
pub fn write_policy_text(out: &mut dyn Write, documents: &[PolicyDocument]) -> io::Result<()> {
    for (number, document) in (1..).zip(documents) {
        writeln!(
            out,
            "Document {number} of {}: {} characters",
            documents.len(),
            document.chars()
        )?;
        for statement in &document.statement {
            write_statement(out, statement)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn write_statement(out: &mut dyn Write, statement: &Statement) -> io::Result<()> {
    let through = match statement.condition {
        Some(_) => ", only when a service calls with its permissions",
        None => "",
    };
    writeln!(out, "  {}{through}", statement.effect)?;
    for action in &statement.action {
        writeln!(out, "    {}", inert(action))?;
    }
    for resource in &statement.resource {
        writeln!(
            out,
            "      on {}",
            inert_within(resource, RESOURCE_CHARS_MAX)
        )?;
    }
    Ok(())
}

/// Writes what is to be known of a draft of a service control policy.
///
/// # Errors
/// Those of the writer.
pub fn write_scp_notes(out: &mut dyn Write, draft: &ScpDraft) -> io::Result<()> {
    writeln!(
        out,
        "Service control policy of what none of {} used{}",
        counted(draft.principals as u64, "principal"),
        window(draft.window)
    )?;
    writeln!(
        out,
        "A draft: {} in use, {} denied. Try it on one account first.",
        counted(draft.used.len() as u64, "service"),
        draft.denied.len()
    )?;
    divided(
        out,
        (&draft.documents, SCP_CHARS_MAX),
        (SCPS_MAX, "an account or unit"),
    )?;
    list(
        out,
        "Denied, though somebody asked for them and was denied",
        draft.asked.iter(),
    )?;
    list(
        out,
        "Not denied: only calls that failed, wait for review, were refused or are long past; decide yourself",
        draft.undecided.iter(),
    )?;
    for (reason, services) in &draft.kept {
        list(
            out,
            &format!("Not denied, though unused: {reason}"),
            services.iter(),
        )?;
    }
    Ok(())
}

/// Says how many documents there are, where that is not one.
fn divided(
    out: &mut dyn Write,
    (documents, chars_max): (&[PolicyDocument], usize),
    (attached_max, to): (usize, &str),
) -> io::Result<()> {
    match documents.len() {
        0 => writeln!(out, "There is nothing for a policy to say."),
        1 => Ok(()),
        count => {
            writeln!(
                out,
                "{count} documents, since AWS takes at most {chars_max} characters in one."
            )?;
            if count > attached_max {
                writeln!(
                    out,
                    "AWS attaches at most {attached_max} of them to {to}: put wildcards in place of lists of actions."
                )?;
            }
            Ok(())
        }
    }
}

fn window(window: Option<(Day, Day)>) -> String {
    match window {
        Some((since, until)) => format!(" from {since} to {until}"),
        None => String::new(),
    }
}

fn list(
    out: &mut dyn Write,
    heading: &str,
    texts: impl ExactSizeIterator<Item = impl std::fmt::Display>,
) -> io::Result<()> {
    if texts.len() == 0 {
        return Ok(());
    }
    writeln!(out, "{heading} ({}):", texts.len())?;
    for text in texts {
        writeln!(out, "  {text}")?;
    }
    Ok(())
}
