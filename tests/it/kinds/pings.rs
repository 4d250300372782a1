//! Echo requests: to this machine, and to addresses that do not answer, in a network of their own.

use serde_json::Value;

use super::Cases;
use crate::network::run_inside;
use crate::support::Sandbox;

#[test]
fn this_machine_answers() {
    let sandbox = Sandbox::new();
    let mut cases = Cases::new(&sandbox);
    cases.add(
        "four",
        "[icmp]\nhost = \"127.0.0.1\"\ncount = 3\nsize = 1400\n",
        "up",
        "",
    );
    cases.add(
        "name",
        "[icmp]\nhost = \"localhost\"\nfamily = \"ip4\"\n",
        "up",
        "",
    );
    cases.hold();
}

/// A pair of interfaces whose other end nobody listens at: one address there has a link address and is silent, another
/// has none, and behind both there is no route.
const NETWORK: &str = r#"
ip link add near type veth peer name far
ip address add 10.77.0.1/24 dev near
ip link set near up
ip link set far up
ip neighbour add 10.77.0.2 lladdr 02:00:00:00:00:02 dev near
"$GAMEDAY" probe probes --once --output json > looks.jsonl || true
"#;

#[test]
fn who_does_not_answer_is_told_by_how() {
    let sandbox = Sandbox::new();
    for (name, host, timeout) in [
        ("self", "10.77.0.1", "5s"),
        ("silent", "10.77.0.2", "2s"),
        ("absent", "10.77.0.3", "2s"),
        ("unrouted", "10.78.0.1", "5s"),
    ] {
        let text = format!("timeout = \"{timeout}\"\n[icmp]\nhost = \"{host}\"\ncount = 2\n");
        sandbox.write(&format!("probes/{name}.toml"), &text);
    }
    run_inside(&sandbox, NETWORK);
    let looks = std::fs::read_to_string(sandbox.path().join("looks.jsonl")).unwrap();
    let reasons: Vec<String> = looks
        .lines()
        .map(|line| {
            let look: Value = serde_json::from_str(line).unwrap();
            let reason = look["reason"].as_str().unwrap_or("up").to_owned();
            format!("{} {reason}", look["probe"].as_str().unwrap())
        })
        .collect();
    let mut sorted = reasons.clone();
    sorted.sort();
    let expected = [
        "absent timeout",
        "self up",
        "silent timeout",
        "unrouted connect_unreachable",
    ];
    assert_eq!(sorted, expected, "{looks}");
}
