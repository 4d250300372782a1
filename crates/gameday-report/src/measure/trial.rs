//! One trial: every part measured once and put together.

use std::collections::BTreeMap;

use gameday_core::EventKind;

use super::fault::{self, Fault};
use super::mark::{Moment, keep};
use super::record::{AlertReport, GateReport, Trial, TrialMarks};
use super::recovery::{self, Recovery};
use super::sight;
use super::timeline::Timeline;
use super::verdict::{self, Ruling};
use super::{
    alert, disturbance, finding, forbid, happened, impact, listing, noise, others, people, picture, probe,
    steady, story,
};

/// The pre-flight check that says whether Alertmanager had no group left over from before.
///
/// Without it nobody can say so. When it is not ok, or its detail begins with `not clean`, the
/// trial is shown but its notification time counts in no mean.
pub const GROUP_STAGE_CHECK: &str = "group stage";

/// Measures one journal.
pub(super) fn measure(index: usize, timeline: &Timeline<'_>) -> Trial {
    let faults = fault::all(timeline);
    let recovery = recovery::read(timeline, &faults);
    let expected = timeline.started.plan.expect.iter();
    let alerts = expected
        .map(|expect| alert::measure(timeline, expect, &faults, &recovery))
        .collect();
    let mut trial = unjudged(index, timeline, &recovery, alerts);
    trial.sight = sight::read(timeline, &faults, &trial.alerts);
    let Ruling {
        verdict,
        summary,
        reasons,
    } = judge(timeline, &faults, &recovery, &trial, &trial.alerts);
    let apart = judge(timeline, &faults, &recovery, &trial, &[]);
    trial.apart = (apart.verdict, apart.summary);
    (trial.verdict, trial.summary, trial.reasons) = (verdict, summary, reasons);
    trial.impact = impact::read(timeline, &faults, &recovery);
    trial.mitigation = people::mitigation(timeline, &faults);
    trial.faults = faults.into_iter().map(|fault| fault.report).collect();
    trial.picture = picture::draw(timeline, &trial);
    (trial.log, trial.log_left_out) = happened::read(timeline);
    trial.findings = finding::read(timeline, &trial);
    trial.briefing = story::brief(timeline, &trial);
    trial
}

fn judge(
    timeline: &Timeline<'_>,
    faults: &[Fault<'_>],
    recovery: &Recovery,
    trial: &Trial,
    alerts: &[AlertReport],
) -> Ruling {
    verdict::judge(&verdict::Facts {
        timeline,
        faults,
        alerts,
        sight: trial.sight.as_ref(),
        forbid: &trial.forbid,
        others: &trial.other_alerts,
        steady: &trial.steady,
        probes: &trial.probes,
        recovery,
        rollback: &trial.rollback,
    })
}

/// Everything but the verdict, the faults and the picture.
fn unjudged(index: usize, timeline: &Timeline<'_>, recovery: &Recovery, alerts: Vec<AlertReport>) -> Trial {
    let mut why = BTreeMap::new();
    let forbid = forbid::read(timeline);
    let mut group_stage_clean = group_stage_clean(timeline);
    if group_stage_clean.is_none() {
        why.insert("group_stage_clean".into(), "it was not looked at".into());
    }
    if let Some((alert, unclean)) = alerts
        .iter()
        .find_map(|alert| Some((alert, alert.unclean.first()?)))
    {
        group_stage_clean = Some(false);
        why.insert(
            "group_stage_clean".into(),
            format!("{}: {unclean}", alert.title()),
        );
    }
    Trial {
        index,
        verdict: verdict::Verdict::Inconclusive,
        summary: String::new(),
        reasons: Vec::new(),
        briefing: Vec::new(),
        started_at: Moment::new(timeline.began().time),
        ended_at: Moment::new(timeline.last().time),
        complete: timeline.events.iter().any(|event| {
            matches!(
                event.kind,
                EventKind::DrillEnded(_) | EventKind::TrialEnded { .. }
            )
        }),
        marks: TrialMarks {
            t0: keep(recovery.t0.clone(), "T0", &mut why),
            t7: keep(recovery.t7.clone(), "T7", &mut why),
            t8: keep(recovery.t8.clone(), "T8", &mut why),
        },
        ttr_ms: keep(recovery.ttr.clone(), "ttr_ms", &mut why),
        self_heal_ms: keep(recovery.self_heal.clone(), "self_heal_ms", &mut why),
        never_left: recovery.never_left,
        look_ms: recovery.look_ms,
        group_stage_clean,
        gate: gate(timeline),
        why,
        faults: Vec::new(),
        sight: None,
        other_alerts: others::read(timeline, &alerts, &forbid),
        noise: noise::read(timeline),
        disturbances: disturbance::report(timeline, &alerts),
        alerts,
        forbid,
        steady: steady::read(timeline),
        probes: probe::read(timeline),
        notifications: listing::notices(timeline),
        clocks: listing::clocks(timeline),
        people: people::lines(timeline),
        mitigation: None,
        checks: listing::checks(timeline),
        safety: listing::safety(timeline),
        rollback: listing::rollback(timeline),
        impact: impact::ImpactReport::default(),
        findings: Vec::new(),
        log: Vec::new(),
        log_left_out: 0,
        apart: (verdict::Verdict::Inconclusive, String::new()),
        picture: picture::Picture::default(),
    }
}

/// How the gate opened, the last time that it did.
fn gate(timeline: &Timeline<'_>) -> Option<GateReport> {
    let opened = timeline.events.iter().rev().find_map(|event| match &event.kind {
        EventKind::GateOpened(opened) => Some(opened),
        _ => None,
    })?;
    let ms = |us: u64| (us + 500) / 1000;
    let phase = if opened.phase.is_finite() {
        opened.phase.clamp(0.0, 1.0)
    } else {
        0.0
    };
    Some(GateReport {
        waited_ms: ms(opened.waited_us),
        left: opened.left.clone(),
        phase_ms: opened.interval_us.map(|us| {
            let span = std::time::Duration::from_micros(us).mul_f64(phase);
            ms(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
        }),
        interval_ms: opened.interval_us.map(ms),
        phase,
    })
}

fn group_stage_clean(timeline: &Timeline<'_>) -> Option<bool> {
    if gate(timeline).is_some_and(|gate| !gate.left.is_empty()) {
        return Some(false);
    }
    timeline.events.iter().rev().find_map(|event| match &event.kind {
        EventKind::Checked { name, ok, detail } if name == GROUP_STAGE_CHECK => {
            Some(*ok && !detail.starts_with("not clean"))
        }
        _ => None,
    })
}
