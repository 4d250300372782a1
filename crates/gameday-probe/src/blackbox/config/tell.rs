//! A configuration as YAML, as Go's libraries write it: `/config` as version 3, a module of a debug page as version 2.

use super::block::{Block, Value};
use super::go;
use super::schema::{Default, Field, Kind};

const MASK: &str = "<secret>";
/// Go's for the password of a URL.
const URL_MASK: &str = "xxxxx";

/// How wide a level is, and whether the items of a list are a level of their own.
#[derive(Clone, Copy)]
struct Style {
    indent: usize,
    list_is_level: bool,
}

const VERSION_2: Style = Style {
    indent: 2,
    list_is_level: false,
};
const VERSION_3: Style = Style {
    indent: 4,
    list_is_level: true,
};

pub(super) fn file<'a>(modules: impl Iterator<Item = (&'a str, &'a Block)>) -> String {
    let mut told = Teller::new(VERSION_3);
    told.line(0, "modules:");
    for (name, module) in modules {
        told.line(1, &format!("{}:", scalar(name)));
        told.block(module, 2);
    }
    told.text
}

pub(super) fn module(module: &Block) -> String {
    let mut told = Teller::new(VERSION_2);
    told.block(module, 0);
    told.text
}

struct Teller {
    style: Style,
    text: String,
}

impl Teller {
    fn new(style: Style) -> Self {
        Self {
            style,
            text: String::new(),
        }
    }

    fn line(&mut self, level: usize, line: &str) {
        self.indented(level * self.style.indent, line);
    }

