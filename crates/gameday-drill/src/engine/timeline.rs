//! The timeline while it runs: which faults wait, for what, which are in place, gone, or never came.
//!
//! ```text
//!   Waiting ─ due, target free ─► Asked ─ holds ─► Ordered ─► InPlace ─► Removing ─► Gone
//!      │                            └─ does not ─► Skipped
//!      └─ its event did not come in time ────────► Skipped
//! ```

use std::collections::{BTreeMap, BTreeSet};

use gameday_core::{EventKind, FaultEnd, FaultName, Offset, Outcome, ProbeName, Skip, Span};

use super::input::Action;
use crate::plan::{Cue, Entry, OnlyIf, Otherwise};

/// The entries of a plan, each with its state.
pub(super) struct Timeline<'p> {
    entries: &'p [Entry],
    states: Vec<State>,
    /// When what entries wait for was first seen.
    happened: BTreeMap<Cue, Offset>,
    /// What each probe said last.
    looks: BTreeMap<ProbeName, Outcome>,
    ordered: BTreeMap<FaultName, Offset>,
    effective: BTreeMap<FaultName, Offset>,
    skipped: BTreeSet<FaultName>,
    lost: Vec<FaultName>,
    over: Vec<FaultName>,
    /// A person said that the harm is over while these were held until then.
    mitigated: Vec<FaultName>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    /// Its condition is being looked at.
    Asked,
    Ordered,
    InPlace {
        since: Offset,
    },
    Removing,
    Gone,
}

/// Whether an entry's time has come.
enum Due {
    NotYet,
    Now,
    /// What it waits for did not come in time.
    Late(String),
}

impl<'p> Timeline<'p> {
    pub(super) fn new(entries: &'p [Entry]) -> Self {
        Self {
            entries,
            states: vec![State::Waiting; entries.len()],
            happened: BTreeMap::new(),
            looks: BTreeMap::new(),
            ordered: BTreeMap::new(),
            effective: BTreeMap::new(),
            skipped: BTreeSet::new(),
            lost: Vec::new(),
            over: Vec::new(),
            mitigated: Vec::new(),
        }
    }

    /// The same entries, none of them ordered; what probes have said is still known.
    pub(super) fn anew(&self) -> Self {
        Self {
            looks: self.looks.clone(),
            ..Self::new(self.entries)
        }
    }

    /// What is due now: faults to order or to look at, and faults whose hold is over.
    pub(super) fn advance(&mut self, now: Offset, t0: Offset, out: &mut Vec<Action>) {
        for (index, entry) in self.entries.iter().enumerate() {
            match self.states[index] {
                State::Waiting => match self.due(entry, now, t0) {
                    Due::NotYet => {}
                    Due::Late(why) => self.skip(index, Skip::NotInTime, why, out),
                    Due::Now if self.is_taken(entry) => {}
                    Due::Now => self.come(index, now, out),
                },
                State::InPlace { since }
                    if now >= since + entry.hold || self.mitigated.contains(&entry.name) =>
                {
                    self.states[index] = State::Removing;
                    out.push(Action::Remove(entry.name.clone()));
                }
                _ => {}
            }
        }
    }

    fn due(&self, entry: &Entry, now: Offset, t0: Offset) -> Due {
        let Some(after) = &entry.after else {
            return if now >= t0 + entry.at {
                Due::Now
            } else {
                Due::NotYet
            };
        };
        let limit = t0 + after.within;
        match self.happened.get(&after.cue).filter(|at| **at <= limit) {
            Some(at) if now >= *at + after.offset => Due::Now,
            Some(_) => Due::NotYet,
            None if now <= limit => Due::NotYet,
            None if after.otherwise == Otherwise::Run => Due::Now,
            None => Due::Late(format!(
                "{} did not come within {}",
                after.text(),
                Span::from_value(after.within)
            )),
        }
    }

