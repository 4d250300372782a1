//! `runbook-patch.md`: what the runbook should say after this drill, to be pasted and weighed by a person.

use std::fmt::Write;

use crate::markdown::{code, prose, text};
use crate::words::{clean, exact, limit};
use crate::{AlertReport, Measurement, Trial};

/// Renders `runbook-patch.md`.
#[must_use]
pub fn render_runbook_patch(measurement: &Measurement) -> String {
    let mut out = String::new();
    line(
        &mut out,
        &format!("# Runbook update after {}", text(&measurement.plan.title)),
    );
    line(&mut out, "");
    match &measurement.plan.runbook {
        Some(url) => line(
            &mut out,
            &format!(
                "The scenario names this runbook: {}. The drill did not read it; the lines below are what it should say.",
                address(url)
            ),
        ),
        None => line(
            &mut out,
            "The scenario names no runbook. The lines below are what one should say.",
        ),
    }
    line(&mut out, "Paste what is right, strike what is not.");
    let Some(trial) = measurement
        .trials
        .iter()
        .rev()
        .find(|trial| trial.marks.t0.is_some())
    else {
        line(
            &mut out,
            "\nNothing was touched in this drill, so there is nothing to add.",
        );
        return out;
    };
    line(&mut out, "\n```diff");
    for alert in &trial.alerts {
        section(&mut out, measurement, trial, alert);
    }
    if trial.alerts.is_empty() {
        drilled(&mut out, measurement, trial);
    }
    general(&mut out, trial);
    line(&mut out, "```");
    links(&mut out, measurement, trial);
    actions(&mut out, trial);
    out
}

fn section(out: &mut String, measurement: &Measurement, trial: &Trial, alert: &AlertReport) {
    plain(out, &format!(" ## {}", alert.name));
    drilled(out, measurement, trial);
    plain(
        out,
        &format!(
            "+Verdict: {} ({}).",
            alert.verdict.word().replace('_', " "),
            alert.detail
        ),
    );
    for (what, ms, most) in [
        ("It fires", alert.ttd_ms, alert.limits_ms.firing),
        ("It reaches its receiver", alert.ttn_ms, alert.limits_ms.notified),
    ] {
        let Some(ms) = ms else { continue };
        let most = most.map_or_else(String::new, |most| {
            format!(" (at most {} is asked for)", limit(most))
        });
        plain(
            out,
            &format!("+{what} {} after the trouble begins{most}.", exact(ms)),
        );
    }
    if let Some(receiver) = &alert.receiver {
        plain(out, &format!("+It goes to: {receiver}."));
    }
    if let Some(ms) = alert.resolved_ms {
        plain(
            out,
            &format!("+It is resolved {} after the cause is gone.", exact(ms)),
        );
    }
    if !alert.annotations.keys().any(|key| key.contains("runbook")) && alert.ttn_ms.is_some() {
        plain(
            out,
            "-(the notification carries no runbook link: add `runbook_url` to the rule's annotations)",
        );
    }
}

fn drilled(out: &mut String, measurement: &Measurement, trial: &Trial) {
    let day: String = trial.started_at.text().chars().take(10).collect();
    plain(
        out,
        &format!(
            "+Last drilled: {day}, {}, {}.",
            measurement.drill,
            measurement.verdict.word().replace('_', " ")
        ),
    );
}

/// What was done, seen, and how it was over.
fn general(out: &mut String, trial: &Trial) {
    plain(out, " ## What it looks like");
    for brief in trial
        .briefing
        .iter()
        .filter(|line| ["symptom", "scope", "mitigation"].contains(&line.key))
    {
        plain(out, &format!("+{}: {}", brief.key, brief.text));
    }
    for said in trial.people.iter().filter(|line| !line.text.is_empty()) {
        plain(out, &format!("+{} of {}: {}", said.what, said.who, said.text));
    }
}

/// Where the alert that arrived points to, and whether that was there.
fn links(out: &mut String, measurement: &Measurement, trial: &Trial) {
    line(out, "\n## Links\n");
    if let Some(url) = &measurement.plan.runbook {
        line(out, &format!("- [ ] runbook of the scenario: {}", address(url)));
    }
    let mut carried = false;
    for alert in &trial.alerts {
        // The link may have been redacted, its annotation was not.
        let asked = |key: &str| alert.links.iter().find(|link| link.annotation == key);
        let web = |url: &str| url.starts_with("https://") || url.starts_with("http://");
        for (key, url) in alert.annotations.iter().filter(|(_, url)| web(url)) {
            carried = true;
            let found = match asked(key).map(|link| &link.why) {
                Some(None) => "works".to_owned(),
                Some(Some(why)) => format!("**dead**: {}", prose(why)),
                None => "not looked at".to_owned(),
            };
            line(
                out,
                &format!(
                    "- [ ] `{}` of {}: {}, {found}",
                    code(key),
                    text(&alert.name),
                    address(url)
                ),
            );
        }
    }
    if !carried {
        line(out, "- the alert that arrived carried no link");
    }
}

fn actions(out: &mut String, trial: &Trial) {
    if trial.findings.is_empty() {
        return;
    }
    line(out, "\n## Before it is closed\n");
    for finding in &trial.findings {
        line(
            out,
            &format!("- [ ] {}. {}", prose(&finding.text), prose(&finding.action)),
        );
    }
}

/// A line of the patch: text of others must not end the block that it stands in.
fn plain(out: &mut String, text: &str) {
    line(out, &clean(text).replace("```", "'''"));
}

/// A link only where a link can do no harm; otherwise text.
fn address(url: &str) -> String {
    let url = clean(url);
    if url.starts_with("https://") || url.starts_with("http://") {
        format!(
            "<{}>",
            url.replace('<', "%3C").replace('>', "%3E").replace(' ', "%20")
        )
    } else {
        text(&url)
    }
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("a String takes every write");
}
