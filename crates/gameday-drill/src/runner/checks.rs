//! What pre-flight has looked at, and what it found.

use std::io;

use gameday_core::{EventKind, Journal};

/// One look of the pre-flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// What was found, or why a drill would be refused.
    pub found: Result<String, String>,
}

/// The checks so far; each is written down as it is made, if there is a journal.
pub(super) struct Checks<'j> {
    journal: Option<&'j Journal>,
    pub(super) made: Vec<Check>,
}

impl<'j> Checks<'j> {
    pub(super) fn new(journal: Option<&'j Journal>) -> Self {
        Self {
            journal,
            made: Vec::new(),
        }
    }

    pub(super) fn note(
        &mut self,
        name: impl Into<String>,
        found: Result<String, String>,
    ) -> io::Result<bool> {
        let name = name.into();
        let ok = found.is_ok();
        let (Ok(detail) | Err(detail)) = found.clone();
        self.made.push(Check {
            name: name.clone(),
            found,
        });
        self.record(EventKind::Checked { name, ok, detail })?;
        Ok(ok)
    }

    /// What a drill should be changed for, and is not refused for.
    pub(super) fn warn(&mut self, name: &str, what: &str) -> io::Result<()> {
        self.note(name, Ok(format!("beware: {what}"))).map(drop)
    }

    pub(super) fn record(&self, kind: EventKind) -> io::Result<()> {
        self.journal.map_or(Ok(()), |journal| journal.record(kind))
    }

    /// Why the drill must not go on; none when nothing is in its way.
    pub(super) fn refusal(&self) -> Option<String> {
        let refusals = self.made.iter().filter_map(|check| {
            let why = check.found.as_ref().err()?;
            Some(format!("{}: {why}", check.name))
        });
        let refusals: Vec<String> = refusals.collect();
        (!refusals.is_empty()).then(|| refusals.join("; "))
    }
}
