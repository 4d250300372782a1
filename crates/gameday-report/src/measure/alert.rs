//! One expected alert: its evidence, marks, stages and verdict put together.

use std::collections::BTreeMap;

use gameday_core::ExpectRecord;

use super::advice;
use super::alert_verdict::AlertVerdict;
use super::approach;
use super::counted::{self, Between, Intervals};
use super::course::{self, Course};
use super::evidence::Evidence;
use super::expectation::{Case, Spans, spans};
use super::fault::Fault;
use super::keeping;
use super::links;
use super::mark::{Known, Moment, keep};
use super::marks::{AlertMarks, moment, origins, raw_times};
use super::people;
use super::predicted;
use super::record::{AlertReport, Elsewhere, LimitsMs, Marks, StagesMs};
use super::recovery::Recovery;
use super::stages;
use super::suppression;
use super::timeline::Timeline;

/// Measures and judges one expectation.
pub(super) fn measure(
    timeline: &Timeline<'_>,
    expect: &ExpectRecord,
    faults: &[Fault<'_>],
    recovery: &Recovery,
) -> AlertReport {
    let Some(fault) = faults.iter().find(|fault| fault.record.name == expect.of) else {
        return unknown_fault(expect);
    };
    let from = match &fault.effective {
        Ok(from) => *from,
        Err(why) => {
            let evidence = Evidence::collect(timeline, expect, Moment::new(timeline.last().time));
            return report(
                timeline,
                expect,
                fault,
                &evidence,
                AlertMarks::none(why),
                recovery,
            );
        }
    };
    let evidence = Evidence::collect(timeline, expect, from);
    let marks = AlertMarks::read(timeline, expect, fault, &evidence);
    report(timeline, expect, fault, &evidence, marks, recovery)
}

fn report(
    timeline: &Timeline<'_>,
    expect: &ExpectRecord,
    fault: &Fault<'_>,
    evidence: &Evidence<'_>,
    marks: AlertMarks,
    recovery: &Recovery,
) -> AlertReport {
    let spans = spans(timeline, fault, &marks);
    let suppressed = suppression::read(timeline, evidence);
    let course = Course::read(timeline, expect, fault, evidence.interval_us);
    let case = Case {
        timeline,
        expect,
        fault,
        evidence,
        marks: &marks,
        spans: &spans,
        course,
        near_miss: course::near_miss(timeline, expect, fault, evidence),
        suppressed: &suppressed,
    };
    let mut report = unjudged(expect);
    (report.verdict, report.detail) = case.judge();
    (report.course, report.near_miss) = (case.course, case.near_miss);
    report.approach = approach::read(timeline, expect);
    if let Some(approach) = &report.approach
        && matches!(report.verdict, AlertVerdict::Missed | AlertVerdict::PendingOnly)
    {
        report.detail = format!("{}; {}", report.detail, approach.text());
    }
    report.suppressed_by = suppressed;
    report.links = links::of_alert(timeline, &expect.alert);
    take_times(&mut report, timeline, fault, &marks, recovery);
    report.ack = people::ack(timeline, expect, fault, &marks.t5);
    let predicted = predicted::read(timeline, expect, &report.marks);
    report.predicted = keep(predicted, "predicted", &mut report.why);
    take_spans(&mut report, spans);
    take_labels(&mut report, expect, evidence);
    report.elsewhere = elsewhere(timeline, expect, fault, evidence);
    report.advice = advice::read(timeline, &report);
    report.raw = raw_times(&marks);
    report.told_by = origins(&marks);
    report.kept_firing = keeping::kept_firing(timeline, expect, &marks);
    take_intervals(&mut report, fault, &marks, recovery);
    report.notes = marks.remarks.notes;
    report.unclean = marks.remarks.unclean;
    report.between = marks.intervals;
    report
}

fn take_times(
    report: &mut AlertReport,
    timeline: &Timeline<'_>,
    fault: &Fault<'_>,
    marks: &AlertMarks,
    recovery: &Recovery,
) {
    let why = &mut report.why;
    let [t1, t2, t3, t4, t5, _, t10] = marks.named().map(|(_, mark)| moment(mark));
    report.stages_ms = stages::split(timeline, &fault.effective, [&t1, &t2, &t3, &t4, &t5], why);
    report.hang_over_ms = keep(timeline.span(&recovery.t7, &t10), "hang_over_ms", why);
    let [t1, t2, t3, t4, t5, t9, t10] = marks.named().map(|(name, mark)| keep(moment(mark), name, why));
    report.marks = Marks {
        t1,
        t2,
        t3,
        t4,
        t5,
        t9,
        t10,
    };
}

fn take_spans(report: &mut AlertReport, spans: Spans) {
    report.ttd_ms = keep(spans.ttd, "ttd_ms", &mut report.why);
    report.ttn_ms = keep(spans.ttn, "ttn_ms", &mut report.why);
    report.resolved_ms = keep(spans.resolved, "resolved_ms", &mut report.why);
}

/// Spans to what is known as an interval are intervals too.
fn take_intervals(report: &mut AlertReport, fault: &Fault<'_>, marks: &AlertMarks, recovery: &Recovery) {
    let range = |from: &Known<Moment>, between: &Option<Between>| {
        let from = *from.as_ref().ok()?;
        Some(counted::range_ms(from, between.as_ref()?))
    };
    let intervals = &marks.intervals;
    report.ttn_between_ms = range(&fault.effective, &intervals.t5);
    report.resolved_between_ms = range(&fault.removed, &intervals.t10);
    report.hang_over_between_ms = range(&recovery.t7, &intervals.t10);
}

fn take_labels(report: &mut AlertReport, expect: &ExpectRecord, evidence: &Evidence<'_>) {
    let notice = evidence.firing(expect).or(evidence.notices.first().copied());
    report.receiver = notice.map(|notice| notice.receiver.to_owned());
    if let Some(notice) = notice {
        report.labels = notice.alert.labels.clone();
        report.annotations = notice.alert.annotations.clone();
    } else if let Some(episode) = &evidence.episode {
        report.labels = episode.labels.clone();
    }
}

/// The first notification of it, when none reached the receiver that is asked for.
fn elsewhere(
    timeline: &Timeline<'_>,
    expect: &ExpectRecord,
    fault: &Fault<'_>,
    evidence: &Evidence<'_>,
) -> Option<Elsewhere> {
    let wanted = expect.receiver.clone()?;
    if evidence.firing(expect).is_some() {
        return None;
    }
    let notices = evidence.notices.iter();
    let first = notices
        .filter(|notice| notice.alert.status == "firing")
        .min_by_key(|notice| notice.arrived)?;
    let at = Moment::new(first.arrived);
    Some(Elsewhere {
        receiver: first.receiver.to_owned(),
        wanted,
        at,
        after_ms: timeline.span(&fault.effective, &Ok(at)).ok(),
    })
}

/// An expectation before anything is known of it.
fn unjudged(expect: &ExpectRecord) -> AlertReport {
    AlertReport {
        name: expect.alert.clone(),
        label: expect.label.clone(),
        class: if expect.never { "never" } else { "expected" },
        verdict: AlertVerdict::Unknown,
        detail: String::new(),
        marks: Marks::default(),
        stages_ms: StagesMs::default(),
        of: expect.of.to_string(),
        ttd_ms: None,
        ttn_ms: None,
        hang_over_ms: None,
        resolved_ms: None,
        limits_ms: LimitsMs {
            firing: expect.firing_ms,
            notified: expect.notified_ms,
            resolved: expect.resolved_ms,
        },
        predicted: None,
        advice: None,
        ack: None,
        receiver: None,
        elsewhere: None,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        raw: BTreeMap::new(),
        told_by: BTreeMap::new(),
        why: BTreeMap::new(),
        notes: Vec::new(),
        course: Course::default(),
        near_miss: None,
        approach: None,
        suppressed_by: Vec::new(),
        links: Vec::new(),
        unclean: Vec::new(),
        between: Intervals::default(),
        ttn_between_ms: None,
        resolved_between_ms: None,
        hang_over_between_ms: None,
        kept_firing: None,
    }
}

/// Only a journal that no runner wrote can name a fault that its plan does not have.
fn unknown_fault(expect: &ExpectRecord) -> AlertReport {
    let mut report = unjudged(expect);
    report.detail = format!("the plan has no fault `{}`", expect.of);
    report.why.insert("marks".into(), report.detail.clone());
    report
}
