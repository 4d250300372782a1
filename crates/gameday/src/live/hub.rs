//! The state that everybody looks at, and who looks.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use gameday_core::Event;
use gameday_drill::{Said, Unheard, Word};
use gameday_report::View;
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;

use crate::progress::Progress;

/// The state of a drill for those who look at it.
pub(crate) struct Hub {
    /// How many times as fast as it was.
    pub(crate) speed: f64,
    /// Known to the pages of this process alone: who sends it back was not led here by a foreign page.
    pub(crate) secret: String,
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    /// Counts the drills that were shown: a sweep shows one after the other.
    turn: AtomicU64,
    over: AtomicBool,
    /// Pages that look, and those of them that were sent everything there will be.
    looking: AtomicUsize,
    done: AtomicUsize,
}

#[derive(Default)]
struct State {
    /// The drill's folder.
    folder: PathBuf,
    view: View,
    lines: Progress,
    broken: Option<String>,
    sweep: Option<InSweep>,
}

/// Where in a sweep a drill stands.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct InSweep {
    /// The point, e.g. `point 2 of 4: delay=60ms`.
    pub(crate) point: String,
    /// What each earlier point came to, a line each.
    pub(crate) earlier: Vec<String>,
    /// Another point follows this one.
    pub(crate) more: bool,
}

impl Hub {
    pub(super) fn new(folder: &Path, speed: f64) -> Self {
        Self {
            speed,
            secret: uuid::Uuid::new_v4().to_string(),
            state: Mutex::new(State {
                folder: folder.to_owned(),
                ..State::default()
            }),
            changes: watch::Sender::new(0),
            turn: AtomicU64::new(0),
            over: AtomicBool::new(false),
            looking: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    /// Another drill is shown from now on, from its beginning.
    pub(super) fn turn_to(&self, folder: PathBuf, sweep: InSweep) {
        *self.state() = State {
            folder,
            sweep: Some(sweep),
            ..State::default()
        };
        self.turn.fetch_add(1, Ordering::SeqCst);
        self.over.store(false, Ordering::SeqCst);
        self.done.store(0, Ordering::SeqCst);
        self.changed();
    }

    /// Which drill is shown, counted.
    pub(super) fn turn(&self) -> u64 {
        self.turn.load(Ordering::SeqCst)
    }

    pub(super) fn take(&self, event: &Event) {
        let mut state = self.state();
        state.view.take(event);
        if let Some(line) = state.lines.line(event) {
            state.view.say(line.text, line.stages);
        }
        drop(state);
        self.over.store(false, Ordering::SeqCst);
        self.changed();
    }

    /// The journal ends here, and nobody writes it.
    pub(super) fn nothing_more(&self) {
        if !self.over.swap(true, Ordering::SeqCst) {
            self.changed();
        }
    }

    /// The journal cannot be read on.
    pub(super) fn broken(&self, why: String) {
        self.state().broken = Some(why);
        self.nothing_more();
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Tells of changes; several may be told as one.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whether the drill is over and its journal was read to the end.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// What a page that knows the state of an event needs to know of now, and the number of that event.
    pub(super) fn since(&self, seq: Option<u64>) -> (Option<u64>, String) {
        let state = self.state();
        let said = json!({
            // A page of another drill begins anew.
            "session": format!("{}-{}", self.secret.get(..8).unwrap_or_default(), self.turn()),
            "sweep": state.sweep,
            "speed": self.speed,
            "over": self.is_over(),
            "broken": state.broken,
            "view": state.view.since(seq),
        });
        (state.view.seq(), said.to_string())
    }

    /// Looks at the state; whoever looks must be quick.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&View, Option<&str>) -> T) -> T {
        self.look_in_sweep(|view, broken, _| look(view, broken))
    }

    /// As [`Hub::look`], with where in a sweep the drill stands.
    pub(crate) fn look_in_sweep<T>(
        &self,
        look: impl FnOnce(&View, Option<&str>, Option<&InSweep>) -> T,
    ) -> T {
        let state = self.state();
        look(&state.view, state.broken.as_deref(), state.sweep.as_ref())
    }

    /// Says something to the drill. Stopping must work even where sockets do not: the file `stop` does it too.
    pub(crate) async fn say(&self, said: Said) -> Result<String, String> {
        let stop = said.word == Word::Stop;
        let folder = self.state().folder.clone();
        match gameday_drill::say(&folder, said).await {
            Err(Unheard::Nobody { .. } | Unheard::Silent(_)) if stop && !self.is_over() => {
                let file = folder.join("stop");
                let made = std::fs::File::create(&file);
                made.map(|_| "stopping, by the file `stop` in the drill's folder".to_owned())
                    .map_err(|error| format!("cannot make {}: {error}", file.display()))
            }
            answer => answer.map_err(|error| error.to_string()),
        }
    }

    pub(super) fn look_begins(&self) {
        self.looking.fetch_add(1, Ordering::SeqCst);
    }

    /// Of which drill the end was seen, if any was.
    pub(super) fn look_ends(&self, saw_the_end_of: Option<u64>) {
        self.looking.fetch_sub(1, Ordering::SeqCst);
        if saw_the_end_of == Some(self.turn()) {
            self.done.fetch_sub(1, Ordering::SeqCst);
        }
    }

    pub(super) fn saw_the_end(&self) {
        self.done.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether nobody who looks waits for the end of the drill.
    pub(super) fn everybody_saw_the_end(&self) -> bool {
        let looking = self.looking.load(Ordering::SeqCst);
        looking == 0 || (self.is_over() && self.done.load(Ordering::SeqCst) >= looking)
    }
}
