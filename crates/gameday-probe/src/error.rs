//! What keeps a flow that was read well from being run here.

use std::path::PathBuf;

/// A flow could not be made ready to run.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BuildError {
    /// A secret's environment variable is not there.
    #[error(
        "the environment variable `{variable}` is not set or empty: the secret `{secret}` of {} comes from it",
        file.display()
    )]
    MissingVariable {
        /// The environment variable.
        variable: String,
        /// The secret that comes from it.
        secret: String,
        /// The flow's file.
        file: PathBuf,
    },
}
