//! The alerts of a drill: how far each is, and when its next mark is due.

use std::collections::{BTreeMap, BTreeSet};

use gameday_core::{
    AlertSeen, AlertState, ExpectRecord, FaultName, Notification, PlanRecord, PredictedMark, Prediction,
    SourceName, Timestamp,
};
use serde::Serialize;

use super::Changed;

/// Alerts that nobody expected; more are not shown.
const MOST_OTHERS: usize = 40;
/// Changes of state of one alert; one that flaps more often is drawn up to there.
const MOST_SPANS: usize = 200;

/// How far an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStage {
    /// Nothing was seen of it.
    Inactive,
    /// Its condition is true.
    Pending,
    /// It fires.
    Firing,
    /// Our receiver was told.
    Notified,
    /// Our receiver was told that it is over.
    Resolved,
}

/// A state of an alert while it lasted.
#[derive(Debug, Clone, Serialize)]
pub struct AlertSpan {
    /// From when, in milliseconds after the begin.
    pub from: i64,
    /// Until when; none while it lasts.
    pub to: Option<i64>,
    /// Which.
    pub state: AlertState,
}

/// What is due next, as it was predicted.
#[derive(Debug, Clone, Serialize)]
pub struct Due {
    /// What will happen: `pending`, `firing`, `notified` or `resolved`.
    pub what: &'static str,
    /// At the earliest.
    pub at_ms: i64,
    /// At the latest, where that can be said.
    pub latest_ms: Option<i64>,
}

/// An alert.
#[derive(Debug, Clone, Serialize)]
pub struct AlertLane {
    /// Its key in the scenario, or its name when nobody expected it.
    pub label: String,
    /// Its name.
    pub alert: String,
    /// Whether it must come.
    pub expected: bool,
    /// How far it came.
    pub stage: AlertStage,
    /// Since when it is there.
    pub since_ms: i64,
    /// Since when it is over, where nobody was told of it; it may come again.
    pub over_ms: Option<i64>,
    /// Its states over time.
    pub spans: Vec<AlertSpan>,
    /// When the notification came.
    pub notified: Option<i64>,
    /// When the resolved notice came.
    pub resolved: Option<i64>,
    /// Who took it first, and when.
    pub ack: Option<(String, i64)>,
    /// What is due next.
    pub due: Option<Due>,
    /// Why it will not come, if that was predicted.
    pub never: Option<String>,
    /// The notification must be there by then.
    pub limit_ms: Option<i64>,
    /// From the fault's effect to the notification.
    pub ttn_ms: Option<i64>,
    #[serde(skip)]
    effective: Option<i64>,
    #[serde(skip)]
    predicted: BTreeMap<String, PredictedMark>,
    #[serde(skip)]
    record: Option<ExpectRecord>,
    /// Who lists it, with which labels: it is over when nobody does.
    #[serde(skip)]
    listed: BTreeSet<(SourceName, BTreeMap<String, String>)>,
}

/// All alerts.
#[derive(Debug, Clone)]
pub(super) struct AlertBoard {
    lanes: Vec<Changed<AlertLane>>,
    began: Timestamp,
    /// Prometheus is read: it tells of rules, and Alertmanager only of silences.
    has_rules: bool,
}

impl Default for AlertBoard {
    fn default() -> Self {
        Self {
            lanes: Vec::new(),
            began: Timestamp::from_micros(0),
            has_rules: false,
        }
    }
}

impl AlertBoard {
    pub(super) fn new(plan: &PlanRecord, began: Timestamp) -> Self {
        let lane =
            |expect: &ExpectRecord| Changed::new(AlertLane::new(&expect.label, &expect.alert, Some(expect)));
        Self {
            lanes: plan.expect.iter().map(lane).collect(),
            began,
            has_rules: plan.observe.prometheus.is_some(),
        }
    }

    pub(super) fn lanes(&self) -> impl Iterator<Item = &AlertLane> {
        self.lanes.iter().map(|lane| &lane.value)
    }

