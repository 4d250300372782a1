//! Reads what Alertmanagers' event recorders write, from their files and from what they POST to our receiver.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gameday_alert::{Follow, Recorder, Told};
use gameday_core::{EventKind, SourceName};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::{Report, Reports};
use crate::engine::Input;
use crate::plan::Observe;

/// From one look at a file to the next. The times stand in the events, so this delays what is shown, not what is measured.
const LOOK: Duration = Duration::from_millis(250);
/// Lines that nobody can read are told of so often in one drill.
const MOST_UNREADABLE: usize = 20;

/// What is read of event recorders.
pub(super) struct Events {
    pub(super) recorder: Arc<Recorder>,
    /// Files, each from where it ended before the drill.
    files: Vec<(PathBuf, Follow)>,
    /// What our receiver passes on.
    posted: mpsc::Receiver<Told>,
    pub(super) out: mpsc::Sender<Told>,
}

impl Events {
    /// Finds the end of each file; only what is written from now on counts.
    ///
    /// # Errors
    /// The file that cannot be read, and why.
    pub(super) fn open(observe: &Observe, names: Vec<String>) -> Result<Self, String> {
        let open = |path: &PathBuf| match Follow::begin(path) {
            Ok(follow) => Ok((path.clone(), follow)),
            Err(error) => Err(format!(
                "the events in {} cannot be read: {error}",
                path.display()
            )),
        };
        let (out, posted) = mpsc::channel(1024);
        Ok(Self {
            recorder: Arc::new(Recorder::new(names, &observe.alertmanager)),
            files: observe.event_files.iter().map(open).collect::<Result<_, _>>()?,
            posted,
            out,
        })
    }

    /// A task for each place that they come from.
    pub(super) fn start(self, tasks: &mut JoinSet<()>, reports: &Reports) {
        for (path, follow) in self.files {
            tasks.spawn(follow_file(path, follow, self.recorder.clone(), reports.clone()));
        }
        tasks.spawn(take_posted(self.posted, reports.clone()));
    }
}

async fn take_posted(mut posted: mpsc::Receiver<Told>, reports: Reports) {
    while let Some(told) = posted.recv().await {
        pass_on(told, &reports).await;
    }
}

async fn follow_file(path: PathBuf, mut follow: Follow, recorder: Arc<Recorder>, reports: Reports) {
    let mut every = interval(LOOK);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut lost, mut unreadable) = (false, 0);
    loop {
        every.tick().await;
        match look(follow).await {
            (kept, Ok(lines)) => {
                follow = kept;
                if std::mem::take(&mut lost) {
                    note(&reports, EventKind::SourceBack { source: source() }).await;
                }
                for line in lines {
                    unreadable +=
                        usize::from(!take_line(&path, &line, &recorder, &reports, unreadable).await);
                }
            }
            (kept, Err(error)) => {
                follow = kept;
                if !std::mem::replace(&mut lost, true) {
                    let error = format!("{}: {error}", path.display());
                    note(
                        &reports,
                        EventKind::SourceLost {
                            source: source(),
                            error,
                        },
                    )
                    .await;
                }
            }
        }
    }
}

/// Disks may be slow, and whoever reads them here must not be.
async fn look(mut follow: Follow) -> (Follow, io::Result<Vec<Vec<u8>>>) {
    let look = tokio::task::spawn_blocking(move || {
        let lines = follow.look();
        (follow, lines)
    });
    look.await.expect("it does not panic, and is not aborted")
}

/// Passes on what a line tells; says whether it could be read.
async fn take_line(
    path: &std::path::Path,
    line: &[u8],
    recorder: &Recorder,
    reports: &Reports,
    before: usize,
) -> bool {
    match recorder.read(line) {
        Ok(all) => {
            for told in all {
                pass_on(told, reports).await;
            }
            true
        }
        Err(why) => {
            if before < MOST_UNREADABLE {
                let why = format!("{}: no event of a recorder: {why}", path.display());
                note(reports, EventKind::NotificationRefused { why }).await;
            }
            false
        }
    }
}

async fn pass_on(told: Told, reports: &Reports) {
    if let Some(suppressor) = told.suppressor {
        note(reports, EventKind::SuppressorSeen(Box::new(suppressor))).await;
    }
    let kind = EventKind::Recorded(Box::new(told.recorded.clone()));
    let report = match told.recorded.notification() {
        Some(notification) => Report::Both(kind, Input::Notified(notification)),
        None => Report::Note(kind),
    };
    // The runner is gone only when this task is about to be aborted.
    let _ = reports.send(report).await;
}

async fn note(reports: &Reports, kind: EventKind) {
    let _ = reports.send(Report::Note(kind)).await;
}

fn source() -> SourceName {
    SourceName::new("event_recorder").expect("a name")
}
