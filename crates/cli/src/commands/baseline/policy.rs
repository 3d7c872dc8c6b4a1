//! `offtrail baseline policy`: least privilege, from what a baseline has seen used.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use offtrail_baseline::Baseline;
use offtrail_detector::catalogue::Catalogue;
use offtrail_event::{PrincipalId, SECONDS_PER_DAY, Timestamp, Vocabulary};
use offtrail_report::{
    PolicyDocument, PolicyView, Scope, draft_policy, draft_scp, is_governed, write_policy_notes,
    write_policy_text, write_scp_notes,
};
use offtrail_store::Store;

use crate::{
    commands::named::{principals_of, the_one},
    output::Output,
    pipeline::run::settings,
    progress::Talk,
};

/// Prints an IAM policy of what a principal used; with --scp a service control policy of what nobody uses.
///
/// Only calls that succeeded count, and only those that are learnt or approved. What a policy leaves out, and where it is wider than
/// what was used, is told on standard error; with --format text before the policy.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail baseline policy ci-deploy --baseline org.db
  offtrail baseline policy ci-deploy --baseline org.db --unused-days 90 --out policies/
  offtrail baseline policy --scp --baseline org.db --account 111122223333")]
pub(super) struct Arguments {
    /// The principal: its key (account/unique-id), ARN, unique id, name or person.
    #[arg(required_unless_present = "scp", conflicts_with = "scp")]
    principal: Option<String>,
    /// The baseline file.
    #[arg(long, value_name = "FILE")]
    baseline: PathBuf,
    /// Leave out what was not seen in the last N days of the baseline, and list it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    unused_days: Option<u32>,
    /// Draft a service control policy that denies the services nobody in the organisation uses.
    #[arg(long)]
    scp: bool,
    /// With --scp: what principals of this account use counts, and nobody else's.
    #[arg(long, value_name = "ID", requires = "scp")]
    account: Option<String>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = PolicyFormat::Json)]
    format: PolicyFormat,
    /// Write each document into this folder, as policy-1.json and so on.
    #[arg(long, value_name = "DIR", conflicts_with = "format")]
    out: Option<PathBuf>,
    /// Settings whose rule of maturity applies.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PolicyFormat {
    /// Policy documents, one after the other where AWS's limit of length asks for several.
    Json,
    /// For people: notes, then the documents as lists.
    Text,
}

/// Runs the command.
pub(super) fn run(args: &Arguments, talk: Talk) -> anyhow::Result<()> {
    let rule = settings(args.settings.as_deref())?.maturity_rule();
    let store = Store::open_read_only(&args.baseline)?;
    let words = Vocabulary::new();
    let baseline = store.load(&words)?;
    let view = PolicyView {
        words: &words,
        baseline: &baseline,
        catalogue: &Catalogue::embedded(),
        rule,
        since: since(&baseline, args.unused_days),
    };
    let mut notes = Vec::new();
    let documents = match &args.principal {
        Some(principal) => {
            let id = governed(&baseline, &words, (principal, &args.baseline))?;
            let draft = draft_policy(&view, id).with_context(|| {
                format!("policy of {principal:?}: the baseline holds no profile of it")
            })?;
            write_policy_notes(&mut notes, &draft)?;
            draft.documents
        }
        None => {
            let account = args.account.as_deref();
            let scope = account.map_or(Scope::Organisation, Scope::Account);
            let draft = draft_scp(&view, scope).with_context(|| match account {
                Some(account) => format!(
                    "policy of account {account:?}: the baseline holds no principal of it; see the accounts in `offtrail baseline show`"
                ),
                None => format!("policy: {:?} is empty; learn an archive first", args.baseline),
            })?;
            write_scp_notes(&mut notes, &draft)?;
            draft.documents
        }
    };
    if talk == Talk::Quiet && args.format == PolicyFormat::Json {
        notes.clear();
    }
    write(args, &documents, &notes)
}

/// From when on something counts as used.
fn since(baseline: &Baseline, unused_days: Option<u32>) -> Timestamp {
    match (baseline.window.0, unused_days) {
        (Some((_, until)), Some(days)) => until.plus_secs(-i64::from(days) * SECONDS_PER_DAY),
        _ => Timestamp::MIN,
    }
}

/// The principal that is called so and can have policies.
fn governed(
    baseline: &Baseline,
    words: &Vocabulary,
    (what, path): (&str, &Path),
) -> anyhow::Result<PrincipalId> {
    let mut found = principals_of(baseline, words, what);
    // The same role as its own account and as another account sees it: only the first has policies.
    if found.len() > 1 && found.iter().any(|(name, _)| is_governed(name.kind)) {
        found.retain(|(name, _)| is_governed(name.kind));
    }
    let (_, id) = the_one(found, (&format!("policy of {what:?}"), path))?;
    Ok(id)
}

fn write(args: &Arguments, documents: &[PolicyDocument], notes: &[u8]) -> anyhow::Result<()> {
    if args.format == PolicyFormat::Text {
        let mut out = Output::stdout();
        out.write_all(notes)?;
        writeln!(out)?;
        write_policy_text(&mut out, documents)?;
        return out.finish();
    }
    io::stderr().write_all(notes)?;
    if let Some(dir) = &args.out {
        fs::create_dir_all(dir).with_context(|| format!("write policies into {dir:?}"))?;
        for (number, document) in (1..).zip(documents) {
            let mut out = Output::open(Some(&dir.join(format!("policy-{number}.json"))))?;
            out.write_all(document.json().as_bytes())?;
            out.finish()?;
        }
        return Ok(());
    }
    let mut out = Output::stdout();
    for document in documents {
        out.write_all(document.json().as_bytes())?;
    }
    out.finish()
}
