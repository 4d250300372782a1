//! The rows of the timeline, one kind beside the other.
//!
//! What stands at a moment says so in `data-a` (and `data-b`), in milliseconds after T0, so that the
//! script of the page can place it again when the reader zooms; without it the drawing is whole.

use std::fmt::Write;

use gameday_core::Unit;
use maud::{Markup, html};

use super::figure::{self, LOOKS};
use super::scale::{LEFT, RIGHT, Scale, px};
use crate::measure::{Bar, Curve, GuardLane, Lane, Look, Picture, ProbeLane, State, thin_looks, thin_points};
use crate::words::{clean, value};

/// A drawing without its script has room for this many looks in a row.
const COLUMNS: i64 = 400;

/// The room of a row's name above what it shows.
const NAME: f64 = 17.0;

/// A row of the timeline.
pub(super) enum Track<'a> {
    Stages(&'a [(i64, i64, &'static str)]),
    Fault(&'a Bar),
    Curve(&'a Curve),
    Probe(&'a ProbeLane, (i64, i64)),
    Guard(&'a GuardLane),
    /// The number is that of the trial: its pattern's id.
    Alert(&'a Lane, usize),
    People(&'a [(i64, &'static str, String)]),
}

/// Every row, top to bottom: cause, effect, what was seen of it, who was told.
pub(super) fn all(picture: &Picture, index: usize) -> Vec<Track<'_>> {
    let stages = (!picture.stages.is_empty()).then_some(Track::Stages(&picture.stages));
    let faults = picture.faults.iter().map(Track::Fault);
    let curves = picture
        .curves
        .iter()
        .filter(|curve| !curve.points.is_empty())
        .map(Track::Curve);
    let probes = picture
        .probes
        .iter()
        .map(|lane| Track::Probe(lane, (picture.from, picture.to)));
    let guards = picture.guards.iter().map(Track::Guard);
    let alerts = picture.alerts.iter().map(|lane| Track::Alert(lane, index));
    let people = (!picture.people.is_empty()).then_some(Track::People(&picture.people));
    stages
        .into_iter()
        .chain(faults)
        .chain(curves)
        .chain(probes)
        .chain(guards)
        .chain(alerts)
        .chain(people)
        .collect()
}

impl Track<'_> {
    pub(super) fn height(&self) -> f64 {
        match self {
            Self::Stages(_) => 24.0,
            Self::Fault(_) => NAME + 22.0,
            Self::Curve(_) => NAME + 76.0,
            Self::Probe(..) => NAME + 18.0,
            Self::Guard(_) => NAME + 12.0,
            Self::Alert(..) => NAME + 26.0,
            Self::People(_) => NAME + 18.0,
        }
    }

    /// What does not move with time: the row's name and a note beside it.
    pub(super) fn caption(&self, y: f64) -> Markup {
        let (text, note) = match self {
            Self::Stages(_) => return html! {},
            Self::Fault(bar) => (bar.name.clone(), bar.what.clone()),
            Self::Curve(curve) => (format!("{}: {}", curve.name, curve.text), worst(curve)),
            Self::Probe(lane, _) => (lane.name.clone(), looks_note(lane)),
            Self::Guard(lane) => (
                format!("guard {}", lane.name),
                if lane.breached.is_some() {
                    "breached"
                } else {
                    "kept"
                }
                .to_owned(),
            ),
            Self::Alert(lane, _) => (lane.name.clone(), lane_note(lane)),
            Self::People(said) => ("people".to_owned(), format!("said ×{}", said.len())),
        };
        html! {
            text.row x=(px(LEFT)) y=(px(y + 13.0)) { (cut(&text, 46)) title { (clean(&text)) } }
            text.small x=(px(RIGHT)) y=(px(y + 13.0)) text-anchor="end" data-right="" { (cut(&note, 60)) title { (clean(&note)) } }
        }
    }

    pub(super) fn draw(&self, x: &Scale, y: f64) -> Markup {
        match self {
            Self::Stages(stages) => draw_stages(stages, x, y),
            Self::Fault(bar) => fault(bar, x, y + NAME),
            Self::Curve(curve) => draw_curve(curve, x, y + NAME),
            Self::Probe(lane, ends) => looks(lane, *ends, x, y + NAME),
            Self::Guard(lane) => guard(lane, x, y + NAME),
            Self::Alert(lane, index) => alert(lane, *index, x, y + NAME),
            Self::People(said) => people(said, x, y + NAME),
        }
    }
}

fn cut(text: &str, most: usize) -> String {
    let text = clean(text);
    if text.chars().count() > most {
        text.chars().take(most - 1).chain(['…']).collect()
    } else {
        text
    }
}

