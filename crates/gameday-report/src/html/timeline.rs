//! The timeline: one drawing of the whole drill, everything on one axis.
//!
//! ```text
//!    T0 T0e     T2  T3 T5                T7      T10      marks
//!   pre-flight │ steady │ inject       │ verify │ recover stages
//!      ▐██████████████████████████████████▌               faults
//!     ──╱‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾╲_____          steady state, with its band
//!     ··▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲▲·······       each look
//!             ▒▒▒▒████▼████████████████████◆              alerts and notices
//!    └────┴────┴────┴────┴────┴────┴────┴────┘
//! ```

use maud::{Markup, html};

use super::figure::{self, LOOKS};
use super::labels::{self, Label};
use super::scale::{LEFT, RIGHT, Scale, WIDTH, anchor, float, px, ticks};
use super::tracks::{self, Track};
use crate::Trial;
use crate::measure::Picture;
use crate::words::{clean, span};

const LINE: f64 = 15.0;

/// The drawing with its legend; nothing when there was no time to draw.
pub(super) fn section(trial: &Trial) -> Markup {
    let picture = &trial.picture;
    let tracks = tracks::all(picture, trial.index);
    if tracks.is_empty() || trial.marks.t0.is_none() {
        return html! {};
    }
    html! {
        section {
            h2 { "Timeline" }
            figure.timeline data-timeline="" {
                div.tools hidden role="group" aria-label="Zoom of the timeline" {
                    button type="button" data-do="in" aria-label="Zoom in" { "+" }
                    button type="button" data-do="out" aria-label="Zoom out" { "−" }
                    button type="button" data-do="left" aria-label="Earlier" { "←" }
                    button type="button" data-do="right" aria-label="Later" { "→" }
                    button type="button" data-do="all" { "All" }
                    span.hint { "drag, pinch, ctrl + wheel; keys + − ← → 0" }
                }
                div.scroll tabindex="0" role="region" aria-label="Timeline, drawn" { (drawing(trial, picture, &tracks)) }
                div.tip hidden {}
                output.hide aria-live="polite" {}
                figcaption { (legend(trial.index)) (windows(picture)) (thinned(picture)) }
            }
        }
    }
}

/// Why a curve comes back later than the service.
fn windows(picture: &Picture) -> Markup {
    html! {
        @if !picture.curves.is_empty() {
            p.note { "A steady state is judged over the time behind it (its “for”), so its curve follows the service by up to that." }
        }
    }
}

/// What was left out, said where it would be looked for.
fn thinned(picture: &Picture) -> Markup {
    html! {
        @if let Some(ms) = picture.bucket_ms {
            p.note { "More was recorded than can be drawn: of every " (span(ms)) " the smallest and the largest value "
                "and the worst look are shown. The journal has them all." }
        }
    }
}

fn drawing(trial: &Trial, picture: &Picture, tracks: &[Track<'_>]) -> Markup {
    let x = Scale {
        from: float(picture.from),
        to: float(picture.to),
        start: LEFT,
        end: RIGHT,
    };
    let labels = labels::layout(&picture.notches, |at| x.at(at), RIGHT);
    let lines = labels.iter().map(|label| label.level + 1).max().unwrap_or(0);
    let top = 8.0 + LINE * f64::from(u32::try_from(lines).unwrap_or(0));
    let bottom = top + tracks.iter().map(Track::height).sum::<f64>() + 4.0;
    let height = bottom + 24.0;
    let (title, description, clip) = (
        format!("title-{}", trial.index),
        format!("desc-{}", trial.index),
        format!("plane-{}", trial.index),
    );
    html! {
        svg.drawing viewBox={ "0 0 " (px(WIDTH)) " " (px(height)) } role="img" aria-labelledby={ (title) " " (description) }
            data-from=(picture.from) data-to=(picture.to) data-left=(px(LEFT)) data-top=(px(top)) data-bottom=(px(bottom)) data-height=(px(height))
            data-zero=[picture.zero.map(crate::Moment::text)] {
            title id=(title) { "Timeline of the drill" }
            desc id=(description) { (describe(picture)) }
            defs {
                clipPath id=(clip) { rect x=(px(LEFT - 6.0)) y="0" width=(px(RIGHT - LEFT + 12.0)) height=(px(height)) data-clip="" {} }
                (patterns(trial.index))
            }
            g clip-path={ "url(#" (clip) ")" } {
                @for bar in &picture.faults {
                    @let from = bar.effective.unwrap_or(bar.from);
                    @let to = bar.to.unwrap_or(picture.to);
                    rect.shade x=(px(x.at(from))) y=(px(top)) width=(px((x.at(to) - x.at(from)).max(0.0))) height=(px(bottom - top))
                        data-a=(from) data-b=(to) {}
                }
                (axis(picture, &x, top, bottom))
                g.marks data-notches=(packed(picture)) { @for label in &labels { (mark(label, top, bottom)) } }
                @for (track, y) in stacked(tracks, top) { g.track { (track.draw(&x, y)) } }
            }
            @for (track, y) in stacked(tracks, top) { (track.caption(y)) }
            line.cursor x1="0" x2="0" y1=(px(top)) y2=(px(bottom)) visibility="hidden" {}
        }
    }
}

fn packed(picture: &Picture) -> String {
    picture
        .notches
        .iter()
        .map(|notch| format!("{} {}", notch.name, notch.at))
        .collect::<Vec<_>>()
        .join(";")
}

fn stacked<'a, 'b>(tracks: &'b [Track<'a>], top: f64) -> impl Iterator<Item = (&'b Track<'a>, f64)> {
    tracks.iter().scan(top, |y, track| {
        let here = *y;
        *y += track.height();
        Some((track, here))
    })
}

