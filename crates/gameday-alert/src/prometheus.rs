//! Prometheus: its rules, its alerts, its clock and its raw samples.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::BoxFuture;
use gameday_core::{ClockSample, RawSeries, RuleSeen, SourceName, Timestamp, Vitals};

use crate::client::{Answer, Client};
use crate::{Alert, AlertSource, SourceError};

mod query;
mod state;
mod ticks;
mod vitals;

/// A Prometheus, or whatever answers as one does.
#[derive(Debug, Clone)]
pub struct Prometheus {
    client: Client,
}

/// Which Prometheus it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrometheusInfo {
    /// Its version.
    pub version: String,
    /// When its process started, if it says so. When that changes, `activeAt` began anew.
    pub start_time: Option<Timestamp>,
}

/// An alert rule and how it is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What the rule is.
    pub seen: RuleSeen,
    /// What its alerts are at.
    pub state: RuleState,
    /// `ok`, `err` or `unknown`: whether its last evaluation worked.
    pub health: String,
    /// Why its last evaluation did not work.
    pub last_error: Option<String>,
    /// When it was last evaluated; none before the first time.
    pub last_evaluation: Option<Timestamp>,
    /// Its alerts that are pending or firing.
    pub alerts: Vec<Alert>,
}

/// A group of rules, which are evaluated one after the other at each of its ticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleGroup {
    /// Its name.
    pub name: String,
    /// The file that it is from; two files may hold groups of one name.
    pub file: String,
    /// How often it is evaluated, in milliseconds.
    pub interval_ms: u64,
    /// When its last evaluation was due, or when it began if that cannot be told; none before the first one.
    pub last_evaluation: Option<Timestamp>,
    /// How long that took, in microseconds.
    pub evaluation_us: i64,
    /// Its rules, in order.
    pub rules: Vec<GroupRule>,
}

impl RuleGroup {
    /// Its alert rules.
    pub fn all_alerts(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter_map(|rule| match rule {
            GroupRule::Alert(rule) => Some(&**rule),
            GroupRule::Recording(_) => None,
        })
    }

    fn into_alerts(self) -> impl Iterator<Item = Rule> {
        self.rules.into_iter().filter_map(|rule| match rule {
            GroupRule::Alert(rule) => Some(*rule),
            GroupRule::Recording(_) => None,
        })
    }

    /// Its alert rules of a name.
    pub fn alerts(&self, name: &str) -> impl Iterator<Item = &Rule> {
        self.all_alerts().filter(move |rule| rule.seen.alert == name)
    }
}

/// A rule of either kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupRule {
    /// It alerts.
    Alert(Box<Rule>),
    /// It records.
    Recording(Recording),
}

/// A rule that records what a query yields as series of another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// The name of the series.
    pub name: String,
    /// Its PromQL.
    pub query: String,
    /// Labels that it adds.
    pub labels: BTreeMap<String, String>,
}

/// What Prometheus' configuration says of all rules and alerts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// How far behind the tick rules look (`rule_query_offset`, since 2.53), in microseconds.
    pub query_offset_us: i64,
    /// Whether a range leaves its first moment out, as it does since Prometheus 3.
    pub left_open: bool,
    /// Labels that every alert gets on its way out.
    pub external_labels: BTreeMap<String, String>,
    /// Whether alerts are relabelled on their way out.
    pub relabels: bool,
}

/// The value of one series at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The series' labels.
    pub labels: BTreeMap<String, String>,
    /// Its value; may be NaN or infinite.
    pub value: f64,
}

/// The furthest state of a rule's alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleState {
    /// No alert.
    Inactive,
    /// Its condition is true, `for` is not over.
    Pending,
    /// At least one alert fires.
    Firing,
    /// Not evaluated yet, or a word that we do not know.
    Unknown,
}

/// One target of a scrape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its job.
    pub job: String,
    /// Its instance.
    pub instance: String,
    /// All its labels.
    pub labels: BTreeMap<String, String>,
    /// `up`, `down` or `unknown`.
    pub health: String,
    /// Why the last scrape failed.
    pub last_error: Option<String>,
    /// When the last scrape began; none before the first one.
    pub last_scrape: Option<Timestamp>,
    /// How long it took, in microseconds; none when it is not said.
    pub scrape_took_us: Option<i64>,
    /// What is scraped, redacted.
    pub url: String,
    /// How often it is scraped, in milliseconds; none when it is not said.
    pub scrape_interval_ms: Option<u64>,
    /// When a scrape is given up, in milliseconds; none when it is not said.
    pub scrape_timeout_ms: Option<u64>,
}

