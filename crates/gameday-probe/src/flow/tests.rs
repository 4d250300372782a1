//! Flows against a small payments service.

mod requests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use gameday_core::Source;
use serde_json::{Value, json};

use super::*;
use crate::build::Runner;
use crate::net::Connector;
use crate::net::testing::Server;
use crate::{Environment, Probe, ProbePlan, build};

/// What the service has seen, and how it behaves.
#[derive(Default)]
struct Shop {
    /// Idempotency keys and authorizations of payments, in order.
    payments: Mutex<Vec<(String, String)>>,
    deleted: Mutex<Vec<String>>,
    polls: AtomicUsize,
    settled_after: usize,
    pay_status: u16,
    pay_delay: Duration,
    pay_body: Option<Value>,
}

async fn login(Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    match body["password"].as_str() {
        Some("hunter2") => (StatusCode::OK, Json(json!({ "token": "tok-4711" }))),
        _ => (
            StatusCode::UNAUTHORIZED,
            Json(json!({ "error": "wrong password" })),
        ),
    }
}

async fn pay(State(shop): State<Arc<Shop>>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let seen = (header("idempotency-key"), header("authorization"));
    shop.payments.lock().unwrap().push(seen);
    tokio::time::sleep(shop.pay_delay).await;
    let body = shop.pay_body.clone().unwrap_or_else(|| json!({ "id": "pay_1" }));
    (
        StatusCode::from_u16(shop.pay_status.max(200)).unwrap(),
        Json(body),
    )
}

async fn state(State(shop): State<Arc<Shop>>) -> Json<Value> {
    let polls = shop.polls.fetch_add(1, Ordering::Relaxed) + 1;
    let state = if polls > shop.settled_after {
        "settled"
    } else {
        "open"
    };
    Json(json!({ "state": state }))
}

async fn delete(State(shop): State<Arc<Shop>>, Path(id): Path<String>) -> StatusCode {
    shop.deleted.lock().unwrap().push(id);
    StatusCode::NO_CONTENT
}

struct Fixture {
    shop: Arc<Shop>,
    flow: Runner,
    _server: Server,
}

/// The shipped flow, with one text in it replaced, against a service that behaves so.
async fn fixture(shop: Shop, change: (&str, &str)) -> Fixture {
    let shop = Arc::new(shop);
    let router = Router::new()
        .route("/login", post(login))
        .route("/payments", post(pay))
        .route("/payments/{id}", get(state).delete(delete))
        .with_state(Arc::clone(&shop));
    let server = Server::app(router).await;
    let text = include_str!("../../../../probes/checkout.toml");
    assert!(text.contains(change.0), "the shipped flow has changed");
    let source = Source {
        path: "probes/checkout.toml".into(),
        text: text.replace(change.0, change.1),
    };
    let base = BTreeMap::from([("base".to_owned(), server.url(""))]);
    let plan = ProbePlan::load(&source, &base).unwrap();
    let flow = Runner::new(&plan, &plan.kind, &environment("hunter2"), Connector::default()).unwrap();
    Fixture {
        shop,
        flow,
        _server: server,
    }
}

fn environment(password: &str) -> Environment {
    Environment::from([("CHECKOUT_PASSWORD".to_owned(), password.to_owned())])
}

impl Fixture {
    async fn run(&self) -> Observation {
        self.flow.run(Instant::now() + Duration::from_secs(5)).await
    }
}

fn words(observation: &Observation) -> Vec<String> {
    let word = |step: &StepDone| format!("{} {}", step.name, step.outcome.word());
    observation.steps.iter().map(word).collect()
}

const UNCHANGED: (&str, &str) = ("", "");

#[tokio::test]
async fn a_good_run_is_up_and_its_numbers_fit_together() {
    let fixture = fixture(Shop::default(), UNCHANGED).await;
    let seen = fixture.run().await;
    assert_eq!(seen.outcome, Outcome::Up { slow: vec![] }, "{:?}", seen.message);
    assert_eq!(words(&seen), ["login up", "pay up", "settled up", "cleanup up"]);
    let statuses: Vec<_> = seen.steps.iter().filter_map(|step| step.status).collect();
    assert_eq!(statuses, [200, 200, 200, 204]);
    let mut sum = Phases::default();
    for step in &seen.steps[..3] {
        assert_eq!(
            step.total_us,
            step.phases.total_us(),
            "a step without pauses is its request"
        );
        sum.add(&step.phases);
    }
    assert_eq!(seen.phases, sum, "steps that tidy up do not count");
    assert!(seen.phases.total_us() <= u64::try_from(seen.total.as_micros()).unwrap());
    assert_eq!(*fixture.shop.deleted.lock().unwrap(), ["pay_1"]);
    assert_eq!(fixture.shop.payments.lock().unwrap()[0].1, "Bearer tok-4711");
}

