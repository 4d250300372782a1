//! Evidence on disk: a bundle for a failure, the last good look beside it, within bounds.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use gameday_core::{ProbeName, RegionName, StepDone, Timestamp};
use gameday_probe::{Evidence, Observation};
use serde::{Deserialize, Serialize};

use super::diff::differences;
use crate::{command, output};

/// Of one probe in one region; the oldest go first.
const MAX_BUNDLES: usize = 20;
/// A failure that goes on is kept again after so many seconds.
const AGAIN_S: i64 = 60;

/// One failure.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Bundle {
    pub(super) probe: ProbeName,
    pub(super) region: RegionName,
    pub(super) at: Timestamp,
    pub(super) bad: Look,
    pub(super) last_good: Option<Look>,
    /// Lines that only one of them has: `-` the good one, `+` the bad one.
    pub(super) differences: Vec<String>,
}

/// A look as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Look {
    pub(super) verdict: String,
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    pub(super) trace_id: Option<String>,
    pub(super) total_us: u64,
    pub(super) steps: Vec<StepDone>,
    pub(super) evidence: Evidence,
}

impl From<&Observation> for Look {
    fn from(seen: &Observation) -> Self {
        Self {
            verdict: seen.outcome.word().to_owned(),
            reason: seen.outcome.reason().map(|reason| reason.to_string()),
            message: seen.message.clone(),
            trace_id: seen.trace_id.clone(),
            total_us: super::book::micros(seen.total),
            steps: seen.steps.clone(),
            evidence: seen.evidence.clone(),
        }
    }
}

/// Where bundles are.
pub(super) struct Store {
    dir: PathBuf,
}

/// The folder that is used when none is named.
pub(super) fn default_dir() -> Result<PathBuf, String> {
    Ok(command::state_home()?.join("gameday/evidence"))
}

impl Store {
    /// Makes the folder.
    ///
    /// # Errors
    /// In words: it cannot be made.
    pub(super) fn open(dir: Option<&Path>) -> Result<Self, String> {
        let dir = match dir {
            Some(dir) => dir.to_owned(),
            None => default_dir()?,
        };
        fs::create_dir_all(&dir)
            .map_err(|error| format!("the folder for evidence, {}: {error}", dir.display()))?;
        Ok(Self { dir })
    }

    /// Keeps a failure if it is the first, or the last one that was kept is old. An error is told, and no more:
    /// looking goes on.
    pub(super) fn keep(
        &self,
        probe: &ProbeName,
        region: &RegionName,
        is_first: bool,
        bad: &Observation,
        good: Option<&Observation>,
    ) {
        let now = Timestamp::now();
        let dir = self.dir.join(probe.as_str()).join(region.as_str());
        let kept = bundles_in(&dir);
        if !is_first && kept.last().is_some_and(|newest| age_s(newest, now) < AGAIN_S) {
            return;
        }
        let bundle = Bundle {
            probe: probe.clone(),
            region: region.clone(),
            at: now,
            bad: bad.into(),
            last_good: good.map(Look::from),
            differences: good
                .map(|good| differences(&good.evidence, &bad.evidence))
                .unwrap_or_default(),
        };
        if let Err(error) = write(&dir, &bundle) {
            output::say(&format!(
                "warning: evidence of {probe} could not be kept: {error}"
            ));
        }
        let excess = (kept.len() + 1).saturating_sub(MAX_BUNDLES);
        for old in &kept[..excess.min(kept.len())] {
            fs::remove_file(old).ok();
        }
    }
}

fn write(dir: &Path, bundle: &Bundle) -> std::io::Result<()> {
    fs::create_dir_all(dir)?;
    let name = bundle.at.to_ms_string().replace(':', "-");
    let text = serde_json::to_vec_pretty(bundle).map_err(std::io::Error::other)?;
    // Whole or not at all: whoever reads it meanwhile finds no half.
    let draft = dir.join(format!(".{name}.draft"));
    fs::File::create(&draft)?.write_all(&text)?;
    fs::rename(&draft, dir.join(format!("{name}.json")))
}

/// The bundles of a folder, the oldest first: their names are times.
pub(super) fn bundles_in(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let mut bundles: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    bundles.sort();
    bundles
}

/// How long ago a bundle was written, by its name.
fn age_s(bundle: &Path, now: Timestamp) -> i64 {
    let name = bundle.file_stem().unwrap_or_default().to_string_lossy();
    // Its hours and minutes have dashes, as file names of some systems must.
    let time = name
        .split_once('T')
        .map(|(day, time)| format!("{day}T{}", time.replace('-', ":")));
    let written = time.and_then(|time| Timestamp::parse(&time).ok());
    written.map_or(i64::MAX, |written| now.micros_since(written) / 1_000_000)
}
