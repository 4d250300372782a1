//! What a person may say to a drill that runs, checked before anybody acts on it.

use serde::{Deserialize, Serialize};

/// A person and a word of theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Who, as they call themselves.
    pub who: String,
    /// What.
    pub word: Word,
}

/// What a person may say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// To be written down.
    Note(String),
    /// "I take this alert", by its name or its key in `[expect]`; none is every one that fired.
    Ack(Option<String>),
    /// "The harm is over."
    Mitigated,
    /// "Put everything back now."
    Stop,
}

/// Longer notes belong into a document; this is about a screen of text.
const MOST_TEXT: usize = 2000;
/// The longest name of a person or an alert.
const MOST_NAME: usize = 200;

impl Said {
    /// The same with line breaks as blanks and without characters that control a terminal or turn
    /// text around.
    ///
    /// # Errors
    /// A line that says what is empty or too long.
    pub fn checked(self) -> Result<Self, String> {
        let word = match self.word {
            Word::Note(text) => Word::Note(cleaned("the note", &text, MOST_TEXT)?),
            Word::Ack(Some(alert)) => Word::Ack(Some(cleaned("the alert's name", &alert, MOST_NAME)?)),
            word @ (Word::Ack(None) | Word::Mitigated | Word::Stop) => word,
        };
        let who = cleaned("the name of who says it", &self.who, MOST_NAME)?;
        Ok(Self { who, word })
    }
}

fn cleaned(what: &str, text: &str, most: usize) -> Result<String, String> {
    let kept = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let text: String = kept.filter(|c| !c.is_control() && !turns_text(*c)).collect();
    let text = text.trim();
    match text.chars().count() {
        0 => Err(format!("{what} is empty")),
        long if long > most => Err(format!("{what} has {long} characters; at most {most} are taken")),
        _ => Ok(text.to_owned()),
    }
}

/// Marks that change the direction of what stands around them.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(text: &str) -> Result<Word, String> {
        let said = Said {
            who: "mo".into(),
            word: Word::Note(text.into()),
        };
        said.checked().map(|said| said.word)
    }

    #[test]
    fn a_note_is_one_line_of_plain_text() {
        assert_eq!(
            note(" a\nb\u{1b}[31m\u{202e} \0").unwrap(),
            Word::Note("a b[31m".into())
        );
        assert_eq!(note("<img src=x>").unwrap(), Word::Note("<img src=x>".into()));
    }

    #[test]
    fn what_is_empty_or_too_long_is_refused() {
        assert_eq!(note("\n\0 ").unwrap_err(), "the note is empty");
        assert!(note(&"ü".repeat(2000)).is_ok());
        let why = "the note has 2001 characters; at most 2000 are taken";
        assert_eq!(note(&"ü".repeat(2001)).unwrap_err(), why);
        let said = Said {
            who: " ".into(),
            word: Word::Stop,
        };
        assert_eq!(said.checked().unwrap_err(), "the name of who says it is empty");
    }
}
