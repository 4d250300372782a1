//! The newest whole drill of each scenario beside the one before.

use std::collections::BTreeMap;

use serde::Serialize;

use super::PastDrill;
use crate::{Comparison, Verdict};

/// Two drills of a scenario, as places in the list that they were found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The one before.
    pub then: usize,
    /// The newest.
    pub now: usize,
}

/// What changed from a drill to the next.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// The scenario's name.
    pub scenario: String,
    /// The drill before.
    pub then: String,
    /// The newest drill.
    pub now: String,
    /// Whether an alert is lost, slower, not tested any more or unclear, or the verdict is worse.
    pub worse: bool,
    /// The verdict of the drill before.
    pub verdict_then: Verdict,
    /// The verdict of the newest.
    pub verdict_now: Verdict,
    /// What `gameday compare` says of the two; null when a journal could not be read.
    pub comparison: Option<Comparison>,
    /// Why it is null.
    pub why: Option<String>,
    /// Fault effective to the steady state, the medians; told, never judged.
    pub ttr: TimeChange,
    /// Variables that were set to something else: the value then, and now.
    pub vars: BTreeMap<String, [Option<String>; 2]>,
}

/// A time, then and now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TimeChange {
    /// Then.
    pub then_ms: Option<i64>,
    /// Now.
    pub now_ms: Option<i64>,
    /// Now less then.
    pub change_ms: Option<i64>,
}

/// For each scenario that has two whole drills, the newest two.
#[must_use]
pub fn pairs(drills: &[PastDrill]) -> Vec<Pair> {
    let mut order: Vec<usize> = (0..drills.len())
        .filter(|index| drills[*index].is_whole())
        .collect();
    order.sort_by_key(|index| (drills[*index].scenario(), drills[*index].started_at()));
    // The same drill in two folders is not its own successor.
    order.dedup_by_key(|index| drills[*index].drill());
    let pair = |of_one: &[usize]| match of_one {
        [.., then, now] => Some(Pair {
            then: *then,
            now: *now,
        }),
        _ => None,
    };
    order
        .chunk_by(|a, b| drills[*a].scenario() == drills[*b].scenario())
        .filter_map(pair)
        .collect()
}

impl Change {
    /// Of two drills and what their comparison says, or why there is none.
    #[must_use]
    pub fn new(then: &PastDrill, now: &PastDrill, comparison: Result<Comparison, String>) -> Self {
        let ttr = |drill: &PastDrill| drill.ttr().median_ms;
        let (then_ms, now_ms) = (ttr(then), ttr(now));
        let worse = now.verdict().precedence() > then.verdict().precedence();
        let (comparison, why) = match comparison {
            Ok(comparison) => (Some(comparison), None),
            Err(why) => (None, Some(why)),
        };
        Self {
            scenario: now.scenario().to_owned(),
            then: then.drill().to_owned(),
            now: now.drill().to_owned(),
            worse: worse || comparison.as_ref().is_some_and(|found| found.judgement.fails()),
            verdict_then: then.verdict(),
            verdict_now: now.verdict(),
            comparison,
            why,
            ttr: TimeChange {
                then_ms,
                now_ms,
                change_ms: now_ms.zip(then_ms).map(|(now, then)| now.saturating_sub(then)),
            },
            vars: vars(then, now),
        }
    }
}

/// Variables whose values differ.
fn vars(then: &PastDrill, now: &PastDrill) -> BTreeMap<String, [Option<String>; 2]> {
    let (old, new) = (&then.plan().vars, &now.plan().vars);
    let names = old.keys().chain(new.keys());
    names
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| (name.clone(), [old.get(name).cloned(), new.get(name).cloned()]))
        .collect()
}
