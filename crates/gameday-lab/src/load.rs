//! The lab's users: so many requests a second, whatever the API does.
//!
//! Who pays looks the payment up, and then looks at three others of late: five requests.
//!
//! Open loop: each payment has an intended start, latency counts from there, and a slow answer
//! delays no other payment. A payment that could not be sent in time is not sent later, when it
//! would be one too many, but counted as missed: `GET /metrics` tells how many.

mod metrics;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use hdrhistogram::Histogram;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, sleep, sleep_until};

use crate::{LabError, api, http};
use metrics::Metrics;
pub(crate) use metrics::PAYMENTS;

/// Requests that come with a payment, itself counted.
const REQUESTS: u32 = 5;
/// Payments that are looked at once more.
const RECENT: usize = 50;
/// A request that takes longer has failed.
const REQUEST_LIMIT: Duration = Duration::from_secs(8);
/// Payments under way at once; more are not started and counted as missed.
const MAX_IN_FLIGHT: usize = 512;
/// A payment that could not be sent this long after its time is missed.
const LATE: Duration = Duration::from_secs(1);
/// A summary is logged this often.
const SUMMARY_EVERY: Duration = Duration::from_secs(10);

/// The settings of the role `load`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoadSettings {
    /// The supervisor's process id.
    pub parent: u32,
    /// The API.
    pub api: SocketAddr,
    /// Where its own metrics are told.
    pub listen: SocketAddr,
    /// Requests a second.
    pub rps: u32,
}

/// Pays until told to stop, then logs what it saw.
pub(crate) async fn run(settings: LoadSettings) -> Result<(), LabError> {
    let mut stop = signal(SignalKind::terminate()).map_err(LabError::io("listen for SIGTERM"))?;
    let password = std::env::var(api::PASSWORD).unwrap_or_default();
    let payer = Arc::new(Payer {
        http: http::client(REQUEST_LIMIT)?,
        base: format!("http://{}", settings.api),
        password,
        token: Mutex::default(),
        recent: Mutex::default(),
    });
    let mut total = Tally::new();
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(LabError::io(format!("listen on {}", settings.listen)))?;
    let metrics = Metrics::new(settings.rps);
    let router = Router::new()
        .route("/metrics", get(text))
        .with_state(metrics.clone());
    tokio::select! {
        () = pay_for_ever(payer, settings.rps, &metrics, &mut total) => {}
        served = axum::serve(listener, router) => {
            served.map_err(LabError::io("serve the load's metrics"))?;
        }
        _ = stop.recv() => {}
    }
    crate::log::info("load ended", total.summary());
    Ok(())
}

async fn text(State(metrics): State<Metrics>) -> String {
    metrics.text()
}

async fn pay_for_ever(payer: Arc<Payer>, rps: u32, metrics: &Metrics, total: &mut Tally) {
    while payer.log_in().await.is_none() {
        sleep(Duration::from_millis(100)).await;
    }
    let start = Instant::now();
    let mut recent = Tally::new();
    let mut summaries = interval_at(start + SUMMARY_EVERY, SUMMARY_EVERY);
    let mut under_way = JoinSet::new();
    for number in 0_u32.. {
        let intended = start + Duration::from_secs(u64::from(number) * u64::from(REQUESTS)) / rps;
        loop {
            tokio::select! {
                biased;
                () = sleep_until(intended) => break,
                Some(ended) = under_way.join_next() => {
                    let payment = ended.unwrap_or(None);
                    metrics.ended(payment.is_some());
                    recent.count(payment);
                    total.count(payment);
                }
                _ = summaries.tick() => {
                    crate::log::info("load summary", recent.summary());
                    recent = Tally::new();
                }
            }
        }
        // When it is behind, the loop above has had no time to count what ended.
        while let Some(ended) = under_way.try_join_next() {
            let payment = ended.unwrap_or(None);
            metrics.ended(payment.is_some());
            recent.count(payment);
            total.count(payment);
        }
        metrics.in_flight(under_way.len());
        if under_way.len() < MAX_IN_FLIGHT && intended.elapsed() < LATE {
            under_way.spawn(Arc::clone(&payer).pay(intended));
        } else {
            metrics.missed();
            recent.missed += 1;
            total.missed += 1;
        }
    }
}

