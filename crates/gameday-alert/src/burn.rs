//! Burn rates: how fast an error budget is spent, and the pairs of windows that alert on it.
//!
//! ```text
//!  (time, good, bad, unseen) ─► History ─► Objective::measure ─► Measure { budget, burns } ─► Alert::observe ─► Stage
//! ```
//!
//! The method is that of the SRE Workbook, chapter 5 ("Alerting on SLOs"), section 6: an alert fires while
//! the burn rate is over its factor in a long window, so that it matters, and in a short one, so that it
//! still goes on. A burn rate of 1 spends exactly the whole budget in the objective's window.
//!
//! All of this is pure: the time is an argument, and memory does not grow with looks.

mod alert;
mod history;
mod objective;
mod pair;
#[cfg(test)]
mod tests;

pub use alert::{BurnAlert, Stage};
pub use history::{History, Tally};
pub use objective::{Burn, MIN_FAILURES, Measure, Objective};
pub use pair::{PAIRS, Pair, Severity, pairs_for};
