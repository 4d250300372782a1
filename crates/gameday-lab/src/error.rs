//! What can go wrong with a lab, told so that a reader knows which part and what to do.

use std::io;
use std::path::PathBuf;

/// Why a lab could not be chosen, started, kept or stopped.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The real lab was asked for and programs it needs are not there.
    #[error("the real lab needs {missing}; install the Debian packages {packages}, or use the embedded lab")]
    Missing {
        /// What was not found.
        missing: String,
        /// The packages that bring it.
        packages: String,
    },
    /// A word that names no lab.
    #[error("no lab is named `{0}`; there are `real` and `embedded`")]
    UnknownKind(String),
    /// A word that names no choice of lab.
    #[error("no choice of lab is named `{0}`; there are `auto`, `real` and `embedded`")]
    UnknownChoice(String),
    /// A role that no child of the lab has.
    #[error("the lab has no role named `{0}`")]
    UnknownRole(String),
    /// A child was started with settings it cannot read.
    #[error("the settings of the lab's role `{role}` cannot be read: {source}")]
    Settings {
        /// The role that was asked for.
        role: String,
        /// Why they cannot be read.
        #[source]
        source: serde_json::Error,
    },
    /// Something of the operating system failed.
    #[error("the lab could not {doing}: {source}")]
    Io {
        /// What was being tried.
        doing: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An HTTP request of the lab's own failed.
    #[error("the lab could not {doing}: {source}")]
    Http {
        /// What was being tried.
        doing: String,
        /// What the client said.
        #[source]
        source: reqwest::Error,
    },
    /// A request to the ledger's server failed.
    #[error("the lab could not {doing}: {source}")]
    Ledger {
        /// What was being tried.
        doing: String,
        /// What the client or the server said.
        #[source]
        source: tokio_postgres::Error,
    },
    /// A child that must live as long as the lab has ended.
    #[error("`{child}` of the lab ended ({status}){}", tail_of(tail))]
    ChildDied {
        /// The part's name.
        child: String,
        /// How it ended.
        status: String,
        /// The last lines of its log.
        tail: String,
    },
    /// A part did not become ready in time.
    #[error("`{part}` of the lab was not ready within {limit_s} s: {last}")]
    NotReady {
        /// The part's name.
        part: String,
        /// How long it was waited for.
        limit_s: u64,
        /// What the last look at it said.
        last: String,
    },
    /// The parent had gone before the child could bind itself to it.
    #[error("the lab's supervisor (process {0}) has gone")]
    ParentGone(u32),
    /// `gameday lab up` ended or stayed silent instead of telling its addresses.
    #[error("the lab did not start: {reason}{}", tail_of(tail))]
    NotStarted {
        /// What was seen.
        reason: String,
        /// The last lines it wrote to standard error.
        tail: String,
    },
    /// A lab that was told to stop left something behind.
    #[error("the lab of process {pid} did not stop cleanly: {left} (its folder is {})", dir.display())]
    LeftBehind {
        /// The supervisor.
        pid: u32,
        /// Its folder.
        dir: PathBuf,
        /// What is still there.
        left: String,
    },
}

impl LabError {
    /// Makes an [`io::Error`] say what was being tried: `.map_err(LabError::io("read its log"))`.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> LabError {
        let doing = doing.into();
        move |source| LabError::Io { doing, source }
    }

    /// True when a part failed because another program had taken its port in the meantime.
    pub(crate) fn is_port_clash(&self) -> bool {
        matches!(self, LabError::ChildDied { tail, .. }
            if tail.to_ascii_lowercase().contains("address already in use"))
    }
}

fn tail_of(tail: &str) -> String {
    match tail.trim_end() {
        "" => String::new(),
        tail => format!("; its last lines were:\n{tail}"),
    }
}
