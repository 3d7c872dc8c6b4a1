//! A difference as Markdown, of a length that a comment on a pull request takes.

use std::fmt::Write;

use offtrail_baseline::Standing;
use offtrail_event::OutcomeClass;

use super::{Came, Difference, LineChange, PrincipalChange, Subject};
use crate::{review::code, words::principal_kind_words};

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
        principal_kind_words(principal.kind),
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

#[cfg(test)]
mod tests {
    use offtrail_detector::catalogue::SensitivityClass;
    use offtrail_event::Day;

    use super::*;
    use crate::difference::CallSubject;

    fn many(principals: usize, calls: usize, since: Day) -> Difference {
        let line = |number: usize| LineChange {
            came: Came::New,
            subject: Subject::Call(CallSubject {
                call: format!("iam:Call{number}"),
                outcome: OutcomeClass::Succeeded,
                since,
                seen: "rare".into(),
                access: "write".into(),
                // The worst is the last.
                class: if number + 1 == calls {
                    SensitivityClass::Severe
                } else {
                    SensitivityClass::OrdinaryRead
                },
            }),
            line: number + 1,
            standing: Standing::Pending,
            changes: Vec::new(),
        };
        let principal = |number: usize| PrincipalChange {
            path: format!("111122223333/role/role{number}.toml"),
            key: format!("111122223333/AROA{number}"),
            label: format!("role{number}"),
            kind: "role",
            fate: Came::New,
            line: 4,
            lines: (0..calls).map(line).collect(),
        };
        Difference {
            principals: (0..principals).map(principal).collect(),
        }
    }

    #[test]
    fn a_comment_stays_within_its_length_and_counts_the_rest() {
        let since = offtrail_event::Timestamp::MIN.day();
        let text = difference_markdown(&many(500, 60, since));
        assert!(text.chars().count() <= MARKDOWN_CHARS_MAX + 40);
        assert!(text.contains("and 10 more lines."));
        assert!(text.contains("`iam:Call59`"), "the worst is shown");
        let shown = text.matches("\n### ").count();
        let rest = format!("and {} more principals.", 500 - shown);
        assert!(text.ends_with(&format!("{rest}\n")), "{rest}");
    }

    #[test]
    fn nothing_is_said_so() {
        let text = difference_markdown(&Difference::default());
        assert_eq!(text, "## Baseline\n\nNo difference.\n");
    }
}
