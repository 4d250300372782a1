//! Packets lost beyond the proxy, by kernel rules, each test in a network namespace of its own.
//!
//! A namespace that a user makes for himself (`unshare -Urn`) is also the documented way without root.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::drill::{Running, at, folder, report};
use crate::support::{Ran, Sandbox};

const PORT: u16 = 5999;

fn scenario(fault: &str, hold: &str) -> String {
    format!(
        r#"
title = "Packets are lost on the way to an echo"
[targets]
echo = {{ network = "127.0.0.1:{PORT}" }}
[timeline]
lossy = {{ at = "1s", hold = "{hold}", on = "echo", fault.{fault} }}
[guard]
max_duration = "1m"
lease = "3s"
"#
    )
}

/// A script in a user and network namespace of its own, with loopback up and gameday as `$GAMEDAY`.
fn inside(sandbox: &Sandbox, script: &str) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--net", "sh", "-ec"])
        .arg(format!("ip link set lo up\n{script}"))
        .current_dir(sandbox.path())
        .env("XDG_STATE_HOME", sandbox.path().join("state"))
        .env("NO_COLOR", "1")
        .env("GAMEDAY", env!("CARGO_BIN_EXE_gameday"))
        .env(
            "TRAFFIC",
            crate::support::root().join("tests/it/network/traffic.py"),
        )
        .stdin(Stdio::null());
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command
}

#[track_caller]
pub(crate) fn run_inside(sandbox: &Sandbox, script: &str) -> Output {
    let output = inside(sandbox, script).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&output.stdout)
    );
    output
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn lost_packets_are_retransmitted_the_stream_is_whole_and_no_rule_is_left() {
    let sandbox = Sandbox::new();
    sandbox.write("lossy.toml", &scenario("packet_loss = { share = \"5%\" }", "4s"));
    let script = format!(
        r#"
python3 "$TRAFFIC" {PORT} 7 > hit.json &
python3 "$TRAFFIC" 6001 7 > spared.json &
"$GAMEDAY" run lossy.toml --yes
nft list tables > tables
wait
"#
    );
    let (ran, _) = Running::start(&mut inside(&sandbox, &script), Duration::from_secs(60)).end();
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let report = report(&folder(&sandbox, &ran));
    assert_eq!(report["verdict"], "passed");
    let fault = &report["trials"][0]["faults"][0];
    assert_eq!(fault["kind"], "packet_loss");
    let lost = fault["touched"].as_i64().unwrap();
    let (hit, spared) = (
        json(&sandbox.path().join("hit.json")),
        json(&sandbox.path().join("spared.json")),
    );
    println!("lost {lost}; hit {hit}; spared {spared}");
    // 4 s at up to a thousand exchanges a second, of which 5 % of each way are lost and stall it: some tens.
    assert!(lost >= 5, "{lost}");
    assert!(hit["retransmitted"].as_i64().unwrap() >= 1, "{hit}");
    assert!(hit["bytes"].as_i64().unwrap() > 100_000, "{hit}");
    assert_eq!(spared["retransmitted"], 0, "another port is not touched");
    let late = at(&fault["effective_at"]) - at(&fault["ordered_at"]);
    assert!(
        (0..2000).contains(&late),
        "the first loss was {late} ms after the order"
    );
    assert_eq!(
        std::fs::read_to_string(sandbox.path().join("tables")).unwrap(),
        ""
    );
}

