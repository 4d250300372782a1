//! Grafana: the rules that it evaluates itself, their states and its clock.
//!
//! It answers much as Prometheus does, and not quite: a rule lists an alert for each of its series whether it is
//! active or not, states have names of their own, and `activeAt` begins anew when a pending alert fires. So the
//! moment at which an alert became pending can only be read while it is pending.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use gameday_core::{AlertSeen, AlertState, ClockSample, RuleSeen, SourceName, Timestamp};
use serde::Deserialize;

use crate::client::{Auth, Client};
use crate::error::{Unreadable, one_line, unknown_state};
use crate::lenient::{millis, moment, or_default};
use crate::{Alert, AlertSource, SourceError};

/// The `Date` header is cut to whole seconds.
const CLOCK_RESOLUTION_US: i64 = 1_000_000;
/// Its rules, as Prometheus would list them.
const RULES: &str = "/api/prometheus/grafana/api/v1/rules";
/// Its version; nobody needs to log in for it.
const HEALTH: &str = "/api/health";
/// The base of its own Alertmanager, below its address.
const ALERTMANAGER: &str = "/api/alertmanager/grafana";

/// A Grafana, or whatever answers as one does.
#[derive(Debug, Clone)]
pub struct Grafana {
    client: Client,
}

impl Grafana {
    /// A client of the Grafana at `base`, e.g. `https://grafana.example`; asks nothing yet.
    ///
    /// The process must have installed a rustls crypto provider before.
    ///
    /// # Errors
    /// [`SourceError::BadAddress`] when `base` is no address of an HTTP server.
    pub fn new(base: &str, auth: Option<Auth>) -> Result<Self, SourceError> {
        let client = Client::new("grafana", base)?.with_auth(auth);
        Ok(Self { client })
    }

    /// Asks which version it is.
    ///
    /// # Errors
    /// [`SourceError`] when it does not answer as Grafana does.
    pub async fn check(&self) -> Result<String, SourceError> {
        #[derive(Deserialize)]
        struct Health {
            #[serde(default, deserialize_with = "or_default")]
            version: String,
        }
        let answer = self.client.get(HEALTH, &[]).await?;
        self.client.read_with(&answer, |body| {
            let health: Health = serde_json::from_slice(body)?;
            Ok(one_line(&health.version))
        })
    }

    /// Its alert rules of these names.
    ///
    /// # Errors
    /// [`SourceError`] when they cannot be read.
    pub async fn rules(&self, names: &[String]) -> Result<Vec<RuleSeen>, SourceError> {
        let mut rules = self.all_rules().await?;
        rules.retain(|rule| names.contains(&rule.alert));
        Ok(rules)
    }

    /// All its alert rules.
    ///
    /// # Errors
    /// [`SourceError`] when they cannot be read.
    pub async fn all_rules(&self) -> Result<Vec<RuleSeen>, SourceError> {
        let answer = self.client.get(RULES, &[]).await?;
        self.client.read_with(&answer, rules)
    }

    /// Compares its clock with ours; one sample is good to a second, many at odd moments to far less.
    ///
    /// # Errors
    /// [`SourceError`] when it does not tell its time.
    pub async fn clock(&self) -> Result<ClockSample, SourceError> {
        let answer = self.client.get(HEALTH, &[]).await?;
        let theirs = answer.date.ok_or_else(|| {
            let why = "no `Date` header to read its clock from".to_owned();
            self.client.unreadable(&answer, why)
        })?;
        let resolution = CLOCK_RESOLUTION_US;
        Ok(ClockSample::cut(answer.sent, answer.received, theirs, resolution))
    }
}

impl AlertSource for Grafana {
    fn name(&self) -> &SourceName {
        &self.client.name
    }

    fn poll(&self) -> BoxFuture<'_, Result<Vec<Alert>, SourceError>> {
        Box::pin(async {
            let answer = self.client.get(RULES, &[]).await?;
            self.client
                .read_with(&answer, |body| alerts(body, &self.client.name))
        })
    }
}

/// Where the Alertmanager of the Grafana at `base` is.
pub(crate) fn alertmanager_of(base: &str) -> String {
    format!("{}{ALERTMANAGER}", base.trim_end_matches('/'))
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default, deserialize_with = "or_default")]
    groups: Vec<Group>,
}

#[derive(Clone, Deserialize)]
struct Group {
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    /// The folder.
    #[serde(default, deserialize_with = "or_default")]
    file: String,
    #[serde(default, deserialize_with = "or_default")]
    interval: f64,
    #[serde(default, deserialize_with = "or_default")]
    rules: Vec<WireRule>,
}

#[derive(Clone, Deserialize)]
struct WireRule {
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, rename = "type", deserialize_with = "or_default")]
    kind: String,
    #[serde(default, deserialize_with = "or_default")]
    query: String,
    #[serde(default, deserialize_with = "or_default")]
    duration: f64,
    #[serde(default, rename = "keepFiringFor", deserialize_with = "or_default")]
    keep_firing_for: f64,
    #[serde(default, deserialize_with = "or_default")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    annotations: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    alerts: Vec<WireAlert>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAlert {
    #[serde(default, deserialize_with = "or_default")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    annotations: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    state: String,
    #[serde(default, deserialize_with = "moment")]
    active_at: Option<Timestamp>,
}

fn alerting(body: &[u8]) -> Result<impl Iterator<Item = (Group, WireRule)>, Unreadable> {
    let answer: Answer = serde_json::from_slice(body)?;
    let groups = answer.data.groups.into_iter();
    let rules = groups.flat_map(|mut group| {
        let rules = std::mem::take(&mut group.rules).into_iter();
        rules.map(move |rule| (group.clone(), rule))
    });
    Ok(rules.filter(|(_, rule)| rule.kind == "alerting"))
}

