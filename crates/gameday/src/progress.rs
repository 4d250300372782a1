//! The drill as it goes: one line for each event that a person wants to know of, with the
//! stages of the expected alerts behind it where one of several changes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gameday_core::{
    AlertSeen, AlertState, Ended, Event, EventKind, ExpectRecord, FaultEnd, FaultRecord, GateOpened,
    ObserveRecord, Outcome, Prediction, SourceName, Span, Stage, Unit, printable,
};

/// What the lines so far have said.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    expect: Vec<ExpectRecord>,
    observe: ObserveRecord,
    timeline: Vec<FaultRecord>,
    limits: BTreeMap<String, (String, Unit)>,
    alerts: Vec<AlertStage>,
    /// The stages as the last line left them.
    before: Vec<AlertStage>,
    /// Which expected alert is listed, by whom, with which labels.
    listed: BTreeSet<(usize, SourceName, BTreeMap<String, String>)>,
    probes: BTreeMap<(String, String), &'static str>,
    steady: BTreeMap<String, bool>,
    touched: BTreeSet<String>,
    /// The trial of several, and how many there are.
    trial: Option<(u32, u32)>,
}

/// A line, and behind it the stages of the alerts where they change, for who sees nothing else.
#[derive(Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) text: String,
    pub(crate) stages: String,
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.text, self.stages)
    }
}

/// How far an expected alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum AlertStage {
    Inactive,
    Pending,
    Firing,
    Notified,
    Resolved,
}

