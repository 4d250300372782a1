//! An alert rule over recorded series: when it would have been active, and when it would have fired.
//!
//! ```text
//!   RawSeries ─► Store ◄─ recording rules, each at its own ticks
//!                  └────► the alert's query at each tick ─► `for` ─► Episode
//!                                  └─► its comparisons ──────────► Approach: how near they came
//! ```
//!
//! Pure: the same series and rules make the same episodes. With the rule as it was, they are what Prometheus
//! itself saw; with another `for`, interval or threshold, what it would have seen.

mod approach;
mod eval;
mod functions;
mod requests;
mod store;
mod value;

use std::collections::BTreeMap;

use gameday_core::{RawSeries, RecordingSeen, RuleSeen, Timestamp};

use crate::promql::{self, Expr, Kind};
use eval::Evaluation;
use store::Store;

pub use approach::approach;

/// What was recorded of a rule.
#[derive(Debug, Clone, Copy)]
pub struct Material<'a> {
    /// The alert rule.
    pub rule: &'a RuleSeen,
    /// The recording rules that it reads, in the order in which they are evaluated.
    pub recordings: &'a [RecordingSeen],
    /// The series that are scraped.
    pub series: &'a [RawSeries],
    /// An evaluation of the alert rule's group.
    pub evaluated_at: Timestamp,
    /// Whether a range leaves its first moment out, as it does since Prometheus 3.
    pub left_open: bool,
}

/// What is changed of the alert rule.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Change {
    /// Its `for`.
    pub for_ms: Option<u64>,
    /// How often its group is evaluated.
    pub interval_ms: Option<u64>,
    /// What its query compares with.
    pub threshold: Option<f64>,
    /// Its evaluations are that much later.
    pub phase_ms: i64,
}

/// A time in which an alert is active. Times are those of evaluations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// The alert's labels.
    pub labels: BTreeMap<String, String>,
    /// From when on its condition was true.
    pub active: Timestamp,
    /// When it fired.
    pub firing: Option<Timestamp>,
    /// When its condition was not true any more; none when the series end before.
    pub inactive: Option<Timestamp>,
}

/// No more evaluations than this are made: a day of a rule that is evaluated each second.
const MOST_TICKS: i64 = 86_400;

/// Follows a rule through what was recorded.
///
/// # Errors
/// A line that says what of its query cannot be evaluated here.
pub fn replay(material: &Material<'_>, change: &Change) -> Result<Vec<Episode>, String> {
    let mut query = read(&material.rule.query)?;
    if let Some(threshold) = change.threshold {
        set_threshold(&mut query, threshold)?;
    }
    let mut alert = Alert::new(material.rule, change);
    walk(material, change, |evaluation| {
        alert.evaluated(evaluation.at_ms, evaluation.vector(&query)?);
        Ok(())
    })?;
    Ok(alert.episodes())
}

