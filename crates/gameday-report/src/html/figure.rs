//! Shapes of the timeline: each kind has its own, so that no colour is needed to tell them apart.

use std::fmt::Write;

use super::scale::px;
use crate::measure::Look;

/// Each kind of look with its word and class, in the order of the legend.
pub(super) const LOOKS: [(Look, &str, &str); 5] = [
    (Look::Up, "up", "look-up"),
    (Look::Slow, "slow", "look-slow"),
    (Look::Down, "down", "look-down"),
    (Look::Unknown, "unknown", "look-unknown"),
    (Look::Missed, "missed", "look-missed"),
];

/// Appends the outline of a look to a path.
pub(super) fn look(path: &mut String, look: Look, x: f64, y: f64) {
    let shape = match look {
        Look::Up => "m-2 0a2 2 0 1 0 4 0a2 2 0 1 0 -4 0",
        Look::Slow => "m0 -3l3 5.4h-6z",
        Look::Down => "m-3 -3l6 6m0 -6l-6 6",
        Look::Unknown => "m-2.8 0a2.8 2.8 0 1 0 5.6 0a2.8 2.8 0 1 0 -5.6 0",
        Look::Missed => "m0 -4v8",
    };
    write!(path, "M{} {}{shape}", px(x), px(y)).expect("a String takes every write");
}

/// A triangle pointing down onto a lane: a notification.
pub(super) const NOTICE: &str = "M0 0l-5 -9h10z";

/// A diamond on a lane: a resolved notice.
pub(super) const RESOLVED: &str = "M0 0l5 -5l-5 -5l-5 5z";

/// A lightning bolt of two strokes: a guard that was breached.
pub(super) const BREACH: &str = "M-5 -5l10 10m0 -10l-10 10";

/// A flag on a pole: something that a person said.
pub(super) const FLAG: &str = "M0 5v-11h8l-2.5 3l2.5 3h-8";

/// A tick: somebody took it, or said that it is over.
pub(super) const TAKEN: &str = "M-5 -1l4 4l6 -8";
