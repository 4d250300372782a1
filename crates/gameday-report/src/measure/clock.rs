//! Clocks: how far each source's is from ours, and where one of them was stepped.

use std::collections::BTreeMap;

use gameday_core::{Event, EventKind, Timestamp};

use crate::words;

/// A drift between the wall clock and the monotonic clock beyond this voids what it touches.
const DRIFT_LIMIT_US: i64 = 50_000;

/// No clock is 30 years off; a journal that says so must not overflow anything.
const ABSURD_US: i64 = 1_000_000_000_000_000;

/// The clock of a region that is followed is named `region.NAME`.
const REGION: &str = "region.";

/// One measurement of a source's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub taken: Timestamp,
    pub offset_us: i64,
    pub error_us: i64,
    pub stepped: bool,
}

/// All measurements of all sources.
#[derive(Debug, Clone, Default)]
pub(super) struct Clocks {
    pub by_source: BTreeMap<String, Vec<Reading>>,
}

impl Clocks {
    pub(super) fn read(events: &[Event]) -> Self {
        let mut clocks = Self::default();
        for event in events {
            if let EventKind::ClockMeasured {
                source,
                offset_us,
                error_us,
                stepped,
            } = &event.kind
            {
                let reading = Reading {
                    taken: event.time,
                    offset_us: (*offset_us).clamp(-ABSURD_US, ABSURD_US),
                    error_us: error_us.saturating_abs(),
                    stepped: *stepped,
                };
                clocks
                    .by_source
                    .entry(source.to_string())
                    .or_default()
                    .push(reading);
            }
        }
        clocks
    }

    /// A time of the source's clock, on ours: less its offset, where that is more than its error.
    pub(super) fn ours(&self, source: &str, raw: Timestamp) -> Timestamp {
        match self.reading_at(source, raw) {
            Some(reading) if reading.offset_us.saturating_abs() > reading.error_us => {
                raw.plus_micros(reading.offset_us.saturating_neg())
            }
            _ => raw,
        }
    }

    /// How wrong a time that [`Self::ours`] gives may still be; of a clock that was never compared
    /// nothing is known, so nothing is allowed for.
    pub(super) fn bound_us(&self, source: &str, raw: Timestamp) -> i64 {
        self.reading_at(source, raw).map_or(0, |reading| {
            let offset = reading.offset_us.saturating_abs();
            let left = if offset > reading.error_us { 0 } else { offset };
            reading.error_us.saturating_add(left)
        })
    }

    /// The best reading for a moment: the last one before the next step of that clock, because each
    /// reading narrows what the ones before it said.
    fn reading_at(&self, source: &str, raw: Timestamp) -> Option<&Reading> {
        let readings = self.by_source.get(source)?;
        let eras: Vec<&[Reading]> = readings.chunk_by(|_, next| !next.stepped).collect();
        eras.iter()
            .rev()
            .find(|era| era.first().is_some_and(|first| first.taken <= raw))
            .or(eras.first())
            .and_then(|era| era.last())
    }

    /// What is known of the clocks, for people.
    pub(super) fn error_text(&self) -> String {
        let bounds: Vec<String> = self
            .by_source
            .iter()
            .filter_map(|(source, readings)| {
                Some(format!("{source} ±{}", words::micros(readings.last()?.error_us)))
            })
            .collect();
        if bounds.is_empty() {
            "the clocks were not compared".into()
        } else {
            format!("clock error bound {}", bounds.join(", "))
        }
    }
}

/// A stretch of time over which a clock was stepped: no span that touches it can be trusted.
#[derive(Debug, Clone)]
pub(super) struct Jump {
    /// Whose clock; `local` is ours.
    pub source: String,
    pub low: Timestamp,
    pub high: Timestamp,
    pub why: String,
}

impl Jump {
    fn new(source: &str, a: Timestamp, b: Timestamp, why: String) -> Self {
        Self {
            source: source.to_owned(),
            low: a.min(b),
            high: a.max(b),
            why,
        }
    }
}

/// Every step of our wall clock and of a source's clock, in the order of the journal.
pub(super) fn jumps(events: &[Event]) -> Vec<Jump> {
    let mut found = wall_jumps(events);
    let mut last: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for event in events {
        if let EventKind::ClockMeasured { source, stepped, .. } = &event.kind {
            // No mark is read from the clock of a region; its looks are told with the offset of their moment.
            if source.as_str().starts_with(REGION) {
                continue;
            }
            let before = last.insert(source.as_str(), event.time).unwrap_or(event.time);
            if *stepped {
                let why = format!("the clock of {source} was stepped");
                found.push(Jump::new(source.as_str(), before, event.time, why));
            }
        }
    }
    found
}

/// Where the wall clock went another way than the monotonic one.
fn wall_jumps(events: &[Event]) -> Vec<Jump> {
    let mut found = Vec::new();
    let Some(mut anchor) = events.first() else {
        return found;
    };
    for (after, pair) in (1..).zip(events.windows(2)) {
        let (before, event) = (&pair[0], &pair[1]);
        let slow = drift_us(anchor, event);
        if slow.abs() <= DRIFT_LIMIT_US {
            continue;
        }
        let sudden = drift_us(before, event).abs() > DRIFT_LIMIT_US;
        let from = if sudden { before } else { anchor };
        anchor = event;
        if !healed_later(&events[after..]) {
            let why = format!("wall clock stepped by {}", words::exact(slow / 1000));
            found.push(Jump::new("local", from.time, event.time, why));
        }
    }
    found
}

/// `heal` writes on with the monotonic clock of another process, often much later: that is no step.
pub(super) fn healed_later(rest: &[Event]) -> bool {
    let by_heal = |event: &Event| {
        matches!(
            event.kind,
            EventKind::Healed { .. }
                | EventKind::FaultTouched { .. }
                | EventKind::FaultRemoved { .. }
                | EventKind::RollbackChecked { .. }
                | EventKind::Checked { .. }
        )
    };
    rest.iter().all(by_heal)
        && rest
            .iter()
            .any(|event| matches!(event.kind, EventKind::Healed { .. }))
}

/// How much further the wall clock went than the monotonic one, in microseconds.
fn drift_us(from: &Event, to: &Event) -> i64 {
    let monotonic = i128::from(to.at.as_micros()) - i128::from(from.at.as_micros());
    let drift = i128::from(to.time.micros_since(from.time)) - monotonic;
    i64::try_from(drift).unwrap_or(i64::MAX)
}
