//! A view of a drill, and what is told of it to those who have an older one.

use gameday_core::Event;
use serde_json::{Map, Value, json};

use super::*;

/// What a page keeps, changed as its script changes it.
#[derive(Default)]
struct Mirror {
    seq: Option<u64>,
    state: Map<String, Value>,
}

impl Mirror {
    fn take(&mut self, view: &View) {
        let update = serde_json::to_value(view.since(self.seq)).unwrap();
        self.seq = view.seq();
        for (part, news) in update.as_object().unwrap() {
            match part.as_str() {
                "faults" | "curves" | "probes" | "alerts" | "trials" => {
                    let list = self.state.entry(part).or_insert_with(|| json!({}));
                    for one in news.as_array().unwrap() {
                        put(list, &one[0].to_string(), one[1].clone());
                    }
                }
                "people" | "log" => {
                    let list = self.state.entry(part).or_insert_with(|| json!([]));
                    list.as_array_mut()
                        .unwrap()
                        .extend(news.as_array().unwrap().iter().cloned());
                }
                _ => {
                    self.state.insert(part.clone(), news.clone());
                }
            }
        }
    }
}

fn put(list: &mut Value, at: &str, mut value: Value) {
    if value["series"].is_object() && value["series"]["whole"] == false {
        let old = list[at]["series"]["cells"].clone();
        let mut cells: std::collections::BTreeMap<u64, Value> = cells(&old);
        cells.extend(self::cells(&value["series"]["cells"]));
        value["series"]["cells"] = cells.into_iter().map(|(at, cell)| json!([at, cell])).collect();
    }
    if value["series"].is_object() {
        value["series"]["whole"] = json!(true);
    }
    list[at] = value;
}

fn cells(list: &Value) -> std::collections::BTreeMap<u64, Value> {
    let all = list.as_array().into_iter().flatten();
    all.map(|cell| (cell[0].as_u64().unwrap(), cell[1].clone()))
        .collect()
}

fn whole(view: &View) -> Map<String, Value> {
    let mut mirror = Mirror::default();
    mirror.take(view);
    mirror.state
}

fn event(seq: u64, kind: &Value) -> Event {
    let at_us = 250_000 * seq;
    let time = Timestamp::from_micros(1_795_341_600_000_000 + i64::try_from(at_us).unwrap());
    let line = json!({ "seq": seq, "at_us": at_us, "time": time, "region": "local", "kind": kind });
    serde_json::from_value(line).unwrap()
}

fn started() -> Value {
    json!({ "drill_started": { "schema": 1, "version": "0", "drill": "d", "scenario": "s", "lab": null, "plan": {
        "title": "t", "hypothesis": null, "runbook": null, "vars": {}, "targets": [],
        "probes": [{ "name": "web", "regions": ["local"], "steps": [], "every_ms": 250, "timeout_ms": 100, "slo_p95_ms": null, "slo_success": null }],
        "observe": { "prometheus": null, "alertmanager": [], "webhook": null },
        "steady": [{ "name": "works", "text": "web success", "limit": 0.95, "unit": "ratio", "at_most": false, "window_ms": 1000 }],
        "timeline": [{ "name": "slow", "on": "db", "kind": "latency", "detail": "", "at_ms": 0, "hold_ms": 1000 }],
        "expect": [{ "label": "Slow", "alert": "Slow", "of": "slow", "job": null, "firing_ms": null, "notified_ms": 4000, "resolved_ms": null, "labels": {}, "receiver": null }],
        "guard": { "abort_if": [], "max_duration_ms": 60000, "lease_ms": 5000 }, "recover_within_ms": null } } })
}

