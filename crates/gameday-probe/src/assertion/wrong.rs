//! What is told of a text that is no assertion.

use gameday_core::nearest;

/// What is wrong with an assertion, and what may help.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Wrong {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn near(self, typed: &str, known: &[&str]) -> Self {
        match nearest(typed, known.iter().copied()) {
            Some(best) => self.hint(format!("did you mean `{best}`?")),
            None => self.hint(format!("known here: `{}`", known.join("`, `"))),
        }
    }
}
