//! Bad scenarios, each with its exact message; the whole table of files stands in `tests/it/bad`.

mod faults;
mod judging;
mod regions;
mod sources;
mod variables;

use super::*;
use expect_test::{Expect, expect};

const PROBE: &str = r#"
every = "1s"
timeout = "2s"
[vars]
base = "http://127.0.0.1:1"
[[step]]
name = "get"
get = "{{base}}/"
expect = ["status == 200"]
"#;

const GOOD: &str = r#"title = "t"
[targets]
db = { proxy = "payments-db", api = "http://127.0.0.1:8474" }
[probes]
checkout = { file = "probe.toml", vars = { base = "http://127.0.0.1:2" } }
[observe]
prometheus = "http://127.0.0.1:9090"
webhook = "http://127.0.0.1:9095/webhook"
[steady]
works = { probe = "checkout", success = "95%", for = "10s" }
[timeline]
slow = { hold = "60s", on = "db", fault.latency = { delay = "200ms", jitter = "20ms" } }
[expect]
Slow = { firing = "25s", notified = "30s" }
[guard]
abort_if = ["checkout < 50% for 15s"]
max_duration = "5m"
lease = "15s"
"#;

fn load(text: &str, given: &Given) -> Result<Plan, Vec<Problem>> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("probe.toml"), PROBE).unwrap();
    let source = Source {
        path: dir.path().join("s.toml"),
        text: text.to_owned(),
    };
    Plan::load(&source, given)
}

/// A message without the folder of this run.
fn told(problem: &Problem) -> String {
    let folder = problem.path().parent().unwrap().display().to_string();
    problem.message().replace(&folder, "DIR")
}

/// Replaces one text of the good file by another and compares what is said of it.
fn check(from: &str, to: &str, expect: Expect) {
    assert!(GOOD.contains(from), "the good file has no {from:?}");
    let told = match load(&GOOD.replacen(from, to, 1), &Given::default()) {
        Ok(plan) => format!("{:#?}", plan.record()),
        Err(problems) => problems
            .iter()
            .map(|p| {
                let hint = p.remedy().map(|hint| format!(" | {hint}")).unwrap_or_default();
                format!(
                    "{}:{} {}{hint}\n",
                    p.line().unwrap_or(0),
                    p.column().unwrap_or(0),
                    told(p)
                )
            })
            .collect(),
    };
    expect.assert_eq(&told);
}

#[test]
fn the_good_file_is_good_and_the_first_fault_is_expected() {
    let plan = load(GOOD, &Given::default()).unwrap_or_else(|p| panic!("{}", Problem::draw_all(&p)));
    assert_eq!(plan.expect[0].of.as_str(), "slow");
    assert_eq!(plan.timeline_length(), Duration::from_secs(60));
    assert_eq!(plan.record().timeline[0].kind, "latency");
}
