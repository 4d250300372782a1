//! Recorded samples, and what a query sees of them at a moment.

use std::collections::BTreeMap;

use gameday_core::RawSeries;

use super::value::{Labels, Vector};
use crate::promql::Selector;
use crate::{MatchOp, Matcher};

/// How far back a value is looked for (`--query.lookback-delta`).
const LOOKBACK_MS: i64 = 300_000;

/// Series by their labels, each in the order of time.
#[derive(Debug, Clone, Default)]
pub(super) struct Store {
    pub(super) series: BTreeMap<Labels, Series>,
    /// Whether a range leaves its first moment out, as it does since Prometheus 3.
    pub(super) left_open: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Series {
    samples: Vec<(i64, f64)>,
    /// The usual time between two; none when there are fewer.
    every_ms: Option<i64>,
}

impl Store {
    /// Takes what Prometheus told.
    pub(super) fn add(&mut self, recorded: &RawSeries) {
        let of = |(time, value): &(gameday_core::Timestamp, f64)| (time.as_micros().div_euclid(1000), *value);
        let series = self.series.entry(recorded.labels.clone()).or_default();
        series.samples.extend(recorded.samples.iter().map(of));
        series.samples.sort_by_key(|(time, _)| *time);
        series.samples.dedup_by_key(|(time, _)| *time);
        let mut gaps: Vec<i64> = series.samples.windows(2).map(|two| two[1].0 - two[0].0).collect();
        gaps.sort_unstable();
        series.every_ms = gaps.get(gaps.len() / 2).copied();
    }

    /// Takes what a recording rule yielded at a tick.
    pub(super) fn record(&mut self, labels: Labels, at_ms: i64, value: f64, every_ms: i64) {
        let series = self.series.entry(labels).or_default();
        series.every_ms = Some(every_ms);
        series.samples.push((at_ms, value));
    }

    /// The first and the last sample of all.
    pub(super) fn span_ms(&self) -> Option<(i64, i64)> {
        let first = self
            .series
            .values()
            .filter_map(|series| series.samples.first())
            .map(|one| one.0)
            .min()?;
        let last = self
            .series
            .values()
            .filter_map(|series| series.samples.last())
            .map(|one| one.0)
            .max()?;
        Some((first, last))
    }

    /// The last value of each series that a selector selects.
    pub(super) fn instant(&self, selector: &Selector, at_ms: i64) -> Result<Vector, String> {
        let at_ms = moment(selector, at_ms)?;
        let found = self
            .selected(selector)?
            .into_iter()
            .filter_map(|(labels, series)| Some((labels.clone(), series.last(at_ms)?)));
        Ok(found.collect())
    }

    /// The samples in the range of a selector, with its begin and its end.
    pub(super) fn range(&self, selector: &Selector, at_ms: i64) -> Result<Ranges<'_>, String> {
        let to_ms = moment(selector, at_ms)?;
        let range = selector.shift.range_us.ok_or("a value where a range is wanted")?;
        let from_ms = to_ms - range / 1000;
        let found = self.selected(selector)?.into_iter().map(|(labels, series)| {
            let begin = series.samples.partition_point(|(time, _)| match self.left_open {
                true => *time <= from_ms,
                false => *time < from_ms,
            });
            let end = series.samples.partition_point(|(time, _)| *time <= to_ms);
            (labels.clone(), series.samples.get(begin..end).unwrap_or_default())
        });
        let series = found.filter(|(_, samples)| !samples.is_empty()).collect();
        Ok(Ranges {
            from_ms,
            to_ms,
            series,
        })
    }

    fn selected<'s>(&'s self, selector: &Selector) -> Result<Vec<(&'s Labels, &'s Series)>, String> {
        let mut matchers = Vec::new();
        for matching in &selector.matchers {
            let op = match matching.op {
                "=" => MatchOp::Equal,
                "!=" => MatchOp::NotEqual,
                "=~" => MatchOp::Matches,
                _ => MatchOp::MatchesNot,
            };
            matchers.push(Matcher::new(&matching.label, op, &matching.value)?);
        }
        let fits = |labels: &Labels| {
            let value = |label: &str| labels.get(label).map_or("", String::as_str);
            selector
                .name
                .as_deref()
                .is_none_or(|name| value("__name__") == name)
                && matchers
                    .iter()
                    .all(|matcher| matcher.matches(value(&matcher.label)))
        };
        Ok(self.series.iter().filter(|(labels, _)| fits(labels)).collect())
    }
}

/// What a range selector sees.
#[derive(Debug)]
pub(super) struct Ranges<'s> {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) series: Vec<(Labels, &'s [(i64, f64)])>,
}

fn moment(selector: &Selector, at_ms: i64) -> Result<i64, String> {
    match selector.shift.fixed {
        true => Err("`@`".to_owned()),
        false => Ok(at_ms - selector.shift.offset_us / 1000),
    }
}

impl Series {
    /// The value at a moment: a sample is seen until its successor should have come, but did not.
    ///
    /// Prometheus marks a series that is gone as stale, which no query tells; a gap tells the same.
    fn last(&self, at_ms: i64) -> Option<f64> {
        let next = self.samples.partition_point(|(time, _)| *time <= at_ms);
        let (time, value) = *self.samples.get(next.checked_sub(1)?)?;
        let stale = self.every_ms.is_some_and(|every| {
            let gap = self.samples.get(next).map_or(at_ms, |(time, _)| *time) - time;
            gap > every + every / 2 && at_ms >= time + every + every / 2
        });
        (at_ms - time < LOOKBACK_MS && !stale).then_some(value)
    }
}
