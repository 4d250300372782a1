//! The API over a real embedded ledger, with a wire between them that can be counted and cut.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::*;
use crate::ledger;

/// An API with its ledger; everything ends with it.
struct Bench {
    base: String,
    http: reqwest::Client,
    token: String,
    /// Packets the ledger has answered with since the pool was filled: one for a round trip.
    answers: Arc<AtomicUsize>,
    wires: Arc<std::sync::Mutex<JoinSet<()>>>,
    /// Aborted, the payment service provider is gone.
    provider: tokio::task::AbortHandle,
    /// Aborted, the cache is gone.
    cache: tokio::task::AbortHandle,
    _tasks: JoinSet<()>,
    /// Of the ledger's data.
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn start() -> Bench {
        let mut tasks = JoinSet::new();
        let ports = crate::ports::free::<1>().unwrap();
        let [ledger_at] = ports.addresses;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("ledger.db");
        tasks.spawn(async move {
            ledger::run(ledger::LedgerSettings {
                parent: 0,
                listen: ledger_at,
                data,
            })
            .await
            .unwrap();
        });
        let (answers, wires) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(std::sync::Mutex::new(JoinSet::new())),
        );
        let wire = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire_at = wire.local_addr().unwrap();
        let (counted, held) = (Arc::clone(&answers), Arc::clone(&wires));
        tasks.spawn(async move {
            while let Ok((client, _)) = wire.accept().await {
                held.lock()
                    .unwrap()
                    .spawn(pass(client, ledger_at, Arc::clone(&counted)));
            }
        });
        let pool = Arc::new(Pool::default());
        tasks.spawn({
            let pool = Arc::clone(&pool);
            async move { pool.keep_open::<()>(wire_at, 4).await.unwrap() }
        });
        let provider = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let psp = Psp::at(provider.local_addr().unwrap()).unwrap();
        let answering = tasks.spawn(async move { crate::psp::serve(provider).await.unwrap() });
        let cache = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let cache_at = cache.local_addr().unwrap();
        let caching = tasks.spawn(crate::cache::serve(cache));
        let (metrics, tokens) = (Metrics::new(), Tokens::default());
        let shared = Shared {
            pool: Arc::clone(&pool),
            cache: Cache::at(cache_at),
            psp,
            metrics,
            tokens,
            password: "secret".into(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tasks.spawn(async move { axum::serve(listener, router(Arc::new(shared))).await.unwrap() });
        let http = crate::http::client(Duration::from_secs(5)).unwrap();
        let mut bench = Bench {
            base,
            http,
            token: String::new(),
            answers,
            wires,
            provider: answering,
            cache: caching,
            _tasks: tasks,
            _folder: folder,
        };
        bench.wait_for_connections(&pool).await;
        let (_, answer) = bench
            .send(bench.post("/login", json!({"user": "canary", "password": "secret"})))
            .await;
        bench.token = answer["token"].as_str().unwrap().to_owned();
        bench.answers.store(0, Ordering::SeqCst);
        bench
    }

    async fn wait_for_connections(&self, pool: &Pool) {
        let full = async {
            while pool.idle_and_open() != (4, 4) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(10), full)
            .await
            .expect("the pool fills");
    }

    fn post(&self, path: &str, body: Value) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.base)).json(&body)
    }

    fn pay(&self, key: &str) -> RequestBuilder {
        self.post("/payments", json!({"amount": 100, "currency": "EUR"}))
            .bearer_auth(&self.token)
            .header("Idempotency-Key", key)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.http
            .get(format!("{}{path}", self.base))
            .bearer_auth(&self.token)
    }

    async fn send(&self, request: RequestBuilder) -> (StatusCode, Value) {
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    fn round_trips(&self) -> usize {
        self.answers.swap(0, Ordering::SeqCst)
    }
}

async fn pass(mut client: TcpStream, ledger: SocketAddr, answers: Arc<AtomicUsize>) {
    let mut ledger = TcpStream::connect(ledger).await.unwrap();
    let (mut up, mut down) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => match read {
                Ok(n) if n > 0 => ledger.write_all(&up[..n]).await.unwrap(),
                _ => return,
            },
            read = ledger.read(&mut down) => match read {
                Ok(n) if n > 0 => {
                    answers.fetch_add(1, Ordering::SeqCst);
                    client.write_all(&down[..n]).await.unwrap();
                }
                _ => return,
            },
        }
    }
}

