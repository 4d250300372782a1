//! Wakes on time: a kernel timer is 0.1 ms late where the runtime's own is 1 to 2 ms late by design.
//!
//! What the schedule is late by is added to every observation, so it had better be little.

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// An alarm clock.
pub(crate) enum Alarm {
    Kernel(AsyncFd<Timer>),
    /// The kernel gave us no timer: late is better than never.
    Runtime,
}

pub(crate) struct Timer(TimerFd);

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Alarm {
    pub(crate) fn new() -> Self {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let Ok(timer) = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags) else {
            return Self::Runtime;
        };
        #[expect(
            deprecated,
            reason = "its successor is unsafe; a `Timer` owns its descriptor for life"
        )]
        let timer = AsyncFd::with_interest(Timer(timer), Interest::READABLE);
        timer.map_or(Self::Runtime, Self::Kernel)
    }

    /// Waits until a moment; one alarm waits for one moment at a time.
    pub(crate) async fn until(&self, moment: Instant) {
        while let Some(wait) = left(moment) {
            let Self::Kernel(timer) = self else {
                return tokio::time::sleep_until(moment.into()).await;
            };
            let once = Expiration::OneShot(wait.into());
            let set = timer.get_ref().0.set(once, TimerSetTimeFlags::empty());
            let Ok(mut ready) = timer.readable().await.and_then(|ready| Ok(set.map(|()| ready)?)) else {
                return tokio::time::sleep_until(moment.into()).await;
            };
            // Readiness may be left over from an alarm that nobody waited for: the loop looks again.
            let _ = ready.try_io(|timer| Ok(timer.get_ref().0.wait()?));
        }
    }
}

fn left(moment: Instant) -> Option<Duration> {
    moment
        .checked_duration_since(Instant::now())
        .filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn an_alarm_is_never_early_and_can_be_set_again() {
        let alarm = Alarm::new();
        for _ in 0..3 {
            let moment = Instant::now() + Duration::from_millis(20);
            // An alarm that is given up must not disturb the next one.
            let sooner = alarm.until(Instant::now() + Duration::from_millis(5));
            sooner.now_or_never();
            alarm.until(moment).await;
            let late = Instant::now()
                .checked_duration_since(moment)
                .expect("never early");
            assert!(
                late < Duration::from_secs(1),
                "{late:?} is loose: the machine may be busy"
            );
        }
    }
}
