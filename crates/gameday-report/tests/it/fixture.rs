//! The golden drill: a database slowed down by 200 ms, two regions looking each second, one page.
//!
//! ```text
//!   0 s ─ 12 s     steady          12 s ─ 72 s     fault          72 s ─ 100 s     recovery
//!   T0 12.000  T0e 12.031  T1 12.782  T2 18.226  T3 23.226  T4 23.232  T5 25.238
//!   T7 72.008  T8 73.000  T9 81.226  T10 82.236
//! ```

use std::collections::BTreeMap;

use gameday_core::{
    AlertSeen, AlertState, Ended, EventKind, FaultEnd, FaultName, Notification, NotifiedAlert, Offset,
    Outcome, Phases, ProbeDone, ProbeName, RawSeries, Reason, RuleSeen, SourceName, Stage, SteadyEvaluated,
    SteadyName, StepDone, StepName,
};

use crate::plan::golden_plan;
use crate::script::{Script, wall};

pub(crate) const ALERT: &str = "PaymentsLatencyHigh";

pub(crate) fn source(name: &str) -> SourceName {
    SourceName::new(name).unwrap()
}

pub(crate) fn fault() -> FaultName {
    FaultName::new("slow").unwrap()
}

/// Key and value pairs as labels.
pub(crate) fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn alert_labels() -> BTreeMap<String, String> {
    labels(&[
        ("alertname", ALERT),
        ("job", "payments"),
        ("service", "payments"),
        ("severity", "page"),
    ])
}

/// The whole drill.
pub(crate) fn golden() -> Script {
    let mut script = Script::new(golden_plan());
    preflight(&mut script);
    looks(&mut script);
    steadiness(&mut script);
    the_fault(&mut script);
    the_alert(&mut script);
    notifications(&mut script);
    raw_samples(&mut script);
    script.at(
        74_500,
        EventKind::RollbackChecked {
            verified: true,
            details: vec![
                "lease db-latency: no fault left".into(),
                "proxy payments-db: bytes flow, untouched for 2 s".into(),
            ],
        },
    );
    script.at(100_000, EventKind::DrillEnded(Ended::Completed));
    script
}

fn preflight(script: &mut Script) {
    script.at(5, EventKind::StageEntered(Stage::Preflight));
    for (ms, name, detail) in [
        (
            20,
            "target db",
            "proxy `payments-db` serves leases; listen and upstream as stated",
        ),
        (30, "prometheus", "version 2.42.0 answers in 2 ms"),
        (40, "alertmanager", "version 0.25.0 answers in 2 ms"),
        (45, "alert PaymentsLatencyHigh", "rule found, inactive"),
        (50, "group stage", "clean: no aggregation group is open"),
    ] {
        script.at(
            ms,
            EventKind::Checked {
                name: name.into(),
                ok: true,
                detail: detail.into(),
            },
        );
    }
    for (name, offset_us, error_us) in [
        ("prometheus", 300, 900),
        ("alertmanager", 120_000, 501_000),
        ("proxy.db", 40, 210),
    ] {
        let stepped = false;
        script.at(
            60,
            EventKind::ClockMeasured {
                source: source(name),
                offset_us,
                error_us,
                stepped,
            },
        );
    }
    script.at(
        70,
        EventKind::RuleSeen(RuleSeen {
            alert: ALERT.into(),
            query: "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[10s]))) > 0.25".into(),
            interval_ms: 1_000,
            for_ms: 5_000,
            labels: labels(&[("severity", "page"), ("service", "payments")]),
            annotations: labels(&[("summary", "p95 of payments is over 250 ms")]),
            group: "payments".into(),
            file: "/etc/prometheus/payments.yml".into(),
            keep_firing_ms: 0,
        }),
    );
    script.at(100, EventKind::StageEntered(Stage::Steady));
}

