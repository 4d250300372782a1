//! This drill beside the last one of the same scenario, as the runner named it in the first event.

use gameday_core::{Baseline, BaselineAlert, Timestamp};
use serde::Serialize;

use super::mark::Moment;
use super::record::{AlertReport, Measurement, Trial};
use crate::statistics::median_of;
use crate::words;

/// What changed since the last drill.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    /// The last drill's name.
    pub drill: String,
    /// When it began.
    pub started_at: Moment,
    /// Its verdict.
    pub verdict: String,
    /// How many trials its times are the medians of.
    pub trials: u64,
    /// Each time that either has.
    pub rows: Vec<DifferenceRow>,
}

/// One time of both drills.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DifferenceRow {
    /// The expectation's key, or `service`.
    pub subject: String,
    /// `ttd`, `ttn`, `resolved`, `ttr`, `self_heal` or a stage.
    pub what: String,
    /// Then.
    pub before_ms: Option<i64>,
    /// Now; of several trials the median.
    pub now_ms: Option<i64>,
    /// Now less then; null when either is not known.
    pub change_ms: Option<i64>,
}

impl DifferenceRow {
    /// A time that was there and is not, or the other way round.
    pub(crate) fn came_or_went(&self) -> Option<&'static str> {
        let is_stage = !["ttd", "ttn", "resolved", "ttr", "self_heal"].contains(&self.what.as_str());
        match (self.before_ms, self.now_ms) {
            _ if is_stage => None,
            (Some(_), None) => Some("not reached now"),
            (None, Some(_)) => Some("not reached then"),
            _ => None,
        }
    }

    /// Which time it is, for people.
    pub(crate) fn time(&self) -> String {
        match self.what.as_str() {
            "ttd" => "to firing".to_owned(),
            "ttn" => "to the notification".to_owned(),
            "resolved" => "to the resolved notice".to_owned(),
            "ttr" => "to the steady state".to_owned(),
            "self_heal" => "from removal to the steady state".to_owned(),
            stage => format!("stage {}", words::spaced(stage).replace(' ', "-")),
        }
    }
}

/// Compares the trials with what the first event says of the last drill.
pub(super) fn read(baseline: &Baseline, trials: &[Trial]) -> Difference {
    let mut rows = Vec::new();
    let mut row = |subject: &str, what: &str, before: Option<i64>, now: Option<i64>| {
        if before.is_some() || now.is_some() {
            rows.push(DifferenceRow {
                subject: subject.to_owned(),
                what: what.to_owned(),
                before_ms: before,
                now_ms: now,
                change_ms: now.zip(before).map(|(now, before)| now.saturating_sub(before)),
            });
        }
    };
    for then in &baseline.alerts {
        let all: Vec<&AlertReport> = trials
            .iter()
            .flat_map(|trial| &trial.alerts)
            .filter(|alert| alert.label == then.label)
            .collect();
        let now = |of: &dyn Fn(&AlertReport) -> Option<i64>| median(all.iter().map(|alert| of(alert)));
        row(&then.label, "ttd", then.ttd_ms, now(&|alert| alert.ttd_ms));
        row(&then.label, "ttn", then.ttn_ms, now(&|alert| alert.ttn_ms));
        row(
            &then.label,
            "resolved",
            then.resolved_ms,
            now(&|alert| alert.resolved_ms),
        );
        for index in 0..5 {
            let name = super::StagesMs::default().named()[index].0;
            row(
                &then.label,
                name,
                then.stages_ms.get(name).copied(),
                now(&|alert| alert.stages_ms.named()[index].1),
            );
        }
    }
    row(
        "service",
        "ttr",
        baseline.ttr_ms,
        median(trials.iter().map(|trial| trial.ttr_ms)),
    );
    row(
        "service",
        "self_heal",
        baseline.self_heal_ms,
        median(trials.iter().map(|trial| trial.self_heal_ms)),
    );
    Difference {
        drill: baseline.drill.clone(),
        started_at: Moment::new(baseline.started),
        verdict: baseline.verdict.clone(),
        trials: baseline.trials,
        rows,
    }
}

fn median(values: impl Iterator<Item = Option<i64>>) -> Option<i64> {
    median_of(values.flatten())
}

impl Measurement {
    /// What a later drill of the same scenario is compared with; none when nothing was touched.
    #[must_use]
    pub fn baseline(&self) -> Option<Baseline> {
        let trials: Vec<&Trial> = self
            .trials
            .iter()
            .filter(|trial| trial.marks.t0.is_some())
            .collect();
        let first = trials.first()?;
        Some(Baseline {
            drill: self.drill.clone(),
            started: time(first),
            verdict: self.verdict.word().to_owned(),
            trials: u64::try_from(trials.len()).unwrap_or(u64::MAX),
            ttr_ms: median(trials.iter().map(|trial| trial.ttr_ms)),
            self_heal_ms: median(trials.iter().map(|trial| trial.self_heal_ms)),
            alerts: first
                .alerts
                .iter()
                .map(|alert| of_alert(alert, &trials))
                .collect(),
        })
    }
}

fn time(trial: &Trial) -> Timestamp {
    trial.started_at.time()
}

fn of_alert(alert: &AlertReport, trials: &[&Trial]) -> BaselineAlert {
    let all: Vec<&AlertReport> = trials
        .iter()
        .flat_map(|trial| &trial.alerts)
        .filter(|one| one.label == alert.label)
        .collect();
    let of = |value: &dyn Fn(&AlertReport) -> Option<i64>| median(all.iter().map(|alert| value(alert)));
    let stages = alert.stages_ms.named().into_iter().enumerate();
    BaselineAlert {
        label: alert.label.clone(),
        verdict: alert.verdict.word().to_owned(),
        ttd_ms: of(&|alert| alert.ttd_ms),
        ttn_ms: of(&|alert| alert.ttn_ms),
        resolved_ms: of(&|alert| alert.resolved_ms),
        stages_ms: stages
            .filter_map(|(index, (name, _))| {
                Some((name.to_owned(), of(&|alert| alert.stages_ms.named()[index].1)?))
            })
            .collect(),
    }
}
