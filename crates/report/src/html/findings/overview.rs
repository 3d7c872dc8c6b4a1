//! What stands in the page as it is read: how many findings there are, by day, severity, kind and account. The list below it is drawn by the script.

use std::cmp::Reverse;

use maud::{Markup, html};
use offtrail_detector::Severity;
use offtrail_event::{Day, Timestamp};

use crate::{
    FindingV1,
    backtest::{Counts, Row, bars_of, group, worst_first},
    html::{
        charts,
        shell::{Outside, severity, table},
    },
    page::{counted, grouped},
    words::principal_kind_words,
};

/// Accounts listed, most findings first.
const ACCOUNTS_MAX: usize = 200;

/// Fewest days of the chart by day.
const DAYS_MIN: u16 = 14;

/// Heads of a table by severity, after its first column.
const BY_SEVERITY: [&str; 5] = ["critical", "high", "medium", "low", "all"];

pub(super) struct Overview {
    days: Option<(Day, Day)>,
    opened: Vec<(Day, Severity)>,
    kinds: Vec<Row>,
    accounts: Vec<Row>,
    total: Counts,
    all: usize,
    raised: usize,
    suppressed: usize,
    left_out: usize,
}

impl Overview {
    pub(super) fn of(findings: &[FindingV1], left_out: usize) -> Self {
        let of = |finding: &FindingV1| finding.severity.parse::<Severity>().ok();
        let shown = || {
            findings
                .iter()
                .filter(|finding| is_shown(finding))
                .filter_map(|finding| of(finding).map(|severity| (finding, severity)))
        };
        let opened: Vec<(Day, Severity)> = shown()
            .filter_map(|(finding, severity)| {
                Timestamp::parse(&finding.opened).map(|opened| (opened.day(), severity))
            })
            .collect();
        let days = || opened.iter().map(|(day, _)| *day);
        let by = |name: fn(&FindingV1) -> String| {
            let mut rows = group(shown().map(|(finding, severity)| (name(finding), severity)));
            rows.sort_by(|a, b| (Reverse(a.total()), &a.name).cmp(&(Reverse(b.total()), &b.name)));
            rows
        };
        let mut total = [0; 4];
        for (_, severity) in shown() {
            total[severity as usize] += 1;
        }
        Self {
            days: days().min().zip(days().max()),
            kinds: by(|one| principal_kind_words(&one.principal.kind).to_owned()),
            accounts: by(|one| {
                let account = one
                    .principal
                    .account
                    .as_deref()
                    .filter(|text| !text.is_empty());
                account.unwrap_or("unknown").to_owned()
            }),
            total,
            opened,
            all: findings.len(),
            raised: findings.iter().filter(|one| is_shown(one)).count(),
            suppressed: findings
                .iter()
                .filter(|one| one.suppressed_by.is_some())
                .count(),
            left_out,
        }
    }

    pub(super) fn title(&self) -> String {
        match self.days {
            Some((since, until)) if since == until => format!("Findings of {since}"),
            Some((since, until)) => format!("Findings {since} to {until}"),
            None => "Findings".to_owned(),
        }
    }

    pub(super) fn body(&self) -> Markup {
        html! {
            div #overview {
                (self.lead())
                @if self.raised > 0 { (self.by_day()) }
            }
            section #list aria-labelledby="list-title" {
                h2 #list-title tabindex="-1" { "Findings" }
                noscript { p.note { "The list and its filters need JavaScript. Without it: " code { "offtrail explain ID --findings FILE" } "." } }
                div #findings {}
            }
            article #finding hidden {}
        }
    }

    fn lead(&self) -> Markup {
        let parts = [("critical", 3), ("high", 2), ("medium", 1), ("low", 0)];
        let below = self.all - self.raised - self.suppressed.min(self.all - self.raised);
        html! {
            @if self.all == 0 {
                p.lead { "There are no findings in this file." }
            } @else {
                ul.tiles {
                    li.tile { strong { (grouped(self.raised as u64)) } " raised" }
                    @for (word, index) in parts {
                        li.tile { strong { (grouped(self.total[index])) } " " (severity(word)) }
                    }
                }
                @if below + self.suppressed > 0 {
                    p.note {
                        "Beside them "
                        @if below > 0 { (counted(below as u64, "finding")) " below the threshold" }
                        @if below > 0 && self.suppressed > 0 { " and " }
                        @if self.suppressed > 0 { (counted(self.suppressed as u64, "suppressed finding")) }
                        ": see “Which” among the filters."
                    }
                }
            }
            @if self.left_out > 0 {
                p.note { (counted(self.left_out as u64, "finding")) " of lower severity or score are left out of this page; the JSON Lines have all." }
            }
        }
    }

    fn by_day(&self) -> Markup {
        let Some((since, until)) = self.days else {
            return html! { p { "No finding tells its day." } };
        };
        // One day alone would be a slab.
        let since = since.0.min(until.0.saturating_sub(DAYS_MIN - 1));
        let chart = bars_of((Day(since), until), self.opened.iter().copied());
        let total = |counts: &Counts| counts.iter().sum::<u64>();
        let busiest = chart
            .bars
            .iter()
            .rev()
            .max_by_key(|(_, counts)| total(counts));
        let description = format!(
            "{} raised. Each bar is {}, stacked by severity with critical at the bottom, then high, medium and low.{}",
            counted(self.raised as u64, "finding"),
            counted(chart.days_a_bar, "day"),
            busiest.map_or_else(String::new, |(day, counts)| format!(
                " The highest, from {day} on, holds {}.",
                counted(total(counts), "finding")
            )),
        );
        let rows = html! { @for (day, counts) in &chart.bars { @if total(counts) > 0 {
            tr {
                th scope="row" { (day.to_string()) }
                @for count in worst_first(counts) { td.number { (count) } }
                td.number { (grouped(total(counts))) }
            }
        } } };
        html! {
            figure {
                div.wide role="region" aria-label="Chart of findings by day" tabindex="0" {
                (charts::stacked(("Raised findings by the day they opened", &description), &chart, charts::LOW))
                }
                figcaption {
                    "Raised findings by the day they opened, stacked from the bottom: "
                    @for word in ["critical", "high", "medium", "low"] { (severity(word)) " " }
                    @if chart.days_a_bar > 1 { "One bar is " (counted(chart.days_a_bar, "day")) "." }
                }
            }
            details {
                summary { "By day, kind and account, in numbers" }
                (self.groups())
                (table("Raised findings by day and severity", &heads("from"), &rows))
            }
        }
    }

    fn groups(&self) -> Markup {
        let rows = |rows: &[Row]| {
            html! { @for row in rows.iter().take(ACCOUNTS_MAX) {
                tr {
                    th scope="row" { (Outside(&row.name)) }
                    @for count in worst_first(&row.counts) { td.number { (count) } }
                    td.number { (grouped(row.total())) }
                }
            } }
        };
        let more = self.accounts.len().saturating_sub(ACCOUNTS_MAX);
        html! {
            div.pair {
                (table("Raised findings by principal kind", &heads("principal kind"), &rows(&self.kinds)))
                div {
                    (table("Raised findings by account", &heads("account"), &rows(&self.accounts)))
                    @if more > 0 { p.note { "… and " (counted(more as u64, "account")) " more." } }
                }
            }
        }
    }
}

/// Whether a finding counts among the raised ones: those that a suppression hides don't.
fn is_shown(finding: &FindingV1) -> bool {
    finding.raised && finding.suppressed_by.is_none()
}

fn heads(first: &'static str) -> Vec<&'static str> {
    [first].into_iter().chain(BY_SEVERITY).collect()
}
