//! The plan of the golden drill.

use gameday_core::{
    ExpectRecord, FaultRecord, GuardRecord, ObserveRecord, PlanRecord, ProbeName, ProbeRecord, RegionName,
    SteadyName, SteadyRecord, StepName, TargetName, TargetRecord, Unit,
};

use crate::fixture::{ALERT, fault, labels};

/// Two regions look at checkout; one page is expected of one fault.
pub(crate) fn golden_plan() -> PlanRecord {
    let steady = |name: &str, text: &str, limit: f64, unit: Unit, at_most: bool| SteadyRecord {
        name: SteadyName::new(name).unwrap(),
        text: text.into(),
        limit,
        unit,
        at_most,
        window_ms: 10_000,
        probe: Some(ProbeName::new("checkout").unwrap()),
    };
    PlanRecord {
        followed: vec![],
        title: "Payments DB: +200 ms latency".into(),
        hypothesis: Some(
            "payments slow down but none fails; the latency page reaches on-call within 30 seconds".into(),
        ),
        runbook: Some("https://runbooks.example/payments-db-latency".into()),
        seed: Some(42),
        trials: 1,
        gate_within_ms: None,
        vars: labels(&[("delay", "200ms")]),
        targets: vec![TargetRecord {
            name: TargetName::new("db").unwrap(),
            kind: "proxy".into(),
            detail: "proxy `payments-db` at http://127.0.0.1:8474".into(),
        }],
        probes: vec![ProbeRecord {
            name: ProbeName::new("checkout").unwrap(),
            regions: ["eu-west", "us-east"]
                .map(|name| RegionName::new(name).unwrap())
                .to_vec(),
            steps: ["login", "pay", "settled"]
                .map(|name| StepName::new(name).unwrap())
                .to_vec(),
            every_ms: 1_000,
            timeout_ms: 5_000,
            slo_p95_ms: Some(250),
            slo_success: Some(0.999),
            slo_window_ms: Some(30 * 86_400_000),
        }],
        observe: ObserveRecord {
            prometheus: Some("http://127.0.0.1:9090".into()),
            alertmanager: vec!["http://127.0.0.1:9093".into()],
            webhook: Some("http://127.0.0.1:9099/hook".into()),
            ..ObserveRecord::default()
        },
        steady: vec![
            steady("fast", "checkout p95 <= 250ms for 10s", 250.0, Unit::Ms, true),
            steady(
                "works",
                "checkout success >= 95% for 10s",
                0.95,
                Unit::Ratio,
                false,
            ),
        ],
        timeline: vec![FaultRecord {
            name: fault(),
            on: TargetName::new("db").unwrap(),
            kind: "latency".into(),
            detail: "delay 200ms ±20ms downstream".into(),
            at_ms: 0,
            hold_ms: 60_000,
            until_mitigated: false,
            after: None,
            only_if: None,
        }],
        expect: vec![ExpectRecord {
            label: ALERT.into(),
            alert: ALERT.into(),
            of: fault(),
            job: None,
            firing_ms: Some(25_000),
            notified_ms: Some(30_000),
            resolved_ms: Some(60_000),
            labels: labels(&[("severity", "page")]),
            receiver: Some("oncall".into()),
            source: None,
            never: false,
            required_labels: vec![],
            required_annotations: vec![],
            detected: None,
        }],
        forbid: vec![],
        guard: GuardRecord {
            abort_if: vec!["checkout < 50% for 15s".into()],
            max_duration_ms: 300_000,
            lease_ms: 15_000,
        },
        journal: None,
        recover_within_ms: Some(60_000),
    }
}
