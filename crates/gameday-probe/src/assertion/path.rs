//! A JSONPath (RFC 9535), and what it finds.

use serde_json::Value;
use serde_json_path::JsonPath;

use super::Found;
use super::wrong::Wrong;

/// A path that finds more is told so instead of being gone through.
const MAX_VALUES: usize = 10_000;

/// A path that was typed.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    path: JsonPath,
    /// Whether it can find one value at most (RFC 9535, 2.3.5.1).
    is_singular: bool,
}

impl Path {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let path = JsonPath::parse(text).map_err(|error| {
            let (message, place) = (error.message(), error.position() + 1);
            let wrong = Wrong::new(format!(
                "`{text}` is not a JSONPath: {message} at character {place}"
            ));
            match text.starts_with('$') {
                true => wrong,
                false => wrong.hint("a JSONPath begins with `$`, for example `$.token`"),
            }
        })?;
        Ok(Self {
            path,
            is_singular: is_singular(text),
        })
    }

    /// What is there: a path that may find several values finds a list, whatever it holds.
    pub(super) fn find(&self, value: &Value) -> Found {
        let found = self.path.query(value).all();
        match (self.is_singular, found.as_slice()) {
            (true, [one]) => Found::One((*one).clone()),
            (true, _) => Found::Nothing("nothing there".to_owned()),
            (false, many) if many.len() > MAX_VALUES => {
                Found::Nothing(format!("over {MAX_VALUES} values there"))
            }
            (false, many) => Found::Many(many.iter().map(|one| (*one).clone()).collect()),
        }
    }
}

/// Whether a path that is one goes by names and numbers only.
fn is_singular(text: &str) -> bool {
    let (mut quote, mut escaped, mut before) = (None, false, ' ');
    for c in text.chars() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '*' | '?' | ',' | ':') => return false,
            (None, '.') if before == '.' => return false,
            _ => {}
        }
        before = c;
    }
    true
}