    fn indented(&mut self, columns: usize, line: &str) {
        self.text.extend(std::iter::repeat_n(' ', columns));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn block(&mut self, block: &Block, level: usize) {
        for field in block.schema.fields {
            self.field(block, field, level);
        }
    }

    fn field(&mut self, block: &Block, field: &Field, level: usize) {
        let name = field.name;
        match (block.get(name), field.kind) {
            (Some(Value::Block(inner)), _) if is_told(inner) => {
                self.line(level, &format!("{name}:"));
                self.block(inner, level + 1);
            }
            (None | Some(Value::Block(_)), Kind::Block(schema)) if schema.shown => {
                self.line(level, &format!("{name}:"));
                self.block(&Block::empty(schema, 0..0), level + 1);
            }
            (None | Some(Value::Block(_)), Kind::Block(_)) => {}
            (Some(Value::List(items)), _) if !items.is_empty() => {
                self.line(level, &format!("{name}:"));
                self.list(items, level);
            }
            (Some(Value::Pairs(pairs)), _) if !pairs.is_empty() => {
                self.line(level, &format!("{name}:"));
                self.pairs(pairs, level + 1);
            }
            (value, kind) => {
                if let Some(text) = single(value, kind, field.default) {
                    self.line(level, &format!("{name}: {text}"));
                }
            }
        }
    }

    fn pairs(&mut self, pairs: &[(String, Value)], level: usize) {
        let mut sorted: Vec<_> = pairs.iter().collect();
        sorted.sort_by_key(|(name, _)| name);
        for (name, value) in sorted {
            let name = scalar(name);
            match value {
                Value::List(items) => {
                    self.line(level, &format!("{name}:"));
                    self.list(items, level);
                }
                Value::Block(block) => {
                    self.line(level, &format!("{name}:"));
                    self.block(block, level + 1);
                }
                value => self.line(level, &format!("{name}: {}", told(value))),
            }
        }
    }

    fn list(&mut self, items: &[Value], level: usize) {
        let Style {
            indent,
            list_is_level,
        } = self.style;
        let columns = level * indent + if list_is_level { indent } else { 0 };
        for item in items {
            let Value::Block(block) = item else {
                self.indented(columns, &format!("- {}", told(item)));
                continue;
            };
            // The first key stands behind the dash, the others below it.
            let mut inner = Teller::new(self.style);
            inner.block(block, 0);
            let lines = if inner.text.is_empty() {
                "{}\n"
            } else {
                &inner.text
            };
            for (index, line) in lines.lines().enumerate() {
                let lead = if index == 0 { "- " } else { "  " };
                self.indented(columns, &format!("{lead}{line}"));
            }
        }
    }
}

/// Whether there is anything to tell of a block beyond what stands there when nothing was typed.
fn is_told(block: &Block) -> bool {
    block
        .schema
        .fields
        .iter()
        .any(|field| match block.get(field.name) {
            None => field.default == Default::True || field.default == Default::TrueShown,
            Some(Value::Block(inner)) => is_told(inner),
            Some(value) => single(Some(value), field.kind, Default::Empty).is_some(),
        })
}

/// A value of one piece as it is told; `None` when it is left out.
fn single(value: Option<&Value>, kind: Kind, default: Default) -> Option<String> {
    let shown = matches!(default, Default::EmptyShown | Default::TrueShown);
    match value {
        None => match (default, kind) {
            (Default::True | Default::TrueShown, _) => Some("true".to_owned()),
            (Default::Whole(number), _) => Some(number.to_string()),
            (Default::EmptyShown, Kind::Flag) => Some("false".to_owned()),
            (Default::EmptyShown, _) => Some("\"\"".to_owned()),
            (Default::Empty, _) => None,
        },
        Some(Value::Flag(false) | Value::Whole(0) | Value::Size(0)) if !shown => None,
        Some(Value::Text(text) | Value::Secret(text) | Value::Url(text)) if text.is_empty() && !shown => None,
        Some(Value::Span(span)) if span.is_zero() => None,
        Some(Value::List(list)) if list.is_empty() => None,
        Some(Value::Pairs(pairs)) if pairs.is_empty() => None,
        Some(value) => Some(told(value)),
    }
}

fn told(value: &Value) -> String {
    match value {
        Value::Text(text) => scalar(text),
        Value::Secret(text) if text.is_empty() => "\"\"".to_owned(),
        Value::Secret(_) => MASK.to_owned(),
        Value::Url(url) => scalar(&masked(url)),
        Value::Flag(flag) => flag.to_string(),
        Value::Whole(number) => number.to_string(),
        Value::Span(span) => go::span_text(*span),
        Value::Size(bytes) => go::size_text(*bytes),
        Value::Pattern(pattern) => scalar(&pattern.text),
        Value::Cel(cel) => scalar(&cel.text),
        Value::List(_) | Value::Pairs(_) | Value::Block(_) => String::new(),
    }
}

fn masked(url: &str) -> String {
    let Ok(mut parsed) = url::Url::parse(url) else {
        return url.to_owned();
    };
    if parsed.password().is_none() || parsed.set_password(Some(URL_MASK)).is_err() {
        return url.to_owned();
    }
    let told = parsed.to_string();
    // `http://host` stays without the slash that the parser adds.
    match url.ends_with('/') {
        true => told,
        false => told.trim_end_matches('/').to_owned(),
    }
}

/// A text as a YAML scalar: bare where it reads back as the same text, else in quotes.
fn scalar(text: &str) -> String {
    let has_control = text.chars().any(char::is_control);
    if has_control {
        return serde_json::to_string(text).unwrap_or_default();
    }
    if is_bare(text) {
        return text.to_owned();
    }
    match is_other(text) || text.is_empty() {
        true => format!("\"{text}\""),
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

fn is_bare(text: &str) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    let opens = "-?:,[]{}#&*!|>'\"%@`";
    let opens_safely = !opens.contains(first)
        || "-?:".contains(first) && text.chars().nth(1).is_some_and(|next| next != ' ');
    opens_safely
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':')
        && text.trim() == text
        && !is_other(text)
}

/// Whether a bare text would be read as something other than a text.
fn is_other(text: &str) -> bool {
    let words = [
        "null", "~", "true", "false", "yes", "no", "on", "off", "y", "n", "<<", "=",
    ];
    words.contains(&text.to_ascii_lowercase().as_str()) || text.parse::<f64>().is_ok()
}
