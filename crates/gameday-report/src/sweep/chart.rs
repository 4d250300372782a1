//! The curve: magnitude along, time to detection up, each trial a point, the prediction a line.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::axis::Axis;
use super::{Sweep, along};
use crate::html::{float, px};
use crate::words::{clean, exact, limit, span};

/// Narrow enough to be read on a phone without being made smaller.
const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 290.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = WIDTH - 10.0;
/// What was not detected stands here.
const NEVER: f64 = 22.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = HEIGHT - 46.0;

#[expect(clippy::cast_possible_truncation, reason = "ticks of an axis of milliseconds")]
fn whole(number: f64) -> i64 {
    number.round() as i64
}

/// A value that is drawn.
struct Column<'s> {
    x: f64,
    value: &'s str,
    times: &'s [i64],
    missed: u64,
    predicted: Option<i64>,
    said: Option<&'static str>,
}

/// The curve of one expectation, with the other variables at one combination.
pub(super) fn draw(sweep: &Sweep, label: &str, with: &BTreeMap<String, String>) -> Markup {
    let found = along(&sweep.over, &sweep.points, with, label);
    let numbers: Vec<f64> = found.iter().map(|(number, ..)| *number).collect();
    let x = Axis::over(&numbers, LEFT + 10.0, RIGHT - 10.0, false);
    let most = found
        .iter()
        .find_map(|(_, _, alert, _)| alert.and_then(|alert| alert.limit_ms));
    let columns: Vec<Column<'_>> = found
        .iter()
        .map(|(number, value, alert, point)| Column {
            x: x.at(*number),
            value,
            times: alert.map_or(&[], |alert| alert.times_ms.as_slice()),
            missed: alert.map_or(0, |alert| alert.time.trials - alert.time.came),
            predicted: alert.and_then(|alert| mean(&alert.predicted_ms)),
            said: match (alert, point.verdict) {
                (Some(alert), _) if alert.trials > 0 => None,
                (_, Some(verdict)) => Some(verdict.word()),
                (_, None) => Some("not run"),
            },
        })
        .collect();
    let times = columns
        .iter()
        .flat_map(|column| column.times.iter().copied().chain(column.predicted));
    let times = times
        .chain(most.and_then(|most| i64::try_from(most).ok()))
        .map(float);
    let y = Axis::over(&times.collect::<Vec<_>>(), BOTTOM, TOP, true);
    let name = sweep.over.first().map_or("", |variable| variable.name.as_str());
    html! {
        svg.drawing.dose viewBox={ "0 0 " (px(WIDTH)) " " (px(HEIGHT)) } role="img"
            aria-label={ "Time to detection of " (clean(label)) " against " (clean(name)) "; the table below holds the same numbers" } {
            (scales(&columns, &y, name))
            @if let Some(ms) = most.and_then(|most| i64::try_from(most).ok()) {
                line.limit x1=(px(LEFT)) x2=(px(RIGHT)) y1=(px(y.at(float(ms)))) y2=(px(y.at(float(ms)))) { title { "limit " (limit(ms.unsigned_abs())) } }
                text.limit-word x=(px(RIGHT)) y=(px(y.at(float(ms)) - 4.0)) text-anchor="end" { "limit " (limit(ms.unsigned_abs())) }
            }
            polyline.predicted points=(line(&columns, &y)) {}
            @for column in &columns { (points(column, &y)) }
        }
    }
}

fn scales(columns: &[Column<'_>], y: &Axis, name: &str) -> Markup {
    let lowest = rows(columns).into_iter().fold(0.0, f64::max);
    html! {
        @for tick in y.ticks() {
            line.grid x1=(px(LEFT)) x2=(px(RIGHT)) y1=(px(y.at(tick))) y2=(px(y.at(tick))) {}
            text.tick x=(px(LEFT - 5.0)) y=(px(y.at(tick) + 4.0)) text-anchor="end" { (span(whole(tick)).replace(".0 s", " s")) }
        }
        line.grid x1=(px(LEFT)) x2=(px(RIGHT)) y1=(px(NEVER + 12.0)) y2=(px(NEVER + 12.0)) {}
        text.tick x=(px(LEFT - 5.0)) y=(px(NEVER + 4.0)) text-anchor="end" { "never" }
        line.baseline x1=(px(LEFT)) x2=(px(RIGHT)) y1=(px(BOTTOM)) y2=(px(BOTTOM)) {}
        @for (column, row) in columns.iter().zip(rows(columns)) {
            text.tick x=(px(column.x)) y=(px(BOTTOM + 15.0 + 12.0 * row)) text-anchor="middle" { (clean(column.value)) }
        }
        text.tick x=(px(f64::midpoint(LEFT, RIGHT))) y=(px(BOTTOM + 30.0 + 12.0 * lowest)) text-anchor="middle" { (clean(name)) }
    }
}

/// The row of each value's text, 0 or 1: those that would touch stand one below the other.
fn rows(columns: &[Column<'_>]) -> Vec<f64> {
    const APART: f64 = 44.0;
    let mut last = f64::NEG_INFINITY;
    let row = |column: &Column<'_>| {
        let apart = column.x - last >= APART;
        if apart {
            last = column.x;
        }
        if apart { 0.0 } else { 1.0 }
    };
    columns.iter().map(row).collect()
}

fn points(column: &Column<'_>, y: &Axis) -> Markup {
    html! {
        @for ms in column.times {
            circle.point cx=(px(column.x)) cy=(px(y.at(float(*ms)))) r="4.5" { title { (clean(column.value)) ": " (exact(*ms)) } }
        }
        @if let Some(ms) = column.predicted {
            path.foretold d="M0 -3.5l3.5 3.5l-3.5 3.5l-3.5 -3.5z" transform={ "translate(" (px(column.x)) " " (px(y.at(float(ms)))) ")" } {
                title { (clean(column.value)) ": predicted " (exact(ms)) }
            }
        }
        @for index in 0..column.missed.min(5) {
            @let x = column.x + 10.0 * float(i64::try_from(index).unwrap_or(0)) - 5.0 * float(i64::try_from(column.missed.min(5) - 1).unwrap_or(0));
            path.look-down d="M-4 -4l8 8m0 -8l-8 8" transform={ "translate(" (px(x)) " " (px(NEVER)) ")" } {
                title { (clean(column.value)) ": not detected" }
            }
        }
        @if let Some(word) = column.said {
            text.tick x=(px(column.x)) y=(px(NEVER + 4.0)) text-anchor="middle" { (word.replace('_', " ")) }
        }
    }
}

/// The predictions from point to point.
fn line(columns: &[Column<'_>], y: &Axis) -> String {
    let places = columns
        .iter()
        .filter_map(|column| Some(format!("{},{}", px(column.x), px(y.at(float(column.predicted?))))));
    places.collect::<Vec<_>>().join(" ")
}

fn mean(values: &[i64]) -> Option<i64> {
    let count = i64::try_from(values.len()).ok().filter(|count| *count > 0)?;
    Some(values.iter().sum::<i64>() / count)
}
