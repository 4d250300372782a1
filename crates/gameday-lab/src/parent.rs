//! Binds a process to its parent, so that nothing outlives the lab's supervisor.

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

use crate::LabError;

/// Asks the kernel to send this process `signal` when the thread that started it ends.
///
/// Must come after any change of user, which clears the request.
pub(crate) fn follow(parent: u32, signal: Signal) -> Result<(), LabError> {
    set_pdeathsig(signal).map_err(|errno| LabError::Io {
        doing: "bind itself to its parent".into(),
        source: errno.into(),
    })?;
    // The parent may have died before the request was made; then nobody would ever signal us.
    if getppid().as_raw().unsigned_abs() == parent {
        Ok(())
    } else {
        Err(LabError::ParentGone(parent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_of_somebody_else_refuses_to_run() {
        // The test process is not its own parent.
        let error = follow(std::process::id(), Signal::SIGKILL).unwrap_err();
        assert!(matches!(error, LabError::ParentGone(pid) if pid == std::process::id()));
        set_pdeathsig(None).unwrap();
    }
}
