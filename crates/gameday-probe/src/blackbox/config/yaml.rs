//! YAML with the place of each value: anchors, aliases and merge keys resolved, sizes bounded.

use std::collections::HashMap;
use std::ops::Range;

use gameday_core::Problems;
use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// Aliases may repeat what they name; a file may not grow beyond so many values by it.
const MAX_NODES: usize = 100_000;
const MAX_DEPTH: usize = 32;

/// A value and where it stands, in bytes.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    Null,
    /// As it was typed, quotes and escapes resolved.
    Scalar(String),
    List(Vec<Node>),
    /// In the order of the file; no key stands there twice.
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) span: Range<usize>,
}

impl Node {
    /// What it is, for people.
    pub(super) fn kind(&self) -> &'static str {
        match self.content {
            Content::Null => "nothing",
            Content::Scalar(_) => "a single value",
            Content::List(_) => "a list",
            Content::Map(_) => "a mapping",
        }
    }
}

/// Reads the first document of a file; `None` when a problem was told.
pub(super) fn parse(problems: &Problems<'_>) -> Option<Node> {
    let text = &problems.source().text;
    let mut loader = Loader {
        problems,
        bytes: text
            .char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .collect(),
        open: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        root: None,
    };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((Event::DocumentEnd | Event::StreamEnd, _)) => break,
            Ok((event, span)) => loader.take(event, span)?,
            Err(error) => {
                let at = loader.byte(error.marker().index());
                problems.add(at..at + 1, format!("this is not YAML: {}", error.info()));
                return None;
            }
        }
    }
    if loader.root.is_none() {
        problems.add(0..1, "the file is empty");
    }
    loader.root
}

/// A list or mapping whose end has not come yet.
struct Open {
    start: usize,
    anchor: usize,
    content: Content,
    /// The key whose value comes next.
    key: Option<Key>,
}

struct Loader<'p, 's> {
    problems: &'p Problems<'s>,
    /// Where each character begins: the parser counts characters, problems count bytes.
    bytes: Vec<usize>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
}

impl Loader<'_, '_> {
    fn byte(&self, index: usize) -> usize {
        let last = self.bytes.len() - 1;
        self.bytes[index.min(last)]
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let (start, end) = (self.byte(span.start.index()), self.byte(span.end.index()));
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let is_null =
                    style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let content = match is_null {
                    true => Content::Null,
                    false => Content::Scalar(text.into_owned()),
                };
                let span = start..end.max(start);
                self.close(Node { span, content }, anchor, style)
            }
            Event::SequenceStart(anchor, _) => self.begin(start, anchor, Content::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.begin(start, anchor, Content::Map(Vec::new())),
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop()?;
                let node = Node {
                    span: open.start..end.max(open.start),
                    content: open.content,
                };
                self.close(node, open.anchor, ScalarStyle::Plain)
            }
            Event::Alias(anchor) => {
                let mut node = match self.anchors.get(&anchor) {
                    Some(node) => node.clone(),
                    None => {
                        self.problems
                            .add(start..end, "this alias names what has not ended yet");
                        return None;
                    }
                };
                node.span = start..end;
                self.nodes += size(&node);
                self.close(node, 0, ScalarStyle::Plain)
            }
            _ => Some(()),
        }
    }

    fn begin(&mut self, start: usize, anchor: usize, content: Content) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            self.problems
                .add(start..start + 1, format!("nested deeper than {MAX_DEPTH} levels"));
            return None;
        }
        self.open.push(Open {
            start,
            anchor,
            content,
            key: None,
        });
        Some(())
    }

    /// A value is whole: it belongs to what is open around it.
    fn close(&mut self, node: Node, anchor: usize, style: ScalarStyle) -> Option<()> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.problems.add(
                node.span,
                format!("with its aliases the file has over {MAX_NODES} values"),
            );
            return None;
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        match (&mut open.content, open.key.take()) {
            (Content::List(items), _) => items.push(node),
            (Content::Map(entries), Some(key)) if key.name == "<<" => merge(entries, &node, self.problems),
            (Content::Map(entries), Some(key)) => insert(entries, key, node, self.problems),
            (Content::Map(_), None) => open.key = Some(key(node, style, self.problems)?),
            _ => {}
        }
        Some(())
    }
}

fn key(node: Node, style: ScalarStyle, problems: &Problems<'_>) -> Option<Key> {
    let name = match node.content {
        Content::Scalar(name) => name,
        Content::Null if style == ScalarStyle::Plain => String::new(),
        _ => {
            problems.add(node.span, "a key is a single value");
            return None;
        }
    };
    Some(Key {
        name,
        span: node.span,
    })
}

/// What the file itself says wins over what was merged before it.
fn insert(entries: &mut Vec<(Key, Node)>, key: Key, node: Node, problems: &Problems<'_>) {
    match entries.iter_mut().find(|(known, _)| known.name == key.name) {
        // A merged key stands where its alias does not: elsewhere in the file, before this one's mapping.
        Some(known) if known.0.span.is_empty() => *known = (key, node),
        Some((known, _)) => {
            let line = problems.source().problem(known.span.clone(), "").line();
            let first = line.map_or_else(String::new, |line| format!(" (first in line {line})"));
            problems.add(
                key.span,
                format!("the key `{}` stands here twice{first}", key.name),
            );
        }
        None => entries.push((key, node)),
    }
}

/// `<<: *defaults` (YAML 1.1's merge key): takes what is not there yet.
fn merge(entries: &mut Vec<(Key, Node)>, node: &Node, problems: &Problems<'_>) {
    match &node.content {
        Content::Map(from) => {
            for (key, value) in from {
                if entries.iter().all(|(known, _)| known.name != key.name) {
                    // An empty place says that the key was merged and may be overridden.
                    let key = Key {
                        name: key.name.clone(),
                        span: node.span.start..node.span.start,
                    };
                    entries.push((key, value.clone()));
                }
            }
        }
        Content::List(several) => several.iter().for_each(|one| merge(entries, one, problems)),
        _ => problems.add(node.span.clone(), "`<<` takes a mapping, or a list of mappings"),
    }
}

fn size(node: &Node) -> usize {
    match &node.content {
        Content::Null | Content::Scalar(_) => 1,
        Content::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Content::Map(entries) => 1 + entries.iter().map(|(_, value)| size(value)).sum::<usize>(),
    }
}
