//! A run: what one probe in one region, or one steady-state condition, says again and again.

use super::Rules;
use crate::{
    Event, EventKind, LooksSummed, Offset, Outcome, ProbeDone, ProbeName, RegionName, SteadyEvaluated,
    SteadyName, SteadySummed, StepName, SummedLook, Timestamp,
};

/// What can be summed up, and what of it.
pub(super) trait Summed {
    /// What those of a run have in common.
    type Says;
    /// What is kept of one.
    type Kept;

    /// What it says; none when it is none of these.
    fn says(event: &Event) -> Option<Self::Says>;
    /// Whether it says the same.
    fn is(says: &Self::Says, event: &Event) -> bool;
    /// Whether the first ones of a run say more than their sum would.
    fn is_failure(_: &Self::Says) -> bool {
        false
    }
    fn keep(event: &Event) -> Option<Self::Kept>;
    fn sum(says: &Self::Says, kept: Vec<Self::Kept>, by_reader: bool) -> EventKind;
}

/// What is held back of a run.
#[derive(Debug)]
pub(super) struct Run<S: Summed> {
    /// What it says at present.
    says: Option<S::Says>,
    /// How often it has said so.
    count: u32,
    /// Held back whole, because the next may say something else.
    newest: Option<Event>,
    sum: Vec<S::Kept>,
    /// The stamps of the last one in the sum.
    stamps: Option<Stamps>,
    /// When one last stayed whole.
    whole: Offset,
}

impl<S: Summed> Default for Run<S> {
    fn default() -> Self {
        Self {
            says: None,
            count: 0,
            newest: None,
            sum: Vec::new(),
            stamps: None,
            whole: Offset::default(),
        }
    }
}

impl<S: Summed> Run<S> {
    /// Takes the next one; whether it is held back.
    pub(super) fn take(&mut self, event: Event, rules: Rules, out: &mut Vec<Event>) -> bool {
        if !self.says.as_ref().is_some_and(|says| S::is(says, &event)) {
            self.end(rules, out);
            self.says = S::says(&event);
            self.count = 1;
            self.whole = event.at;
            out.push(event);
            return false;
        }
        self.shelve();
        self.count = self.count.saturating_add(1);
        let first = self.count <= rules.failures && self.says.as_ref().is_some_and(S::is_failure);
        let due = rules
            .every
            .is_some_and(|every| event.at.since(self.whole) >= every);
        if first || due {
            out.extend(self.sum(rules));
            self.whole = event.at;
            out.push(event);
            return false;
        }
        self.newest = Some(event);
        true
    }

    /// Ends the run: its last one stays whole.
    pub(super) fn end(&mut self, rules: Rules, out: &mut Vec<Event>) {
        out.extend(self.sum(rules));
        out.extend(self.newest.take());
    }

    /// The sum so far, without the newest.
    pub(super) fn sum(&mut self, rules: Rules) -> Option<Event> {
        let stamps = self.stamps.take()?;
        let mut kept = std::mem::take(&mut self.sum);
        kept.shrink_to_fit();
        let says = self.says.as_ref()?;
        Some(stamps.event(S::sum(says, kept, rules.by_reader)))
    }

    /// The newest has one of its like behind it.
    fn shelve(&mut self) {
        if let Some(event) = self.newest.take() {
            self.sum.extend(S::keep(&event));
            self.stamps = Some(Stamps::of(&event));
        }
    }
}

#[derive(Debug, Clone)]
struct Stamps {
    seq: u64,
    at: Offset,
    time: Timestamp,
    region: RegionName,
}

impl Stamps {
    fn of(event: &Event) -> Self {
        Self {
            seq: event.seq,
            at: event.at,
            time: event.time,
            region: event.region.clone(),
        }
    }

    fn event(self, kind: EventKind) -> Event {
        Event {
            seq: self.seq,
            at: self.at,
            time: self.time,
            region: self.region,
            kind,
        }
    }
}

/// Looks of a probe in a region.
#[derive(Debug)]
pub(super) struct Looks;

fn done(event: &Event) -> Option<&ProbeDone> {
    match &event.kind {
        EventKind::ProbeDone(done) => Some(done),
        _ => None,
    }
}

/// Whether a look or a step says up, and is not slow.
fn is_up(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Up { slow } if slow.is_empty())
}

/// What looks have in common: all that is read of them but when they were and how long they took.
#[derive(Debug)]
pub(super) struct Saying {
    probe: ProbeName,
    outcome: Outcome,
    steps: Vec<(StepName, Outcome)>,
    message: Option<String>,
}

impl Summed for Looks {
    type Says = Saying;
    type Kept = SummedLook;

    fn says(event: &Event) -> Option<Saying> {
        let done = done(event)?;
        let steps = done.steps.iter();
        Some(Saying {
            probe: done.probe.clone(),
            outcome: done.outcome.clone(),
            steps: steps
                .map(|step| (step.name.clone(), step.outcome.clone()))
                .collect(),
            message: done.message.clone(),
        })
    }

    fn is(says: &Saying, event: &Event) -> bool {
        done(event).is_some_and(|done| {
            let steps = done.steps.iter().map(|step| (&step.name, &step.outcome));
            done.outcome == says.outcome
                && done.message == says.message
                && steps.eq(says.steps.iter().map(|(name, said)| (name, said)))
        })
    }

    fn is_failure(says: &Saying) -> bool {
        !matches!(says.outcome, Outcome::Up { .. })
    }

    fn keep(event: &Event) -> Option<SummedLook> {
        let done = done(event)?;
        Some(SummedLook {
            intended: done.intended,
            total_us: done.total_us,
            at: event.at,
        })
    }

    fn sum(says: &Saying, looks: Vec<SummedLook>, by_reader: bool) -> EventKind {
        let said = says.steps.iter().map(|(_, said)| said.clone());
        EventKind::LooksSummed(Box::new(LooksSummed {
            probe: says.probe.clone(),
            outcome: says.outcome.clone(),
            steps: says.steps.iter().map(|(name, _)| name.clone()).collect(),
            said: match says.steps.iter().all(|(_, said)| is_up(said)) {
                true => Vec::new(),
                false => said.collect(),
            },
            message: says.message.clone(),
            looks,
            by_reader,
        }))
    }
}

/// Evaluations of a steady-state condition.
#[derive(Debug)]
pub(super) struct Evaluations;

fn evaluated(event: &Event) -> Option<&SteadyEvaluated> {
    match &event.kind {
        EventKind::SteadyEvaluated(evaluated) => Some(evaluated),
        _ => None,
    }
}

impl Summed for Evaluations {
    type Says = (SteadyName, Option<bool>);
    type Kept = (Offset, Option<f64>);

    fn says(event: &Event) -> Option<Self::Says> {
        evaluated(event).map(|one| (one.name.clone(), one.holds))
    }

    fn is((_, holds): &Self::Says, event: &Event) -> bool {
        evaluated(event).is_some_and(|one| one.holds == *holds)
    }

    fn keep(event: &Event) -> Option<Self::Kept> {
        evaluated(event).map(|one| (event.at, one.value))
    }

    fn sum((name, holds): &Self::Says, values: Vec<Self::Kept>, by_reader: bool) -> EventKind {
        EventKind::SteadySummed(Box::new(SteadySummed {
            name: name.clone(),
            holds: *holds,
            values,
            by_reader,
        }))
    }
}
