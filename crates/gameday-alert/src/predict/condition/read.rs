//! Takes a query apart, into comparisons of levels with limits.

use super::shape::{burn_of, is_age, is_binary, is_condition, is_flow, scale, widest, window_in_name};
use super::{Condition, Leaf, Level, Limit, Series, Study};
use crate::predict::rules::{RuleAt, Rules};
use crate::promql::{self, Expr, Kind, Operator};

/// Rules that refer to rules that refer to rules: nobody goes further.
const DEEPEST: usize = 8;
/// More comparisons are no alert that could be explained.
const MOST_LEAVES: usize = 64;

/// Understands an alert's query.
pub(in crate::predict) fn study(query: &str, rules: Rules<'_>) -> Result<Study, String> {
    let expr = promql::parse(query).map_err(|why| format!("its query cannot be read: {why}"))?;
    let mut reader = Reader {
        rules,
        assumes: Vec::new(),
        leaves: 0,
    };
    let place = Place {
        query,
        via: Vec::new(),
    };
    let condition = reader.condition(&expr, &place)?;
    Ok(Study {
        condition,
        assumes: reader.assumes,
    })
}

struct Reader<'r> {
    rules: Rules<'r>,
    assumes: Vec<String>,
    leaves: usize,
}

/// The query that is being read.
#[derive(Clone)]
struct Place<'q> {
    query: &'q str,
    via: Vec<RuleAt>,
}

/// A comparison that is being taken apart.
struct Compared {
    text: String,
    op: Operator,
    limit: Limit,
    burn: Option<(f64, f64)>,
}

impl<'r> Reader<'r> {
    fn condition(&mut self, expr: &Expr, place: &Place<'_>) -> Result<Condition, String> {
        match &expr.kind {
            Kind::Binary(Operator::And, left, right) => Ok(Condition::All(vec![
                self.condition(left, place)?,
                self.condition(right, place)?,
            ])),
            Kind::Binary(Operator::Or, left, right) => Ok(Condition::Any(vec![
                self.condition(left, place)?,
                self.condition(right, place)?,
            ])),
            Kind::Binary(Operator::Unless, left, right) => {
                self.assume(format!("`{}` yields nothing meanwhile", right.text(place.query)));
                self.condition(left, place)
            }
            Kind::Binary(op, left, right) if op.compares() => {
                self.comparison(expr, (*op, left, right), place)
            }
            Kind::Aggregate(_, of) if is_condition(of) => self.condition(of, place),
            Kind::Call(name, args) if args.len() == 1 && is_condition(&args[0]) && name != "absent" => {
                self.condition(&args[0], place)
            }
            _ => self.presence(expr, place),
        }
    }

    fn assume(&mut self, what: String) {
        if !self.assumes.contains(&what) {
            self.assumes.push(what);
        }
    }

    /// A query without a comparison is true as soon as it yields anything.
    fn presence(&mut self, expr: &Expr, place: &Place<'_>) -> Result<Condition, String> {
        if let Some((rule, query)) = self.recording(expr)
            && place.via.len() < DEEPEST
        {
            let inner = promql::parse(query).map_err(|why| format!("`{query}` cannot be read: {why}"))?;
            return self.condition(&inner, &place.within(rule, query));
        }
        let compared = Compared {
            text: expr.text(place.query).to_owned(),
            op: Operator::Greater,
            limit: Limit::None,
            burn: None,
        };
        self.leaf(expr, compared, place)
    }

    fn comparison(
        &mut self,
        whole: &Expr,
        (op, left, right): (Operator, &Expr, &Expr),
        place: &Place<'_>,
    ) -> Result<Condition, String> {
        let text = whole.text(place.query).to_owned();
        let (level, op, other) = match (left.constant(), right.constant()) {
            (_, None) if left.constant().is_none() => (left, op, right),
            (None, _) => (left, op, right),
            (Some(_), _) => (right, op.mirrored(), left),
        };
        // `count(up == 0) > 2`: each of those that are counted has to become true.
        if let Kind::Aggregate(name, of) = &level.kind
            && matches!(name.as_str(), "count" | "sum")
            && is_condition(of)
        {
            self.assume(format!(
                "so many series are affected that `{text}` holds as soon as it holds for one"
            ));
            return self.condition(of, place);
        }
        let limit = other
            .constant()
            .map_or_else(|| Limit::Query(other.text(place.query).to_owned()), Limit::Number);
        let compared = Compared {
            text,
            op,
            limit,
            burn: burn_of(other),
        };
        self.leaf(level, compared, place)
    }

