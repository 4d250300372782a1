//! Whether an expected alert came as it should; in doubt the answer is `unknown`, never a pass.

use std::collections::{BTreeMap, BTreeSet};

use gameday_core::{ExpectRecord, Skip};

use super::alert_verdict::AlertVerdict;
use super::counted::{self, Between};
use super::course::{Course, NearMiss};
use super::disturbance::is_alertmanager;
use super::doubt;
use super::evidence::Evidence;
use super::fault::Fault;
use super::forged;
use super::mark::{Known, Moment};
use super::marks::{AlertMarks, moment};
use super::never;
use super::suppression::{self, SuppressedBy};
use super::timeline::{Lost, Timeline};
use crate::words;

/// The spans that limits are about.
pub(super) struct Spans {
    pub ttd: Known<i64>,
    pub ttn: Known<i64>,
    pub resolved: Known<i64>,
}

/// What an expectation is judged by.
pub(super) struct Case<'a> {
    pub timeline: &'a Timeline<'a>,
    pub expect: &'a ExpectRecord,
    pub fault: &'a Fault<'a>,
    pub evidence: &'a Evidence<'a>,
    pub marks: &'a AlertMarks,
    pub spans: &'a Spans,
    pub course: Course,
    pub near_miss: Option<NearMiss>,
    pub suppressed: &'a [SuppressedBy],
}

pub(super) type Ruling = (AlertVerdict, String);

