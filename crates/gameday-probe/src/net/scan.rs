//! A pattern looked for in a stream: byte by byte through a lazy automaton, so that nothing is kept.

use std::sync::Arc;

use regex_automata::Input;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};

/// States that are remembered may take so much memory, for each body that is looked through.
const CACHE_BYTES: usize = 1024 * 1024;

/// A pattern to look for.
pub(crate) struct Scan {
    /// As it was typed, or an escaped text.
    pub(crate) pattern: String,
    automaton: DFA,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scan({})", self.pattern)
    }
}

impl Scan {
    /// Makes an automaton of a pattern that the `regex` crate has taken.
    ///
    /// # Errors
    /// In words: patterns that look around with Unicode's word boundaries are not for streams.
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        let config = DFA::config()
            .unicode_word_boundary(true)
            .cache_capacity(CACHE_BYTES)
            .skip_cache_capacity_check(true);
        let built = DFA::builder().configure(config).build(pattern);
        Ok(Self {
            pattern: pattern.to_owned(),
            automaton: built.map_err(|error| error.to_string())?,
        })
    }
}

/// A pattern that is being looked for in one body.
pub(super) struct Scanning {
    scan: Arc<Scan>,
    cache: Cache,
    state: State,
}

enum State {
    At(LazyStateID),
    Over { found: bool },
}

impl Scanning {
    pub(super) fn begin(scan: &Arc<Scan>) -> Self {
        let mut cache = scan.automaton.create_cache();
        let start = scan.automaton.start_state_forward(&mut cache, &Input::new(""));
        Self {
            scan: Arc::clone(scan),
            cache,
            state: start.map_or(State::Over { found: false }, State::At),
        }
    }

    pub(super) fn push(&mut self, data: &[u8]) {
        let State::At(mut at) = self.state else { return };
        for byte in data {
            at = match self.scan.automaton.next_state(&mut self.cache, at, *byte) {
                Ok(next) if !next.is_tagged() => next,
                // A start state is tagged too, and is no end.
                Ok(next) if !(next.is_match() || next.is_dead() || next.is_quit()) => next,
                Ok(last) => {
                    return self.state = State::Over {
                        found: last.is_match(),
                    };
                }
                Err(_) => return self.state = State::Over { found: false },
            };
        }
        self.state = State::At(at);
    }

    /// The pattern, and whether it was found.
    pub(super) fn end(mut self) -> (String, bool) {
        let found = match self.state {
            State::Over { found } => found,
            // A match is known one byte late: the end of the body is that byte.
            State::At(at) => self
                .scan
                .automaton
                .next_eoi_state(&mut self.cache, at)
                .is_ok_and(|last| last.is_match()),
        };
        (self.scan.pattern.clone(), found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, pieces: &[&str], found: bool) {
        let scan = Arc::new(Scan::new(pattern).unwrap());
        let mut scanning = Scanning::begin(&scan);
        pieces.iter().for_each(|piece| scanning.push(piece.as_bytes()));
        assert_eq!(scanning.end(), (pattern.to_owned(), found));
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
        check("a.*b", &["a", "\n", "b"], false);
        check("", &[], true);
    }
}