/// The patterns of the drawing, under ids of this trial's own.
fn patterns(index: usize) -> Markup {
    html! {
        pattern id={ "hatch-" (index) } width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
            rect.hatch-ground width="6" height="6" {}
            rect.hatch-line width="2.5" height="6" {}
        }
        pattern id={ "dots-" (index) } width="6" height="6" patternUnits="userSpaceOnUse" {
            rect.hatch-ground width="6" height="6" {}
            circle.dot cx="3" cy="3" r="1.4" {}
        }
    }
}

fn axis(picture: &Picture, x: &Scale, top: f64, bottom: f64) -> Markup {
    html! {
        g.axis {
            @for tick in ticks(picture.from, picture.to) {
                @let at = px(x.at(tick));
                line.grid x1=(at) x2=(at) y1=(px(top)) y2=(px(bottom)) {}
                text.tick x=(at) y=(px(bottom + 16.0)) text-anchor=(anchor(x.at(tick))) { (tick_text(tick)) }
            }
        }
        line.baseline x1=(px(LEFT)) x2=(px(RIGHT)) y1=(px(bottom)) y2=(px(bottom)) data-full="" {}
    }
}

/// A moment of the axis; all in seconds, so that the eye can count on.
fn tick_text(ms: i64) -> String {
    let (seconds, rest) = (ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000 / 100);
    let sign = match ms {
        0 => return "T0".to_owned(),
        ..0 => "−",
        _ => "+",
    };
    match (seconds, rest) {
        (seconds, 0) if seconds >= 600 && seconds.is_multiple_of(60) => format!("{sign}{} min", seconds / 60),
        (_, 0) => format!("{sign}{seconds} s"),
        _ => format!("{sign}{seconds}.{rest} s"),
    }
}

fn mark(label: &Label, top: f64, bottom: f64) -> Markup {
    let level = f64::from(u32::try_from(label.level).unwrap_or(0));
    let y = top - 5.0 - LINE * level;
    html! {
        line.mark x1=(px(label.x)) x2=(px(label.x)) y1=(px(y + 2.0)) y2=(px(bottom)) {}
        text.mark-label x=(px(label.left)) y=(px(y)) { (label.text) }
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
    let down = |path: &str| path.replacen("M0 0", "M0 5", 1);
    html! {
        ul.legend {
            @for (look, word, class) in LOOKS {
                @let path = { let mut path = String::new(); figure::look(&mut path, look, 0.0, 0.0); path };
                li { (swatch(class, &path)) (word) }
            }
            li { svg viewBox="-8 -8 16 16" aria-hidden="true" { rect.band x="-7" y="-5" width="14" height="10" {} line.limit x1="-7" x2="7" y1="-5" y2="-5" {} } "steady" }
            li { svg viewBox="-8 -8 16 16" aria-hidden="true" {
                rect.pending x="-7" y="-4" width="14" height="8" fill={ "url(#hatch-" (index) ")" } {}
            } "pending" }
            li { svg viewBox="-8 -8 16 16" aria-hidden="true" { rect.firing x="-7" y="-4" width="14" height="8" {} } "firing" }
            li { svg viewBox="-8 -8 16 16" aria-hidden="true" {
                rect.suppressed x="-7" y="-4" width="14" height="8" fill={ "url(#dots-" (index) ")" } {}
            } "suppressed" }
            li { (swatch("notice", &down(figure::NOTICE))) "notification" }
            li { (swatch("foretold", &down(figure::NOTICE))) "predicted" }
            li { (swatch("resolved", &down(figure::RESOLVED))) "resolved notice" }
        }
    }
}
