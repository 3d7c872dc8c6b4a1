//! `offtrail simulate`: a labelled organisation's archive, with attacks inside.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use offtrail_event::Timestamp;
use offtrail_simulator::{AttackSet, DAYS_MAX, DAYS_MIN, Scale, Settings, Sink, Summary, simulate};

use crate::{
    args::time,
    errors::Outcome,
    progress::{Progress, Talk},
};

/// Writes a labelled archive of a simulated organisation: AWSLogs/…, labels.jsonl, attacks.jsonl, benign_changes.jsonl, stats.json.
///
/// The same options give the same bytes.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail simulate --out org1
  offtrail simulate --out quiet --attacks none --seed 7
  offtrail simulate --out big --scale medium --days 180")]
pub(crate) struct Arguments {
    /// The folder; created if absent.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Seed of all chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Days simulated; attacks lie in the last quarter.
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u32).range(i64::from(DAYS_MIN)..=i64::from(DAYS_MAX)))]
    days: u32,
    /// Size of the organisation.
    #[arg(long, value_enum, default_value_t = ScaleArg::Small)]
    scale: ScaleArg,
    /// First day.
    #[arg(long, value_name = "DAY", default_value = "2026-06-01", value_parser = time)]
    start: Timestamp,
    /// Attacks placed: all, none, hard (only calls their victims make anyway), or ids of scenarios separated by commas.
    #[arg(long, value_name = "all|none|hard|ID,…", default_value = "all")]
    attacks: String,
    /// Write into a folder that is not empty.
    #[arg(long)]
    force: bool,
}

/// Size of the organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ScaleArg {
    /// About 50 principals.
    Demo,
    /// About 175 principals.
    Small,
    /// About 700 principals.
    Medium,
    /// About 2,100 principals.
    Large,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments, talk: Talk) -> anyhow::Result<Outcome> {
    let settings = Settings {
        seed: args.seed,
        days: args.days,
        scale: match args.scale {
            ScaleArg::Demo => Scale::Demo,
            ScaleArg::Small => Scale::Small,
            ScaleArg::Medium => Scale::Medium,
            ScaleArg::Large => Scale::Large,
        },
        start_epoch_secs: args.start.epoch_secs(),
        attacks: match args.attacks.as_str() {
            "all" => AttackSet::All,
            "none" => AttackSet::None,
            "hard" => AttackSet::Hard,
            ids => AttackSet::Only(ids.split(',').map(str::to_owned).collect()),
        },
    };
    if !args.force {
        refuse_full(&args.out, "--force")?;
    }
    into_folder(&settings, &args.out, talk)?;
    Ok(Outcome::Done)
}

/// Refuses a folder that holds something.
///
/// # Errors
/// It does, or can't be looked into.
pub(crate) fn refuse_full(folder: &Path, option: &str) -> anyhow::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| format!("write into {folder:?}"))?,
    };
    anyhow::ensure!(
        entries.count() == 0,
        "write into {folder:?}: the folder is not empty; name another one, or use {option}"
    );
    Ok(())
}

/// Simulates into a folder, and says what was made.
///
/// # Errors
/// The settings name an unknown attack, or the disk refuses.
pub(crate) fn into_folder(
    settings: &Settings,
    folder: &Path,
    talk: Talk,
) -> anyhow::Result<Summary> {
    let progress = Progress::new(talk, "simulating", u64::from(settings.days));
    let mut events = 0;
    fs::create_dir_all(folder).with_context(|| format!("write into {folder:?}"))?;
    let made = simulate(settings, &mut Folder(folder), &mut |now| {
        progress.done(now.events - events);
        events = now.events;
    });
    progress.finish();
    let made = made?;
    talk.say(&format!(
        "simulated {} principals in {} accounts over {} days: {} events in {} files, {} attacks with {} events, {} harmless changes, in {}",
        made.principals,
        made.accounts.len(),
        settings.days,
        made.delivered.events,
        made.delivered.files,
        made.attacks,
        made.attack_events,
        made.benign_changes,
        folder.display()
    ));
    Ok(made)
}

/// Files below a folder.
struct Folder<'f>(&'f Path);

impl Sink for Folder<'_> {
    fn file(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.0.join(path);
        match fs::write(&path, bytes) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(path.parent().unwrap_or(&path))?;
                fs::write(&path, bytes)
            }
            done => done,
        }
    }
}
