//! Pre-flight refuses with exit code 4, says why, and touches nothing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::rig::server::Server;
use crate::support::rig::{Rig, SLOW, Scenario, at_once};
use crate::support::wait_for;

const END: Duration = Duration::from_secs(30);

/// A scenario with these differences is refused with these words.
#[track_caller]
fn check(scenario: &Scenario<'_>, words: &[&str]) {
    let rig = Rig::new();
    rig.scenario("slow", scenario);
    check_plan(&rig, "slow", words);
    rig.start("slow", &[]).finish(END).assert_refused(words);
    assert_eq!(rig.active_faults(), Vec::<String>::new());
    assert!(
        rig.heal().stdout.contains("nothing to heal"),
        "a refused drill leaves no entry"
    );
    rig.assert_whole();
}

/// A plan says the same, touches nothing and leaves nothing.
#[track_caller]
fn check_plan(rig: &Rig, name: &str, words: &[&str]) {
    let state = rig.sandbox.path().join("state/gameday/open");
    let there = state.exists();
    let plan = rig.command(name, &["--plan"]).output().unwrap();
    let text = String::from_utf8_lossy(&plan.stdout);
    assert_eq!(plan.status.code(), Some(4), "{text}");
    let refusals: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("would be refused: "))
        .collect();
    for word in words {
        assert!(
            refusals.iter().any(|line| line.contains(word)),
            "`{word}` is not in:\n{text}"
        );
    }
    let plan = rig
        .command(name, &["--plan", "--output", "json"])
        .output()
        .unwrap();
    let record: serde_json::Value = serde_json::from_slice(&plan.stdout).unwrap();
    let told = record["would_be_refused"].as_array().unwrap();
    assert_eq!(told.len(), refusals.len(), "{record:#}");
    assert_eq!(state.exists(), there, "a plan enters nothing");
}

#[test]
fn a_drill_that_cannot_be_trusted_is_refused_before_it_begins() {
    at_once![
        a_steady_state_that_does_not_hold_is_refused,
        an_unreachable_source_is_refused_with_its_url_and_the_cause,
        a_proxy_that_is_not_as_stated_is_refused,
        a_proxy_that_is_as_stated_is_not_refused,
        plain_toxiproxy_is_refused_because_its_faults_have_no_lease,
        a_process_that_is_gone_is_refused,
        a_toxic_that_is_not_ours_is_refused_and_left_alone,
    ];
}

fn a_toxic_that_is_not_ours_is_refused_and_left_alone() {
    let rig = Rig::new();
    rig.scenario(
        "slow",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    let toxics = format!("{}/proxies/web/toxics", rig.api);
    let body = r#"{"name":"theirs","type":"latency","attributes":{"latency":5}}"#;
    let made = crate::support::http::ask("POST", &toxics, &[], body).unwrap();
    assert_eq!(made.status, 200, "{}", made.body);
    let words = ["`web` has the toxic `theirs` already"];
    check_plan(&rig, "slow", &words);
    rig.start("slow", &[]).finish(END).assert_refused(&words);
    assert_eq!(rig.toxics(), ["\"theirs\""]);
}

fn a_steady_state_that_does_not_hold_is_refused() {
    let rig = Rig::new();
    rig.status.store(500, Ordering::SeqCst);
    rig.scenario(
        "slow",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    let ended = rig.start("slow", &[]).finish(END);
    ended.assert_refused(&[
        "the steady state does not hold",
        "web success >= 95% for 2s",
        "0.0%",
    ]);
    let leases = crate::support::http::get(&format!("{}/v1/leases", rig.api)).json();
    assert_eq!(
        leases["leases"].as_array().unwrap().len(),
        0,
        "no lease was ever made: {leases}"
    );
    assert!(rig.heal().stdout.contains("nothing to heal"));
}

fn an_unreachable_source_is_refused_with_its_url_and_the_cause() {
    // Port 1 of loopback: nobody listens, so connections are refused at once.
    let url = "http://127.0.0.1:1";
    for key in ["prometheus", "alertmanager"] {
        let more = format!("[observe]\n{key} = \"{url}\"");
        let scenario = Scenario {
            timeline: SLOW,
            more: &more,
            ..Scenario::default()
        };
        check(&scenario, &[key, url, "refused"]);
    }
}

fn a_proxy_that_is_not_as_stated_is_refused() {
    let listen = Scenario {
        timeline: SLOW,
        web: ", listen = \"127.0.0.1:9\"",
        ..Scenario::default()
    };
    check(
        &listen,
        &["listens on 127.0.0.1:", "not 127.0.0.1:9 as the scenario states"],
    );
    let upstream = Scenario {
        timeline: SLOW,
        web: ", upstream = \"127.0.0.1:9\"",
        ..Scenario::default()
    };
    check(
        &upstream,
        &[
            "has the upstream 127.0.0.1:",
            "not 127.0.0.1:9 as the scenario states",
        ],
    );
}

fn a_proxy_that_is_as_stated_is_not_refused() {
    let rig = Rig::new();
    let stated = format!(", listen = \"{}\", upstream = \"{}\"", rig.listen, rig.upstream());
    rig.scenario(
        "slow",
        &Scenario {
            timeline: SLOW,
            web: &stated,
            ..Scenario::default()
        },
    );
    rig.start("slow", &["--set", "hold=1s"])
        .finish(END)
        .assert(0, "passed");
}

fn plain_toxiproxy_is_refused_because_its_faults_have_no_lease() {
    let mut rig = Rig::new();
    let proxies = format!(
        r#"{{"web":{{"name":"web","listen":"{}","upstream":"{}","enabled":true,"toxics":[]}}}}"#,
        rig.listen,
        rig.upstream()
    );
    let plain = Server::start(move |asked| match asked {
        "GET /version" => (200, r#"{"version": "2.12.0"}"#.to_owned()),
        "GET /proxies" => (200, proxies.clone()),
        _ => (404, "404 page not found\n".to_owned()),
    });
    rig.api = format!("http://{}", plain.address());
    rig.scenario(
        "slow",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    rig.start("slow", &[])
        .finish(END)
        .assert_refused(&["/v1/leases", "Toxiproxy", "gameday proxy"]);
}

fn a_process_that_is_gone_is_refused() {
    let rig = Rig::new();
    let node = rig.node();
    node.kill();
    wait_for("the node to be gone", END, || {
        node.state().is_none().then_some(())
    });
    let frozen = crate::support::rig::FROZEN;
    rig.scenario(
        "frozen",
        &Scenario {
            timeline: frozen,
            ..Scenario::default()
        },
    );
    check_plan(&rig, "frozen", &["target node", "gone"]);
    rig.start("frozen", &[])
        .finish(END)
        .assert_refused(&["target node", "gone"]);
    assert_eq!(node.starts(), 1, "pre-flight starts nothing");
}
