//! Reads an assertion, and says what is wrong with one that is none.

use gameday_core::nearest;
use hyper::header::HeaderName;
use regex::RegexBuilder;
use serde_json::Value;
use serde_json_path::JsonPath;

use super::{Assertion, Check, Literal, Query};
use crate::template::Template;

const QUERIES: [&str; 3] = ["status", "header", "json"];
const OPERATORS: [&str; 5] = ["==", "in", "contains", "matches", "isString"];

/// A compiled pattern may not take more memory than this.
const MAX_REGEX_BYTES: usize = 2 * 1024 * 1024;

/// What is wrong with an assertion, and what may help.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Wrong {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Reads an assertion; `template` makes a template of a text in it, or `None` when it told why not.
pub(crate) fn parse(
    text: &str,
    template: &mut dyn FnMut(&str) -> Option<Template>,
) -> Result<Option<Assertion>, Wrong> {
    let (query, rest) = read_query(text.trim())?;
    let (operator, value) = split_word(rest);
    let check = read_check(operator, value, template)?;
    let Some(check) = check else { return Ok(None) };
    refuse_a_mismatch(&query, &check, operator)?;
    Ok(Some(Assertion {
        text: text.trim().to_owned(),
        query,
        check,
    }))
}

fn read_query(text: &str) -> Result<(Query, &str), Wrong> {
    let (word, rest) = split_word(text);
    match word {
        "status" => Ok((Query::Status, rest)),
        "header" => {
            let (name, rest) = split_word(rest);
            let name = name
                .parse::<HeaderName>()
                .map_err(|_| Wrong::new(format!("`{name}` is not the name of a header")))?;
            Ok((Query::Header(name), rest))
        }
        "json" => {
            let (path, rest) = split_path(rest);
            Ok((Query::Json(read_path(path)?), rest))
        }
        "" => Err(Wrong::new("the assertion is empty").hint("for example `status == 200`")),
        other => Err(near(
            Wrong::new(format!("`{other}` is not something to look at")),
            other,
            &QUERIES,
        )),
    }
}

/// Reads a JSONPath (RFC 9535).
pub(crate) fn read_path(text: &str) -> Result<JsonPath, Wrong> {
    JsonPath::parse(text).map_err(|error| {
        let wrong = Wrong::new(format!(
            "`{text}` is not a JSONPath: {} at character {}",
            error.message(),
            error.position() + 1
        ));
        if text.starts_with('$') {
            wrong
        } else {
            wrong.hint("a JSONPath begins with `$`, for example `$.token`")
        }
    })
}

fn read_check(
    operator: &str,
    value: &str,
    template: &mut dyn FnMut(&str) -> Option<Template>,
) -> Result<Option<Check>, Wrong> {
    Ok(match operator {
        "==" => read_literal(value, operator, template)?.map(Check::Equals),
        "in" => read_list(value, template)?.map(Check::In),
        "contains" => match read_literal(value, operator, template)? {
            Some(Literal::Text(text)) => Some(Check::Contains(text)),
            Some(_) => {
                return Err(Wrong::new("`contains` wants a text").hint("for example `contains \"json\"`"));
            }
            None => None,
        },
        "matches" => Some(Check::Matches(read_regex(value)?)),
        "isString" if value.is_empty() => Some(Check::IsString),
        "isString" => {
            return Err(Wrong::new(format!(
                "`isString` stands alone, `{value}` is too much"
            )));
        }
        "" => {
            let hint = format!("one of `{}`", OPERATORS.join("`, `"));
            return Err(Wrong::new("the operator is missing").hint(hint));
        }
        other => {
            return Err(near(
                Wrong::new(format!("`{other}` is not an operator")),
                other,
                &OPERATORS,
            ));
        }
    })
}

fn read_literal(
    text: &str,
    operator: &str,
    template: &mut dyn FnMut(&str) -> Option<Template>,
) -> Result<Option<Literal>, Wrong> {
    if text.is_empty() {
        return Err(Wrong::new(format!("`{operator}` wants a value")).hint("for example `status == 200`"));
    }
    let value: Value = serde_json::from_str(text).map_err(|_| {
        Wrong::new(format!("`{text}` is not a value"))
            .hint("a number, a text in double quotes, `true`, `false` or `null`")
    })?;
    literal(value, operator, template)
}

