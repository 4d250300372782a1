//! Reads a TOML file key by key, so that every problem in it is told and none hides another.
//!
//! Whoever reads takes what it knows; what is left at [`Table::finish`] was a typing error.

mod value;
mod words;

use std::cell::RefCell;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Problems;

/// One table of a file that is being read.
#[derive(Debug)]
pub struct Table<'s, 'p> {
    problems: &'p Problems<'s>,
    entries: DeTable<'s>,
    span: Range<usize>,
    /// Its name for people: `[guard]`, `step 2`; empty for the file itself.
    name: String,
    asked: RefCell<Vec<&'static str>>,
}

impl<'s, 'p> Table<'s, 'p> {
    /// Parses a file's text; every syntax error becomes a problem.
    #[must_use]
    pub fn parse(problems: &'p Problems<'s>) -> Self {
        let (table, errors) = DeTable::parse_recoverable(&problems.source().text);
        for error in errors {
            problems.add(error.span().unwrap_or(0..0), error.message());
        }
        let span = 0..0;
        Self {
            problems,
            entries: table.into_inner(),
            span,
            name: String::new(),
            asked: RefCell::default(),
        }
    }

    /// The entries, e.g. to put variables into them before they are read.
    pub fn entries_mut(&mut self) -> &mut DeTable<'s> {
        &mut self.entries
    }

    /// Where the problems go.
    #[must_use]
    pub fn problems(&self) -> &'p Problems<'s> {
        self.problems
    }

    /// Where the table stands: what to underline when the table as a whole is wrong.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Whether a key is there and not yet taken; it counts as known.
    #[must_use]
    pub fn has(&self, key: &'static str) -> bool {
        self.asked.borrow_mut().push(key);
        self.entries.contains_key(key)
    }

    /// The span of a key that is there.
    #[must_use]
    pub fn key_span(&self, key: &str) -> Option<Range<usize>> {
        self.entries.get_key_value(key).map(|(key, _)| key.span())
    }

    /// Takes an optional value.
    pub fn get<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        self.spanned(key).map(Spanned::into_inner)
    }

    /// Takes an optional value with its place, for checks that come later.
    pub fn spanned<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<Spanned<T>> {
        let (_, value) = self.take(key)?;
        self.deserialize(value)
    }

    /// Takes a value that must be there.
    pub fn need<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        self.need_spanned(key).map(Spanned::into_inner)
    }

    /// Takes a value that must be there, with its place.
    pub fn need_spanned<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<Spanned<T>> {
        if !self.has(key) {
            self.problems.add(
                self.span(),
                format!("{}the key `{key}` is missing", self.prefix()),
            );
        }
        self.spanned(key)
    }

    /// Takes a table, if the key is there.
    pub fn table(&mut self, key: &'static str) -> Option<Table<'s, 'p>> {
        let name = format!("[{}]", self.path_of(key));
        let header = name.clone();
        self.table_of(key, name, &header)
    }

    /// Takes a table of tables, in the order of the file: name, the name's place, table.
    pub fn tables(&mut self, key: &'static str) -> Vec<(Spanned<String>, Table<'s, 'p>)> {
        let path = self.path_of(key);
        let header = format!("[{path}.NAME]");
        self.table_of(key, format!("[{path}]"), &header)
            .map(|mut outer| outer.take_tables())
            .unwrap_or_default()
    }

    /// Takes every entry that is left as a table, in the order of the file.
    pub fn take_tables(&mut self) -> Vec<(Spanned<String>, Table<'s, 'p>)> {
        let mut found = Vec::new();
        for (key, value) in self.take_rest() {
            let name = format!("[{}]", self.path_of(key.get_ref()));
            let header = name.clone();
            if let Some(table) = self.sub_table(name, &header, key.span(), value) {
                found.push((key, table));
            }
        }
        found
    }

    /// Takes every entry that is left as a value, in the order of the file.
    pub fn take_values<T: DeserializeOwned>(&mut self) -> Vec<(Spanned<String>, Spanned<T>)> {
        let rest = self.take_rest();
        rest.into_iter()
            .filter_map(|(key, value)| Some((key, self.deserialize(value)?)))
            .collect()
    }

    /// The keys that are left, with their places, in the order of the file.
    #[must_use]
    pub fn keys(&self) -> Vec<Spanned<String>> {
        let mut keys: Vec<_> = self
            .entries
            .keys()
            .map(|key| Spanned::new(key.span(), key.get_ref().clone().into_owned()))
            .collect();
        keys.sort_by_key(|key| key.span().start);
        keys
    }

    /// Takes the whole table as one value, e.g. an externally tagged choice.
    pub fn whole<T: DeserializeOwned>(&mut self) -> Option<T> {
        let entries = std::mem::take(&mut self.entries);
        let value = Spanned::new(self.span(), DeValue::Table(entries));
        self.deserialize(value).map(Spanned::into_inner)
    }

    /// Takes an array of tables (`[[step]]`), in order.
    pub fn array(&mut self, key: &'static str) -> Vec<Table<'s, 'p>> {
        let Some((key_span, value)) = self.take(key) else {
            return Vec::new();
        };
        let span = value.span();
        let DeValue::Array(items) = value.into_inner() else {
            self.problems
                .add(span, format!("`{key}` must be an array of tables: `[[{key}]]`"));
            return Vec::new();
        };
        let items = items.into_iter().enumerate();
        items
            .filter_map(|(index, item)| {
                let place = if item.span().is_empty() {
                    key_span.clone()
                } else {
                    item.span()
                };
                self.sub_table(format!("{key} {}", index + 1), "", place, item)
            })
            .collect()
    }

    /// Says which of the keys were not known.
    pub fn finish(self) {
        let mut asked = self.asked.borrow().clone();
        asked.sort_unstable();
        asked.dedup();
        for (key, _) in self.entries.iter() {
            let typed: &str = key.get_ref();
            // Known, but not taken: whoever asked has told why.
            if asked.contains(&typed) {
                continue;
            }
            let message = format!("{}unknown key `{typed}`", self.prefix());
            let problem = self.problems.source().problem(key.span(), message);
            self.problems.push(problem.nearest(typed, asked.iter().copied()));
        }
    }

    fn take(&mut self, key: &'static str) -> Option<(Range<usize>, Spanned<DeValue<'s>>)> {
        self.asked.borrow_mut().push(key);
        let (key, value) = self.entries.remove_entry(key)?;
        Some((key.span(), value))
    }

    fn take_rest(&mut self) -> Vec<(Spanned<String>, Spanned<DeValue<'s>>)> {
        let mut rest: Vec<_> = std::mem::take(&mut self.entries)
            .into_iter()
            .map(|(key, value)| (Spanned::new(key.span(), key.into_inner().into_owned()), value))
            .collect();
        rest.sort_by_key(|(key, _)| key.span().start);
        rest
    }

    fn table_of(&mut self, key: &'static str, name: String, header: &str) -> Option<Table<'s, 'p>> {
        let (key_span, value) = self.take(key)?;
        self.sub_table(name, header, key_span, value)
    }

    /// `header` is how a table like it begins: the remedy for a list that stands in its place.
    fn sub_table(
        &self,
        name: String,
        header: &str,
        key: Range<usize>,
        value: Spanned<DeValue<'s>>,
    ) -> Option<Table<'s, 'p>> {
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(entries) => Some(Table {
                problems: self.problems,
                entries,
                span: key,
                name,
                asked: RefCell::default(),
            }),
            other => {
                let found = words::found(other.type_str());
                let source = self.problems.source();
                let problem = source.problem(span, format!("{name} must be a table, not {found}"));
                let is_list = other.is_array() && !header.is_empty();
                self.problems.push(match is_list {
                    true => problem.hint(format!("in single brackets: `{header}`")),
                    false => problem,
                });
                None
            }
        }
    }

    fn deserialize<T: DeserializeOwned>(&self, value: Spanned<DeValue<'s>>) -> Option<Spanned<T>> {
        value::read(self.problems, value)
    }

    fn prefix(&self) -> String {
        if self.name.is_empty() {
            String::new()
        } else {
            format!("{}: ", self.name)
        }
    }

    fn path_of(&self, key: &str) -> String {
        match self
            .name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
        {
            Some(parent) => format!("{parent}.{key}"),
            None if self.name.is_empty() => key.to_owned(),
            None => format!("{} {key}", self.name),
        }
    }
}

#[cfg(test)]
mod tests;
