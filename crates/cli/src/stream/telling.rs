//! By which rules a stream judges, and which states of findings it tells.

use std::collections::{BTreeMap, BTreeSet};

use offtrail_baseline::Suppressions;
use offtrail_detector::{Finding, LearningPolicy, Settings, Severity, Telling};
use offtrail_report::{FindingV1, write_finding};
use xxhash_rust::xxh3::xxh3_64;

/// How a stream judges.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) settings: Settings,
    pub(crate) suppressions: Suppressions,
    /// Set by hand, bits.
    pub(crate) threshold: Option<f64>,
    pub(crate) policy: LearningPolicy,
    pub(crate) telling: Telling,
    pub(crate) min_severity: Option<Severity>,
}

/// Counts of findings told by this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct ToldTally {
    /// States told.
    pub(crate) states: u64,
    /// Findings raised for the first time, by severity then.
    pub(crate) raised: BTreeMap<Severity, u64>,
    raised_ids: BTreeSet<u64>,
    /// States that a suppression hides.
    pub(crate) suppressed: u64,
}

/// Tells a state if the rules let it: its key and its line.
pub(crate) fn tell(
    finding: &Finding,
    rules: &Rules,
    tally: &mut ToldTally,
    lines: &mut Vec<(String, String)>,
) {
    tally.suppressed += u64::from(finding.suppressed_by.is_some());
    let severe = rules
        .min_severity
        .is_none_or(|least| finding.severity >= least);
    if !severe || !(finding.raised || rules.telling == Telling::All) {
        return;
    }
    let mut line = Vec::new();
    if let Err(error) = write_finding(&mut line, &FindingV1::from(finding)) {
        // Writing into memory fails for no finding; a bug must not stop the stream.
        tracing::error!(id = finding.id, "a finding could not be written: {error}");
        return;
    }
    let line = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
    tally.states += 1;
    if finding.raised && tally.raised_ids.insert(xxh3_64(finding.id.as_bytes())) {
        *tally.raised.entry(finding.severity).or_default() += 1;
    }
    lines.push((key_of(&finding.id, &line), line));
}

/// What tells a state from every other.
fn key_of(id: &str, line: &str) -> String {
    format!("{id}-{:016x}", xxh3_64(line.as_bytes()))
}