#[tokio::test]
async fn a_payment_takes_exactly_three_round_trips_and_is_settled() {
    let bench = Bench::start().await;
    let (status, paid) = bench.send(bench.pay("key-1")).await;
    assert_eq!(status, StatusCode::CREATED, "{paid}");
    assert_eq!(bench.round_trips(), 3);
    let id = paid["id"].as_str().unwrap();
    assert!(id.starts_with("pay_"));

    let (status, found) = bench.send(bench.get(&format!("/payments/{id}"))).await;
    assert_eq!(
        (status, &found["state"], &found["amount"]),
        (StatusCode::OK, &json!("settled"), &json!(100))
    );
    assert_eq!(bench.round_trips(), 1);

    let (status, again) = bench.send(bench.pay("key-1")).await;
    assert_eq!((status, &again["id"]), (StatusCode::OK, &paid["id"]));

    let delete = bench
        .http
        .delete(format!("{}/payments/{id}", bench.base))
        .bearer_auth(&bench.token);
    assert_eq!(bench.send(delete).await.0, StatusCode::NO_CONTENT);
    assert_eq!(
        bench.send(bench.get(&format!("/payments/{id}"))).await.0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn what_is_not_allowed_or_not_sound_is_refused_in_json() {
    let bench = Bench::start().await;
    let wrong = bench.post("/login", json!({"user": "canary", "password": "guess"}));
    assert_eq!(bench.send(wrong).await.0, StatusCode::UNAUTHORIZED);
    let stranger = bench
        .post("/payments", json!({"amount": 1, "currency": "EUR"}))
        .bearer_auth("tok_x");
    assert_eq!(bench.send(stranger).await.0, StatusCode::UNAUTHORIZED);
    let injection = bench.send(bench.pay("x' OR '1'='1")).await;
    assert_eq!(
        (injection.0, &injection.1["error"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_request"))
    );
    let huge = bench.post("/payments", json!({"amount": 0, "currency": "EUR"}));
    let huge = huge.bearer_auth(&bench.token).header("Idempotency-Key", "k");
    assert_eq!(bench.send(huge).await.0, StatusCode::BAD_REQUEST);
    let id = "/payments/pay_'; DROP TABLE payments";
    assert_eq!(bench.send(bench.get(id)).await.0, StatusCode::NOT_FOUND);
    assert_eq!(bench.send(bench.get("/elsewhere")).await.0, StatusCode::NOT_FOUND);
    // None of these has reached the ledger.
    assert_eq!(bench.round_trips(), 0);
}

#[tokio::test]
async fn broken_connections_are_replaced() {
    let bench = Bench::start().await;
    bench.wires.lock().unwrap().abort_all();
    let served = async {
        while bench.send(bench.pay("after")).await.0 != StatusCode::CREATED {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(10), served)
        .await
        .expect("the pool heals");
}

#[tokio::test]
async fn requests_are_measured_by_method_route_and_code() {
    let bench = Bench::start().await;
    bench.send(bench.pay("key-1")).await;
    bench.send(bench.get("/payments/nobody")).await;
    let (_, text) = bench.send(bench.get("/metrics")).await;
    let text = text.as_str().unwrap();
    for line in [
        r#"http_requests_total{code="201",method="POST",route="/payments"} 1"#,
        r#"http_requests_total{code="503",method="POST",route="/payments"} 0"#,
        r#"http_requests_total{code="404",method="GET",route="/payments/{id}"} 1"#,
        r#"http_request_duration_seconds_bucket{method="POST",route="/payments",le="5"} 1"#,
        r#"db_pool_connections{state="idle"} 4"#,
        "http_requests_in_flight 0",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("/metrics"));
}

#[tokio::test]
async fn a_provider_that_is_gone_fails_payments_and_is_counted() {
    let bench = Bench::start().await;
    bench.provider.abort();
    // What was listening is closed when the aborted task has been dropped.
    sleep(Duration::from_millis(50)).await;
    let (status, answer) = bench.send(bench.pay("gone")).await;
    assert_eq!(
        (status, answer["error"].as_str()),
        (StatusCode::BAD_GATEWAY, Some("psp_error")),
        "{answer}"
    );
    let metrics = bench
        .http
        .get(format!("{}/metrics", bench.base))
        .send()
        .await
        .unwrap();
    let text = metrics.text().await.unwrap();
    assert!(
        text.contains("psp_requests_total{outcome=\"unreachable\"} 1"),
        "{text}"
    );
    assert!(
        text.contains("code=\"502\",method=\"POST\",route=\"/payments\"} 1"),
        "{text}"
    );
}

#[tokio::test]
async fn a_payment_is_looked_up_in_the_ledger_once_and_again_when_the_cache_is_gone() {
    let bench = Bench::start().await;
    let (_, paid) = bench.send(bench.pay("cached")).await;
    let path = format!("/payments/{}", paid["id"].as_str().unwrap());
    bench.round_trips();
    let (_, first) = bench.send(bench.get(&path)).await;
    let (_, second) = bench.send(bench.get(&path)).await;
    assert_eq!(
        (first, bench.round_trips()),
        (second.clone(), 1),
        "the second look is a hit"
    );

    bench.cache.abort();
    sleep(Duration::from_millis(50)).await;
    let (status, third) = bench.send(bench.get(&path)).await;
    assert_eq!((status, third, bench.round_trips()), (StatusCode::OK, second, 1));
    let (_, metrics) = bench
        .send(bench.http.get(format!("{}/metrics", bench.base)))
        .await;
    for line in ["hit\"} 1", "miss\"} 1", "error\"} 1"] {
        let line = format!("cache_requests_total{{result=\"{line}");
        assert!(
            metrics.as_str().unwrap().contains(&line),
            "{line} is not in\n{metrics}"
        );
    }
}

#[tokio::test]
async fn a_payment_that_was_taken_back_is_in_no_cache() {
    let bench = Bench::start().await;
    let (_, paid) = bench.send(bench.pay("back")).await;
    let path = format!("/payments/{}", paid["id"].as_str().unwrap());
    bench.send(bench.get(&path)).await;
    let delete = bench.http.delete(format!("{}{path}", bench.base));
    assert_eq!(bench.send(delete).await.0, StatusCode::NO_CONTENT);
    assert_eq!(bench.send(bench.get(&path)).await.0, StatusCode::NOT_FOUND);
}
