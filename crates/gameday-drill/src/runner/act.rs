//! Does what the engine decided.

use std::io;
use std::sync::Arc;

use gameday_core::{EventKind, FaultName};

use super::fault_task::{FaultTask, Order};
use super::{Runner, condition, preflight, verify};
use crate::engine::Action;
use crate::fault::Fault;

impl Runner<'_> {
    pub(super) async fn act(&mut self, action: Action) -> io::Result<()> {
        match action {
            Action::Record(kind) => {
                self.note_held(&kind);
                self.journal.record(kind)
            }
            Action::Look(fault) => {
                self.look(fault);
                Ok(())
            }
            Action::Inject(fault) => {
                self.predict(&fault)?;
                let task = &self.faults[&fault];
                let undo = serde_json::to_value(task.undo())?;
                self.whole = false;
                // No durable record, no fault.
                self.journal.record_durably(EventKind::FaultOrdered {
                    fault: fault.clone(),
                    undo,
                })?;
                task.order(Order::Inject).await;
                Ok(())
            }
            Action::Remove(fault) => {
                self.faults[&fault].order(Order::Remove).await;
                Ok(())
            }
            Action::NextTrial(trial) => self.next_trial(trial).await,
            Action::Verify => {
                let faults: Vec<Arc<dyn Fault>> = self.faults.values().map(FaultTask::fault).collect();
                self.tasks.spawn(verify::look(faults, self.reports.clone()));
                Ok(())
            }
            Action::Finish(how) => {
                self.ended = Some(how);
                Ok(())
            }
        }
    }

    /// Has the condition of an entry looked at.
    fn look(&mut self, fault: FaultName) {
        let entry = self.plan.timeline.iter().find(|entry| entry.name == fault);
        if let Some(condition) = entry.and_then(|entry| entry.only_if.clone()) {
            let (prometheus, reports) = (self.prometheus.clone(), self.reports.clone());
            self.tasks
                .spawn(condition::look(fault, condition, prometheus, reports));
        }
    }

    /// Writes down what the alerts of a fault will do, before it is ordered.
    fn predict(&mut self, fault: &FaultName) -> io::Result<()> {
        let Some(oracle) = &self.oracle else { return Ok(()) };
        for prediction in oracle.predict(fault) {
            self.jobs.extend(prediction.jobs.iter().cloned());
            self.journal.record(EventKind::Predicted(Box::new(prediction)))?;
        }
        // The first fault decides: what comes after it may be its own doing.
        if self.whole
            && let Some(detail) = oracle.group_stage("at the injection")
        {
            let name = preflight::GROUP_STAGE.to_owned();
            self.journal.record(EventKind::Checked {
                name,
                ok: true,
                detail,
            })?;
        }
        Ok(())
    }
}
