//! `gameday check`: every problem of every file, each under its line.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use gameday_core::{Problem, Problems, Source, Table, nearest};
use gameday_drill::{Given, Plan};
use gameday_probe::ProbePlan;
use serde_json::json;

use crate::cli::CheckArgs;
use crate::output::{self, Output};
use crate::prober::config::{Config, TABLES};
use crate::{command, exit};

pub(crate) fn check(args: &CheckArgs) -> ExitCode {
    let mut problems = Vec::new();
    let mut files = 0;
    for path in &args.paths {
        match command::toml_files(path) {
            Err(list) => problems.extend(list),
            Ok(found) => {
                files += found.len();
                for file in found {
                    problems.extend(check_file(&file).err().unwrap_or_default());
                }
            }
        }
    }
    match args.output {
        Output::Json => output::print_json(&problems.iter().map(as_json).collect::<Vec<_>>()),
        Output::Text if problems.is_empty() => {
            output::print(&format!(
                "{files} file{} checked: no problem",
                if files == 1 { "" } else { "s" }
            ));
        }
        Output::Text => output::tell(&problems),
    }
    if problems.is_empty() {
        exit::OK.into()
    } else {
        exit::USAGE.into()
    }
}

fn as_json(problem: &Problem) -> serde_json::Value {
    json!({
        "file": problem.path().display().to_string(), "line": problem.line(), "column": problem.column(),
        "message": problem.message(), "hint": problem.remedy(),
    })
}

fn check_file(path: &Path) -> Result<(), Vec<Problem>> {
    let source = Source::read(path)?;
    match kind(&source) {
        Some(Kind::Scenario) => Plan::load(&source, &Given::placeholders(BTreeMap::new())).map(drop),
        Some(Kind::Probe) => ProbePlan::load(&source, &BTreeMap::new()).map(drop),
        Some(Kind::Proxy) => gameday_proxy::load_config(&source).map(drop),
        Some(Kind::Blackbox) => gameday_probe::blackbox::Config::load(&source).map(drop),
        Some(Kind::Prober) => Config::check(&source),
        None => Err(unknown_kind(&source)),
    }
}

enum Kind {
    Scenario,
    Probe,
    Proxy,
    Blackbox,
    Prober,
}

/// What a file is, by the keys that only its kind has; a file that cannot be parsed, by its folder.
fn kind(source: &Source) -> Option<Kind> {
    // Only Toxiproxy's configuration is JSON, and only blackbox_exporter's is YAML.
    match source.path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => return Some(Kind::Proxy),
        Some("yml" | "yaml") => return Some(Kind::Blackbox),
        _ => {}
    }
    let problems = Problems::new(source);
    let keys = Table::parse(&problems).keys();
    let is_there = |key: &str| keys.iter().any(|typed| typed.get_ref() == key);
    let is_nearly_there = |key: &str| keys.iter().any(|typed| nearest(typed.get_ref(), [key]).is_some());
    kind_by(is_there)
        .or_else(|| kind_by_folder(source))
        // `[[steps]]` is a probe's with a mistake that is told, and no file of somebody else's.
        .or_else(|| kind_by(is_nearly_there))
}

fn kind_by(has: impl Fn(&str) -> bool) -> Option<Kind> {
    let scenario = ["timeline", "targets", "steady", "expect", "hypothesis"];
    if scenario.into_iter().any(&has) {
        Some(Kind::Scenario)
    } else if gameday_probe::is_probe(&has) {
        Some(Kind::Probe)
    } else if has("proxy") {
        Some(Kind::Proxy)
    } else if TABLES.into_iter().any(&has) {
        Some(Kind::Prober)
    } else {
        None
    }
}

fn kind_by_folder(source: &Source) -> Option<Kind> {
    let folder = source
        .path
        .parent()
        .and_then(|parent| parent.file_name())
        .and_then(|name| name.to_str());
    match folder {
        Some("scenarios") => Some(Kind::Scenario),
        Some("probes") => Some(Kind::Probe),
        _ => None,
    }
}

fn unknown_kind(source: &Source) -> Vec<Problem> {
    let problems = Problems::new(source);
    let _ = Table::parse(&problems);
    if problems.count() > 0 {
        return problems.into_result::<()>(None).err().unwrap_or_default();
    }
    let problem = Problem::of_file(
        &source.path,
        "this is no file of gameday: no scenario, probe, proxy or prober file",
    );
    vec![problem.hint("a scenario has [timeline], a probe has [[step]], a proxy file has [proxy.NAME], prober.toml has [peers]")]
}
