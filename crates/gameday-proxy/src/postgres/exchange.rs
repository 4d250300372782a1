//! What a session has asked and not yet been answered, so that our own messages can be told from the client's.

use std::collections::{HashMap, VecDeque};

/// A session with more unanswered messages, statements or portals than this is no longer followed.
const MOST: usize = 16_384;
/// So much of a prepared statement's text is kept.
const LONGEST: usize = 4096;
/// So much of all statements, names and texts, and as much again of all portals.
pub(super) const MOST_BYTES: usize = 4 * 1024 * 1024;

/// What the server will answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// ParseComplete; `true` if the message was ours.
    Parse(bool),
    /// BindComplete, likewise.
    Bind(bool),
    Close,
    Describe,
    Execute,
    /// ReadyForQuery, after a Sync or at the end of a simple query.
    Ready,
}

/// What is known of a session.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    due: VecDeque<Due>,
    statements: Texts,
    portals: Texts,
    /// Too much to follow: faults that need to know what is due are no longer done.
    pub(super) is_lost: bool,
    /// The connection is cut after so many bytes from the server.
    pub(super) cut_after: Option<u64>,
    /// The next CommandComplete is not to be heard.
    pub(super) lose_commit: bool,
}

impl Exchange {
    pub(super) fn ask(&mut self, due: Due) {
        if self.due.len() >= MOST {
            self.is_lost = true;
        }
        if !self.is_lost {
            self.due.push_back(due);
        }
    }

    /// Remembers the text of a prepared statement.
    pub(super) fn prepare(&mut self, name: String, mut text: String) {
        while text.len() > LONGEST {
            let end = (0..=LONGEST)
                .rev()
                .find(|end| text.is_char_boundary(*end))
                .unwrap_or(0);
            text.truncate(end);
        }
        self.is_lost |= !self.statements.insert(name, text);
    }

    pub(super) fn bind(&mut self, portal: String, statement: String) {
        // One that is forgotten meets no fault.
        self.portals.insert(portal, statement);
    }

    pub(super) fn close(&mut self, kind: u8, name: &str) {
        let known = if kind == b'S' {
            &mut self.statements
        } else {
            &mut self.portals
        };
        known.remove(name);
    }

    /// The text of the statement that a portal executes.
    pub(super) fn executed(&self, portal: &str) -> Option<&str> {
        self.statements.get(self.portals.get(portal)?)
    }

    /// Bytes of names and texts that are kept.
    #[cfg(any(test, fuzzing))]
    pub(super) fn kept(&self) -> usize {
        self.statements.bytes + self.portals.bytes
    }

    /// The server has sent a message; false if it answers one of ours and is not for the client.
    pub(super) fn answered(&mut self, tag: u8) -> bool {
        match (tag, self.due.front()) {
            (b'1', Some(&Due::Parse(ours))) | (b'2', Some(&Due::Bind(ours))) => {
                self.due.pop_front();
                !ours
            }
            (b'3', Some(Due::Close))
            | (b'T' | b'n', Some(Due::Describe))
            | (b'C' | b's' | b'I', Some(Due::Execute)) => {
                self.due.pop_front();
                true
            }
            // After an error the server skips everything up to the next Sync.
            (b'E', _) => {
                while self.due.front().is_some_and(|due| *due != Due::Ready) {
                    self.due.pop_front();
                }
                true
            }
            (b'Z', _) => {
                while self.due.pop_front().is_some_and(|due| due != Due::Ready) {}
                true
            }
            _ => true,
        }
    }
}

/// Texts by their names, as both come from a client that may never stop.
#[derive(Debug, Default)]
struct Texts {
    by_name: HashMap<String, String>,
    bytes: usize,
}

impl Texts {
    /// False if it was too much, and all that was there before is forgotten.
    fn insert(&mut self, name: String, text: String) -> bool {
        self.remove(&name);
        let more = name.len() + text.len();
        let fits = self.by_name.len() < MOST && self.bytes + more <= MOST_BYTES;
        if !fits {
            *self = Self::default();
        }
        self.bytes += more;
        self.by_name.insert(name, text);
        fits
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(String::as_str)
    }

    fn remove(&mut self, name: &str) {
        if let Some(text) = self.by_name.remove(name) {
            self.bytes -= name.len() + text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_to_our_own_messages_are_told_from_the_clients() {
        let mut session = Exchange::default();
        for due in [
            Due::Parse(false),
            Due::Bind(false),
            Due::Parse(true),
            Due::Bind(true),
            Due::Execute,
            Due::Ready,
        ] {
            session.ask(due);
        }
        let passed: Vec<bool> = b"1212E".iter().map(|tag| session.answered(*tag)).collect();
        assert_eq!(passed, [true, true, false, false, true]);
        // What the server skipped is forgotten with the error.
        assert!(session.answered(b'Z') && session.due.is_empty());
    }

    #[test]
    fn a_session_that_asks_without_end_is_no_longer_followed() {
        let mut session = Exchange::default();
        (0..MOST + 10).for_each(|_| session.ask(Due::Execute));
        assert!(session.is_lost && session.due.len() == MOST);
        (0..2 * MOST).for_each(|number| session.prepare(number.to_string(), "é".repeat(LONGEST)));
        assert!(session.statements.by_name.len() <= MOST);
    }

    #[test]
    fn long_names_are_kept_no_longer_than_short_ones() {
        let mut session = Exchange::default();
        for number in 0..200 {
            let long = format!("{number}{}", "x".repeat(60_000));
            session.prepare(long.clone(), "select 1".to_owned());
            session.bind(long.clone(), long);
            assert!(session.kept() <= 2 * MOST_BYTES);
        }
        assert!(session.is_lost);
        // The same name again takes the place of the one before.
        let mut session = Exchange::default();
        for _ in 0..2 * MOST {
            session.prepare(String::new(), "select 1".to_owned());
            session.bind("portal".to_owned(), String::new());
        }
        assert!(!session.is_lost && session.kept() == "select 1portal".len());
        assert_eq!(session.executed("portal"), Some("select 1"));
        session.close(b'S', "");
        session.close(b'P', "portal");
        assert_eq!((session.kept(), session.executed("portal")), (0, None));
    }
}
