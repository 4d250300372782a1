//! What serde says of a value, in the words of who wrote it: no name of a type of ours.

use std::ops::Range;

use crate::{Problem, Source};

/// A complaint of serde's as a problem: the nearest known name, or what must stand there, is told.
pub(super) fn problem(source: &Source, place: Range<usize>, message: &str) -> Problem {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    for (theirs, ours) in [
        ("unknown field", "unknown key"),
        ("unknown variant", "unknown kind"),
    ] {
        if message.starts_with(theirs) && !quoted.is_empty() {
            let known = quoted[1..].iter().copied();
            return source
                .problem(place, format!("{ours} `{}`", quoted[0]))
                .nearest(quoted[0], known);
        }
    }
    if message.starts_with("missing field") && !quoted.is_empty() {
        return source.problem(place, format!("the key `{}` is missing", quoted[0]));
    }
    let Some(mistake) = Mistake::of(message) else {
        return source.problem(place, message);
    };
    let typed = source.text.get(place.clone()).unwrap_or_default();
    let problem = source.problem(place, mistake.to_string());
    match mistake.remedy(typed) {
        Some(remedy) => problem.hint(remedy),
        None => problem,
    }
}

/// What TOML calls the kind of a value, for people.
pub(super) fn found(kind: &str) -> &str {
    match kind.split(' ').next().unwrap_or(kind) {
        "integer" | "float" | "floating" => "a number",
        "string" => "text",
        "boolean" => "`true` or `false`",
        "array" | "sequence" => "a list",
        "table" | "map" => "a table",
        "datetime" => "a date",
        _ => kind,
    }
}

/// One kind of value stands where another is meant.
struct Mistake<'m> {
    /// The kind that serde wants, in its own words.
    wanted: &'m str,
    /// What it found instead, in its own words.
    found: &'m str,
    /// The kind is right, and the number is out of its range.
    beyond: bool,
}

impl<'m> Mistake<'m> {
    fn of(message: &'m str) -> Option<Self> {
        let (beyond, rest) = match message.strip_prefix("invalid value: ") {
            Some(rest) => (true, rest),
            None => (false, message.strip_prefix("invalid type: ")?),
        };
        let (found, wanted) = rest.rsplit_once(", expected ")?;
        Some(Self {
            wanted,
            found,
            beyond,
        })
    }

    fn remedy(&self, typed: &str) -> Option<String> {
        let bare = typed.trim_matches(['"', '\'']);
        let number = bare.parse::<f64>().is_ok() && !bare.is_empty();
        let text = self.found.starts_with("string ");
        let wants_that = (number && is_number(self.wanted))
            || (self.wanted == "a boolean" && ["true", "false"].contains(&bare));
        (text && wants_that).then(|| format!("without quotes: `{bare}`"))
    }
}

impl std::fmt::Display for Mistake<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let wanted = wanted(self.wanted);
        let number = self.found.split('`').nth(1);
        let beyond = self.beyond || (self.found.starts_with("floating") && is_number(self.wanted));
        match number {
            Some(number) if beyond => write!(f, "this must be {wanted}, not {number}"),
            _ => write!(f, "this must be {wanted}, not {}", found(self.found)),
        }
    }
}

fn is_number(wanted: &str) -> bool {
    matches!(
        wanted.trim_start_matches("a nonzero "),
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" | "f32" | "f64"
    )
}

fn wanted(theirs: &str) -> &str {
    match theirs {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a string" => "text in quotes",
        "a sequence" => "a list: `[ … ]`",
        "a map" => "a table: `{ … }`",
        _ if theirs.starts_with("a nonzero u") => "a whole number, 1 or more",
        _ if theirs.starts_with("struct ") => "a table: `{ … }`",
        _ => theirs,
    }
}
