//! Values as Prometheus' documentation and promtool give them, and rules over series made by hand.

use gameday_core::{RawSeries, RecordingSeen, RuleSeen, Timestamp};

use super::eval::Evaluation;
use super::store::Store;
use super::{Change, Episode, Material, replay};
use crate::promql::parse;

fn labels(text: &str) -> std::collections::BTreeMap<String, String> {
    let pairs = text.split(' ').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (label, value) = pair.split_once('=').unwrap();
            (label.to_owned(), value.to_owned())
        })
        .collect()
}

/// A sample each second from 0 on.
fn series(name: &str, values: &[f64]) -> RawSeries {
    let sample = |(second, value): (i64, &f64)| (Timestamp::from_micros(second * 1_000_000), *value);
    RawSeries {
        labels: labels(name),
        samples: (0..).zip(values).map(sample).collect(),
    }
}

fn store() -> Store {
    let mut store = Store::default();
    let ramp = |step: f64| -> Vec<f64> { (0..=20).map(|second| f64::from(second) * step).collect() };
    for (name, step) in [
        ("__name__=requests job=api code=200", 9.0),
        ("__name__=requests job=api code=500", 1.0),
        ("__name__=requests job=db code=200", 5.0),
        ("__name__=took_bucket job=api le=0.1", 10.0),
        ("__name__=took_bucket job=api le=0.5", 19.0),
        ("__name__=took_bucket job=api le=+Inf", 20.0),
        ("__name__=limit job=api", 0.01),
    ] {
        store.add(&series(name, &ramp(step)));
    }
    store.add(&series("__name__=reset", &[1.0, 5.0, 9.0, 2.0, 4.0]));
    store
}

#[track_caller]
fn check(query: &str, at_s: i64, wanted: &[(&str, f64)]) {
    let store = store();
    let evaluation = Evaluation {
        store: &store,
        at_ms: at_s * 1000,
    };
    let mut found = evaluation.vector(&parse(query).unwrap()).unwrap();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found.len(), wanted.len(), "{query}: {found:?}");
    for ((theirs, value), (named, number)) in found.iter().zip(wanted) {
        assert_eq!(*theirs, labels(named), "{query}");
        assert!((value - number).abs() < 1e-9, "{query}: {value} is not {number}");
    }
}

#[test]
fn counters_are_rated_and_summed_as_prometheus_does() {
    check(
        "rate(requests{code=\"500\"}[5s])",
        10,
        &[("code=500 job=api", 1.0)],
    );
    check(
        "sum by (job) (rate(requests[5s]))",
        10,
        &[("job=api", 10.0), ("job=db", 5.0)],
    );
    check(
        "sum without (code) (requests)",
        2,
        &[("job=api", 20.0), ("job=db", 10.0)],
    );
    check("sum(increase(requests{job=\"db\"}[4s]))", 10, &[("", 20.0)]);
    // 1 5 9 2 4: 8 up to the reset, 2 from nothing, 2 more; the range reaches its first sample exactly.
    check("increase(reset[4s])", 4, &[("", 12.0)]);
    check("irate(reset[4s])", 4, &[("", 2.0)]);
    check("resets(reset[4s])", 4, &[("", 1.0)]);
}

#[test]
fn sides_meet_by_their_labels() {
    let share = "sum by (job) (rate(requests{code=~\"5..\"}[5s])) / sum by (job) (rate(requests[5s]))";
    check(share, 10, &[("job=api", 0.1)]);
    check(&format!("{share} > 0.05"), 10, &[("job=api", 0.1)]);
    check(&format!("{share} > 0.2"), 10, &[]);
    check(&format!("{share} > bool 0.2"), 10, &[("job=api", 0.0)]);
    check(
        "sum by (job) (requests) > on (job) limit",
        10,
        &[("job=api", 100.0)],
    );
    check(
        "requests / on (job) group_left limit",
        10,
        &[("code=200 job=api", 900.0), ("code=500 job=api", 100.0)],
    );
    check(
        "requests{code=\"200\"} unless on (job) limit",
        1,
        &[("__name__=requests code=200 job=db", 5.0)],
    );
    check(
        "requests{code=\"500\"} or limit",
        1,
        &[
            ("__name__=limit job=api", 0.01),
            ("__name__=requests code=500 job=api", 1.0),
        ],
    );
}

#[test]
fn quantiles_of_histograms_are_interpolated() {
    let query = "histogram_quantile(0.95, sum by (job, le) (rate(took_bucket[5s])))";
    check(query, 10, &[("job=api", 0.5)]);
    check("histogram_quantile(0.5, took_bucket)", 10, &[("job=api", 0.1)]);
    check("histogram_quantile(0.725, took_bucket)", 10, &[("job=api", 0.3)]);
    check("histogram_quantile(0.99, took_bucket)", 10, &[("job=api", 0.5)]);
}

