//! A journal as a list of things that happen at a time, to be changed before it is made.

use crate::sampled;
use gameday_core::{DrillStarted, Event, EventKind, Offset, PlanRecord, RegionName, SCHEMA, Timestamp};
use gameday_report::{Measurement, measure};

/// When every journal of these tests begins: 2026-11-22T10:00:00Z.
pub(crate) const START_US: i64 = 1_795_341_600_000_000;

/// A wall time, in milliseconds after the start.
pub(crate) fn wall(ms: f64) -> Timestamp {
    #[expect(clippy::cast_possible_truncation, reason = "test times are small")]
    Timestamp::from_micros(START_US + (ms * 1000.0).round() as i64)
}

/// What happens in a drill.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) plan: PlanRecord,
    pub(crate) lines: Vec<(u64, String, EventKind)>,
    pub(crate) until_ms: u64,
    pub(crate) baseline: Option<gameday_core::Baseline>,
}

impl Script {
    pub(crate) fn new(plan: PlanRecord) -> Self {
        Self {
            plan,
            lines: Vec::new(),
            until_ms: u64::MAX,
            baseline: None,
        }
    }

    /// Something the runner records, in milliseconds after the start.
    pub(crate) fn at(&mut self, ms: u64, kind: EventKind) -> &mut Self {
        self.seen_in("local", ms * 1000, kind)
    }

    /// Something seen in a region, in microseconds after the start.
    pub(crate) fn seen_in(&mut self, region: &str, us: u64, kind: EventKind) -> &mut Self {
        self.lines.push((us, region.to_owned(), kind));
        self
    }

    /// The script without what matches.
    pub(crate) fn without(&self, gone: impl Fn(&EventKind) -> bool) -> Self {
        let mut script = self.clone();
        script.lines.retain(|(_, _, kind)| !gone(kind));
        script
    }

    /// The script with every event changed.
    pub(crate) fn edited(&self, change: impl Fn(&mut EventKind)) -> Self {
        let mut script = self.clone();
        script.lines.iter_mut().for_each(|(_, _, kind)| change(kind));
        script
    }

    /// The script as far as a moment, as if the runner had been killed there.
    pub(crate) fn cut(&self, ms: u64) -> Self {
        let mut script = self.clone();
        script.until_ms = ms;
        script
    }

    /// The script and one more event.
    pub(crate) fn and(&self, ms: u64, kind: EventKind) -> Self {
        let mut script = self.clone();
        script.at(ms, kind);
        script
    }

    /// The script with another plan.
    pub(crate) fn planned(&self, change: impl Fn(&mut PlanRecord)) -> Self {
        let mut script = self.clone();
        change(&mut script.plan);
        script
    }

    /// The journal.
    pub(crate) fn events(&self) -> Vec<Event> {
        let started = EventKind::DrillStarted(Box::new(DrillStarted {
            schema: SCHEMA,
            version: "0.1.0".into(),
            drill: "db-latency-20261122T100000Z".into(),
            scenario: "db-latency".into(),
            lab: Some("embedded".into()),
            plan: self.plan.clone(),
            baseline: self.baseline.clone().map(Box::new),
        }));
        let mut lines = vec![(0, "local".to_owned(), started)];
        lines.extend(
            self.lines
                .iter()
                .filter(|(us, ..)| *us <= self.until_ms.saturating_mul(1000))
                .cloned(),
        );
        lines.sort_by_key(|(us, ..)| *us);
        let event = |(seq, (us, region, kind)): (u64, (u64, String, EventKind))| Event {
            seq,
            at: Offset::from_micros(us),
            time: Timestamp::from_micros(START_US + i64::try_from(us).unwrap()),
            region: RegionName::new(&region).unwrap(),
            kind,
        };
        (0..).zip(lines).map(event).collect()
    }

    /// What the journal means.
    pub(crate) fn measured(&self) -> Measurement {
        let events = self.events();
        let measured = measure(std::slice::from_ref(&events)).unwrap();
        sampled::check(&events, &measured);
        measured
    }
}
