//! `offtrail baseline approve` and `refuse`: rulings on single lines of one principal.

use std::{io::Write, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use offtrail_baseline::{Answer, Dimension, Profile, REASON_CHARS_MAX, Review, RuledLine, Ruling};
use offtrail_detector::Severity;
use offtrail_event::{Day, OutcomeClass, PrincipalId, TextId, Vocabulary};
use offtrail_report::inert;

use super::kept::{Kept, ReviewerArgs, said};
use crate::{
    args::{day, outcome, severity},
    commands::named::{principals_of, the_one},
    output::Output,
    progress::Talk,
};

/// What is ruled on, by whom, why.
#[derive(Args, Clone, Debug)]
struct LineArgs {
    /// The principal: its key (account/unique-id), ARN, unique id, name or person.
    principal: String,
    /// Calls (iam:ListAccessKeys), or values of other dimensions (network=198.51.100.0/24, target=secret:prod/db).
    #[arg(value_name = "CALL", required = true)]
    calls: Vec<String>,
    /// The baseline file.
    #[arg(long, value_name = "FILE")]
    baseline: PathBuf,
    #[command(flatten)]
    reviewer: ReviewerArgs,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The day from which on, by event time, the ruling no longer holds.
    #[arg(long, value_name = "DAY", value_parser = day)]
    until: Option<Day>,
    /// Only calls that ended so: succeeded, denied or failed; by default every outcome that was seen.
    #[arg(long, value_name = "OUTCOME", value_parser = outcome)]
    outcome: Option<OutcomeClass>,
}

/// Approves calls of a principal: they are no news any more, also where they were held back.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail baseline approve ci-deploy ecr:PutImage --baseline org.db --reviewer ana --reason 'new pipeline, ticket 17'
  offtrail baseline approve ci-deploy network=198.51.100.0/24 --baseline org.db --reviewer ana --reason 'new office' --until 2027-01-01")]
pub(super) struct ApproveArguments {
    #[command(flatten)]
    line: LineArgs,
}

/// Refuses calls of a principal: they raise whenever they are seen, whatever the threshold.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail baseline refuse ci-deploy iam:ListAccessKeys --baseline org.db --reviewer ana --reason 'not its job' --severity critical")]
pub(super) struct RefuseArguments {
    #[command(flatten)]
    line: LineArgs,
    /// The severity at which they raise.
    #[arg(long, value_name = "SEVERITY", value_parser = severity, default_value_t = Answer::SEVERITY)]
    severity: Severity,
}

/// Runs `approve`.
pub(super) fn approve(args: &ApproveArguments, talk: Talk) -> anyhow::Result<()> {
    rule(&args.line, Answer::Approved, talk)
}

/// Runs `refuse`.
pub(super) fn refuse(args: &RefuseArguments, talk: Talk) -> anyhow::Result<()> {
    rule(&args.line, Answer::Refused(args.severity), talk)
}

fn rule(args: &LineArgs, answer: Answer, talk: Talk) -> anyhow::Result<()> {
    let review = review(args)?;
    let mut kept = Kept::open(&args.baseline)?;
    let (name, id) = the_one(
        principals_of(&kept.baseline, &kept.words, &args.principal),
        (&format!("rule on {:?}", args.principal), &args.baseline),
    )?;
    let profile = kept.baseline.profile(id);
    let profile = profile.context("the baseline holds no profile of it")?;
    let mut rulings = kept.baseline.rulings.of(id).cloned().unwrap_or_default();
    let mut shown = Vec::new();
    for what in &args.calls {
        let lines = lines(what, (profile, args.outcome), &kept.words);
        anyhow::ensure!(
            !lines.is_empty(),
            "rule on {what:?}: {} was never seen with it, and only what was seen can be ruled on; see `offtrail explain {}`",
            name.label(),
            name.key()
        );
        for (line, text) in lines {
            let review = review.clone();
            rulings.lines.insert(line, Ruling { answer, review });
            shown.push(text);
        }
    }
    let touched = kept.baseline.review(id, rulings);
    let (label, key) = (name.label(), name.key());
    let mut out = Output::stdout();
    for text in shown {
        let line = format!("{}  {label} ({key})  {text}", answer.standing());
        writeln!(out, "{}", inert(&line))?;
    }
    kept.keep(&touched)?;
    out.finish()?;
    let when = review.until;
    let when = when.map_or_else(String::new, |until| format!(", until {until}"));
    talk.say(&inert(&format!(
        "ruled by {}{when}: {}",
        review.by, review.reason
    )));
    Ok(())
}

fn review(args: &LineArgs) -> anyhow::Result<Review> {
    let by = args.reviewer.by()?;
    let by = by.context("who rules? give --reviewer NAME, or set OFFTRAIL_REVIEWER")?;
    let reason = said(("--reason", &args.reason), REASON_CHARS_MAX)?;
    let on = args.reviewer.on();
    anyhow::ensure!(
        args.until.is_none_or(|until| until > on),
        "--until has to be later than the day of the ruling ({on})"
    );
    Ok(Review {
        by: by.into(),
        reason: reason.into(),
        on,
        until: args.until,
    })
}

/// The lines of a profile that a text names: every outcome of a call, or the value of another dimension.
fn lines(
    what: &str,
    (profile, outcome): (&Profile, Option<OutcomeClass>),
    words: &Vocabulary,
) -> Vec<(RuledLine, String)> {
    let value = what.split_once('=').and_then(|(dimension, value)| {
        let dimension: Dimension = dimension.parse().ok()?;
        Some((dimension, value))
    });
    if let Some((dimension, value)) = value {
        let named = |id: u32| match dimension {
            Dimension::Takes => words.principal(PrincipalId(id)).key(),
            _ => words.text(TextId(id)).to_string(),
        };
        return profile
            .facets_of(dimension)
            .filter(|row| named(row.value) == value)
            .map(|row| {
                let line = RuledLine::Value(dimension, row.value);
                (line, format!("{dimension} {value}"))
            })
            .collect();
    }
    profile
        .calls()
        .iter()
        .filter(|row| words.call_text(row.call()) == what)
        .filter(|row| outcome.is_none_or(|outcome| row.outcome() == outcome))
        .map(|row| {
            let line = RuledLine::Call(row.call(), row.outcome());
            (line, format!("{what} ({})", row.outcome()))
        })
        .collect()
}
