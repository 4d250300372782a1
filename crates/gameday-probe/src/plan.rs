//! A probe as it will be run: every name resolved, every number checked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use gameday_core::{ProbeName, ProbeRecord, RegionName, StepName};
use hyper::Method;
use hyper::header::HeaderName;
use serde_json_path::JsonPath;

use crate::assertion::Assertion;
use crate::duration::millis;
use crate::kind::Kind;
use crate::template::{JsonTemplate, Template};

/// A file of `probes/*.toml`, checked: one probe, and the panels beside it.
#[derive(Debug, Clone)]
pub struct ProbePlan {
    /// The file's stem.
    pub name: ProbeName,
    /// How often each region looks; 60 s unless the file says otherwise.
    pub every: Duration,
    /// The whole run's limit; 10 s unless the file says otherwise.
    pub timeout: Duration,
    /// The file's objectives.
    pub slo: Option<FileSlo>,
    pub(crate) path: PathBuf,
    pub(crate) var_names: Vec<String>,
    /// Variables with a run-time part, evaluated once a run.
    pub(crate) run_vars: BTreeMap<String, Template>,
    /// Each secret and the environment variable that it comes from.
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) kind: Kind,
    /// Panels with a cadence and a verdict of their own.
    pub(crate) checks: Vec<CheckPlan>,
}

/// A panel beside a probe: `[check.dns]` of `checkout.toml` is named `checkout.dns`.
#[derive(Debug, Clone)]
pub(crate) struct CheckPlan {
    pub(crate) name: ProbeName,
    pub(crate) every: Duration,
    pub(crate) timeout: Duration,
    pub(crate) kind: Kind,
}

/// What a flow's file promises.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FileSlo {
    /// The share of looks that are up, from 0 to 1.
    pub success: Option<f64>,
    /// 95 of 100 looks are faster.
    pub p95: Option<Duration>,
    /// The time over which both are counted.
    pub window: Option<Duration>,
}

/// One step.
#[derive(Debug, Clone)]
pub(crate) struct StepPlan {
    pub(crate) name: StepName,
    pub(crate) method: Method,
    pub(crate) url: Template,
    pub(crate) headers: Vec<(HeaderName, Template)>,
    pub(crate) json: Option<JsonTemplate>,
    pub(crate) expect: Vec<Assertion>,
    pub(crate) save: Vec<Save>,
    pub(crate) slo: Option<Duration>,
    pub(crate) poll: Option<Poll>,
    pub(crate) always: bool,
}

impl StepPlan {
    /// Whether its URL surely is not `https`.
    pub(crate) fn is_plain(&self) -> bool {
        let start = self.url.beginning();
        start.is_some_and(|start| start.starts_with("http://"))
    }
}

/// A value of the answer, kept for later steps.
#[derive(Debug, Clone)]
pub(crate) struct Save {
    pub(crate) name: String,
    pub(crate) from: SaveFrom,
    pub(crate) redact: bool,
}

/// Where in the answer a value is.
#[derive(Debug, Clone)]
pub(crate) enum SaveFrom {
    Json(JsonPath),
    Header(HeaderName),
}

/// The request is repeated until a condition holds.
#[derive(Debug, Clone)]
pub(crate) struct Poll {
    pub(crate) until: Assertion,
    pub(crate) every: Duration,
    pub(crate) within: Duration,
}

impl ProbePlan {
    /// The names in the file's `[vars]`: what a scenario may override.
    pub fn var_names(&self) -> impl Iterator<Item = &str> {
        self.var_names.iter().map(String::as_str)
    }

    /// The names of the steps, in order; a probe that is no flow has none.
    pub fn step_names(&self) -> impl Iterator<Item = &StepName> {
        let steps: &[StepPlan] = match &self.kind {
            Kind::Flow(steps) => steps,
            _ => &[],
        };
        steps.iter().map(|step| &step.name)
    }

    /// The probe as it stands in the journal.
    #[must_use]
    pub fn record(&self, name: ProbeName, regions: &[RegionName]) -> ProbeRecord {
        ProbeRecord {
            name,
            regions: regions.to_vec(),
            steps: self.step_names().cloned().collect(),
            every_ms: millis(self.every),
            timeout_ms: millis(self.timeout),
            slo_p95_ms: self.slo.and_then(|slo| slo.p95).map(millis),
            slo_success: self.slo.and_then(|slo| slo.success),
        }
    }
}