#[test]
fn a_partition_lets_nothing_through_and_ends_with_the_lease_of_a_killed_runner() {
    let sandbox = Sandbox::new();
    sandbox.write("cut.toml", &scenario("partition = {}", "30s"));
    let script = format!(
        r#"
python3 "$TRAFFIC" {PORT} 9 > hit.json &
"$GAMEDAY" run cut.toml --yes 2> drill.log &
runner=$!
for _ in $(seq 200); do [ -n "$(nft list tables)" ] && break; sleep 0.05; done
nft list tables > during
sleep 2
kill -KILL $runner
wait $runner || true
for _ in $(seq 100); do [ -z "$(nft list tables)" ] && break; sleep 0.05; done
nft list tables > after
"$GAMEDAY" heal > healed
wait
"#
    );
    run_inside(&sandbox, &script);
    let read = |name: &str| std::fs::read_to_string(sandbox.path().join(name)).unwrap();
    assert!(
        read("during").contains("table inet gameday_cut_"),
        "{}",
        read("during")
    );
    assert_eq!(
        read("after"),
        "",
        "5 s after the runner was killed nothing is left"
    );
    assert!(
        read("healed").contains(": healed") && read("healed").contains("are gone"),
        "{}",
        read("healed")
    );
    let hit = json(&sandbox.path().join("hit.json"));
    assert!(
        hit["longest_stall_ms"].as_i64().unwrap() >= 1500,
        "nothing came through for 2 s: {hit}"
    );
}

#[test]
fn a_helper_that_is_killed_takes_its_rules_with_it_and_the_drill_says_so() {
    let sandbox = Sandbox::new();
    sandbox.write("severed.toml", &scenario("partition = {}", "6s"));
    // The brackets keep the pattern from meaning the shell that holds it.
    let script = r#"
("$GAMEDAY" run severed.toml --yes > out 2> drill.log && echo 0 > code || echo $? > code) &
for _ in $(seq 200); do [ -n "$(nft list tables)" ] && break; sleep 0.05; done
pkill -KILL -f "helper hold.*[g]ameday_severed_"
sleep 0.5
nft list tables > after
wait
"#;
    run_inside(&sandbox, script);
    let read = |name: &str| std::fs::read_to_string(sandbox.path().join(name)).unwrap();
    assert_eq!(read("after"), "");
    assert_ne!(
        read("code").trim(),
        "0",
        "a fault that was lost is not a passed drill: {}",
        read("drill.log")
    );
    assert_ne!(
        read("code").trim(),
        "5",
        "it is known to be gone: {}",
        read("drill.log")
    );
}

#[test]
fn without_the_capability_the_drill_is_refused_and_the_remedy_named() {
    let sandbox = Sandbox::new();
    sandbox.write("lossy.toml", &scenario("packet_loss = { share = \"1%\" }", "4s"));
    // Nobody in particular, in the namespace of the machine; as root by giving the capability up.
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-net_admin", "--inh-caps=-net_admin", "--"]);
    if !nix::unistd::Uid::effective().is_root() {
        command = Command::new("env");
    }
    command
        .arg(env!("CARGO_BIN_EXE_gameday"))
        .args(["run", "lossy.toml", "--yes"])
        .current_dir(sandbox.path())
        .env("XDG_STATE_HOME", sandbox.path().join("state"))
        .stdin(Stdio::null());
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, Some(4), "{}{}", ran.stdout, ran.stderr);
    for word in ["CAP_NET_ADMIN", "unshare -Urn", "gameday doctor"] {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
}

#[test]
fn the_doctor_tells_what_is_missing_and_what_to_do() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(["doctor", "--output", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let findings: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
    let of = |name: &str| findings.iter().find(|finding| finding["name"] == name).unwrap();
    assert_eq!(of("state folder")["state"], "ok");
    assert_eq!(
        of("nftables")["state"],
        "ok",
        "tests/install.sh installs it: {}",
        of("nftables")
    );
    for finding in &findings {
        let has_remedy = finding["remedy"]
            .as_str()
            .is_some_and(|remedy| !remedy.is_empty());
        assert_eq!(has_remedy, finding["state"] != "ok", "{finding}");
    }

    // Without its programs and its state folder it says so, and `--strict` turns that into an exit code.
    let blocked = sandbox.write("blocked", "a file where a folder should be");
    let mut command = sandbox.gameday(["doctor", "--strict"]);
    command.env("PATH", "").env("XDG_STATE_HOME", blocked);
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains("missing  state folder"), "{}", ran.stdout);
}