fn rules(body: &[u8]) -> Result<Vec<RuleSeen>, Unreadable> {
    let seen = |(group, rule): (Group, WireRule)| RuleSeen {
        alert: rule.name,
        query: rule.query,
        interval_ms: millis(group.interval).unwrap_or_default(),
        for_ms: millis(rule.duration).unwrap_or_default(),
        labels: rule.labels,
        annotations: rule.annotations,
        group: group.name,
        file: group.file,
        keep_firing_ms: millis(rule.keep_firing_for).unwrap_or_default(),
    };
    Ok(alerting(body)?.map(seen).collect())
}

fn alerts(body: &[u8], source: &SourceName) -> Result<Vec<Alert>, Unreadable> {
    let mut listed = Vec::new();
    for (_, rule) in alerting(body)? {
        for wire in rule.alerts {
            let Some(state) = state(&wire.state)? else {
                continue;
            };
            let pending = state == AlertState::Pending;
            let mut labels = wire.labels;
            let name = labels
                .entry("alertname".to_owned())
                .or_insert_with(|| rule.name.clone());
            listed.extend(Alert::new(AlertSeen {
                source: source.clone(),
                alert: name.clone(),
                labels,
                annotations: wire.annotations,
                state,
                fingerprint: None,
                active_at: wire.active_at.filter(|_| pending),
                starts_at: wire.active_at.filter(|_| !pending),
                updated_at: None,
                receivers: Vec::new(),
                suppressed_by: Vec::new(),
                keep_firing_since: None,
            }));
        }
    }
    Ok(listed)
}

/// What a state means; none when nothing is active. In brackets stands what made it so, e.g. `Alerting (NoData)`.
fn state(text: &str) -> Result<Option<AlertState>, Unreadable> {
    match text
        .split(" (")
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase()
        .as_str()
    {
        "pending" => Ok(Some(AlertState::Pending)),
        // One that recovers still fires: it is kept so for a while.
        "alerting" | "firing" | "recovering" => Ok(Some(AlertState::Firing)),
        // Without data, or with an error, another alert fires: `DatasourceNoData`, `DatasourceError`.
        "normal" | "inactive" | "nodata" | "error" => Ok(None),
        _ => Err(unknown_state(text)),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    /// The shape is that of Grafana's own tests (`pkg/services/ngalert/api/api_prometheus_test.go`), the names and
    /// times are ours.
    const RECORDED: &str = r#"{"status":"success","data":{"groups":[{"name":"shop","file":"Payments","folderUid":"f1","interval":10,
        "lastEvaluation":"2026-11-22T10:00:20Z","evaluationTime":0.01,"rules":[
        {"state":"firing","name":"ShopDown","folderUid":"f1","uid":"r1","query":"shop_failing == 1","duration":20,"keepFiringFor":0,
         "labels":{"severity":"page"},"annotations":{"runbook_url":"http://wiki/x"},"health":"ok","type":"alerting",
         "lastEvaluation":"2026-11-22T10:00:20Z","evaluationTime":0.01,"totals":{"alerting":1,"pending":1},
         "alerts":[
          {"labels":{"alertname":"ShopDown","grafana_folder":"Payments","instance":"a"},"annotations":{},"state":"Alerting","activeAt":"2026-11-22T10:00:20Z","value":"1e+00"},
          {"labels":{"alertname":"ShopDown","grafana_folder":"Payments","instance":"b"},"annotations":{},"state":"Pending","activeAt":"2026-11-22T10:00:10Z","value":"1e+00"},
          {"labels":{"alertname":"ShopDown","instance":"c"},"annotations":{},"state":"Normal","activeAt":"0001-01-01T00:00:00Z","value":""},
          {"labels":{"alertname":"ShopDown","instance":"d"},"annotations":{},"state":"Alerting (NoData)","activeAt":"2026-11-22T10:00:20Z","value":""},
          {"labels":{"alertname":"ShopDown","instance":"e"},"annotations":{},"state":"NoData","activeAt":"2026-11-22T10:00:20Z","value":""}]},
        {"name":"recorded","type":"recording","query":"x"}]}]}}"#;

    fn source() -> SourceName {
        SourceName::new("grafana").unwrap()
    }

    #[test]
    fn active_alerts_are_listed_with_what_their_time_means() {
        let line = |alert: &Alert| {
            let seen = alert.seen();
            format!(
                "{} {} {:?} active {:?} firing {:?}",
                seen.alert, seen.labels["instance"], seen.state, seen.active_at, seen.starts_at
            )
        };
        let listed = alerts(RECORDED.as_bytes(), &source()).unwrap();
        expect![[r#"
            ShopDown a Firing active None firing Some(Timestamp(1795341620000000))
            ShopDown b Pending active Some(Timestamp(1795341610000000)) firing None
            ShopDown d Firing active None firing Some(Timestamp(1795341620000000))"#]]
        .assert_eq(&listed.iter().map(line).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn rules_are_those_that_alert() {
        let rules = rules(RECORDED.as_bytes()).unwrap();
        let [rule] = rules.as_slice() else {
            panic!("{rules:?}")
        };
        assert_eq!(
            (rule.alert.as_str(), rule.interval_ms, rule.for_ms),
            ("ShopDown", 10_000, 20_000)
        );
        assert_eq!(rule.labels["severity"], "page");
    }

    #[test]
    fn a_state_that_nobody_knows_is_an_error_and_not_a_guess() {
        assert!(state("Dozing").is_err());
        assert!(alerts(b"{}", &source()).is_err());
        assert_eq!(alerts(br#"{"data":{"groups":null}}"#, &source()).unwrap(), []);
    }
}
