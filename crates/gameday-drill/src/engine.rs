//! The engine: what a drill decides, and when. It is synchronous and pure: time and inputs come in
//! as arguments, actions go out, and whoever runs it does all I/O.
//!
//! ```text
//!   preflight ──► steady ──► inject ──► verify ──► recover ──► ended
//!       │            │          │ stop     ▲ │                    ▲
//!       └── refused ─┴──────────┴──────────┘ └─ aborted / unverified
//! ```

use std::time::Duration;

use gameday_core::{
    AlertSeen, AlertState, Ended, EventKind, FaultEnd, FaultName, Notification, Offset, Outcome, ProbeName,
    Span, Stage, SteadyEvaluated, SteadyName, StopReason,
};

use crate::plan::{Expectation, Plan, Steady, SteadyKind};
use crate::window::Window;

/// What the engine is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Pre-flight is over; an error says why the drill must not go on.
    Preflight(Result<(), String>),
    /// A probe looked.
    Probed(ProbeName, Outcome, Duration),
    /// Ticks of a probe that could not run.
    Missed(ProbeName, u64),
    /// A query of a steady state was answered, or could not be.
    Queried(SteadyName, Option<f64>),
    /// A fault is in place.
    Injected(FaultName),
    /// A fault could not be injected; it may be in place all the same.
    InjectFailed(FaultName, String),
    /// A fault is gone.
    Removed(FaultName),
    /// A fault could not be removed, for as long as was tried.
    RemoveFailed(FaultName, String),
    /// A fault ended without us: its lease ran out or somebody took it away.
    Lost(FaultName, String),
    /// A target stopped answering.
    TargetLost(String),
    /// A notification arrived.
    Notified(Notification),
    /// An alert changed.
    Alert(AlertSeen),
    /// The rollback was looked at.
    RollbackChecked(bool),
    /// The drill must end early.
    Stop(StopReason),
    /// Only the time went on.
    Tick,
}

/// What the engine wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Write this down.
    Record(EventKind),
    /// Journal the fault durably, then inject it.
    Inject(FaultName),
    /// Remove the fault, trying until it is gone or its lease must have ended it.
    Remove(FaultName),
    /// Look whether anything of ours is left.
    Verify,
    /// Write down how it ended, and stop.
    Finish(Ended),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EntryState {
    Waiting,
    Ordered,
    InPlace { since: Offset },
    Removing,
    Gone,
}

#[derive(Debug, Default)]
struct ExpectState {
    told: bool,
    resolved: bool,
}

struct SteadyWatch {
    window: Window,
    /// For a query: since when it has been within its bound without a break, and its last value.
    within_since: Option<Offset>,
    value: Option<f64>,
    holds: Option<bool>,
}

/// A drill that is being run.
pub struct Drill<'p> {
    plan: &'p Plan,
    stage: Stage,
    entered: Offset,
    t0: Offset,
    removed_at: Offset,
    next_second: Offset,
    entries: Vec<EntryState>,
    steady: Vec<SteadyWatch>,
    guards: Vec<Window>,
    expect: Vec<ExpectState>,
    stopping: bool,
    ended: bool,
}

const SECOND: Duration = Duration::from_secs(1);
/// A steady state that is not there at once may still come within this beyond a second window.
const GATE_SLACK: Duration = Duration::from_secs(5);
/// Polls and clocks are allowed this much after a limit, before the drill stops waiting for it.
const LIMIT_SLACK: Duration = Duration::from_secs(3);

impl<'p> Drill<'p> {
    /// A drill that is in its pre-flight.
    #[must_use]
    pub fn new(plan: &'p Plan) -> Self {
        let watch = |steady: &Steady| SteadyWatch {
            window: Window::new(steady.window),
            within_since: None,
            value: None,
            holds: None,
        };
        Self {
            plan,
            stage: Stage::Preflight,
            entered: Offset::default(),
            t0: Offset::default(),
            removed_at: Offset::default(),
            next_second: Offset::default(),
            entries: vec![EntryState::Waiting; plan.timeline.len()],
            steady: plan.steady.iter().map(watch).collect(),
            guards: plan
                .guard
                .abort_if
                .iter()
                .map(|guard| Window::new(guard.window))
                .collect(),
            expect: plan.expect.iter().map(|_| ExpectState::default()).collect(),
            stopping: false,
            ended: false,
        }
    }

    /// Takes an input and says what is to be done, in order.
    pub fn handle(&mut self, now: Offset, input: Input) -> Vec<Action> {
        let mut out = Vec::new();
        if self.ended {
            return out;
        }
        self.take(now, input, &mut out);
        self.tick_second(now, &mut out);
        self.advance(now, &mut out);
        out
    }

