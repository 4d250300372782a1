//! Writes the test: the series as they were recorded, and when the alert fired and when not.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gameday_core::{RawSeries, RuleSeen, Timestamp};

use super::journal::Recorded;
use super::rules::{fixed, order, recorded_elsewhere, span};
use super::{RULES_FILE, quoted};

/// Samples keep their distance to evaluations to within this; exactly, where that could matter.
const COARSE_MS: i64 = 10;
const FINE_MS: i64 = 1;
/// What comes through another group's recording rules may be seen some evaluations sooner or later than promtool,
/// which evaluates all groups at once, sees it.
const SLACK: i64 = 3;

/// The time of a test: 0 is an evaluation, and the first sample is not before it.
struct Clock {
    zero_ms: i64,
    every_ms: i64,
}

/// The test of these rules.
pub(super) fn test(recorded: &Recorded<'_>, rules: &[&RuleSeen], names: &[&str]) -> Result<String, String> {
    let series = recorded.series(names);
    let times = || {
        series
            .iter()
            .flat_map(|one| &one.samples)
            .map(|(time, _)| ms(*time))
    };
    let (Some(first), Some(last)) = (times().min(), times().max()) else {
        return Err("no sample was recorded of what the rules read".to_owned());
    };
    let every_ms = i64::try_from(rules[0].interval_ms).unwrap_or(i64::MAX).max(1);
    let tick = names
        .iter()
        .find_map(|name| recorded.tick(name))
        .map_or(first, ms);
    let clock = Clock {
        zero_ms: first + (tick - first).rem_euclid(every_ms),
        every_ms,
    };
    let grid = grid(&clock, &series);
    let mut out = format!(
        "# Made of the drill {} by `gameday report --format promtool`: the series as they were, and when the\n\
         # alert fired. Run it with: promtool test rules {}\n\
         # 0 is {} on Prometheus' clock.\n",
        recorded.started.drill,
        super::TEST_FILE,
        Timestamp::from_micros(clock.zero_ms * 1000).to_ms_string()
    );
    let every = u64::try_from(every_ms).unwrap_or(1);
    let _ = writeln!(
        out,
        "rule_files:\n  - {RULES_FILE}\nevaluation_interval: {}",
        span(every)
    );
    let order: Vec<String> = order(recorded, rules).iter().map(|name| quoted(name)).collect();
    let _ = writeln!(out, "group_eval_order: [{}]\ntests:", order.join(", "));
    let name = quoted(&recorded.started.drill);
    let _ = writeln!(out, "  - name: {name}\n    interval: {grid}ms\n    input_series:");
    for one in &series {
        write_series(&mut out, one, &clock, grid);
    }
    out.push_str("    alert_rule_test:\n");
    let slack = if recorded_elsewhere(recorded, rules) {
        SLACK
    } else {
        1
    };
    let moments = names
        .iter()
        .flat_map(|name| moments(recorded, name, &clock, last, slack));
    // promtool goes through them in the order of time.
    let mut moments: Vec<(i64, &str)> = moments.collect();
    moments.sort_unstable();
    for (at, name) in moments {
        write_moment(&mut out, recorded, rules, name, &clock, at);
    }
    Ok(out)
}

fn ms(time: Timestamp) -> i64 {
    time.as_micros().div_euclid(1000)
}

/// Coarse, unless a sample is so close to an evaluation that it would change sides.
fn grid(clock: &Clock, series: &[RawSeries]) -> i64 {
    let close = |time: i64| {
        let phase = (time - clock.zero_ms).rem_euclid(clock.every_ms);
        phase != 0 && (phase < 2 * COARSE_MS || clock.every_ms - phase < 2 * COARSE_MS)
    };
    let mut times = series
        .iter()
        .flat_map(|one| &one.samples)
        .map(|(time, _)| ms(*time));
    if clock.every_ms % COARSE_MS != 0 || times.any(close) {
        FINE_MS
    } else {
        COARSE_MS
    }
}

/// `name{label="value"}` and its values, `_xN` for as many steps without one.
fn write_series(out: &mut String, one: &RawSeries, clock: &Clock, grid: i64) {
    let mut next = 0;
    let mut values = Vec::new();
    for (time, value) in &one.samples {
        let step = (ms(*time) - clock.zero_ms).div_euclid(grid);
        // What is before the test begins, or falls on a step that is taken, has no place.
        if ms(*time) < clock.zero_ms || step < next {
            continue;
        }
        if step > next {
            values.push(format!("_x{}", step - next));
        }
        values.push(value.to_string());
        next = step + 1;
    }
    if !values.is_empty() {
        let _ = writeln!(out, "      - series: {}", quoted(&selector(&one.labels)));
        let _ = writeln!(out, "        values: {}", quoted(&values.join(" ")));
    }
}

