//! A drill whose journal is sampled from its first line on.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::support::drill::{self, Running};
use crate::support::{Sandbox, root};

/// What a journal holds, counted by kind with this file's own eyes.
struct Counted {
    lines: u64,
    /// Looks that have a line of their own, and those that were summed up.
    looks: (u64, u64),
    /// Those of both that say down.
    failed: (u64, u64),
}

fn count(journal: &str) -> Counted {
    let mut counted = Counted {
        lines: 0,
        looks: (0, 0),
        failed: (0, 0),
    };
    for line in journal.lines() {
        counted.lines += 1;
        let kind = serde_json::from_str::<Value>(line).unwrap()["kind"].take();
        if kind.get("probe_done").is_some() {
            counted.looks.0 += 1;
            let outcome = &kind["probe_done"]["outcome"];
            counted.failed.0 += u64::from(outcome.get("down").is_some());
        }
        if let Some(summed) = kind.get("looks_summed") {
            let looks = summed["looks"].as_array().unwrap().len() as u64;
            counted.looks.1 += looks;
            if summed["outcome"].get("down").is_some() {
                counted.failed.1 += looks;
            }
        }
    }
    counted
}

#[test]
fn a_drill_that_is_sampled_loses_no_look_and_no_failure() {
    let _turn = crate::support::turn();
    let sandbox = Sandbox::new();
    let text = std::fs::read_to_string(root().join("scenarios/db-kill.toml")).unwrap();
    let probes = root().join("probes").display().to_string();
    let text = text.replace("../probes", &probes) + "\n[journal]\nwhole = \"0B\"\nevery = \"20s\"\n";
    let scenario = sandbox.write("db-kill.toml", &text);
    let mut command = sandbox.gameday(["run", "--lab", "embedded"]);
    command.arg(&scenario).env_remove("CHECKOUT_PASSWORD");
    let (ran, _) = Running::start(&mut command, Duration::from_secs(240)).end();
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);

    let folder = drill::folder(&sandbox, &ran);
    let counted = count(&std::fs::read_to_string(folder.join("journal.jsonl")).unwrap());
    let report = drill::report(&folder);
    let said = &report["journal"];
    assert_eq!(said["lines"], counted.lines);
    assert_eq!(said["looks"]["all"], counted.looks.0 + counted.looks.1, "{said}");
    assert_eq!(said["looks"]["summed"], counted.looks.1, "{said}");
    let whole_and_up = counted.looks.0 - counted.failed.0;
    assert!(
        counted.looks.1 - counted.failed.1 > whole_and_up,
        "most looks that say up are summed up: {said}"
    );

    let trial = &report["trials"][0];
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for probe in trial["probes"].as_array().unwrap() {
        for phase in ["before", "during", "after"] {
            for key in ["runs", "down"] {
                *sums.entry(key).or_default() += probe[phase][key].as_u64().unwrap();
            }
        }
    }
    assert_eq!(sums["runs"], counted.looks.0 + counted.looks.1, "{trial}");
    assert_eq!(sums["down"], counted.failed.0 + counted.failed.1, "{trial}");
    assert!(counted.failed.0 > 0, "a killed database fails looks");
    assert_eq!(
        report["plan"]["journal"],
        serde_json::json!({ "whole_bytes": 0, "every_ms": 20_000 })
    );
    let html = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(html.contains("was sampled"), "the page says so");
    let again = sandbox.run(["report", "--format", "html", folder.to_str().unwrap()]);
    assert_eq!(again.stdout.trim_end(), html.trim_end(), "the same page again");
}
