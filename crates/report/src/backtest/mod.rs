//! A backtest as values: its findings, the threshold and how it came about, rates by day, severity, kind and account.
//!
//! The text ([`write_forecast`]) and the page ([`crate::write_backtest_page`]) show the same numbers; they are computed here once.

mod compare;
mod scores;
mod text;

use std::{cmp::Reverse, collections::BTreeMap};

use offtrail_detector::{Finding, Severity, Telling};
use offtrail_event::{Day, Fingerprint, PrincipalKind, Timestamp};

use crate::{
    CalibrationV1,
    calibration::CurvePoint,
    page::{counted, grouped},
    words::principal_kind_words,
};

pub use compare::{Fate, Pair, compare};
pub use scores::{LabelScores, Recall};
pub(crate) use text::side_words;
pub use text::{COMPARED_SHOWN_MAX, Shown, write_comparison, write_forecast, write_scores};

/// Most bars of the chart by day; a longer span takes several days a bar.
pub const BARS_MAX: u32 = 62;

/// Whole bits that the curve of findings a day is told at.
pub(crate) const CURVE_BITS: std::ops::RangeInclusive<u32> = 5..=30;

/// Counts by severity, in the order of [`Severity::ALL`].
pub(crate) type Counts = [u64; 4];

/// One finding of a backtest in its last state.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastFinding {
    /// Stable over reruns with the same settings.
    pub id: String,
    /// One line.
    pub title: String,
    /// Event time of its first evidence.
    pub opened: Timestamp,
    /// How soon somebody should look.
    pub severity: Severity,
    /// Whose it is.
    pub kind: PrincipalKind,
    /// The name of that principal, or its id where it has none.
    pub principal: String,
    /// The account of that principal; empty if unknown.
    pub account: String,
    /// Key of the principal at the root of the lineage.
    pub root: String,
    /// Highest score it reached, in bits.
    pub score: f64,
    /// Whether that reached the threshold of the run.
    pub raised: bool,
    /// The events it rests on, sorted.
    pub evidence: Vec<Fingerprint>,
}

impl ForecastFinding {
    /// Of the first state told.
    #[must_use]
    pub fn of(finding: &Finding) -> Self {
        let principal = &finding.principal;
        let named = [&principal.name, &principal.id];
        let name = named.into_iter().find(|text| !text.is_empty());
        let mut evidence: Vec<Fingerprint> = finding
            .evidence
            .iter()
            .filter(|one| !one.event_id.is_empty())
            .map(|one| Fingerprint::of(one.event_id.as_bytes()))
            .collect();
        evidence.sort_unstable();
        evidence.dedup();
        Self {
            id: finding.id.clone(),
            title: finding.title.clone(),
            opened: finding.opened,
            severity: finding.severity,
            kind: principal.kind,
            principal: name.map_or_else(String::new, ToString::to_string),
            account: principal.account.to_string(),
            root: finding.root.as_ref().unwrap_or(principal).key(),
            score: finding.score,
            raised: finding.raised,
            evidence,
        }
    }

    /// Takes a later state of the same finding: it replaces the earlier one, but the highest score counts, and what was raised stays it.
    pub fn grow(&mut self, finding: &Finding) {
        let before = (self.score, self.raised, self.opened);
        *self = Self::of(finding);
        self.score = self.score.max(before.0);
        self.raised |= before.1;
        self.opened = before.2;
    }

    pub(crate) fn principal_words(&self) -> String {
        format!(
            "{} {}",
            principal_kind_words(self.kind.as_str()),
            self.principal
        )
    }
}

/// The threshold of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// Bits.
    pub bits: f64,
    /// How it came about.
    pub how: How,
}

/// How a threshold came about.
#[derive(Clone, Debug, PartialEq)]
pub enum How {
    /// Calibrated on the history before the judged days.
    Calibrated(CalibrationV1),
    /// Given by the user.
    ByHand,
    /// The settings' own, because there was too little history; so many days are needed.
    TooLittleHistory {
        /// Days.
        days_min: f64,
    },
}

impl Chosen {
    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        let how = match &self.how {
            How::Calibrated(made) => format!(
                "calibrated on {} to {} to {} a day in the whole organisation ({})",
                day_of(&made.from),
                day_of(&made.until),
                findings(made.budget_a_day),
                counted(made.principals, "principal"),
            ),
            How::ByHand => "set by hand".to_owned(),
            How::TooLittleHistory { days_min } => format!(
                "the settings' own, not calibrated: fewer than {days_min} days of history before the judged days"
            ),
        };
        format!("{:.2} bits, {how}", self.bits)
    }

    /// What the history let expect, if the threshold was calibrated.
    pub(crate) fn expected(&self) -> Option<&[CurvePoint]> {
        match &self.how {
            How::Calibrated(made) => Some(&made.curve),
            How::ByHand | How::TooLittleHistory { .. } => None,
        }
    }
}

