//! Alertmanager: its alerts, its counters and its clock.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use gameday_core::{AlertSeen, ClockSample, SourceName, Suppressor, Timestamp, Vitals};

use crate::client::{Auth, Client};
use crate::grafana::alertmanager_of;
use crate::{Alert, AlertSource, SourceError};

pub use routing::{
    Calendar, GroupBy, Inhibition, KnownLabels, MatchOp, Matcher, Receiver, Route, Routing, Stop, Walk,
};

pub(crate) use routing::all_match;
pub use survey::{AlertmanagerSurvey, LiveAlert, LiveGroup, Silence};

mod exposition;
mod routing;
mod state;
mod suppressors;
mod survey;

/// An Alertmanager, or whatever answers as one does.
#[derive(Debug, Clone)]
pub struct Alertmanager {
    client: Client,
    names: Vec<String>,
}

/// Which Alertmanager it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertmanagerInfo {
    /// Its version.
    pub version: String,
    /// When its process started, if it says so.
    pub start_time: Option<Timestamp>,
}

/// What its counters say of groups and notifications.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlertmanagerMetrics {
    /// Groups of alerts that it holds now; zero is a clean start of the group stage. None when it does not say.
    pub aggregation_groups: Option<f64>,
    /// Notifications tried since it started, by integration, e.g. `webhook`.
    pub notifications: BTreeMap<String, u64>,
    /// Notifications that failed for good since it started, by integration.
    pub failed: BTreeMap<String, u64>,
    /// Requests of notifications that were answered well since it started, by integration.
    pub delivered: BTreeMap<String, u64>,
    /// Requests of notifications that failed since it started, by integration; it tries again.
    pub failed_requests: BTreeMap<String, u64>,
    /// Whether it is still the same.
    pub vitals: Vitals,
    /// When this was asked for and when it had come, on our clock.
    pub read: Option<(Timestamp, Timestamp)>,
}

/// The `Date` header is cut to whole seconds.
const CLOCK_RESOLUTION_US: i64 = 1_000_000;

impl Alertmanager {
    /// A client of the Alertmanager at `base`, e.g. `http://127.0.0.1:9093`; asks nothing yet.
    ///
    /// Polls list the alerts of these names, or all when there are none. The process must have installed
    /// a rustls crypto provider before.
    ///
    /// # Errors
    /// [`SourceError::BadAddress`] when `base` is no address of an HTTP server.
    pub fn new(base: &str, names: Vec<String>) -> Result<Self, SourceError> {
        Self::peer(0, base, names)
    }

