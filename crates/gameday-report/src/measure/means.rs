//! Means over trials, never without their count, median and range.

use serde::{Deserialize, Serialize};

use super::alert_verdict::AlertVerdict;
use super::record::{AlertReport, Trial};
use super::recovery::NEVER_LEFT;
use super::verdict::Verdict;
use crate::statistics::{Times, wilson};
use crate::words;

/// A mean over trials with what makes it honest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Digest {
    /// Trials that had a value: detected, or recovered.
    #[serde(flatten)]
    pub had: Had,
    /// Trials in which a fault was ordered; for recovery, those in which the service left its steady state.
    pub trials: u64,
    /// How much of the mean is the drill's own hold of its faults, to the removal; of a recovery only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_ms: Option<i64>,
    /// The mean, to the millisecond.
    pub mean_ms: Option<i64>,
    /// The middle value, or the mean of the two middle ones; those that never came stand last.
    pub median_ms: Option<i64>,
    /// The smallest.
    pub min_ms: Option<i64>,
    /// The largest.
    pub max_ms: Option<i64>,
    /// Trials in which it surely never came: they are in the median's order and in no mean.
    pub never: u64,
    /// How surely the true median lies between the smallest and the largest, 0 to 1.
    pub covers: Option<f64>,
    /// The share of trials that the number of those that had a value speaks for, with 95 %.
    pub share: Option<[f64; 2]>,
    /// Trials that are counted but whose value is left out, because their group was not clean.
    pub excluded: u64,
    /// Why the numbers are null.
    pub why: Option<String>,
}

/// How many trials had a value, under the word that fits.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Had {
    /// The alert was notified.
    Detected(u64),
    /// The steady state came back.
    Recovered(u64),
}

impl Digest {
    /// Trials that had a value.
    pub(crate) fn had(&self) -> u64 {
        match self.had {
            Had::Detected(had) | Had::Recovered(had) => had,
        }
    }

    /// The one form in which a mean may be printed.
    #[must_use]
    pub fn sentence(&self) -> String {
        let (what, word, had) = match self.had {
            Had::Detected(had) => ("MTTD (fault effective to notification)", "detected", had),
            Had::Recovered(had) => ("MTTR (fault effective to steady state)", "recovered", had),
        };
        let excluded = match self.excluded {
            0 => String::new(),
            some => format!(", {some} left out: group not clean, or known as an interval only"),
        };
        let range = match (self.min_ms, self.max_ms) {
            (Some(min), Some(max)) => {
                let median = self
                    .median_ms
                    .map_or_else(|| "not reached".to_owned(), words::span);
                let max = if self.never > 0 {
                    "never".to_owned()
                } else {
                    words::span(max)
                };
                format!(", median {median} [{}, {max}]", words::span(min))
            }
            _ => String::new(),
        };
        let mean = words::span_or_dash(self.mean_ms);
        if let (0, Some(why)) = (self.trials, &self.why) {
            return format!("{what} {mean}: {why}");
        }
        let held = self.held_ms.map_or_else(String::new, |ms| {
            format!(", {} of it the drill's own hold of the fault", words::span(ms))
        });
        format!(
            "{what} {mean}{held} ({had} of {} {word}{range}{excluded})",
            self.trials
        )
    }
}

/// MTTD: the mean of TTN, by each trial's earliest notification.
pub(super) fn of_detection(trials: &[Trial]) -> Digest {
    let earliest = |trial: &Trial| {
        let notified = trial
            .alerts
            .iter()
            .filter_map(|alert| Some((alert.marks.t5?, alert.ttn_ms)));
        notified.min_by_key(|(t5, _)| *t5)
    };
    // Told, and known as an interval only: counted, and in no mean.
    let within = |trial: &Trial| trial.alerts.iter().any(|alert| alert.between.t5.is_some());
    let told = |trial: &&Trial| earliest(trial).is_some() || within(trial);
    let detected = trials.iter().filter(told).count() as u64;
    let clean = |trial: &&Trial| trial.group_stage_clean != Some(false);
    let values = trials
        .iter()
        .filter(clean)
        .filter_map(|trial| earliest(trial)?.1)
        .collect();
    let excluded = trials
        .iter()
        .filter(|trial| told(trial) && (!clean(trial) || earliest(trial).is_none()))
        .count() as u64;
    let never = trials
        .iter()
        .filter(|trial| clean(trial) && never_told(trial))
        .count() as u64;
    digest(
        Had::Detected(detected),
        trials,
        Times::new(values, never),
        excluded,
        "no trial was notified and measured",
    )
}

/// MTTR: the mean of TTR.
pub(super) fn of_recovery(trials: &[Trial]) -> Digest {
    let values: Vec<i64> = trials.iter().filter_map(|trial| trial.ttr_ms).collect();
    let had = Had::Recovered(values.len() as u64);
    let never = trials.iter().filter(|trial| never_recovered(trial)).count() as u64;
    let unharmed = trials.iter().filter(|trial| trial.never_left).count() as u64;
    let why = match unharmed {
        0 => "no trial recovered and was measured",
        _ => NEVER_LEFT,
    };
    let mut digest = digest(had, trials, Times::new(values, never), 0, why);
    // Who was never ill did not get well either.
    digest.trials = digest.trials.saturating_sub(unharmed);
    digest.held_ms = Times::new(trials.iter().filter_map(Trial::held_ms).collect(), 0).mean();
    digest
}

/// Whether a trial's alerts surely reached nobody.
fn never_told(trial: &Trial) -> bool {
    let unsure = |alert: &AlertReport| {
        let nothing_said = matches!(
            alert.verdict,
            AlertVerdict::Unknown | AlertVerdict::NotEffective | AlertVerdict::AlreadyFiring
        );
        alert.marks.t5.is_some() || nothing_said
    };
    let mut wanted = trial
        .alerts
        .iter()
        .filter(|alert| alert.class != "never")
        .peekable();
    trial.marks.t0.is_some() && wanted.peek().is_some() && !ended_early(trial) && !wanted.any(unsure)
}

/// Whether a trial surely did not become steady while it was watched.
fn never_recovered(trial: &Trial) -> bool {
    let broken = trial.steady.iter().any(|steady| steady.after == Some(false));
    trial.marks.t0.is_some() && trial.ttr_ms.is_none() && broken && !ended_early(trial)
}

/// What was not watched to its end says nothing of what would still have come.
fn ended_early(trial: &Trial) -> bool {
    matches!(
        trial.verdict,
        Verdict::Aborted | Verdict::Refused | Verdict::RollbackUnverified
    )
}

fn digest(had: Had, trials: &[Trial], values: Times, excluded: u64, none: &str) -> Digest {
    let summary = values.summary();
    let count = match had {
        Had::Detected(count) | Had::Recovered(count) => count,
    };
    Digest {
        had,
        trials: trials.iter().filter(|trial| trial.marks.t0.is_some()).count() as u64,
        held_ms: None,
        mean_ms: values.mean(),
        median_ms: summary.median_ms,
        min_ms: summary.min_ms,
        max_ms: summary.max_ms,
        never: summary.trials - summary.came,
        covers: summary.covers,
        share: wilson(count, count + summary.trials - summary.came).map(|(low, high)| [low, high]),
        excluded,
        why: (summary.came == 0).then(|| none.to_owned()),
    }
}
