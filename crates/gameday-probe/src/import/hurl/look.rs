//! What Hurl looks at and expects, in the words that are used here.

use sha2::{Digest, Sha256};

use super::file::{Assert, Call, Look};
use super::names::Names;
use super::value::Value;
use crate::assertion::parse_source;
use crate::import::words::{checked, quoted, slashed};

/// Predicates that are called otherwise here; those of early versions among them.
const OTHER_WORDS: [(&str, &str); 8] = [
    ("includes", "contains"),
    ("isIsoDate", "isDate"),
    ("equals", "=="),
    ("notEquals", "!="),
    ("greaterThan", ">"),
    ("greaterThanOrEquals", ">="),
    ("lessThan", "<"),
    ("lessThanOrEquals", "<="),
];

/// A query with its filters, e.g. `json $.id toInt`.
///
/// # Errors
/// In words: what cannot be said here.
pub(super) fn source(look: &Look, names: &mut Names, at: usize) -> Result<String, String> {
    let (text, _) = subject(look, names, at)?;
    match parse_source(&text) {
        Ok(_) => Ok(text),
        Err(wrong) => Err(wrong.message),
    }
}

/// An assertion.
///
/// # Errors
/// In words: what cannot be said here.
pub(super) fn assertion(assert: &Assert, names: &mut Names, at: usize) -> Result<String, String> {
    let (mut subject, kind) = subject(&assert.look, names, at)?;
    let not = if assert.negated { "not " } else { "" };
    let typed = assert.predicate.as_str();
    let predicate = OTHER_WORDS
        .iter()
        .find(|(word, _)| *word == typed)
        .map_or(typed, |(_, ours)| ours);
    let Some(value) = &assert.value else {
        return checked(format!("{subject} {not}{predicate}"));
    };
    let value = match (predicate, value, kind) {
        ("matches", Value::Regex(pattern), _) => format!("/{pattern}/"),
        ("matches", Value::Text(pattern), _) => slashed(pattern),
        ("==" | "!=", Value::Bytes(bytes), Kind::Body) => {
            subject = "sha256".to_owned();
            quoted(&hex(&Sha256::digest(bytes)))
        }
        ("==" | "!=", Value::Bytes(bytes), Kind::Digest) => quoted(&hex(bytes)),
        (_, Value::Bytes(_), _) => return Err("bytes can only be compared whole".to_owned()),
        (_, Value::File(name), _) => {
            return Err(format!("the answer cannot be compared with the file `{name}`"));
        }
        (_, Value::Text(version), Kind::Version) => version.trim_start_matches("HTTP/").to_owned(),
        (_, Value::Plain(number), Kind::Time) => format!("{number}ms"),
        (_, Value::Plain(plain), _) => plain.clone(),
        (_, Value::Text(text), _) => quoted(&names.template(text, at)?),
        ("contains", Value::Variable(text), Kind::Any) => {
            return Err(format!(
                "`{text}` is a text here, which a list of numbers does not contain"
            ));
        }
        ("==" | "!=" | "contains" | "startsWith" | "endsWith", Value::Variable(text), kind) => {
            // A saved value is a text here, whatever it was.
            if kind == Kind::Any {
                subject.push_str(" toString");
            }
            quoted(&names.template(text, at)?)
        }
        (_, Value::Variable(text), _) => return Err(format!("`{text}` is a text here, and no number")),
        (_, Value::Regex(_), _) => return Err(format!("`{predicate}` does not take a pattern")),
    };
    checked(format!("{subject} {not}{predicate} {value}"))
}

/// What is looked at, as far as values are written in another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Any,
    Body,
    Digest,
    Text,
    Time,
    Version,
}

