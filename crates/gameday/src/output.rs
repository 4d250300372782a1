//! Printing: data on stdout, everything else on stderr, colours only for a terminal.

use std::collections::VecDeque;
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use clap::ValueEnum;
use gameday_core::Problem;

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// How a table is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, in a terminal
    Text,
    /// For programs
    Json,
    /// A table for a pull request or a wiki
    Md,
}

/// Lines that wait while a view has the terminal.
static HELD: Mutex<Option<VecDeque<String>>> = Mutex::new(None);
/// More of them than anybody scrolls back; the journal has all.
const MOST_HELD: usize = 500;

fn held() -> MutexGuard<'static, Option<VecDeque<String>>> {
    // Nothing is left half done by who panics here.
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lines for stderr are kept from now on: the terminal shows something else.
pub(crate) fn hold() {
    held().get_or_insert_default();
}

/// Prints what was kept, and keeps nothing any more.
pub(crate) fn release() {
    // Taken first: what is said meanwhile comes after it or before it, and never waits for a slow terminal.
    let lines = held().take();
    lines.into_iter().flatten().for_each(|line| say(&line));
}

/// A line on stderr. A closed stderr must not end a drill, so an error is nobody's business.
pub(crate) fn say(text: &str) {
    if let Some(lines) = held().as_mut() {
        if lines.len() == MOST_HELD {
            lines.pop_front();
        }
        lines.push_back(text.to_owned());
        return;
    }
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A line of data on stdout; a reader that went away (`| head`) is no error.
pub(crate) fn print(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Asks whoever sits at the terminal; anything but yes is no.
pub(crate) fn ask(question: &str) -> bool {
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// A value as one JSON document on stdout.
pub(crate) fn print_json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&text),
        Err(error) => say(&format!("error: this cannot be written as JSON: {error}")),
    }
}

/// Draws problems on stderr.
pub(crate) fn tell(problems: &[Problem]) {
    say(Problem::draw_all(problems).trim_end());
    let count = problems.len();
    say(&format!("\n{count} problem{}", if count == 1 { "" } else { "s" }));
}

/// A text in a colour of ECMA-48, when stderr is a terminal and `NO_COLOR` is not set.
pub(crate) fn coloured(text: &str, code: u8) -> String {
    coloured_on(io::stderr().is_terminal(), text, code)
}

/// A text in a colour, when stdout is a terminal and `NO_COLOR` is not set.
pub(crate) fn coloured_on_stdout(text: &str, code: u8) -> String {
    coloured_on(io::stdout().is_terminal(), text, code)
}

fn coloured_on(terminal: bool, text: &str, code: u8) -> String {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && terminal {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// Green of ECMA-48.
pub(crate) const GREEN: u8 = 32;
/// Red of ECMA-48.
pub(crate) const RED: u8 = 31;
/// Yellow of ECMA-48.
pub(crate) const YELLOW: u8 = 33;
/// Bold of ECMA-48.
pub(crate) const BOLD: u8 = 1;
