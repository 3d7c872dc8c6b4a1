//! The page of a backtest: what the judged days would have cost, and which findings that would have been.

use std::io;

use maud::{Markup, html};

use super::{
    charts,
    comparison::{self, Compared},
    shell::{Outside, page, section, severity, table},
};
use crate::{
    backtest::{CURVE_BITS, Forecast, ForecastFinding, LabelScores, Row, findings, worst_first},
    page::{counted, grouped},
};

/// Most findings in one list of a page.
pub const LISTED_MAX: usize = 2_000;

/// Findings below the threshold that are listed: those that a lower one would add first.
const BELOW_LISTED: usize = 25;

/// Heads of a table by severity, after its first column.
const BY_SEVERITY: [&str; 6] = ["critical", "high", "medium", "low", "all", "a day"];

/// Everything the page of a backtest tells.
#[derive(Clone, Debug)]
pub struct Backtest<'a> {
    /// The run.
    pub forecast: Forecast<'a>,
    /// How it meets the labels, if there are any.
    pub scores: Option<&'a LabelScores>,
    /// The second run, if there is one.
    pub compared: Option<Compared<'a>>,
}

/// Writes the page.
///
/// # Errors
/// Those of the writer.
pub fn write_backtest_page(out: &mut dyn io::Write, backtest: &Backtest<'_>) -> io::Result<()> {
    let forecast = &backtest.forecast;
    let title = format!(
        "Backtest {} to {}: {:.2} findings a day",
        forecast.since,
        forecast.until,
        forecast.per_day(forecast.total().total())
    );
    let parts = parts(backtest);
    let body = html! {
        p.lead { (forecast.headline()) "." }
        nav aria-label="On this page" {
            ul { @for (id, title, _) in &parts { li { a href={ "#" (id) } { (title) } } } }
        }
        @for (id, title, body) in &parts { (section(id, title, body)) }
    };
    out.write_all(page(&title, &body).into_string().as_bytes())
}

type Part = (&'static str, &'static str, Markup);

fn parts(backtest: &Backtest<'_>) -> Vec<Part> {
    let forecast = &backtest.forecast;
    let mut parts = vec![
        ("threshold", "Threshold", threshold(forecast)),
        ("days", "Findings a day", days(forecast)),
        (
            "who",
            "By severity, principal kind and account",
            groups(forecast),
        ),
        (
            "choose",
            "Threshold against findings a day",
            curve(forecast),
        ),
    ];
    if let Some(scores) = backtest.scores {
        parts.push(("labels", "Against the labels", labels(scores)));
    }
    if let Some(compared) = &backtest.compared {
        let first = (forecast, backtest.scores);
        parts.push((
            "compared",
            "Two settings compared",
            comparison::body(first, compared),
        ));
    }
    parts.push(("findings", "Findings", list(forecast)));
    parts
}

fn threshold(forecast: &Forecast<'_>) -> Markup {
    html! {
        dl {
            dt { "threshold" } dd { (forecast.threshold.words()) }
            dt { "budget" } dd { (findings(forecast.budget)) " a day in the whole organisation" }
            dt { "judged" } dd { (counted(forecast.days(), "day")) ", " (forecast.since.to_string()) " to " (forecast.until.to_string()) }
            @if forecast.by_floor() > 0 {
                dt { "by a floor" }
                dd { (counted(forecast.by_floor(), "finding")) " below the threshold raised all the same: no budget silences these" }
            }
        }
        p.note { "A finding is raised when its score, in bits, reaches the threshold. One bit more is twice as unlikely." }
    }
}

fn days(forecast: &Forecast<'_>) -> Markup {
    let chart = forecast.bars();
    let rows = html! {
        @for (day, counts) in &chart.bars {
            tr {
                th scope="row" { (day.to_string()) }
                @for count in worst_first(counts) { td.number { (count) } }
                td.number { (grouped(counts.iter().sum())) }
            }
        }
    };
    let heads: Vec<&str> = ["from"].into_iter().chain(BY_SEVERITY).take(6).collect();
    html! {
        figure {
            (charts::by_day(forecast))
            figcaption {
                "Stacked from the bottom: "
                @for word in ["critical", "high", "medium", "low"] { (severity(word)) " " }
                "One bar is " (counted(chart.days_a_bar, "day")) "."
                @if chart.outside > 0 { " " (counted(chart.outside, "finding")) " opened outside of these days." }
            }
        }
        details {
            summary { "The numbers of this chart" }
            (table("Raised findings by day and severity", &heads, &rows))
        }
    }
}