fn subject(look: &Look, names: &mut Names, at: usize) -> Result<(String, Kind), String> {
    let Some((query, filters)) = look.calls.split_first() else {
        return Err("nothing is looked at".to_owned());
    };
    // What counts as one word here.
    let counted = matches!(filters, [count] if count.word == "count");
    let whole = match query.word.as_str() {
        "bytes" | "body" if counted && query.word == "bytes" => Some("bytes"),
        "redirects" if counted => Some("redirects"),
        _ => None,
    };
    if let Some(word) = whole {
        return Ok((word.to_owned(), Kind::Any));
    }
    let (mut text, mut kind) = self::query(query, names, at)?;
    if kind == Kind::Body && query.word == "bytes" && !filters.is_empty() {
        return Err("the bytes of a body are only counted and compared here".to_owned());
    }
    for filter in filters {
        text.push(' ');
        text.push_str(&self::filter(filter, names, at)?);
        kind = Kind::Any;
    }
    Ok((text, kind))
}

fn query(call: &Call, names: &mut Names, at: usize) -> Result<(String, Kind), String> {
    let word = call.word.as_str();
    Ok(match word {
        "status" => (word.to_owned(), Kind::Any),
        "url" | "ip" => (word.to_owned(), Kind::Text),
        "version" => (word.to_owned(), Kind::Version),
        "duration" => (word.to_owned(), Kind::Time),
        "sha256" => (word.to_owned(), Kind::Digest),
        "body" | "bytes" => ("body".to_owned(), Kind::Body),
        "header" | "cookie" => (format!("{word} {}", name(call)?), Kind::Text),
        "jsonpath" => (format!("json {}", fixed(call)?), Kind::Any),
        "regex" => (format!("regex {}", pattern(call, names, at)?), Kind::Text),
        "xpath" => {
            return Err(
                "XML and HTML are not taken apart here; `regex` and `body` look into them".to_owned(),
            );
        }
        "certificate" => return Err("`[check.tls]` looks at certificates, e.g. `expires > 21d`".to_owned()),
        "variable" => return Err("a saved value is not looked at again".to_owned()),
        "md5" => return Err("there is no `md5`; `sha256` is".to_owned()),
        "redirects" => return Err("of redirects, only their number is known here".to_owned()),
        _ => return Err(format!("there is no `{word}` here")),
    })
}

fn filter(call: &Call, names: &mut Names, at: usize) -> Result<String, String> {
    let word = call.word.as_str();
    Ok(match (word, call.arguments.as_slice()) {
        ("nth", [Value::Plain(number)]) => format!("nth {number}"),
        ("jsonpath", _) => format!("json {}", fixed(call)?),
        ("regex", _) => format!("regex {}", pattern(call, names, at)?),
        ("split" | "urlQueryParam", [Value::Text(text)]) => format!("{word} {}", quoted(&plain(text)?)),
        ("replace", [Value::Text(old), Value::Text(new)]) => {
            format!("replace {} {}", quoted(&plain(old)?), quoted(&plain(new)?))
        }
        ("replace" | "replaceRegex", [_, Value::Text(new)]) => {
            format!(
                "replaceRegex {} {}",
                pattern(call, names, at)?,
                quoted(&plain(new)?)
            )
        }
        (_, []) if is_known_filter(word) => word.to_owned(),
        _ => return Err(format!("there is no filter `{word}` here")),
    })
}

fn is_known_filter(word: &str) -> bool {
    parse_source(&format!("body {word}")).is_ok()
}

/// An argument that names something.
fn name(call: &Call) -> Result<String, String> {
    let text = fixed(call)?;
    match text.contains([' ', '"', '\\']) {
        true => Ok(quoted(&text)),
        false => Ok(text),
    }
}

fn fixed(call: &Call) -> Result<String, String> {
    match call.arguments.first() {
        Some(Value::Text(text)) => plain(text),
        _ => Err(format!("`{}` wants a text", call.word)),
    }
}

/// A text in which nothing is filled.
fn plain(text: &str) -> Result<String, String> {
    match text.contains("{{") {
        true => Err("a variable cannot stand in the name, path or pattern of what is looked at".to_owned()),
        false => Ok(text.to_owned()),
    }
}

fn pattern(call: &Call, _: &mut Names, _: usize) -> Result<String, String> {
    match call.arguments.first() {
        Some(Value::Regex(pattern)) => Ok(format!("/{pattern}/")),
        Some(Value::Text(pattern)) => Ok(slashed(&plain(pattern)?)),
        _ => Err(format!("`{}` wants a pattern", call.word)),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
