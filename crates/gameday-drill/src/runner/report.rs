//! What the tasks of a run report, through one bounded queue.

use gameday_core::{EventKind, ProbeDone, ProbeName, RegionName};
use gameday_probe::Tick;
use tokio::sync::{mpsc, oneshot};

use crate::engine::{Answer, Input};
use crate::said::Said;

/// What the tasks of a run report.
pub(super) enum Report {
    /// For the journal and for the engine.
    Both(EventKind, Input),
    /// For the journal alone.
    Note(EventKind),
    /// For the engine alone.
    Input(Input),
    /// A tick of a probe of our own.
    Tick(Tick),
    /// A look of a region that is followed.
    Looked(RegionName, Box<ProbeDone>),
    /// Looks of a region that is followed, which did not come.
    Missed(RegionName, ProbeName, u64),
    /// For the journal, of a region.
    In(RegionName, EventKind),
    /// A person said something, and waits for the answer.
    Said(Said, oneshot::Sender<Answer>),
}

pub(super) type Reports = mpsc::Sender<Report>;

/// Bounds the queue of reports: a second of a busy drill.
pub(super) const QUEUE: usize = 4096;
