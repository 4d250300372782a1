//! What of a drill is compared: its trials, and how long the phases are that its times depend on.

use gameday_core::{Event, EventKind};

use crate::measure::measure_all;
use crate::{AlertReport, AlertVerdict, Measurement, TimelineError};

/// A drill that was measured.
#[derive(Debug, Clone)]
pub struct Drill {
    measurement: Measurement,
    /// How often each rule is evaluated, by alert.
    evaluated_ms: Vec<(String, u64)>,
    /// How often the jobs are scraped that its alerts come from: the longest.
    scraped_ms: Option<i64>,
}

/// One trial of one expectation.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Seen {
    /// Fault effective to firing; infinite when it never came, none when that cannot be told.
    pub ttd_ms: Option<f64>,
    /// Fault effective to notification, the same.
    pub ttn_ms: Option<f64>,
    /// Fault effective to rule active: what phases decide.
    pub climb_ms: Option<f64>,
    /// Rule active to firing.
    pub to_firing_ms: Option<f64>,
    /// Rule active to notification.
    pub to_notice_ms: Option<f64>,
    /// Rule active, less what was predicted.
    pub off_ms: Option<f64>,
    /// The stages.
    pub stages_ms: [Option<f64>; 5],
}

impl Drill {
    /// Measures a journal.
    ///
    /// # Errors
    /// [`TimelineError`] when it is none that this build can read.
    pub fn read(events: &[Event]) -> Result<Self, TimelineError> {
        let rules = events.iter().filter_map(|event| match &event.kind {
            EventKind::RuleSeen(rule) => Some((rule.alert.clone(), rule.interval_ms)),
            _ => None,
        });
        Ok(Self {
            measurement: measure_all(std::iter::once(events))?,
            evaluated_ms: rules.collect(),
            scraped_ms: scraped_ms(events),
        })
    }

    /// Its scenario.
    #[must_use]
    pub fn scenario(&self) -> &str {
        &self.measurement.scenario
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.measurement.drill
    }

    /// Whether it injected anything: what was refused tells nothing.
    #[must_use]
    pub fn tested(&self) -> bool {
        let mut trials = self.measurement.trials.iter();
        trials.any(|trial| trial.marks.t0.is_some())
    }

    /// The keys of its expectations.
    pub(super) fn labels(&self) -> Vec<String> {
        let expect = self.measurement.plan.expect.iter();
        expect.map(|expect| expect.label.clone()).collect()
    }

    /// The alert of an expectation.
    pub(super) fn alert(&self, label: &str) -> Option<&str> {
        let mut expect = self.measurement.plan.expect.iter();
        Some(&expect.find(|expect| expect.label == label)?.alert)
    }

    /// How much later an alert can come only because the fault began at another moment; none when not known.
    pub(super) fn phases_ms(&self, alert: &str) -> Option<f64> {
        let (_, evaluated) = self.evaluated_ms.iter().find(|(name, _)| name == alert)?;
        let evaluated = i64::try_from(*evaluated).ok()?;
        Some(number(evaluated.checked_add(self.scraped_ms?)?))
    }

    /// Each trial of an expectation.
    pub(super) fn seen(&self, label: &str) -> Vec<Seen> {
        let trials = self
            .measurement
            .trials
            .iter()
            .filter(|trial| trial.marks.t0.is_some());
        let of_it = trials.filter_map(|trial| {
            let alert = trial.alerts.iter().find(|alert| alert.label == label)?;
            Some(seen(alert, trial.group_stage_clean != Some(false)))
        });
        of_it.collect()
    }
}

fn seen(alert: &AlertReport, clean: bool) -> Seen {
    let tells = !matches!(
        alert.verdict,
        AlertVerdict::NotEffective
            | AlertVerdict::NotOrdered
            | AlertVerdict::AlreadyFiring
            | AlertVerdict::Unknown
    );
    // Silence that was wanted is no alert that is missing.
    let wanted = alert.verdict != AlertVerdict::Passed || alert.ttd_ms.is_some() || alert.ttn_ms.is_some();
    if !tells || !wanted {
        return Seen::default();
    }
    let marks = &alert.marks;
    let since_active = |mark: Option<crate::Moment>| Some(number(mark?.ms_since(marks.t2?)));
    let came = |ms: Option<i64>| Some(ms.map_or(f64::INFINITY, number));
    let to_notice_ms = since_active(marks.t5);
    Seen {
        ttd_ms: came(alert.ttd_ms),
        ttn_ms: came(alert.ttn_ms).filter(|_| clean),
        climb_ms: alert
            .ttn_ms
            .zip(to_notice_ms)
            .map(|(ttn, rest)| number(ttn) - rest)
            .or_else(|| Some(number(alert.ttd_ms?) - since_active(marks.t3)?)),
        to_firing_ms: since_active(marks.t3),
        to_notice_ms: to_notice_ms.filter(|_| clean),
        off_ms: alert
            .predicted
            .as_ref()
            .and_then(|predicted| predicted.off_ms.get("T2").copied())
            .map(number),
        stages_ms: alert.stages_ms.named().map(|(_, ms)| ms.map(number)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "no drill lasts 2^52 milliseconds")]
fn number(ms: i64) -> f64 {
    ms as f64
}

/// The usual time between two samples of `up`, of the job that is scraped least often.
fn scraped_ms(events: &[Event]) -> Option<i64> {
    let series = events.iter().flat_map(|event| match &event.kind {
        EventKind::RawSamples { selector, series, .. } if selector.starts_with("up{") => series.as_slice(),
        _ => &[],
    });
    let usual = series.filter_map(|one| {
        let mut gaps: Vec<i64> = one
            .samples
            .windows(2)
            .map(|two| two[1].0.micros_since(two[0].0) / 1000)
            .collect();
        gaps.sort_unstable();
        gaps.get(gaps.len() / 2).copied()
    });
    usual.max()
}
