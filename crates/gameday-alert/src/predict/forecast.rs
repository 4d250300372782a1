//! One rule, followed twice and told.

mod levels;
mod targets;
mod telling;

pub(super) use targets::origins;

use std::collections::BTreeSet;

use gameday_core::{Odds, PredictedMark, Prediction, Timestamp};

use super::climb::ReadyCondition;
use super::condition::{self, Study};
use super::delivery::{Delivery, HAND_OFF_US, told};
use super::phase::Phase;
use super::rule::{Course, Timing, follow};
use super::rules::{RuleAt, Rules};
use super::scene::{Evaluated, Impact, Scene, Side};
use super::{Asked, Survey};
use crate::{Rule, RuleGroup};

/// Between the order and the first byte that a fault touches, or no longer touches: bytes have to flow.
const EFFECT_US: i64 = 100_000;

/// What becomes of one rule.
pub(super) struct Forecast {
    pub(super) earliest: Course,
    latest: Course,
    /// The first scrape that the fault touches: at the earliest and at the latest.
    scrape_us: Option<(i64, i64)>,
    delivery: Option<Delivery>,
    failed: Option<String>,
    never: Option<String>,
    /// What nobody said is taken at its most: it may all be later.
    at_least: bool,
    odds: Option<Odds>,
    budget_spent: Option<f64>,
    jobs: BTreeSet<String>,
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
            jobs: BTreeSet::new(),
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
        let scraped = self.scrape_us;
        mark("T1", scraped.map(|seen| seen.0), scraped.map(|seen| seen.1));
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
            prediction.astray = delivery.astray;
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
        prediction.jobs = self.jobs.into_iter().collect();
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
            jobs: BTreeSet::new(),
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
        let targets = targets::of(&condition);
        let first_scrape = |from_us: i64| {
            let scrapes = targets.iter().map(|target| target.phase.at_or_after(from_us));
            scrapes.min()
        };
        self.forecast.scrape_us = first_scrape(self.from_us).zip(first_scrape(self.from_us + EFFECT_US));
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
                left_open: self.survey.settings.left_open,
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
        let slack_us = match side {
            Side::Earliest => 0,
            Side::Latest => EFFECT_US,
        };
        let from_us = self.from_us + slack_us;
        let lag = fault.lag.unwrap_or(fault.least_lag);
        let span = |span: std::time::Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX / 4);
        Impact {
            from_us,
            counted_us: from_us + span(lag),
            until_us: from_us + span(fault.hold),
            bad: self.bad,
            traffic: fault.traffic.unwrap_or(1.0).max(0.0),
        }
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
