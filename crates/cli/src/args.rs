//! The command line: commands, and the groups of options that several commands share.

use std::{fmt, num::NonZeroUsize, path::PathBuf, str::FromStr, thread};

use clap::{Args, Parser, Subcommand, ValueEnum};
use offtrail_detector::{LearningPolicy, Severity, Telling};
use offtrail_event::{Day, OutcomeClass, Timestamp};
use offtrail_sources::{Role, S3Settings, Source, TimeRange};

use crate::{
    commands::{
        backfill, backtest, baseline, completions, demo, detect, events, explain, man, merge,
        partial, report, settings, simulate, stream,
    },
    progress::Talk,
};

/// Learns what each AWS principal normally does from CloudTrail, and tells when one leaves its trail.
///
/// Data goes to standard output, talk to standard error. Exit codes: 0 done; 1 done, and a finding reached --fail-on;
/// 2 could not do the work.
#[derive(Debug, Parser)]
#[command(
    name = "offtrail",
    version,
    arg_required_else_help = true,
    after_help = "Begin with `offtrail demo`, or with `offtrail backtest SOURCE --learn-until DAY` over your own archive."
)]
pub(crate) struct Cli {
    /// Say nothing on standard error but errors.
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Whether the run talks.
    pub(crate) fn talk(&self) -> Talk {
        if self.quiet { Talk::Quiet } else { Talk::Loud }
    }
}

/// One command, one file in `commands/`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Backfill(backfill::Arguments),
    Detect(detect::Arguments),
    Backtest(backtest::Arguments),
    Stream(Box<stream::Arguments>),
    Partial(partial::Arguments),
    Merge(merge::Arguments),
    Events(events::Arguments),
    Baseline(baseline::Arguments),
    Explain(explain::Arguments),
    Report(report::Arguments),
    Settings(settings::Arguments),
    Simulate(simulate::Arguments),
    Demo(demo::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// What to read, and how the run is reconciled.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct InputArgs {
    /// Files, folders (walked), s3://BUCKET/PREFIX, or - for standard input; any number, mixed freely.
    #[arg(value_name = "SOURCE", required = true, value_parser = source)]
    pub(crate) sources: Vec<Source>,
    /// Leave out events before this time: RFC 3339, or YYYY-MM-DD for UTC midnight.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) since: Option<Timestamp>,
    /// Leave out events at and after this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) until: Option<Timestamp>,
    /// How many hours later than its events a file may be delivered; at most ten years.
    #[arg(long, value_name = "HOURS", default_value_t = LATENESS_HOURS, value_parser = clap::value_parser!(u32).range(..=87_600))]
    lateness: u32,
    /// Tell networks by who announces them, as this MMDB file of autonomous systems has it (GeoLite2-ASN, DB-IP, IPinfo); by default networks
    /// are prefixes. A baseline once used with such a file needs one from then on.
    #[arg(long, value_name = "FILE")]
    pub(crate) asn_db: Option<PathBuf>,
    /// Threads that read; by default one per core.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Fail with exit code 2 when more records or files than N (or N% of them) are unreadable; by default any number may be.
    #[arg(long, value_name = "N|P%")]
    pub(crate) max_rejects: Option<RejectsMax>,
    /// Write the reconciliation as JSON; - for standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,
    #[command(flatten)]
    s3: S3Args,
}

/// What to read beside or instead of SOURCE, and whether to read it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ListArgs {
    /// Read what this file names instead of listing: s3://BUCKET/KEY or a path, one a line; - for standard input. After an object its size and entity tag may
    /// follow, with tabs between. SOURCE may be left out.
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// Read what an S3 Inventory lists instead of listing: its manifest.json, as s3://BUCKET/KEY or a file. Only CSV is read, not Parquet or ORC. Where SOURCE names
    /// s3:// addresses, only what lies under them.
    #[arg(long, value_name = "MANIFEST", value_parser = source)]
    pub(crate) inventory: Option<Source>,
    /// Only say what would be read, and what requests, money, time and memory that would take; as JSON too with --summary.
    #[arg(long)]
    pub(crate) plan: bool,
}

