//! The lab's supervisor: starts every part, watches over all of them, and takes all down again.
//!
//! ```text
//!   folder, ports ─► alerting ─► ledger ─► cache ─► psp, dns ─► proxy ─► api ─► load ─► quiet and steady ─► `ready`
//! ```

mod behind;
mod control;
mod crew;
mod folder;
mod health;
mod plan;
mod real;
mod spawner;

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout_at};

use crate::programs::Programs;
use crate::{LabError, LabExports, LabKind, state};
pub use control::start_again;
use control::{Asked, Control, START_LIMIT};
use crew::{Crew, Part};
use health::{Looker, Steady};
use plan::Plan;

/// A database that has just been killed is looked at again after this.
const TRY_AGAIN: Duration = Duration::from_millis(300);
/// Starts with other ports when another program has just taken one of ours.
const MAX_STARTS: usize = 3;

/// Runs a lab until `stop` completes or a part of it dies; calls `ready` once all is well.
///
/// Its users make `rps` requests a second. `program` is the gameday binary, which children of the lab are started from. Nothing of the lab
/// is left when this returns; when the process is killed instead, only its folder is left, and the
/// next `up` or [`down`](crate::down) removes that.
pub async fn up(
    kind: LabKind,
    rps: u32,
    program: &Path,
    ready: impl FnOnce(&LabExports),
    stop: impl Future<Output = ()>,
) -> Result<(), LabError> {
    state::forget_dead_labs();
    let mut stop = pin!(stop);
    let mut starts = 1;
    loop {
        let mut crew = Crew::new(program)?;
        let started = tokio::select! {
            started = start(kind, rps, &mut crew) => Some(started),
            () = &mut stop => None,
        };
        let outcome = match started {
            None => Ok(()),
            Some(Ok(running)) => {
                ready(&running.exports);
                tokio::select! {
                    never = behind::watch(&running.looker, &running.exports.load) => match never {},
                    died = attend(&mut crew, &running) => Err(died),
                    () = &mut stop => Ok(()),
                }
            }
            Some(Err(error)) if error.is_port_clash() && starts < MAX_STARTS => {
                crew.say("a port was taken meanwhile, starting again");
                crew.stop().await;
                starts += 1;
                continue;
            }
            Some(Err(error)) => Err(error),
        };
        crew.stop().await;
        return outcome;
    }
}

/// A lab that is ready.
struct Running {
    exports: LabExports,
    looker: Looker,
    control: Control,
    plan: Plan,
    /// What starts its database.
    db: Part,
}

/// Does what the lab is told, until a part dies that must not.
async fn attend(crew: &mut Crew, running: &Running) -> LabError {
    loop {
        let asked = tokio::select! {
            died = crew.first_death(Some(running.db.name)) => return died,
            asked = running.control.asked() => asked,
        };
        if let Err(died) = start_db(crew, running, asked).await {
            return died;
        }
    }
}

/// Starts the database again, unless it runs; an error is the death of another part.
async fn start_db(crew: &mut Crew, running: &Running, asked: Asked) -> Result<(), LabError> {
    let (name, deadline) = (running.db.name, Instant::now() + START_LIMIT);
    let how = loop {
        if !crew.has(name) {
            crew.start(running.db.clone()).await?;
        }
        let ready = crew.until_ready(name, || health::ledger_answers(running.plan.ledger));
        match timeout_at(deadline.into(), ready).await {
            Ok(Ok(())) => break Ok(format!("{name} runs")),
            // What is left of the one that was killed may still be in its way.
            Ok(Err(LabError::ChildDied { child, .. })) if child == name && Instant::now() < deadline => {
                crew.forget(name);
                sleep(TRY_AGAIN).await;
            }
            Ok(Err(died @ LabError::ChildDied { .. })) => return Err(died),
            Ok(Err(error)) => break Err(error.to_string()),
            Err(_) => break Err(format!("{name} was not ready within {} s", START_LIMIT.as_secs())),
        }
    };
    state::remember(running.exports.kind, crew.dir(), crew.pids().map(|(_, pid)| pid))?;
    asked.answer(&how).await;
    Ok(())
}

/// Starts every part in order and waits until each can be used by the next.
async fn start(kind: LabKind, rps: u32, crew: &mut Crew) -> Result<Running, LabError> {
    let began = Instant::now();
    let (plan, ports) = Plan::draw(kind, rps)?;
    crew.hold(ports);
    let looker = Looker::new()?;
    // Even a lab that is killed while it starts leaves no folder for ever.
    state::remember(kind, crew.dir(), std::iter::empty())?;
    plan.write_files(crew.dir())?;
    let db = match kind {
        LabKind::Real => {
            let programs = Programs::find()?;
            real::start_alerting(crew, &plan, &programs).await?;
            let db = real::start_ledger(crew, &plan, &programs).await?;
            real::start_cache(crew, &plan, &programs).await?;
            db
        }
        LabKind::Embedded => {
            crew.start(plan.alerting()).await?;
            let db = plan.embedded_ledger(crew.dir());
            crew.start(db.clone()).await?;
            crew.until_ready("ledger", || health::ledger_answers(plan.ledger))
                .await?;
            crew.start(plan.embedded_cache()).await?;
            db
        }
    };
    crew.until_ready("cache", || health::cache_answers(plan.cache))
        .await?;
    crew.start(plan.psp()).await?;
    let psp = format!("http://{}/healthz", plan.psp);
    crew.until_ready("psp", || looker.answers(&psp)).await?;
    crew.start(plan.dns()).await?;
    crew.until_ready("dns", || health::dns_answers(plan.dns)).await?;
    crew.start(plan.proxy(crew)).await?;
    let version = format!("http://{}/version", plan.proxy_api);
    crew.until_ready("proxy", || looker.answers(&version)).await?;
    crew.start(plan.api()).await?;
    let health = format!("http://{}/healthz", plan.api);
    crew.until_ready("api", || looker.answers(&health)).await?;
    crew.start(plan.load()).await?;
    let steady = Steady::from_now(plan.api, plan.prometheus);
    for (part, address) in [
        ("prometheus", plan.prometheus),
        ("alertmanager", plan.alertmanager),
    ] {
        let url = format!("http://{address}/-/ready");
        crew.until_ready(part, || looker.answers(&url)).await?;
    }
    crew.until_ready("load", || looker.is_steady(&steady)).await?;
    let exports = plan.exports(crew);
    let control = Control::open(crew.dir(), crew.program())?;
    state::remember(kind, crew.dir(), crew.pids().map(|(_, pid)| pid))?;
    crew.say(&format!(
        "the {kind} lab is ready ({:.1} s)",
        began.elapsed().as_secs_f64()
    ));
    Ok(Running {
        exports,
        looker,
        control,
        plan,
        db,
    })
}