#[tokio::test]
async fn an_idempotency_key_is_the_same_within_a_run_and_new_in_the_next() {
    let again = "[[step]]\nname = \"settled\"";
    let twice = format!(
        "[[step]]\nname = \"pay-again\"\npost = \"{{{{base}}}}/payments\"\nheaders = {{ Authorization = \"x\", Idempotency-Key = \"{{{{idem}}}}\" }}\n{again}"
    );
    let fixture = fixture(Shop::default(), (again, &twice)).await;
    for _ in 0..2 {
        assert_eq!(fixture.run().await.outcome.word(), "up");
    }
    let payments = fixture.shop.payments.lock().unwrap();
    let keys: Vec<_> = payments.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!((keys[0], keys[2]), (keys[1], keys[3]));
    assert_ne!(keys[0], keys[2]);
    assert_eq!(keys[0].len(), 36);
}

#[tokio::test]
async fn the_first_failure_ends_the_run_but_what_tidies_up_still_runs() {
    let shop = Shop {
        settled_after: usize::MAX,
        ..Shop::default()
    };
    let fixture = fixture(shop, ("within = \"4s\"", "within = \"300ms\"")).await;
    let seen = fixture.run().await;
    assert_eq!(seen.outcome, Outcome::Down(Reason::PollTimeout));
    assert_eq!(words(&seen), ["login up", "pay up", "settled down", "cleanup up"]);
    assert_eq!(
        seen.message.unwrap(),
        "step `settled`: `json $.state == \"settled\"` did not come true within 300ms; last: \"open\""
    );
    assert_eq!(*fixture.shop.deleted.lock().unwrap(), ["pay_1"]);
}

#[tokio::test]
async fn what_tidies_up_is_left_out_when_there_is_nothing_to_tidy() {
    let shop = Shop {
        pay_status: 503,
        ..Shop::default()
    };
    let fixture = fixture(shop, UNCHANGED).await;
    let seen = fixture.run().await;
    assert_eq!(seen.outcome, Outcome::Down(Reason::HttpStatus));
    assert_eq!(
        words(&seen),
        ["login up", "pay down"],
        "no payment, no `id`, no cleanup"
    );
    assert_eq!(
        seen.message.unwrap(),
        "step `pay`: expected `status in [200, 201]`, found 503"
    );
}

#[tokio::test]
async fn what_tidies_up_never_changes_the_verdict() {
    let fixture = fixture(
        Shop::default(),
        (
            "delete = \"{{base}}/payments/{{id}}\"",
            "delete = \"{{base}}/gone/{{id}}\"",
        ),
    )
    .await;
    let seen = fixture.run().await;
    assert_eq!(seen.outcome, Outcome::Up { slow: vec![] });
    assert_eq!(
        words(&seen).last().unwrap(),
        "cleanup down",
        "a 404 without an assertion is down"
    );
}

#[tokio::test]
async fn a_poll_asks_until_it_comes_true_and_its_pauses_count() {
    let shop = Shop {
        settled_after: 2,
        ..Shop::default()
    };
    let fixture = fixture(shop, ("every = \"200ms\"", "every = \"30ms\"")).await;
    let seen = fixture.run().await;
    assert_eq!(seen.outcome.word(), "up", "{:?}", seen.message);
    assert_eq!(fixture.shop.polls.load(Ordering::Relaxed), 3);
    let settled = &seen.steps[2];
    let pauses = settled.total_us - settled.phases.total_us();
    // Two pauses of 30 ms; the timer may be late but never early.
    assert!((60_000..1_000_000).contains(&pauses), "{pauses} us");
}

