//! From an alert's PromQL to what has to become true for it to be active.
//!
//! ```text
//!   "a / b > 0.01 and c > 1"  ──►  All[ Share over its limit, Flow over its limit ]
//! ```
//!
//! A name that a rule records is followed into that rule, so that a burn rate is understood down to the
//! counters that are scraped; each rule on the way is remembered, since it costs a tick.

use super::rules::RuleAt;
use crate::promql::{Operator, Selector};

pub(super) use read::study;

mod read;
mod shape;

/// What has to become true.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    /// All of them.
    All(Vec<Condition>),
    /// Any of them.
    Any(Vec<Condition>),
    /// A comparison.
    Leaf(Box<Leaf>),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Leaf {
    /// The comparison as it stands in its rule; it yields series exactly when it holds.
    pub(super) text: String,
    /// What is compared, and what it looks at.
    pub(super) level: Level,
    /// How.
    pub(super) op: Operator,
    /// With what.
    pub(super) limit: Limit,
    /// When the limit is a burn rate times a budget: those two.
    pub(super) burn: Option<(f64, f64)>,
    /// The recording rules between the alert and the series, the alert's own first.
    pub(super) via: Vec<RuleAt>,
    /// How far back it looks, in microseconds.
    pub(super) offset_us: i64,
    /// The series that it looks at in the end.
    pub(super) series: Vec<Series>,
}

/// What a level is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Limit {
    Number(f64),
    /// A query whose result has to be asked for; it is taken to stay.
    Query(String),
    /// None: any series makes it true.
    None,
}

/// Series that are scraped, and what is known of where.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    /// The selector without its range.
    pub(super) text: String,
    pub(super) selector: Selector,
}

/// What is compared.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Level {
    /// A share of requests over a window: bad ones or good ones of all.
    Share {
        window_us: i64,
        /// The query of the share; its value now is what it was before.
        query: String,
        /// The queries of what is counted and of what it is a share of.
        part: String,
        whole: String,
        /// What the share is multiplied with, e.g. 100.
        scale: f64,
    },
    /// A quantile of a histogram over a window: over its limit when more requests than `1 − q` are.
    Quantile {
        window_us: i64,
        q: f64,
        /// The query of the buckets' rates.
        buckets: String,
    },
    /// A mean of samples over a window.
    Mean {
        window_us: i64,
        /// The query of the mean.
        query: String,
        /// Its samples are 0 or 1, as those of `up`.
        binary: bool,
    },
    /// A rate of one counter over a window.
    Flow { window_us: i64, query: String },
    /// A value of the last scrape.
    Instant { query: String, metric: String },
    /// There are no such series.
    Absent { metric: String },
    /// Something over a window of which only that is known: it may change with the first scrape, and has
    /// changed when the window holds nothing else.
    Window { window_us: i64 },
    /// As `Window`, but it changes only when the window holds nothing else.
    WholeWindow { window_us: i64 },
    /// A recorded series whose rule is not known here; its name says its window.
    Unseen { window_us: Option<i64>, query: String },
}

/// An alert's PromQL, understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Study {
    pub(super) condition: Condition,
    /// What was taken for granted on the way.
    pub(super) assumes: Vec<String>,
}

impl Condition {
    /// Every comparison in it.
    pub(super) fn leaves(&self) -> Vec<&Leaf> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::leaves).collect(),
            Self::Leaf(leaf) => vec![leaf],
        }
    }
}

impl Leaf {
    /// The window that it looks at, zero for a value of the last scrape.
    pub(super) fn window_us(&self) -> i64 {
        match &self.level {
            Level::Share { window_us, .. }
            | Level::Quantile { window_us, .. }
            | Level::Mean { window_us, .. }
            | Level::Flow { window_us, .. }
            | Level::Window { window_us }
            | Level::WholeWindow { window_us } => *window_us,
            Level::Unseen { window_us, .. } => window_us.unwrap_or(0),
            Level::Instant { .. } | Level::Absent { .. } => 0,
        }
    }

    /// Whether it becomes true by something growing.
    pub(super) fn rises(&self) -> bool {
        !matches!(self.op, Operator::Less | Operator::LessEqual)
    }
}

#[cfg(test)]
mod tests;
