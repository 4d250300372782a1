//! What of a journal a unit test is made of.

use std::collections::{BTreeMap, BTreeSet};

use gameday_core::{
    DrillStarted, Event, EventKind, RawSeries, RecordingSeen, RuleInputs, RuleSeen, Timestamp,
};

/// What was recorded of rules and series, in all trials of a drill.
pub(crate) struct Recorded<'a> {
    pub(crate) started: &'a DrillStarted,
    pub(crate) rules: Vec<&'a RuleSeen>,
    pub(crate) recordings: Vec<&'a RecordingSeen>,
    inputs: Vec<&'a RuleInputs>,
    /// Series by what was asked.
    samples: Vec<(&'a str, &'a [RawSeries])>,
}

type Merged<'a> = BTreeMap<&'a BTreeMap<String, String>, BTreeMap<Timestamp, f64>>;

impl<'a> Recorded<'a> {
    pub(crate) fn read(events: &'a [Event]) -> Result<Self, String> {
        let Some(EventKind::DrillStarted(started)) = events.first().map(|event| &event.kind) else {
            return Err("the journal does not begin with the start of a drill".to_owned());
        };
        let mut recorded = Self {
            started,
            rules: Vec::new(),
            recordings: Vec::new(),
            inputs: Vec::new(),
            samples: Vec::new(),
        };
        for event in events {
            match &event.kind {
                EventKind::RuleSeen(rule) => recorded.rules.push(rule),
                EventKind::RecordingSeen(rule) => recorded.add(rule),
                EventKind::RuleInputs(inputs) => recorded.inputs.push(inputs),
                EventKind::RawSamples { selector, series, .. } => {
                    recorded.samples.push((selector, series));
                }
                _ => {}
            }
        }
        Ok(recorded)
    }

    /// Each trial tells of the same rules again.
    fn add(&mut self, rule: &'a RecordingSeen) {
        let place =
            |rule: &'a RecordingSeen| (&rule.file, &rule.group, &rule.record, &rule.query, &rule.labels);
        if !self.recordings.iter().any(|known| place(known) == place(rule)) {
            self.recordings.push(rule);
        }
    }

    /// What the rule of an alert reads, as each trial told it.
    fn inputs_of(&self, alert: &str) -> impl Iterator<Item = &'a RuleInputs> {
        self.inputs
            .iter()
            .copied()
            .filter(move |inputs| inputs.alert == alert)
    }

    /// What the rule of an alert reads and what was not recorded; none when nothing was.
    pub(crate) fn left_out(&self, alert: &str) -> Option<Vec<&'a str>> {
        self.inputs_of(alert).next()?;
        let all: BTreeSet<&str> = self
            .inputs_of(alert)
            .flat_map(|inputs| &inputs.left_out)
            .map(String::as_str)
            .collect();
        Some(all.into_iter().collect())
    }

    /// The series that the rules of these alerts read, each once and whole.
    pub(crate) fn series(&self, alerts: &[&str]) -> Vec<RawSeries> {
        let inputs = alerts.iter().flat_map(|alert| self.inputs_of(alert));
        let selectors: BTreeSet<&str> = inputs
            .flat_map(|inputs| &inputs.selectors)
            .map(String::as_str)
            .collect();
        let samples = self.samples.iter();
        let meant = samples.filter(|(selector, _)| selectors.contains(selector));
        merged(meant.flat_map(|(_, series)| *series))
    }

    /// The series of `ALERTS` of an alert that say that it fired.
    pub(crate) fn firing(&self, alert: &str) -> Vec<RawSeries> {
        self.alerts(alert, "firing")
    }

    fn alerts(&self, alert: &str, state: &str) -> Vec<RawSeries> {
        let is_its = |one: &&RawSeries| {
            let label = |name: &str| one.labels.get(name).map(String::as_str);
            label("__name__") == Some("ALERTS")
                && label("alertname") == Some(alert)
                && label("alertstate") == Some(state)
        };
        merged(self.samples.iter().flat_map(|(_, series)| *series).filter(is_its))
    }

    /// An evaluation of the group of an alert, as precisely as it is known.
    pub(crate) fn tick(&self, alert: &str) -> Option<Timestamp> {
        // A sample of ALERTS has the very time of its evaluation.
        let active = ["pending", "firing"]
            .into_iter()
            .flat_map(|state| self.alerts(alert, state))
            .find_map(|one| one.samples.first().map(|(time, _)| *time));
        active.or_else(|| self.inputs_of(alert).find_map(|inputs| inputs.evaluated_at))
    }
}

/// One series for each label set, its samples in the order of time.
fn merged<'a>(series: impl Iterator<Item = &'a RawSeries>) -> Vec<RawSeries> {
    let mut all = Merged::new();
    for one in series {
        all.entry(&one.labels)
            .or_default()
            .extend(one.samples.iter().copied());
    }
    let whole = all.into_iter().map(|(labels, samples)| RawSeries {
        labels: labels.clone(),
        samples: samples.into_iter().collect(),
    });
    whole.collect()
}
