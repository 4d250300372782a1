//! Between two faults: whether the windows of a rule still hold the first one, and the interval from whose
//! phases the second may begin.

use std::time::Duration;

use gameday_core::Timestamp;

use super::condition::{self, Condition, Leaf, Level, Limit};
use super::rules::Rules;
use super::{Asked, Survey, forecast, labels, words};

/// A value that is no more than this share of its limit has nothing left of a fault that broke the limit.
const MARGIN: f64 = 0.5;

/// What happens again and again at a fixed distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// One time at which it happens, on our clock.
    pub tick: Timestamp,
    /// The distance.
    pub every: Duration,
}

/// The longest of the intervals at which the alerts are evaluated and what they look at is scraped; none when nobody
/// told one.
///
/// The time from a fault to an alert depends on where between two ticks the fault begins: over all phases of this
/// interval it takes all its values.
#[must_use]
pub fn longest_interval(survey: &Survey, asked: &[Asked]) -> Option<Interval> {
    let rules = Rules(&survey.groups);
    let mut found: Vec<Interval> = Vec::new();
    for asked in asked {
        for (at, rule) in rules.alerts(&asked.alert) {
            let group = survey.groups.get(at.group);
            found.extend(group.and_then(|group| interval(survey, group.last_evaluation?, group.interval_ms)));
            if let Ok(study) = condition::study(&rule.seen.query, rules) {
                let leaves = study.condition.leaves();
                let series = leaves.iter().flat_map(|leaf| &leaf.series);
                let targets = series.flat_map(|series| forecast::origins(survey, series));
                found.extend(
                    targets.filter_map(|target| {
                        interval(survey, target.last_scrape?, target.scrape_interval_ms?)
                    }),
                );
            }
        }
    }
    // Of several the first of the longest, so that the same alerting yields the same one.
    found.into_iter().rev().max_by_key(|interval| interval.every)
}

fn interval(survey: &Survey, tick: Timestamp, every_ms: u64) -> Option<Interval> {
    (every_ms > 0).then(|| Interval {
        tick: forecast::ours(survey, tick),
        every: Duration::from_millis(every_ms),
    })
}

/// Why the windows of an alert's rules may still hold a fault that was removed `since` ago; none when they are drained.
///
/// A rule is drained when its shortest window is over in each of its pairs, or when what it compares is far below
/// its limit.
#[must_use]
pub fn undrained(survey: &Survey, asked: &Asked, since: Duration) -> Option<String> {
    let rules = Rules(&survey.groups);
    let since_us = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    rules.alerts(&asked.alert).find_map(|(_, rule)| {
        let study = condition::study(&rule.seen.query, rules).ok()?;
        let left_us = left(&study.condition, survey, asked, since_us);
        (left_us > 0).then(|| format!("{}: its window is drained in {}", asked.alert, words(left_us)))
    })
}

/// How long it takes until a condition is drained.
fn left(condition: &Condition, survey: &Survey, asked: &Asked, since_us: i64) -> i64 {
    let of = |part: &Condition| left(part, survey, asked, since_us);
    match condition {
        Condition::All(parts) => parts.iter().map(of).min().unwrap_or(0),
        Condition::Any(parts) => parts.iter().map(of).max().unwrap_or(0),
        Condition::Leaf(leaf) if is_far_below(leaf, survey, asked) => 0,
        Condition::Leaf(leaf) => leaf.window_us().saturating_sub(since_us).max(0),
    }
}

fn is_far_below(leaf: &Leaf, survey: &Survey, asked: &Asked) -> bool {
    let (Level::Share { query, .. } | Level::Mean { query, .. }) = &leaf.level else {
        return false;
    };
    let Limit::Number(limit) = leaf.limit else {
        return false;
    };
    let Some(found) = survey.answers.get(query).filter(|_| leaf.rises()) else {
        return false;
    };
    let values: Vec<f64> = labels::fitting(found, &asked.labels)
        .map(|sample| sample.value)
        .collect();
    !values.is_empty() && values.iter().all(|value| *value <= limit * MARGIN)
}

#[cfg(test)]
mod tests {
    use super::super::tests::World;
    use super::*;

    fn left_after(world: &World, seconds: u64) -> Option<String> {
        undrained(&world.survey, &world.asked, Duration::from_secs(seconds))
    }

    #[test]
    fn the_short_window_of_a_pair_and_the_longest_of_several_pairs_count() {
        let share = |window: &str| format!("sum(rate(bad_total[{window}])) / sum(rate(all_total[{window}]))");
        let pair = |short: &str, long: &str| format!("({} > 0.1 and {} > 0.1)", share(short), share(long));
        let world = World::new(&pair("5m", "1h"), r#""duration":0"#, 1.0, 0.5);
        assert!(left_after(&world, 299).unwrap().contains("drained in 1.0 s"));
        assert_eq!(left_after(&world, 300), None);
        let both = format!("{} or {}", pair("5m", "1h"), pair("30m", "6h"));
        let world = World::new(&both, r#""duration":0"#, 1.0, 0.5);
        assert!(left_after(&world, 300).is_some());
        assert_eq!(left_after(&world, 1800), None);
    }

    #[test]
    fn a_value_far_below_its_limit_is_drained_at_once() {
        let rule = "sum(rate(bad_total[5m])) / sum(rate(all_total[5m])) > 0.1";
        let world = || World::new(rule, r#""duration":0"#, 1.0, 0.5);
        let study = condition::study(rule, Rules(&[])).unwrap();
        let Level::Share { query, .. } = study.condition.leaves()[0].level.clone() else {
            panic!("{study:?}");
        };
        assert!(left_after(&world(), 1).is_some(), "nobody knows its value");
        assert_eq!(left_after(&world().answer(&query, &[("", 0.05)]), 1), None);
        assert!(left_after(&world().answer(&query, &[("", 0.051)]), 1).is_some());
    }

    #[test]
    fn the_longest_of_what_is_scraped_and_evaluated_is_the_interval() {
        let world = World::new("up{job=\"api\"} == 0", r#""duration":0"#, 3.0, 0.5).scraped(2.0, 0.25);
        let found = longest_interval(&world.survey, std::slice::from_ref(&world.asked)).unwrap();
        assert_eq!(found.every, Duration::from_secs(3));
        let world = World::new("up{job=\"api\"} == 0", r#""duration":0"#, 1.0, 0.5).scraped(15.0, 0.25);
        let found = longest_interval(&world.survey, std::slice::from_ref(&world.asked)).unwrap();
        assert_eq!(found.every, Duration::from_secs(15));
        let other = World::new("up{job=\"other\"} == 0", r#""duration":0"#, 1.0, 0.5).scraped(15.0, 0.25);
        let found = longest_interval(&other.survey, std::slice::from_ref(&other.asked)).unwrap();
        assert_eq!(
            found.every,
            Duration::from_secs(1),
            "that target is not looked at"
        );
    }
}