/// Two regions, a look each second; slow while the fault is in place, with one reset, one look
/// that could not be made and one tick that was missed.
fn looks(script: &mut Script) {
    for (region, shift, base) in [("eu-west", 210, 58_000), ("us-east", 640, 91_000)] {
        for second in 0..99_u64 {
            let intended = second * 1_000_000 + shift * 1_000;
            let slow = (12_031_000..72_008_000).contains(&intended);
            let wobble = second * 7_919 % 23_000;
            let total_us = base + wobble + if slow { 612_000 + wobble * 3 } else { 0 };
            let outcome = match (region, second) {
                ("us-east", 44) => Outcome::Unknown(Reason::NoDescriptors),
                ("eu-west", 31) => Outcome::Down(Reason::ConnectionReset),
                _ if slow => Outcome::Up {
                    slow: vec![StepName::new("pay").unwrap()],
                },
                _ => Outcome::Up { slow: Vec::new() },
            };
            let kind = if (region, second) == ("us-east", 58) {
                EventKind::ProbeMissed {
                    probe: ProbeName::new("checkout").unwrap(),
                    count: 1,
                }
            } else {
                EventKind::ProbeDone(Box::new(look(intended, total_us, outcome)))
            };
            script.seen_in(region, intended + total_us, kind);
        }
    }
}

fn look(intended: u64, total_us: u64, outcome: Outcome) -> ProbeDone {
    let phases = Phases {
        connect_us: 400,
        send_us: 60,
        wait_us: total_us - 660,
        transfer_us: 200,
        ..Phases::default()
    };
    let step = |name: &str| StepDone {
        name: StepName::new(name).unwrap(),
        outcome: outcome.clone(),
        status: Some(200),
        total_us: total_us / 3,
        phases: Phases::default(),
    };
    ProbeDone {
        probe: ProbeName::new("checkout").unwrap(),
        intended: Offset::from_micros(intended),
        total_us,
        phases,
        steps: ["login", "pay", "settled"].map(step).to_vec(),
        message: None,
        trace_id: None,
        region_time: None,
        outcome,
    }
}

fn steadiness(script: &mut Script) {
    for second in 1..100_u64 {
        let full = second >= 10;
        let slow = (13..=82).contains(&second);
        let p95 = if slow {
            690.0 + f64::from(u32::try_from(second * 37 % 29).unwrap())
        } else {
            96.0
        };
        let success = if (32..=41).contains(&second) { 0.95 } else { 1.0 };
        let values = [("fast", p95, p95 <= 250.0), ("works", success, success >= 0.95)];
        for (name, value, holds) in values {
            script.at(
                second * 1_000,
                EventKind::SteadyEvaluated(SteadyEvaluated {
                    name: SteadyName::new(name).unwrap(),
                    value: full.then_some(value),
                    holds: full.then_some(holds),
                    up: 20,
                    down: 0,
                    unknown: 0,
                }),
            );
        }
    }
}

fn the_fault(script: &mut Script) {
    script.at(11_990, EventKind::StageEntered(Stage::Inject));
    script.at(
        12_000,
        EventKind::FaultOrdered {
            fault: fault(),
            undo: serde_json::json!({"lease": "db-latency"}),
        },
    );
    script.at(12_004, EventKind::FaultInjected { fault: fault() });
    script.at(12_010, touched(0, None));
    for (ms, count) in [(17_000, 62), (37_000, 480), (71_990, 1_204)] {
        script.at(ms, touched(count, Some(12_031.2)));
    }
    script.at(
        72_008,
        EventKind::FaultRemoved {
            fault: fault(),
            how: FaultEnd::Removed,
        },
    );
    script.at(72_010, EventKind::StageEntered(Stage::Verify));
    script.at(74_510, EventKind::StageEntered(Stage::Recover));
}

/// What the proxy tells of the fault.
pub(crate) fn touched(touched: u64, first: Option<f64>) -> EventKind {
    EventKind::FaultTouched {
        fault: fault(),
        touched,
        first_touched: first.map(wall),
        source: source("proxy.db"),
    }
}

