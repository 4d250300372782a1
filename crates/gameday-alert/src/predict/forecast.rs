//! One rule, followed twice and told.

use gameday_core::{Odds, PredictedMark, Prediction, Timestamp};

use super::climb::{Ready, ReadyCondition, origin, share_over};
use super::condition::{self, Condition, Leaf, Level, Limit, Series, Study};
use super::crossing::Mix;
use super::delivery::{self, Delivery, HAND_OFF_US, Parcel, told};
use super::odds;
use super::phase::Phase;
use super::rule::{Course, Timing, follow};
use super::rules::{RuleAt, Rules, matcher_of};
use super::scene::{Evaluated, Impact, Scene, Scraped, Side};
use super::{Asked, ScrapeEffect, Survey, labels, percent, slo, words};
use crate::{Matcher, Rule, RuleGroup, Sample, Target};

/// Between the order and the first byte that a fault touches: bytes have to flow.
const EFFECT_US: i64 = 100_000;
/// A probability of more than this is taken for certain.
const CERTAIN: f64 = 0.9999;

/// What becomes of one rule.
pub(super) struct Forecast {
    pub(super) earliest: Course,
    latest: Course,
    /// The first scrape at or after the fault.
    scrape_us: Option<i64>,
    delivery: Option<Delivery>,
    failed: Option<String>,
    never: Option<String>,
    /// What nobody said is taken at its most: it may all be later.
    at_least: bool,
    odds: Option<Odds>,
    budget_spent: Option<f64>,
    assumes: Vec<String>,
    warnings: Vec<String>,
}

