//! Marks of one expected alert, each read from what was recorded or null with a why.

use std::collections::BTreeMap;

use gameday_core::{EventKind, ExpectRecord, Timestamp};

use super::counted::{self, Intervals};
use super::doubt::{self, Telling};
use super::episode::AGREE_US;
use super::evidence::{Evidence, Notice};
use super::fault::Fault;
use super::keeping;
use super::mark::{Known, Mark, Moment};
use super::timeline::Timeline;
use super::void;

/// An `updatedAt` first seen later than this after firing may come from a re-send.
const T4_LIMIT_MS: i64 = 30_000;

/// The marks of one expected alert.
pub(super) struct AlertMarks {
    pub t1: Known<Mark>,
    pub t2: Known<Mark>,
    pub t3: Known<Mark>,
    pub t4: Known<Mark>,
    pub t5: Known<Mark>,
    pub t9: Known<Mark>,
    pub t10: Known<Mark>,
    /// What is known of T5 and T10 without a receiver of ours.
    pub intervals: Intervals,
    pub remarks: Remarks,
}

/// What is to be said about marks beyond their times.
#[derive(Default)]
pub(super) struct Remarks {
    /// Where two sources disagree.
    pub notes: Vec<String>,
    /// What was told and cannot be true: with it, nothing is certain.
    pub doubts: Vec<String>,
    /// Why the group stage was not that of a new group.
    pub unclean: Vec<String>,
}

impl AlertMarks {
    /// No mark, all for one reason.
    pub(super) fn none(why: &str) -> Self {
        let no = || Err(why.to_owned());
        Self {
            t1: no(),
            t2: no(),
            t3: no(),
            t4: no(),
            t5: no(),
            t9: no(),
            t10: no(),
            intervals: Intervals::default(),
            remarks: Remarks::default(),
        }
    }

    /// Reads every mark.
    pub(super) fn read(
        timeline: &Timeline<'_>,
        expect: &ExpectRecord,
        fault: &Fault<'_>,
        evidence: &Evidence<'_>,
    ) -> Self {
        let mut remarks = Remarks::default();
        let t1 = scrape(timeline, expect, &fault.effective, evidence);
        let t2 = active(timeline, evidence, &mut remarks.notes);
        let t3 = firing(timeline, evidence, &mut remarks);
        let t5 = notified(timeline, expect, evidence);
        let t4 = handed_off(timeline, evidence, &t3, &t5);
        let resolved = evidence.resolved(expect, after(&t5, &t3));
        let t9 = inactive(timeline, evidence, resolved.as_ref(), &mut remarks);
        let suppressed_by = void::seen_suppressed(evidence).map(|(_, by)| by);
        let t10 = resolved_notice(timeline, &t3, &t5, resolved.as_ref(), suppressed_by.as_deref());
        let mut marks = Self {
            t1,
            t2,
            t3,
            t4,
            t5,
            t9,
            t10,
            intervals: Intervals::default(),
            remarks,
        };
        counted::read(timeline, &fault.effective, &mut marks);
        if evidence.notices.is_empty()
            && suppressed_by.is_none()
            && timeline.started.plan.observe.webhook.is_some()
            && let Some(why) = counted::why_untold(timeline, &marks.t3, &marks.t9)
        {
            marks.t5 = Err(why);
        }
        let slow = keeping::dated_back(timeline, evidence, &marks);
        marks.remarks.notes.extend(slow);
        void::take_away(timeline, expect, fault, evidence, &mut marks);
        marks
    }

    /// Each mark with its name.
    pub(super) fn named(&self) -> [(&'static str, &Known<Mark>); 7] {
        [
            ("T1", &self.t1),
            ("T2", &self.t2),
            ("T3", &self.t3),
            ("T4", &self.t4),
            ("T5", &self.t5),
            ("T9", &self.t9),
            ("T10", &self.t10),
        ]
    }
}

/// The moment of a mark.
pub(super) fn moment(mark: &Known<Mark>) -> Known<Moment> {
    mark.as_ref().map(|mark| mark.at).map_err(Clone::clone)
}

/// T1: the first raw `up` sample of the job at or after T0e.
fn scrape(
    timeline: &Timeline<'_>,
    expect: &ExpectRecord,
    effective: &Known<Moment>,
    evidence: &Evidence<'_>,
) -> Known<Mark> {
    let from = *effective.as_ref().map_err(Clone::clone)?;
    let labels = evidence.notices.first().map(|notice| &notice.alert.labels);
    let labels = labels.or_else(|| evidence.episode.as_ref().map(|episode| &episode.labels));
    let job = expect
        .job
        .as_deref()
        .or_else(|| labels?.get("job").map(String::as_str));
    let job = job.ok_or("no scrape job: neither the expectation nor the alert names one")?;
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
        for one in series
            .iter()
            .filter(|one| one.labels.get("job").is_some_and(|theirs| theirs == job))
        {
            asked = true;
            let marks = one
                .samples
                .iter()
                .map(|(time, _)| timeline.mark(source.as_str(), *time));
            first = marks
                .chain(first)
                .filter(|mark| mark.at >= from)
                .min_by_key(|mark| mark.at);
        }
    }
    first.ok_or_else(|| match asked {
        true => format!("no sample of up{{job=\"{job}\"}} after the fault took effect"),
        false => format!("no raw samples of up{{job=\"{job}\"}}"),
    })
}

