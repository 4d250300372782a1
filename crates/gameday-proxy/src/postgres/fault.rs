//! What is done to PostgreSQL statements and their results.
//!
//! ```toml
//! fault.postgres = { command = "UPDATE", table = "payments", error = "40P01", share = "30%" }
//! fault.postgres = { statement = "/(?i)from orders/", delay = "2s" }
//! fault.postgres = { commit_lost = true }
//! ```

use std::fmt;

use gameday_core::{ByteSize, Ratio, Span};
use serde::{Deserialize, Serialize};

use crate::pattern::Pattern;

/// Which statements, and what is done to them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostgresFault {
    /// The statement's first word, in capitals: `SELECT`, `COMMIT`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Pattern>,
    /// A table that the statement names after FROM, INTO, UPDATE, JOIN or TABLE. Found by words, not by parsing SQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<Pattern>,
    /// The statement's text, of which the first 64 KiB are looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<Pattern>,
    /// The share of the statements that match; all if none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<Ratio>,

    /// The server gets the statement this much later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Span>,
    /// How far that strays, evenly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Span>,
    /// The server gets a statement that fails with this SQLSTATE instead, so that its transaction fails as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The message of that error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The connection is cut once so much of the result has passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<ByteSize>,
    /// A COMMIT is done by the server, and the connection reset before the client hears of it.
    #[serde(skip_serializing_if = "is_false")]
    pub commit_lost: bool,
    /// New sessions are refused (53300).
    #[serde(skip_serializing_if = "is_false")]
    pub too_many_connections: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl PostgresFault {
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        let does = [
            ("delay", self.delay.is_some()),
            ("error", self.error.is_some()),
            ("cut", self.cut.is_some()),
            ("commit_lost", self.commit_lost),
            ("too_many_connections", self.too_many_connections),
        ];
        let mut given = does.into_iter().filter(|(_, is)| *is).map(|(name, _)| name);
        let Some(first) = given.next() else {
            return Err((
                "error",
                "the fault does nothing: give `error`, `delay`, `cut` or another".to_owned(),
            ));
        };
        if let Some(second) = given.find(|_| first != "delay") {
            return Err((second, format!("it contradicts `{first}`")));
        }
        if self.jitter.is_some() && self.delay.is_none() {
            return Err(("jitter", "it needs `delay` beside it".to_owned()));
        }
        if self.message.is_some() && self.error.is_none() {
            return Err(("message", "it needs `error` beside it".to_owned()));
        }
        let is_state = |code: &String| {
            code.len() == 5
                && code
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        };
        match &self.error {
            Some(code) if !is_state(code) => Err((
                "error",
                format!("`{code}` is no SQLSTATE, such as \"40P01\" (five digits and capitals)"),
            )),
            _ => Ok(()),
        }
    }

    /// Whether a statement is meant.
    pub(super) fn matches(&self, text: &str) -> bool {
        if self.too_many_connections {
            return false;
        }
        let command = super::statement::command(text);
        let is_commit = matches!(command.as_str(), "COMMIT" | "END");
        (!self.commit_lost || is_commit)
            && self
                .command
                .as_ref()
                .is_none_or(|wanted| wanted.matches(&command))
            && self.statement.as_ref().is_none_or(|wanted| wanted.matches(text))
            && self
                .table
                .as_ref()
                .is_none_or(|wanted| super::statement::tables(text).any(|table| wanted.matches(&table)))
    }
}

impl fmt::Display for PostgresFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut what = Vec::new();
        what.extend(self.delay.map(|delay| format!("delay {delay}")));
        what.extend(self.error.as_ref().map(|code| format!("error {code}")));
        what.extend(self.cut.map(|size| format!("cut after {size}")));
        what.extend(self.commit_lost.then(|| "commit lost".to_owned()));
        what.extend(
            self.too_many_connections
                .then(|| "too many connections".to_owned()),
        );
        f.write_str(&what.join(", "))?;
        if let Some(share) = self.share {
            write!(f, " for {share}")?;
        }
        let which = [&self.command, &self.table, &self.statement];
        let which: Vec<String> = which.into_iter().flatten().map(ToString::to_string).collect();
        if which.is_empty() {
            Ok(())
        } else {
            write!(f, " of {}", which.join(" "))
        }
    }
}
