//! Whether the alerting answers, knows the expected rules, and is quiet; and whether our receiver can listen.

use std::io;
use std::sync::Arc;

use gameday_alert::{Alert, AlertSource, Alertmanager, Grafana, Prometheus, SourceError, Webhook};
use gameday_core::{AlertSeen, AlertState, EventKind, RuleSeen, did_you_mean, redact_url};

use crate::plan::{GrafanaAt, Plan, RuleOf};
use crate::runner::checks::Checks;
use crate::runner::recorder::Events;
use crate::runner::sources::Sources;

/// The sources, and what the first Alertmanager's number of groups alone says of the group stage.
pub(super) async fn sources(plan: &Plan, checks: &mut Checks<'_>) -> io::Result<(Sources, Option<String>)> {
    let mut sources = Sources::default();
    let mut held = None;
    if let Some(url) = &plan.observe.prometheus {
        match prometheus(plan, url).await {
            Ok((prometheus, rules, detail)) => {
                checks.note("prometheus", Ok(detail))?;
                for rule in rules {
                    sources.groups.extend(rule.group_key());
                    checks.record(EventKind::RuleSeen(rule))?;
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
                    checks.record(EventKind::RuleSeen(rule))?;
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
        if let Some(beware) = unrouted(plan, url, &sources.alertmanagers).await {
            checks.warn("webhook", &beware)?;
        }
    }
    Ok((sources, held))
}

/// That nothing will be posted to our receiver, as far as the Alertmanagers show where they post.
async fn unrouted(plan: &Plan, ours: &str, alertmanagers: &[Arc<Alertmanager>]) -> Option<String> {
    let mut expected = plan.expect.iter();
    let awaited = plan.expect.is_empty() || expected.any(|expect| expect.source == RuleOf::Prometheus);
    if !awaited || alertmanagers.is_empty() {
        return None;
    }
    let hooks = plan.observe.hooks.iter().map(|hook| hook.path.as_str());
    let hooks: Vec<&str> = hooks.collect();
    let mut shown = Vec::new();
    for alertmanager in alertmanagers {
        shown = alertmanager
            .routing()
            .await
            .ok()?
            .webhooks_elsewhere(ours, &hooks)?;
    }
    let shown: Vec<String> = shown
        .iter()
        .map(|(receiver, url)| format!("`{receiver}` to {}", redact_url(url)))
        .collect();
    let shown = match shown.as_slice() {
        [] => "no receiver has a webhook".to_owned(),
        shown => format!("its webhooks post {}", shown.join(", ")),
    };
    Some(format!(
        "no receiver of Alertmanager posts to {ours}: {shown}; put `webhook_configs: [{{url: \"{ours}\"}}]` into the \
         receiver of the expected alerts, unless something there passes them on to us"
    ))
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

/// An expected alert that is pending or firing, or a forbidden one that is firing, before anything was touched. For the
/// former a point of a sweep waits: it may be left of the point before.
fn already_there(plan: &Plan, alerts: Vec<Alert>) -> Option<Refusal> {
    let meant = |alert: &Alert| {
        let seen = alert.seen();
        let mut expected = plan.expect.iter();
        let waits = plan.since_other_point().is_some();
        !waits && expected.any(|expect| expect.is_about(&seen.alert, &seen.labels))
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
            self.record(EventKind::AlertSeen(seen))?;
        }
        self.note(name, Err(refusal.why)).map(drop)
    }
}

/// Which expected alerts no rule can raise, and what may have been meant.
fn without_rule(expected: &[String], rules: &[&str]) -> String {
    let missing = expected.iter().filter(|name| !rules.contains(&name.as_str()));
    let told = missing.map(|name| {
        let meant = did_you_mean(name, rules.iter().copied());
        format!("no alert rule is named `{name}`: the expectation could never be met{meant}")
    });
    told.collect::<Vec<_>>().join("; ")
}

type FoundPrometheus = (Prometheus, Vec<RuleSeen>, String);

async fn prometheus(plan: &Plan, url: &str) -> Result<FoundPrometheus, Refusal> {
    let say = |error: SourceError| error.to_string();
    let prometheus = Prometheus::new(url).map_err(say)?;
    let info = prometheus.check().await.map_err(say)?;
    let names = plan.rules_of(RuleOf::Prometheus);
    let rules = prometheus.rules(&names).await.map_err(say)?;
    let found: Vec<&str> = rules.iter().map(|rule| rule.seen.alert.as_str()).collect();
    if !names.iter().all(|name| found.contains(&name.as_str())) {
        let all = prometheus.rules(&[]).await.map_err(say)?;
        let all = all.iter().map(|rule| rule.seen.alert.as_str());
        return Err(without_rule(&names, &all.collect::<Vec<_>>()).into());
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
    let names = plan.rules_of(RuleOf::Grafana);
    let rules = grafana.rules(&names).await.map_err(say)?;
    let found: Vec<&str> = rules.iter().map(|rule| rule.alert.as_str()).collect();
    if !names.iter().all(|name| found.contains(&name.as_str())) {
        let all = grafana.all_rules().await.map_err(say)?;
        let all = all.iter().map(|rule| rule.alert.as_str());
        return Err(without_rule(&names, &all.collect::<Vec<_>>()).into());
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
