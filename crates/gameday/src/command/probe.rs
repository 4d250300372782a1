//! `gameday probe`: looks at services from the regions it is told, once or on a schedule.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use gameday_core::{Outcome, Problem, RegionName, Source};
use gameday_probe::{Built, Connector, Environment, Exhibit, Observation, ProbePlan, Scheduled, Tick};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::cli::ProbeArgs;
use crate::output::{self, Output};
use crate::{command, exit};

pub(crate) fn probe(args: &ProbeArgs) -> ExitCode {
    let probes = match load(args) {
        Ok(probes) => probes,
        Err(problems) => {
            output::tell(&problems);
            return exit::USAGE.into();
        }
    };
    command::runtime().block_on(async {
        if args.once {
            once(args, probes).await
        } else {
            forever(args, probes).await
        }
    })
}

fn load(args: &ProbeArgs) -> Result<Vec<Scheduled>, Vec<Problem>> {
    let environment: Environment = std::env::vars().collect();
    let connector = Connector::default();
    let (mut scheduled, mut problems) = (Vec::new(), Vec::new());
    for (index, region) in args.regions.iter().enumerate() {
        if args.regions[..index].contains(region) {
            let message = format!("the region `{region}` is named twice");
            problems.push(Problem::of_file(Path::new("--region"), message));
        }
    }
    for path in &args.paths {
        for file in command::toml_files(path)? {
            match load_file(&file, &args.regions, &environment, &connector) {
                Err(list) => problems.extend(list),
                Ok(probes) => scheduled.extend(probes),
            }
        }
    }
    if problems.is_empty() {
        Ok(scheduled)
    } else {
        Err(problems)
    }
}

/// A file's probe, as each region looks.
fn load_file(
    file: &Path,
    regions: &[RegionName],
    environment: &Environment,
    connector: &Connector,
) -> Result<Vec<Scheduled>, Vec<Problem>> {
    let source = Source::read(file)?;
    let mut scheduled = Vec::new();
    for region in regions {
        let plan = ProbePlan::load_in(&source, &BTreeMap::new(), region)?;
        let built = gameday_probe::build(&plan, environment, connector)
            .map_err(|error| vec![Problem::of_file(file, error.to_string())])?;
        scheduled.extend(in_region(&plan, &built, region));
    }
    Ok(scheduled)
}

/// A probe and its panels, as one region looks.
fn in_region(plan: &ProbePlan, built: &Built, region: &RegionName) -> Vec<Scheduled> {
    let probe = Scheduled {
        probe: plan.name.clone(),
        region: region.clone(),
        every: plan.every,
        timeout: plan.timeout,
        run: built.probe.clone(),
    };
    let checks = built.checks.iter().map(|check| Scheduled {
        probe: check.name.clone(),
        region: region.clone(),
        every: check.every,
        timeout: check.timeout,
        run: check.probe.clone(),
    });
    std::iter::once(probe).chain(checks).collect()
}

async fn once(args: &ProbeArgs, probes: Vec<Scheduled>) -> ExitCode {
    let mut running = JoinSet::new();
    for (index, probe) in probes.into_iter().enumerate() {
        running.spawn(async move {
            let observation = probe.run.run(std::time::Instant::now() + probe.timeout).await;
            (index, probe.probe, probe.region, observation)
        });
    }
    let mut results = running.join_all().await;
    results.sort_by_key(|(index, ..)| *index);
    let mut all_up = true;
    for (_, probe, region, observation) in results {
        all_up &= matches!(observation.outcome, Outcome::Up { .. });
        show(args.output, probe.as_str(), &region, &observation);
    }
    if all_up {
        exit::OK.into()
    } else {
        exit::FAILED.into()
    }
}

async fn forever(args: &ProbeArgs, probes: Vec<Scheduled>) -> ExitCode {
    let mut tasks = JoinSet::new();
    let Ok(mut stops) = command::stop_signals(&mut tasks) else {
        return exit::FAILED.into();
    };
    let (out, mut ticks) = mpsc::channel(1024);
    tasks.spawn(gameday_probe::schedule(probes, out));
    loop {
        let tick = tokio::select! {
            tick = ticks.recv() => tick,
            _ = stops.recv() => None,
        };
        match tick {
            None => return exit::OK.into(),
            Some(Tick::Done {
                probe,
                region,
                observation,
                ..
            }) => {
                show(args.output, probe.as_str(), &region, &observation);
            }
            Some(Tick::Missed { probe, region, count }) => {
                missed(args.output, probe.as_str(), &region, count);
            }
        }
    }
}

fn missed(output: Output, probe: &str, region: &RegionName, count: u64) {
    match output {
        Output::Text => output::print(&format!("{probe} from {region}: {count} ticks missed")),
        Output::Json => {
            output::print(&json!({ "probe": probe, "region": region, "missed": count }).to_string());
        }
    }
}

fn ms(us: u64) -> String {
    #[expect(
        clippy::cast_precision_loss,
        reason = "microseconds of a probe are far below 2^52"
    )]
    let ms = us as f64 / 1e3;
    format!("{ms:.1} ms")
}

fn show(output: Output, probe: &str, region: &RegionName, observation: &Observation) {
    match output {
        Output::Json => output::print(&as_json(probe, region, observation).to_string()),
        Output::Text => output::print(as_text(probe, region, observation).trim_end()),
    }
}

fn as_json(probe: &str, region: &RegionName, observation: &Observation) -> serde_json::Value {
    json!({
        "probe": probe, "region": region, "outcome": observation.outcome, "verdict": observation.outcome.word(),
        "reason": observation.outcome.reason(), "total_us": micros(observation.total),
        "phases": observation.phases, "steps": observation.steps, "message": observation.message,
    })
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

fn as_text(probe: &str, region: &RegionName, observation: &Observation) -> String {
    let reason = observation
        .outcome
        .reason()
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    let word = observation.outcome.word();
    let mut text = format!(
        "{probe} from {region}: {word}{reason} in {}\n",
        ms(micros(observation.total))
    );
    if let Some(message) = &observation.message {
        text.push_str(&format!("  {message}\n"));
    }
    for exhibit in &observation.evidence.exhibits {
        if let Exhibit::Finding { expected, found, ok } = exhibit {
            let word = if *ok { "ok" } else { "no" };
            text.push_str(&format!("  {word:<3} {expected}: {found}\n"));
        }
    }
    for step in &observation.steps {
        let status = step.status.map(|status| status.to_string()).unwrap_or_default();
        let phases: Vec<String> = step
            .phases
            .named()
            .iter()
            .filter(|(_, us)| *us > 0)
            .map(|(name, us)| format!("{name} {}", ms(*us)))
            .collect();
        let (name, word) = (&step.name, step.outcome.word());
        text.push_str(&format!(
            "  {name:<12} {word:<7} {status:<4} {:>10}  {}\n",
            ms(step.total_us),
            phases.join(", ")
        ));
    }
    text
}
