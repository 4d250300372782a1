//! The share of requests that a rule looks at, as the queries of what it counts.

use super::condition::{self, Level};
use super::rules::Rules;
use crate::RuleGroup;

/// A share of requests.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ShareOf {
    /// What is counted, and of what.
    pub(crate) part: SharePart,
    pub(crate) whole: SharePart,
    pub(crate) window_us: i64,
    /// What the share is multiplied with, e.g. 100.
    pub(crate) scale: f64,
    /// The rule wants it to be large: good requests are counted.
    pub(crate) is_of_good: bool,
}

/// One side of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SharePart {
    pub(crate) query: String,
    /// It counts requests in its window, not in a second.
    pub(crate) is_increase: bool,
}

/// The first share of requests that an alert's query looks at, by way of recording rules if it does so.
pub(crate) fn share_of(groups: &[RuleGroup], query: &str) -> Option<ShareOf> {
    let study = condition::study(query, Rules(groups)).ok()?;
    study.condition.leaves().into_iter().find_map(|leaf| {
        let Level::Share {
            window_us,
            part,
            whole,
            scale,
            ..
        } = &leaf.level
        else {
            return None;
        };
        let side = |query: &String| SharePart {
            query: query.clone(),
            is_increase: query.contains("increase("),
        };
        Some(ShareOf {
            part: side(part),
            whole: side(whole),
            window_us: *window_us,
            scale: *scale,
            is_of_good: !leaf.rises(),
        })
    })
}
