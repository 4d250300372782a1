//! Reads `prober.toml`: what a region's prober is told beside its probes. One file here for each table.

mod control;
mod peers;
mod quorum;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use gameday_core::{Problem, Problems, RegionName, Source, Table, TokenFrom};
use gameday_probe::{Peer, Rules};

use crate::notify::{Quiet, ReceiverFile, read_quiet, read_receivers};

pub(super) use control::ControlTarget;

/// The tables of the file.
pub(crate) const TABLES: [&str; 5] = ["control", "quorum", "peers", "notify", "quiet"];

/// What the file says.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where it stands.
    pub(super) source: Source,
    /// What this region must reach before its own word counts.
    pub(super) control: Option<ControlTarget>,
    /// How the regions decide.
    pub(super) rules: Rules,
    /// The probers of other regions, and where each stands.
    pub(super) peers: Vec<(Range<usize>, Peer)>,
    /// Who is told of alerts.
    pub(super) receivers: Vec<ReceiverFile>,
    /// When tickets wait.
    pub(super) quiet: Option<Quiet>,
}

impl Config {
    /// Reads a file for a prober of these regions.
    ///
    /// # Errors
    /// Every problem of the file.
    pub(super) fn load(path: &Path, regions: &[RegionName]) -> Result<Self, Vec<Problem>> {
        Self::read(&Source::read(path)?, Some(regions))
    }

    /// The files that hold its secrets.
    pub(super) fn secret_files(&self) -> BTreeSet<PathBuf> {
        let peers = self.peers.iter().filter_map(|(_, peer)| peer.token.as_ref());
        let receivers = self.receivers.iter().flat_map(ReceiverFile::secrets);
        let files = peers.chain(receivers).filter_map(TokenFrom::file);
        files.map(Path::to_path_buf).collect()
    }

    /// The file itself and every file that it names.
    pub(super) fn files(&self) -> BTreeSet<PathBuf> {
        let authorities = self.peers.iter().filter_map(|(_, peer)| peer.ca.clone());
        let own = std::iter::once(self.source.path.clone());
        own.chain(authorities).chain(self.secret_files()).collect()
    }

    /// Reads a file that is only checked: which regions are looked from here is not known.
    ///
    /// # Errors
    /// Every problem of the file.
    pub(crate) fn check(source: &Source) -> Result<(), Vec<Problem>> {
        Self::read(source, None).map(drop)
    }

    fn read(source: &Source, regions: Option<&[RegionName]>) -> Result<Self, Vec<Problem>> {
        let problems = Problems::new(source);
        let mut root = Table::parse(&problems);
        let control = control::read(&mut root);
        let peers = peers::read(&mut root, regions.unwrap_or_default());
        let rules = quorum::read(&mut root, regions, &peers);
        let receivers = read_receivers(&mut root);
        let quiet = read_quiet(&mut root);
        root.finish();
        problems.into_result(Some(Self {
            source: source.clone(),
            control,
            rules,
            peers,
            receivers,
            quiet,
        }))
    }
}

#[cfg(test)]
mod tests;
