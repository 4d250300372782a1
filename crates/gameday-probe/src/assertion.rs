//! Assertions: `<query> [argument] <operator> <value>`, e.g. `json $.id matches /^pay_/`.
//!
//! Queries: `status` · `header NAME` · `json JSONPATH` (which must find exactly one value).
//! Operators: `==` and `in` compare with JSON literals, `contains` looks for a text in a text,
//! `matches` wants a `/regex/`, `isString` stands alone. Texts may hold `{{…}}`.

mod parse;
#[cfg(test)]
mod tests;

use hyper::header::HeaderName;
use regex::Regex;
use serde_json::{Number, Value};
use serde_json_path::JsonPath;

use crate::response::Response;
use crate::template::Template;
use crate::values::{Missing, Values};

pub(crate) use parse::{Wrong, parse, read_path};

/// One condition on an answer.
#[derive(Debug, Clone)]
pub(crate) struct Assertion {
    /// As it was typed.
    pub(crate) text: String,
    pub(crate) query: Query,
    pub(crate) check: Check,
}

/// What is looked at.
#[derive(Debug, Clone)]
pub(crate) enum Query {
    Status,
    Header(HeaderName),
    Json(JsonPath),
}

/// What must hold of it.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    Equals(Literal),
    In(Vec<Literal>),
    Contains(Template),
    Matches(Regex),
    IsString,
}

/// A value that was typed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Number(Number),
    Text(Template),
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

impl Assertion {
    /// Whether it is about the status.
    pub(crate) fn is_about_status(&self) -> bool {
        matches!(self.query, Query::Status)
    }

    /// Whether it holds.
    pub(crate) fn check(&self, response: &Response, values: &Values<'_>) -> Result<(), Unmet> {
        let found = match &self.query {
            Query::Status => Ok(Value::from(response.status)),
            Query::Header(name) => response.header(name).map(Value::String),
            Query::Json(path) => response.at(path).cloned(),
        };
        let found = found.map_err(Unmet::Found)?;
        if self.check.holds(&found, values)? {
            Ok(())
        } else {
            Err(Unmet::Found(found.to_string()))
        }
    }
}

impl Check {
    fn holds(&self, found: &Value, values: &Values<'_>) -> Result<bool, Missing> {
        Ok(match self {
            Self::Equals(literal) => literal.equals(found, values)?,
            Self::In(literals) => {
                for literal in literals {
                    if literal.equals(found, values)? {
                        return Ok(true);
                    }
                }
                false
            }
            Self::Contains(template) => {
                let wanted = template.render(values)?;
                found.as_str().is_some_and(|found| found.contains(&wanted))
            }
            Self::Matches(regex) => found.as_str().is_some_and(|found| regex.is_match(found)),
            Self::IsString => found.is_string(),
        })
    }
}

impl Literal {
    fn equals(&self, found: &Value, values: &Values<'_>) -> Result<bool, Missing> {
        Ok(match (self, found) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(wanted), Value::Bool(found)) => wanted == found,
            // 1 and 1.0 are one number in JSON, whatever they are in Rust.
            (Self::Number(wanted), Value::Number(found)) => {
                wanted == found || (wanted.is_f64() || found.is_f64()) && wanted.as_f64() == found.as_f64()
            }
            (Self::Text(wanted), Value::String(found)) => wanted.render(values)? == *found,
            _ => false,
        })
    }
}
