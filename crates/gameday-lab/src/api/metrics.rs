//! Rate, errors and duration of the API's requests, and the state of its ledger connections.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::pool::Pool;
use super::{POOL_SIZE, Shared};
use crate::rules::{CACHE_REQUESTS, LATENCY, POOL_CONNECTIONS, POOL_MAX, REQUESTS};

/// From a healthy ledger's round trip to three of a sick one.
const BUCKETS_S: [f64; 17] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0,
];

/// A rate is seen from a counter's second sample on, so those that matter start at zero.
const KNOWN: [(&str, &str, &[&str]); 4] = [
    ("POST", "/login", &["200"]),
    ("POST", "/payments", &["201", "500", "502", "503", "504"]),
    ("GET", "/payments/{id}", &["200", "500", "503", "504"]),
    ("DELETE", "/payments/{id}", &["204", "500", "503", "504"]),
];

/// All of the API's metrics.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    in_flight: IntGauge,
    connections: IntGaugeVec,
    waiting: IntGauge,
    waited: Histogram,
    cache: IntCounterVec,
    cache_durations: Histogram,
    psp: IntCounterVec,
}

impl Metrics {
    /// Makes and registers them.
    pub(super) fn new() -> Self {
        let metrics = Metrics {
            registry: Registry::new(),
            requests: sound(IntCounterVec::new(
                Opts::new(REQUESTS, "Requests answered."),
                &["method", "route", "code"],
            )),
            durations: sound(HistogramVec::new(
                HistogramOpts::new(LATENCY, "Time from a request's head to its answer's.")
                    .buckets(BUCKETS_S.to_vec()),
                &["method", "route"],
            )),
            in_flight: sound(IntGauge::new(
                "http_requests_in_flight",
                "Requests not yet answered.",
            )),
            connections: sound(IntGaugeVec::new(
                Opts::new(POOL_CONNECTIONS, "Connections to the ledger."),
                &["state"],
            )),
            waiting: sound(IntGauge::new(
                "db_pool_waiting",
                "Requests that wait for a connection to the ledger: the queue's depth.",
            )),
            waited: sound(Histogram::with_opts(
                HistogramOpts::new(
                    "db_pool_wait_seconds",
                    "Time a request waited for a connection to the ledger.",
                )
                .buckets(BUCKETS_S.to_vec()),
            )),
            cache: sound(IntCounterVec::new(
                Opts::new(CACHE_REQUESTS, "Looks into the cache."),
                &["result"],
            )),
            cache_durations: sound(Histogram::with_opts(
                HistogramOpts::new(
                    "cache_request_duration_seconds",
                    "Time a look into the cache took.",
                )
                .buckets(BUCKETS_S.to_vec()),
            )),
            psp: sound(IntCounterVec::new(
                Opts::new(
                    "psp_requests_total",
                    "Charges asked of the payment service provider.",
                ),
                &["outcome"],
            )),
        };
        sound(metrics.registry.register(Box::new(metrics.requests.clone())));
        sound(metrics.registry.register(Box::new(metrics.durations.clone())));
        sound(metrics.registry.register(Box::new(metrics.in_flight.clone())));
        sound(metrics.registry.register(Box::new(metrics.connections.clone())));
        sound(metrics.registry.register(Box::new(metrics.waiting.clone())));
        sound(metrics.registry.register(Box::new(metrics.waited.clone())));
        sound(metrics.registry.register(Box::new(metrics.cache.clone())));
        sound(
            metrics
                .registry
                .register(Box::new(metrics.cache_durations.clone())),
        );
        sound(metrics.registry.register(Box::new(metrics.psp.clone())));
        let most = sound(IntGauge::new(POOL_MAX, "Connections to the ledger at most."));
        most.set(i64::try_from(POOL_SIZE).unwrap_or(i64::MAX));
        sound(metrics.registry.register(Box::new(most)));
        for result in ["hit", "miss", "error"] {
            metrics.cache.with_label_values(&[result]);
        }
        for outcome in ["captured", "refused", "timeout", "unreachable"] {
            metrics.psp.with_label_values(&[outcome]);
        }
        for (method, route, codes) in KNOWN {
            metrics.durations.with_label_values(&[method, route]);
            for code in codes {
                metrics.requests.with_label_values(&[method, route, code]);
            }
        }
        metrics
    }

    /// The provider has answered, or has not.
    pub(super) fn psp_answered(&self, outcome: &str) {
        self.psp.with_label_values(&[outcome]).inc();
    }

    /// The cache has answered, or has not.
    pub(super) fn cache_answered(&self, result: &str, taken: Duration) {
        self.cache.with_label_values(&[result]).inc();
        self.cache_durations.observe(taken.as_secs_f64());
    }

    /// A request has got a connection to the ledger, or has given up.
    pub(super) fn waited_for_pool(&self, waited: Duration) {
        self.waited.observe(waited.as_secs_f64());
    }

    /// The text that Prometheus scrapes.
    pub(super) fn text(&self, pool: &Pool) -> String {
        let (idle, open) = pool.idle_and_open();
        self.waiting
            .set(i64::try_from(pool.waiting()).unwrap_or(i64::MAX));
        let gauge = |state, count| {
            self.connections
                .with_label_values(&[state])
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        gauge("idle", idle);
        gauge("in_use", open.saturating_sub(idle));
        sound(TextEncoder::new().encode_to_string(&self.registry.gather()))
    }
}

/// Names, labels and help texts are constants, so a failure is a bug of this file.
fn sound<T>(made: prometheus::Result<T>) -> T {
    made.expect("the metrics are well formed")
}

/// Measures and logs one request.
pub(super) async fn measure(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let method = method_label(request.method());
    let route = route_label(request.uri().path());
    let started = Instant::now();
    let in_flight = InFlight::start(&shared.metrics.in_flight);
    let response = next.run(request).await;
    drop(in_flight);
    let taken = started.elapsed();
    let code = response.status();
    shared
        .metrics
        .requests
        .with_label_values(&[method, route, code.as_str()])
        .inc();
    shared
        .metrics
        .durations
        .with_label_values(&[method, route])
        .observe(taken.as_secs_f64());
    let duration_ms = (taken.as_secs_f64() * 1e6).round() / 1e3;
    let fields = serde_json::json!({
        "method": method, "route": route, "code": code.as_u16(), "duration_ms": duration_ms,
    });
    if code.is_server_error() {
        crate::log::warn("request", fields);
    } else {
        crate::log::info("request", fields);
    }
    response
}

/// Counts a request as long as it lives, also when its client goes away.
struct InFlight<'a>(&'a IntGauge);

impl<'a> InFlight<'a> {
    fn start(gauge: &'a IntGauge) -> Self {
        gauge.inc();
        InFlight(gauge)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

// Labels come from these two lists only: no client can make new time series.

fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

fn route_label(path: &str) -> &'static str {
    match path {
        "/login" => "/login",
        "/payments" => "/payments",
        _ if path.starts_with("/payments/") => "/payments/{id}",
        _ => "other",
    }
}
