//! The plan: a scenario with every name resolved and every number checked.

mod cue;
mod fault;
mod record;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use gameday_core::{FaultName, ProbeName, RegionName, SteadyName, TargetName, TokenFrom, redact_url};
use gameday_probe::ProbePlan;

use gameday_alert::{Auth, Hook, Matcher};
use serde::Deserialize;

use crate::network::{Peer, Transport};
pub use cue::{After, AlertMoment, Cue, OnlyIf, Otherwise};
pub use fault::{FaultKind, Pressure};

/// What will be done; [`Plan::load`] makes it of a scenario.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The scenario's name: its file's stem.
    pub scenario: String,
    /// One line for people.
    pub title: String,
    /// What the team believes will happen.
    pub hypothesis: Option<String>,
    /// Where the runbook is.
    pub runbook: Option<String>,
    /// The practice system to start, if any.
    pub lab: Option<String>,
    /// Requests a second that the lab's users make, if not as many as usual.
    pub rps: Option<u32>,
    /// What all random choices of its toxics are made from; drawn anew for each drill if none.
    pub seed: Option<u64>,
    /// How often the faults are run through: each time from a random phase of the alerting, after the one before is over.
    pub trials: u32,
    /// How long a trial waits for what is left of the one before; then it begins all the same, and is not counted.
    pub gate_within: Duration,
    /// Variables as they are used.
    pub vars: BTreeMap<String, String>,
    /// The only things that may be touched.
    pub targets: BTreeMap<TargetName, Target>,
    /// Regions whose probers are followed.
    pub regions: Vec<gameday_probe::Peer>,
    /// What looks at the service.
    pub probes: Vec<ScenarioProbe>,
    /// The alerting that is read.
    pub observe: Observe,
    /// Gate before, drawn during, defines recovery after.
    pub steady: Vec<Steady>,
    /// Faults in the order of the file.
    pub timeline: Vec<Entry>,
    /// Alerts that must come.
    pub expect: Vec<Expectation>,
    /// Alerts that must not come.
    pub forbid: Vec<Forbid>,
    /// What ends the drill early.
    pub guard: Guard,
    /// The steady state must be back this long after the last removal.
    pub recover_within: Option<Duration>,
}

/// Something the drill may touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A proxy that is already running; the runner never hosts one.
    Proxy {
        /// Its name in the proxy's API.
        proxy: String,
        /// The API's base URL.
        api: String,
        /// Where the API's token is taken from, if it asks for one.
        token: Option<TokenFrom>,
        /// What its listen address must be, if stated.
        listen: Option<String>,
        /// What its upstream must be, if stated.
        upstream: Option<String>,
    },
    /// A process of this machine.
    Process {
        /// A file that holds its process id.
        pid_file: PathBuf,
        /// The command that starts it again, if it is gone when the fault is undone.
        start: Vec<String>,
    },
    /// A part of the network: packets between this machine and a peer.
    Network {
        /// Whom.
        peer: Peer,
        /// Which packets.
        transport: Transport,
    },
    /// A control group of this machine.
    Cgroup {
        /// Its folder.
        dir: PathBuf,
    },
    /// This machine.
    Host,
    /// A unit of systemd.
    Unit {
        /// Its name.
        unit: String,
        /// Whether it is one of this user's.
        user: bool,
    },
    /// Something that gameday itself cannot reach: a command or a request does.
    Service {
        /// What it is, for people and for other drills.
        service: String,
    },
}

impl Target {
    /// Its word in files, e.g. `proxy`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Proxy { .. } => "proxy",
            Self::Process { .. } => "process",
            Self::Network { .. } => "network",
            Self::Cgroup { .. } => "cgroup",
            Self::Host => "host",
            Self::Unit { .. } => "unit",
            Self::Service { .. } => "service",
        }
    }

    /// What two drills must not share: the same text means the same thing is touched.
    #[must_use]
    pub fn identity(&self) -> String {
        match self {
            Self::Proxy { proxy, api, .. } => {
                format!("proxy {proxy} at {}", redact_url(api.trim_end_matches('/')))
            }
            Self::Process { pid_file, .. } => {
                let path = std::path::absolute(pid_file).unwrap_or_else(|_| pid_file.clone());
                format!("process of {}", path.display())
            }
            Self::Network { peer, transport } => format!("network {} {peer}", transport.as_str()),
            Self::Cgroup { dir } => format!("cgroup {}", dir.display()),
            Self::Host => "this host".to_owned(),
            Self::Unit { unit, user: false } => format!("unit {unit}"),
            Self::Unit { unit, user: true } => format!("unit {unit} of this user"),
            Self::Service { service } => format!("service {service}"),
        }
    }
}

