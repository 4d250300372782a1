//! What was injected, when it took effect and when it was gone.

use std::collections::BTreeMap;

use gameday_core::{Event, EventKind, FaultEnd, FaultName, FaultRecord, Skip, Timestamp};

use super::doubt;
use super::mark::{Known, Moment};
use super::record::FaultReport;
use super::timeline::Timeline;

/// A fault with the marks that alerts need.
pub(super) struct Fault<'a> {
    pub record: &'a FaultRecord,
    pub ordered: Option<&'a Event>,
    pub effective: Known<Moment>,
    pub removed: Known<Moment>,
    pub lost: bool,
    /// Why it was left out, if it was.
    pub skipped: Option<Skip>,
    /// It took effect, but at a time that cannot be true.
    pub misdated: bool,
    pub report: FaultReport,
}

/// Every fault of the plan, in its order.
pub(super) fn all<'a>(timeline: &Timeline<'a>) -> Vec<Fault<'a>> {
    timeline
        .started
        .plan
        .timeline
        .iter()
        .map(|record| read(timeline, record))
        .collect()
}

fn read<'a>(timeline: &Timeline<'a>, record: &'a FaultRecord) -> Fault<'a> {
    let facts = Facts::collect(timeline, &record.name);
    let effective = facts.effective(timeline, record);
    let removed = match (facts.removed, facts.ordered) {
        (Some((event, _)), _) => Ok(Moment::new(event.time)),
        (None, Some(_)) => Err(facts.never_removed(record)),
        (None, None) => Err(facts.never_ordered(record)),
    };
    let lost = facts.removed.is_some_and(|(_, how)| how == FaultEnd::Lost);
    let mut report = FaultReport {
        name: record.name.to_string(),
        on: record.on.to_string(),
        kind: record.kind.clone(),
        detail: record.detail.clone(),
        ordered_at: facts.ordered.map(|event| Moment::new(event.time)),
        injected_at: facts.injected.map(|event| Moment::new(event.time)),
        effective_at: effective.as_ref().ok().copied(),
        removed_at: removed.as_ref().ok().copied(),
        ended: facts.removed.map(|(_, how)| end_word(how).to_owned()),
        skipped: facts.skipped.map(|(_, detail)| detail.to_owned()),
        touched: facts.touched,
        raw: BTreeMap::new(),
        why: BTreeMap::new(),
    };
    let misdated = facts.first_touched.is_some() && facts.ordered.is_some() && effective.is_err();
    if let Some((raw, ..)) = facts.first_touched {
        report.raw.insert("effective_at".into(), raw.to_string());
    }
    let mut say = |key: &str, why: Option<String>| why.map(|why| report.why.insert(key.into(), why));
    say("effective_at", effective.as_ref().err().cloned());
    say("removed_at", removed.as_ref().err().cloned());
    if facts.ordered.is_none() {
        say("ordered_at", Some(facts.never_ordered(record)));
    }
    if facts.injected.is_none() {
        say(
            "injected_at",
            Some(
                facts
                    .error
                    .unwrap_or("its injection was never confirmed")
                    .to_owned(),
            ),
        );
    }
    Fault {
        record,
        ordered: facts.ordered,
        effective,
        removed,
        lost,
        skipped: facts.skipped.map(|(reason, _)| reason),
        misdated,
        report,
    }
}

const fn end_word(how: FaultEnd) -> &'static str {
    match how {
        FaultEnd::Removed => "removed",
        FaultEnd::Lost => "lost",
        FaultEnd::Over => "over",
    }
}

#[derive(Default)]
struct Facts<'a> {
    ordered: Option<&'a Event>,
    injected: Option<&'a Event>,
    removed: Option<(&'a Event, FaultEnd)>,
    error: Option<&'a str>,
    skipped: Option<(Skip, &'a str)>,
    touched: u64,
    first_touched: Option<(Timestamp, &'a str, &'a Event)>,
}

impl<'a> Facts<'a> {
    fn collect(timeline: &Timeline<'a>, name: &FaultName) -> Self {
        let mut facts = Self::default();
        for event in timeline.events {
            match &event.kind {
                EventKind::FaultOrdered { fault, .. } if fault == name => {
                    facts.ordered = facts.ordered.or(Some(event));
                }
                EventKind::FaultInjected { fault } if fault == name => {
                    facts.injected = facts.injected.or(Some(event));
                }
                EventKind::FaultFailed { fault, error } if fault == name => facts.error = Some(error),
                EventKind::FaultSkipped {
                    fault,
                    reason,
                    detail,
                } if fault == name => facts.skipped = Some((*reason, detail)),
                EventKind::FaultRemoved { fault, how } if fault == name => {
                    facts.removed = Some((event, *how));
                }
                EventKind::FaultTouched {
                    fault,
                    touched,
                    first_touched,
                    source,
                } if fault == name => {
                    facts.touched = facts.touched.max(*touched);
                    let first = first_touched
                        .filter(|_| *touched > 0)
                        .map(|time| (time, source.as_str(), event));
                    facts.first_touched = facts.first_touched.or(first);
                }
                _ => {}
            }
        }
        facts
    }

    fn never_ordered(&self, record: &FaultRecord) -> String {
        match self.skipped {
            Some((_, detail)) => format!("fault `{}` was not ordered: {detail}", record.name),
            None => format!("fault `{}` was never ordered", record.name),
        }
    }

    fn never_removed(&self, record: &FaultRecord) -> String {
        let why = self.error.filter(|_| self.injected.is_some());
        let why = why.map_or_else(String::new, |error| format!(": {error}"));
        format!("fault `{}` was never confirmed removed{why}", record.name)
    }

    /// T0e, or why the fault took no effect that we know of.
    fn effective(&self, timeline: &Timeline<'_>, record: &FaultRecord) -> Known<Moment> {
        let (name, touched) = (&record.name, self.touched);
        let ordered = self.ordered.ok_or_else(|| self.never_ordered(record))?;
        match (self.first_touched, self.error.filter(|_| self.injected.is_none())) {
            (Some((raw, source, told)), _) => doubt::touched(timeline, (raw, source), ordered, told)
                .map_err(|why| format!("when fault `{name}` took effect cannot be said: {why}")),
            (None, Some(error)) => Err(format!("fault `{name}` could not be injected: {error}")),
            (None, None) if touched > 0 => Err(format!(
                "fault `{name}` touched {touched}, but when it first did was not told"
            )),
            (None, None) => Err(format!("fault `{name}` touched nothing")),
        }
    }
}
