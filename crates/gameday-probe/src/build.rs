//! Makes a plan ready to run: its secrets, its way to the network, and what is redacted afterwards.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use gameday_core::{ProbeName, Reason, Secret};

use crate::kind::{Kind, Means};
use crate::net::Connector;
use crate::observation::{Observation, Probe};
use crate::plan::ProbePlan;
use crate::template::Template;
use crate::values::Values;
use crate::{BuildError, Environment};

/// A probe that is ready, and the panels beside it.
#[derive(Clone)]
pub struct Built {
    /// What looks.
    pub probe: Arc<dyn Probe>,
    /// Each with a schedule and a verdict of its own.
    pub checks: Vec<BuiltCheck>,
}

/// A panel that is ready.
#[derive(Clone)]
pub struct BuiltCheck {
    /// The file's stem, a dot and the panel's kind.
    pub name: ProbeName,
    /// How often each region looks.
    pub every: Duration,
    /// A look's limit.
    pub timeout: Duration,
    /// What looks.
    pub probe: Arc<dyn Probe>,
}

/// Makes a probe ready to run: its secrets are taken from `environment`, its way to the network is shared.
///
/// # Errors
/// [`BuildError`] when an environment variable is missing or empty.
pub fn build(
    plan: &ProbePlan,
    environment: &Environment,
    connector: &Connector,
) -> Result<Built, BuildError> {
    let ready = |kind: &Kind| -> Result<Arc<dyn Probe>, BuildError> {
        let runner = Runner::new(plan, kind, environment, connector.clone())?;
        if kind.may_use_tls() {
            runner.connector.prepare_tls();
        }
        Ok(Arc::new(runner))
    };
    let checks = plan.checks.iter().map(|check| {
        Ok(BuiltCheck {
            name: check.name.clone(),
            every: check.every,
            timeout: check.timeout,
            probe: ready(&check.kind)?,
        })
    });
    Ok(Built {
        probe: ready(&plan.kind)?,
        checks: checks.collect::<Result<_, _>>()?,
    })
}

/// A kind of probe with its secrets and its way to the network.
pub(crate) struct Runner {
    kind: Kind,
    run_vars: BTreeMap<String, Template>,
    secrets: BTreeMap<String, Secret>,
    connector: Connector,
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Runner {
    pub(crate) fn new(
        plan: &ProbePlan,
        kind: &Kind,
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
            kind: kind.clone(),
            run_vars: plan.run_vars.clone(),
            secrets,
            connector,
        })
    }

    async fn look(&self, deadline: Instant) -> Observation {
        let started = Instant::now();
        let mut values = match Values::begin(&self.secrets, &self.run_vars) {
            Ok(values) => values,
            // The file was checked: every name that a variable holds is a secret or `uuid`.
            Err(missing) => {
                let message = format!("`{}` has no value", missing.0);
                return Observation::stopped(Reason::CannotLook, started.elapsed(), message);
            }
        };
        let means = Means {
            connector: &self.connector,
            deadline,
        };
        let mut observation = self.kind.look(&means, &mut values).await;
        observation.message = observation.message.map(|message| values.redact(&message));
        observation.evidence = observation.evidence.redacted(|text| values.redact(text));
        for (_, label) in observation
            .readings
            .iter_mut()
            .flat_map(|reading| &mut reading.labels)
        {
            *label = values.redact(label);
        }
        observation
    }
}

impl Probe for Runner {
    fn run(&self, deadline: Instant) -> BoxFuture<'_, Observation> {
        Box::pin(self.look(deadline))
    }
}
