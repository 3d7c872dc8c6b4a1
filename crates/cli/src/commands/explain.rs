//! `offtrail explain`: the story of one finding, or what is known of one principal.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use offtrail_baseline::Dimension;
use offtrail_event::{TextId, Timestamp, Vocabulary};
use offtrail_report::{
    CALLS_SHOWN, FindingV1, PrincipalOptions, PrincipalView, read_finding, write_finding_queries,
    write_finding_short, write_finding_text, write_principal,
};
use offtrail_store::Store;

use crate::{
    commands::named::{MATCHES_SHOWN_MAX, not_one, principals_of},
    errors::Outcome,
    output::{self, Output},
    pipeline::{naming::Naming, run::settings},
};

/// Tells the story of one finding, or all that is known of one principal.
///
/// A finding is named by its id or the beginning of it, and looked for in --findings. A principal is named by its key
/// (account/unique-id), ARN, unique id, name or person, and looked for in --baseline.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail explain ci-deploy --baseline org.db
  offtrail explain arn:aws:iam::111122223333:role/build --baseline org.db --calls 200
  offtrail explain 3f9c --findings findings.jsonl --baseline org.db")]
pub(crate) struct Arguments {
    /// The finding or the principal.
    #[arg(value_name = "FINDING_ID|PRINCIPAL")]
    what: String,
    /// The baseline file; needed for a principal.
    #[arg(long, value_name = "FILE", required_unless_present = "findings")]
    baseline: Option<PathBuf>,
    /// Findings written by `detect` or `backtest` as JSON Lines; needed for a finding.
    #[arg(long, value_name = "FILE")]
    findings: Option<PathBuf>,
    /// Calls of a principal shown, most frequent first.
    #[arg(long, value_name = "N", default_value_t = CALLS_SHOWN)]
    calls: usize,
    /// Name who announces a principal's networks, by this MMDB file of autonomous systems.
    #[arg(long, value_name = "FILE")]
    asn_db: Option<PathBuf>,
    /// Settings whose rule of maturity applies.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<Outcome> {
    if let Some(path) = &args.findings {
        let found = findings_of(path, &args.what)?;
        if !found.is_empty() {
            finding(args, path, &found)?;
            return Ok(Outcome::Done);
        }
    }
    match &args.baseline {
        Some(path) => principal(args, path)?,
        None => anyhow::bail!(
            "explain {:?}: no finding of that id in {:?}; give --baseline FILE to look for a principal",
            args.what,
            args.findings.as_deref().unwrap_or(Path::new(""))
        ),
    }
    Ok(Outcome::Done)
}

/// The last state of each finding whose id is `id` or begins with it.
fn findings_of(path: &Path, id: &str) -> anyhow::Result<BTreeMap<String, FindingV1>> {
    let mut found = BTreeMap::new();
    each_state(path, id, |state| {
        found.insert(state.id.clone(), state);
    })?;
    if found.contains_key(id) {
        found.retain(|one, _| one == id);
    }
    Ok(found)
}

/// Every state of the findings whose ids begin with `id`, in the order of the file.
///
/// # Errors
/// The file can't be read, or a line is no finding.
pub(crate) fn states_of(path: &Path, id: &str) -> anyhow::Result<Vec<FindingV1>> {
    let mut found = Vec::new();
    each_state(path, id, |state| found.push(state))?;
    Ok(found)
}

/// The last state of every finding.
///
/// # Errors
/// The file can't be read, or a line is no finding.
pub(crate) fn last_states(path: &Path) -> anyhow::Result<Vec<FindingV1>> {
    Ok(findings_of(path, "")?.into_values().collect())
}

fn each_state(path: &Path, id: &str, mut each: impl FnMut(FindingV1)) -> anyhow::Result<()> {
    let doing = || format!("read findings {path:?}");
    let file = File::open(path).with_context(|| format!("{}; correct the path", doing()))?;
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let at = || format!("{}, line {}", doing(), index + 1);
        let line = line.with_context(|| format!("{}; it is not UTF-8 text", at()))?;
        if line.trim().is_empty() {
            continue;
        }
        let finding = read_finding(&line).with_context(at)?;
        if finding.id.starts_with(id) {
            each(finding);
        }
    }
    Ok(())
}

fn finding(
    args: &Arguments,
    path: &Path,
    found: &BTreeMap<String, FindingV1>,
) -> anyhow::Result<()> {
    let mut out = Output::stdout();
    let style = output::style(&io::stdout());
    let mut all = found.values();
    if let (Some(one), None) = (all.next(), all.next()) {
        write_finding_text(&mut out, one, style)?;
        write_finding_queries(&mut out, one, style)?;
        return out.finish();
    }
    for one in found.values().take(MATCHES_SHOWN_MAX) {
        write_finding_short(&mut out, one, style)?;
    }
    out.finish()?;
    anyhow::bail!(
        "explain {:?}: {} findings in {path:?} begin like this; give more of the id",
        args.what,
        found.len()
    )
}

fn principal(args: &Arguments, path: &Path) -> anyhow::Result<()> {
    let rule = settings(args.settings.as_deref())?.maturity_rule();
    let naming = Naming::open(args.asn_db.as_deref())?;
    let store = Store::open_read_only(path)?;
    let words = Vocabulary::new();
    let baseline = store.load(&words)?;
    let found = principals_of(&baseline, &words, &args.what);
    let mut out = Output::stdout();
    if let [(_, principal)] = found.as_slice() {
        let announced_by = naming.map_or_else(BTreeMap::new, |naming| {
            let profile = baseline.profile(*principal);
            let networks = profile.into_iter().flat_map(|profile| {
                let rows = profile.facets_of(Dimension::Network);
                rows.map(|row| words.text(TextId(row.value)))
            });
            naming.announcing(networks)
        });
        let view = PrincipalView {
            words: &words,
            baseline: &baseline,
            principal: *principal,
            announced_by: &announced_by,
            rule,
            now: baseline.window.0.map_or(Timestamp::MIN, |(_, until)| until),
        };
        let options = PrincipalOptions {
            style: output::style(&io::stdout()),
            charset: output::charset(),
            calls_shown: args.calls,
        };
        write_principal(&mut out, &view, options)?;
        return out.finish();
    }
    let refused = not_one(
        &found,
        (&format!("explain {:?}", args.what), path),
        &mut out,
    );
    out.finish()?;
    Err(refused?)
}
