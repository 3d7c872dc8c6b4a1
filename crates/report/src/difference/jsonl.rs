//! A difference as JSON Lines: one object a principal that is new or gone, and one a line that came, went or changed.

use std::io::{self, Write};

use serde::Serialize;

use super::{Came, Difference, PrincipalChange, Subject};
use crate::review::escaped;

/// Version of the form.
pub const DIFFERENCE_VERSION: u32 = 1;

#[derive(Serialize)]
struct ChangeV1<'a> {
    version: u32,
    principal: &'a str,
    kind: &'a str,
    label: &'a str,
    path: &'a str,
    line: Option<usize>,
    came: &'static str,
    what: &'a str,
    value: Option<&'a str>,
    outcome: Option<&'static str>,
    since: Option<String>,
    seen: Option<&'a str>,
    access: Option<&'a str>,
    sensitivity: Option<&'static str>,
    standing: Option<&'static str>,
    changes: &'a [String],
}

/// Writes it, principals by path.
///
/// # Errors
/// Those of the writer.
pub fn write_difference_lines(out: &mut dyn Write, difference: &Difference) -> io::Result<()> {
    for principal in &difference.principals {
        let head = ChangeV1 {
            came: principal.fate.as_str(),
            what: "principal",
            line: Some(principal.line).filter(|line| *line > 0),
            ..of(principal)
        };
        if principal.fate != Came::Changed {
            line(out, &head)?;
        }
        for change in &principal.lines {
            let mut value = ChangeV1 {
                came: change.came.as_str(),
                line: Some(change.line).filter(|line| *line > 0),
                standing: Some(change.standing.as_str()),
                changes: &change.changes,
                ..of(principal)
            };
            match &change.subject {
                Subject::Call(call) => {
                    value.what = "call";
                    value.value = Some(&call.call);
                    value.outcome = Some(call.outcome.as_str());
                    value.since = Some(call.since.to_string());
                    value.seen = Some(&call.seen);
                    value.access = Some(&call.access);
                    value.sensitivity = Some(call.class.name());
                }
                Subject::Other {
                    dimension,
                    value: text,
                } => {
                    value.what = dimension;
                    value.value = Some(text);
                }
                Subject::Field(name) => {
                    value.what = name;
                    value.standing = None;
                }
            }
            line(out, &value)?;
        }
    }
    Ok(())
}

fn of(principal: &PrincipalChange) -> ChangeV1<'_> {
    ChangeV1 {
        version: DIFFERENCE_VERSION,
        principal: &principal.key,
        kind: principal.kind,
        label: &principal.label,
        path: &principal.path,
        line: None,
        came: "",
        what: "",
        value: None,
        outcome: None,
        since: None,
        seen: None,
        access: None,
        sensitivity: None,
        standing: None,
        changes: &[],
    }
}

fn line(out: &mut dyn Write, value: &ChangeV1<'_>) -> io::Result<()> {
    let plain = serde_json::to_string(value)?;
    writeln!(out, "{}", escaped(&plain))
}
