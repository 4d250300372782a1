//! What a terminal says below the verdict.

use crate::Measurement;
use crate::words::{percent, spaced, span, span_or_dash, sure};

/// What else there is to say, a line each: further reasons of the only trial, or each of several and what they say
/// together.
#[must_use]
pub fn terminal_lines(measurement: &Measurement) -> Vec<String> {
    if let [trial] = measurement.trials.as_slice() {
        // The first reason stands in the summary.
        let more = trial.reasons.iter().skip(1);
        let seen = trial.sight.iter().map(|sight| sight.summary.clone());
        return more.map(|reason| format!("and: {reason}")).chain(seen).collect();
    }
    let mut lines: Vec<String> = Vec::new();
    for trial in &measurement.trials {
        let alerts = trial
            .alerts
            .iter()
            .map(|alert| format!(", {} {}", alert.label, span_or_dash(alert.ttn_ms)));
        let clean = match trial.group_stage_clean {
            Some(false) => ", not clean: not counted",
            _ => "",
        };
        lines.push(format!(
            "trial {}: {}{}, steady after {}{clean}",
            trial.index + 1,
            spaced(trial.verdict.word()),
            alerts.collect::<String>(),
            span_or_dash(trial.ttr_ms)
        ));
        lines.extend(trial.reasons.iter().map(|reason| format!("  {reason}")));
    }
    for over in measurement.over_trials.iter().filter(|over| !over.never) {
        let share = over.detected_share.map_or_else(String::new, |[low, high]| {
            format!(" (95 %: {} to {} of such faults)", percent(low), percent(high))
        });
        let of = over.trials - over.unknown;
        lines.push(format!(
            "{}: detected in {} of {of}{share}",
            over.label, over.detected
        ));
    }
    if let (Some(covers), Some(median)) = (measurement.mttd.covers, measurement.mttd.median_ms) {
        lines.push(format!(
            "the true median is between the smallest and the largest with {}; the median is {}",
            sure(covers),
            span(median)
        ));
    }
    lines.push(measurement.mttd.sentence());
    lines.push(measurement.mttr.sentence());
    lines
}
