//! A window that moves over a body, for the text of a match.
//!
//! ```text
//!        what may be looked back at
//!        │   from here on                     a match that begins here may go on beyond
//!  ...┌──┬───┴───────────────────────────────┬──────── LONGEST_MATCH ────────┐
//! ```

use regex::bytes::Regex;

/// Matches up to so many bytes are found as they are; longer ones may be cut.
const LONGEST_MATCH: usize = 64 * 1024;
const WINDOW_BYTES: usize = 4 * LONGEST_MATCH;
/// A pattern may look at the character before (`\b`, `^`), which has at most so many bytes.
const LOOK_BACK: usize = 4;

/// A part of the body, and what was found.
#[derive(Default)]
pub(super) struct Window {
    buffer: Vec<u8>,
    /// Where the next match may begin.
    from: usize,
    found: Option<String>,
}

impl Window {
    pub(super) fn push(&mut self, regex: &Regex, mut data: &[u8]) {
        while !data.is_empty() && self.found.is_none() {
            let room = WINDOW_BYTES - self.buffer.len();
            let (now, later) = data.split_at(data.len().min(room));
            self.buffer.extend_from_slice(now);
            data = later;
            if self.buffer.len() == WINDOW_BYTES {
                self.search(regex, false);
            }
        }
    }

    /// The body is over.
    pub(super) fn end(mut self, regex: &Regex) -> Option<String> {
        if self.found.is_none() {
            self.search(regex, true);
        }
        self.found
    }

    fn search(&mut self, regex: &Regex, is_last: bool) {
        let settled = self.buffer.len().saturating_sub(LONGEST_MATCH);
        let captures = regex.captures_at(&self.buffer, self.from);
        let start = captures
            .as_ref()
            .and_then(|captures| captures.get(0))
            .map(|all| all.start());
        let next = match (captures, start) {
            (Some(captures), Some(start)) if is_last || start <= settled => {
                let group = captures.get(1).or_else(|| captures.get(0));
                let bytes = group.map_or(&[][..], |group| group.as_bytes());
                self.found = Some(String::from_utf8_lossy(bytes).into_owned());
                return;
            }
            (_, start) => start.unwrap_or(settled).max(self.from),
        };
        let cut = next.saturating_sub(LOOK_BACK);
        self.buffer.drain(..cut);
        self.from = next - cut;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, body: &str, piece: usize) {
        let regex = Regex::new(pattern).unwrap();
        let mut window = Window::default();
        body.as_bytes()
            .chunks(piece)
            .for_each(|piece| window.push(&regex, piece));
        let text = regex::Regex::new(pattern).unwrap();
        let whole = text.captures(body).map(|found| {
            let group = found.get(1).or_else(|| found.get(0));
            group.map_or("", |group| group.as_str()).to_owned()
        });
        assert_eq!(window.end(&regex), whole, "{pattern} as the regex crate has it");
    }

    #[test]
    fn a_match_is_what_it_is_in_the_whole_body_wherever_it_lies() {
        let filler = "ä line of nothing\n".repeat(20_000);
        for before in [
            0,
            10,
            WINDOW_BYTES - 20,
            WINDOW_BYTES - 3,
            WINDOW_BYTES,
            2 * WINDOW_BYTES + 7,
        ] {
            let before = filler.floor_char_boundary(before);
            let body = format!("{}id=42 {}id=43;", &filler[..before], "x".repeat(50_000));
            for piece in [777, 65_536] {
                check(r"id=(\d+)", &body, piece);
                check(r"\bid=(\d+)\b", &body, piece);
                check(r"id=(\d+);$", &body, piece);
                check(r"^id=(\d+)", &body, piece);
                check(r"id=4[^;]*;", &body, piece);
                check(r"(?m)^ä (line)", &body, piece);
                check("no such thing", &body, piece);
            }
        }
    }
}