    pub(super) fn since(&self, seq: Option<u64>) -> Vec<(usize, &AlertLane)> {
        let all = self.lanes.iter().enumerate();
        let news = all.filter(|(_, lane)| seq.is_none_or(|seq| lane.seq > seq));
        news.map(|(at, lane)| (at, &lane.value)).collect()
    }

    fn place(&self, time: Timestamp) -> i64 {
        time.micros_since(self.began) / 1000
    }

    /// Changes every lane that is about an alert; one that nobody expected gets a lane of its own.
    fn each(
        &mut self,
        seq: u64,
        alert: &str,
        labels: &BTreeMap<String, String>,
        mut change: impl FnMut(&mut AlertLane),
    ) {
        let mut found = false;
        for lane in self
            .lanes
            .iter_mut()
            .filter(|lane| lane.value.is_about(alert, labels))
        {
            found = true;
            change(lane.at(seq));
        }
        let others = self.lanes.iter().filter(|lane| !lane.value.expected).count();
        if !found && others < MOST_OTHERS {
            let mut lane = Changed::new(AlertLane::new(alert, alert, None));
            change(lane.at(seq));
            self.lanes.push(lane);
        }
    }

    pub(super) fn seen(&mut self, seq: u64, at: i64, seen: &AlertSeen) {
        let active = seen.active_at.or(seen.starts_at);
        let from = active.map_or(at, |time| self.place(time)).min(at);
        let second_hand = self.has_rules && seen.source.as_str() != "prometheus";
        let who = (seen.source.clone(), seen.labels.clone());
        self.each(seq, &seen.alert, &seen.labels, |lane| {
            if !second_hand {
                lane.list(&who, seen.state);
            }
            match seen.state {
                AlertState::Pending => lane.enter(AlertStage::Pending, AlertState::Pending, from, at),
                AlertState::Suppressed => lane.enter(AlertStage::Firing, AlertState::Suppressed, at, at),
                AlertState::Firing if second_hand && !lane.is(AlertState::Suppressed) => {
                    lane.reach(AlertStage::Firing, at);
                }
                AlertState::Firing => lane.enter(AlertStage::Firing, AlertState::Firing, at, at),
                AlertState::Gone if lane.listed.is_empty() && !second_hand => lane.end(at),
                AlertState::Gone => {}
            }
        });
        self.look_ahead();
    }

    pub(super) fn notified(&mut self, seq: u64, notice: &Notification) {
        let at = self.place(notice.arrived);
        for alert in &notice.alerts {
            self.each(seq, &alert.alert, &alert.labels, |lane| {
                let receiver = lane.record.as_ref().and_then(|record| record.receiver.as_ref());
                if receiver.is_some_and(|wanted| *wanted != notice.receiver) {
                    return;
                }
                match alert.status.as_str() {
                    "firing" => {
                        lane.notified = lane.notified.or(Some(at));
                        lane.reach(AlertStage::Notified, at);
                        lane.count();
                    }
                    _ if lane.notified.is_some() => {
                        lane.resolved = lane.resolved.or(Some(at));
                        lane.reach(AlertStage::Resolved, at);
                    }
                    _ => {}
                }
            });
        }
        self.look_ahead();
    }

    pub(super) fn acknowledged(&mut self, seq: u64, at: i64, alert: &str, who: &str) {
        for lane in self.lanes.iter_mut().filter(|lane| lane.value.alert == alert) {
            lane.at(seq).ack.get_or_insert_with(|| (who.to_owned(), at));
        }
    }

    pub(super) fn predicted(&mut self, seq: u64, prediction: &Prediction) {
        for lane in self
            .lanes
            .iter_mut()
            .filter(|lane| lane.value.label == prediction.label)
        {
            let lane = lane.at(seq);
            lane.predicted.clone_from(&prediction.marks);
            lane.never.clone_from(&prediction.never);
        }
        self.look_ahead();
    }

    /// The fault took effect: limits begin to count.
    pub(super) fn effective(&mut self, seq: u64, fault: &FaultName, at: i64) {
        for lane in &mut self.lanes {
            let Some(record) = lane.value.record.as_ref().filter(|record| record.of == *fault) else {
                continue;
            };
            let limit = record.notified_ms.or(record.firing_ms);
            if lane.value.effective.is_none() {
                let limit = limit.map(|limit| at.saturating_add(i64::try_from(limit).unwrap_or(i64::MAX)));
                let lane = lane.at(seq);
                (lane.effective, lane.limit_ms) = (Some(at), limit);
                lane.count();
            }
        }
    }

