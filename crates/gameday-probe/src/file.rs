//! Reads `probes/*.toml`: every problem is told, each under its own line.
//!
//! ```text
//! every = "60s"   timeout = "10s"                   (these are the defaults)
//! slo = { success = "99.9%", p95 = "250ms", window = "30d" }
//! [vars]          name = "text", may hold {{uuid}} and {{secret.…}}; then evaluated once a run
//! [secrets]       name = { env = "VARIABLE" }
//! [[step]]        name, one of get|post|put|patch|delete|head = "URL", headers = { … }, json = …,
//!                 expect = ["…"], save = { x = { json = "$.path" | header = "Name", redact = true } },
//!                 slo = "400ms", poll = { until = "…", every = "500ms", within = "4s" }, always = true
//! ```
//!
//! Any string may hold `{{name}}`. Without an assertion on the status, it must be below 400.

mod answer;
mod json;
mod scope;
mod step;
#[cfg(test)]
mod tests;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gameday_core::{ProbeName, Problem, Problems, Ratio, Source, Table};
use toml::Spanned;

use crate::plan::{FileSlo, FlowPlan, StepPlan};
use scope::Scope;
use step::read_step;
use value::{Times, span, unit};

/// The top-level keys; a variable of such a name is a key that slipped below a header.
const KEYS: [&str; 6] = ["every", "timeout", "slo", "vars", "secrets", "step"];

const DEFAULT_EVERY: Duration = Duration::from_secs(60);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// A shorter schedule is a load test, not a probe.
const MIN_EVERY: Duration = Duration::from_millis(10);
const MAX_TIMEOUT: Duration = Duration::from_mins(10);
const MAX_STEPS: usize = 100;

impl FlowPlan {
    /// Reads a flow; `overrides` take the place of the values in its `[vars]`.
    ///
    /// An override's value is final: a `{{` in it is only text. One that the file's `[vars]` lacks has
    /// no effect; compare with [`FlowPlan::var_names`].
    ///
    /// # Errors
    /// Every problem of the file, in the order of its lines.
    pub fn load(source: &Source, overrides: &BTreeMap<String, String>) -> Result<Self, Vec<Problem>> {
        let problems = Problems::new(source);
        let plan = read(&problems, overrides);
        problems.into_result(plan)
    }
}

fn read(problems: &Problems<'_>, overrides: &BTreeMap<String, String>) -> Option<FlowPlan> {
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
    let mut scope = Scope::read(&mut root, overrides);
    let times = read_times(&mut root, &scope);
    let slo = read_slo(&mut root, &scope, &times);
    let steps = read_steps(&mut root, &mut scope, &times);
    root.finish();
    // In a file that was understood only in part, what looks unused may be used in the other part.
    if whole {
        scope.tell_unused();
    }
    Some(FlowPlan {
        name: name?,
        every: times.every,
        timeout: times.timeout,
        slo,
        path,
        var_names: scope.var_names(),
        run_vars: scope.run_vars(),
        secrets: scope.secrets(),
        steps,
    })
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

fn read_slo(root: &mut Table<'_, '_>, scope: &Scope<'_, '_>, times: &Times) -> Option<FileSlo> {
    let mut table = root.table("slo")?;
    let success = unit::<Ratio>(&mut table, "success", scope);
    let p95 = span(&mut table, "p95", scope);
    let window = span(&mut table, "window", scope);
    if success.is_none() && p95.is_none() {
        let message = "`slo` promises nothing: give it `success` or `p95`";
        scope.problems().add(table.span(), message);
    }
    times.refuse_longer(p95.as_ref(), "p95", scope);
    table.finish();
    Some(FileSlo {
        success: success.map(|success| success.into_inner().get()),
        p95: p95.map(Spanned::into_inner),
        window: window.map(Spanned::into_inner),
    })
}

fn read_steps(root: &mut Table<'_, '_>, scope: &mut Scope<'_, '_>, times: &Times) -> Vec<StepPlan> {
    let problems = scope.problems();
    let tables = root.array("step");
    if tables.is_empty() && root.problems().count() == 0 {
        problems.add(0..0, "a flow needs at least one `[[step]]`");
    }
    if let Some(table) = tables.get(MAX_STEPS) {
        problems.add(table.span(), format!("a flow has at most {MAX_STEPS} steps"));
    }
    let (mut names, mut steps) = (BTreeSet::new(), Vec::new());
    let mut first_always: Option<String> = None;
    let count = tables.len();
    for (index, table) in tables.into_iter().enumerate() {
        let place = table.span();
        let Some(step) = read_step(table, index + 1, &mut names, scope, times) else {
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