impl Case<'_> {
    /// The verdict and a sentence.
    pub(super) fn judge(&self) -> Ruling {
        let (verdict, detail) = self.judge_as_seen();
        // That it came cannot be doubted because something else was not seen.
        let lost = self.lost().filter(|_| verdict != AlertVerdict::Forbidden);
        match lost.or_else(|| self.doubt()) {
            // What was seen, or not seen, while a source was away proves nothing: never a pass.
            Some(why) if verdict != AlertVerdict::NotEffective => (AlertVerdict::Unknown, why),
            _ => (verdict, detail),
        }
    }

    /// What was told of this alert and cannot be true.
    fn doubt(&self) -> Option<String> {
        let doubt = self.marks.remarks.doubts.first().cloned();
        // Other sources have counters of their own.
        let counted = || self.expect.source.is_none() && self.timeline.jumps.is_empty();
        doubt
            .or_else(|| doubt::unconfirmed(self.timeline, self.expect, self.evidence, self.fault.ordered?))
            .or_else(|| forged::doubt(&self.timeline.sent, self.evidence).filter(|_| counted()))
    }

    fn judge_as_seen(&self) -> Ruling {
        if let Err(why) = &self.fault.effective {
            let tested_nothing = self.fault.ordered.is_some() && !self.fault.misdated;
            let verdict = match self.fault.skipped {
                Some(Skip::NotInTime) => AlertVerdict::NotOrdered,
                // That was foreseen, and yet nothing was tested.
                Some(Skip::ConditionFalse) => AlertVerdict::Unknown,
                None if tested_nothing => AlertVerdict::NotEffective,
                None => AlertVerdict::Unknown,
            };
            // A drill that was refused because of it has shown it before anything was ordered.
            let refused = self.fault.ordered.is_none();
            let there = refused.then(|| self.already_there()).flatten();
            return there.unwrap_or_else(|| (verdict, why.clone()));
        }
        if let Some(ruling) = self.already_there() {
            return ruling;
        }
        if self.expect.never {
            return never::judge(self);
        }
        if self.evidence.firing(self.expect).is_none()
            && let Some(ruling) = self.gone_astray()
        {
            return ruling;
        }
        self.judge_firing()
            .or_else(|| self.judge_notice())
            .or_else(|| Some((AlertVerdict::Flapping, self.course.flaps()?)))
            .or_else(|| self.judge_end())
            .or_else(|| Some((AlertVerdict::Incomplete, self.lacks()?)))
            .unwrap_or_else(|| (AlertVerdict::Passed, self.passed_text()))
    }

    /// Why the notification did not come although something did.
    fn gone_astray(&self) -> Option<Ruling> {
        if let Some(receiver) = self.evidence.wrong_receiver(self.expect) {
            let wanted = self.expect.receiver.as_deref().unwrap_or_default();
            return Some((
                AlertVerdict::Misrouted,
                format!("it reached `{receiver}`, not `{wanted}`"),
            ));
        }
        if let Some(ruling) = suppression::verdict(self.evidence, self.suppressed) {
            return Some(ruling);
        }
        let fired = self
            .evidence
            .episode
            .as_ref()
            .is_some_and(|episode| episode.fired);
        let wrong = self.wrong_labels().filter(|_| !fired)?;
        Some((AlertVerdict::LabelsDiffer, format!("its labels differ: {wrong}")))
    }

    /// How an alert of that name that also came differs from the expected one.
    fn wrong_labels(&self) -> Option<String> {
        let stranger = self.evidence.strangers.first()?;
        let differs = |(key, wanted): (&String, &String)| match stranger.get(key) {
            Some(theirs) if theirs == wanted => None,
            Some(theirs) => Some(format!("{key} is `{theirs}`, not `{wanted}`")),
            None => Some(format!("{key} is missing, not `{wanted}`")),
        };
        let wrong: Vec<String> = self.expect.labels.iter().filter_map(differs).collect();
        Some(wrong.join(", "))
    }

    /// It was there when the fault took effect, and never came anew.
    fn already_there(&self) -> Option<Ruling> {
        let since = self.evidence.earlier?;
        let anew = self.evidence.episode.is_some() || !self.evidence.notices.is_empty();
        (!anew).then(|| {
            let since = since.text();
            let why = format!("it was active since {since}, before the fault took effect");
            (AlertVerdict::AlreadyFiring, why)
        })
    }

    /// What it must carry and does not.
    fn lacks(&self) -> Option<String> {
        let (labels, annotations) = self.evidence.carried(self.expect)?;
        let missing = |kind: &str, names: &[String], there: &BTreeMap<String, String>| {
            let names = names
                .iter()
                .filter(|name| there.get(*name).is_none_or(String::is_empty));
            names.map(|name| format!("{kind} `{name}`")).collect::<Vec<_>>()
        };
        let mut lacks = missing("label", &self.expect.required_labels, labels);
        lacks.extend(missing(
            "annotation",
            &self.expect.required_annotations,
            annotations,
        ));
        (!lacks.is_empty()).then(|| format!("it came without the {}", lacks.join(" and the ")))
    }

    fn judge_firing(&self) -> Option<Ruling> {
        let fired = self.marks.t3.is_ok() || self.evidence.episode.as_ref().is_some_and(|e| e.fired);
        if !fired {
            if let Some(near_miss) = &self.near_miss {
                return Some((AlertVerdict::PendingOnly, near_miss.text()));
            }
            let why = self.marks.t3.as_ref().err().cloned().unwrap_or_default();
            let limit = self.expect.firing_ms.or(self.expect.notified_ms);
            return Some(self.absent("firing", limit, &self.fault.effective, &why));
        }
        within("firing", self.expect.firing_ms, &self.spans.ttd)
    }

    fn judge_notice(&self) -> Option<Ruling> {
        let Err(why) = &self.marks.t5 else {
            return within("notified", self.expect.notified_ms, &self.spans.ttn);
        };
        if !self.timeline.started.plan.observe.hears_notices() {
            return self.judge_count(why);
        }
        let other = self
            .wrong_labels()
            .map(|wrong| format!(", but one of that name: {wrong}"));
        let why = format!("{why}{}", other.unwrap_or_default());
        Some(self.absent("notified", self.expect.notified_ms, &self.fault.effective, &why))
    }

    /// Without our receiver in the routes, what Alertmanager's counters say; nothing is asked of it by itself.
    fn judge_count(&self, why: &str) -> Option<Ruling> {
        let (limit, told) = (self.expect.notified_ms, &self.marks.intervals.t5);
        if limit.is_none() && self.expect.receiver.is_none() {
            return None;
        }
        let routed_to = |receiver: &String| {
            let listed = self.evidence.listed.iter();
            listed
                .flat_map(|(_, seen)| &seen.receivers)
                .any(|theirs| theirs == receiver)
        };
        match told {
            Some(_) if !self.expect.receiver.iter().all(routed_to) => {
                Some((AlertVerdict::Unknown, why.to_owned()))
            }
            Some(told) => within_between("notified", limit, &self.fault.effective, told),
            None if !counted::was_counted(self.timeline) || self.marks.t3.is_err() => {
                Some((AlertVerdict::Unknown, why.to_owned()))
            }
            // Something was delivered, and nobody knows for whom.
            None if why.contains("do not say for which") => Some((AlertVerdict::Unknown, why.to_owned())),
            None => Some(self.absent("notified", limit, &self.fault.effective, why)),
        }
    }

    fn judge_end(&self) -> Option<Ruling> {
        let limit = self.expect.resolved_ms?;
        match &self.marks.t10 {
            Ok(t10) if self.fault.removed.as_ref().is_ok_and(|removed| t10.at < *removed) => Some((
                AlertVerdict::Unknown,
                "it was resolved while the fault was still in place, so nothing is known of its end".into(),
            )),
            Ok(_) => within("resolved", Some(limit), &self.spans.resolved),
            Err(why) if !self.timeline.started.plan.observe.hears_notices() => {
                match &self.marks.intervals.t10 {
                    Some(told) => within_between("resolved", Some(limit), &self.fault.removed, told),
                    None if self.marks.intervals.t5.is_some() => {
                        Some(self.absent("resolved", Some(limit), &self.fault.removed, why))
                    }
                    None => Some((AlertVerdict::Unknown, why.clone())),
                }
            }
            Err(why) => Some(self.absent("resolved", Some(limit), &self.fault.removed, why)),
        }
    }

    /// Something did not come: missed when it was waited for long enough, else unknown.
    fn absent(&self, what: &str, limit: Option<u64>, from: &Known<Moment>, why: &str) -> Ruling {
        let end = self.timeline.watched_until();
        let waited = match from {
            Ok(from) => end.ms_since(*from),
            Err(why) => return (AlertVerdict::Unknown, why.clone()),
        };
        let said = words::span(waited);
        match limit {
            Some(limit) if u64::try_from(waited).is_ok_and(|waited| waited >= limit) => (
                AlertVerdict::Missed,
                format!("not {what} within {}; {why}", words::limit(limit)),
            ),
            Some(limit) => {
                let allowed = words::limit(limit);
                (
                    AlertVerdict::Unknown,
                    format!("{why}; the drill ended after {said} of the {allowed} allowed"),
                )
            }
            None if self.timeline.is_healed() => (
                AlertVerdict::Unknown,
                format!("{why}; the runner died, and nobody looked after {said}"),
            ),
            None => (
                AlertVerdict::Missed,
                format!("not {what} in the {said} it was waited for; {why}"),
            ),
        }
    }

    /// The loss of a source that this alert depends on.
    fn lost(&self) -> Option<String> {
        let lost = self.timeline.losses();
        let is_alertmanager = |lost: &&Lost| is_alertmanager(lost.source.as_str());
        let gone: BTreeSet<&str> = lost
            .iter()
            .filter(is_alertmanager)
            .map(|lost| lost.source.as_str())
            .collect();
        // One peer is enough to tell: what it told stands. That nobody told anything does not.
        let peers = self.timeline.started.plan.observe.alertmanager.len();
        let one_was_there = gone.len() < peers && self.marks.t5.is_ok();
        let (sources, asks_alertmanagers): (&[&str], bool) = match self.expect.source.as_deref() {
            Some("webhook") => (&["webhook"], false),
            Some("grafana") => (&["grafana", "grafana.alertmanager", "webhook"], false),
            _ => (&["prometheus", "webhook"], true),
        };
        let matters = |lost: &&Lost| {
            sources.contains(&lost.source.as_str())
                || asks_alertmanagers && is_alertmanager(lost) && !one_was_there
        };
        let lost = lost.iter().find(matters)?;
        Some(format!(
            "{} was lost at {} UTC: {}",
            lost.source,
            Moment::new(lost.from).clock(),
            lost.error
        ))
    }

    fn passed_text(&self) -> String {
        let receiver = self.evidence.firing(self.expect).map(|notice| notice.receiver);
        match (&self.spans.ttn, receiver, &self.spans.ttd) {
            (Ok(ms), Some(receiver), _) => {
                format!(
                    "reached `{receiver}` {} after the fault took effect",
                    words::span(*ms)
                )
            }
            (_, _, Ok(ms)) => {
                let told = self
                    .marks
                    .intervals
                    .t5
                    .as_ref()
                    .zip(self.fault.effective.as_ref().ok());
                let told = told.map_or_else(String::new, |(told, from)| {
                    let [least, most] = counted::range_ms(*from, told);
                    format!(
                        " and was notified after {} to {}, as Alertmanager counted",
                        words::span(least),
                        words::span(most)
                    )
                });
                format!("fired {} after the fault took effect{told}", words::span(*ms))
            }
            _ => "came as expected".into(),
        }
    }
}

