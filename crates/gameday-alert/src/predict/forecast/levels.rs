//! A comparison with its numbers: its limit, what it read before the fault, what was counted so far.

use super::Builder;
use crate::Sample;
use crate::predict::climb::{Ready, share_over};
use crate::predict::condition::{Leaf, Level, Limit};
use crate::predict::labels;

impl Builder<'_> {
    /// A comparison with its numbers.
    pub(super) fn ready<'c>(&mut self, leaf: &'c Leaf) -> Ready<'c> {
        let limits: Vec<f64> = match &leaf.limit {
            Limit::Number(limit) => vec![*limit],
            Limit::Query(query) => {
                let values = self.values(query);
                let shown = values.first().map_or("unknown".to_owned(), ToString::to_string);
                self.assume(format!("`{query}` stays what it is ({shown})"));
                values
            }
            Limit::None => vec![f64::NEG_INFINITY],
        };
        let rises = leaf.rises();
        let scale = match leaf.level {
            Level::Share { scale, .. } => scale,
            _ => 1.0,
        };
        let limits: Vec<f64> = limits.into_iter().map(|limit| limit / scale).collect();
        let (low, high) = ends(&limits).unwrap_or((f64::NAN, f64::NAN));
        let limit = if rises { (low, high) } else { (high, low) };
        let before = self.before(leaf, limit.0, scale);
        let true_now = self
            .survey
            .answers
            .get(&leaf.text)
            .is_some_and(|found| labels::fitting(found, &self.asked.labels).next().is_some());
        let stays = matches!(
            leaf.level,
            Level::Instant { .. }
                | Level::Window { .. }
                | Level::WholeWindow { .. }
                | Level::Mean { binary: false, .. }
        );
        Ready {
            leaf,
            limit,
            before: if rises { (before.1, before.0) } else { before },
            holds: stays && true_now && !matches!(leaf.limit, Limit::None),
            unborn: matches!(&leaf.level, Level::Share { part, .. } if rises && self.is_unborn(part)),
            counted: self.counted(leaf),
            targets: self.targets(leaf),
        }
    }

    /// What has been counted of bad requests so far, in microseconds of all requests.
    #[expect(clippy::cast_precision_loss, reason = "windows are far shorter than 2^53 µs")]
    fn counted(&self, leaf: &Leaf) -> Option<f64> {
        let Level::Share {
            window_us,
            part,
            whole,
            ..
        } = &leaf.level
        else {
            return None;
        };
        let total = |query: &String| {
            let found = self.survey.answers.get(query)?;
            Some(found.iter().map(|sample| sample.value).sum::<f64>())
        };
        let counters = leaf.counters(part);
        let counted: Option<f64> = counters.iter().map(total).sum();
        let counted =
            counted.filter(|counted| leaf.rises() && !counters.is_empty() && counted.is_finite())?;
        let per_window = if whole.contains("increase(") {
            *window_us as f64 / 1e6
        } else {
            1.0
        };
        let per_second = total(whole)? / per_window;
        (per_second > 0.0).then(|| counted / per_second * 1e6)
    }

    /// The level before the fault: the lowest and the highest of the series that may be meant.
    fn before(&mut self, leaf: &Leaf, limit: f64, scale: f64) -> (f64, f64) {
        let (query, nothing) = match &leaf.level {
            Level::Share { query, .. } | Level::Unseen { query, .. } => {
                (query, if leaf.rises() { 0.0 } else { 1.0 })
            }
            Level::Mean { query, .. } => (query, 1.0),
            Level::Flow { query, .. } | Level::Instant { query, .. } => (query, 0.0),
            Level::Quantile { buckets, .. } => {
                let found = self.survey.answers.get(buckets).map(Vec::as_slice);
                let fitting: Vec<Sample> = labels::fitting(found.unwrap_or_default(), &self.asked.labels)
                    .cloned()
                    .collect();
                let share = share_over(&fitting, limit).unwrap_or(0.0);
                return (share, share);
            }
            Level::Absent { .. } | Level::Window { .. } | Level::WholeWindow { .. } => return (0.0, 0.0),
        };
        let found = ends(&self.values(query));
        found.map_or((nothing, nothing), |(low, high)| (low / scale, high / scale))
    }

    /// The values of a query before the fault, of the series that may be meant.
    fn values(&self, query: &str) -> Vec<f64> {
        let found = self
            .survey
            .answers
            .get(query)
            .map(Vec::as_slice)
            .unwrap_or_default();
        labels::fitting(found, &self.asked.labels)
            .map(|sample| sample.value)
            .filter(|value| value.is_finite())
            .collect()
    }

    /// Whether what is counted has no series yet; when nobody could be asked, it is taken to have one.
    fn is_unborn(&self, part: &str) -> bool {
        self.survey.answers.get(part).is_some_and(Vec::is_empty)
    }
}

fn ends(values: &[f64]) -> Option<(f64, f64)> {
    let low = values.iter().copied().min_by(f64::total_cmp)?;
    let high = values.iter().copied().max_by(f64::total_cmp)?;
    Some((low, high))
}
