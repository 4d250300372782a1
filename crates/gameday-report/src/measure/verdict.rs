//! The verdict of a drill: what can be said for certain, the worst first, and never a pass in doubt.

use std::collections::BTreeSet;

use gameday_core::{Ended, EventKind, Skip};
use serde::{Deserialize, Serialize};

use super::alert_verdict::AlertVerdict;
use super::disturbance::is_alertmanager;
use super::fault::Fault;
use super::forbid::ForbidReport;
use super::mark::Moment;
use super::others::OtherAlert;
use super::over_trials::OverTrials;
use super::probe::ProbeReport;
use super::record::{AlertReport, Rollback, Trial};
use super::recovery::{NEVER_LEFT, Recovery};
use super::sight::SightReport;
use super::steady::SteadyReport;
use super::timeline::Timeline;
use crate::words;

/// The verdict of a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything came as expected.
    Passed,
    /// Something did not.
    Failed,
    /// It cannot be said.
    Inconclusive,
    /// It was ended early and everything was put back.
    Aborted,
    /// Pre-flight refused; nothing was touched.
    Refused,
    /// A fault may still be in place.
    RollbackUnverified,
}

impl Verdict {
    /// What `gameday run` exits with.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed | Self::Inconclusive => 1,
            Self::Aborted => 3,
            Self::Refused => 4,
            Self::RollbackUnverified => 5,
        }
    }

    /// The word that `report.json` uses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::Aborted => "aborted",
            Self::Refused => "refused",
            Self::RollbackUnverified => "rollback_unverified",
        }
    }

    /// Of several trials the one with the highest counts.
    pub(crate) fn precedence(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Inconclusive => 1,
            Self::Failed => 2,
            Self::Refused => 3,
            Self::Aborted => 4,
            Self::RollbackUnverified => 5,
        }
    }
}

/// The verdict over all trials: the worst of what is no alert's, else that of the expectations over the trials.
pub(super) fn over_trials(trials: &[Trial], expectations: &[OverTrials]) -> (Verdict, String) {
    let worst = trials
        .iter()
        .max_by_key(|trial| (trial.apart.0.precedence(), std::cmp::Reverse(trial.index)))
        .expect("there is a trial");
    if trials.len() == 1 {
        return (worst.verdict, worst.summary.clone());
    }
    let tell = |over: &OverTrials| format!("{} {}", over.label, over.detail);
    let failing = expectations.iter().max_by_key(|over| over.verdict.precedence());
    match failing.filter(|over| over.verdict.precedence() > worst.apart.0.precedence()) {
        Some(over) => (over.verdict, format!("{}.", tell(over))),
        None if worst.apart.0 != Verdict::Passed => {
            let summary = format!("Trial {}: {}", worst.index + 1, worst.apart.1);
            (worst.apart.0, summary)
        }
        None if expectations.is_empty() => {
            let summary = format!("Everything was as expected in {} trials.", trials.len());
            (Verdict::Passed, summary)
        }
        None => {
            let all: Vec<String> = expectations.iter().map(tell).collect();
            (Verdict::Passed, format!("{}.", all.join("; ")))
        }
    }
}

/// What a drill is judged by.
pub(super) struct Facts<'a> {
    pub timeline: &'a Timeline<'a>,
    pub faults: &'a [Fault<'a>],
    pub alerts: &'a [AlertReport],
    pub sight: Option<&'a SightReport>,
    pub forbid: &'a [ForbidReport],
    pub others: &'a [OtherAlert],
    pub steady: &'a [SteadyReport],
    pub probes: &'a [ProbeReport],
    pub recovery: &'a Recovery,
    pub rollback: &'a Rollback,
}

/// A verdict and what led to it.
pub(super) struct Ruling {
    pub verdict: Verdict,
    pub summary: String,
    pub reasons: Vec<String>,
}

