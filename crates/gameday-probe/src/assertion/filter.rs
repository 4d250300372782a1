//! What is made of a found value before it is looked at.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use regex::Regex;
use serde_json::Value;
use serde_json_path::JsonPath;

use super::Found;
use super::query::group;

/// One step from a value to another.
#[derive(Debug, Clone)]
pub(crate) enum Filter {
    /// How many values, entries or characters.
    Count,
    /// From 0; from the end when negative.
    Nth(i64),
    ToInt,
    ToFloat,
    ToString,
    Trim,
    Lower,
    Upper,
    Split(String),
    Replace(String, String),
    Regex(Regex),
    Json(JsonPath),
    Base64Decode,
    UrlDecode,
    UrlEncode,
    /// Days from now until a date (RFC 3339), negative when it is over.
    DaysAfterNow,
    DaysBeforeNow,
}

/// The filters that need nothing more, by their words.
pub(super) const PLAIN: [(&str, Filter); 13] = [
    ("count", Filter::Count),
    ("first", Filter::Nth(0)),
    ("last", Filter::Nth(-1)),
    ("toInt", Filter::ToInt),
    ("toFloat", Filter::ToFloat),
    ("toString", Filter::ToString),
    ("trim", Filter::Trim),
    ("lower", Filter::Lower),
    ("upper", Filter::Upper),
    ("base64Decode", Filter::Base64Decode),
    ("urlDecode", Filter::UrlDecode),
    ("urlEncode", Filter::UrlEncode),
    ("daysAfterNow", Filter::DaysAfterNow),
];

impl Filter {
    pub(super) fn apply(&self, found: Found) -> Found {
        let made = match (self, found) {
            // Nothing counts as none, so that `count == 0` can be said.
            (Self::Count, Found::Nothing(why)) if why == "nothing there" => Ok(0.into()),
            (_, Found::Nothing(why)) => Err(why),
            (Self::Count, Found::Many(many)) => Ok(many.len().into()),
            (Self::Nth(at), Found::Many(many)) => nth(many, *at),
            (_, Found::Many(many)) => Err(format!("{} values there instead of one", many.len())),
            (_, Found::One(value)) => self.of(value),
        };
        made.map_or_else(Found::Nothing, Found::One)
    }

    fn of(&self, value: Value) -> Result<Value, String> {
        match (self, value) {
            (Self::Count, Value::Array(list)) => Ok(list.len().into()),
            (Self::Count, Value::Object(object)) => Ok(object.len().into()),
            (Self::Count, Value::String(text)) => Ok(text.chars().count().into()),
            (Self::Nth(at), Value::Array(list)) => nth(list, *at),
            (Self::Json(path), value) => self.json(path, value),
            (Self::ToString, value) => Ok(match value {
                Value::String(text) => text.into(),
                other => other.to_string().into(),
            }),
            (Self::ToFloat, Value::Number(number)) => Ok(number.as_f64().into()),
            (Self::ToInt, Value::Number(number)) => whole(&number.to_string()),
            (_, Value::String(text)) => self.of_text(&text),
            (_, other) => Err(format!("{other}, of which nothing can be made here")),
        }
    }

    fn of_text(&self, text: &str) -> Result<Value, String> {
        let bad = |kind: &str| format!("{} that is no {kind}", Value::from(text));
        Ok(match self {
            Self::ToInt => return whole(text.trim()),
            Self::ToFloat => text.trim().parse::<f64>().map_err(|_| bad("number"))?.into(),
            Self::Trim => text.trim().into(),
            Self::Lower => text.to_lowercase().into(),
            Self::Upper => text.to_uppercase().into(),
            Self::Split(by) => text.split(by.as_str()).collect(),
            Self::Replace(old, new) => text.replace(old, new).into(),
            Self::Regex(regex) => group(regex, text)?.into(),
            Self::Base64Decode => {
                let bytes = BASE64_STANDARD.decode(text.trim()).map_err(|_| bad("base64"))?;
                String::from_utf8(bytes)
                    .map_err(|_| bad("base64 of a text"))?
                    .into()
            }
            Self::UrlDecode => percent_decode_str(text).decode_utf8_lossy().into_owned().into(),
            Self::UrlEncode => utf8_percent_encode(text, NON_ALPHANUMERIC).to_string().into(),
            Self::DaysAfterNow => days_from_now(text).ok_or_else(|| bad("date"))?.into(),
            Self::DaysBeforeNow => (-days_from_now(text).ok_or_else(|| bad("date"))?).into(),
            _ => {
                return Err(format!(
                    "{}, of which nothing can be made here",
                    Value::from(text)
                ));
            }
        })
    }

    /// A path into a value; a text is read as JSON first.
    fn json(&self, path: &JsonPath, value: Value) -> Result<Value, String> {
        let value = match value {
            Value::String(text) => {
                serde_json::from_str(&text).map_err(|e| format!("a text that is not JSON: {e}"))?
            }
            other => other,
        };
        match path.query(&value).all().as_slice() {
            [] => Err("nothing there".to_owned()),
            [one] => Ok((*one).clone()),
            many => Ok(many.iter().map(|one| (*one).clone()).collect()),
        }
    }
}

fn nth(mut list: Vec<Value>, at: i64) -> Result<Value, String> {
    let length = list.len();
    let from_start = usize::try_from(at).ok();
    let from_end = usize::try_from(at.unsigned_abs())
        .ok()
        .and_then(|back| length.checked_sub(back));
    match if at < 0 { from_end } else { from_start } {
        Some(at) if at < length => Ok(list.swap_remove(at)),
        _ => Err(format!("only {length} values there")),
    }
}

fn whole(text: &str) -> Result<Value, String> {
    let whole = text.parse::<i64>().map(Value::from);
    whole.map_err(|_| format!("{} that is no whole number", Value::from(text)))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds between two dates are far below 2^52"
)]
fn days_from_now(text: &str) -> Option<f64> {
    let date: jiff::Timestamp = text.parse().ok()?;
    let seconds = date.as_second() - jiff::Timestamp::now().as_second();
    Some(seconds as f64 / 86_400.0)
}