/// How much later than its events a file may be delivered, by default; hours.
pub(crate) const LATENESS_HOURS: u32 = 24;

impl InputArgs {
    /// Reads one folder, as if named on the command line with a range of time and nothing else.
    pub(crate) fn folder(
        path: PathBuf,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Self {
        Self {
            sources: vec![Source::Path(path)],
            since,
            until,
            lateness: LATENESS_HOURS,
            ..Self::default()
        }
    }

    /// Threads that read.
    pub(crate) fn threads(&self) -> usize {
        threads(self.threads)
    }

    /// The lateness allowed, seconds.
    pub(crate) fn lateness_secs(&self) -> i64 {
        i64::from(self.lateness) * 3_600
    }

    /// The wanted event times, for leaving files out by name.
    pub(crate) fn range(&self) -> TimeRange {
        TimeRange {
            since: self.since.map(Timestamp::epoch_secs),
            until: self.until.map(Timestamp::epoch_secs),
        }
    }

    /// How to read.
    pub(crate) fn source_settings(&self) -> offtrail_sources::Settings {
        offtrail_sources::Settings {
            lateness_secs_max: u64::from(self.lateness) * 3_600,
            s3: self.s3.settings(),
            ..offtrail_sources::Settings::default()
        }
    }
}

/// As many threads as named, else one per core.
pub(crate) fn threads(named: Option<NonZeroUsize>) -> usize {
    named
        .or_else(|| thread::available_parallelism().ok())
        .map_or(1, NonZeroUsize::get)
}

/// How to reach S3; what is left out comes from the environment, the AWS profile or the machine's role.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "S3")]
pub(crate) struct S3Args {
    /// The first region to ask; buckets elsewhere are followed there.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The profile of ~/.aws/config to use.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Another endpoint, for S3-compatible stores.
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// Name the bucket in the path, not in the host.
    #[arg(long)]
    path_style: bool,
    /// Take on this role first, with the credentials found: that of the account in which the logs lie.
    #[arg(long, value_name = "ARN", conflicts_with = "no_sign_request")]
    role_arn: Option<String>,
    /// The external id that the role's trust policy asks for.
    #[arg(long, value_name = "ID", requires = "role_arn")]
    external_id: Option<String>,
    /// How the session of the role is called in CloudTrail; by default offtrail.
    #[arg(long, value_name = "NAME", requires = "role_arn")]
    role_session_name: Option<String>,
    /// Agree to pay for requests to a requester-pays bucket.
    #[arg(long)]
    requester_pays: bool,
    /// Ask unsigned, for public buckets.
    #[arg(long)]
    no_sign_request: bool,
}

/// How a session of a role is called where nobody says.
const ROLE_SESSION_NAME: &str = "offtrail";

impl S3Args {
    /// As settings.
    pub(crate) fn settings(&self) -> S3Settings {
        S3Settings {
            endpoint: self.endpoint_url.clone(),
            region: self.region.clone(),
            profile: self.profile.clone(),
            path_style: self.path_style.then_some(true),
            role: self.role_arn.clone().map(|arn| Role {
                arn,
                external_id: self.external_id.clone(),
                session_name: self
                    .role_session_name
                    .clone()
                    .unwrap_or_else(|| ROLE_SESSION_NAME.to_owned()),
            }),
            anonymous: self.no_sign_request,
            requester_pays: self.requester_pays,
            ..S3Settings::default()
        }
    }
}

/// How to judge, and what to tell of it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Judging")]
pub(crate) struct JudgeArgs {
    /// Write findings here; - or none: standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) findings: Option<PathBuf>,
    /// How findings are written; by default text where a terminal reads them, else jsonl.
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    /// Exit with 1 if a raised finding reaches this severity.
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub(crate) fail_on: Option<Severity>,
    /// What to learn while judging: nothing; all but what findings rest on, which stays pending; everything.
    #[arg(long, value_enum, default_value_t = Learn::Hold)]
    pub(crate) learn: Learn,
}

/// By which rules to judge, and from when on to tell; the same in a batch and in a stream.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RuleArgs {
    /// Also tell what stayed below the threshold, with "raised":false.
    #[arg(long)]
    pub(crate) all: bool,
    /// Write only states of this severity or more.
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub(crate) min_severity: Option<Severity>,
    /// Settings to judge by; see `offtrail settings show`.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Hide what this reviewed file (suppressions.toml) covers; hidden findings are counted, and written with --all.
    #[arg(long, value_name = "FILE")]
    pub(crate) suppressions: Option<PathBuf>,
    /// Raise findings from this score on, instead of the settings' threshold.
    #[arg(long, value_name = "BITS", value_parser = bits)]
    pub(crate) threshold: Option<f64>,
}

