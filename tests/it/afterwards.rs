//! After a drill on the real lab: what its journal is good for.

use std::path::{Path, PathBuf};
use std::process::Command;
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
    the_drill_is_a_unit_test(&held);
    other_settings_are_replayed(&held);
    a_first_scenario_is_written(&held);
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

/// Debian's promtool passes what was made of the drill, and fails when the rule is another.
fn the_drill_is_a_unit_test(held: &Held) {
    let folder = held.folder.to_str().unwrap();
    let ran = held.sandbox.run(["report", folder, "--format", "promtool"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stderr, "", "nothing is left out");
    assert!(ran.stdout.contains("rules_test.yml"), "{}", ran.stdout);
    let (passed, said) = promtool(&held.folder);
    assert!(passed, "{said}");

    let rules = std::fs::read_to_string(held.folder.join("rules.yml")).unwrap();
    for (from, to) in [
        (") > 0.25", ") > 25"),
        (") > 0.25", ") > 0.0001"),
        ("for: 5s", "for: 9s"),
    ] {
        assert_eq!(rules.matches(from).count(), 1, "{rules}");
        std::fs::write(held.folder.join("rules.yml"), rules.replace(from, to)).unwrap();
        let (passed, said) = promtool(&held.folder);
        assert!(!passed, "{from} became {to}: {said}");
    }
    let ran = held
        .sandbox
        .run(["report", folder, "--format", "promtool", "--alert", "Other"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("the drill saw no rule `Other`"),
        "{}",
        ran.stderr
    );
}

fn promtool(folder: &Path) -> (bool, String) {
    let ran = Command::new("promtool")
        .args(["test", "rules", "rules_test.yml"])
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("promtool, of Debian's prometheus: {error}"));
    let said = [ran.stdout, ran.stderr]
        .map(|text| String::from_utf8(text).unwrap())
        .concat();
    (ran.status.success(), said)
}

/// What is replayed unchanged is what was measured; another `for` moves T3 by its ticks and nothing else.
fn other_settings_are_replayed(held: &Held) {
    let what_if = |more: &[&str]| -> Value {
        let mut args = vec!["what-if", held.folder.to_str().unwrap(), "--output", "json"];
        args.extend(more);
        let ran = held.sandbox.run(args);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        serde_json::from_str::<Value>(&ran.stdout).unwrap()[0].clone()
    };
    let ms = |value: &Value| value.as_i64().unwrap_or_else(|| panic!("{value} is no number"));
    let same = what_if(&[]);
    // Marks are rounded, and clocks compared, to a few milliseconds; an evaluation is a second.
    assert!(ms(&same["off_ms"]).abs() <= 1000, "{same}");
    assert_eq!(same["replayed"], same["changed"]);
    assert_eq!(
        same["measured"]["ttn_ms"],
        drill::report(&held.folder)["trials"][0]["alerts"][0]["ttn_ms"]
    );

    let longer = what_if(&["--for", "8s"]);
    let moved = |times: &Value, what: &str| ms(&times["changed"][what]) - ms(&same["changed"][what]);
    assert_eq!(
        (moved(&longer, "ttd_ms"), moved(&longer, "ttn_ms")),
        (3000, 3000),
        "{longer}"
    );
    let between = what_if(&["--for", "7500ms"]);
    assert_eq!(
        moved(&between, "ttd_ms"),
        3000,
        "it fires at an evaluation: {between}"
    );

    let wait = what_if(&["--group-wait", "6s"]);
    assert_eq!(ms(&wait["changed"]["stages_ms"]["group"]), 6004, "{wait}");
    assert_eq!(moved(&wait, "ttd_ms"), 0);
    let never = what_if(&["--for", "5m"]);
    assert_eq!(never["changed"]["ttd_ms"], Value::Null, "{never}");
    assert!(
        never["changed"]["never"]
            .as_str()
            .unwrap()
            .starts_with("it is pending"),
        "{never}"
    );
    let gone = what_if(&["--group-wait", "5m"]);
    assert!(
        gone["changed"]["never"]
            .as_str()
            .unwrap()
            .starts_with("it is resolved before"),
        "{gone}"
    );
    let high = what_if(&["--threshold", "25"]);
    assert_eq!(
        high["changed"]["never"], "its condition does not become true",
        "{high}"
    );
    let slow = what_if(&["--interval", "5s"]);
    let range = &slow["ttn_range_ms"];
    assert!(ms(&range[1]) - ms(&range[0]) >= 2000, "phases matter: {slow}");
}

fn a_misspelled_alert_is_told_the_nearest_rule(held: &Held, scenario: &str) {
    let expected = format!("\"{ALERT}\" = {{");
    assert!(scenario.contains(&expected), "{scenario}");
    let text = scenario.replace(&expected, "PaymentLatencyHihg = {");
    held.sandbox.write("typo.toml", &text);
    let meant = "did you mean `PaymentsLatencyHigh`?";
    let plan = held.sandbox.run(["run", "typo.toml", "--plan"]);
    assert!(plan.stdout.contains(meant), "{}{}", plan.stdout, plan.stderr);
    let ran = held.sandbox.run(["run", "typo.toml", "--yes"]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    let told =
        format!("no alert rule is named `PaymentLatencyHihg`: the expectation could never be met; {meant}");
    assert!(ran.stderr.contains(&told), "{}", ran.stderr);
}

/// A first scenario lacks nothing but its target; with it, it can be planned on the real thing.
fn a_first_scenario_is_written(held: &Held) {
    let exports = &held.lab.exports;
    let (prometheus, alertmanager) = (exports.prometheus.as_str(), exports.alertmanager.as_str());
    let at = ["--prometheus", prometheus, "--alertmanager", alertmanager];
    let ran = held.sandbox.run(["init"].into_iter().chain(at).chain([
        "--alert",
        ALERT,
        "--out",
        "scenarios/slow.toml",
    ]));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("a target needs `proxy`"), "{}", ran.stderr);
    let checked = held.sandbox.run(["check", "scenarios/slow.toml"]);
    assert_eq!(checked.code, Some(2));
    assert!(checked.stderr.contains("target = {}"), "{}", checked.stderr);
    assert!(
        checked.stderr.contains("1 problem"),
        "nothing else is wrong: {}",
        checked.stderr
    );

    let text = std::fs::read_to_string(held.sandbox.path().join("scenarios/slow.toml")).unwrap();
    for part in [
        "runbook = \"https://runbooks.example/payments-latency\"",
        "receiver = \"oncall\"",
        "\"severity\" = \"page\"",
        "fault.latency = ",
        "#   http_request_duration_seconds_bucket",
        "# Predicted if every request is bad and as many come as before, whenever it begins: firing after ",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("as the scenario says"), "{text}");
    let target = format!(
        "target = {{ proxy = \"payments-db\", api = \"{}\" }}",
        exports.proxy_api
    );
    held.sandbox
        .write("scenarios/slow.toml", &text.replace("target = {}", &target));
    let checked = held.sandbox.run(["check", "scenarios/slow.toml"]);
    assert_eq!(checked.code, Some(0), "{}{text}", checked.stderr);
    let plan = held.sandbox.run(["run", "scenarios/slow.toml", "--plan"]);
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    assert!(plan.stdout.contains("oncall notified after"), "{}", plan.stdout);
    assert!(
        !plan.stdout.contains("too late"),
        "its limits can be kept: {}",
        plan.stdout
    );
    a_misspelled_alert_is_told_the_nearest_rule(held, &text.replace("target = {}", &target));

    let again = held.sandbox.run(
        ["init"]
            .into_iter()
            .chain(at)
            .chain(["--out", "scenarios/slow.toml"]),
    );
    assert_eq!(again.code, Some(2), "nothing is overwritten: {}", again.stdout);
    let next = held.sandbox.run(["init"].into_iter().chain(at));
    assert_eq!(next.code, Some(0), "{}", next.stderr);
    assert!(
        !next.stdout.contains("PaymentsLatencyHigh"),
        "that one has a scenario: {}",
        next.stdout
    );
    let near = held.sandbox.run(
        ["init"]
            .into_iter()
            .chain(at)
            .chain(["--alert", "PaymentsLatencyHig"]),
    );
    assert!(
        near.stderr.contains("did you mean `PaymentsLatencyHigh`?"),
        "{}",
        near.stderr
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
        // As much later it was counted, or nobody would believe that Alertmanager sent it.
        if let Some(counted) = event["kind"].get_mut("notifications_counted") {
            for key in ["after", "by"] {
                let read: Timestamp = counted[key].as_str().unwrap().parse().unwrap();
                counted[key] = (read + by).to_string().into();
            }
        }
        format!("{event}\n")
    });
    let lines: String = lines.collect();
    std::fs::create_dir_all(to).unwrap();
    std::fs::write(to.join("journal.jsonl"), lines).unwrap();
}
