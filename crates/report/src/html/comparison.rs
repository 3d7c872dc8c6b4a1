//! The part of a page that compares two settings: what goes, what comes, what changes its severity, what stays.

use maud::{Markup, html};

use super::{
    backtest::{LISTED_MAX, more},
    shell::{Outside, table},
};
use crate::backtest::{Fate, Forecast, LabelScores, Pair, findings, side_words};
use crate::page::{counted, grouped};

/// A second run over the same events.
#[derive(Clone, Debug)]
pub struct Compared<'a> {
    /// The run.
    pub forecast: Forecast<'a>,
    /// How it meets the labels, if there are any.
    pub scores: Option<&'a LabelScores>,
    /// Where the settings of the first come from.
    pub first_from: &'a str,
    /// Where its own settings come from.
    pub second_from: &'a str,
    /// What [`crate::compare`] made of both.
    pub pairs: &'a [Pair<'a>],
}

pub(super) fn body(
    (first, scores): (&Forecast<'_>, Option<&LabelScores>),
    compared: &Compared<'_>,
) -> Markup {
    let second = &compared.forecast;
    let raised = |of: &Forecast<'_>| of.total().total();
    let sides = [
        ("A", first, compared.first_from),
        ("B", second, compared.second_from),
    ];
    let runs = html! { @for (name, of, from) in sides {
        tr {
            th scope="row" { (name) }
            td { (Outside(from)) }
            td.number { (grouped(raised(of))) }
            td.number { (format!("{:.2}", of.per_day(raised(of)))) }
            td { (of.threshold.words()) }
        }
    } };
    let count = |fate: Fate| {
        compared
            .pairs
            .iter()
            .filter(|pair| pair.fate == fate)
            .count()
    };
    let fates = html! { @for fate in Fate::ALL {
        tr { th scope="row" { (fate.words()) } td.number { (grouped(count(*fate) as u64)) } }
    } };
    html! {
        (table("The two runs", &["run", "settings", "raised", "a day", "threshold"], &runs))
        (table("What becomes of the findings", &["", "findings"], &fates))
        @if let (Some(first), Some(second)) = (scores, compared.scores) {
            (labels(first, second))
        }
        @for fate in Fate::ALL { (fate_list(*fate, compared.pairs)) }
        p.note {
            "Both runs judged the same events in the same order, to a budget of " (findings(first.budget)) " a day for A and "
            (findings(second.budget)) " for B. A finding has its partner by id, else by the events both rest on."
        }
    }
}

fn labels(first: &LabelScores, second: &LabelScores) -> Markup {
    let rows = html! { @for ((name, a), (_, b)) in first.figures().iter().zip(second.figures()) {
        tr { th scope="row" { (name) } td.number { (a) } td.number { (b) } }
    } };
    table("Both against the labels", &["figure", "A", "B"], &rows)
}

fn fate_list(fate: Fate, pairs: &[Pair<'_>]) -> Markup {
    let of: Vec<_> = pairs.iter().filter(|pair| pair.fate == fate).collect();
    if of.is_empty() {
        return html! {};
    }
    let rows = html! { @for pair in of.iter().take(LISTED_MAX) {
        @if let Some(told) = pair.told() {
            tr {
                td.title { (Outside(&told.title)) }
                td { (Outside(&told.principal_words())) }
                td { (told.opened.day().to_string()) }
                @for side in [pair.first, pair.second] {
                    td { (side_words(side)) @if let Some(one) = side { br; code { (Outside(&one.id)) } } }
                }
            }
        }
    } };
    let caption = format!("{}: {}", fate.words(), counted(of.len() as u64, "finding"));
    html! {
        (table(&caption, &["finding", "principal", "day", "A", "B"], &rows))
        (more(of.len().saturating_sub(LISTED_MAX), "finding"))
    }
}
