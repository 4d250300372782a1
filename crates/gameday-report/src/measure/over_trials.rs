//! An expectation over several trials: how often it was met, how long it took, how sure that is.

use std::collections::BTreeMap;

use gameday_core::ExpectRecord;
use serde::Serialize;

use super::alert_verdict::AlertVerdict;
use super::record::{AlertReport, Trial};
use super::verdict::Verdict;
use crate::statistics::{Summary, Times, wilson};
use crate::words;

/// An expectation over all trials of a drill.
#[derive(Debug, Clone, Serialize)]
pub struct OverTrials {
    /// Its key in the scenario.
    pub label: String,
    /// The alert's name.
    pub name: String,
    /// True when it must never come.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub never: bool,
    /// Whether it came in time in as many trials as it must.
    pub verdict: Verdict,
    /// The verdict in a sentence.
    pub detail: String,
    /// Trials in which a fault was ordered.
    pub trials: u64,
    /// Trials in which it was as expected.
    pub passed: u64,
    /// In so many it must be.
    pub needed: u64,
    /// Trials of which nothing can be said.
    pub unknown: u64,
    /// Trials in which somebody was told, or it fired where nobody can tell whether somebody was.
    pub detected: u64,
    /// The share of trials that those speak for, with 95 %.
    pub detected_share: Option<[f64; 2]>,
    /// T3 − T0e.
    pub ttd: Summary,
    /// T5 − T0e, of the trials whose group stage was clean.
    pub ttn: Summary,
    /// Trials that TTN leaves out, because their group stage was not clean.
    pub not_clean: u64,
    /// Where the time went.
    pub stages: BTreeMap<&'static str, Summary>,
}

/// Each expectation of the plan.
pub(super) fn read(expect: &[ExpectRecord], trials: &[Trial]) -> Vec<OverTrials> {
    expect.iter().map(|expect| one(expect, trials)).collect()
}

fn one(expect: &ExpectRecord, trials: &[Trial]) -> OverTrials {
    let run = || trials.iter().filter(|trial| trial.marks.t0.is_some());
    let alerts = || {
        run().filter_map(|trial| {
            let alert = trial.alerts.iter().find(|alert| alert.label == expect.label)?;
            Some((trial, alert))
        })
    };
    let count =
        |wanted: &dyn Fn(&AlertReport) -> bool| alerts().filter(|(_, alert)| wanted(alert)).count() as u64;
    let trials = run().count() as u64;
    let passed = count(&|alert| alert.verdict == AlertVerdict::Passed);
    let unsure = |alert: &AlertReport| came(alert) == Came::Unknown && alert.verdict != AlertVerdict::Passed;
    let unknown = count(&|alert| unsure(alert) && alert.verdict != AlertVerdict::Forbidden);
    let detected = count(&|alert| came(alert) == Came::Yes);
    let needed = needed(expect, trials);
    let verdict = match () {
        () if passed >= needed => Verdict::Passed,
        () if passed + unknown >= needed => Verdict::Inconclusive,
        () => Verdict::Failed,
    };
    let clean = || alerts().filter(|(trial, _)| trial.group_stage_clean != Some(false));
    let ttn = times(clean().map(|(_, alert)| (alert, alert.ttn_ms)));
    let stages = ["scrape", "rule", "hold", "hand_off", "group"];
    let mut over = OverTrials {
        label: expect.label.clone(),
        name: expect.alert.clone(),
        never: expect.never,
        verdict,
        detail: String::new(),
        trials,
        passed,
        needed,
        unknown,
        detected,
        detected_share: wilson(detected, if expect.never { 0 } else { trials - unknown })
            .map(|(low, high)| [low, high]),
        ttd: times(alerts().map(|(_, alert)| (alert, alert.ttd_ms))).summary(),
        not_clean: trials - clean().count() as u64,
        stages: stages
            .into_iter()
            .enumerate()
            .map(|(index, name)| (name, stage(alerts().map(|(_, alert)| alert), index)))
            .collect(),
        ttn: ttn.summary(),
    };
    over.detail = over.sentence();
    over
}

/// In how many trials it must come: of others than were thought of, the same share, rounded up.
fn needed(expect: &ExpectRecord, trials: u64) -> u64 {
    match expect.detected {
        Some([k, n]) if n > 0 => (u64::from(k) * trials).div_ceil(u64::from(n)),
        _ => trials,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Yes,
    No,
    Unknown,
}

/// Whether somebody was told in a trial.
fn came(alert: &AlertReport) -> Came {
    match alert.verdict {
        AlertVerdict::Unknown | AlertVerdict::NotEffective | AlertVerdict::AlreadyFiring => Came::Unknown,
        // Of what must never come nobody asks how soon it did.
        _ if alert.class == "never" => Came::Unknown,
        AlertVerdict::Passed | AlertVerdict::Late => Came::Yes,
        _ if alert.ttn_ms.is_some() => Came::Yes,
        _ => Came::No,
    }
}

/// A time that is there counts; one that is not never came only if the alert surely did not.
fn times<'a>(found: impl Iterator<Item = (&'a AlertReport, Option<i64>)>) -> Times {
    let (mut values, mut never) = (Vec::new(), 0);
    for (alert, ms) in found {
        match ms {
            Some(ms) => values.push(ms),
            None if came(alert) == Came::No => never += 1,
            None => {}
        }
    }
    Times::new(values, never)
}

/// One stage: in a trial without a detection the stage after the last known one is where it never came to an end.
fn stage<'a>(alerts: impl Iterator<Item = &'a AlertReport>, index: usize) -> Summary {
    let (mut values, mut never) = (Vec::new(), 0);
    for alert in alerts {
        let stages = alert.stages_ms.named();
        let last = stages.iter().rposition(|(_, ms)| ms.is_some());
        match stages[index].1 {
            Some(ms) => values.push(ms),
            None if came(alert) == Came::No && index == last.map_or(0, |last| last + 1) => never += 1,
            None => {}
        }
    }
    Times::new(values, never).summary()
}

impl OverTrials {
    fn sentence(&self) -> String {
        let enough = if self.passed >= self.needed { "" } else { "only " };
        let asked = if self.needed == self.trials {
            String::new()
        } else {
            format!(", {} asked for", self.needed)
        };
        let unknown = match self.unknown {
            0 => String::new(),
            some => format!(", of {some} nothing can be said"),
        };
        let ttn = range(&self.ttn).map_or_else(String::new, |range| format!(": notified after {range}"));
        let what = if self.never { "silent" } else { "in time" };
        format!(
            "{what} in {enough}{} of {} trials{asked}{unknown}{ttn}",
            self.passed, self.trials
        )
    }
}

/// `41.9 s [40.2 s, 45.0 s]`, with what never came where it stands; none when there is no value.
pub(crate) fn range(summary: &Summary) -> Option<String> {
    let (min, max) = (summary.min_ms?, summary.max_ms?);
    let median = summary
        .median_ms
        .map_or_else(|| "not reached".to_owned(), words::span);
    let max = if summary.came < summary.trials {
        "never".to_owned()
    } else {
        words::span(max)
    };
    Some(format!("{median} [{}, {max}]", words::span(min)))
}