    /// The time of an entry has come, and its target is free: it is ordered, unless a condition is in the way.
    fn come(&mut self, index: usize, now: Offset, out: &mut Vec<Action>) {
        let entry = &self.entries[index];
        match &entry.only_if {
            None => self.order(index, now, out),
            Some(OnlyIf::Probe { probe, up }) => {
                let (word, says_up) = match self.looks.get(probe) {
                    None => ("nothing yet", None),
                    Some(Outcome::Up { .. }) => ("up", Some(true)),
                    Some(Outcome::Down(_)) => ("down", Some(false)),
                    Some(Outcome::Unknown(_)) => ("unknown", None),
                };
                let answer = Ok((says_up == Some(*up), format!("{probe} said {word} last")));
                self.states[index] = State::Asked;
                self.answered(now, &entry.name, answer, out);
            }
            Some(OnlyIf::Promql(_) | OnlyIf::Command(_)) => {
                self.states[index] = State::Asked;
                out.push(Action::Look(entry.name.clone()));
            }
        }
    }

    /// A condition was looked at: whether it holds and what was seen, or why it could not be.
    pub(super) fn answered(
        &mut self,
        now: Offset,
        fault: &FaultName,
        answer: Result<(bool, String), String>,
        out: &mut Vec<Action>,
    ) {
        let index = self.index_of(fault);
        // A stop may have come while it was looked at.
        if self.states[index] != State::Asked {
            return;
        }
        let (holds, detail) =
            answer.unwrap_or_else(|why| (false, format!("it could not be looked at: {why}")));
        let condition = self.entries[index].only_if.as_ref().map(OnlyIf::text);
        let condition = condition.unwrap_or_default();
        out.push(Action::Record(EventKind::ConditionLooked {
            fault: fault.clone(),
            condition: condition.clone(),
            holds,
            detail: detail.clone(),
        }));
        if holds {
            self.order(index, now, out);
        } else {
            let why = format!("`{condition}` does not hold: {detail}");
            self.skip(index, Skip::ConditionFalse, why, out);
        }
    }

    fn order(&mut self, index: usize, now: Offset, out: &mut Vec<Action>) {
        let name = &self.entries[index].name;
        self.states[index] = State::Ordered;
        self.ordered.insert(name.clone(), now);
        out.push(Action::Inject(name.clone()));
    }

    fn skip(&mut self, index: usize, reason: Skip, detail: String, out: &mut Vec<Action>) {
        let fault = self.entries[index].name.clone();
        self.states[index] = State::Gone;
        self.skipped.insert(fault.clone());
        out.push(Action::Record(EventKind::FaultSkipped {
            fault,
            reason,
            detail,
        }));
    }

    /// Whether another entry has the target in a way that leaves no room for this one. A hold counts
    /// from its confirmation, so entries that follow each other on paper may meet for a moment.
    fn is_taken(&self, entry: &Entry) -> bool {
        let others = self
            .entries
            .iter()
            .zip(&self.states)
            .filter(|(other, _)| other.name != entry.name);
        let mut there = others.filter(|(_, state)| !matches!(state, State::Waiting | State::Gone));
        there.any(|(other, _)| other.excludes(entry))
    }

    /// Something that entries may wait for was seen; the first time counts.
    pub(super) fn happened(&mut self, now: Offset, cue: Cue) {
        self.happened.entry(cue).or_insert(now);
    }

    /// Whether it was seen.
    pub(super) fn has_happened(&self, cue: &Cue) -> bool {
        self.happened.contains_key(cue)
    }

    /// What a probe says now.
    pub(super) fn looked(&mut self, probe: &ProbeName, outcome: &Outcome) {
        self.looks.insert(probe.clone(), outcome.clone());
    }

    /// The fault was seen to touch something; the first time counts.
    pub(super) fn touched(&mut self, now: Offset, fault: &FaultName) {
        self.effective.entry(fault.clone()).or_insert(now);
    }

    /// When limits of what it causes begin to count: when it was seen to take effect, was ordered, or was due.
    pub(super) fn began(&self, fault: &FaultName, t0: Offset) -> Offset {
        let due = self
            .entries
            .iter()
            .find(|entry| entry.name == *fault)
            .map(|entry| t0 + entry.latest());
        let ordered = self.ordered.get(fault).copied();
        let effective = self.effective.get(fault).copied();
        effective.or(ordered).or(due).unwrap_or(t0)
    }

    /// Whether it was never ordered, and will not be.
    pub(super) fn is_skipped(&self, fault: &FaultName) -> bool {
        self.skipped.contains(fault)
    }

