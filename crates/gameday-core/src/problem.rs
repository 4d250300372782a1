//! Problems: what is wrong in a user's file, drawn under the user's own line.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io::Read as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A file as it was typed.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its path as the user gave it.
    pub path: PathBuf,
    /// Its whole text.
    pub text: String,
}

/// No file of ours is larger; a larger one is the wrong file.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// One [`Problem`] when it cannot be read, is too large or is not UTF-8.
    pub fn read(path: &Path) -> Result<Self, Vec<Problem>> {
        let problem = |message: String| vec![Problem::of_file(path, message)];
        let unread = |error: std::io::Error| problem(format!("cannot read the file: {error}"));
        // Asked before it is opened: opening a pipe would wait for its writer.
        if !std::fs::metadata(path).map_err(unread)?.is_file() {
            return Err(problem("this is not a regular file".to_owned()));
        }
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(unread)?;
        file.take(MAX_FILE_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(unread)?;
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(problem(format!(
                "the file is too large: at most {MAX_FILE_BYTES} bytes are read"
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            text,
        })
    }

    /// The file's stem, which is the name of what it describes.
    #[must_use]
    pub fn stem(&self) -> &str {
        self.path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default()
    }

    /// A problem at a place in this file.
    pub fn problem(&self, span: Range<usize>, message: impl Into<String>) -> Problem {
        let place = Some(Place::of(&self.text, span));
        Problem {
            path: self.path.clone(),
            place,
            message: printable(&message.into()),
            hint: None,
        }
    }
}

/// A place in a file, with the line as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    offset: usize,
    line: usize,
    column: usize,
    width: usize,
    text: String,
}

const HIDDEN: &str = "(not shown: it holds what may be secret)";

impl Place {
    fn hide(&mut self) {
        HIDDEN.clone_into(&mut self.text);
        self.width = 1;
    }

    fn of(text: &str, span: Range<usize>) -> Self {
        let offset = floor_char(text, span.start.min(text.len()));
        let start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[offset..]
            .find('\n')
            .map_or(text.len(), |newline| offset + newline);
        let stop = floor_char(text, span.end.clamp(offset, end));
        Self {
            offset,
            line: text[..start].matches('\n').count() + 1,
            column: text[start..offset].chars().count() + 1,
            width: text[offset..stop].chars().count().max(1),
            text: printable(&text[start..end].replace('\t', " ")),
        }
    }
}

fn floor_char(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

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
        .filter(|place| place.text == HIDDEN)
        .map(|place| place.line)
        .collect();
    for place in list.iter_mut().filter_map(|problem| problem.place.as_mut()) {
        if hidden.contains(&place.line) {
            place.hide();
        }
    }
}

/// A text without what would steer a terminal: control characters stand as escapes, so that nothing
/// a file or a server says can move the cursor or forge a line.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// The candidate nearest to what was typed, if one is near enough to be meant.
#[must_use]
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |candidate: &str| strsim::damerau_levenshtein(typed, candidate);
    let allowed = (typed.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

impl Problem {
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

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_problem_is_drawn_under_the_users_line() {
        let source = Source {
            path: "scenarios/payments-slow.toml".into(),
            text: "a = 1\non = \"paymets\"\n".into(),
        };
        let problem = source
            .problem(11..20, "no proxy is named `paymets`")
            .nearest("paymets", ["payments", "ledger"]);
        expect![[r#"
            error: no proxy is named `paymets`
              --> scenarios/payments-slow.toml:2:6
              2 | on = "paymets"
                |      ^^^^^^^^^
            hint: did you mean `payments`?
        "#]]
        .assert_eq(&problem.to_string());
    }

    #[test]
    fn carets_count_characters_and_stay_on_the_line() {
        let source = Source {
            path: "f.toml".into(),
            text: "é = \"ü\nb\"\n".into(),
        };
        let problem = source.problem(5..12, "x");
        assert_eq!((problem.line(), problem.column()), (Some(1), Some(5)));
        assert!(problem.to_string().contains("    ^^\n"), "{problem}");
        assert_eq!(
            source.problem(900..999, "x").line(),
            Some(3),
            "a place past the end is the end"
        );
    }

    #[test]
    fn what_would_steer_a_terminal_is_escaped() {
        let source = Source {
            path: "f.toml".into(),
            text: "a = \u{1b}[31m\n".into(),
        };
        let drawn = source.problem(4..5, "x\ny\u{7}").hint("\u{9b}z").to_string();
        assert!(
            drawn.contains(r"a = \u{1b}[31m") && drawn.contains(r"x\ny\u{7}"),
            "{drawn}"
        );
        assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{drawn:?}");
        let hidden = source.problem(4..5, "x").hiding_the_line().to_string();
        assert!(!hidden.contains("31m"), "{hidden}");
    }

    #[test]
    fn only_regular_files_are_read_and_not_beyond_the_cap() {
        let read = |path: &Path| Source::read(path).unwrap_err().remove(0).message().to_owned();
        assert_eq!(read(Path::new("/dev/zero")), "this is not a regular file");
        let dir = tempfile::tempdir().unwrap();
        let big = dir.path().join("big.toml");
        std::fs::write(&big, vec![b'#'; 4 * 1024 * 1024 + 1]).unwrap();
        assert!(read(&big).contains("too large"));
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        assert_eq!(nearest("tiemline", ["timeline", "title"]), Some("timeline"));
        assert_eq!(nearest("banana", ["timeline", "title"]), None);
    }
}
