//! JSON as Go reads it: the first value of a body, fields by name in any case, `null` as not given.

use serde_json::{Map, Value};

/// The field of that name, exactly or else in any case; `null` counts as missing.
pub(crate) fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let any_case = || {
        object
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    };
    object
        .get(name)
        .or_else(any_case)
        .filter(|value| !value.is_null())
}

/// The first JSON value of a body as an object; `null` is an empty one.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, String> {
    entry(first_value(body)?)
}

/// A value as an object; `null` is an empty one.
pub(crate) fn entry(value: Value) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(object) => Ok(object),
        Value::Null => Ok(Map::new()),
        other => Err(format!("json: cannot unmarshal {} into an object", kind(&other))),
    }
}

/// The first JSON value of a body; what follows it is not looked at.
pub(crate) fn first_value(body: &[u8]) -> Result<Value, String> {
    match serde_json::Deserializer::from_slice(body)
        .into_iter::<Value>()
        .next()
    {
        None => Err("EOF".to_owned()),
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) if error.is_eof() => Err("unexpected EOF".to_owned()),
        Some(Err(error)) => Err(error.to_string()),
    }
}

/// A text field.
pub(crate) fn text(object: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    typed(object, name, "string", |value| value.as_str().map(str::to_owned))
}

/// A yes or no field.
pub(crate) fn flag(object: &Map<String, Value>, name: &str) -> Result<Option<bool>, String> {
    typed(object, name, "bool", Value::as_bool)
}

/// A number field.
pub(crate) fn number(object: &Map<String, Value>, name: &str) -> Result<Option<f64>, String> {
    typed(object, name, "number", Value::as_f64)
}

/// A field that is itself an object.
pub(crate) fn map(object: &Map<String, Value>, name: &str) -> Result<Option<Map<String, Value>>, String> {
    typed(object, name, "object", |value| value.as_object().cloned())
}

fn typed<T>(
    object: &Map<String, Value>,
    name: &str,
    wanted: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, String> {
    let Some(value) = field(object, name) else {
        return Ok(None);
    };
    let wrong = || {
        format!(
            "json: cannot unmarshal {} into field `{name}` of type {wanted}",
            kind(value)
        )
    };
    read(value).map(Some).ok_or_else(wrong)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_read_as_go_reads_them() {
        let body = object(br#"{"NAME": "a", "enabled": null} trailing garbage"#).unwrap();
        assert_eq!(text(&body, "name"), Ok(Some("a".to_owned())));
        assert_eq!(flag(&body, "enabled"), Ok(None));
        assert_eq!(object(b"null"), Ok(Map::new()));
        assert_eq!(object(b""), Err("EOF".to_owned()));
        assert_eq!(object(b"{\"a\":"), Err("unexpected EOF".to_owned()));
        assert!(object(b"[]").unwrap_err().contains("array"));
        assert!(
            text(&object(br#"{"name": 5}"#).unwrap(), "name")
                .unwrap_err()
                .contains("`name`")
        );
    }
}
