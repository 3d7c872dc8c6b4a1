//! `offtrail baseline pending`: what waits for review, by principal.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use offtrail_baseline::{Baseline, Dimension, Profile, Standing};
use offtrail_event::{OutcomeClass, PrincipalId, PrincipalName, TextId, Timestamp, Vocabulary};
use offtrail_report::inert;
use offtrail_store::Store;
use serde::Serialize;

use crate::{commands::explain::states_of, output::Output};

/// Lists what waits for review, by principal.
///
/// What a raised finding rests on is learnt as pending, and counts as known-good only once somebody approves it or the settings' days are
/// over. With --findings each line names the finding that holds it.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail baseline pending --baseline org.db
  offtrail baseline pending --baseline org.db --findings findings.jsonl --format jsonl")]
pub(super) struct Arguments {
    /// The baseline file.
    #[arg(long, value_name = "FILE")]
    baseline: PathBuf,
    /// Findings written by `detect` as JSON Lines, to name the one that holds a line.
    #[arg(long, value_name = "FILE")]
    findings: Option<PathBuf>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = PendingFormat::Text)]
    format: PendingFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PendingFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Jsonl,
}

/// One line that waits.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Waiting {
    /// `account/unique-id`.
    principal: String,
    name: String,
    kind: &'static str,
    /// `call`, or another dimension.
    dimension: &'static str,
    value: String,
    /// Of a call.
    outcome: Option<&'static str>,
    first_seen: String,
    last_seen: String,
    count: u32,
    /// The finding that holds it, where one is known.
    finding: Option<String>,
}

/// Runs the command.
pub(super) fn run(args: &Arguments) -> anyhow::Result<()> {
    let store = Store::open_read_only(&args.baseline)?;
    let words = Vocabulary::new();
    let baseline = store.load(&words)?;
    let holding = match &args.findings {
        Some(path) => holding(path)?,
        None => Holding::new(),
    };
    let mut all: Vec<Waiting> = waiting(&baseline, &words);
    all.sort();
    for one in &mut all {
        let known = |who: &str| holding.get(&(who.to_owned(), one.value.clone())).cloned();
        one.finding = known(&one.principal).or_else(|| known(&one.name));
    }
    let mut out = Output::stdout();
    match args.format {
        PendingFormat::Jsonl => {
            for one in &all {
                serde_json::to_writer(&mut out, one)?;
                writeln!(out)?;
            }
        }
        PendingFormat::Text => write_text(&mut out, &all)?,
    }
    out.finish()
}

/// Finding ids by the principal's key or label and what they show of it.
type Holding = BTreeMap<(String, String), String>;

/// What the raised findings of a file hold; of several the latest.
fn holding(path: &Path) -> anyhow::Result<Holding> {
    let mut held = Holding::new();
    for finding in states_of(path, "")?.into_iter().filter(|one| one.raised) {
        let account = &finding.principal.account;
        let account = account.as_deref().unwrap_or_default();
        let id = finding.principal.id.as_deref().unwrap_or_default();
        let key = match &finding.principal.person {
            Some(person) => format!("{account}/{id}#{person}"),
            None => format!("{account}/{id}"),
        };
        for value in finding.novelties.iter().map(|one| one.value.clone()) {
            held.insert((key.clone(), value), finding.id.clone());
        }
        // Evidence of a chain of credentials names whose permissions each call used.
        for one in &finding.evidence {
            if let Some(who) = &one.principal {
                held.insert((who.clone(), one.call.clone()), finding.id.clone());
            }
        }
    }
    Ok(held)
}

fn waiting(baseline: &Baseline, words: &Vocabulary) -> Vec<Waiting> {
    let mut all = Vec::new();
    for (id, profile) in baseline.iter() {
        let name = words.principal(id);
        of_profile(&name, profile, words, &mut all);
    }
    all
}

fn of_profile(name: &PrincipalName, profile: &Profile, words: &Vocabulary, all: &mut Vec<Waiting>) {
    let row =
        |dimension, value, outcome: Option<OutcomeClass>, seen: (Timestamp, Timestamp), count| {
            Waiting {
                principal: name.key(),
                name: name.label(),
                kind: name.kind.as_str(),
                dimension,
                value,
                outcome: outcome.map(OutcomeClass::as_str),
                first_seen: seen.0.to_string(),
                last_seen: seen.1.to_string(),
                count,
                finding: None,
            }
        };
    for call in profile.calls() {
        if call.standing() == Standing::Pending {
            let seen = (call.first, call.last);
            let text = words.call_text(call.call());
            all.push(row("call", text, Some(call.outcome()), seen, call.count()));
        }
    }
    for facet in profile.facets() {
        if facet.standing == Standing::Pending {
            let value = match facet.dimension {
                Dimension::Takes => words.principal(PrincipalId(facet.value)).key(),
                _ => words.text(TextId(facet.value)).to_string(),
            };
            let seen = (facet.first, facet.last);
            let dimension = facet.dimension.as_str();
            all.push(row(dimension, value, None, seen, facet.count));
        }
    }
}

fn write_text(out: &mut Output, all: &[Waiting]) -> anyhow::Result<()> {
    if all.is_empty() {
        writeln!(out, "nothing waits for review")?;
    }
    for lines in all.chunk_by(|a, b| (&a.principal, a.kind) == (&b.principal, b.kind)) {
        let Some(first) = lines.first() else { continue };
        let head = format!("{}  {} ({})", first.kind, first.name, first.principal);
        writeln!(out, "{}", inert(&head))?;
        for one in lines {
            let outcome = match one.outcome {
                Some("succeeded") | None => String::new(),
                Some(other) => format!(" ({other})"),
            };
            let what = match one.dimension {
                "call" => format!("{}{outcome}", one.value),
                other => format!("{other}={}", one.value),
            };
            let finding = one
                .finding
                .as_deref()
                .map_or_else(String::new, |id| format!(", finding {id}"));
            let line = format!(
                "  {what}  since {}, {} times, last {}{finding}",
                one.first_seen, one.count, one.last_seen
            );
            writeln!(out, "{}", inert(&line))?;
        }
    }
    Ok(())
}
