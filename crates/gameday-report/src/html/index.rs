//! `index.html`: all drills of a folder on one page that needs no script and no network.

mod trend;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::parts::{Tone, label_set, pill, prose, tone, verdict_word};
use super::{STYLE, policy};
use crate::history::{AlertHistory, Change, DrillLine, History, LeftOut};
use crate::words::{clean, count, span, span_or_dash};
use crate::{AlertComparison, Judgement, Moment, Proof, State};

const OWN_STYLE: &str = include_str!("index/style.css");
/// More drills than this make no page that anybody reads; `index.json` has all.
const MOST: usize = 1_000;

/// Renders `index.html`.
#[must_use]
pub fn render_index_html(history: &History) -> String {
    let style = format!("{STYLE}{OWN_STYLE}");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy::style_only(&style));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { "Game days: " (history.sentence()) }
                style { (PreEscaped(&style)) }
            }
            body { main {
                (banner(history))
                (numbers(history))
                (contents(history))
                (changes(history))
                (trends(history))
                (alerts(history))
                (drills(history))
                (left_out(history))
                footer { "gameday " (clean(&history.version)) " · index.json holds the same numbers" }
            } }
        }
    };
    let mut text = page.into_string();
    text.push('\n');
    text
}

fn worse(history: &History) -> impl Iterator<Item = &Change> {
    history.changes.iter().filter(|change| change.worse)
}

fn banner(history: &History) -> Markup {
    let names: Vec<String> = worse(history).map(|change| clean(&change.scenario)).collect();
    let (tone, word, text) = match (names.as_slice(), history.changes.is_empty()) {
        ([], true) => (
            Tone::Note,
            "Nothing to compare",
            "No scenario has two drills that were run to their end.".to_owned(),
        ),
        ([], false) => (
            Tone::Good,
            "Nothing got worse",
            "The newest drill of each scenario does as well as the one before.".to_owned(),
        ),
        (some, _) => (
            Tone::Bad,
            "Got worse",
            format!("{}: see what changed.", some.join(", ")),
        ),
    };
    html! {
        header {
            p.eyebrow { "Game days" }
            h1 { (count(history.drills.len() as u64, "drill")) " of " (count(history.scenarios() as u64, "scenario")) }
            div class={ "verdict " (tone.class()) } role="status" {
                div.word { span.sign aria-hidden="true" { (tone.sign()) } (word) }
                p { (text) }
            }
            @if let (Some(newest), Some(oldest)) = (history.drills.first(), history.drills.last()) {
                p.meta { span { (day(oldest.started_at)) " to " (day(newest.started_at)) } }
            }
        }
    }
}

fn numbers(history: &History) -> Markup {
    let newest_pass = history.trends.iter().filter(|trend| {
        trend
            .points
            .last()
            .is_some_and(|point| point.verdict == crate::Verdict::Passed)
    });
    let proved = history.alerts.iter().filter(|alert| alert.is_proved()).count();
    let failed = history
        .alerts
        .iter()
        .filter(|alert| alert.state == State::Failed)
        .count();
    let of = |name: &str, value: usize, all: Option<usize>, what: &str| {
        html! {
            div.number {
                div.name { (name) }
                div.figure data-count=(value) { (value) @if let Some(all) = all { small { "of " (all) } } }
                div.what { (what) }
            }
        }
    };
    html! {
        section.numbers.four aria-label="Key numbers" {
            (of("Pass now", newest_pass.count(), Some(history.trends.len()), "scenarios whose newest drill passed"))
            (of("Got worse", worse(history).count(), Some(history.changes.len()), "against the drill before"))
            (of("Alerts proved", proved, Some(history.alerts.len()), "by the last drill that tested them"))
            (of("Alerts failed", failed, None, "in the last drill that tested them"))
        }
    }
}

fn contents(history: &History) -> Markup {
    html! {
        nav.contents aria-label="Contents" {
            @for (anchor, name, there) in [
                ("changes", "What changed", !history.changes.is_empty()), ("trends", "Trends", !history.trends.is_empty()),
                ("alerts", "Alerts", !history.alerts.is_empty()), ("drills", "Drills", true), ("left-out", "Left out", !history.left_out.is_empty()),
            ] { @if there { a href={ "#" (anchor) } { (name) } } }
        }
    }
}

