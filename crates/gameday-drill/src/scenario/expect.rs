//! `[expect]`: alerts that must come, and how soon.

use std::collections::BTreeMap;

use gameday_core::{Span, Table};
use toml::Spanned;

use crate::plan::{Entry, Expectation, Observe};

pub(super) fn read(root: &mut Table<'_, '_>, timeline: &[Entry], observe: &Observe) -> Vec<Expectation> {
    let problems = root.problems();
    let mut expectations = Vec::new();
    for (label, table) in root.tables("expect") {
        if observe.prometheus.is_none() && observe.alertmanager.is_none() && observe.webhook.is_none() {
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
    let mut limit = |key: &'static str| table.get::<Span>(key).map(Span::get);
    let (firing, notified, resolved) = (limit("firing"), limit("notified"), limit("resolved"));
    let labels: BTreeMap<String, String> = table.get("labels").unwrap_or_default();
    let receiver: Option<Spanned<String>> = table.spanned("receiver");
    table.finish();

    if firing.is_none() && notified.is_none() && resolved.is_none() {
        let problem = problems
            .source()
            .problem(place.clone(), "an expectation needs a limit");
        problems.push(problem.hint("`firing`, `notified` or `resolved`, e.g. `notified = \"30s\"`"));
    }
    if let (Some(firing), Some(notified)) = (firing, notified)
        && notified < firing
    {
        problems.add(
            place,
            "`notified` is sooner than `firing`: an alert fires before anybody is told",
        );
    }
    if let Some(receiver) = receiver
        .as_ref()
        .filter(|_| observe.webhook.is_none() && observe.alertmanager.is_none())
    {
        problems.add(
            receiver.span(),
            "a `receiver` is only known with `alertmanager` or `webhook` in [observe]",
        );
    }
    let of = match of {
        None => timeline.first().map(|entry| entry.name.clone()),
        Some(of) => {
            let found = timeline.iter().find(|entry| entry.name.as_str() == of.get_ref());
            if found.is_none() {
                let problem = problems
                    .source()
                    .problem(of.span(), format!("no fault is named `{}`", of.get_ref()));
                problems
                    .push(problem.nearest(of.get_ref(), timeline.iter().map(|entry| entry.name.as_str())));
            }
            found.map(|entry| entry.name.clone())
        }
    };
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
    })
}
