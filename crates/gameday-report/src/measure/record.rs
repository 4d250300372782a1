//! What a report says, as it stands in `report.json`.

mod alert;
mod fault;

use std::collections::BTreeMap;

use gameday_core::PlanRecord;
use serde::{Deserialize, Serialize};

use super::difference::Difference;
use super::disturbance::DisturbanceReport;
use super::finding::Finding;
use super::forbid::ForbidReport;
use super::happened::LogLine;
use super::impact::ImpactReport;
use super::listing::{Check, ClockReport, NoticeReport, SafetyLine};
use super::means::Digest;
use super::noise::Noise;
use super::others::OtherAlert;
use super::over_trials::OverTrials;
use super::people::{Mitigation, PersonLine};
use super::picture::Picture;
use super::probe::ProbeReport;
use super::sampled::JournalReport;
use super::sight::SightReport;
use super::steady::SteadyReport;
use super::story::BriefLine;
use super::{Moment, Verdict as DrillVerdict};
use crate::words;

pub use super::alert_verdict::AlertVerdict;
pub use super::verdict::Verdict;
pub use alert::{AlertReport, Elsewhere, LimitsMs, Marks, StagesMs};
pub use fault::FaultReport;

/// Everything that a report says. Serialized, it is `report.json`.
#[derive(Debug, Clone, Serialize)]
pub struct Measurement {
    /// The version of this form.
    pub schema: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The drill's name.
    pub drill: String,
    /// The gameday that ran it.
    pub version: String,
    /// The verdict over all trials: the worst.
    pub verdict: DrillVerdict,
    /// What `gameday run` exits with.
    pub exit_code: u8,
    /// The verdict in a sentence or two.
    pub summary: String,
    /// `real` or `embedded`, when a lab was started.
    pub lab: Option<String>,
    /// Whether everything was put back.
    pub rollback: Rollback,
    /// Each trial.
    pub trials: Vec<Trial>,
    /// Each expectation over the trials.
    pub over_trials: Vec<OverTrials>,
    /// Time from the fault to the notification, over trials.
    pub mttd: Digest,
    /// Time from the fault to the steady state, over trials.
    pub mttr: Digest,
    /// What changed since the last drill of the same scenario, when there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
    /// What stands in the journal, and what was summed up there.
    pub journal: JournalReport,
    /// What was planned.
    pub plan: PlanRecord,
}

impl Measurement {
    /// The trial that is told whole: of those with the worst verdict the one that was notified last.
    pub(crate) fn told(&self) -> Option<&Trial> {
        let slowest = |trial: &Trial| {
            let ttn = trial.alerts.iter().map(|alert| alert.ttn_ms.unwrap_or(i64::MAX));
            ttn.max()
        };
        let trials = self.trials.iter().rev();
        trials.max_by_key(|trial| (trial.verdict.precedence(), slowest(trial)))
    }
}

/// Whether everything was put back.
#[derive(Debug, Clone, Serialize)]
pub struct Rollback {
    /// True only when that was looked at and nothing was left; also when nothing was ever touched.
    pub verified: bool,
    /// When it was looked at.
    pub at: Option<Moment>,
    /// Why `at` is null, or what is left.
    pub why: Option<String>,
    /// One line for each thing looked at.
    pub details: Vec<String>,
}

