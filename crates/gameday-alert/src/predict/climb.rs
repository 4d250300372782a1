//! Whether a comparison holds at an evaluation: what each of its windows holds by then.

use std::collections::BTreeMap;

use super::condition::{Condition, Leaf, Level, Limit};
use super::rules::RuleAt;
use super::scene::{Scene, Scraped, Side};
use crate::Sample;

/// What the queries of a condition yielded before the fault.
pub(super) type Answers = BTreeMap<String, Vec<Sample>>;

/// A comparison with everything that it needs to be computed.
#[derive(Debug, Clone)]
pub(super) struct Ready<'c> {
    pub(super) leaf: &'c Leaf,
    /// Its limit as a number, the easiest to reach and the hardest.
    pub(super) limit: (f64, f64),
    /// Its level before the fault, nearest to the limit and furthest.
    pub(super) before: (f64, f64),
    /// It holds before the fault, and the fault does not change that.
    pub(super) holds: bool,
    /// What is counted has no series yet: Prometheus takes its first sample for no increase.
    pub(super) unborn: bool,
    /// What has been counted so far, in microseconds of all requests as they come before the fault; none when that is
    /// not known.
    pub(super) counted: Option<f64>,
    /// The targets that its series come from.
    pub(super) targets: Vec<Scraped>,
}

/// A condition with everything that it needs to be computed.
#[derive(Debug, Clone)]
pub(super) enum ReadyCondition<'c> {
    All(Vec<ReadyCondition<'c>>),
    Any(Vec<ReadyCondition<'c>>),
    Leaf(Ready<'c>),
}

impl<'c> ReadyCondition<'c> {
    pub(super) fn new(condition: &'c Condition, ready: &mut impl FnMut(&'c Leaf) -> Ready<'c>) -> Self {
        match condition {
            Condition::All(parts) => Self::All(parts.iter().map(|part| Self::new(part, ready)).collect()),
            Condition::Any(parts) => Self::Any(parts.iter().map(|part| Self::new(part, ready)).collect()),
            Condition::Leaf(leaf) => Self::Leaf(ready(leaf)),
        }
    }

    /// Whether the rule at `rule`, evaluated at a tick, finds it true.
    pub(super) fn holds(&self, scene: &Scene<'_>, rule: RuleAt, tick_us: i64) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(scene, rule, tick_us)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(scene, rule, tick_us)),
            Self::Leaf(ready) => ready.holds(scene, rule, tick_us),
        }
    }
}

/// What a window holds of one target: microseconds of requests, from its first sample to its last.
struct Held {
    whole: f64,
    part: f64,
}

