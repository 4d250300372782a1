//! Exit codes, the same for every command; those of `run` come from its report.

/// All went well; of `run`: passed.
pub(crate) const OK: u8 = 0;
/// An expectation failed, or a probe is not up.
pub(crate) const FAILED: u8 = 1;
/// Your files or arguments; also clap's own.
pub(crate) const USAGE: u8 = 2;
/// Ended early and rolled back.
pub(crate) const ABORTED: u8 = 3;
/// Pre-flight refused; nothing was touched.
pub(crate) const REFUSED: u8 = 4;
/// A fault may still be in place.
pub(crate) const UNVERIFIED: u8 = 5;