/// A probe with its regions.
#[derive(Debug, Clone)]
pub struct ScenarioProbe {
    /// Its name in the scenario.
    pub name: ProbeName,
    /// The file it was read from, for messages.
    pub file: PathBuf,
    /// What it does.
    pub plan: ProbePlan,
    /// Where it is looked from.
    pub regions: Vec<RegionName>,
    /// Those of them where the drill looks itself, each with what its file says of that region.
    pub here: Vec<(RegionName, ProbePlan)>,
}

/// The alerting that is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observe {
    /// Prometheus' base URL.
    pub prometheus: Option<String>,
    /// The base URL of each Alertmanager; several are a cluster.
    pub alertmanager: Vec<String>,
    /// Where our receiver listens.
    pub webhook: Option<String>,
    /// Grafana, for the rules that it evaluates itself.
    pub grafana: Option<GrafanaAt>,
    /// Other webhooks that our receiver takes.
    pub hooks: Vec<Hook>,
    /// Annotations whose links are tried when an expected alert has arrived.
    pub links: Vec<String>,
    /// Whether an alert that is neither expected nor forbidden fails the drill.
    pub unexpected_fails: bool,
    /// What each expected alert must carry.
    pub required: Required,
}

/// A Grafana, and how we show it who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrafanaAt {
    /// Its base URL.
    pub url: String,
    /// What it is shown.
    pub shows: Shows,
}

/// Whom a server takes us for; a secret is read when it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shows {
    /// Nobody.
    Nothing,
    /// Whoever has this token.
    Token(TokenFrom),
    /// This user.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: TokenFrom,
    },
}

impl Shows {
    /// The secret itself.
    ///
    /// # Errors
    /// Why it cannot be had, for people.
    pub fn auth(&self) -> Result<Option<Auth>, String> {
        let read = |from: &TokenFrom| from.read_line(|name| std::env::var(name).ok());
        Ok(match self {
            Self::Nothing => None,
            Self::Token(from) => Some(Auth::Bearer(read(from)?)),
            Self::Basic { user, password } => Some(Auth::Basic(user.clone(), read(password)?)),
        })
    }
}

/// What an alert must carry when it arrives, whatever it says there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Required {
    /// Names of labels.
    pub labels: Vec<String>,
    /// Names of annotations.
    pub annotations: Vec<String>,
}

/// Who knows the rule of an expected alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleOf {
    /// Prometheus, which keeps its samples as well.
    #[default]
    Prometheus,
    /// Grafana, which tells its states and keeps no samples of them.
    Grafana,
    /// Nobody that is observed: only its notifications tell of it.
    Webhook,
}

impl RuleOf {
    /// What its clock is called, and the word of files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Grafana => "grafana",
            Self::Webhook => "webhook",
        }
    }
}

impl Observe {
    /// Whether there is anything that could tell of an alert.
    #[must_use]
    pub fn tells_of_alerts(&self) -> bool {
        self.prometheus.is_some()
            || self.grafana.is_some()
            || !self.alertmanager.is_empty()
            || self.webhook.is_some()
    }
}

/// One steady-state condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Steady {
    /// Its name.
    pub name: SteadyName,
    /// What is measured, and its limit.
    pub kind: SteadyKind,
    /// The trailing window.
    pub window: Duration,
}

/// What a steady-state condition measures.
#[derive(Debug, Clone, PartialEq)]
pub enum SteadyKind {
    /// The 95th percentile of a probe's total time stays at or under a limit.
    P95 {
        /// Which probe.
        probe: ProbeName,
        /// The limit.
        limit: Duration,
    },
    /// The share of a probe's looks that say up stays at or over a floor.
    Success {
        /// Which probe.
        probe: ProbeName,
        /// The floor, 0 to 1.
        floor: f64,
    },
    /// A query of the user's own stays within a bound over the whole window.
    Promql {
        /// The query.
        query: String,
        /// At most this, if stated.
        max: Option<f64>,
        /// At least this, if stated.
        min: Option<f64>,
    },
}

/// One entry of the timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name.
    pub name: FaultName,
    /// When it is ordered, after T0, unless it waits.
    pub at: Duration,
    /// What it waits for.
    pub after: Option<After>,
    /// On what condition it comes.
    pub only_if: Option<OnlyIf>,
    /// How long it is held, from its confirmation; at most, when a person ends it.
    pub hold: Duration,
    /// Whether it is held until a person says that the harm is over.
    pub until_mitigated: bool,
    /// The target.
    pub on: TargetName,
    /// What is done to it.
    pub fault: FaultKind,
}

