//! What a probe did, line by line: for `debug=true` and `/logs`.

use std::fmt::Write as _;

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
    fields: Vec<(&'static str, String)>,
}

impl Log {
    pub(super) fn info<const N: usize>(
        &mut self,
        message: &'static str,
        fields: [(&'static str, String); N],
    ) {
        self.add(Level::Info, message, fields);
    }

    pub(super) fn error<const N: usize>(
        &mut self,
        message: &'static str,
        fields: [(&'static str, String); N],
    ) {
        self.add(Level::Error, message, fields);
    }

    pub(super) fn debug<const N: usize>(
        &mut self,
        message: &'static str,
        fields: [(&'static str, String); N],
    ) {
        self.add(Level::Debug, message, fields);
    }

    fn add<const N: usize>(
        &mut self,
        level: Level,
        message: &'static str,
        fields: [(&'static str, String); N],
    ) {
        if self.lines.len() >= MAX_LINES {
            return;
        }
        self.lines.push(Line {
            at: Timestamp::now(),
            level,
            message,
            fields: fields.into(),
        });
    }

    pub(super) fn text(&self, module: &str, target: &str) -> String {
        let mut text = String::new();
        for line in &self.lines {
            let at = line.at.to_string();
            let first = [
                ("ts", at.as_str()),
                ("level", line.level.word()),
                ("msg", line.message),
                ("module", module),
                ("target", target),
            ];
            let rest = line.fields.iter().map(|(name, value)| (*name, value.as_str()));
            let pairs = first.into_iter().chain(rest);
            let pairs: Vec<String> = pairs
                .map(|(name, value)| format!("{name}={}", quoted(value)))
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
