//! A journal of a drill as long and as busy as is asked for, made without a drill: for what reads journals.
//!
//! A fault slows a service down between a fifth and seven tenths of the drill; one alert tells of it, people say
//! something, and every thousandth look fails. Made of JSON, as another program would, not of the types that read it.

use std::io::{self, Write};

use gameday_core::Timestamp;
use serde_json::{Value, json};

/// 2026-11-22T10:00:00Z.
const START_US: i64 = 1_795_341_600_000_000;

/// How long and how busy a drill was, and what strangers call things in it.
#[derive(Debug, Clone)]
pub(crate) struct Drill {
    /// Seconds; each probe looks once a second from each region.
    pub(crate) seconds: u64,
    pub(crate) probes: u64,
    pub(crate) regions: u64,
    /// Stands in labels, messages, notes, receivers and details.
    pub(crate) text: String,
}

impl Drill {
    /// Writes the journal, a line for each event.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<u64> {
        let mut lines = self.lines();
        lines.sort_by_key(|(us, ..)| *us);
        let count = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        for (seq, (us, region, kind)) in lines.into_iter().enumerate() {
            let event = json!({ "seq": seq, "at_us": us, "time": time(us), "region": region, "kind": kind });
            writeln!(out, "{event}")?;
        }
        Ok(count)
    }

    fn lines(&self) -> Vec<(u64, String, Value)> {
        let mut lines = Vec::new();
        let mut at = |us: u64, kind: Value| lines.push((us, "local".to_owned(), kind));
        at(0, json!({ "drill_started": self.started() }));
        at(1_000, json!({ "stage_entered": "preflight" }));
        at(
            2_000,
            json!({ "checked": { "name": "target db", "ok": true, "detail": self.text } }),
        );
        at(3_000, json!({ "stage_entered": "steady" }));
        self.fault(&mut at);
        self.alert(&mut at);
        for second in 1..self.seconds {
            self.steady(second, &mut at);
        }
        self.looks(&mut lines);
        lines
    }

    /// When the fault is ordered, and when it is removed.
    fn fault_us(&self) -> (u64, u64) {
        (self.seconds * 200_000, self.seconds * 700_000)
    }

    fn started(&self) -> Value {
        let probes: Vec<Value> = (0..self.probes)
            .map(|index| {
                let regions: Vec<String> = (0..self.regions).map(region).collect();
                json!({ "name": probe(index), "regions": regions, "steps": ["login", "pay"], "every_ms": 1000,
                    "timeout_ms": 5000, "slo_p95_ms": 250, "slo_success": 0.999, "slo_window_ms": 2_592_000_000_u64 })
            })
            .collect();
        let (from, to) = self.fault_us();
        json!({ "schema": 1, "version": "0.1.0", "drill": "made-20261122T100000Z", "scenario": "made", "lab": null, "plan": {
            "title": format!("Payments DB slowed down {}", self.text), "hypothesis": "it pages", "runbook": "https://runbooks.example/db",
            "vars": { "note": self.text }, "targets": [{ "name": "db", "kind": "proxy", "detail": self.text }], "probes": probes,
            "observe": { "prometheus": "http://127.0.0.1:9090", "alertmanager": [], "webhook": "http://127.0.0.1:9094/" },
            "steady": [
                { "name": "fast", "text": "p95 <= 250ms for 10s", "limit": 250.0, "unit": "ms", "at_most": true, "window_ms": 10000 },
                { "name": "works", "text": "success >= 95% for 10s", "limit": 0.95, "unit": "ratio", "at_most": false, "window_ms": 10000 }],
            "timeline": [{ "name": "slow", "on": "db", "kind": "latency", "detail": self.text, "at_ms": 0, "hold_ms": (to - from) / 1000 }],
            "expect": [{ "label": "Slow", "alert": "Slow", "of": "slow", "job": null, "firing_ms": 60000, "notified_ms": 90000,
                "resolved_ms": 90000, "labels": {}, "receiver": null }],
            "guard": { "abort_if": ["checkout < 50% for 15s"], "max_duration_ms": 7_200_000, "lease_ms": 15000 },
            "recover_within_ms": 60000 } })
    }

    fn fault(&self, at: &mut dyn FnMut(u64, Value)) {
        let (from, to) = self.fault_us();
        at(from - 2_000, json!({ "stage_entered": "inject" }));
        at(from, json!({ "fault_ordered": { "fault": "slow", "undo": {} } }));
        at(from + 3_000, json!({ "fault_injected": { "fault": "slow" } }));
        at(
            from + 900_000,
            json!({ "fault_touched": { "fault": "slow", "touched": 1204, "first_touched": time(from + 30_000), "source": "proxy.db" } }),
        );
        at(
            to,
            json!({ "fault_removed": { "fault": "slow", "how": "removed" } }),
        );
        at(to + 1_000, json!({ "stage_entered": "verify" }));
        at(
            to + 900_000,
            json!({ "rollback_checked": { "verified": true, "details": [self.text] } }),
        );
        at(to + 901_000, json!({ "stage_entered": "recover" }));
        at(self.seconds * 1_000_000, json!({ "drill_ended": "completed" }));
    }

    fn alert(&self, at: &mut dyn FnMut(u64, Value)) {
        let (from, to) = self.fault_us();
        let (active, fired, told) = (from + 2_000_000, from + 7_000_000, from + 9_000_000);
        let (off, resolved) = (to + 3_000_000, to + 5_000_000);
        let labels = json!({ "alertname": "Slow", "instance": self.text, "severity": "page" });
        let annotations =
            json!({ "summary": self.text, "runbook_url": format!("javascript:alert(1)//{}", self.text) });
        at(
            5_000,
            json!({ "rule_seen": { "alert": "Slow", "query": "histogram_quantile(0.95, rate(x[30s])) > 0.25", "interval_ms": 1000,
            "for_ms": 5000, "labels": {}, "annotations": annotations } }),
        );
        for (us, state) in [
            (active + 300_000, "pending"),
            (fired + 300_000, "firing"),
            (off + 300_000, "gone"),
        ] {
            at(
                us,
                json!({ "alert_seen": { "source": "prometheus", "alert": "Slow", "labels": labels, "annotations": annotations, "state": state,
                "fingerprint": null, "active_at": time(active), "starts_at": null, "updated_at": null, "receivers": [], "suppressed_by": [] } }),
            );
        }
        at(
            active + 400_000,
            json!({ "alert_seen": { "source": "prometheus", "alert": format!("Other{}", self.text), "labels": labels, "annotations": annotations,
            "state": "firing", "fingerprint": null, "active_at": time(active), "starts_at": null, "updated_at": null, "receivers": [], "suppressed_by": [] } }),
        );
        for (us, status) in [(told, "firing"), (resolved, "resolved")] {
            let ends = (status == "resolved").then(|| time(off));
            at(
                us + 1_000,
                json!({ "notified": { "arrived": time(us), "receiver": format!("oncall{}", self.text), "status": status, "group_key": self.text,
                "truncated_alerts": 0, "alerts": [{ "status": status, "alert": "Slow", "labels": labels, "annotations": annotations,
                "fingerprint": "a1b2", "starts_at": time(fired), "ends_at": ends }] } }),
            );
        }
        at(
            told + 4_000_000,
            json!({ "acknowledged": { "who": format!("ada {}", self.text), "alert": "Slow" } }),
        );
        at(
            told + 5_000_000,
            json!({ "noted": { "who": "ada", "text": format!("looks like the database {}", self.text) } }),
        );
        let ticks = |from: u64, to: u64| -> Vec<Value> {
            (from..to)
                .step_by(1_000_000)
                .map(|us| json!([time(us), 1.0]))
                .collect()
        };
        let series = |name: &str, state: Option<&str>, samples: Vec<Value>| {
            let mut labels = labels.clone();
            labels["__name__"] = name.into();
            if let Some(state) = state {
                labels["alertstate"] = state.into();
            }
            json!({ "labels": labels, "samples": samples })
        };
        at(
            self.seconds * 1_000_000 - 1_000,
            json!({ "raw_samples": { "source": "prometheus", "selector": "ALERTS{alertname=\"Slow\"}[1h]", "series": [
            series("ALERTS", Some("pending"), ticks(active, fired)), series("ALERTS", Some("firing"), ticks(fired, off))] } }),
        );
    }

    fn steady(&self, second: u64, at: &mut dyn FnMut(u64, Value)) {
        let (from, to) = self.fault_us();
        let slow = (from..to).contains(&(second * 1_000_000));
        let wobble = second * 7_919 % 83;
        let p95 = if slow { 700 + wobble } else { 60 + wobble / 3 };
        let base = json!({ "up": 20, "down": 0, "unknown": 0 });
        for (name, value, holds) in [("fast", json!(p95), p95 <= 250), ("works", json!(1.0), true)] {
            let mut one = base.clone();
            one["name"] = name.into();
            one["value"] = value;
            one["holds"] = holds.into();
            at(second * 1_000_000, json!({ "steady_evaluated": one }));
        }
    }

    fn looks(&self, lines: &mut Vec<(u64, String, Value)>) {
        let (from, to) = self.fault_us();
        for second in 0..self.seconds - 1 {
            for lane in 0..self.probes * self.regions {
                let intended = second * 1_000_000 + lane * 7_000 % 900_000;
                let slow = (from..to).contains(&intended);
                let total_us = 50_000 + second * 7_919 % 23_000 + if slow { 600_000 } else { 0 };
                let failed = (second * 31 + lane * 17) % 1_000 == 99;
                let (outcome, message) = match (failed, slow) {
                    (true, _) => (
                        json!({ "down": "http_status" }),
                        json!(format!("status 500: {}", self.text)),
                    ),
                    (false, true) => (json!({ "up": { "slow": ["pay"] } }), Value::Null),
                    (false, false) => (json!({ "up": { "slow": [] } }), Value::Null),
                };
                let phases = json!({ "resolve_us": 90, "connect_us": 300, "tls_us": 0, "send_us": 40, "wait_us": total_us - 530, "transfer_us": 100 });
                let step = |name: &str| json!({ "name": name, "outcome": outcome, "status": 200, "total_us": total_us / 2, "phases": phases });
                let done = json!({ "probe": probe(lane / self.regions), "intended_us": intended, "outcome": outcome, "total_us": total_us,
                    "phases": phases, "steps": [step("login"), step("pay")], "message": message });
                lines.push((
                    intended + total_us,
                    region(lane % self.regions),
                    json!({ "probe_done": done }),
                ));
            }
        }
    }
}

fn probe(index: u64) -> String {
    if index == 0 {
        "checkout".to_owned()
    } else {
        format!("probe-{index}")
    }
}

fn region(index: u64) -> String {
    ["eu-west", "us-east", "ap-south"]
        .get(usize::try_from(index).unwrap_or(9))
        .map_or_else(|| format!("region-{index}"), |name| (*name).to_owned())
}

fn time(us: u64) -> String {
    Timestamp::from_micros(START_US + i64::try_from(us).unwrap_or(0)).to_string()
}