fn groups(forecast: &Forecast<'_>) -> Markup {
    let total = forecast.total();
    let by_severity = html! {
        @for (word, index) in [("critical", 3), ("high", 2), ("medium", 1), ("low", 0)] {
            tr {
                th scope="row" { (severity(word)) }
                td.number { (grouped(total.counts[index])) }
                td.number { (rate(forecast, total.counts[index])) }
            }
        }
        tr.sum {
            th scope="row" { "all" }
            td.number { (grouped(total.total())) }
            td.number { (rate(forecast, total.total())) }
        }
    };
    let rows = |groups: Vec<Row>| {
        html! { @for row in groups.iter().take(LISTED_MAX).chain([&total]) {
            tr.sum[row.name == "all"] {
                th scope="row" { (Outside(&row.name)) }
                @for count in worst_first(&row.counts) { td.number { (count) } }
                td.number { (grouped(row.total())) }
                td.number { (rate(forecast, row.total())) }
            }
        } }
    };
    let heads = |first| -> Vec<&str> { [first].into_iter().chain(BY_SEVERITY).collect() };
    let accounts = forecast.by_account();
    let left_out = accounts.len().saturating_sub(LISTED_MAX);
    html! {
        (table("Raised findings by severity", &["severity", "findings", "a day"], &by_severity))
        (table("Raised findings by principal kind", &heads("principal kind"), &rows(forecast.by_kind())))
        (table("Raised findings by account", &heads("account"), &rows(accounts)))
        (more(left_out, "account"))
    }
}

fn rate(forecast: &Forecast<'_>, count: u64) -> String {
    format!("{:.2}", forecast.per_day(count))
}

fn curve(forecast: &Forecast<'_>) -> Markup {
    let expected = forecast.threshold.expected();
    let known = forecast.curve();
    let at = |points: &[crate::CurvePoint], bits: f64| {
        let point = points
            .iter()
            .find(|one| (one.threshold - bits).abs() < 1e-9);
        point.map_or_else(
            || "not known".to_owned(),
            |one| format!("{:.2}", one.findings_a_day),
        )
    };
    let chosen = forecast.threshold.bits;
    let rows = html! {
        @for bits in CURVE_BITS.map(f64::from) {
            tr {
                th scope="row" { (format!("{bits:.0}")) }
                td.number { (at(&known, bits)) }
                @if let Some(expected) = expected { td.number { (at(expected, bits)) } }
            }
            @if bits <= chosen && chosen < bits + 1.0 {
                tr.sum {
                    th scope="row" { (format!("{chosen:.2}")) ", chosen" }
                    td.number { (format!("{:.2}", forecast.rate_at(chosen))) }
                    @if expected.is_some() { td.number {} }
                }
            }
        }
    };
    let mut heads = vec!["threshold, bits", "findings a day, judged"];
    heads.extend(expected.map(|_| "expected from the history"));
    let within = html! { @for (how, bits, left) in forecast.thresholds() {
        tr {
            th scope="row" { (how) }
            td.number { (format!("{bits:.2}")) }
            td.number { (grouped(left)) }
            td.number { (rate(forecast, left)) }
        }
    } };
    let caption = format!(
        "To keep within {} a day in the whole organisation",
        findings(forecast.budget)
    );
    html! {
        figure {
            (charts::curve(forecast))
            figcaption {
                "Solid: what the judged days brought"
                @if expected.is_some() { "; dashed: what the history before them let expect" }
                ". The upright line and the point mark the threshold of this run. " (forecast.known_words())
            }
        }
        details {
            summary { "The numbers of this chart" }
            (table("Findings a day by threshold", &heads, &rows))
        }
        (table(&caption, &["how", "threshold, bits", "findings left", "a day"], &within))
    }
}

fn labels(scores: &LabelScores) -> Markup {
    let rows = html! { @for (name, figure) in scores.figures() {
        tr { th scope="row" { (name) } td.number { (figure) } }
    } };
    html! {
        p { (scores.sentence()) "." }
        (table("Figures", &["figure", "value"], &rows))
        p.note { "A finding detects an attack when at least half of its bits rest on that attack's events." }
    }
}

fn list(forecast: &Forecast<'_>) -> Markup {
    let ranked = forecast.ranked();
    let mut below: Vec<_> = forecast.findings.iter().filter(|one| !one.raised).collect();
    below.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
    below.truncate(BELOW_LISTED);
    html! {
        @if ranked.is_empty() { p { "None was raised." } } @else {
            (table("Raised, highest score first", &HEADS, &rows(&ranked)))
            (more(ranked.len().saturating_sub(LISTED_MAX), "finding"))
        }
        @if !below.is_empty() {
            (table("Not raised: the next that a lower threshold would add", &HEADS, &rows(&below)))
        }
        p.note { "Each can be read in full with " code { "offtrail explain ID --findings FILE" } ", where FILE is what --findings wrote." }
    }
}

const HEADS: [&str; 8] = [
    "rank",
    "score, bits",
    "severity",
    "finding",
    "principal",
    "account",
    "day",
    "id",
];

fn rows(findings: &[&ForecastFinding]) -> Markup {
    html! { @for (rank, one) in (1..=LISTED_MAX as u64).zip(findings) {
        tr {
            td.number { (grouped(rank)) }
            td.number { (format!("{:.2}", one.score)) }
            td { (severity(one.severity.as_str())) }
            td.title { (Outside(&one.title)) }
            td { (Outside(&one.principal_words())) }
            td { (Outside(&one.account)) }
            td { (one.opened.day().to_string()) }
            td { code { (Outside(&one.id)) } }
        }
    } }
}

/// What a list leaves out.
pub(super) fn more(left_out: usize, what: &str) -> Markup {
    html! { @if left_out > 0 {
        p.note { "… and " (counted(left_out as u64, what)) " more, which this page leaves out." }
    } }
}
