//! Evaluates the rules' conditions on what was scraped, as Prometheus' language would.
//!
//! Growth stands for `rate`: all series share the scrape's times, so what `rate` multiplies them
//! with cancels out in a quantile and in a ratio.

use jiff::Timestamp;

use super::history::History;
use crate::rules::{AlertRule, CACHE_REQUESTS, Condition, LATENCY, POOL_CONNECTIONS, POOL_MAX, REQUESTS};

/// The rule's value if its condition holds at `now`.
pub(super) fn holds(rule: &AlertRule, history: &History, now: Timestamp) -> Option<f64> {
    let window_ms = i64::try_from(rule.window.as_millis()).expect("a window of seconds");
    let now_ms = now.as_millisecond();
    let (value, limit) = match rule.condition {
        Condition::Quantile {
            method,
            route,
            quantile: q,
            limit_s,
        } => {
            let buckets = buckets(history, [("method", method), ("route", route)], now_ms, window_ms);
            (quantile(q, buckets)?, limit_s)
        }
        Condition::Errors { ratio: limit } => {
            let is_error = |code: &str| code.starts_with('5') && code.len() == 3;
            (
                ratio(history, REQUESTS, "code", is_error, now_ms, window_ms)?,
                limit,
            )
        }
        Condition::InUse { ratio: limit } => (in_use(history, now_ms, window_ms)?, limit),
        Condition::Misses { ratio: limit } => {
            let is_miss = |result: &str| result != "hit";
            (
                ratio(history, CACHE_REQUESTS, "result", is_miss, now_ms, window_ms)?,
                limit,
            )
        }
    };
    (value > limit).then_some(value)
}

/// The growth of each bucket of an endpoint, by its upper bound in ascending order.
fn buckets(history: &History, endpoint: [(&str, &str); 2], now_ms: i64, window_ms: i64) -> Vec<(f64, f64)> {
    let name = format!("{LATENCY}_bucket");
    let mut buckets: Vec<(f64, f64)> = history
        .named(&name)
        .filter(|(labels, _)| {
            endpoint
                .iter()
                .all(|(name, wanted)| labels.get(*name).is_some_and(|value| value == wanted))
        })
        .filter_map(|(labels, points)| {
            Some((
                labels.get("le")?.parse().ok()?,
                points.increase(now_ms, window_ms)?,
            ))
        })
        .collect();
    buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    buckets
}

/// `histogram_quantile` on cumulative buckets.
fn quantile(quantile: f64, buckets: Vec<(f64, f64)>) -> Option<f64> {
    let (&(last_bound, total), bounded) = buckets.split_last()?;
    if last_bound != f64::INFINITY || total <= 0.0 || bounded.is_empty() {
        return None;
    }
    let rank = quantile * total;
    let Some(at) = bounded.iter().position(|(_, count)| *count >= rank) else {
        return bounded.last().map(|(bound, _)| *bound);
    };
    let (end, count) = bounded[at];
    let (start, below) = if at == 0 { (0.0, 0.0) } else { bounded[at - 1] };
    Some(start + (end - start) * (rank - below) / (count - below))
}

/// The part of a counter's growth that is of those series whose label is counted.
fn ratio(
    history: &History,
    counter: &str,
    label: &str,
    counts: impl Fn(&str) -> bool,
    now_ms: i64,
    window_ms: i64,
) -> Option<f64> {
    let (mut counted, mut all) = (0.0, 0.0);
    for (labels, points) in history.named(counter) {
        let growth = points.increase(now_ms, window_ms).unwrap_or(0.0);
        all += growth;
        if labels.get(label).is_some_and(|value| counts(value)) {
            counted += growth;
        }
    }
    (all > 0.0).then(|| counted / all)
}

