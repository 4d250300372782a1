//! What a report says of an expected alert.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::Moment;
use super::super::advice::Advice;
use super::super::alert_verdict::AlertVerdict;
use super::super::approach::ApproachReport;
use super::super::counted::Intervals;
use super::super::course::{Course, NearMiss};
use super::super::keeping::KeptFiring;
use super::super::links::LinkReport;
use super::super::people::AckReport;
use super::super::predicted::Predicted;
use super::super::suppression::SuppressedBy;

/// Marks of an alert.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
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

/// A notification that reached another receiver than the one that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Elsewhere {
    /// The receiver that it reached.
    pub receiver: String,
    /// The receiver that was asked for.
    pub wanted: String,
    /// When it arrived.
    pub at: Moment,
    /// From T0e until then; null when that cannot be said.
    pub after_ms: Option<i64>,
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
    /// The largest stage and what would shorten it; null when no stage took any time, or when it never fired.
    pub advice: Option<Advice>,
    /// When it was acknowledged, if anybody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack: Option<AckReport>,
    /// The receiver that the notification reached.
    pub receiver: Option<String>,
    /// Where it went instead, when it did not reach the receiver that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Elsewhere>,
    /// The alert's labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Marks as their source gave them, before its clock's offset was taken off.
    pub raw: BTreeMap<String, String>,
    /// Where each mark was read.
    pub told_by: BTreeMap<String, String>,
    /// Why each null above is null.
    pub why: BTreeMap<String, String>,
    /// Where two sources disagree, and other things worth knowing.
    pub notes: Vec<String>,
    /// How often it came and went.
    pub course: Course,
    /// How near it came to firing, when it was pending only.
    pub near_miss: Option<NearMiss>,
    /// How near its rule came, when it did not fire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approach: Option<ApproachReport>,
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
