//! The embedded pipeline beside what the real programs were recorded to answer.

use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::rules::RULES;

/// Answers of Prometheus 2.42 and Alertmanager 0.25 in the real lab, with one alert firing.
fn recorded(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("recorded.json")).unwrap();
    all[name].clone()
}

/// A pipeline with one alert firing, on loopback.
struct Bench {
    pipeline: Arc<Pipeline>,
    prometheus: String,
    alertmanager: String,
    http: reqwest::Client,
    _tasks: JoinSet<()>,
}

impl Bench {
    async fn start(webhook: &str) -> Bench {
        let (prometheus, alertmanager) = (
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
        );
        let settings = AlertingSettings {
            parent: 0,
            api: "127.0.0.1:1".parse().unwrap(),
            prometheus: prometheus.local_addr().unwrap(),
            alertmanager: alertmanager.local_addr().unwrap(),
            webhook: webhook.to_owned(),
        };
        let bench = Bench {
            prometheus: format!("http://{}", settings.prometheus),
            alertmanager: format!("http://{}", settings.alertmanager),
            pipeline: Arc::new(Pipeline::new(settings)),
            http: crate::http::client(Duration::from_secs(5)).unwrap(),
            _tasks: JoinSet::new(),
        };
        let routers = [
            (prometheus, super::prometheus::router(Arc::clone(&bench.pipeline))),
            (
                alertmanager,
                super::alertmanager::router(Arc::clone(&bench.pipeline)),
            ),
        ];
        bench.serve(routers).fire()
    }

    fn serve(mut self, routers: [(TcpListener, Router); 2]) -> Self {
        for (listener, router) in routers {
            self._tasks
                .spawn(async move { axum::serve(listener, router).await.unwrap() });
        }
        self
    }

    /// Slow payments over the last ten seconds, a tick at each of them.
    fn fire(self) -> Self {
        let now = Timestamp::now();
        for second in 0..=10_u32 {
            let at = now - Duration::from_secs(10) + Duration::from_secs(second.into());
            let count = second * 15;
            let text = format!(
                "http_request_duration_seconds_bucket{{method=\"POST\",route=\"/payments\",le=\"0.5\"}} 0\n\
                 http_request_duration_seconds_bucket{{method=\"POST\",route=\"/payments\",le=\"0.75\"}} {count}\n\
                 http_request_duration_seconds_bucket{{method=\"POST\",route=\"/payments\",le=\"+Inf\"}} {count}\n"
            );
            let mut evaluation = self.pipeline.evaluation();
            evaluation
                .history
                .take(at, Some(exposition::parse(&text).unwrap()));
            for sent in evaluation.tick(at) {
                self.pipeline.dispatcher().receive(sent, at);
            }
        }
        self
    }

    async fn get(&self, url: String) -> (StatusCode, Value) {
        let response = self.http.get(&url).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

/// What a reader relies on: the names of all fields and the kinds of their values.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), shape(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.first().map(shape).into_iter().collect(),
        Value::String(_) => "text".into(),
        Value::Number(_) => "number".into(),
        Value::Bool(_) => "bool".into(),
        Value::Null => "null".into(),
    }
}

#[tokio::test]
async fn every_answer_has_the_shape_of_the_real_one() {
    let bench = Bench::start("http://127.0.0.1:1/webhook").await;
    let prometheus = [
        ("rules", "rules?type=alert"),
        ("alerts", "alerts"),
        ("targets", "targets?state=active"),
        (
            "raw",
            "query?query=ALERTS{alertname=\"PaymentsLatencyHigh\"}[30m]",
        ),
        ("up", "query?query=up{job=\"payments-api\"}[5s]"),
        ("upi", "query?query=up"),
        ("time", "query?query=time()"),
        ("build", "status/buildinfo"),
        ("runtime", "status/runtimeinfo"),
        ("cfg", "status/config"),
        ("amlist", "alertmanagers"),
    ];
    let prometheus = prometheus.map(|(name, path)| (name, format!("{}/api/v1/{path}", bench.prometheus)));
    let alertmanager = [
        ("am_alerts", "alerts?filter=alertname=\"PaymentsLatencyHigh\""),
        ("am_status", "status"),
    ];
    let alertmanager =
        alertmanager.map(|(name, path)| (name, format!("{}/api/v2/{path}", bench.alertmanager)));
    for (name, url) in prometheus.into_iter().chain(alertmanager) {
        let (status, answer) = bench.get(url).await;
        assert_eq!(status, StatusCode::OK, "{name}: {answer}");
        assert_eq!(shape(&answer), shape(&recorded(name)), "{name}: {answer}");
    }
}