/// The day of an RFC 3339 time.
fn day_of(time: &str) -> &str {
    time.split('T').next().unwrap_or_default()
}

/// A number of findings that need not be whole: `1 finding`, `0.5 findings`.
pub(crate) fn findings(number: f64) -> String {
    let plural = if (number - 1.0).abs() < 1e-9 { "" } else { "s" };
    format!("{} finding{plural}", (number * 100.0).round() / 100.0)
}

/// A judged span of time and what came of it.
#[derive(Clone, Debug)]
pub struct Forecast<'a> {
    /// First day judged.
    pub since: Day,
    /// Last day judged.
    pub until: Day,
    /// Findings a day in the whole organisation that somebody can read.
    pub budget: f64,
    /// From which score on findings were raised.
    pub threshold: Chosen,
    /// Whether those below the threshold are among the findings.
    pub telling: Telling,
    /// Every finding known.
    pub findings: &'a [ForecastFinding],
}

/// A group of findings, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) counts: Counts,
}

impl Row {
    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// Raised findings by day, or by several days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bars {
    pub(crate) days_a_bar: u32,
    /// The first day of each bar, with its counts.
    pub(crate) bars: Vec<(Day, Counts)>,
    /// Opened outside of the span.
    pub(crate) outside: u64,
}

impl Forecast<'_> {
    /// Days judged, at least one.
    #[must_use]
    pub fn days(&self) -> u32 {
        u32::try_from(self.until.days_since(self.since)).unwrap_or(0) + 1
    }

    /// The least threshold, in bits at two decimals, that leaves on average at most `budget` findings a day.
    #[must_use]
    pub fn threshold_on_average(&self) -> f64 {
        let room = self.budget * f64::from(self.days());
        let scores = self.findings.iter().map(|finding| finding.score).collect();
        // A budget beyond usize holds everything; the cast saturates.
        above_rank(scores, room.floor() as usize)
    }

    /// The least threshold, in bits at two decimals, that leaves on no day more than `budget` findings, rounded up.
    #[must_use]
    pub fn threshold_every_day(&self) -> f64 {
        let mut days: BTreeMap<Day, Vec<f64>> = BTreeMap::new();
        for finding in self.findings {
            days.entry(finding.opened.day())
                .or_default()
                .push(finding.score);
        }
        let room = self.budget.ceil() as usize;
        days.into_values()
            .map(|scores| above_rank(scores, room))
            .fold(0.0, f64::max)
    }

    pub(crate) fn raised(&self) -> impl Iterator<Item = &ForecastFinding> {
        self.findings.iter().filter(|finding| finding.raised)
    }

    /// Raised findings, highest score first.
    pub(crate) fn ranked(&self) -> Vec<&ForecastFinding> {
        let mut ranked: Vec<_> = self.raised().collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
        ranked
    }

    pub(crate) fn per_day(&self, count: u64) -> f64 {
        count as f64 / f64::from(self.days())
    }

    /// Findings a day that reach a score.
    pub(crate) fn rate_at(&self, bits: f64) -> f64 {
        let reached = self.findings.iter().filter(|one| one.score >= bits);
        self.per_day(reached.count() as u64)
    }

    /// Findings a day by threshold, where they are known.
    pub(crate) fn curve(&self) -> Vec<CurvePoint> {
        CURVE_BITS
            .map(f64::from)
            .filter(|bits| self.telling == Telling::All || *bits >= self.threshold.bits)
            .map(|threshold| CurvePoint {
                threshold,
                findings_a_day: self.rate_at(threshold),
            })
            .collect()
    }

    /// Raised below the threshold, by a floor.
    pub(crate) fn by_floor(&self) -> u64 {
        // Scores are told to two decimals, thresholds likewise.
        let below = self
            .raised()
            .filter(|one| one.score + 0.005 < self.threshold.bits);
        below.count() as u64
    }

    pub(crate) fn total(&self) -> Row {
        group(self.raised().map(|one| ("all".to_owned(), one.severity)))
            .pop()
            .unwrap_or(Row {
                name: "all".to_owned(),
                counts: [0; 4],
            })
    }

    /// In the order of the kinds.
    pub(crate) fn by_kind(&self) -> Vec<Row> {
        PrincipalKind::ALL
            .iter()
            .flat_map(|kind| {
                let name = principal_kind_words(kind.as_str());
                let of = self.raised().filter(move |one| one.kind == *kind);
                group(of.map(|one| (name.to_owned(), one.severity)))
            })
            .collect()
    }

    /// Most findings first.
    pub(crate) fn by_account(&self) -> Vec<Row> {
        let mut rows = group(self.raised().map(|one| {
            let account = if one.account.is_empty() {
                "unknown"
            } else {
                &one.account
            };
            (account.to_owned(), one.severity)
        }));
        rows.sort_by(|a, b| (Reverse(a.total()), &a.name).cmp(&(Reverse(b.total()), &b.name)));
        rows
    }

    pub(crate) fn bars(&self) -> Bars {
        let opened = self.raised().map(|one| (one.opened.day(), one.severity));
        bars_of((self.since, self.until), opened)
    }

    /// `2026-08-30 to 2026-09-28: 12 findings raised in 30 days, 0.40 a day`.
    pub(crate) fn headline(&self) -> String {
        let raised = self.total().total();
        format!(
            "{} to {}: {} raised in {}, {:.2} a day",
            self.since,
            self.until,
            counted(raised, "finding"),
            counted(self.days(), "day"),
            self.per_day(raised),
        )
    }

    /// What each of the two thresholds for the budget would leave: how, bits, findings.
    pub(crate) fn thresholds(&self) -> [(&'static str, f64, u64); 2] {
        [
            ("on average", self.threshold_on_average()),
            ("on every day", self.threshold_every_day()),
        ]
        .map(|(how, bits)| {
            let left = self.findings.iter().filter(|one| one.score >= bits).count();
            (how, bits, left as u64)
        })
    }

    /// Whether lower thresholds can be told, in words.
    pub(crate) fn known_words(&self) -> &'static str {
        match self.telling {
            Telling::Raised => {
                "Only raised findings were given: a threshold below that of the run can't be told from them."
            }
            Telling::All => {
                "Findings below the threshold of the run were given too, so lower thresholds are told truly."
            }
        }
    }
}

