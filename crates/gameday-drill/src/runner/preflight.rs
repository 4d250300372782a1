//! Pre-flight: is everything as the scenario says? Nothing is touched, and every refusal is told.

mod alerting;

use std::io;
use std::path::Path;
use std::sync::Arc;

use gameday_core::{Journal, RegionName, Span};
use gameday_probe::Scheduled;

use super::checks::{Check, Checks};
use super::oracle::Oracle;
use super::regions::{self, Followed};
use super::sources::Sources;
use crate::fault::{self, Fault};
use crate::plan::Plan;
use crate::registry::{Claim, OpenDrill};
use crate::run::Run;

/// All that the drill needs, found to be there.
pub(super) struct Ready {
    pub(super) faults: Vec<Arc<dyn Fault>>,
    pub(super) sources: Sources,
    pub(super) probes: Vec<Scheduled>,
    pub(super) regions: Vec<Followed>,
    pub(super) claim: Claim,
    pub(super) oracle: Arc<Oracle>,
}

/// What the report reads to know whether the group stage can be trusted.
pub(super) const GROUP_STAGE: &str = "group stage";

/// Looks at targets, sources and probes; an inner error says why the drill must not go on.
pub(super) async fn look(plan: &Plan, run: &Run, journal: &Journal) -> io::Result<Result<Ready, String>> {
    let mut checks = Checks::new(Some(journal));
    let faults = targets(plan, run, &mut checks).await?;
    let (sources, groups) = alerting::sources(plan, &mut checks).await?;
    let oracle = Oracle::consult(plan).await;
    if let Some(groups) = oracle.group_stage("before the drill").or(groups) {
        checks.note(GROUP_STAGE, Ok(groups))?;
    }
    let probes = probes(plan, run, &mut checks)?;
    let regions = regions::look(plan, run, &mut checks).await?;
    if let Some(refusal) = checks.refusal() {
        return Ok(Err(refusal));
    }
    // Claimed last, so that a refused drill leaves no trace.
    match run.registry.claim(&open_drill(plan, run, journal.path())) {
        Ok(claim) => Ok(Ok(Ready {
            faults,
            sources,
            probes,
            regions,
            claim,
            oracle,
        })),
        Err(error) => {
            checks.note(OPEN_DRILLS, Err(error.to_string()))?;
            Ok(Err(checks.refusal().unwrap_or_default()))
        }
    }
}

const OPEN_DRILLS: &str = "open drills";

/// The same looks for somebody who only wants to know: nothing is written down, and nothing is claimed.
pub async fn preflight(plan: &Plan, run: &Run) -> Vec<Check> {
    let mut checks = Checks::new(None);
    let made = async {
        targets(plan, run, &mut checks).await?;
        // Our receiver stops listening at once: what is sent meanwhile is not for us.
        drop(alerting::sources(plan, &mut checks).await?);
        probes(plan, run, &mut checks)?;
        regions::look(plan, run, &mut checks).await?;
        if let Err(error) = run.registry.look(&open_drill(plan, run, Path::new(""))) {
            checks.note(OPEN_DRILLS, Err(error.to_string()))?;
        }
        io::Result::Ok(())
    };
    made.await.expect("only a journal can fail, and there is none");
    checks.made
}

/// The open-drill entry of a run.
fn open_drill(plan: &Plan, run: &Run, journal: &Path) -> OpenDrill {
    let targets = plan.targets.values().map(crate::plan::Target::identity).collect();
    let journal = std::path::absolute(journal).unwrap_or_else(|_| journal.to_owned());
    OpenDrill {
        drill: run.drill.clone(),
        journal,
        targets,
    }
}

async fn targets(plan: &Plan, run: &Run, checks: &mut Checks<'_>) -> io::Result<Vec<Arc<dyn Fault>>> {
    let faults = match fault::build(plan, run, 0) {
        Ok(faults) => faults,
        Err(error) => {
            checks.note("targets", Err(error.to_string()))?;
            return Ok(Vec::new());
        }
    };
    let mut seen = std::collections::BTreeSet::new();
    for (entry, fault) in plan.timeline.iter().zip(&faults) {
        if seen.insert(&entry.on) {
            let found = fault.check().await.map_err(|error| error.to_string());
            checks.note(format!("target {}", entry.on), found)?;
        }
    }
    Ok(faults)
}

fn probes(plan: &Plan, run: &Run, checks: &mut Checks<'_>) -> io::Result<Vec<Scheduled>> {
    let connector = gameday_probe::Connector::default();
    let mut scheduled = Vec::new();
    for probe in &plan.probes {
        let here = probe.here.iter().map(|(region, plan)| {
            let built = gameday_probe::build(plan, &run.environment, &connector);
            let built = built.map_err(|error| error.to_string())?;
            Ok::<_, String>(Scheduled {
                probe: probe.name.clone(),
                region: region.clone(),
                every: plan.every,
                timeout: plan.timeout,
                definition: Arc::clone(&plan.definition),
                run: built.probe,
            })
        });
        let here: Result<Vec<Scheduled>, String> = here.collect();
        let found = here.map(|here| {
            scheduled.extend(here);
            let regions: Vec<&str> = probe.regions.iter().map(RegionName::as_str).collect();
            format!(
                "every {} from {}",
                Span::from_value(probe.plan.every),
                regions.join(", ")
            )
        });
        checks.note(format!("probe {}", probe.name), found)?;
    }
    Ok(scheduled)
}
