//! Two trials on the real Prometheus and Alertmanager: each is measured by itself, and what the journal is good for
//! afterwards is made of both.

use std::path::Path;
use std::process::Command;

use super::*;
use crate::support::alerting::program;

const GROUPS: &str = "- name: shop-ratio\n  interval: 1s\n  rules:\n  \
     - {record: 'shop:errors:ratio', expr: 'sum(rate(shop_errors_total[5s])) / sum(rate(shop_requests_total[5s]))'}\n\
     - name: shop\n  interval: 2s\n  rules:\n  \
     - {alert: ShopErrors, expr: 'shop:errors:ratio > 0.4', for: 2s, labels: {severity: page}}\n  \
     - {alert: ShopIdle, expr: 'rate(shop_requests_total[5s]) == 0'}\n";
const EXPECT: &str = r#"ShopErrors = { job = "shop", firing = "25s", notified = "30s", resolved = "60s", receiver = "oncall", during = { bad = "100%" } }"#;
const DOWN: &str = r#"down = { hold = "14s", on = "web", fault.down = {} }"#;
const LIMIT: Duration = Duration::from_secs(420);

#[test]
fn two_trials_are_two_measurements_and_one_unit_test() {
    let _turn = crate::support::turn();
    check(false);
}

#[test]
fn the_same_holds_of_prometheus_3() {
    let _turn = crate::support::turn();
    check(true);
}

