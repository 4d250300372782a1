//! `gameday init`: a first scenario for an alert rule that has none.

mod draft;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use gameday_alert::{
    Alertmanager, Asked, ExpectedFault, Prometheus, Rule, RuleGroup, predict, rule_reads, spread, survey,
};
use gameday_core::{FaultName, Source, Timestamp, did_you_mean};
use gameday_drill::{Given, Plan};

use crate::output;
use crate::{command, exit};
use draft::Draft;

/// The fault is taken to last this long, so that every rule that can fire does.
const LONG: Duration = Duration::from_secs(6 * 3600);

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 written; what is left to fill in is told on stderr, and `gameday check` refuses it \
                  until then. 2 your arguments, no answer, or no rule without a scenario"
)]
pub(crate) struct InitArgs {
    /// The Prometheus whose rules are read
    #[arg(long, value_name = "URL")]
    prometheus: String,
    /// The Alertmanager whose routes are read
    #[arg(long, value_name = "URL")]
    alertmanager: Option<String>,
    /// The alert; without it, the first rule that no scenario expects
    #[arg(long, value_name = "NAME")]
    alert: Option<String>,
    /// Scenarios that are there already
    #[arg(long, value_name = "DIR", default_value = "scenarios")]
    scenarios: PathBuf,
    /// Write the scenario into this new file instead of stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn init(args: &InitArgs) -> ExitCode {
    let made = command::runtime().block_on(draft(args)).and_then(|draft| {
        let text = draft.text();
        write(args, &text)?;
        left_to_do(args, &text);
        Ok(())
    });
    match made {
        Ok(()) => exit::OK.into(),
        Err(why) => {
            output::say(&format!("error: {why}"));
            exit::USAGE.into()
        }
    }
}

async fn draft(args: &InitArgs) -> Result<Draft, String> {
    let say = |error: gameday_alert::SourceError| error.to_string();
    let prometheus = Prometheus::new(&args.prometheus).map_err(say)?;
    let groups = prometheus.groups().await.map_err(say)?;
    let rule = chosen(args, &groups)?.clone();
    let alertmanagers = match &args.alertmanager {
        Some(url) => vec![Alertmanager::new(url, Vec::new()).map_err(say)?],
        None => Vec::new(),
    };
    let asked = asked(&rule);
    let peers: Vec<&Alertmanager> = alertmanagers.iter().collect();
    let seen = survey(&prometheus, &peers, std::slice::from_ref(&asked))
        .await
        .map_err(say)?;
    let now = Timestamp::now();
    Ok(Draft {
        prometheus: args.prometheus.clone(),
        alertmanager: args.alertmanager.clone(),
        reads: rule_reads(&groups, &rule.seen.alert),
        prediction: predict(&seen, &asked, now),
        firing: spread(&seen, &asked, now, "T3"),
        notified: spread(&seen, &asked, now, "T5"),
        rule,
    })
}

/// The rule that is asked for, or the first that no scenario expects.
fn chosen<'g>(args: &InitArgs, groups: &'g [RuleGroup]) -> Result<&'g Rule, String> {
    if let Some(name) = &args.alert {
        let mut named = groups.iter().flat_map(|group| group.alerts(name));
        return named.next().ok_or_else(|| {
            let known: BTreeSet<&str> = groups
                .iter()
                .flat_map(RuleGroup::all_alerts)
                .map(|rule| rule.seen.alert.as_str())
                .collect();
            format!("no alert rule is named `{name}`{}", did_you_mean(name, known))
        });
    }
    let expected = expected(&args.scenarios);
    let mut rules = groups.iter().flat_map(RuleGroup::all_alerts);
    rules
        .find(|rule| !expected.contains(&rule.seen.alert))
        .ok_or_else(|| {
            format!(
                "every alert rule is expected by a scenario of {}",
                args.scenarios.display()
            )
        })
}

/// The alerts that scenarios expect; a folder that is not there has none.
fn expected(scenarios: &Path) -> BTreeSet<String> {
    let files = command::toml_files(scenarios).unwrap_or_default();
    let plans = files.iter().filter_map(|file| {
        let source = Source::read(file).ok()?;
        Plan::load(&source, &Given::placeholders(BTreeMap::new())).ok()
    });
    plans
        .flat_map(|plan| plan.expect)
        .map(|expect| expect.alert)
        .collect()
}

/// A fault that makes every request bad, for long: what the rule needs at most.
fn asked(rule: &Rule) -> Asked {
    let fixed = rule.seen.labels.iter().filter(|(_, value)| !value.contains("{{"));
    Asked {
        label: rule.seen.alert.clone(),
        alert: rule.seen.alert.clone(),
        labels: fixed
            .map(|(label, value)| (label.clone(), value.clone()))
            .collect(),
        receiver: None,
        webhook: None,
        limits: [None, None],
        fault: ExpectedFault {
            name: FaultName::new("fault").expect("a name"),
            hold: LONG,
            bad: Some(1.0),
            share: 1.0,
            traffic: Some(1.0),
            lag: Some(Duration::ZERO),
            least_lag: Duration::ZERO,
            stops_traffic: false,
            scrape: None,
        },
    }
}

fn write(args: &InitArgs, text: &str) -> Result<(), String> {
    let Some(out) = &args.out else {
        output::print(text.trim_end());
        return Ok(());
    };
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", out.display());
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = std::fs::File::create_new(out).map_err(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)
}

/// Reads it as `check` does; what that refuses is what is left to fill in.
fn left_to_do(args: &InitArgs, text: &str) {
    let path = args.out.clone().unwrap_or_else(|| PathBuf::from("scenario.toml"));
    let source = Source {
        path,
        text: text.to_owned(),
    };
    let problems = Plan::load(&source, &Given::placeholders(BTreeMap::new()))
        .err()
        .unwrap_or_default();
    if !problems.is_empty() {
        output::say("to fill in before it runs:");
    }
    for problem in problems {
        let place = problem
            .line()
            .map_or_else(String::new, |line| format!("line {line}: "));
        output::say(&format!("  {place}{}", problem.message()));
    }
}
