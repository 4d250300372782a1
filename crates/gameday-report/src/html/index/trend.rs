//! One time of a scenario from drill to drill.

use maud::{Markup, html};

use super::super::scale::{Scale, float, px, ticks};
use super::{day, moment};
use crate::history::{History, PastTimes, Trend, TrendPoint};
use crate::words::{clean, limit, spaced};

/// Narrow enough to be read on a phone without being made smaller.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 168.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = WIDTH - 10.0;
/// What never came, or is not known, stands here.
const NEVER: f64 = 34.0;
const TOP: f64 = 54.0;
const BOTTOM: f64 = HEIGHT - 26.0;
/// More drills than this cannot be told apart at this width.
const MOST: usize = 60;

/// Which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Notify,
    Recover,
}

impl What {
    fn of(self, point: &TrendPoint) -> &PastTimes {
        match self {
            Self::Notify => &point.ttn,
            Self::Recover => &point.ttr,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Notify => "Time to notify",
            Self::Recover => "Time to recover",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Notify => "ttn",
            Self::Recover => "ttr",
        }
    }
}

/// Draws it, or says that nobody knows it.
pub(super) fn draw(history: &History, trend: &Trend, what: What) -> Markup {
    let points = &trend.points[trend.points.len().saturating_sub(MOST)..];
    let Some(newest) = points.last() else {
        return html! {};
    };
    let most = trend.ttn_limit_ms.filter(|_| what == What::Notify);
    let most = most.and_then(|most| i64::try_from(most).ok());
    let longest = points
        .iter()
        .filter_map(|point| what.of(point).max_ms)
        .chain(most)
        .max();
    let y = Scale {
        from: 0.0,
        to: float(longest.unwrap_or(1_000).max(1)) * 1.04,
        start: BOTTOM,
        end: TOP,
    };
    let last = float(i64::try_from(points.len() - 1).unwrap_or(0));
    // One drill alone stands in the middle.
    let x = Scale {
        from: if last > 0.0 { 0.0 } else { -1.0 },
        to: last.max(1.0),
        start: LEFT + 10.0,
        end: RIGHT - 10.0,
    };
    let at = |index: usize| x.at(i64::try_from(index).unwrap_or(0));
    let older = trend.points.len() - points.len();
    html! {
        figure.drawn data-scenario=(clean(&trend.scenario)) data-what=(what.key()) {
            figcaption { (what.title()) " " span.small { "newest " (what.of(newest).text()) @if older > 0 { ", " (older) " older not drawn" } } }
            svg.drawing.trend-drawing viewBox={ "0 0 " (px(WIDTH)) " " (px(HEIGHT)) } role="img" aria-label=(told(trend, points, what)) {
                (axes(points, longest, &y))
                @if let Some(most) = most {
                    line.limit x1=(px(LEFT)) x2=(px(RIGHT)) y1=(px(y.at(most))) y2=(px(y.at(most))) { title { "limit " (limit(most.unsigned_abs())) } }
                }
                polyline.thread points=(thread(points, what, &at, &y)) {}
                @for (index, point) in points.iter().enumerate() { (mark(history, point, what, at(index), &y)) }
            }
        }
    }
}

/// The same in words.
fn told(trend: &Trend, points: &[TrendPoint], what: What) -> String {
    let drills: Vec<String> = points
        .iter()
        .rev()
        .take(5)
        .map(|point| format!("{} {}", day(point.at), what.of(point).text()))
        .collect();
    format!(
        "{} of {} over {} drills, the newest first: {}; the table of drills holds the same numbers",
        what.title(),
        clean(&trend.scenario),
        trend.points.len(),
        drills.join(", ")
    )
}

fn axes(points: &[TrendPoint], longest: Option<i64>, y: &Scale) -> Markup {
    let ticks = ticks(0, longest.unwrap_or(0));
    // Five lines are enough at this height.
    let step = ticks.len().div_ceil(5).max(1);
    let ends = [
        points.first().map(|point| (LEFT, "start", point)),
        points
            .last()
            .filter(|_| points.len() > 1)
            .map(|point| (RIGHT, "end", point)),
    ];
    html! {
        @for tick in ticks.iter().step_by(step) {
            line.grid x1=(px(LEFT)) x2=(px(RIGHT)) y1=(px(y.at(*tick))) y2=(px(y.at(*tick))) {}
            text.tick x=(px(LEFT - 6.0)) y=(px(y.at(*tick) + 4.0)) text-anchor="end" { (limit(tick.unsigned_abs())) }
        }
        text.tick x=(px(LEFT - 6.0)) y=(px(NEVER + 4.0)) text-anchor="end" { "never" }
        line.baseline x1=(px(LEFT)) x2=(px(RIGHT)) y1=(px(BOTTOM)) y2=(px(BOTTOM)) {}
        @for (x, anchor, point) in ends.into_iter().flatten() {
            text.tick x=(px(x)) y=(px(BOTTOM + 16.0)) text-anchor=(anchor) { (day(point.at)) }
        }
    }
}

/// From median to median; a drill without one breaks it.
fn thread(points: &[TrendPoint], what: What, at: &dyn Fn(usize) -> f64, y: &Scale) -> String {
    let places = points.iter().enumerate().filter_map(|(index, point)| {
        let ms = what.of(point).median_ms?;
        Some(format!("{},{}", px(at(index)), px(y.at(ms))))
    });
    places.collect::<Vec<_>>().join(" ")
}

fn mark(history: &History, point: &TrendPoint, what: What, x: f64, y: &Scale) -> Markup {
    let times = what.of(point);
    let link = history
        .drills
        .iter()
        .find(|line| line.drill == point.drill)
        .and_then(|line| line.report.as_deref());
    let title = format!(
        "{} UTC: {} ({})",
        moment(point.at),
        times.text(),
        spaced(point.verdict.word())
    );
    let shape = shape(times, &title, x, y);
    html! {
        // The table leads there by keyboard; sixty stops on the way to it would be in the way.
        @match link { Some(link) => a href=(link) tabindex="-1" { (shape) }, None => (shape) }
    }
}

fn shape(times: &PastTimes, title: &str, x: f64, y: &Scale) -> Markup {
    let several = times.trials > 1;
    let bar = times.min_ms.zip(times.max_ms).filter(|_| several);
    html! {
        g.drill-mark data-came=(times.came) data-never=(times.never) data-unknown=(times.unknown) data-median=[times.median_ms] {
            title { (title) }
            @if let Some((min, max)) = bar {
                line.range x1=(px(x)) x2=(px(x)) y1=(px(y.at(min))) y2=(px(y.at(max))) {}
                @if times.never > 0 { line.range.open x1=(px(x)) x2=(px(x)) y1=(px(y.at(max))) y2=(px(NEVER + 6.0)) {} }
            }
            @if let Some(ms) = times.median_ms { circle.point cx=(px(x)) cy=(px(y.at(ms))) r="4.5" {} }
            @if times.never > 0 {
                path.look-down d="M-4 -4l8 8m0 -8l-8 8" transform={ "translate(" (px(x)) " " (px(NEVER)) ")" } {}
                @if several { text.tick x=(px(x)) y=(px(NEVER - 9.0)) text-anchor="middle" { (times.never) } }
            }
            @if times.unknown > 0 && times.never == 0 { circle.look-unknown cx=(px(x)) cy=(px(NEVER)) r="4" {} }
            @else if times.unknown > 0 { circle.look-unknown cx=(px(x)) cy=(px(NEVER - 22.0)) r="3.5" {} }
        }
    }
}
