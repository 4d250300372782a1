//! Reads a scenario file into a [`Plan`], telling every problem in it.
//!
//! One file here for each table of the scenario; this one reads the top level and the variables.

mod expect;
mod fault;
mod forbid;
mod guard;
mod hooks;
mod journal;
mod observe;
mod order;
mod probes;
mod recorder;
mod regions;
mod steady;
mod targets;
mod timeline;
mod trials;

use std::collections::BTreeMap;
use std::time::Duration;

use gameday_core::{Problem, Problems, Source, Span, Table, Vars, references, substitute};
use serde::Deserialize;

use crate::plan::Plan;

/// What a scenario is read with, beside its own text.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Variables that the user set (`--set k=v`).
    pub set: BTreeMap<String, String>,
    /// `lab.…` variables; [`Given::placeholders`] when no lab runs.
    pub lab: BTreeMap<String, String>,
}

/// The names that a lab exports.
pub const LAB_VARIABLES: [&str; 8] = [
    "api",
    "proxy_api",
    "prometheus",
    "alertmanager",
    "webhook",
    "named_api",
    "resolver",
    "dir",
];

impl Given {
    /// For `check` and `--plan`: the lab's addresses are not known, but their form is.
    #[must_use]
    pub fn placeholders(set: BTreeMap<String, String>) -> Self {
        let lab = LAB_VARIABLES
            .iter()
            .map(|name| {
                let value = match *name {
                    "dir" => "/lab".to_owned(),
                    "resolver" => "127.0.0.1:53".to_owned(),
                    name => format!("http://{name}.lab"),
                };
                ((*name).to_owned(), value)
            })
            .collect();
        Self { set, lab }
    }
}

/// The practice systems that exist.
const LABS: [&str; 1] = ["payments"];
/// The most requests a second that a lab's users can be asked to make.
const MOST_RPS: u32 = 20_000;

const TOP_LEVEL: [&str; 19] = [
    "title",
    "hypothesis",
    "runbook",
    "lab",
    "load",
    "seed",
    "trials",
    "vars",
    "targets",
    "regions",
    "probes",
    "observe",
    "steady",
    "timeline",
    "expect",
    "forbid",
    "guard",
    "journal",
    "recover",
];

impl Plan {
    /// Reads a scenario and the probe files it names.
    ///
    /// # Errors
    /// Every problem of the scenario and of its probe files.
    pub fn load(source: &Source, given: &Given) -> Result<Self, Vec<Problem>> {
        let problems = Problems::new(source);
        let plan = read(source, given, &problems);
        problems.into_result(plan)
    }
}

fn read(source: &Source, given: &Given, problems: &Problems<'_>) -> Option<Plan> {
    let mut root = Table::parse(problems);
    if root.key_span("step").is_some() && root.key_span("timeline").is_none() {
        let problem = Problem::of_file(&source.path, "this is a probe file, not a scenario");
        problems.push(problem.hint("`gameday probe` runs it; a scenario names it in [probes]"));
        return None;
    }
    let vars = read_vars(&mut root, given, problems);
    substitute(root.entries_mut(), &vars.all, problems);
    vars.tell_unused(problems);

    let title = root.need("title");
    let hypothesis = root.get("hypothesis");
    let runbook = root.get("runbook");
    let seed = root.get("seed");
    let trials = trials::read(&mut root);
    let lab = read_lab(&mut root, &vars.all, problems);
    let rps = read_load(&mut root, lab.is_some());
    let targets = targets::read(&mut root);
    let regions = regions::read(&mut root);
    let probes = probes::read(&mut root, source, &regions);
    regions.tell_unused(&probes, problems);
    let observe = observe::read(&mut root, &source.path);
    let steady = steady::read(&mut root, &probes, observe.prometheus.is_some());
    let (mut timeline, waits) = timeline::read(&mut root, &targets, &probes, observe.prometheus.is_some());
    let expect = expect::read(&mut root, &timeline, &observe);
    order::check(problems, &mut timeline, &waits, &expect, &observe);
    let forbid = forbid::read(&mut root, &observe);
    let end = root.key_span("guard").unwrap_or_default();
    let guard = guard::read(&mut root, &probes);
    if let Some(guard) = &guard {
        timeline::bound(&mut timeline, guard.max_duration);
    }
    let journal = journal::read(&mut root);
    let recover_within = read_recover(&mut root, steady.is_empty());
    root.finish();

    let plan = Plan {
        scenario: source.stem().to_owned(),
        title: title?,
        hypothesis,
        runbook,
        lab,
        rps,
        seed,
        trials: trials.count,
        gate_within: trials.gate_within,
        point: None,
        vars: vars.own,
        targets: targets.good,
        regions: regions.good,
        probes: probes.good,
        observe,
        steady,
        timeline,
        expect,
        forbid,
        guard: guard?,
        journal,
        recover_within,
    };
    check_whole(&plan, end, problems);
    Some(plan)
}

struct ReadVars {
    /// The scenario's own, as used.
    own: BTreeMap<String, String>,
    all: Vars,
    places: Vec<(String, std::ops::Range<usize>)>,
}

