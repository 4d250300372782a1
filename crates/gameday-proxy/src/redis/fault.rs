//! What is done to Redis commands and their answers.
//!
//! ```toml
//! fault.redis = { command = "GET", key = "payment:*", nil = true }          # a miss
//! fault.redis = { error = "LOADING", share = "20%" }                        # or OOM, READONLY, MOVED 3999 127.0.0.1:6381
//! fault.redis = { command = "SET", delay = "50ms" }
//! ```

use std::fmt;

use gameday_core::{Ratio, Span};
use serde::{Deserialize, Serialize};

use crate::pattern::Pattern;

/// Which commands, and what is done to them. A command that is answered by a fault does not reach the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisFault {
    /// The command's name, in capitals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Pattern>,
    /// Its first argument.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Pattern>,
    /// The share of the commands that match; all if none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<Ratio>,

    /// The command waits this long; those after it on its connection wait as well, as with a slow server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Span>,
    /// How far that strays, evenly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Span>,
    /// The answer is this error. `LOADING`, `OOM`, `READONLY` and `BUSY` get the words of the real server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The answer is nil, as of a key that is not there. Not within MULTI.
    #[serde(skip_serializing_if = "is_false")]
    pub nil: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl RedisFault {
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        if self.error.is_some() && self.nil {
            return Err((
                "nil",
                "it contradicts `error`: a command has one answer".to_owned(),
            ));
        }
        if self.error.is_none() && !self.nil && self.delay.is_none() {
            return Err((
                "error",
                "the fault does nothing: give `error`, `nil` or `delay`".to_owned(),
            ));
        }
        if self.jitter.is_some() && self.delay.is_none() {
            return Err(("jitter", "it needs `delay` beside it".to_owned()));
        }
        let is_line =
            |text: &String| !text.is_empty() && text.len() <= 500 && !text.contains(|c: char| c.is_control());
        match &self.error {
            Some(text) if !is_line(text) => {
                Err(("error", "it must be one line of 1 to 500 bytes".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Whether a command is meant; its name is in capitals.
    pub(super) fn matches(&self, name: &str, key: Option<&str>) -> bool {
        self.command.as_ref().is_none_or(|wanted| wanted.matches(name))
            && self
                .key
                .as_ref()
                .is_none_or(|wanted| key.is_some_and(|key| wanted.matches(key)))
    }

    /// The error's line, without the `-` before it.
    pub(super) fn error_line(&self) -> Option<&str> {
        Some(match self.error.as_deref()? {
            "LOADING" => "LOADING Redis is loading the dataset in memory",
            "OOM" => "OOM command not allowed when used memory > 'maxmemory'.",
            "READONLY" => "READONLY You can't write against a read only replica.",
            "BUSY" => {
                "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
            }
            other => other,
        })
    }
}

impl fmt::Display for RedisFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut what = Vec::new();
        what.extend(self.delay.map(|delay| format!("delay {delay}")));
        what.extend(self.error.as_ref().map(|error| format!("error {error}")));
        what.extend(self.nil.then(|| "nil".to_owned()));
        f.write_str(&what.join(", "))?;
        if let Some(share) = self.share {
            write!(f, " for {share}")?;
        }
        let which: Vec<String> = [&self.command, &self.key]
            .into_iter()
            .flatten()
            .map(ToString::to_string)
            .collect();
        if which.is_empty() {
            Ok(())
        } else {
            write!(f, " of {}", which.join(" "))
        }
    }
}
