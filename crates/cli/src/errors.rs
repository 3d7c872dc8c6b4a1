//! What a run ends with, and how an error is told: one line on standard error, what we were doing, to what, what now.

use std::{io, process::ExitCode};

/// Exit code of a run that was done and found something that reached `--fail-on`.
pub(crate) const EXIT_REACHED: u8 = 1;

/// Exit code of a run that could not do its work.
const EXIT_FAILED: u8 = 2;

/// What a run that did its work ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done.
    Done,
    /// Done, and a finding reached `--fail-on`.
    Reached,
}

/// Tells an error and gives its exit code.
#[allow(
    clippy::print_stderr,
    reason = "the one place where a run says why it failed"
)]
pub(crate) fn tell(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    eprintln!("offtrail: {}", one_line(error));
    ExitCode::from(EXIT_FAILED)
}

/// Whether whoever read our standard output has gone: nobody is left to write for, and that is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// The error and its causes on one line, each said once.
fn one_line(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        let text = text.trim_end().replace('\n', " | ");
        if told.contains(&text) {
            continue;
        }
        if !told.is_empty() {
            told += ": ";
        }
        told += &text;
    }
    told
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn an_error_is_one_line_and_says_nothing_twice() {
        let error = anyhow!("disk full").context("write \"x\": disk full");
        assert_eq!(one_line(&error), "write \"x\": disk full");
        assert_eq!(
            one_line(&anyhow!("a\nb\n").context("read settings")),
            "read settings: a | b"
        );
    }

    #[test]
    fn only_a_broken_pipe_ends_quietly() {
        let of = |kind| anyhow::Error::from(io::Error::from(kind)).context("write findings");
        assert!(is_broken_pipe(&of(io::ErrorKind::BrokenPipe)));
        assert!(!is_broken_pipe(&of(io::ErrorKind::StorageFull)));
    }
}
