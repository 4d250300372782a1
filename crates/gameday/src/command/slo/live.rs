//! What is left of the budgets of a prober that runs.

use std::path::Path;
use std::time::Duration;

use gameday_core::{Secret, printable, redact_url};
use reqwest::{Certificate, Client};
use serde::{Deserialize, Serialize};

use crate::cli::SloArgs;
use crate::slo::{percent, spoken};

const LIMIT: Duration = Duration::from_secs(10);
/// A longer answer is no prober's.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// The answer of `GET /v1/slo`, as far as it is shown.
#[derive(Deserialize, Serialize)]
pub(super) struct Answer {
    objectives: Vec<Live>,
    #[serde(flatten)]
    more: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize, Serialize)]
struct Live {
    probe: String,
    objective: String,
    pool: String,
    promise: String,
    window_seconds: f64,
    budget_left_ratio: f64,
    budget_left_seconds: f64,
    unseen_ratio: f64,
    burns: Vec<Burn>,
    alerts: Vec<Alert>,
    #[serde(flatten)]
    more: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize, Serialize)]
struct Burn {
    severity: String,
    burn_rate: f64,
    long_seconds: f64,
    short_seconds: f64,
    long: Option<f64>,
    short: Option<f64>,
}

#[derive(Deserialize, Serialize)]
struct Alert {
    severity: String,
    state: String,
    since: String,
    #[serde(flatten)]
    more: serde_json::Map<String, serde_json::Value>,
}

impl Answer {
    /// Whether an alert fires.
    pub(super) fn fires(&self) -> bool {
        let alerts = self.objectives.iter().flat_map(|live| &live.alerts);
        alerts.into_iter().any(|alert| alert.state == "firing")
    }

    pub(super) fn as_text(&self) -> String {
        match self.objectives.as_slice() {
            [] => "no probe there has an `slo`".to_owned(),
            all => all.iter().map(Live::as_text).collect::<Vec<_>>().join("\n"),
        }
    }
}

impl Live {
    fn as_text(&self) -> String {
        let span = |seconds: f64| spoken(Duration::try_from_secs_f64(seconds.abs()).unwrap_or_default());
        let (share, left) = (percent(self.budget_left_ratio), span(self.budget_left_seconds));
        let left = match self.budget_left_ratio < 0.0 {
            true => format!("overspent by {left} ({share} left)"),
            false => format!("{share} left, {left}"),
        };
        let mut text = format!(
            "{} {} ({}): {}, over {}\n  budget   {left}\n",
            self.probe,
            self.objective,
            self.pool,
            self.promise,
            span(self.window_seconds)
        );
        if self.unseen_ratio > 0.0005 {
            text.push_str(&format!(
                "  unseen   {} of the looks that were due\n",
                percent(self.unseen_ratio)
            ));
        }
        let rate =
            |rate: Option<f64>| rate.map_or_else(|| "nothing seen".to_owned(), |rate| format!("{rate:.1}x"));
        for burn in &self.burns {
            text.push_str(&format!(
                "  {:<8} {:<6} {:<7} {:<13} {:<7} {}\n",
                burn.severity,
                format!("{}x", burn.burn_rate),
                span(burn.long_seconds),
                rate(burn.long),
                span(burn.short_seconds),
                rate(burn.short)
            ));
        }
        for alert in self.alerts.iter().filter(|alert| alert.state != "inactive") {
            text.push_str(&format!(
                "  {} is {} since {}\n",
                alert.severity, alert.state, alert.since
            ));
        }
        printable(&text)
    }
}

/// Asks a prober.
///
/// # Errors
/// In words: it cannot be asked, or says no.
pub(super) async fn ask(prober: &str, args: &SloArgs) -> Result<Answer, String> {
    let token = args
        .token_file
        .as_deref()
        .map(gameday_core::read_token)
        .transpose()?;
    let shown = redact_url(prober);
    let answer = fetch(prober, token.as_ref(), args.ca.as_deref()).await;
    answer.map_err(|why| format!("the prober at {shown}: {why}"))
}

async fn fetch(prober: &str, token: Option<&Secret>, ca: Option<&Path>) -> Result<Answer, String> {
    let words = |error: reqwest::Error| root_cause(&error.without_url());
    let mut client = Client::builder().timeout(LIMIT).no_proxy();
    if let Some(ca) = ca {
        let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", ca.display());
        let pem = std::fs::read(ca).map_err(|error| wrong(&error))?;
        let trusted = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(&error))?;
        client = client.tls_certs_merge(trusted);
    }
    let client = client.build().map_err(words)?;
    let mut request = client.get(format!("{}/v1/slo", prober.trim_end_matches('/')));
    if let Some(token) = token {
        request = request.bearer_auth(token.expose());
    }
    let mut response = request.send().await.map_err(words)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(words)? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BYTES {
            return Err("its answer is too long to be a prober's".to_owned());
        }
    }
    if !status.is_success() {
        let said: String = String::from_utf8_lossy(&body).chars().take(200).collect();
        return Err(format!("{status}: {}", printable(said.trim())));
    }
    serde_json::from_slice(&body).map_err(|error| format!("its answer is not a prober's: {error}"))
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