fn literal(
    value: Value,
    operator: &str,
    template: &mut dyn FnMut(&str) -> Option<Template>,
) -> Result<Option<Literal>, Wrong> {
    Ok(Some(match value {
        Value::Null => Literal::Null,
        Value::Bool(bool) => Literal::Bool(bool),
        Value::Number(number) => Literal::Number(number),
        Value::String(text) => return Ok(template(&text).map(Literal::Text)),
        Value::Array(_) if operator == "==" => {
            return Err(Wrong::new("`==` compares with one value").hint("`in` compares with a list"));
        }
        Value::Array(_) | Value::Object(_) => {
            return Err(Wrong::new(format!(
                "`{operator}` compares with simple values only"
            )));
        }
    }))
}

fn read_list(
    text: &str,
    template: &mut dyn FnMut(&str) -> Option<Template>,
) -> Result<Option<Vec<Literal>>, Wrong> {
    let Ok(Value::Array(items)) = serde_json::from_str(text) else {
        return Err(Wrong::new("`in` wants a list").hint("for example `status in [200, 201]`"));
    };
    if items.is_empty() {
        return Err(Wrong::new(
            "`in` wants a list that is not empty: nothing is in `[]`",
        ));
    }
    let mut literals = Vec::new();
    for item in items {
        match literal(item, "in", template)? {
            Some(literal) => literals.push(literal),
            None => return Ok(None),
        }
    }
    Ok(Some(literals))
}

fn read_regex(text: &str) -> Result<regex::Regex, Wrong> {
    let pattern = text
        .strip_prefix('/')
        .and_then(|text| text.strip_suffix('/'))
        .ok_or_else(|| {
            Wrong::new("`matches` wants a pattern between slashes").hint("for example `matches /^pay_/`")
        })?;
    RegexBuilder::new(pattern)
        .size_limit(MAX_REGEX_BYTES)
        .dfa_size_limit(MAX_REGEX_BYTES)
        .build()
        .map_err(|error| {
            // The crate draws several lines; the last one says what is wrong.
            let drawn = error.to_string();
            let last = drawn.lines().last().unwrap_or_default().trim();
            let said = last.strip_prefix("error: ").unwrap_or(last);
            Wrong::new(format!("`/{pattern}/` is not a pattern: {said}"))
        })
}

/// A condition that can never hold is a typing error.
fn refuse_a_mismatch(query: &Query, check: &Check, operator: &str) -> Result<(), Wrong> {
    let is_number = |literal: &Literal| matches!(literal, Literal::Number(_));
    let is_text = |literal: &Literal| matches!(literal, Literal::Text(_));
    match (query, check) {
        (Query::Status, Check::Equals(literal)) if is_number(literal) => Ok(()),
        (Query::Status, Check::In(literals)) if literals.iter().all(is_number) => Ok(()),
        (Query::Status, Check::Equals(_) | Check::In(_)) => {
            Err(Wrong::new("a status is a number").hint("for example `status == 200`"))
        }
        (Query::Status, _) => Err(
            Wrong::new(format!("a status is a number: `{operator}` is for texts"))
                .hint("`status == 200` or `status in [200, 201]`"),
        ),
        (Query::Header(_), Check::Equals(literal)) if !is_text(literal) => {
            Err(Wrong::new("a header is a text").hint("put the value in double quotes"))
        }
        (Query::Header(_), Check::In(literals)) if !literals.iter().all(is_text) => {
            Err(Wrong::new("a header is a text").hint("put each value in double quotes"))
        }
        _ => Ok(()),
    }
}

fn near(wrong: Wrong, typed: &str, known: &[&str]) -> Wrong {
    match nearest(typed, known.iter().copied()) {
        Some(best) => wrong.hint(format!("did you mean `{best}`?")),
        None => wrong.hint(format!("known here: `{}`", known.join("`, `"))),
    }
}

fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

/// Splits a JSONPath off: it ends at the first space outside of brackets and quotes.
fn split_path(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if depth > 0 => quote = Some(c),
            (None, '[' | '(') => depth += 1,
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            (None, c) if c.is_whitespace() && depth == 0 => return (&text[..at], text[at..].trim()),
            _ => {}
        }
    }
    (text, "")
}
