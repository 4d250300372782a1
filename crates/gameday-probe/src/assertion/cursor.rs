//! Takes an assertion's text apart, word by word.

use std::borrow::Cow;

use serde_json::{Deserializer, Value};

/// What is left of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'t> {
    rest: &'t str,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text.trim() }
    }

    /// All that is left.
    pub(super) fn rest(self) -> &'t str {
        self.rest
    }

    /// The next word, which stays.
    pub(super) fn peek(self) -> &'t str {
        let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        &self.rest[..end]
    }

    /// The next word; empty at the end.
    pub(super) fn word(&mut self) -> &'t str {
        let word = self.peek();
        self.skip(word.len());
        word
    }

    fn skip(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest.trim_start();
        taken
    }

    /// The next word, or the next JSON text.
    pub(super) fn name(&mut self) -> Cow<'t, str> {
        match self.string() {
            Some(text) => text.into(),
            None => self.word().into(),
        }
    }

    /// The next JSON text, e.g. `"a b"`.
    pub(super) fn string(&mut self) -> Option<String> {
        if !self.rest.starts_with('"') {
            return None;
        }
        let mut values = Deserializer::from_str(self.rest).into_iter::<Value>();
        let Some(Ok(Value::String(text))) = values.next() else {
            return None;
        };
        let end = values.byte_offset();
        self.skip(end);
        Some(text)
    }

    /// A pattern between slashes; `\/` stands for a slash in it.
    pub(super) fn pattern(&mut self) -> Option<&'t str> {
        let inner = self.rest.strip_prefix('/')?;
        let mut escaped = false;
        for (at, c) in inner.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '/' => {
                    let pattern = &inner[..at];
                    self.skip(at + 2);
                    return Some(pattern);
                }
                _ => {}
            }
        }
        None
    }

    /// A JSONPath: it ends at the first space outside of brackets and quotes.
    pub(super) fn path(&mut self) -> &'t str {
        let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
        for (at, c) in self.rest.char_indices() {
            match (quote, c) {
                _ if escaped => escaped = false,
                (Some(_), '\\') => escaped = true,
                (Some(open), c) if c == open => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') if depth > 0 => quote = Some(c),
                (None, '[' | '(') => depth += 1,
                (None, ']' | ')') => depth = depth.saturating_sub(1),
                (None, c) if c.is_whitespace() && depth == 0 => return self.skip(at),
                _ => {}
            }
        }
        self.skip(self.rest.len())
    }
}