    /// When the next entry is due; those that still wait only once `t0` is known.
    pub(super) fn next(&self, t0: Option<Offset>) -> Option<Offset> {
        let due = self
            .entries
            .iter()
            .zip(&self.states)
            .filter_map(|(entry, state)| match state {
                State::Waiting => t0.map(|t0| self.next_of(entry, t0)),
                State::InPlace { since } => Some(*since + entry.hold),
                _ => None,
            });
        due.min()
    }

    fn next_of(&self, entry: &Entry, t0: Offset) -> Offset {
        match &entry.after {
            None => t0 + entry.at,
            Some(after) => match self.happened.get(&after.cue) {
                Some(at) => *at + after.offset,
                None => t0 + after.within + JUST_AFTER,
            },
        }
    }

    pub(super) fn injected(&mut self, now: Offset, fault: &FaultName, out: &mut Vec<Action>) {
        out.push(Action::Record(EventKind::FaultInjected { fault: fault.clone() }));
        let state = self.state_of(fault);
        // A stop may have come while it was being injected; then its removal is under way already.
        if *state == State::Ordered {
            *state = State::InPlace { since: now };
        }
    }

    /// It ended without us; its removal is ordered all the same, to be sure.
    pub(super) fn lost(&mut self, fault: FaultName) {
        self.lost.push(fault);
    }

    /// It is over by itself: nothing is held any more, and what it has left is put back at once.
    pub(super) fn over(&mut self, fault: &FaultName, how: String, out: &mut Vec<Action>) {
        self.over.push(fault.clone());
        out.push(Action::Record(EventKind::FaultOver {
            fault: fault.clone(),
            how,
        }));
        let state = self.state_of(fault);
        if matches!(state, State::Ordered | State::InPlace { .. }) {
            *state = State::Removing;
            out.push(Action::Remove(fault.clone()));
        }
    }

    pub(super) fn removed(&mut self, now: Offset, fault: &FaultName, out: &mut Vec<Action>) {
        *self.state_of(fault) = State::Gone;
        self.happened(now, Cue::Removed(fault.clone()));
        let how = if self.lost.contains(fault) {
            FaultEnd::Lost
        } else if self.over.contains(fault) {
            FaultEnd::Over
        } else {
            FaultEnd::Removed
        };
        out.push(Action::Record(EventKind::FaultRemoved {
            fault: fault.clone(),
            how,
        }));
    }

    pub(super) fn remove_failed(&mut self, fault: &FaultName, error: String, out: &mut Vec<Action>) {
        *self.state_of(fault) = State::Gone;
        out.push(Action::Record(EventKind::FaultFailed {
            fault: fault.clone(),
            error,
        }));
    }

    /// A person says that the harm is over: what is held until then goes, also what is just being
    /// injected. Says how many faults that are.
    pub(super) fn mitigated(&mut self) -> usize {
        let held = self.entries.iter().zip(&self.states).filter(|(entry, state)| {
            entry.until_mitigated && matches!(state, State::Ordered | State::InPlace { .. })
        });
        let released: Vec<FaultName> = held.map(|(entry, _)| entry.name.clone()).collect();
        let count = released.len();
        self.mitigated.extend(released);
        count
    }

    /// What waits never comes; what may be in place is removed.
    pub(super) fn stop(&mut self, out: &mut Vec<Action>) {
        for (entry, state) in self.entries.iter().zip(&mut self.states) {
            match state {
                State::Waiting | State::Asked => *state = State::Gone,
                State::Ordered | State::InPlace { .. } => {
                    *state = State::Removing;
                    out.push(Action::Remove(entry.name.clone()));
                }
                State::Removing | State::Gone => {}
            }
        }
    }

    pub(super) fn all_gone(&self) -> bool {
        self.states.iter().all(|state| *state == State::Gone)
    }

    fn state_of(&mut self, fault: &FaultName) -> &mut State {
        let index = self.index_of(fault);
        &mut self.states[index]
    }

    fn index_of(&self, fault: &FaultName) -> usize {
        let index = self.entries.iter().position(|entry| entry.name == *fault);
        index.expect("only faults of the plan are ever ordered")
    }
}

/// A limit is over only after it.
const JUST_AFTER: std::time::Duration = std::time::Duration::from_millis(1);