/// Whether a span is over its limit; a span that is not known is no pass.
fn within(what: &str, limit: Option<u64>, span: &Known<i64>) -> Option<Ruling> {
    let limit = limit?;
    match span {
        Err(why) => Some((
            AlertVerdict::Unknown,
            format!("when it was {what} cannot be said: {why}"),
        )),
        Ok(ms) => {
            let over = ms.saturating_sub(i64::try_from(limit).unwrap_or(i64::MAX));
            let (took, by, most) = (words::exact(*ms), words::exact(over), words::limit(limit));
            (over > 0).then(|| {
                (
                    AlertVerdict::Late,
                    format!("{what} after {took}, {by} over its limit of {most}"),
                )
            })
        }
    }
}

/// As [`within`], of a mark that lies between two moments: it passes when all of that is within the limit.
fn within_between(what: &str, limit: Option<u64>, from: &Known<Moment>, between: &Between) -> Option<Ruling> {
    let limit = limit?;
    let from = match from {
        Ok(from) => *from,
        Err(why) => return Some((AlertVerdict::Unknown, why.clone())),
    };
    let [least, most] = counted::range_ms(from, between);
    let (allowed, text) = (i64::try_from(limit).unwrap_or(i64::MAX), words::limit(limit));
    let said = format!("{what} after {} to {}", words::exact(least), words::exact(most));
    if most <= allowed {
        return None;
    }
    Some(match least > allowed {
        true => (AlertVerdict::Late, format!("{said}, over its limit of {text}")),
        false => (
            AlertVerdict::Unknown,
            format!(
                "{said}: whether that is within its limit of {text} cannot be said without our receiver in the routes"
            ),
        ),
    })
}

/// The moments that the spans of an alert are made of.
pub(super) fn spans(timeline: &Timeline<'_>, fault: &Fault<'_>, marks: &AlertMarks) -> Spans {
    Spans {
        ttd: timeline.span(&fault.effective, &moment(&marks.t3)),
        ttn: timeline.span(&fault.effective, &moment(&marks.t5)),
        resolved: timeline.span(&fault.removed, &moment(&marks.t10)),
    }
}