fn kind(seq: u64) -> Value {
    let down = seq.is_multiple_of(97);
    match seq {
        0 => started(),
        40 => json!({ "fault_ordered": { "fault": "slow", "undo": {} } }),
        41 => json!({ "fault_injected": { "fault": "slow" } }),
        50 => alert("pending"),
        60 => alert("firing"),
        66 => json!({ "acknowledged": { "who": "mo", "alert": "Slow" } }),
        70 => json!({ "noted": { "who": "mo", "text": "<img src=x onerror=alert(1)>" } }),
        90 => json!({ "fault_removed": { "fault": "slow", "how": "removed" } }),
        _ if seq.is_multiple_of(3) => {
            json!({ "steady_evaluated": { "name": "works", "value": if down { 0.5 } else { 1.0 },
            "holds": !down, "up": 1, "down": 0, "unknown": 0 } })
        }
        _ => {
            json!({ "probe_done": { "probe": "web", "intended_us": seq * 250_000, "outcome": if down { json!({ "down": "timeout" }) } else { json!({ "up": { "slow": [] } }) },
            "total_us": 10, "phases": { "resolve_us": 0, "connect_us": 0, "tls_us": 0, "send_us": 0, "wait_us": 0, "transfer_us": 0 },
            "steps": [], "message": null } })
        }
    }
}

fn alert(state: &str) -> Value {
    json!({ "alert_seen": { "source": "prometheus", "alert": "Slow", "labels": {}, "annotations": {}, "state": state,
        "fingerprint": null, "active_at": null, "starts_at": null, "updated_at": null, "receivers": [], "suppressed_by": [] } })
}

#[test]
fn who_was_away_knows_all_after_one_update() {
    let mut view = View::default();
    let (mut often, mut seldom) = (Mirror::default(), Mirror::default());
    for seq in 0..8_000 {
        view.take(&event(seq, &kind(seq)));
        view.say(format!("line {seq}"), String::new());
        if seq % 5 == 0 {
            often.take(&view);
        }
        if seq % 1_999 == 1_998 {
            seldom.take(&view);
        }
    }
    often.take(&view);
    seldom.take(&view);
    for part in [
        "head", "progress", "faults", "curves", "probes", "alerts", "people",
    ] {
        assert_eq!(often.state[part], whole(&view)[part], "{part} of who looks often");
        assert_eq!(
            seldom.state[part],
            whole(&view)[part],
            "{part} of who looks seldom"
        );
    }
    assert_eq!(whole(&view)["log"].as_array().unwrap().len(), MOST_LINES);
    assert_eq!(
        often.state["log"].as_array().unwrap().len(),
        8_000,
        "no line is lost between two looks"
    );
}

#[test]
fn a_long_drill_does_not_make_the_page_grow() {
    let mut view = View::default();
    let mut largest = 0;
    for seq in 0..60_000 {
        view.take(&event(seq, &kind(seq)));
        view.say("a line of the log".to_owned(), String::new());
        if seq % 2_000 == 0 {
            largest = largest.max(serde_json::to_string(&view.since(None)).unwrap().len());
        }
    }
    assert!(largest < 100_000, "{largest} bytes");
}

#[test]
fn a_limit_counts_from_the_effect_and_an_ack_stands_with_its_alert() {
    let mut view = View::default();
    for seq in 0..100 {
        view.take(&event(seq, &kind(seq)));
    }
    let lane = view.alerts().next().unwrap();
    assert_eq!(
        (lane.stage, lane.since_ms, lane.limit_ms),
        (AlertStage::Firing, 15_000, None)
    );
    assert_eq!(lane.ack, Some(("mo".to_owned(), 16_500)));
    assert_eq!(lane.spans.len(), 2);
    let touched = json!({ "fault_touched": { "fault": "slow", "touched": 1, "first_touched": "2026-11-22T10:00:10.5Z", "source": "proxy.db" } });
    view.take(&event(100, &touched));
    let lane = view.alerts().next().unwrap();
    assert_eq!(
        (lane.limit_ms, view.faults().next().unwrap().effective),
        (Some(14_500), Some(10_500))
    );
}

