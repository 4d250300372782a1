//! Files of other tools as probe files: pure text in, text and a list of what was left out.
//!
//! ```text
//!  login.hurl   ──► hurl/file.rs (what stands there) ──► hurl/step.rs (what it is here) ──► write.rs ──► TOML
//!  blackbox.yml ─► Config (as the prober reads it) ─► blackbox/http.rs … (a file each kind) ─► write.rs ──► TOML
//! ```
//!
//! What a file says and a probe cannot say is never dropped in silence, nor guessed at: it is listed with its
//! place and the reason.

mod blackbox;
mod hurl;
mod words;
mod write;

use std::ops::Range;

pub use blackbox::blackbox;
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

/// A file's stem as a probe's name.
fn stem(stem: &str) -> String {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let stem: String = stem
        .chars()
        .map(|c| if is_good(c) { c } else { '-' })
        .take(64)
        .collect();
    match stem.trim_start_matches(['-', '_', '.']) {
        "" => "imported".to_owned(),
        stem => stem.to_owned(),
    }
}
