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
            _ => false,
        })
    }
}
