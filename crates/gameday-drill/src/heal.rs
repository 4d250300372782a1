//! `gameday heal`: puts back what dead runners have left, from their own journals.

use std::collections::BTreeSet;
use std::io;

use gameday_core::{Event, EventKind, FaultName, Journal, JournalError};

use crate::deed::Progress;
use crate::fault::{Fault, ToxicFault, Undo};
use crate::registry::{OpenDrill, Registry};

/// What was found of one drill, and what became of it.
#[derive(Debug)]
pub struct Healed {
    /// The drill's name.
    pub drill: String,
    /// What was found and done, a line each.
    pub details: Vec<String>,
    /// How it stands now.
    pub state: HealedState,
}

/// How a drill stands after `heal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealedState {
    /// Nothing of it is left.
    Whole,
    /// Its runner lives; it was left alone.
    Running,
    /// Something may still be in place.
    Broken,
}

/// Heals every open drill of this machine.
///
/// # Errors
/// When the folder of open drills cannot be read.
pub async fn heal(registry: &Registry) -> io::Result<Vec<Healed>> {
    let mut all = Vec::new();
    for open in registry.list()? {
        all.push(match open {
            Ok(open) => heal_one(registry, &open).await,
            Err(path) => Healed {
                drill: path.display().to_string(),
                details: vec!["this entry cannot be read; look what it is and delete it".to_owned()],
                state: HealedState::Broken,
            },
        });
    }
    Ok(all)
}

async fn heal_one(registry: &Registry, open: &OpenDrill) -> Healed {
    let healed = |state, details| Healed {
        drill: open.drill.clone(),
        details,
        state,
    };
    let (journal, read) = match Journal::reopen(&open.journal) {
        Ok(found) => found,
        Err(JournalError::Locked(_)) => {
            return healed(
                HealedState::Running,
                vec!["its runner lives: left alone".to_owned()],
            );
        }
        Err(error) => {
            let hint = "undo its faults by hand (GET /v1/leases at the proxy), then delete its entry";
            return healed(HealedState::Broken, vec![error.to_string(), hint.to_owned()]);
        }
    };
    let (mut verified, mut details) = (true, Vec::new());
    let left = ordered(&read.events);
    let in_a_lab = read.events.iter().any(|event| match &event.kind {
        EventKind::DrillStarted(started) => started.lab.is_some(),
        _ => false,
    });
    if left.is_empty() {
        details.push("no fault had been ordered".to_owned());
    }
    for (fault, undo) in left {
        let undone = match undo {
            Ok(undo) => undo_one(&undo, known(&read.events, &fault), in_a_lab).await,
            Err(error) => Err(error.to_string()),
        };
        verified &= undone.is_ok();
        details.push(match undone {
            Ok(seen) => format!("{fault}: {seen}"),
            Err(why) => format!("{fault}: could not be undone: {why}"),
        });
    }
    if let Err(error) = journal.record_durably(EventKind::Healed {
        verified,
        details: details.clone(),
    }) {
        details.push(format!("the journal could not be written: {error}"));
    }
    if !verified {
        let entry = registry.folder().join(format!("{}.json", open.drill));
        details.push(format!(
            "if what it names is gone for good, delete {}",
            entry.display()
        ));
    }
    if verified && let Err(error) = registry.existing(open).release() {
        details.push(format!("its entry could not be deleted: {error}"));
    }
    healed(
        if verified {
            HealedState::Whole
        } else {
            HealedState::Broken
        },
        details,
    )
}

type ToUndo = (FaultName, serde_json::Result<Undo>);

/// Every fault that was ever ordered, as it was ordered last: removing one that is gone already is safe, and no trial
/// begins before those of the one before were seen to be gone.
fn ordered(events: &[Event]) -> Vec<ToUndo> {
    let mut seen = BTreeSet::new();
    let faults = events.iter().rev().filter_map(|event| match &event.kind {
        EventKind::FaultOrdered { fault, undo } => Some((fault.clone(), undo.clone())),
        _ => None,
    });
    let last = faults.filter(|(fault, _)| seen.insert(fault.clone()));
    let mut last: Vec<ToUndo> = last
        .map(|(fault, undo)| (fault, serde_json::from_value(undo)))
        .collect();
    last.reverse();
    last
}

/// How far a fault is as the journal knows it: its mark may be lost.
fn known(events: &[Event], fault: &FaultName) -> Progress {
    let next = |known, event: &Event| match &event.kind {
        EventKind::FaultOrdered { fault: of, .. } if of == fault => Progress::Untouched,
        EventKind::FaultInjected { fault: of } if of == fault => Progress::Begun,
        EventKind::FaultTouched {
            fault: of, touched, ..
        } if of == fault && *touched > 0 && known == Progress::Untouched => Progress::Begun,
        EventKind::FaultRemoved { fault: of, .. } if of == fault => Progress::Undone,
        _ => known,
    };
    events.iter().fold(Progress::Untouched, next)
}

async fn undo_one(undo: &Undo, known: Progress, in_a_lab: bool) -> Result<String, String> {
    match undo {
        Undo::Lease {
            api,
            token,
            owner,
            name,
            proxy,
        } => {
            let fault = ToxicFault::from_undo(api, token.as_ref(), owner, name, proxy);
            let fault = fault.map_err(|error| error.to_string())?;
            match fault.remove().await {
                // A lab dies with its runner, its proxy too, and a fault lives in the proxy's memory alone.
                Err(error) if in_a_lab && error.is_refused_connection() => {
                    Ok("the lab it was in is gone, and its proxy with it".to_owned())
                }
                Err(error) => Err(error.to_string()),
                Ok(_) => fault.verify().await.map_err(|error| error.to_string()),
            }
        }
        // With its runner dead its helper undoes it at once; a runner that is stuck holds its journal's lock.
        Undo::Held { deed, mark } => {
            let (deed, mark) = (deed.clone(), mark.clone());
            let undone = tokio::task::spawn_blocking(move || deed.undo_for_helper(&mark, known));
            undone.await.map_err(|error| error.to_string())?
        }
    }
}
