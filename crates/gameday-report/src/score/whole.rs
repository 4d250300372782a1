//! Rows of the drill as a whole: its recovery, its guards, its rollback.

use super::{Row, Score, several, share};
use crate::statistics::median_of;
use crate::words::limit;
use crate::{Measurement, Trial};

pub(super) fn of_recovery(measurement: &Measurement) -> Option<Row> {
    let within = measurement.plan.recover_within_ms?;
    let trials: Vec<&Trial> = measurement
        .trials
        .iter()
        .filter(|trial| !trial.never_left)
        .collect();
    let values: Vec<i64> = trials.iter().filter_map(|trial| trial.self_heal_ms).collect();
    let late = values
        .iter()
        .any(|ms| i64::try_from(within).is_ok_and(|most| *ms > most));
    let (score, word) = match (late, values.len() < trials.len()) {
        _ if trials.is_empty() => (Score::Good, "never left"),
        (true, _) => (Score::Bad, "late"),
        (false, true) => (Score::Doubt, "unknown"),
        (false, false) => (Score::Good, "in time"),
    };
    Some(Row {
        subject: "The service".to_owned(),
        what: "is steady after the last fault is gone".to_owned(),
        limit: Some(format!("≤ {}", limit(within))),
        predicted: None,
        measured: match trials.as_slice() {
            [one] if one.within_a_look().is_some() => one.healed(),
            _ => several(&values, trials.len()),
        },
        score,
        word: word.to_owned(),
        detail: trials
            .iter()
            .find_map(|trial| trial.why.get("self_heal_ms").cloned()),
        shares: median_of(values.iter().copied()).map(|ms| (share(ms, within), None)),
    })
}

pub(super) fn of_guard(trials: &[Trial]) -> Row {
    let breach = trials
        .iter()
        .flat_map(|trial| &trial.safety)
        .find(|line| line.what == "guard");
    Row {
        subject: "The drill".to_owned(),
        what: "breaches no guard".to_owned(),
        limit: None,
        predicted: None,
        measured: if breach.is_some() { "breached" } else { "no breach" }.to_owned(),
        score: if breach.is_some() { Score::Bad } else { Score::Good },
        word: if breach.is_some() { "breached" } else { "kept" }.to_owned(),
        detail: breach.map(|line| line.text.clone()),
        shares: None,
    }
}

pub(super) fn of_rollback(trials: &[Trial]) -> Row {
    let open = trials.iter().find(|trial| !trial.rollback.verified);
    let untouched = trials.iter().all(|trial| trial.rollback.at.is_none());
    let (score, word) = match (open, untouched) {
        (Some(_), _) => (Score::Bad, "not verified"),
        (None, true) => (Score::Good, "nothing to do"),
        (None, false) => (Score::Good, "verified"),
    };
    Row {
        subject: "The drill".to_owned(),
        what: "puts everything back".to_owned(),
        limit: None,
        predicted: None,
        measured: match (open, untouched) {
            (Some(_), _) => "not known",
            (None, true) => "untouched",
            (None, false) => "nothing left",
        }
        .to_owned(),
        score,
        word: word.to_owned(),
        detail: open.and_then(|trial| trial.rollback.why.clone()),
        shares: None,
    }
}
