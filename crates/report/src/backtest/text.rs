//! The forecast of a backtest as text: findings a day by severity, principal kind, account and day, the threshold and its curve, label scores, and
//! the comparison of two settings. Pure ASCII where the character set has no blocks.

use std::io;

use offtrail_detector::Severity;

use super::{
    Counts, Fate, Forecast, ForecastFinding, LabelScores, Pair, Row, findings, worst_first,
};
use crate::{
    Style,
    inert::inert_within,
    page::{Page, Tone, counted, grouped},
    rhythm::Charset,
};

/// Most findings listed for each fate of a comparison; the page lists more.
pub const COMPARED_SHOWN_MAX: usize = 20;

/// Most accounts with a row of their own.
const ACCOUNTS_SHOWN_MAX: usize = 10;

/// Length of the longest bar, in characters.
const BAR: u64 = 60;

/// Bits shown below and above the threshold in the curve.
const CURVE_AROUND_BITS: f64 = 5.0;

/// How text is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Whether it carries colour.
    pub style: Style,
    /// What bars are made of.
    pub charset: Charset,
}

/// Writes the forecast: threshold, findings a day by principal kind, account and day, and the thresholds for the budget.
///
/// # Errors
/// Those of the writer.
pub fn write_forecast(
    out: &mut dyn io::Write,
    forecast: &Forecast<'_>,
    shown: Shown,
) -> io::Result<()> {
    let page = &mut Page::new(out, shown.style);
    page.line(&[(Tone::Heading, &forecast.headline())])?;
    page.paragraph((Tone::Faint, "threshold "), &forecast.threshold.words())?;
    if forecast.by_floor() > 0 {
        let below = counted(forecast.by_floor(), "finding");
        let why = format!("{below} below it raised by a floor, which no budget silences");
        page.paragraph((Tone::Faint, "          "), &why)?;
    }
    table(page, forecast, ("principal kind", forecast.by_kind()))?;
    accounts(page, forecast)?;
    bars(page, forecast, shown.charset)?;
    curve(page, forecast, shown.charset)?;
    budget(page, forecast)
}

/// Writes how the findings meet the labels.
///
/// # Errors
/// Those of the writer.
pub fn write_scores(out: &mut dyn io::Write, scores: &LabelScores, shown: Shown) -> io::Result<()> {
    let page = &mut Page::new(out, shown.style);
    page.heading("Against the labels")?;
    page.text(&format!("  {}", scores.sentence()))?;
    for (name, figure) in scores.figures() {
        page.text(&format!("  {name:<36}{figure}"))?;
    }
    Ok(())
}

