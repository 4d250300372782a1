//! What must hold of a value.

use std::net::{Ipv4Addr, Ipv6Addr};

use regex::Regex;
use serde_json::{Number, Value};
use uuid::Uuid;

use super::Found;
use super::literal::Literal;
use crate::template::Template;
use crate::values::{Missing, Values};

/// What must hold.
#[derive(Debug, Clone)]
pub(crate) enum Predicate {
    Equals(Literal),
    Differs(Literal),
    Compares(Order, Number),
    In(Vec<Literal>),
    /// From one number to another, both of them included.
    Within(Number, Number),
    /// A text in a text, or a value in a list.
    Contains(Literal),
    StartsWith(Template),
    EndsWith(Template),
    Matches(Regex),
    Exists,
    Is(Class),
}

/// Which side of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    More,
    AtLeast,
    Less,
    AtMost,
}

/// What kind of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    String,
    Number,
    Integer,
    Float,
    Boolean,
    Null,
    List,
    Object,
    Collection,
    Empty,
    Date,
    Uuid,
    Ipv4,
    Ipv6,
}

/// Predicates that stand alone.
pub(super) const CLASSES: [(&str, Class); 14] = [
    ("isString", Class::String),
    ("isNumber", Class::Number),
    ("isInteger", Class::Integer),
    ("isFloat", Class::Float),
    ("isBoolean", Class::Boolean),
    ("isNull", Class::Null),
    ("isList", Class::List),
    ("isObject", Class::Object),
    ("isCollection", Class::Collection),
    ("isEmpty", Class::Empty),
    ("isDate", Class::Date),
    ("isUuid", Class::Uuid),
    ("isIpv4", Class::Ipv4),
    ("isIpv6", Class::Ipv6),
];

impl Predicate {
    /// Whether it holds; `None` when there is nothing, or too much, to ask it of.
    pub(super) fn holds(&self, found: &Found, values: &Values<'_>) -> Result<Option<bool>, Missing> {
        Ok(match (self, found) {
            (Self::Exists, Found::Nothing(_)) => Some(false),
            (Self::Exists, Found::Many(many)) => Some(!many.is_empty()),
            (_, Found::Nothing(_)) => None,
            (_, Found::One(value)) => Some(self.holds_of(value, values)?),
            (Self::Contains(wanted), Found::Many(many)) if any_equals(wanted, many, values)? => Some(true),
            (Self::Equals(wanted @ Literal::List(_)), Found::Many(many)) if many.len() != 1 => {
                Some(wanted.equals(&Value::Array(many.clone()), values)?)
            }
            (_, Found::Many(many)) => match (self, many.as_slice()) {
                (_, [one]) => Some(self.holds_of(one, values)?),
                (Self::Is(class), many) => Some(class.has(&Value::Array(many.to_vec()))),
                (Self::Contains(_), _) => Some(false),
                _ => None,
            },
        })
    }

    fn holds_of(&self, found: &Value, values: &Values<'_>) -> Result<bool, Missing> {
        let text = || found.as_str();
        Ok(match self {
            Self::Equals(literal) => literal.equals(found, values)?,
            Self::Differs(literal) => !literal.equals(found, values)?,
            Self::Compares(order, wanted) => {
                found.as_number().is_some_and(|found| order.holds(found, wanted))
            }
            Self::Within(least, most) => found
                .as_number()
                .is_some_and(|found| Order::AtLeast.holds(found, least) && Order::AtMost.holds(found, most)),
            Self::In(literals) => {
                for literal in literals {
                    if literal.equals(found, values)? {
                        return Ok(true);
                    }
                }
                false
            }
            Self::Contains(wanted) => match (found, wanted) {
                (Value::String(found), Literal::Text(wanted)) => found.contains(&wanted.render(values)?),
                (Value::Array(found), wanted) => any_equals(wanted, found, values)?,
                _ => false,
            },
            Self::StartsWith(wanted) => {
                let wanted = wanted.render(values)?;
                text().is_some_and(|found| found.starts_with(&wanted))
            }
            Self::EndsWith(wanted) => {
                let wanted = wanted.render(values)?;
                text().is_some_and(|found| found.ends_with(&wanted))
            }
            Self::Matches(regex) => text().is_some_and(|found| regex.is_match(found)),
            Self::Exists => true,
            Self::Is(class) => class.has(found),
        })
    }

    /// The same as a pattern over a body, where it is known before the run.
    pub(super) fn pattern(&self) -> Option<String> {
        match self {
            Self::Matches(regex) => Some(regex.as_str().to_owned()),
            Self::Contains(Literal::Text(text)) => text.text().map(regex::escape),
            _ => None,
        }
    }
}

fn any_equals(wanted: &Literal, found: &[Value], values: &Values<'_>) -> Result<bool, Missing> {
    for one in found {
        if wanted.equals(one, values)? {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Order {
    fn holds(self, found: &Number, wanted: &Number) -> bool {
        let (Some(found), Some(wanted)) = (found.as_f64(), wanted.as_f64()) else {
            return false;
        };
        match self {
            Self::More => found > wanted,
            Self::AtLeast => found >= wanted,
            Self::Less => found < wanted,
            Self::AtMost => found <= wanted,
        }
    }
}

impl Class {
    fn has(self, value: &Value) -> bool {
        let text = |is: fn(&str) -> bool| value.as_str().is_some_and(is);
        match self {
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Float => value.is_f64(),
            Self::Boolean => value.is_boolean(),
            Self::Null => value.is_null(),
            Self::List => value.is_array(),
            Self::Object => value.is_object(),
            Self::Collection => value.is_array() || value.is_object(),
            Self::Empty => match value {
                Value::String(text) => text.is_empty(),
                Value::Array(list) => list.is_empty(),
                Value::Object(object) => object.is_empty(),
                _ => false,
            },
            Self::Date => text(|text| text.parse::<jiff::Timestamp>().is_ok()),
            Self::Uuid => text(|text| Uuid::try_parse(text).is_ok()),
            Self::Ipv4 => text(|text| text.parse::<Ipv4Addr>().is_ok()),
            Self::Ipv6 => text(|text| text.parse::<Ipv6Addr>().is_ok()),
        }
    }
}
