//! A selector of series, and what moves it or a subquery to another time.

use super::{Parser, Read};
use crate::promql::lexer::Word;
use crate::promql::{Expr, Kind, Matching, Selector, Shift};

impl Parser {
    pub(super) fn selector(&mut self, name: Option<String>, start: usize) -> Read<Kind> {
        let mut selector = Selector {
            name,
            ..Selector::default()
        };
        if self.words.take("{") {
            while !self.words.take("}") {
                self.matcher(&mut selector)?;
                if !self.words.peek("}") {
                    self.words.need(",")?;
                }
            }
        }
        selector.series = start..self.words.last_end();
        Ok(Kind::Selector(selector))
    }

    fn matcher(&mut self, selector: &mut Selector) -> Read<()> {
        let label = match self.words.next() {
            Some(Word::Name(label) | Word::Text(label)) => label,
            _ => return Err("a matcher begins with the name of a label".to_owned()),
        };
        let op = ["=~", "!~", "!=", "="].into_iter().find(|op| self.words.take(op));
        let Some(op) = op else {
            // Prometheus 3: a quoted name of a metric stands alone.
            selector.name = Some(label);
            return Ok(());
        };
        match (self.words.next(), label.as_str(), op) {
            (Some(Word::Text(value)), "__name__", "=") => selector.name = Some(value),
            (Some(Word::Text(value)), ..) => selector.matchers.push(Matching { label, op, value }),
            _ => return Err(format!("the matcher of `{label}` has no string")),
        }
        Ok(())
    }

    /// What may follow a selector: `[5m]`, `[1h:1m]`, `offset 5m`, `@ 123`.
    pub(super) fn shifted(&mut self, mut expr: Expr) -> Read<Expr> {
        loop {
            if self.words.take("[") {
                let range = self.length()?;
                let sub = self.words.take(":");
                if sub && !self.words.peek("]") {
                    self.length()?;
                }
                self.words.need("]")?;
                let shift = Shift {
                    range_us: Some(range),
                    ..Shift::default()
                };
                match &mut expr.kind {
                    Kind::Selector(selector) if !sub => selector.shift.range_us = Some(range),
                    _ => expr.kind = Kind::Subquery(Box::new(expr.clone()), shift),
                }
            } else if self.words.take_name("offset") {
                let back = if self.words.take("-") {
                    -self.length()?
                } else {
                    self.length()?
                };
                self.shift_of(&mut expr)?.offset_us = back;
            } else if self.words.take("@") {
                self.moment()?;
                self.shift_of(&mut expr)?.fixed = true;
            } else {
                return Ok(expr);
            }
            expr.span.end = self.words.last_end();
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
        match self.words.next() {
            Some(Word::Span(micros)) => Ok(micros),
            #[expect(clippy::cast_possible_truncation, reason = "a length of time, and bounded")]
            Some(Word::Number(seconds)) if (0.0..1e10).contains(&seconds) => Ok((seconds * 1e6) as i64),
            _ => Err("a length of time is not one".to_owned()),
        }
    }

    /// `start()`, `end()` or a number.
    fn moment(&mut self) -> Read<()> {
        self.words.take("-");
        match self.words.next() {
            Some(Word::Number(_)) => Ok(()),
            Some(Word::Name(_)) => self.arguments().map(drop),
            _ => Err("`@` is followed by a moment".to_owned()),
        }
    }
}
