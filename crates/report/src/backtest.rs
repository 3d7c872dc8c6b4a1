//! The forecast of a backtest: how many findings a day, of which severity and about whom, and the threshold that keeps within a budget.

use std::{collections::BTreeMap, io};

use offtrail_detector::Severity;
use offtrail_event::{Day, PrincipalKind, Timestamp};

use crate::{
    Style,
    page::{Page, Tone, counted, grouped, joined},
    rhythm::Charset,
    words::principal_kind_words,
};

/// Most bars of the chart; a longer span takes several days a bar.
pub const BARS_MAX: u32 = 62;

/// One finding of a backtest in its last state.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastFinding {
    /// Event time of its first evidence.
    pub opened: Timestamp,
    /// How soon somebody should look.
    pub severity: Severity,
    /// Whose it is.
    pub kind: PrincipalKind,
    /// The account of that principal; empty if unknown.
    pub account: String,
    /// Highest score it reached, in bits.
    pub score: f64,
    /// Whether that reached the threshold of the run.
    pub raised: bool,
}

/// A judged span of time and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Forecast<'a> {
    /// First day judged.
    pub since: Day,
    /// Last day judged.
    pub until: Day,
    /// Findings a day somebody can read.
    pub budget: u32,
    /// Every finding, also those below the threshold where known.
    pub findings: &'a [ForecastFinding],
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
        let room = u64::from(self.budget) * u64::from(self.days());
        let scores = self.findings.iter().map(|finding| finding.score).collect();
        above_rank(scores, usize::try_from(room).unwrap_or(usize::MAX))
    }

    /// The least threshold, in bits at two decimals, that leaves on no day more than `budget` findings.
    #[must_use]
    pub fn threshold_every_day(&self) -> f64 {
        let mut days: BTreeMap<Day, Vec<f64>> = BTreeMap::new();
        for finding in self.findings {
            days.entry(finding.opened.day())
                .or_default()
                .push(finding.score);
        }
        let room = usize::try_from(self.budget).unwrap_or(usize::MAX);
        days.into_values()
            .map(|scores| above_rank(scores, room))
            .fold(0.0, f64::max)
    }
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

/// Writes the forecast: findings a day by severity and principal kind, a bar a day, and the thresholds for the budget.
///
/// # Errors
/// Those of the writer.
pub fn write_forecast(
    out: &mut dyn io::Write,
    forecast: &Forecast<'_>,
    style: Style,
    charset: Charset,
) -> io::Result<()> {
    let page = &mut Page::new(out, style);
    let raised: Vec<&ForecastFinding> = forecast
        .findings
        .iter()
        .filter(|finding| finding.raised)
        .collect();
    let title = format!(
        "{} to {}: {} raised in {}, {:.2} a day",
        forecast.since,
        forecast.until,
        counted(raised.len() as u64, "finding"),
        counted(forecast.days(), "day"),
        per_day(raised.len(), forecast),
    );
    page.line(&[(Tone::Heading, &title)])?;
    table(page, forecast, &raised)?;
    accounts(page, &raised)?;
    bars(page, forecast, &raised, charset)?;
    budget(page, forecast)
}

fn per_day(count: usize, forecast: &Forecast<'_>) -> f64 {
    count as f64 / f64::from(forecast.days())
}

fn table(
    page: &mut Page<'_>,
    forecast: &Forecast<'_>,
    raised: &[&ForecastFinding],
) -> io::Result<()> {
    if raised.is_empty() {
        return Ok(());
    }
    page.heading("Raised, by principal kind and severity")?;
    let cells = |cells: [String; 6]| {
        let [kind, severities @ .., rate] = cells;
        format!(
            "  {kind:<26}{}{rate:>11}",
            severities.map(|cell| format!("{cell:>10}")).concat()
        )
    };
    let head = ["", "critical", "high", "medium", "low", "a day"].map(str::to_owned);
    page.line(&[(Tone::Faint, &cells(head))])?;
    let row = |name: &str, of: Vec<&&ForecastFinding>| {
        let count = |severity| {
            grouped(
                of.iter()
                    .filter(|finding| finding.severity == severity)
                    .count() as u64,
            )
        };
        let [critical, high] = [Severity::Critical, Severity::High].map(count);
        let [medium, low] = [Severity::Medium, Severity::Low].map(count);
        cells([
            name.to_owned(),
            critical,
            high,
            medium,
            low,
            format!("{:.2}", per_day(of.len(), forecast)),
        ])
    };
    for kind in PrincipalKind::ALL {
        let of: Vec<_> = raised
            .iter()
            .filter(|finding| finding.kind == *kind)
            .collect();
        if !of.is_empty() {
            page.text(&row(principal_kind_words(kind.as_str()), of))?;
        }
    }
    page.text(&row("all", raised.iter().collect()))
}

