//! What an alert will do, before its fault is injected.
//!
//! ```text
//!   rules ──► Condition ─┐
//!   targets, groups ─────┼─► Scene ──► each evaluation: true or not ──► Course ─► Delivery ─► Prediction
//!   the fault ───────────┘             (twice: as early and as late     (for)     (route,
//!   answers to questions ─┘             as can be)                                 group)
//! ```
//!
//! A rule is not described by a formula but followed: each evaluation is computed with what its windows
//! hold by then, from the scrapes that it can see, through each recording rule on the way. Phases of
//! scrapes and evaluations are fixed, so what was seen of them a moment ago holds for hours.
//!
//! Everything in here is pure; [`crate::survey`] asks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gameday_core::{ClockReading, FaultName, PredictedMark, Prediction, Timestamp, did_you_mean};

use crate::alertmanager::AlertmanagerSurvey;
use crate::{RuleGroup, Sample, Settings, Target};

mod clean;
mod climb;
mod condition;
mod crossing;
mod delivery;
mod forecast;
mod inputs;
mod labels;
mod odds;
mod phase;
mod rule;
mod rules;
mod scene;
mod share;
mod slo;

pub use inputs::{RuleReads, rule_reads};
pub(crate) use share::{SharePart, share_of};

use delivery::Parcel;
use forecast::Forecast;
use rules::Rules;

pub use clean::{Interval, longest_interval, undrained};

/// Everything that was seen of the alerting at a moment.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// Groups of rules, of both kinds.
    pub groups: Vec<RuleGroup>,
    /// What is scraped.
    pub targets: Vec<Target>,
    /// What Prometheus' configuration says of all rules.
    pub settings: Settings,
    /// Prometheus' clock against ours.
    pub clock: Option<ClockReading>,
    /// What [`questions`] yielded.
    pub answers: BTreeMap<String, Vec<Sample>>,
    /// Each Alertmanager that is observed.
    pub alertmanagers: Vec<AlertmanagerSurvey>,
}

/// An alert that is expected of a fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The expectation's key.
    pub label: String,
    /// The alert's name.
    pub alert: String,
    /// Labels that it must carry.
    pub labels: BTreeMap<String, String>,
    /// The receiver that it must reach.
    pub receiver: Option<String>,
    /// Where our own receiver listens.
    pub webhook: Option<String>,
    /// Limits from T0e to firing and to the notification.
    pub limits: [Option<Duration>; 2],
    /// The fault.
    pub fault: ExpectedFault,
}

/// What a fault will do to the numbers that rules look at.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedFault {
    /// The entry of the timeline.
    pub name: FaultName,
    /// How long it is held.
    pub hold: Duration,
    /// The share of requests that it makes bad, 0 to 1; none when nobody said.
    pub bad: Option<f64>,
    /// The share that it can hit at most, as its own settings say, 0 to 1.
    pub share: f64,
    /// Requests while it is in place, for each one before; none when nobody said.
    pub traffic: Option<f64>,
    /// How long after it the first request that it made bad is counted; none when nobody said.
    pub lag: Option<Duration>,
    /// The least that this can be, as its own settings say.
    pub least_lag: Duration,
    /// Whether it may keep requests from being made or answered at all.
    pub stops_traffic: bool,
    /// What it does to whatever is scraped through it.
    pub scrape: Option<ScrapeFault>,
}

/// A fault that stands between Prometheus and what it scrapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrapeFault {
    /// `host:port` that is scraped.
    pub address: String,
    /// What it does to a scrape.
    pub effect: ScrapeEffect,
}

/// What a fault does to a scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScrapeEffect {
    /// It fails at once.
    Fails,
    /// It fails when its time is over.
    Hangs,
    /// No answer comes through, but its end does: it fails at once if the server closes after an answer, and when
    /// its time is over if not.
    Silent,
    /// It takes so much longer, and fails when its time is over before.
    Slower(Duration),
}

/// The queries whose answers a prediction of these alerts needs.
#[must_use]
pub fn questions(survey: &Survey, asked: &[Asked]) -> BTreeSet<String> {
    let rules = Rules(&survey.groups);
    let mut questions = BTreeSet::new();
    for asked in asked {
        for (_, rule) in rules.alerts(&asked.alert) {
            if let Ok(study) = condition::study(&rule.seen.query, rules) {
                questions.extend(
                    study
                        .condition
                        .leaves()
                        .into_iter()
                        .flat_map(condition::Leaf::questions),
                );
            }
        }
    }
    questions
}

