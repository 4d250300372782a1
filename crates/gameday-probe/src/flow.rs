//! Runs a flow: its steps in order, the first failure ends it, those that run `always` tidy up.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use gameday_core::{Outcome, Phases, Reason, StepDone, StepName};
use tokio::time::sleep_until;

use crate::kind::Means;
use crate::observation::{Fault, Observation, Reading};
use crate::plan::{FlowPlan, StepPlan};
use crate::session::Session;
use crate::step::{StepReport, TIDY_LIMIT, run_step};
use crate::values::Values;

/// Runs the steps once.
pub(crate) async fn look(flow: &FlowPlan, means: &Means<'_>, values: &mut Values<'_>) -> Observation {
    let mut look = Look::default();
    let mut session = Session::begin(means.connector, flow);
    for step in flow.steps.iter().filter(|step| !step.always) {
        pause(step, means.deadline).await;
        look.add(step, run(step, &mut session, means.deadline, values).await);
        if look.fault.is_some() {
            break;
        }
    }
    // What the probe itself does between two requests is no part of what is measured.
    let total = Duration::from_micros(look.steps.iter().map(|step| step.total_us).sum());
    let tidy_by = Instant::now() + TIDY_LIMIT;
    for step in flow.steps.iter().filter(|step| step.always) {
        pause(step, tidy_by).await;
        // A step that needs a value which no step saved has nothing to tidy up.
        let report = run_step(&mut session, step, values, tidy_by).await;
        look.steps.extend(report.map(|report| report.done));
    }
    Observation {
        outcome: look.outcome(),
        phases: look.phases,
        total,
        message: look.message(),
        steps: look.steps,
        readings: look.retries,
        evidence: session.evidence,
        trace_id: session.trace_id,
    }
}

/// Waits as long as the file wants it; that is nobody's time.
async fn pause(step: &StepPlan, deadline: Instant) {
    if let Some(delay) = step.delay {
        sleep_until((Instant::now() + delay).min(deadline).into()).await;
    }
}

async fn run(
    step: &StepPlan,
    session: &mut Session<'_>,
    deadline: Instant,
    values: &mut Values<'_>,
) -> Result<StepReport, Fault> {
    if Instant::now() >= deadline {
        return Err(Fault::new(
            Reason::Timeout,
            "the probe's time was used up before it",
        ));
    }
    let report = run_step(session, step, values, deadline).await;
    report.map_err(|missing| Fault::new(Reason::CannotLook, format!("`{}` has no value", missing.0)))
}

/// What a run has said so far.
#[derive(Default)]
struct Look {
    steps: Vec<StepDone>,
    phases: Phases,
    slow: Vec<StepName>,
    /// One for each step that was tried again.
    retries: Vec<Reading>,
    fault: Option<(StepName, Fault)>,
    slow_message: Option<String>,
}

impl Look {
    fn add(&mut self, step: &StepPlan, report: Result<StepReport, Fault>) {
        let report = match report {
            Ok(report) => report,
            Err(fault) => {
                self.fault = Some((step.name.clone(), fault));
                return;
            }
        };
        if let Some(message) = report.slow {
            self.slow.push(step.name.clone());
            self.slow_message.get_or_insert(message);
        }
        if report.retries > 0 {
            self.retries.push(Reading {
                name: "step_retries",
                labels: vec![("step", step.name.to_string())],
                value: f64::from(report.retries),
            });
        }
        self.fault = report.fault.map(|fault| (step.name.clone(), fault));
        self.phases.add(&report.done.phases);
        self.steps.push(report.done);
    }

    fn outcome(&self) -> Outcome {
        match &self.fault {
            Some((_, fault)) => fault.outcome(),
            None => Outcome::Up {
                slow: self.slow.clone(),
            },
        }
    }

    fn message(&self) -> Option<String> {
        match &self.fault {
            Some((step, fault)) => Some(format!("step `{step}`: {}", fault.message)),
            None => self.slow_message.clone(),
        }
    }
}
