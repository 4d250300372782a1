//! A deed that a helper does and holds: it is undone when we renew no more.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Mutex as Lock;
use std::time::Duration;

use futures_util::future::BoxFuture;
use gameday_core::SourceName;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::child::{Ending, Helper};
use super::{Effect, Fault, FaultError, Undo};
use crate::deed::{Deed, Progress, Seen, State};
use crate::helper::Said;

/// A deed with its helper.
#[derive(Debug)]
pub struct HeldFault {
    program: PathBuf,
    deed: Lock<Deed>,
    /// Where it is marked how far the deed is.
    mark: PathBuf,
    /// How far it is as its helper has told us, should the mark get lost.
    known: Lock<Progress>,
    clock: SourceName,
    helper: Mutex<Option<Helper>>,
    /// What the helper said last.
    seen: Lock<Effect>,
    /// Why it could not be undone, when that was tried last.
    trouble: Lock<Option<String>>,
}

/// Why a deed is lost.
const ENDED_BY_HELPER: &str = "the helper ended it: the runner did not renew it in time";
const HELPER_GONE: &str = "its helper ended";

impl HeldFault {
    /// A deed that is not done yet; `program` is the binary that has the helper.
    #[must_use]
    pub fn new(program: &Path, deed: Deed, mark: PathBuf, clock: SourceName) -> Self {
        Self {
            program: program.to_owned(),
            deed: Lock::new(deed),
            mark,
            known: Lock::default(),
            clock,
            helper: Mutex::new(None),
            seen: Lock::default(),
            trouble: Lock::default(),
        }
    }

    fn deed(&self) -> Deed {
        self.deed.lock().expect("no holder panics").clone()
    }

    fn known(&self) -> Progress {
        *self.known.lock().expect("no holder panics")
    }

    fn knows(&self, progress: Progress) {
        *self.known.lock().expect("no holder panics") = progress;
    }

    fn seen(&self) -> Effect {
        self.seen.lock().expect("no holder panics").clone()
    }

    fn is_lost(&self, why: &str) -> Effect {
        let mut seen = self.seen.lock().expect("no holder panics");
        seen.lost.get_or_insert_with(|| why.to_owned());
        seen.clone()
    }

    /// Renews, and takes in what the helper answers.
    async fn ask(&self, helper: &mut Helper) -> Result<Effect, FaultError> {
        if !helper.renew().await {
            return Ok(self.is_lost(if helper.has_undone() {
                ENDED_BY_HELPER
            } else {
                HELPER_GONE
            }));
        }
        match helper.said(Duration::ZERO).await {
            Ok(Said::Seen(seen)) => self.take(seen),
            Ok(_) => Ok(self.is_lost(ENDED_BY_HELPER)),
            Err(Ending::Over) => Ok(self.is_lost(HELPER_GONE)),
            Err(ending) => Err(ending.into()),
        }
    }

    fn take(&self, now: Seen) -> Result<Effect, FaultError> {
        let mut seen = self.seen.lock().expect("no holder panics");
        (seen.touched, seen.first_touched) = (now.touched, now.first);
        match now.state {
            State::Holds => {}
            State::Lost(why) => _ = seen.lost.get_or_insert(why),
            State::Over(how) => _ = seen.over.get_or_insert(how),
            State::Unknown(why) => return Err(FaultError::Refused(why)),
        }
        Ok(seen.clone())
    }

    /// Whatever became of the helper: what counts is that the deed is undone.
    async fn undo_for_helper(&self) -> Result<String, FaultError> {
        let (deed, mark, known) = (self.deed(), self.mark.clone(), self.known());
        let undone = blocking(move || deed.undo_for_helper(&mark, known)).await?;
        if known == Progress::Begun {
            self.knows(Progress::Undone);
        }
        Ok(undone)
    }
}

