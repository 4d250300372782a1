//! Where a parser is among the words of a query.

use std::ops::Range;

use super::Read;
use crate::promql::lexer::{Placed, Word};

/// The words, and which of them is next.
pub(super) struct Cursor {
    words: Vec<Placed>,
    at: usize,
    /// Where the text ends.
    end: usize,
}

impl Cursor {
    pub(super) fn new(words: Vec<Placed>, end: usize) -> Self {
        Self { words, at: 0, end }
    }

    /// The next word, which stays the next.
    pub(super) fn word(&self) -> Option<&Word> {
        self.words.get(self.at).map(|(word, _)| word)
    }

    /// Where the next word stands, unless all were taken.
    pub(super) fn left(&self) -> Option<&Range<usize>> {
        self.words.get(self.at).map(|(_, place)| place)
    }

    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    pub(super) fn back(&mut self) {
        self.at -= 1;
    }

    /// Takes the next word and its place.
    pub(super) fn placed(&mut self) -> Option<Placed> {
        let placed = self.words.get(self.at)?.clone();
        self.at += 1;
        Some(placed)
    }

    pub(super) fn next(&mut self) -> Option<Word> {
        self.placed().map(|(word, _)| word)
    }

    pub(super) fn peek(&self, mark: &str) -> bool {
        matches!(self.word(), Some(Word::Mark(theirs)) if *theirs == mark)
    }

    pub(super) fn take(&mut self, mark: &str) -> bool {
        let there = self.peek(mark);
        self.at += usize::from(there);
        there
    }

    pub(super) fn take_name(&mut self, name: &str) -> bool {
        let there = matches!(self.word(), Some(Word::Name(theirs)) if theirs.eq_ignore_ascii_case(name));
        self.at += usize::from(there);
        there
    }

    pub(super) fn need(&mut self, mark: &str) -> Read<()> {
        if self.take(mark) {
            Ok(())
        } else {
            Err(format!("`{mark}` is missing at {}", self.start()))
        }
    }

    /// Where the next word begins.
    pub(super) fn start(&self) -> usize {
        self.left().map_or(self.end, |place| place.start)
    }

    /// Where the last word that was taken ends.
    pub(super) fn last_end(&self) -> usize {
        self.at
            .checked_sub(1)
            .and_then(|last| self.words.get(last))
            .map_or(0, |(_, place)| place.end)
    }
}