impl Forecast {
    fn failed(why: String) -> Self {
        Self {
            earliest: Course::default(),
            latest: Course::default(),
            scrape_us: None,
            delivery: None,
            failed: Some(why),
            never: None,
            at_least: false,
            odds: None,
            budget_spent: None,
            assumes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Puts it into a prediction.
    pub(super) fn tell(mut self, prediction: &mut Prediction) {
        if let Some(why) = self.failed.take() {
            prediction.why.insert("prediction".to_owned(), why);
        }
        let later = self.odds.is_some() || self.at_least;
        let mut mark = |name: &str, at: Option<i64>, latest: Option<i64>| {
            if let Some(at) = at {
                let mark = PredictedMark {
                    at: Timestamp::from_micros(at),
                    latest: latest
                        .filter(|_| !later || name == "T1")
                        .map(Timestamp::from_micros),
                };
                prediction.marks.insert(name.to_owned(), mark);
            }
        };
        let (early, late) = (self.earliest, self.latest);
        let handed = |course: Course| course.firing_us.map(|tick| tick + HAND_OFF_US);
        mark("T1", self.scrape_us, self.scrape_us);
        mark("T2", early.active_us, late.active_us);
        mark("T3", early.firing_us, late.firing_us);
        mark("T9", early.inactive_us, late.inactive_us);
        if let Some(delivery) = self.delivery {
            mark("T4", handed(early), handed(late));
            let (first, last) = (
                told(&early, &delivery, delivery.wait_us.0),
                told(&late, &delivery, delivery.wait_us.1),
            );
            mark("T5", first.firing_us, last.firing_us);
            if delivery.wait_us.0 == delivery.wait_us.1 {
                mark("T10", first.resolved_us, last.resolved_us);
            }
            self.never = self.never.or(first.never);
            prediction.receiver = Some(delivery.receiver);
            prediction.route = Some(delivery.path);
            self.assumes.extend(delivery.assumes);
            self.warnings.extend(delivery.warnings);
        } else if early.firing_us.is_some() {
            let why = "no Alertmanager is observed, so its routes are not known";
            prediction.why.insert("T5".to_owned(), why.to_owned());
        }
        prediction.never = self.never;
        prediction.odds = self.odds;
        prediction.budget_spent = self.budget_spent;
        prediction.assumes = self.assumes;
        prediction.warnings = self.warnings;
    }
}

/// Follows one rule.
pub(super) fn of_rule(
    survey: &Survey,
    asked: &Asked,
    effective_at: Timestamp,
    at: RuleAt,
    rule: &Rule,
) -> Forecast {
    let rules = Rules(&survey.groups);
    let study = match condition::study(&rule.seen.query, rules) {
        Ok(study) => study,
        Err(why) => return Forecast::failed(why),
    };
    let groups: Vec<Option<Evaluated>> = survey
        .groups
        .iter()
        .map(|group| evaluated(survey, group))
        .collect();
    let Some(own) = groups[at.group] else {
        let why = format!(
            "the group `{}` was not evaluated yet, so its phase is not known",
            rule.seen.group
        );
        return Forecast::failed(why);
    };
    let study_of = Course::default();
    let mut builder = Builder {
        survey,
        asked,
        groups: &groups,
        at,
        timing: Timing {
            phase: own.phase,
            for_us: micros(rule.seen.for_ms),
            keep_firing_us: micros(rule.seen.keep_firing_ms),
        },
        from_us: effective_at.as_micros(),
        bad: asked.fault.bad.unwrap_or(asked.fault.share).clamp(0.0, 1.0),
        forecast: Forecast {
            earliest: study_of,
            latest: study_of,
            scrape_us: None,
            delivery: None,
            failed: None,
            never: None,
            at_least: false,
            odds: None,
            budget_spent: None,
            assumes: study.assumes.clone(),
            warnings: Vec::new(),
        },
    };
    builder.follow(rule, &study);
    builder.forecast
}

struct Builder<'b> {
    survey: &'b Survey,
    asked: &'b Asked,
    groups: &'b [Option<Evaluated>],
    at: RuleAt,
    timing: Timing,
    from_us: i64,
    /// The share of requests that are bad.
    bad: f64,
    forecast: Forecast,
}

impl Builder<'_> {
    fn follow(&mut self, rule: &Rule, study: &Study) {
        if rule.health == "err" {
            let why = rule.last_error.as_deref().unwrap_or("no reason given");
            self.forecast
                .warnings
                .push(format!("its last evaluation failed: {why}"));
        }
        let condition = ReadyCondition::new(&study.condition, &mut |leaf| self.ready(leaf));
        let targets = targets(&condition);
        self.forecast.scrape_us = targets
            .iter()
            .map(|target| target.phase.at_or_after(self.from_us))
            .min();
        let window = study
            .condition
            .leaves()
            .iter()
            .map(|leaf| leaf.window_us())
            .max()
            .unwrap_or(0);
        for side in [Side::Earliest, Side::Latest] {
            let impact = self.impact(side);
            let scene = Scene {
                groups: self.groups,
                query_offset_us: self.survey.settings.query_offset_us,
                impact,
                side,
            };
            let horizon = impact.until_us + window + self.timing.phase.every_us;
            let course = follow(&condition, &scene, self.at, self.timing, horizon);
            match side {
                Side::Earliest => self.forecast.earliest = course,
                Side::Latest => self.forecast.latest = course,
            }
        }
        self.tell_assumptions(&study.condition, &condition, &targets);
        self.explain(&study.condition, &condition);
        self.chances(&condition);
        self.cost(&study.condition);
        self.deliver(rule, &study.condition);
    }

