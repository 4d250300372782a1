//! `prober.toml`, made ready: who is followed, who is told, and which files must be watched.

use std::collections::BTreeSet;
use std::path::PathBuf;

use gameday_core::{Problem, RegionName};

use super::config::Config;
use super::council::{Ready, digest};
use super::files::Files;
use crate::notify::{Quiet, Receiver};

/// What the file says, with every secret fetched.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) council: Option<Ready>,
    pub(super) receivers: Vec<Receiver>,
    pub(super) quiet: Option<Quiet>,
    /// The file and all that it names.
    pub(super) files: BTreeSet<PathBuf>,
    /// The same for the same content of these files.
    pub(super) digest: u64,
}

/// Where settings come from.
pub(super) struct SettingsFrom {
    /// Without a file nobody is followed and nobody told.
    pub(super) path: Option<PathBuf>,
    pub(super) regions: Vec<RegionName>,
    /// Whether this prober serves, so that peers can follow it.
    pub(super) is_served: bool,
}

impl Settings {
    /// The regions of other probers, which tell of the same alerts.
    pub(super) fn there(&self) -> BTreeSet<RegionName> {
        self.council.as_ref().map(Ready::there).unwrap_or_default()
    }
}

impl SettingsFrom {
    /// Reads the file.
    ///
    /// # Errors
    /// Every problem of the file, or every secret that cannot be had.
    pub(super) fn load(&self, files: &Files) -> Result<Settings, Vec<Problem>> {
        let Some(path) = &self.path else {
            return Ok(Settings::default());
        };
        let mut config = Config::load(path, &self.regions)?;
        if let Some((place, _)) = config.peers.first().filter(|_| !self.is_served) {
            let message = "[peers] follow this prober as it follows them";
            let problem = config.source.problem(place.clone(), message);
            return Err(vec![problem.hint("start it with `--listen ADDR`")]);
        }
        let watched = config.files();
        let digest = digest(&config.source.text, watched.iter().map(PathBuf::as_path));
        let mut problems = Vec::new();
        let mut receivers = Vec::new();
        for receiver in &config.receivers {
            match receiver.open(|name| files.environment.get(name).cloned()) {
                Ok(receiver) => receivers.push(receiver),
                Err(why) => problems.push(config.source.problem(receiver.place.clone(), why)),
            }
        }
        let quiet = config.quiet.take();
        let council = Ready::new(&mut config, &files.connector, &files.environment);
        match (council, problems.is_empty()) {
            (Ok(council), true) => Ok(Settings {
                council,
                receivers,
                quiet,
                files: watched,
                digest,
            }),
            (council, _) => Err(problems
                .into_iter()
                .chain(council.err().unwrap_or_default())
                .collect()),
        }
    }
}
