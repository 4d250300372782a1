//! What has been scraped lately.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use super::exposition::Sample;

/// Scraped series are kept this long: a multiple of what the rules look back.
const SERIES_MS: i64 = 60_000;
/// Told series (`up`, `ALERTS`) are kept this long: a drill reads them once at its end.
const TOLD_MS: i64 = 30 * 60_000;

type Labels = BTreeMap<String, String>;

/// The points of one series, oldest first: milliseconds and value.
#[derive(Debug, Clone, Default)]
pub(super) struct Points(VecDeque<(i64, f64)>);

impl Points {
    /// Adds the newest point and forgets those older than `keep_ms`.
    fn push(&mut self, at_ms: i64, value: f64, keep_ms: i64) {
        self.0.push_back((at_ms, value));
        while self.0.front().is_some_and(|(oldest, _)| oldest + keep_ms < at_ms) {
            self.0.pop_front();
        }
    }

    /// Adds a point of a series that is asked for by name.
    pub(super) fn push_told(&mut self, at: Timestamp, value: f64) {
        self.push(at.as_millisecond(), value, TOLD_MS);
    }

    /// The points of the window that ends at `end_ms`, both ends included.
    pub(super) fn window(&self, end_ms: i64, length_ms: i64) -> impl Iterator<Item = (i64, f64)> {
        self.0
            .iter()
            .copied()
            .filter(move |(at, _)| end_ms - length_ms <= *at && *at <= end_ms)
    }

    /// The newest value of a window.
    pub(super) fn last(&self, end_ms: i64, length_ms: i64) -> Option<f64> {
        self.window(end_ms, length_ms).last().map(|(_, value)| value)
    }

    /// The growth of a counter over a window; unknown with fewer than two points.
    pub(super) fn increase(&self, end_ms: i64, length_ms: i64) -> Option<f64> {
        let mut points = self.window(end_ms, length_ms).map(|(_, value)| value);
        let mut previous = points.next()?;
        let mut growth = None;
        for value in points {
            // A counter that falls has started anew from zero.
            let step = if value < previous { value } else { value - previous };
            growth = Some(growth.unwrap_or(0.0) + step);
            previous = value;
        }
        growth
    }
}

/// All series the rules read, and whether the target was up.
#[derive(Debug, Default)]
pub(super) struct History {
    series: BTreeMap<String, Vec<(Labels, Points)>>,
    /// `up{job,instance}`.
    pub up: Points,
}

impl History {
    /// Takes in a scrape that began at `at`; `None` when it failed.
    pub(super) fn take(&mut self, at: Timestamp, samples: Option<Vec<Sample>>) {
        self.up.push_told(at, if samples.is_some() { 1.0 } else { 0.0 });
        for sample in samples.unwrap_or_default() {
            let series = self.series.entry(sample.name).or_default();
            let at_ms = at.as_millisecond();
            match series.iter_mut().find(|(labels, _)| *labels == sample.labels) {
                Some((_, points)) => points.push(at_ms, sample.value, SERIES_MS),
                None => {
                    let mut points = Points::default();
                    points.push(at_ms, sample.value, SERIES_MS);
                    series.push((sample.labels, points));
                }
            }
        }
        self.forget_ended(at.as_millisecond());
    }

    /// The series with this name.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &(Labels, Points)> {
        self.series.get(name).into_iter().flatten()
    }

    fn forget_ended(&mut self, now_ms: i64) {
        for series in self.series.values_mut() {
            series.retain(|(_, points)| points.window(now_ms, SERIES_MS).next().is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[f64]) -> Points {
        let mut points = Points::default();
        for (at, value) in (0..).zip(values) {
            points.push(at * 1000, *value, SERIES_MS);
        }
        points
    }

    #[test]
    fn growth_needs_two_points_and_survives_a_restart() {
        assert_eq!(points(&[7.0]).increase(0, 5_000), None);
        assert_eq!(points(&[7.0, 9.0]).increase(1_000, 5_000), Some(2.0));
        assert_eq!(points(&[7.0, 9.0, 1.0]).increase(2_000, 5_000), Some(3.0));
        // Only the last five seconds count.
        assert_eq!(
            points(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 60.0]).increase(6_000, 5_000),
            Some(59.0)
        );
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let mut history = History::default();
        for second in 0..200 {
            let sample = Sample {
                name: "a".into(),
                labels: BTreeMap::new(),
                value: 1.0,
            };
            let once = Sample {
                name: "once".into(),
                labels: BTreeMap::new(),
                value: 1.0,
            };
            let samples = if second == 0 {
                vec![sample, once]
            } else {
                vec![sample]
            };
            history.take(Timestamp::from_second(second).unwrap(), Some(samples));
        }
        assert_eq!(history.named("a").next().unwrap().1.0.len(), 61);
        assert!(history.named("once").next().is_none());
        assert_eq!(history.up.0.len(), 200);
    }
}