#[tokio::test]
async fn raw_samples_stand_exactly_at_the_ticks() {
    let bench = Bench::start("http://127.0.0.1:1/webhook").await;
    let (_, rules) = bench
        .get(format!(
            "{}/api/v1/rules?rule_name[]=PaymentsLatencyHigh",
            bench.prometheus
        ))
        .await;
    let alert = &rules["data"]["groups"][0]["rules"][0]["alerts"][0];
    let active_at: Timestamp = alert["activeAt"].as_str().unwrap().parse().unwrap();
    let query = "query?query=ALERTS{alertname=\"PaymentsLatencyHigh\",alertstate=\"firing\"}[30m]";
    let (_, raw) = bench.get(format!("{}/api/v1/{query}", bench.prometheus)).await;
    let (_, held) = bench.get(format!("{}/api/v2/alerts", bench.alertmanager)).await;
    let starts_at: Timestamp = held[0]["startsAt"].as_str().unwrap().parse().unwrap();
    // The first second has no growth yet; then `for: 5s` at one tick a second.
    assert_eq!(starts_at.as_millisecond() - active_at.as_millisecond(), 5_000);
    let first = raw["data"]["result"][0]["values"][0][0].as_f64().unwrap();
    assert_eq!(
        format!("{first:.3}"),
        format!("{:.3}", starts_at.as_duration().as_secs_f64())
    );
    assert_eq!(raw["data"]["result"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_not_imitated_is_refused_by_name() {
    let bench = Bench::start("http://127.0.0.1:1/webhook").await;
    for url in [
        format!("{}/api/v1/query?query=rate(up[5m])", bench.prometheus),
        format!("{}/api/v1/query_range?query=up", bench.prometheus),
        format!("{}/api/v1/rules?file[]=rules.yml", bench.prometheus),
        format!("{}/api/v2/receivers", bench.alertmanager),
        format!("{}/api/v2/alerts?filter=alertname=~\"P.*\"", bench.alertmanager),
    ] {
        let (status, answer) = bench.get(url.clone()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{url}");
        assert!(
            answer["error"]
                .as_str()
                .unwrap()
                .contains("gameday's embedded alerting pipeline"),
            "{url}"
        );
    }
}

#[tokio::test]
async fn an_alert_is_delivered_and_counted() {
    let (hooks, mut received) = mpsc::channel(4);
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhook = format!("http://{}/webhook", receiver.local_addr().unwrap());
    let taker = Router::new().route(
        "/webhook",
        post(async move |Json(payload): Json<Value>| hooks.send(payload).await.unwrap()),
    );
    let bench = Bench::start(&webhook).await;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(receiver, taker).await.unwrap() });
    let pipeline = Arc::clone(&bench.pipeline);
    tasks.spawn(async move { match deliver::deliver_for_ever(&pipeline).await {} });
    let payload = timeout(Duration::from_secs(10), received.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(shape(&payload), shape(&recorded("firing")));
    let (_, metrics) = bench.get(format!("{}/metrics", bench.alertmanager)).await;
    let metrics = metrics.as_str().unwrap();
    for line in [
        "\nalertmanager_dispatcher_aggregation_groups 1\n",
        "\nalertmanager_notifications_total{integration=\"webhook\"} 1\n",
        "\nalertmanager_notifications_failed_total{integration=\"webhook\"} 0\n",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[test]
fn a_payload_is_what_alertmanager_posted_to_the_letter() {
    for name in ["firing", "resolved"] {
        let real = recorded(name);
        let alert = &real["alerts"][0];
        let address = |field: &Value| {
            field.as_str().unwrap()[7..]
                .split('/')
                .next()
                .unwrap()
                .parse()
                .unwrap()
        };
        let settings = AlertingSettings {
            parent: 0,
            api: "127.0.0.1:1".parse().unwrap(),
            prometheus: address(&alert["generatorURL"]),
            alertmanager: address(&real["externalURL"]),
            webhook: String::new(),
        };
        let starts_at: Timestamp = alert["startsAt"].as_str().unwrap().parse().unwrap();
        let at = starts_at + Duration::from_secs(17);
        let ends_at = match name {
            "resolved" => alert["endsAt"].as_str().unwrap().parse().unwrap(),
            _ => starts_at + Duration::from_secs(240),
        };
        let sent = rule_state::Sent {
            rule: &RULES[0],
            starts_at,
            ends_at,
        };
        let fingerprint = rule_state::fingerprint(&rule_state::alert_labels(&RULES[0]));
        let held = dispatcher::Held {
            sent,
            updated_at: starts_at,
            fingerprint,
        };
        let notification = dispatcher::Notification {
            group: RULES[0].name,
            alerts: vec![held],
            at,
        };
        assert_eq!(payload::payload(&notification, &settings), real, "{name}");
    }
}
