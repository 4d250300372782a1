//! Matchers of labels, in the form of Alertmanager's configuration before and since 0.27.

use std::fmt;

use regex::Regex;

/// `severity="page"` and its like.
#[derive(Debug, Clone)]
pub struct Matcher {
    /// The label's name.
    pub label: String,
    /// How it is compared.
    pub op: MatchOp,
    /// With what.
    pub value: String,
    regex: Option<Regex>,
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Matches,
    /// `!~`
    MatchesNot,
}

impl MatchOp {
    /// As it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Matches => "=~",
            Self::MatchesNot => "!~",
        }
    }

    /// The operator at the head of a text.
    fn read(text: &str) -> Option<Self> {
        [Self::Matches, Self::MatchesNot, Self::NotEqual, Self::Equal]
            .into_iter()
            .find(|op| text.starts_with(op.word()))
    }
}

impl Matcher {
    /// A matcher of its parts.
    ///
    /// # Errors
    /// When its value should be a regular expression and is none.
    pub fn new(label: &str, op: MatchOp, value: &str) -> Result<Self, String> {
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            // Both programs anchor them.
            MatchOp::Matches | MatchOp::MatchesNot => {
                let anchored = format!("^(?s:{value})$");
                Some(Regex::new(&anchored).map_err(|_| format!("`{value}` is no regular expression"))?)
            }
        };
        Ok(Self {
            label: label.to_owned(),
            op,
            value: value.to_owned(),
            regex,
        })
    }

    /// Matchers as they stand in a configuration: one, several with commas, or all in braces.
    ///
    /// # Errors
    /// When it is none.
    pub fn read_all(text: &str) -> Result<Vec<Self>, String> {
        let text = text.trim();
        let inner = text.strip_prefix('{').unwrap_or(text);
        let inner = inner.strip_suffix('}').unwrap_or(inner);
        parts(inner)
            .into_iter()
            .filter(|part| !part.is_empty())
            .map(Self::read)
            .collect()
    }

    fn read(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no matcher");
        let (label, rest) = if text.starts_with('"') {
            let end = closing_quote(text).ok_or_else(bad)?;
            (unquoted(&text[..=end]).ok_or_else(bad)?, &text[end + 1..])
        } else {
            let end = text.find(['=', '!']).ok_or_else(bad)?;
            (text[..end].trim().to_owned(), &text[end..])
        };
        let rest = rest.trim_start();
        let op = MatchOp::read(rest).ok_or_else(bad)?;
        let value = rest[op.word().len()..].trim();
        let value = if value.starts_with('"') {
            unquoted(value).ok_or_else(bad)?
        } else {
            unescaped(value).ok_or_else(bad)?
        };
        if label.is_empty() {
            return Err(bad());
        }
        Self::new(&label, op, &value)
    }

    /// Whether it matches a label's value; a missing label has an empty one.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        let found = self.regex.as_ref().is_some_and(|regex| regex.is_match(value));
        match self.op {
            MatchOp::Equal => self.value == value,
            MatchOp::NotEqual => self.value != value,
            MatchOp::Matches => found,
            MatchOp::MatchesNot => !found,
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.label, self.op.word(), self.value)
    }
}

/// What stands between commas that are in no string.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut from, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            ',' if !quoted => {
                parts.push(text[from..at].trim());
                from = at + 1;
            }
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    parts.push(text[from..].trim());
    parts
}

/// Where the string at the head of a text ends.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == '"' && !escaped {
            return Some(at);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

/// The text of a whole string in quotes.
fn unquoted(text: &str) -> Option<String> {
    unescaped(text.strip_prefix('"')?.strip_suffix('"')?)
}

fn unescaped(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some(c @ ('"' | '\\')) => out.push(c),
                // Alertmanager keeps what it does not know, so that `\.` needs no second backslash.
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            '"' => return None,
            c => out.push(c),
        }
    }
    Some(out)
}
