//! Where told states go: JSON Lines as they come, or text of the last states at the end; and what is known of each finding.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal},
};

use offtrail_detector::{Finding, Severity};
use offtrail_report::{
    FindingTally, FindingV1, Style, sort_findings, write_finding, write_finding_text,
};

use crate::{
    args::{Format, JudgeArgs},
    output::{self, Output},
};

/// Takes every state told.
pub(crate) struct Findings {
    output: Output,
    format: Format,
    style: Style,
    all: bool,
    min_severity: Option<Severity>,
    known: BTreeMap<String, Known>,
    /// Last states, only kept for text.
    last: BTreeMap<String, FindingV1>,
    states: u64,
    below: u64,
}

/// What is known of one finding.
struct Known {
    severity: Severity,
    raised: bool,
    written: bool,
    /// The suppression that hides its last state; `None` too if --min-severity leaves it out.
    suppressed_by: Option<String>,
}

impl Findings {
    /// Opens the output. `all` also writes what was not raised.
    ///
    /// # Errors
    /// The file can't be created.
    pub(crate) fn open(args: &JudgeArgs) -> anyhow::Result<Self> {
        let output = Output::open(args.findings.as_deref())?;
        let read_by_terminal = output.is_stdout() && io::stdout().is_terminal();
        Ok(Self {
            format: args.format.unwrap_or(if read_by_terminal {
                Format::Text
            } else {
                Format::Jsonl
            }),
            style: if output.is_stdout() {
                output::style(&io::stdout())
            } else {
                Style::Plain
            },
            output,
            all: args.rules.all,
            min_severity: args.rules.min_severity,
            known: BTreeMap::new(),
            last: BTreeMap::new(),
            states: 0,
            below: 0,
        })
    }

    /// Takes one state.
    ///
    /// # Errors
    /// It can't be written.
    pub(crate) fn take(&mut self, finding: &Finding) -> anyhow::Result<()> {
        let severe = self
            .min_severity
            .is_none_or(|least| finding.severity >= least);
        let told = finding.raised || self.all;
        let known = self
            .known
            .entry(finding.id.clone())
            .or_insert_with(|| Known {
                severity: finding.severity,
                raised: false,
                written: false,
                suppressed_by: None,
            });
        known.severity = finding.severity;
        known.raised |= finding.raised;
        known.written |= told && severe;
        let by = finding.suppressed_by.as_ref();
        known.suppressed_by = by.filter(|_| severe).map(|one| one.id.clone());
        if !told {
            return Ok(());
        }
        if !severe {
            self.below += 1;
            return Ok(());
        }
        self.states += 1;
        let line = FindingV1::from(finding);
        match self.format {
            Format::Jsonl => write_finding(&mut self.output, &line)?,
            Format::Text => {
                self.last.insert(line.id.clone(), line);
            }
        }
        Ok(())
    }

    /// Whether a raised finding reached a severity.
    pub(crate) fn reached(&self, least: Severity) -> bool {
        self.known
            .values()
            .any(|known| known.raised && known.severity >= least)
    }

    /// Counts for the reconciliation. What lies below `--min-severity` is not among them.
    pub(crate) fn tally(&self) -> FindingTally {
        let mut tally = FindingTally::default();
        for known in self.known.values() {
            if let Some(id) = &known.suppressed_by {
                tally.total += 1;
                tally.suppressed += 1;
                *tally.suppressed_by.entry(id.clone()).or_default() += 1;
                continue;
            }
            if !known.written {
                continue;
            }
            tally.total += 1;
            tally.written += 1;
            if known.raised {
                *tally.raised.entry(known.severity).or_default() += 1;
            }
        }
        tally
    }

    /// What `--min-severity` left out, and how many states stand for how many findings; for people.
    pub(crate) fn words(&self) -> Option<String> {
        let least = self.min_severity?;
        Some(format!(
            "states of findings: {} written, {} below --min-severity={least}",
            self.states, self.below
        ))
    }

    /// Whether people read standard output now: findings go elsewhere, or come as text.
    pub(crate) fn leaves_stdout_to_people(&self) -> bool {
        !self.output.is_stdout() || self.format == Format::Text
    }

    /// Writes what is left to write and closes the output.
    ///
    /// # Errors
    /// It can't be written.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        let mut last: Vec<FindingV1> = std::mem::take(&mut self.last).into_values().collect();
        sort_findings(&mut last);
        for (index, finding) in last.iter().enumerate() {
            if index > 0 {
                io::Write::write_all(&mut self.output, b"\n\n")?;
            }
            write_finding_text(&mut self.output, finding, self.style)?;
        }
        self.output.finish()
    }
}