impl Ready<'_> {
    /// Whether it is only known when its window begins to change and when it holds nothing else.
    pub(super) fn is_vague(&self) -> bool {
        match self.leaf.level {
            Level::Window { .. } | Level::WholeWindow { .. } => true,
            Level::Mean { binary, .. } => !binary || self.leaf.rises(),
            // How many more of something there will be is not known; how many less is.
            Level::Flow { .. } => self.leaf.rises() && !self.leaf.op.holds(self.before.0, self.limit.0),
            _ => false,
        }
    }

    fn holds(&self, scene: &Scene<'_>, rule: RuleAt, tick_us: i64) -> bool {
        if self.holds {
            return true;
        }
        let (mut tick, mut reader) = (tick_us, rule);
        for rule in &self.leaf.via {
            let Some(before) = scene.evaluation_before(*rule, reader, tick) else {
                return false;
            };
            (tick, reader) = (before, *rule);
        }
        let pick = |(easy, hard): (f64, f64)| match scene.side {
            Side::Earliest => easy,
            Side::Latest => hard,
        };
        let (limit, before) = (pick(self.limit), pick(self.before));
        let compare = |value: f64| self.leaf.op.holds(value, limit);
        match &self.leaf.level {
            Level::Share { window_us, .. } => {
                let share = |value: f64| if self.leaf.rises() { value } else { 1.0 - value };
                let held = self.held(scene, tick, *window_us, share(before));
                held.is_some_and(|bad| compare(share(bad)))
            }
            Level::Quantile { window_us, q, .. } => self
                .held(scene, tick, *window_us, before)
                .is_some_and(|slow| slow > 1.0 - q),
            Level::Unseen { window_us, .. } => {
                let share = unseen(scene, tick, window_us.unwrap_or(0), before);
                compare(if self.leaf.rises() { share } else { 1.0 - share })
            }
            Level::WholeWindow { window_us } => self.changed(scene, tick, *window_us, true),
            Level::Mean { window_us, .. } | Level::Flow { window_us, .. } if self.is_vague() => {
                self.changed(scene, tick, *window_us, scene.side == Side::Latest)
            }
            Level::Window { window_us } => self.changed(scene, tick, *window_us, scene.side == Side::Latest),
            Level::Mean { window_us, .. } => self.mean(scene, tick, *window_us, before).is_some_and(compare),
            Level::Flow { window_us, .. } => {
                let flow = self.flow(scene, tick, *window_us);
                flow.is_some_and(|flow| compare(before * flow))
            }
            Level::Instant { metric, .. } => self.instant(scene, tick, is_up(metric)),
            Level::Absent { .. } => self.absent(scene, tick),
        }
    }

    /// The window of a target that an evaluation sees: its first sample and its last.
    fn window(&self, scene: &Scene<'_>, target: &Scraped, tick: i64, window_us: i64) -> (i64, i64) {
        let from = tick - window_us - self.leaf.offset_us - scene.query_offset_us;
        let last = scene.last_full_sample(target, tick, self.leaf.offset_us);
        let first = scene.first_sample(target, from);
        // A scrape that fails leaves a hole.
        let hole = target.cut && scene.in_place(first);
        let first = if hole {
            target.phase.at_or_after(scene.impact.until_us)
        } else {
            first
        };
        (first, last)
    }

    /// The share of bad requests in the window; none while it holds less than two samples.
    fn held(&self, scene: &Scene<'_>, tick: i64, window_us: i64, before: f64) -> Option<f64> {
        let (mut whole, mut part) = (0.0, 0.0);
        for target in &self.targets {
            let (first, last) = self.window(scene, target, tick, window_us);
            if last <= first {
                continue;
            }
            let at = tick - self.leaf.offset_us - scene.query_offset_us;
            let held = self.held_of(scene, target, (first, last), (at - window_us, at), before);
            whole += held.whole;
            part += held.part;
        }
        (whole > 0.0).then(|| part / whole)
    }

    #[expect(clippy::cast_precision_loss, reason = "windows are far shorter than 2^53 µs")]
    fn held_of(
        &self,
        scene: &Scene<'_>,
        target: &Scraped,
        (first, last): (i64, i64),
        (from, to): (i64, i64),
        before: f64,
    ) -> Held {
        let impact = scene.impact;
        let within = |low: i64, high: i64| (high.min(last) - low.max(first)).max(0) as f64;
        let during = within(impact.counted_us, impact.until_us);
        // A request that is slowed down is counted when it ends: until the first of them does, none is.
        let waiting = within(impact.from_us, impact.counted_us.min(impact.until_us));
        let rest = (last - first) as f64 - during - waiting;
        // Prometheus extends what lies between the first and last sample to the whole window.
        let every = target.phase.every_us;
        let reach = |gap: i64| if gap * 10 < every * 11 { gap } else { every / 2 } as f64;
        let stretched = |increase: f64, sampled: f64, before: f64| {
            increase * (sampled + before + reach(to - last)) / sampled
        };
        let sampled = (last - first) as f64;
        let whole = stretched(rest + during * impact.traffic, sampled, reach(first - from));
        let born = target.phase.at_or_after(impact.counted_us);
        let part = if self.unborn && born >= first {
            // Its first sample is no increase, and it is extended back to zero at most.
            let seen = within(born, impact.until_us);
            let to_zero = (born - impact.counted_us).min(every / 2) as f64;
            let increase = seen * impact.traffic * impact.bad;
            if last > born {
                stretched(increase, (last - born) as f64, to_zero)
            } else {
                0.0
            }
        } else {
            let increase = during * impact.traffic * impact.bad + rest * before;
            // Prometheus extends a counter back to where it would have been zero, and no further.
            let to_zero = self
                .counted_at(scene, first, before)
                .filter(|_| increase > 0.0)
                .map_or(f64::INFINITY, |counted| sampled * counted / increase);
            stretched(increase, sampled, reach(first - from).min(to_zero))
        };
        Held { whole, part }
    }

    /// What the counter of bad requests says at a moment, in the unit of `counted`.
    #[expect(clippy::cast_precision_loss, reason = "windows are far shorter than 2^53 µs")]
    fn counted_at(&self, scene: &Scene<'_>, at: i64, before: f64) -> Option<f64> {
        let impact = scene.impact;
        let grown = if at <= impact.from_us {
            -before * (impact.from_us - at) as f64
        } else {
            (at.min(impact.until_us) - impact.counted_us).max(0) as f64 * impact.traffic * impact.bad
        };
        self.counted.map(|counted| (counted + grown).max(0.0))
    }

    /// The mean of samples of 0 and 1.
    #[expect(clippy::cast_precision_loss, reason = "so many samples no window holds")]
    fn mean(&self, scene: &Scene<'_>, tick: i64, window_us: i64, before: f64) -> Option<f64> {
        let (mut all, mut faulty) = (0_i64, 0_i64);
        let mut bad = scene.impact.bad;
        for target in &self.targets {
            let every = target.phase.every_us;
            let from = tick - window_us - self.leaf.offset_us - scene.query_offset_us;
            let first = scene.first_sample(target, from);
            let last = scene.last_sample(target, tick, self.leaf.offset_us);
            let count = |low: i64, high: i64| {
                let (low, high) = (target.phase.at_or_after(low.max(first)), high.min(last));
                if high < low { 0 } else { (high - low) / every + 1 }
            };
            all += count(first, last);
            faulty += count(scene.impact.from_us, scene.impact.until_us - 1);
            if target.cut {
                bad = 1.0;
            }
        }
        let share = faulty as f64 / all as f64;
        (all > 0).then_some(before * (1.0 - share) + (1.0 - bad) * share)
    }

    /// What is left of the requests of before.
    #[expect(clippy::cast_precision_loss, reason = "windows are far shorter than 2^53 µs")]
    fn flow(&self, scene: &Scene<'_>, tick: i64, window_us: i64) -> Option<f64> {
        let (mut seen, mut kept) = (0.0, 0.0);
        for target in &self.targets {
            let (first, last) = self.window(scene, target, tick, window_us);
            if last <= first {
                continue;
            }
            let impact = scene.impact;
            let during = (impact.until_us.min(last) - impact.from_us.max(first)).max(0) as f64;
            let all = (last - first) as f64;
            seen += all;
            kept += all - during + during * impact.traffic;
        }
        (seen > 0.0).then(|| kept / seen)
    }

    /// A value of the last scrape: of any target at the earliest, of all at the latest.
    fn instant(&self, scene: &Scene<'_>, tick: i64, is_up: bool) -> bool {
        let counted = scene.impact.counted_us..scene.impact.until_us;
        let faulty = |target: &Scraped| {
            let last = scene.last_sample(target, tick, self.leaf.offset_us);
            match (target.cut, is_up) {
                (true, true) => scene.in_place(last),
                // A scrape that fails ends all other series of its target.
                (true, false) => false,
                (false, _) => counted.contains(&last),
            }
        };
        self.any_or_all(scene, faulty)
    }

    fn absent(&self, scene: &Scene<'_>, tick: i64) -> bool {
        let faulty = |target: &Scraped| scene.in_place(scene.last_sample(target, tick, self.leaf.offset_us));
        self.any_or_all(scene, faulty)
    }

    fn any_or_all(&self, scene: &Scene<'_>, faulty: impl Fn(&Scraped) -> bool) -> bool {
        match scene.side {
            Side::Earliest => self.targets.iter().any(faulty),
            Side::Latest => !self.targets.is_empty() && self.targets.iter().all(faulty),
        }
    }

    /// Whether the window holds the fault: something of it, or nothing else.
    fn changed(&self, scene: &Scene<'_>, tick: i64, window_us: i64, wholly: bool) -> bool {
        let impact = scene.impact;
        let faulty = |target: &Scraped| {
            let (first, last) = self.window(scene, target, tick, window_us);
            match wholly {
                true => first >= impact.counted_us && last < impact.until_us && last > first,
                false => last >= impact.counted_us && first < impact.until_us && last > first,
            }
        };
        self.any_or_all(scene, faulty)
    }
}

