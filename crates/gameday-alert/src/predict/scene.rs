//! What the rules look at: the targets and when they are scraped, the groups and when they are evaluated,
//! the fault and when it is in place. Nothing here is random and nothing asks anybody.

use super::phase::Phase;
use super::rules::RuleAt;

/// Which of two ends of an interval is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Everything is as quick as it can be.
    Earliest,
    /// Everything is as slow as it can be.
    Latest,
}

/// A target of a scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scraped {
    /// When its scrapes begin; a sample has that time.
    pub(super) phase: Phase,
    /// How long a scrape takes; its samples are seen only then.
    pub(super) took_us: i64,
    /// How long one takes while the fault is in place, at the least and at the most.
    pub(super) faulty_took_us: (i64, i64),
    /// Whether a scrape fails while the fault is in place: then there is no sample but `up`'s.
    pub(super) cut: bool,
}

/// When a group of rules is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Evaluated {
    pub(super) phase: Phase,
    /// How long an evaluation takes.
    pub(super) took_us: i64,
}

/// A fault as the service's numbers show it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Impact {
    /// When it takes effect.
    pub(super) from_us: i64,
    /// When the first request that it makes bad is counted.
    pub(super) counted_us: i64,
    /// When it is removed.
    pub(super) until_us: i64,
    /// The share of requests that it makes bad, 0 to 1.
    pub(super) bad: f64,
    /// Requests while it is in place, for each one before.
    pub(super) traffic: f64,
}

/// Everything that decides when a rule becomes true.
#[derive(Debug, Clone)]
pub(super) struct Scene<'s> {
    pub(super) groups: &'s [Option<Evaluated>],
    /// How far behind their tick rules look.
    pub(super) query_offset_us: i64,
    /// Whether a range leaves its first moment out.
    pub(super) left_open: bool,
    pub(super) impact: Impact,
    pub(super) side: Side,
}

/// Two things that seem to happen at once may happen in either order.
const TIE_US: i64 = 3_000;

impl Scene<'_> {
    /// When the evaluation of `rule` began whose result a rule at `reader`, evaluated at `tick`, reads.
    pub(super) fn evaluation_before(&self, rule: RuleAt, reader: RuleAt, tick_us: i64) -> Option<i64> {
        let group = self.groups.get(rule.group).copied().flatten()?;
        if rule.group == reader.group {
            // Rules of a group are evaluated in order, each at the group's tick.
            let late = i64::from(rule.index >= reader.index) * group.phase.every_us;
            return Some(tick_us - late);
        }
        let seen = match self.side {
            Side::Earliest => tick_us,
            Side::Latest => tick_us - group.took_us - TIE_US,
        };
        Some(group.phase.at_or_before(seen))
    }

    /// The first sample of a target that a range from `from_us` on holds.
    pub(super) fn first_sample(&self, target: &Scraped, from_us: i64) -> i64 {
        target.phase.at_or_after(from_us + i64::from(self.left_open))
    }

    /// The last sample of a target that an evaluation at `tick_us` sees, looking back by `offset_us`.
    pub(super) fn last_sample(&self, target: &Scraped, tick_us: i64, offset_us: i64) -> i64 {
        let slack = match self.side {
            Side::Earliest => 0,
            Side::Latest => TIE_US,
        };
        let mut sample = target
            .phase
            .at_or_before(tick_us - offset_us - self.query_offset_us);
        while sample + self.took(target, sample) + slack > tick_us {
            sample -= target.phase.every_us;
        }
        sample
    }

    /// The last of those that are more than `up`'s.
    pub(super) fn last_full_sample(&self, target: &Scraped, tick_us: i64, offset_us: i64) -> i64 {
        let last = self.last_sample(target, tick_us, offset_us);
        if target.cut && self.in_place(last) {
            target.phase.at_or_before(self.impact.from_us - 1)
        } else {
            last
        }
    }

    /// Whether the fault is in place at a moment.
    pub(super) fn in_place(&self, moment_us: i64) -> bool {
        (self.impact.from_us..self.impact.until_us).contains(&moment_us)
    }

    /// How long the scrape takes that begins at a moment.
    fn took(&self, target: &Scraped, sample_us: i64) -> i64 {
        let took = match (self.in_place(sample_us), self.side) {
            (false, _) => target.took_us,
            (true, Side::Earliest) => target.faulty_took_us.0,
            (true, Side::Latest) => target.faulty_took_us.1,
        };
        // A scrape is never given longer than its interval.
        took.clamp(0, target.phase.every_us)
    }
}
