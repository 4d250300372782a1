//! What would make a detection faster: the largest stage, and what can be said of it with numbers.

use gameday_core::{EventKind, RuleSeen};
use serde::Serialize;

use super::record::AlertReport;
use super::timeline::Timeline;
use crate::words;

/// Steps down which a `for` goes, as people write them.
const ROUND_MS: [u64; 12] = [
    0, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000,
];

/// The largest stage of a detection, and what would shorten it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Advice {
    /// Which stage.
    pub stage: &'static str,
    /// How long it took.
    pub ms: i64,
    /// Its share of all stages that are known.
    pub share: f64,
    /// What would shorten it, in a sentence.
    pub text: String,
    /// What that would save; null where it cannot be computed.
    pub saves_ms: Option<i64>,
}

/// Looks at where the time went; nothing when no stage took any, or when the alert never fired: that is not slow.
pub(super) fn read(timeline: &Timeline<'_>, alert: &AlertReport) -> Option<Advice> {
    alert.marks.t3?;
    let known = alert
        .stages_ms
        .named()
        .into_iter()
        .filter_map(|(name, ms)| Some((name, ms?)));
    let (stage, ms) = known.max_by_key(|(_, ms)| *ms).filter(|(_, ms)| *ms > 0)?;
    let rule = timeline.events.iter().find_map(|event| match &event.kind {
        EventKind::RuleSeen(rule) if rule.alert == alert.name => Some(rule),
        _ => None,
    });
    let (text, saves_ms) = match stage {
        "scrape" => scrape(timeline, ms),
        "rule" => climb(rule, ms),
        "hold" => hold(rule, ms),
        "hand_off" => (
            "Prometheus sends at once; look at its load and at the network to Alertmanager".to_owned(),
            None,
        ),
        _ => group(ms),
    };
    Some(Advice {
        stage,
        ms,
        share: share(ms, alert.stages_ms.sum()),
        text,
        saves_ms,
    })
}

fn hold(rule: Option<&RuleSeen>, ms: i64) -> (String, Option<i64>) {
    let Some(rule) = rule.filter(|rule| rule.for_ms > 0 && rule.interval_ms > 0) else {
        return ("a shorter `for` of the rule".to_owned(), None);
    };
    let shorter = ROUND_MS
        .into_iter()
        .rev()
        .find(|round| *round * 2 <= rule.for_ms)
        .unwrap_or(0);
    // The rule fires at the first evaluation at which `for` is over: whole intervals, rounded up.
    let ticks = |span: u64| span.div_ceil(rule.interval_ms).saturating_mul(rule.interval_ms);
    let saved = i64::try_from(ticks(rule.for_ms) - ticks(shorter))
        .unwrap_or(0)
        .min(ms);
    let text = format!(
        "`for: {}` → `{}` saves {}",
        prometheus_span(rule.for_ms),
        prometheus_span(shorter),
        words::span(saved)
    );
    (text, Some(saved))
}

fn climb(rule: Option<&RuleSeen>, ms: i64) -> (String, Option<i64>) {
    let Some(rule) = rule else {
        return (
            "a lower threshold or a shorter window of the rule".to_owned(),
            None,
        );
    };
    let window = rule
        .query
        .split('[')
        .skip(1)
        .filter_map(|rest| rest.split_once(']'))
        .map(|(window, _)| window);
    let window = window
        .filter(|window| window.chars().all(char::is_alphanumeric))
        .max_by_key(|window| span_of(window));
    let interval = i64::try_from(rule.interval_ms).unwrap_or(i64::MAX);
    if ms <= interval {
        let text = format!(
            "the rule is evaluated each {}: half of that saves {} on average",
            words::limit(rule.interval_ms),
            words::span(interval / 4)
        );
        return (text, Some(interval / 4));
    }
    match window {
        Some(window) => (
            format!(
                "its condition had to climb through the window `[{window}]`: a shorter window, or a lower threshold, is crossed sooner"
            ),
            None,
        ),
        None => ("a lower threshold is crossed sooner".to_owned(), None),
    }
}

fn scrape(timeline: &Timeline<'_>, ms: i64) -> (String, Option<i64>) {
    let Some(gap) = scrape_interval(timeline).filter(|gap| *gap > 0) else {
        return ("a shorter `scrape_interval`".to_owned(), None);
    };
    let saved = (gap / 4).min(ms);
    let text = format!(
        "it is scraped each {}: half of that saves {} on average",
        words::span(gap),
        words::span(saved)
    );
    (text, Some(saved))
}

fn group(ms: i64) -> (String, Option<i64>) {
    let shorter = ms / 2;
    (
        format!(
            "`group_wait` of its route: half of it saves about {}",
            words::span(shorter)
        ),
        Some(shorter),
    )
}

/// The usual distance of two samples of `up`.
fn scrape_interval(timeline: &Timeline<'_>) -> Option<i64> {
    timeline.events.iter().find_map(|event| {
        let EventKind::RawSamples { series, .. } = &event.kind else {
            return None;
        };
        let up = series
            .iter()
            .find(|one| one.labels.get("__name__").is_some_and(|name| name == "up"))?;
        let mut gaps: Vec<i64> = up
            .samples
            .windows(2)
            .map(|pair| pair[1].0.micros_since(pair[0].0) / 1000)
            .collect();
        gaps.sort_unstable();
        gaps.get(gaps.len() / 2).copied()
    })
}

/// A span as a rule file has it.
fn prometheus_span(ms: u64) -> String {
    match ms {
        0 => "0s".to_owned(),
        _ if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        _ if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        _ if ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        _ => format!("{ms}ms"),
    }
}

/// Milliseconds of a window in a query; good enough to tell which is longest.
fn span_of(window: &str) -> u64 {
    let digits = window.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().unwrap_or(0);
    let unit = match &window[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 86_400_000,
    };
    number.saturating_mul(unit)
}

#[expect(clippy::cast_precision_loss, reason = "a drill is far shorter than 2^53 ms")]
fn share(part: i64, whole: i64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn rule(query: &str, for_ms: u64, interval_ms: u64) -> RuleSeen {
        RuleSeen {
            alert: "X".into(),
            query: query.into(),
            interval_ms,
            for_ms,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            group: String::new(),
            file: String::new(),
            keep_firing_ms: 0,
        }
    }

    #[test]
    fn a_shorter_for_saves_whole_evaluations() {
        for (for_ms, interval_ms, said) in [
            (300_000, 60_000, "`for: 5m` → `2m` saves 3 min 00 s"),
            (300_000, 15_000, "`for: 5m` → `2m` saves 3 min 00 s"),
            (5_000, 1_000, "`for: 5s` → `2s` saves 3.0 s"),
            // Seven seconds are two evaluations of five, and so are five of them one.
            (7_000, 5_000, "`for: 7s` → `2s` saves 5.0 s"),
            (1_000, 1_000, "`for: 1s` → `0s` saves 1.0 s"),
        ] {
            assert_eq!(hold(Some(&rule("up == 0", for_ms, interval_ms)), 400_000).0, said);
        }
    }

    #[test]
    fn the_longest_window_of_a_rule_is_named() {
        let burn = rule("rate(a[5m]) > 1 and rate(a[1h]) > 1", 0, 15_000);
        assert!(climb(Some(&burn), 60_000).0.contains("`[1h]`"));
        assert_eq!(
            climb(Some(&burn), 9_000).1,
            Some(3_750),
            "an evaluation that had to be waited for"
        );
    }
}
