//! Load that does not end, toxics that come and go, connections that open and close: no growth, and every byte accounted for.
//!
//! `just soak 30` runs it for half an hour; the tests for 20 seconds.

mod load;
mod usage;

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::proxy::{Proxy, echo};
use crate::support::{Sandbox, wait_for};
use load::{Done, Load};
use usage::Usage;

/// Toxics that keep every byte; `{i}` is any number, so that the same one is never there twice.
const KEEPING: [(&str, &str); 6] = [
    ("latency", r#"{"latency": 15, "jitter": 15}"#),
    (
        "latency",
        r#"{"latency": 5, "jitter": 4, "distribution": "normal"}"#,
    ),
    ("bandwidth", r#"{"rate": 3000}"#),
    (
        "slicer",
        r#"{"average_size": 500, "size_variation": 300, "delay": 20}"#,
    ),
    ("slow_close", r#"{"delay": 20}"#),
    ("noop", "{}"),
];
/// Toxics that cut, lose or change.
const CUTTING: [(&str, &str); 6] = [
    ("reset_peer", r#"{"timeout": 20}"#),
    ("limit_data", r#"{"bytes": 3000}"#),
    ("limit_time", r#"{"after": "30ms"}"#),
    ("timeout", r#"{"timeout": 40}"#),
    ("corrupt", r#"{"share": "5%"}"#),
    ("accept", r#"{"mode": "refuse"}"#),
];
const HTTP: [(&str, &str); 5] = [
    ("http", r#"{"share": "50%", "status": 503, "retry_after": "1s"}"#),
    ("http", r#"{"delay": "10ms", "jitter": "5ms"}"#),
    ("http", r#"{"share": "30%", "abort": "reset"}"#),
    ("http", r#"{"truncate": "100B"}"#),
    ("latency", r#"{"latency": 5}"#),
];
const DATAGRAMS: [(&str, &str); 4] = [
    ("packet_loss", r#"{"share": "20%"}"#),
    ("duplicate", r#"{"share": "20%"}"#),
    ("reorder", r#"{"share": "20%", "delay": "5ms"}"#),
    ("latency", r#"{"latency": 10, "jitter": 5}"#),
];
const REDIS: [(&str, &str); 3] = [
    ("redis", r#"{"share": "50%", "nil": true}"#),
    ("redis", r#"{"share": "30%", "error": "LOADING"}"#),
    ("redis", r#"{"share": "10%", "delay": "2ms", "jitter": "1ms"}"#),
];

/// A proxy's name, its protocol, and the kinds and attributes of its toxics.
type Target = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// The proxies, and what may be done to each.
const PROXIES: [Target; 5] = [
    ("kept", "tcp", &KEEPING),
    ("cut", "tcp", &CUTTING),
    ("http", "http", &HTTP),
    ("udp", "udp", &DATAGRAMS),
    ("redis", "redis", &REDIS),
];

#[test]
fn nothing_grows_and_every_byte_is_accounted_for() {
    let minutes = std::env::var("GAMEDAY_SOAK_MINUTES")
        .ok()
        .map(|text| text.parse::<f64>().unwrap());
    let lasts = Duration::from_secs_f64(minutes.map_or(20.0, |minutes| minutes * 60.0));
    let proxy = Proxy::start(&[], Sandbox::new());
    let upstreams = [echo(), echo(), load::web(), load::udp_echo(), load::cache()];
    let doors: Vec<SocketAddr> = PROXIES
        .iter()
        .zip(upstreams)
        .map(|((name, protocol, _), upstream)| create(&proxy, name, protocol, upstream))
        .collect();

    let load = Load::start(&doors);
    let began = Instant::now();
    let mut curve = Vec::new();
    let mut number = 0_usize;
    while began.elapsed() < lasts {
        disturb(&proxy, number);
        number += 1;
        if number.is_multiple_of(50) {
            curve.push(Usage::of(proxy.pid()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    for (name, ..) in PROXIES {
        take_all_away(&proxy, name);
    }
    let done = load.stop();
    usage::tell(&curve);
    println!("{number} toxics came and went; {done:?}");
    usage::refuse_growth(&curve);
    account_for(&proxy, &done);
}

fn create(proxy: &Proxy, name: &str, protocol: &str, upstream: SocketAddr) -> SocketAddr {
    let mut new = json!({
        "name": name, "listen": "127.0.0.1:0", "upstream": upstream.to_string(), "protocol": protocol,
    });
    if protocol == "udp" {
        new["udp"] = json!({ "idle": "2s" });
    }
    let created = proxy.ask("POST", "/v1/proxies", &new);
    assert_eq!(created.status, 201, "{}", created.body);
    created.json()["listen"].as_str().unwrap().parse().unwrap()
}

/// Another toxic on one of the proxies, upstream or downstream; the one of four rounds ago goes.
fn disturb(proxy: &Proxy, number: usize) {
    let (name, _, kinds) = PROXIES[number % PROXIES.len()];
    let round = number / PROXIES.len();
    let (kind, attributes) = kinds[round * 7 % kinds.len()];
    let stream = if round.is_multiple_of(2) {
        "downstream"
    } else {
        "upstream"
    };
    let toxic = json!({
        "type": kind, "name": format!("t{round}"), "stream": stream, "toxicity": 0.7,
        "attributes": serde_json::from_str::<Value>(attributes).unwrap(),
    });
    let added = proxy.ask("POST", &format!("/proxies/{name}/toxics"), &toxic);
    assert_eq!(added.status, 200, "{}", added.body);
    if let Some(old) = round.checked_sub(4) {
        let gone = proxy.ask("DELETE", &format!("/proxies/{name}/toxics/t{old}"), &Value::Null);
        assert_eq!(gone.status, 204, "{}", gone.body);
    }
}

fn take_all_away(proxy: &Proxy, name: &str) {
    let path = format!("/proxies/{name}/toxics");
    for toxic in proxy.ask("GET", &path, &Value::Null).json().as_array().unwrap() {
        let name = toxic["name"].as_str().unwrap();
        assert_eq!(
            proxy
                .ask("DELETE", &format!("{path}/{name}"), &Value::Null)
                .status,
            204
        );
    }
}

/// What the clients have sent and got is what the proxy says it has passed, and no connection is left.
fn account_for(proxy: &Proxy, done: &Done) {
    let detail = |name: &str| {
        proxy
            .ask("GET", &format!("/v1/proxies/{name}"), &Value::Null)
            .json()
    };
    for (name, ..) in PROXIES {
        wait_for("its connections to end", Duration::from_secs(20), || {
            (detail(name)["connections"]["open"] == 0).then_some(())
        });
    }
    let kept = &detail("kept")["bytes"];
    let clients = done.kept.load(Ordering::SeqCst);
    assert!(clients > 0 && done.wrong.load(Ordering::SeqCst) == 0, "{done:?}");
    assert_eq!(
        (&kept["upstream"], &kept["downstream"]),
        (&json!(clients), &json!(clients))
    );
    let others = [&done.answers, &done.datagrams, &done.replies];
    assert!(
        others.iter().all(|count| count.load(Ordering::SeqCst) > 0),
        "{done:?}"
    );
}
