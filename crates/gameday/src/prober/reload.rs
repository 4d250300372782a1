//! Files are read at the start, and again when they change, at SIGHUP and when asked; a bad file changes nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gameday_core::Problem;
use gameday_probe::{Scheduled, Tick};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::book::Book;
use super::council::{Council, Sitting};
use super::files::{Files, Loaded, Stamp, stamp};
use super::settings::{Settings, SettingsFrom};
use crate::notify;
use crate::output;

/// How often it is looked whether a file has changed.
const PACE: Duration = Duration::from_secs(3);

/// Whoever wants the files read anew, and hears how it went: a line about what is loaded, or the problems.
pub(super) type Ask = oneshot::Sender<Result<String, String>>;

/// Holds what was read, and the tasks that come of it.
pub(super) struct Keeper {
    pub(super) files: Files,
    pub(super) settings: SettingsFrom,
    pub(super) book: Arc<Book>,
    pub(super) council: Arc<Council>,
    /// To the schedule.
    pub(super) change: watch::Sender<Vec<Scheduled>>,
    /// Where looks go that are made to confirm others'.
    pub(super) looks: mpsc::Sender<Tick>,
    /// Where the prober's own page is, for those who are told.
    pub(super) address: String,
    /// Files of flags, which are read at the start alone: what holds until a restart.
    pub(super) fixed: Vec<(&'static str, Stamp)>,
    pub(super) holds: Holds,
}

/// What is in force.
#[derive(Default)]
pub(super) struct Holds {
    /// Bodies, certificates and keys that the probes' files name.
    beside: BTreeSet<PathBuf>,
    /// `prober.toml` and all that it names.
    settings: BTreeSet<PathBuf>,
    digest: Option<u64>,
    sitting: Sitting,
    /// One for each receiver.
    workers: JoinSet<()>,
}

impl Keeper {
    /// Takes what was read at the start.
    pub(super) fn begin(&mut self, beside: BTreeSet<PathBuf>, settings: Settings) {
        self.holds.beside = beside;
        self.take_settings(settings);
    }

    /// Reads again whenever it should.
    pub(super) async fn keep<T>(mut self, mut hangups: mpsc::Receiver<T>, mut asked: mpsc::Receiver<Ask>) {
        let mut seen = self.fingerprint();
        loop {
            let asker = tokio::select! {
                Some(_) = hangups.recv() => None,
                Some(asker) = asked.recv() => Some(asker),
                () = sleep(PACE) => {
                    if self.fingerprint() == seen {
                        continue;
                    }
                    None
                }
            };
            // Before they are read: what changes meanwhile is seen the next time.
            seen = self.fingerprint();
            let answer = self.reload();
            if answer.is_ok() {
                seen = self.named_anew(&seen);
            }
            if let Some(asker) = asker {
                // Who asked may be gone.
                asker.send(answer).ok();
            }
        }
    }

    fn fingerprint(&self) -> Vec<Stamp> {
        let fixed = self.fixed.iter().map(|(_, (path, ..))| path);
        let named = self.holds.beside.iter().chain(&self.holds.settings);
        self.files.fingerprint(named.chain(fixed))
    }

    /// What was seen, with the files that are named since then.
    fn named_anew(&self, seen: &[Stamp]) -> Vec<Stamp> {
        let known = |path: &Path| seen.iter().find(|(one, ..)| one == path).cloned();
        let now = self.fingerprint().into_iter();
        now.map(|stamp| known(&stamp.0).unwrap_or(stamp)).collect()
    }

    /// All files or none: what is wrong in one may be meant for another.
    fn reload(&mut self) -> Result<String, String> {
        self.tell_fixed();
        let read = match (self.files.load(), self.settings.load(&self.files)) {
            (Ok(loaded), Ok(settings)) => Ok((loaded, settings)),
            (loaded, settings) => {
                let problems = [loaded.err(), settings.err()];
                Err(problems.into_iter().flatten().flatten().collect::<Vec<Problem>>())
            }
        };
        match read {
            Ok((loaded, settings)) => self.take(loaded, settings),
            Err(problems) => {
                let drawn = Problem::draw_all(&problems);
                // Whoever hears of it finds it in the metrics.
                self.book.reloaded(Some(drawn.clone()));
                output::tell(&problems);
                output::say("the files were not loaded: everything stays as it is");
                Err(drawn)
            }
        }
    }

    fn take(&mut self, loaded: Loaded, settings: Settings) -> Result<String, String> {
        self.holds.beside.clone_from(&loaded.beside);
        self.book.expect(&loaded.probes);
        self.book.budgets.expect(loaded.promises(&settings.there()));
        let probes = match loaded.probes.len() {
            1 => "1 probe is loaded".to_owned(),
            count => format!("{count} probes are loaded"),
        };
        let sent = self.change.send(loaded.probes);
        sent.map_err(|_| "the prober ends".to_owned())?;
        let changed = self.take_settings(settings);
        let said = match (&self.settings.path, changed) {
            (Some(path), true) => format!("{probes}, and {} has changed", path.display()),
            _ => probes,
        };
        self.book.reloaded(None);
        output::say(&said);
        Ok(said)
    }

    /// Whether they are other ones than before.
    fn take_settings(&mut self, settings: Settings) -> bool {
        if self.holds.digest.replace(settings.digest) == Some(settings.digest) {
            return false;
        }
        self.holds.settings = settings.files;
        let probes = self.change.borrow().clone();
        self.council
            .sit(&mut self.holds.sitting, settings.council, &probes, &self.looks);
        let board = &self.book.budgets.board;
        for seat in board.seat(settings.receivers, settings.quiet) {
            let work = notify::work(Arc::clone(board), seat, self.address.clone());
            self.holds.workers.spawn(work);
        }
        true
    }

    /// Says once of each change that it has to wait.
    fn tell_fixed(&mut self) {
        for (flag, before) in &mut self.fixed {
            let now = stamp(before.0.clone());
            if now != *before {
                output::say(&format!(
                    "{flag} {}: what it holds now is used after a restart; until then, what it held at the start",
                    now.0.display()
                ));
                *before = now;
            }
        }
    }
}