#[tokio::test]
async fn a_step_over_its_slo_is_up_and_slow() {
    let shop = Shop {
        pay_delay: Duration::from_millis(60),
        ..Shop::default()
    };
    let fixture = fixture(shop, ("save = { id =", "slo = \"50ms\"\nsave = { id =")).await;
    let seen = fixture.run().await;
    let pay = StepName::new("pay").unwrap();
    assert_eq!(seen.outcome, Outcome::Up { slow: vec![pay] });
    assert_eq!(words(&seen)[1], "pay slow");
    let message = seen.message.unwrap();
    assert!(
        message.starts_with("step `pay` took ") && message.ends_with("ms, its slo is 50ms"),
        "{message}"
    );
}

#[tokio::test]
async fn the_deadline_ends_a_run_in_mid_request() {
    let shop = Shop {
        pay_delay: Duration::from_secs(60),
        ..Shop::default()
    };
    let fixture = fixture(shop, UNCHANGED).await;
    let began = Instant::now();
    let seen = fixture.flow.run(began + Duration::from_millis(200)).await;
    assert_eq!(seen.outcome, Outcome::Down(Reason::HeaderTimeout));
    assert!(seen.total >= Duration::from_millis(190) && began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn no_step_begins_after_the_deadline() {
    let fixture = fixture(Shop::default(), UNCHANGED).await;
    let seen = fixture.flow.run(Instant::now()).await;
    assert_eq!(seen.outcome, Outcome::Down(Reason::Timeout));
    assert!(seen.steps.is_empty());
}

#[tokio::test]
async fn a_value_that_is_not_there_cannot_be_saved() {
    let shop = Shop {
        pay_body: Some(json!({ "id": null })),
        ..Shop::default()
    };
    let fixture = fixture(shop, (", \"json $.id matches /^pay_/\"", "")).await;
    let seen = fixture.run().await;
    assert_eq!(seen.outcome, Outcome::Down(Reason::SaveFailed));
    assert_eq!(
        seen.message.unwrap(),
        "step `pay`: `id` could not be saved: `null` there"
    );
}

#[tokio::test]
async fn no_secret_and_no_redacted_value_is_in_any_output() {
    // The service answers with what it was sent and what it gave out before.
    let shop = Shop {
        pay_body: Some(json!({ "id": "hunter2 tok-4711" })),
        ..Shop::default()
    };
    let fixture = fixture(shop, UNCHANGED).await;
    let seen = fixture.run().await;
    let message = seen.message.clone().unwrap();
    assert!(message.ends_with("found \"*** ***\""), "{message}");
    let everything = format!("{seen:?} {:?}", fixture.flow);
    assert!(
        !everything.contains("hunter2") && !everything.contains("tok-4711"),
        "{everything}"
    );
}

#[tokio::test]
async fn a_value_to_be_redacted_is_not_shown_even_when_it_is_what_was_wrong() {
    let fixture = fixture(
        Shop::default(),
        ("json $.token isString", "json $.token matches /^key-/"),
    )
    .await;
    let seen = fixture.run().await;
    assert_eq!(
        seen.message.unwrap(),
        "step `login`: expected `json $.token matches /^key-/`, found \"***\""
    );
}

#[test]
fn a_missing_or_empty_environment_variable_is_named_with_its_secret_and_file() {
    let text = include_str!("../../../../probes/checkout.toml").to_owned();
    let source = Source {
        path: "probes/checkout.toml".into(),
        text,
    };
    let plan = ProbePlan::load(&source, &BTreeMap::new()).unwrap();
    for environment in [Environment::new(), environment("")] {
        let error = build(&plan, &environment, &Connector::default()).err().unwrap();
        assert_eq!(
            error.to_string(),
            "the environment variable `CHECKOUT_PASSWORD` is not set or empty: \
             the secret `password` of probes/checkout.toml comes from it"
        );
    }
}

#[tokio::test]
async fn a_delay_is_waited_for_and_is_nobodys_time() {
    let delayed = ("name = \"pay\"", "name = \"pay\"\ndelay = \"300ms\"");
    let fixture = fixture(Shop::default(), delayed).await;
    let began = Instant::now();
    let seen = fixture.run().await;
    assert!(matches!(seen.outcome, Outcome::Up { .. }), "{:?}", words(&seen));
    // A look that took less would not have waited; its own time is what is left.
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert!(seen.total + Duration::from_millis(300) <= began.elapsed());
    let seen = fixture
        .flow
        .run(Instant::now() + Duration::from_millis(150))
        .await;
    assert_eq!(seen.outcome, Outcome::Down(Reason::Timeout), "{:?}", words(&seen));
}