fn the_alert(script: &mut Script) {
    for (ms, state) in [
        (18_600, AlertState::Pending),
        (23_600, AlertState::Firing),
        (81_600, AlertState::Gone),
    ] {
        script.at(ms, seen_by_prometheus(state));
    }
    script.at(23_700, seen_by_alertmanager(AlertState::Firing));
    script.at(81_700, seen_by_alertmanager(AlertState::Gone));
}

/// The alert as Prometheus lists it.
pub(crate) fn seen_by_prometheus(state: AlertState) -> EventKind {
    EventKind::AlertSeen(Box::new(AlertSeen {
        source: source("prometheus"),
        alert: ALERT.into(),
        labels: alert_labels(),
        annotations: BTreeMap::new(),
        state,
        fingerprint: None,
        active_at: Some(wall(18_226.4)),
        starts_at: None,
        updated_at: None,
        receivers: Vec::new(),
        suppressed_by: Vec::new(),
        keep_firing_since: None,
    }))
}

/// The alert as Alertmanager lists it.
pub(crate) fn seen_by_alertmanager(state: AlertState) -> EventKind {
    EventKind::AlertSeen(Box::new(AlertSeen {
        source: source("alertmanager"),
        alert: ALERT.into(),
        labels: alert_labels(),
        annotations: BTreeMap::new(),
        state,
        fingerprint: Some("a1b2c3d4".into()),
        active_at: None,
        starts_at: Some(wall(23_226.0)),
        updated_at: Some(wall(23_232.0)),
        receivers: vec!["oncall".into()],
        suppressed_by: if state == AlertState::Suppressed {
            vec!["silence 42".into()]
        } else {
            Vec::new()
        },
        keep_firing_since: None,
    }))
}

fn notifications(script: &mut Script) {
    script.at(25_240, notice("firing", "oncall", 25_238.4));
    script.at(82_238, notice("resolved", "oncall", 82_236.1));
}

/// A notification of the alert.
pub(crate) fn notice(status: &str, receiver: &str, arrived_ms: f64) -> EventKind {
    EventKind::Notified(Box::new(Notification {
        arrived: wall(arrived_ms),
        receiver: receiver.into(),
        status: status.into(),
        group_key: "{}:{alertname=\"PaymentsLatencyHigh\"}".into(),
        truncated_alerts: 0,
        alerts: vec![NotifiedAlert {
            status: status.into(),
            alert: ALERT.into(),
            labels: alert_labels(),
            annotations: labels(&[("summary", "p95 of payments is over 250 ms")]),
            fingerprint: "a1b2c3d4".into(),
            starts_at: Some(wall(23_226.0)),
            ends_at: (status == "resolved").then(|| wall(81_226.0)),
        }],
    }))
}

fn raw_samples(script: &mut Script) {
    let ticks = |from: u32, to: u32, part: f64| -> Vec<_> {
        (from..=to)
            .map(|second| (wall(f64::from(second) * 1_000.0 + part), 1.0))
            .collect()
    };
    let alerts = |state: &str, from, to| {
        let mut labels = alert_labels();
        labels.insert("__name__".into(), "ALERTS".into());
        labels.insert("alertstate".into(), state.into());
        RawSeries {
            labels,
            samples: ticks(from, to, 226.0),
        }
    };
    let up = RawSeries {
        labels: labels(&[
            ("__name__", "up"),
            ("job", "payments"),
            ("instance", "127.0.0.1:8080"),
        ]),
        samples: ticks(0, 95, 782.0),
    };
    script.at(
        96_000,
        EventKind::RawSamples {
            source: source("prometheus"),
            selector: format!("ALERTS{{alertname=\"{ALERT}\"}}[120s]"),
            series: vec![alerts("pending", 18, 22), alerts("firing", 23, 80)],
        },
    );
    let selector = "up{job=\"payments\"}[120s]".into();
    script.at(
        96_010,
        EventKind::RawSamples {
            source: source("prometheus"),
            selector,
            series: vec![up],
        },
    );
}
