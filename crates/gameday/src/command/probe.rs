//! `gameday probe`: looks at services from the regions it is told, once or on a schedule.

use std::process::ExitCode;
use std::time::Duration;

use gameday_core::{Outcome, RegionName, Timestamp, printable};
use gameday_probe::{Exhibit, Observation, Scheduled};
use serde_json::json;
use tokio::task::JoinSet;

use crate::cli::{LookArgs, ProbeArgs, ProbeCommand};
use crate::output::{self, Output};
use crate::prober::{self, Files, ms};
use crate::{blackbox, command, exit};

/// An answer is shown that far.
const MAX_BODY_CHARS: usize = 200;

pub(crate) fn probe(args: &ProbeArgs) -> ExitCode {
    match &args.command {
        Some(ProbeCommand::Show(args)) => prober::show::show(args),
        Some(ProbeCommand::SystemdUnit(args)) => prober::unit::unit(args),
        Some(ProbeCommand::Import(args)) => command::import::import(args),
        None if args.look.blackbox.blackbox.is_some() => {
            let serving = blackbox::serve(&args.look.blackbox, &args.look.page);
            command::runtime().block_on(serving)
        }
        None if args.look.once => look_once(&args.look),
        None => command::runtime().block_on(prober::serve(&args.look)),
    }
}

fn look_once(args: &LookArgs) -> ExitCode {
    match Files::new(args).load() {
        Ok(loaded) => command::runtime().block_on(once(args, loaded.probes)),
        Err(problems) => {
            output::tell(&problems);
            exit::USAGE.into()
        }
    }
}

async fn once(args: &LookArgs, probes: Vec<Scheduled>) -> ExitCode {
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

fn show(output: Output, probe: &str, region: &RegionName, observation: &Observation) {
    match output {
        Output::Json => output::print(&as_json(probe, region, observation).to_string()),
        Output::Text => output::print(as_text(probe, region, observation).trim_end()),
    }
}

/// A look as one object.
pub(crate) fn as_json(probe: &str, region: &RegionName, observation: &Observation) -> serde_json::Value {
    json!({
        "at": Timestamp::now().to_ms_string(), "probe": probe, "region": region,
        "outcome": observation.outcome, "verdict": observation.outcome.word(),
        "reason": observation.outcome.reason(), "total_us": micros(observation.total),
        "phases": observation.phases, "steps": observation.steps, "message": observation.message,
        "trace_id": observation.trace_id,
    })
}

/// Whole microseconds.
pub(crate) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// What the last answer of a look that failed begins with, in a line.
fn last_body(observation: &Observation) -> Option<String> {
    if matches!(observation.outcome, Outcome::Up { .. }) {
        return None;
    }
    let mut exhibits = observation.evidence.exhibits.iter().rev();
    let body = exhibits.find_map(|exhibit| match exhibit {
        Exhibit::Response { body, .. } if !body.trim().is_empty() => Some(body),
        _ => None,
    })?;
    let words: Vec<&str> = body.split_whitespace().collect();
    let line = words.join(" ");
    Some(match line.char_indices().nth(MAX_BODY_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    })
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
        text.push_str(&format!("  {}\n", printable(message)));
        // Whoever reads why wants to see where.
        if let Some(trace_id) = &observation.trace_id {
            text.push_str(&format!("  trace {trace_id}\n"));
        }
    }
    if let Some(body) = last_body(observation) {
        text.push_str(&format!("  the answer: {}\n", printable(&body)));
    }
    for exhibit in &observation.evidence.exhibits {
        match exhibit {
            Exhibit::Finding { expected, found, ok } => {
                let word = if *ok { "ok" } else { "no" };
                let (expected, found) = (printable(expected), printable(found));
                text.push_str(&format!("  {word:<3} {expected}: {found}\n"));
            }
            Exhibit::Edge {
                edge,
                served,
                took_us,
            } => {
                let (edge, served) = (printable(edge), printable(served));
                text.push_str(&format!("  {edge}: {served}, in {}\n", ms(*took_us)));
            }
            _ => {}
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
