//! Between two trials: what the gate asks for, what is written down of the trial before, and new faults.

use std::io;
use std::sync::Arc;

use gameday_core::{EventKind, StopReason};

use super::fault_task::FaultTask;
use super::{Report, Runner};
use crate::engine::{GateLook, Input};
use crate::fault::{self, Fault};

impl Runner<'_> {
    /// Time went on; a gate that is closed is told what it asks for first.
    pub(super) async fn tick(&mut self) -> io::Result<()> {
        let now = self.journal.clock().offset();
        if let Some(ask) = self.drill.asks(now) {
            let look = match &self.oracle {
                Some(oracle) => oracle.gate(ask.since_removal, self.journal.clock()),
                None => GateLook::default(),
            };
            self.feed(Input::Gate(look)).await?;
        }
        self.feed(Input::Tick).await
    }

    /// A task for each fault; those of the trial before end, since nobody orders anything of them any more.
    pub(super) fn arm(&mut self, faults: Vec<Arc<dyn Fault>>) {
        for (entry, fault) in self.plan.timeline.iter().zip(faults) {
            let task = FaultTask::start(
                &mut self.tasks,
                entry.name.clone(),
                fault,
                self.plan.guard.lease,
                self.reports.clone(),
            );
            self.faults.insert(entry.name.clone(), task);
        }
    }

    /// Writes down what Prometheus knows of the trial that is over, and makes the faults of the next.
    pub(super) async fn next_trial(&mut self, trial: u32) -> io::Result<()> {
        self.collect().await?;
        self.journal.record(EventKind::TrialEnded { trial: trial - 1 })?;
        self.trial_began = self.journal.clock().offset();
        self.held.clear();
        match fault::build(self.plan, self.run, trial) {
            Ok(faults) => self.arm(faults),
            Err(error) => {
                let stop = Report::Input(Input::Stop(StopReason::Target(error.to_string())));
                // The queue is bounded and this is its reader; one that is full is read on before the faults begin.
                let _ = self.reports.try_send(stop);
            }
        }
        Ok(())
    }
}
