//! `offtrail baseline`: a baseline as text for review, and what it holds at a glance.

mod check;
mod diff;
mod export;
mod folder;
mod git;
mod import;
mod kept;
mod manifest;
mod pending;
mod policy;
mod ruling;
mod show;

use clap::{Args, Subcommand};

use crate::{errors::Outcome, progress::Talk};

/// Shows a baseline, exports it as text for review, and takes over what was ruled.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail baseline show --baseline org.db
  offtrail baseline export review/ --baseline org.db
  offtrail baseline import review/ --baseline org.db --reviewer ana --dry-run
  offtrail baseline pending --baseline org.db
  offtrail baseline approve ci-deploy ecr:PutImage --baseline org.db --reviewer ana --reason 'new pipeline, ticket 17'
  offtrail baseline diff git:main:review review/ --fail-on sensitive
  offtrail baseline policy ci-deploy --baseline org.db
  offtrail baseline export dump/ --baseline org.db --format jsonl")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Prints totals, window, coverage, maturity and the busiest principals.
    Show(show::Arguments),
    /// Writes the baseline as text into a folder: equal baselines give equal bytes.
    Export(export::Arguments),
    /// Reads the edited text of an export back: what it approves, refuses, confines and expects.
    Import(import::Arguments),
    /// Approves calls of a principal: they are no news any more.
    Approve(ruling::ApproveArguments),
    /// Refuses calls of a principal: they raise whenever they are seen.
    Refuse(ruling::RefuseArguments),
    /// Lists what waits for review, by principal.
    Pending(pending::Arguments),
    /// Checks that a reviewed folder is whole and signed, and that a baseline is what was reviewed.
    Check(check::Arguments),
    /// Shows what behaviour came and went between two baselines, as text, Markdown, SARIF or JSON Lines.
    Diff(diff::Arguments),
    /// Prints an IAM policy of what a principal used, or a service control policy of what nobody uses.
    Policy(policy::Arguments),
}

/// Runs the command.
pub(crate) fn run(args: &Arguments, talk: Talk) -> anyhow::Result<Outcome> {
    match &args.what {
        What::Show(args) => show::run(args)?,
        What::Export(args) => export::run(args)?,
        What::Import(args) => import::run(args, talk)?,
        What::Approve(args) => ruling::approve(args, talk)?,
        What::Refuse(args) => ruling::refuse(args, talk)?,
        What::Pending(args) => pending::run(args)?,
        What::Check(args) => return check::run(args),
        What::Diff(args) => return diff::run(args),
        What::Policy(args) => policy::run(args, talk)?,
    }
    Ok(Outcome::Done)
}
