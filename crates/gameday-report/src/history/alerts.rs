//! Which alerts drills have proved, by what the drills themselves expected.

use std::collections::BTreeMap;

use serde::Serialize;

use super::PastDrill;
use crate::coverage::{Testimony, testimony, unclear};
use crate::{Outcome, Proof, State};

/// How an alert that any drill expected stands.
#[derive(Debug, Clone, Serialize)]
pub struct AlertHistory {
    /// The alert's name.
    pub alert: String,
    /// The labels that it must carry; drills that ask for others are told apart.
    pub labels: BTreeMap<String, String>,
    /// How it stands: `proved`, `failed` or `never`.
    pub state: State,
    /// Why, where that is not plain.
    pub why: Option<String>,
    /// The last drill that could tell.
    pub last: Option<Proof>,
    /// The last drill that proved it, when a later one failed.
    pub proved_by: Option<Proof>,
    /// Drills that expected it.
    pub drills: usize,
}

impl AlertHistory {
    /// Whether the last drill that tested it proved it.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        self.state == State::Proved
    }

    /// The drill that proves it, or did before it failed.
    #[must_use]
    pub fn proof(&self) -> Option<&Proof> {
        match self.state {
            State::Proved => self.last.as_ref(),
            _ => self.proved_by.as_ref(),
        }
    }
}

/// Each alert, those that need somebody first.
pub(super) fn read(drills: &[PastDrill]) -> Vec<AlertHistory> {
    let mut found: BTreeMap<(String, BTreeMap<String, String>), Vec<Proof>> = BTreeMap::new();
    for drill in drills {
        for proof in drill.proofs() {
            let expect = drill
                .plan()
                .expect
                .iter()
                .find(|expect| expect.label == proof.label);
            let labels = expect.map(|expect| expect.labels.clone()).unwrap_or_default();
            found
                .entry((proof.alert.clone(), labels))
                .or_default()
                .push(proof);
        }
    }
    let mut alerts: Vec<AlertHistory> = found
        .into_iter()
        .map(|((alert, labels), proofs)| one(alert, labels, proofs))
        .collect();
    alerts.sort_by_key(|alert| match alert.state {
        State::Failed => 0,
        State::Never => 1,
        _ => 2,
    });
    alerts
}

fn one(alert: String, labels: BTreeMap<String, String>, mut proofs: Vec<Proof>) -> AlertHistory {
    proofs.sort_by_key(|proof| proof.at);
    let oldest_first: Vec<&Proof> = proofs.iter().collect();
    let Testimony { last, earlier } = testimony(&oldest_first);
    let (state, why) = match last {
        None => (State::Never, unclear(&oldest_first)),
        Some(proof) if proof.outcome == Outcome::Failed => (State::Failed, Some(proof.detail.clone())),
        Some(_) => (State::Proved, None),
    };
    AlertHistory {
        alert,
        labels,
        state,
        why,
        last: last.cloned(),
        proved_by: earlier.filter(|_| state == State::Failed).cloned(),
        drills: proofs.len(),
    }
}
