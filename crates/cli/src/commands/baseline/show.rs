//! `offtrail baseline show`: what a baseline holds at a glance.

use std::{io::Write, path::PathBuf};

use clap::Args;
use offtrail_baseline::{Baseline, MaturityState};
use offtrail_event::Vocabulary;
use offtrail_store::Store;

use crate::{
    output::Output,
    pipeline::{calibration, run::settings},
};

#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The baseline file.
    #[arg(long, value_name = "FILE")]
    baseline: PathBuf,
    /// Principals listed, busiest first.
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Settings whose rule of maturity applies.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let rule = settings(args.settings.as_deref())?.maturity_rule();
    let store = Store::open_read_only(&args.baseline)?;
    let words = Vocabulary::new();
    let baseline = store.load(&words)?;
    let mut out = Output::stdout();
    let rows = |of: fn(&offtrail_baseline::Profile) -> usize| {
        baseline
            .iter()
            .map(|(_, profile)| of(profile))
            .sum::<usize>()
    };
    writeln!(out, "baseline      {}", args.baseline.display())?;
    writeln!(out, "principals    {}", baseline.len())?;
    writeln!(out, "observations  {}", baseline.observations)?;
    writeln!(
        out,
        "call rows     {}",
        rows(|profile| profile.calls().len())
    )?;
    writeln!(
        out,
        "other rows    {}",
        rows(|profile| profile.facets().len())
    )?;
    writeln!(out, "files learnt  {}", store.file_count()?)?;
    for (name, count) in store.tally()? {
        writeln!(out, "  {name:<12}{count:>12}  over all runs")?;
    }
    let Some((since, until)) = baseline.window.0 else {
        writeln!(out, "window        nothing learnt yet")?;
        return out.finish();
    };
    writeln!(out, "window        {since} to {until}")?;
    match calibration::stored(&store)? {
        Some(kept) => write!(out, "{}", kept.to_text())?,
        None => writeln!(out, "threshold     not calibrated")?,
    }
    writeln!(
        out,
        "coverage      share of the window's hours with records, by account"
    )?;
    for (account, share) in coverage(&baseline, &words) {
        writeln!(out, "  {account:<14}{:>8.2} %", share * 100.0)?;
    }
    let states = baseline
        .iter()
        .map(|(_, profile)| rule.apply(profile, until).state);
    let (mut learning, mut established, mut stale) = (0, 0, 0);
    for state in states {
        match state {
            MaturityState::Learning => learning += 1,
            MaturityState::Established => established += 1,
            MaturityState::Stale => stale += 1,
        }
    }
    writeln!(
        out,
        "maturity      {established} established, {learning} learning, {stale} stale"
    )?;
    let mut busiest: Vec<_> = baseline
        .iter()
        .map(|(id, profile)| (profile.observations, words.principal(id)))
        .collect();
    busiest.sort_by_cached_key(|(count, name)| (std::cmp::Reverse(*count), name.key()));
    writeln!(out, "busiest")?;
    for (count, name) in busiest.iter().take(args.top) {
        let label = offtrail_report::inert(&name.label()).into_owned();
        let key = offtrail_report::inert(&name.key()).into_owned();
        writeln!(
            out,
            "  {count:>12}  {:<22}  {label}  {key}",
            name.kind.as_str()
        )?;
    }
    out.finish()
}

/// Each account with the share of the window in which its records arrived.
fn coverage(baseline: &Baseline, words: &Vocabulary) -> Vec<(String, f64)> {
    let Some((since, until)) = baseline.window.0 else {
        return Vec::new();
    };
    let mut accounts: Vec<_> = baseline
        .coverage
        .iter()
        .map(|(account, ..)| account)
        .collect();
    accounts.sort_unstable();
    accounts.dedup();
    let mut shares: Vec<_> = accounts
        .into_iter()
        .map(|account| {
            let name = words.text(account);
            let name = if name.is_empty() { "unknown" } else { &*name };
            (
                offtrail_report::inert(name).into_owned(),
                baseline.coverage.share(account, since, until),
            )
        })
        .collect();
    shares.sort_by(|(a, _), (b, _)| a.cmp(b));
    shares
}