/// A series by its labels, as PromQL writes it.
fn selector(labels: &BTreeMap<String, String>) -> String {
    let name = labels.get("__name__").map_or("", String::as_str);
    let rest = labels.iter().filter(|(label, _)| *label != "__name__");
    let rest: Vec<String> = rest
        .map(|(label, value)| {
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            match is_plain(label) {
                true => format!("{label}=\"{value}\""),
                // Prometheus 3 knows names of any letters, in quotes.
                false => format!("{}=\"{value}\"", quoted(label)),
            }
        })
        .collect();
    match is_plain(name) {
        true => format!("{name}{{{}}}", rest.join(",")),
        false => {
            let parts: Vec<String> = [quoted(name)].into_iter().chain(rest).collect();
            format!("{{{}}}", parts.join(","))
        }
    }
}

/// Whether a name needs no quotes.
fn is_plain(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    name.chars().all(fits) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Evaluations at which is looked whether an alert fires: right before it did, then, at its end, and right after.
fn moments<'n>(
    recorded: &Recorded<'_>,
    name: &'n str,
    clock: &Clock,
    last: i64,
    slack: i64,
) -> Vec<(i64, &'n str)> {
    let firing = recorded.firing(name);
    let samples = firing.iter().flat_map(|one| &one.samples);
    let mut ticks: Vec<i64> = samples.map(|(time, _)| ms(*time)).collect();
    ticks.sort_unstable();
    let wide = clock.every_ms * slack;
    let near = clock.every_ms * (slack - 1);
    // Each trial has an end of its own; a pause that is shorter than both looks at it is none.
    let stretches = ticks.chunk_by(|before, after| after - before <= 2 * wide);
    let of_stretch = |stretch: &[i64]| {
        let (first, end) = (stretch[0], stretch[stretch.len() - 1]);
        match first + near <= end - near {
            true => vec![first - wide, first + near, end - near, end + wide],
            false => vec![first - wide, first + near],
        }
    };
    let mut at: Vec<i64> = stretches.flat_map(of_stretch).collect();
    if at.is_empty() {
        // It never fired.
        at = vec![clock.zero_ms, last];
    }
    let mut at: Vec<i64> = at
        .into_iter()
        .filter(|at| (clock.zero_ms..=last).contains(at))
        .collect();
    at.dedup();
    at.into_iter().map(|at| (clock.on_tick(at), name)).collect()
}

impl Clock {
    /// The evaluation at a moment, in milliseconds of the test.
    fn on_tick(&self, at_ms: i64) -> i64 {
        let since = at_ms - self.zero_ms + self.every_ms / 2;
        since.div_euclid(self.every_ms) * self.every_ms
    }
}

fn write_moment(
    out: &mut String,
    recorded: &Recorded<'_>,
    rules: &[&RuleSeen],
    name: &str,
    clock: &Clock,
    at: i64,
) {
    let at_text = span(u64::try_from(at).unwrap_or(0));
    let _ = writeln!(
        out,
        "      - eval_time: {at_text}\n        alertname: {}",
        quoted(name)
    );
    let fires = |one: &&RawSeries| one.samples.iter().any(|(time, _)| clock.on_tick(ms(*time)) == at);
    let series = recorded.firing(name);
    let firing: Vec<_> = series.iter().filter(fires).collect();
    if firing.is_empty() {
        out.push_str("        exp_alerts: []\n");
        return;
    }
    out.push_str("        exp_alerts:\n");
    for one in firing {
        let own = |label: &str| !matches!(label, "__name__" | "alertname" | "alertstate");
        let labels: Vec<String> = one
            .labels
            .iter()
            .filter(|(label, _)| own(label))
            .map(|(label, value)| format!("{}: {}", quoted(label), quoted(value)))
            .collect();
        let _ = writeln!(out, "          - exp_labels: {{{}}}", labels.join(", "));
        let annotations: Vec<String> = annotations(rules, name, &one.labels)
            .iter()
            .map(|(key, text)| format!("{}: {}", quoted(key), quoted(text)))
            .collect();
        let _ = writeln!(out, "            exp_annotations: {{{}}}", annotations.join(", "));
    }
}

/// The annotations of the rule that an alert is of, among those of one name.
fn annotations(
    rules: &[&RuleSeen],
    name: &str,
    labels: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let carried = |rule: &&&RuleSeen| {
        let mut own = rule.labels.iter().filter(|(_, value)| !value.contains("{{"));
        own.all(|(label, value)| labels.get(label) == Some(value))
    };
    let mut named = rules.iter().filter(|rule| rule.alert == name);
    let rule = named.clone().find(carried).or_else(|| named.next());
    rule.map(|rule| fixed(&rule.annotations)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(labels: &[(&str, &str)], written: &str) {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        assert_eq!(selector(&labels.collect()), written);
    }

    #[test]
    fn names_of_any_letters_are_quoted() {
        check(&[("__name__", "up"), ("job", "a\"b")], r#"up{job="a\"b"}"#);
        check(
            &[
                ("__name__", "http.requests"),
                ("job", "shop"),
                ("region.name", "eu"),
            ],
            r#"{"http.requests",job="shop","region.name"="eu"}"#,
        );
        check(&[("job", "shop")], r#"{job="shop"}"#);
    }
}
