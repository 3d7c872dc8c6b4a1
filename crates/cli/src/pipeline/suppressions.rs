//! `--suppressions FILE`: read whole or not at all; and at the end of a run what each hid, which hid nothing, and which have expired.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::Path,
};

use anyhow::Context as _;
use offtrail_baseline::{
    Suppressions,
    review::{SUPPRESSIONS_FILE_BYTES_MAX, read_suppressions},
};
use offtrail_event::Timestamp;
use offtrail_report::{FindingTally, inert_within};

use crate::progress::Talk;

/// Characters of a line that is told; a longer one is cut.
const TOLD_CHARS_MAX: usize = 3_000;

/// Reads the file, if one is named. Its mistakes go to standard error.
///
/// # Errors
/// It can't be read, or has mistakes.
pub(crate) fn read(path: Option<&Path>) -> anyhow::Result<Suppressions> {
    let Some(path) = path else {
        return Ok(Suppressions::default());
    };
    let doing = || format!("read suppressions {path:?}");
    let file = File::open(path).with_context(|| format!("{}; correct the path", doing()))?;
    let mut bytes = Vec::new();
    file.take(SUPPRESSIONS_FILE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(doing)?;
    let mistakes = match read_suppressions(&bytes) {
        Ok(all) => return Ok(all),
        Err(mistakes) => mistakes,
    };
    let shown = path.display().to_string();
    let shown = inert_within(&shown, TOLD_CHARS_MAX).into_owned();
    let mut err = io::stderr().lock();
    for mistake in &mistakes {
        let told = mistake.to_string();
        writeln!(err, "{shown}:{}", inert_within(&told, TOLD_CHARS_MAX))?;
    }
    anyhow::bail!(
        "{}: mistakes in the text: {}, listed above; nothing was judged",
        doing(),
        mistakes.len()
    )
}

/// Says what each did. `last`: the latest event time known, by which they have expired or not.
pub(crate) fn say(
    all: &Suppressions,
    findings: &FindingTally,
    last: Option<Timestamp>,
    talk: Talk,
) {
    for one in all.iter() {
        let hid = findings.suppressed_by.get(&*one.id).copied().unwrap_or(0);
        let (id, author, reason) = (&one.id, &one.author, &one.reason);
        let said = format!("{author}, until {}: {reason}", one.until);
        let text = match hid {
            _ if last.is_some_and(|last| one.is_over(last)) => {
                let before = match hid {
                    0 => String::new(),
                    hid => format!("; before that it hid {hid} in this run"),
                };
                format!(
                    "warning: suppression {id} has expired and hides nothing any more{before}; renew or remove it ({said})"
                )
            }
            0 => format!("suppression {id} hid nothing in this run ({said})"),
            1 => format!("suppression {id} hid 1 finding ({said})"),
            hid => format!("suppression {id} hid {hid} findings ({said})"),
        };
        talk.say(&inert_within(&text, TOLD_CHARS_MAX));
    }
}
