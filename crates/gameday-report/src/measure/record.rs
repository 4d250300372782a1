//! What a report says, as it stands in `report.json`.

use std::collections::BTreeMap;

use gameday_core::PlanRecord;
use serde::Serialize;

use super::advice::Advice;
use super::counted::Intervals;
use super::course::{Course, NearMiss};
use super::difference::Difference;
use super::disturbance::DisturbanceReport;
use super::finding::Finding;
use super::forbid::ForbidReport;
use super::happened::LogLine;
use super::impact::ImpactReport;
use super::keeping::KeptFiring;
use super::links::LinkReport;
use super::listing::{Check, ClockReport, NoticeReport, SafetyLine};
use super::means::Digest;
use super::noise::Noise;
use super::others::OtherAlert;
use super::over_trials::OverTrials;
use super::people::{AckReport, Mitigation, PersonLine};
use super::picture::Picture;
use super::predicted::Predicted;
use super::probe::ProbeReport;
use super::sight::SightReport;
use super::steady::SteadyReport;
use super::story::BriefLine;
use super::suppression::SuppressedBy;
use super::{Moment, Verdict as DrillVerdict};

pub use super::alert_verdict::AlertVerdict;
pub use super::verdict::Verdict;

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
    /// What was planned.
    pub plan: PlanRecord,
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
#[derive(Debug, Clone, Default, Serialize)]
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

/// One fault.
#[derive(Debug, Clone, Serialize)]
pub struct FaultReport {
    /// Its name in the scenario.
    pub name: String,
    /// What it was done to.
    pub on: String,
    /// Its kind.
    pub kind: String,
    /// Its settings, for people.
    pub detail: String,
    /// When it was ordered.
    pub ordered_at: Option<Moment>,
    /// When its injection was confirmed.
    pub injected_at: Option<Moment>,
    /// When it touched something for the first time: T0e.
    pub effective_at: Option<Moment>,
    /// When it was confirmed gone.
    pub removed_at: Option<Moment>,
    /// `removed` by the runner, `lost`, or `over` by itself.
    pub ended: Option<String>,
    /// Why it was left out, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Chunks, connections or processes touched.
    pub touched: u64,
    /// Times as their source gave them, before its clock's offset was taken off.
    pub raw: BTreeMap<String, String>,
    /// Why each null above is null.
    pub why: BTreeMap<String, String>,
}

/// Marks of an alert.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Marks {
    /// First scrape at or after the fault took effect.
    #[serde(rename = "T1")]
    pub t1: Option<Moment>,
    /// Rule active.
    #[serde(rename = "T2")]
    pub t2: Option<Moment>,
    /// Firing.
    #[serde(rename = "T3")]
    pub t3: Option<Moment>,
    /// Seen by Alertmanager.
    #[serde(rename = "T4")]
    pub t4: Option<Moment>,
    /// Notification received.
    #[serde(rename = "T5")]
    pub t5: Option<Moment>,
    /// Rule inactive.
    #[serde(rename = "T9")]
    pub t9: Option<Moment>,
    /// Resolved notice received.
    #[serde(rename = "T10")]
    pub t10: Option<Moment>,
}

impl Marks {
    /// Each mark with its name, in order.
    #[must_use]
    pub fn named(&self) -> [(&'static str, Option<Moment>); 7] {
        [
            ("T1", self.t1),
            ("T2", self.t2),
            ("T3", self.t3),
            ("T4", self.t4),
            ("T5", self.t5),
            ("T9", self.t9),
            ("T10", self.t10),
        ]
    }
}

/// Where the time from the fault to the notification went; those that are there add up to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StagesMs {
    /// Until the monitoring could see it: T1 − T0e.
    pub scrape: Option<i64>,
    /// Until the rule was active: T2 − T1.
    pub rule: Option<i64>,
    /// The rule's `for`: T3 − T2.
    pub hold: Option<i64>,
    /// Until Alertmanager had it: T4 − T3.
    pub hand_off: Option<i64>,
    /// Until it was delivered: T5 − T4.
    pub group: Option<i64>,
}