impl Entry {
    /// The latest time after T0 at which it is ordered.
    #[must_use]
    pub fn latest(&self) -> Duration {
        let waits = self.after.as_ref().map(|after| after.within + after.offset);
        waits.unwrap_or(self.at)
    }

    /// Whether both cannot be in place at once: undoing one would undo the other.
    #[must_use]
    pub fn excludes(&self, other: &Self) -> bool {
        self.on == other.on && self.fault.excludes(&other.fault)
    }
}

/// One alert that must come.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// Its key.
    pub label: String,
    /// The alert's name.
    pub alert: String,
    /// The fault it must tell of.
    pub of: FaultName,
    /// The scrape job that sees the fault first.
    pub job: Option<String>,
    /// Limit from T0e to firing.
    pub firing: Option<Duration>,
    /// Limit from T0e to the notification.
    pub notified: Option<Duration>,
    /// Limit from the removal to the resolved notice.
    pub resolved: Option<Duration>,
    /// Labels it must carry.
    pub labels: BTreeMap<String, String>,
    /// The receiver it must reach.
    pub receiver: Option<String>,
    /// Who knows its rule.
    pub source: RuleOf,
    /// It must never come.
    pub never: bool,
    /// What it must carry, by its own account and by `[observe]`'s.
    pub required: Required,
    /// What the fault is believed to do meanwhile, for the prediction.
    pub during: During,
    /// The share of the trials in which it must come in time, `[4, 5]` for `4 of 5`; all of them if none.
    pub detected: Option<[u32; 2]>,
}

/// What a fault is believed to do to the requests that an alert counts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct During {
    /// The share of them that is bad, 0 to 1.
    pub bad: Option<f64>,
    /// How many there are, for each one before.
    pub traffic: Option<f64>,
    /// How long after the fault the first bad one is counted.
    pub lag: Option<Duration>,
}

impl Expectation {
    /// Whether an alert of this name with these labels is the one that is meant.
    #[must_use]
    pub fn is_about(&self, alert: &str, labels: &BTreeMap<String, String>) -> bool {
        self.alert == alert
            && self
                .labels
                .iter()
                .all(|(key, value)| labels.get(key) == Some(value))
    }

    /// The longest that its detection may take, after the fault took effect.
    #[must_use]
    pub fn detection_limit(&self) -> Option<Duration> {
        self.firing.max(self.notified)
    }
}

/// Alerts that must not come.
#[derive(Debug, Clone)]
pub struct Forbid {
    /// Its key.
    pub label: String,
    /// As written.
    pub text: String,
    /// All of them must match.
    pub matchers: Vec<Matcher>,
}

impl Forbid {
    /// Whether an alert of this name with these labels is forbidden.
    #[must_use]
    pub fn is_about(&self, alert: &str, labels: &BTreeMap<String, String>) -> bool {
        self.matchers.iter().all(|matcher| {
            let value = match matcher.label.as_str() {
                "alertname" => Some(alert),
                label => labels.get(label).map(String::as_str),
            };
            matcher.matches(value.unwrap_or_default())
        })
    }
}

impl Plan {
    /// What forbids an alert; one that is expected is not forbidden.
    pub fn forbids<'a>(
        &'a self,
        alert: &'a str,
        labels: &'a BTreeMap<String, String>,
    ) -> impl Iterator<Item = &'a Forbid> {
        let expected = self
            .expect
            .iter()
            .any(|expect| !expect.never && expect.is_about(alert, labels));
        let forbid = self.forbid.iter();
        forbid.filter(move |forbid| !expected && forbid.is_about(alert, labels))
    }
}

/// What ends the drill early.
#[derive(Debug, Clone, PartialEq)]
pub struct Guard {
    /// Abort conditions.
    pub abort_if: Vec<AbortIf>,
    /// A trial may not last longer, nor a drill that has but one.
    pub max_duration: Duration,
    /// A fault ends by itself this long after its last renewal.
    pub lease: Duration,
}

/// `checkout < 50% for 15s`.
#[derive(Debug, Clone, PartialEq)]
pub struct AbortIf {
    /// As written.
    pub text: String,
    /// Which probe.
    pub probe: ProbeName,
    /// Below this share of up looks, 0 to 1.
    pub floor: f64,
    /// Over this trailing window.
    pub window: Duration,
}