/// `up` is the one series that a scrape that fails still writes.
fn is_up(metric: &str) -> bool {
    metric == "up" || metric.starts_with("up{")
}

/// The share of bad requests of a window that somebody else records, when its ticks are not known.
#[expect(clippy::cast_precision_loss, reason = "windows are far shorter than 2^53 µs")]
fn unseen(scene: &Scene<'_>, tick: i64, window_us: i64, before: f64) -> f64 {
    /// Whoever records it does so this often at least.
    const RECORDED_US: i64 = 60_000_000;
    let impact = scene.impact;
    let tick = match scene.side {
        Side::Earliest => tick,
        Side::Latest => tick - RECORDED_US,
    };
    let window_us = window_us.max(1);
    let during = (tick.min(impact.until_us) - impact.counted_us.max(tick - window_us)).max(0) as f64;
    let rest = window_us as f64 - during;
    let whole = rest + during * impact.traffic;
    (rest * before + during * impact.traffic * impact.bad) / whole
}

/// The share of requests over a limit, from the rates of a histogram's buckets.
pub(super) fn share_over(buckets: &[Sample], limit: f64) -> Option<f64> {
    let mut rates: BTreeMap<u64, f64> = BTreeMap::new();
    for bucket in buckets {
        let bound: f64 = bucket.labels.get("le")?.parse().ok()?;
        if bound >= 0.0 && bucket.value.is_finite() {
            // Floats that are not negative sort as their bits do.
            *rates.entry(bound.to_bits()).or_default() += bucket.value;
        }
    }
    let all = *rates.get(&f64::INFINITY.to_bits()).filter(|all| **all > 0.0)?;
    let (mut low, mut under) = (0.0, 0.0);
    for (bits, rate) in rates {
        let bound = f64::from_bits(bits);
        if bound >= limit {
            // Within a bucket requests are spread evenly, as Prometheus takes them to be.
            let part = if bound.is_finite() {
                (limit - low) / (bound - low)
            } else {
                0.0
            };
            return Some((1.0 - (under + (rate - under) * part) / all).clamp(0.0, 1.0));
        }
        (low, under) = (bound, rate);
    }
    None
}

