//! `gameday helper`: the small child that pauses a process (DESIGN: leases).

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use crate::cli::PauseArgs;
use crate::exit;

pub(crate) fn pause(args: &PauseArgs) -> ExitCode {
    let lease = Duration::from_millis(args.lease_ms);
    match gameday_drill::pause(&args.pid_file, &args.start, lease, io::stdin(), io::stdout()) {
        Ok(()) => exit::OK.into(),
        Err(_) => exit::UNVERIFIED.into(),
    }
}
