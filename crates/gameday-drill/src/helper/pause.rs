//! The helper that pauses a process.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use super::vigil::{Seen, Vigil};
use crate::process::{Handle, read_pid, revive, state};

/// Pauses the process of `pid_file` until `renewals` ends or is silent for a lease; then undoes it.
///
/// Writes `paused PID`, then `undone`, each a line. A refusal is one line that says why.
///
/// # Errors
/// When the process cannot be paused, or could not be made to run again.
pub fn pause(
    pid_file: &Path,
    start: &[String],
    lease: Duration,
    renewals: impl Read + AsFd,
    mut answers: impl Write,
) -> Result<(), String> {
    let (pid, handle) = match read_pid(pid_file).and_then(|pid| Ok((pid, stop(pid)?))) {
        Ok(stopped) => stopped,
        Err(why) => {
            // The runner may be gone already; then nobody is left to be told.
            let _ = writeln!(answers, "{why}");
            return Err(why);
        }
    };
    let told = writeln!(answers, "paused {pid}").and_then(|()| answers.flush());
    if told.is_ok() {
        let mut vigil = Vigil::new(renewals, lease);
        while vigil.watch(lease) != Seen::Over {}
    }
    // The very process that was stopped runs first; only then is asked whether the target is there.
    let went_on = handle.go_on();
    let revived = revive(pid_file, start);
    let _ = writeln!(answers, "undone").and_then(|()| answers.flush());
    revived.map(drop).and(went_on)
}

fn stop(pid: i32) -> Result<Handle, String> {
    let handle = Handle::open(pid)?;
    // Somebody else's stop is not ours to undo.
    if state(pid) == Some('T') {
        return Err(format!("process {pid} is stopped already"));
    }
    handle.stop()?;
    let deadline = Instant::now() + Duration::from_secs(2);
    while state(pid) != Some('T') {
        if Instant::now() > deadline {
            handle.go_on()?;
            return Err(format!("process {pid} does not stop"));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(handle)
}
