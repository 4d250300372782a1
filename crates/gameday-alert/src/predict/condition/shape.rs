//! What a part of a query is, from its shape alone.

use crate::promql::{self, Expr, Kind, Operator};

/// Whether an expression yields something only when a comparison in it holds.
pub(super) fn is_condition(expr: &Expr) -> bool {
    match &expr.kind {
        Kind::Binary(op, ..) => {
            op.compares() || matches!(op, Operator::And | Operator::Or | Operator::Unless)
        }
        Kind::Aggregate(op, of) => op != "count" && is_condition(of),
        _ => false,
    }
}

/// Whether it counts something over a window: sums of rates, and differences of such sums.
pub(super) fn is_flow(expr: &Expr) -> bool {
    match &expr.kind {
        Kind::Aggregate(_, of) | Kind::Negate(of) => is_flow(of),
        Kind::Call(name, args) => match name.as_str() {
            "rate" | "increase" | "irate" | "sum_over_time" | "count_over_time" => true,
            "clamp_min" | "clamp_max" | "label_replace" | "vector" | "scalar" => {
                args.first().is_some_and(is_flow)
            }
            _ => false,
        },
        Kind::Binary(Operator::Add | Operator::Subtract | Operator::Or, left, right) => {
            is_flow(left) && (is_flow(right) || right.constant().is_some())
        }
        Kind::Binary(op, left, right) if op.compares() => is_flow(left) && right.constant().is_some(),
        Kind::Binary(Operator::Multiply, left, right) => {
            (is_flow(left) && right.constant().is_some()) || (is_flow(right) && left.constant().is_some())
        }
        Kind::Binary(Operator::Divide, left, right) => is_flow(left) && right.constant().is_some(),
        _ => false,
    }
}

/// The number that a flow is multiplied with.
pub(super) fn scale(flow: &Expr) -> f64 {
    match &flow.kind {
        Kind::Aggregate(_, of) => scale(of),
        Kind::Binary(op @ (Operator::Multiply | Operator::Divide), left, right) => {
            match (left.constant(), right.constant(), op) {
                (Some(number), None, Operator::Multiply) => number * scale(right),
                (None, Some(number), Operator::Multiply) => number * scale(left),
                (None, Some(number), Operator::Divide) => scale(left) / number,
                _ => 1.0,
            }
        }
        _ => 1.0,
    }
}

/// The widest range in it; a range over a subquery adds to the ranges in it.
pub(super) fn widest(expr: &Expr) -> i64 {
    match &expr.kind {
        Kind::Selector(selector) => selector.shift.range_us.unwrap_or(0),
        Kind::Subquery(of, shift) => shift.range_us.unwrap_or(0) + widest(of),
        Kind::Aggregate(_, of) | Kind::Negate(of) => widest(of),
        Kind::Call(_, args) => args.iter().map(widest).max().unwrap_or(0),
        Kind::Binary(_, left, right) => widest(left).max(widest(right)),
        Kind::Number(_) | Kind::Text => 0,
    }
}

/// `time() - x`: how long ago something was.
pub(super) fn is_age(expr: &Expr) -> bool {
    matches!(&expr.kind, Kind::Binary(Operator::Subtract, left, _)
        if matches!(&left.kind, Kind::Call(name, _) if name == "time"))
}

/// Series whose samples are 0 or 1.
pub(super) fn is_binary(expr: &Expr) -> bool {
    matches!(&expr.kind, Kind::Selector(selector)
        if matches!(selector.name.as_deref(), Some("up" | "probe_success")))
}

/// `14.4 * 0.001`: a burn rate and a budget, in either order.
pub(super) fn burn_of(limit: &Expr) -> Option<(f64, f64)> {
    let Kind::Binary(Operator::Multiply, left, right) = &limit.kind else {
        return None;
    };
    let (left, right) = (left.constant()?, right.constant()?);
    let (factor, budget) = if left >= right {
        (left, right)
    } else {
        (right, left)
    };
    (factor >= 1.0 && budget > 0.0 && budget < 1.0).then_some((factor, budget))
}

/// `http_requests:burnrate5m`, `slo:sli_error:ratio_rate1h`: the length of time at the end of a name.
pub(super) fn window_in_name(name: &str) -> Option<i64> {
    let digits = name
        .rfind(|c: char| !c.is_ascii_alphanumeric() || c == '_')
        .map_or(0, |at| at + 1);
    let tail = &name[digits..];
    let start = tail.find(|c: char| c.is_ascii_digit())?;
    promql::length(&tail[start..])
}
