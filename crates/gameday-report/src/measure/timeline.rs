//! A journal that was checked once, and what every other part asks of it.

use gameday_core::{DrillStarted, Event, EventKind, ExpectRecord, FaultName, SCHEMA, SourceName, Timestamp};

use super::clock::{Clocks, Jump, healed_later, jumps};
use super::disturbance::{self, Disturbance};
use super::forged::Sent;
use super::mark::{Known, Mark, Moment};
use crate::words;

/// Why a journal cannot be measured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimelineError {
    /// No journal was given.
    #[error("no journal was given")]
    NoJournal,
    /// The journal has no event.
    #[error("the journal is empty")]
    Empty,
    /// The first event is not the start of a drill.
    #[error("the journal does not begin with the start of a drill")]
    NotADrill,
    /// The journal was written by a build whose format this one does not know.
    #[error("the journal has schema {0}, this build reads schema {SCHEMA}")]
    Schema(u32),
    /// An event is missing.
    #[error("event {found} stands where {expected} should: the journal has a hole")]
    Hole {
        /// The number that should stand there.
        expected: u64,
        /// The number that does.
        found: u64,
    },
}

/// A source that did not answer for a while.
#[derive(Debug, Clone)]
pub(super) struct Lost {
    /// Which source.
    pub source: SourceName,
    /// When it was found lost.
    pub from: Timestamp,
    /// What the last attempt said.
    pub error: String,
}

/// A checked journal.
pub(super) struct Timeline<'a> {
    pub events: &'a [Event],
    pub started: &'a DrillStarted,
    pub clocks: Clocks,
    pub jumps: Vec<Jump>,
    pub disturbances: Vec<Disturbance>,
    /// What was sent to us, by the whole drill's counters.
    pub sent: Sent,
}

/// Whose clock the times of an alert's rule are of.
pub(super) fn clock_of(expect: &ExpectRecord) -> &str {
    expect.source.as_deref().unwrap_or("prometheus")
}

impl<'a> Timeline<'a> {
    /// Checks a journal.
    pub(super) fn read(events: &'a [Event]) -> Result<Self, TimelineError> {
        let first = events.first().ok_or(TimelineError::Empty)?;
        let EventKind::DrillStarted(started) = &first.kind else {
            return Err(TimelineError::NotADrill);
        };
        if started.schema != SCHEMA {
            return Err(TimelineError::Schema(started.schema));
        }
        // Who sums a journal up while reading it has seen each line, and keeps but some of them.
        let read_whole = !events.iter().any(is_by_reader);
        for (expected, event) in (0..).zip(events) {
            if read_whole && event.seq != expected {
                return Err(TimelineError::Hole {
                    expected,
                    found: event.seq,
                });
            }
        }
        let mut timeline = Self {
            events,
            started,
            clocks: Clocks::read(events),
            jumps: jumps(events),
            disturbances: Vec::new(),
            sent: Sent::read(events, started.plan.observe.alertmanager.len()),
        };
        timeline.disturbances = disturbance::read(&timeline);
        Ok(timeline)
    }

