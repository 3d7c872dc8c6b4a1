//! The charts of a page, drawn by plotters into inline SVG (`docs/decisions/0004-charts.md`).
//!
//! Each is one image to a screen reader, with a title and a description that says what can be seen; its numbers stand in a table beside it. Colours
//! are names: values no chart would use, which the style of the page turns into those of the reader's scheme.

use maud::{Markup, PreEscaped, html};
use offtrail_detector::Severity;
use offtrail_event::Day;
use plotters::{
    coord::{Shift, ranged1d::Ranged},
    prelude::*,
};

use crate::{
    backtest::{Bars, Counts, Forecast, findings},
    calibration::CurvePoint,
    page::counted,
};

/// Size of a chart, in its own units.
const SIZE: (u32, u32) = (900, 300);

/// Size of a chart above a list, in the same units.
pub(crate) const LOW: (u32, u32) = (900, 190);

/// Height of the labels, in the same units.
const TEXT: u32 = 14;

const LINE: RGBColor = RGBColor(0, 0, 0xA0);
const AXIS: RGBColor = RGBColor(0, 0, 0xA1);
/// By severity, lowest first.
const SEVERITIES: [RGBColor; 4] = [
    RGBColor(0, 0, 0xB0),
    RGBColor(0, 0, 0xB1),
    RGBColor(0, 0, 0xB2),
    RGBColor(0, 0, 0xB3),
];
const CURVE: RGBColor = RGBColor(0, 0, 0xC0);
const EXPECTED: RGBColor = RGBColor(0, 0, 0xC1);
const CHOSEN: RGBColor = RGBColor(0, 0, 0xC2);

/// Most of the curve that is drawn above what matters, as a multiple of it.
const CURVE_ABOVE: f64 = 4.0;

/// What an axis is called, and how its values are written.
type Axis<'a, R> = (&'a str, &'a dyn Fn(&<R as Ranged>::ValueType) -> String);
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

/// Raised findings by day, a stack a day, worst severity at the bottom.
pub(crate) fn by_day(forecast: &Forecast<'_>) -> Markup {
    let chart = forecast.bars();
    let total = |counts: &Counts| counts.iter().sum::<u64>();
    let most = chart.bars.iter().map(|(_, counts)| total(counts)).max();
    let most = most.unwrap_or(0).max(1);
    let busiest = chart
        .bars
        .iter()
        .rev()
        .max_by_key(|(_, counts)| total(counts));
    let description = format!(
        "{}. Each bar is {}, stacked by severity with critical at the bottom, then high, medium and low. The highest, from {} on, holds {}.",
        forecast.headline(),
        counted(chart.days_a_bar, "day"),
        busiest.map_or_else(String::new, |(day, _)| day.to_string()),
        counted(most, "finding"),
    );
    stacked(("Raised findings by day", &description), &chart, SIZE)
}

/// Findings by day, a stack a day, worst severity at the bottom.
pub(crate) fn stacked(
    (title, description): (&str, &str),
    chart: &Bars,
    size: (u32, u32),
) -> Markup {
    let total = |counts: &Counts| counts.iter().sum::<u64>();
    let most = chart.bars.iter().map(|(_, counts)| total(counts)).max();
    let most = most.unwrap_or(0).max(1);
    let since = chart.bars.first().map_or(0, |(day, _)| u32::from(day.0));
    let day_of = |index: &i32| {
        let index = u32::try_from(*index).unwrap_or(0) * chart.days_a_bar;
        Day(u16::try_from(since + index).unwrap_or(u16::MAX)).to_string()
    };
    svg(("by-day", title, description), size, |area| {
        let end = i32::try_from(chart.bars.len()).unwrap_or(i32::MAX);
        let mut on = ChartBuilder::on(area)
            .margin(10)
            .margin_right(45)
            .x_label_area_size(45)
            .y_label_area_size(60)
            .build_cartesian_2d(0..end, 0..most)?;
        mesh(&mut on, ("day", &day_of), ("findings", &u64::to_string))?;
        for (left, (_, counts)) in (0i32..).zip(&chart.bars) {
            let mut below = 0;
            for severity in Severity::ALL.iter().rev() {
                let index = *severity as usize;
                let until = below + counts[index];
                if until > below {
                    let mut bar = Rectangle::new(
                        [(left, below), (left + 1, until)],
                        SEVERITIES[index].filled(),
                    );
                    bar.set_margin(1, 0, 1, 1);
                    on.draw_series([bar])?;
                }
                below = until;
            }
        }
        Ok(())
    })
}