    /// When the engine wants to be called again although nothing happens.
    #[must_use]
    pub fn next_tick(&self) -> Option<Offset> {
        let timeline =
            self.plan
                .timeline
                .iter()
                .zip(&self.entries)
                .filter_map(|(entry, state)| match state {
                    EntryState::Waiting if self.stage == Stage::Inject => Some(self.t0 + entry.at),
                    EntryState::InPlace { since } => Some(*since + entry.hold),
                    _ => None,
                });
        (!self.ended)
            .then(|| timeline.chain([self.next_second]).min())
            .flatten()
    }

    fn take(&mut self, now: Offset, input: Input, out: &mut Vec<Action>) {
        match input {
            Input::Preflight(Ok(())) => {
                for window in self
                    .steady
                    .iter_mut()
                    .map(|watch| &mut watch.window)
                    .chain(&mut self.guards)
                {
                    window.begin(now);
                }
                self.enter(Stage::Steady, now, out);
            }
            Input::Preflight(Err(why)) => self.finish(Ended::Refused(why), out),
            Input::Probed(probe, outcome, total) => {
                self.windows_of(&probe)
                    .for_each(|window| window.push(now, &outcome, total));
            }
            Input::Missed(probe, count) => {
                self.windows_of(&probe)
                    .for_each(|window| window.push_missed(now, count));
            }
            Input::Queried(name, value) => self.queried(now, &name, value),
            Input::Injected(fault) => self.injected(now, &fault, out),
            Input::InjectFailed(fault, error) => {
                out.push(Action::Record(EventKind::FaultFailed {
                    fault: fault.clone(),
                    error: error.clone(),
                }));
                self.stop(StopReason::Fault(format!("{fault}: {error}")), out);
            }
            Input::Removed(fault) => self.gone(now, &fault, Some(FaultEnd::Removed), out),
            Input::RemoveFailed(fault, error) => {
                out.push(Action::Record(EventKind::FaultFailed {
                    fault: fault.clone(),
                    error,
                }));
                self.gone(now, &fault, None, out);
            }
            Input::Lost(fault, why) => {
                self.stop(StopReason::Fault(format!("{fault}: {why}")), out);
            }
            Input::TargetLost(why) => self.stop(StopReason::Target(why), out),
            Input::Notified(notification) => self.notified(&notification),
            Input::Alert(seen) => self.alert_changed(&seen),
            Input::RollbackChecked(verified) => self.rolled_back(now, verified, out),
            Input::Stop(reason) => self.stop(reason, out),
            Input::Tick => {}
        }
    }

    fn windows_of<'a>(&'a mut self, probe: &'a ProbeName) -> impl Iterator<Item = &'a mut Window> {
        let plan = self.plan;
        let steady = plan
            .steady
            .iter()
            .zip(&mut self.steady)
            .filter_map(move |(steady, watch)| {
                let (SteadyKind::P95 { probe: of, .. } | SteadyKind::Success { probe: of, .. }) =
                    &steady.kind
                else {
                    return None;
                };
                (of == probe).then_some(&mut watch.window)
            });
        let guards = plan.guard.abort_if.iter().zip(&mut self.guards);
        steady.chain(guards.filter_map(move |(guard, window)| (guard.probe == *probe).then_some(window)))
    }

    fn queried(&mut self, now: Offset, name: &SteadyName, value: Option<f64>) {
        for (steady, watch) in self.plan.steady.iter().zip(&mut self.steady) {
            let SteadyKind::Promql { max, min, .. } = &steady.kind else {
                continue;
            };
            if steady.name == *name {
                let within =
                    value.is_some_and(|v| max.is_none_or(|max| v <= max) && min.is_none_or(|min| v >= min));
                watch.value = value;
                watch.within_since = if within {
                    watch.within_since.or(Some(now))
                } else {
                    None
                };
            }
        }
    }

    fn injected(&mut self, now: Offset, fault: &FaultName, out: &mut Vec<Action>) {
        out.push(Action::Record(EventKind::FaultInjected { fault: fault.clone() }));
        let state = self.state_of(fault);
        // A stop may have come while it was being injected; then its removal is under way already.
        if *state == EntryState::Ordered {
            *state = EntryState::InPlace { since: now };
        }
    }

    fn gone(&mut self, now: Offset, fault: &FaultName, how: Option<FaultEnd>, out: &mut Vec<Action>) {
        *self.state_of(fault) = EntryState::Gone;
        self.removed_at = now;
        if let Some(how) = how {
            out.push(Action::Record(EventKind::FaultRemoved {
                fault: fault.clone(),
                how,
            }));
        }
    }

    fn state_of(&mut self, fault: &FaultName) -> &mut EntryState {
        let index = self.plan.timeline.iter().position(|entry| entry.name == *fault);
        &mut self.entries[index.expect("only faults of the plan are ever ordered")]
    }

