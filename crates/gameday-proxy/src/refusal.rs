//! Why the API says no: Toxiproxy's words and status codes.

use crate::toxic::BadToxic;

/// A request that was refused; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The request is wrong in itself.
    #[error("{0}")]
    Bad(String),
    /// It names what is not there.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// The proxy cannot listen where it should.
    #[error("{0}")]
    Listen(String),
}

impl Refusal {
    /// A body that cannot be read.
    pub(crate) fn body(cause: impl std::fmt::Display) -> Self {
        Self::Bad(format!("bad request body: {cause}"))
    }

    /// The HTTP status that says so.
    pub(crate) const fn status(&self) -> u16 {
        match self {
            Self::Bad(_) => 400,
            Self::NotFound(_) => 404,
            Self::Conflict(_) => 409,
            Self::Listen(_) => 500,
        }
    }
}

impl From<BadToxic> for Refusal {
    fn from(bad: BadToxic) -> Self {
        match bad {
            BadToxic::Setting { .. } => Self::body(bad),
            _ => Self::Bad(bad.to_string()),
        }
    }
}
