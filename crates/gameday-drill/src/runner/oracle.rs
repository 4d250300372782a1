//! Keeps fresh what predictions are made from, until the last fault is ordered: then a prediction is there
//! at once when a fault is, and no fault waits for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use gameday_alert::{Asked, Survey, group_stage, longest_interval, undrained};
use gameday_core::{Clock, FaultName, Prediction, Timestamp};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::engine::GateLook;
use crate::forecast::Asking;
use crate::plan::Plan;

/// Everything is asked this often; it hardly ever changes.
const ALL: u32 = 5;
/// Alertmanager's groups are asked this often.
const GROUPS: Duration = Duration::from_secs(1);
/// The first time, before anything is touched, is worth some patience.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is older than this is no base for a prediction.
const STALE_US: i64 = 60_000_000;
/// Who has not answered for so long does not say that nothing is left.
const SILENT_US: i64 = 15_000_000;
/// From the order to the fault in place: the journal is flushed and the target asked.
const ORDER_US: i64 = 15_000;

/// What is known of the alerting.
pub(super) struct Oracle {
    asking: Asking,
    seen: Mutex<Seen>,
}

struct Seen {
    survey: Result<Survey, String>,
    at: Timestamp,
    /// Empty groups of each Alertmanager before the first fault, when none of them can be of an expected alert.
    empty_before: Vec<u64>,
}