/// Writes what comes, goes and changes between two runs: `A`, the first, and `B`.
///
/// # Errors
/// Those of the writer.
pub fn write_comparison(
    out: &mut dyn io::Write,
    (first, second): (&Forecast<'_>, &Forecast<'_>),
    pairs: &[Pair<'_>],
    scores: Option<(&LabelScores, &LabelScores)>,
    shown: Shown,
) -> io::Result<()> {
    let page = &mut Page::new(out, shown.style);
    page.heading("Two settings compared")?;
    for (name, of) in [("A", first), ("B", second)] {
        let raised = of.total().total();
        let text = format!(
            "{} raised, {:.2} a day; threshold {}",
            counted(raised, "finding"),
            of.per_day(raised),
            of.threshold.words()
        );
        page.paragraph((Tone::Faint, &format!("  {name}  ")), &text)?;
    }
    for fate in Fate::ALL {
        let of: Vec<_> = pairs.iter().filter(|pair| pair.fate == *fate).collect();
        page.heading(&format!("{}: {}", fate.words(), grouped(of.len() as u64)))?;
        // What stays is counted only: the list above has it.
        let most = if *fate == Fate::Stays {
            0
        } else {
            COMPARED_SHOWN_MAX
        };
        for pair in of.iter().take(most) {
            compared(page, pair)?;
        }
        match of.len().saturating_sub(most) {
            0 => {}
            _ if *fate == Fate::Stays => {}
            more => page.text(&format!(
                "  … and {} more, see --html",
                grouped(more as u64)
            ))?,
        }
    }
    let Some((first, second)) = scores else {
        return Ok(());
    };
    page.heading("Both against the labels")?;
    page.line(&[(Tone::Faint, &format!("  {:<36}{:>12}{:>14}", "", "A", "B"))])?;
    for ((name, a), (_, b)) in first.figures().into_iter().zip(second.figures()) {
        page.text(&format!("  {name:<36}{a:>12}{b:>14}"))?;
    }
    Ok(())
}

/// `  high      17.3 -> below 9.1  2026-08-31  ci-deploy  First …`, two lines.
fn compared(page: &mut Page<'_>, pair: &Pair<'_>) -> io::Result<()> {
    let Some(told) = pair.told() else {
        return Ok(());
    };
    let tone = Tone::of_severity(told.severity.as_str());
    page.line(&[
        (Tone::Text, "  "),
        (tone, &format!("{:<9}", told.severity.as_str())),
        (
            Tone::Text,
            &format!(
                "{}  {}  {}",
                told.opened.day(),
                inert_within(&told.id, 32),
                told.title
            ),
        ),
    ])?;
    let line = format!(
        "           A: {};  B: {}",
        side_words(pair.first),
        side_words(pair.second)
    );
    page.line(&[(Tone::Faint, &line)])
}

/// One side of a pair: `high, 17.30 bits`.
pub(crate) fn side_words(one: Option<&ForecastFinding>) -> String {
    match one {
        None => "no finding".to_owned(),
        Some(one) if one.raised => format!("{}, {:.2} bits", one.severity, one.score),
        Some(one) => format!("below the threshold, {:.2} bits", one.score),
    }
}

fn table(
    page: &mut Page<'_>,
    forecast: &Forecast<'_>,
    (what, rows): (&str, Vec<Row>),
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    page.heading(&format!("Raised, by {what} and severity"))?;
    let cells = |name: &str, severities: [String; 4], rate: &str| {
        let severities = severities.map(|cell| format!("{cell:>10}")).concat();
        format!("  {:<26}{severities}{rate:>11}", inert_within(name, 26))
    };
    let head = ["critical", "high", "medium", "low"].map(str::to_owned);
    page.line(&[(Tone::Faint, &cells("", head, "a day"))])?;
    for row in rows.into_iter().chain([forecast.total()]) {
        let rate = format!("{:.2}", forecast.per_day(row.total()));
        page.text(&cells(&row.name, worst_first(&row.counts), &rate))?;
    }
    Ok(())
}

fn accounts(page: &mut Page<'_>, forecast: &Forecast<'_>) -> io::Result<()> {
    let mut rows = forecast.by_account();
    if rows.len() < 2 {
        return Ok(());
    }
    let rest = rows.split_off(rows.len().min(ACCOUNTS_SHOWN_MAX));
    if !rest.is_empty() {
        let mut counts: Counts = [0; 4];
        for row in &rest {
            for (sum, count) in counts.iter_mut().zip(row.counts) {
                *sum += count;
            }
        }
        let name = format!("{} more", grouped(rest.len() as u64));
        rows.push(Row { name, counts });
    }
    table(page, forecast, ("account", rows))
}

fn bars(page: &mut Page<'_>, forecast: &Forecast<'_>, charset: Charset) -> io::Result<()> {
    let chart = forecast.bars();
    let total = |counts: &Counts| counts.iter().sum::<u64>();
    let most = chart.bars.iter().map(|(_, counts)| total(counts)).max();
    if forecast.raised().next().is_none() {
        return Ok(());
    }
    let [low, medium, high, critical] = charset.severities();
    page.heading(&match chart.days_a_bar {
        1 => "Raised by day".to_owned(),
        days => format!("Raised by {days} days"),
    })?;
    let legend = format!("  {critical} critical  {high} high  {medium} medium  {low} low");
    page.line(&[(Tone::Faint, &legend)])?;
    for (day, counts) in &chart.bars {
        let mut pieces = vec![
            (Tone::Faint, format!("  {day}  ")),
            (Tone::Text, format!("{:>7}  ", grouped(total(counts)))),
        ];
        pieces.extend(stacked(counts, most.unwrap_or(1), charset));
        let pieces: Vec<(Tone, &str)> =
            pieces.iter().map(|(tone, text)| (*tone, &**text)).collect();
        page.line(&pieces)?;
    }
    match chart.outside {
        0 => Ok(()),
        outside => page.text(&format!(
            "  {} opened outside of these days",
            counted(outside, "finding")
        )),
    }
}

/// The pieces of one bar, worst severity first. Ends are scaled and not lengths, so that rounding never adds up.
fn stacked(counts: &Counts, most: u64, charset: Charset) -> Vec<(Tone, String)> {
    let scaled = |count: u64| {
        if most <= BAR {
            count
        } else {
            (count * BAR).div_ceil(most)
        }
    };
    let mut below = 0;
    let worst_first = Severity::ALL.iter().zip(charset.severities()).rev();
    worst_first
        .map(|(severity, mark)| {
            let until = below + counts[*severity as usize];
            let length = scaled(until) - scaled(below);
            below = until;
            let piece = mark.repeat(usize::try_from(length).unwrap_or(0));
            (Tone::of_severity(severity.as_str()), piece)
        })
        .collect()
}

fn curve(page: &mut Page<'_>, forecast: &Forecast<'_>, charset: Charset) -> io::Result<()> {
    let chosen = forecast.threshold.bits;
    let near: Vec<_> = forecast
        .curve()
        .into_iter()
        .filter(|point| (point.threshold - chosen).abs() <= CURVE_AROUND_BITS)
        .collect();
    let most = near
        .iter()
        .map(|one| one.findings_a_day)
        .fold(0.0, f64::max);
    if most <= 0.0 {
        return Ok(());
    }
    page.heading("Threshold against findings a day")?;
    let mut row = |bits: f64, rate: f64, mark: &str| {
        let length = (rate / most * BAR as f64).round().clamp(0.0, BAR as f64) as usize;
        page.line(&[
            (Tone::Faint, &format!("  from {bits:>5.2} bits  ")),
            (Tone::Text, &format!("{rate:>7.2}  ")),
            (Tone::Medium, &charset.bar().repeat(length)),
            (Tone::Heading, mark),
        ])
    };
    let mut marked = false;
    for point in near {
        if !marked && point.threshold >= chosen {
            marked = true;
            row(chosen, forecast.rate_at(chosen), "  < chosen")?;
            if (point.threshold - chosen).abs() < 0.005 {
                continue;
            }
        }
        row(point.threshold, point.findings_a_day, "")?;
    }
    Ok(())
}

fn budget(page: &mut Page<'_>, forecast: &Forecast<'_>) -> io::Result<()> {
    page.heading(&format!(
        "To keep within {} a day in the whole organisation",
        findings(forecast.budget)
    ))?;
    for (how, threshold, left) in forecast.thresholds() {
        page.text(&format!(
            "  {how:<13} threshold {threshold:>6.2} bits  leaves {} ({:.2} a day)",
            counted(left, "finding"),
            forecast.per_day(left),
        ))?;
    }
    page.paragraph_in(Tone::Faint, (Tone::Text, "  "), forecast.known_words())
}
