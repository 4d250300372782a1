//! Looks become events, and the engine hears of them, wherever they were made.

use std::io;
use std::time::Duration;

use gameday_core::{EventKind, ProbeDone, ProbeName, RegionName};
use gameday_probe::Tick;

use super::Runner;
use crate::engine::Input;

impl Runner<'_> {
    /// A tick of a probe of our own.
    pub(super) async fn probed(&mut self, tick: Tick) -> io::Result<()> {
        match tick {
            Tick::Done {
                probe,
                region,
                intended,
                observation,
                ..
            } => {
                let done = ProbeDone {
                    probe,
                    intended: self.journal.clock().offset_of(intended),
                    outcome: observation.outcome,
                    total_us: u64::try_from(observation.total.as_micros()).unwrap_or(u64::MAX),
                    phases: observation.phases,
                    steps: observation.steps,
                    message: observation.message,
                    trace_id: observation.trace_id,
                    region_time: None,
                };
                self.looked(&region, done).await
            }
            Tick::Missed { probe, region, count } => self.missed(&region, probe, count).await,
        }
    }

    pub(super) async fn looked(&mut self, region: &RegionName, done: ProbeDone) -> io::Result<()> {
        let total = Duration::from_micros(done.total_us);
        let input = Input::Probed(
            done.probe.clone(),
            done.outcome.clone(),
            total,
            done.message.clone(),
        );
        self.journal
            .record_in(region, EventKind::ProbeDone(Box::new(done)))?;
        self.feed(input).await
    }

    pub(super) async fn missed(
        &mut self,
        region: &RegionName,
        probe: ProbeName,
        count: u64,
    ) -> io::Result<()> {
        let kind = EventKind::ProbeMissed {
            probe: probe.clone(),
            count,
        };
        self.journal.record_in(region, kind)?;
        self.feed(Input::Missed(probe, count)).await
    }
}
