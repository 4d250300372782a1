//! The rows of the timeline, one kind beside the other.

use gameday_core::Unit;
use maud::{Markup, html};

use super::figure::{self, LOOKS};
use super::scale::{Scale, px};
use crate::measure::{Bar, Curve, Lane, Picture, ProbeLane, State};
use crate::words::{clean, limit};

/// A row of the timeline.
pub(super) enum Track<'a> {
    Fault(&'a Bar),
    Curve(&'a Curve),
    Probe(&'a ProbeLane),
    /// The number is that of the trial: its pattern's id.
    Alert(&'a Lane, usize),
}

/// Every row, top to bottom: cause, effect, what was seen of it, who was told.
pub(super) fn all(picture: &Picture, index: usize) -> Vec<Track<'_>> {
    let faults = picture.faults.iter().map(Track::Fault);
    let curves = picture
        .curves
        .iter()
        .filter(|curve| !curve.points.is_empty())
        .map(Track::Curve);
    let probes = picture.probes.iter().map(Track::Probe);
    let alerts = picture.alerts.iter().map(|lane| Track::Alert(lane, index));
    faults.chain(curves).chain(probes).chain(alerts).collect()
}

impl Track<'_> {
    pub(super) fn height(&self) -> f64 {
        match self {
            Self::Fault(_) => 30.0,
            Self::Curve(_) => 92.0,
            Self::Probe(_) => 24.0,
            Self::Alert(..) => 36.0,
        }
    }

    pub(super) fn draw(&self, x: &Scale, y: f64) -> Markup {
        match self {
            Self::Fault(bar) => fault(bar, x, y),
            Self::Curve(curve) => draw_curve(curve, x, y),
            Self::Probe(lane) => looks(lane, x, y),
            Self::Alert(lane, index) => alert(lane, *index, x, y),
        }
    }
}

/// A row's name in the gutter, cut to fit; the whole of it is the row's title.
fn name(text: &str, y: f64) -> Markup {
    let text = clean(text);
    let short: String = if text.chars().count() > 20 {
        text.chars().take(19).chain(['…']).collect()
    } else {
        text.clone()
    };
    html! { text.row x="0" y=(px(y)) { (short) title { (text) } } }
}

fn fault(bar: &Bar, x: &Scale, y: f64) -> Markup {
    let (from, to) = (x.at(bar.from), x.at(bar.to.unwrap_or(i64::MAX / 2)).min(x.end));
    html! {
        (name(&bar.name, y + 19.0))
        rect.fault x=(px(from)) y=(px(y + 7.0)) width=(px((to - from).max(2.0))) height="16" rx="3" {}
        @if bar.to.is_none() { text.inside x=(px(to - 8.0)) y=(px(y + 19.0)) text-anchor="end" { "not confirmed removed" } }
    }
}

fn looks(lane: &ProbeLane, x: &Scale, y: f64) -> Markup {
    let middle = y + 12.0;
    html! {
        (name(&lane.name, y + 16.0))
        @for (kind, _, class) in LOOKS {
            @let path = lane.looks.iter().filter(|(_, look)| *look == kind).fold(String::new(), |mut path, (at, look)| {
                figure::look(&mut path, *look, x.at(*at), middle);
                path
            });
            @if !path.is_empty() { path class=(class) d=(path) {} }
        }
        @if lane.looks.is_empty() { text.small x=(px(x.start + 6.0)) y=(px(y + 16.0)) { "no look" } }
    }
}

fn alert(lane: &Lane, index: usize, x: &Scale, y: f64) -> Markup {
    let middle = y + 22.0;
    html! {
        (name(&lane.name, y + 26.0))
        line.rail x1=(px(x.start)) x2=(px(x.end)) y1=(px(middle)) y2=(px(middle)) {}
        @for (from, to, state) in &lane.spans {
            @let (left, width) = (x.at(*from), (x.at(*to) - x.at(*from)).max(1.0));
            @match state {
                State::Pending => rect.pending x=(px(left)) y=(px(middle - 7.0)) width=(px(width)) height="14" fill={ "url(#hatch-" (index) ")" } {},
                State::Firing => rect.firing x=(px(left)) y=(px(middle - 7.0)) width=(px(width)) height="14" {},
            }
        }
        @if let Some(at) = lane.notified { path.notice d=(figure::notice(x.at(at), middle - 6.0)) {} }
        @if let Some(at) = lane.resolved { path.resolved d=(figure::resolved(x.at(at), middle + 5.0)) {} }
    }
}

fn draw_curve(curve: &Curve, x: &Scale, y: f64) -> Markup {
    let scale = value_scale(curve, y + 12.0, y + 82.0);
    let limit_at = px(scale.place(curve.limit));
    let worst = curve.points.iter().filter_map(|(_, value)| *value);
    let worst = if curve.unit == Unit::Ratio {
        worst.reduce(f64::min)
    } else {
        worst.reduce(f64::max)
    };
    html! {
        (name(&curve.name, y + 42.0))
        text.small x="0" y=(px(y + 57.0)) {
            @match worst { Some(value) => { "worst " (value_text(value, curve.unit)) } None => { "no value" } }
            title { (clean(&curve.text)) }
        }
        line.limit x1=(px(x.start)) x2=(px(x.end)) y1=(limit_at) y2=(limit_at) {}
        @for run in runs(curve) {
            polyline.curve points=(points(&run, x, &scale)) {}
        }
        text.limit-label x=(px(x.end)) y=(px(scale.place(curve.limit) - 4.0)) text-anchor="end" {
            "limit " (value_text(curve.limit, curve.unit))
        }
    }
}

/// Values next to one another; where there is none the line is broken, not bridged.
fn runs(curve: &Curve) -> Vec<Vec<(i64, f64)>> {
    let mut runs: Vec<Vec<(i64, f64)>> = vec![Vec::new()];
    for (at, value) in &curve.points {
        match (value, runs.last_mut()) {
            (Some(value), Some(run)) => run.push((*at, *value)),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

fn points(run: &[(i64, f64)], x: &Scale, y: &Scale) -> String {
    let point = |(at, value): &(i64, f64)| format!("{},{}", px(x.at(*at)), px(y.place(*value)));
    run.iter().map(point).collect::<Vec<String>>().join(" ")
}

/// Shares are drawn near the top of their range, everything else from zero.
fn value_scale(curve: &Curve, top: f64, bottom: f64) -> Scale {
    let values = || {
        curve
            .points
            .iter()
            .filter_map(|(_, value)| *value)
            .chain([curve.limit])
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

/// A value in its unit.
pub(super) fn value_text(value: f64, unit: Unit) -> String {
    match unit {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates, and it is shown only"
        )]
        Unit::Ms => limit(value.max(0.0).round() as u64),
        Unit::Ratio => {
            let text = format!("{:.2}", value * 100.0);
            format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
        }
        Unit::Number => {
            let text = format!("{value:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}