impl Oracle {
    /// Asks for the first time.
    pub(super) async fn consult(plan: &Plan) -> Arc<Self> {
        let asking = Asking::new(plan).await;
        let survey = match asking.alerts.is_empty() {
            true => Err("no alert is expected".to_owned()),
            false => timeout(PATIENCE, asking.survey())
                .await
                .unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs()))),
        };
        let at = Timestamp::now();
        let mut seen = Seen {
            survey,
            at,
            empty_before: Vec::new(),
        };
        seen.empty_before = seen.foreign_groups(&asking.alerts);
        let seen = Mutex::new(seen);
        Arc::new(Self { asking, seen })
    }

    /// Asks again and again; ends with the task that runs it.
    pub(super) async fn stay_awake(self: Arc<Self>) {
        if self.asking.alerts.is_empty() {
            return;
        }
        let mut every = interval(GROUPS);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for round in 1_u32.. {
            every.tick().await;
            let survey = if round.is_multiple_of(ALL) {
                self.asking.survey().await
            } else {
                let Ok(mut survey) = self.seen().survey.clone() else {
                    continue;
                };
                self.asking.look_again(&mut survey).await;
                Ok(survey)
            };
            // What was seen before still holds when nobody answers; it grows stale by itself.
            if let Ok(mut survey) = survey {
                let mut seen = self.seen();
                for (alertmanager, empty) in survey.alertmanagers.iter_mut().zip(&seen.empty_before) {
                    alertmanager.empty_before = *empty;
                }
                (seen.survey, seen.at) = (Ok(survey), Timestamp::now());
            }
        }
    }

    /// What the alerts that a fault should bring will do, when it is ordered now.
    pub(super) fn predict(&self, fault: &FaultName) -> Vec<Prediction> {
        let now = Timestamp::now();
        let alerts = self
            .asking
            .alerts
            .iter()
            .filter(|asked| asked.fault.name == *fault);
        let seen = self.seen();
        let unknown = match &seen.survey {
            Err(why) => Some(why.clone()),
            Ok(_) if now.micros_since(seen.at) > STALE_US => {
                Some("the alerting no longer answers".to_owned())
            }
            Ok(_) => None,
        };
        let effective = now.plus_micros(ORDER_US);
        let nothing = Survey::default();
        let survey = seen.survey.as_ref().unwrap_or(&nothing);
        let predicted = alerts.map(|asked| {
            let mut prediction = self.asking.predict(survey, asked, effective);
            if let Some(why) = &unknown {
                prediction.marks.clear();
                prediction.why = BTreeMap::from([("prediction".to_owned(), why.clone())]);
            }
            prediction
        });
        predicted.collect()
    }

    /// Whether the notification of each expected alert will be that of a new group, for the report.
    ///
    /// None when no Alertmanager was asked.
    pub(super) fn group_stage(&self, when: &str) -> Option<String> {
        let seen = self.seen();
        let survey = seen.survey.as_ref().ok()?;
        let alertmanager = survey.alertmanagers.first()?;
        let left = self
            .asking
            .alerts
            .iter()
            .find_map(|asked| Some((asked, group_stage(survey, asked)?)));
        let empty = match alertmanager.empty_groups {
            Some(empty) => format!("{empty} empty"),
            None => "an unknown number empty".to_owned(),
        };
        let full = alertmanager.groups.len();
        let held = format!("Alertmanager holds {full} groups with alerts and {empty}");
        Some(match left {
            None => format!("clean {when}: {held}, none of them of an expected alert"),
            Some((asked, why)) => format!("not clean {when}: {held}; {}: {why}", asked.alert),
        })
    }

    /// What is left of a fault that was removed so long ago, for the gate of the next trial.
    pub(super) fn gate(&self, since_removal: Option<Duration>, clock: Clock) -> GateLook {
        let seen = self.seen();
        let Ok(survey) = &seen.survey else {
            return GateLook::default();
        };
        let alerts = &self.asking.alerts;
        let groups = alerts.iter().filter_map(|asked| {
            let why = group_stage(survey, asked)?;
            Some(format!("{}: {why}", asked.alert))
        });
        let windows = alerts
            .iter()
            .filter_map(|asked| undrained(survey, asked, since_removal?));
        let nameless = since_removal.and_then(|_| nameless_groups(survey));
        let interval = longest_interval(survey, alerts);
        let silent = Timestamp::now().micros_since(seen.at) > SILENT_US;
        let silent = silent.then(|| "the alerting does not answer".to_owned());
        // The tick on the monotonic clock, by way of now: the drill's own times are of that clock.
        let on_clock = |tick: Timestamp| {
            let now_us = i64::try_from(clock.offset().as_micros()).unwrap_or(i64::MAX);
            now_us.saturating_sub(Timestamp::now().micros_since(tick))
        };
        GateLook {
            left: groups.chain(windows).chain(nameless).chain(silent).collect(),
            interval: interval.map(|interval| (on_clock(interval.tick), interval.every)),
        }
    }

    /// The alerts that are expected.
    pub(super) fn alerts(&self) -> &[Asked] {
        &self.asking.alerts
    }

    /// Whether ranges of this Prometheus leave their first moment out, and its clock less ours; none when nobody told.
    pub(super) fn ways(&self) -> Option<(bool, i64)> {
        let seen = self.seen();
        let survey = seen.survey.as_ref().ok()?;
        let ahead = survey
            .clock
            .filter(|clock| clock.offset_us.saturating_abs() > clock.error_us);
        Some((
            survey.settings.left_open,
            ahead.map_or(0, |clock| clock.offset_us),
        ))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("nobody panics while holding it")
    }
}

/// Empty groups that were not there before the first trial, where nobody says which alerts fired: they may be ours.
fn nameless_groups(survey: &Survey) -> Option<String> {
    let mut alertmanagers = survey.alertmanagers.iter();
    alertmanagers.find_map(|one| {
        let (empty, before) = (one.empty_groups?, one.empty_before);
        (one.fired_lately.is_empty() && empty > before).then(|| {
            format!("Alertmanager holds {empty} empty groups, {before} before the first trial: one may be left of it")
        })
    })
}

impl Seen {
    /// How many empty groups each Alertmanager holds that are none of ours: a busy one always holds some. When one
    /// may be of an expected alert, none is taken for foreign.
    fn foreign_groups(&self, alerts: &[Asked]) -> Vec<u64> {
        let Ok(survey) = &self.survey else {
            return Vec::new();
        };
        let ours = alerts.iter().any(|asked| group_stage(survey, asked).is_some());
        let empty = survey
            .alertmanagers
            .iter()
            .map(|one| one.empty_groups.unwrap_or(0));
        empty.map(|empty| if ours { 0 } else { empty }).collect()
    }
}