    /// What the fault does, as early or as late as it may be.
    fn impact(&self, side: Side) -> Impact {
        let fault = &self.asked.fault;
        let from_us = match side {
            Side::Earliest => self.from_us,
            Side::Latest => self.from_us + EFFECT_US,
        };
        let lag = fault.lag.unwrap_or(fault.least_lag);
        let span = |span: std::time::Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX / 4);
        Impact {
            from_us,
            counted_us: from_us + span(lag),
            until_us: self.from_us + span(fault.hold),
            bad: self.bad,
            traffic: fault.traffic.unwrap_or(1.0).max(0.0),
        }
    }

    /// A comparison with its numbers.
    fn ready<'c>(&mut self, leaf: &'c Leaf) -> Ready<'c> {
        let limits: Vec<f64> = match &leaf.limit {
            Limit::Number(limit) => vec![*limit],
            Limit::Query(query) => {
                let values = self.values(query);
                let shown = values.first().map_or("unknown".to_owned(), ToString::to_string);
                self.assume(format!("`{query}` stays what it is ({shown})"));
                values
            }
            Limit::None => vec![f64::NEG_INFINITY],
        };
        let rises = leaf.rises();
        let scale = match leaf.level {
            Level::Share { scale, .. } => scale,
            _ => 1.0,
        };
        let limits: Vec<f64> = limits.into_iter().map(|limit| limit / scale).collect();
        let (low, high) = ends(&limits).unwrap_or((f64::NAN, f64::NAN));
        let limit = if rises { (low, high) } else { (high, low) };
        let before = self.before(leaf, limit.0, scale);
        let true_now = self
            .survey
            .answers
            .get(&leaf.text)
            .is_some_and(|found| labels::fitting(found, &self.asked.labels).next().is_some());
        let stays = matches!(
            leaf.level,
            Level::Instant { .. }
                | Level::Window { .. }
                | Level::WholeWindow { .. }
                | Level::Mean { binary: false, .. }
        );
        Ready {
            leaf,
            limit,
            before: if rises { (before.1, before.0) } else { before },
            holds: stays && true_now && !matches!(leaf.limit, Limit::None),
            unborn: matches!(&leaf.level, Level::Share { part, .. } if rises && self.is_unborn(part)),
            counted: self.counted(leaf),
            targets: self.targets(leaf),
        }
    }

    /// What has been counted of bad requests so far, in microseconds of all requests.
    #[expect(clippy::cast_precision_loss, reason = "windows are far shorter than 2^53 µs")]
    fn counted(&self, leaf: &Leaf) -> Option<f64> {
        let Level::Share {
            window_us,
            part,
            whole,
            ..
        } = &leaf.level
        else {
            return None;
        };
        let total = |query: &String| {
            let found = self.survey.answers.get(query)?;
            Some(found.iter().map(|sample| sample.value).sum::<f64>())
        };
        let counters = leaf.counters(part);
        let counted: Option<f64> = counters.iter().map(total).sum();
        let counted =
            counted.filter(|counted| leaf.rises() && !counters.is_empty() && counted.is_finite())?;
        let per_window = if whole.contains("increase(") {
            *window_us as f64 / 1e6
        } else {
            1.0
        };
        let per_second = total(whole)? / per_window;
        (per_second > 0.0).then(|| counted / per_second * 1e6)
    }

    /// The level before the fault: the lowest and the highest of the series that may be meant.
    fn before(&mut self, leaf: &Leaf, limit: f64, scale: f64) -> (f64, f64) {
        let (query, nothing) = match &leaf.level {
            Level::Share { query, .. } | Level::Unseen { query, .. } => {
                (query, if leaf.rises() { 0.0 } else { 1.0 })
            }
            Level::Mean { query, .. } => (query, 1.0),
            Level::Flow { query, .. } | Level::Instant { query, .. } => (query, 0.0),
            Level::Quantile { buckets, .. } => {
                let found = self.survey.answers.get(buckets).map(Vec::as_slice);
                let fitting: Vec<Sample> = labels::fitting(found.unwrap_or_default(), &self.asked.labels)
                    .cloned()
                    .collect();
                let share = share_over(&fitting, limit).unwrap_or(0.0);
                return (share, share);
            }
            Level::Absent { .. } | Level::Window { .. } | Level::WholeWindow { .. } => return (0.0, 0.0),
        };
        let found = ends(&self.values(query));
        found.map_or((nothing, nothing), |(low, high)| (low / scale, high / scale))
    }

    /// The values of a query before the fault, of the series that may be meant.
    fn values(&self, query: &str) -> Vec<f64> {
        let found = self
            .survey
            .answers
            .get(query)
            .map(Vec::as_slice)
            .unwrap_or_default();
        labels::fitting(found, &self.asked.labels)
            .map(|sample| sample.value)
            .filter(|value| value.is_finite())
            .collect()
    }

    /// Whether what is counted has no series yet; when nobody could be asked, it is taken to have one.
    fn is_unborn(&self, part: &str) -> bool {
        self.survey.answers.get(part).is_some_and(Vec::is_empty)
    }

    /// The targets that a comparison's series come from.
    fn targets(&mut self, leaf: &Leaf) -> Vec<Scraped> {
        let mut found: Vec<&Target> = Vec::new();
        for series in &leaf.series {
            for target in origins(self.survey, series) {
                if !found.iter().any(|known| std::ptr::eq(*known, target)) {
                    found.push(target);
                }
            }
        }
        let scraped = found.into_iter().filter_map(|target| self.scraped(target));
        scraped.collect()
    }

    fn scraped(&self, target: &Target) -> Option<Scraped> {
        let every_us = micros(target.scrape_interval_ms?);
        let began = ours(self.survey, target.last_scrape?);
        let took_us = target.scrape_took_us.unwrap_or(0);
        let timeout_us = target.scrape_timeout_ms.map_or(every_us, micros);
        let through = self.asked.fault.scrape.as_ref();
        let through = through.filter(|scrape| is_at(&target.url, &scrape.address));
        let (faulty_took_us, cut) = match through.map(|scrape| scrape.effect) {
            None => ((took_us, took_us), false),
            Some(ScrapeEffect::Fails) => ((took_us, took_us), true),
            Some(ScrapeEffect::Hangs) => ((timeout_us, timeout_us), true),
            Some(ScrapeEffect::Silent) => ((took_us, timeout_us), true),
            Some(ScrapeEffect::Slower(by)) => {
                let slower = took_us.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX));
                let took = slower.min(timeout_us);
                ((took, took), slower >= timeout_us)
            }
        };
        Some(Scraped {
            phase: Phase::new(began.as_micros(), every_us)?,
            took_us,
            faulty_took_us,
            cut,
        })
    }

    fn assume(&mut self, what: String) {
        if !self.forecast.assumes.contains(&what) {
            self.forecast.assumes.push(what);
        }
    }

    fn warn(&mut self, what: String) {
        if !self.forecast.warnings.contains(&what) {
            self.forecast.warnings.push(what);
        }
    }
}

