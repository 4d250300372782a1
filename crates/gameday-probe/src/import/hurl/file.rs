//! What stands in a Hurl file: requests, and what is wanted of their answers.

use std::ops::Range;

use super::lines::{assert, capture};
use super::reader::{Reader, Wrong};
use super::value::{Value, decoded, encoded, in_ticks, key, rest_of_line};

/// A request and its answer.
#[derive(Debug)]
pub(super) struct Entry {
    /// Of its first line.
    pub(super) place: Range<usize>,
    /// What stands right above it.
    pub(super) comments: Vec<String>,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<Pair>,
    pub(super) sections: Vec<Section>,
    pub(super) body: Option<Body>,
    pub(super) answer: Option<Answer>,
    /// What could not be read: its place, and why.
    pub(super) unread: Vec<Wrong>,
}

/// `key: value`.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) place: Range<usize>,
    pub(super) key: String,
    pub(super) value: String,
}

/// `[Name]` of a request and the pairs below it.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) pairs: Vec<Pair>,
}

/// What is wanted of an answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) place: Range<usize>,
    /// `1.1` of `HTTP/1.1`.
    pub(super) version: Option<String>,
    /// None for `*`.
    pub(super) status: Option<u16>,
    pub(super) headers: Vec<Pair>,
    pub(super) captures: Vec<Capture>,
    pub(super) asserts: Vec<Assert>,
    pub(super) body: Option<Body>,
}

/// A body as it was typed.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) place: Range<usize>,
    pub(super) content: Content,
}

/// What kind of body.
#[derive(Debug)]
pub(super) enum Content {
    Json(String),
    Xml(String),
    /// Its kind (`json`, `graphql` …), which may be empty.
    Text(String, String),
    Encoded(Value),
}

/// `query "argument" filter …`: the first one is the query.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) calls: Vec<Call>,
}

/// A query or a filter with its arguments.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) word: String,
    pub(super) arguments: Vec<Value>,
}

/// A line of `[Captures]`.
#[derive(Debug)]
pub(super) struct Capture {
    pub(super) place: Range<usize>,
    pub(super) name: String,
    pub(super) look: Look,
    pub(super) redact: bool,
}

/// A line of `[Asserts]`.
#[derive(Debug)]
pub(super) struct Assert {
    pub(super) place: Range<usize>,
    pub(super) look: Look,
    pub(super) negated: bool,
    pub(super) predicate: String,
    pub(super) value: Option<Value>,
}

const SECTIONS: [&str; 13] = [
    "Query",
    "QueryStringParams",
    "Form",
    "FormParams",
    "Multipart",
    "MultipartFormData",
    "Cookies",
    "BasicAuth",
    "Options",
    "Captures",
    "Asserts",
    "Reports",
    "Proxy",
];

/// Reads all entries of a file.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, Wrong> {
    let mut reader = Reader::new(text);
    let mut entries = Vec::new();
    loop {
        let comments = reader.comments().into_iter().map(str::to_owned).collect();
        if reader.is_over() {
            return Ok(entries);
        }
        entries.push(entry(&mut reader, comments)?);
    }
}

fn entry(reader: &mut Reader<'_>, comments: Vec<String>) -> Result<Entry, Wrong> {
    let begin = *reader;
    if method(reader.line()).is_none() {
        return Err(
            begin.wrong("a request begins with a method and a URL, for example `GET https://example.org`")
        );
    }
    let method = reader.word().to_owned();
    let url = rest_of_line(reader)?;
    reader.line_end()?;
    let mut entry = Entry {
        place: begin.at()..begin.at() + begin.line().trim_end().len(),
        comments,
        method,
        url,
        headers: Vec::new(),
        sections: Vec::new(),
        body: None,
        answer: None,
        unread: Vec::new(),
    };
    loop {
        // The comments above the next entry are its own.
        let before = *reader;
        reader.comments();
        let line = reader.line();
        if reader.is_over() || method_of_next(line) {
            *reader = before;
            return Ok(entry);
        }
        part(reader, line, &mut entry)?;
    }
}

/// A request's line begins with a method in capitals and a space.
fn method(line: &str) -> Option<&str> {
    let (word, url) = line.split_once([' ', '\t'])?;
    let is_method = !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase());
    (is_method && !url.trim().is_empty()).then_some(word)
}

fn method_of_next(line: &str) -> bool {
    method(line).is_some_and(|word| word != "HTTP")
}

/// One thing of an entry, whatever comes next.
fn part(reader: &mut Reader<'_>, line: &str, entry: &mut Entry) -> Result<(), Wrong> {
    if entry.answer.is_none() && line.starts_with("HTTP") {
        entry.answer = Some(answer_line(reader)?);
        return Ok(());
    }
    if let Some(name) = section_name(line) {
        let begin = *reader;
        reader.skip(name.len() + 2);
        reader.line_end()?;
        return section(reader, name, &begin, entry);
    }
    if let Some(body) = body(reader)? {
        let place = match &mut entry.answer {
            Some(answer) => &mut answer.body,
            None => &mut entry.body,
        };
        if place.replace(body).is_some() {
            return Err(reader.wrong("there is a second body"));
        }
        return Ok(());
    }
    let pair = pair(reader)?;
    match &mut entry.answer {
        Some(answer) => answer.headers.push(pair),
        None => entry.headers.push(pair),
    }
    Ok(())
}

