//! Deeds: what a helper does to a target, and how it is undone, by the helper or by anybody later. One kind, one file.
//!
//! ```text
//!   runner ── the deed, journaled ──► helper: mark `begun` ► do ► hold and look … ► undo ► mark `undone`
//!                    └───────────────► `heal`: the same undo, if it was begun and is not marked as undone
//! ```

mod burn;
mod command;
mod command_line;
mod fill;
mod hook;
mod kill;
mod limit;
mod loss;
mod mark;
mod pause;
mod unit;

use std::path::Path;
use std::time::Duration;

use gameday_core::Timestamp;
use serde::{Deserialize, Serialize};

pub use burn::Burn;
pub use command::CommandPair;
pub use command_line::CommandLine;
pub use fill::Fill;
pub use hook::{Hook, Request, Text};
pub use kill::{EndSignal, Kill};
pub use limit::{Allowance, Limit, Place, Whose};
pub use loss::LosePackets;
use mark::wait_for_helper_of;
pub(crate) use mark::{Mark, Progress};
pub use pause::Pause;
pub use unit::{UnitAction, UnitDeed};

/// What a helper does and undoes: enough to undo it from another process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// A process is stopped.
    Pause(Pause),
    /// A process is ended.
    Kill(Kill),
    /// Packets are lost by kernel rules.
    Loss(LosePackets),
    /// A control group gets less.
    Limit(Limit),
    /// The machine's CPUs are kept busy.
    Burn(Burn),
    /// The machine's memory is taken.
    Fill(Fill),
    /// A unit of systemd is changed.
    Unit(UnitDeed),
    /// Commands of the user's are run.
    Command(CommandPair),
    /// Requests are sent.
    Hook(Box<Hook>),
}

/// What each kind of deed can do.
pub(crate) trait Act {
    /// Looks whether it could be done; touches nothing.
    fn check(&self) -> Result<String, String>;
    /// Does it; from then on its hold looks at it.
    fn begin(&self) -> Result<Box<dyn Hold>, Failed>;
    /// Undoes it, from whatever process; safe twice. Says what was found and done.
    fn undo(&self) -> Result<String, String>;
    /// Looks whether nothing of it is left.
    fn verify(&self) -> Result<String, String>;
    /// How long doing and undoing may take, each.
    fn takes(&self) -> Duration {
        Duration::ZERO
    }
}

/// Why a deed could not be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// Nothing was touched.
    Untouched(String),
    /// It may be done in part.
    Half(String),
}

impl From<String> for Failed {
    fn from(why: String) -> Self {
        Self::Untouched(why)
    }
}

/// A deed that was done.
pub(crate) trait Hold {
    /// Looks at what it does.
    fn look(&mut self) -> Seen;
    /// Undoes it.
    fn undo(&mut self) -> Result<String, String>;
    /// How often it wants to be looked at when nobody asks.
    fn every(&self) -> Duration {
        SELDOM
    }
    /// The lease was renewed.
    fn renewed(&mut self) {}
}

/// What a look at a deed has shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// How many things it has touched.
    pub(crate) touched: u64,
    /// When the first of them was.
    pub(crate) first: Option<Timestamp>,
    pub(crate) state: State,
}

/// How a deed that was done stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It is in place.
    Holds,
    /// It is no longer in place, though it should be.
    Lost(String),
    /// It is over by itself, as such a thing may be: nothing is left to hold.
    Over(String),
    /// It could not be looked at.
    Unknown(String),
}

impl Seen {
    /// A deed that touches one thing, at the moment it is done.
    fn once(at: Timestamp, state: State) -> Self {
        Self {
            touched: 1,
            first: Some(at),
            state,
        }
    }
}

impl Deed {
    pub(crate) fn act(&self) -> &dyn Act {
        match self {
            Self::Pause(deed) => deed,
            Self::Kill(deed) => deed,
            Self::Loss(deed) => deed,
            Self::Limit(deed) => deed,
            Self::Burn(deed) => deed,
            Self::Fill(deed) => deed,
            Self::Unit(deed) => deed,
            Self::Command(deed) => deed,
            Self::Hook(deed) => &**deed,
        }
    }

    /// The deed with what must be known to undo it, right before it is journaled.
    #[must_use]
    pub(crate) fn prepared(mut self) -> Self {
        match &mut self {
            Self::Pause(deed) => deed.prepare(),
            Self::Kill(deed) => deed.prepare(),
            Self::Limit(deed) => deed.prepare(),
            _ => {}
        }
        self
    }

    /// Looks whether nothing of it is left.
    ///
    /// `known` is how far it is as the runner or its journal knows it: a mark can get lost.
    ///
    /// # Errors
    /// What may still be in place.
    pub(crate) fn verify(&self, mark: &Path, known: Progress) -> Result<String, String> {
        let marked = match mark.exists() {
            true => Mark::take(mark, Duration::ZERO)?.progress()?,
            false => Progress::Untouched,
        };
        match marked.or(known) {
            Progress::Untouched => Ok(NOT_BEGUN.to_owned()),
            Progress::Undone => self.act().verify(),
            Progress::Begun => Err("it was not undone".to_owned()),
        }
    }

    /// Undoes it when no helper does any more, and looks whether it is gone.
    ///
    /// Waits for a helper that is still at it: two that start a process would start two.
    ///
    /// # Errors
    /// Why it may still be in place.
    pub(crate) fn undo_for_helper(&self, mark: &Path, known: Progress) -> Result<String, String> {
        let patience = HELPERS_TIME + self.act().takes();
        if !mark.exists() && known != Progress::Untouched {
            wait_for_helper_of(mark, patience)?;
        }
        let mut mark = Mark::take(mark, patience)?;
        match mark.progress()?.or(known) {
            Progress::Untouched => return Ok(NOT_BEGUN.to_owned()),
            Progress::Undone => {
                // What was whole may have been harmed since, and nobody else puts it back.
                if let Ok(whole) = self.act().verify() {
                    return Ok(whole);
                }
            }
            Progress::Begun => {}
        }
        let done = self.act().undo()?;
        self.act().verify()?;
        mark.write(Progress::Undone)?;
        Ok(done)
    }
}

/// A helper whose runner is dead undoes within this, beside what its deed takes.
const HELPERS_TIME: Duration = Duration::from_secs(10);
/// For a deed that has nothing to look for.
const SELDOM: Duration = Duration::from_secs(3600);
const NOT_BEGUN: &str = "it was not begun";