/// Findings by the day they opened, from one day to another, both included; at most [`BARS_MAX`] bars.
pub(crate) fn bars_of(
    (since, until): (Day, Day),
    opened: impl Iterator<Item = (Day, Severity)>,
) -> Bars {
    let days = u32::try_from(until.days_since(since)).unwrap_or(0) + 1;
    let days_a_bar = days.div_ceil(BARS_MAX);
    let first = |index: u32| {
        let day = u32::from(since.0) + index * days_a_bar;
        Day(u16::try_from(day).unwrap_or(u16::MAX))
    };
    let mut bars: Vec<(Day, Counts)> = (0..days.div_ceil(days_a_bar))
        .map(|index| (first(index), [0; 4]))
        .collect();
    let mut outside = 0;
    for (day, severity) in opened {
        let day = u32::try_from(day.days_since(since)).ok();
        match day.and_then(|day| bars.get_mut((day / days_a_bar) as usize)) {
            Some((_, counts)) => counts[severity as usize] += 1,
            None => outside += 1,
        }
    }
    Bars {
        days_a_bar,
        bars,
        outside,
    }
}

/// Counts by name, in the order of names.
pub(crate) fn group(named: impl Iterator<Item = (String, Severity)>) -> Vec<Row> {
    let mut rows: BTreeMap<String, Counts> = BTreeMap::new();
    for (name, severity) in named {
        rows.entry(name).or_default()[severity as usize] += 1;
    }
    let row = |(name, counts)| Row { name, counts };
    rows.into_iter().map(row).collect()
}

/// The least two-decimal number that at most `room` of the scores reach; 0 if all of them have room.
fn above_rank(mut scores: Vec<f64>, room: usize) -> f64 {
    scores.retain(|score| score.is_finite());
    scores.sort_by(|a, b| b.total_cmp(a));
    // The highest score that has no room any more; the threshold lies just above it.
    match scores.get(room) {
        Some(score) => ((score * 100.0).floor() + 1.0) / 100.0,
        None => 0.0,
    }
}

/// Counts from the worst severity down, as text.
pub(crate) fn worst_first(counts: &Counts) -> [String; 4] {
    let [low, medium, high, critical] = counts.map(grouped);
    [critical, high, medium, low]
}
