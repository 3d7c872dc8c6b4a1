//! `offtrail partial`: learns a part of an archive and writes what it learnt as lines that `offtrail merge` folds together.

use std::{
    fs::File,
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use offtrail_baseline::partial::{Content, Partial};
use offtrail_engine::{Repeats, Scope};
use offtrail_event::{Fingerprint, Timestamp, Vocabulary};
use offtrail_report::{Purpose, Tally};
use offtrail_sources::{Listing, Source, Sources};

use crate::{
    args::{InputArgs, time},
    errors::Outcome,
    output::Output,
    pipeline::{
        crew::Crew,
        learn::Learning,
        naming::{Naming, facts},
        parts::{each_line, to_part},
        run::{reconcile, tell_listing},
    },
    progress::{Progress, Talk},
};

/// Bytes of the names on standard input or in one file, at most.
const NAMES_BYTES_MAX: u64 = 1 << 30;

/// Files between two looks at what was learnt; observations handed on wait until then.
const FILES_PER_BATCH: usize = 2_000;

/// The same where observations are handed on.
const FILES_PER_BATCH_HANDED_ON: usize = 200;

/// Learns a part of an archive on one of many machines, into lines that `offtrail merge` folds together.
///
/// Reads names, one a line: paths, or s3://BUCKET/KEY, perhaps with size and entity tag after tabs. The lines written are text that any engine can carry; see
/// deploy/spark for Apache Spark.
#[derive(Args, Clone, Debug)]
#[command(
    mut_arg("sources", |arg| arg.required(false).value_name("NAMES").help(
        "Files that hold the names of what to read, one a line; - or none: standard input"
    )),
    after_help = "\
Examples:
  offtrail partial < keys.txt > part.lines
  offtrail partial --part 7 --learn-until 2026-08-30 < keys-7.txt > part-7.lines
  cat part-*.lines | offtrail merge --baseline org.db"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: InputArgs,
    /// The number of this part; each part of a job has another.
    #[arg(long, value_name = "N", default_value_t = 0)]
    part: u32,
    /// Learn events before this time, and hand later ones on to be judged by `offtrail backtest --observations`.
    #[arg(long, value_name = "TIME", value_parser = time)]
    learn_until: Option<Timestamp>,
    /// Leave out the events that these lines of `offtrail merge --repeats` name for this part.
    #[arg(long, value_name = "FILE")]
    without: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments, talk: Talk) -> anyhow::Result<Outcome> {
    let naming = Naming::open(args.input.asn_db.as_deref())?;
    let words = Vocabulary::new();
    let mut tally = Tally::default();
    let repeats = args.repeats(&words)?;
    let (sources, listing) = args.list(&mut tally, talk)?;
    let learning = Learning {
        words: &words,
        naming: naming.as_ref(),
        scope: Scope {
            since: args.input.since,
            until: args.input.until,
            judge_from: args.learn_until,
        },
        threads: args.input.threads(),
        checkpoint_files: match args.learn_until {
            None => FILES_PER_BATCH,
            Some(_) => FILES_PER_BATCH_HANDED_ON,
        },
        talk,
    };
    let mut out = Output::stdout();
    let mut partial = args.learn(
        (&learning, &sources, &listing),
        &repeats,
        (&mut tally, &mut out),
    )?;
    anyhow::ensure!(
        repeats.horizon().is_none(),
        "remember the events of part {}: there are more than can be remembered; make smaller parts",
        args.part
    );
    let window = partial.baseline.window;
    partial.tally = to_part(&tally, args.part);
    partial.tally.window = window;
    partial.tally.facts = facts(naming.as_ref());
    partial.lines(&words, |line| write_line(&mut out, &line))?;
    out.finish()?;
    if let Some(naming) = &naming {
        naming.say(talk);
    }
    reconcile(&args.input, ("partial", Purpose::Learn), &tally, talk)?;
    Ok(Outcome::Done)
}

