//! `gameday helper`: the small child that holds a fault in place for as long as they are told to.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use gameday_drill::Deed;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{BoundArgs, HoldArgs};
use crate::{command, exit, output};

pub(crate) fn hold(args: &HoldArgs) -> ExitCode {
    unimpressed(|| {
        let deed: Deed = serde_json::from_str(&args.deed).map_err(|error| format!("--deed: {error}"))?;
        let lease = Duration::from_millis(args.lease_ms);
        gameday_drill::hold(&deed, &args.mark, lease, io::stdin(), io::stdout())
    })
}

pub(crate) fn bound(args: &BoundArgs) -> ExitCode {
    // Nobody hears it; the exit code is what is heard.
    match gameday_drill::bound(args.parent, &args.words) {
        Ok(()) => exit::OK.into(),
        Err(_) => exit::UNVERIFIED.into(),
    }
}

/// Runs a helper that no signal ends but SIGKILL.
///
/// Who stops a whole service or session signals this helper too. It must live on: the end of its
/// input or its lease tells it when to undo.
fn unimpressed(helper: impl FnOnce() -> Result<(), String>) -> ExitCode {
    let runtime = command::runtime();
    let _inside = runtime.enter();
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let ignored: Result<Vec<_>, _> = kinds.into_iter().map(signal).collect();
    if let Err(error) = ignored {
        output::print(&format!("signals cannot be handled: {error}"));
        return exit::UNVERIFIED.into();
    }
    match helper() {
        Ok(()) => exit::OK.into(),
        Err(_) => exit::UNVERIFIED.into(),
    }
}
