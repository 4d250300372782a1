//! How near a rule came to being true: the nearest value of each number that it compares.

use std::collections::BTreeMap;

use gameday_core::{Approach, Nearest, RuleSeen, Timestamp};

use super::eval::Evaluation;
use super::requests::requests;
use super::value::Labels;
use super::{Change, Material, ms, read, walk};
use crate::promql::{Expr, Kind, Operator};
use crate::{Asked, RuleGroup};

/// More ways than these are none that anybody could be told of.
const MOST_WAYS: usize = 32;

/// How near a rule came to an alert that is expected of a fault, which took effect and was removed at these times of
/// Prometheus' clock.
#[must_use]
pub fn approach(
    material: &Material<'_>,
    groups: &[RuleGroup],
    asked: &Asked,
    fault: (Timestamp, Timestamp),
) -> Approach {
    let found = compared(material, fault.0, &asked.labels);
    Approach {
        label: asked.label.clone(),
        alert: asked.alert.clone(),
        requests: requests(material, groups, asked, fault).filter(|_| found.is_ok()),
        why: found.as_ref().err().cloned(),
        ways: found.unwrap_or_default(),
    }
}

/// Evaluates the comparisons of a rule from a moment on, for series that may be of an alert with these labels.
fn compared(
    material: &Material<'_>,
    from: Timestamp,
    wanted: &BTreeMap<String, String>,
) -> Result<Vec<Vec<Nearest>>, String> {
    let query = read(&material.rule.query)?;
    let mut ways = ways(&query);
    if ways.is_empty() {
        return Err("it does not compare with a number".to_owned());
    }
    // Prometheus was asked for what it reads and has nothing: then it yields nothing.
    if material.series.iter().all(|one| one.samples.is_empty()) {
        return Ok(told(ways, material.rule));
    }
    walk(material, &Change::default(), |evaluation| {
        if evaluation.at_ms < ms(from) {
            return Ok(());
        }
        let mut sides = ways.iter_mut().flatten();
        sides.try_for_each(|side| side.look(evaluation, |labels| may_be(material.rule, labels, wanted)))
    })?;
    Ok(told(ways, material.rule))
}

fn told(ways: Vec<Vec<Side<'_>>>, rule: &RuleSeen) -> Vec<Vec<Nearest>> {
    let told = |side: Side<'_>| side.told(&rule.query);
    let way = |way: Vec<Side<'_>>| way.into_iter().map(told).collect();
    ways.into_iter().map(way).collect()
}

/// Whether series of these labels may be those of the alert that is meant.
pub(super) fn may_be(rule: &RuleSeen, labels: &Labels, wanted: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(label, value)| {
        rule.labels.contains_key(label) || labels.get(label).is_none_or(|theirs| theirs == value)
    })
}

/// What is compared with a number, and how near it has come.
#[derive(Clone)]
struct Side<'q> {
    expr: &'q Expr,
    op: Operator,
    limit: f64,
    nearest: Option<(f64, i64)>,
    held: u64,
}

/// The comparisons with numbers that decide whether a query yields anything; what else it asks is left out.
fn ways(expr: &Expr) -> Vec<Vec<Side<'_>>> {
    match &expr.kind {
        Kind::Aggregate(_, of) => ways(of),
        Kind::Binary(Operator::And, left, right) => together(ways(left), ways(right)),
        Kind::Binary(Operator::Or, left, right) => [ways(left), ways(right)].concat(),
        Kind::Binary(Operator::Unless, left, _) => ways(left),
        Kind::Binary(op, left, right) if op.compares() => {
            let yes_or_no = expr.grouping.as_ref().is_some_and(|grouping| grouping.yes_or_no);
            let side = match (left.constant(), right.constant()) {
                (None, Some(limit)) => Some((&**left, *op, limit)),
                (Some(limit), None) => Some((&**right, op.mirrored(), limit)),
                _ => None,
            };
            let side = side.filter(|_| !yes_or_no).map(|(expr, op, limit)| Side {
                expr,
                op,
                limit,
                nearest: None,
                held: 0,
            });
            side.map(|side| vec![vec![side]]).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// Each way of one side with each of the other; of too many, those of one side, which must hold as well.
fn together<'q>(left: Vec<Vec<Side<'q>>>, right: Vec<Vec<Side<'q>>>) -> Vec<Vec<Side<'q>>> {
    if left.is_empty() || right.is_empty() {
        return [left, right].concat();
    }
    if left.len() * right.len() > MOST_WAYS {
        return left;
    }
    let pairs = left.iter().flat_map(|one| {
        right
            .iter()
            .map(move |other| [one.clone(), other.clone()].concat())
    });
    pairs.collect()
}

impl Side<'_> {
    fn look(
        &mut self,
        evaluation: &Evaluation<'_>,
        is_meant: impl Fn(&Labels) -> bool,
    ) -> Result<(), String> {
        let found = evaluation.vector(self.expr)?;
        let values: Vec<f64> = found
            .into_iter()
            .filter(|(labels, _)| is_meant(labels))
            .map(|(_, value)| value)
            .collect();
        self.held += u64::from(values.iter().any(|value| self.op.holds(*value, self.limit)));
        for value in values.into_iter().filter(|value| value.is_finite()) {
            if self
                .nearest
                .is_none_or(|(known, _)| self.nearness(value) > self.nearness(known))
            {
                self.nearest = Some((value, evaluation.at_ms));
            }
        }
        Ok(())
    }

    /// The larger, the nearer to holding, or the more clearly it holds.
    fn nearness(&self, value: f64) -> f64 {
        match self.op {
            Operator::Greater | Operator::GreaterEqual => value,
            Operator::Less | Operator::LessEqual => -value,
            Operator::NotEqual => (value - self.limit).abs(),
            _ => -(value - self.limit).abs(),
        }
    }

    fn told(self, query: &str) -> Nearest {
        let text = self.expr.text(query);
        Nearest {
            expr: text.split_whitespace().collect::<Vec<_>>().join(" "),
            op: sign(self.op).to_owned(),
            limit: self.limit,
            value: self.nearest.map(|(value, _)| value),
            at: self
                .nearest
                .map(|(_, at_ms)| Timestamp::from_micros(at_ms.saturating_mul(1000))),
            held: self.held,
        }
    }
}

fn sign(op: Operator) -> &'static str {
    match op {
        Operator::Greater => ">",
        Operator::GreaterEqual => ">=",
        Operator::Less => "<",
        Operator::LessEqual => "<=",
        Operator::NotEqual => "!=",
        _ => "==",
    }
}

#[cfg(test)]
mod tests;
