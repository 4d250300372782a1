//! The engine: what a drill decides, and when. It is synchronous and pure: time and inputs come in
//! as arguments, actions go out, and whoever runs it does all I/O.
//!
//! ```text
//!                    ┌───────── another trial ◄─────────┐
//!   preflight ──► steady ──► inject ──► verify ──► recover ──► ended
//!       │            │          │ stop     ▲ │                    ▲
//!       └── refused ─┴──────────┴──────────┘ └─ aborted / unverified
//! ```

mod alerts;
mod cues;
mod dice;
mod expect;
mod gate;
mod guard;
mod input;
mod people;
mod recovery;
mod steady;
mod timeline;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gameday_core::{Ended, EventKind, Offset, ProbeName, Stage, SteadyName, StopReason};

use crate::plan::{Plan, SteadyKind};
use crate::window::Window;
pub(crate) use dice::seed_of;
use expect::ExpectState;
use gate::Gate;
pub use input::{Action, GateAsk, GateLook, Input};
pub use people::Answer;
use people::People;
use steady::SteadyWatch;
use timeline::Timeline;

/// A drill that is being run.
pub struct Drill<'p> {
    plan: &'p Plan,
    stage: Stage,
    /// Which trial it is, from 0.
    trial: u32,
    /// Since when the trial may last `max_duration`.
    began: Offset,
    gate: Gate,
    entered: Offset,
    t0: Offset,
    removed_at: Offset,
    next_second: Offset,
    timeline: Timeline<'p>,
    steady: Vec<SteadyWatch>,
    guards: Vec<Window>,
    expect: Vec<ExpectState>,
    /// What each probe last found wrong, for a refusal that says why.
    troubles: BTreeMap<ProbeName, String>,
    /// Forbidden alerts that were told of.
    forbidden: BTreeSet<(String, String, BTreeMap<String, String>)>,
    people: People,
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
        Self {
            plan,
            stage: Stage::Preflight,
            trial: 0,
            began: Offset::default(),
            gate: Gate::default(),
            entered: Offset::default(),
            t0: Offset::default(),
            removed_at: Offset::default(),
            next_second: Offset::default(),
            timeline: Timeline::new(&plan.timeline),
            steady: plan.steady.iter().map(SteadyWatch::new).collect(),
            guards: plan
                .guard
                .abort_if
                .iter()
                .map(|guard| Window::new(guard.window))
                .collect(),
            expect: plan.expect.iter().map(|_| ExpectState::default()).collect(),
            troubles: BTreeMap::new(),
            forbidden: BTreeSet::new(),
            people: People::default(),
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
        let t0 = (self.stage == Stage::Inject).then_some(self.t0);
        let gate = self.gate.begins.filter(|_| self.stage == Stage::Steady);
        let due = self
            .timeline
            .next(t0)
            .into_iter()
            .chain(gate)
            .chain([self.next_second])
            .min();
        due.filter(|_| !self.ended)
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
                self.begin_trial(now, out);
            }
            Input::Preflight(Err(why)) => self.finish(Ended::Refused(why), out),
            Input::Probed(probe, outcome, total, message) => {
                self.timeline.looked(&probe, &outcome);
                self.windows_of(&probe)
                    .for_each(|window| window.push(now, &outcome, total));
                if let (Some(_), Some(message)) = (outcome.reason(), message) {
                    self.troubles.insert(probe, message);
                }
            }
            Input::Missed(probe, count) => {
                self.windows_of(&probe)
                    .for_each(|window| window.push_missed(now, count));
            }
            Input::Queried(name, value) => self.queried(now, &name, value),
            Input::Condition(fault, answer) => self.timeline.answered(now, &fault, answer, out),
            Input::Injected(fault) => self.timeline.injected(now, &fault, out),
            Input::InjectFailed(fault, error) => {
                out.push(Action::Record(EventKind::FaultFailed {
                    fault: fault.clone(),
                    error: error.clone(),
                }));
                self.stop(StopReason::Fault(format!("{fault}: {error}")), out);
            }
            Input::Removed(fault) => self.timeline.removed(now, &fault, out),
            Input::RemoveFailed(fault, error) => {
                self.timeline.remove_failed(&fault, error.clone(), out);
                self.stop(StopReason::Target(format!("{fault}: {error}")), out);
            }
            Input::Touched(fault) => self.timeline.touched(now, &fault),
            Input::Lost(fault, why) => {
                self.timeline.lost(fault.clone());
                self.stop(StopReason::Fault(format!("{fault}: {why}")), out);
            }
            Input::Over(fault, how) => self.timeline.over(&fault, how, out),
            Input::TargetLost(why) => self.stop(StopReason::Target(why), out),
            Input::Notified(notification) => self.notified(now, &notification, out),
            Input::Alert(seen) => self.alert_changed(now, &seen, out),
            Input::Gate(look) => self.gate.looked(look),
            Input::Delivered => self.delivered(),
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
            if steady.name == *name {
                watch.queried(steady, now, value);
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
        self.timeline.stop(out);
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
        // Between two trials nothing is broken; how long that may last is the gate's.
        let counts = !self.plan.is_gated() || self.stage != Stage::Steady;
        if counts && now.since(self.began) >= self.plan.guard.max_duration {
            self.stop(StopReason::MaxDuration, out);
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

    fn all_steady(&self) -> bool {
        self.steady.iter().all(|watch| watch.holds == Some(true))
    }

    fn advance_timeline(&mut self, now: Offset, out: &mut Vec<Action>) {
        self.timeline.advance(now, self.t0, out);
        if self.timeline.all_gone() {
            self.removed_at = now;
            self.enter(Stage::Verify, now, out);
            out.push(Action::Verify);
        }
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

#[cfg(test)]
mod tests;