impl AlertStage {
    fn word(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Notified => "notified",
            Self::Resolved => "resolved",
        }
    }
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The line for an event, if it is worth one.
    pub(crate) fn line(&mut self, event: &Event) -> Option<Told> {
        // What files, servers and alerts say must not move the cursor or forge a line.
        let said = printable(&self.said(event)?);
        let stages = self.stages();
        let trial = self
            .trial
            .map_or_else(String::new, |(trial, of)| format!("[{}/{of}] ", trial + 1));
        let text = format!("{}  {trial}{said}", event.at);
        Some(Told { text, stages })
    }

    /// The stages of several alerts where one changes; of a single one the line itself says it.
    fn stages(&mut self) -> String {
        let before = std::mem::replace(&mut self.before, self.alerts.clone());
        if self.alerts.len() < 2 || before == self.alerts {
            return String::new();
        }
        let all = self.expect.iter().zip(&self.alerts);
        let all: Vec<String> = all
            .map(|(expect, stage)| format!("{}: {}", expect.label, stage.word()))
            .collect();
        format!("  [{}]", all.join(", "))
    }

    fn said(&mut self, event: &Event) -> Option<String> {
        match &event.kind {
            EventKind::DrillStarted(started) => {
                self.expect.clone_from(&started.plan.expect);
                self.observe.clone_from(&started.plan.observe);
                self.timeline.clone_from(&started.plan.timeline);
                self.alerts = vec![AlertStage::Inactive; self.expect.len()];
                self.before.clone_from(&self.alerts);
                for steady in &started.plan.steady {
                    self.limits
                        .insert(steady.name.to_string(), (steady.text.clone(), steady.unit));
                }
                Some(format!("{}: {}", started.drill, started.plan.title))
            }
            EventKind::TrialStarted { trial, of } => {
                self.trial = Some((*trial, *of));
                self.alerts.fill(AlertStage::Inactive);
                self.touched.clear();
                Some(format!("trial {} of {of}", trial + 1))
            }
            EventKind::GateOpened(gate) => Some(gate_line(gate)),
            EventKind::StageEntered(stage) => Some(stage_line(*stage).to_owned()),
            EventKind::Checked { name, ok, detail } => Some(match detail.strip_prefix("beware: ") {
                Some(what) if *ok => format!("BEWARE {name}: {what}"),
                _ => format!("{} {name}: {detail}", if *ok { "ok" } else { "REFUSED" }),
            }),
            EventKind::ProbeDone(done) => {
                self.probed(event, &done.outcome, done.probe.as_str(), done.message.as_deref())
            }
            EventKind::ProbeMissed { probe, count } => {
                Some(format!("{probe} from {}: {count} ticks missed", event.region))
            }
            EventKind::RegionLost { error } => Some(format!("region {} LOST: {error}", event.region)),
            EventKind::RegionBack { silent_ms } => Some(format!(
                "region {} answers again, after {}",
                event.region,
                Span::from_value(Duration::from_millis(*silent_ms))
            )),
            EventKind::SteadyEvaluated(steady) => self.steady(steady),
            EventKind::AlertSeen(seen) => self.over(seen).or_else(|| self.alerted(&event.kind)),
            EventKind::Notified(_) => self.alerted(&event.kind),
            EventKind::Recorded(recorded) => {
                let told = recorded.notification()?;
                self.alerted(&EventKind::Notified(Box::new(told)))
            }
            EventKind::Predicted(prediction) => Some(self.predicted(prediction)),
            other => self.fault_line(other),
        }
    }

    fn predicted(&self, prediction: &Prediction) -> String {
        let label = &prediction.label;
        let expect = self.expect.iter().find(|expect| expect.label == *label);
        match expect.and_then(|expect| prediction.unmet(expect, &self.observe)) {
            Some(why) => format!("predicted: {label} CANNOT BE MET: {why}"),
            None => format!(
                "predicted: {label}: {}",
                crate::command::outlook::headline(prediction)
            ),
        }
    }

    fn fault_line(&mut self, kind: &EventKind) -> Option<String> {
        Some(match kind {
            EventKind::FaultOrdered { fault, .. } => {
                let record = self.timeline.iter().find(|record| record.name == *fault);
                let what = record
                    .map(|r| format!(": {} on {} ({})", r.kind, r.on, r.detail))
                    .unwrap_or_default();
                format!("fault {fault} ordered{what}")
            }
            EventKind::ConditionLooked {
                fault,
                condition,
                holds,
                detail,
            } => {
                let word = if *holds { "holds" } else { "does not hold" };
                format!("the condition of {fault} {word}: {condition} ({detail})")
            }
            EventKind::FaultSkipped { fault, detail, .. } => format!("fault {fault} is LEFT OUT: {detail}"),
            EventKind::FaultInjected { fault } => format!("fault {fault} is in place"),
            EventKind::FaultTouched {
                fault,
                touched,
                first_touched,
                ..
            } if *touched > 0 && self.touched.insert(fault.to_string()) => {
                let at = first_touched
                    .map(|at| format!(" (first at {})", at.to_ms_string()))
                    .unwrap_or_default();
                format!("fault {fault} has taken effect{at}")
            }
            EventKind::FaultFailed { fault, error } => format!("fault {fault} FAILED: {error}"),
            EventKind::FaultOver { fault, how } => format!("fault {fault} is over: {how}"),
            EventKind::FaultRemoved {
                fault,
                how: FaultEnd::Removed | FaultEnd::Over,
            } => format!("fault {fault} removed"),
            EventKind::FaultRemoved {
                fault,
                how: FaultEnd::Lost,
            } => format!("fault {fault} ended without us"),
            EventKind::RollbackChecked { verified, details } => {
                let word = if *verified {
                    "rollback verified"
                } else {
                    "ROLLBACK NOT VERIFIED"
                };
                format!("{word}: {}", details.join("; "))
            }
            EventKind::Forbidden { forbid, alert, .. } => {
                format!("alert {alert} FIRES, which `{forbid}` forbids")
            }
            EventKind::GuardBreached { guard, detail } => format!("guard breached: {guard} ({detail})"),
            EventKind::SourceLost { source, error } => format!("{source} LOST: {error}"),
            EventKind::SourceBack { source } => format!("{source} answers again"),
            EventKind::Noted { who, text } => format!("{who}: {text}"),
            EventKind::Acknowledged { who, alert } => format!("{who} acknowledges {alert}"),
            EventKind::Mitigated { who } => format!("{who} says that it is mitigated"),
            EventKind::Stopped(reason) => format!("stopping: {reason}"),
            EventKind::DrillEnded(Ended::Refused(why)) => format!("refused: {why}"),
            EventKind::DrillEnded(Ended::Aborted) => "aborted".to_owned(),
            EventKind::DrillEnded(Ended::Completed) => "drill completed".to_owned(),
            _ => return None,
        })
    }

    /// Only changes are told: a probe a second is too much to read.
    fn probed(
        &mut self,
        event: &Event,
        outcome: &Outcome,
        probe: &str,
        message: Option<&str>,
    ) -> Option<String> {
        let word = outcome.word();
        let before = self
            .probes
            .insert((probe.to_owned(), event.region.to_string()), word);
        if before == Some(word) || (before.is_none() && word == "up") {
            return None;
        }
        let why = message
            .filter(|_| word != "up")
            .map(|message| format!(": {message}"))
            .unwrap_or_default();
        Some(format!("{probe} from {} is {word}{why}", event.region))
    }

    fn steady(&mut self, steady: &gameday_core::SteadyEvaluated) -> Option<String> {
        let holds = steady.holds?;
        let name = steady.name.to_string();
        let before = self.steady.insert(name.clone(), holds);
        if before == Some(holds) {
            return None;
        }
        let (text, unit) = self.limits.get(&name)?;
        let value = match (steady.value, unit) {
            (None, _) => "nothing seen".to_owned(),
            (Some(value), Unit::Ms) => format!("{value:.0} ms"),
            (Some(value), Unit::Ratio) => format!("{:.1}%", value * 100.0),
            (Some(value), Unit::Number) => value.to_string(),
        };
        let word = if holds { "holds" } else { "does not hold" };
        Some(format!("steady state {name} {word}: {value} ({text})"))
    }

    /// What nobody lists any more, and nobody was told of, is over.
    fn over(&mut self, seen: &AlertSeen) -> Option<String> {
        let mut told = None;
        for (index, expect) in self.expect.iter().enumerate() {
            if !is_meant(expect, &seen.alert, &seen.labels) {
                continue;
            }
            let who = (index, seen.source.clone(), seen.labels.clone());
            if seen.state != AlertState::Gone {
                self.listed.insert(who);
                continue;
            }
            let was_there = self.listed.remove(&who);
            let still = self.listed.iter().any(|(of, ..)| *of == index);
            let now = &mut self.alerts[index];
            if was_there && !still && matches!(now, AlertStage::Pending | AlertStage::Firing) {
                told = Some(format!("alert {} is not {} any more", seen.alert, now.word()));
                *now = AlertStage::Inactive;
            }
        }
        told
    }

    fn alerted(&mut self, kind: &EventKind) -> Option<String> {
        let seen: Vec<(&str, &BTreeMap<String, String>, AlertStage)> = match kind {
            EventKind::AlertSeen(seen) => {
                let stage = match seen.state {
                    AlertState::Pending => AlertStage::Pending,
                    AlertState::Firing => AlertStage::Firing,
                    AlertState::Suppressed | AlertState::Gone => return None,
                };
                vec![(&seen.alert, &seen.labels, stage)]
            }
            EventKind::Notified(told) => {
                // Who acknowledges an alert does not end it.
                let stage = |status: &str| match status {
                    "firing" => Some(AlertStage::Notified),
                    "resolved" => Some(AlertStage::Resolved),
                    _ => None,
                };
                let alerts = told.alerts.iter();
                alerts
                    .filter_map(|one| Some((one.alert.as_str(), &one.labels, stage(&one.status)?)))
                    .collect()
            }
            _ => return None,
        };
        let mut told = None;
        for (alert, labels, stage) in seen {
            for (expect, now) in self.expect.iter().zip(&mut self.alerts) {
                if is_meant(expect, alert, labels) && stage > *now {
                    *now = stage;
                    told = Some(format!("alert {alert} is {}", stage.word()));
                }
            }
        }
        told
    }
}

