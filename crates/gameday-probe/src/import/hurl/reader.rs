//! Takes a Hurl file's text apart, character by character.

use std::ops::Range;

/// What is wrong with the file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) place: Range<usize>,
    pub(super) message: String,
}

/// What is left of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        // A byte order mark says nothing.
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Self { text, at }
    }

    pub(super) fn at(self) -> usize {
        self.at
    }

    /// All of the file's text between two places.
    pub(super) fn between(self, from: usize, to: usize) -> &'t str {
        self.text.get(from..to).unwrap_or_default()
    }

    pub(super) fn rest(self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn is_over(self) -> bool {
        self.at == self.text.len()
    }

    /// The rest of the line, without its end.
    pub(super) fn line(self) -> &'t str {
        let line = self.rest().split('\n').next().unwrap_or_default();
        line.strip_suffix('\r').unwrap_or(line)
    }

    pub(super) fn wrong(self, message: impl Into<String>) -> Wrong {
        Wrong {
            place: self.at..self.at + self.line().len().max(1),
            message: message.into(),
        }
    }

    /// Goes on by so many bytes, which are whole characters.
    pub(super) fn skip(&mut self, bytes: usize) -> &'t str {
        let taken = &self.text[self.at..self.at + bytes];
        self.at += bytes;
        taken
    }

    /// Takes the text if it comes next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    /// Takes characters as long as they are wanted.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.skip(end)
    }

    /// Takes everything up to a text, and the text.
    pub(super) fn until(&mut self, end: &str) -> Result<&'t str, Wrong> {
        let Some(bytes) = self.rest().find(end) else {
            return Err(self.wrong(format!("`{end}` is missing")));
        };
        let taken = self.skip(bytes);
        self.skip(end.len());
        Ok(taken)
    }

    pub(super) fn blanks(&mut self) {
        self.take_while(|c| c == ' ' || c == '\t');
    }

    /// The next word: what stands before a space or the end of the line.
    pub(super) fn word(&mut self) -> &'t str {
        self.blanks();
        self.take_while(|c| !c.is_whitespace())
    }

    /// Nothing but a comment may stand before the end of the line.
    pub(super) fn line_end(&mut self) -> Result<(), Wrong> {
        self.blanks();
        if self.rest().starts_with('#') {
            self.take_while(|c| c != '\n');
        }
        if self.eat("\n") || self.eat("\r\n") || self.is_over() {
            return Ok(());
        }
        Err(self.wrong(format!("`{}` is too much here", self.line().trim_end())))
    }

    /// Goes over empty lines and comments; the comments that stand right before what comes.
    pub(super) fn comments(&mut self) -> Vec<&'t str> {
        let mut comments = Vec::new();
        loop {
            let begin = self.at;
            self.blanks();
            if self.is_over() {
                return comments;
            }
            match self.line().trim_end() {
                "" => comments.clear(),
                line if line.starts_with('#') => comments.push(line.trim_start_matches('#').trim()),
                _ => {
                    self.at = begin;
                    self.blanks();
                    return comments;
                }
            }
            self.skip_line();
        }
    }

    /// Goes to the next line.
    pub(super) fn skip_line(&mut self) {
        self.take_while(|c| c != '\n');
        self.eat("\n");
    }

    /// Goes beyond something that is not understood: its line, and the text of several lines that begins in it.
    pub(super) fn skip_unread(&mut self) {
        if self.line().matches("```").count() == 1 {
            self.until("```").ok();
            self.until("```").ok();
        }
        self.skip_line();
    }
}
