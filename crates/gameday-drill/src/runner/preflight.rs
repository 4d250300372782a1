//! Pre-flight: is everything as the scenario says? Nothing is touched, and every refusal is told.

use std::io;
use std::path::Path;
use std::sync::Arc;

use gameday_alert::{Alert, AlertSource, Alertmanager, Grafana, Prometheus, SourceError, Webhook};
use gameday_core::{AlertSeen, AlertState, EventKind, Journal, RegionName, RuleSeen, Span};
use gameday_probe::Scheduled;

use super::Run;
use super::oracle::Oracle;
use super::recorder::Events;
use super::regions::{self, Followed};
use super::sources::Sources;
use crate::fault::{self, Fault};
use crate::plan::{GrafanaAt, Plan, RuleOf};
use crate::registry::{Claim, OpenDrill};

/// All that the drill needs, found to be there.
pub(super) struct Ready {
    pub(super) faults: Vec<Arc<dyn Fault>>,
    pub(super) sources: Sources,
    pub(super) probes: Vec<Scheduled>,
    pub(super) regions: Vec<Followed>,
    pub(super) claim: Claim,
    pub(super) oracle: Arc<Oracle>,
}

/// What the report reads to know whether the group stage can be trusted.
pub(super) const GROUP_STAGE: &str = "group stage";

/// Writes down each check as it is made.
pub(super) struct Checks<'j> {
    pub(super) journal: &'j Journal,
    refusals: Vec<String>,
}

impl Checks<'_> {
    pub(super) fn note(
        &mut self,
        name: impl Into<String>,
        found: Result<String, String>,
    ) -> io::Result<bool> {
        let name = name.into();
        let ok = found.is_ok();
        let detail = found.unwrap_or_else(|why| {
            self.refusals.push(format!("{name}: {why}"));
            why
        });
        self.journal.record(EventKind::Checked { name, ok, detail })?;
        Ok(ok)
    }
}

/// Looks at targets, sources and probes; an inner error says why the drill must not go on.
pub(super) async fn look(plan: &Plan, run: &Run, journal: &Journal) -> io::Result<Result<Ready, String>> {
    let mut checks = Checks {
        journal,
        refusals: Vec::new(),
    };
    let faults = targets(plan, run, &mut checks).await?;
    let (sources, groups) = sources(plan, &mut checks).await?;
    let oracle = Oracle::consult(plan).await;
    if let Some(groups) = oracle.group_stage("before the drill").or(groups) {
        checks.note(GROUP_STAGE, Ok(groups))?;
    }
    let probes = probes(plan, run, &mut checks)?;
    let regions = regions::look(plan, run, &mut checks).await?;
    let refused = |checks: Checks<'_>| Ok(Err(checks.refusals.join("; ")));
    if !checks.refusals.is_empty() {
        return refused(checks);
    }
    // Claimed last, so that a refused drill leaves no trace.
    match run.registry.claim(&open_drill(plan, run, journal.path())) {
        Ok(claim) => Ok(Ok(Ready {
            faults,
            sources,
            probes,
            regions,
            claim,
            oracle,
        })),
        Err(error) => {
            checks.note("open drills", Err(error.to_string()))?;
            refused(checks)
        }
    }
}

/// The open-drill entry of a run.
fn open_drill(plan: &Plan, run: &Run, journal: &Path) -> OpenDrill {
    let targets = plan.targets.values().map(crate::plan::Target::identity).collect();
    let journal = std::path::absolute(journal).unwrap_or_else(|_| journal.to_owned());
    OpenDrill {
        drill: run.drill.clone(),
        journal,
        targets,
    }
}

async fn targets(plan: &Plan, run: &Run, checks: &mut Checks<'_>) -> io::Result<Vec<Arc<dyn Fault>>> {
    let faults = match fault::build(plan, run, 0) {
        Ok(faults) => faults,
        Err(error) => {
            checks.note("targets", Err(error.to_string()))?;
            return Ok(Vec::new());
        }
    };
    let mut seen = std::collections::BTreeSet::new();
    for (entry, fault) in plan.timeline.iter().zip(&faults) {
        if seen.insert(&entry.on) {
            let found = fault.check().await.map_err(|error| error.to_string());
            checks.note(format!("target {}", entry.on), found)?;
        }
    }
    Ok(faults)
}

