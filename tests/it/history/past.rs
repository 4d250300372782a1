//! Journals of drills that were held some time ago, made of one that is like a real drill's.

use std::path::{Path, PathBuf};

use gameday_core::Timestamp;
use serde_json::Value;

use crate::reports::journal;

/// A drill of the past.
#[derive(Debug, Clone)]
pub(super) struct Past {
    scenario: String,
    start: Timestamp,
    text: String,
    alert: String,
    missed: bool,
    late_us: i64,
    cut: bool,
}

impl Past {
    pub(super) fn new(scenario: &str, start: Timestamp) -> Self {
        Self {
            scenario: scenario.to_owned(),
            start,
            text: "payments".to_owned(),
            alert: "Slow".to_owned(),
            missed: false,
            late_us: 0,
            cut: false,
        }
    }

    /// What strangers call things in it.
    pub(super) fn called(self, text: &str) -> Self {
        let text = text.to_owned();
        Self { text, ..self }
    }

    /// The alert that it expects.
    pub(super) fn alert(self, alert: &str) -> Self {
        let alert = alert.to_owned();
        Self { alert, ..self }
    }

    /// The alert never came.
    pub(super) fn missed(self) -> Self {
        Self { missed: true, ..self }
    }

    /// Its notifications came so much later.
    pub(super) fn late(self, seconds: i64) -> Self {
        let late_us = seconds * 1_000_000;
        Self { late_us, ..self }
    }

    /// Its runner died while the fault was in place.
    pub(super) fn cut(self) -> Self {
        Self { cut: true, ..self }
    }

    /// Its name, as a runner would have made it.
    pub(super) fn name(&self) -> String {
        let stamp = self.start.to_ms_string().replace(['-', ':'], "");
        format!("{}-{stamp}-0001", self.scenario)
    }

    /// Writes its journal into a folder of its own below `dir`.
    pub(super) fn write(&self, dir: &Path) -> PathBuf {
        let folder = dir.join(self.name());
        std::fs::create_dir_all(&folder).unwrap();
        let lines: Vec<String> = self.events().iter().map(|event| format!("{event}\n")).collect();
        std::fs::write(folder.join("journal.jsonl"), lines.concat()).unwrap();
        folder
    }

    fn events(&self) -> Vec<Value> {
        let made = journal::Drill {
            seconds: 90,
            probes: 1,
            regions: 1,
            text: self.text.clone(),
        };
        let mut text = Vec::new();
        made.write(&mut text).unwrap();
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let mut events: Vec<Value> = lines
            .map(|line| serde_json::from_slice(line).unwrap())
            .filter(|event| !self.leaves_out(event))
            .collect();
        let began = Timestamp::parse(events[0]["time"].as_str().unwrap()).unwrap();
        let later = self.start.as_micros() - began.as_micros();
        for event in &mut events {
            self.rewrite(event, later);
            if event["kind"].get("notified").is_some() {
                event["at_us"] = (event["at_us"].as_i64().unwrap() + self.late_us).into();
                shift(event, self.late_us);
            }
        }
        let started = &mut events[0]["kind"]["drill_started"];
        started["drill"] = self.name().into();
        started["scenario"] = self.scenario.clone().into();
        events.sort_by_key(|event| event["at_us"].as_i64());
        for (seq, event) in events.iter_mut().enumerate() {
            event["seq"] = seq.into();
        }
        events
    }

    fn leaves_out(&self, event: &Value) -> bool {
        let kind = &event["kind"];
        let told = ["alert_seen", "notified", "acknowledged"]
            .iter()
            .any(|one| kind.get(one).is_some());
        let sampled = kind.get("raw_samples").is_some();
        (self.missed && (told || sampled)) || (self.cut && event["at_us"].as_i64() > Some(60_000_000))
    }

    /// Moves its times and names its alert.
    fn rewrite(&self, value: &mut Value, later: i64) {
        shift(value, later);
        rename(value, &self.alert);
    }
}

fn shift(value: &mut Value, by_us: i64) {
    match value {
        Value::String(text) if text.len() >= 20 && text.ends_with('Z') => {
            if let Ok(time) = Timestamp::parse(text) {
                *text = Timestamp::from_micros(time.as_micros() + by_us).to_string();
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|one| shift(one, by_us)),
        Value::Object(all) => all.values_mut().for_each(|one| shift(one, by_us)),
        _ => {}
    }
}

fn rename(value: &mut Value, alert: &str) {
    match value {
        Value::String(text) if text == "Slow" => alert.clone_into(text),
        Value::Array(all) => all.iter_mut().for_each(|one| rename(one, alert)),
        Value::Object(all) => all.values_mut().for_each(|one| rename(one, alert)),
        _ => {}
    }
}
