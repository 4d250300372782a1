//! What a flow sends and follows, against a service that tells what it was sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{any, get, post};
use gameday_core::{Outcome, Source};

use crate::build::Runner;
use crate::net::Connector;
use crate::net::testing::Server;
use crate::observation::Observation;
use crate::{Environment, Exhibit, Probe, ProbePlan};

/// Counts what was asked.
#[derive(Default)]
struct Seen {
    tokens: AtomicUsize,
    flaky: AtomicUsize,
    counted: AtomicUsize,
}

/// Everything that was sent, as text.
async fn echo(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> String {
    let mut text = format!("{method} {uri}\n");
    for (name, value) in &headers {
        text.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
    }
    format!("{text}\n{}", String::from_utf8_lossy(&body))
}

async fn token(State(seen): State<Arc<Seen>>, headers: HeaderMap, body: String) -> Response {
    let good = headers["authorization"] == "Basic Y2xpZW50OnMlM0FjcmV0"
        && body.contains("grant_type=client_credentials");
    match good && body.contains("scope=a+b") && body.contains("audience=shop") {
        true => {
            let number = seen.tokens.fetch_add(1, Ordering::Relaxed);
            format!(
                "{{\"access_token\": \"tok-{number}\", \"expires_in\": 3600, \"refresh_token\": \"again-1\"}}"
            )
            .into_response()
        }
        false => (StatusCode::UNAUTHORIZED, "{\"error\": \"invalid_client\"}").into_response(),
    }
}

async fn redirect(RawQuery(query): RawQuery) -> Response {
    let (status, to) = query.as_deref().and_then(|query| query.split_once('=')).unwrap();
    let status = StatusCode::from_bytes(status.as_bytes()).unwrap();
    (status, [(LOCATION, to.to_owned())]).into_response()
}

async fn server() -> (Server, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let router = Router::new()
        .route("/echo", any(echo))
        .route("/token", post(token))
        .route("/to", any(redirect))
        .route(
            "/round",
            get(|| async { (StatusCode::FOUND, [(LOCATION, "/round")]) }),
        )
        .route(
            "/login",
            get(|| async {
                (
                    AppendHeaders([
                        (SET_COOKIE, "session=s3cret; HttpOnly"),
                        (SET_COOKIE, "lang=de; Path=/other"),
                    ]),
                    "in",
                )
            }),
        )
        .route(
            "/flaky",
            get(|State(seen): State<Arc<Seen>>| async move {
                match seen.flaky.fetch_add(1, Ordering::Relaxed) {
                    0 | 1 => StatusCode::SERVICE_UNAVAILABLE,
                    _ => StatusCode::OK,
                }
            }),
        )
        .route(
            "/count",
            post(|State(seen): State<Arc<Seen>>| async move {
                format!(
                    "{{\"id\": 1, \"n\": {}}}",
                    seen.counted.fetch_add(1, Ordering::Relaxed)
                )
            }),
        )
        .with_state(Arc::clone(&seen));
    (Server::app(router).await, seen)
}

fn flow(server: &Server, lines: &str) -> Runner {
    let text = format!("[vars]\nbase = \"http://x\"\n[secrets]\nkey = {{ env = \"KEY\" }}\n{lines}");
    let source = Source {
        path: "src/p.toml".into(),
        text: text.replace("BASE", "{{base}}"),
    };
    let base = BTreeMap::from([("base".to_owned(), server.url(""))]);
    let plan = ProbePlan::load(&source, &base).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    let environment = Environment::from([("KEY".to_owned(), "s:cret".to_owned())]);
    Runner::new(&plan, &plan.kind, &environment, Connector::default()).unwrap()
}

async fn run(flow: &Runner) -> Observation {
    flow.run(Instant::now() + Duration::from_secs(5)).await
}

/// The one place that knows the API: a flow is up, or is down with this reason and words in its message.
#[track_caller]
fn told(observation: &Observation, reason: &str, words: &str) {
    let message = observation.message.clone().unwrap_or_default();
    let said = observation.outcome.reason().map_or("up", |reason| reason.word());
    assert_eq!(said, reason, "{message}");
    assert!(message.contains(words), "`{words}` is not in `{message}`");
}

async fn check(lines: &str, reason: &str, words: &str) {
    let (server, _seen) = server().await;
    told(&run(&flow(&server, lines)).await, reason, words);
}

/// The same for one step whose lines these are; the secret is used, as every secret must be.
async fn check_step(lines: &str, reason: &str, words: &str) {
    let lines = format!(
        "[[step]]\nname = \"s\"\n{lines}\n[[step]]\nname = \"t\"\nget = \"BASE/echo\"\nheaders = {{ X = \"{{{{secret.key}}}}\" }}\n"
    );
    check(&lines, reason, words).await;
}

#[tokio::test]
async fn bodies_of_every_kind_are_sent_with_their_type() {
    check_step(
        r#"
        post = "BASE/echo?a=1"
        query = { q = "x y&z", r = "ü" }
        form = { user = "a b", pass = "&" }
        expect = ['body startsWith "POST /echo?a=1&q=x+y%26z&r=%C3%BC"', 'body contains "user=a+b&pass=%26"',
                  'body contains "content-type: application/x-www-form-urlencoded"']
    "#,
        "up",
        "",
    )
    .await;
    check_step(r#"
        put = "BASE/echo"
        body = "plain {{base}}"
        headers = { Content-Type = "text/x-own" }
        expect = ['body contains "text/x-own"', 'body contains "plain http://127"', 'body not contains "text/plain"']
    "#, "up", "").await;
    check_step(r#"
        post = "BASE/echo"
        multipart = { note = { text = "hi" }, file = { file = "../Cargo.toml", type = "text/x-toml" } }
        expect = ['body matches /content-type: multipart.form-data; boundary=\w+/', 'body contains "name=\"note\"\r\n\r\nhi\r\n"',
                  'body contains "name=\"file\"; filename=\"Cargo.toml\"\r\nContent-Type: text/x-toml\r\n\r\n[package]"']
    "#, "up", "").await;
}

#[tokio::test]
async fn who_asks_is_said_in_each_way() {
    check_step("get = \"BASE/echo\"\nauth = { basic = { user = \"me\", password = \"{{secret.key}}\" } }\nexpect = ['body contains \"authorization: Basic bWU6czpjcmV0\"']", "up", "").await;
    check_step("get = \"BASE/echo\"\nauth = { bearer = \"{{secret.key}}\" }\nexpect = ['body contains \"authorization: Bearer s:cret\"']", "up", "").await;
    check_step(
        "get = \"BASE/echo\"\nauth = { bearer = \"{{secret.key}}\" }\nexpect = ['regex /authorization: (.*)/ == \"x\"']",
        "assert_failed",
        "Bearer ***",
    )
    .await;
}

#[tokio::test]
async fn a_token_is_got_once_and_never_shown() {
    let (server, seen) = server().await;
    let way = r#"token_url = "BASE/token", client_id = "client", client_secret = "{{secret.key}}", scopes = ["a", "b"], params = { audience = "shop" }"#;
    let lines = format!(
        "[http]\nauth = {{ client_credentials = {{ {way} }} }}\n[[step]]\nname = \"s\"\nget = \"BASE/echo\"\nexpect = ['body contains \"Bearer tok-0\"', 'regex /authorization: (.*)/ == \"x\"']\n"
    );
    let flow = flow(&server, &lines);
    for _ in 0..2 {
        let observation = run(&flow).await;
        told(&observation, "assert_failed", "Bearer ***");
        let shown = format!("{observation:?}");
        assert!(!shown.contains("tok-0") && !shown.contains("again-1"), "{shown}");
    }
    assert_eq!(seen.tokens.load(Ordering::Relaxed), 1);
    let refused = lines.replace("\"client\"", "\"nobody\"");
    let refused = self::flow(&server, &refused);
    told(&run(&refused).await, "auth_failed", "status 401, invalid_client");
}

#[tokio::test]
async fn redirects_are_followed_as_far_as_is_said() {
    check_step(
        "get = \"BASE/to?302=/echo\"\nexpect = ['status == 302', 'redirects == 0']",
        "up",
        "",
    )
    .await;
    check_step("get = \"BASE/to?302=/to?301=/echo\"\nfollow = 5\nexpect = ['status == 200', 'redirects == 2', 'url endsWith \"/echo\"']", "up", "").await;
    check_step(
        "get = \"BASE/to?302=/to?301=/echo\"\nfollow = 1",
        "too_many_redirects",
        "redirect 2 to",
    )
    .await;
    check_step(
        "get = \"BASE/to?302=/round\"\nfollow = 9",
        "redirect_loop",
        "/round → http://127",
    )
    .await;
    check_step("post = \"BASE/to?303=/echo\"\nbody = \"x\"\nfollow = 1\nexpect = ['body startsWith \"GET\"', 'body not contains \"content-type\"']", "up", "").await;
    check_step("post = \"BASE/to?307=/echo\"\nbody = \"kept\"\nfollow = 1\nexpect = ['body startsWith \"POST\"', 'body endsWith \"kept\"']", "up", "").await;
    check_step(
        "get = \"BASE/to?302=ftp://elsewhere/\"\nfollow = 1",
        "http_protocol",
        "ftp://elsewhere/",
    )
    .await;
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_to_another_host() {
    let (one, _seen) = server().await;
    let (two, _seen) = server().await;
    let there = format!("http://127.0.0.1:{}/echo", two.address.port());
    let lines = |to: &str| {
        format!(
            "[[step]]\nname = \"s\"\nget = \"BASE/to?302={to}\"\nfollow = 1\nauth = {{ bearer = \"{{{{secret.key}}}}\" }}\nexpect = ['body contains \"authorization\"']\n"
        )
    };
    told(&run(&flow(&one, &lines("/echo"))).await, "up", "");
    told(&run(&flow(&one, &lines(&there))).await, "assert_failed", "");
}

#[tokio::test]
async fn cookies_and_the_trace_last_as_long_as_the_run() {
    let (server, _seen) = server().await;
    let lines = r#"
        [[step]]
        name = "in"
        get = "BASE/login"
        headers = { X = "{{secret.key}}" }
        [[step]]
        name = "on"
        get = "BASE/echo"
        expect = ['body contains "cookie: session=s3cret\n"']
        save = { trace = { regex = '/traceparent: 00-([0-9a-f]{32})-[0-9a-f]{16}-01/' } }
        [[step]]
        name = "again"
        get = "BASE/echo"
        expect = ['body contains "00-{{trace}}-"']
    "#;
    let observed = run(&flow(&server, lines)).await;
    told(&observed, "up", "");
    assert!(observed.trace_id.is_some_and(|id| id.len() == 32));
    let text = format!(
        "{:?}",
        observed
            .evidence
            .exhibits
            .iter()
            .filter(|e| matches!(e, Exhibit::Request { .. }))
            .collect::<Vec<_>>()
    );
    assert!(!text.contains("s3cret"), "credentials are no evidence: {text}");
    let without = format!("[http]\ncookies = false\ntraceparent = false\n{lines}");
    told(&run(&flow(&server, &without)).await, "assert_failed", "");
}

#[tokio::test]
async fn a_step_is_tried_again_as_often_as_is_said() {
    let (server, seen) = server().await;
    let lines = |times: u32| {
        format!(
            "[[step]]\nname = \"s\"\nget = \"BASE/flaky\"\nheaders = {{ X = \"{{{{secret.key}}}}\" }}\nretry = {{ times = {times}, every = \"10ms\" }}\n"
        )
    };
    let observed = run(&flow(&server, &lines(2))).await;
    assert_eq!(observed.outcome, Outcome::Up { slow: vec![] });
    assert_eq!(observed.readings[0].value, 2.0, "{:?}", observed.readings);
    seen.flaky.store(0, Ordering::Relaxed);
    told(&run(&flow(&server, &lines(1))).await, "http_status", "status 503");
}

#[tokio::test]
async fn a_replay_must_have_the_same_answer() {
    check_step(
        "post = \"BASE/count\"\nreplay = { same = [\"status\", \"json $.id\"] }",
        "up",
        "",
    )
    .await;
    check_step(
        "post = \"BASE/count\"\nreplay = true",
        "replay_mismatch",
        "`body` was",
    )
    .await;
    check_step(
        "post = \"BASE/count\"\nreplay = { same = [\"json $.n\"] }",
        "replay_mismatch",
        "`json $.n` was 0, then 1",
    )
    .await;
}