    fn notified(&mut self, notification: &Notification) {
        for (expect, state) in self.plan.expect.iter().zip(&mut self.expect) {
            for alert in notification
                .alerts
                .iter()
                .filter(|a| matches(expect, &a.alert, &a.labels))
            {
                match alert.status.as_str() {
                    "firing" => state.told = true,
                    _ if state.told => state.resolved = true,
                    _ => {}
                }
            }
        }
    }

    fn alert_changed(&mut self, seen: &AlertSeen) {
        // With a receiver of ours the notifications say it; without one the sources must.
        if self.plan.observe.webhook.is_some() {
            return;
        }
        for (expect, state) in self.plan.expect.iter().zip(&mut self.expect) {
            if matches(expect, &seen.alert, &seen.labels) {
                match seen.state {
                    AlertState::Firing => state.told = true,
                    AlertState::Gone if state.told => state.resolved = true,
                    _ => {}
                }
            }
        }
    }

    fn rolled_back(&mut self, now: Offset, verified: bool, out: &mut Vec<Action>) {
        if self.stage != Stage::Verify {
            return;
        }
        if self.stopping || !verified {
            self.finish(Ended::Aborted, out);
        } else {
            self.enter(Stage::Recover, now, out);
        }
    }

    fn stop(&mut self, reason: StopReason, out: &mut Vec<Action>) {
        // The first reason is the one that counts; a second Ctrl-C never skips the rollback.
        if self.stopping {
            return;
        }
        self.stopping = true;
        out.push(Action::Record(EventKind::Stopped(reason)));
        for (entry, state) in self.plan.timeline.iter().zip(&mut self.entries) {
            match state {
                EntryState::Waiting => *state = EntryState::Gone,
                EntryState::Ordered | EntryState::InPlace { .. } => {
                    *state = EntryState::Removing;
                    out.push(Action::Remove(entry.name.clone()));
                }
                EntryState::Removing | EntryState::Gone => {}
            }
        }
        if matches!(self.stage, Stage::Preflight | Stage::Steady | Stage::Recover) {
            self.finish(Ended::Aborted, out);
        }
    }

    /// Once a second: steady states are computed, guards are looked at.
    fn tick_second(&mut self, now: Offset, out: &mut Vec<Action>) {
        if now < self.next_second || self.ended {
            return;
        }
        self.next_second = now + SECOND;
        if self.stage == Stage::Preflight {
            return;
        }
        for (steady, watch) in self.plan.steady.iter().zip(&mut self.steady) {
            out.push(Action::Record(EventKind::SteadyEvaluated(
                watch.evaluate(steady, now),
            )));
        }
        if self.stage == Stage::Inject && !self.stopping {
            self.check_guards(now, out);
        }
        if now.since(Offset::default()) >= self.plan.guard.max_duration {
            self.stop(StopReason::MaxDuration, out);
        }
    }

    fn check_guards(&mut self, now: Offset, out: &mut Vec<Action>) {
        let breach = self
            .plan
            .guard
            .abort_if
            .iter()
            .zip(&mut self.guards)
            .find_map(|(guard, window)| {
                let counts = window.counts(now);
                if !window.is_full(now) {
                    return None;
                }
                let low = counts.success().is_some_and(|success| success < guard.floor);
                let seen = format!(
                    "{} up, {} down, {} unknown",
                    counts.up, counts.down, counts.unknown
                );
                match (counts.is_blind(), low) {
                    (true, _) => Some((guard.text.clone(), format!("blind: {seen}"))),
                    (false, true) => Some((guard.text.clone(), seen)),
                    (false, false) => None,
                }
            });
        if let Some((guard, detail)) = breach {
            out.push(Action::Record(EventKind::GuardBreached {
                guard: guard.clone(),
                detail,
            }));
            self.stop(StopReason::Guard(guard), out);
        }
    }

    fn advance(&mut self, now: Offset, out: &mut Vec<Action>) {
        if self.ended {
            return;
        }
        match self.stage {
            Stage::Preflight | Stage::Verify => {}
            Stage::Steady => self.advance_gate(now, out),
            Stage::Inject => self.advance_timeline(now, out),
            Stage::Recover => self.advance_recovery(now, out),
        }
    }

    fn advance_gate(&mut self, now: Offset, out: &mut Vec<Action>) {
        if self.all_steady() {
            self.t0 = now;
            self.enter(Stage::Inject, now, out);
            self.advance_timeline(now, out);
        } else if now.since(self.entered) > self.plan.longest_window() * 2 + GATE_SLACK {
            let worst: Vec<String> = self
                .plan
                .steady
                .iter()
                .zip(&self.steady)
                .filter_map(not_holding)
                .collect();
            self.finish(
                Ended::Refused(format!("the steady state does not hold: {}", worst.join("; "))),
                out,
            );
        }
    }

