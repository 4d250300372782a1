//! A rule that Grafana evaluates itself. No Grafana can be had here, so a small server answers as one does: the shapes
//! are those of Grafana's own tests (`pkg/services/ngalert/api/api_prometheus_test.go`) and of the documentation of its
//! webhook contact point. It evaluates its rule for real, each second, by looking through the proxy.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{LIMIT, alert, post};
use crate::support::drill::at;
use crate::support::http::{Arrival, ask, serve};
use crate::support::ports::free_address;
use crate::support::rig::{Rig, Scenario};

const TOKEN: &str = "glsa_0123456789abcdef_hush";
const HOLD: Duration = Duration::from_secs(2);

/// Where the rule is at, and when it got there.
#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Normal,
    Pending(Timestamp),
    Alerting(Timestamp),
}

/// What the server knows of itself: the truth that a report is held against.
struct Grafana {
    address: SocketAddr,
    /// Every state that it was in.
    course: Arc<Mutex<Vec<State>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Grafana {
    fn start(looks_at: &str, webhook: SocketAddr) -> Self {
        let course = Arc::new(Mutex::new(vec![State::Normal]));
        let shown = Arc::clone(&course);
        let address = serve(move |arrival| answer(&arrival, *shown.lock().unwrap().last().unwrap()));
        let ended = Arc::<AtomicBool>::default();
        let (stop, book, url) = (
            Arc::clone(&ended),
            Arc::clone(&course),
            format!("http://{looks_at}/"),
        );
        let thread = thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                evaluate(&book, &url, webhook);
                thread::sleep(Duration::from_secs(1));
            }
        });
        Self {
            address,
            course,
            ended,
            thread: Some(thread),
        }
    }

    /// When it became pending, and when it fired.
    fn truth(&self) -> (i64, i64) {
        let course = self.course.lock().unwrap();
        let pending = course.iter().find_map(|state| match state {
            State::Pending(at) => Some(at.as_millisecond()),
            _ => None,
        });
        let firing = course.iter().find_map(|state| match state {
            State::Alerting(at) => Some(at.as_millisecond()),
            _ => None,
        });
        (pending.unwrap(), firing.unwrap())
    }
}

