//! Reads `probes/*.toml`: every problem is told, each under its own line.
//!
//! ```text
//! every = "60s"   timeout = "10s"                   (these are the defaults)
//! slo = { success = "99.9%", p95 = "250ms", window = "30d", runbook = "https://…" }     (30d is the default)
//! [region.NAME]   vars = { … }, slo = { … }: what is otherwise where it looks from there
//! [vars]          name = "text", may hold {{uuid}} and {{secret.…}}; then evaluated once a run
//! [secrets]       name = { env = "VARIABLE" }
//! [[step]]        name, one of get|post|put|patch|delete|head = "URL", headers = { … }, json = …,
//!                 expect = ["…"], save = { x = { json = "$.path" | header = "Name", redact = true } },
//!                 slo = "400ms", poll = { until = "…", every = "500ms", within = "4s" }, always = true
//! ```
//!
//! Instead of `[[step]]`, one table of another kind of probe: `[tcp]` and the other rows of `kind.rs`.
//! Beside either, panels: `[check.NAME]`, `every` 60 s and `timeout` 10 s unless they say otherwise.
//!
//! Any string may hold `{{name}}`. Without an assertion on the status, it must be below 400.

mod answer;
mod auth;
mod body;
mod http;
mod json;
mod region;
mod scope;
mod slo;
mod step;
#[cfg(test)]
mod tests;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gameday_core::{ProbeName, Problem, Problems, RegionName, Source, Table};
use sha2::{Digest, Sha256};
use toml::Spanned;

use crate::kind::{Kind, ROWS};
use crate::plan::{CheckPlan, FlowPlan, ProbePlan, StepPlan};
pub(crate) use answer::MAX_RETRIES;
pub(crate) use auth::read_pairs;
use http::Common;
pub(crate) use http::{address, read_family, read_max_body, read_tls, read_version};
use region::read_regions;
pub(crate) use scope::Scope;
use slo::read_slo;
use step::read_step;
pub(crate) use step::{read_headers, read_url};
pub(crate) use value::{Times, span, unit};

/// The top-level keys; a variable of such a name is a key that slipped below a header.
const KEYS: [&str; 9] = [
    "every", "timeout", "slo", "vars", "secrets", "http", "step", "check", "region",
];

const DEFAULT_EVERY: Duration = Duration::from_secs(60);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// A shorter schedule is a load test, not a probe.
const MIN_EVERY: Duration = Duration::from_millis(10);
const MAX_TIMEOUT: Duration = Duration::from_mins(10);
const MAX_STEPS: usize = 100;

impl ProbePlan {
    /// Reads a probe's file; `overrides` take the place of the values in its `[vars]`.
    ///
    /// An override's value is final: a `{{` in it is only text. One that the file's `[vars]` lacks has
    /// no effect; compare with [`ProbePlan::var_names`].
    ///
    /// # Errors
    /// Every problem of the file, in the order of its lines.
    pub fn load(source: &Source, overrides: &BTreeMap<String, String>) -> Result<Self, Vec<Problem>> {
        let problems = Problems::new(source);
        let plan = read(&problems, overrides, None);
        problems.into_result(plan)
    }

    /// The same, as it is where it looks from a region: `[region.NAME]` may set variables and objectives.
    ///
    /// # Errors
    /// Every problem of the file, in the order of its lines.
    pub fn load_in(
        source: &Source,
        overrides: &BTreeMap<String, String>,
        region: &RegionName,
    ) -> Result<Self, Vec<Problem>> {
        let problems = Problems::new(source);
        let plan = read(&problems, overrides, Some(region));
        problems.into_result(plan)
    }
}

fn read(
    problems: &Problems<'_>,
    overrides: &BTreeMap<String, String>,
    region: Option<&RegionName>,
) -> Option<ProbePlan> {
    let path = problems.source().path.clone();
    let name = ProbeName::new(problems.source().stem())
        .map_err(|bad| problems.push(Problem::of_file(&path, format!("the file's name: {bad}"))))
        .ok();
    let mut root = Table::parse(problems);
    if root.key_span("timeline").is_some() && root.key_span("step").is_none() {
        let problem = Problem::of_file(&problems.source().path, "this is a scenario, not a probe file");
        problems.push(problem.hint("`gameday run` runs it"));
        return None;
    }
    let whole = problems.count() == 0;
    let regions = read_regions(&mut root);
    let mut scope = Scope::read(&mut root, &region::values(&regions, region, overrides));
    let times = read_times(&mut root, &scope);
    let slo = read_slo(&mut root, &scope, &times);
    let slo = region::finish(regions, region, &scope, &times).or(slo);
    let kind = read_kind(&mut root, &mut scope, &times);
    let checks = read_checks(&mut root, problems.source().stem(), &scope);
    root.finish();
    // In a file that was understood only in part, what looks unused may be used in the other part.
    if whole {
        scope.tell_unused();
    }
    Some(ProbePlan {
        name: name?,
        every: times.every,
        timeout: times.timeout + kind.as_ref().map_or(Duration::ZERO, Kind::patience),
        slo,
        definition: definition(&problems.source().text),
        path,
        files: scope.files(),
        var_names: scope.var_names(),
        run_vars: scope.run_vars(),
        secrets: scope.secrets(),
        kind: kind?,
        checks,
    })
}