/// Judges a drill.
pub(super) fn judge(facts: &Facts<'_>) -> Ruling {
    if !facts.rollback.verified {
        let why = facts.rollback.why.clone().unwrap_or_default();
        return ruling(
            Verdict::RollbackUnverified,
            "A fault may still be in place",
            vec![why],
        );
    }
    if let Some(ruling) = facts.ended_early() {
        return ruling;
    }
    let (failures, doubts) = facts.shortcomings();
    match (failures.is_empty(), doubts.is_empty()) {
        (true, true) => ruling(Verdict::Passed, &facts.success(), Vec::new()),
        (true, false) => ruling(
            Verdict::Inconclusive,
            "It cannot be said whether this worked",
            doubts,
        ),
        (false, _) => {
            let headline = match failures.len() {
                1 => "Not as expected".to_owned(),
                several => format!("{several} things were not as expected, the first"),
            };
            ruling(Verdict::Failed, &headline, [failures, doubts].concat())
        }
    }
}

fn ruling(verdict: Verdict, headline: &str, reasons: Vec<String>) -> Ruling {
    let summary = match reasons.first() {
        Some(reason) => format!("{headline}: {reason}."),
        None => format!("{headline}."),
    };
    Ruling {
        verdict,
        summary,
        reasons,
    }
}