impl Drop for Grafana {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// One tick: a pending alert that fires begins anew, as Grafana's do.
fn evaluate(course: &Mutex<Vec<State>>, url: &str, webhook: SocketAddr) {
    // A report says whole milliseconds.
    let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap();
    let failing = !ask("GET", url, &[], "").is_ok_and(|answer| answer.status == 200);
    let state = *course.lock().unwrap().last().unwrap();
    let next = match (state, failing) {
        (State::Normal, true) => State::Pending(now),
        (State::Pending(since), true) if now.duration_since(since) >= HOLD.try_into().unwrap() => {
            State::Alerting(now)
        }
        (State::Pending(_) | State::Alerting(_), false) => State::Normal,
        (state, _) => state,
    };
    if next == state {
        return;
    }
    course.lock().unwrap().push(next);
    let told = match (state, next) {
        (_, State::Alerting(at)) => notice("firing", at, "0001-01-01T00:00:00Z"),
        (State::Alerting(at), _) => notice("resolved", at, &now.to_string()),
        _ => return,
    };
    // Outside of a drill nobody listens.
    let _ = std::panic::catch_unwind(|| post(&format!("http://{webhook}/webhook"), &told));
}

fn labels() -> Value {
    json!({ "alertname": "ShopDown", "grafana_folder": "Payments", "severity": "page" })
}

fn notice(status: &str, starts: Timestamp, ends: &str) -> Value {
    json!({
        "receiver": "oncall", "status": status, "orgId": 1, "version": "1", "groupKey": "{}:{alertname=\"ShopDown\"}",
        "truncatedAlerts": 0, "title": "[FIRING:1]", "state": "alerting", "message": "**Firing**",
        "groupLabels": { "alertname": "ShopDown" }, "commonLabels": labels(), "commonAnnotations": {},
        "externalURL": "http://grafana/",
        "alerts": [{
            "status": status, "labels": labels(), "annotations": { "summary": "the shop is closed" },
            "startsAt": starts.to_string(), "endsAt": ends, "generatorURL": "http://grafana/alerting/grafana/r1/view",
            "fingerprint": "c6eadffa33fcdf37", "silenceURL": "http://grafana/alerting/silence/new",
            "dashboardURL": "", "panelURL": "", "values": { "B": 1 },
        }],
    })
}

fn answer(arrival: &Arrival, state: State) -> (u16, String) {
    let path = arrival.path.split('?').next().unwrap();
    if path == "/api/health" {
        return (
            200,
            json!({ "database": "ok", "version": "11.3.0", "commit": "abc" }).to_string(),
        );
    }
    if !arrival.head.contains(&format!("authorization: Bearer {TOKEN}")) {
        return (401, json!({ "message": "Invalid API key" }).to_string());
    }
    match path {
        "/api/prometheus/grafana/api/v1/rules" => (200, rules(state).to_string()),
        "/api/alertmanager/grafana/api/v2/alerts" => (200, listed(state).to_string()),
        _ => (404, json!({ "message": "Not found" }).to_string()),
    }
}

fn rules(state: State) -> Value {
    let (rule, instance, active) = match state {
        State::Normal => ("inactive", "Normal", "0001-01-01T00:00:00Z".to_owned()),
        State::Pending(at) => ("pending", "Pending", at.to_string()),
        State::Alerting(at) => ("firing", "Alerting", at.to_string()),
    };
    json!({ "status": "success", "data": { "groups": [{
        "name": "shop", "file": "Payments", "folderUid": "f1", "interval": 1, "lastEvaluation": Timestamp::now().to_string(),
        "evaluationTime": 0.01, "rules": [{
            "state": rule, "name": "ShopDown", "folderUid": "f1", "uid": "r1", "query": "shop_failing == 1",
            "duration": HOLD.as_secs(), "keepFiringFor": 0, "labels": { "severity": "page" }, "annotations": {},
            "health": "ok", "type": "alerting", "lastEvaluation": Timestamp::now().to_string(), "evaluationTime": 0.01,
            "alerts": [{ "labels": labels(), "annotations": {}, "state": instance, "activeAt": active, "value": "" }],
        }],
    }] } })
}

fn listed(state: State) -> Value {
    let State::Alerting(at) = state else {
        return json!([]);
    };
    json!([{
        "labels": labels(), "annotations": {}, "fingerprint": "c6eadffa33fcdf37", "startsAt": at.to_string(),
        "updatedAt": at.to_string(), "endsAt": "2126-01-01T00:00:00Z", "receivers": [{ "name": "oncall" }],
        "status": { "state": "active", "silencedBy": [], "inhibitedBy": [] },
    }])
}

#[test]
fn a_rule_that_grafana_evaluates_is_measured_from_its_pending_state_on() {
    let _turn = crate::support::turn();
    let rig = Rig::new();
    let webhook = free_address();
    let grafana = Grafana::start(&rig.listen, webhook);
    rig.sandbox.write("grafana.token", TOKEN);
    let path = rig.sandbox.path().join("grafana.token");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(path, private).unwrap();
    let tables = |token: &str| {
        format!(
            "[observe]\nwebhook = \"http://{webhook}/webhook\"\n\
             grafana = {{ url = \"http://{}\", token = {token} }}\n[expect]\n\
             ShopDown = {{ firing = \"15s\", notified = \"15s\", resolved = \"30s\", receiver = \"oncall\", labels = {{ severity = \"page\" }} }}\n",
            grafana.address
        )
    };
    let timeline = r#"closed = { hold = "10s", on = "web", fault.down = {} }"#;
    let wrong = tables("{ env = \"WRONG_TOKEN\" }");
    rig.scenario(
        "refused",
        &Scenario {
            timeline,
            more: &wrong,
            ..Scenario::default()
        },
    );
    let mut command = rig.command("refused", &[]);
    command.env("WRONG_TOKEN", "not-the-token-of-grafana");
    let refused = crate::support::rig::drill::Drill::start(command, rig.sandbox.path()).finish(LIMIT);
    refused.assert_refused(&["grafana", "401", "Invalid API key"]);

    let right = tables("{ file = \"grafana.token\" }");
    rig.scenario(
        "grafana",
        &Scenario {
            timeline,
            more: &right,
            ..Scenario::default()
        },
    );
    let ended = rig.start("grafana", &[]).finish(LIMIT);
    ended.assert(0, "passed");
    let report = ended.report().unwrap();
    let shop_down = alert(&report, "ShopDown");
    let (pending, firing) = grafana.truth();
    let marks = &shop_down["marks"];
    assert_eq!(
        (at(&marks["T2"]), at(&marks["T3"])),
        (pending, firing),
        "{shop_down:#}"
    );
    assert!(
        marks["T5"].is_string() && marks["T10"].is_string(),
        "{shop_down:#}"
    );
    assert!(
        shop_down["stages_ms"]["hold"].as_u64().unwrap() >= 2000,
        "{shop_down:#}"
    );
    for file in std::fs::read_dir(ended.folder()).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains(TOKEN), "the token is kept");
    }
}
