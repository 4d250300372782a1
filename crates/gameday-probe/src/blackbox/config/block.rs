//! A mapping read by its schema: every key known, every value of its kind; the first half of reading a file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use gameday_core::{Problem, Problems};
use regex::bytes::Regex;

use super::cel::Expression;
use super::go;
use super::schema::{Default, Field, Kind, Schema};
use super::yaml::{Content, Node};

/// A regular expression, and as it was typed.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub(crate) regex: Regex,
    pub(crate) text: Arc<str>,
}

/// No `Debug`: secrets are in it.
#[derive(Clone)]
pub(crate) enum Value {
    Text(String),
    Secret(String),
    Url(String),
    Flag(bool),
    Whole(i64),
    Span(Duration),
    Size(u64),
    Pattern(Pattern),
    Cel(Arc<Expression>),
    List(Vec<Value>),
    /// Names and values, in the order of the file.
    Pairs(Vec<(String, Value)>),
    Block(Block),
}

/// A mapping, as typed; what was not typed is not in it.
#[derive(Clone)]
pub(crate) struct Block {
    pub(super) schema: &'static Schema,
    /// Where it stands: the key above it, or its own beginning.
    pub(crate) span: Range<usize>,
    pub(crate) values: BTreeMap<&'static str, (Value, Range<usize>)>,
    /// Typed, but not as it should be, which was told.
    wrong: Vec<&'static str>,
}