/// T2: the rule became active.
fn active(timeline: &Timeline<'_>, evidence: &Evidence<'_>, notes: &mut Vec<String>) -> Known<Mark> {
    let episode = evidence.episode.as_ref().ok_or_else(|| unseen(evidence))?;
    if episode.late {
        return Err(
            "it was not seen pending, and when it fires its source no longer tells since when".into(),
        );
    }
    let raw = match episode.active_at {
        Some(seen) if seen.micros_since(episode.start).abs() <= AGREE_US => seen,
        Some(seen) => {
            notes.push(format!(
                "activeAt was {seen} when polled; the raw samples begin at {}: the samples are used",
                episode.start
            ));
            episode.start
        }
        None => episode.start,
    };
    Ok(timeline.mark(&evidence.clock, raw))
}

/// T3: the alert fired.
fn firing(timeline: &Timeline<'_>, evidence: &Evidence<'_>, remarks: &mut Remarks) -> Known<Mark> {
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
        ),
        (None, Some(raw)) => Ok(timeline.mark(&evidence.clock, raw)),
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

/// A mark as it was told; when it cannot be true, that is remembered.
fn believed(told: Known<Mark>, remarks: &mut Remarks) -> Known<Mark> {
    told.inspect_err(|why| remarks.doubts.push(why.clone()))
}

/// T4: Alertmanager had it, as far as that can be known by polling; of several the first.
fn handed_off(
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
        Ok(timeline.mark(clock, updated_at))
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
fn notified(timeline: &Timeline<'_>, expect: &ExpectRecord, evidence: &Evidence<'_>) -> Known<Mark> {
    if let Some(notice) = evidence.firing(expect) {
        return Ok(Mark::ours(notice.arrived));
    }
    Err(
        match (
            evidence.wrong_receiver(expect),
            &timeline.started.plan.observe.webhook,
        ) {
            (Some(receiver), _) => {
                format!(
                    "it reached `{receiver}`, not `{}`",
                    expect.receiver.as_deref().unwrap_or_default()
                )
            }
            (None, None) => "no webhook: notifications were not observed".into(),
            (None, Some(_)) => "no notification arrived".into(),
        },
    )
}

/// T9: the rule was inactive again.
fn inactive(
    timeline: &Timeline<'_>,
    evidence: &Evidence<'_>,
    resolved: Option<&Notice<'_>>,
    remarks: &mut Remarks,
) -> Known<Mark> {
    let episode = evidence.episode.as_ref();
    let sampled = episode
        .filter(|episode| episode.over)
        .and_then(|episode| Some(episode.last_firing?.plus_micros(evidence.interval_us?)));
    let telling = resolved.and_then(|notice| {
        let (at, what) = (notice.arrived, "the notification that told it");
        Some((notice.alert.ends_at?, Telling { at, what }))
    });
    let told = telling.map(|(told, _)| told);
    if let (Some(told), Some(sampled)) = (told, sampled)
        && told.micros_since(sampled).abs() > AGREE_US
    {
        remarks.notes.push(format!(
            "endsAt is {told}; the raw samples say that it was inactive at {sampled}"
        ));
    }
    if let Some((raw, by)) = telling {
        return believed(
            doubt::told(timeline, &evidence.clock, ("endsAt", raw), by),
            remarks,
        );
    }
    match (sampled, episode) {
        (Some(raw), _) => Ok(timeline.mark(&evidence.clock, raw)),
        (None, Some(episode)) if episode.fired && !episode.over => {
            Err("it was not seen to end before the drill did".into())
        }
        (None, Some(episode)) if episode.last_firing.is_some() => {
            Err("the rule's interval is not known, so the tick after the last sample is not".into())
        }
        (None, Some(_)) => Err("no payload says when it ended".into()),
        (None, None) => Err(unseen(evidence)),
    }
}

/// T10: the resolved notice arrived.
fn resolved_notice(
    timeline: &Timeline<'_>,
    t3: &Known<Mark>,
    t5: &Known<Mark>,
    resolved: Option<&Notice<'_>>,
    suppressed_by: Option<&str>,
) -> Known<Mark> {
    match resolved {
        Some(notice) => Ok(Mark::ours(notice.arrived)),
        None if timeline.started.plan.observe.webhook.is_none() => {
            Err("no webhook: notifications were not observed".into())
        }
        None if t5.is_ok() && suppressed_by.is_some() => Err(format!(
            "no resolved notice arrived before the drill ended: the alert was suppressed by {}",
            suppressed_by.unwrap_or_default()
        )),
        None if t5.is_ok() || t3.is_ok() => Err("no resolved notice arrived before the drill ended".into()),
        None => Err("it was never notified".into()),
    }
}

/// A resolved notice counts only after the notification, or after it fired when there was none.
fn after(t5: &Known<Mark>, t3: &Known<Mark>) -> Timestamp {
    let mark = t5.as_ref().or(t3.as_ref());
    mark.map_or(Timestamp::from_micros(i64::MIN / 4), |mark| mark.at.time())
}

fn unseen(evidence: &Evidence<'_>) -> String {
    match evidence.earlier {
        Some(since) => format!(
            "it was active since {}, before the fault took effect",
            since.text()
        ),
        None => "it was not seen active after the fault took effect".into(),
    }
}

/// Raw times for the report: only of marks that a source's clock took.
pub(super) fn raw_times(marks: &AlertMarks) -> BTreeMap<String, String> {
    let raw = |(name, mark): (&str, &Known<Mark>)| {
        let raw = mark.as_ref().ok()?.raw?;
        Some((name.to_owned(), raw.to_string()))
    };
    marks.named().into_iter().filter_map(raw).collect()
}
