//! After the drill: the series that the expected rules read, so that the rules can be tried again without it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use gameday_alert::{Prometheus, RuleGroup, rule_reads};
use gameday_core::{EventKind, Journal, RawSeries, RuleInputs, SourceName, Span};
use tokio::time::{Instant, timeout_at};

/// All questions together are answered within this, or the rest is left out.
const PATIENCE: Duration = Duration::from_secs(15);
/// The range begins at most this much before what a drill itself needs: a window of days is cut.
const FURTHEST: Duration = Duration::from_secs(2 * 3600);
/// The most that is recorded of a trial, so that no rule makes the journal what it is not: the drill's own.
const MOST_SAMPLES: usize = 50_000;
const MOST_SERIES: usize = 1_000;

/// What was recorded, to be evaluated again.
#[derive(Default)]
pub(super) struct Recorded {
    /// The groups of rules.
    pub(super) groups: Vec<RuleGroup>,
    /// What each alert's rules read.
    pub(super) inputs: Vec<RuleInputs>,
    /// The series by what was asked.
    samples: BTreeMap<String, Vec<RawSeries>>,
}

impl Recorded {
    /// The series that a rule reads.
    pub(super) fn series(&self, inputs: &RuleInputs) -> Vec<RawSeries> {
        let found = inputs.selectors.iter().filter_map(|one| self.samples.get(one));
        found.flatten().cloned().collect()
    }
}

/// Records what the alert rules of these names read; `lasted` is how long the drill took.
pub(super) async fn record(
    prometheus: &Prometheus,
    journal: &Journal,
    alerts: &[String],
    lasted: Duration,
) -> io::Result<Recorded> {
    let mut asking = Asking {
        prometheus,
        journal,
        until: Instant::now() + PATIENCE,
        lasted,
        asked: BTreeMap::new(),
        kept: BTreeMap::new(),
        samples: 0,
    };
    let groups = match timeout_at(asking.until, prometheus.groups()).await {
        Ok(Ok(groups)) => groups,
        // Nothing of the drill depends on it; whoever wants the series finds that there are none.
        _ => return Ok(Recorded::default()),
    };
    let mut told = Vec::new();
    let mut recorded = BTreeSet::new();
    for alert in alerts {
        let reads = rule_reads(&groups, alert);
        for recording in reads.recordings {
            let place = (
                recording.file.clone(),
                recording.group.clone(),
                recording.query.clone(),
            );
            if recorded.insert((place, recording.labels.clone())) {
                journal.record(EventKind::RecordingSeen(recording))?;
            }
        }
        let mut inputs = RuleInputs {
            alert: alert.clone(),
            source: source(),
            evaluated_at: evaluated(&groups, alert),
            selectors: Vec::new(),
            left_out: reads.unread,
        };
        for (series, reach) in reads.selectors {
            match asking.ask(&series, reach).await? {
                Ok(selector) => {
                    inputs.selectors.push(selector);
                    inputs.left_out.extend(cut(&series, reach));
                }
                Err(why) => inputs.left_out.push(format!("`{series}`: {why}")),
            }
        }
        journal.record(EventKind::RuleInputs(Box::new(inputs.clone())))?;
        told.push(inputs);
    }
    Ok(Recorded {
        groups,
        inputs: told,
        samples: asking.kept,
    })
}

/// What is lacking of a window that begins before what is recorded: a rule is not tried on half of what it reads.
fn cut(series: &str, reach: Duration) -> Option<String> {
    let span = |length: Duration| Span::from_value(length).to_string();
    (reach > FURTHEST).then(|| {
        format!(
            "`{series}`: it is read {} back, and {} before the trial are recorded",
            span(reach),
            span(FURTHEST)
        )
    })
}

fn source() -> SourceName {
    SourceName::new("prometheus").expect("a name")
}

/// An evaluation of the group that an alert rule is in.
fn evaluated(groups: &[RuleGroup], alert: &str) -> Option<gameday_core::Timestamp> {
    let group = groups.iter().find(|group| group.alerts(alert).next().is_some())?;
    group.last_evaluation
}

struct Asking<'a> {
    prometheus: &'a Prometheus,
    journal: &'a Journal,
    until: Instant,
    lasted: Duration,
    /// What was asked before, and what became of it.
    asked: BTreeMap<String, Result<String, String>>,
    kept: BTreeMap<String, Vec<RawSeries>>,
    samples: usize,
}

impl Asking<'_> {
    /// Records the samples of a selector once; says under which text, or why it did not.
    async fn ask(&mut self, series: &str, reach: Duration) -> io::Result<Result<String, String>> {
        if let Some(known) = self.asked.get(series) {
            return Ok(known.clone());
        }
        let range = self.lasted + reach.min(FURTHEST);
        let selector = format!("{series}[{}s]", range.as_secs().max(1));
        let found = match timeout_at(self.until, self.prometheus.raw(&selector)).await {
            Ok(Ok(found)) => self.fits(found),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        };
        let told = found.map(|series| {
            self.kept.insert(selector.clone(), series.clone());
            let kind = EventKind::RawSamples {
                source: source(),
                selector: selector.clone(),
                series,
            };
            self.journal.record(kind).map(|()| selector)
        });
        let told = match told {
            Ok(recorded) => Ok(recorded?),
            Err(why) => Err(why),
        };
        self.asked.insert(series.to_owned(), told.clone());
        Ok(told)
    }

    /// The series, unless they are too many.
    fn fits(&mut self, found: Vec<RawSeries>) -> Result<Vec<RawSeries>, String> {
        if found.len() > MOST_SERIES {
            return Err(format!("{} series, more than {MOST_SERIES}", found.len()));
        }
        let samples: usize = found.iter().map(|one| one.samples.len()).sum();
        if self.samples + samples > MOST_SAMPLES {
            return Err(format!(
                "{samples} samples beside {} that are recorded, more than {MOST_SAMPLES}",
                self.samples
            ));
        }
        self.samples += samples;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_that_is_longer_than_what_is_recorded_is_named() {
        assert_eq!(cut("x", FURTHEST), None);
        let told = cut("errors:rate6h", Duration::from_secs(6 * 3600)).unwrap();
        assert_eq!(
            told,
            "`errors:rate6h`: it is read 6h back, and 2h before the trial are recorded"
        );
    }
}
