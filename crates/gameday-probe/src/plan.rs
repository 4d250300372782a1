//! A probe as it will be run: every name resolved, every number checked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gameday_core::{ProbeName, ProbeRecord, RegionName, StepName};
use hyper::Method;
use hyper::header::HeaderName;

use crate::assertion::{Assertion, Origin};
use crate::duration::millis;
use crate::kind::Kind;
use crate::net::{BodyPlan, Route};
use crate::step::ClientCredentials;
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
    /// Tells what the file says from what any other says, whatever its comments and the order of its keys: two
    /// regions look in the same way when theirs are the same.
    pub definition: Arc<str>,
    pub(crate) path: PathBuf,
    /// What was read beside it: bodies, certificates, keys.
    pub files: Vec<PathBuf>,
    pub(crate) var_names: Vec<String>,
    /// Variables with a run-time part, evaluated once a run.
    pub(crate) run_vars: BTreeMap<String, Template>,
    /// Each secret and the environment variable that it comes from.
    pub secrets: BTreeMap<String, String>,
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
#[derive(Debug, Clone, PartialEq)]
pub struct FileSlo {
    /// The share of looks that are up, from 0 to 1.
    pub success: Option<f64>,
    /// 95 of 100 looks are faster.
    pub p95: Option<Duration>,
    /// The time over which both are counted; 30 days unless the file says otherwise.
    pub window: Duration,
    /// What to do when it is broken.
    pub runbook: Option<String>,
    /// The region whose own it is (`[region.NAME]`); the others share the file's.
    pub region: Option<RegionName>,
}

/// A flow: its steps, and what all of them share.
#[derive(Debug, Clone)]
pub(crate) struct FlowPlan {
    /// In order; those that run `always` are last.
    pub(crate) steps: Vec<StepPlan>,
    /// Cookies that an answer sets are sent by later steps of the same run.
    pub(crate) cookies: bool,
    /// Each request carries a `traceparent` of the run (W3C Trace Context).
    pub(crate) traceparent: bool,
}

/// One step.
#[derive(Debug, Clone)]
pub(crate) struct StepPlan {
    pub(crate) name: StepName,
    pub(crate) method: Method,
    pub(crate) url: Template,
    /// Added to the URL, encoded.
    pub(crate) query: Vec<(String, Template)>,
    pub(crate) headers: Vec<(HeaderName, Template)>,
    pub(crate) body: Option<BodyTemplate>,
    pub(crate) auth: Option<Auth>,
    pub(crate) route: Arc<Route>,
    pub(crate) reading: Arc<BodyPlan>,
    pub(crate) compressed: bool,
    /// It begins so much later than the step before it has ended.
    pub(crate) delay: Option<Duration>,
    /// Each request of the step is over by then.
    pub(crate) timeout: Option<Duration>,
    /// So many redirects are followed.
    pub(crate) follow: u32,
    pub(crate) expect: Vec<Assertion>,
    pub(crate) save: Vec<Save>,
    pub(crate) slo: Option<Duration>,
    pub(crate) poll: Option<Poll>,
    pub(crate) retry: Option<Retry>,
    pub(crate) replay: Option<Replay>,
    pub(crate) always: bool,
}

impl StepPlan {
    /// Whether its URL surely is not `https`.
    pub(crate) fn is_plain(&self) -> bool {
        let start = self.url.beginning();
        start.is_some_and(|start| start.starts_with("http://"))
    }
}

/// A request's body.
#[derive(Debug, Clone)]
pub(crate) enum BodyTemplate {
    Json(JsonTemplate),
    /// `application/x-www-form-urlencoded` (WHATWG URL, 5).
    Form(Vec<(String, Template)>),
    Text(Template),
    Bytes(Bytes),
    /// `multipart/form-data` (RFC 7578).
    Multipart(Vec<Part>),
}

/// A part of a multipart body.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) content: PartContent,
}

/// What a part holds.
#[derive(Debug, Clone)]
pub(crate) enum PartContent {
    Text(Template),
    File {
        file_name: String,
        media_type: String,
        bytes: Bytes,
    },
}

/// How a request says who asks.
#[derive(Debug, Clone)]
pub(crate) enum Auth {
    /// RFC 7617.
    Basic { user: Template, password: Template },
    /// RFC 6750.
    Bearer(Template),
    /// RFC 6749, 4.4.
    ClientCredentials(Arc<ClientCredentials>),
}

/// A value of the answer, kept for later steps.
#[derive(Debug, Clone)]
pub(crate) struct Save {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) redact: bool,
}

/// The request is repeated until a condition holds.
#[derive(Debug, Clone)]
pub(crate) struct Poll {
    pub(crate) until: Assertion,
    pub(crate) every: Duration,
    pub(crate) within: Duration,
}

/// A step that failed is tried again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retry {
    pub(crate) times: u32,
    pub(crate) every: Duration,
}

/// The same request is sent once more, and must have the same answer.
#[derive(Debug, Clone)]
pub(crate) struct Replay {
    /// What must be the same, as typed.
    pub(crate) same: Vec<(String, Origin)>,
}

impl ProbePlan {
    /// The names in the file's `[vars]`: what a scenario may override.
    pub fn var_names(&self) -> impl Iterator<Item = &str> {
        self.var_names.iter().map(String::as_str)
    }

    /// The names of the steps, in order; a probe that is no flow has none.
    pub fn step_names(&self) -> impl Iterator<Item = &StepName> {
        let steps: &[StepPlan] = match &self.kind {
            Kind::Flow(flow) => &flow.steps,
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
            slo_p95_ms: self.slo.as_ref().and_then(|slo| slo.p95).map(millis),
            slo_success: self.slo.as_ref().and_then(|slo| slo.success),
            slo_window_ms: self.slo.as_ref().map(|slo| millis(slo.window)),
        }
    }
}
