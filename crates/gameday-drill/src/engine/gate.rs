//! The gate before each trial: the steady state holds and, when there are several trials or it is a point of a sweep,
//! nothing is left of the one before. Then T0 is at a phase of the alerting that is drawn from the seed.
//!
//! ```text
//!   steady? ──► alerts inactive? ──► groups and windows clean, or waited long enough? ──► phase ──► inject
//!      ▲              │ no                          │ no                                     │
//!      └──────────────┴─────────────────────────────┴──── something is no longer so ◄────────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gameday_core::{
    AlertSeen, AlertState, Ended, EventKind, GateOpened, Offset, SourceName, Stage, StopReason,
};

use super::expect::ExpectState;
use super::input::{Action, GateAsk, GateLook};
use super::steady::not_holding;
use super::{Drill, GATE_SLACK, dice};

/// Nobody told how often is scraped or evaluated: Prometheus' usual interval.
const USUAL_INTERVAL: Duration = Duration::from_secs(15);

/// What is known of the time between two trials.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// Expected alerts that a source shows.
    shown: BTreeSet<Shown>,
    /// What was looked at since the trial began.
    look: Option<GateLook>,
    /// When the faults begin, once nothing is in the way.
    pub(super) begins: Option<Offset>,
}

type Shown = (SourceName, String, BTreeMap<String, String>);

impl Gate {
    /// A source showed a change of an expected alert.
    pub(super) fn changed(&mut self, seen: &AlertSeen) {
        let shown = (seen.source.clone(), seen.alert.clone(), seen.labels.clone());
        if seen.state == AlertState::Gone {
            self.shown.remove(&shown);
        } else {
            self.shown.insert(shown);
        }
    }

    pub(super) fn looked(&mut self, look: GateLook) {
        self.look = Some(look);
    }

    /// Another trial: what was looked at before says nothing of it.
    pub(super) fn close(&mut self) {
        self.look = None;
        self.begins = None;
    }

    fn active(&self) -> Option<String> {
        let (source, alert, _) = self.shown.first()?;
        Some(format!("the alert `{alert}` is still active at {source}"))
    }
}

