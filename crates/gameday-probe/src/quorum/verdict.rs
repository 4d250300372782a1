//! The verdict of a probe from the ballots of its regions.

use std::collections::BTreeMap;

use gameday_core::{Outcome, ProbeName, Reason, RegionName, Timestamp};
use serde::Serialize;

use super::ballot::{Ballot, Look};
use super::standing::{Exclusion, Facts, Standings};
use super::{Rules, State, micros};

/// Looks come this much later than they are made.
const TRANSPORT_SLACK_US: i64 = 2_000_000;

/// What the regions say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// It works, as far as enough regions see; a single region may see otherwise.
    Up,
    /// It does not work, as enough regions see.
    Down,
    /// No region's word counts.
    Unknown,
}

impl Word {
    /// Every word.
    pub const ALL: [Self; 3] = [Self::Up, Self::Down, Self::Unknown];

    /// The word itself.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }
}

/// What the regions say of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Which probe.
    pub probe: ProbeName,
    /// Up, down or unknown.
    #[serde(rename = "verdict")]
    pub word: Word,
    /// Fewer regions count than the quorum needs: nobody should be woken by this.
    pub advisory: bool,
    /// A region says down, and others are still to confirm it.
    pub confirming: bool,
    /// Since when it is this.
    pub since: Timestamp,
    /// What each region says.
    pub regions: Vec<Vote>,
}

/// What one region says of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vote {
    /// Which region.
    pub region: RegionName,
    /// `up`, `slow`, `down`, `unknown`, or `silent` when it has not looked.
    pub says: &'static str,
    /// Why, when it does not say up.
    pub reason: Option<Reason>,
    /// When its look was over, on our clock.
    pub at: Option<Timestamp>,
    /// Whether that counts.
    pub counts: bool,
    /// Why it does not count.
    pub why: Option<String>,
}

impl Verdict {
    /// Regions whose word counts and is down.
    pub fn down_in(&self) -> impl Iterator<Item = &Vote> {
        self.regions
            .iter()
            .filter(|vote| vote.counts && vote.says == "down")
    }
}

/// Judges a probe by what is known now.
pub(super) fn judge(
    rules: &Rules,
    state: &State,
    regions: &BTreeMap<RegionName, Facts>,
    standings: &Standings,
    now: Timestamp,
) -> Verdict {
    let before = state.verdict.as_ref();
    let votes: Vec<Vote> = regions
        .iter()
        .map(|(region, facts)| {
            let ballot = state.ballots.get(region);
            let excluded = standings.get(region).and_then(Option::as_ref);
            let why = discounted(state, facts, excluded, ballot, now);
            vote(region, ballot, why)
        })
        .collect();
    let counted: Vec<&Ballot> = votes
        .iter()
        .filter(|vote| vote.counts)
        .filter_map(|vote| state.ballots.get(&vote.region))
        .collect();
    let down: Vec<&Ballot> = counted
        .iter()
        .copied()
        .filter(|ballot| ballot.sighted_down().is_some())
        .collect();
    let needed = usize::try_from(rules.threshold.down).unwrap_or(usize::MAX);
    let advisory = counted.len() < needed;
    let was_down = before.is_some_and(|before| before.word == Word::Down && !before.advisory);
    let word = match advisory {
        true if counted.is_empty() => Word::Unknown,
        true if down.len() == counted.len() => Word::Down,
        true => Word::Up,
        false if down.len() >= needed && (was_down || confirmed(rules, &down, needed)) => Word::Down,
        false => Word::Up,
    };
    let waits = |ballot: &&Ballot| {
        let since = ballot.down_since();
        since.is_some_and(|since| now.micros_since(since) <= micros(rules.confirm_within))
    };
    let same = before.filter(|before| (before.word, before.advisory) == (word, advisory));
    Verdict {
        probe: state.watched.name.clone(),
        word,
        advisory,
        confirming: !advisory && word == Word::Up && down.iter().any(waits),
        since: same.map_or(now, |before| before.since),
        regions: votes,
    }
}

/// Why a region's word on a probe does not count, if it does not.
fn discounted(
    state: &State,
    facts: &Facts,
    excluded: Option<&Exclusion>,
    ballot: Option<&Ballot>,
    now: Timestamp,
) -> Option<String> {
    if let Some(excluded) = excluded {
        return Some(excluded.to_string());
    }
    let definition = facts
        .probes
        .as_ref()
        .map(|probes| probes.get(&state.watched.name));
    match definition {
        None if !facts.is_here => return Some("its probes are not known yet".to_owned()),
        Some(None) if !facts.is_here => return Some("it has no probe of this name".to_owned()),
        Some(Some(theirs)) if *theirs != state.watched.definition => {
            return Some("its definition of this probe is another than ours".to_owned());
        }
        _ => {}
    }
    let waiting = ballot.is_some_and(Ballot::is_waiting);
    let Some(look) = ballot.and_then(Ballot::look) else {
        let why = match waiting {
            true => "it says down, and has not reached its control target since",
            false => "it has not looked yet",
        };
        return Some(why.to_owned());
    };
    if matches!(look.outcome, Outcome::Unknown(_)) {
        return Some("it could not look".to_owned());
    }
    let watched = &state.watched;
    let oldest = micros(watched.every)
        .saturating_mul(2)
        .saturating_add(micros(watched.timeout));
    let age = now.micros_since(look.ended);
    (age > oldest.saturating_add(TRANSPORT_SLACK_US))
        .then(|| format!("its last look is {} s old", age / 1_000_000))
}

fn vote(region: &RegionName, ballot: Option<&Ballot>, why: Option<String>) -> Vote {
    let look = match why {
        None => ballot.and_then(Ballot::look),
        Some(_) => ballot.and_then(Ballot::newest),
    };
    Vote {
        region: region.clone(),
        says: look.map_or("silent", |look| look.outcome.word()),
        reason: look.and_then(|look| look.outcome.reason()),
        at: look.map(|look| look.ended),
        counts: why.is_none(),
        why,
    }
}

/// Whether so many of the looks that say down were made close together.
fn confirmed(rules: &Rules, down: &[&Ballot], needed: usize) -> bool {
    let looks: Vec<&Look> = down.iter().filter_map(|ballot| ballot.look()).collect();
    let window = micros(rules.confirm_within);
    looks.iter().any(|first| {
        let with_it = looks
            .iter()
            .filter(|look| look.ended >= first.ended && look.began.micros_since(first.ended) <= window);
        with_it.count() >= needed
    })
}
