//! What is made of a found value before it is looked at.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use regex::Regex;
use serde_json::Value;
use url::Url;

use super::path::Path;
use super::{Found, not_one};
use crate::response::group;

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
    ReplaceRegex(Regex, String),
    Json(Path),
    Base64Decode,
    Base64Encode,
    /// The alphabet of URLs, with or without padding (RFC 4648, 5): what tokens are written in.
    Base64UrlDecode,
    Base64UrlEncode,
    UrlDecode,
    UrlEncode,
    /// A parameter of a URL's query, decoded.
    UrlQueryParam(String),
    /// Days from now until a date (RFC 3339, or as HTTP writes it), negative when it is over.
    DaysAfterNow,
    DaysBeforeNow,
}

/// The filters that need nothing more, by their words.
pub(super) const PLAIN: [(&str, Filter); 17] = [
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
    ("base64Encode", Filter::Base64Encode),
    ("base64UrlSafeDecode", Filter::Base64UrlDecode),
    ("base64UrlSafeEncode", Filter::Base64UrlEncode),
    ("urlDecode", Filter::UrlDecode),
    ("urlEncode", Filter::UrlEncode),
    ("daysAfterNow", Filter::DaysAfterNow),
    ("daysBeforeNow", Filter::DaysBeforeNow),
];

impl Filter {
    pub(super) fn apply(&self, found: Found) -> Found {
        let made = match (self, found) {
            (_, Found::Nothing(why)) => Err(why),
            (Self::Count, Found::Many(many)) => Ok(many.len().into()),
            (Self::Nth(at), Found::Many(many)) => nth(many, *at),
            (_, Found::Many(many)) if many.len() != 1 => Err(not_one(&many)),
            (_, Found::Many(mut many)) => return self.apply(Found::One(many.remove(0))),
            (Self::Json(path), Found::One(value)) => return inner(path, &value),
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
            Self::ReplaceRegex(regex, new) => regex.replace_all(text, new).into(),
            Self::Base64Decode => return decoded(BASE64_STANDARD.decode(text.trim()), text),
            Self::Base64Encode => BASE64_STANDARD.encode(text).into(),
            Self::Base64UrlDecode => {
                let bare = text.trim().trim_end_matches('=');
                return decoded(BASE64_URL_SAFE_NO_PAD.decode(bare), text);
            }
            Self::Base64UrlEncode => BASE64_URL_SAFE_NO_PAD.encode(text).into(),
            Self::UrlQueryParam(name) => return query_parameter(text, name),
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
}

/// A path into a value; a text is read as JSON first.
fn inner(path: &Path, value: &Value) -> Found {
    match value.as_str().map(serde_json::from_str::<Value>) {
        None => path.find(value),
        Some(Ok(value)) => path.find(&value),
        Some(Err(error)) => Found::Nothing(format!("a text that is not JSON: {error}")),
    }
}

/// Bytes as text.
fn decoded<E>(bytes: Result<Vec<u8>, E>, text: &str) -> Result<Value, String> {
    let bad = |kind: &str| format!("{} that is no {kind}", Value::from(text));
    let bytes = bytes.map_err(|_| bad("base64"))?;
    String::from_utf8(bytes)
        .map(Value::from)
        .map_err(|_| bad("base64 of a text"))
}

fn query_parameter(text: &str, name: &str) -> Result<Value, String> {
    let url = Url::parse(text).map_err(|_| format!("{} that is no URL", Value::from(text)))?;
    let found = url.query_pairs().find(|(key, _)| key == name);
    let found = found.map(|(_, value)| value.into_owned().into());
    found.ok_or_else(|| format!("a URL without a parameter `{name}`"))
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
    let in_mail = || jiff::fmt::rfc2822::parse(text).map(|date| date.timestamp());
    let date: jiff::Timestamp = text.parse().or_else(|_| in_mail()).ok()?;
    let seconds = date.as_second() - jiff::Timestamp::now().as_second();
    Some(seconds as f64 / 86_400.0)
}
