//! The reconciliation of a run: where everything read went, as JSON for `--summary FILE` and as lines for people.
//!
//! Nothing is lost silently: what was read equals what came of it, and [`Tally::check`] says in words where it does not. The
//! tally is plain numbers that the caller adds up; it knows nothing of how.

use std::{collections::BTreeMap, io};

use offtrail_detector::Severity;
use serde::Serialize;

use crate::{
    Style,
    inert::inert,
    line::write_json_line,
    page::{Page, Tone, counted, grouped, joined},
};

/// Version written into every summary.
pub const SUMMARY_VERSION: u32 = 1;

/// What a run did with its observations, and so which sums must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// They were only shown (`events`).
    Show,
    /// They were learnt without judging (`backfill`).
    Learn,
    /// They were judged, and learnt as far as the policy allowed (`detect`, `backtest`, `stream`).
    Judge,
}

impl Purpose {
    /// The word used for it in the summary.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Show => "show",
            Self::Learn => "learn",
            Self::Judge => "judge",
        }
    }
}

/// Counts of a run. Each is a number of things unless its unit is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Files (objects, messages, streams) read.
    pub files_read: u64,
    /// Files left out by `--since` and `--until`, by their names.
    pub files_pruned: u64,
    /// Files that could not be read to their end.
    pub files_unreadable: u64,
    /// Bytes as they lay in the source.
    pub bytes_in: u64,
    /// Bytes after inflating.
    pub bytes_inflated: u64,
    /// Records found.
    pub records: u64,
    /// Records that became observations.
    pub observations: u64,
    /// Records that did not, by reason.
    pub rejects: BTreeMap<String, u64>,
    /// Documents recognised as something other than records.
    pub apart: Apart,
    /// Observations of an event seen before.
    pub repeated: u64,
    /// Observations outside of the time asked for, or of a category not asked for.
    pub out_of_scope: u64,
    /// Observations judged.
    pub judged: u64,
    /// Observations learnt.
    pub learnt: u64,
    /// Observations neither learnt nor judged but handed on to whoever judges them (`partial --learn-until`).
    pub handed_on: u64,
    /// Observations that came later than the waiting room waits; they are among the judged or learnt.
    pub late: u64,
    /// Observations that an earlier run of a stream left waiting for their turn.
    pub waited: u64,
    /// Observations that still wait for their turn.
    pub waiting: u64,
    /// Findings.
    pub findings: FindingTally,
    /// The same for each file, where asked for.
    pub by_file: Vec<FileTally>,
}

/// Documents that hold no records of calls, recognised and counted apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Apart {
    /// Digest files.
    pub digests: u64,
    /// Insights files and events.
    pub insights: u64,
    /// Notifications of new objects.
    pub notifications: u64,
}

/// Counts of findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingTally {
    /// All that came to be.
    pub total: u64,
    /// Written, other than suppressed ones.
    pub written: u64,
    /// Hidden by a reviewed suppression; with `--all` they are written all the same.
    pub suppressed: u64,
    /// The same by the suppression's id.
    pub suppressed_by: BTreeMap<String, u64>,
    /// Of those written, which reached the threshold, by severity.
    pub raised: BTreeMap<Severity, u64>,
}

/// Counts of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileTally {
    /// Where it was read.
    pub provenance: String,
    /// Records found.
    pub records: u64,
    /// Records that became observations.
    pub observations: u64,
    /// Records that did not.
    pub rejects: u64,
    /// Documents recognised as something other than records.
    pub apart: Apart,
}

