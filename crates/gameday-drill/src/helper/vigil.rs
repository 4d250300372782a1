//! The dead man's switch: one byte for each renewal, and silence for one lease, or end of file, is the end.
//!
//! So a runner that is stuck (SIGSTOP) is undone as surely as one that is dead.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// What a while of watching has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// The runner renewed.
    Renewal,
    /// Nothing yet, and the lease lasts.
    Nothing,
    /// The lease is over.
    Over,
}

/// A lease that lives on what is read from the runner.
pub(super) struct Vigil<R> {
    renewals: R,
    lease: Duration,
    deadline: Instant,
}

impl<R: Read + AsFd> Vigil<R> {
    pub(super) fn new(renewals: R, lease: Duration) -> Self {
        Self {
            renewals,
            lease,
            deadline: Instant::now() + lease,
        }
    }

    /// The lease begins anew.
    pub(super) fn renewed(&mut self) {
        self.deadline = Instant::now() + self.lease;
    }

    /// Watches for at most so long.
    pub(super) fn watch(&mut self, at_most: Duration) -> Sign {
        let left = self.deadline.saturating_duration_since(Instant::now());
        // Rounded up: a wait of less than a millisecond must not become a busy loop.
        let wait = left.min(at_most) + Duration::from_millis(1);
        let wait = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(self.renewals.as_fd(), PollFlags::POLLIN)], wait) {
            Ok(0) if Instant::now() >= self.deadline => Sign::Over,
            Ok(0) | Err(Errno::EINTR) => Sign::Nothing,
            Err(_) => Sign::Over,
            Ok(_) => self.read(),
        }
    }

    fn read(&mut self) -> Sign {
        let mut bytes = [0_u8; 64];
        match self.renewals.read(&mut bytes) {
            Ok(0) => Sign::Over,
            Ok(_) => {
                self.renewed();
                Sign::Renewal
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Sign::Nothing,
            Err(_) => Sign::Over,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_lease_lives_on_bytes_and_ends_by_silence_or_by_the_end_of_file() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut vigil = Vigil::new(reader, Duration::from_millis(80));
        let start = Instant::now();
        writer.write_all(b".").unwrap();
        assert_eq!(vigil.watch(Duration::from_millis(10)), Sign::Renewal);
        assert_eq!(vigil.watch(Duration::from_millis(10)), Sign::Nothing);
        while vigil.watch(Duration::from_secs(1)) != Sign::Over {}
        assert!(start.elapsed() >= Duration::from_millis(80));

        let (reader, writer) = std::io::pipe().unwrap();
        let mut vigil = Vigil::new(reader, Duration::from_secs(600));
        drop(writer);
        assert_eq!(vigil.watch(Duration::from_secs(600)), Sign::Over);
    }
}
