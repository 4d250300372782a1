//! Puts the words of a query together.

use super::lexer::{Placed, Word, words};
use super::{Expr, Grouping, Kind, Many, Matching, Operator, Selector, Shift};

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
        words,
        at: 0,
        depth: 0,
        end: query.len(),
    };
    let expr = parser.binary(0)?;
    match parser.words.get(parser.at) {
        None => Ok(expr),
        Some((_, place)) => Err(format!("something follows at {}", place.start)),
    }
}

struct Parser {
    words: Vec<Placed>,
    at: usize,
    depth: usize,
    end: usize,
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
            self.at += 1;
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
        Some(match self.words.get(self.at).map(|(word, _)| word)? {
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
            let Some(Word::Name(name)) = self.words.get(self.at).map(|(word, _)| word) else {
                return Ok(grouping);
            };
            let name = name.to_ascii_lowercase();
            let known = match name.as_str() {
                "bool" | "on" | "ignoring" | "group_left" | "group_right" | "fill" | "fill_left"
                | "fill_right" => grouping.get_or_insert_with(Grouping::default),
                _ => return Ok(grouping),
            };
            self.at += 1;
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
                    if self.peek("(") {
                        known.include = self.labels()?;
                    }
                }
            }
        }
    }

    /// `(a, b)`.
    fn labels(&mut self) -> Read<Vec<String>> {
        self.need("(")?;
        let mut labels = Vec::new();
        while !self.peek(")") {
            match self.next() {
                Some(Word::Name(label) | Word::Text(label)) => labels.push(label),
                Some(_) => {}
                None => return Err("a list of labels does not end".to_owned()),
            }
        }
        self.need(")")?;
        Ok(labels)
    }

    fn unary(&mut self) -> Read<Expr> {
        let start = self.start();
        if self.take("+") {
            return self.unary_of(start);
        }
        if self.take("-") {
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
        let Some((word, place)) = self.words.get(self.at).cloned() else {
            return Err("it ends too early".to_owned());
        };
        self.at += 1;
        let kind = match word {
            Word::Number(number) => Kind::Number(number),
            // A bare length of time is a number of seconds.
            #[expect(clippy::cast_precision_loss, reason = "a length of time")]
            Word::Span(micros) => Kind::Number(micros as f64 / 1e6),
            Word::Text(_) => Kind::Text,
            Word::Mark("(") => {
                let mut inner = self.binary(0)?;
                self.need(")")?;
                inner.span = place.start..self.last_end();
                return Ok(inner);
            }
            Word::Mark("{") => {
                self.at -= 1;
                self.selector(None, place.start)?
            }
            Word::Name(name) => return self.named(name, place.start),
            Word::Mark(mark) => return Err(format!("`{mark}` cannot stand at {}", place.start)),
        };
        Ok(Expr {
            kind,
            span: place.start..self.last_end(),
            grouping: None,
        })
    }

    /// A number that is a word, an aggregation, a function or a metric.
    fn named(&mut self, name: String, start: usize) -> Read<Expr> {
        let lower = name.to_ascii_lowercase();
        let follows = match self.words.get(self.at).map(|(word, _)| word) {
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
            span: start..self.last_end(),
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
        let only = self.take_name("by");
        if !only && !self.take_name("without") {
            return Ok(None);
        }
        Ok(Some(Grouping {
            only,
            labels: self.labels()?,
            ..Grouping::default()
        }))
    }

    fn arguments(&mut self) -> Read<Vec<Expr>> {
        self.need("(")?;
        let mut args = Vec::new();
        while !self.take(")") {
            args.push(self.binary(0)?);
            if !self.peek(")") {
                self.need(",")?;
            }
        }
        Ok(args)
    }

    fn selector(&mut self, name: Option<String>, start: usize) -> Read<Kind> {
        let mut selector = Selector {
            name,
            ..Selector::default()
        };
        if self.take("{") {
            while !self.take("}") {
                self.matcher(&mut selector)?;
                if !self.peek("}") {
                    self.need(",")?;
                }
            }
        }
        selector.series = start..self.last_end();
        Ok(Kind::Selector(selector))
    }

    fn matcher(&mut self, selector: &mut Selector) -> Read<()> {
        let label = match self.next() {
            Some(Word::Name(label) | Word::Text(label)) => label,
            _ => return Err("a matcher begins with the name of a label".to_owned()),
        };
        let op = ["=~", "!~", "!=", "="].into_iter().find(|op| self.take(op));
        let Some(op) = op else {
            // Prometheus 3: a quoted name of a metric stands alone.
            selector.name = Some(label);
            return Ok(());
        };
        match (self.next(), label.as_str(), op) {
            (Some(Word::Text(value)), "__name__", "=") => selector.name = Some(value),
            (Some(Word::Text(value)), ..) => selector.matchers.push(Matching { label, op, value }),
            _ => return Err(format!("the matcher of `{label}` has no string")),
        }
        Ok(())
    }

    /// What may follow a selector: `[5m]`, `[1h:1m]`, `offset 5m`, `@ 123`.
    fn shifted(&mut self, mut expr: Expr) -> Read<Expr> {
        loop {
            if self.take("[") {
                let range = self.length()?;
                let sub = self.take(":");
                if sub && !self.peek("]") {
                    self.length()?;
                }
                self.need("]")?;
                let shift = Shift {
                    range_us: Some(range),
                    ..Shift::default()
                };
                match &mut expr.kind {
                    Kind::Selector(selector) if !sub => selector.shift.range_us = Some(range),
                    _ => expr.kind = Kind::Subquery(Box::new(expr.clone()), shift),
                }
            } else if self.take_name("offset") {
                let back = if self.take("-") {
                    -self.length()?
                } else {
                    self.length()?
                };
                self.shift_of(&mut expr)?.offset_us = back;
            } else if self.take("@") {
                self.moment()?;
                self.shift_of(&mut expr)?.fixed = true;
            } else {
                return Ok(expr);
            }
            expr.span.end = self.last_end();
        }
    }

    fn shift_of<'e>(&self, expr: &'e mut Expr) -> Read<&'e mut Shift> {
        match &mut expr.kind {
            Kind::Selector(Selector { shift, .. }) | Kind::Subquery(_, shift) => Ok(shift),
            _ => Err("only a selector looks at another time".to_owned()),
        }
    }

    /// A length of time; Prometheus 3 takes a bare number as seconds.
    fn length(&mut self) -> Read<i64> {
        match self.next() {
            Some(Word::Span(micros)) => Ok(micros),
            #[expect(clippy::cast_possible_truncation, reason = "a length of time, and bounded")]
            Some(Word::Number(seconds)) if (0.0..1e10).contains(&seconds) => Ok((seconds * 1e6) as i64),
            _ => Err("a length of time is not one".to_owned()),
        }
    }

    /// `start()`, `end()` or a number.
    fn moment(&mut self) -> Read<()> {
        self.take("-");
        match self.next() {
            Some(Word::Number(_)) => Ok(()),
            Some(Word::Name(_)) => self.arguments().map(drop),
            _ => Err("`@` is followed by a moment".to_owned()),
        }
    }

    fn next(&mut self) -> Option<Word> {
        let (word, _) = self.words.get(self.at)?.clone();
        self.at += 1;
        Some(word)
    }

    fn peek(&self, mark: &str) -> bool {
        matches!(self.words.get(self.at), Some((Word::Mark(theirs), _)) if *theirs == mark)
    }

    fn take(&mut self, mark: &str) -> bool {
        let there = self.peek(mark);
        self.at += usize::from(there);
        there
    }

    fn take_name(&mut self, name: &str) -> bool {
        let there = matches!(self.words.get(self.at), Some((Word::Name(theirs), _)) if theirs.eq_ignore_ascii_case(name));
        self.at += usize::from(there);
        there
    }

    fn need(&mut self, mark: &str) -> Read<()> {
        if self.take(mark) {
            Ok(())
        } else {
            Err(format!("`{mark}` is missing at {}", self.start()))
        }
    }

    /// Where the next word begins.
    fn start(&self) -> usize {
        self.words.get(self.at).map_or(self.end, |(_, place)| place.start)
    }

    /// Where the last word that was taken ends.
    fn last_end(&self) -> usize {
        self.at
            .checked_sub(1)
            .and_then(|last| self.words.get(last))
            .map_or(0, |(_, place)| place.end)
    }
}