impl Tally {
    /// Every sum that does not hold, in words; empty if all do.
    #[must_use]
    pub fn check(&self, purpose: Purpose) -> Vec<String> {
        let mut violated = Vec::new();
        let mut hold = |what: &str, whole: u64, parts: &[u64]| {
            let sum = parts
                .iter()
                .fold(0u64, |sum, part| sum.saturating_add(*part));
            if whole != sum {
                violated.push(format!(
                    "{what}: {whole} is not {} = {sum}",
                    joined(parts, " + ")
                ));
            }
        };
        hold(
            "records = observations + rejects",
            self.records,
            &[self.observations, self.rejected()],
        );
        let aside = [self.repeated, self.out_of_scope];
        match purpose {
            Purpose::Show => {}
            Purpose::Learn if self.handed_on > 0 => hold(
                "observations = learnt + handed on + repeated + out of scope",
                self.observations,
                &[self.learnt, self.handed_on, aside[0], aside[1]],
            ),
            Purpose::Learn => hold(
                "observations = learnt + repeated + out of scope",
                self.observations,
                &[self.learnt, aside[0], aside[1]],
            ),
            Purpose::Judge if (self.waited, self.waiting) == (0, 0) => hold(
                "observations = judged + repeated + out of scope",
                self.observations,
                &[self.judged, aside[0], aside[1]],
            ),
            Purpose::Judge => hold(
                "observations + waited = judged + repeated + out of scope + waiting",
                self.observations.saturating_add(self.waited),
                &[self.judged, aside[0], aside[1], self.waiting],
            ),
        }
        let findings = &self.findings;
        hold(
            "findings = written + suppressed",
            findings.total,
            &[findings.written, findings.suppressed],
        );
        let by = findings.suppressed_by.values().copied();
        hold(
            "suppressed = those of all suppressions",
            findings.suppressed,
            &by.collect::<Vec<u64>>(),
        );
        for file in &self.by_file {
            let what = format!(
                "records = observations + rejects, in {}",
                inert(&file.provenance)
            );
            hold(&what, file.records, &[file.observations, file.rejects]);
        }
        if !self.by_file.is_empty() {
            let sum = |of: fn(&FileTally) -> u64| {
                self.by_file.iter().map(of).fold(0, u64::saturating_add)
            };
            hold(
                "records = those of all files",
                self.records,
                &[sum(|file| file.records)],
            );
            hold(
                "observations = those of all files",
                self.observations,
                &[sum(|file| file.observations)],
            );
            hold(
                "rejects = those of all files",
                self.rejected(),
                &[sum(|file| file.rejects)],
            );
        }
        violated
    }

    /// Records that became no observation, for whatever reason.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejects
            .values()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }
}

#[derive(Serialize)]
struct SummaryV1<'a> {
    version: u32,
    command: &'a str,
    purpose: &'static str,
    files_read: u64,
    files_pruned: u64,
    files_unreadable: u64,
    bytes_in: u64,
    bytes_inflated: u64,
    records: u64,
    observations: u64,
    rejects: u64,
    rejects_by_reason: &'a BTreeMap<String, u64>,
    apart: Apart,
    repeated: u64,
    out_of_scope: u64,
    judged: u64,
    learnt: u64,
    late: u64,
    #[serde(skip_serializing_if = "is_zero")]
    waited: u64,
    #[serde(skip_serializing_if = "is_zero")]
    waiting: u64,
    findings: FindingsV1<'a>,
    reconciled: bool,
    violated: Vec<String>,
    #[serde(skip_serializing_if = "<[FileTally]>::is_empty")]
    files: &'a [FileTally],
    #[serde(skip_serializing_if = "is_zero")]
    handed_on: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[derive(Serialize)]
struct FindingsV1<'a> {
    total: u64,
    written: u64,
    suppressed: u64,
    raised: RaisedV1,
    suppressed_by: &'a BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct RaisedV1 {
    low: u64,
    medium: u64,
    high: u64,
    critical: u64,
}

/// Writes the summary as one line of JSON. `command` is the one that ran: `detect`.
///
/// # Errors
/// Those of the writer.
pub fn write_summary(
    out: &mut dyn io::Write,
    command: &str,
    purpose: Purpose,
    tally: &Tally,
) -> io::Result<()> {
    let violated = tally.check(purpose);
    let findings = &tally.findings;
    let raised = |severity| findings.raised.get(&severity).copied().unwrap_or(0);
    let summary = SummaryV1 {
        version: SUMMARY_VERSION,
        command,
        purpose: purpose.as_str(),
        files_read: tally.files_read,
        files_pruned: tally.files_pruned,
        files_unreadable: tally.files_unreadable,
        bytes_in: tally.bytes_in,
        bytes_inflated: tally.bytes_inflated,
        records: tally.records,
        observations: tally.observations,
        rejects: tally.rejected(),
        rejects_by_reason: &tally.rejects,
        apart: tally.apart,
        repeated: tally.repeated,
        out_of_scope: tally.out_of_scope,
        judged: tally.judged,
        learnt: tally.learnt,
        late: tally.late,
        waited: tally.waited,
        waiting: tally.waiting,
        findings: FindingsV1 {
            total: findings.total,
            written: findings.written,
            suppressed: findings.suppressed,
            raised: RaisedV1 {
                low: raised(Severity::Low),
                medium: raised(Severity::Medium),
                high: raised(Severity::High),
                critical: raised(Severity::Critical),
            },
            suppressed_by: &findings.suppressed_by,
        },
        reconciled: violated.is_empty(),
        violated,
        files: &tally.by_file,
        handed_on: tally.handed_on,
    };
    write_json_line(out, &summary)
}