async fn blocking(
    work: impl FnOnce() -> Result<String, String> + Send + 'static,
) -> Result<String, FaultError> {
    let done = spawn_blocking(work).await;
    done.map_err(|error| error.to_string())
        .and_then(|done| done)
        .map_err(FaultError::Refused)
}

impl Fault for HeldFault {
    fn check(&self) -> BoxFuture<'_, Result<String, FaultError>> {
        let deed = self.deed();
        Box::pin(blocking(move || deed.act().check()))
    }

    fn inject(&self, lease: Duration) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async move {
            let deed = self.deed();
            let (lease_ms, text) = (lease.as_millis().to_string(), serde_json::to_string(&deed));
            let text = text.expect("texts and numbers");
            let words = ["hold", "--lease-ms", &lease_ms, "--deed", &text, "--mark"].map(OsStr::new);
            let words: Vec<&OsStr> = words.into_iter().chain([self.mark.as_os_str()]).collect();
            let mut slot = self.helper.lock().await;
            let helper = slot.insert(Helper::start(&self.program, &words)?);
            let said = helper.said(deed.act().takes()).await?;
            if !matches!(said, Said::Refused(_)) {
                self.knows(Progress::Begun);
            }
            match said {
                Said::InPlace(seen) => {
                    // What could not be looked at is in place all the same.
                    let _ = self.take(seen);
                    Ok(())
                }
                Said::Refused(why) => {
                    *slot = None;
                    Err(FaultError::Refused(why))
                }
                Said::Failed(why) => Err(FaultError::Refused(why)),
                other => Err(FaultError::Refused(format!("the helper said {other:?}"))),
            }
        })
    }

    fn renew(&self) -> BoxFuture<'_, Result<Effect, FaultError>> {
        Box::pin(async {
            match self.helper.lock().await.as_mut() {
                Some(helper) if !helper.is_dismissed() => self.ask(helper).await,
                _ => Ok(self.seen()),
            }
        })
    }

    fn remove(&self) -> BoxFuture<'_, Result<Effect, FaultError>> {
        Box::pin(async {
            let mut slot = self.helper.lock().await;
            let Some(helper) = slot.as_mut() else {
                self.undo_for_helper().await?;
                return Ok(self.seen());
            };
            if !helper.is_dismissed() && !helper.is_stuck(Duration::MAX) {
                // The last count; one that does not answer any more is undone all the same.
                let _ = self.ask(helper).await;
            }
            match helper.undo(self.takes()).await {
                // It tries again, and so do we.
                Err(Ending::NotUndone(why)) => {
                    *self.trouble.lock().expect("no holder panics") = Some(why.clone());
                    return Err(FaultError::Refused(why));
                }
                // It never will: it is ended, and what it has done undone without it.
                Err(Ending::Silent) => helper.end().await,
                Ok(()) | Err(_) => {}
            }
            *slot = None;
            drop(slot);
            self.undo_for_helper().await?;
            Ok(self.seen())
        })
    }

    fn verify(&self) -> BoxFuture<'_, Result<String, FaultError>> {
        let (deed, mark, known) = (self.deed(), self.mark.clone(), self.known());
        let trouble = self.trouble.lock().expect("no holder panics").clone();
        Box::pin(blocking(move || {
            let told = |why: String| trouble.map_or(why.clone(), |trouble| format!("{trouble} ({why})"));
            deed.verify(&mark, known).map_err(told)
        }))
    }

    fn undo(&self) -> Undo {
        let mut deed = self.deed.lock().expect("no holder panics");
        *deed = deed.clone().prepared();
        Undo::Held {
            deed: Box::new(deed.clone()),
            mark: self.mark.clone(),
        }
    }

    fn clock(&self) -> SourceName {
        self.clock.clone()
    }

    /// A byte through a pipe costs nothing, and what is over by itself should be known soon.
    fn renew_every(&self, lease: Duration) -> Duration {
        (lease / 3).min(Duration::from_secs(1))
    }

    fn takes(&self) -> Duration {
        self.deed().act().takes()
    }
}