/// The targets that series come from.
pub(super) fn origins<'s>(survey: &'s Survey, series: &Series) -> impl Iterator<Item = &'s Target> {
    let origins = survey.answers.get(&origin(&series.text)).map(Vec::as_slice);
    let matchers: Vec<Matcher> = series.selector.matchers.iter().filter_map(matcher_of).collect();
    survey.targets.iter().filter(move |target| {
        let told = origins.unwrap_or_default().iter().any(|origin| {
            let label = |name: &str| origin.labels.get(name).map_or("", String::as_str);
            label("job") == target.job && label("instance") == target.instance
        });
        // Series that are not there yet come from where their matchers say.
        let by_labels = || {
            matchers
                .iter()
                .filter(|matcher| target.labels.contains_key(&matcher.label))
                .all(|matcher| matcher.matches(&target.labels[&matcher.label]))
        };
        told || (origins.is_none_or(<[Sample]>::is_empty) && by_labels())
    })
}

/// When a group is evaluated, on our clock.
fn evaluated(survey: &Survey, group: &RuleGroup) -> Option<Evaluated> {
    let last = ours(survey, group.last_evaluation?);
    Some(Evaluated {
        phase: Phase::new(last.as_micros(), micros(group.interval_ms))?,
        took_us: group.evaluation_us,
    })
}

/// A time of Prometheus' clock on ours: less its offset, where that is more than its error.
pub(super) fn ours(survey: &Survey, raw: Timestamp) -> Timestamp {
    match survey.clock {
        Some(clock) if clock.offset_us.saturating_abs() > clock.error_us => {
            raw.plus_micros(clock.offset_us.saturating_neg())
        }
        _ => raw,
    }
}

fn micros(ms: u64) -> i64 {
    i64::try_from(ms)
        .unwrap_or(i64::MAX / 1_000_000)
        .saturating_mul(1000)
}

fn ends(values: &[f64]) -> Option<(f64, f64)> {
    let low = values.iter().copied().min_by(f64::total_cmp)?;
    let high = values.iter().copied().max_by(f64::total_cmp)?;
    Some((low, high))
}

/// Whether a scraped URL is at an address.
fn is_at(url: &str, address: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next() == Some(address)
}

/// All targets of a condition.
fn targets(condition: &ReadyCondition<'_>) -> Vec<Scraped> {
    match condition {
        ReadyCondition::All(parts) | ReadyCondition::Any(parts) => parts.iter().flat_map(targets).collect(),
        ReadyCondition::Leaf(ready) => ready.targets.clone(),
    }
}

mod telling;