    /// Takes numbers from the level's side to the limit's, until the level stands alone.
    fn leaf(&mut self, expr: &Expr, mut compared: Compared, place: &Place<'_>) -> Result<Condition, String> {
        // The limit is one of `valued`; what is under its aggregations has the same limit for other series.
        let (mut expr, mut valued) = (expr, expr);
        while let Some((inner, moved)) = step(expr, &mut compared) {
            expr = inner;
            if moved {
                valued = inner;
            }
        }
        if let Some((rule, query)) = self.recording(expr)
            && place.via.len() < DEEPEST
        {
            let inner = promql::parse(query).map_err(|why| format!("`{query}` cannot be read: {why}"))?;
            return self.leaf(&inner, compared, &place.within(rule, query));
        }
        self.leaves += 1;
        if self.leaves > MOST_LEAVES {
            return Err(format!("it has more than {MOST_LEAVES} comparisons"));
        }
        let level = match (&compared.limit, is_age(expr)) {
            // It grows by a second each second from the last success on, which was not long ago.
            (Limit::Number(limit), true) => Level::Window {
                window_us: micros(*limit),
            },
            _ => self.level(expr, valued, compared.op, place),
        };
        let selectors = expr.selectors();
        let series = selectors
            .iter()
            .filter_map(|selector| {
                Some(Series {
                    text: place.query.get(selector.series.clone())?.to_owned(),
                    selector: (*selector).clone(),
                })
            })
            .collect();
        if selectors.iter().any(|selector| selector.shift.fixed) {
            self.assume(format!("`{}` looks at now, although it says `@`", compared.text));
        }
        Ok(Condition::Leaf(Box::new(Leaf {
            text: compared.text,
            level,
            op: compared.op,
            limit: compared.limit,
            burn: compared.burn,
            via: place.via.clone(),
            offset_us: selectors
                .iter()
                .map(|selector| selector.shift.offset_us)
                .max()
                .unwrap_or(0),
            series,
        })))
    }

    /// The rule that records what a selector without a range selects.
    fn recording(&self, expr: &Expr) -> Option<(RuleAt, &'r str)> {
        let Kind::Selector(selector) = &expr.kind else {
            return None;
        };
        (selector.shift.range_us.is_none())
            .then(|| self.rules.recording(selector))
            .flatten()
    }

    fn level(&mut self, expr: &Expr, valued: &Expr, op: Operator, place: &Place<'_>) -> Level {
        let text = || valued.text(place.query).to_owned();
        let window_us = widest(expr);
        let rises = matches!(
            op,
            Operator::Greater | Operator::GreaterEqual | Operator::NotEqual
        );
        match &expr.kind {
            Kind::Call(name, args) => self.function(name, args, rises, place, text()),
            Kind::Binary(Operator::Divide, part, whole)
                if window_us > 0 && is_flow(part) && is_flow(whole) =>
            {
                Level::Share {
                    window_us,
                    query: text(),
                    part: part.text(place.query).to_owned(),
                    whole: whole.text(place.query).to_owned(),
                    scale: scale(part) / scale(whole),
                }
            }
            Kind::Selector(selector) if window_us == 0 => {
                let metric = selector.name.clone().unwrap_or_else(|| "{…}".to_owned());
                // Its colons say that a rule records it (Prometheus' naming), here or elsewhere.
                if metric.contains(':') {
                    Level::Unseen {
                        window_us: window_in_name(&metric),
                        query: text(),
                    }
                } else {
                    Level::Instant {
                        query: text(),
                        metric,
                    }
                }
            }
            _ if window_us == 0 => Level::Instant {
                query: text(),
                metric: text(),
            },
            _ => Level::Window { window_us },
        }
    }

