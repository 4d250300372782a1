//! `gameday helper`: the small child that pauses a process (DESIGN: leases).

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::PauseArgs;
use crate::{command, exit, output};

pub(crate) fn pause(args: &PauseArgs) -> ExitCode {
    // Who stops a whole service or session signals this helper too. It must live on: the end of its
    // input or its lease tells it when to undo.
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
    let lease = Duration::from_millis(args.lease_ms);
    match gameday_drill::pause(&args.pid_file, &args.start, lease, io::stdin(), io::stdout()) {
        Ok(()) => exit::OK.into(),
        Err(_) => exit::UNVERIFIED.into(),
    }
}