/// A digest of what a file says, in 32 hexadecimal digits.
fn definition(text: &str) -> Arc<str> {
    let said: toml::Table = text.parse().unwrap_or_default();
    // The keys of a table are in order here.
    let canonical = serde_json::to_vec(&said).unwrap_or_default();
    let digest = Sha256::digest(canonical);
    digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .into()
}

/// The one thing that the file's probe does: its steps, or the table of another kind.
fn read_kind(root: &mut Table<'_, '_>, scope: &mut Scope<'_, '_>, times: &Times) -> Option<Kind> {
    let mut present: Vec<_> = ROWS
        .iter()
        .filter_map(|row| Some((root.key_span(row.key)?, row)))
        .collect();
    present.sort_by_key(|(place, _)| place.start);
    let first = present.first().map(|(_, row)| row.key);
    let Some(first) = first else {
        let common = Common::read(root, scope);
        return Some(Kind::Flow(FlowPlan {
            steps: read_steps(root, scope, times, &common),
            cookies: common.cookies,
            traceparent: common.traceparent,
        }));
    };
    let flow = root.key_span("step").map(|place| (place, "step"));
    let others = present
        .iter()
        .skip(1)
        .map(|(place, row)| (place.clone(), row.key));
    for (place, other) in flow.into_iter().chain(others) {
        let message = format!("`{first}` and `{other}` are both there: a file holds one probe");
        scope.problems().add(place, message);
    }
    let mut kind = None;
    for (_, row) in present.into_iter().rev() {
        kind = root
            .table(row.key)
            .and_then(|table| (row.read)(table, scope, times));
    }
    // Told already, if it is there: it counts as known.
    let _ = root.has("step");
    kind
}

fn read_checks(root: &mut Table<'_, '_>, stem: &str, scope: &Scope<'_, '_>) -> Vec<CheckPlan> {
    let problems = scope.problems();
    let mut checks = Vec::new();
    for (key, mut table) in root.tables("check") {
        let panels = ROWS.iter().filter(|row| row.panel);
        let Some(row) = panels.clone().find(|row| row.key == key.get_ref()) else {
            let message = format!("no panel is named `{}`", key.get_ref());
            let problem = problems.source().problem(key.span(), message);
            problems.push(problem.nearest(key.get_ref(), panels.map(|row| row.key)));
            continue;
        };
        let times = read_times(&mut table, scope);
        let name = ProbeName::new(&format!("{stem}.{}", row.key));
        if let (Some(kind), Ok(name)) = ((row.read)(table, scope, &times), name) {
            checks.push(CheckPlan {
                name,
                every: times.every,
                timeout: times.timeout + kind.patience(),
                kind,
            });
        }
    }
    checks
}

fn read_times(root: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Times {
    let problems = scope.problems();
    let every = span(root, "every", scope);
    let timeout = span(root, "timeout", scope);
    if let Some(every) = every.as_ref().filter(|every| *every.get_ref() < MIN_EVERY) {
        problems.add(every.span(), "`every` is at least 10ms");
    }
    if let Some(timeout) = &timeout {
        if timeout.get_ref().is_zero() {
            problems.add(timeout.span(), "`timeout` must be longer than 0s");
        }
        if *timeout.get_ref() > MAX_TIMEOUT {
            problems.add(timeout.span(), "`timeout` is at most 10m");
        }
    }
    Times {
        every: every.map_or(DEFAULT_EVERY, Spanned::into_inner),
        timeout: timeout.map_or(DEFAULT_TIMEOUT, Spanned::into_inner),
    }
}

fn read_steps(
    root: &mut Table<'_, '_>,
    scope: &mut Scope<'_, '_>,
    times: &Times,
    common: &Common,
) -> Vec<StepPlan> {
    let problems = scope.problems();
    let tables = root.array("step");
    if tables.is_empty() && root.problems().count() == 0 {
        let why = "a flow needs at least one `[[step]]`; a file of one panel alone begins with `[dns]`, `[tls]` or `[cdn]`";
        problems.add(0..0, why);
    }
    if let Some(table) = tables.get(MAX_STEPS) {
        problems.add(table.span(), format!("a flow has at most {MAX_STEPS} steps"));
    }
    let (mut names, mut steps) = (BTreeSet::new(), Vec::new());
    let mut first_always: Option<String> = None;
    let count = tables.len();
    for (index, table) in tables.into_iter().enumerate() {
        let place = table.span();
        let Some(step) = read_step(table, index + 1, &mut names, scope, times, common) else {
            continue;
        };
        match &first_always {
            Some(always) if !step.always => {
                let message = format!(
                    "step `{}` stands after `{always}`, which runs `always`",
                    step.name
                );
                let problem = problems.source().problem(place.clone(), message);
                problems.push(problem.hint("steps that tidy up stand last"));
            }
            None if step.always => first_always = Some(step.name.to_string()),
            _ => {}
        }
        steps.push(step);
        if index + 1 == count && steps.len() == count && steps.iter().all(|step| step.always) {
            problems.add(place, "every step runs `always`: none can say up or down");
        }
    }
    steps
}
