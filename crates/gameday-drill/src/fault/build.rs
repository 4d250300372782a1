//! Makes the faults of a plan: which kind does what to which target.

use std::sync::Arc;
use std::time::Duration;

use gameday_core::SourceName;
use gameday_proxy::{NewFault, ToxicOrder};

use super::{Fault, FaultError, HeldFault, ToxicFault, toxic};
use crate::deed::{
    Burn, CommandLine, CommandPair, Deed, Fill, Kill, Limit, LosePackets, Pause, UnitDeed, Whose,
};
use crate::engine::seed_of;
use crate::network::{Loss, Peer, Transport, table_name};
use crate::plan::{Entry, FaultKind, Plan, Pressure, Target};
use crate::run::Run;

/// Makes the fault of each timeline entry, for a trial of the drill.
///
/// # Errors
/// When a proxy's URL cannot be used, or its token cannot be had.
pub(crate) fn build(plan: &Plan, run: &Run, trial: u32) -> Result<Vec<Arc<dyn Fault>>, FaultError> {
    plan.timeline
        .iter()
        .map(|entry| build_one(plan, entry, run, trial))
        .collect()
}

fn build_one(plan: &Plan, entry: &Entry, run: &Run, trial: u32) -> Result<Arc<dyn Fault>, FaultError> {
    let target = &plan.targets[&entry.on];
    let clock = SourceName::new(&format!("{}.{}", target.kind(), entry.on))
        .map_err(|error| FaultError::Refused(error.to_string()))?;
    if let Some(deed) = deed(plan, run, entry, target)? {
        let mark = run.registry.mark(&run.drill, trial, &entry.name);
        return Ok(Arc::new(HeldFault::new(&run.program, deed, mark, clock)));
    }
    let Target::Proxy {
        proxy,
        api,
        token,
        listen,
        upstream,
    } = target
    else {
        let (kind, word) = (target.kind(), entry.fault.word());
        return Err(FaultError::Refused(format!(
            "`{word}` cannot be done to a {kind}"
        )));
    };
    let expected = toxic::Expected {
        listen: listen.clone(),
        upstream: upstream.clone(),
    };
    let fault = match &entry.fault {
        FaultKind::Toxic {
            spec,
            stream,
            toxicity,
            scope,
        } => {
            let order = ToxicOrder {
                toxicity: *toxicity,
                scope: scope.clone(),
                seed: plan.seed.map(|seed| seed_of(seed, trial)),
                ..ToxicOrder::new(spec, toxic::stream(stream))
            };
            NewFault::toxic("", proxy, order)
        }
        _ => toxic::switch_off(proxy),
    };
    let place = toxic::Place {
        client: toxic::client(api, token.as_ref(), |name| run.environment.get(name).cloned())?,
        api: api.clone(),
        token: token.clone(),
    };
    Ok(Arc::new(ToxicFault::new(
        place,
        &run.drill,
        &entry.name,
        fault,
        expected,
        clock,
    )))
}

/// What a helper does for an entry; none when a proxy does it.
fn deed(plan: &Plan, run: &Run, entry: &Entry, target: &Target) -> Result<Option<Deed>, FaultError> {
    Ok(Some(match (&entry.fault, target) {
        (FaultKind::Pause, Target::Process { pid_file, start }) => Deed::Pause(Pause {
            pid_file: pid_file.clone(),
            start: here(start)?,
            pid: None,
        }),
        (FaultKind::Kill { signal }, Target::Process { pid_file, start }) => Deed::Kill(Kill {
            pid_file: pid_file.clone(),
            start: here(start)?,
            signal: *signal,
            pid: None,
        }),
        (FaultKind::Cpu(pressure) | FaultKind::Memory(pressure), target) => {
            return Ok(pressure_on(
                target,
                *pressure,
                format!("gameday-{}.{}", run.drill, entry.name),
            ));
        }
        (
            FaultKind::Unit {
                action,
                signal,
                timeout,
            },
            Target::Unit { unit, user },
        ) => Deed::Unit(UnitDeed {
            unit: unit.clone(),
            user: *user,
            action: *action,
            signal: *signal,
            timeout_ms: ms(*timeout),
        }),
        (
            FaultKind::Command {
                begin,
                undo,
                verify,
                timeout,
            },
            _,
        ) => Deed::Command(CommandPair {
            begin: here(begin)?,
            undo: here(undo)?,
            verify: verify.as_deref().map(here).transpose()?,
            timeout_ms: ms(*timeout),
            drill: run.drill.clone(),
            fault: entry.name.to_string(),
        }),
        (FaultKind::Hook(hook), _) => Deed::Hook(Box::new(hook.named(
            &run.drill,
            entry.name.as_str(),
            plan.guard.lease,
        ))),
        (fault, Target::Network { peer, transport }) => Deed::Loss(LosePackets {
            loss: network_loss(*peer, *transport, fault),
            table: table_name(&run.drill, entry.name.as_str()),
        }),
        _ => return Ok(None),
    }))
}

fn pressure_on(target: &Target, pressure: Pressure, name: String) -> Option<Deed> {
    let limit = |of: Whose, allowance| {
        Deed::Limit(Limit {
            of,
            allowance,
            name,
            place: None,
        })
    };
    match (pressure, target) {
        (Pressure::Left(allowance), Target::Process { pid_file, .. }) => {
            Some(limit(Whose::Process(pid_file.clone()), allowance))
        }
        (Pressure::Left(allowance), Target::Cgroup { dir }) => {
            Some(limit(Whose::Group(dir.clone()), allowance))
        }
        (Pressure::Busy(share), Target::Host) => Some(Deed::Burn(Burn { share })),
        (Pressure::Taken(bytes), Target::Host) => Some(Deed::Fill(Fill { bytes })),
        _ => None,
    }
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A command that runs where gameday was started, wherever it is undone from.
fn here(words: &[String]) -> Result<CommandLine, FaultError> {
    let folder = std::env::current_dir();
    let folder = folder.map_err(|error| FaultError::Refused(format!("the current folder: {error}")))?;
    Ok(CommandLine {
        words: words.to_vec(),
        folder,
    })
}

/// What a fault loses of the packets of a peer; a scenario has no other faults of the network.
fn network_loss(peer: Peer, transport: Transport, fault: &FaultKind) -> Loss {
    let (per_million, stream) = match fault {
        FaultKind::Loss { per_million, stream } => (*per_million, stream.as_deref()),
        _ => (1_000_000, None),
    };
    Loss {
        peer,
        transport,
        downstream: stream != Some("upstream"),
        upstream: stream != Some("downstream"),
        per_million,
    }
}
