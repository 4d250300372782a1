//! Entries that wait for an event, or come only on a condition, through the real binary.

use std::time::Duration;

use gameday_core::{EventKind, Skip};
use serde_json::Value;

use crate::support::drill::{self, Running, at};
use crate::support::rig::drill::Ended;
use crate::support::rig::{Rig, Scenario};
use crate::support::{Sandbox, root};

const END: Duration = Duration::from_secs(60);

fn skipped(ended: &Ended, name: &str) -> Option<Skip> {
    ended.events().iter().find_map(|event| match &event.kind {
        EventKind::FaultSkipped { fault, reason, .. } if fault.as_str() == name => Some(*reason),
        _ => None,
    })
}

#[test]
fn entries_follow_one_another_and_come_only_on_their_condition() {
    let rig = Rig::new();
    let node = rig.node();
    let slow = "fault.latency = { delay = \"50ms\" }";
    let timeline = format!(
        "first = {{ hold = \"1s\", on = \"web\", {slow} }}\n\
         second = {{ after = \"first removed + 1s\", within = \"30s\", only_if = \"probe web up\", hold = \"1s\", on = \"web\", {slow} }}\n\
         third = {{ only_if = [\"true\"], hold = \"1s\", on = \"node\", fault.pause = {{}} }}\n\
         never = {{ at = \"3s\", only_if = [\"false\"], hold = \"1s\", on = \"node\", fault.pause = {{}} }}\n\
         down = {{ at = \"5s\", only_if = \"probe web down\", hold = \"1s\", on = \"node\", fault.pause = {{}} }}\n"
    );
    let scenario = Scenario {
        timeline: &timeline,
        ..Scenario::default()
    };
    rig.scenario("ordered", &scenario);
    let plan = rig.sandbox.run(["run", "ordered.toml", "--plan"]);
    for said in [
        "after first removed + 1s, within 30s, otherwise left out",
        "only if `probe web up`",
        "only if `false`",
    ] {
        assert!(plan.stdout.contains(said), "{said} is not in:\n{}", plan.stdout);
    }
    let ended = rig.start("ordered", &[]).finish(END);
    ended.assert(0, "passed");
    ended.assert_says("the condition of never does not hold: false");
    for (name, left_out) in [
        ("second", None),
        ("third", None),
        ("never", Some(Skip::ConditionFalse)),
        ("down", Some(Skip::ConditionFalse)),
    ] {
        assert_eq!(skipped(&ended, name), left_out, "{name}: {}", ended.stderr);
    }
    let report = ended.report().unwrap();
    let fault = |name: &str| -> Value {
        let faults = report["trials"][0]["faults"].as_array().unwrap();
        faults.iter().find(|fault| fault["name"] == name).unwrap().clone()
    };
    let waited = at(&fault("second")["ordered_at"]) - at(&fault("first")["removed_at"]);
    // A second is asked for; a busy machine may be late, but never early.
    assert!(waited >= 1000, "{waited} ms");
    let why = fault("never")["skipped"].as_str().unwrap().to_owned();
    assert!(why.contains("`false` does not hold"), "{why}");
    assert_eq!(node.starts(), 1);
    rig.assert_whole();
}

/// The shipped drill, shorter, with a second fault that comes when the alert fires, and a third whose alert never does.
#[test]
fn an_entry_waits_for_an_alert_and_what_does_not_come_fails_as_not_ordered() {
    let _turn = crate::support::turn();
    let sandbox = Sandbox::new();
    let probe = root().join("probes/checkout.toml").display().to_string();
    let text = std::fs::read_to_string(root().join("scenarios/db-latency.toml"))
        .unwrap()
        .replace("../probes/checkout.toml", &probe)
        .replace("hold = \"60s\"", "hold = \"20s\"")
        .replace(
            "[probes]",
            "psp = { proxy = \"payments-psp\", api = \"{{lab.proxy_api}}\" }\n[probes]",
        )
        .replace(
            "[expect] ",
            "second = { after = \"PaymentsLatencyHigh firing + 1s\", within = \"40s\", only_if = \"up == 1\", hold = \"2s\", on = \"psp\", fault.latency = { delay = \"20ms\" } }\n\
             third = { after = \"PaymentsErrorsHigh firing\", within = \"25s\", hold = \"2s\", on = \"psp\", fault.latency = { delay = \"20ms\" } }\n\
             [expect]\n\
             PaymentsErrorsHigh = { of = \"second\", firing = \"3s\" }\n\
             PaymentsReadsSlow = { of = \"third\", firing = \"3s\" }\n",
        );
    sandbox.write("ordered.toml", &text);
    let mut command = sandbox.gameday(["run", "ordered.toml", "--lab", "real"]);
    command.env_remove("CHECKOUT_PASSWORD");
    let (ran, _) = Running::start(&mut command, Duration::from_secs(240)).end();
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    let report = drill::report(&drill::folder(&sandbox, &ran));
    let trial = &report["trials"][0];
    let faults = trial["faults"].as_array().unwrap();
    let fault = |name: &str| faults.iter().find(|fault| fault["name"] == name).unwrap();
    let alerts = trial["alerts"].as_array().unwrap();
    let alert = |name: &str| alerts.iter().find(|alert| alert["name"] == name).unwrap();
    let waited = at(&fault("second")["ordered_at"]) - at(&alert("PaymentsLatencyHigh")["marks"]["T3"]);
    assert!(
        waited >= 1000,
        "a second after it fired, not {waited} ms: {trial}"
    );
    assert!(
        ran.stderr.contains("the condition of second holds: up == 1"),
        "{}",
        ran.stderr
    );
    assert_eq!(alert("PaymentsReadsSlow")["verdict"], "not_ordered", "{trial}");
    let why = fault("third")["skipped"].as_str().unwrap();
    assert_eq!(why, "PaymentsErrorsHigh firing did not come within 25s");
}
