//! Strings, numbers and bytes of a Hurl file.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::reader::{Reader, Wrong};

/// A value that something is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// `null`, `true`, `false` or a number, as JSON writes it.
    Plain(String),
    /// Escapes are resolved, `{{…}}` are there.
    Text(String),
    /// Between slashes, as typed.
    Regex(String),
    /// `{{…}}` alone: of whatever kind the variable is.
    Variable(String),
    Bytes(Vec<u8>),
    /// A file's name.
    File(String),
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Takes a value of an assertion.
pub(super) fn value(reader: &mut Reader<'_>) -> Result<Value, Wrong> {
    reader.blanks();
    let rest = reader.rest();
    if rest.starts_with('"') {
        return quoted(reader).map(Value::Text);
    }
    if rest.starts_with('`') {
        return in_ticks(reader).map(|(_, text)| Value::Text(text));
    }
    if rest.starts_with('/') {
        return regex(reader).map(Value::Regex);
    }
    if rest.starts_with("{{") {
        let begin = reader.at();
        reader.until("}}")?;
        return Ok(Value::Variable(reader.between(begin, reader.at()).to_owned()));
    }
    if let Some(bytes) = encoded(reader)? {
        return Ok(bytes);
    }
    let before = *reader;
    let word = reader.word();
    match serde_json::from_str::<serde_json::Value>(word) {
        Ok(plain) if !plain.is_string() => Ok(Value::Plain(plain.to_string())),
        _ => Err(before.wrong("a value is missing here")),
    }
}

/// Takes `base64,…;`, `hex,…;` or `file,…;`.
pub(super) fn encoded(reader: &mut Reader<'_>) -> Result<Option<Value>, Wrong> {
    let begin = *reader;
    for kind in ["base64", "hex"] {
        if reader.eat(&format!("{kind},")) {
            let bytes = decoded(kind, reader.until(";")?).map_err(|message| begin.wrong(message))?;
            return Ok(bytes.map(Value::Bytes));
        }
    }
    if reader.eat("file,") {
        let name = reader.until(";")?.trim().replace("\\ ", " ");
        return Ok(Some(Value::File(name)));
    }
    Ok(None)
}

/// The bytes of a text of such a kind; none when the kind is another.
pub(super) fn decoded(kind: &str, text: &str) -> Result<Option<Vec<u8>>, &'static str> {
    let text: String = text.split_whitespace().collect();
    match kind {
        "base64" => BASE64.decode(text).map(Some).map_err(|_| "this is not base64"),
        "hex" => hex(&text)
            .map(Some)
            .ok_or("these are not hexadecimal digits in pairs"),
        _ => Ok(None),
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    });
    pairs.collect()
}

/// Takes a text in double quotes.
pub(super) fn quoted(reader: &mut Reader<'_>) -> Result<String, Wrong> {
    let begin = *reader;
    if !reader.eat("\"") {
        return Err(begin.wrong("a text in double quotes is wanted here"));
    }
    let text = resolve(reader, |c| c == '"' || c == '\n')?;
    match reader.eat("\"") {
        true => Ok(text),
        false => Err(begin.wrong("this text has no end")),
    }
}

/// Takes the rest of a line as a text, up to a comment.
pub(super) fn rest_of_line(reader: &mut Reader<'_>) -> Result<String, Wrong> {
    reader.blanks();
    let text = resolve(reader, |c| c == '#' || c == '\n')?;
    Ok(text.trim_end().to_owned())
}

/// Takes a key up to its colon; none when the line has no such thing.
pub(super) fn key(reader: &mut Reader<'_>) -> Option<String> {
    let mut ahead = *reader;
    let key = resolve(&mut ahead, |c| matches!(c, ':' | '#' | '\n' | ' ' | '\t')).ok()?;
    ahead.blanks();
    if key.is_empty() || !ahead.eat(":") {
        return None;
    }
    *reader = ahead;
    Some(key)
}

/// Takes text up to a character, its escapes resolved; what stands in `{{…}}` stays as it is.
fn resolve(reader: &mut Reader<'_>, is_end: impl Fn(char) -> bool) -> Result<String, Wrong> {
    let mut text = String::new();
    loop {
        let begin = *reader;
        if reader.rest().starts_with("{{") {
            reader.until("}}")?;
            text.push_str(reader.between(begin.at(), reader.at()));
            continue;
        }
        match reader.rest().chars().next() {
            None => return Ok(text),
            Some(c) if is_end(c) => return Ok(text),
            Some('\\') => {
                reader.skip(1);
                text.push(escape(reader).ok_or_else(|| begin.wrong("there is no such escape"))?);
            }
            Some(c) => {
                reader.skip(c.len_utf8());
                text.push(c);
            }
        }
    }
}

/// What an escape stands for.
fn escape(reader: &mut Reader<'_>) -> Option<char> {
    let c = reader.rest().chars().next()?;
    reader.skip(c.len_utf8());
    Some(match c {
        '"' | '\\' | '/' | '#' | ':' | '`' | '{' | '}' | ' ' => c,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' if reader.eat("{") => {
            let digits = reader.until("}").ok()?;
            char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
        }
        _ => return None,
    })
}

/// Takes a pattern between slashes; an escaped slash stays escaped, as the pattern's own escapes do.
pub(super) fn regex(reader: &mut Reader<'_>) -> Result<String, Wrong> {
    let begin = *reader;
    reader.skip(1);
    let mut escaped = false;
    let line = reader.line();
    let end = line.char_indices().find(|(_, c)| match c {
        _ if escaped => {
            escaped = false;
            false
        }
        '\\' => {
            escaped = true;
            false
        }
        c => *c == '/',
    });
    match end {
        Some((bytes, _)) => {
            let pattern = reader.skip(bytes).to_owned();
            reader.skip(1);
            Ok(pattern)
        }
        None => Err(begin.wrong("this pattern has no end")),
    }
}

/// Takes a text between backticks, one or three; its kind (`json`, `graphql` …) and the text as it is.
pub(super) fn in_ticks(reader: &mut Reader<'_>) -> Result<(String, String), Wrong> {
    if !reader.eat("```") {
        reader.skip(1);
        let begin = *reader;
        let text = resolve(reader, |c| c == '`' || c == '\n')?;
        return match reader.eat("`") {
            true => Ok((String::new(), text)),
            false => Err(begin.wrong("this text has no end")),
        };
    }
    let whole = reader.until("```")?;
    let (first, rest) = match whole.split_once('\n') {
        Some((first, rest)) => (first.trim(), rest),
        None => return Ok((String::new(), whole.to_owned())),
    };
    let kind = first.split(',').next().unwrap_or_default().trim();
    match kind.chars().all(|c| c.is_ascii_alphanumeric()) {
        true => Ok((kind.to_owned(), rest.to_owned())),
        false => Ok((String::new(), whole.to_owned())),
    }
}
