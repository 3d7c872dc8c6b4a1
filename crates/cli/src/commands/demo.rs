//! `offtrail demo`: from nothing to the CI user's `ListAccessKeys`: simulate, learn, detect, explain.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use offtrail_event::{SECONDS_PER_DAY, Timestamp};
use offtrail_report::{FindingV1, write_finding_short, write_finding_text};
use offtrail_simulator::{Settings, demo_settings};

use crate::{
    args::{Format, InputArgs, JudgeArgs, Learn, ListArgs},
    commands::{backfill, detect, explain, simulate},
    errors::Outcome,
    output::{self, Output},
    progress::Talk,
};

/// Simulates a small organisation, learns it, detects the attacks inside, and explains one of them, all in under a minute.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail demo
  offtrail demo --out /tmp/offtrail-demo")]
pub(crate) struct Arguments {
    /// The folder to work in; created if absent. An earlier demo there is replaced.
    #[arg(long, value_name = "DIR", default_value = "offtrail-demo")]
    out: PathBuf,
}

/// The call and the user of the story.
const STORY: (&str, &str) = ("iam:ListAccessKeys", "ci-deploy");

/// States of it shown.
const STATES_SHOWN_MAX: usize = 10;

/// Runs the command.
pub(crate) fn run(args: &Arguments, talk: Talk) -> anyhow::Result<Outcome> {
    let files = Files::below(&args.out);
    files.clear()?;
    let settings = demo_settings();
    talk.say("1. simulate an organisation");
    simulate::into_folder(&settings, &args.out, talk)?;
    let learn_until = learn_until(&settings)?;
    talk.say(&format!("2. learn what is normal, until {learn_until}"));
    backfill::run(
        &backfill::Arguments {
            input: InputArgs::folder(files.archive.clone(), None, Some(learn_until)),
            listed: ListArgs::default(),
            baseline: files.baseline.clone(),
            checkpoint_files: backfill::CHECKPOINT_FILES,
            settings: None,
        },
        talk,
    )?;
    talk.say("3. judge what follows");
    detect::run(
        &detect::Arguments {
            input: InputArgs::folder(files.archive.clone(), Some(learn_until), None),
            listed: ListArgs::default(),
            baseline: files.baseline.clone(),
            judge: JudgeArgs {
                findings: Some(files.findings.clone()),
                format: Some(Format::Jsonl),
                learn: Learn::Hold,
                ..JudgeArgs::default()
            },
        },
        talk,
    )?;
    talk.say("4. explain the finding about the CI user's key\n");
    let states = story(&files.findings)?;
    let finding = states
        .last()
        .context("tell the story: a finding has at least one state")?;
    let mut out = Output::stdout();
    let style = output::style(&io::stdout());
    writeln!(out, "How it grew: every state in which it was told")?;
    for state in states.iter().take(STATES_SHOWN_MAX) {
        write_finding_short(&mut out, state, style)?;
    }
    if states.len() > STATES_SHOWN_MAX {
        writeln!(out, "… and {} more", states.len() - STATES_SHOWN_MAX)?;
    }
    writeln!(out)?;
    write_finding_text(&mut out, finding, style)?;
    try_next(&mut out, &files, finding, learn_until)?;
    out.finish()?;
    Ok(Outcome::Done)
}

/// Where things lie.
struct Files {
    folder: PathBuf,
    archive: PathBuf,
    baseline: PathBuf,
    findings: PathBuf,
}

impl Files {
    fn below(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            archive: folder.join("AWSLogs"),
            baseline: folder.join("baseline.db"),
            findings: folder.join("findings.jsonl"),
        }
    }

    /// Removes an earlier demo; refuses a folder that holds anything else.
    fn clear(&self) -> anyhow::Result<()> {
        if !(self.folder.join("stats.json").is_file() && self.baseline.is_file()) {
            return simulate::refuse_full(&self.folder, "--out DIR");
        }
        let doing = || format!("replace the demo in {:?}", self.folder);
        // What a demo writes and nothing else.
        let mut old = vec![self.findings.clone()];
        for end in ["", "-wal", "-shm", "-lock"] {
            old.push(self.folder.join(format!("baseline.db{end}")));
        }
        for path in old {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).with_context(doing);
                }
                _ => {}
            }
        }
        if self.archive.is_dir() {
            fs::remove_dir_all(&self.archive).with_context(doing)?;
        }
        Ok(())
    }
}

/// The attacks lie in the last quarter.
fn learn_until(settings: &Settings) -> anyhow::Result<Timestamp> {
    let days = i64::from(settings.days) * 3 / 4;
    let secs = settings.start_epoch_secs + days * SECONDS_PER_DAY;
    Timestamp::from_epoch_secs(secs).context("learn until three quarters of the demo")
}

/// The states of the finding of the story, earliest first.
fn story(findings: &Path) -> anyhow::Result<Vec<FindingV1>> {
    let (call, user) = STORY;
    let mut states = explain::states_of(findings, "")?;
    let id = states
        .iter()
        .filter(|state| state.raised && state.principal.name.as_deref() == Some(user))
        .find(|state| state.novelties.iter().any(|novelty| novelty.value == call))
        .map(|state| state.id.clone())
        .with_context(|| {
            format!(
                "find {call} by {user} in {findings:?}: it is not there, which is a bug; please report it"
            )
        })?;
    states.retain(|state| state.id == id);
    Ok(states)
}

fn try_next(
    out: &mut Output,
    files: &Files,
    finding: &FindingV1,
    learn_until: Timestamp,
) -> io::Result<()> {
    let [folder, archive, baseline, findings] = [
        &files.folder,
        &files.archive,
        &files.baseline,
        &files.findings,
    ]
    .map(|path| quoted(path));
    let day = learn_until.day();
    let id = &finding.id;
    let review = quoted(&files.folder.join("review"));
    writeln!(
        out,
        "
Everything lies in {folder}: the archive AWSLogs/, which attacks are in it (attacks.jsonl, labels.jsonl), baseline.db, findings.jsonl.

Try next
  offtrail explain {id} --findings {findings} --baseline {baseline}
  offtrail explain {user} --baseline {baseline}
  offtrail report --findings {findings} --baseline {baseline} --out {page}
  offtrail backtest {archive} --learn-until {day} --budget 1 --findings {all}
  offtrail baseline export {review} --baseline {baseline}
  sqlite3 {baseline} .schema",
        user = STORY.1,
        page = quoted(&files.folder.join("report.html")),
        all = quoted(&files.folder.join("backtest.jsonl")),
    )
}

/// A path as a POSIX shell reads it.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@,:".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_can_be_pasted_into_a_shell() {
        assert_eq!(quoted(Path::new("a/b.db")), "a/b.db");
        assert_eq!(quoted(Path::new("it's here")), r"'it'\''s here'");
    }
}
