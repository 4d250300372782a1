//! Several trials beside one another: each a point, with the median, the limit and the prediction.

use maud::{Markup, html};

use super::parts::{Tone, alert_pill, pill, prose, section, tone, verdict_word};
use super::scale::{LEFT, RIGHT, Scale, WIDTH, anchor, float, px, ticks};
use crate::words::{clean, exact, exact_or_between, exact_or_dash, limit, span};
use crate::{AlertReport, Measurement, Trial};

const ROW: f64 = 52.0;

/// The strip plot and a table of the trials; nothing for one trial.
pub(super) fn strip(measurement: &Measurement) -> Markup {
    if measurement.trials.len() < 2 {
        return html! {};
    }
    section(
        "Trials",
        html! {
            p.mean { (measurement.mttd.sentence()) }
            p.mean { (measurement.mttr.sentence()) }
            (plot(measurement))
            (table(measurement))
            p.note { "Phase: how long after a tick of the alerting the faults began; it is another one in each trial. "
                "One trial is told above; each other stands below, folded, and is printed when it is open." }
        },
    )
}

/// The notifications of one expectation over the trials.
struct Strip<'a> {
    title: String,
    all: Vec<&'a AlertReport>,
    most: Option<u64>,
    /// What never came stands last in its order.
    median: Option<i64>,
}

fn strips(measurement: &Measurement) -> Vec<Strip<'_>> {
    let Some(first) = measurement.trials.first() else {
        return Vec::new();
    };
    let strip = |(index, alert): (usize, &AlertReport)| Strip {
        title: alert.title(),
        all: measurement
            .trials
            .iter()
            .filter_map(|trial| trial.alerts.get(index))
            .collect(),
        most: alert.limits_ms.notified.or(alert.limits_ms.firing),
        median: measurement.over_trials.get(index).and_then(|over| {
            over.ttn
                .median_ms
                .or(over.ttd.median_ms.filter(|_| over.ttn.trials == 0))
        }),
    };
    first.alerts.iter().enumerate().map(strip).collect()
}

/// The time that is drawn: to the notification, or to firing where nothing is notified.
fn time(alert: &AlertReport) -> Option<i64> {
    alert.ttn_ms.or(alert.ttd_ms)
}

fn plot(measurement: &Measurement) -> Markup {
    let strips = strips(measurement);
    if strips.is_empty() {
        return html! {};
    }
    let times = strips
        .iter()
        .flat_map(|strip| &strip.all)
        .filter_map(|alert| time(alert));
    let limits = strips.iter().filter_map(|strip| i64::try_from(strip.most?).ok());
    let most = times.chain(limits).max().unwrap_or(1000).max(1);
    // Room on the right for what was not detected.
    let x = Scale {
        from: 0.0,
        to: float(most) * 1.02,
        start: LEFT,
        end: RIGHT - 90.0,
    };
    let rows = float(i64::try_from(strips.len()).unwrap_or(0));
    let bottom = rows * ROW + 6.0;
    html! {
        div.scroll tabindex="0" role="region" aria-label="Trials, drawn" {
            svg.drawing.still viewBox={ "0 0 " (px(WIDTH)) " " (px(bottom + 24.0)) } role="img" aria-label="Time to the notification of each trial; the table below holds the same numbers" {
                @for tick in ticks(0, most) {
                    line.grid x1=(px(x.at(tick))) x2=(px(x.at(tick))) y1="4" y2=(px(bottom)) {}
                    text.tick x=(px(x.at(tick))) y=(px(bottom + 16.0)) text-anchor=(anchor(x.at(tick))) { (limit(tick.unsigned_abs())) }
                }
                text.tick x=(px(RIGHT)) y=(px(bottom + 16.0)) text-anchor="end" { "not detected" }
                @for (index, strip) in strips.iter().enumerate() {
                    (points(strip, &x, ROW * float(i64::try_from(index).unwrap_or(0))))
                }
            }
        }
    }
}