/// One run of the drill.
#[derive(Debug, Clone, Serialize)]
pub struct Trial {
    /// Its number, from 0.
    pub index: usize,
    /// Its own verdict.
    pub verdict: DrillVerdict,
    /// Its verdict in a sentence or two.
    pub summary: String,
    /// What kept it from passing.
    pub reasons: Vec<String>,
    /// What somebody who was not there wants to know.
    pub briefing: Vec<BriefLine>,
    /// When it began.
    pub started_at: Moment,
    /// When its journal ends.
    pub ended_at: Moment,
    /// Whether its journal has a last event.
    pub complete: bool,
    /// The drill's marks.
    pub marks: TrialMarks,
    /// T8 − T0e of the first fault.
    pub ttr_ms: Option<i64>,
    /// T8 − T7.
    pub self_heal_ms: Option<i64>,
    /// Whether the service surely never left its steady state: then it recovered from nothing.
    pub never_left: bool,
    /// How often the probes of the steady state look: no recovery is known more exactly.
    pub look_ms: Option<u64>,
    /// Whether the alert's group was new; null when that was not looked at.
    pub group_stage_clean: Option<bool>,
    /// How it began, when the drill has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateReport>,
    /// Why each null above is null, and why the group was not clean.
    pub why: BTreeMap<String, String>,
    /// What was injected.
    pub faults: Vec<FaultReport>,
    /// Each expected alert.
    pub alerts: Vec<AlertReport>,
    /// Who saw it first, the probes or the alerts; null when nothing was touched.
    pub sight: Option<SightReport>,
    /// Alerts that nobody expected.
    pub other_alerts: Vec<OtherAlert>,
    /// Alerts that must not come.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forbid: Vec<ForbidReport>,
    /// Steady state before and after.
    pub steady: Vec<SteadyReport>,
    /// What the probes saw.
    pub probes: Vec<ProbeReport>,
    /// What it cost those who use the service.
    pub impact: ImpactReport,
    /// Notifications counted: how much a person would have been called.
    pub noise: Noise,
    /// Each notification that arrived.
    pub notifications: Vec<NoticeReport>,
    /// What disturbed the measurement, and which marks it made void.
    pub disturbances: Vec<DisturbanceReport>,
    /// Clocks of other systems.
    pub clocks: Vec<ClockReport>,
    /// What people said, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<PersonLine>,
    /// When somebody said that the harm was over, if anybody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mitigation: Option<Mitigation>,
    /// Pre-flight checks.
    pub checks: Vec<Check>,
    /// Everything done to the system, in order.
    pub safety: Vec<SafetyLine>,
    /// Whether everything was put back.
    pub rollback: Rollback,
    /// What should be looked at.
    pub findings: Vec<Finding>,
    /// Every change, in order.
    pub log: Vec<LogLine>,
    /// Lines that the log leaves out; the journal has them.
    pub log_left_out: u64,
    /// The verdict and its sentence if its alerts are left out: those are judged over all trials.
    #[serde(skip)]
    pub(crate) apart: (DrillVerdict, String),
    /// What the timeline draws; its numbers are in the journal.
    #[serde(skip)]
    pub(crate) picture: Picture,
}

impl Trial {
    /// How soon the service was steady again if that was within one look of its probes, which is all that is known then.
    pub(crate) fn within_a_look(&self) -> Option<u64> {
        self.look_ms
            .zip(self.self_heal_ms)
            .filter(|(look, heal)| i64::try_from(*look).is_ok_and(|look| *heal < look))
            .map(|(look, _)| look)
    }

    /// From the removal of the last fault to the steady state, for people.
    pub(crate) fn healed(&self) -> String {
        match (self.never_left, self.within_a_look()) {
            (true, _) => "never left".to_owned(),
            (false, Some(look)) => words::within_a_look(look),
            (false, None) => words::span_or_dash(self.self_heal_ms),
        }
    }

    /// How much of the time to recovery is the drill's own hold of its faults.
    pub(crate) fn held_ms(&self) -> Option<i64> {
        Some(self.ttr_ms?.saturating_sub(self.self_heal_ms?))
    }
}

/// How a trial of several began.
#[derive(Debug, Clone, Serialize)]
pub struct GateReport {
    /// How long it waited until nothing of the one before was left.
    pub waited_ms: u64,
    /// What was left although waiting was over.
    pub left: Vec<String>,
    /// So long after a tick of the alerting its faults were to begin.
    pub phase_ms: Option<u64>,
    /// Of this interval, the longest at which is scraped or evaluated.
    pub interval_ms: Option<u64>,
    /// The same as a share, 0 to 1, drawn from the seed.
    pub phase: f64,
}

/// Marks of the drill.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TrialMarks {
    /// First fault ordered.
    #[serde(rename = "T0")]
    pub t0: Option<Moment>,
    /// Last fault removed.
    #[serde(rename = "T7")]
    pub t7: Option<Moment>,
    /// Steady state back.
    #[serde(rename = "T8")]
    pub t8: Option<Moment>,
}
