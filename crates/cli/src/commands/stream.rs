//! `offtrail stream`: judges what a trail delivers while it is delivered, until it is stopped.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use offtrail_sinks::Target;

use crate::{
    args::{RuleArgs, S3Args},
    errors::Outcome,
    progress::Talk,
    stream::{
        self,
        logs::LogArgs,
        options::{Shard, StreamLearn, duration},
    },
};

/// Judges what a trail delivers while it is delivered, tells findings to sinks within seconds, and runs until stopped.
///
/// Everything it knows is in the baseline file: killed at any moment, it goes on where it stood, and tells nothing twice. SIGTERM makes it write a
/// checkpoint and exit within ten seconds, SIGHUP read its settings and suppressions again. Without any input it takes up what a killed stream
/// left, hands findings to the sinks, and exits.
///
/// Every option can be given in a file (--config) or the environment (OFFTRAIL_SETTLE=2s) as well; what is given here wins.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail stream --queue https://sqs.eu-west-1.amazonaws.com/111122223333/trail --baseline org.db --sink findings.jsonl --listen 0.0.0.0:9464
  offtrail stream --follow /var/trail --baseline org.db --sink https://hooks.example.org/offtrail --webhook-secret-file /run/secrets/hook
  aws logs tail … | offtrail stream - --baseline org.db
  offtrail stream --config /etc/offtrail/stream.toml")]
pub(crate) struct Arguments {
    /// An SQS queue with notifications of new objects, or with CloudTrail events from EventBridge; any number.
    #[arg(long = "queue", value_name = "SQS_URL")]
    pub(crate) queues: Vec<String>,
    /// A folder in which files appear; any number.
    #[arg(long = "follow", value_name = "DIR")]
    pub(crate) follow: Vec<PathBuf>,
    /// - for standard input: records, documents or events, one a line, plain or gzip.
    #[arg(value_name = "-", value_parser = ["-"])]
    pub(crate) stdin: Option<String>,
    /// The baseline file; created if absent.
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: PathBuf,
    /// Read options from this TOML file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) delivery: DeliveryArgs,
    #[command(flatten)]
    pub(crate) telling: TellingArgs,
    #[command(flatten)]
    pub(crate) keeping: KeepingArgs,
    #[command(flatten)]
    pub(crate) logs: LogArgs,
    #[command(flatten)]
    pub(crate) s3: S3Args,
}

/// How deliveries are taken in.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Delivery")]
pub(crate) struct DeliveryArgs {
    /// How long an observation waits for earlier ones before it is judged.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration)]
    pub(crate) settle: Duration,
    /// How long a message is hidden from other readers while it is worked on; renewed at half of it.
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration)]
    pub(crate) visibility: Duration,
    /// After how many deliveries a message that can't be used becomes a dead letter.
    #[arg(long, value_name = "N", default_value_t = offtrail_sources::DELIVERIES_MAX)]
    pub(crate) deliveries_max: u32,
    /// Where dead letters go: an SQS queue or a file; by default they stay, for the queue's own redrive policy.
    #[arg(long, value_name = "SQS_URL|FILE")]
    pub(crate) dead_letter: Option<String>,
    /// Take only the accounts of share K of N, for several instances, each with a queue of its own.
    #[arg(long, value_name = "K/N")]
    pub(crate) shard: Option<Shard>,
    /// Threads that parse; by default one per core.
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<std::num::NonZeroUsize>,
    /// Tell networks by who announces them, as this MMDB file of autonomous systems has it.
    #[arg(long, value_name = "FILE")]
    pub(crate) asn_db: Option<PathBuf>,
}

/// What is told, and to whom.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Findings")]
pub(crate) struct TellingArgs {
    /// Where findings go: - for standard output, a file, https://…, chat+https://…, arn:aws:sns:…, an SQS URL, s3://BUCKET/PREFIX; any number.
    #[arg(long = "sink", value_name = "TARGET", default_value = "-")]
    pub(crate) sinks: Vec<Target>,
    /// Sign what goes to webhooks with the secret in this file; or set OFFTRAIL_WEBHOOK_SECRET.
    #[arg(long, value_name = "FILE")]
    pub(crate) webhook_secret_file: Option<PathBuf>,
    /// How often findings that gained evidence are told again.
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = duration)]
    pub(crate) update_every: Duration,
    /// What to learn while judging: all but what findings rest on, which stays pending; everything.
    #[arg(long, value_enum, default_value_t = StreamLearn::Hold)]
    pub(crate) learn: StreamLearn,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
}

/// What is kept, and how the stream is watched.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Operation")]
pub(crate) struct KeepingArgs {
    /// How often a checkpoint is written.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub(crate) checkpoint_every: Duration,
    /// Take nothing more in while findings that no sink has taken fill so many MiB.
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    pub(crate) outbox_max: u64,
    /// Copy the baseline here on a schedule, and start from the copy when the baseline file is absent.
    #[arg(long, value_name = "s3://BUCKET/KEY")]
    pub(crate) copy_to: Option<String>,
    /// Encrypt the copy with this KMS key; by default as the bucket does.
    #[arg(long, value_name = "KEY_ID", requires = "copy_to")]
    pub(crate) copy_kms_key: Option<String>,
    /// How often it is copied.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub(crate) copy_every: Duration,
    /// End when nothing has arrived for so long, after judging all that waits: for scheduled jobs. By default it runs until stopped.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) end_when_idle: Option<Duration>,
    /// Wait while another instance has the baseline, and take over when it ends; by default that is an error.
    #[arg(long)]
    pub(crate) standby: bool,
    /// Serve /healthz, /readyz and /metrics here.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<String>,
    /// Write the reconciliation as JSON when it ends; - for standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments, talk: Talk) -> anyhow::Result<Outcome> {
    stream::run(args, talk)
}