/// The sources, and what the first Alertmanager's number of groups alone says of the group stage.
async fn sources(plan: &Plan, checks: &mut Checks<'_>) -> io::Result<(Sources, Option<String>)> {
    let mut sources = Sources::default();
    let mut held = None;
    if let Some(url) = &plan.observe.prometheus {
        match prometheus(plan, url).await {
            Ok((prometheus, rules, detail)) => {
                checks.note("prometheus", Ok(detail))?;
                for rule in rules {
                    sources.groups.extend(rule.group_key());
                    checks.journal.record(EventKind::RuleSeen(rule))?;
                }
                sources.prometheus = Some(Arc::new(prometheus));
            }
            Err(refusal) => checks.refuse("prometheus", refusal)?,
        }
    }
    for (index, url) in plan.observe.alertmanager.iter().enumerate() {
        match alertmanager(plan, index, url).await {
            Ok((alertmanager, detail, groups)) => {
                checks.note(alertmanager.name().as_str(), Ok(detail))?;
                held = held.or(Some(groups));
                sources.alertmanagers.push(Arc::new(alertmanager));
            }
            Err(refusal) => checks.refuse("alertmanager", refusal)?,
        }
    }
    if let Some(at) = &plan.observe.grafana {
        match grafana(plan, at).await {
            Ok((grafana, alertmanager, rules, detail)) => {
                checks.note("grafana", Ok(detail))?;
                for rule in rules {
                    checks.journal.record(EventKind::RuleSeen(rule))?;
                }
                sources.grafana = Some((Arc::new(grafana), Arc::new(alertmanager)));
            }
            Err(refusal) => checks.refuse("grafana", refusal)?,
        }
    }
    if plan.observe.has_recorder() {
        match Events::open(&plan.observe, watched_alerts(plan)) {
            Ok(events) => {
                let from = plan.observe.event_sources().join(", ");
                checks.note("event recorder", Ok(format!("reading {from}")))?;
                sources.events = Some(events);
            }
            Err(why) => drop(checks.note("event recorder", Err(why))?),
        }
    }
    if let Some(url) = &plan.observe.webhook {
        match Webhook::bind(url).await {
            Ok(webhook) => {
                let mut webhook = webhook.with_hooks(plan.observe.hooks.clone());
                if let (Some(path), Some(events)) = (&plan.observe.event_path, &sources.events) {
                    webhook = webhook.with_recorder(path, events.recorder.clone(), events.out.clone());
                }
                checks.note("webhook", Ok(format!("listening for {url}")))?;
                sources.webhook = Some(webhook);
            }
            Err(error) => drop(checks.note("webhook", Err(error.to_string()))?),
        }
    }
    Ok((sources, held))
}

/// The alerts that Alertmanager is asked for; all of them (none named) when others matter as well.
fn watched_alerts(plan: &Plan) -> Vec<String> {
    if plan.forbid.is_empty() && !plan.observe.unexpected_fails {
        expected_alerts(plan)
    } else {
        Vec::new()
    }
}