/// A section whose rows become cards on a phone.
fn table(id: &str, title: &str, heads: &[&str], rows: Markup) -> Markup {
    html! {
        section id=(id) {
            h2 { (title) }
            div.scroll tabindex="0" role="region" aria-label=(title) {
                table.rows {
                    thead { tr { @for head in heads { th scope="col" { (head) } } } }
                    (rows)
                }
            }
        }
    }
}

fn changes(history: &History) -> Markup {
    if history.changes.is_empty() {
        return html! {};
    }
    let mut sorted: Vec<&Change> = history.changes.iter().collect();
    sorted.sort_by_key(|change| !change.worse);
    table(
        "changes",
        "What changed",
        &["Scenario", "", "Alert", "Time to notify", "Why"],
        html! { @for change in sorted { tbody.change { (change_rows(history, change)) } } },
    )
}

fn change_rows(history: &History, change: &Change) -> Markup {
    let alerts: &[AlertComparison] = change
        .comparison
        .as_ref()
        .map_or(&[], |found| found.alerts.as_slice());
    let verdicts = (change.verdict_then != change.verdict_now).then(|| {
        (
            verdict_word(change.verdict_then),
            verdict_word(change.verdict_now),
        )
    });
    html! {
        tr {
            th scope="row" { (clean(&change.scenario)) }
            td { (pill(if change.worse { Tone::Bad } else { Tone::Good }, if change.worse { "worse" } else { "no worse" })) }
            td data-label="Drills" colspan="3" {
                (linked(history, &change.now)) " after " (linked(history, &change.then))
                @if let Some((then, now)) = &verdicts { br; "verdict: " (then) " then, " b { (now) } " now" }
                @for (name, [then, now]) in &change.vars { br; code { (clean(name)) } " was " (set(then.as_deref())) ", is " (set(now.as_deref())) }
                @if let (Some(then), Some(now)) = (change.ttr.then_ms, change.ttr.now_ms) {
                    br; "time to recover " (span(then)) " then, " b { (span(now)) } " now"
                }
                @if let Some(why) = &change.why { br; "their alerts are not compared: " (clean(why)) }
            }
        }
        @for alert in alerts {
            tr.sub {
                td.gap {}
                td { (judged(alert.judgement)) }
                td data-label="Alert" { (clean(&title(alert))) }
                td data-label="Time to notify" { (then_and_now(alert)) }
                td.why data-label="Why" { (prose(&alert.detail)) }
            }
        }
    }
}

fn set(value: Option<&str>) -> Markup {
    html! { @match value { Some(value) => code { (clean(value)) } None => "not set" } }
}

fn title(alert: &AlertComparison) -> String {
    match alert.label == alert.alert {
        true => alert.alert.clone(),
        false => format!("{} ({})", alert.label, alert.alert),
    }
}

fn judged(judgement: Judgement) -> Markup {
    let tone = match judgement {
        Judgement::Slower | Judgement::Lost | Judgement::NotTested => Tone::Bad,
        Judgement::Unclear => Tone::Doubt,
        Judgement::Added => Tone::Note,
        Judgement::Faster | Judgement::Same | Judgement::TooFew => Tone::Good,
    };
    pill(tone, judgement.word())
}

/// The time that was compared, on both sides; what did not come is said as that.
fn then_and_now(alert: &AlertComparison) -> Markup {
    let Some(times) = alert.times.first() else {
        return html! { "—" };
    };
    let (then, now) = (times.old.short(), times.new.short());
    html! { @if times.what != "TTN" { (times.what) " " } (then) " → " b { (now) } }
}

fn trends(history: &History) -> Markup {
    if history.trends.is_empty() {
        return html! {};
    }
    html! {
        section #trends {
            h2 { "Trends" }
            p.note { "A dot is a drill, the oldest on the left: of several trials the median, with a bar from the smallest to the largest. A cross is \
                      a trial in which it never came, a ring one of which it is not known; neither is in any median. The dashed line is the limit." }
            @for one in &history.trends {
                div.trend {
                    h3 { (clean(&one.scenario)) " " span.aside-note { (clean(&one.title)) } }
                    div.pair { (trend::draw(history, one, trend::What::Notify)) (trend::draw(history, one, trend::What::Recover)) }
                }
            }
        }
    }
}