impl RuleArgs {
    /// What the engine is to tell.
    pub(crate) fn telling(&self) -> Telling {
        if self.all {
            Telling::All
        } else {
            Telling::Raised
        }
    }
}

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// JSON Lines: every state of every finding, in the order of judging.
    Jsonl,
    /// For people: the last state of each finding, worst first.
    Text,
}

/// What to learn while judging.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Learn {
    /// Nothing.
    None,
    /// All; what raised findings rest on stays pending.
    #[default]
    Hold,
    /// Everything as known-good.
    All,
}

impl Learn {
    /// The engine's word for it.
    pub(crate) fn policy(self) -> LearningPolicy {
        match self {
            Self::None => LearningPolicy::Frozen,
            Self::Hold => LearningPolicy::HoldFlagged,
            Self::All => LearningPolicy::LearnAll,
        }
    }
}

/// How much of the input may be unreadable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum RejectsMax {
    /// So many records and files.
    Count(u64),
    /// That share of them, in percent.
    Percent(f64),
}

impl FromStr for RejectsMax {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write a number of records (100) or a share of them (0.5%)".to_owned();
        match text.strip_suffix('%') {
            None => text.parse().map(Self::Count).map_err(|_| wrong()),
            Some(percent) => match percent.parse::<f64>() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self::Percent(percent)),
                _ => Err(wrong()),
            },
        }
    }
}

impl fmt::Display for RejectsMax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// A point in time.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text)
        .ok_or_else(|| "write RFC 3339 (2026-08-31T10:43:44Z) or YYYY-MM-DD".to_owned())
}

/// A whole UTC day.
pub(crate) fn day(text: &str) -> Result<Day, String> {
    let whole = text.len() == 10;
    let time = Timestamp::parse(text).filter(|_| whole);
    time.map(Timestamp::day)
        .ok_or_else(|| "write a day: YYYY-MM-DD".to_owned())
}

/// How a call ended.
pub(crate) fn outcome(text: &str) -> Result<OutcomeClass, String> {
    text.parse()
        .map_err(|_| "write succeeded, denied or failed".to_owned())
}

fn source(text: &str) -> Result<Source, String> {
    Source::parse(text).map_err(|error| error.to_string())
}

pub(crate) fn severity(text: &str) -> Result<Severity, String> {
    text.parse()
        .map_err(|_| "write low, medium, high or critical".to_owned())
}

fn bits(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(bits) if bits.is_finite() && bits > 0.0 => Ok(bits),
        _ => Err("write a number of bits above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn rejects_are_a_number_or_a_share() {
        let check = |text: &str, expected| assert_eq!(text.parse::<RejectsMax>().ok(), expected);
        check("0", Some(RejectsMax::Count(0)));
        check("2.5%", Some(RejectsMax::Percent(2.5)));
        for wrong in ["", "%", "-1", "101%", "nan%", "1.5"] {
            check(wrong, None);
        }
    }
}