    /// The part of it that is one trial's, with what the whole says of the clocks.
    pub(super) fn part<'p>(&self, events: &'p [Event]) -> Timeline<'p>
    where
        'a: 'p,
    {
        let mut part = Timeline {
            events,
            started: self.started,
            clocks: self.clocks.clone(),
            jumps: self.jumps.clone(),
            disturbances: self.disturbances.clone(),
            sent: self.sent.clone(),
        };
        // What disturbed another trial is that one's.
        let (from, to) = (part.began().time, part.last().time);
        part.disturbances.retain(|one| one.low <= to && from <= one.high);
        part
    }

    /// The event with which the trial began: the drill's own first one, or that of a later trial.
    pub(super) fn began(&self) -> &'a Event {
        let later = |event: &&Event| matches!(event.kind, EventKind::TrialStarted { trial: 1.., .. });
        self.events.iter().find(later).unwrap_or(&self.events[0])
    }

    /// The event at which the first fault was ordered: T0.
    pub(super) fn first_ordered(&self) -> Option<&'a Event> {
        self.events
            .iter()
            .find(|event| matches!(event.kind, EventKind::FaultOrdered { .. }))
    }

    /// The event at which the last fault was confirmed gone, or why there is none: T7.
    pub(super) fn last_removed(&self) -> Known<&'a Event> {
        let mut open: Vec<&FaultName> = Vec::new();
        let mut injected: Vec<&FaultName> = Vec::new();
        let mut last = None;
        for event in self.events {
            match &event.kind {
                EventKind::FaultOrdered { fault, .. } => open.push(fault),
                EventKind::FaultInjected { fault } => injected.push(fault),
                EventKind::FaultRemoved { fault, .. } => {
                    open.retain(|name| *name != fault);
                    last = Some(event);
                }
                // What could not be injected was never in place; what was, could not be removed.
                EventKind::FaultFailed { fault, .. } if !injected.contains(&fault) => {
                    open.retain(|name| *name != fault);
                }
                _ => {}
            }
        }
        match (open.first(), last) {
            (Some(fault), _) => Err(format!("fault `{fault}` was never confirmed removed")),
            (None, None) => Err("no fault was in place".into()),
            (None, Some(event)) => Ok(event),
        }
    }

    /// The last event.
    pub(super) fn last(&self) -> &'a Event {
        // A sum may be written behind what was seen after it.
        let last = self.events.iter().max_by_key(|event| event.at);
        last.expect("a checked journal has an event")
    }

    /// Until when somebody looked: what `heal` wrote long after a runner had died is no look.
    pub(super) fn watched_until(&self) -> Moment {
        let watched = match self.healed_from() {
            Some(from) => &self.events[..from],
            None => self.events,
        };
        let last = watched.iter().max_by_key(|event| event.at);
        Moment::new(last.unwrap_or(self.last()).time)
    }

    /// Where the events of `heal` begin, if it was heal that ended the drill.
    fn healed_from(&self) -> Option<usize> {
        (1..self.events.len()).find(|from| healed_later(&self.events[*from..]))
    }

    /// Whether the runner died and `heal` put back what it had left.
    pub(super) fn is_healed(&self) -> bool {
        self.healed_from().is_some()
    }

    /// Times at which a source was lost after the first fault was ordered, or before and not back.
    pub(super) fn losses(&self) -> Vec<Lost> {
        let t0 = self.first_ordered().map(|event| event.seq);
        let mut before: Vec<Lost> = Vec::new();
        let mut after: Vec<Lost> = Vec::new();
        for event in self.events {
            let touched = t0.is_some_and(|seq| event.seq >= seq);
            match &event.kind {
                EventKind::SourceLost { source, error } => {
                    let list = if touched { &mut after } else { &mut before };
                    list.push(Lost {
                        source: source.clone(),
                        from: event.time,
                        error: error.clone(),
                    });
                }
                EventKind::SourceBack { source } if !touched => before.retain(|lost| lost.source != *source),
                _ => {}
            }
        }
        before.append(&mut after);
        before
    }

    /// A source's time on our clock.
    pub(super) fn mark(&self, source: &str, raw: Timestamp) -> Mark {
        Mark {
            at: Moment::new(self.clocks.ours(source, raw)),
            raw: Some(raw),
            origin: None,
        }
    }

    /// Milliseconds from one mark to a later one, or why that cannot be said.
    pub(super) fn span(&self, from: &Known<Moment>, to: &Known<Moment>) -> Known<i64> {
        let (from, to) = (
            from.as_ref().map_err(Clone::clone)?,
            to.as_ref().map_err(Clone::clone)?,
        );
        if let Some(jump) = self.jump_between(*from, *to) {
            return Err(jump);
        }
        let ms = to.ms_since(*from);
        if ms < 0 {
            return Err(format!(
                "it would be {}: {}",
                words::exact(ms),
                self.clocks.error_text()
            ));
        }
        Ok(ms)
    }

    /// Why no span between these two can be trusted, when a clock was stepped there.
    pub(super) fn jump_between(&self, from: Moment, to: Moment) -> Option<String> {
        let (low, high) = (from.min(to).time(), from.max(to).time());
        self.jumps
            .iter()
            .find(|jump| jump.low <= high && low <= jump.high)
            .map(|jump| jump.why.clone())
    }
}

fn is_by_reader(event: &Event) -> bool {
    match &event.kind {
        EventKind::LooksSummed(summed) => summed.by_reader,
        EventKind::SteadySummed(summed) => summed.by_reader,
        _ => false,
    }
}
