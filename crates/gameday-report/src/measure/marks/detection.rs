//! T1 to T5: from the fault to the notification.

use std::collections::BTreeMap;

use gameday_core::{EventKind, ExpectRecord, RawSeries, Timestamp};

use super::super::doubt::{self, Telling};
use super::super::episode::AGREE_US;
use super::super::evidence::Evidence;
use super::super::mark::{Known, Mark, Moment};
use super::super::origin::Origin;
use super::super::predicted;
use super::super::timeline::Timeline;
use super::{Remarks, believed, moment, unseen};

/// An `updatedAt` first seen later than this after firing may come from a re-send.
const T4_LIMIT_MS: i64 = 30_000;

/// T1: the first raw `up` sample at or after T0e of the jobs that see the fault.
pub(super) fn scrape(
    timeline: &Timeline<'_>,
    expect: &ExpectRecord,
    effective: &Known<Moment>,
    evidence: &Evidence<'_>,
) -> Known<Mark> {
    let from = *effective.as_ref().map_err(Clone::clone)?;
    let jobs = jobs(timeline, expect, evidence);
    if jobs.is_empty() {
        return Err(
            "no scrape job: neither the alert, its prediction nor `job` of its expectation names one".into(),
        );
    }
    let mut asked = false;
    let mut first: Option<Mark> = None;
    for event in timeline.events {
        let EventKind::RawSamples {
            selector,
            series,
            source,
        } = &event.kind
        else {
            continue;
        };
        if !selector.starts_with("up{") {
            continue;
        }
        let of_job = |one: &&RawSeries| one.labels.get("job").is_some_and(|job| jobs.contains(job));
        for one in series.iter().filter(of_job) {
            asked = true;
            let marks = one
                .samples
                .iter()
                .map(|(time, _)| timeline.mark(source.as_str(), *time).by(Origin::Samples));
            first = marks
                .chain(first)
                .filter(|mark| mark.at >= from)
                .min_by_key(|mark| mark.at);
        }
    }
    let ups: Vec<String> = jobs.iter().map(|job| format!("up{{job=\"{job}\"}}")).collect();
    let ups = ups.join(" or ");
    first.ok_or_else(|| match asked {
        true => format!("no sample of {ups} after the fault took effect"),
        false => format!("no raw samples of {ups}"),
    })
}

/// The scrape jobs that see the fault: as the scenario says, else as the alert's own labels do, else those whose samples
/// its rule reads, as was found for the prediction.
fn jobs(timeline: &Timeline<'_>, expect: &ExpectRecord, evidence: &Evidence<'_>) -> Vec<String> {
    let labels = evidence.notices.first().map(|notice| &notice.alert.labels);
    let labels = labels.or_else(|| evidence.episode.as_ref().map(|episode| &episode.labels));
    let named = expect.job.as_ref().or_else(|| labels?.get("job"));
    match named {
        Some(job) => vec![job.clone()],
        None => predicted::of(timeline, expect).map_or_else(Vec::new, |found| found.jobs.clone()),
    }
}

/// T2: the rule became active.
pub(super) fn active(
    timeline: &Timeline<'_>,
    evidence: &Evidence<'_>,
    notes: &mut Vec<String>,
) -> Known<Mark> {
    let episode = evidence.episode.as_ref().ok_or_else(|| unseen(evidence))?;
    if episode.late {
        return Err(
            "it was not seen pending, and when it fires its source no longer tells since when".into(),
        );
    }
    let (raw, origin) = match episode.active_at {
        Some(seen) if seen.micros_since(episode.start).abs() <= AGREE_US => (seen, Origin::ActiveAt),
        Some(seen) => {
            notes.push(format!(
                "activeAt was {seen} when polled; the raw samples begin at {}: the samples are used",
                episode.start
            ));
            (episode.start, Origin::Samples)
        }
        None => (episode.start, Origin::Samples),
    };
    Ok(timeline.mark(&evidence.clock, raw).by(origin))
}