fn points(strip: &Strip<'_>, x: &Scale, y: f64) -> Markup {
    let middle_y = y + 34.0;
    let times: Vec<i64> = strip.all.iter().filter_map(|alert| time(alert)).collect();
    let missed = strip.all.len() - times.len();
    let predicted = strip.all.iter().filter_map(|alert| {
        let predicted = alert.predicted.as_ref()?;
        predicted.ttn_ms.or(predicted.ttd_ms)
    });
    html! {
        text.row x=(px(LEFT)) y=(px(y + 16.0)) { (clean(&strip.title)) }
        line.rail x1=(px(x.start)) x2=(px(x.end)) y1=(px(middle_y)) y2=(px(middle_y)) {}
        @if let Some(most) = strip.most.and_then(|most| i64::try_from(most).ok()) {
            line.limit x1=(px(x.at(most))) x2=(px(x.at(most))) y1=(px(middle_y - 12.0)) y2=(px(middle_y + 12.0)) {}
        }
        @for ms in predicted { path.foretold d="M0 -4l4 4l-4 4l-4 -4z" transform={ "translate(" (px(x.at(ms))) " " (px(middle_y)) ")" } {} }
        @for ms in &times { circle.point cx=(px(x.at(*ms))) cy=(px(middle_y)) r="4.5" { title { (exact(*ms)) } } }
        @if let Some(ms) = strip.median { line.median x1=(px(x.at(ms))) x2=(px(x.at(ms))) y1=(px(middle_y - 9.0)) y2=(px(middle_y + 9.0)) {} }
        @for index in 0..missed {
            @let right = RIGHT - 6.0 - 12.0 * float(i64::try_from(index).unwrap_or(0)).min(6.0);
            path.look-down d="M-4 -4l8 8m0 -8l-8 8" transform={ "translate(" (px(right)) " " (px(middle_y)) ")" } {}
        }
    }
}

fn table(measurement: &Measurement) -> Markup {
    let told = measurement.told().map(|trial| trial.index);
    html! {
        table.plain.stack {
            thead { tr {
                th { "Trial" } th { "Verdict" } th.n { "Phase" } th { "Alert" } th { "" } th.n { "Firing" } th.n { "Notified" }
                th.n { "Steady again" } th { "Began" }
            } }
            @for trial in &measurement.trials { tbody {
                @if trial.alerts.is_empty() { tr {
                    (begin_of(trial, told)) td { "—" } td {} td.n { "—" } td.n { "—" } (end_of(trial))
                } }
                @for (index, alert) in trial.alerts.iter().enumerate() { tr {
                    @if index == 0 { (begin_of(trial, told)) } @else { td.bare {} td.bare {} td.bare {} }
                    td.wide data-label="Alert" { (clean(&alert.title())) } td { (alert_pill(alert.verdict)) }
                    td.n data-label="Firing" { (exact_or_dash(alert.ttd_ms)) }
                    td.n data-label="Notified" { (exact_or_between(alert.ttn_ms, alert.ttn_between_ms)) }
                    @if index == 0 { (end_of(trial)) } @else { td.bare {} td.bare {} }
                } }
            } }
        }
        p.note { "Dots are trials, diamonds what was predicted of each, the bar the median, the dashed line the limit." }
    }
}

/// Where a trial is told.
fn anchor_of(trial: &Trial, told: Option<usize>) -> String {
    if told == Some(trial.index) {
        "#timeline".to_owned()
    } else {
        format!("#trial-{}", trial.index)
    }
}

fn begin_of(trial: &Trial, told: Option<usize>) -> Markup {
    html! {
        th scope="row" { a href={ (anchor_of(trial, told)) } { (trial.index + 1) } }
        td data-label="Verdict" { (pill(tone(trial.verdict), &verdict_word(trial.verdict))) }
        td.n data-label="Phase" { (phase(trial)) }
    }
}

fn end_of(trial: &Trial) -> Markup {
    html! {
        td.n data-label="Steady again" { (exact_or_dash(trial.ttr_ms)) }
        td data-label="Began" { @match &trial.gate {
            Some(gate) if !gate.left.is_empty() => { (pill(Tone::Doubt, "not clean")) " " (prose(&gate.left.join("; "))) }
            _ if trial.group_stage_clean == Some(false) => { (pill(Tone::Doubt, "group not clean")) }
            _ => { "clean" }
        } }
    }
}

/// `0.312 s of 1.0 s`: how long after a tick of the alerting the faults were to begin.
fn phase(trial: &Trial) -> String {
    let signed = |ms: Option<u64>| ms.and_then(|ms| i64::try_from(ms).ok());
    let gate = trial.gate.as_ref();
    let found = gate.and_then(|gate| Some((signed(gate.phase_ms)?, signed(gate.interval_ms)?)));
    found.map_or_else(
        || "—".to_owned(),
        |(phase, of)| format!("{} of {}", span(phase), span(of)),
    )
}
