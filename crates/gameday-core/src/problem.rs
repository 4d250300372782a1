//! Problems: what is wrong in a user's file, drawn under the user's own line.

mod place;
mod source;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

pub use source::Source;

use place::Place;

/// Something wrong in a file, with where it is and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    path: PathBuf,
    place: Option<Place>,
    message: String,
    hint: Option<String>,
}

impl Problem {
    /// A problem of a file as a whole.
    #[must_use]
    pub fn of_file(path: &Path, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            place: None,
            message: message.into(),
            hint: None,
        }
    }

    /// The user's line holds a secret: it is not shown.
    #[must_use]
    pub fn hiding_the_line(mut self) -> Self {
        if let Some(place) = &mut self.place {
            place.hide();
        }
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(printable(&hint.into()));
        self
    }

    /// Hints at the candidate nearest to what was typed, or lists them when none is near.
    #[must_use]
    pub fn nearest<'a>(self, typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        let candidates: Vec<&str> = candidates.into_iter().collect();
        match nearest(typed, candidates.iter().copied()) {
            Some(best) => self.hint(format!("did you mean `{best}`?")),
            None if candidates.is_empty() => self,
            None => self.hint(format!("known here: `{}`", candidates.join("`, `"))),
        }
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The line, from 1, if it has a place.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.line)
    }

    /// Column from 1, if it has a place.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.column)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The remedy, if one is known.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Draws several problems as one text, a blank line between them.
    #[must_use]
    pub fn draw_all(problems: &[Self]) -> String {
        let mut text = String::new();
        for (index, problem) in problems.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            write!(text, "{gap}{problem}").expect("a String takes everything");
        }
        text
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        match &self.place {
            None => writeln!(f, "  --> {}", self.path.display())?,
            Some(place) => {
                let number = place.line.to_string();
                let margin = " ".repeat(number.len());
                writeln!(f, "  --> {}:{}:{}", self.path.display(), place.line, place.column)?;
                writeln!(f, "  {number} | {}", place.text)?;
                writeln!(
                    f,
                    "  {margin} | {}{}",
                    " ".repeat(place.column - 1),
                    "^".repeat(place.width)
                )?;
            }
        }
        if let Some(hint) = &self.hint {
            writeln!(f, "hint: {hint}")?;
        }
        Ok(())
    }
}

/// All problems of one file, collected while it is read.
#[derive(Debug)]
pub struct Problems<'s> {
    source: &'s Source,
    list: RefCell<Vec<Problem>>,
}

impl<'s> Problems<'s> {
    /// No problem yet.
    #[must_use]
    pub fn new(source: &'s Source) -> Self {
        Self {
            source,
            list: RefCell::default(),
        }
    }

    /// The file that is read.
    #[must_use]
    pub fn source(&self) -> &'s Source {
        self.source
    }

    /// Adds a problem at a place.
    pub fn add(&self, span: Range<usize>, message: impl Into<String>) {
        self.push(self.source.problem(span, message));
    }

    /// Adds a problem that was made elsewhere.
    pub fn push(&self, problem: Problem) {
        self.list.borrow_mut().push(problem);
    }

    /// Adds several.
    pub fn extend(&self, problems: impl IntoIterator<Item = Problem>) {
        self.list.borrow_mut().extend(problems);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.list.borrow().len()
    }

    /// `value` when there was no problem, else all of them in the order of the lines.
    ///
    /// # Errors
    /// All problems.
    pub fn into_result<T>(self, value: Option<T>) -> Result<T, Vec<Problem>> {
        let mut list = self.list.into_inner();
        list.sort_by_key(|problem| {
            (
                problem.path != self.source.path,
                problem.place.as_ref().map(|place| place.offset),
            )
        });
        list.dedup();
        hide_what_one_hides(&mut list);
        match value {
            Some(value) if list.is_empty() => Ok(value),
            _ => {
                debug_assert!(!list.is_empty(), "a value is missing and nothing says why");
                Err(list)
            }
        }
    }
}

/// What one problem must not show of a line, the others of that line must not show either.
fn hide_what_one_hides(list: &mut [Problem]) {
    let hidden: Vec<usize> = list
        .iter()
        .filter_map(|problem| problem.place.as_ref())
        .filter(|place| place.is_hidden())
        .map(|place| place.line)
        .collect();
    for place in list.iter_mut().filter_map(|problem| problem.place.as_mut()) {
        if hidden.contains(&place.line) {
            place.hide();
        }
    }
}

/// A text without what would steer a reader: control characters, and marks that turn the order of letters
/// around, stand as escapes, so that nothing a file or a server says can move the cursor, forge a line or
/// show another name than it has.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || steers(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Marks of direction, ends of lines, and what no XML may hold.
fn steers(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
}

/// The candidate nearest to what was typed, if one is near enough to be meant.
#[must_use]
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |candidate: &str| match singular(typed) == singular(candidate) {
        // `steps` is `step`, however short or long the ending is.
        true => usize::from(typed != candidate),
        false => strsim::damerau_levenshtein(typed, candidate),
    };
    let allowed = (typed.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The end of a message that says no such name is known: the nearest one that is, or nothing.
#[must_use]
pub fn did_you_mean<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(typed, candidates).map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

fn singular(name: &str) -> String {
    match name.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => name.strip_suffix('s').unwrap_or(name).to_owned(),
    }
}
