//! What a mark does not show by itself: a rule that is held firing, and a sample that was dated back.

use gameday_core::{EventKind, ExpectRecord, Timestamp};
use serde::Serialize;

use super::evidence::{Evidence, carries};
use super::mark::Moment;
use super::marks::AlertMarks;
use super::timeline::Timeline;
use crate::words;

/// A scrape that took this long is worth a word.
const SLOW_SCRAPE_MS: i64 = 100;
/// Samples of one scrape have one time.
const SAME_US: i64 = 1_000;

/// A rule with `keep_firing_for`: it fires on when its condition is false already.
#[derive(Debug, Clone, Serialize)]
pub struct KeptFiring {
    /// Its `keep_firing_for`.
    pub for_ms: u64,
    /// Since when its condition was false, as Prometheus said while it fired on.
    pub since: Option<Moment>,
    /// Why that is null. `ALERTS` does not show it.
    pub why: Option<String>,
}

/// What is known of a rule that is held firing; none when its rule has no `keep_firing_for`.
pub(super) fn kept_firing(
    timeline: &Timeline<'_>,
    expect: &ExpectRecord,
    marks: &AlertMarks,
) -> Option<KeptFiring> {
    let for_ms = timeline.events.iter().find_map(|event| match &event.kind {
        EventKind::RuleSeen(rule) if rule.alert == expect.alert && rule.keep_firing_ms > 0 => {
            Some(rule.keep_firing_ms)
        }
        _ => None,
    })?;
    let t3 = marks.t3.as_ref().ok().map(|mark| mark.at);
    // The last that was said: a condition that is true again in between begins the wait anew.
    let since = timeline.events.iter().rev().find_map(|event| match &event.kind {
        EventKind::AlertSeen(seen) if seen.alert == expect.alert && carries(&seen.labels, &expect.labels) => {
            let raw = seen.keep_firing_since?;
            Some(timeline.mark(seen.source.as_str(), raw).at).filter(|at| t3.is_none_or(|t3| *at >= t3))
        }
        _ => None,
    });
    let why = since.is_none().then(|| {
        "Prometheus did not tell `keepFiringSince` while it was asked, and `ALERTS` shows no difference"
            .to_owned()
    });
    Some(KeptFiring { for_ms, since, why })
}

/// What is to be said of T1 when its scrape took long: Prometheus dates a sample to the start of its scrape.
pub(super) fn dated_back(
    timeline: &Timeline<'_>,
    evidence: &Evidence<'_>,
    marks: &AlertMarks,
) -> Option<String> {
    let t1 = marks.t1.as_ref().ok()?;
    let took_ms = scrape_took(timeline, t1.raw?)?;
    let visible = Moment::new(t1.at.time().plus_micros(took_ms.saturating_mul(1000)));
    let interval = evidence.interval_us.unwrap_or(0) / 1000;
    (took_ms >= SLOW_SCRAPE_MS).then(|| {
        format!(
            "the scrape at T1 took {}, and Prometheus dates its sample to its start: no evaluation could see it \
             before {}, so of the rule stage that much and up to an interval of {} is waiting",
            words::exact(took_ms),
            visible.clock(),
            words::span(interval)
        )
    })
}

fn scrape_took(timeline: &Timeline<'_>, at: Timestamp) -> Option<i64> {
    timeline.events.iter().find_map(|event| match &event.kind {
        EventKind::RawSamples { selector, series, .. }
            if selector.starts_with("scrape_duration_seconds{") =>
        {
            let samples = series.iter().flat_map(|one| &one.samples);
            let mut of_it = samples.filter(|(time, _)| time.micros_since(at).abs() <= SAME_US);
            let (_, seconds) = of_it.next()?;
            #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
            (0.0..1e6)
                .contains(seconds)
                .then_some((seconds * 1000.0).round() as i64)
        }
        _ => None,
    })
}