    /// Another trial begins: nothing has come yet, and what still fires is drawn from here on.
    pub(super) fn begin_anew(&mut self, seq: u64, at: i64) {
        for lane in &mut self.lanes {
            let lane = lane.at(seq);
            let open = lane.spans.pop().filter(|span| span.to.is_none());
            let still = open.map(|span| AlertSpan { from: at, ..span });
            let anew = AlertLane::new(&lane.label, &lane.alert, lane.record.as_ref());
            *lane = AlertLane {
                spans: still.into_iter().collect(),
                listed: std::mem::take(&mut lane.listed),
                ..anew
            };
        }
    }

    fn look_ahead(&mut self) {
        let began = self.began;
        for lane in &mut self.lanes {
            lane.value.due = lane.value.next(began);
        }
    }
}

impl AlertLane {
    fn new(label: &str, alert: &str, record: Option<&ExpectRecord>) -> Self {
        Self {
            label: label.to_owned(),
            alert: alert.to_owned(),
            expected: record.is_some(),
            stage: AlertStage::Inactive,
            since_ms: 0,
            over_ms: None,
            spans: Vec::new(),
            notified: None,
            resolved: None,
            ack: None,
            due: None,
            never: None,
            limit_ms: None,
            ttn_ms: None,
            effective: None,
            predicted: BTreeMap::new(),
            record: record.cloned(),
            listed: BTreeSet::new(),
        }
    }

    fn is_about(&self, alert: &str, labels: &BTreeMap<String, String>) -> bool {
        let wanted = self.record.iter().flat_map(|record| &record.labels);
        self.alert == alert
            && wanted
                .into_iter()
                .all(|(key, value)| labels.get(key) == Some(value))
    }

    /// The next mark that was predicted.
    fn next(&self, began: Timestamp) -> Option<Due> {
        let (mark, what) = match self.stage {
            _ if self.over_ms.is_some() => return None,
            AlertStage::Inactive => ("T2", "pending"),
            AlertStage::Pending => ("T3", "firing"),
            AlertStage::Firing => ("T5", "notified"),
            AlertStage::Notified => ("T10", "resolved"),
            AlertStage::Resolved => return None,
        };
        let predicted = self.predicted.get(mark)?;
        let place = |time: Timestamp| time.micros_since(began) / 1000;
        Some(Due {
            what,
            at_ms: place(predicted.at),
            latest_ms: predicted.latest.map(place),
        })
    }

    fn count(&mut self) {
        self.ttn_ms = self.notified.zip(self.effective).map(|(at, from)| at - from);
    }

    fn reach(&mut self, stage: AlertStage, at: i64) {
        if stage > self.stage {
            (self.stage, self.since_ms) = (stage, at);
        }
    }

    fn enter(&mut self, stage: AlertStage, state: AlertState, from: i64, at: i64) {
        self.over_ms = None;
        self.reach(stage, from);
        if self.is(state) {
            return;
        }
        self.leave(at);
        if self.spans.len() < MOST_SPANS {
            self.spans.push(AlertSpan {
                from,
                to: None,
                state,
            });
        }
    }

    fn is(&self, state: AlertState) -> bool {
        self.spans
            .last()
            .is_some_and(|span| span.to.is_none() && span.state == state)
    }

    fn list(&mut self, who: &(SourceName, BTreeMap<String, String>), state: AlertState) {
        match state {
            AlertState::Gone => _ = self.listed.remove(who),
            _ => _ = self.listed.insert(who.clone()),
        }
    }

    /// Nobody lists it any more.
    fn end(&mut self, at: i64) {
        self.leave(at);
        if matches!(self.stage, AlertStage::Pending | AlertStage::Firing) {
            self.over_ms = Some(at);
        }
    }

    fn leave(&mut self, at: i64) {
        if let Some(span) = self.spans.last_mut() {
            span.to = span.to.or(Some(at));
        }
    }
}
