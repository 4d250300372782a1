//! Whether a region's word counts, and if not, why.

use std::collections::BTreeMap;
use std::fmt;

use gameday_core::{ProbeName, RegionName, Timestamp};

use super::{Rules, micros};

/// What is known of a region: what it tells of itself, and what we measured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// It is looked from by this process: it is always heard, and its clock is ours.
    pub is_here: bool,
    /// When it was last heard.
    pub heard: Option<Timestamp>,
    /// What the last attempt to hear it said, if that failed.
    pub trouble: Option<String>,
    /// The regions that the prober there says it looks from, when this is none of them.
    pub is_another: Option<String>,
    /// The build of the prober there, when it is not ours.
    pub other_build: Option<OtherBuild>,
    /// Its clock less ours, and the bound of the error, in microseconds.
    pub clock: Option<(i64, i64)>,
    /// How it stands with its control target; none when it has none.
    pub control: Option<Control>,
    /// The probes that it has, each with its definition; none when that is not known.
    pub probes: Option<BTreeMap<ProbeName, String>>,
}

/// Two builds that may judge differently: each a version and the commit that it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherBuild {
    /// Of the prober that is followed.
    pub theirs: String,
    /// Of the one that follows.
    pub ours: String,
}

/// What a region must reach before its own word counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Control {
    /// Why it cannot be reached, if it cannot.
    pub lost: Option<String>,
    /// When it was last reached, on our clock.
    pub reached_at: Option<Timestamp>,
}

/// Why a region's word does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exclusion {
    /// It does not answer.
    Unseen(String),
    /// The prober that answers looks from elsewhere.
    Region(String),
    /// It is another build than ours.
    Build(OtherBuild),
    /// Its clock is off: theirs less the common time, and the bound of the error, in microseconds.
    Clock(i64, i64),
    /// It cannot reach its own control target.
    Control(String),
}

impl Exclusion {
    /// The word of metrics and JSON.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unseen(_) => "unseen",
            Self::Region(_) => "region",
            Self::Build(_) => "build",
            Self::Clock(..) => "clock",
            Self::Control(_) => "control",
        }
    }

    /// Every word that there is.
    pub const WORDS: [&'static str; 5] = ["unseen", "region", "build", "clock", "control"];
}

/// For people, after the region's name.
impl fmt::Display for Exclusion {
    #[expect(
        clippy::cast_precision_loss,
        reason = "offsets of clocks are far below 2^52 microseconds"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unseen(why) => write!(f, "cannot be seen: {why}"),
            Self::Region(is) => write!(f, "the prober there looks from {is}"),
            Self::Build(OtherBuild { theirs, ours }) => write!(f, "its gameday is {theirs}, ours {ours}"),
            Self::Clock(offset, error) => {
                let way = if *offset < 0 { "behind" } else { "ahead" };
                let (offset, error) = (offset.unsigned_abs() as f64 / 1e6, *error as f64 / 1e6);
                write!(f, "its clock is {offset:.3} s {way} (±{error:.3} s)")
            }
            Self::Control(why) => write!(f, "cannot reach its control target: {why}"),
        }
    }
}

/// Why each region is excluded; none for those that count.
pub type Standings = BTreeMap<RegionName, Option<Exclusion>>;

/// Looks at every region.
pub(super) fn standings(rules: &Rules, regions: &BTreeMap<RegionName, Facts>, now: Timestamp) -> Standings {
    let common = common_time(rules, regions, now);
    let each = regions.iter().map(|(name, facts)| {
        let excluded = unseen(rules, facts, now)
            .or_else(|| facts.is_another.clone().map(Exclusion::Region))
            .or_else(|| facts.other_build.clone().map(Exclusion::Build))
            .or_else(|| clock_off(rules, facts, common))
            .or_else(|| control_lost(facts));
        (name.clone(), excluded)
    });
    each.collect()
}

fn unseen(rules: &Rules, facts: &Facts, now: Timestamp) -> Option<Exclusion> {
    if facts.is_here {
        return None;
    }
    let age_us = facts.heard.map(|heard| now.micros_since(heard));
    let is_heard = age_us.is_some_and(|age| age <= micros(rules.unseen_after));
    let why = || match (&facts.trouble, age_us) {
        (Some(trouble), _) => trouble.clone(),
        (None, Some(age)) => format!("it was last heard {} s ago", age / 1_000_000),
        (None, None) => "it has not answered yet".to_owned(),
    };
    (!is_heard).then(|| Exclusion::Unseen(why()))
}

/// How far the common time of all regions is from ours, in microseconds: the median of their clocks, so that one
/// clock that is off excludes itself and not everybody else, even if it is ours.
fn common_time(rules: &Rules, regions: &BTreeMap<RegionName, Facts>, now: Timestamp) -> i64 {
    let seen = regions
        .values()
        .filter(|facts| unseen(rules, facts, now).is_none());
    let mut offsets: Vec<i64> = seen.filter_map(offset).map(|(offset, _)| offset).collect();
    offsets.sort_unstable();
    let middle = offsets.len() / 2;
    let candidates = match offsets.len() {
        0 => return 0,
        odd if odd % 2 == 1 => &offsets[middle..=middle],
        _ => &offsets[middle - 1..=middle],
    };
    // Of an even number the two in the middle are as good; ours is known best.
    candidates
        .iter()
        .copied()
        .min_by_key(|offset| offset.saturating_abs())
        .unwrap_or(0)
}

fn offset(facts: &Facts) -> Option<(i64, i64)> {
    if facts.is_here { Some((0, 0)) } else { facts.clock }
}

fn clock_off(rules: &Rules, facts: &Facts, common: i64) -> Option<Exclusion> {
    let (offset, error) = offset(facts)?;
    let off = offset.saturating_sub(common);
    // Only what is surely too far excludes.
    (off.saturating_abs().saturating_sub(error) > micros(rules.clock_within))
        .then_some(Exclusion::Clock(off, error))
}

fn control_lost(facts: &Facts) -> Option<Exclusion> {
    facts.control.as_ref()?.lost.clone().map(Exclusion::Control)
}
