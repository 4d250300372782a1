//! Files: what is read from a good one, and what is said of a bad one.

mod definition;
mod problems;
mod regions;
mod steps;

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use gameday_core::{ProbeName, Problem, RegionName, Source};

use crate::ProbePlan;
use crate::kind::Kind;

fn load(text: &str, overrides: &[(&str, &str)]) -> Result<ProbePlan, Vec<Problem>> {
    let source = Source {
        path: "probes/p.toml".into(),
        text: text.to_owned(),
    };
    let overrides = overrides.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    ProbePlan::load(&source, &overrides.collect())
}

/// The one place that knows the API: every problem as it is drawn, or `good`.
#[track_caller]
fn check(text: &str, expect: Expect) {
    let said = load(text, &[]).map_or_else(|problems| Problem::draw_all(&problems), |_| "good".to_owned());
    expect.assert_eq(&said);
}

/// The same for the lines of a step whose request is `get = "http://a.test/"`.
#[track_caller]
fn check_step(lines: &str, expect: Expect) {
    check(
        &format!("[[step]]\nname = \"s\"\nget = \"http://a.test/\"\n{lines}"),
        expect,
    );
}

#[test]
fn the_shipped_flow_is_read_and_stands_in_the_journal() {
    let text = include_str!("../../../../probes/checkout.toml");
    let plan = load(text, &[("base", "http://127.0.0.1:1")]).unwrap();
    assert_eq!(plan.var_names().collect::<Vec<_>>(), ["base", "idem", "resolver"]);
    let name = ProbeName::new("web").unwrap();
    let record = plan.record(name, &[RegionName::new("eu").unwrap()]);
    expect![[r#"{"name":"web","regions":["eu"],"steps":["login","pay","settled","cleanup"],"every_ms":1000,"timeout_ms":5000,"slo_p95_ms":250,"slo_success":0.9990000000000001,"slo_window_ms":2592000000}"#]].assert_eq(&serde_json::to_string(&record).unwrap());
}

#[test]
fn without_every_and_timeout_there_are_defaults() {
    let plan = load("[[step]]\nname = \"s\"\nget = \"http://a.test/\"\n", &[]).unwrap();
    assert_eq!((plan.every.as_secs(), plan.timeout.as_secs()), (60, 10));
}
