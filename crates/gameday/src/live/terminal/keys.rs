//! What keys mean, by what was asked before.

use gameday_drill::Word;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The longest note; the drill takes no longer one.
const MOST_NOTE: usize = 2000;

/// What is asked at the moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// Nothing.
    #[default]
    Watch,
    /// What the note is.
    Note(String),
    /// Whether the drill is to be stopped.
    Sure,
    /// What the keys are.
    Help,
}

/// What somebody wants by a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// To see plain lines instead.
    Leave,
    /// What Ctrl-C is.
    Interrupt,
    /// To say something to the drill.
    Say(Word),
}

/// What was asked, and the last answer.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pub(super) mode: Mode,
    pub(super) answer: String,
}

impl Keys {
    pub(super) fn answered(&mut self, answer: String) {
        self.answer = answer;
    }

    pub(super) fn press(&mut self, key: KeyEvent) -> Option<Wish> {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Some(Wish::Interrupt);
        }
        match std::mem::take(&mut self.mode) {
            Mode::Watch => self.choose(key.code),
            Mode::Note(text) => self.write(text, key.code),
            Mode::Sure if key.code == KeyCode::Char('y') => self.say(Word::Stop),
            Mode::Sure | Mode::Help => None,
        }
    }

    fn choose(&mut self, key: KeyCode) -> Option<Wish> {
        match key {
            KeyCode::Char('q') => return Some(Wish::Leave),
            KeyCode::Char('n') => self.mode = Mode::Note(String::new()),
            KeyCode::Char('a') => return self.say(Word::Ack(None)),
            KeyCode::Char('m') => return self.say(Word::Mitigated),
            KeyCode::Char('s') => self.mode = Mode::Sure,
            KeyCode::Char('?' | 'h') => self.mode = Mode::Help,
            _ => {}
        }
        None
    }

    fn write(&mut self, mut text: String, key: KeyCode) -> Option<Wish> {
        match key {
            KeyCode::Esc => return None,
            KeyCode::Enter if text.trim().is_empty() => return None,
            KeyCode::Enter => return self.say(Word::Note(text)),
            KeyCode::Backspace => {
                text.pop();
            }
            KeyCode::Char(c) if text.chars().count() < MOST_NOTE => text.push(c),
            _ => {}
        }
        self.mode = Mode::Note(text);
        None
    }

    fn say(&mut self, word: Word) -> Option<Wish> {
        "…".clone_into(&mut self.answer);
        Some(Wish::Say(word))
    }
}