fn alerts(history: &History) -> Markup {
    if history.alerts.is_empty() {
        return html! {};
    }
    table(
        "alerts",
        "Alerts",
        &[
            "Alert",
            "",
            "Last drill that proved it",
            "When",
            "Time to notify then",
            "Drills",
        ],
        html! { tbody { @for alert in &history.alerts { (alert_row(history, alert)) } } },
    )
}

fn alert_row(history: &History, alert: &AlertHistory) -> Markup {
    let state = match alert.state {
        State::Failed => pill(Tone::Bad, "failed"),
        State::Never => pill(Tone::Doubt, "never proved"),
        _ => pill(Tone::Good, "proved"),
    };
    let proof = alert.proof();
    html! {
        tr {
            th scope="row" { (clean(&alert.alert)) @if !alert.labels.is_empty() { br; (label_set(&alert.labels)) } }
            td { (state) }
            td data-label="Last drill that proved it" { @match proof { Some(proof) => (linked(history, &proof.drill)), None => "none" } }
            td.t data-label="When" { @match proof { Some(proof) => (day(proof.at)), None => "—" } }
            td.n data-label="Time to notify then" data-ms=[proof.and_then(|proof| proof.ttn_ms)] { (span_or_dash(proof.and_then(|proof| proof.ttn_ms))) }
            td.n data-label="Drills" { (alert.drills) }
        }
        @if let Some(why) = &alert.why {
            tr.detail { td colspan="6" { @if let Some(last) = failing(alert) { (linked(history, &last.drill)) ": " } (prose(why)) } }
        }
    }
}

fn failing(alert: &AlertHistory) -> Option<&Proof> {
    alert.last.as_ref().filter(|_| alert.state == State::Failed)
}

fn drills(history: &History) -> Markup {
    let more = history.drills.len().saturating_sub(MOST);
    let rows = html! { tbody { @for drill in history.drills.iter().take(MOST) { (drill_row(drill)) } } };
    html! {
        (table("drills", "Drills", &["Began (UTC)", "Verdict", "Scenario", "Time to notify", "Time to recover", "What ended it"], rows))
        @if more > 0 { p.note { (count(more as u64, "older drill")) " not shown here; index.json has all." } }
    }
}

fn drill_row(drill: &DrillLine) -> Markup {
    let began = moment(drill.started_at);
    let why = drill.ended.why.as_ref();
    html! {
        tr {
            th.t scope="row" {
                @match &drill.report {
                    Some(link) => a href=(link) { (began) span.hide { ", report of " (clean(&drill.drill)) } },
                    None => (began),
                }
            }
            td { (pill(tone(drill.verdict), &verdict_word(drill.verdict))) }
            td data-label="Scenario" { (clean(&drill.scenario)) @if let Some(sweep) = &drill.sweep { br; span.small { "point of " (clean(sweep)) } } }
            td.n data-label="Time to notify" data-ms=[drill.ttn.median_ms] { (drill.ttn.text()) }
            td.n data-label="Time to recover" data-ms=[drill.ttr.median_ms] { (drill.ttr.text()) }
            td.end data-label="What ended it" {
                (drill.ended.how.word())
                @if let Some(why) = why { ": " (prose(why)) }
            }
        }
    }
}

fn left_out(history: &History) -> Markup {
    if history.left_out.is_empty() {
        return html! {};
    }
    let row = |one: &LeftOut| {
        html! { tr { th scope="row" { (clean(&one.folder)) } td { (pill(Tone::Doubt, one.reason.word())) } td data-label="Why" { (clean(&one.why)) } } }
    };
    table(
        "left-out",
        "Left out",
        &["Folder", "", "Why"],
        html! { tbody { @for one in &history.left_out { (row(one)) } } },
    )
}

/// A drill's name, which leads to its report when there is one.
fn linked(history: &History, drill: &str) -> Markup {
    let found = history.drills.iter().find(|line| line.drill == drill);
    match found.and_then(|line| line.report.as_ref()) {
        Some(link) => html! { a href=(link) { (clean(drill)) } },
        None => html! { (clean(drill)) },
    }
}

/// `2026-11-22 10:00:00`.
fn moment(at: Moment) -> String {
    at.text().replace('T', " ").chars().take(19).collect()
}

/// `2026-11-22`.
fn day(at: Moment) -> String {
    at.text().chars().take(10).collect()
}
