//! What can go wrong with a source, said in one line that names it, its address and the cause.

use std::error::Error;
use std::io;
use std::net::SocketAddr;

use gameday_core::SourceName;

/// A source that could not be read, or an address that could not be listened on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The address cannot be one of such a source.
    #[error("`{url}` cannot be the address of {name}: {why}")]
    BadAddress {
        /// Which source.
        name: SourceName,
        /// What was given, redacted.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nothing answered, or not in time, or not to the end.
    #[error("cannot reach {name} at {url}: {cause}")]
    Unreachable {
        /// Which source.
        name: SourceName,
        /// Where it should be, redacted.
        url: String,
        /// The innermost cause.
        cause: String,
        /// Everything the client knows.
        #[source]
        source: reqwest::Error,
    },
    /// It answered, but with another status than 200.
    #[error("{name} at {url} answered {status} to {path}: {message}")]
    Status {
        /// Which source.
        name: SourceName,
        /// Where it is, redacted.
        url: String,
        /// What was asked.
        path: &'static str,
        /// The HTTP status.
        status: u16,
        /// What it said, cut to a line.
        message: String,
    },
    /// It answered with more than we are willing to read.
    #[error("{name} at {url} answered {path} with more than {limit_mib} MiB")]
    TooLarge {
        /// Which source.
        name: SourceName,
        /// Where it is, redacted.
        url: String,
        /// What was asked.
        path: &'static str,
        /// The cap.
        limit_mib: usize,
    },
    /// It answered with something that is no answer of such a source, or none that can be used.
    #[error("cannot use what {name} at {url} answered to {path}: {cause}")]
    Unreadable {
        /// Which source.
        name: SourceName,
        /// Where it is, redacted.
        url: String,
        /// What was asked.
        path: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// Our own receiver could not listen or accept.
    #[error("{name} {}", gameday_core::cannot_listen(*address, source, "`webhook` in [observe]"))]
    Listen {
        /// Which source.
        name: SourceName,
        /// Where it should listen.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl SourceError {
    /// True when the source, or what stands before it, is not there to answer: asking again later may
    /// help. False when it answered and the answer is the problem.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Status { status, .. } => matches!(status, 502..=504),
            _ => false,
        }
    }
}

/// What a parser says about a body that it cannot read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(pub(crate) String);

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self(one_line(&error.to_string()))
    }
}

/// What is said of an alert in a state that is in no version of the API that we know.
pub(crate) fn unknown_state(state: &str) -> Unreadable {
    Unreadable(format!("an alert is in the unknown state `{}`", one_line(state)))
}

/// Foreign text made fit for one line of an error: no control characters, at most 300 characters.
pub(crate) fn one_line(text: &str) -> String {
    const LIMIT: usize = 300;
    let mut chars = text.trim().chars();
    let mut line: String = chars
        .by_ref()
        .take(LIMIT)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if chars.next().is_some() {
        line.push('…');
    }
    line
}

/// The innermost cause of a failed request, in the words of the operating system where it has any.
pub(crate) fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &(dyn Error + 'static) = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match cause.downcast_ref::<io::Error>() {
        // The kind's own words: without "(os error 111)", which helps nobody at 3 am.
        Some(io) if io.raw_os_error().is_some() => io.kind().to_string(),
        _ => one_line(&cause.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_draw_on_the_terminal_or_flood_it() {
        assert_eq!(one_line(" a\u{1b}[31m\nb "), "a [31m b");
        assert_eq!(one_line(&"x".repeat(10_000)).chars().count(), 301);
    }
}
