//! A difference as Markdown, of a length that a comment on a pull request takes.

use std::fmt::Write;

use offtrail_baseline::Standing;
use offtrail_event::OutcomeClass;

use super::{Came, Difference, LineChange, PrincipalChange, Subject};
use crate::review::code;

/// Longest text, in characters: GitHub takes 65,536 in a comment, GitLab a million.
pub const MARKDOWN_CHARS_MAX: usize = 60_000;

/// Lines of one principal shown; more are counted.
const LINES_SHOWN_MAX: usize = 50;

/// The text. Worst news first; what does not fit is counted.
#[must_use]
pub fn difference_markdown(difference: &Difference) -> String {
    let mut out = format!("## Baseline\n\n{}\n", difference.sentence());
    let all = difference.worst_first();
    for (shown, principal) in all.iter().enumerate() {
        let part = principal_part(principal);
        if out.chars().count() + part.chars().count() > MARKDOWN_CHARS_MAX {
            let _ = writeln!(out, "\nand {} more principals.", all.len() - shown);
            break;
        }
        out += &part;
    }
    out
}

fn principal_part(principal: &PrincipalChange) -> String {
    let fate = match principal.fate {
        Came::Changed => String::new(),
        fate => format!("{} ", fate.as_str()),
    };
    let mut out = format!(
        "\n### {}: {fate}{}\n\n{}\n",
        code(&principal.label),
        principal.kind.replace('_', " "),
        code(&principal.path)
    );
    if principal.lines.is_empty() {
        return out;
    }
    // The worst of a long list must not be what is left out.
    let mut lines: Vec<&LineChange> = principal.lines.iter().collect();
    if lines.len() > LINES_SHOWN_MAX {
        lines.sort_by_key(|line| std::cmp::Reverse(line.new_class()));
    }
    out.push_str("\n| | what | sensitivity | access | since | |\n|---|---|---|---|---|---|\n");
    for line in lines.iter().take(LINES_SHOWN_MAX) {
        let _ = writeln!(out, "| {} | {} |", line.came.as_str(), cells(line));
    }
    if lines.len() > LINES_SHOWN_MAX {
        let _ = writeln!(out, "\nand {} more lines.", lines.len() - LINES_SHOWN_MAX);
    }
    out
}

fn cells(line: &LineChange) -> String {
    let mut notes: Vec<String> = line.changes.iter().map(|change| code(change)).collect();
    if line.standing != Standing::Learnt && line.came != Came::Changed {
        notes.insert(0, line.standing.to_string());
    }
    let notes = notes.join(", ");
    match &line.subject {
        Subject::Call(call) => {
            let outcome = match call.outcome {
                OutcomeClass::Succeeded => String::new(),
                outcome => format!(", {outcome}"),
            };
            format!(
                "{}{outcome} | {} | {} | {} | {notes}",
                code(&call.call),
                call.class.name(),
                call.access,
                call.since
            )
        }
        Subject::Other { dimension, value } => format!(
            "{} {} | | | | {notes}",
            dimension.replace('_', " "),
            code(value)
        ),
        Subject::Field(name) => format!("{name} | | | | {notes}"),
    }
}