fn check(newer: bool) {
    let stand = Stand::new(&Plan {
        groups: GROUPS,
        global: "scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 2s",
        newer,
        ..Plan::default()
    });
    stand.alerting.wait_for_history(8);
    stand.scenario(DOWN, EXPECT);
    let ended = stand
        .rig
        .start("drill", &["--trials", "2", "--seed", "5"])
        .finish(LIMIT);
    ended.assert(0, "passed");
    let report = ended.report().expect("a report");
    let trials = report["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 2, "{}", ended.stderr);
    check_truth(&stand, trials);
    check_ends(&report, &["T2", "T3"]);
    let over = &report["over_trials"][0];
    assert_eq!(
        (&over["detected"], &over["ttd"]["trials"]),
        (&2.into(), &2.into())
    );
    the_journal_is_a_unit_test(&stand, ended.folder(), newer);
    each_trial_is_replayed(&stand, ended.folder(), trials);
    the_rule_is_covered(&stand, ended.folder(), &report);
}

/// What each trial says of its alert is what Prometheus stored then, and what the test's own receiver was told.
#[track_caller]
fn check_truth(stand: &Stand, trials: &[Value]) {
    let firing = stand
        .alerting
        .samples("ALERTS{alertname=\"ShopErrors\",alertstate=\"firing\"}[15m]");
    let pending = stand
        .alerting
        .samples("ALERTS{alertname=\"ShopErrors\",alertstate=\"pending\"}[15m]");
    let (firing, pending) = (episodes(&firing), episodes(&pending));
    assert_eq!((firing.len(), pending.len()), (2, 2), "{firing:?} {pending:?}");
    let told = stand.told.lock().unwrap();
    let of = |wanted: &str| -> Vec<i64> {
        let told = told.iter().filter(|(_, status)| status == wanted);
        told.map(|(time, _)| time.as_millisecond()).collect()
    };
    let (paged, resolved) = (of("firing"), of("resolved"));
    assert_eq!((paged.len(), resolved.len()), (2, 2), "{told:?}");
    for (index, trial) in trials.iter().enumerate() {
        let marks = &trial["alerts"][0]["marks"];
        let off = [
            ("T2", pending[index].0, 5),
            ("T3", firing[index].0, 5),
            ("T5", paged[index], DELIVERY_MS),
            // Rules of this group are evaluated each two seconds.
            ("T9", firing[index].1 + 2000, 5),
            ("T10", resolved[index], DELIVERY_MS),
        ];
        for (mark, truth, limit) in off {
            let off = at(&marks[mark]) - truth;
            println!("trial {index}: {mark} is {off} ms off");
            assert!(
                off.abs() <= limit,
                "{mark} of trial {index} is {off} ms off: {trial:#}"
            );
        }
    }
}

/// The first and the last sample of each stretch without a gap.
fn episodes(samples: &[i64]) -> Vec<(i64, i64)> {
    let parts = samples.chunk_by(|before, after| after - before < 5000);
    parts.map(|part| (part[0], *part.last().unwrap())).collect()
}

/// promtool of the same release passes what was made of both trials, and fails when the rule is another.
fn the_journal_is_a_unit_test(stand: &Stand, folder: &Path, newer: bool) {
    let ran = stand
        .rig
        .sandbox
        .run(["report", folder.to_str().unwrap(), "--format", "promtool"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
    let tests = std::fs::read_to_string(folder.join("rules_test.yml")).unwrap();
    let quiet = tests.matches("exp_alerts: []").count();
    let firing = tests.matches("exp_alerts:\n").count();
    // Right before each trial's alert fires and after it is over it does not; the end of the last may not be recorded.
    assert!(firing >= 4 && quiet >= 3, "{firing} and {quiet}: {tests}");
    let (passed, said) = promtool(folder, newer);
    assert!(passed, "{said}\n{tests}");
    let rules = std::fs::read_to_string(folder.join("rules.yml")).unwrap();
    for (from, to) in [("> 0.4", "> 40"), ("for: 2s", "for: 30s")] {
        assert_eq!(rules.matches(from).count(), 1, "{rules}");
        std::fs::write(folder.join("rules.yml"), rules.replace(from, to)).unwrap();
        let (passed, said) = promtool(folder, newer);
        assert!(!passed, "{from} became {to}: {said}");
    }
}

fn promtool(folder: &Path, newer: bool) -> (bool, String) {
    let mut command: Command = program("promtool", newer);
    let ran = command
        .args(["test", "rules", "rules_test.yml"])
        .current_dir(folder)
        .output()
        .expect("tests/install.sh installs promtool");
    let said = [ran.stdout, ran.stderr].map(|text| String::from_utf8(text).unwrap());
    (ran.status.success(), said.concat())
}

/// Both trials are replayed; unchanged they are what was measured, and another `for` moves each by its evaluations.
fn each_trial_is_replayed(stand: &Stand, folder: &Path, trials: &[Value]) {
    let what_if = |more: &[&str]| -> Vec<Value> {
        let mut args = vec!["what-if", folder.to_str().unwrap(), "--output", "json"];
        args.extend(more);
        let ran = stand.rig.sandbox.run(args);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    };
    let same = what_if(&[]);
    assert_eq!(same.len(), 2, "one for each trial: {same:#?}");
    let longer = what_if(&["--for", "4s"]);
    for ((same, longer), trial) in same.iter().zip(&longer).zip(trials) {
        assert_eq!(
            same["measured"]["ttd_ms"], trial["alerts"][0]["ttd_ms"],
            "{same:#}"
        );
        let off = same["off_ms"].as_i64().unwrap();
        println!("replayed firing less measured: {off} ms");
        // An evaluation is two seconds: it is the same one.
        assert!(off.abs() <= 100, "{same:#}");
        let moved =
            |what: &str| longer["changed"][what].as_i64().unwrap() - same["changed"][what].as_i64().unwrap();
        assert_eq!((moved("ttd_ms"), moved("ttn_ms")), (2000, 2000), "{longer:#}");
    }
}

fn the_rule_is_covered(stand: &Stand, folder: &Path, report: &Value) {
    let prometheus = format!("http://{}", stand.alerting.prometheus_at);
    let drills = folder.parent().unwrap().to_str().unwrap();
    let args = [
        "alerts",
        "--prometheus",
        &prometheus,
        "--coverage",
        "--drills",
        drills,
        "--output",
        "json",
    ];
    let ran = stand.rig.sandbox.run(args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let coverage: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&coverage["proved"], &coverage["rules"]),
        (&1.into(), &2.into()),
        "{coverage:#}"
    );
    let alerts = coverage["alerts"].as_array().unwrap();
    let proved = alerts
        .iter()
        .find(|alert| alert["alert"] == "ShopErrors")
        .unwrap();
    assert_eq!(proved["state"], "proved", "{proved:#}");
    let times: Vec<i64> = report["trials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trial| trial["alerts"][0]["ttn_ms"].as_i64().unwrap())
        .collect();
    let told = proved["last"]["ttn_ms"].as_i64().unwrap();
    assert!(
        times.iter().min().unwrap() <= &told && &told <= times.iter().max().unwrap(),
        "{told} of {times:?}: {proved:#}"
    );
}
