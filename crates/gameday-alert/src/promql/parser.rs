//! Puts the words of a query together.

mod cursor;
mod selector;

use super::lexer::{Word, words};
use super::{Expr, Grouping, Kind, Many, Operator};
use cursor::Cursor;

/// No query that a person writes is nested as deep as this; one that is must not use up the stack.
const DEEPEST: usize = 200;

const AGGREGATIONS: [&str; 14] = [
    "sum",
    "avg",
    "count",
    "min",
    "max",
    "group",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "count_values",
    "quantile",
    "limitk",
    "limit_ratio",
];

/// Reads a query.
pub(crate) fn parse(query: &str) -> Result<Expr, String> {
    let words = words(query)?;
    let mut parser = Parser {
        words: Cursor::new(words, query.len()),
        depth: 0,
    };
    let expr = parser.binary(0)?;
    match parser.words.left() {
        None => Ok(expr),
        Some(place) => Err(format!("something follows at {}", place.start)),
    }
}

struct Parser {
    words: Cursor,
    depth: usize,
}

type Read<T> = Result<T, String>;

impl Parser {
    fn binary(&mut self, least: u8) -> Read<Expr> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("it is nested deeper than {DEEPEST}"));
        }
        let mut left = self.unary()?;
        while let Some((op, strength)) = self.operator().filter(|(_, strength)| *strength >= least) {
            self.words.skip();
            let grouping = self.modifiers()?;
            // `^` binds to the right: 2 ^ 3 ^ 2 is 2 ^ 9.
            let right = self.binary(if op == Operator::Power {
                strength
            } else {
                strength + 1
            })?;
            let span = left.span.start..right.span.end;
            let kind = Kind::Binary(op, Box::new(left), Box::new(right));
            left = Expr { kind, span, grouping };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operator(&self) -> Option<(Operator, u8)> {
        Some(match self.words.word()? {
            Word::Name(name) => match name.to_ascii_lowercase().as_str() {
                "or" => (Operator::Or, 1),
                "and" => (Operator::And, 2),
                "unless" => (Operator::Unless, 2),
                "atan2" => (Operator::Atan2, 5),
                _ => return None,
            },
            Word::Mark(mark) => match *mark {
                "==" => (Operator::Equal, 3),
                "!=" => (Operator::NotEqual, 3),
                ">" => (Operator::Greater, 3),
                ">=" => (Operator::GreaterEqual, 3),
                "<" => (Operator::Less, 3),
                "<=" => (Operator::LessEqual, 3),
                "+" => (Operator::Add, 4),
                "-" => (Operator::Subtract, 4),
                "*" => (Operator::Multiply, 5),
                "/" => (Operator::Divide, 5),
                "%" => (Operator::Modulo, 5),
                "^" => (Operator::Power, 6),
                _ => return None,
            },
            _ => return None,
        })
    }

    /// `bool`, `on (…)`, `ignoring (…)`, `group_left (…)`: they say which series meet, not when.
    fn modifiers(&mut self) -> Read<Option<Grouping>> {
        let mut grouping = None;
        loop {
            let Some(Word::Name(name)) = self.words.word() else {
                return Ok(grouping);
            };
            let name = name.to_ascii_lowercase();
            let known = match name.as_str() {
                "bool" | "on" | "ignoring" | "group_left" | "group_right" | "fill" | "fill_left"
                | "fill_right" => grouping.get_or_insert_with(Grouping::default),
                _ => return Ok(grouping),
            };
            self.words.skip();
            match name.as_str() {
                "bool" => known.yes_or_no = true,
                "on" | "ignoring" => {
                    known.only = name == "on";
                    known.labels = self.labels()?;
                }
                _ => {
                    known.many = match name.as_str() {
                        "group_left" => Some(Many::Left),
                        "group_right" => Some(Many::Right),
                        _ => known.many,
                    };
                    if self.words.peek("(") {
                        known.include = self.labels()?;
                    }
                }
            }
        }
    }

    /// `(a, b)`.
    fn labels(&mut self) -> Read<Vec<String>> {
        self.words.need("(")?;
        let mut labels = Vec::new();
        while !self.words.peek(")") {
            match self.words.next() {
                Some(Word::Name(label) | Word::Text(label)) => labels.push(label),
                Some(_) => {}
                None => return Err("a list of labels does not end".to_owned()),
            }
        }
        self.words.need(")")?;
        Ok(labels)
    }

    fn unary(&mut self) -> Read<Expr> {
        let start = self.words.start();
        if self.words.take("+") {
            return self.unary_of(start);
        }
        if self.words.take("-") {
            let of = self.unary_of(start)?;
            let span = start..of.span.end;
            let kind = match of.kind {
                Kind::Number(number) => Kind::Number(-number),
                _ => Kind::Negate(Box::new(of)),
            };
            return Ok(Expr {
                kind,
                span,
                grouping: None,
            });
        }
        let atom = self.atom()?;
        self.shifted(atom)
    }

    /// A sign is weaker than `^` alone.
    fn unary_of(&mut self, start: usize) -> Read<Expr> {
        let mut of = self.binary(6)?;
        of.span.start = start;
        Ok(of)
    }

    fn atom(&mut self) -> Read<Expr> {
        let Some((word, place)) = self.words.placed() else {
            return Err("it ends too early".to_owned());
        };
        let kind = match word {
            Word::Number(number) => Kind::Number(number),
            // A bare length of time is a number of seconds.
            #[expect(clippy::cast_precision_loss, reason = "a length of time")]
            Word::Span(micros) => Kind::Number(micros as f64 / 1e6),
            Word::Text(_) => Kind::Text,
            Word::Mark("(") => {
                let mut inner = self.binary(0)?;
                self.words.need(")")?;
                inner.span = place.start..self.words.last_end();
                return Ok(inner);
            }
            Word::Mark("{") => {
                self.words.back();
                self.selector(None, place.start)?
            }
            Word::Name(name) => return self.named(name, place.start),
            Word::Mark(mark) => return Err(format!("`{mark}` cannot stand at {}", place.start)),
        };
        Ok(Expr {
            kind,
            span: place.start..self.words.last_end(),
            grouping: None,
        })
    }

    /// A number that is a word, an aggregation, a function or a metric.
    fn named(&mut self, name: String, start: usize) -> Read<Expr> {
        let lower = name.to_ascii_lowercase();
        let follows = match self.words.word() {
            Some(Word::Name(next)) => next.to_ascii_lowercase(),
            Some(Word::Mark(mark)) => (*mark).to_owned(),
            _ => String::new(),
        };
        let mut grouping = None;
        let kind = match (lower.as_str(), follows.as_str()) {
            ("inf", _) => Kind::Number(f64::INFINITY),
            ("nan", _) => Kind::Number(f64::NAN),
            (op, "(" | "by" | "without") if AGGREGATIONS.contains(&op) => {
                let (kind, grouped) = self.aggregate(lower)?;
                grouping = grouped;
                kind
            }
            (_, "(") => {
                let args = self.arguments()?;
                Kind::Call(name, args)
            }
            _ => self.selector(Some(name), start)?,
        };
        Ok(Expr {
            kind,
            span: start..self.words.last_end(),
            grouping,
        })
    }

    fn aggregate(&mut self, op: String) -> Read<(Kind, Option<Grouping>)> {
        let before = self.grouping()?;
        let mut args = self.arguments()?;
        let after = self.grouping()?;
        // `topk(3, x)`: the parameter says how many, not when.
        let of = args.pop().ok_or("an aggregation is of nothing")?;
        Ok((Kind::Aggregate(op, Box::new(of)), before.or(after)))
    }

    fn grouping(&mut self) -> Read<Option<Grouping>> {
        let only = self.words.take_name("by");
        if !only && !self.words.take_name("without") {
            return Ok(None);
        }
        Ok(Some(Grouping {
            only,
            labels: self.labels()?,
            ..Grouping::default()
        }))
    }

    fn arguments(&mut self) -> Read<Vec<Expr>> {
        self.words.need("(")?;
        let mut args = Vec::new();
        while !self.words.take(")") {
            args.push(self.binary(0)?);
            if !self.words.peek(")") {
                self.words.need(",")?;
            }
        }
        Ok(args)
    }
}
