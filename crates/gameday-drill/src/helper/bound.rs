//! Becomes a command that dies with the helper that runs it.

use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

/// Becomes `words`, killed by the kernel when process `parent` ends (PR_SET_PDEATHSIG(2const)).
///
/// What goes on after its helper's death could break what is put back meanwhile.
///
/// # Errors
/// When that cannot be; otherwise it does not return.
pub fn bound(parent: u32, words: &[String]) -> Result<(), String> {
    let (program, arguments) = words.split_first().ok_or("there is no command")?;
    set_pdeathsig(Signal::SIGKILL).map_err(|errno| format!("cannot bind to the helper: {errno}"))?;
    // It may have ended before the kernel was asked; then nobody would ever end us.
    if getppid().as_raw().unsigned_abs() != parent {
        return Err("the helper is gone".to_owned());
    }
    let error = Command::new(program).args(arguments).exec();
    Err(format!("{program} cannot be run: {error}"))
}
