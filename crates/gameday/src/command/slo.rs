//! `gameday slo`: what the probes promise, how soon breaking it pages, and what is left of the budgets.

mod explain;
mod live;

use std::collections::BTreeMap;
use std::process::ExitCode;

use gameday_core::{Problem, Source};
use gameday_probe::ProbePlan;

use crate::cli::SloArgs;
use crate::output::{self, Output};
use crate::slo::promises;
use crate::{command, exit};
use explain::{as_json, as_text};

pub(crate) fn slo(args: &SloArgs) -> ExitCode {
    if let Some(prober) = &args.prober {
        return show_live(prober, args);
    }
    match load(args) {
        Ok(plans) => {
            explain(args, &plans);
            exit::OK.into()
        }
        Err(problems) => {
            output::tell(&problems);
            exit::USAGE.into()
        }
    }
}

fn show_live(prober: &str, args: &SloArgs) -> ExitCode {
    match command::runtime().block_on(live::ask(prober, args)) {
        Ok(answer) => {
            match args.output {
                Output::Json => output::print_json(&answer),
                Output::Text => output::print(answer.as_text().trim_end()),
            }
            if answer.fires() {
                exit::FAILED.into()
            } else {
                exit::OK.into()
            }
        }
        Err(why) => {
            output::say(&format!("error: {why}"));
            exit::USAGE.into()
        }
    }
}

/// Every file, as each region reads it.
fn load(args: &SloArgs) -> Result<Vec<Vec<ProbePlan>>, Vec<Problem>> {
    let (mut plans, mut problems) = (Vec::new(), Vec::new());
    for path in &args.paths {
        for file in command::toml_files(path)? {
            let source = Source::read(&file)?;
            let in_region = |region| ProbePlan::load_in(&source, &BTreeMap::new(), region);
            match args.regions.iter().map(in_region).collect() {
                Ok(read) => plans.push(read),
                Err(list) => problems.extend(list),
            }
        }
    }
    if problems.is_empty() {
        Ok(plans)
    } else {
        Err(problems)
    }
}

fn explain(args: &SloArgs, files: &[Vec<ProbePlan>]) {
    let mut documents = Vec::new();
    for plans in files {
        let looking = args.regions.iter().zip(plans);
        let promised = promises(
            looking.filter_map(|(region, plan)| Some((&plan.name, region, plan.every, plan.slo.as_ref()?))),
        );
        match args.output {
            Output::Json => documents.extend(promised.iter().map(|(id, promise)| as_json(id, promise))),
            Output::Text if promised.is_empty() => {
                let name = plans.first().map(|plan| plan.name.as_str()).unwrap_or_default();
                output::print(&format!("{name} has no `slo`\n"));
            }
            Output::Text => promised
                .iter()
                .for_each(|(id, promise)| output::print(&as_text(id, promise))),
        }
    }
    if args.output == Output::Json {
        output::print_json(&documents);
    }
}
