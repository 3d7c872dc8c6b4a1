//! The stream: inbox → workers → loop → outbox → sinks. See `docs/streaming.md`.

mod ahead;
mod begin;
pub(crate) mod config;
mod copies;
mod copy;
mod core;
mod live;
pub(crate) mod logs;
mod metrics;
mod operate;
pub(crate) mod options;
mod outlet;
mod settle;
mod standing;
mod status;
mod telling;
mod work;

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::sync_channel,
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use aws_config::SdkConfig;
use offtrail_event::Vocabulary;
use offtrail_report::{Purpose, Tally};
use offtrail_sinks::{Secret, Sink, Target};
use offtrail_sources::{DeadLetter, Feed, Inbox, InboxSettings, Known};
use offtrail_store::{Reason, Store};

use crate::{
    args::threads,
    commands::stream::Arguments,
    errors::Outcome,
    pipeline::{
        naming::Naming,
        run::{Ending, end, settings},
        suppressions,
    },
    progress::Talk,
};

use self::{
    ahead::Ahead,
    copies::Copies,
    core::Core,
    live::{Asked, How, Live},
    operate::{Hooks, Operate},
    outlet::Outlet,
    status::{Phase, Shared, Status},
    telling::Rules,
    work::Work,
};

/// Arrivals parsed ahead of the loop, at most.
const READ_AHEAD_MAX: usize = 256;

/// How long a stand-by waits before it tries again.
const STANDBY_WAIT: Duration = Duration::from_secs(1);

/// Runs the command.
///
/// # Errors
/// The baseline, an input or a sink can't be opened, or the last checkpoint can't be written.
pub(crate) fn run(args: &Arguments, talk: Talk) -> anyhow::Result<Outcome> {
    logs::start(&args.logs, talk)?;
    let begun = Instant::now();
    let asked = Arc::new(Asked::default());
    let shared = Shared::new(Status {
        started: Some(begun),
        ..Status::default()
    });
    let operate = Operate::start(
        args.keeping.listen.as_deref(),
        shared.clone(),
        Some(hooks(&asked)),
    )?;
    if let Some(address) = operate.address {
        tracing::info!(%address, "listening");
    }
    let rules = || rules(args);
    let first = rules()?;
    let naming = Naming::open(args.delivery.asn_db.as_deref())?;
    let copies = Copies::open(args)?;
    if let Some(copies) = &copies {
        copies.start_from(&args.baseline)?;
    }
    let Some(mut store) = claim(args, (&asked, &shared))? else {
        return Ok(Outcome::Done);
    };
    let words = Vocabulary::new();
    let outlet = Outlet::open(sinks(args)?, &mut store)?;
    let core = Core::open(
        (&words, naming.as_ref()),
        store,
        first,
        (args.delivery.settle, Instant::now()),
    )?;
    let feeds = feeds(args);
    let inbox = match &*feeds {
        [] => None,
        _ => {
            let known = known_files(&args.baseline)?;
            Some(Inbox::open(feeds, inbox_settings(args), known)?)
        }
    };
    let ahead = Ahead::default();
    let how = How {
        checkpoint_every: args.keeping.checkpoint_every,
        update_every: args.telling.update_every,
        outbox_bytes_max: args.keeping.outbox_max.saturating_mul(1 << 20),
        end_when_idle: args.keeping.end_when_idle,
        asked: Arc::clone(&asked),
        shared: shared.clone(),
        rules: &rules,
        ahead: &ahead,
    };
    tracing::info!(
        principals = core.watch().baseline().len(),
        seconds = begun.elapsed().as_secs_f64(),
        "ready"
    );
    let work = Work {
        inbox: inbox.as_ref(),
        words: &words,
        naming: naming.as_ref(),
        shard: args.delivery.shard,
        over: &AtomicBool::new(false),
        ahead: &ahead,
    };
    let live = Live::new(core, inbox.as_ref(), outlet, how);
    let ended = serve(
        (live, &work, threads(args.delivery.threads)),
        copies.as_ref(),
    );
    let tally = match ended {
        Ok(tally) => tally,
        Err(error) => {
            shared.change(|status| status.fatal = Some(format!("{error:#}")));
            return Err(error);
        }
    };
    if let Some(naming) = &naming {
        naming.say(talk);
    }
    let ending = Ending {
        summary: args.keeping.summary.as_deref(),
        max_rejects: None,
    };
    end(&ending, ("stream", Purpose::Judge), &tally, talk)?;
    Ok(Outcome::Done)
}

/// The threads: workers, copies, and the loop in this one.
fn serve(
    (live, work, threads): (Live<'_>, &Work<'_>, usize),
    copies: Option<&Copies>,
) -> anyhow::Result<Tally> {
    thread::scope(|scope| {
        let (to, from) = sync_channel(READ_AHEAD_MAX);
        let ahead = work.ahead;
        if work.inbox.is_some() {
            for _ in 0..threads {
                let to = to.clone();
                scope.spawn(move || work.run(&to));
            }
        }
        drop(to);
        if let Some(copies) = copies {
            scope.spawn(|| copies.run(work.over));
        }
        let ended = live.run(&from);
        work.over.store(true, Ordering::Relaxed);
        ahead.end();
        drop(from);
        ended
    })
}