/// Writes the summary as a few lines for people; sums that do not hold come last and in red.
///
/// # Errors
/// Those of the writer.
pub fn write_summary_text(
    out: &mut dyn io::Write,
    purpose: Purpose,
    tally: &Tally,
    style: Style,
) -> io::Result<()> {
    let page = &mut Page::new(out, style);
    field(page, "files", &files_words(tally))?;
    let records = format!(
        "{} = {} + {}",
        grouped(tally.records),
        counted(tally.observations, "observation"),
        counted(tally.rejected(), "reject"),
    );
    field(page, "records", &records)?;
    if !tally.rejects.is_empty() {
        let reasons = tally
            .rejects
            .iter()
            .map(|(reason, count)| format!("{} {}", inert(reason), grouped(*count)));
        field(page, "rejects", &joined(reasons, ", "))?;
    }
    if tally.apart != Apart::default() {
        field(page, "apart", &apart_words(&tally.apart))?;
    }
    match purpose {
        Purpose::Show => {}
        Purpose::Learn => field(
            page,
            "observations",
            &observations_words(tally, "learnt", tally.learnt),
        )?,
        Purpose::Judge => {
            let judged = observations_words(tally, "judged", tally.judged);
            field(
                page,
                "observations",
                &format!("{judged}; {} learnt", grouped(tally.learnt)),
            )?;
            field(page, "findings", &findings_words(&tally.findings))?;
        }
    }
    for violated in tally.check(purpose) {
        page.paragraph_in(Tone::High, (Tone::High, "DOES NOT ADD UP  "), &violated)?;
    }
    Ok(())
}

fn field(page: &mut Page<'_>, label: &str, text: &str) -> io::Result<()> {
    page.paragraph((Tone::Faint, &format!("{label:<14}")), text)
}

fn files_words(tally: &Tally) -> String {
    let mut text = format!(
        "{} read, {} ({} inflated)",
        grouped(tally.files_read),
        bytes_words(tally.bytes_in),
        bytes_words(tally.bytes_inflated),
    );
    if tally.files_pruned > 0 {
        text += &format!("; {} left out by name", grouped(tally.files_pruned));
    }
    if tally.files_unreadable > 0 {
        text += &format!("; {} unreadable", grouped(tally.files_unreadable));
    }
    text
}

fn observations_words(tally: &Tally, what: &str, count: u64) -> String {
    let mut text = grouped(tally.observations);
    if tally.waited > 0 {
        text += &format!(" + {} that waited", grouped(tally.waited));
    }
    text += &format!(
        " = {} {what} + {} repeated + {} out of scope",
        grouped(count),
        grouped(tally.repeated),
        grouped(tally.out_of_scope),
    );
    if tally.waiting > 0 {
        text += &format!(" + {} waiting", grouped(tally.waiting));
    }
    if tally.handed_on > 0 {
        text += &format!(" + {} handed on", grouped(tally.handed_on));
    }
    if tally.late > 0 {
        text += &format!("; {} late", grouped(tally.late));
    }
    text
}

fn findings_words(findings: &FindingTally) -> String {
    let raised = findings
        .raised
        .iter()
        .rev()
        .filter(|(_, count)| **count > 0);
    let raised: Vec<String> = raised
        .map(|(severity, count)| format!("{} {severity}", grouped(*count)))
        .collect();
    let raised = if raised.is_empty() {
        "none".to_owned()
    } else {
        raised.join(", ")
    };
    format!(
        "{} = {} written + {} suppressed; raised: {raised}",
        grouped(findings.total),
        grouped(findings.written),
        grouped(findings.suppressed),
    )
}

fn apart_words(apart: &Apart) -> String {
    let parts = [
        (apart.digests, "digest"),
        (apart.insights, "insight"),
        (apart.notifications, "notification"),
    ];
    joined(
        parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, one)| counted(*count, one)),
        ", ",
    )
}

/// A size in decimal units: `1.2 MB`.
pub(crate) fn bytes_words(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (1_000_000_000_000, "TB"),
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
        (1_000, "kB"),
    ];
    match UNITS.iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{:.1} {unit}", bytes as f64 / *size as f64),
        None => format!("{bytes} B"),
    }
}
