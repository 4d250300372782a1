use super::*;

#[track_caller]
fn check(known: &[(&str, Seeing)], smallest: Option<&str>, largest: Option<&str>) -> Edge {
    let found = edge("A".into(), BTreeMap::new(), known);
    assert_eq!(found.smallest_seen.as_deref(), smallest, "{found:?}");
    assert_eq!(found.largest_not_seen.as_deref(), largest, "{found:?}");
    found
}

#[test]
fn the_edge_is_between_the_largest_that_is_not_seen_and_the_smallest_that_is() {
    use Seeing::{NotSeen, Seen, Sometimes};
    check(
        &[("1", NotSeen), ("2", Sometimes), ("3", Seen)],
        Some("3"),
        Some("2"),
    );
    check(&[("1", Seen), ("2", Seen)], Some("1"), None);
    check(&[("1", NotSeen)], None, Some("1"));
    check(&[], None, None);
    // A bandwidth: the smaller the worse.
    check(&[("1", Seen), ("2", Seen), ("3", NotSeen)], Some("2"), Some("3"));
    let odd = check(
        &[("1", NotSeen), ("2", Seen), ("3", NotSeen), ("4", Seen)],
        Some("4"),
        Some("3"),
    );
    assert!(odd.detail.contains("a smaller one was seen as well"), "{odd:?}");
}

/// An expectation of 30 s with these times of its trials.
fn alert(times_ms: &[i64]) -> PointAlert {
    PointAlert {
        label: "A".into(),
        seen: Seeing::Seen,
        trials: 2,
        detected: 2,
        times_ms: times_ms.to_vec(),
        time: Summary::default(),
        predicted_ms: Vec::new(),
        predicted_never: None,
        limit_ms: Some(30_000),
    }
}

#[test]
fn what_is_seen_too_late_is_said_to_be() {
    let points = [
        ("20ms", [21_000, 98_000]),
        ("50ms", [31_000, 40_000]),
        ("100ms", [8_000, 30_000]),
    ];
    let point = |(value, times): &(&str, [i64; 2])| PointReport {
        values: BTreeMap::from([("delay".to_owned(), (*value).to_owned())]),
        drill: None,
        verdict: Some(Verdict::Failed),
        summary: String::new(),
        alerts: vec![alert(times)],
    };
    let said = |count: usize| {
        let points: Vec<PointReport> = points[..count].iter().map(point).collect();
        let values = points.iter().map(|point| point.values["delay"].clone()).collect();
        let over = SweptVariable {
            name: "delay".to_owned(),
            values,
        };
        edges(&[over], &points).remove(0)
    };
    let edge = said(3);
    assert_eq!(
        edge.detail,
        "all are seen, the smallest is 20ms; in time only from 100ms on"
    );
    assert_eq!(edge.smallest_in_time.as_deref(), Some("100ms"));
    assert_eq!(
        said(2).detail,
        "all are seen, the smallest is 20ms; in time in each trial is none"
    );
}