fn hooks(asked: &Arc<Asked>) -> Hooks {
    let (stop, reload) = (Arc::clone(asked), Arc::clone(asked));
    Hooks {
        stop: Box::new(move || stop.stop.store(true, Ordering::Relaxed)),
        reload: Box::new(move || reload.reload.store(true, Ordering::Relaxed)),
    }
}

/// Opens the baseline for writing; waits for another instance to end where that was asked for. `None`: asked to stop while waiting.
fn claim(args: &Arguments, (asked, shared): (&Asked, &Shared)) -> anyhow::Result<Option<Store>> {
    let mut said = false;
    loop {
        match Store::open_for_stream(&args.baseline) {
            Err(error) if args.keeping.standby && matches!(error.reason, Reason::Locked(_)) => {
                if !said {
                    tracing::info!("standing by: {error}");
                    shared.change(|status| status.phase = Phase::StandingBy);
                    said = true;
                }
                thread::sleep(STANDBY_WAIT);
                if asked.stop.load(Ordering::Relaxed) {
                    return Ok(None);
                }
            }
            Err(error) if matches!(error.reason, Reason::Locked(_)) => {
                return Err(error).context(
                    "one instance at a time has a baseline; wait for it to end (--standby does), or split accounts over instances with a baseline each (--shard)",
                );
            }
            opened => {
                shared.change(|status| status.phase = Phase::Starting);
                return Ok(Some(opened?));
            }
        }
    }
}

/// What to judge by, read anew.
fn rules(args: &Arguments) -> anyhow::Result<Rules> {
    let named = &args.telling.rules;
    Ok(Rules {
        settings: settings(named.settings.as_deref())?,
        suppressions: suppressions::read(named.suppressions.as_deref())?,
        threshold: named.threshold,
        policy: args.telling.learn.policy(),
        telling: named.telling(),
        min_severity: named.min_severity,
    })
}

fn feeds(args: &Arguments) -> Vec<Feed> {
    let queues = args.queues.iter().cloned().map(Feed::Queue);
    let folders = args.follow.iter().cloned().map(Feed::Follow);
    let stdin = args.stdin.iter().map(|_| Feed::Stdin);
    queues.chain(folders).chain(stdin).collect()
}

/// How AWS is reached, for one user of it: connections belong to whoever made them.
fn aws(args: &Arguments) -> anyhow::Result<SdkConfig> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("read the AWS configuration")?;
    Ok(runtime.block_on(offtrail_sources::aws_config(&args.s3.settings())))
}

fn is_in_aws(target: &Target) -> bool {
    matches!(
        target,
        Target::Sns { .. } | Target::Sqs { .. } | Target::S3 { .. }
    )
}

fn sinks(args: &Arguments) -> anyhow::Result<Vec<Sink>> {
    let secret = config::webhook_secret(
        args.telling.webhook_secret_file.as_deref(),
        std::env::var_os(config::WEBHOOK_SECRET).as_deref(),
    )?;
    let settings = offtrail_sinks::Settings {
        webhook_secret: secret.and_then(Secret::new),
        ..offtrail_sinks::Settings::default()
    };
    let mut sinks = Vec::new();
    for target in &args.telling.sinks {
        let aws = is_in_aws(target).then(|| aws(args)).transpose()?;
        // The loop looks at its sinks ten times a second: nothing to wake.
        let sink = Sink::start(target.clone(), settings.clone(), aws, Arc::new(|| {}))?;
        anyhow::ensure!(
            !sinks.iter().any(|other: &Sink| other.name() == sink.name()),
            "the sink `{}` is named twice; name it once",
            sink.name()
        );
        sinks.push(sink);
    }
    Ok(sinks)
}

fn inbox_settings(args: &Arguments) -> InboxSettings {
    let delivery = &args.delivery;
    InboxSettings {
        sources: offtrail_sources::Settings {
            s3: args.s3.settings(),
            ..offtrail_sources::Settings::default()
        },
        visibility: delivery.visibility,
        attempts_max: delivery.deliveries_max,
        dead_letter: delivery.dead_letter.as_deref().map(|place| {
            if place.starts_with("https://") || place.starts_with("http://") {
                DeadLetter::Queue(place.to_owned())
            } else {
                DeadLetter::File(place.into())
            }
        }),
        ..InboxSettings::default()
    }
}

/// Asks the baseline file whether an input was learnt to its end.
fn known_files(baseline: &Path) -> anyhow::Result<Known> {
    let store = Mutex::new(Store::open_read_only(baseline)?);
    Ok(Arc::new(move |provenance, fingerprint| {
        let store = store.lock().unwrap_or_else(PoisonError::into_inner);
        // Where the file can't be asked, the input is read again and its events are known one by one.
        store.knows_file(provenance, fingerprint).unwrap_or(false)
    }))
}
