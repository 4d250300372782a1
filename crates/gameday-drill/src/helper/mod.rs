//! The helper: a small child of the runner that does a deed, holds it in place, and undoes it; a dead man's switch.

mod bound;
mod vigil;

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::deed::{Deed, Failed, Hold, Mark, Progress, Seen};
pub use bound::bound;
use vigil::{Sign, Vigil};

/// What a helper says, a JSON object a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    /// The deed was done.
    InPlace(Seen),
    /// It was not done, and nothing was touched.
    Refused(String),
    /// It could not be done whole; what became of its undoing follows.
    Failed(String),
    /// The answer to a renewal.
    Seen(Seen),
    /// It is gone.
    Undone(String),
    /// It could not be undone yet.
    NotUndone(String),
}

/// An undoing that fails is tried again after these pauses; then others must do it.
const TRY_AGAIN: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// Does a deed and holds it until `renewals` ends or is silent for a lease; then undoes it.
///
/// The runner may be gone at any moment; then nobody is left to be told, and what is to be done is the same.
///
/// # Errors
/// When it could not be done, or could not be undone.
pub fn hold(
    deed: &Deed,
    mark: &Path,
    lease: Duration,
    renewals: impl Read + AsFd,
    answers: impl Write,
) -> Result<(), String> {
    let mut helper = Helper { answers };
    let mut vigil = Vigil::new(renewals, lease);
    let mut mark = match Mark::take(mark, Duration::ZERO).and_then(|mark| ready(mark, &mut vigil)) {
        Ok(mark) => mark,
        Err(why) => return helper.refuse(why),
    };
    match deed.act().begin() {
        Ok(mut held) => {
            vigil.renewed();
            if helper.say(&Said::InPlace(held.look())) {
                helper.watch(&mut *held, vigil);
            }
            helper.undo(&mut mark, || held.undo())
        }
        Err(Failed::Untouched(why)) => {
            // If this cannot be written, the undoing finds nothing to undo.
            let _ = mark.write(Progress::Untouched);
            helper.refuse(why)
        }
        Err(Failed::Half(why)) => {
            helper.say(&Said::Failed(why.clone()));
            helper.undo(&mut mark, || deed.act().undo())?;
            Err(why)
        }
    }
}

/// The runner lives, and the deed is marked as begun: only now may it be done.
fn ready(mut mark: Mark, vigil: &mut Vigil<impl Read + AsFd>) -> Result<Mark, String> {
    if vigil.watch(Duration::ZERO) == Sign::Over {
        return Err("the runner is gone".to_owned());
    }
    if mark.progress()? != Progress::Untouched {
        return Err("it was begun before".to_owned());
    }
    mark.write(Progress::Begun)?;
    Ok(mark)
}

struct Helper<W> {
    answers: W,
}

impl<W: Write> Helper<W> {
    /// Whether the runner could be told.
    fn say(&mut self, said: &Said) -> bool {
        let line = serde_json::to_string(said).expect("texts and numbers");
        writeln!(self.answers, "{line}")
            .and_then(|()| self.answers.flush())
            .is_ok()
    }

    fn refuse(&mut self, why: String) -> Result<(), String> {
        self.say(&Said::Refused(why.clone()));
        Err(why)
    }

    /// Answers renewals until the lease is over.
    fn watch(&mut self, held: &mut dyn Hold, mut vigil: Vigil<impl Read + AsFd>) {
        loop {
            let sign = vigil.watch(held.every());
            if sign == Sign::Over {
                return;
            }
            if sign == Sign::Renewal {
                held.renewed();
            }
            let seen = held.look();
            if sign == Sign::Renewal && !self.say(&Said::Seen(seen)) {
                return;
            }
        }
    }

    fn undo(
        &mut self,
        mark: &mut Mark,
        mut undo: impl FnMut() -> Result<String, String>,
    ) -> Result<(), String> {
        let mut pauses = TRY_AGAIN.iter();
        loop {
            match undo() {
                Ok(done) => {
                    // Undone is undone: without the mark it is done once more, which is safe.
                    let _ = mark.write(Progress::Undone);
                    self.say(&Said::Undone(done));
                    return Ok(());
                }
                Err(why) => {
                    self.say(&Said::NotUndone(why.clone()));
                    std::thread::sleep(*pauses.next().ok_or(why)?);
                }
            }
        }
    }
}
