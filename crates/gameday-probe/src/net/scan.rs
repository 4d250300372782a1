//! A pattern looked for in a body that is not kept.
//!
//! Whether it is there is told by a lazy automaton, byte by byte, however long the match. Where the text of
//! the match is wanted, or the automaton cannot do it, a window moves over the body (`window.rs`).

mod window;

use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};
use regex_automata::Input;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};

use window::Window;

/// States that are remembered may take so much memory, for each body that is looked through.
const CACHE_BYTES: usize = 1024 * 1024;

/// A pattern to look for.
pub(crate) struct Scan {
    /// As it was typed, or an escaped text.
    pub(crate) pattern: String,
    /// Whether the text of its first group is wanted.
    takes: bool,
    way: Way,
}

enum Way {
    Automaton(Box<DFA>),
    Window(Regex),
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scan({})", self.pattern)
    }
}

impl Scan {
    /// Asks whether a pattern is there that the `regex` crate has taken.
    pub(crate) fn whether(pattern: &str) -> Option<Self> {
        let config = DFA::config()
            .cache_capacity(CACHE_BYTES)
            .skip_cache_capacity_check(true);
        // Unicode's word boundaries are not for automata.
        let way = match DFA::builder().configure(config).build(pattern) {
            Ok(automaton) => Way::Automaton(Box::new(automaton)),
            Err(_) => Way::Window(compile(pattern)?),
        };
        Some(Self {
            pattern: pattern.to_owned(),
            takes: false,
            way,
        })
    }

    /// Asks for the text of a pattern's first group, or of all that it matches.
    pub(crate) fn taking(pattern: &str) -> Option<Self> {
        Some(Self {
            pattern: pattern.to_owned(),
            takes: true,
            way: Way::Window(compile(pattern)?),
        })
    }
}

fn compile(pattern: &str) -> Option<Regex> {
    let builder = RegexBuilder::new(pattern)
        .size_limit(CACHE_BYTES * 2)
        .dfa_size_limit(CACHE_BYTES)
        .build();
    builder.ok()
}

/// What came of a search, by its pattern.
pub(super) enum Searched {
    Whether(bool),
    Took(Option<String>),
}

/// A pattern that is being looked for in one body.
pub(super) struct Scanning {
    scan: Arc<Scan>,
    state: State,
}

enum State {
    At(Box<Cache>, LazyStateID),
    Within(Window),
    Over { found: bool },
}

impl Scanning {
    pub(super) fn begin(scan: &Arc<Scan>) -> Self {
        let state = match &scan.way {
            Way::Window(_) => State::Within(Window::default()),
            Way::Automaton(automaton) => {
                let mut cache = Box::new(automaton.create_cache());
                let start = automaton.start_state_forward(&mut cache, &Input::new(""));
                start.map_or(State::Over { found: false }, |start| State::At(cache, start))
            }
        };
        Self {
            scan: Arc::clone(scan),
            state,
        }
    }

    pub(super) fn push(&mut self, data: &[u8]) {
        let over = match (&mut self.state, &self.scan.way) {
            (State::Within(window), Way::Window(regex)) => {
                window.push(regex, data);
                None
            }
            (State::At(cache, at), Way::Automaton(automaton)) => advance(automaton, cache, at, data),
            _ => None,
        };
        if let Some(found) = over {
            self.state = State::Over { found };
        }
    }

    /// The pattern, and what came of it.
    pub(super) fn end(self) -> (String, Searched) {
        let found = match (self.state, &self.scan.way) {
            (State::Within(window), Way::Window(regex)) => {
                let taken = window.end(regex);
                if self.scan.takes {
                    return (self.scan.pattern.clone(), Searched::Took(taken));
                }
                taken.is_some()
            }
            // A match is known one byte late: the end of the body is that byte.
            (State::At(mut cache, at), Way::Automaton(automaton)) => automaton
                .next_eoi_state(&mut cache, at)
                .is_ok_and(|last| last.is_match()),
            (State::Over { found }, _) => found,
            _ => false,
        };
        (self.scan.pattern.clone(), Searched::Whether(found))
    }
}

/// Goes on through some bytes; told once it is known whether the pattern is there.
fn advance(automaton: &DFA, cache: &mut Cache, at: &mut LazyStateID, data: &[u8]) -> Option<bool> {
    for byte in data {
        match automaton.next_state(cache, *at, *byte) {
            Ok(next) if !next.is_tagged() => *at = next,
            // A start state is tagged too, and is no end.
            Ok(next) if !(next.is_match() || next.is_dead() || next.is_quit()) => *at = next,
            Ok(last) => return Some(last.is_match()),
            Err(_) => return Some(false),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, pieces: &[&str], found: bool) {
        let scan = Arc::new(Scan::whether(pattern).unwrap());
        let mut scanning = Scanning::begin(&scan);
        pieces.iter().for_each(|piece| scanning.push(piece.as_bytes()));
        let (_, Searched::Whether(is_there)) = scanning.end() else {
            panic!("only whether it is there was asked");
        };
        assert_eq!(is_there, found);
        let whole = regex::Regex::new(pattern).unwrap().is_match(&pieces.concat());
        assert_eq!(whole, found, "as the regex crate has it");
    }

    #[test]
    fn a_pattern_is_found_across_pieces_at_both_ends_and_not_elsewhere() {
        check("wor+ld", &["hello wo", "rr", "ld!"], true);
        check("^hello", &["hel", "lo"], true);
        check("^ello", &["hel", "lo"], false);
        check("lo$", &["hel", "lo"], true);
        check("lo$", &["hel", "lo "], false);
        check(r"\bö?x\b", &["a ", "x", " b"], true);
        check(r"\bö?x\b", &["aö", "x", "ö"], false);
        check("a.*b", &["a", "\n", "b"], false);
        check("", &[], true);
    }
}
