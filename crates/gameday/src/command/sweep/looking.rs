//! Looking at a sweep while it runs: on one page and in one terminal, each point's drill in its turn.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::ChildStderr;
use tokio::time::{Instant, sleep};

use crate::live::terminal::{self, View};
use crate::live::{Door, InSweep, Live, Pace};
use crate::output;

/// The journal of a drill that is over is read to its end within this.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Who looks, and at which drills they looked already.
pub(super) struct Looking {
    live: Option<Live>,
    view: Option<View>,
    known: BTreeSet<OsString>,
    /// The point whose drill has not begun yet.
    awaited: Option<InSweep>,
}

impl Looking {
    /// Serves a page if one is wanted, and draws in the terminal if there is one.
    ///
    /// # Errors
    /// In words: no thread can be started.
    pub(super) fn start(folder: &Path, door: Option<Door>, plain: bool) -> Result<Self, String> {
        let drawn = terminal::is_wanted(plain);
        let url = door.as_ref().map(Door::url);
        let live = match door.is_some() || drawn {
            true => Some(Live::of_a_sweep(folder, door, Pace::AsWritten)?),
            false => None,
        };
        if let Some(url) = url {
            output::say(&format!("page on {url}"));
        }
        // A terminal that cannot be drawn on still shows lines.
        let view = live.as_ref().filter(|_| drawn);
        Ok(Self {
            view: view.and_then(|live| View::start(live.hub()).ok()),
            live,
            known: drills(folder).collect(),
            awaited: None,
        })
    }

    /// Whether anybody may look.
    pub(super) fn is_on(&self) -> bool {
        self.live.is_some()
    }

    /// Whether the terminal is drawn on, so that nobody else may write there.
    pub(super) fn is_drawn(&self) -> bool {
        self.view.is_some()
    }

    /// A point's drill is about to be started.
    pub(super) fn next_point(&mut self, point: InSweep) {
        self.awaited = self.is_on().then_some(point);
    }

    /// Turns to the drill of the point once its journal is there.
    pub(super) fn look_for_the_drill(&mut self, folder: &Path) {
        let (Some(live), Some(point)) = (&self.live, &self.awaited) else {
            return;
        };
        let Some(drill) = drills(folder).find(|drill| !self.known.contains(drill)) else {
            return;
        };
        // A journal that cannot be opened is told of by the drill itself.
        if live.turn_to(&folder.join(&drill), point.clone()).is_ok() {
            self.awaited = None;
            self.known.insert(drill);
        }
    }

    /// Whether somebody pressed "stop now" during the drill that is over.
    pub(super) async fn was_stopped_by_a_person(&self) -> bool {
        let Some(live) = self.live.as_ref().filter(|_| self.awaited.is_none()) else {
            return false;
        };
        // Its last lines may still be read.
        let deadline = Instant::now() + LAST_LINES;
        while !live.hub.is_over() && Instant::now() < deadline {
            sleep(Duration::from_millis(20)).await;
        }
        live.hub.look(|view, _| view.is_stopped_by_a_person())
    }

    /// The sweep is over.
    pub(super) fn finish(self) {
        self.live.into_iter().for_each(Live::finish);
        self.view.into_iter().for_each(View::finish);
    }
}

/// The names of the drills in a sweep's folder.
fn drills(folder: &Path) -> impl Iterator<Item = OsString> + use<> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.path().join("journal.jsonl").is_file())
        .map(|entry| entry.file_name())
}

/// Hands on what a drill says, line by line: the terminal is somebody else's.
pub(super) async fn tell(stderr: ChildStderr) {
    let mut lines = BufReader::new(stderr).lines();
    // What is no text is nothing that anybody could read.
    while let Ok(Some(line)) = lines.next_line().await {
        output::say(&line);
    }
}
