//! Runs a flow: its steps in order, the first failure ends it, those that run `always` tidy up.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::BoxFuture;
use gameday_core::{Outcome, Phases, Reason, Secret, StepDone, StepName};

use crate::net::Connector;
use crate::observation::{Fault, Observation, Probe};
use crate::plan::{FlowPlan, StepPlan};
use crate::step::{StepReport, TIDY_LIMIT, run_step};
use crate::values::Values;
use crate::{BuildError, Environment};

/// Makes a flow ready to run: its secrets are taken from `environment`.
///
/// # Errors
/// [`BuildError`] when an environment variable is missing or empty.
pub fn build(plan: &FlowPlan, environment: &Environment) -> Result<Arc<dyn Probe>, BuildError> {
    let flow = Flow::new(plan, environment, Connector::default())?;
    if plan.may_use_tls() {
        flow.connector.prepare_tls();
    }
    Ok(Arc::new(flow))
}

/// A flow with its secrets and its way to the network.
pub(crate) struct Flow {
    plan: FlowPlan,
    secrets: BTreeMap<String, Secret>,
    connector: Connector,
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl Flow {
    pub(crate) fn new(
        plan: &FlowPlan,
        environment: &Environment,
        connector: Connector,
    ) -> Result<Self, BuildError> {
        let mut secrets = BTreeMap::new();
        for (secret, variable) in &plan.secrets {
            let value = environment.get(variable).filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| BuildError::MissingVariable {
                variable: variable.clone(),
                secret: secret.clone(),
                file: plan.path.clone(),
            })?;
            secrets.insert(secret.clone(), Secret::new(value.clone()));
        }
        Ok(Self {
            plan: plan.clone(),
            secrets,
            connector,
        })
    }

    async fn look(&self, deadline: Instant) -> Observation {
        let started = Instant::now();
        let mut values = match Values::begin(&self.secrets, &self.plan.run_vars) {
            Ok(values) => values,
            // The file was checked: every name that a variable holds is a secret or `uuid`.
            Err(missing) => {
                let message = format!("`{}` has no value", missing.0);
                return Observation::stopped(Reason::CannotLook, started.elapsed(), message);
            }
        };
        let mut look = Look::default();
        for step in self.plan.steps.iter().filter(|step| !step.always) {
            look.add(step, self.step(step, &mut values, deadline).await);
            if look.fault.is_some() {
                break;
            }
        }
        let total = started.elapsed();
        let tidy_by = Instant::now() + TIDY_LIMIT;
        for step in self.plan.steps.iter().filter(|step| step.always) {
            // A step that needs a value which no step saved has nothing to tidy up.
            let report = run_step(&self.connector, step, &mut values, tidy_by).await;
            look.steps.extend(report.map(|report| report.done));
        }
        Observation {
            outcome: look.outcome(),
            phases: look.phases,
            total,
            message: look.message().map(|message| values.redact(&message)),
            steps: look.steps,
        }
    }

    async fn step(
        &self,
        step: &StepPlan,
        values: &mut Values<'_>,
        deadline: Instant,
    ) -> Result<StepReport, Fault> {
        if Instant::now() >= deadline {
            return Err(Fault::new(
                Reason::Timeout,
                "the probe's time was used up before it",
            ));
        }
        let report = run_step(&self.connector, step, values, deadline).await;
        report.map_err(|missing| Fault::new(Reason::CannotLook, format!("`{}` has no value", missing.0)))
    }
}

impl Probe for Flow {
    fn run(&self, deadline: Instant) -> BoxFuture<'_, Observation> {
        Box::pin(self.look(deadline))
    }
}

/// What a run has said so far.
#[derive(Default)]
struct Look {
    steps: Vec<StepDone>,
    phases: Phases,
    slow: Vec<StepName>,
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
