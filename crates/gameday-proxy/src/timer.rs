//! Waits that end on time: one timerfd for all alarms of a server.
//!
//! Tokio's own timer rounds up to milliseconds and is 1 to 2 ms late, which a latency toxic would add to
//! every chunk; this one was measured at 0.1 to 0.2 ms.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The timer of a server; [`Timer::run`] must be running for alarms to ring.
pub(crate) struct Timer {
    fd: AsyncFd<OwnedTimer>,
    /// Who waits for when. A map rather than a heap, so that an alarm that is put back leaves nothing behind.
    waiting: Mutex<BTreeMap<(Instant, u64), Waker>>,
    next_id: AtomicU64,
}

struct OwnedTimer(TimerFd);

impl AsRawFd for OwnedTimer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Timer {
    /// A timer of the current runtime.
    pub(crate) fn new() -> io::Result<Arc<Self>> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = OwnedTimer(TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?);
        #[expect(
            deprecated,
            reason = "the descriptor is owned and never changes, and `register` would be unsafe code"
        )]
        let fd = AsyncFd::with_interest(timer, Interest::READABLE)?;
        Ok(Arc::new(Self {
            fd,
            waiting: Mutex::default(),
            next_id: AtomicU64::new(0),
        }))
    }

    /// Rings alarms until it is dropped; ends only when the descriptor fails.
    pub(crate) async fn run(self: Arc<Self>) -> io::Result<()> {
        loop {
            let mut ready = self.fd.readable().await?;
            // Only the wake-up matters: EAGAIN means that the timer was set anew in between.
            self.fd.get_ref().0.wait().ok();
            ready.clear_ready();
            drop(ready);
            for waker in self.take_due(Instant::now()) {
                waker.wake();
            }
        }
    }

    /// A wait of its own, to be used again and again.
    pub(crate) fn alarm(self: &Arc<Self>) -> Alarm {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        Alarm {
            timer: Arc::clone(self),
            id,
            set_for: None,
        }
    }

    fn take_due(&self, now: Instant) -> Vec<Waker> {
        let mut waiting = self.lock();
        let mut due = Vec::new();
        while let Some(entry) = waiting.first_entry().filter(|entry| entry.key().0 <= now) {
            due.push(entry.remove());
        }
        if let Some(((at, _), _)) = waiting.first_key_value() {
            self.arm(*at);
        }
        due
    }

    fn insert(&self, key: (Instant, u64), waker: &Waker) {
        let mut waiting = self.lock();
        waiting.insert(key, waker.clone());
        if waiting.first_key_value().is_some_and(|(first, _)| *first == key) {
            self.arm(key.0);
        }
    }

    fn arm(&self, at: Instant) {
        // A span of zero would switch the timer off.
        let span = at
            .saturating_duration_since(Instant::now())
            .max(Duration::from_nanos(1));
        let once = Expiration::OneShot(TimeSpec::from_duration(span));
        self.fd
            .get_ref()
            .0
            .set(once, TimerSetTimeFlags::empty())
            .expect("a timer of ours takes any span above zero");
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Instant, u64), Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One wait; dropping it takes it off the timer.
pub(crate) struct Alarm {
    timer: Arc<Timer>,
    id: u64,
    set_for: Option<Instant>,
}

impl Alarm {
    /// Waits until a moment; without one, for ever.
    pub(crate) async fn until(&mut self, at: Option<Instant>) {
        poll_fn(|context| self.poll(at, context)).await;
    }

    fn poll(&mut self, at: Option<Instant>, context: &Context<'_>) -> Poll<()> {
        if self.set_for != at {
            self.put_back();
        }
        let Some(at) = at else { return Poll::Pending };
        if at <= Instant::now() {
            self.put_back();
            return Poll::Ready(());
        }
        self.timer.insert((at, self.id), context.waker());
        self.set_for = Some(at);
        Poll::Pending
    }

    fn put_back(&mut self) {
        if let Some(at) = self.set_for.take() {
            self.timer.lock().remove(&(at, self.id));
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.put_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::JoinSet;

    #[tokio::test]
    async fn alarms_ring_in_order_never_early_and_leave_nothing_behind() {
        let timer = Timer::new().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&timer).run());
        let start = Instant::now();
        let mut waits = JoinSet::new();
        for ms in [30, 10, 20] {
            let mut alarm = timer.alarm();
            waits.spawn(async move {
                alarm.until(Some(start + Duration::from_millis(ms))).await;
                (ms, start.elapsed())
            });
        }
        let mut order = Vec::new();
        while let Some(Ok((ms, waited))) = waits.join_next().await {
            // Early would break "never under 100 ms"; 2 s only says that it rang at all.
            assert!(
                Duration::from_millis(ms) <= waited && waited < Duration::from_secs(2),
                "{ms}: {waited:?}"
            );
            order.push(ms);
        }
        assert_eq!(order, [10, 20, 30]);
        assert!(timer.lock().is_empty());
    }

    #[tokio::test]
    async fn an_alarm_set_anew_or_dropped_is_taken_off() {
        let timer = Timer::new().unwrap();
        let mut alarm = timer.alarm();
        for hours in [1, 2, 3] {
            let at = Instant::now() + Duration::from_secs(3600 * hours);
            tokio::select! { biased; () = alarm.until(Some(at)) => panic!("rang early"), () = async {} => {} }
            assert_eq!(timer.lock().len(), 1);
        }
        drop(alarm);
        assert!(timer.lock().is_empty());
    }
}