/// Findings a day by threshold, as judged and as the history let expect, with the chosen threshold marked.
pub(crate) fn curve(forecast: &Forecast<'_>) -> Markup {
    let chosen = (
        forecast.threshold.bits,
        forecast.rate_at(forecast.threshold.bits),
    );
    let cap = CURVE_ABOVE * forecast.budget.max(chosen.1).max(0.25);
    let drawn = |points: &[CurvePoint]| -> Vec<(f64, f64)> {
        let points = points.iter().map(|one| (one.threshold, one.findings_a_day));
        points.filter(|(_, rate)| *rate <= cap).collect()
    };
    let judged = drawn(&forecast.curve());
    let expected = forecast.threshold.expected().map(drawn).unwrap_or_default();
    let all = || judged.iter().chain(&expected).chain([&chosen]);
    let least = all()
        .map(|(bits, _)| *bits)
        .fold(f64::MAX, f64::min)
        .floor();
    let most = all().map(|(bits, _)| *bits).fold(0.0, f64::max).ceil();
    let highest = all().map(|(_, rate)| *rate).fold(0.1, f64::max) * 1.05;
    let description = format!(
        "The higher the threshold, the fewer findings. Chosen: {:.2} bits, with {} a day. {}",
        chosen.0,
        findings(chosen.1),
        if expected.is_empty() {
            "The line is what the judged days brought."
        } else {
            "The solid line is what the judged days brought; the dashed one is what the history before them let expect."
        }
    );
    svg(
        ("curve", "Threshold against findings a day", &description),
        SIZE,
        |area| {
            let mut on = ChartBuilder::on(area)
                .margin(10)
                .margin_right(45)
                .x_label_area_size(45)
                .y_label_area_size(60)
                .build_cartesian_2d(least..most.max(least + 1.0), 0.0..highest)?;
            let short = |value: &f64| format!("{}", (value * 100.0).round() / 100.0);
            mesh(
                &mut on,
                ("threshold, bits", &short),
                ("findings a day", &short),
            )?;
            on.draw_series(DashedLineSeries::new(
                expected.iter().copied(),
                6,
                5,
                EXPECTED.stroke_width(2),
            ))?;
            on.draw_series(LineSeries::new(
                judged.iter().copied(),
                CURVE.stroke_width(2),
            ))?;
            on.draw_series([PathElement::new(
                [(chosen.0, 0.0), (chosen.0, highest)],
                CHOSEN,
            )])?;
            on.draw_series([Circle::new(chosen, 5, CHOSEN.filled())])?;
            let style = TextStyle::from(("sans-serif", TEXT).into_font()).color(&CHOSEN);
            let text = format!("chosen: {:.2} bits, {:.2} a day", chosen.0, chosen.1);
            on.draw_series([
                EmptyElement::at((chosen.0, highest)) + Text::new(text, (8, 4), style)
            ])?;
            Ok(())
        },
    )
}

/// Axes and lines, alike in every chart.
fn mesh<'a, 'b, X, Y>(
    on: &mut ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, Y>>,
    (x, x_label): Axis<'_, X>,
    (y, y_label): Axis<'_, Y>,
) -> Drawn<'b>
where
    X: Ranged + plotters::coord::ranged1d::ValueFormatter<X::ValueType>,
    Y: Ranged + plotters::coord::ranged1d::ValueFormatter<Y::ValueType>,
{
    on.configure_mesh()
        .disable_x_mesh()
        // None are seen; asked for none, plotters 0.3.7 loops until it overflows.
        .max_light_lines(1)
        .light_line_style(TRANSPARENT)
        .bold_line_style(LINE)
        .axis_style(AXIS)
        .label_style(("sans-serif", TEXT))
        .axis_desc_style(("sans-serif", TEXT))
        .x_labels(8)
        .y_labels(6)
        .x_desc(x)
        .y_desc(y)
        .x_label_formatter(&x_label)
        .y_label_formatter(&y_label)
        .draw()
}

/// An inline image with its title and description.
fn svg(
    (id, title, description): (&str, &str, &str),
    size: (u32, u32),
    draw: impl for<'a> FnOnce(&Area<'a>) -> Drawn<'a>,
) -> Markup {
    let mut drawn = String::new();
    let done = {
        let area = SVGBackend::with_string(&mut drawn, size).into_drawing_area();
        draw(&area).and_then(|()| area.present())
    };
    // What plotters drew, without its outer element: that gets the texts a screen reader needs.
    let inner = drawn
        .split_once('>')
        .and_then(|(_, inner)| inner.rsplit_once("</svg>"))
        .map(|(inner, _)| inner);
    match (done, inner) {
        (Ok(()), Some(inner)) => html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (size.0) " " (size.1) } role="img"
                aria-labelledby={ (id) "-what " (id) "-says" } {
                title id={ (id) "-what" } { (title) }
                desc id={ (id) "-says" } { (description) }
                (PreEscaped(inner))
            }
        },
        _ => html! { p { "This chart could not be drawn; its numbers are in the table below." } },
    }
}