/// Evaluates the recording rules at their ticks, and lets somebody look at each tick of the alert's own group.
fn walk(
    material: &Material<'_>,
    change: &Change,
    mut look: impl FnMut(&Evaluation<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let mut store = stored(material);
    let Some((first, last)) = store.span_ms() else {
        return Err("no sample was recorded of what it reads".to_owned());
    };
    let tick_ms = ms(material.evaluated_at);
    let own = Ticks::new(
        tick_ms + change.phase_ms,
        change.interval_ms.unwrap_or(material.rule.interval_ms),
    );
    let mut records = Vec::new();
    for rule in material.recordings {
        let ticks = Ticks::new(rule.evaluated_at.map_or(tick_ms, ms), rule.interval_ms);
        records.push((ticks, rule, read(&rule.query)?));
    }
    if (last - first) / own.every_ms > MOST_TICKS {
        return Err(format!("more than {MOST_TICKS} evaluations"));
    }
    let mut now = first;
    while now <= last {
        // Those that record are evaluated before the alert that reads them at the same tick.
        for (ticks, rule, query) in &records {
            if ticks.is_one(now) {
                record(&mut store, rule, query, now, ticks.every_ms)?;
            }
        }
        if own.is_one(now) {
            let evaluation = Evaluation {
                store: &store,
                at_ms: now,
            };
            look(&evaluation).map_err(cannot)?;
        }
        let next = records.iter().map(|(ticks, ..)| ticks.after(now));
        now = next.fold(own.after(now), i64::min);
    }
    Ok(())
}

fn stored(material: &Material<'_>) -> Store {
    let mut store = Store {
        left_open: material.left_open,
        ..Store::default()
    };
    material.series.iter().for_each(|one| store.add(one));
    store
}

fn cannot(what: String) -> String {
    format!("its query cannot be replayed: {what}")
}

fn read(query: &str) -> Result<Expr, String> {
    promql::parse(query).map_err(|why| cannot(format!("`{query}`: {why}")))
}

fn ms(time: Timestamp) -> i64 {
    time.as_micros().div_euclid(1000)
}

/// When a group is evaluated.
#[derive(Debug, Clone, Copy)]
struct Ticks {
    at_ms: i64,
    every_ms: i64,
}

impl Ticks {
    fn new(at_ms: i64, every_ms: u64) -> Self {
        Self {
            at_ms,
            every_ms: i64::try_from(every_ms).unwrap_or(i64::MAX).max(1),
        }
    }

    fn is_one(self, now: i64) -> bool {
        (now - self.at_ms).rem_euclid(self.every_ms) == 0
    }

    /// The first one after a moment.
    fn after(self, now: i64) -> i64 {
        now + self.every_ms - (now - self.at_ms).rem_euclid(self.every_ms)
    }
}

fn record(
    store: &mut Store,
    rule: &RecordingSeen,
    query: &Expr,
    now: i64,
    every_ms: i64,
) -> Result<(), String> {
    let evaluation = Evaluation { store, at_ms: now };
    let found = evaluation
        .vector(query)
        .map_err(|what| cannot(format!("`{}`: {what}", rule.record)))?;
    for (mut labels, value) in found {
        labels.insert("__name__".to_owned(), rule.record.clone());
        labels.extend(rule.labels.clone());
        store.record(labels, now, value, every_ms);
    }
    Ok(())
}

/// Puts another number in the place of the one that a query compares with.
fn set_threshold(query: &mut Expr, threshold: f64) -> Result<(), String> {
    let mut count = 0;
    visit(query, &mut |expr| {
        if let Kind::Binary(op, left, right) = &mut expr.kind
            && op.compares()
        {
            for side in [left, right].into_iter().filter(|side| side.constant().is_some()) {
                side.kind = Kind::Number(threshold);
                count += 1;
            }
        }
    });
    match count {
        1 => Ok(()),
        0 => Err("its query compares with no number, so there is no threshold to change".to_owned()),
        many => Err(format!(
            "its query compares with {many} numbers: which one is its threshold?"
        )),
    }
}

fn visit(expr: &mut Expr, look: &mut impl FnMut(&mut Expr)) {
    look(expr);
    match &mut expr.kind {
        Kind::Number(_) | Kind::Text | Kind::Selector(_) => {}
        Kind::Subquery(of, _) | Kind::Aggregate(_, of) | Kind::Negate(of) => visit(of, look),
        Kind::Call(_, args) => args.iter_mut().for_each(|arg| visit(arg, look)),
        Kind::Binary(_, left, right) => [left, right].into_iter().for_each(|side| visit(side, look)),
    }
}

/// An alert rule while it is followed.
struct Alert<'r> {
    rule: &'r RuleSeen,
    for_ms: i64,
    keep_firing_ms: i64,
    open: BTreeMap<BTreeMap<String, String>, Open>,
    done: Vec<Episode>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    active: i64,
    firing: Option<i64>,
    /// Since when its condition is not true, while it is kept firing.
    untrue: Option<i64>,
}

impl<'r> Alert<'r> {
    fn new(rule: &'r RuleSeen, change: &Change) -> Self {
        let whole = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        Self {
            rule,
            for_ms: whole(change.for_ms.unwrap_or(rule.for_ms)),
            keep_firing_ms: whole(rule.keep_firing_ms),
            open: BTreeMap::new(),
            done: Vec::new(),
        }
    }

    /// Its condition held for these series at a tick.
    fn evaluated(&mut self, now: i64, found: value::Vector) {
        let holds: std::collections::BTreeSet<_> =
            found.into_iter().map(|(labels, _)| self.labels(labels)).collect();
        for labels in &holds {
            let open = self.open.entry(labels.clone()).or_insert(Open {
                active: now,
                firing: None,
                untrue: None,
            });
            open.untrue = None;
            if open.firing.is_none() && now - open.active >= self.for_ms {
                open.firing = Some(now);
            }
        }
        let keep = self.keep_firing_ms;
        let mut over = Vec::new();
        self.open.retain(|labels, open| {
            if holds.contains(labels) {
                return true;
            }
            let since = *open.untrue.get_or_insert(now);
            if open.firing.is_some() && now - since < keep {
                return true;
            }
            over.push(episode(labels, *open, Some(now)));
            false
        });
        self.done.extend(over);
    }

    fn labels(&self, mut labels: BTreeMap<String, String>) -> BTreeMap<String, String> {
        labels.remove("__name__");
        let own = self.rule.labels.iter().filter(|(_, value)| !value.contains("{{"));
        labels.extend(own.map(|(label, value)| (label.clone(), value.clone())));
        labels.insert("alertname".to_owned(), self.rule.alert.clone());
        labels
    }

    fn episodes(mut self) -> Vec<Episode> {
        let open = self
            .open
            .iter()
            .map(|(labels, open)| episode(labels, *open, None));
        self.done.extend(open.collect::<Vec<_>>());
        self.done.sort_by_key(|one| one.active);
        self.done
    }
}

fn episode(labels: &BTreeMap<String, String>, open: Open, inactive: Option<i64>) -> Episode {
    let time = |ms: i64| Timestamp::from_micros(ms.saturating_mul(1000));
    Episode {
        labels: labels.clone(),
        active: time(open.active),
        firing: open.firing.map(time),
        inactive: inactive.map(time),
    }
}

#[cfg(test)]
mod tests;