/// `time()` is cut to whole milliseconds.
const CLOCK_RESOLUTION_US: i64 = 1000;
/// So many groups of rules are asked for at once.
const PAGE: &str = "100";
/// More pages than these are no team's.
const MOST_PAGES: usize = 1_000;
/// Rules that are loaded anew while they are read are read again, so often in all.
const READINGS: usize = 3;

impl Prometheus {
    /// A client of the Prometheus at `base`, e.g. `http://127.0.0.1:9090`; asks nothing yet.
    ///
    /// The process must have installed a rustls crypto provider before.
    ///
    /// # Errors
    /// [`SourceError::BadAddress`] when `base` is no address of an HTTP server.
    pub fn new(base: &str) -> Result<Self, SourceError> {
        Client::new("prometheus", base).map(|client| Self { client })
    }

    /// Its address, redacted.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.client.shown
    }

    /// Asks which Prometheus it is.
    ///
    /// # Errors
    /// [`SourceError`] when it does not answer as Prometheus does.
    pub async fn check(&self) -> Result<PrometheusInfo, SourceError> {
        let answer = self.client.get("/api/v1/status/buildinfo", &[]).await?;
        let version = self.client.read_with(&answer, state::version)?;
        // Some that speak its API have no process of their own to tell of: none, then.
        let start_time = match self.client.get("/api/v1/status/runtimeinfo", &[]).await {
            Ok(answer) => self.client.read_with(&answer, state::start_time)?,
            Err(SourceError::Status { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(PrometheusInfo { version, start_time })
    }

    /// The alert rules of these names, or all when there are none.
    ///
    /// # Errors
    /// [`SourceError`] when they cannot be read.
    pub async fn rules(&self, names: &[String]) -> Result<Vec<Rule>, SourceError> {
        let mut query = vec![("type", "alert")];
        query.extend(names.iter().map(|name| ("rule_name[]", name.as_str())));
        let groups = self.pages(&query).await?;
        let mut rules: Vec<Rule> = groups.into_iter().flat_map(RuleGroup::into_alerts).collect();
        // Prometheus 2.42 ignores `rule_name[]`.
        rules.retain(|rule| names.is_empty() || names.contains(&rule.seen.alert));
        Ok(rules)
    }

    /// All groups of rules, with recording rules as well.
    ///
    /// # Errors
    /// [`SourceError`] when they cannot be read.
    pub async fn groups(&self) -> Result<Vec<RuleGroup>, SourceError> {
        let mut groups = self.pages(&[]).await?;
        for group in &mut groups {
            group.last_evaluation = ticks::due(group);
        }
        Ok(groups)
    }

    /// The groups of rules of all pages; a Prometheus before 3.0 knows no pages and tells all at once.
    async fn pages(&self, query: &[(&str, &str)]) -> Result<Vec<RuleGroup>, SourceError> {
        for _ in 1..READINGS {
            if let Ok(groups) = self.read_pages(query).await? {
                return Ok(groups);
            }
        }
        self.read_pages(query).await?
    }

    /// The same, read once; an inner error says that the next page is not known, since rules were loaded in between.
    async fn read_pages(
        &self,
        query: &[(&str, &str)],
    ) -> Result<Result<Vec<RuleGroup>, SourceError>, SourceError> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = query.to_vec();
            query.push(("group_limit", PAGE));
            query.extend(token.iter().map(|token| ("group_next_token", token.as_str())));
            let answer = match self.client.get("/api/v1/rules", &query).await {
                Err(gone @ SourceError::Status { status: 400, .. }) if token.is_some() => {
                    return Ok(Err(gone));
                }
                answer => answer?,
            };
            let (groups, next) = self
                .client
                .read_with(&answer, |body| state::page(body, &self.client.name))?;
            all.extend(groups);
            match next {
                None => return Ok(Ok(all)),
                // A server that tells the same page for ever must not keep us.
                Some(next) if token.as_ref() == Some(&next) => {
                    let why = "the next page of rules is the one before".to_owned();
                    return Err(self.client.unreadable(&answer, why));
                }
                next => token = next,
            }
        }
        Ok(Ok(all))
    }

    /// What its configuration says of all rules and alerts.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be read.
    pub async fn settings(&self) -> Result<Settings, SourceError> {
        let answer = self.client.get("/api/v1/status/config", &[]).await?;
        self.client.read_with(&answer, state::settings)
    }

    /// What a query yields now, one sample for each series.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be evaluated.
    pub async fn vector(&self, promql: &str) -> Result<Vec<Sample>, SourceError> {
        let answer = self.query(promql).await?;
        self.client.read_with(&answer, query::vector)
    }

    /// The alerts that are pending or firing.
    ///
    /// # Errors
    /// [`SourceError`] when they cannot be read.
    pub async fn alerts(&self) -> Result<Vec<Alert>, SourceError> {
        let answer = self.client.get("/api/v1/alerts", &[]).await?;
        self.client
            .read_with(&answer, |body| state::alerts(body, &self.client.name))
    }

    /// The value of a query that yields one number; none when it yields nothing or NaN.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be evaluated or yields more than one series.
    pub async fn query_value(&self, promql: &str) -> Result<Option<f64>, SourceError> {
        let answer = self.query(promql).await?;
        self.client.read_with(&answer, query::value)
    }

    /// The samples as they are stored, of a range selector such as `ALERTS{alertname="X"}[30m]`.
    ///
    /// Samples that are not finite are left out: a journal cannot hold them.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be evaluated or is not a range selector.
    pub async fn raw(&self, selector: &str) -> Result<Vec<RawSeries>, SourceError> {
        let answer = self.query(selector).await?;
        self.client.read_with(&answer, query::series)
    }

    /// What is scraped.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be read.
    pub async fn targets(&self) -> Result<Vec<Target>, SourceError> {
        let answer = self.client.get("/api/v1/targets", &[("state", "active")]).await?;
        self.client.read_with(&answer, state::targets)
    }

    /// Whether it is still the same, with when that was asked for and when it had come, on our clock.
    /// What it does not tell is none.
    ///
    /// # Errors
    /// [`SourceError`] when it does not answer as Prometheus does.
    pub async fn vitals(&self) -> Result<(Vitals, (Timestamp, Timestamp)), SourceError> {
        let answer = self.client.get("/api/v1/status/runtimeinfo", &[]).await?;
        let vitals = self.client.read_with(&answer, vitals::runtime)?;
        Ok((vitals, (answer.sent, answer.received)))
    }

    /// The evaluations that groups of rules, named `file;group`, have missed since it started.
    ///
    /// # Errors
    /// [`SourceError`] when it does not show its own metrics.
    pub async fn missed(&self, groups: &BTreeSet<String>) -> Result<BTreeMap<String, u64>, SourceError> {
        let answer = self.client.get("/metrics", &[]).await?;
        self.client
            .read_with(&answer, |body| vitals::missed(body, groups))
    }

    /// Compares its clock with ours.
    ///
    /// # Errors
    /// [`SourceError`] when it does not tell its time.
    pub async fn clock(&self) -> Result<ClockSample, SourceError> {
        let answer = self.query("time()").await?;
        let theirs = self.client.read_with(&answer, query::time)?;
        Ok(ClockSample::cut(
            answer.sent,
            answer.received,
            theirs,
            CLOCK_RESOLUTION_US,
        ))
    }

    async fn query(&self, promql: &str) -> Result<Answer, SourceError> {
        self.client.get("/api/v1/query", &[("query", promql)]).await
    }
}

impl AlertSource for Prometheus {
    fn name(&self) -> &SourceName {
        &self.client.name
    }

    fn poll(&self) -> BoxFuture<'_, Result<Vec<Alert>, SourceError>> {
        Box::pin(self.alerts())
    }
}

/// The groups of one answer.
#[cfg(test)]
pub(crate) fn groups_of(
    body: &[u8],
    source: &SourceName,
) -> Result<Vec<RuleGroup>, crate::error::Unreadable> {
    state::page(body, source).map(|(groups, _)| groups)
}
