//! What was seen of the real programs, predicted: every number beside a prediction was measured on
//! Prometheus 2.42 and Alertmanager 0.25.

mod delivering;
mod faults;
mod slos;
mod thresholds;

use gameday_core::{ClockReading, SourceName};

use super::*;
use crate::prometheus::groups_of;
use crate::{Routing, ScrapeEffect};

/// The fault takes effect then.
const FAULT: Timestamp = Timestamp::from_micros(1_795_352_907_000_000);

/// A moment in seconds after the fault.
fn at(seconds: f64) -> Timestamp {
    #[expect(clippy::cast_possible_truncation, reason = "a test's own number")]
    FAULT.plus_micros((seconds * 1e6).round() as i64)
}

/// The alerting of a test.
pub(super) struct World {
    pub(super) survey: Survey,
    pub(super) asked: Asked,
}

impl World {
    /// One alert `X` in a group of its own, evaluated at `phase` every `every` seconds.
    pub(super) fn new(query: &str, hold: &str, every: f64, phase: f64) -> Self {
        let rule = format!(r#"{{"type":"alerting","name":"X","query":{query:?},{hold}}}"#);
        let mut world = Self {
            survey: Survey::default(),
            asked: Asked {
                label: "X".to_owned(),
                alert: "X".to_owned(),
                labels: BTreeMap::new(),
                receiver: None,
                webhook: None,
                limits: [None, None],
                fault: ExpectedFault {
                    name: FaultName::new("slow").unwrap(),
                    hold: Duration::from_secs(600),
                    bad: Some(1.0),
                    share: 1.0,
                    traffic: None,
                    lag: None,
                    least_lag: Duration::ZERO,
                    stops_traffic: false,
                    scrape: None,
                },
            },
        };
        world.group("alerts", every, phase, &[rule]);
        world
    }

    fn hold(mut self, seconds: f64) -> Self {
        self.asked.fault.hold = Duration::from_secs_f64(seconds);
        self
    }

    /// A group of rules, as Prometheus tells it.
    fn group(&mut self, name: &str, every: f64, phase: f64, rules: &[String]) {
        let json = format!(
            r#"{{"status":"success","data":{{"groups":[{{"name":"{name}","file":"f","interval":{every},
                "evaluationTime":0.0005,"lastEvaluation":"{}","rules":[{}]}}]}}}}"#,
            at(phase - 10.0 * every),
            rules.join(",")
        );
        let source = SourceName::new("prometheus").unwrap();
        let groups = groups_of(json.as_bytes(), &source).unwrap_or_else(|error| panic!("{error}: {json}"));
        self.survey.groups.extend(groups);
    }

    /// A rule that records, in a group of its own.
    fn records(mut self, name: &str, query: &str, every: f64, phase: f64) -> Self {
        let rule = format!(r#"{{"type":"recording","name":"{name}","query":{query:?}}}"#);
        self.group(name, every, phase, &[rule]);
        self
    }

    /// A target of job `api` that is scraped at `phase` every `every` seconds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a test's own number"
    )]
    pub(super) fn scraped(mut self, every: f64, phase: f64) -> Self {
        let instance = format!("127.0.0.1:{}", 8000 + self.survey.targets.len());
        self.survey.targets.push(Target {
            job: "api".to_owned(),
            labels: BTreeMap::from([
                ("job".to_owned(), "api".to_owned()),
                ("instance".to_owned(), instance.clone()),
            ]),
            url: format!("http://{instance}/metrics"),
            instance,
            health: "up".to_owned(),
            last_error: None,
            last_scrape: Some(at(phase - 10.0 * every)),
            scrape_took_us: Some(2_000),
            scrape_interval_ms: Some((every * 1000.0) as u64),
            scrape_timeout_ms: Some((every * 1000.0) as u64),
        });
        self
    }

    /// What a query yields before the fault.
    pub(super) fn answer(mut self, query: &str, samples: &[(&str, f64)]) -> Self {
        let sample = |(labels, value): &(&str, f64)| Sample {
            labels: pairs(labels),
            value: *value,
        };
        let samples = samples.iter().map(sample).collect();
        self.survey.answers.insert(query.to_owned(), samples);
        self
    }

    fn routed(mut self, config: &str) -> Self {
        self.survey.alertmanagers.push(AlertmanagerSurvey {
            routing: Routing::read(config).unwrap(),
            position: 0,
            peers: 0,
            groups: Vec::new(),
            empty_groups: Some(0),
            empty_before: 0,
            silences: Vec::new(),
            fired_lately: Vec::new(),
            clock: None,
        });
        self
    }

    /// One route to `oncall` with these seconds of group_wait and group_interval.
    fn grouped(self, wait: u32, interval: u32) -> Self {
        self.routed(&format!(
            "route: {{receiver: oncall, group_by: [alertname], group_wait: {wait}s, group_interval: {interval}s}}\n\
             receivers: [{{name: oncall, webhook_configs: [{{url: 'http://127.0.0.1:1/'}}]}}]\n"
        ))
    }

    fn predict(&self) -> Prediction {
        predict(&self.survey, &self.asked, FAULT)
    }

    /// Each mark in seconds after the fault is within 30 ms of what was measured, and exactly known.
    #[track_caller]
    fn check(&self, measured: &[(&str, f64)]) -> Prediction {
        let prediction = self.predict();
        let seconds = |at: Timestamp| at.micros_since(FAULT) as f64 / 1e6;
        for (name, expected) in measured {
            let mark = prediction
                .marks
                .get(*name)
                .unwrap_or_else(|| panic!("no {name}: {prediction:#?}"));
            let found = seconds(mark.at);
            assert!(
                (found - expected).abs() <= 0.03,
                "{name} is predicted at {found}, was {expected}: {prediction:#?}"
            );
            assert_eq!(
                mark.latest,
                Some(mark.at),
                "{name} is known exactly: {prediction:#?}"
            );
        }
        prediction
    }

    #[track_caller]
    fn check_never(&self, words: &str) -> Prediction {
        let prediction = self.predict();
        let never = prediction.never.clone().unwrap_or_default();
        assert!(never.contains(words), "`{words}` is not why: {prediction:#?}");
        assert!(!prediction.marks.contains_key("T5"), "{prediction:#?}");
        prediction
    }
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    text.split_whitespace()
        .map(|pair| {
            let (label, value) = pair.split_once('=').unwrap();
            (label.to_owned(), value.to_owned())
        })
        .collect()
}

#[track_caller]
fn check_warned(prediction: &Prediction, words: &str) {
    assert!(
        prediction.warnings.iter().any(|warning| warning.contains(words)),
        "`{words}` is not warned of: {prediction:#?}"
    );
}

#[track_caller]
fn check_assumed(prediction: &Prediction, words: &str) {
    assert!(
        prediction.assumes.iter().any(|assumed| assumed.contains(words)),
        "`{words}` is not assumed: {prediction:#?}"
    );
}
