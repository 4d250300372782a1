//! Lines of `[Captures]` and `[Asserts]`: a query, filters, and what must hold.

use super::file::{Assert, Call, Capture, Look};
use super::reader::{Reader, Wrong};
use super::value::{Value, key, quoted, regex, value};

/// How many arguments each query has.
const QUERIES: [(&str, usize); 18] = [
    ("status", 0),
    ("version", 0),
    ("url", 0),
    ("header", 1),
    ("certificate", 1),
    ("cookie", 1),
    ("body", 0),
    ("xpath", 1),
    ("jsonpath", 1),
    ("regex", 1),
    ("variable", 1),
    ("duration", 0),
    ("sha256", 0),
    ("md5", 0),
    ("bytes", 0),
    ("rawbytes", 0),
    ("ip", 0),
    ("redirects", 0),
];

/// How many arguments each filter has.
const FILTERS: [(&str, usize); 36] = [
    ("count", 0),
    ("first", 0),
    ("last", 0),
    ("nth", 1),
    ("toInt", 0),
    ("toFloat", 0),
    ("toString", 0),
    ("toHex", 0),
    ("toDate", 1),
    ("format", 1),
    ("dateFormat", 1),
    ("decode", 1),
    ("charsetDecode", 1),
    ("utf8Decode", 0),
    ("utf8Encode", 0),
    ("split", 1),
    ("replace", 2),
    ("replaceRegex", 2),
    ("regex", 1),
    ("jsonpath", 1),
    ("xpath", 1),
    ("urlEncode", 0),
    ("urlDecode", 0),
    ("urlQueryParam", 1),
    ("htmlEscape", 0),
    ("htmlUnescape", 0),
    ("base64Encode", 0),
    ("base64Decode", 0),
    ("base64UrlSafeEncode", 0),
    ("base64UrlSafeDecode", 0),
    ("daysAfterNow", 0),
    ("daysBeforeNow", 0),
    ("location", 0),
    ("trim", 0),
    ("lower", 0),
    ("upper", 0),
];

/// Predicates that stand alone.
const ALONE: [&str; 16] = [
    "exists",
    "isBoolean",
    "isCollection",
    "isDate",
    "isEmpty",
    "isFloat",
    "isInteger",
    "isIpv4",
    "isIpv6",
    "isIsoDate",
    "isList",
    "isNumber",
    "isObject",
    "isString",
    "isUuid",
    "isNull",
];

fn look(reader: &mut Reader<'_>) -> Result<Look, Wrong> {
    reader.blanks();
    let begin = *reader;
    let word = reader.word();
    let known = QUERIES.iter().find(|(query, _)| *query == word);
    let Some((_, arguments)) = known else {
        return Err(begin.wrong(format!("`{word}` is no query that is known here")));
    };
    let mut calls = vec![call(reader, word, *arguments)?];
    loop {
        let before = *reader;
        let word = reader.word();
        match FILTERS.iter().find(|(filter, _)| *filter == word) {
            Some((_, arguments)) => calls.push(call(reader, word, *arguments)?),
            None => {
                *reader = before;
                return Ok(Look { calls });
            }
        }
    }
}

fn call(reader: &mut Reader<'_>, word: &str, count: usize) -> Result<Call, Wrong> {
    let mut arguments = Vec::new();
    for _ in 0..count {
        reader.blanks();
        arguments.push(match reader.rest().chars().next() {
            Some('"') => Value::Text(quoted(reader)?),
            Some('/') => Value::Regex(regex(reader)?),
            _ => value(reader)?,
        });
    }
    Ok(Call {
        word: word.to_owned(),
        arguments,
    })
}

/// Reads a line of `[Captures]`.
pub(super) fn capture(reader: &mut Reader<'_>) -> Result<Capture, Wrong> {
    let begin = *reader;
    let name = key(reader).ok_or_else(|| begin.wrong("`name: query` is wanted here"))?;
    let look = look(reader)?;
    let before = *reader;
    let redact = reader.word() == "redact";
    if !redact {
        *reader = before;
    }
    let place = begin.at()..reader.at();
    reader.line_end()?;
    Ok(Capture {
        place,
        name,
        look,
        redact,
    })
}

/// Reads a line of `[Asserts]`.
pub(super) fn assert(reader: &mut Reader<'_>) -> Result<Assert, Wrong> {
    let begin = *reader;
    let look = look(reader)?;
    let mut predicate = reader.word();
    let negated = predicate == "not";
    if negated {
        predicate = reader.word();
    }
    let value = match predicate {
        "" => return Err(begin.wrong("what must hold is missing here")),
        predicate if ALONE.contains(&predicate) => None,
        _ => Some(value(reader)?),
    };
    let place = begin.at()..reader.at();
    reader.line_end()?;
    Ok(Assert {
        place,
        look,
        negated,
        predicate: predicate.to_owned(),
        value,
    })
}