/// Its keys alone.
impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl Block {
    /// A block that was not typed, of one of a module's keys.
    pub(crate) fn bare(name: &str, span: Range<usize>) -> Self {
        let field = super::schema::MODULE
            .fields
            .iter()
            .find(|field| field.name == name);
        match field.map(|field| field.kind) {
            Some(Kind::Block(schema)) => Self::empty(schema, span),
            _ => Self::empty(&super::schema::MODULE, span),
        }
    }

    pub(super) fn empty(schema: &'static Schema, span: Range<usize>) -> Self {
        Self {
            schema,
            span,
            values: BTreeMap::new(),
            wrong: Vec::new(),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).map(|(value, _)| value)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name) || self.wrong.contains(&name)
    }

    /// Where a value stands, or the block itself without it.
    pub(crate) fn place(&self, name: &str) -> Range<usize> {
        self.values
            .get(name)
            .map_or_else(|| self.span.clone(), |(_, span)| span.clone())
    }

    /// A text, secret or URL; empty without one.
    pub(crate) fn text(&self, name: &str) -> &str {
        match self.get(name) {
            Some(Value::Text(text) | Value::Secret(text) | Value::Url(text)) => text,
            _ => "",
        }
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        match self.get(name) {
            Some(Value::Flag(flag)) => *flag,
            _ => matches!(self.default(name), Default::True | Default::TrueShown),
        }
    }

    pub(crate) fn whole(&self, name: &str) -> i64 {
        match (self.get(name), self.default(name)) {
            (Some(Value::Whole(number)), _) => *number,
            (None, Default::Whole(number)) => number,
            _ => 0,
        }
    }

    pub(crate) fn list(&self, name: &str) -> &[Value] {
        match self.get(name) {
            Some(Value::List(list)) => list,
            _ => &[],
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        texts(self.list(name))
    }

    pub(crate) fn patterns(&self, name: &str) -> Vec<Pattern> {
        let patterns = self.list(name).iter();
        patterns
            .filter_map(|value| match value {
                Value::Pattern(pattern) => Some(pattern.clone()),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn pattern(&self, name: &str) -> Option<Pattern> {
        match self.get(name) {
            Some(Value::Pattern(pattern)) => Some(pattern.clone()),
            _ => None,
        }
    }

    pub(crate) fn pairs(&self, name: &str) -> &[(String, Value)] {
        match self.get(name) {
            Some(Value::Pairs(pairs)) => pairs,
            _ => &[],
        }
    }

    pub(crate) fn block(&self, name: &str) -> Option<&Block> {
        match self.get(name) {
            Some(Value::Block(block)) => Some(block),
            _ => None,
        }
    }

    pub(crate) fn blocks(&self, name: &str) -> impl Iterator<Item = &Block> {
        self.list(name).iter().filter_map(|value| match value {
            Value::Block(block) => Some(block),
            _ => None,
        })
    }

    fn default(&self, name: &str) -> Default {
        let field = self.schema.fields.iter().find(|field| field.name == name);
        field.map_or(Default::Empty, |field| field.default)
    }
}

pub(crate) fn texts(list: &[Value]) -> Vec<String> {
    let texts = list.iter().filter_map(|value| match value {
        Value::Text(text) | Value::Secret(text) => Some(text.clone()),
        _ => None,
    });
    texts.collect()
}

/// Reads values by a schema; every problem is told.
pub(super) struct Reader<'p, 's> {
    pub(in crate::blackbox) problems: &'p Problems<'s>,
}

impl Reader<'_, '_> {
    /// A mapping; `None` when it is none, which is told.
    pub(crate) fn block(
        &self,
        schema: &'static Schema,
        node: &Node,
        place: Range<usize>,
        name: &str,
    ) -> Option<Block> {
        let mut block = Block::empty(schema, place);
        let entries = match &node.content {
            Content::Map(entries) => entries,
            Content::Null => return Some(block),
            _ => {
                let message = format!("`{name}` takes a mapping, not {}", node.kind());
                self.problems.add(node.span.clone(), message);
                return None;
            }
        };
        for (key, node) in entries {
            // A key that begins a line stands at its own place; a merged one where it was merged.
            let place = match key.span.is_empty() {
                true => key.span.start..key.span.start + 2,
                false => key.span.clone(),
            };
            let Some(field) = schema.fields.iter().find(|field| field.name == key.name) else {
                let known = schema.fields.iter().map(|field| field.name);
                let message = format!("unknown key `{}` in `{name}`", key.name);
                let problem = self.problems.source().problem(place, message);
                self.problems.push(problem.nearest(&key.name, known));
                continue;
            };
            if matches!(node.content, Content::Null) && !matches!(field.kind, Kind::Block(_)) {
                continue;
            }
            let Some(value) = self.value(field, node, place.clone()) else {
                block.wrong.push(field.name);
                continue;
            };
            let at = match value {
                Value::Block(_) => place,
                _ => node.span.clone(),
            };
            block.values.insert(field.name, (value, at));
        }
        Some(block)
    }

    fn value(&self, field: &Field, node: &Node, key: Range<usize>) -> Option<Value> {
        let name = field.name;
        let one = |kind: Kind| {
            let field = Field { name, kind, ..*field };
            self.each(node, name, |item| self.value(&field, item, item.span.clone()))
        };
        let named = |kind: Kind| {
            let field = Field { name, kind, ..*field };
            self.named(node, name, |key, value| self.value(&field, value, key))
        };
        Some(match field.kind {
            Kind::Texts => Value::List(one(Kind::Text)?),
            Kind::Secrets => Value::List(one(Kind::Secret)?),
            Kind::Wholes => Value::List(one(Kind::Whole)?),
            Kind::Regexps => Value::List(one(Kind::Regexp)?),
            Kind::Blocks(schema) => Value::List(one(Kind::Block(schema))?),
            Kind::TextOf => Value::Pairs(named(Kind::Text)?),
            Kind::TextsOf => Value::Pairs(named(Kind::Texts)?),
            Kind::SecretsOf => Value::Pairs(named(Kind::Secrets)?),
            Kind::BlockOf(schema) => Value::Pairs(named(Kind::Block(schema))?),
            Kind::Block(schema) => Value::Block(self.block(schema, node, key, name)?),
            _ => self.single(field, node)?,
        })
    }

    fn each(&self, node: &Node, name: &str, read: impl Fn(&Node) -> Option<Value>) -> Option<Vec<Value>> {
        match &node.content {
            Content::List(items) => Some(items.iter().filter_map(read).collect()),
            _ => {
                let problem = self.problems.source().problem(
                    node.span.clone(),
                    format!("`{name}` takes a list, not {}", node.kind()),
                );
                self.problems
                    .push(problem.hint("write `- ` before each of its values"));
                None
            }
        }
    }

    fn named(
        &self,
        node: &Node,
        name: &str,
        read: impl Fn(Range<usize>, &Node) -> Option<Value>,
    ) -> Option<Vec<(String, Value)>> {
        match &node.content {
            Content::Map(entries) => Some(
                entries
                    .iter()
                    .filter_map(|(key, value)| Some((key.name.clone(), read(key.span.clone(), value)?)))
                    .collect(),
            ),
            _ => {
                let message = format!("`{name}` takes a mapping of names, not {}", node.kind());
                self.problems.add(node.span.clone(), message);
                None
            }
        }
    }

    /// A value of one piece.
    fn single(&self, field: &Field, node: &Node) -> Option<Value> {
        let name = field.name;
        let text = match &node.content {
            Content::Scalar(text) => text,
            Content::Null => "",
            _ => {
                let message = format!("`{name}` takes a single value, not {}", node.kind());
                self.problems.push(self.at(field, node, message));
                return None;
            }
        };
        let read = match field.kind {
            Kind::Secret => Ok(Value::Secret(text.to_owned())),
            Kind::Url => url(text).map(|()| Value::Url(text.to_owned())),
            Kind::Flag => go::flag(text)
                .map(Value::Flag)
                .ok_or_else(|| format!("`{name}` is `true` or `false`, not `{text}`")),
            Kind::Whole => text
                .parse()
                .map(Value::Whole)
                .map_err(|_| format!("`{name}` takes a whole number, not `{text}`")),
            Kind::Span => go::span(text).map(Value::Span).ok_or_else(|| {
                format!("`{name}` is a length of time such as `5s`, `1m30s` or `500ms`, not `{text}`")
            }),
            Kind::Size => go::size(text)
                .map(Value::Size)
                .ok_or_else(|| format!("`{name}` is a size such as `10MB` or `512KB`, not `{text}`")),
            Kind::Regexp => pattern(text).map(Value::Pattern),
            Kind::Cel => Expression::compile(text).map(|cel| Value::Cel(Arc::new(cel))),
            Kind::Choice(words) if !words.contains(&text) => {
                Err(format!("`{name}` is one of {}, not `{text}`", words.join(", ")))
            }
            _ => Ok(Value::Text(text.to_owned())),
        };
        read.map_err(|wrong| self.problems.push(self.at(field, node, wrong)))
            .ok()
    }

    /// A problem of a value; the line of a secret is not shown.
    fn at(&self, field: &Field, node: &Node, message: String) -> Problem {
        let problem = self.problems.source().problem(node.span.clone(), message);
        match field.kind {
            Kind::Secret | Kind::Url => problem.hiding_the_line(),
            _ => problem,
        }
    }
}

fn pattern(text: &str) -> Result<Pattern, String> {
    let regex = Regex::new(text).map_err(|error| {
        // The last line says what is wrong; those before it draw the pattern.
        let said = error.to_string();
        let last = said.lines().last().unwrap_or_default().trim();
        format!(
            "`{text}` is not a regular expression: {}",
            last.trim_start_matches("error: ")
        )
    })?;
    Ok(Pattern {
        regex,
        text: text.into(),
    })
}

fn url(text: &str) -> Result<(), String> {
    match url::Url::parse(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("this is not a URL: {error}")),
    }
}
