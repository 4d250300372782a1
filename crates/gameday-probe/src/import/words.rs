//! Assertions as they are written by importers.

use serde_json::Value as Json;

use crate::assertion::parse;
use crate::template::Template;

/// A pattern between slashes; its own slashes are escaped.
pub(super) fn slashed(pattern: &str) -> String {
    let (mut out, mut escaped) = (String::from("/"), false);
    for c in pattern.chars() {
        if c == '/' && !escaped {
            out.push('\\');
        }
        escaped = c == '\\' && !escaped;
        out.push(c);
    }
    out.push('/');
    out
}

/// As JSON writes it.
pub(super) fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

/// The assertion, if it is one here.
pub(super) fn checked(text: String) -> Result<String, String> {
    match parse(&text, &mut |value| Some(Template::fixed(value))) {
        Ok(_) => Ok(text),
        Err(wrong) => Err(wrong.message),
    }
}