fn expected_alerts(plan: &Plan) -> Vec<String> {
    let mut names: Vec<String> = plan.expect.iter().map(|expect| expect.alert.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// The expected alerts whose rules somebody knows.
pub(super) fn rules_of(plan: &Plan, source: RuleOf) -> Vec<String> {
    let mut names: Vec<String> = plan
        .expect
        .iter()
        .filter(|expect| expect.source == source)
        .map(|expect| expect.alert.clone())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// An expected alert that is pending or firing, or a forbidden one that is firing, before anything was touched.
fn already_there(plan: &Plan, alerts: Vec<Alert>) -> Option<Refusal> {
    let meant = |alert: &Alert| {
        let seen = alert.seen();
        plan.expect
            .iter()
            .any(|expect| expect.is_about(&seen.alert, &seen.labels))
            || (seen.state != AlertState::Pending && plan.forbids(&seen.alert, &seen.labels).next().is_some())
    };
    let alert = alerts.into_iter().find(meant)?;
    let state = if alert.seen().state == AlertState::Pending {
        "pending"
    } else {
        "firing"
    };
    let name = &alert.seen().alert;
    let why = format!("the alert `{name}` is {state} already: what it says next would prove nothing");
    let seen = Some(Box::new(AlertSeen::from(alert)));
    Some(Refusal { why, seen })
}

/// Why a drill must not go on, and the alert that is there already, if that is why.
struct Refusal {
    why: String,
    seen: Option<Box<AlertSeen>>,
}

impl From<String> for Refusal {
    fn from(why: String) -> Self {
        Self { why, seen: None }
    }
}

impl Checks<'_> {
    fn refuse(&mut self, name: &str, refusal: Refusal) -> io::Result<()> {
        if let Some(seen) = refusal.seen {
            self.journal.record(EventKind::AlertSeen(seen))?;
        }
        self.note(name, Err(refusal.why)).map(drop)
    }
}

type FoundPrometheus = (Prometheus, Vec<RuleSeen>, String);

async fn prometheus(plan: &Plan, url: &str) -> Result<FoundPrometheus, Refusal> {
    let say = |error: SourceError| error.to_string();
    let prometheus = Prometheus::new(url).map_err(say)?;
    let info = prometheus.check().await.map_err(say)?;
    let names = rules_of(plan, RuleOf::Prometheus);
    let rules = prometheus.rules(&names).await.map_err(say)?;
    for name in &names {
        if !rules.iter().any(|rule| rule.seen.alert == *name) {
            let why = format!("no alert rule is named `{name}`: the expectation could never be met");
            return Err(why.into());
        }
    }
    if let Some(alert) = already_there(plan, prometheus.alerts().await.map_err(say)?) {
        return Err(alert);
    }
    let detail = format!(
        "version {}, {} of {} expected rules found and inactive",
        info.version,
        names.len(),
        names.len()
    );
    Ok((
        prometheus,
        rules.into_iter().map(|rule| rule.seen).collect(),
        detail,
    ))
}

type FoundGrafana = (Grafana, Alertmanager, Vec<RuleSeen>, String);

async fn grafana(plan: &Plan, at: &GrafanaAt) -> Result<FoundGrafana, Refusal> {
    let say = |error: SourceError| error.to_string();
    let auth = at.shows.auth()?;
    let grafana = Grafana::new(&at.url, auth.clone()).map_err(say)?;
    let version = grafana.check().await.map_err(say)?;
    let names = rules_of(plan, RuleOf::Grafana);
    let rules = grafana.rules(&names).await.map_err(say)?;
    for name in &names {
        if !rules.iter().any(|rule| rule.alert == *name) {
            let why = format!("no alert rule is named `{name}`: the expectation could never be met");
            return Err(why.into());
        }
    }
    if let Some(alert) = already_there(plan, grafana.poll().await.map_err(say)?) {
        return Err(alert);
    }
    let alertmanager = Alertmanager::of_grafana(&at.url, auth, names.clone()).map_err(say)?;
    let detail = format!(
        "version {version}, {} of {} expected rules found and inactive",
        names.len(),
        names.len()
    );
    Ok((grafana, alertmanager, rules, detail))
}

async fn alertmanager(
    plan: &Plan,
    index: usize,
    url: &str,
) -> Result<(Alertmanager, String, String), Refusal> {
    let say = |error: SourceError| error.to_string();
    let alertmanager = Alertmanager::peer(index, url, watched_alerts(plan)).map_err(say)?;
    let info = alertmanager.check().await.map_err(say)?;
    let listed = alertmanager.alerts(&watched_alerts(plan)).await.map_err(say)?;
    if let Some(alert) = already_there(plan, listed) {
        return Err(alert);
    }
    let groups = match alertmanager
        .metrics()
        .await
        .ok()
        .and_then(|metrics| metrics.aggregation_groups)
    {
        Some(0.0) => "clean: Alertmanager holds no group from before".to_owned(),
        Some(groups) => format!("not clean: Alertmanager holds {groups} groups from before"),
        None => "not clean: Alertmanager does not tell how many groups it holds".to_owned(),
    };
    Ok((alertmanager, format!("version {}", info.version), groups))
}

fn probes(plan: &Plan, run: &Run, checks: &mut Checks<'_>) -> io::Result<Vec<Scheduled>> {
    let connector = gameday_probe::Connector::default();
    let mut scheduled = Vec::new();
    for probe in &plan.probes {
        let here = probe.here.iter().map(|(region, plan)| {
            let built = gameday_probe::build(plan, &run.environment, &connector);
            let built = built.map_err(|error| error.to_string())?;
            Ok::<_, String>(Scheduled {
                probe: probe.name.clone(),
                region: region.clone(),
                every: plan.every,
                timeout: plan.timeout,
                definition: Arc::clone(&plan.definition),
                run: built.probe,
            })
        });
        let here: Result<Vec<Scheduled>, String> = here.collect();
        let found = here.map(|here| {
            scheduled.extend(here);
            let regions: Vec<&str> = probe.regions.iter().map(RegionName::as_str).collect();
            format!(
                "every {} from {}",
                Span::from_value(probe.plan.every),
                regions.join(", ")
            )
        });
        checks.note(format!("probe {}", probe.name), found)?;
    }
    Ok(scheduled)
}
