//! Means over trials, never without their count, median and range.

use serde::Serialize;

use super::record::Trial;
use crate::words;

/// A mean over trials with what makes it honest.
#[derive(Debug, Clone, Serialize)]
pub struct Digest {
    /// Trials that had a value: detected, or recovered.
    #[serde(flatten)]
    pub had: Had,
    /// Trials in which a fault was ordered.
    pub trials: u64,
    /// The mean, to the millisecond.
    pub mean_ms: Option<i64>,
    /// The middle value, or the mean of the two middle ones.
    pub median_ms: Option<i64>,
    /// The smallest.
    pub min_ms: Option<i64>,
    /// The largest.
    pub max_ms: Option<i64>,
    /// Trials that are counted but whose value is left out, because their group was not clean.
    pub excluded: u64,
    /// Why the numbers are null.
    pub why: Option<String>,
}

/// How many trials had a value, under the word that fits.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Had {
    /// The alert was notified.
    Detected(u64),
    /// The steady state came back.
    Recovered(u64),
}

impl Digest {
    /// The one form in which a mean may be printed.
    #[must_use]
    pub fn sentence(&self) -> String {
        let (what, word, had) = match self.had {
            Had::Detected(had) => ("MTTD (fault effective to notification)", "detected", had),
            Had::Recovered(had) => ("MTTR (fault effective to steady state)", "recovered", had),
        };
        let excluded = match self.excluded {
            0 => String::new(),
            some => format!(", {some} left out: group not clean"),
        };
        let range = match (self.median_ms, self.min_ms, self.max_ms) {
            (Some(median), Some(min), Some(max)) => {
                format!(
                    ", median {} [{}, {}]",
                    words::span(median),
                    words::span(min),
                    words::span(max)
                )
            }
            _ => String::new(),
        };
        let mean = words::span_or_dash(self.mean_ms);
        format!("{what} {mean} ({had} of {} {word}{range}{excluded})", self.trials)
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
    let detected = trials.iter().filter(|trial| earliest(trial).is_some()).count() as u64;
    let clean = |trial: &&Trial| trial.group_stage_clean != Some(false);
    let values = trials
        .iter()
        .filter(clean)
        .filter_map(|trial| earliest(trial)?.1)
        .collect();
    let excluded = trials
        .iter()
        .filter(|trial| !clean(trial) && earliest(trial).is_some())
        .count() as u64;
    digest(
        Had::Detected(detected),
        trials,
        values,
        excluded,
        "no trial was notified and measured",
    )
}

/// MTTR: the mean of TTR.
pub(super) fn of_recovery(trials: &[Trial]) -> Digest {
    let values: Vec<i64> = trials.iter().filter_map(|trial| trial.ttr_ms).collect();
    let had = Had::Recovered(values.len() as u64);
    digest(had, trials, values, 0, "no trial recovered and was measured")
}

fn digest(had: Had, trials: &[Trial], mut values: Vec<i64>, excluded: u64, none: &str) -> Digest {
    values.sort_unstable();
    let count = i64::try_from(values.len()).unwrap_or(i64::MAX);
    let middle = values.len() / 2;
    let median = match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2),
    };
    Digest {
        had,
        trials: trials.iter().filter(|trial| trial.marks.t0.is_some()).count() as u64,
        mean_ms: (count > 0).then(|| values.iter().sum::<i64>() / count.max(1)),
        median_ms: median,
        min_ms: values.first().copied(),
        max_ms: values.last().copied(),
        excluded,
        why: values.is_empty().then(|| none.to_owned()),
    }
}
