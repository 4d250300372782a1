//! Findings of what arrived, or nearly did: dead links, near misses, flapping, alerts that nobody spoke of.

use std::collections::BTreeMap;

use gameday_core::EventKind;

use super::super::alert_verdict::AlertVerdict;
use super::super::record::{AlertReport, Trial};
use super::super::timeline::Timeline;
use super::{Findings, Weight};
use crate::words;

impl Findings {
    /// What the alerts showed beyond their verdicts.
    pub(super) fn arrived(&mut self, trial: &Trial) {
        let mut seen: Vec<&str> = Vec::new();
        for alert in &trial.alerts {
            // Several expectations may be of one alert.
            if !seen.contains(&alert.name.as_str()) {
                self.links(alert);
                seen.push(&alert.name);
            }
            self.course(alert);
        }
        let unexpected = trial.other_alerts.iter();
        for other in unexpected.filter(|other| other.verdict == AlertVerdict::Unexpected) {
            self.add(
                Weight::Note,
                format!("`{}` fired and nobody expected it", other.name),
                "Expect it, forbid it, or find out whether it is noise.",
            );
        }
    }

    /// What our receiver was sent and did not take: alerts may be among it.
    pub(super) fn refused(&mut self, timeline: &Timeline<'_>) {
        let mut by_path: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for event in timeline.events {
            if let EventKind::NotificationRefused { why } = &event.kind {
                let (path, why) = why.split_once(": ").unwrap_or(("", why));
                by_path.entry(path).or_default().push(why);
            }
        }
        for (path, whys) in by_path {
            let requests = words::count(whys.len() as u64, "request");
            let text = format!(
                "our receiver refused {requests} to `{path}`, the first because: {}",
                whys[0]
            );
            let action = "Correct the mapping in `[observe.webhooks]`, or what sends it.";
            self.add(Weight::Doubt, text, action);
        }
    }

    fn links(&mut self, alert: &AlertReport) {
        for link in alert.links.iter().filter(|link| !link.alive) {
            let why = link.why.as_deref().unwrap_or_default();
            let text = format!(
                "the link `{}` of the alert `{}` is dead ({why}): {}",
                link.annotation, alert.name, link.url
            );
            self.add(
                Weight::Bad,
                text,
                "Mend the link: it is what on-call opens first.",
            );
        }
    }

    fn course(&mut self, alert: &AlertReport) {
        if alert.verdict != AlertVerdict::Flapping
            && let Some(why) = alert.course.flaps()
        {
            let text = format!("the alert `{}` flapped: {why}", alert.name);
            self.add(
                Weight::Note,
                text,
                "Give the rule `keep_firing_for`, or a longer window.",
            );
        }
        if alert.verdict == AlertVerdict::Passed
            && let Some(near_miss) = &alert.near_miss
        {
            let text = format!("`{}` stayed away, but {}", alert.title(), near_miss.text());
            self.add(Weight::Note, text, "Drill it longer: it may come.");
        }
    }
}