impl StagesMs {
    /// Each stage with its name, in order.
    #[must_use]
    pub fn named(&self) -> [(&'static str, Option<i64>); 5] {
        [
            ("scrape", self.scrape),
            ("rule", self.rule),
            ("hold", self.hold),
            ("hand_off", self.hand_off),
            ("group", self.group),
        ]
    }

    /// All stages that are there together.
    #[must_use]
    pub fn sum(&self) -> i64 {
        self.named().iter().filter_map(|(_, ms)| *ms).sum()
    }
}

/// The limits that an expectation states.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LimitsMs {
    /// From T0e to firing.
    pub firing: Option<u64>,
    /// From T0e to the notification.
    pub notified: Option<u64>,
    /// From the fault's removal to the resolved notice.
    pub resolved: Option<u64>,
}

/// One expected alert.
#[derive(Debug, Clone, Serialize)]
pub struct AlertReport {
    /// The alert's name.
    pub name: String,
    /// Its key in the scenario.
    pub label: String,
    /// `expected`, or `never` when it must not come.
    pub class: &'static str,
    /// Whether the expectation held.
    pub verdict: AlertVerdict,
    /// The verdict in a sentence.
    pub detail: String,
    /// Its marks.
    pub marks: Marks,
    /// Where the time went.
    pub stages_ms: StagesMs,
    /// The fault that it tells of.
    pub of: String,
    /// T3 − T0e.
    pub ttd_ms: Option<i64>,
    /// T5 − T0e.
    pub ttn_ms: Option<i64>,
    /// T10 − T7.
    pub hang_over_ms: Option<i64>,
    /// From the fault's removal to the resolved notice: what `resolved` limits.
    pub resolved_ms: Option<i64>,
    /// What the scenario allows.
    pub limits_ms: LimitsMs,
    /// What was predicted before the fault was injected.
    pub predicted: Option<Predicted>,
    /// The largest stage and what would shorten it; null when no stage took any time.
    pub advice: Option<Advice>,
    /// When it was acknowledged, if anybody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack: Option<AckReport>,
    /// The receiver that the notification reached.
    pub receiver: Option<String>,
    /// The alert's labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Marks as their source gave them, before its clock's offset was taken off.
    pub raw: BTreeMap<String, String>,
    /// Why each null above is null.
    pub why: BTreeMap<String, String>,
    /// Where two sources disagree, and other things worth knowing.
    pub notes: Vec<String>,
    /// How often it came and went.
    pub course: Course,
    /// How near it came to firing, when it was pending only.
    pub near_miss: Option<NearMiss>,
    /// What kept it quiet.
    pub suppressed_by: Vec<SuppressedBy>,
    /// Its links, and whether they lead anywhere.
    pub links: Vec<LinkReport>,
    /// Why its group stage was not that of a new group in an undisturbed Alertmanager.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unclean: Vec<String>,
    /// Marks that are known as intervals, because no receiver of ours was in the routes.
    #[serde(skip_serializing_if = "Intervals::is_empty")]
    pub between: Intervals,
    /// T5 − T0e, at the least and at the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttn_between_ms: Option<[i64; 2]>,
    /// From the fault's removal to the resolved notice, at the least and at the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_between_ms: Option<[i64; 2]>,
    /// T10 − T7, at the least and at the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hang_over_between_ms: Option<[i64; 2]>,
    /// What is known of a rule that fires on when its condition is false, by `keep_firing_for`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_firing: Option<KeptFiring>,
}

impl AlertReport {
    /// What people know it by: several expectations may be of one alert, so the key in the scenario
    /// comes first where it is another.
    #[must_use]
    pub fn title(&self) -> String {
        if self.label == self.name {
            self.name.clone()
        } else {
            format!("{} ({})", self.label, self.name)
        }
    }
}
