//! What reached on-call: notifications and how many, alerts that must not come, alerts that nobody expected.

use maud::{Markup, html};

use super::parts::{Tone, alert_pill, label_set, link, pill, prose, section};
use crate::Trial;
use crate::words::{clean, count};

/// Each notification, and how often a person would have been called.
pub(super) fn notifications(trial: &Trial) -> Markup {
    if trial.marks.t0.is_none() {
        return html! {};
    }
    section(
        "Notifications received",
        html! {
            p.note { (prose(&trial.noise.sentence())) }
            @if !trial.notifications.is_empty() {
                table.plain.stack {
                    thead { tr { th { "Arrived" } th { "Receiver" } th { "Status" } th { "Alerts" } } }
                    tbody { @for notice in &trial.notifications { tr {
                        td.t data-label="Arrived" { (notice.arrived.clock()) }
                        td data-label="Receiver" { (clean(&notice.receiver)) }
                        td data-label="Status" { (clean(&notice.status)) }
                        td.wide data-label="Alerts" {
                            (clean(&notice.alerts.join(", ")))
                            @if notice.truncated_alerts > 0 { " and " (count(notice.truncated_alerts, "alert")) " left out" }
                        }
                    } } }
                }
            }
        },
    )
}

/// What must not come: a row for each entry of `[forbid]`.
pub(super) fn forbidden(trial: &Trial) -> Markup {
    if trial.forbid.is_empty() {
        return html! {};
    }
    section(
        "Alerts that must not come",
        html! {
            table.plain.stack {
                thead { tr { th { "Forbidden" } th { "Matchers" } th { "Verdict" } th { "" } } }
                @for forbid in &trial.forbid {
                    tbody {
                        tr {
                            th scope="row" { (clean(&forbid.label)) }
                            td.wide data-label="Matchers" { code { (clean(&forbid.matchers)) } }
                            td data-label="Verdict" { (alert_pill(forbid.verdict)) }
                            td.wide { (prose(&forbid.detail)) }
                        }
                        @for alert in &forbid.alerts { tr.detail { td colspan="4" {
                            (alert.seen_at.clock()) " " (clean(&alert.name)) " at " (clean(&alert.source)) " " (label_set(&alert.labels))
                        } } }
                    }
                }
            }
        },
    )
}

/// Alerts that no expectation is about.
pub(super) fn other_alerts(trial: &Trial) -> Markup {
    if trial.other_alerts.is_empty() {
        return html! {};
    }
    section(
        "Alerts nobody expected",
        html! {
            table.plain.stack {
                thead { tr { th { "First seen" } th { "Alert" } th { "State" } th { "Labels" } } }
                tbody { @for other in &trial.other_alerts { tr {
                    td.t data-label="First seen" { (other.seen_at.clock()) }
                    th scope="row" { (clean(&other.name)) }
                    td data-label="State" { (crate::words::spaced(other.verdict.word())) }
                    td.wide data-label="Labels" { (label_set(&other.labels)) }
                } } }
            }
        },
    )
}

/// The links of the alerts that arrived, each with whether it leads somewhere.
pub(super) fn links(trial: &Trial) -> Markup {
    let all = || {
        let alerts = trial.alerts.iter();
        alerts.flat_map(|alert| alert.links.iter().map(move |link| (alert, link)))
    };
    if all().next().is_none() {
        return html! {};
    }
    section(
        "Links of the alerts",
        html! {
            table.plain.stack {
                thead { tr { th { "Alert" } th { "Annotation" } th { "Link" } th { "" } } }
                tbody { @for (alert, one) in all() { tr {
                    th scope="row" { (clean(&alert.title())) }
                    td data-label="Annotation" { code { (clean(&one.annotation)) } }
                    td.wide data-label="Link" { (link(&one.url, &one.url)) }
                    td.wide data-label="Works" { @match &one.why {
                        None => (pill(Tone::Good, "works")),
                        Some(why) => { (pill(Tone::Bad, "dead")) " " (prose(why)) }
                    } }
                } } }
            }
        },
    )
}