fn is_meant(expect: &ExpectRecord, alert: &str, labels: &BTreeMap<String, String>) -> bool {
    let carried = |(key, value): (&String, &String)| labels.get(key) == Some(value);
    expect.alert == alert && expect.labels.iter().all(carried)
}

fn gate_line(gate: &GateOpened) -> String {
    let wait = Span::from_value(Duration::from_millis(gate.wait_us / 1000));
    let phase = match gate.interval_us {
        Some(us) => format!(
            "{:.0}% of {} after a tick of the alerting",
            gate.phase * 100.0,
            Span::from_value(Duration::from_micros(us))
        ),
        None => "a random time".to_owned(),
    };
    let left = match gate.left.as_slice() {
        [] => "the alerting is clean".to_owned(),
        left => format!("NOT CLEAN, but waited long enough: {}", left.join("; ")),
    };
    format!("{left}; faults begin in {wait}, {phase}")
}

fn stage_line(stage: Stage) -> &'static str {
    match stage {
        Stage::Preflight => "pre-flight: nothing is touched",
        Stage::Steady => "waiting for the steady state",
        Stage::Inject => "the steady state holds; faults begin",
        Stage::Verify => "no fault is held any more; looking whether anything is left (2 s)",
        Stage::Recover => "waiting for recovery and resolved notices",
    }
}

#[cfg(test)]
mod tests;
