//! After a drill on the real lab: what its journal is good for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::support::drill::{self, Running};
use crate::support::lab::Lab;
use crate::support::{Ran, Sandbox};

const ALERT: &str = "PaymentsLatencyHigh";

/// A lab, a drill that was run on it, and its folder.
struct Held {
    sandbox: Sandbox,
    lab: Lab,
    folder: PathBuf,
}

impl Held {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let lab = Lab::up(&sandbox, "real");
        let scenario = lab.exports.scenario(&[("hold = \"60s\"", "hold = \"30s\"")]);
        sandbox.write("db-latency.toml", &scenario);
        let mut command = sandbox.gameday(["run", "db-latency.toml", "--yes"]);
        command.env("CHECKOUT_PASSWORD", lab.exports.password());
        let (ran, _) = Running::start(&mut command, Duration::from_secs(150)).end();
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        let folder = drill::folder(&sandbox, &ran);
        Self { sandbox, lab, folder }
    }

    /// `gameday alerts` on the lab's own alerting.
    fn alerts(&self, more: &[&str]) -> Ran {
        let exports = &self.lab.exports;
        let mut args = vec!["alerts", "--prometheus", &exports.prometheus];
        args.extend(["--alertmanager", &exports.alertmanager]);
        args.extend(more);
        self.sandbox.run(args)
    }
}

#[test]
fn a_drill_proves_its_rule_and_is_compared_with_others() {
    let _turn = crate::support::turn();
    let held = Held::new();
    rules_are_listed(&held);
    the_rule_is_proved(&held);
    drills_are_compared(&held);
}

fn rules_are_listed(held: &Held) {
    let ran = held.alerts(&["--output", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let rules: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(rules.as_array().unwrap().len(), 5, "{rules}");
    let rule = of_alert(&rules, ALERT);
    assert_eq!(rule["state"], "inactive");
    assert_eq!(rule["for_ms"], 5000);
    assert_eq!(rule["receivers"], serde_json::json!(["oncall"]));
    let table = held.alerts(&[]).stdout;
    assert!(table.starts_with("ALERT"), "{table}");
    assert!(
        table.contains("PaymentsCacheMissing   payments  inactive   5s  ticket    oncall"),
        "{table}"
    );
}

fn the_rule_is_proved(held: &Held) {
    let ran = held.alerts(&["--coverage", "--output", "json", "--min", "20%"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let coverage: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&coverage["proved"], &coverage["rules"]),
        (&1.into(), &5.into()),
        "{coverage}"
    );
    let proved = of_alert(&coverage["alerts"], ALERT);
    assert_eq!(proved["state"], "proved", "{proved}");
    assert_eq!(proved["why"], Value::Null, "the rule is what the drill saw");
    let report = drill::report(&held.folder);
    assert_eq!(
        proved["last"]["ttn_ms"],
        report["trials"][0]["alerts"][0]["ttn_ms"]
    );
    assert_eq!(proved["last"]["drill"], report["drill"]);
    assert_eq!(
        of_alert(&coverage["alerts"], "PaymentsErrorsHigh")["state"],
        "never"
    );
    assert_eq!(coverage["routes"][0]["receiver"], "oncall");
    assert_eq!(coverage["routes"][0]["state"], "proved");

    let ran = held.alerts(&["--coverage", "--min", "80%"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("1 of 5 alert rules are proved (20.0 %); 4 never proved, less than 80%"),
        "{}",
        ran.stderr
    );
    let ran = held.alerts(&["--coverage", "--max-age", "1ms", "--format", "md"]);
    assert!(
        ran.stdout
            .contains("| PaymentsLatencyHigh (page) | payments | stale |"),
        "{}",
        ran.stdout
    );
}

fn drills_are_compared(held: &Held) {
    let folder = held.folder.to_str().unwrap();
    let same = held.sandbox.run(["compare", folder, folder]);
    assert_eq!(same.code, Some(0), "{}{}", same.stdout, same.stderr);
    assert!(
        same.stdout.contains("1 against 1 can never show p < 0.05"),
        "{}",
        same.stdout
    );

    let slow = held.sandbox.path().join("later/slow");
    told_later(&held.folder, &slow, SignedDuration::from_secs(5));
    let ran = held.sandbox.run(["compare", folder, "later", "--output", "json"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    let alert = &found[0]["alerts"][0];
    assert_eq!(alert["judgement"], "slower", "{alert}");
    let shift = &alert["times"][0]["shift_ms"]["estimate"];
    assert_eq!(
        (&alert["times"][0]["what"], shift),
        (&"TTN".into(), &5000.0.into())
    );
    assert!(
        ran.stderr.contains("+5.0 s from rule active on"),
        "{}",
        ran.stderr
    );

    let ran = held.sandbox.run(["compare", folder, "--baseline", "later"]);
    assert_eq!(
        ran.code,
        Some(2),
        "it is the same drill: {}{}",
        ran.stdout,
        ran.stderr
    );
    let ran = held.sandbox.run(["compare", folder, "nowhere"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("cannot read the folder nowhere"),
        "{}",
        ran.stderr
    );
}

#[track_caller]
fn of_alert<'v>(list: &'v Value, name: &str) -> &'v Value {
    let mut list = list.as_array().unwrap().iter();
    list.find(|one| one["alert"] == name)
        .unwrap_or_else(|| panic!("no {name}"))
}

/// The same drill, but its notifications arrive that much later.
fn told_later(from: &Path, to: &Path, by: SignedDuration) {
    let journal = std::fs::read_to_string(from.join("journal.jsonl")).unwrap();
    let lines = journal.lines().map(|line| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        if let Some(told) = event["kind"].get_mut("notified") {
            let arrived: Timestamp = told["arrived"].as_str().unwrap().parse().unwrap();
            told["arrived"] = (arrived + by).to_string().into();
        }
        format!("{event}\n")
    });
    let lines: String = lines.collect();
    std::fs::create_dir_all(to).unwrap();
    std::fs::write(to.join("journal.jsonl"), lines).unwrap();
}
