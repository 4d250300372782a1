//! `[expect]`: alerts that must come, and how soon.

use std::collections::BTreeMap;

use gameday_core::{FaultName, Problems, Ratio, Span, Table};
use serde::Deserialize;
use toml::Spanned;

use super::observe;
use crate::plan::{During, Entry, Expectation, Observe, Required, RuleOf};

pub(super) fn read(root: &mut Table<'_, '_>, timeline: &[Entry], observe: &Observe) -> Vec<Expectation> {
    let problems = root.problems();
    let mut expectations = Vec::new();
    for (label, table) in root.tables("expect") {
        if !observe.tells_of_alerts() {
            problems.add(label.span(), "an expected alert needs a source in [observe]");
        }
        expectations.extend(read_one(label.into_inner(), table, timeline, observe));
    }
    expectations
}

fn read_one(
    label: String,
    mut table: Table<'_, '_>,
    timeline: &[Entry],
    observe: &Observe,
) -> Option<Expectation> {
    let problems = table.problems();
    let alert = table.get("alert").unwrap_or_else(|| label.clone());
    let of: Option<Spanned<String>> = table.spanned("of");
    let job = table.get("job");
    let place = table.span();
    let firing: Option<Spanned<Span>> = table.spanned("firing");
    let notified: Option<Spanned<Span>> = table.spanned("notified");
    let resolved: Option<Spanned<Span>> = table.spanned("resolved");
    let labels: BTreeMap<String, String> = table.get("labels").unwrap_or_default();
    let receiver: Option<Spanned<String>> = table.spanned("receiver");
    let source = read_source(&mut table, observe);
    let never: Option<Spanned<bool>> = table.spanned("never");
    let required = read_required(&mut table, &observe.required);
    let detected: Option<KOfN> = table.get("detected");
    let during = read_during(&mut table);
    table.finish();

    let never = never.filter(|never| *never.get_ref()).map(|never| never.span());
    if let (Some(_), Some(resolved)) = (&never, &resolved) {
        problems.add(
            resolved.span(),
            "an alert that must never come has nothing to resolve",
        );
    }
    if never.is_none() && firing.is_none() && notified.is_none() && resolved.is_none() {
        let problem = problems.source().problem(place, "an expectation needs a limit");
        problems.push(
            problem.hint("`firing`, `notified` or `resolved`, e.g. `notified = \"30s\"`; or `never = true`"),
        );
    }
    if let (Some(firing), Some(notified)) = (&firing, &notified)
        && notified.get_ref().get() < firing.get_ref().get()
    {
        problems.add(
            notified.span(),
            "`notified` is sooner than `firing`: an alert fires before anybody is told",
        );
    }
    let only_told = [
        ("notified", notified.as_ref().map(Spanned::span)),
        ("resolved", resolved.as_ref().map(Spanned::span)),
        ("receiver", receiver.as_ref().map(Spanned::span)),
    ];
    let nobody_tells = !observe.hears_notices() && observe.alertmanager.is_empty();
    for (key, place) in only_told.into_iter().filter(|_| nobody_tells) {
        if let Some(place) = place {
            let message = format!(
                "`{key}` can only be known with `webhook` in [observe], or as an interval with `alertmanager`"
            );
            problems.push(
                problems
                    .source()
                    .problem(place, message)
                    .hint("without it, `firing` can be expected"),
            );
        }
    }
    let of = read_of(of, timeline, problems);
    let span = |limit: Option<Spanned<Span>>| limit.map(|limit| limit.get_ref().get());
    let (firing, notified, resolved) = (span(firing), span(notified), span(resolved));
    let receiver = receiver.map(Spanned::into_inner);
    Some(Expectation {
        label,
        alert,
        of: of?,
        job,
        firing,
        notified,
        resolved,
        labels,
        receiver,
        source,
        never: never.is_some(),
        required,
        during,
        detected: detected.map(|share| share.0),
    })
}

/// `source = "webhook"`: who knows its rule; without it Prometheus, or Grafana if that alone is observed.
fn read_source(table: &mut Table<'_, '_>, observe: &Observe) -> RuleOf {
    let Some(source) = table.spanned::<RuleOf>("source") else {
        return match (&observe.prometheus, &observe.grafana) {
            (None, Some(_)) => RuleOf::Grafana,
            _ => RuleOf::Prometheus,
        };
    };
    let there = match source.get_ref() {
        RuleOf::Prometheus => observe.prometheus.is_some(),
        RuleOf::Grafana => observe.grafana.is_some(),
        RuleOf::Webhook => observe.webhook.is_some(),
    };
    if !there {
        let word = source.get_ref().word();
        table
            .problems()
            .add(source.span(), format!("there is no `{word}` in [observe]"));
    }
    source.into_inner()
}

/// What it must carry: as `[observe]` says of all, and as it says itself.
fn read_required(table: &mut Table<'_, '_>, of_all: &Required) -> Required {
    let own = observe::read_required(table);
    let both = |of_all: &[String], own: Vec<String>| {
        let more = own.into_iter().filter(|name| !of_all.contains(name));
        of_all.iter().cloned().chain(more).collect()
    };
    Required {
        labels: both(&of_all.labels, own.labels),
        annotations: both(&of_all.annotations, own.annotations),
    }
}

/// `4 of 5`: in so many trials of so many an alert must come in time.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct KOfN([u32; 2]);

impl TryFrom<String> for KOfN {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let numbers = match words.as_slice() {
            [k, "of", n] => k.parse::<u32>().ok().zip(n.parse::<u32>().ok()),
            _ => None,
        };
        match numbers {
            Some((k, n)) if 1 <= k && k <= n => Ok(Self([k, n])),
            _ => Err(format!(
                "`{text}` is no share of the trials: write `4 of 5` for at least four of five"
            )),
        }
    }
}

/// `during = { bad = "10%", traffic = "50%", lag = "600ms" }`: what the prediction goes by.
fn read_during(table: &mut Table<'_, '_>) -> During {
    let Some(mut during) = table.table("during") else {
        return During::default();
    };
    let bad: Option<Ratio> = during.get("bad");
    let traffic: Option<Percent> = during.get("traffic");
    let lag: Option<Span> = during.get("lag");
    during.finish();
    During {
        bad: bad.map(Ratio::get),
        traffic: traffic.map(|traffic| traffic.0),
        lag: lag.map(Span::get),
    }
}

/// A share that may be more than the whole: a fault can make clients ask again.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Percent(f64);

impl TryFrom<String> for Percent {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = text
            .strip_suffix('%')
            .and_then(|number| number.trim().parse::<f64>().ok());
        match number {
            Some(number) if (0.0..=10_000.0).contains(&number) => Ok(Self(number / 100.0)),
            _ => Err(format!(
                "`{text}` is no share: write `50%`, or `150%` for more than before"
            )),
        }
    }
}

/// The fault that is meant; the first one when none is named.
fn read_of(of: Option<Spanned<String>>, timeline: &[Entry], problems: &Problems<'_>) -> Option<FaultName> {
    let Some(of) = of else {
        return timeline.first().map(|entry| entry.name.clone());
    };
    let found = timeline.iter().find(|entry| entry.name.as_str() == of.get_ref());
    if found.is_none() {
        let problem = problems
            .source()
            .problem(of.span(), format!("no fault is named `{}`", of.get_ref()));
        problems.push(problem.nearest(of.get_ref(), timeline.iter().map(|entry| entry.name.as_str())));
    }
    found.map(|entry| entry.name.clone())
}
