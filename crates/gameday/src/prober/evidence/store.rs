//! Writes bundles down beside the looking: a disk that is slow or full delays and ends nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use gameday_core::{ProbeName, RegionName};

use super::shelf::{Limits, Shelf, kept_of};
use super::{Bundle, Seen};
use crate::output;

/// Failures that wait to be written; those beyond are counted.
const MAX_WAITING: usize = 256;
/// A bundle's size; a larger one loses what was seen last, and says so.
const MAX_BUNDLE_BYTES: usize = 1024 * 1024;
const LIMITS: Limits = Limits {
    bundles: 20,
    bytes: 4 * 1024 * 1024,
    all_bytes: 512 * 1024 * 1024,
};

/// A failure that is to be written.
struct Draft {
    probe: ProbeName,
    region: RegionName,
    bad: Seen,
    good: Option<Seen>,
}

/// Where bundles go.
pub(in crate::prober) struct Store {
    dir: Option<PathBuf>,
    out: Option<SyncSender<Draft>>,
    lost: Arc<AtomicU64>,
}

impl Store {
    /// Makes the folder, and a thread that writes into it until the store is dropped.
    ///
    /// # Errors
    /// In words: the folder cannot be made.
    pub(in crate::prober) fn open(dir: &Path) -> Result<Self, String> {
        let wrong = |error: std::io::Error| format!("the folder for evidence, {}: {error}", dir.display());
        let mut shelf = Shelf::open(dir.to_owned(), LIMITS).map_err(wrong)?;
        let (out, drafts) = sync_channel::<Draft>(MAX_WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let losses = Arc::clone(&lost);
        let mut said = String::new();
        let write = move || {
            for draft in drafts {
                if let Err(error) = put(&mut shelf, draft) {
                    losses.fetch_add(1, Ordering::Relaxed);
                    // A full disk is told once.
                    if said != error {
                        output::say(&format!("warning: evidence could not be kept: {error}"));
                        said = error;
                    }
                }
            }
        };
        std::thread::Builder::new()
            .name("evidence".to_owned())
            .spawn(write)
            .map_err(wrong)?;
        Ok(Self {
            dir: Some(dir.to_owned()),
            out: Some(out),
            lost,
        })
    }

    /// Keeps nothing.
    pub(in crate::prober) fn none() -> Self {
        Self {
            dir: None,
            out: None,
            lost: Arc::default(),
        }
    }

    /// Keeps a failure beside the last look that was good.
    pub(in crate::prober) fn keep(
        &self,
        probe: ProbeName,
        region: RegionName,
        bad: Seen,
        good: Option<Seen>,
    ) {
        let Some(out) = &self.out else { return };
        let draft = Draft {
            probe,
            region,
            bad,
            good,
        };
        if out.try_send(draft).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The newest failure that is kept; reads the disk.
    pub(in crate::prober) fn newest(&self, probe: &ProbeName, region: &RegionName) -> Option<Bundle> {
        let newest = kept_of(self.dir.as_deref()?, probe, region).pop()?;
        Bundle::read(&newest.path).ok()
    }

    /// How many failures could not be kept.
    pub(in crate::prober) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

fn put(shelf: &mut Shelf, draft: Draft) -> Result<(), String> {
    let at = draft.bad.0;
    let mut bundle = Bundle::new(draft.probe, draft.region, draft.bad, draft.good);
    let mut text = text_of(&bundle)?;
    while text.len() > MAX_BUNDLE_BYTES {
        let good = bundle
            .last_good
            .iter_mut()
            .map(|look| &mut look.evidence.exhibits);
        let Some(most) = good
            .chain([&mut bundle.bad.evidence.exhibits])
            .max_by_key(|exhibits| exhibits.len())
            .filter(|exhibits| !exhibits.is_empty())
        else {
            return Err(format!("{} bytes are too many", text.len()));
        };
        most.truncate(most.len() / 2);
        text = text_of(&bundle)?;
    }
    shelf
        .put(&bundle.probe, &bundle.region, at, &text)
        .map_err(|error| error.to_string())
}

fn text_of(bundle: &Bundle) -> Result<Vec<u8>, String> {
    serde_json::to_vec_pretty(bundle).map_err(|error| error.to_string())
}
