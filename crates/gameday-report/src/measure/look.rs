//! Looks and evaluations, whether they stand whole in the journal or in a sum.

use gameday_core::{
    Event, EventKind, Offset, Outcome, ProbeName, RegionName, SteadyRecord, StepDone, StepName, Timestamp,
};

/// What a step of a look in a sum said.
static UP: Outcome = Outcome::Up { slow: Vec::new() };

/// One look.
pub(super) struct LookDone<'a> {
    pub probe: &'a ProbeName,
    pub region: &'a RegionName,
    pub intended: Offset,
    /// When it was over, on the wall clock.
    pub time: Timestamp,
    pub total_us: u64,
    pub outcome: &'a Outcome,
    steps: Steps<'a>,
}

enum Steps<'a> {
    Whole(&'a [StepDone]),
    /// Their names, and what each said; nothing where all of them said up.
    Summed(&'a [StepName], &'a [Outcome]),
}

impl<'a> LookDone<'a> {
    /// Each step that ran, and what it said.
    pub(super) fn steps(&self) -> impl Iterator<Item = (&'a StepName, &'a Outcome)> {
        let (whole, summed, said) = match self.steps {
            Steps::Whole(steps) => (steps, &[][..], &[][..]),
            Steps::Summed(names, said) => (&[][..], names, said),
        };
        let whole = whole.iter().map(|step| (&step.name, &step.outcome));
        let said = said.iter().chain(std::iter::repeat(&UP));
        whole.chain(summed.iter().zip(said))
    }
}

/// Every look, in the order of the journal.
pub(super) fn looks(events: &[Event]) -> impl Iterator<Item = LookDone<'_>> {
    events.iter().flat_map(looks_of)
}

fn looks_of(event: &Event) -> impl Iterator<Item = LookDone<'_>> {
    let (whole, summed) = match &event.kind {
        EventKind::ProbeDone(done) => (Some(done), None),
        EventKind::LooksSummed(summed) => (None, Some(summed)),
        _ => (None, None),
    };
    let whole = whole.into_iter().map(|done| LookDone {
        probe: &done.probe,
        region: &event.region,
        intended: done.intended,
        time: event.time,
        total_us: done.total_us,
        outcome: &done.outcome,
        steps: Steps::Whole(&done.steps),
    });
    whole.chain(summed.into_iter().flat_map(move |summed| {
        summed.looks.iter().map(move |look| LookDone {
            probe: &summed.probe,
            region: &event.region,
            intended: look.intended,
            time: event.time_at(look.at),
            total_us: look.total_us,
            outcome: &summed.outcome,
            steps: Steps::Summed(&summed.steps, &summed.said),
        })
    }))
}

/// One evaluation of a steady-state condition.
#[derive(Clone, Copy)]
pub(super) struct Evaluation {
    /// The line that tells it; no sum spans the order or the end of a fault.
    pub seq: u64,
    pub at: Offset,
    pub time: Timestamp,
    pub value: Option<f64>,
    pub holds: Option<bool>,
}

/// Every evaluation of a condition, in the order in which they were.
pub(super) fn evaluations(events: &[Event], record: &SteadyRecord) -> Vec<Evaluation> {
    let mut found = Vec::new();
    for event in events {
        match &event.kind {
            EventKind::SteadyEvaluated(one) if one.name == record.name => found.push(Evaluation {
                seq: event.seq,
                at: event.at,
                time: event.time,
                value: finite(one.value),
                holds: one.holds,
            }),
            EventKind::SteadySummed(summed) if summed.name == record.name => {
                found.extend(summed.values.iter().map(|(at, value)| Evaluation {
                    seq: event.seq,
                    at: *at,
                    time: event.time_at(*at),
                    value: finite(*value),
                    holds: summed.holds,
                }));
            }
            _ => {}
        }
    }
    // A sum that a reader made may hold what was on either side of one that stands in the journal.
    found.sort_by_key(|one| one.at);
    found
}

fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}
