//! Cuts a query into words.

use std::ops::Range;

/// A word of a query.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    /// A name, a keyword or a function.
    Name(String),
    Number(f64),
    /// A length of time in microseconds, e.g. `1h30m`.
    Span(i64),
    Text(String),
    /// An operator or a bracket.
    Mark(&'static str),
}

/// A word and where it stands.
pub(super) type Placed = (Word, Range<usize>);

/// The longest first, so that `!=` is not read as `!`.
const MARKS: [&str; 25] = [
    "=~", "!~", "!=", "==", ">=", "<=", "(", ")", "{", "}", "[", "]", ",", ":", "+", "-", "*", "/", "%", "^",
    ">", "<", "=", "@", "~",
];

/// All words of a query, or what cannot be one.
pub(super) fn words(query: &str) -> Result<Vec<Placed>, String> {
    let mut words = Vec::new();
    let mut at = 0;
    // A colon begins a name, but between two lengths in brackets it parts them: `[5m:1m]`.
    let mut in_brackets = false;
    while let Some(first) = query[at..].chars().next() {
        let rest = &query[at..];
        let (word, length) = match first {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '"' | '\'' | '`' => text(rest, first)?,
            '0'..='9' | '.' => number(rest)?,
            c if c.is_alphabetic() || c == '_' || (c == ':' && !in_brackets) => {
                let length = rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len());
                (Word::Name(rest[..length].to_owned()), length)
            }
            _ => {
                let mark = MARKS.into_iter().find(|mark| rest.starts_with(mark));
                let mark = mark.ok_or_else(|| format!("`{first}` cannot stand at {at}"))?;
                in_brackets = mark == "[" || (in_brackets && mark != "]");
                (Word::Mark(mark), mark.len())
            }
        };
        words.push((word, at..at + length));
        at += length;
    }
    Ok(words)
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == ':'
}

/// A number or a length of time: both begin with a digit.
fn number(rest: &str) -> Result<(Word, usize), String> {
    if let Some((span, length)) = span(rest) {
        return Ok((Word::Span(span), length));
    }
    if let Some(hex) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
        let length = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
        let number = u32::from_str_radix(&hex[..length], 16).map_err(|_| not_a_number(rest))?;
        return Ok((Word::Number(f64::from(number)), length + 2));
    }
    let mut length = 0;
    let mut before = ' ';
    for c in rest.chars() {
        let signed = matches!(c, '+' | '-') && matches!(before, 'e' | 'E');
        if !(c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '_') || signed) {
            break;
        }
        before = c;
        length += 1;
    }
    let number = rest[..length].replace('_', "").parse();
    Ok((Word::Number(number.map_err(|_| not_a_number(rest))?), length))
}

fn not_a_number(rest: &str) -> String {
    format!("`{}` is no number", rest.chars().take(12).collect::<String>())
}

/// A whole text that is a length of time, as both programs write them (`1h30m`, `0s`), in microseconds.
pub(crate) fn length(text: &str) -> Option<i64> {
    match text.trim() {
        "0" => Some(0),
        text => span(text)
            .filter(|(_, length)| *length == text.len())
            .map(|(micros, _)| micros),
    }
}

/// `1h30m` at the head of a text, in microseconds, and how long it is; none when it is a bare number.
fn span(rest: &str) -> Option<(i64, usize)> {
    const UNITS: [(&str, i64); 8] = [
        ("ms", 1_000),
        ("s", 1_000_000),
        ("m", 60_000_000),
        ("h", 3_600_000_000),
        ("d", 86_400_000_000),
        ("w", 604_800_000_000),
        ("y", 31_536_000_000_000),
        ("µs", 1),
    ];
    let (mut sum, mut at) = (0_i64, 0);
    loop {
        let digits = rest[at..].bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            break;
        }
        let unit = &rest[at + digits..];
        let (word, micros) = UNITS.into_iter().find(|(word, _)| unit.starts_with(word))?;
        let count: i64 = rest[at..at + digits].parse().ok()?;
        sum = sum.checked_add(count.checked_mul(micros)?)?;
        at += digits + word.len();
    }
    let ended = rest[at..]
        .chars()
        .next()
        .is_none_or(|c| !is_of_name(c) || c == ':');
    (at > 0 && ended).then_some((sum, at))
}

/// A string in quotes, with its escapes read, and how long it is in the query.
fn text(rest: &str, quote: char) -> Result<(Word, usize), String> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((Word::Text(text), at + 1)),
            '\\' if quote != '`' => match chars.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, 'r')) => text.push('\r'),
                Some((_, c)) => text.push(c),
                None => break,
            },
            c => text.push(c),
        }
    }
    Err("a string does not end".to_owned())
}
