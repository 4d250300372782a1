//! Reads an assertion, and says what is wrong with one that is none.

mod predicate;
mod query;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::cursor::Cursor;
use super::filter::{Filter, PLAIN};
use super::path::Path;
use super::query::Sort;
use super::wrong::Wrong;
use super::{Assertion, Origin};
use crate::template::Template;

/// A compiled pattern may not take more memory than this.
const MAX_REGEX_BYTES: usize = 2 * 1024 * 1024;

/// Filters that want something more.
const FILTERS_WITH_VALUES: [&str; 7] = [
    "nth",
    "split",
    "replace",
    "replaceRegex",
    "regex",
    "json",
    "urlQueryParam",
];

/// Makes a template of a text in an assertion, or nothing when it told why not.
pub(crate) type MakeTemplate<'m> = &'m mut dyn FnMut(&str) -> Option<Template>;

/// Reads an assertion; nothing when `template` told what is wrong with a text in it.
pub(crate) fn parse(text: &str, template: MakeTemplate<'_>) -> Result<Option<Assertion>, Wrong> {
    let mut cursor = Cursor::new(text);
    let origin = read_origin(&mut cursor)?;
    let negated = cursor.peek() == "not";
    if negated {
        cursor.word();
    }
    let predicate = predicate::read(&mut cursor, sort(&origin), origin.query.word(), template)?;
    Ok(predicate.map(|predicate| Assertion {
        text: text.trim().to_owned(),
        origin,
        negated,
        predicate,
    }))
}

/// Reads a query with its filters, e.g. `json $.items nth 0`.
pub(crate) fn parse_source(text: &str) -> Result<Origin, Wrong> {
    let mut cursor = Cursor::new(text);
    let origin = read_origin(&mut cursor)?;
    match cursor.peek() {
        "" => Ok(origin),
        other => Err(Wrong::new(format!("`{other}` is not a filter")).near(other, &filter_words())),
    }
}

/// What is made of a value may be of any kind.
fn sort(origin: &Origin) -> Sort {
    match origin.filters.last() {
        None => origin.query.sort(),
        Some(_) => Sort::Any,
    }
}

fn read_origin(cursor: &mut Cursor<'_>) -> Result<Origin, Wrong> {
    let query = query::read(cursor)?;
    let mut filters = Vec::new();
    while let Some(filter) = read_filter(cursor)? {
        filters.push(filter);
    }
    Ok(Origin { query, filters })
}

fn filter_words() -> Vec<&'static str> {
    let plain = PLAIN.iter().map(|(word, _)| *word);
    plain.chain(FILTERS_WITH_VALUES).collect()
}

fn read_filter(cursor: &mut Cursor<'_>) -> Result<Option<Filter>, Wrong> {
    let word = cursor.peek();
    if let Some((_, filter)) = PLAIN.iter().find(|(known, _)| *known == word) {
        cursor.word();
        return Ok(Some(filter.clone()));
    }
    if !FILTERS_WITH_VALUES.contains(&word) {
        return Ok(None);
    }
    cursor.word();
    let text = |cursor: &mut Cursor<'_>| {
        let wrong =
            || Wrong::new(format!("`{word}` wants a text")).hint(format!("for example `{word} \",\"`"));
        cursor.string().ok_or_else(wrong)
    };
    Ok(Some(match word {
        "nth" => Filter::Nth(cursor.word().parse().map_err(|_| {
            Wrong::new("`nth` wants a whole number").hint("`nth 0` is the first, `nth -1` the last")
        })?),
        "split" => Filter::Split(text(cursor)?),
        "replace" => Filter::Replace(text(cursor)?, text(cursor)?),
        "regex" => Filter::Regex(read_pattern(cursor, word)?),
        "replaceRegex" => Filter::ReplaceRegex(read_pattern(cursor, word)?, text(cursor)?),
        "json" => Filter::Json(read_path(cursor)?),
        _ => Filter::UrlQueryParam(text(cursor)?),
    }))
}

/// Reads a JSONPath, bare or in double quotes.
fn read_path(cursor: &mut Cursor<'_>) -> Result<Path, Wrong> {
    match cursor.string() {
        Some(text) => Path::parse(&text),
        None => Path::parse(cursor.path()),
    }
}

/// Reads a pattern that something may follow.
fn read_pattern(cursor: &mut Cursor<'_>, word: &str) -> Result<Regex, Wrong> {
    if let Some(pattern) = cursor.string() {
        return compile(&pattern);
    }
    let pattern = cursor.pattern().ok_or_else(|| {
        Wrong::new(format!("`{word}` wants a pattern between slashes")).hint(format!(
            "for example `{word} /id=(\\w+)/`; `\\/` stands for a slash"
        ))
    })?;
    compile(pattern)
}

fn compile(pattern: &str) -> Result<Regex, Wrong> {
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

fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}
