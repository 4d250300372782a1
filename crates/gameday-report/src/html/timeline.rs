//! The timeline: one drawing of the whole drill, everything on one axis.
//!
//! ```text
//!            T0 T0e     T2  T3 T5                T7      T10      marks
//!   slow      ▐██████████████████████████████████▌                faults
//!   fast     ──╱‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾╲_____          steady state, with its limit
//!   eu-west  ··▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲·······          each look
//!   Latency           ▒▒▒▒████▼████████████████████◆              alerts and notices
//!            └────┴────┴────┴────┴────┴────┴────┴────┘
//! ```

use maud::{Markup, html};

use super::figure::{self, LOOKS};
use super::labels::{self, Label};
use super::scale::{Scale, px, ticks};
use super::tracks::{self, Track};
use crate::Trial;
use crate::measure::Picture;
use crate::words::clean;

const WIDTH: f64 = 1000.0;
const GUTTER: f64 = 160.0;
const RIGHT: f64 = 986.0;
const LINE: f64 = 15.0;

/// The drawing with its legend; nothing when there was no time to draw.
pub(super) fn section(trial: &Trial) -> Markup {
    let picture = &trial.picture;
    let tracks = tracks::all(picture, trial.index);
    if tracks.is_empty() {
        return html! {};
    }
    html! {
        section.timeline {
            h2 { "Timeline" }
            div.scroll tabindex="0" role="region" aria-label="Timeline" { (drawing(trial, picture, &tracks)) }
            (legend(trial.index))
        }
    }
}

fn drawing(trial: &Trial, picture: &Picture, tracks: &[Track<'_>]) -> Markup {
    let x = Scale {
        from: super::scale::float(picture.from),
        to: super::scale::float(picture.to),
        start: GUTTER,
        end: RIGHT,
    };
    let labels = labels::layout(&picture.notches, |at| x.at(at), RIGHT);
    let lines = labels.iter().map(|label| label.level + 1).max().unwrap_or(0);
    let top = 8.0 + LINE * f64::from(u32::try_from(lines).unwrap_or(0));
    let bottom = top + tracks.iter().map(Track::height).sum::<f64>() + 4.0;
    let height = bottom + 26.0;
    let (title, description) = (format!("title-{}", trial.index), format!("desc-{}", trial.index));
    html! {
        svg.drawing viewBox={ "0 0 " (px(WIDTH)) " " (px(height)) } role="img"
            aria-labelledby={ (title) " " (description) } {
            title id=(title) { "Timeline of the drill" }
            desc id=(description) { (describe(picture)) }
            (hatch(trial.index))
            @for bar in &picture.faults {
                @let from = x.at(bar.effective.unwrap_or(bar.from));
                @let to = x.at(bar.to.unwrap_or(picture.to));
                rect.shade x=(px(from)) y=(px(top)) width=(px((to - from).max(0.0))) height=(px(bottom - top)) {}
            }
            (axis(picture, &x, top, bottom))
            @for label in &labels { (mark(label, top, bottom)) }
            (stack(tracks, &x, top))
        }
    }
}

fn stack(tracks: &[Track<'_>], x: &Scale, top: f64) -> Markup {
    let tops = tracks.iter().scan(top, |y, track| {
        let here = *y;
        *y += track.height();
        Some(here)
    });
    html! { @for (track, y) in tracks.iter().zip(tops) { (track.draw(x, y)) } }
}

/// The one pattern of the drawing, under an id of this trial's own.
fn hatch(index: usize) -> Markup {
    html! {
        defs { pattern id={ "hatch-" (index) } width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
            rect.hatch-ground width="6" height="6" {}
            rect.hatch-line width="2.5" height="6" {}
        } }
    }
}

fn axis(picture: &Picture, x: &Scale, top: f64, bottom: f64) -> Markup {
    html! {
        @for tick in ticks(picture.from, picture.to) {
            @let at = px(x.at(tick));
            line.grid x1=(at) x2=(at) y1=(px(top)) y2=(px(bottom)) {}
            text.tick x=(at) y=(px(bottom + 16.0)) text-anchor="middle" { (tick_text(tick)) }
        }
        line.axis x1=(px(GUTTER)) x2=(px(RIGHT)) y1=(px(bottom)) y2=(px(bottom)) {}
        @if let Some(zero) = picture.zero {
            text.tick x="0" y=(px(bottom + 16.0)) { "0 = " (zero.clock()) }
        }
    }
}

/// A moment of the axis; all in seconds, so that the eye can count on.
fn tick_text(ms: i64) -> String {
    let (seconds, rest) = (ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000 / 100);
    let sign = match ms {
        0 => return "0".to_owned(),
        ..0 => "−",
        _ => "+",
    };
    if rest == 0 {
        format!("{sign}{seconds} s")
    } else {
        format!("{sign}{seconds}.{rest} s")
    }
}

fn mark(label: &Label, top: f64, bottom: f64) -> Markup {
    let level = f64::from(u32::try_from(label.level).unwrap_or(0));
    let y = top - 5.0 - LINE * level;
    html! {
        line.mark x1=(px(label.x)) x2=(px(label.x)) y1=(px(y + 2.0)) y2=(px(bottom)) {}
        text.mark-label x=(px(label.left)) y=(px(y)) textLength=(px(labels::width(&label.text))) lengthAdjust="spacing" { (label.text) }
    }
}

/// The drawing in words.
fn describe(picture: &Picture) -> String {
    let after = |ms: i64| tick_text(ms);
    let mut parts: Vec<String> = Vec::new();
    for bar in &picture.faults {
        let to = bar.to.map_or_else(|| "the end".to_owned(), after);
        parts.push(format!("fault {} from {} to {to}", bar.name, after(bar.from)));
    }
    parts.extend(
        picture
            .notches
            .iter()
            .map(|notch| format!("{} at {}", notch.name, after(notch.at))),
    );
    clean(&format!(
        "{}. The tables below hold the same numbers.",
        parts.join(", ")
    ))
}

fn legend(index: usize) -> Markup {
    let swatch = |class: &str, path: &str| {
        html! { svg viewBox="-8 -8 16 16" aria-hidden="true" { path class=(class) d=(path) {} } }
    };
    html! {
        ul.legend {
            @for (look, word, class) in LOOKS {
                @let path = { let mut path = String::new(); figure::look(&mut path, look, 0.0, 0.0); path };
                li { (swatch(class, &path)) (word) }
            }
            li { svg viewBox="-8 -8 16 16" aria-hidden="true" {
                rect.pending x="-7" y="-4" width="14" height="8" fill={ "url(#hatch-" (index) ")" } {}
            } "pending" }
            li { svg viewBox="-8 -8 16 16" aria-hidden="true" { rect.firing x="-7" y="-4" width="14" height="8" {} } "firing" }
            li { (swatch("notice", &figure::notice(0.0, 5.0))) "notification" }
            li { (swatch("resolved", &figure::resolved(0.0, 5.0))) "resolved notice" }
        }
    }
}