    /// As [`Self::new`], of one of several: those after the first are named `alertmanager.2` and so on.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn peer(index: usize, base: &str, names: Vec<String>) -> Result<Self, SourceError> {
        let name = match index {
            0 => "alertmanager".to_owned(),
            _ => format!("alertmanager.{}", index + 1),
        };
        let client = Client::new(&name, base)?;
        Ok(Self { client, names })
    }

    /// The Alertmanager inside of the Grafana at `base`: `grafana.alertmanager`.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn of_grafana(base: &str, auth: Option<Auth>, names: Vec<String>) -> Result<Self, SourceError> {
        let client = Client::new("grafana.alertmanager", &alertmanager_of(base))?.with_auth(auth);
        Ok(Self { client, names })
    }

    /// Its address, redacted.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.client.shown
    }

    /// Asks which Alertmanager it is.
    ///
    /// # Errors
    /// [`SourceError`] when it does not answer as Alertmanager does.
    pub async fn check(&self) -> Result<AlertmanagerInfo, SourceError> {
        let answer = self.client.get("/api/v2/status", &[]).await?;
        self.client.read_with(&answer, state::info)
    }

    /// The alerts that it holds, silenced and inhibited ones too, of these names or of all.
    ///
    /// # Errors
    /// [`SourceError`] when they cannot be read.
    pub async fn alerts(&self, names: &[String]) -> Result<Vec<Alert>, SourceError> {
        if names.is_empty() {
            return self.list(&[]).await;
        }
        let mut alerts = Vec::new();
        // Filters of one request must all match, so each name is a request of its own.
        for name in names {
            let filter = format!("alertname={}", state::quoted(name));
            let mut listed = self.list(&[("filter", &filter)]).await?;
            listed.retain(|alert| alert.seen().alert == *name);
            alerts.append(&mut listed);
        }
        Ok(alerts)
    }

    /// Where it sends alerts, as it is configured.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be read.
    pub async fn routing(&self) -> Result<Routing, SourceError> {
        let answer = self.client.get("/api/v2/status", &[]).await?;
        let (routing, ..) = self.client.read_with(&answer, survey::status)?;
        Ok(routing)
    }

    /// What decides when and whom it tells of an alert; what Prometheus and clocks say is left out.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be read.
    pub async fn survey(&self) -> Result<AlertmanagerSurvey, SourceError> {
        let status = self.client.get("/api/v2/status", &[]).await?;
        let (routing, position, peers) = self.client.read_with(&status, survey::status)?;
        let held = self.metrics().await?.aggregation_groups;
        let groups = self.client.get("/api/v2/alerts/groups", &[]).await?;
        let groups = self.client.read_with(&groups, survey::groups)?;
        let silences = self.client.get("/api/v2/silences", &[]).await?;
        Ok(AlertmanagerSurvey {
            routing,
            position,
            peers,
            empty_groups: held.map(|held| empty(held, groups.len())),
            empty_before: 0,
            groups,
            silences: self.client.read_with(&silences, survey::silences)?,
            fired_lately: Vec::new(),
            clock: None,
        })
    }

    /// What its counters say.
    ///
    /// # Errors
    /// [`SourceError`] when they cannot be read.
    pub async fn metrics(&self) -> Result<AlertmanagerMetrics, SourceError> {
        let answer = self.client.get("/metrics", &[]).await?;
        let mut metrics = self.client.read_with(&answer, exposition::metrics)?;
        metrics.read = Some((answer.sent, answer.received));
        Ok(metrics)
    }

    /// Compares its clock with ours; one sample is good to a second, many at odd moments to far less.
    ///
    /// # Errors
    /// [`SourceError`] when it does not tell its time.
    pub async fn clock(&self) -> Result<ClockSample, SourceError> {
        let answer = self.client.get("/-/ready", &[]).await?;
        let theirs = answer.date.ok_or_else(|| {
            self.client
                .unreadable(&answer, "no `Date` header to read its clock from".to_owned())
        })?;
        Ok(ClockSample::cut(
            answer.sent,
            answer.received,
            theirs,
            CLOCK_RESOLUTION_US,
        ))
    }

    async fn list(&self, query: &[(&str, &str)]) -> Result<Vec<Alert>, SourceError> {
        let answer = self.client.get("/api/v2/alerts", query).await?;
        self.client
            .read_with(&answer, |body| state::alerts(body, &self.client.name))
    }
}

/// Groups that are counted and not listed: those hold no alert.
fn empty(held: f64, listed: usize) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count, and no negative one"
    )]
    let held = held.max(0.0) as u64;
    held.saturating_sub(u64::try_from(listed).unwrap_or(u64::MAX))
}

impl AlertSource for Alertmanager {
    fn name(&self) -> &SourceName {
        &self.client.name
    }

    fn poll(&self) -> BoxFuture<'_, Result<Vec<Alert>, SourceError>> {
        Box::pin(self.alerts(&self.names))
    }

    fn explain<'a>(&'a self, seen: &'a mut AlertSeen) -> BoxFuture<'a, Vec<Suppressor>> {
        // An Alertmanager that does not say is told by its poll.
        Box::pin(async { self.describe(seen).await.unwrap_or_default() })
    }
}