/// The part of the pool in use at the last scrape; unknown when that failed.
fn in_use(history: &History, now_ms: i64, window_ms: i64) -> Option<f64> {
    let up = history.up.last(now_ms, window_ms)?;
    let sum = |name: &str, state: Option<&str>| {
        let meant = history
            .named(name)
            .filter(|(labels, _)| state.is_none_or(|state| labels.get("state").is_some_and(|s| s == state)));
        let values = meant.filter_map(|(_, points)| points.last(now_ms, window_ms));
        values.reduce(|one, other| one + other)
    };
    let part = sum(POOL_CONNECTIONS, Some("in_use"))? / sum(POOL_MAX, None)?;
    (up > 0.0).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::exposition;
    use crate::rules::RULES;

    /// A history of five seconds in which `per_second` is what each second adds to.
    fn history(line: impl Fn(u32) -> String) -> (History, Timestamp) {
        let mut history = History::default();
        for second in 0..=5 {
            let samples = exposition::parse(&line(second)).unwrap();
            history.take(Timestamp::from_second(second.into()).unwrap(), Some(samples));
        }
        (history, Timestamp::from_second(5).unwrap())
    }

    fn latencies(fast: u32, slow: u32) -> (History, Timestamp) {
        let bucket = |le: &str, count: u32| {
            format!(
                "http_request_duration_seconds_bucket{{method=\"POST\",route=\"/payments\",le=\"{le}\"}} {count}\n"
            )
        };
        history(|n| {
            [
                bucket("0.025", n * fast),
                bucket("0.5", n * fast),
                bucket("0.75", n * (fast + slow)),
                bucket("+Inf", n * (fast + slow)),
            ]
            .concat()
        })
    }

    #[test]
    fn the_quantile_is_interpolated_within_its_bucket_as_prometheus_does() {
        // All between 0.5 and 0.75: 0.5 + 0.25 * 0.95. Prometheus 2.42 said 7.375e-01 to the same.
        let (history, now) = latencies(0, 15);
        assert_eq!(holds(&RULES[0], &history, now), Some(0.7375));
    }

    #[test]
    fn one_slow_payment_in_thirty_is_not_the_95th_percentile() {
        let (history, now) = latencies(29, 1);
        assert_eq!(holds(&RULES[0], &history, now), None);
    }

    #[test]
    fn silence_is_no_alert() {
        let (history, now) = latencies(0, 0);
        assert_eq!(holds(&RULES[0], &history, now), None);
        assert_eq!(holds(&RULES[1], &History::default(), now), None);
    }

    #[test]
    fn errors_count_over_five_percent() {
        let answers = |good: u32, bad: u32| {
            history(move |n| {
                format!(
                    "http_requests_total{{code=\"201\"}} {}\nhttp_requests_total{{code=\"503\"}} {}\n",
                    n * good,
                    n * bad
                )
            })
        };
        let (history, now) = answers(95, 5);
        assert_eq!(holds(&RULES[1], &history, now), None);
        let (history, now) = answers(90, 10);
        assert_eq!(holds(&RULES[1], &history, now), Some(0.1));
    }

    #[test]
    fn errors_of_the_cache_are_misses_too() {
        let looks = |hits: u32, misses: u32, errors: u32| {
            history(move |n| {
                [("hit", hits), ("miss", misses), ("error", errors)]
                    .map(|(result, each)| {
                        format!("cache_requests_total{{result=\"{result}\"}} {}\n", n * each)
                    })
                    .concat()
            })
        };
        let (history, now) = looks(5, 3, 2);
        assert_eq!(holds(&RULES[3], &history, now), None);
        let (history, now) = looks(4, 3, 3);
        assert_eq!(holds(&RULES[3], &history, now), Some(0.6));
    }

    #[test]
    fn a_pool_is_saturated_when_nearly_all_is_in_use_now() {
        let pool = |in_use: u32| {
            history(move |n| {
                let now = if n == 5 { in_use } else { 0 };
                format!(
                    "db_pool_connections{{state=\"in_use\"}} {now}\ndb_pool_connections{{state=\"idle\"}} 1\ndb_pool_max 64\n"
                )
            })
        };
        let (history, now) = pool(57);
        assert_eq!(holds(&RULES[4], &history, now), None);
        let (mut history, now) = pool(60);
        assert_eq!(holds(&RULES[4], &history, now), Some(0.9375));
        // Nobody knows what it is like once a scrape has failed.
        history.take(now, None);
        assert_eq!(holds(&RULES[4], &history, now), None);
    }

    #[test]
    fn beyond_the_last_bucket_its_bound_is_told() {
        assert_eq!(
            quantile(0.95, vec![(1.0, 0.0), (5.0, 0.0), (f64::INFINITY, 9.0)]),
            Some(5.0)
        );
        assert_eq!(quantile(0.95, vec![(f64::INFINITY, 9.0)]), None);
    }
}
