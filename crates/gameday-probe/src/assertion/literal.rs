//! Values that were typed.

use serde_json::{Number, Value};

use crate::template::Template;
use crate::values::{Missing, Values};

/// A value that was typed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Number(Number),
    Text(Template),
    List(Vec<Literal>),
    Object(Vec<(String, Literal)>),
}

impl Literal {
    pub(super) fn equals(&self, found: &Value, values: &Values<'_>) -> Result<bool, Missing> {
        Ok(match (self, found) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(wanted), Value::Bool(found)) => wanted == found,
            // 1 and 1.0 are one number in JSON, whatever they are in Rust.
            (Self::Number(wanted), Value::Number(found)) => {
                wanted == found || (wanted.is_f64() || found.is_f64()) && wanted.as_f64() == found.as_f64()
            }
            (Self::Text(wanted), Value::String(found)) => wanted.render(values)? == *found,
            (Self::List(wanted), Value::Array(found)) if wanted.len() == found.len() => {
                let pairs = wanted.iter().zip(found);
                every(&mut pairs.map(|(wanted, found)| wanted.equals(found, values)))?
            }
            (Self::Object(wanted), Value::Object(found)) if wanted.len() == found.len() => {
                every(&mut wanted.iter().map(|(key, wanted)| match found.get(key) {
                    Some(found) => wanted.equals(found, values),
                    None => Ok(false),
                }))?
            }
            _ => false,
        })
    }
}

fn every(holds: &mut dyn Iterator<Item = Result<bool, Missing>>) -> Result<bool, Missing> {
    for one in holds {
        if !one? {
            return Ok(false);
        }
    }
    Ok(true)
}
