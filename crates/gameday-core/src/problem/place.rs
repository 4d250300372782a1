//! A place in a file, with the user's line as it is shown.

use std::ops::Range;

use super::printable;

/// A place in a file, with the line as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: usize,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) width: usize,
    pub(super) text: String,
}

const HIDDEN: &str = "(not shown: it holds what may be secret)";

impl Place {
    pub(super) fn hide(&mut self) {
        HIDDEN.clone_into(&mut self.text);
        self.width = 1;
    }

    /// Whether the line is not shown.
    pub(super) fn is_hidden(&self) -> bool {
        self.text == HIDDEN
    }

    pub(super) fn of(text: &str, span: Range<usize>) -> Self {
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
