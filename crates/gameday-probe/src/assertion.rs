//! Assertions: `<query> [filter…] [not] <predicate>`, e.g. `json $.items count >= 3`.
//!
//! | queries | |
//! |---|---|
//! | numbers | `status` `version` `bytes` `redirects` |
//! | times | `duration` `phase.resolve` `phase.connect` `phase.tls` `phase.send` `phase.wait` `phase.transfer` |
//! | texts | `url` `ip` `sha256` `body` `header NAME` `cookie NAME` `cookie NAME[Attribute]` `regex /…(…)…/` |
//! | JSON | `json JSONPATH` (RFC 9535); a path that may find several values finds a list |
//!
//! The vocabulary is Hurl's. `==` and `in` compare with JSON literals, `in 200..299` with a range; texts may hold `{{…}}`. A list of one value is
//! that value, except to `count` and `nth`.

mod cursor;
mod filter;
mod literal;
mod parse;
mod path;
mod predicate;
mod query;
#[cfg(test)]
mod tests;
mod wrong;

use serde_json::Value;

use crate::response::Response;
use crate::values::{Missing, Values};

use filter::Filter;
use predicate::Predicate;

pub(crate) use parse::{parse, parse_source};
pub(crate) use query::Query;
pub(crate) use wrong::Wrong;

/// Where a value comes from: a query, and what is made of its answer.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) query: Query,
    pub(crate) filters: Vec<Filter>,
}

/// One condition on an answer.
#[derive(Debug, Clone)]
pub(crate) struct Assertion {
    /// As it was typed.
    pub(crate) text: String,
    pub(crate) origin: Origin,
    pub(crate) negated: bool,
    pub(crate) predicate: Predicate,
}

/// What a query found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    One(Value),
    /// A path may find several values.
    Many(Vec<Value>),
    /// In words: why there is none.
    Nothing(String),
}

/// How an assertion did not hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unmet {
    /// What was found instead, for people; not yet redacted, not yet cut.
    Found(String),
    /// A name that has no value in this run.
    Missing(Missing),
}

impl From<Missing> for Unmet {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

/// For people.
impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One(value) => write!(f, "{value}"),
            Self::Many(many) => write!(f, "{} values", many.len()),
            Self::Nothing(why) => f.write_str(why),
        }
    }
}

/// Why a list is no value.
pub(crate) fn not_one(many: &[Value]) -> String {
    match many {
        [] => "nothing there".to_owned(),
        many => format!("{} values there instead of one", many.len()),
    }
}

impl Origin {
    /// The value in an answer.
    pub(crate) fn find(&self, response: &Response) -> Found {
        // Each line of a header by itself, or all of them as one text (RFC 9110, 5.3).
        let found = match (&self.query, self.filters.first()) {
            (Query::Header(name), Some(Filter::Count | Filter::Nth(_))) => Found::Many(response.lines(name)),
            (query, _) => query.find(response),
        };
        self.filters
            .iter()
            .fold(found, |found, filter| filter.apply(found))
    }
}

impl Assertion {
    /// Whether it is about the status.
    pub(crate) fn is_about_status(&self) -> bool {
        matches!(self.origin.query, Query::Status)
    }

    /// The pattern to look for in a body that is too long to be kept.
    pub(crate) fn scan(&self) -> Option<String> {
        match self.origin {
            Origin {
                query: Query::Body,
                ref filters,
            } if filters.is_empty() => self.predicate.pattern(),
            _ => None,
        }
    }

    /// A header that stands there several times matches when one of its lines does, `^` and `$` being the line's own.
    fn matching_line(&self, response: &Response) -> bool {
        let (Query::Header(name), [], Predicate::Matches(regex)) = (
            &self.origin.query,
            self.origin.filters.as_slice(),
            &self.predicate,
        ) else {
            return false;
        };
        let lines = response.lines(name);
        lines
            .iter()
            .filter_map(Value::as_str)
            .any(|line| regex.is_match(line))
    }

    /// Whether it holds.
    pub(crate) fn check(&self, response: &Response, values: &Values<'_>) -> Result<(), Unmet> {
        if let Some(found) = self
            .scan()
            .and_then(|pattern| response.body.found.get(&pattern).copied())
        {
            let said = format!("a body of {} bytes", response.body.bytes);
            return if found == self.negated {
                Err(Unmet::Found(said))
            } else {
                Ok(())
            };
        }
        let found = self.origin.find(response);
        let holds = match self.matching_line(response) {
            true => Some(true),
            false => self.predicate.holds(&found, values)?,
        };
        match (holds, found) {
            // What is not there has no properties, not even missing ones; only its absence can be told.
            (None, Found::Nothing(why)) => Err(Unmet::Found(why)),
            (None, Found::Many(many)) => Err(Unmet::Found(not_one(&many))),
            (Some(holds), _) if holds != self.negated => Ok(()),
            (_, Found::Nothing(why)) => Err(Unmet::Found(why)),
            (_, Found::One(value)) => Err(Unmet::Found(self.origin.query.shown(&value))),
            (_, Found::Many(many)) => Err(Unmet::Found(Value::Array(many).to_string())),
        }
    }
}
