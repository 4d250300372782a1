//! Drills of then beside drills of now: is an alert lost, or slower than it was?
//!
//! ```text
//!   journals ─► Drill ─► per expectation: TTN, TTD, stages ─┬─► enough trials: ranks and shift
//!                                                           └─► too few: what phases cannot explain
//! ```
//!
//! The time until a rule is true depends on the moment at which the fault began, by up to one scrape and one
//! evaluation. With enough trials chance is told from change; with few, only what goes beyond those phases, or
//! beyond what was predicted from them, counts.

mod drill;
mod few;
mod judge;
mod rank;
mod show;

use serde::Serialize;

pub use drill::Drill;
pub use rank::{RankTest, Shift};

/// From when on a difference counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Limits {
    /// A difference that chance brings less often than this is one.
    pub alpha: f64,
    /// A detection may be slower by this much.
    pub max_shift_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            alpha: 0.05,
            max_shift_ms: 1_000,
        }
    }
}

/// How an alert does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// It was not expected before.
    Added,
    /// It came sooner.
    Faster,
    /// It did not come later, as far as these trials can tell.
    Same,
    /// Nothing is worse, but there are too few trials for a test.
    TooFew,
    /// No trial of one side can tell.
    Unclear,
    /// It is not expected any more.
    NotTested,
    /// It came later.
    Slower,
    /// It did not come in trials, and came more often before.
    Lost,
}

impl Judgement {
    /// Whether it must not go unseen.
    #[must_use]
    pub fn fails(self) -> bool {
        self >= Self::Unclear
    }

    /// For people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Faster => "faster",
            Self::Same => "same",
            Self::TooFew => "no worse",
            Self::Unclear => "unclear",
            Self::NotTested => "not tested",
            Self::Slower => "slower",
            Self::Lost => "lost",
        }
    }
}

/// Drills of one scenario, then and now.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The scenario's name.
    pub scenario: String,
    /// Names of the drills of then.
    pub old: Vec<String>,
    /// Names of the drills of now.
    pub new: Vec<String>,
    /// From when on a difference counts.
    pub limits: Limits,
    /// The worst of all.
    pub judgement: Judgement,
    /// Each expectation.
    pub alerts: Vec<AlertComparison>,
}

/// One expectation, then and now.
#[derive(Debug, Clone, Serialize)]
pub struct AlertComparison {
    /// Its key in the scenario.
    pub label: String,
    /// The alert's name.
    pub alert: String,
    /// How it does now.
    pub judgement: Judgement,
    /// Why, in a sentence with the numbers.
    pub detail: String,
    /// Fault effective to notification; fault effective to firing.
    pub times: Vec<Times>,
    /// Where the time went.
    pub stages: Vec<Stage>,
}

/// One time of an alert, then and now.
#[derive(Debug, Clone, Serialize)]
pub struct Times {
    /// `TTN` or `TTD`.
    pub what: &'static str,
    /// How it does now.
    pub judgement: Judgement,
    /// Why.
    pub detail: String,
    /// Then.
    pub old: Sample,
    /// Now.
    pub new: Sample,
    /// Whether that is chance.
    pub test: Option<RankTest>,
    /// How much later it comes, in milliseconds; null when half of the pairs have one that never came.
    pub shift_ms: Option<Shift>,
}

/// A time in the trials of one side.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Trials in which it came.
    pub detected: usize,
    /// Trials that can tell.
    pub trials: usize,
    /// Trials that cannot: inconclusive ones, and for TTN those whose group was not clean.
    pub left_out: usize,
    /// The middle; null when it did not come in half of them.
    pub median_ms: Option<f64>,
    /// The shortest.
    pub min_ms: Option<f64>,
    /// The longest of those that came.
    pub max_ms: Option<f64>,
}

/// One stage, then and now; told, never judged.
#[derive(Debug, Clone, Serialize)]
pub struct Stage {
    /// Its name.
    pub name: &'static str,
    /// The middle of then.
    pub old_ms: Option<f64>,
    /// The middle of now.
    pub new_ms: Option<f64>,
    /// Whether that is chance.
    pub test: Option<RankTest>,
    /// How much longer it takes, in milliseconds.
    pub shift_ms: Option<Shift>,
}

/// Compares drills scenario by scenario; those that only one side has are left out.
#[must_use]
pub fn compare(old: &[Drill], new: &[Drill], limits: Limits) -> Vec<Comparison> {
    let mut scenarios: Vec<&str> = new.iter().map(Drill::scenario).collect();
    scenarios.sort_unstable();
    scenarios.dedup();
    let of = |drills: &[Drill], name: &str| -> Vec<Drill> {
        let drills = drills.iter().filter(|drill| drill.scenario() == name);
        drills.cloned().collect()
    };
    scenarios
        .into_iter()
        .filter_map(|name| {
            let (old, new) = (of(old, name), of(new, name));
            (!old.is_empty()).then(|| scenario(name, &old, &new, limits))
        })
        .collect()
}

fn scenario(name: &str, old: &[Drill], new: &[Drill], limits: Limits) -> Comparison {
    let labels = |drills: &[Drill]| -> Vec<String> {
        let mut labels: Vec<String> = drills.iter().flat_map(Drill::labels).collect();
        labels.sort();
        labels.dedup();
        labels
    };
    let (before, now) = (labels(old), labels(new));
    let mut all = before.clone();
    all.extend(now.iter().filter(|label| !before.contains(label)).cloned());
    let alerts: Vec<AlertComparison> = all
        .iter()
        .map(|label| judge::alert(label, old, new, limits))
        .collect();
    let names = |drills: &[Drill]| drills.iter().map(|drill| drill.name().to_owned()).collect();
    Comparison {
        scenario: name.to_owned(),
        old: names(old),
        new: names(new),
        limits,
        judgement: alerts
            .iter()
            .map(|alert| alert.judgement)
            .max()
            .unwrap_or(Judgement::Same),
        alerts,
    }
}
