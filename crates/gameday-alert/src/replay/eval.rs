//! Evaluates PromQL over recorded samples, as Prometheus does at one moment.
//!
//! What it does not know it refuses by name: a number that is nearly right would be worse than none.

use std::collections::BTreeMap;

use super::functions;
use super::store::Store;
use super::value::{Labels, Value, Vector};
use crate::promql::{Expr, Grouping, Kind, Many, Operator};

/// Evaluates queries at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evaluation<'s> {
    pub(super) store: &'s Store,
    pub(super) at_ms: i64,
}

const NAME: &str = "__name__";

impl Evaluation<'_> {
    /// What a query yields as series; a bare number is one without labels.
    pub(super) fn vector(&self, expr: &Expr) -> Result<Vector, String> {
        Ok(match self.value(expr)? {
            Value::Vector(vector) => vector,
            Value::Scalar(value) => vec![(Labels::new(), value)],
        })
    }

    pub(super) fn value(&self, expr: &Expr) -> Result<Value, String> {
        match &expr.kind {
            Kind::Number(number) => Ok(Value::Scalar(*number)),
            Kind::Text => Err("a string where a number is wanted".to_owned()),
            Kind::Selector(selector) if selector.shift.range_us.is_some() => {
                Err("a range where a value is wanted".to_owned())
            }
            Kind::Selector(selector) => Ok(Value::Vector(self.store.instant(selector, self.at_ms)?)),
            Kind::Subquery(..) => Err("subqueries".to_owned()),
            Kind::Negate(of) => Ok(match self.value(of)? {
                Value::Scalar(value) => Value::Scalar(-value),
                Value::Vector(vector) => Value::Vector(mapped(vector, |value| -value)),
            }),
            Kind::Call(name, args) => functions::call(self, name, args),
            Kind::Aggregate(op, of) => self.aggregate(op, of, expr.grouping.as_ref()),
            Kind::Binary(op, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                binary(*op, left, right, expr.grouping.as_ref())
            }
        }
    }

    fn aggregate(&self, op: &str, of: &Expr, grouping: Option<&Grouping>) -> Result<Value, String> {
        let mut groups: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
        let none = Grouping {
            only: true,
            ..Grouping::default()
        };
        let grouping = grouping.unwrap_or(&none);
        for (mut labels, value) in self.vector(of)? {
            labels.remove(NAME);
            groups.entry(grouping.kept(&labels)).or_default().push(value);
        }
        let folded = groups.into_iter().map(|(labels, values)| {
            let count = functions::count(values.len());
            let sum: f64 = values.iter().sum();
            Ok((
                labels,
                match op {
                    "sum" => sum,
                    "avg" => sum / count,
                    "count" => count,
                    "group" => 1.0,
                    "min" => values.iter().copied().fold(f64::NAN, f64::min),
                    "max" => values.iter().copied().fold(f64::NAN, f64::max),
                    "stddev" => functions::variance(&values).sqrt(),
                    "stdvar" => functions::variance(&values),
                    other => return Err(format!("`{other}`")),
                },
            ))
        });
        folded.collect::<Result<Vector, String>>().map(Value::Vector)
    }
}

/// Every value changed, and the name gone: it is not that metric any more.
pub(super) fn mapped(vector: Vector, change: impl Fn(f64) -> f64) -> Vector {
    let changed = vector.into_iter().map(|(mut labels, value)| {
        labels.remove(NAME);
        (labels, change(value))
    });
    changed.collect()
}

fn binary(op: Operator, left: Value, right: Value, grouping: Option<&Grouping>) -> Result<Value, String> {
    let yes_or_no = grouping.is_some_and(|grouping| grouping.yes_or_no);
    match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => Ok(Value::Scalar(match op.compares() {
            true => f64::from(op.holds(left, right)),
            false => arithmetic(op, left, right),
        })),
        (Value::Vector(left), Value::Scalar(right)) => {
            Ok(Value::Vector(with_scalar(left, op, yes_or_no, |value| {
                (value, right)
            })))
        }
        (Value::Scalar(left), Value::Vector(right)) => {
            Ok(Value::Vector(with_scalar(right, op, yes_or_no, |value| {
                (left, value)
            })))
        }
        (Value::Vector(left), Value::Vector(right)) => {
            let every = Grouping::default();
            let grouping = grouping.unwrap_or(&every);
            match op {
                Operator::And | Operator::Or | Operator::Unless => {
                    Ok(Value::Vector(sets(op, left, right, grouping)))
                }
                _ => met(op, left, right, grouping).map(Value::Vector),
            }
        }
    }
}