/// Predicts what an alert does when its fault takes effect at `effective_at`.
#[must_use]
pub fn predict(survey: &Survey, asked: &Asked, effective_at: Timestamp) -> Prediction {
    let hold = i64::try_from(asked.fault.hold.as_micros()).unwrap_or(i64::MAX);
    let mut prediction = Prediction {
        label: asked.label.clone(),
        alert: asked.alert.clone(),
        of: asked.fault.name.clone(),
        effective_at,
        removed_at: effective_at.plus_micros(hold),
        marks: BTreeMap::new(),
        why: BTreeMap::new(),
        receiver: None,
        route: None,
        never: None,
        astray: None,
        odds: None,
        budget_spent: None,
        jobs: Vec::new(),
        assumes: Vec::new(),
        warnings: Vec::new(),
    };
    let rules = Rules(&survey.groups);
    let meant = rules.alerts(&asked.alert).filter(|(_, rule)| {
        let wanted = asked.labels.iter();
        let differs = |(label, value): (&String, &String)| {
            let theirs = rule.seen.labels.get(label);
            theirs.is_some_and(|theirs| theirs != value && !theirs.contains("{{"))
        };
        !wanted.into_iter().any(differs)
    });
    let mut forecasts: Vec<Forecast> = meant
        .map(|(at, rule)| forecast::of_rule(survey, asked, effective_at, at, rule))
        .collect();
    if forecasts.is_empty() {
        let known = survey.groups.iter().flat_map(RuleGroup::all_alerts);
        let known: Vec<&str> = known.map(|rule| rule.seen.alert.as_str()).collect();
        let name = &asked.alert;
        let why = if known.contains(&name.as_str()) {
            format!("no alert rule is named `{name}` and carries these labels")
        } else {
            format!("no alert rule is named `{name}`{}", did_you_mean(name, known))
        };
        prediction.why.insert("prediction".to_owned(), why);
        return prediction;
    }
    // Of several rules of one name (sloth's page and ticket, pyrra's four) the first that fires counts.
    forecasts.sort_by_key(|forecast| {
        let rank = |at: Option<i64>| (at.is_none(), at);
        (
            rank(forecast.earliest.firing_us),
            rank(forecast.earliest.active_us),
        )
    });
    forecasts.swap_remove(0).tell(&mut prediction);
    late(asked, &mut prediction);
    prediction
}

/// Why the time that an alert spends in its Alertmanager group would not be that of a new group, if that is so.
#[must_use]
pub fn group_stage(survey: &Survey, asked: &Asked) -> Option<String> {
    let rules = Rules(&survey.groups);
    let (_, rule) = rules.alerts(&asked.alert).next()?;
    let study = condition::study(&rule.seen.query, rules).ok()?;
    let labels = labels::of_alert(survey, asked, rule, &study.condition);
    let parcel = Parcel {
        alert: &asked.alert,
        labels: &labels,
        receiver: asked.receiver.as_deref(),
        webhook: asked.webhook.as_deref(),
        firing: Timestamp::from_micros(0),
    };
    let mut alertmanagers = survey.alertmanagers.iter();
    alertmanagers.find_map(|alertmanager| delivery::unclean(&parcel, alertmanager))
}

/// Says when a limit cannot be kept.
fn late(asked: &Asked, prediction: &mut Prediction) {
    for ((mark, what), limit) in [("T3", "firing"), ("T5", "notified")]
        .into_iter()
        .zip(asked.limits)
    {
        let (Some(limit), Some(found)) = (limit, prediction.marks.get(mark)) else {
            continue;
        };
        let took = found.at.micros_since(prediction.effective_at);
        if took > i64::try_from(limit.as_micros()).unwrap_or(i64::MAX) {
            prediction.warnings.push(format!(
                "too late: {what} after {} at the earliest, over its limit of {}",
                words(took),
                words(i64::try_from(limit.as_micros()).unwrap_or(i64::MAX))
            ));
        }
    }
}

/// How long it takes over all moments at which the fault may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// The shortest.
    pub min: Duration,
    /// On average.
    pub mean: Duration,
    /// The longest.
    pub max: Duration,
}

/// Moments from `around` on that meet all phases of scrapes and evaluations; none when no interval is known.
#[must_use]
pub fn phases(survey: &Survey, around: Timestamp) -> Option<impl Iterator<Item = Timestamp> + use<>> {
    /// Enough that both ends are met to a hundredth of the longest interval.
    const STEPS: i64 = 101;
    let intervals = survey.groups.iter().map(|group| group.interval_ms);
    let scrapes = survey.targets.iter();
    let scrapes = scrapes.filter_map(|target| target.scrape_interval_ms);
    let widest = i64::try_from(intervals.chain(scrapes).max()?).ok()?;
    let widest = widest.checked_mul(1000)?;
    // Steps of more than one interval meet intervals that are no multiples at all their phases.
    Some((0..STEPS).map(move |step| around.plus_micros(step * (widest + widest / STEPS))))
}

/// How long a mark takes after T0e, over all phases of the fault's beginning; none if it is not always reached.
#[must_use]
pub fn spread(survey: &Survey, asked: &Asked, around: Timestamp, mark: &str) -> Option<Spread> {
    let mut spans = Vec::new();
    for at in phases(survey, around)? {
        let found: PredictedMark = *predict(survey, asked, at).marks.get(mark)?;
        spans.push(Duration::from_micros(
            u64::try_from(found.at.micros_since(at)).ok()?,
        ));
    }
    let count = u32::try_from(spans.len()).ok()?;
    Some(Spread {
        min: *spans.iter().min()?,
        mean: spans.iter().sum::<Duration>() / count,
        max: *spans.iter().max()?,
    })
}

/// A length of time for people, to the tenth of a second under a minute.
fn words(micros: i64) -> String {
    let tenths = (micros + 50_000).div_euclid(100_000);
    let seconds = (micros + 500_000).div_euclid(1_000_000);
    match seconds {
        ..60 => format!("{}.{} s", tenths / 10, tenths % 10),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A share for people.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = match percent {
        // An objective differs from 100 % by its digits.
        percent if (99.0..100.0).contains(&percent) => 4,
        percent if percent >= 10.0 => 0,
        percent if percent >= 1.0 => 1,
        _ => 3,
    };
    let text = format!("{percent:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    };
    format!("{text} %")
}

#[cfg(test)]
mod tests;