#[test]
fn a_series_that_stops_is_gone_when_its_next_sample_does_not_come() {
    check("reset", 5, &[("__name__=reset", 4.0)]);
    check("reset", 6, &[]);
    check("absent(reset{job=\"x\"})", 6, &[("job=x", 1.0)]);
    check("max_over_time(reset[10s])", 6, &[("", 9.0)]);
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    let store = store();
    let evaluation = Evaluation {
        store: &store,
        at_ms: 10_000,
    };
    for (query, word) in [
        ("topk(3, requests)", "`topk`"),
        ("predict_linear(requests[5s], 60)", "`predict_linear`"),
        ("max_over_time(rate(requests[5s])[1m:])", "subqueries"),
        ("requests @ 5", "`@`"),
        ("requests / limit{job=\"none\"} * on (job) requests", "several"),
    ] {
        let error = evaluation.vector(&parse(query).unwrap()).unwrap_err();
        assert!(error.contains(word), "{query}: {error}");
    }
}

fn rule(query: &str, for_s: u64) -> RuleSeen {
    RuleSeen {
        alert: "X".into(),
        query: query.into(),
        interval_ms: 2000,
        for_ms: for_s * 1000,
        labels: labels("severity=page"),
        annotations: labels(""),
        group: "g".into(),
        file: "f".into(),
        keep_firing_ms: 0,
    }
}

/// One series that is over 5 from 4 s to 12 s; evaluated at 1 s, 3 s, 5 s ….
fn episodes(
    rule: &RuleSeen,
    recordings: &[RecordingSeen],
    change: Change,
) -> Vec<(i64, Option<i64>, Option<i64>)> {
    let values: Vec<f64> = (0..=20)
        .map(|second| if (4..12).contains(&second) { 7.0 } else { 1.0 })
        .collect();
    let material = Material {
        rule,
        recordings,
        series: &[series("__name__=x job=api", &values)],
        evaluated_at: Timestamp::from_micros(101_000_000),
        left_open: false,
    };
    let second = |time: Timestamp| time.as_micros() / 1_000_000;
    let found = replay(&material, &change).unwrap();
    let told = |one: &Episode| {
        assert_eq!(one.labels, labels("alertname=X job=api severity=page"));
        (
            second(one.active),
            one.firing.map(second),
            one.inactive.map(second),
        )
    };
    found.iter().map(told).collect()
}

#[test]
fn a_rule_fires_when_its_for_is_over_and_at_a_tick() {
    let rule = rule("x > 5", 4);
    let with = |change| episodes(&rule, &[], change);
    assert_eq!(with(Change::default()), [(5, Some(9), Some(13))]);
    let for_ms = |ms| Change {
        for_ms: Some(ms),
        ..Change::default()
    };
    assert_eq!(
        with(for_ms(3000)),
        [(5, Some(9), Some(13))],
        "3 s are two ticks as well"
    );
    assert_eq!(with(for_ms(0)), [(5, Some(5), Some(13))]);
    assert_eq!(with(for_ms(8000)), [(5, None, Some(13))], "it is over before");
    let threshold = |over| Change {
        threshold: Some(over),
        ..Change::default()
    };
    assert_eq!(with(threshold(8.0)), []);
    assert_eq!(with(threshold(0.5)), [(1, Some(5), None)]);
    let slow = Change {
        interval_ms: Some(5000),
        ..Change::default()
    };
    assert_eq!(with(slow), [(6, Some(11), Some(16))]);
    let later = Change {
        phase_ms: 1000,
        ..Change::default()
    };
    assert_eq!(with(later), [(4, Some(8), Some(12))]);
}

#[test]
fn a_rule_that_keeps_firing_ends_later() {
    let mut rule = rule("x > 5", 0);
    rule.keep_firing_ms = 4000;
    assert_eq!(episodes(&rule, &[], Change::default()), [(5, Some(5), Some(17))]);
}

#[test]
fn recorded_series_are_seen_at_the_ticks_of_their_own_group() {
    let recording = RecordingSeen {
        record: "job:x:max".into(),
        query: "max by (job) (x)".into(),
        labels: labels(""),
        interval_ms: 5000,
        group: "r".into(),
        file: "f".into(),
        evaluated_at: Some(Timestamp::from_micros(0)),
    };
    let found = episodes(&rule("job:x:max > 5", 0), &[recording], Change::default());
    // Recorded at 5 s and at 10 s; seen at 5 s and no more at 15 s.
    assert_eq!(found, [(5, Some(5), Some(15))]);
}

#[test]
fn a_threshold_that_is_not_one_is_refused() {
    let material = |rule: &RuleSeen| {
        replay(
            &Material {
                rule,
                recordings: &[],
                series: &[series("__name__=x", &[1.0, 2.0])],
                evaluated_at: Timestamp::from_micros(0),
                left_open: false,
            },
            &Change {
                threshold: Some(1.0),
                ..Change::default()
            },
        )
    };
    assert!(
        material(&rule("x > 5 and x < 9", 0))
            .unwrap_err()
            .contains("2 numbers")
    );
    assert!(
        material(&rule("absent(x)", 0))
            .unwrap_err()
            .contains("no threshold")
    );
}