fn with_scalar(vector: Vector, op: Operator, yes_or_no: bool, sides: impl Fn(f64) -> (f64, f64)) -> Vector {
    let one = |(mut labels, value): (Labels, f64)| {
        let (left, right) = sides(value);
        if !op.compares() || yes_or_no {
            labels.remove(NAME);
        }
        match (op.compares(), yes_or_no) {
            (false, _) => Some((labels, arithmetic(op, left, right))),
            (true, true) => Some((labels, f64::from(op.holds(left, right)))),
            (true, false) => op.holds(left, right).then_some((labels, value)),
        }
    };
    vector.into_iter().filter_map(one).collect()
}

fn arithmetic(op: Operator, left: f64, right: f64) -> f64 {
    match op {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        Operator::Modulo => left % right,
        Operator::Power => left.powf(right),
        Operator::Atan2 => left.atan2(right),
        _ => f64::NAN,
    }
}

/// `and`, `or`, `unless`.
fn sets(op: Operator, left: Vector, right: Vector, grouping: &Grouping) -> Vector {
    let has = |side: &Vector, labels: &Labels| {
        let wanted = grouping.signature(labels);
        side.iter()
            .any(|(theirs, _)| grouping.signature(theirs) == wanted)
    };
    match op {
        Operator::Or => {
            let more: Vector = right
                .into_iter()
                .filter(|(labels, _)| !has(&left, labels))
                .collect();
            left.into_iter().chain(more).collect()
        }
        Operator::And => left
            .into_iter()
            .filter(|(labels, _)| has(&right, labels))
            .collect(),
        _ => left
            .into_iter()
            .filter(|(labels, _)| !has(&right, labels))
            .collect(),
    }
}

/// Pairs of series that meet; one side may have several of one signature when the query says so.
fn met(op: Operator, left: Vector, right: Vector, grouping: &Grouping) -> Result<Vector, String> {
    let swapped = grouping.many == Some(Many::Right);
    let (many, one) = if swapped { (right, left) } else { (left, right) };
    let mut partners: BTreeMap<Labels, (Labels, f64)> = BTreeMap::new();
    for (labels, value) in one {
        let known = partners.insert(grouping.signature(&labels), (labels, value));
        if known.is_some() {
            return Err("series that meet several others (Prometheus refuses that)".to_owned());
        }
    }
    let mut found: BTreeMap<Labels, f64> = BTreeMap::new();
    for (labels, value) in many {
        let Some((theirs, other)) = partners.get(&grouping.signature(&labels)) else {
            continue;
        };
        let (a, b) = if swapped { (*other, value) } else { (value, *other) };
        let result = match (op.compares(), grouping.yes_or_no) {
            (false, _) => arithmetic(op, a, b),
            (true, true) => f64::from(op.holds(a, b)),
            (true, false) if op.holds(a, b) => a,
            (true, false) => continue,
        };
        let keeps_name = op.compares() && !grouping.yes_or_no;
        if found
            .insert(grouping.result(labels, theirs, keeps_name), result)
            .is_some()
        {
            return Err("series that meet the same one (Prometheus refuses that)".to_owned());
        }
    }
    Ok(found.into_iter().collect())
}

impl Grouping {
    /// The labels of a group, of an aggregation.
    fn kept(&self, labels: &Labels) -> Labels {
        let named = |label: &String| self.labels.contains(label) == self.only;
        let kept = labels.iter().filter(|(label, _)| named(label));
        kept.map(|(label, value)| (label.clone(), value.clone()))
            .collect()
    }

    /// By what two series meet.
    fn signature(&self, labels: &Labels) -> Labels {
        let mut signature = self.kept(labels);
        signature.remove(NAME);
        signature
    }

    /// The labels of what comes of two series that meet.
    fn result(&self, mut labels: Labels, theirs: &Labels, keeps_name: bool) -> Labels {
        if !keeps_name {
            labels.remove(NAME);
        }
        if self.many.is_some() {
            for label in &self.include {
                match theirs.get(label) {
                    Some(value) => labels.insert(label.clone(), value.clone()),
                    None => labels.remove(label),
                };
            }
            return labels;
        }
        let name = labels.get(NAME).cloned().filter(|_| !self.only);
        let mut kept = self.kept(&labels);
        kept.extend(name.map(|name| (NAME.to_owned(), name)));
        kept
    }
}
