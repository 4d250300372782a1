//! Marks of one expected alert, each read from what was recorded or null with a why.

mod detection;
mod resolution;

use std::collections::BTreeMap;

use gameday_core::ExpectRecord;

use super::counted::{self, Intervals};
use super::evidence::Evidence;
use super::fault::Fault;
use super::keeping;
use super::mark::{Known, Mark, Moment};
use super::recorder;
use super::timeline::Timeline;
use super::void;

/// Why neither T5 nor T10 is known when nobody was asked.
pub(crate) const NOT_OBSERVED: &str = "no webhook: notifications were not observed";

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
        let t1 = detection::scrape(timeline, expect, &fault.effective, evidence);
        let t2 = detection::active(timeline, evidence, &mut remarks.notes);
        let t3 = detection::firing(timeline, evidence, &mut remarks);
        let t5 = detection::notified(timeline, expect, evidence);
        let t4 = match recorder::handed_over(timeline, evidence, &t3) {
            Some(recorded) => Ok(recorded),
            None => detection::handed_off(timeline, evidence, &t3, &t5),
        };
        let resolved = evidence.resolved(expect, resolution::after(&t5, &t3));
        let t9 = resolution::inactive(timeline, evidence, resolved.as_ref(), &mut remarks);
        let suppressed_by = void::seen_suppressed(timeline, evidence).map(|(_, by)| by);
        let t10 =
            resolution::resolved_notice(timeline, &t3, &t5, resolved.as_ref(), suppressed_by.as_deref());
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
            && timeline.started.plan.observe.hears_notices()
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

/// Where each mark was read.
pub(super) fn origins(marks: &AlertMarks) -> BTreeMap<String, String> {
    let origin = |(name, mark): (&str, &Known<Mark>)| {
        let origin = mark.as_ref().ok()?.origin?;
        Some((name.to_owned(), origin.text().to_owned()))
    };
    marks.named().into_iter().filter_map(origin).collect()
}

/// Raw times for the report: only of marks that a source's clock took.
pub(super) fn raw_times(marks: &AlertMarks) -> BTreeMap<String, String> {
    let raw = |(name, mark): (&str, &Known<Mark>)| {
        let raw = mark.as_ref().ok()?.raw?;
        Some((name.to_owned(), raw.to_string()))
    };
    marks.named().into_iter().filter_map(raw).collect()
}

/// A mark as it was told; when it cannot be true, that is remembered.
fn believed(told: Known<Mark>, remarks: &mut Remarks) -> Known<Mark> {
    told.inspect_err(|why| remarks.doubts.push(why.clone()))
}

fn unseen(evidence: &Evidence<'_>) -> String {
    match evidence.earlier {
        Some(since) => format!(
            "it was active since {}, before the fault took effect",
            since.text()
        ),
        None => "it was not seen pending or firing after the fault took effect".into(),
    }
}