impl Facts<'_> {
    fn ended_early(&self) -> Option<Ruling> {
        let touched = self.timeline.first_ordered().is_some();
        let back = if touched {
            "everything was put back"
        } else {
            "nothing was touched"
        };
        let mut stopped = None;
        let mut ended = None;
        for event in self.timeline.events {
            match &event.kind {
                EventKind::Stopped(reason) => stopped = stopped.or_else(|| Some(reason.to_string())),
                EventKind::GuardBreached { guard, detail } => {
                    stopped = stopped.or(Some(format!("the guard `{guard}` was breached ({detail})")));
                }
                EventKind::DrillEnded(how) => ended = Some(how),
                EventKind::TrialEnded { .. } => ended = Some(&Ended::Completed),
                _ => {}
            }
        }
        let healed = self
            .timeline
            .events
            .iter()
            .any(|event| matches!(event.kind, EventKind::Healed { .. }));
        let aborted = |why: String| {
            Some(ruling(
                Verdict::Aborted,
                &format!("Ended early, {back}"),
                vec![why],
            ))
        };
        match (ended, stopped) {
            (Some(Ended::Refused(why)), _) if !touched => {
                Some(ruling(Verdict::Refused, "Nothing was touched", vec![why.clone()]))
            }
            (Some(Ended::Refused(why)), _) => aborted(why.clone()),
            (_, Some(why)) => aborted(why),
            (Some(Ended::Aborted), None) => aborted("it does not say why".into()),
            (_, None) if healed => aborted("`gameday heal` put back what the runner had left".into()),
            (None, None) => aborted("the runner stopped before the drill had ended".into()),
            (Some(Ended::Completed), None) => None,
        }
    }

    /// What failed, and what cannot be said.
    fn shortcomings(&self) -> (Vec<String>, Vec<String>) {
        let (mut failures, mut doubts) = (Vec::new(), Vec::new());
        for alert in self.alerts {
            let (title, detail) = (alert.title(), &alert.detail);
            match alert.verdict {
                AlertVerdict::Passed => {}
                AlertVerdict::Unknown => doubts.push(format!("alert {title}: {detail}")),
                verdict => {
                    failures.push(format!(
                        "alert {title} {}: {detail}",
                        words::spaced(verdict.word())
                    ));
                }
            }
        }
        for forbid in self.forbid {
            let line = format!("forbidden by `{}`: {}", forbid.label, forbid.detail);
            match forbid.verdict {
                AlertVerdict::Passed => {}
                AlertVerdict::Forbidden => failures.push(line),
                _ => doubts.push(line),
            }
        }
        if self.timeline.started.plan.observe.unexpected_fails {
            let others = self.others.iter();
            failures.extend(
                others
                    .filter(|other| other.verdict == AlertVerdict::Unexpected)
                    .map(|other| format!("the alert `{}` fired, and nobody expected it", other.name)),
            );
        }
        self.judge_steady(&mut failures, &mut doubts);
        self.judge_recovery(&mut failures, &mut doubts);
        self.doubt_faults(&mut doubts);
        self.doubt_sources(&mut doubts);
        self.doubt_probes(&mut doubts);
        (failures, doubts)
    }

    fn judge_steady(&self, failures: &mut Vec<String>, doubts: &mut Vec<String>) {
        for steady in self.steady {
            for (when, holds) in [("before", steady.before), ("after", steady.after)] {
                let line = format!("steady state `{}` {when}", steady.name);
                match holds {
                    Some(true) => {}
                    Some(false) => failures.push(format!("{line}: it did not hold")),
                    None => doubts.push(format!(
                        "{line}: {}",
                        steady.why.as_deref().unwrap_or("not known")
                    )),
                }
            }
        }
    }

    fn judge_recovery(&self, failures: &mut Vec<String>, doubts: &mut Vec<String>) {
        let Some(limit) = self.timeline.started.plan.recover_within_ms else {
            return;
        };
        let within = i64::try_from(limit).unwrap_or(i64::MAX);
        let most = words::limit(limit);
        if self.recovery.never_left {
            return;
        }
        match (&self.recovery.self_heal, &self.recovery.t7) {
            (Ok(ms), _) if *ms <= within => {}
            (Ok(ms), _) => failures.push(format!(
                "recovered {} after the last fault was gone, {} over the limit of {most}",
                words::exact(*ms),
                words::exact(ms - within)
            )),
            (Err(why), Ok(t7)) if self.timeline.watched_until().ms_since(*t7) >= within => {
                failures.push(format!("not recovered within {most}: {why}"));
            }
            (Err(why), _) => doubts.push(format!("recovery: {why}")),
        }
    }

    fn doubt_faults(&self, doubts: &mut Vec<String>) {
        let left_out = |fault: &Fault<'_>| fault.skipped == Some(Skip::ConditionFalse);
        if !self.faults.is_empty() && self.faults.iter().all(left_out) {
            doubts.push("no fault was ordered, so nothing was tested".to_owned());
        }
        // One whose condition does not hold is left out as it should be.
        for fault in self.faults.iter().filter(|fault| !left_out(fault)) {
            if let Err(why) = &fault.effective {
                doubts.push(why.clone());
            } else if fault.lost {
                doubts.push(format!(
                    "fault `{}` was lost before the drill removed it",
                    fault.record.name
                ));
            }
        }
    }

    /// A source of alerts that was lost: what it would have told is not known, whatever was expected of it.
    fn doubt_sources(&self, doubts: &mut Vec<String>) {
        let losses = self.timeline.losses();
        let peers = self.timeline.started.plan.observe.alertmanager.len();
        let gone: BTreeSet<&str> = losses
            .iter()
            .map(|lost| lost.source.as_str())
            .filter(|source| is_alertmanager(source))
            .collect();
        for lost in &losses {
            let source = lost.source.as_str();
            let observed = match source {
                "prometheus" | "webhook" => true,
                // One peer is enough to tell.
                _ if is_alertmanager(source) => gone.len() >= peers,
                _ => source.starts_with("grafana"),
            };
            let line = format!("{source} was lost at {} UTC", Moment::new(lost.from).clock());
            if observed && !doubts.iter().any(|doubt| doubt.contains(&line)) {
                doubts.push(format!("{line}: {}", lost.error));
            }
        }
    }

    /// Probes that looked too seldom to say anything: silence is no good news.
    fn doubt_probes(&self, doubts: &mut Vec<String>) {
        for probe in self.probes {
            let (runs, unsure) = probe.looks();
            let who = format!("probe `{}` in {}", probe.probe, probe.region);
            if runs == 0 {
                doubts.push(format!("{who} saw nothing"));
            } else if unsure > runs / 2 {
                doubts.push(format!(
                    "{who} was blind: {unsure} of {runs} looks missed or unknown"
                ));
            }
        }
    }

    fn success(&self) -> String {
        let mut parts: Vec<String> = self
            .alerts
            .iter()
            .map(|alert| format!("{} {}", alert.title(), alert.detail))
            .collect();
        // Where no alert is expected, that is what the drill was for.
        if let (true, Some(sight)) = (parts.is_empty(), self.sight) {
            parts.push(words::capital(&sight.summary));
        }
        if self.recovery.never_left {
            parts.push(NEVER_LEFT.to_owned());
        } else if let Ok(ms) = self.recovery.self_heal {
            let look = self.recovery.look_ms;
            let look = look.filter(|look| i64::try_from(*look).is_ok_and(|look| ms < look));
            parts.push(format!(
                "the service was steady again {} after the fault was gone",
                look.map_or_else(|| words::span(ms), words::within_a_look)
            ));
        }
        if parts.is_empty() {
            "Everything was as expected".into()
        } else {
            parts.join("; ")
        }
    }
}