    fn function(
        &mut self,
        name: &str,
        args: &[Expr],
        rises: bool,
        place: &Place<'_>,
        query: String,
    ) -> Level {
        let window_us = args.iter().map(widest).max().unwrap_or(0);
        let series = args
            .last()
            .map(|arg| arg.text(place.query).to_owned())
            .unwrap_or_default();
        match (name, args) {
            ("histogram_quantile", [q, of]) if rises => match q.constant() {
                Some(q) if (0.0..1.0).contains(&q) && window_us > 0 => Level::Quantile {
                    window_us,
                    q,
                    buckets: of.text(place.query).to_owned(),
                },
                _ => Level::Window { window_us },
            },
            ("absent" | "absent_over_time", [_]) => Level::Absent { metric: series },
            ("rate" | "increase", [of]) if matches!(of.kind, Kind::Selector(_)) => {
                Level::Flow { window_us, query }
            }
            ("avg_over_time", [of]) => Level::Mean {
                window_us,
                query,
                binary: is_binary(of),
            },
            ("max_over_time", [_]) if rises => Level::Instant {
                query,
                metric: series,
            },
            ("min_over_time", [_]) if !rises => Level::Instant {
                query,
                metric: series,
            },
            ("last_over_time" | "present_over_time", [_]) => Level::Instant {
                query,
                metric: series,
            },
            ("max_over_time" | "min_over_time", [_]) => Level::WholeWindow { window_us },
            _ if window_us == 0 => Level::Instant {
                metric: query.clone(),
                query,
            },
            _ => Level::Window { window_us },
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a length of time, and bounded")]
fn micros(seconds: f64) -> i64 {
    (seconds.clamp(0.0, 1e10) * 1e6) as i64
}

impl Place<'_> {
    /// The query of a recording rule that this one refers to.
    fn within<'q>(&self, rule: RuleAt, query: &'q str) -> Place<'q> {
        let mut via = self.via.clone();
        via.push(rule);
        Place { query, via }
    }
}

impl Compared {
    /// Takes a number that stands beside the level to the limit's side; false when that cannot be done.
    fn undo(&mut self, op: Operator, number: f64, number_is_left: bool) -> bool {
        match op {
            Operator::Add => self.change(|limit| limit - number, false),
            Operator::Subtract if number_is_left => self.change(|limit| number - limit, true),
            Operator::Subtract => self.change(|limit| limit + number, false),
            Operator::Multiply if number != 0.0 => self.change(|limit| limit / number, number < 0.0),
            Operator::Divide if !number_is_left => {
                // A share over a budget is a burn rate.
                if let (Limit::Number(factor), true) = (&self.limit, 0.0 < number && number < 1.0) {
                    self.burn = Some((*factor, number));
                }
                self.change(|limit| limit * number, number < 0.0)
            }
            _ => false,
        }
    }

    /// Moves the limit; false when there is none to be moved.
    fn change(&mut self, to: impl Fn(f64) -> f64, mirrored: bool) -> bool {
        let Limit::Number(limit) = &mut self.limit else {
            return false;
        };
        *limit = to(*limit);
        if mirrored {
            self.op = self.op.mirrored();
        }
        true
    }
}

/// What is under one layer of arithmetic or aggregation, and whether the limit was moved for that.
fn step<'e>(expr: &'e Expr, compared: &mut Compared) -> Option<(&'e Expr, bool)> {
    match &expr.kind {
        Kind::Aggregate(op, of) => match op.as_str() {
            "count" | "count_values" | "group" | "stddev" | "stdvar" => None,
            _ => Some((of, false)),
        },
        Kind::Call(name, args) => match name.as_str() {
            "abs" | "ceil" | "floor" | "round" | "sort" | "sort_desc" | "sort_by_label" | "label_replace"
            | "label_join" | "scalar" | "vector" | "clamp" | "clamp_max" | "clamp_min" => {
                args.first().map(|first| (first, false))
            }
            _ => None,
        },
        Kind::Negate(of) => compared.change(|limit| -limit, true).then_some((&**of, true)),
        Kind::Binary(op, left, right) => {
            let (number, inner, number_is_left) = match (left.constant(), right.constant()) {
                (Some(number), None) => (number, &**right, true),
                (None, Some(number)) => (number, &**left, false),
                _ => return None,
            };
            compared
                .undo(*op, number, number_is_left)
                .then_some((inner, true))
        }
        _ => None,
    }
}