/// T3: the alert fired.
pub(super) fn firing(timeline: &Timeline<'_>, evidence: &Evidence<'_>, remarks: &mut Remarks) -> Known<Mark> {
    let telling = started(evidence);
    let told = telling.map(|(told, _)| told);
    let episode = evidence.episode.as_ref();
    let sampled = episode.and_then(|episode| episode.first_firing);
    if let (Some(told), Some(sampled)) = (told, sampled)
        && told.micros_since(sampled).abs() > AGREE_US
    {
        remarks.notes.push(format!(
            "startsAt is {told}; the first raw sample that fires is at {sampled}"
        ));
    }
    match (telling, sampled) {
        (Some((raw, by)), _) => believed(
            doubt::told(timeline, &evidence.clock, ("startsAt", raw), by),
            remarks,
        )
        .map(|mark| mark.by(Origin::StartsAt)),
        (None, Some(raw)) => Ok(timeline.mark(&evidence.clock, raw).by(Origin::Samples)),
        _ if episode.is_some_and(|episode| episode.fired) => {
            Err("it was seen firing, but no payload says since when".into())
        }
        _ if episode.is_some() => Err("it was pending and never fired".into()),
        _ => Err(unseen(evidence)),
    }
}

/// `startsAt`, and who told it first.
fn started(evidence: &Evidence<'_>) -> Option<(Timestamp, Telling)> {
    let notices = evidence.notices.iter().filter_map(|notice| {
        let (at, what) = (notice.arrived, "the notification that told it");
        Some((notice.alert.starts_at?, Telling { at, what }))
    });
    let listed = evidence.listed.iter().filter_map(|&(at, seen)| {
        let what = "alertmanager listed it";
        Some((seen.starts_at?, Telling { at, what }))
    });
    let first = notices.min_by_key(|(_, by)| by.at);
    first.or_else(|| listed.min_by_key(|(_, by)| by.at))
}

/// T4: Alertmanager had it, as far as that can be known by polling; of several the first.
pub(super) fn handed_off(
    timeline: &Timeline<'_>,
    evidence: &Evidence<'_>,
    t3: &Known<Mark>,
    t5: &Known<Mark>,
) -> Known<Mark> {
    let (t3, t5) = (moment(t3)?, moment(t5).ok());
    let mut firsts: BTreeMap<&str, (Timestamp, Timestamp)> = BTreeMap::new();
    for (seen_at, seen) in &evidence.listed {
        let Some(updated_at) = seen.updated_at else {
            continue;
        };
        let first = firsts
            .entry(seen.source.as_str())
            .or_insert((*seen_at, updated_at));
        *first = (*first).min((*seen_at, updated_at));
    }
    let believed = |(source, (seen_at, updated_at)): (&str, (Timestamp, Timestamp))| {
        in_time(source, Moment::new(seen_at), t3, t5)?;
        let clock = match evidence.clock.as_str() {
            "grafana" => "grafana",
            _ => source,
        };
        Ok(timeline.mark(clock, updated_at).by(Origin::UpdatedAt))
    };
    let read: Vec<Known<Mark>> = firsts.into_iter().map(believed).collect();
    let earliest = read
        .iter()
        .filter_map(|mark| mark.as_ref().ok().copied())
        .min_by_key(|mark| mark.at);
    match (earliest, read.into_iter().next()) {
        (Some(mark), _) => Ok(mark),
        (None, Some(why)) => why,
        (None, None) => Err("alertmanager was not seen listing it".into()),
    }
}

/// Whether `updatedAt` can be that of the first time an Alertmanager was sent the alert.
fn in_time(source: &str, seen_at: Moment, t3: Moment, t5: Option<Moment>) -> Known<()> {
    if seen_at.ms_since(t3) > T4_LIMIT_MS {
        return Err(format!(
            "first seen in {source} more than 30 s after it fired: `updatedAt` may be of a re-send"
        ));
    }
    if t5.is_some_and(|t5| seen_at > t5) {
        return Err(format!(
            "first seen in {source} after the notification: `updatedAt` may be of a re-send"
        ));
    }
    Ok(())
}

/// T5: the notification arrived.
pub(super) fn notified(
    timeline: &Timeline<'_>,
    expect: &ExpectRecord,
    evidence: &Evidence<'_>,
) -> Known<Mark> {
    if let Some(notice) = evidence.firing(expect) {
        return Ok(notice.mark(timeline));
    }
    Err(
        match (
            evidence.wrong_receiver(expect),
            timeline.started.plan.observe.hears_notices(),
        ) {
            (Some(receiver), _) => {
                format!(
                    "it reached `{receiver}`, not `{}`",
                    expect.receiver.as_deref().unwrap_or_default()
                )
            }
            (None, false) => super::NOT_OBSERVED.into(),
            (None, true) => "no notification arrived".into(),
        },
    )
}