impl Drill<'_> {
    /// What the gate wants to know now, if it wants to know anything.
    #[must_use]
    pub fn asks(&self, now: Offset) -> Option<GateAsk> {
        let asks = self.stage == Stage::Steady && self.plan.is_gated() && !self.ended;
        asks.then(|| GateAsk {
            since_removal: self.since_removal(now),
        })
    }

    /// How long ago the last fault before this trial was removed: one of another point's, for the first.
    fn since_removal(&self, now: Offset) -> Option<Duration> {
        if self.trial > 0 {
            return Some(now.since(self.removed_at));
        }
        let before = self.plan.since_other_point()?;
        Some(before + now.since(Offset::default()))
    }

    /// Whether something may be left of a fault before this trial. Before the first, it is pre-flight that refuses.
    fn follows(&self) -> bool {
        self.trial > 0 || self.plan.since_other_point().is_some()
    }

    /// Everything anew but what looks.
    pub(super) fn next_trial(&mut self, now: Offset, out: &mut Vec<Action>) {
        self.trial += 1;
        self.timeline = self.timeline.anew();
        self.expect = self.plan.expect.iter().map(|_| ExpectState::default()).collect();
        self.forbidden.clear();
        self.people.begin_anew();
        self.gate.close();
        out.push(Action::NextTrial(self.trial));
        self.begin_trial(now, out);
    }

    /// The gate is closed until everything is as it must be.
    pub(super) fn begin_trial(&mut self, now: Offset, out: &mut Vec<Action>) {
        let (trial, of) = (self.trial, self.plan.trials);
        if of > 1 {
            out.push(Action::Record(EventKind::TrialStarted { trial, of }));
        }
        self.enter(Stage::Steady, now, out);
    }

    pub(super) fn advance_gate(&mut self, now: Offset, out: &mut Vec<Action>) {
        let waited = now.since(self.entered);
        if let Some(why) = self.in_the_way() {
            self.gate.begins = None;
            if waited > self.patience() {
                self.give_up(&why, out);
            }
            return;
        }
        let left = match &self.gate.look {
            _ if !self.plan.is_gated() => Vec::new(),
            None => return,
            Some(look) => look.left.clone(),
        };
        if !left.is_empty() && waited <= self.plan.gate_within {
            self.gate.begins = None;
            return;
        }
        let begins = self.gate.begins.unwrap_or_else(|| self.open(now, left, out));
        if now >= begins {
            self.t0 = now;
            if self.plan.is_gated() {
                self.began = now;
            }
            self.enter(Stage::Inject, now, out);
            self.advance_timeline(now, out);
        }
    }

    /// Without which no trial may begin, however long was waited.
    fn in_the_way(&self) -> Option<String> {
        if !self.all_steady() {
            let conditions = self.plan.steady.iter().zip(&self.steady).filter_map(not_holding);
            let troubles = self
                .troubles
                .iter()
                .map(|(probe, message)| format!("{probe} last said: {message}"));
            let why: Vec<String> = conditions.chain(troubles).collect();
            return Some(format!("the steady state does not hold: {}", why.join("; ")));
        }
        self.gate.active().filter(|_| self.follows())
    }

    fn patience(&self) -> Duration {
        let windows = self.plan.longest_window() * 2 + GATE_SLACK;
        match self.follows() {
            true => windows.max(self.plan.gate_within),
            false => windows,
        }
    }

    fn give_up(&mut self, why: &str, out: &mut Vec<Action>) {
        if self.trial == 0 {
            self.finish(Ended::Refused(why.to_owned()), out);
        } else {
            let number = self.trial + 1;
            self.stop(
                StopReason::Gate(format!("trial {number} could not begin: {why}")),
                out,
            );
        }
    }

    /// Says when the faults begin; a drill that is not gated waits for nothing.
    fn open(&mut self, now: Offset, left: Vec<String>, out: &mut Vec<Action>) -> Offset {
        if !self.plan.is_gated() {
            return now;
        }
        let interval = self.gate.look.as_ref().and_then(|look| look.interval);
        let phase = dice::phase(self.plan.seed.unwrap_or_default(), self.trial);
        // Where no alert is expected there is nothing to be in phase with.
        let wait = match interval {
            _ if self.plan.expect.is_empty() => Duration::ZERO,
            None => USUAL_INTERVAL.mul_f64(phase),
            Some((tick_us, every)) => until(now, tick_us, every, phase),
        };
        let begins = now + wait;
        self.gate.begins = Some(begins);
        out.push(Action::Record(EventKind::GateOpened(Box::new(GateOpened {
            trial: self.trial,
            waited_us: micros(now.since(self.entered)),
            left,
            phase,
            interval_us: interval.map(|(_, every)| micros(every)),
            wait_us: micros(wait),
        }))));
        begins
    }
}

/// From now until the next moment that is so much of the interval after one of its ticks.
fn until(now: Offset, tick_us: i64, every: Duration, phase: f64) -> Duration {
    let signed = |us: u64| i64::try_from(us).unwrap_or(i64::MAX / 4);
    let every_us = signed(micros(every)).max(1);
    let phase_us = signed(micros(every.mul_f64(phase)));
    let since_tick = signed(now.as_micros()).saturating_sub(tick_us);
    let wait = phase_us.saturating_sub(since_tick).rem_euclid(every_us);
    Duration::from_micros(wait.unsigned_abs())
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faults_begin_at_their_phase_of_the_next_interval_that_has_not_passed_it() {
        let every = Duration::from_secs(10);
        let at = |seconds: u64| Offset::from_micros(seconds * 1_000_000);
        for (now, tick_s, phase, wait_s) in [
            (20, 18, 0.5, 3),
            (20, 18, 0.1, 9),
            (20, 18, 0.2, 0),
            // A tick before the drill began, and one that is still to come.
            (20, -12, 0.5, 3),
            (20, 28, 0.5, 3),
        ] {
            let found = until(at(now), tick_s * 1_000_000, every, phase);
            assert_eq!(found, Duration::from_secs(wait_s), "{now} {tick_s} {phase}");
        }
    }
}
