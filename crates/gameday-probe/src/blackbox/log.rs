//! What a probe did, line by line: for `debug=true` and `/logs`.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;

use jiff::Timestamp;

/// More lines of one probe are not kept; a talk may have many turns.
const MAX_LINES: usize = 200;
/// A longer value is cut.
const MAX_VALUE_BYTES: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Info,
    Error,
    Debug,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Error => "error",
            Self::Debug => "debug",
        }
    }
}

/// What is told of something; it is written only if somebody reads it.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Word(&'static str),
    Number(f64),
    Address(IpAddr),
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<IpAddr> for Value {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}

impl Value {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => text.into(),
            Self::Word(word) => (*word).into(),
            Self::Number(number) => number.to_string().into(),
            Self::Address(address) => address.to_string().into(),
        }
    }
}

/// A field of a line.
pub(super) type Field = (&'static str, Value);

/// Lines in logfmt.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
struct Line {
    at: Timestamp,
    level: Level,
    message: &'static str,
    /// No line has more.
    fields: [Option<Field>; 2],
}

impl Log {
    /// Empty, with room for what an HTTP probe writes down.
    pub(super) fn with_room() -> Self {
        Self {
            lines: Vec::with_capacity(8),
        }
    }

    pub(super) fn info<const N: usize>(&mut self, message: &'static str, fields: [Field; N]) {
        self.add(Level::Info, message, fields);
    }

    pub(super) fn error<const N: usize>(&mut self, message: &'static str, fields: [Field; N]) {
        self.add(Level::Error, message, fields);
    }

    pub(super) fn debug<const N: usize>(&mut self, message: &'static str, fields: [Field; N]) {
        self.add(Level::Debug, message, fields);
    }

    fn add<const N: usize>(&mut self, level: Level, message: &'static str, fields: [Field; N]) {
        if self.lines.len() >= MAX_LINES {
            return;
        }
        let mut fields = fields.into_iter();
        self.lines.push(Line {
            at: Timestamp::now(),
            level,
            message,
            fields: [fields.next(), fields.next()],
        });
    }

    pub(super) fn text(&self, module: &str, target: &str) -> String {
        let mut text = String::new();
        for line in &self.lines {
            let at = line.at.to_string();
            let first = [
                ("ts", Cow::from(at.as_str())),
                ("level", line.level.word().into()),
                ("msg", line.message.into()),
                ("module", module.into()),
                ("target", target.into()),
            ];
            let fields = line.fields.iter().flatten();
            let rest = fields.map(|(name, value)| (*name, value.text()));
            let pairs = first.into_iter().chain(rest);
            let pairs: Vec<String> = pairs
                .map(|(name, value)| format!("{name}={}", quoted(&value)))
                .collect();
            writeln!(text, "{}", pairs.join(" ")).expect("a String takes everything");
        }
        text
    }
}

/// logfmt: in quotes where it has spaces, quotes or an equals sign.
fn quoted(value: &str) -> String {
    let mut end = value.len().min(MAX_VALUE_BYTES);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    let value = &value[..end];
    let is_plain = !value.is_empty()
        && value
            .chars()
            .all(|c| !c.is_whitespace() && !c.is_control() && c != '"' && c != '=');
    match is_plain {
        true => value.to_owned(),
        false => serde_json::to_string(value).unwrap_or_default(),
    }
}
