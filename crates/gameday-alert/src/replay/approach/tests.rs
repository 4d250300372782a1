//! How near rules came over series made by hand: a fault from 10 s to 20 s, evaluations each odd second.

use std::collections::BTreeMap;
use std::time::Duration;

use gameday_core::{Approach, FaultName, Nearest, RawSeries, RuleSeen, Timestamp};

use super::approach;
use crate::replay::Material;
use crate::{Asked, ExpectedFault};

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(label, value): &(&str, &str)| ((*label).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

/// A sample each second from 0 to 29.
fn series(name: &str, job: &str, value: impl Fn(i32) -> f64) -> RawSeries {
    let sample = |second: i32| (at(i64::from(second)), value(second));
    RawSeries {
        labels: labels(&[("__name__", name), ("job", job)]),
        samples: (0..30).map(sample).collect(),
    }
}

/// `x` is 50 until 3 s, then 1, and 7 in the fault; `y` falls from 1 to 0.4 in it. Of 10 requests a second 2 are bad in
/// it, and then there are only 5.
fn recorded() -> Vec<RawSeries> {
    let in_fault = |second: i32| (10..20).contains(&second);
    let counted = move |second: i32, before: f64, during: f64| -> f64 {
        (0..second)
            .map(|one| if in_fault(one) { during } else { before })
            .sum()
    };
    vec![
        series("x", "api", move |second| match second {
            ..=3 => 50.0,
            _ if in_fault(second) => 7.0,
            _ => 1.0,
        }),
        series("x", "db", |_| 3.0),
        series("y", "api", move |second| if in_fault(second) { 0.4 } else { 1.0 }),
        series("unreadable", "api", |_| f64::NAN),
        series("bad_total", "api", move |second| counted(second, 0.0, 2.0)),
        series("good_total", "api", move |second| counted(second, 10.0, 3.0)),
        series("all_total", "api", move |second| counted(second, 10.0, 5.0)),
    ]
}

fn came(query: &str, job: &str) -> Approach {
    let rule = RuleSeen {
        alert: "X".into(),
        query: query.into(),
        interval_ms: 2000,
        for_ms: 0,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        group: "g".into(),
        file: "f".into(),
        keep_firing_ms: 0,
    };
    let series = recorded();
    let material = Material {
        rule: &rule,
        recordings: &[],
        series: &series,
        evaluated_at: at(1),
        left_open: false,
    };
    let asked = Asked {
        label: "one".into(),
        alert: "X".into(),
        labels: labels(&[("job", job)]),
        receiver: None,
        webhook: None,
        limits: [None, None],
        fault: ExpectedFault {
            name: FaultName::new("slow").unwrap(),
            hold: Duration::from_secs(10),
            bad: Some(0.9),
            share: 1.0,
            traffic: None,
            lag: None,
            least_lag: Duration::ZERO,
            stops_traffic: false,
            scrape: None,
        },
    };
    approach(&material, &[], &asked, (at(10), at(20)))
}

/// Each way as `op limit: value at second, held`.
#[track_caller]
fn check(query: &str, job: &str, wanted: &[&[&str]]) {
    let told = |one: &Nearest| {
        let second = one.at.map_or(-1, |at| at.as_micros() / 1_000_000);
        let value = one.value.map_or("none".to_owned(), |value| value.to_string());
        format!(
            "{} {} {}: {value} at {second}, held {}",
            one.expr, one.op, one.limit, one.held
        )
    };
    let found = came(query, job);
    assert_eq!(found.why, None, "{query}");
    let ways: Vec<Vec<String>> = found
        .ways
        .iter()
        .map(|way| way.iter().map(told).collect())
        .collect();
    assert_eq!(ways, wanted, "{query}");
}

#[test]
fn a_comparison_tells_its_peak_since_the_fault() {
    check("x > 9", "api", &[&["x > 9: 7 at 11, held 0"]]);
    check("9 <= x", "api", &[&["x >= 9: 7 at 11, held 0"]]);
    check("y < 0.25", "api", &[&["y < 0.25: 0.4 at 11, held 0"]]);
    check("y == 0", "api", &[&["y == 0: 0.4 at 11, held 0"]]);
    check("max by (job) (x > 9)", "api", &[&["x > 9: 7 at 11, held 0"]]);
    check("x > 5", "api", &[&["x > 5: 7 at 11, held 5"]]);
}

#[test]
fn series_of_other_labels_are_not_meant() {
    check("x > 9", "db", &[&["x > 9: 3 at 11, held 0"]]);
    check("y < 0.5", "db", &[&["y < 0.5: none at -1, held 0"]]);
}

#[test]
fn what_yields_no_number_has_no_peak() {
    check(
        "unknown_total > 1",
        "api",
        &[&["unknown_total > 1: none at -1, held 0"]],
    );
    check(
        "unreadable > 1",
        "api",
        &[&["unreadable > 1: none at -1, held 0"]],
    );
}

#[test]
fn of_several_comparisons_each_tells_its_own() {
    check(
        "x > 5 and y < 0.1",
        "api",
        &[&["x > 5: 7 at 11, held 5", "y < 0.1: 0.4 at 11, held 0"]],
    );
    check("x > 9 unless y > 2", "api", &[&["x > 9: 7 at 11, held 0"]]);
    check(
        "(x > 8 and y < 0.1) or x > 20",
        "api",
        &[
            &["x > 8: 7 at 11, held 0", "y < 0.1: 0.4 at 11, held 0"],
            &["x > 20: 7 at 11, held 0"],
        ],
    );
}

#[test]
fn what_is_not_compared_with_a_number_cannot_be_told() {
    for (query, why) in [
        ("absent(x)", "it does not compare with a number"),
        ("x > y", "it does not compare with a number"),
        ("predict_linear(x[5s], 10) > 1", "`predict_linear`"),
    ] {
        let found = came(query, "api");
        let told = found.why.unwrap_or_default();
        assert!(told.contains(why), "{query}: {told}");
        assert!(found.ways.is_empty() && found.requests.is_none(), "{query}");
    }
}

#[test]
fn the_share_of_bad_requests_is_measured_without_the_rules_window() {
    let near = |found: Option<f64>, wanted: f64| (found.unwrap() - wanted).abs() < 0.02;
    let bad = "sum(rate(bad_total[8s])) / sum(rate(all_total[8s])) > 0.95";
    let good = "sum(rate(good_total[8s])) / sum(rate(all_total[8s])) < 0.01";
    let less = "1 - sum(rate(good_total[8s])) / sum(rate(all_total[8s])) > 0.95";
    let scaled = "100 * sum(increase(bad_total[8s])) / sum(increase(all_total[8s])) > 95";
    for query in [bad, good, less, scaled] {
        let seen = came(query, "api").requests.unwrap();
        assert!((seen.assumed_bad, seen.assumed_traffic) == (0.9, 1.0));
        assert!(near(seen.bad, 0.4), "{query}: {seen:?}");
        assert!(near(seen.traffic, 0.5), "{query}: {seen:?}");
    }
    assert_eq!(came("x > 9", "api").requests, None, "it counts no requests");
}