    fn all_steady(&self) -> bool {
        self.steady.iter().all(|watch| watch.holds == Some(true))
    }

    fn advance_timeline(&mut self, now: Offset, out: &mut Vec<Action>) {
        for (entry, state) in self.plan.timeline.iter().zip(&mut self.entries) {
            match *state {
                EntryState::Waiting if now >= self.t0 + entry.at => {
                    *state = EntryState::Ordered;
                    out.push(Action::Inject(entry.name.clone()));
                }
                EntryState::InPlace { since } if now >= since + entry.hold => {
                    *state = EntryState::Removing;
                    out.push(Action::Remove(entry.name.clone()));
                }
                _ => {}
            }
        }
        if self.entries.iter().all(|state| *state == EntryState::Gone) {
            self.enter(Stage::Verify, now, out);
            out.push(Action::Verify);
        }
    }

    fn advance_recovery(&mut self, now: Offset, out: &mut Vec<Action>) {
        let settled = self
            .plan
            .expect
            .iter()
            .zip(&self.expect)
            .all(|(expect, state)| self.settled(now, expect, state));
        let steady = self.all_steady() || self.recovery_over(now);
        if settled && steady {
            self.finish(Ended::Completed, out);
        }
    }

    fn recovery_over(&self, now: Offset) -> bool {
        let window = self.plan.longest_window();
        let within = self.plan.recover_within.unwrap_or(window);
        // A state that came back at the last moment shows only a window later.
        now.since(self.removed_at) > within + window + LIMIT_SLACK
    }

    /// Nothing that is still to come could change what is known of this expectation.
    fn settled(&self, now: Offset, expect: &Expectation, state: &ExpectState) -> bool {
        let limit_over = expect
            .detection_limit()
            .is_none_or(|limit| now > self.t0 + self.at_of(expect) + limit + LIMIT_SLACK);
        match expect.resolved {
            Some(limit) => state.resolved || (now.since(self.removed_at) > limit + LIMIT_SLACK && limit_over),
            None => state.told || limit_over,
        }
    }

    fn at_of(&self, expect: &Expectation) -> Duration {
        self.plan
            .timeline
            .iter()
            .find(|entry| entry.name == expect.of)
            .map(|entry| entry.at)
            .unwrap_or_default()
    }

    fn enter(&mut self, stage: Stage, now: Offset, out: &mut Vec<Action>) {
        self.stage = stage;
        self.entered = now;
        out.push(Action::Record(EventKind::StageEntered(stage)));
    }

    fn finish(&mut self, how: Ended, out: &mut Vec<Action>) {
        self.ended = true;
        out.push(Action::Finish(how));
    }
}

impl SteadyWatch {
    fn evaluate(&mut self, steady: &Steady, now: Offset) -> SteadyEvaluated {
        let counts = self.window.counts(now);
        let full = self.window.is_full(now);
        let (value, holds) = match &steady.kind {
            SteadyKind::P95 { limit, .. } => {
                let value = self.window.p95_ms();
                (
                    value,
                    value.is_some_and(|p95| p95 <= limit.as_secs_f64() * 1e3) && !counts.is_blind(),
                )
            }
            SteadyKind::Success { floor, .. } => {
                let value = counts.success();
                (
                    value,
                    value.is_some_and(|success| success >= *floor) && !counts.is_blind(),
                )
            }
            SteadyKind::Promql { .. } => {
                let held = self
                    .within_since
                    .is_some_and(|since| now.since(since) >= steady.window);
                (self.value, held)
            }
        };
        self.value = value;
        self.holds = full.then_some(holds);
        SteadyEvaluated {
            name: steady.name.clone(),
            value,
            holds: self.holds,
            up: counts.up,
            down: counts.down,
            unknown: counts.unknown,
        }
    }
}

fn not_holding((steady, watch): (&Steady, &SteadyWatch)) -> Option<String> {
    let seen = match (&steady.kind, watch.value) {
        (_, None) => "nothing was seen".to_owned(),
        (SteadyKind::P95 { .. }, Some(ms)) => format!(
            "it is {}",
            Span::from_value(Duration::from_secs_f64(ms.round() / 1e3))
        ),
        (SteadyKind::Success { .. }, Some(share)) => format!("it is {:.1}%", share * 100.0),
        (SteadyKind::Promql { .. }, Some(value)) => format!("it is {value}"),
    };
    (watch.holds != Some(true)).then(|| format!("`{}` ({}): {seen}", steady.name, steady.text()))
}

fn matches(expect: &Expectation, alert: &str, labels: &std::collections::BTreeMap<String, String>) -> bool {
    expect.alert == alert
        && expect
            .labels
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
}

#[cfg(test)]
mod tests;