impl ReadVars {
    fn tell_unused(&self, problems: &Problems<'_>) {
        for (name, place) in &self.places {
            if !self.all.is_used(name) {
                let problem = problems
                    .source()
                    .problem(place.clone(), format!("the variable `{name}` is never used"));
                problems.push(problem.hint(format!("write `{{{{{name}}}}}` where it belongs, or delete it")));
            }
        }
    }
}

fn read_vars(root: &mut Table<'_, '_>, given: &Given, problems: &Problems<'_>) -> ReadVars {
    let mut all = Vars::default();
    for (name, value) in &given.lab {
        all.set(format!("lab.{name}"), value.clone());
    }
    // The drill's own name is known when it begins: `http_hook` puts it in then.
    all.at_run_time("drill.");
    let mut own = BTreeMap::new();
    let mut places = Vec::new();
    for (name, value) in root
        .table("vars")
        .map(|mut table| table.take_values::<String>())
        .unwrap_or_default()
    {
        let key = name.get_ref().clone();
        if TOP_LEVEL.contains(&key.as_str()) {
            let message = format!("the variable `{key}` has the name of a top-level key");
            problems.push(
                problems
                    .source()
                    .problem(name.span(), message)
                    .hint("call it something else"),
            );
        }
        if references(value.get_ref()).next().is_some() {
            problems.add(value.span(), "a variable's value cannot refer to other variables");
        }
        let value = given
            .set
            .get(&key)
            .cloned()
            .unwrap_or_else(|| value.get_ref().clone());
        all.set(key.clone(), value.clone());
        own.insert(key.clone(), value);
        places.push((key, name.span()));
    }
    for name in given.set.keys().filter(|name| !own.contains_key(*name)) {
        let problem = Problem::of_file(
            &problems.source().path,
            format!("`--set {name}=…`: no variable has this name"),
        );
        problems.push(problem.nearest(name, own.keys().map(String::as_str)));
    }
    ReadVars { own, all, places }
}

fn read_lab(root: &mut Table<'_, '_>, vars: &Vars, problems: &Problems<'_>) -> Option<String> {
    let Some(lab) = root.spanned::<String>("lab") else {
        if let Some(name) = vars
            .values
            .keys()
            .find(|name| name.starts_with("lab.") && vars.is_used(name))
        {
            let problem = problems
                .source()
                .problem(0..0, format!("`{{{{{name}}}}}` needs a lab"));
            problems.push(problem.hint("add `lab = \"payments\"`, or write the address of your own system"));
        }
        return None;
    };
    if !LABS.contains(&lab.get_ref().as_str()) {
        let problem = problems
            .source()
            .problem(lab.span(), format!("no lab is named `{}`", lab.get_ref()));
        problems.push(problem.nearest(lab.get_ref(), LABS));
    }
    Some(lab.into_inner())
}

/// A number, or a variable that holds one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Number(u32),
    Text(String),
}

impl Count {
    fn number(&self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

/// `load = { rps = 2000 }`: how many requests a second the lab's users make.
fn read_load(root: &mut Table<'_, '_>, has_lab: bool) -> Option<u32> {
    let mut table = root.table("load")?;
    let (problems, whole) = (table.problems(), table.span());
    let rps = table.need_spanned::<Count>("rps");
    table.finish();
    if !has_lab {
        let problem = problems
            .source()
            .problem(whole, "`load` is for a scenario with a lab");
        problems.push(problem.hint("your own system has users of its own"));
    }
    let rps = rps?;
    let number = rps.get_ref().number();
    let good = number.filter(|number| (1..=MOST_RPS).contains(number));
    if good.is_none() {
        problems.add(
            rps.span(),
            format!("`rps` is a whole number from 1 to {MOST_RPS}"),
        );
    }
    good
}

fn read_recover(root: &mut Table<'_, '_>, no_steady: bool) -> Option<Duration> {
    let mut table = root.table("recover")?;
    let within = table.need::<Span>("within").map(Span::get);
    if no_steady {
        table.problems().add(
            table.span(),
            "[recover] needs a [steady] state that can come back",
        );
    }
    table.finish();
    within
}

fn check_whole(plan: &Plan, place: std::ops::Range<usize>, problems: &Problems<'_>) {
    let steady_and_timeline = plan.longest_window() + plan.timeline_length();
    let waits = plan
        .expect
        .iter()
        .filter_map(|expect| expect.resolved)
        .chain(plan.recover_within);
    let needed = steady_and_timeline + waits.max().unwrap_or_default();
    if plan.guard.max_duration <= needed && problems.count() == 0 {
        let message = format!(
            "the drill may need longer than its max_duration of {}: steady state, timeline and recovery take up to {}",
            Span::from_value(plan.guard.max_duration),
            Span::from_value(needed),
        );
        problems.push(
            problems
                .source()
                .problem(place, message)
                .hint("raise [guard] max_duration"),
        );
    }
}

#[cfg(test)]
mod tests;