fn section_name(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix('[')?.split_once(']')?;
    SECTIONS.contains(&name).then_some(name)
}

fn section(reader: &mut Reader<'_>, name: &str, begin: &Reader<'_>, entry: &mut Entry) -> Result<(), Wrong> {
    let is_of_answer = matches!(name, "Captures" | "Asserts");
    if is_of_answer && entry.answer.is_none() {
        return Err(begin.wrong(format!("`[{name}]` stands below a line with `HTTP`")));
    }
    let mut pairs = Vec::new();
    loop {
        let before = *reader;
        reader.comments();
        let line = reader.line();
        let is_next = line.starts_with("HTTP") || method(line).is_some() || section_name(line).is_some();
        if reader.is_over() || is_next || begins_body(*reader) {
            *reader = before;
            break;
        }
        let at = *reader;
        let read = match (&mut entry.answer, name) {
            (Some(answer), "Asserts") => assert(reader).map(|assert| answer.asserts.push(assert)),
            (Some(answer), "Captures") => capture(reader).map(|capture| answer.captures.push(capture)),
            _ => pair(reader).map(|pair| pairs.push(pair)),
        };
        if let Err(wrong) = read {
            *reader = at;
            reader.skip_unread();
            entry.unread.push(wrong);
        }
    }
    if !is_of_answer {
        let name = name.to_owned();
        entry.sections.push(Section { name, pairs });
    }
    Ok(())
}

fn pair(reader: &mut Reader<'_>) -> Result<Pair, Wrong> {
    let begin = *reader;
    let key = key(reader).ok_or_else(|| begin.wrong("`name: value` is wanted here"))?;
    let value = rest_of_line(reader)?;
    let place = begin.at()..reader.at();
    reader.line_end()?;
    Ok(Pair { place, key, value })
}

/// `HTTP/1.1 200`, `HTTP *`.
fn answer_line(reader: &mut Reader<'_>) -> Result<Answer, Wrong> {
    let begin = *reader;
    let version = reader.word().strip_prefix("HTTP").unwrap_or_default();
    let version = match version.strip_prefix('/') {
        Some("*") => None,
        Some(version) => Some(version.to_owned()),
        None if version.is_empty() => None,
        None => return Err(begin.wrong("`HTTP` and a status are wanted here, for example `HTTP 200`")),
    };
    let status = match reader.word() {
        "*" => None,
        word => Some(
            word.parse()
                .map_err(|_| begin.wrong(format!("`{word}` is not a status")))?,
        ),
    };
    let place = begin.at()..reader.at();
    reader.line_end()?;
    Ok(Answer {
        place,
        version,
        status,
        ..Answer::default()
    })
}

fn begins_body(reader: Reader<'_>) -> bool {
    let rest = reader.rest();
    let first = rest.chars().next();
    let encoded = ["base64,", "hex,", "file,"]
        .iter()
        .any(|word| rest.starts_with(word));
    // `{{` begins the name of a header that is a variable.
    let is_json = matches!(first, Some('{' | '[' | '"')) && !rest.starts_with("{{");
    encoded || is_json || matches!(first, Some('<' | '`'))
}

fn body(reader: &mut Reader<'_>) -> Result<Option<Body>, Wrong> {
    let begin = *reader;
    if !begins_body(begin) {
        return Ok(None);
    }
    let content = match begin.rest().chars().next() {
        Some('{' | '[' | '"') => Content::Json(json(reader)?),
        Some('<') => Content::Xml(xml(reader)),
        Some('`') => {
            let (kind, text) = in_ticks(reader)?;
            match decoded(&kind, &text).map_err(|message| begin.wrong(message))? {
                Some(bytes) => Content::Encoded(Value::Bytes(bytes)),
                None => Content::Text(kind, text),
            }
        }
        _ => match encoded(reader)? {
            Some(value) => Content::Encoded(value),
            None => return Ok(None),
        },
    };
    let place = begin.at()..reader.at();
    reader.line_end()?;
    Ok(Some(Body { place, content }))
}

/// Takes a JSON value by its brackets; `{{…}}` may stand anywhere in it, so it may be none.
fn json(reader: &mut Reader<'_>) -> Result<String, Wrong> {
    let begin = *reader;
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (at, c) in begin.rest().char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            _ if in_text => {}
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 && !in_text {
            return Ok(reader.skip(at + c.len_utf8()).to_owned());
        }
    }
    Err(begin.wrong("this JSON has no end"))
}

/// Takes XML up to the next empty line, section, answer or request: it is not looked into.
fn xml(reader: &mut Reader<'_>) -> String {
    let begin = *reader;
    let mut end = begin;
    loop {
        let line = reader.line();
        let is_next = line.trim().is_empty() || line.starts_with("HTTP") || method(line).is_some();
        if reader.is_over() || is_next || section_name(line).is_some() {
            break;
        }
        reader.skip(line.len());
        end = *reader;
        reader.skip_line();
    }
    *reader = end;
    begin.between(begin.at(), end.at()).to_owned()
}