#[test]
fn an_alert_that_nobody_lists_any_more_is_over_and_may_come_again() {
    let mut view = View::default();
    let mut stage = |seq: u64, kind: &Value| {
        view.take(&event(seq, kind));
        let lane = view.alerts().next().unwrap();
        (lane.stage, lane.over_ms)
    };
    let elsewhere = |state: &str| {
        let mut seen = alert(state);
        seen["alert_seen"]["labels"] = json!({ "pod": "b" });
        seen
    };
    stage(0, &started());
    assert_eq!(stage(1, &alert("pending")), (AlertStage::Pending, None));
    assert_eq!(stage(2, &elsewhere("pending")), (AlertStage::Pending, None));
    assert_eq!(
        stage(3, &alert("gone")),
        (AlertStage::Pending, None),
        "another lists it"
    );
    assert_eq!(stage(4, &elsewhere("gone")), (AlertStage::Pending, Some(1_000)));
    assert_eq!(stage(5, &alert("pending")), (AlertStage::Pending, None));
    assert_eq!(stage(6, &alert("firing")), (AlertStage::Firing, None));
    assert_eq!(stage(7, &alert("gone")), (AlertStage::Firing, Some(1_750)));
    let lane = view.alerts().next().unwrap();
    let ends: Vec<_> = lane.spans.iter().map(|span| span.to).collect();
    assert_eq!(ends, [Some(1_000), Some(1_500), Some(1_750)]);
}

/// Of several trials the view shows the present one, and what those before came to.
#[test]
fn a_trial_begins_anew_and_the_one_before_leaves_its_result() {
    let mut view = View::default();
    let touched = json!({ "fault_touched": { "fault": "slow", "touched": 1, "first_touched": "2026-11-22T10:00:01.25Z", "source": "proxy.db" } });
    let told = json!({ "notified": { "arrived": "2026-11-22T10:00:03.5Z", "receiver": "oncall", "status": "firing", "group_key": "", "truncated_alerts": 0,
        "alerts": [{ "status": "firing", "alert": "Slow", "labels": {}, "annotations": {}, "fingerprint": "", "starts_at": null, "ends_at": null }] } });
    let first = [
        started(),
        json!({ "trial_started": { "trial": 0, "of": 2 } }),
        json!({ "fault_ordered": { "fault": "slow", "undo": {} } }),
        json!({ "fault_injected": { "fault": "slow" } }),
        touched,
        alert("firing"),
        told,
        json!({ "fault_removed": { "fault": "slow", "how": "removed" } }),
        json!({ "trial_ended": { "trial": 0 } }),
        json!({ "trial_started": { "trial": 1, "of": 2 } }),
    ];
    let mut mirror = Mirror::default();
    for (seq, kind) in (0..).zip(&first) {
        view.take(&event(seq, kind));
        mirror.take(&view);
    }
    assert_eq!(view.progress().trial, Some((2, 2)));
    assert_eq!((view.progress().from_ms, view.head().zero_ms), (2_250, None));
    assert_eq!(view.faults().next().unwrap().ordered, None);
    let lane = view.alerts().next().unwrap();
    assert_eq!(
        (lane.stage, lane.notified, lane.ttn_ms),
        (AlertStage::Inactive, None, None)
    );
    assert_eq!(lane.spans.len(), 1, "what still fires is drawn from here on");
    assert_eq!(lane.spans[0].from, 2_250);
    let rows: Vec<_> = view.trials().collect();
    assert_eq!(
        (rows.len(), rows[0].ended_ms, rows[1].ended_ms),
        (2, Some(2_000), None)
    );
    assert_eq!(rows[0].alerts[0].to_string(), "Slow: notified after 2.3 s");
    assert_eq!(rows[0].alerts[0].in_time, Some(true));
    view.take(&event(10, &json!({ "drill_ended": "completed" })));
    mirror.take(&view);
    assert_eq!(mirror.state["trials"]["1"]["alerts"][0]["stage"], "inactive");
    assert_eq!(
        view.trials().last().unwrap().alerts[0].to_string(),
        "Slow: never came"
    );
}
