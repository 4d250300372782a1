//! Asks Prometheus and Alertmanager everything that a prediction needs; asking changes nothing there.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::stream;
use gameday_core::{ClockOffset, ClockReading, Timestamp};

use crate::alertmanager::AlertmanagerSurvey;
use crate::{Alertmanager, Asked, Prometheus, Sample, Settings, SourceError, Survey, Target, questions};

/// So many questions are asked at once.
const AT_ONCE: usize = 8;
/// More queries than this are no drill's; the rest is not asked.
const MOST_QUESTIONS: usize = 400;
/// How often a clock is compared when nobody has done so before.
const CLOCK_READINGS: usize = 5;
/// Prometheus sends a resolved alert again for 15 minutes, and an empty group is swept up soon after.
const FIRED_LATELY: &str = "max_over_time(ALERTS{alertstate=\"firing\"}[16m])";

/// Everything that a prediction of these alerts needs.
///
/// # Errors
/// [`SourceError`] when rules or targets cannot be read, or an Alertmanager's routes. A query that is not
/// answered is left out: then the prediction says what it takes for granted instead.
pub async fn survey(
    prometheus: &Prometheus,
    alertmanagers: &[&Alertmanager],
    asked: &[Asked],
) -> Result<Survey, SourceError> {
    let mut survey = Survey {
        groups: prometheus.groups().await?,
        targets: targets(prometheus).await?,
        settings: settings(prometheus).await?,
        clock: clock(prometheus).await,
        answers: BTreeMap::new(),
        alertmanagers: Vec::new(),
    };
    let queries: Vec<String> = questions(&survey, asked)
        .into_iter()
        .take(MOST_QUESTIONS)
        .collect();
    survey.answers = answers(prometheus, queries).await;
    if !alertmanagers.is_empty() {
        let fired = fired_lately(prometheus, &survey.settings).await;
        for alertmanager in alertmanagers {
            survey.alertmanagers.push(AlertmanagerSurvey {
                fired_lately: fired.clone(),
                ..alertmanager.survey().await?
            });
        }
    }
    Ok(survey)
}

/// What is scraped, and when each last scrape was due.
///
/// `lastScrape` says when it really began; the sample that it stored is dated to when it was due.
async fn targets(prometheus: &Prometheus) -> Result<Vec<Target>, SourceError> {
    let mut targets = prometheus.targets().await?;
    let dated = prometheus.vector("timestamp(up)").await.unwrap_or_default();
    for target in &mut targets {
        let is_its = |sample: &&Sample| {
            let label = |name: &str| sample.labels.get(name).map_or("", String::as_str);
            label("job") == target.job && label("instance") == target.instance
        };
        let due = dated
            .iter()
            .find(is_its)
            .and_then(|sample| Timestamp::from_unix_seconds(sample.value));
        target.last_scrape = due.or(target.last_scrape);
    }
    Ok(targets)
}

async fn settings(prometheus: &Prometheus) -> Result<Settings, SourceError> {
    let version = prometheus.check().await?.version;
    let settings = or_nothing(prometheus.settings().await)?;
    Ok(Settings {
        left_open: is_left_open(&version),
        ..settings
    })
}

/// Whether ranges leave their first moment out in a version.
fn is_left_open(version: &str) -> bool {
    let major = version.trim_start_matches('v').split('.').next();
    major.and_then(|major| major.parse::<u32>().ok()) >= Some(3)
}

/// Some that speak Prometheus' API do not tell their configuration.
fn or_nothing(settings: Result<Settings, SourceError>) -> Result<Settings, SourceError> {
    match settings {
        Err(error) if !error.is_unreachable() => Ok(Settings::default()),
        other => other,
    }
}

async fn clock(prometheus: &Prometheus) -> Option<ClockReading> {
    let mut offset = ClockOffset::new();
    let mut reading = None;
    for _ in 0..CLOCK_READINGS {
        if let Ok(sample) = prometheus.clock().await {
            reading = Some(offset.add(&sample));
        }
    }
    reading
}

async fn answers(prometheus: &Prometheus, queries: Vec<String>) -> BTreeMap<String, Vec<Sample>> {
    let ask = |query: String| async move {
        let answer = prometheus.vector(&query).await.ok()?;
        Some((query, answer))
    };
    let answers = stream::iter(queries).map(ask).buffer_unordered(AT_ONCE);
    answers.filter_map(std::future::ready).collect().await
}

/// Labels of the alerts that fired a short time ago, as Alertmanager got them.
async fn fired_lately(prometheus: &Prometheus, settings: &Settings) -> Vec<BTreeMap<String, String>> {
    let fired = prometheus.vector(FIRED_LATELY).await.unwrap_or_default();
    let labels = |sample: Sample| {
        let mut labels = settings.external_labels.clone();
        let own = sample.labels.into_iter();
        labels.extend(own.filter(|(name, _)| name != "__name__" && name != "alertstate"));
        labels
    };
    fired.into_iter().map(labels).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_left_open_since_prometheus_3() {
        for (version, open) in [
            ("2.42.0+ds", false),
            ("2.55.1", false),
            ("3.0.0-rc.0", true),
            ("v3.5.3+ds1", true),
            ("?", false),
        ] {
            assert_eq!(is_left_open(version), open, "{version}");
        }
    }
}
