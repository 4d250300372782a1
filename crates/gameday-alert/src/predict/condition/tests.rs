//! Queries, and what has to become true for each.

use expect_test::{Expect, expect};

use super::*;
use crate::predict::rules::Rules;

fn drawn(condition: &Condition) -> String {
    let all = |parts: &[Condition], word: &str| {
        let parts: Vec<String> = parts.iter().map(drawn).collect();
        format!("({})", parts.join(word))
    };
    match condition {
        Condition::All(parts) => all(parts, " and "),
        Condition::Any(parts) => all(parts, " or "),
        Condition::Leaf(leaf) => {
            let seconds = leaf.window_us() / 1_000_000;
            let level = match &leaf.level {
                Level::Share { scale, .. } if *scale != 1.0 => format!("share[{seconds}s] times {scale}"),
                Level::Share { .. } => format!("share[{seconds}s]"),
                Level::Quantile { q, .. } => format!("quantile {q} [{seconds}s]"),
                Level::Mean { binary, .. } => {
                    format!("mean[{seconds}s]{}", if *binary { " of 0 and 1" } else { "" })
                }
                Level::Flow { .. } => format!("flow[{seconds}s]"),
                Level::Instant { metric, .. } => format!("instant {metric}"),
                Level::Absent { metric } => format!("absent {metric}"),
                Level::Window { .. } => format!("window[{seconds}s]"),
                Level::WholeWindow { .. } => format!("whole window[{seconds}s]"),
                Level::Unseen { .. } => format!("unseen[{seconds}s]"),
            };
            let limit = match &leaf.limit {
                Limit::Number(limit) => format!(" {:?} {limit}", leaf.op),
                Limit::Query(query) => format!(" {:?} <{query}>", leaf.op),
                Limit::None => String::new(),
            };
            let burn = leaf.burn.map_or_else(String::new, |(factor, budget)| {
                format!(", burns {factor} of {budget}")
            });
            format!("{level}{limit}{burn}")
        }
    }
}

#[track_caller]
fn check(query: &str, expect: Expect) {
    let drawn = match study(query, Rules(&[])) {
        Ok(study) => {
            let assumed: String = study.assumes.iter().map(|what| format!("\nif {what}")).collect();
            drawn(&study.condition) + &assumed
        }
        Err(why) => format!("error: {why}"),
    };
    expect.assert_eq(&drawn);
}

#[test]
fn numbers_beside_the_level_are_taken_to_the_limit() {
    check("up == 0", expect!["instant up Equal 0"]);
    check("0.5 < rate(x[1m]) * 2", expect!["flow[60s] Greater 0.25"]);
    check("1 - avg(up) > 0.2", expect!["instant up Less 0.8"]);
    check("-x > 3", expect!["instant x Less -3"]);
    check("(x + 1) / -2 >= 3", expect!["instant x LessEqual -7"]);
    check(
        "100 * rate(a[1m]) / rate(b[1m]) > 5",
        expect!["share[60s] times 100 Greater 5"],
    );
    check("x > y * 2", expect!["instant x Greater <y * 2>"]);
    check("a - b > 0", expect!["instant a - b Greater 0"]);
}

#[test]
fn a_limit_that_is_a_factor_and_a_budget_is_a_burn_rate() {
    check(
        "sum(rate(a[5m])) / sum(rate(b[5m])) > (14.4 * 0.001)",
        expect!["share[300s] Greater 0.014400000000000001, burns 14.4 of 0.001"],
    );
    check(
        "sum(rate(a[1h])) / sum(rate(b[1h])) / 0.001 > 6",
        expect!["share[3600s] Greater 0.006, burns 6 of 0.001"],
    );
    check("x > 2 * 3", expect!["instant x Greater 6"]);
}

#[test]
fn conditions_within_aggregations_and_beside_each_other_are_found() {
    check(
        "max(a > 1) by (b) and count(up == 0) > 2 or absent(c{d=\"e\"})",
        expect![[r#"
            ((instant a Greater 1 and instant up Equal 0) or absent c{d="e"})
            if so many series are affected that `count(up == 0) > 2` holds as soon as it holds for one"#]],
    );
    check(
        "a > 1 unless on () maintenance == 1",
        expect![[r#"
            instant a Greater 1
            if `maintenance == 1` yields nothing meanwhile"#]],
    );
    check("ALERTS{alertname=\"Y\"}", expect!["instant ALERTS"]);
}

#[test]
fn functions_say_how_a_window_is_filled() {
    check("increase(x[5m]) > 10", expect!["flow[300s] Greater 10"]);
    check("sum(increase(x[5m])) by (a) == 0", expect!["flow[300s] Equal 0"]);
    check("changes(x[5m]) > 2", expect!["window[300s] Greater 2"]);
    check("deriv(x[5m]) > 2", expect!["window[300s] Greater 2"]);
    check(
        "predict_linear(free[6h], 86400) < 0",
        expect!["window[21600s] Less 0"],
    );
    check("max_over_time(x[5m]) > 2", expect!["instant x[5m] Greater 2"]);
    check("max_over_time(x[5m]) < 2", expect!["whole window[300s] Less 2"]);
    check(
        "avg_over_time(probe_success[5m]) < 0.9",
        expect!["mean[300s] of 0 and 1 Less 0.9"],
    );
    check("avg_over_time(load[5m]) > 9", expect!["mean[300s] Greater 9"]);
    check(
        "histogram_quantile(0.99, sum(rate(x_bucket[5m])) by (le)) > 1",
        expect!["quantile 0.99 [300s] Greater 1"],
    );
    check(
        "histogram_quantile(0.99, x_bucket) > 1",
        expect!["window[0s] Greater 1"],
    );
    check(
        "avg_over_time(rate(x[5m])[1h:1m]) > 1",
        expect!["mean[3900s] Greater 1"],
    );
    check(
        "time() - last_success > 3600",
        expect!["window[3600s] Greater 3600"],
    );
}

#[test]
fn names_with_colons_are_recorded_somewhere() {
    check(
        "job:errors:ratio_rate5m > 0.1",
        expect!["unseen[300s] Greater 0.1"],
    );
    check(
        "http_requests:burnrate1h{slo=\"x\"} > 1",
        expect!["unseen[3600s] Greater 1"],
    );
    check("node:load > 1", expect!["unseen[0s] Greater 1"]);
}

#[test]
fn what_nobody_could_explain_is_refused() {
    let many = vec!["a > 1"; 80].join(" or ");
    check(&many, expect!["error: it has more than 64 comparisons"]);
    check(
        "a >",
        expect!["error: its query cannot be read: it ends too early"],
    );
}
