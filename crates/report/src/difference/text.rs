//! A difference for a terminal: worst news first.

use std::io::{self, Write};

use offtrail_baseline::Standing;
use offtrail_event::OutcomeClass;

use super::{Came, Difference, LineChange, Subject};
use crate::{inert::inert, words::principal_kind_words};

/// Writes it; what came is marked `+`, what went `-`, what changed `~`.
///
/// # Errors
/// Those of the writer.
pub fn write_difference_text(out: &mut dyn Write, difference: &Difference) -> io::Result<()> {
    writeln!(out, "{}", difference.sentence())?;
    for principal in difference.worst_first() {
        let fate = match principal.fate {
            Came::New => "new ",
            Came::Changed => "",
            Came::Gone => "gone ",
        };
        writeln!(
            out,
            "\n{} ({}), {fate}{}, {}",
            inert(&principal.label),
            inert(&principal.key),
            principal_kind_words(principal.kind),
            principal.path
        )?;
        for line in &principal.lines {
            writeln!(out, "  {}", line_text(line))?;
        }
    }
    Ok(())
}

fn line_text(line: &LineChange) -> String {
    let mark = match line.came {
        Came::New => '+',
        Came::Changed => '~',
        Came::Gone => '-',
    };
    let mut text = match &line.subject {
        Subject::Call(call) => {
            let outcome = match call.outcome {
                OutcomeClass::Succeeded => String::new(),
                outcome => format!(", {outcome}"),
            };
            format!(
                "{mark} {}{outcome}  {}, {}, {} since {}",
                inert(&call.call),
                call.class.name(),
                call.access,
                inert(&call.seen),
                call.since
            )
        }
        Subject::Other { dimension, value } => {
            format!("{mark} {} {}", dimension.replace('_', " "), inert(value))
        }
        Subject::Field(name) => format!("{mark} {name}"),
    };
    if line.standing != Standing::Learnt && line.came != Came::Changed {
        text += &format!(", {}", line.standing);
    }
    for change in &line.changes {
        text += &format!("; {}", inert(change));
    }
    if line.line > 0 {
        text += &format!("  (line {})", line.line);
    }
    text
}
