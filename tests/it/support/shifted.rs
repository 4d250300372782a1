//! A Prometheus or an Alertmanager whose clock is off: a proxy before the real one that shifts every time it tells.
//!
//! A static Go binary asks the kernel for its time and not a library, so nothing can be put under it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::http::{ask, serve_with_head};

/// How far a clock is off, in milliseconds; may be stepped while it runs.
#[derive(Clone, Default)]
pub(crate) struct Shift(Arc<AtomicI64>);

impl Shift {
    pub(crate) fn by(ms: i64) -> Self {
        Self(Arc::new(AtomicI64::new(ms)))
    }

    pub(crate) fn step_to(&self, ms: i64) {
        self.0.store(ms, Ordering::SeqCst);
    }

    fn ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Whose clock a time in an answer is.
#[derive(Clone)]
pub(crate) struct Clocks {
    /// Prometheus': of rules, samples and alerts.
    pub(crate) prometheus: Shift,
    /// Alertmanager's own: its `Date` and `updatedAt`.
    pub(crate) alertmanager: Shift,
}

/// Stands before a Prometheus.
pub(crate) fn prometheus(real: SocketAddr, clocks: &Clocks) -> SocketAddr {
    let clocks = clocks.clone();
    serve_with_head(move |arrival| {
        let answer = ask("GET", &format!("http://{real}{}", arrival.path), &[], "").unwrap();
        let shift = clocks.prometheus.ms();
        let body = match serde_json::from_str::<Value>(&answer.body) {
            Ok(mut json) => {
                shift_all(&mut json, shift, &|_| true);
                json.to_string()
            }
            Err(_) => answer.body,
        };
        (answer.status, String::new(), body)
    })
}

/// Stands before an Alertmanager; `startsAt` and `endsAt` are Prometheus' times, which it hands on.
pub(crate) fn alertmanager(real: SocketAddr, clocks: &Clocks) -> SocketAddr {
    let clocks = clocks.clone();
    serve_with_head(move |arrival| {
        let answer = ask("GET", &format!("http://{real}{}", arrival.path), &[], "").unwrap();
        let (theirs, own) = (clocks.prometheus.ms(), clocks.alertmanager.ms());
        let body = match serde_json::from_str::<Value>(&answer.body) {
            Ok(mut json) => {
                shift_all(&mut json, theirs, &|key| key == "startsAt" || key == "endsAt");
                shift_all(&mut json, own, &|key| key == "updatedAt");
                json.to_string()
            }
            Err(_) => answer.body,
        };
        let now = Timestamp::now() + Duration::from_millis(own.unsigned_abs());
        let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT");
        assert!(own >= 0, "tests set it ahead");
        (answer.status, format!("Date: {date}\r\n"), body)
    })
}

/// Stands before gameday's receiver.
pub(crate) fn webhook(ours: SocketAddr, clocks: &Clocks) -> SocketAddr {
    let clocks = clocks.clone();
    serve_with_head(move |arrival| {
        let mut json: Value = serde_json::from_str(&arrival.body).unwrap();
        let theirs = clocks.prometheus.ms();
        shift_all(&mut json, theirs, &|key| key == "startsAt" || key == "endsAt");
        let url = format!("http://{ours}{}", arrival.path);
        let headers = [("Content-Type", "application/json")];
        let answer = ask("POST", &url, &headers, &json.to_string());
        (
            answer.map_or(503, |answer| answer.status),
            String::new(),
            String::new(),
        )
    })
}

/// Shifts texts that are times, and samples, of keys that are meant.
fn shift_all(value: &mut Value, ms: i64, meant: &dyn Fn(&str) -> bool) {
    shift_at("", value, ms, meant);
}

fn shift_at(key: &str, value: &mut Value, ms: i64, meant: &dyn Fn(&str) -> bool) {
    match value {
        Value::String(text) if meant(key) && !text.starts_with("0001") => {
            if let Ok(time) = text.parse::<Timestamp>() {
                let shifted = time.as_nanosecond() + i128::from(ms) * 1_000_000;
                *text = Timestamp::from_nanosecond(shifted).unwrap().to_string();
            }
        }
        Value::Array(items) if is_sample(items) && meant(key) => shift_sample(items, ms),
        Value::Array(items) => items.iter_mut().for_each(|item| shift_at(key, item, ms, meant)),
        Value::Object(fields) => fields
            .iter_mut()
            .for_each(|(key, item)| shift_at(key, item, ms, meant)),
        _ => {}
    }
}

/// `[seconds, "value"]`, and so is `time()` itself, whose value is a time as well.
fn is_sample(items: &[Value]) -> bool {
    matches!(items, [Value::Number(_), Value::String(_)])
}

fn shift_sample(items: &mut [Value], ms: i64) {
    #[expect(clippy::cast_precision_loss, reason = "a shift of seconds")]
    let seconds = ms as f64 / 1000.0;
    let at = items[0].as_f64().unwrap();
    let value: f64 = items[1].as_str().unwrap().parse().unwrap_or(0.0);
    // A value that is the time itself is that of `time()` or `timestamp()`.
    if (value - at).abs() < 120.0 {
        items[1] = Value::String(format!("{:.3}", value + seconds));
    }
    items[0] = serde_json::json!(((at + seconds) * 1000.0).round() / 1000.0);
}
