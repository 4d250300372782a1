//! Reads PromQL, as far as it has to be understood to predict what an alert rule will do.
//!
//! It reads the whole grammar of Prometheus 2.42 to 3.x and checks no types: what it reads was
//! accepted by a Prometheus before. Each part knows its place in the text, so that it can be asked for
//! by itself.

use std::ops::Range;

mod lexer;
mod parser;

pub(crate) use lexer::length;
pub(crate) use parser::parse;

/// A part of a query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expr {
    /// What it is.
    pub(crate) kind: Kind,
    /// Where it stands in the text.
    pub(crate) span: Range<usize>,
    /// How an aggregation groups, or how two sides meet, where it says so.
    pub(crate) grouping: Option<Grouping>,
}

/// How an aggregation groups (`by`, `without`), or how two sides meet (`on`, `ignoring`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Grouping {
    /// By these labels only; else by all but these.
    pub(crate) only: bool,
    /// Which labels.
    pub(crate) labels: Vec<String>,
    /// The side that may have several series for one of the other side.
    pub(crate) many: Option<Many>,
    /// Labels that are taken from the other side.
    pub(crate) include: Vec<String>,
    /// A comparison yields 0 or 1 instead of leaving series out (`bool`).
    pub(crate) yes_or_no: bool,
}

/// A side of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Many {
    Left,
    Right,
}

/// What a part of a query is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A number.
    Number(f64),
    /// A string.
    Text,
    /// Series by name and labels, with a range or without.
    Selector(Selector),
    /// A query over a range of its own results.
    Subquery(Box<Expr>, Shift),
    /// A function and its arguments.
    Call(String, Vec<Expr>),
    /// An aggregation, e.g. `sum`, and what it is of.
    Aggregate(String, Box<Expr>),
    /// Two sides and what stands between them.
    Binary(Operator, Box<Expr>, Box<Expr>),
    /// A minus sign before something.
    Negate(Box<Expr>),
}

/// Series by name and labels.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Selector {
    /// The metric's name, if one is given.
    pub(crate) name: Option<String>,
    /// The rest of the matchers, as they are written.
    pub(crate) matchers: Vec<Matching>,
    /// Over which time, and how far back.
    pub(crate) shift: Shift,
    /// Where the series are selected in the text: without range, offset and `@`.
    pub(crate) series: Range<usize>,
}

/// `name="value"` and its like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Matching {
    pub(crate) label: String,
    /// `=`, `!=`, `=~` or `!~`.
    pub(crate) op: &'static str,
    pub(crate) value: String,
}

/// Which time a selector looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Shift {
    /// Its range in microseconds, if it has one.
    pub(crate) range_us: Option<i64>,
    /// How far back it looks, in microseconds.
    pub(crate) offset_us: i64,
    /// It looks at one fixed moment (`@`).
    pub(crate) fixed: bool,
}

/// What stands between two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Unless,
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Atan2,
}

impl Operator {
    /// Whether it is a comparison.
    pub(crate) fn compares(self) -> bool {
        use Operator::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
        matches!(self, Equal | NotEqual | Greater | GreaterEqual | Less | LessEqual)
    }

    /// The same comparison with its sides changed.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Self::Greater => Self::Less,
            Self::GreaterEqual => Self::LessEqual,
            Self::Less => Self::Greater,
            Self::LessEqual => Self::GreaterEqual,
            other => other,
        }
    }

    /// Whether a comparison holds of two numbers.
    pub(crate) fn holds(self, left: f64, right: f64) -> bool {
        #[expect(clippy::float_cmp, reason = "Prometheus compares so as well")]
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Greater => left > right,
            Self::GreaterEqual => left >= right,
            Self::Less => left < right,
            Self::LessEqual => left <= right,
            _ => false,
        }
    }
}

impl Expr {
    /// Its value, when it is made of numbers alone.
    pub(crate) fn constant(&self) -> Option<f64> {
        match &self.kind {
            Kind::Number(number) => Some(*number),
            Kind::Negate(of) => of.constant().map(|number| -number),
            Kind::Call(name, args) if matches!(name.as_str(), "scalar" | "vector") => {
                args.first()?.constant()
            }
            Kind::Binary(op, left, right) => {
                let (left, right) = (left.constant()?, right.constant()?);
                match op {
                    Operator::Add => Some(left + right),
                    Operator::Subtract => Some(left - right),
                    Operator::Multiply => Some(left * right),
                    Operator::Divide => Some(left / right),
                    Operator::Power => Some(left.powf(right)),
                    Operator::Modulo => Some(left % right),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Its text in the query that it was read from.
    pub(crate) fn text<'q>(&self, query: &'q str) -> &'q str {
        query.get(self.span.clone()).unwrap_or_default()
    }

    /// Every selector in it.
    pub(crate) fn selectors(&self) -> Vec<&Selector> {
        let mut found = Vec::new();
        let mut open = vec![self];
        while let Some(expr) = open.pop() {
            match &expr.kind {
                Kind::Selector(selector) => found.push(selector),
                Kind::Number(_) | Kind::Text => {}
                Kind::Subquery(of, _) | Kind::Aggregate(_, of) | Kind::Negate(of) => open.push(of),
                Kind::Call(_, args) => open.extend(args.iter().rev()),
                Kind::Binary(_, left, right) => open.extend([right, left].map(|side| &**side)),
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
