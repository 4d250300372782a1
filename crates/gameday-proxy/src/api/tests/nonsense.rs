//! Bodies that nobody would send: every one gets an answer that the document knows, and the server goes on.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};

use super::*;
use crate::api::openapi::document;
use crate::api::table::ROWS;

const ROUNDS: usize = 3000;

const FIELDS: [&str; 30] = [
    "name",
    "listen",
    "upstream",
    "enabled",
    "type",
    "stream",
    "toxicity",
    "attributes",
    "latency",
    "jitter",
    "rate",
    "timeout",
    "delay",
    "average_size",
    "size_variation",
    "bytes",
    "scope",
    "clients",
    "first",
    "seed",
    "protocol",
    "tls",
    "terminate",
    "ttl_ms",
    "proxy",
    "toxic",
    "NAME",
    "Toxics",
    "every",
    "",
];

const TEXTS: [&str; 22] = [
    "",
    "a",
    "b",
    "a/b",
    "\u{0}",
    "ü\u{202e}",
    "127.0.0.1:0",
    "localhost:0",
    "nonsense",
    "127.0.0.1:99999",
    "latency",
    "bandwidth",
    "slicer",
    "limit_data",
    "timeout",
    "http",
    "accept",
    "udp",
    "upstream",
    "SIDEWAYS",
    "200ms",
    "10.0.0.0/8",
];

fn value(rng: &mut StdRng, depth: usize) -> Value {
    let kinds = if depth == 0 { 6 } else { 9 };
    match rng.random_range(0..kinds) {
        0 => Value::Null,
        1 => json!(rng.random::<bool>()),
        2 => json!([0, 1, -1, i64::MAX, i64::MIN][rng.random_range(0..5)]),
        3 => json!([0.5, -0.0, 1e308, 1.5, f64::MIN_POSITIVE][rng.random_range(0..5)]),
        4 => json!(u64::MAX),
        5 => json!(TEXTS[rng.random_range(0..TEXTS.len())]),
        6 => (0..rng.random_range(0..3))
            .map(|_| value(rng, depth - 1))
            .collect(),
        _ => object(rng, depth),
    }
}

fn object(rng: &mut StdRng, depth: usize) -> Value {
    let fields = rng.random_range(0..8);
    let pairs = (0..fields).map(|_| {
        let field = FIELDS[rng.random_range(0..FIELDS.len())].to_owned();
        (field, value(rng, depth.saturating_sub(1)))
    });
    Value::Object(pairs.collect::<Map<String, Value>>())
}

/// A body that a route takes.
fn good(schema: &str) -> Value {
    let toxic = json!({ "type": "latency", "name": "b", "stream": "upstream", "toxicity": 0.5, "attributes": { "latency": 5 } });
    let proxy = json!({ "name": "a", "listen": "127.0.0.1:0", "upstream": "db:1", "enabled": true });
    match schema {
        "Population" => json!([proxy]),
        "Renewal" => json!({ "ttl_ms": 60_000 }),
        "NewFault" => {
            json!({ "name": "b", "proxy": "a", "toxic": { "type": "timeout", "attributes": { "timeout": 1 } } })
        }
        _ if schema.contains("Toxic") => toxic,
        _ => proxy,
    }
}

/// Puts something else into one place of it.
fn spoil(rng: &mut StdRng, whole: &mut Value) {
    match whole {
        Value::Object(fields) if !fields.is_empty() && rng.random_range(0..4) > 0 => {
            let chosen = rng.random_range(0..fields.len());
            if let Some((_, value)) = fields.iter_mut().nth(chosen) {
                spoil(rng, value);
            }
        }
        Value::Object(fields) => {
            let field = FIELDS[rng.random_range(0..FIELDS.len())].to_owned();
            fields.insert(field, value(rng, 1));
        }
        Value::Array(items) if !items.is_empty() => spoil(rng, &mut items[0]),
        _ => *whole = value(rng, 1),
    }
}

/// A body: mostly one that is nearly right, now and then not even JSON.
fn body(rng: &mut StdRng, schema: &str) -> String {
    match rng.random_range(0..16) {
        0 => "[".repeat(200),
        1 => String::new(),
        2 => object(rng, 2).to_string().chars().rev().collect(),
        3 => value(rng, 3).to_string(),
        4 => object(rng, 3).to_string(),
        _ => {
            let mut body = good(schema);
            for _ in 0..rng.random_range(0..3) {
                spoil(rng, &mut body);
            }
            body.to_string()
        }
    }
}

#[tokio::test]
async fn nonsense_gets_an_answer_that_the_document_knows() {
    let (api, _tasks) = server().await;
    let document = document();
    let mut rng = StdRng::seed_from_u64(42);
    for round in 0..ROUNDS {
        if round % 40 == 0 {
            for line in [
                r#"POST /proxies {"name":"a","upstream":"db:1","listen":"127.0.0.1:0"}"#,
                r#"POST /proxies/a/toxics {"type":"latency","name":"b"}"#,
                r#"PUT /v1/leases/a {"ttl_ms":60000}"#,
            ] {
                ask(api, line, "").await;
            }
        }
        let row = &ROWS[rng.random_range(0..ROWS.len())];
        // A stream has no end to be waited for, and what is there should stay for most of the time.
        if row.path == "/v1/events" || (row.method == "DELETE" && round % 10 > 0) {
            continue;
        }
        let path = row.path.replace("{toxic}", "b").replace("{fault}", "b");
        let path = path.replace("{proxy}", "a").replace("{owner}", "a");
        let body = body(&mut rng, row.takes.unwrap_or_default());
        let answer = ask(api, &format!("{} {path} {body}", row.method), "").await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        let known = &document["paths"][row.path][row.method.to_ascii_lowercase()]["responses"];
        assert!(
            known.get(status).is_some(),
            "{} {path} {body}: {answer}",
            row.method
        );
    }
    assert!(ask(api, "GET /proxies", "").await.starts_with("HTTP/1.1 200"));
}
