//! What the looks of several regions mean together: the verdict of a probe, and whose word counts in it.
//!
//! ```text
//!   a region's looks ────────► Ballot ────┐
//!   what it tells of itself ─► Standing ──┴─► Verdict: up | down | unknown, advisory below the quorum
//! ```
//!
//! Pure: time and inputs in, verdict out. All times are on this prober's own clock; whoever follows a region
//! corrects them before they come here.
//!
//! - A region's word counts only while it is seen, reaches its own control target, and has our build, our time and
//!   our definition of the probe. A look that says down counts only once the control target was reached after the
//!   look began: a network that fails fails the control target as well.
//! - A probe is down when `down` of `of` regions say so, with looks that were made within `confirm_within` of the
//!   first of them; it stays down for as long as so many say so.
//! - When fewer than `down` regions can be counted, the verdict is only advisory: nobody should be woken by it.

mod ballot;
mod standing;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use gameday_core::{ProbeName, RegionName, Timestamp};
use serde::Serialize;

pub use ballot::Look;
pub use standing::{Control, Exclusion, Facts, OtherBuild};
pub use verdict::{Verdict, Vote, Word};

use ballot::Ballot;
pub use standing::Standings;
use standing::standings;
use verdict::judge;

/// More regions are not followed by one prober.
pub const MAX_REGIONS: u32 = 32;
/// Another look for a confirmation is not made sooner after the last.
const ASK_PAUSE_US: i64 = 1_000_000;

/// `2 of 3`: so many regions must say down, of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Threshold {
    /// So many must say down.
    pub down: u32,
    /// So many regions there are.
    pub of: u32,
}

impl Threshold {
    /// More than half of the regions.
    #[must_use]
    pub fn majority(of: u32) -> Self {
        Self { down: of / 2 + 1, of }
    }
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once(" of ").and_then(|(down, of)| {
            let (down, of) = (down.trim().parse().ok()?, of.trim().parse().ok()?);
            Some(Self { down, of })
        });
        numbers
            .filter(|it| (1..=it.of).contains(&it.down) && it.of <= MAX_REGIONS)
            .ok_or_else(|| {
                format!("`{text}` is not a quorum such as \"2 of 3\" (of at most {MAX_REGIONS} regions)")
            })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.down, self.of)
    }
}

/// How the regions decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How many must say down.
    pub threshold: Threshold,
    /// Looks that say down are counted together when the later began this long after the first ended, at most.
    pub confirm_within: Duration,
    /// A clock that is further off than this is wrong.
    pub clock_within: Duration,
    /// A region that was not heard for so long cannot be seen.
    pub unseen_after: Duration,
}

impl Rules {
    /// The usual ones, for so many regions.
    #[must_use]
    pub fn usual(of: u32) -> Self {
        Self {
            threshold: Threshold::majority(of),
            confirm_within: Duration::from_secs(10),
            clock_within: Duration::from_secs(1),
            unseen_after: Duration::from_secs(10),
        }
    }
}

/// A probe whose verdict is wanted, as it is defined here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Its name.
    pub name: ProbeName,
    /// How often each region looks.
    pub every: Duration,
    /// When a look is given up.
    pub timeout: Duration,
    /// What tells its definition from any other.
    pub definition: String,
}

/// What the regions know together.
#[derive(Debug)]
pub struct Quorum {
    rules: Rules,
    regions: BTreeMap<RegionName, Facts>,
    probes: BTreeMap<ProbeName, State>,
}

/// One probe.
#[derive(Debug)]
struct State {
    watched: Watched,
    ballots: BTreeMap<RegionName, Ballot>,
    verdict: Option<Verdict>,
    /// When a look was last asked for to confirm another region's.
    asked: Option<Timestamp>,
}

impl Quorum {
    /// A quorum of these regions, of which nothing is known yet.
    #[must_use]
    pub fn new(rules: Rules, regions: impl IntoIterator<Item = RegionName>) -> Self {
        let regions = regions.into_iter().map(|region| (region, Facts::default()));
        Self {
            rules,
            regions: regions.collect(),
            probes: BTreeMap::new(),
        }
    }

    /// These rules and regions from now on; of a region that stays, what is known stays.
    pub fn reform(&mut self, rules: Rules, regions: impl IntoIterator<Item = RegionName>) {
        let mut before = std::mem::take(&mut self.regions);
        let regions = regions.into_iter().map(|region| {
            let facts = before.remove(&region).unwrap_or_default();
            (region, facts)
        });
        self.regions = regions.collect();
        self.rules = rules;
        for state in self.probes.values_mut() {
            state
                .ballots
                .retain(|region, _| self.regions.contains_key(region));
        }
    }