fn looks_note(lane: &ProbeLane) -> String {
    let of = |kind: Look| lane.looks.iter().filter(|(_, look)| *look == kind).count();
    let said = [
        (Look::Down, "down"),
        (Look::Unknown, "unknown"),
        (Look::Missed, "missed"),
        (Look::Slow, "slow"),
    ];
    let parts: Vec<String> = said
        .into_iter()
        .filter_map(|(kind, word)| {
            Some(of(kind))
                .filter(|number| *number > 0)
                .map(|number| format!("{number} {word}"))
        })
        .collect();
    match (lane.looks.is_empty(), parts.is_empty()) {
        (true, _) => "no look".to_owned(),
        (false, true) => "always up".to_owned(),
        (false, false) => parts.join(", "),
    }
}

fn lane_note(lane: &Lane) -> String {
    match (lane.notified.len(), lane.expected) {
        (0, true) => "no notification".to_owned(),
        (0, false) => "not expected".to_owned(),
        (some, true) => format!("notified ×{some}"),
        (some, false) => format!("not expected, notified ×{some}"),
    }
}

fn draw_stages(stages: &[(i64, i64, &'static str)], x: &Scale, y: f64) -> Markup {
    html! {
        @for (index, (from, to, word)) in stages.iter().enumerate() {
            @let (left, right) = (x.at(*from), x.at(*to));
            rect.stage.odd[index % 2 == 1] x=(px(left)) y=(px(y + 2.0)) width=(px((right - left).max(0.5))) height="16"
                data-a=(from) data-b=(to) {}
            text.stage-word x=(px(left + 4.0)) y=(px(y + 14.0)) data-a=(from) data-b=(to) data-dx="4" data-fit=""
                visibility=[(right - left < f64::from(u32::try_from(word.len()).unwrap_or(0)) * 6.5 + 8.0).then_some("hidden")] { (word) }
        }
    }
}

fn fault(bar: &Bar, x: &Scale, y: f64) -> Markup {
    let end = bar.to.unwrap_or(i64::MAX / 65_536);
    let (from, to) = (x.at(bar.from), x.at(end).min(x.end));
    html! {
        rect.fault x=(px(from)) y=(px(y + 2.0)) width=(px((to - from).max(2.0))) height="14" rx="3" data-a=(bar.from) data-b=(end) {
            title { "fault " (clean(&bar.name)) }
        }
        @if bar.to.is_none() { text.inside x=(px(to - 8.0)) y=(px(y + 13.0)) text-anchor="end" data-right="" { "not confirmed removed" } }
    }
}

fn guard(lane: &GuardLane, x: &Scale, y: f64) -> Markup {
    html! {
        line.guard x1=(px(x.start)) x2=(px(x.end)) y1=(px(y + 5.0)) y2=(px(y + 5.0)) data-full="" {}
        @if let Some(at) = lane.breached { (glyph("breach", figure::BREACH, at, x, y + 5.0)) }
    }
}

/// A shape that stands at a moment.
fn glyph(class: &str, shape: &str, at: i64, x: &Scale, y: f64) -> Markup {
    html! { path class=(class) d=(shape) transform={ "translate(" (px(x.at(at))) " " (px(y)) ")" } data-a=(at) data-y=(px(y)) {} }
}

fn looks(lane: &ProbeLane, (from, to): (i64, i64), x: &Scale, y: f64) -> Markup {
    let middle = y + 7.0;
    let shown = thin_looks(lane.looks.iter().copied(), from, to, COLUMNS);
    html! {
        g.looks data-looks=(packed_looks(&lane.looks)) data-y=(px(middle)) {
            @for (kind, _, class) in LOOKS {
                @let path = shown.iter().filter(|(_, look)| *look == kind).fold(String::new(), |mut path, (at, look)| {
                    figure::look(&mut path, *look, x.at(*at), middle);
                    path
                });
                path class=(class) d=(path) {}
            }
        }
    }
}

/// Looks as `u` (up), `s`, `d`, `n` (unknown) or `m`, each with its milliseconds since the one before.
fn packed_looks(looks: &[(i64, Look)]) -> String {
    let mut before = 0;
    looks
        .iter()
        .fold(String::with_capacity(looks.len() * 6), |mut text, (at, look)| {
            let letter = match look {
                Look::Up => 'u',
                Look::Slow => 's',
                Look::Down => 'd',
                Look::Unknown => 'n',
                Look::Missed => 'm',
            };
            write!(text, "{letter}{}", at - before).expect("a String takes every write");
            before = *at;
            text
        })
}

fn alert(lane: &Lane, index: usize, x: &Scale, y: f64) -> Markup {
    let middle = y + 14.0;
    html! {
        line.rail x1=(px(x.start)) x2=(px(x.end)) y1=(px(middle)) y2=(px(middle)) data-full="" {}
        @for (from, to, state) in &lane.spans {
            @let (left, width) = (x.at(*from), (x.at(*to) - x.at(*from)).max(1.0));
            @let (class, word, fill, top, height) = match state {
                State::Pending => ("pending", "pending", Some(format!("url(#hatch-{index})")), middle - 6.0, "12"),
                State::Firing => ("firing", "firing", None, middle - 6.0, "12"),
                State::Suppressed => ("suppressed", "suppressed", Some(format!("url(#dots-{index})")), middle - 3.0, "6"),
            };
            rect class=(class) x=(px(left)) y=(px(top)) width=(px(width)) height=(height) fill=[fill] data-a=(from) data-b=(to) data-state=(word) {}
        }
        @if let Some(at) = lane.predicted { (glyph("foretold", figure::NOTICE, at, x, middle - 5.0)) }
        @for at in &lane.notified { (glyph("notice", figure::NOTICE, *at, x, middle - 5.0)) }
        @for at in &lane.resolved { (glyph("resolved", figure::RESOLVED, *at, x, middle + 5.0)) }
    }
}

fn people(said: &[(i64, &'static str, String)], x: &Scale, y: f64) -> Markup {
    let middle = px(y + 8.0);
    html! {
        @for (at, what, text) in said {
            @let shape = if *what == "note" { figure::FLAG } else { figure::TAKEN };
            path class={ "person " (what) } d=(shape) transform={ "translate(" (px(x.at(*at))) " " (middle) ")" } data-a=(at) data-y=(middle)
                data-word={ (what) " " (clean(text)) } { title { (what) " " (clean(text)) } }
        }
    }
}

fn worst(curve: &Curve) -> String {
    let values = curve.points.iter().filter_map(|(_, value)| *value);
    let worst = if curve.at_most {
        values.reduce(f64::max)
    } else {
        values.reduce(f64::min)
    };
    worst.map_or_else(
        || "no value".to_owned(),
        |worst| format!("worst {}", value(worst, curve.unit)),
    )
}

fn draw_curve(curve: &Curve, x: &Scale, y: f64) -> Markup {
    let (top, bottom) = (y + 4.0, y + 70.0);
    let scale = value_scale(curve, top, bottom);
    let limit_at = scale.place(curve.limit).clamp(top, bottom);
    let (band_top, band_bottom) = if curve.at_most {
        (limit_at, bottom)
    } else {
        (top, limit_at)
    };
    let shown = thin_points(&curve.points, floor(x.from), floor(x.to), COLUMNS * 2);
    let unit = match curve.unit {
        Unit::Ms => "ms",
        Unit::Ratio => "ratio",
        Unit::Number => "number",
    };
    html! {
        rect.band x=(px(x.start)) y=(px(band_top)) width=(px(x.end - x.start)) height=(px((band_bottom - band_top).max(0.0))) data-full="" {}
        line.limit x1=(px(x.start)) x2=(px(x.end)) y1=(px(limit_at)) y2=(px(limit_at)) data-full="" {}
        path.curve d=(path(&shown, x, &scale)) data-curve=(packed_points(&curve.points)) data-unit=(unit)
            data-scale={ (scale.from) " " (scale.to) " " (px(scale.start)) " " (px(scale.end)) } {}
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it came from whole milliseconds")]
fn floor(ms: f64) -> i64 {
    ms as i64
}

/// Values next to one another; where there is none the line is broken, not bridged.
fn path(points: &[(i64, Option<f64>)], x: &Scale, y: &Scale) -> String {
    let mut text = String::new();
    let mut pen = 'M';
    for (at, value) in points {
        let Some(value) = value else {
            pen = 'M';
            continue;
        };
        write!(text, "{pen}{} {}", px(x.at(*at)), px(y.place(*value))).expect("a String takes every write");
        pen = 'L';
    }
    text
}

/// Points as `milliseconds since the one before,value`, with nothing after the comma for a gap.
fn packed_points(points: &[(i64, Option<f64>)]) -> String {
    let mut before = 0;
    points.iter().fold(
        String::with_capacity(points.len() * 10),
        |mut text, (at, value)| {
            let value = value.map_or_else(String::new, short);
            let space = if text.is_empty() { "" } else { " " };
            write!(text, "{space}{},{value}", at - before).expect("a String takes every write");
            before = *at;
            text
        },
    )
}

/// A number with four significant digits: more cannot be drawn.
fn short(value: f64) -> String {
    let text = format!("{value:.3e}");
    text.parse::<f64>().map_or(text, |value| format!("{value}"))
}

/// Shares are drawn near the top of their range, everything else from zero.
fn value_scale(curve: &Curve, top: f64, bottom: f64) -> Scale {
    let values = || {
        curve
            .points
            .iter()
            .filter_map(|(_, value)| *value)
            .chain(Some(curve.limit).filter(|limit| limit.is_finite()))
    };
    let (low, high) = (
        values().fold(f64::INFINITY, f64::min),
        values().fold(f64::NEG_INFINITY, f64::max),
    );
    let (from, to) = match curve.unit {
        Unit::Ratio => ((low - (1.0 - low).max(0.02)).max(0.0), 1.0),
        _ => (low.min(0.0), high.max(f64::MIN_POSITIVE) * 1.12),
    };
    Scale {
        from,
        to,
        start: bottom,
        end: top,
    }
}