fn accounts(page: &mut Page<'_>, raised: &[&ForecastFinding]) -> io::Result<()> {
    const SHOWN_MAX: usize = 5;
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for finding in raised {
        *counts.entry(&finding.account).or_default() += 1;
    }
    if counts.len() < 2 {
        return Ok(());
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(account, count)| (std::cmp::Reverse(*count), *account));
    let shown = counts.iter().take(SHOWN_MAX).map(|(account, count)| {
        let account = if account.is_empty() {
            "unknown"
        } else {
            account
        };
        format!("{} {}", crate::inert(account), grouped(*count))
    });
    let more = match counts.len().saturating_sub(SHOWN_MAX) {
        0 => String::new(),
        more => format!(" and {} more", counted(more as u64, "account")),
    };
    page.text("")?;
    page.paragraph(
        (Tone::Faint, "  most in accounts  "),
        &format!("{}{more}", joined(shown, ", ")),
    )
}

fn bars(
    page: &mut Page<'_>,
    forecast: &Forecast<'_>,
    raised: &[&ForecastFinding],
    charset: Charset,
) -> io::Result<()> {
    /// Length of the longest bar, in characters.
    const BAR: u64 = 60;
    if raised.is_empty() {
        return Ok(());
    }
    let days_a_bar = forecast.days().div_ceil(BARS_MAX);
    let mut counts = vec![0u64; forecast.days().div_ceil(days_a_bar) as usize];
    let mut outside = 0u64;
    for finding in raised {
        let day = u32::try_from(finding.opened.day().days_since(forecast.since)).ok();
        match day.and_then(|day| counts.get_mut((day / days_a_bar) as usize)) {
            Some(count) => *count += 1,
            None => outside += 1,
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    page.heading(&match days_a_bar {
        1 => "Raised by day".to_owned(),
        days => format!("Raised by {days} days"),
    })?;
    for (index, count) in counts.iter().enumerate() {
        let day = u64::from(forecast.since.0) + index as u64 * u64::from(days_a_bar);
        let day = Day(u16::try_from(day).unwrap_or(u16::MAX));
        let length = if most <= BAR {
            *count
        } else {
            (count * BAR).div_ceil(most)
        };
        let bar = charset.bar().repeat(usize::try_from(length).unwrap_or(0));
        page.line(&[
            (Tone::Faint, &format!("  {day}  ")),
            (Tone::Text, &format!("{:>7}  ", grouped(*count))),
            (Tone::Medium, &bar),
        ])?;
    }
    match outside {
        0 => Ok(()),
        outside => page.text(&format!(
            "  {} opened outside of these days",
            counted(outside, "finding")
        )),
    }
}

fn budget(page: &mut Page<'_>, forecast: &Forecast<'_>) -> io::Result<()> {
    page.heading(&format!(
        "To keep within {} a day",
        counted(forecast.budget, "finding")
    ))?;
    for (how, threshold) in [
        ("on average", forecast.threshold_on_average()),
        ("on every day", forecast.threshold_every_day()),
    ] {
        let left = forecast
            .findings
            .iter()
            .filter(|finding| finding.score >= threshold)
            .count();
        page.text(&format!(
            "  {how:<13} threshold {threshold:>6.2} bits  leaves {} ({:.2} a day)",
            counted(left as u64, "finding"),
            per_day(left, forecast),
        ))?;
    }
    let known = if forecast.findings.iter().all(|finding| finding.raised) {
        "Only raised findings were given: a threshold below that of the run can't be told from them."
    } else {
        "Findings below the threshold of the run were given too, so lower thresholds are told truly."
    };
    page.paragraph_in(Tone::Faint, (Tone::Text, "  "), known)
}
