//! Reads `slo = { … }`: what a probe's file promises.

use std::time::Duration;

use gameday_core::{Ratio, Table};
use toml::Spanned;

use super::scope::Scope;
use super::value::{Times, span, unit};
use crate::net::Url;
use crate::plan::FileSlo;

const DEFAULT_WINDOW: Duration = Duration::from_hours(30 * 24);
/// Of a shorter one, the shortest window that alerts would be less than half a second.
const MIN_WINDOW: Duration = Duration::from_hours(1);

pub(super) fn read_slo(root: &mut Table<'_, '_>, scope: &Scope<'_, '_>, times: &Times) -> Option<FileSlo> {
    let problems = scope.problems();
    let mut table = root.table("slo")?;
    let success = unit::<Ratio>(&mut table, "success", scope);
    let p95 = span(&mut table, "p95", scope);
    let window = span(&mut table, "window", scope);
    let runbook = read_runbook(&mut table, scope);
    if success.is_none() && p95.is_none() {
        problems.add(table.span(), "`slo` promises nothing: give it `success` or `p95`");
    }
    if let Some(whole) = success.as_ref().filter(|success| success.get_ref().get() >= 1.0) {
        let problem = problems.source().problem(
            whole.span(),
            "an objective of 100% has no budget for a single failure",
        );
        problems.push(problem.hint("promise less, such as \"99.99%\""));
    }
    if let Some(window) = window.as_ref().filter(|window| *window.get_ref() < MIN_WINDOW) {
        problems.add(window.span(), "an objective is over at least 1h");
    }
    times.refuse_longer(p95.as_ref(), "p95", scope);
    table.finish();
    Some(FileSlo {
        success: success.map(|success| success.into_inner().get()),
        p95: p95.map(Spanned::into_inner),
        window: window.map_or(DEFAULT_WINDOW, Spanned::into_inner),
        runbook,
        region: None,
    })
}

/// It goes into notifications, so it is an address that a person can open.
fn read_runbook(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Option<String> {
    let typed: Spanned<String> = table.spanned("runbook")?;
    let address = scope.now(&typed)?;
    if let Err(why) = Url::parse(&address) {
        scope.problems().add(typed.span(), why);
        return None;
    }
    Some(address)
}
