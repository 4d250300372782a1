//! What was predicted of an alert before its fault was injected, beside what was measured.

use std::collections::BTreeMap;

use gameday_core::{EventKind, ExpectRecord, Odds, PredictedMark, Prediction, Timestamp};
use serde::Serialize;

use super::mark::{Known, Moment};
use super::record::{Marks, StagesMs};
use super::timeline::Timeline;

/// What was predicted of an expected alert.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Predicted {
    /// When the fault was taken to take effect.
    pub effective_at: Option<Moment>,
    /// Its marks, at the earliest.
    pub marks: Marks,
    /// Its marks at the latest: the same when known exactly, null when that cannot be said.
    pub latest: Marks,
    /// Where the time was predicted to go.
    pub stages_ms: StagesMs,
    /// T3 − T0e.
    pub ttd_ms: Option<i64>,
    /// T5 − T0e.
    pub ttn_ms: Option<i64>,
    /// Measured less predicted, of each mark that is both.
    pub off_ms: BTreeMap<String, i64>,
    /// The receiver that it should reach.
    pub receiver: Option<String>,
    /// The way to it, as matchers.
    pub route: Option<String>,
    /// Why it should not fire, or not be told.
    pub never: Option<String>,
    /// The odds that it fires, when that is left to chance.
    pub odds: Option<Odds>,
    /// The share of the error budget that the fault should cost.
    pub budget_spent: Option<f64>,
    /// The scrape jobs whose samples its rule reads.
    pub jobs: Vec<String>,
    /// What was taken for granted.
    pub assumes: Vec<String>,
    /// What was warned of.
    pub warnings: Vec<String>,
    /// Why marks are null.
    pub why: BTreeMap<String, String>,
}

/// The prediction of an expectation, or why there is none.
pub(super) fn read(timeline: &Timeline<'_>, expect: &ExpectRecord, measured: &Marks) -> Known<Predicted> {
    let prediction = of(timeline, expect).ok_or("nothing was predicted")?;
    if let Some(why) = prediction.why.get("prediction") {
        return Err(why.clone());
    }
    Ok(told(prediction, measured))
}

/// The prediction of an expectation as it was written down.
pub(super) fn of<'a>(timeline: &Timeline<'a>, expect: &ExpectRecord) -> Option<&'a Prediction> {
    let mut latest = timeline.events.iter().rev();
    latest.find_map(|event| match &event.kind {
        EventKind::Predicted(prediction) if prediction.label == expect.label => Some(&**prediction),
        _ => None,
    })
}

fn told(prediction: &Prediction, measured: &Marks) -> Predicted {
    let from = Moment::new(prediction.effective_at);
    let marks = marks(prediction, |mark| Some(mark.at));
    let off = measured.named().into_iter().zip(marks.named());
    let off = off.filter_map(|((name, measured), (_, predicted))| {
        Some((name.to_owned(), measured?.ms_since(predicted?)))
    });
    Predicted {
        effective_at: Some(from),
        off_ms: off.collect(),
        latest: self::marks(prediction, |mark| mark.latest),
        stages_ms: stages(from, &marks),
        ttd_ms: marks.t3.map(|at| at.ms_since(from)),
        ttn_ms: marks.t5.map(|at| at.ms_since(from)),
        marks,
        receiver: prediction.receiver.clone(),
        route: prediction.route.clone(),
        never: prediction.never.clone(),
        odds: prediction.odds,
        budget_spent: prediction.budget_spent,
        jobs: prediction.jobs.clone(),
        assumes: prediction.assumes.clone(),
        warnings: prediction.warnings.clone(),
        why: prediction.why.clone(),
    }
}

fn marks(prediction: &Prediction, which: impl Fn(&PredictedMark) -> Option<Timestamp>) -> Marks {
    let mark = |name: &str| prediction.marks.get(name).and_then(&which).map(Moment::new);
    Marks {
        t1: mark("T1"),
        t2: mark("T2"),
        t3: mark("T3"),
        t4: mark("T4"),
        t5: mark("T5"),
        t9: mark("T9"),
        t10: mark("T10"),
    }
}

/// As of what is measured: a mark that is not there nulls its stage, and the next begins at the last that is.
fn stages(from: Moment, marks: &Marks) -> StagesMs {
    let mut start = from;
    let mut stage = |mark: Option<Moment>| {
        let ms = mark?.ms_since(start);
        start = mark?;
        Some(ms)
    };
    StagesMs {
        scrape: stage(marks.t1),
        rule: stage(marks.t2),
        hold: stage(marks.t3),
        hand_off: stage(marks.t4),
        group: stage(marks.t5),
    }
}

impl Predicted {
    /// A time from T0e as it was predicted, for people: exactly, within an interval, or at the earliest.
    #[must_use]
    pub fn range(&self, mark: &str) -> Option<(i64, Option<i64>)> {
        let of = |marks: &Marks| marks.named().into_iter().find(|(name, _)| *name == mark)?.1;
        let from = self.effective_at?;
        Some((
            of(&self.marks)?.ms_since(from),
            of(&self.latest).map(|at| at.ms_since(from)),
        ))
    }
}
