//! The timeline while it runs: which faults wait, are in place, or are gone.

use std::collections::BTreeMap;

use gameday_core::{EventKind, FaultEnd, FaultName, Offset};

use super::input::Action;
use crate::plan::Entry;

/// The entries of a plan, each with its state.
pub(super) struct Timeline<'p> {
    entries: &'p [Entry],
    states: Vec<State>,
    effective: BTreeMap<FaultName, Offset>,
    lost: Vec<FaultName>,
    over: Vec<FaultName>,
    /// A person said that the harm is over while these were held until then.
    mitigated: Vec<FaultName>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Ordered,
    InPlace { since: Offset },
    Removing,
    Gone,
}

impl<'p> Timeline<'p> {
    pub(super) fn new(entries: &'p [Entry]) -> Self {
        Self {
            entries,
            states: vec![State::Waiting; entries.len()],
            effective: BTreeMap::new(),
            lost: Vec::new(),
            over: Vec::new(),
            mitigated: Vec::new(),
        }
    }

    /// What is due now: faults to order, and faults whose hold is over.
    pub(super) fn advance(&mut self, now: Offset, t0: Offset, out: &mut Vec<Action>) {
        for (index, entry) in self.entries.iter().enumerate() {
            match self.states[index] {
                State::Waiting if now >= t0 + entry.at && !self.is_taken(entry) => {
                    self.states[index] = State::Ordered;
                    out.push(Action::Inject(entry.name.clone()));
                }
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

    /// The fault was seen to touch something; the first time counts.
    pub(super) fn touched(&mut self, now: Offset, fault: &FaultName) {
        self.effective.entry(fault.clone()).or_insert(now);
    }

    /// When limits of what it causes begin to count: when it was seen to take effect, or was due.
    pub(super) fn began(&self, fault: &FaultName, t0: Offset) -> Offset {
        let due = self
            .entries
            .iter()
            .find(|entry| entry.name == *fault)
            .map(|entry| t0 + entry.at);
        self.effective.get(fault).copied().or(due).unwrap_or(t0)
    }

    /// When the next entry is due; those that still wait only once `t0` is known.
    pub(super) fn next(&self, t0: Option<Offset>) -> Option<Offset> {
        let due = self
            .entries
            .iter()
            .zip(&self.states)
            .filter_map(|(entry, state)| match state {
                State::Waiting => t0.map(|t0| t0 + entry.at),
                State::InPlace { since } => Some(*since + entry.hold),
                _ => None,
            });
        due.min()
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

    pub(super) fn removed(&mut self, fault: &FaultName, out: &mut Vec<Action>) {
        *self.state_of(fault) = State::Gone;
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
                State::Waiting => *state = State::Gone,
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
        let index = self.entries.iter().position(|entry| entry.name == *fault);
        &mut self.states[index.expect("only faults of the plan are ever ordered")]
    }
}