/// Writes one line.
pub(crate) fn write_line(out: &mut Output, line: &str) -> anyhow::Result<()> {
    let written = out.write_all(line.as_bytes());
    let written = written.and_then(|()| out.write_all(b"\n"));
    written.context("write lines of partial profiles")
}

impl Arguments {
    /// Learns what is listed; observations handed on are written at once.
    fn learn(
        &self,
        (learning, sources, listing): (&Learning<'_>, &Sources, &Listing),
        repeats: &Repeats,
        (tally, out): (&mut Tally, &mut Output),
    ) -> anyhow::Result<Partial> {
        let words = learning.words;
        let mut partial = Partial::default();
        let progress = Progress::of_files(learning.talk, "learning", &listing.items);
        let mut crew = Crew::new(learning);
        let outcome = learning.batches(&listing.items, |batch| {
            let mut folded = crew.fold((sources, batch), repeats, (&mut *tally, &progress))?;
            partial.baseline.merge(&folded.touched(words));
            partial.baseline.bound_targets(words);
            partial.files.extend(folded.files);
            let later: std::collections::HashSet<Fingerprint> =
                folded.later.iter().map(|one| one.fingerprint).collect();
            let (on, learnt): (Vec<_>, Vec<_>) = repeats
                .take_fresh()
                .into_iter()
                .partition(|(_, id)| later.contains(id));
            partial.see((self.part, false), learnt.into_iter())?;
            partial.see((self.part, true), on.into_iter())?;
            for line in Partial::observation_lines(&mut folded.later, words) {
                write_line(out, &line)?;
            }
            Ok(())
        });
        progress.finish();
        outcome?;
        Ok(partial)
    }

    /// What the names name.
    fn list(&self, tally: &mut Tally, talk: Talk) -> anyhow::Result<(Sources, Listing)> {
        let mut names = String::new();
        let stdin = [Source::Stdin];
        let sources = match self.input.sources.as_slice() {
            [] => &stdin,
            named => named,
        };
        for source in sources {
            match source {
                Source::Stdin => read_names(Path::new("-"), &mut names, &mut io::stdin().lock())?,
                Source::Path(path) => {
                    let opened = File::open(path)
                        .with_context(|| format!("read names {path:?}; correct the path"));
                    read_names(path, &mut names, &mut opened?)?;
                }
                Source::S3 { bucket, prefix } => anyhow::bail!(
                    "read names: \"s3://{bucket}/{prefix}\" is no file of names; give the names on standard input"
                ),
            }
        }
        let sources = Sources::new(self.input.source_settings());
        let listing = sources
            .named(names.lines().map(Ok), self.input.range())
            .context("read names")?;
        tell_listing(&listing, tally, talk);
        Ok((sources, listing))
    }

    /// The events of this part that another part has.
    fn repeats(&self, words: &Vocabulary) -> anyhow::Result<Repeats> {
        let repeats = Repeats::default();
        let Some(path) = &self.without else {
            return Ok(repeats);
        };
        let mut without = Partial::default();
        each_line(path, |line| {
            match Content::read(line, words)? {
                // What `merge --repeats` wrote, taken whole, says how many events there are.
                Content::Distinct(_) => {}
                content @ Content::Repeats(..) => without.take(content, words)?,
                _ => anyhow::bail!(
                    "it names no repeats; give --without lines of `offtrail merge --repeats`"
                ),
            }
            Ok(())
        })?;
        for (day, id) in without.repeats_of(self.part) {
            repeats.restore(day, &[id]);
        }
        Ok(repeats)
    }
}

fn read_names(path: &Path, names: &mut String, from: &mut dyn Read) -> anyhow::Result<()> {
    let doing = || format!("read names {:?}", path.display().to_string());
    let read = from
        .take(NAMES_BYTES_MAX + 1)
        .read_to_string(names)
        .with_context(doing)?;
    anyhow::ensure!(
        read as u64 <= NAMES_BYTES_MAX,
        "{}: more than {NAMES_BYTES_MAX} bytes; make smaller parts",
        doing()
    );
    if !names.ends_with('\n') {
        names.push('\n');
    }
    Ok(())
}
