//! Files of other tools as probe files: pure text in, text and a list of what was left out.
//!
//! ```text
//!  login.hurl   ──► hurl/file.rs (what stands there) ──► hurl/step.rs (what it is here) ──► write.rs ──► TOML
//! ```
//!
//! What a file says and a probe cannot say is never dropped in silence, nor guessed at: it is listed with its
//! place and the reason.

mod hurl;
mod write;

use std::ops::Range;

pub use hurl::hurl;

/// What came of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Each with the name that its file should have.
    pub files: Vec<ProbeFile>,
    /// In the order of the file.
    pub left_out: Vec<LeftOut>,
}

/// The text of a probe's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeFile {
    /// The probe's name: the file's stem.
    pub stem: String,
    /// TOML.
    pub text: String,
}

/// Something that is not in the probe's file, or not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it stands in the file that was read, in bytes.
    pub place: Range<usize>,
    /// What it is, as it was typed, or its beginning.
    pub what: String,
    /// Why, and what to do.
    pub why: String,
}

impl LeftOut {
    /// The line in which it stands, from 1.
    #[must_use]
    pub fn line(&self, text: &str) -> usize {
        let before = text.as_bytes().iter().take(self.place.start);
        before.filter(|byte| **byte == b'\n').count() + 1
    }
}
