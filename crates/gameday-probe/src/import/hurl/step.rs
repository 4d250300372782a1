//! An entry of a Hurl file as a step.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use super::file::{Entry, Pair};
use super::names::Names;
use super::options::Options;
use crate::import::LeftOut;
use crate::import::write::Step;

/// The methods that a step knows.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const MAX_NAME_CHARS: usize = 40;
/// What was left out is shown up to so many bytes.
const MAX_SHOWN_BYTES: usize = 80;

/// What grows while entries are read.
pub(super) struct Import<'t> {
    /// The whole file.
    text: &'t str,
    pub(super) names: Names,
    step_names: BTreeSet<String>,
    pub(super) left_out: Vec<LeftOut>,
    /// How long all steps may wait before them and between their tries.
    pub(super) waits: Duration,
}

impl<'t> Import<'t> {
    pub(super) fn new(text: &'t str, names: Names) -> Self {
        Self {
            text,
            names,
            step_names: BTreeSet::new(),
            left_out: Vec::new(),
            waits: Duration::ZERO,
        }
    }

    /// A place as it was typed: its first line, or the beginning of it.
    fn typed(&self, place: &Range<usize>) -> &'t str {
        let text = self.text.get(place.clone()).unwrap_or_default();
        let line = text.trim().lines().next().unwrap_or_default();
        line[..line.floor_char_boundary(MAX_SHOWN_BYTES)].trim_end()
    }

    /// The same, listed with its reason.
    pub(super) fn leave_out_typed(&mut self, place: &Range<usize>, why: impl Into<String>) {
        self.leave_out(place, self.typed(place), why);
    }

    pub(super) fn leave_out(
        &mut self,
        place: &Range<usize>,
        what: impl Into<String>,
        why: impl Into<String>,
    ) {
        self.left_out.push(LeftOut {
            place: place.clone(),
            what: what.into(),
            why: why.into(),
        });
    }

    /// An entry as a step; nothing when it cannot be one.
    pub(super) fn step(&mut self, entry: &Entry) -> Option<Step> {
        for wrong in &entry.unread {
            self.leave_out_typed(&wrong.place, &wrong.message);
        }
        if !METHODS.contains(&entry.method.as_str()) {
            self.leave_out_typed(&entry.place, format!("`{}` is no method of a step", entry.method));
            return None;
        }
        let mut step = Step::default();
        step.comments
            .extend(entry.comments.iter().filter(|line| !line.is_empty()).cloned());
        let (url, user) = without_user(&entry.url);
        let url = match self.names.url(&url, entry.place.start) {
            Ok(url) => url,
            Err(why) => {
                self.leave_out_typed(&entry.place, why);
                return None;
            }
        };
        step.text("name", &self.step_name(entry));
        step.text(&entry.method.to_ascii_lowercase(), &url);
        let mut options = Options::of(user);
        for option in section(entry, &["Options"]) {
            let taken = options.take(option, &mut step, &url, &mut self.names);
            if let Err(why) = taken {
                self.leave_out(&option.place, format!("{}: {}", option.key, option.value), why);
            }
        }
        if options.skip {
            self.leave_out_typed(&entry.place, "`skip` is on");
            return None;
        }
        self.request(entry, &options, &mut step);
        self.waits += options.finish(&mut step);
        self.answer(entry, &mut step);
        Some(step)
    }

    /// A name of the method and the path, e.g. `post-login`.
    fn step_name(&mut self, entry: &Entry) -> String {
        let path = entry
            .url
            .split_once("://")
            .map_or(entry.url.as_str(), |(_, rest)| rest);
        let path = path.split_once('/').map_or("", |(_, path)| path);
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let words = path
            .split('/')
            .filter(|word| !word.is_empty() && !word.contains("{{"));
        let mut name = entry.method.to_ascii_lowercase();
        for word in words {
            let word: String = word
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
                .collect();
            if !word.is_empty() && name.len() + word.len() < MAX_NAME_CHARS {
                name.push_str(&format!("-{word}"));
            }
        }
        let (wanted, mut number) = (name.clone(), 2);
        while !self.step_names.insert(name.clone()) {
            name = format!("{wanted}-{number}");
            number += 1;
        }
        name
    }
}

/// The pairs of sections with one of these names.
pub(super) fn section<'e>(entry: &'e Entry, names: &'e [&str]) -> impl Iterator<Item = &'e Pair> {
    let sections = entry
        .sections
        .iter()
        .filter(|section| names.contains(&section.name.as_str()));
    sections.flat_map(|section| &section.pairs)
}

/// `https://user:password@host/` as a URL and its user.
fn without_user(url: &str) -> (String, Option<String>) {
    let Some((scheme, rest)) = url.split_once("://") else {
        return (url.to_owned(), None);
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((user, host)) => (
            format!("{scheme}://{host}{}", &rest[end..]),
            Some(user.to_owned()),
        ),
        None => (url.to_owned(), None),
    }
}