/// Somebody who pays.
struct Payer {
    http: reqwest::Client,
    base: String,
    password: String,
    token: Mutex<String>,
    /// The payments that were made last.
    recent: Mutex<VecDeque<String>>,
}

impl Payer {
    async fn log_in(&self) -> Option<()> {
        let login = json!({ "user": api::USER, "password": self.password });
        let response = self
            .http
            .post(format!("{}/login", self.base))
            .json(&login)
            .send()
            .await
            .ok()?;
        let token = response
            .json::<Value>()
            .await
            .ok()?
            .get("token")?
            .as_str()?
            .to_owned();
        *self.token.lock().expect("no holder of the token panics") = token;
        Some(())
    }

    /// Pays, looks the payment up, and some others; the payment's latency, or `None` if anything failed.
    async fn pay(self: Arc<Self>, intended: Instant) -> Option<Duration> {
        let token = self.token.lock().expect("no holder of the token panics").clone();
        let response = self
            .http
            .post(format!("{}/payments", self.base))
            .bearer_auth(&token)
            .header("Idempotency-Key", uuid::Uuid::new_v4().simple().to_string())
            .json(&json!({ "amount": 100, "currency": "EUR" }))
            .send()
            .await
            .ok()?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.log_in().await?;
            return None;
        }
        let created = response.status() == StatusCode::CREATED;
        let payment: Value = response.json().await.ok()?;
        let taken = intended.elapsed();
        let id = payment.get("id")?.as_str()?;
        let mut found = self.look_up(id).await?;
        for id in self.some_recent(id) {
            found &= self.look_up(&id).await?;
        }
        (created && found).then_some(taken)
    }

    /// Whether a payment is found.
    async fn look_up(&self, id: &str) -> Option<bool> {
        let look = self
            .http
            .get(format!("{}/payments/{id}", self.base))
            .send()
            .await
            .ok()?;
        let found = look.status().is_success();
        // The body is read so that the connection can be used again.
        let _ = look.bytes().await;
        Some(found)
    }

    /// Payments to look at once more; this one is remembered for others.
    fn some_recent(&self, id: &str) -> Vec<String> {
        let mut recent = self.recent.lock().expect("no holder of the payments panics");
        recent.push_back(id.to_owned());
        if recent.len() > RECENT {
            recent.pop_front();
        }
        let count = recent.len();
        let one = || recent[rand::random_range(0..count)].clone();
        (2..REQUESTS).map(|_| one()).collect()
    }
}

/// What has been seen over some time.
struct Tally {
    latencies_us: Histogram<u64>,
    errors: u64,
    missed: u64,
}

impl Tally {
    fn new() -> Self {
        let latencies_us = Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are sound");
        Tally {
            latencies_us,
            errors: 0,
            missed: 0,
        }
    }

    fn count(&mut self, payment: Option<Duration>) {
        match payment {
            Some(taken) => {
                self.latencies_us
                    .saturating_record(u64::try_from(taken.as_micros()).unwrap_or(u64::MAX));
            }
            None => self.errors += 1,
        }
    }

    fn summary(&self) -> Value {
        let ms = |us: u64| (Duration::from_micros(us).as_secs_f64() * 1e6).round() / 1e3;
        let at = |quantile| ms(self.latencies_us.value_at_quantile(quantile));
        json!({
            "payments": self.latencies_us.len(), "errors": self.errors, "missed": self.missed,
            "p50_ms": at(0.5), "p95_ms": at(0.95), "p99_ms": at(0.99), "max_ms": ms(self.latencies_us.max()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_tells_payments_errors_and_latency() {
        let mut tally = Tally::new();
        (0..95).for_each(|_| tally.count(Some(Duration::from_millis(10))));
        (0..5).for_each(|_| tally.count(Some(Duration::from_millis(600))));
        tally.count(None);
        let summary = tally.summary();
        assert_eq!(
            (summary["payments"].as_u64(), summary["errors"].as_u64()),
            (Some(100), Some(1))
        );
        let p99 = summary["p99_ms"].as_f64().unwrap();
        assert!((595.0..605.0).contains(&p99), "{p99}");
    }
}