    /// What is known of a region came from somebody else: nothing is known any more.
    pub fn forget(&mut self, region: &RegionName) {
        if let Some(facts) = self.regions.get_mut(region) {
            *facts = Facts::default();
        }
        for state in self.probes.values_mut() {
            state.ballots.remove(region);
        }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// These probes are watched from now on; of one that is defined as before, what is known stays.
    pub fn expect(&mut self, watched: impl IntoIterator<Item = Watched>) {
        let mut before = std::mem::take(&mut self.probes);
        for watched in watched {
            let same = before
                .remove(&watched.name)
                .filter(|state| state.watched == watched);
            let state = same.unwrap_or_else(|| State {
                watched: watched.clone(),
                ballots: BTreeMap::new(),
                verdict: None,
                asked: None,
            });
            self.probes.insert(watched.name.clone(), state);
        }
    }

    /// What is known of a region; one that is none of ours is left out.
    pub fn know(&mut self, region: &RegionName, change: impl FnOnce(&mut Facts)) {
        let Some(facts) = self.regions.get_mut(region) else {
            return;
        };
        change(facts);
        let reached = facts.control.as_ref().and_then(|control| control.reached_at);
        let Some(reached) = reached else { return };
        for state in self.probes.values_mut() {
            if let Some(ballot) = state.ballots.get_mut(region) {
                ballot.reached(reached);
            }
        }
    }

    /// A region looked; says whether that changed the verdict.
    pub fn looked(
        &mut self,
        region: &RegionName,
        probe: &ProbeName,
        look: Look,
        now: Timestamp,
    ) -> Option<&Verdict> {
        let facts = self.regions.get(region)?;
        let ballot = self
            .probes
            .get_mut(probe)?
            .ballots
            .entry(region.clone())
            .or_default();
        ballot.take(look, facts.control.as_ref());
        let standings = self.standings(now);
        self.judge_one(probe, &standings, now)
    }

    /// Time went on; every verdict that it changed.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Verdict> {
        let standings = self.standings(now);
        let names: Vec<_> = self.probes.keys().cloned().collect();
        let changed = names
            .iter()
            .filter_map(|name| self.judge_one(name, &standings, now).cloned());
        changed.collect()
    }

    fn judge_one(&mut self, probe: &ProbeName, standings: &Standings, now: Timestamp) -> Option<&Verdict> {
        let state = self.probes.get_mut(probe)?;
        let verdict = judge(&self.rules, state, &self.regions, standings, now);
        let same = |before: &Verdict| (before.word, before.advisory) == (verdict.word, verdict.advisory);
        let changed = !state.verdict.as_ref().is_some_and(same);
        state.verdict = Some(verdict);
        state.verdict.as_ref().filter(|_| changed)
    }

    /// Every verdict, as it was last judged.
    pub fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        self.probes.values().filter_map(|state| state.verdict.as_ref())
    }

    /// Why each region is excluded, if it is.
    #[must_use]
    pub fn standings(&self, now: Timestamp) -> Standings {
        standings(&self.rules, &self.regions, now)
    }

    /// What is known of each region.
    pub fn facts(&self) -> impl Iterator<Item = (&RegionName, &Facts)> {
        self.regions.iter()
    }

    /// Probes that this region should look at now: another says down, and our last look is from before that.
    ///
    /// A probe that looks often enough by itself is left to its schedule.
    pub fn to_confirm(&mut self, here: &RegionName, now: Timestamp) -> Vec<ProbeName> {
        let standings = standings(&self.rules, &self.regions, now);
        let window = self.rules.confirm_within;
        let slow = self
            .probes
            .iter_mut()
            .filter(|(_, state)| state.watched.every > window / 2);
        let wanted = slow.filter_map(|(name, state)| {
            let is_down = state
                .verdict
                .as_ref()
                .is_some_and(|verdict| verdict.word == Word::Down && !verdict.advisory);
            let theirs = state.ballots.iter().filter(|(region, _)| *region != here);
            let counted = theirs.filter(|(region, _)| matches!(standings.get(*region), Some(None)));
            let sighted = counted.filter_map(|(_, ballot)| ballot.sighted_down()).max();
            let looked = state
                .ballots
                .get(here)
                .and_then(Ballot::newest)
                .map(|look| look.began);
            let after = looked
                .max(state.asked)
                .is_some_and(|at| sighted.is_some_and(|sighted| at >= sighted));
            let soon = state
                .asked
                .is_some_and(|asked| now.micros_since(asked) < ASK_PAUSE_US);
            let fresh = sighted.is_some_and(|sighted| now.micros_since(sighted) <= micros(window));
            let ask = fresh && !is_down && !after && !soon;
            if ask {
                state.asked = Some(now);
            }
            ask.then(|| name.clone())
        });
        wanted.collect()
    }
}

/// Whole microseconds.
fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
