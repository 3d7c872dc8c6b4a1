//! `offtrail detect`: judges new events against a baseline, then learns them under the policy chosen.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use offtrail_detector::LearningPolicy;
use offtrail_engine::Scope;
use offtrail_event::Vocabulary;
use offtrail_report::{Purpose, Tally};
use offtrail_store::{More, Store};

use crate::{
    args::{InputArgs, JudgeArgs, ListArgs},
    errors::Outcome,
    pipeline::{
        calibration,
        findings::Findings,
        judge::Judging,
        learn::{commit_at_the_end, forgotten},
        naming::{Naming, agree},
        plan, remembered,
        run::{list, reconcile, settings},
        suppressions,
    },
    progress::Talk,
};

/// Judges events against a baseline in the order they happened, then learns them under --learn.
///
/// What was learnt before is not judged again. The baseline is written once, at the end, after the findings. It also keeps open findings,
/// so that days judged one by one tell what one run over all of them tells.
#[derive(Args, Clone, Debug)]
#[command(
    mut_arg("sources", |arg| arg.required(false).required_unless_present_any(["keys", "inventory"])),
    after_help = "\
Examples:
  offtrail detect AWSLogs/ --baseline org.db --since 2026-08-30
  offtrail detect s3://trail-bucket/AWSLogs --baseline org.db --findings findings.jsonl --fail-on high
  offtrail detect today.json.gz --baseline org.db --learn none --format text
  offtrail detect s3://trail-bucket/AWSLogs --baseline org.db --since 2026-08-30 --plan    (requests, cost and time; fetches nothing)
  aws s3api list-objects-v2 … | offtrail detect --keys - --baseline org.db"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) listed: ListArgs,
    /// The baseline file, learnt by `offtrail backfill`.
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: PathBuf,
    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments, talk: Talk) -> anyhow::Result<Outcome> {
    if args.listed.plan {
        let listed = (&args.input, &args.listed);
        return plan::tell(listed, ("detect", Purpose::Judge), Ok, talk);
    }
    let settings = settings(args.judge.rules.settings.as_deref())?;
    let suppressions = suppressions::read(args.judge.rules.suppressions.as_deref())?;
    let policy = args.judge.learn.policy();
    let naming = Naming::open(args.input.asn_db.as_deref())?;
    let mut store = Store::open_read_only(&args.baseline)?;
    if policy != LearningPolicy::Frozen {
        // Held from the start: another process must not write between our reading and our writing.
        drop(store);
        store = Store::create_or_open(&args.baseline)?;
    }
    let words = Vocabulary::new();
    let mut baseline = store.load(&words)?;
    let (repeats, laid) = remembered::committed_at_the_end(&store)?;
    let agreed = agree(naming.as_ref(), &store, (&mut baseline, &words))?;
    let state = agreed.state(&store, (&baseline, &words))?;
    let now = baseline.window.0.map(|(_, until)| until);
    let raising = calibration::raising(&store, &settings, args.judge.rules.threshold, now)?;
    let judging = Judging {
        words: &words,
        naming: naming.as_ref(),
        scope: Scope {
            since: args.input.since,
            until: args.input.until,
            judge_from: None,
        },
        policy,
        telling: args.judge.rules.telling(),
        settings,
        raising,
        suppressions,
        threads: args.input.threads(),
        lateness_secs: args.input.lateness_secs(),
        talk,
    };
    let mut findings = Findings::open(&args.judge)?;
    let mut tally = Tally::default();
    let (sources, listing) = list((&args.input, &args.listed), &mut tally, talk)?;
    let mut watch = judging.watch(baseline, repeats);
    if policy != LearningPolicy::Frozen {
        watch = watch.with_touched();
    }
    if let Some(state) = state {
        watch = watch
            .resume(&state)
            .with_context(|| format!("go on in baseline {:?}", args.baseline))?;
    }
    let mut judged = judging.run(&sources, listing, watch, &mut tally, |_, finding| {
        findings.take(finding)
    })?;
    tally.findings = findings.tally();
    let last = judged.watch.baseline().window.0.map(|(_, until)| until);
    suppressions::say(&judging.suppressions, &tally.findings, last, talk);
    let reached = args
        .judge
        .fail_on
        .is_some_and(|least| findings.reached(least));
    let left_out = findings.words();
    findings.finish()?;
    if let Some(mut touched) = judged.watch.take_touched() {
        touched.merge(&agreed.renamed);
        let state = judged.watch.state();
        if let Some(state) = state.as_ref().filter(|state| state.forgotten > 0) {
            talk.say(&forgotten(state));
        }
        // A file with events out of scope is read again by a run with a wider one.
        let whole = tally.out_of_scope == 0;
        let mut unnoted = None;
        {
            let more = More {
                laid: &laid,
                files: &mut judged.files(&mut unnoted).filter(|_| whole),
            };
            commit_at_the_end(
                &mut store,
                (&words, judged.watch.baseline(), &touched),
                (judged.watch.repeats(), state.as_ref(), &agreed.facts()),
                (more, &tally),
            )?;
        }
        if let Some(error) = unnoted {
            talk.say(&format!(
                "{error}; some files are not noted as learnt and are read again next time"
            ));
        }
        if judged.watch.calibration().is_some() {
            let learnt = (judged.watch.baseline(), &words);
            calibration::renew(&mut store, learnt, &judging.settings, talk)?;
        }
    }
    say((&tally, left_out.as_deref(), naming.as_ref()), talk);
    reconcile(&args.input, ("detect", Purpose::Judge), &tally, talk)?;
    Ok(if reached {
        Outcome::Reached
    } else {
        Outcome::Done
    })
}

/// Says what the reconciliation does not tell.
fn say((tally, left_out, naming): (&Tally, Option<&str>, Option<&Naming>), talk: Talk) {
    if tally.judged == 0 && tally.repeated > 0 {
        talk.say(&format!(
            "all {} observations were learnt before; use `offtrail backtest` to judge history",
            tally.repeated
        ));
    }
    if let Some(left_out) = left_out {
        talk.say(left_out);
    }
    if let Some(naming) = naming {
        naming.say(talk);
    }
}
