//! What a stream says while it runs: structured lines on standard error, as text for people or as JSON for a collector. Libraries and the
//! loop say things through `tracing`; here is decided how they are written.

use std::io::{self, IsTerminal as _};

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};
use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, fmt::MakeWriter, layer::SubscriberExt as _};

use crate::progress::Talk;

/// What is said by default: what we do, and what others warn of.
const FILTER_DEFAULT: &str = "warn,offtrail=info";
/// The same with `--quiet`.
const FILTER_QUIET: &str = "error";

/// How a stream says what it does.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Logs")]
pub(crate) struct LogArgs {
    /// How lines on standard error are written.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,
    /// Which of them: levels by module, as in warn,offtrail=debug (error, warn, info, debug, trace).
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
}

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// From now on what is said goes to standard error. To be called once.
///
/// # Errors
/// The filter is none, or it was called before.
pub(crate) fn start(args: &LogArgs, talk: Talk) -> anyhow::Result<()> {
    let filter = match (&args.log, talk) {
        (Some(filter), _) => filter,
        (None, Talk::Loud) => FILTER_DEFAULT,
        (None, Talk::Quiet) => FILTER_QUIET,
    };
    let colours = io::stderr().is_terminal();
    let subscriber = subscriber(filter, (args.log_format, colours), io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).context("set up what is said")
}

fn subscriber<W>(
    filter: &str,
    (format, colours): (LogFormat, bool),
    writer: W,
) -> anyhow::Result<Box<dyn Subscriber + Send + Sync>>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .with_regex(false)
        .parse(filter)
        .map_err(|error| {
            anyhow!("--log {filter:?}: {error}; write levels by module: warn,offtrail=debug")
        })?;
    let lines = fmt::layer().with_writer(writer);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(colours).with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    Ok(Box::new(
        tracing_subscriber::registry().with(lines.with_filter(filter)),
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn said(filter: &str, format: LogFormat, say: fn()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = subscriber(filter, (format, false), move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, say);
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_is_one_object_a_line_whatever_the_text() {
        let text = said("offtrail=info", LogFormat::Json, || {
            tracing::info!(target: "offtrail", feed = "a\n\"b\"", states = 3, "told");
            tracing::debug!(target: "offtrail", "not this");
            tracing::error!(target: "hyper", "nor this");
        });
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert_eq!(value["level"], "INFO");
        assert_eq!(value["message"], "told");
        assert_eq!(value["feed"], "a\n\"b\"");
        assert_eq!(value["states"], 3);
        assert!(value["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn text_is_plain_where_no_terminal_reads() {
        let text = said(FILTER_DEFAULT, LogFormat::Text, || {
            tracing::info!(target: "offtrail", "told");
            tracing::warn!(target: "aws_config", "no region");
            tracing::info!(target: "aws_config", "not this");
        });
        assert!(
            text.contains("INFO told\n") && text.contains("WARN no region\n"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}') && !text.contains("not this"));
    }

    #[test]
    fn a_filter_that_is_none_is_told() {
        let error = subscriber("offtrail=loud", (LogFormat::Text, false), io::sink)
            .err()
            .map(|error| error.to_string());
        assert!(error.unwrap().starts_with("--log \"offtrail=loud\": "));
    }
}