impl Leaf {
    /// The queries that have to be asked before it can be computed.
    pub(super) fn questions(&self) -> Vec<String> {
        let mut asked = vec![self.text.clone()];
        match &self.level {
            Level::Share {
                query, part, whole, ..
            } => {
                asked.extend([query.clone(), part.clone(), whole.clone()]);
                asked.extend(self.counters(part));
            }
            Level::Quantile { buckets, .. } => asked.push(buckets.clone()),
            Level::Mean { query, .. }
            | Level::Flow { query, .. }
            | Level::Instant { query, .. }
            | Level::Unseen { query, .. } => asked.push(query.clone()),
            Level::Absent { .. } | Level::Window { .. } | Level::WholeWindow { .. } => {}
        }
        if let Limit::Query(query) = &self.limit {
            asked.push(query.clone());
        }
        asked.extend(self.series.iter().map(|series| origin(&series.text)));
        asked
    }
}

impl Leaf {
    /// The queries of how much has been counted so far of what a part of it counts.
    pub(super) fn counters(&self, part: &str) -> Vec<String> {
        let counted = self
            .series
            .iter()
            .filter(|series| part.contains(&format!("{}[", series.text)));
        counted.map(|series| format!("sum({})", series.text)).collect()
    }
}

/// The query that says which targets series come from.
pub(super) fn origin(series: &str) -> String {
    format!("group by (job, instance) ({series})")
}
