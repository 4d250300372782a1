//! One task for each fault: takes orders one after the other, renews the lease, tells what it sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gameday_core::{ClockOffset, EventKind, FaultName, SourceName};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Report, Reports};
use crate::engine::Input;
use crate::fault::{Effect, Fault, Undo};

/// What a fault's task is told to do.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Inject,
    Remove,
}

/// The runner's end of a fault's task.
pub(super) struct FaultTask {
    fault: Arc<dyn Fault>,
    orders: mpsc::Sender<Order>,
    in_place: Arc<AtomicBool>,
}

/// The first look at what was touched comes early, for the live display.
const FIRST_LOOK: Duration = Duration::from_millis(700);
/// A removal is tried this much longer than the lease: by then the fault has ended by itself.
const REMOVE_SLACK: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_millis(500);

impl FaultTask {
    pub(super) fn start(
        tasks: &mut JoinSet<()>,
        name: FaultName,
        fault: Arc<dyn Fault>,
        lease: Duration,
        reports: Reports,
    ) -> Self {
        let (orders, from_runner) = mpsc::channel(4);
        let in_place = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            name,
            clock_name: fault.clock(),
            fault: fault.clone(),
            lease,
            reports,
            in_place: in_place.clone(),
            clock: ClockOffset::new(),
            touched: None,
            renewed: Instant::now(),
        };
        tasks.spawn(worker.run(from_runner));
        Self {
            fault,
            orders,
            in_place,
        }
    }

    pub(super) fn fault(&self) -> Arc<dyn Fault> {
        self.fault.clone()
    }

    pub(super) fn undo(&self) -> Undo {
        self.fault.undo()
    }

    pub(super) async fn order(&self, order: Order) {
        // At most two orders are ever given, so the queue is never full.
        let _ = self.orders.send(order).await;
    }

    /// Whether it was injected and not confirmed to be gone.
    pub(super) fn may_be_in_place(&self) -> bool {
        self.in_place.load(Ordering::SeqCst)
    }
}

struct Worker {
    name: FaultName,
    fault: Arc<dyn Fault>,
    lease: Duration,
    reports: Reports,
    in_place: Arc<AtomicBool>,
    clock_name: SourceName,
    clock: ClockOffset,
    touched: Option<u64>,
    /// When the lease was last known to be fresh.
    renewed: Instant,
}

impl Worker {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Inject => {
                    self.renewed = Instant::now();
                    if self.inject().await {
                        self.hold(&mut orders).await;
                        self.remove(true).await;
                    }
                }
                Order::Remove => self.remove(false).await,
            }
        }
    }

    async fn inject(&mut self) -> bool {
        self.in_place.store(true, Ordering::SeqCst);
        match self.fault.inject(self.lease).await {
            Ok(()) => {
                self.tell(Input::Injected(self.name.clone())).await;
                true
            }
            Err(error) => {
                // It may be in place all the same; the engine answers with an order to remove it.
                self.tell(Input::InjectFailed(self.name.clone(), error.to_string()))
                    .await;
                false
            }
        }
    }

    /// Renews at a third of the lease at least, until the order to remove comes.
    async fn hold(&mut self, orders: &mut mpsc::Receiver<Order>) {
        let every = self.fault.renew_every(self.lease);
        let mut next = Instant::now() + FIRST_LOOK.min(every);
        let mut complained = false;
        loop {
            tokio::select! {
                _ = orders.recv() => return,
                () = sleep_until(next) => {}
            }
            next = Instant::now() + every;
            let fault = self.fault.clone();
            let trouble = match timeout(self.lease / 3, fault.renew()).await {
                Ok(Ok(effect)) => {
                    self.renewed = Instant::now();
                    self.touched(&effect).await;
                    let lost = effect.lost.map(|why| Input::Lost(self.name.clone(), why));
                    lost.or_else(|| effect.over.map(|how| Input::Over(self.name.clone(), how)))
                }
                Ok(Err(error)) => self.lost_target(&error.to_string()),
                Err(_) => self.lost_target("no answer to a renewal"),
            };
            if let Some(input) = trouble.filter(|_| !complained) {
                complained = true;
                self.tell(input).await;
            }
        }
    }

    /// One failed renewal may be a hiccup; two thirds of a lease without one is not.
    fn lost_target(&self, error: &str) -> Option<Input> {
        let silent = self.renewed.elapsed() >= self.lease * 2 / 3;
        silent.then(|| Input::TargetLost(format!("{}: {error}", self.clock_name)))
    }

    async fn touched(&mut self, effect: &Effect) {
        if let Some(sample) = &effect.clock {
            let reading = self.clock.add(sample);
            let _ = self
                .reports
                .send(Report::Note(reading.event(self.clock_name.clone())))
                .await;
        }
        if self.touched != Some(effect.touched) {
            self.touched = Some(effect.touched);
            let kind = EventKind::FaultTouched {
                fault: self.name.clone(),
                touched: effect.touched,
                first_touched: effect.first_touched,
                source: self.clock_name.clone(),
            };
            let report = match effect.touched {
                0 => Report::Note(kind),
                _ => Report::Both(kind, Input::Touched(self.name.clone())),
            };
            let _ = self.reports.send(report).await;
        }
    }

    /// Tries until it is gone, or until its lease must have ended it and nobody confirms that.
    ///
    /// A runner that was stopped past the end of a hold finds that there is nothing left to remove:
    /// that is a lost fault, not one that was held.
    async fn remove(&mut self, was_in_place: bool) {
        let overdue = self.renewed.elapsed() >= self.lease;
        let deadline = Instant::now() + self.lease + REMOVE_SLACK;
        loop {
            let fault = self.fault.clone();
            let takes = fault.takes();
            let (error, deadline) = match timeout(self.lease + takes, fault.remove()).await {
                Ok(Ok(effect)) => {
                    self.in_place.store(false, Ordering::SeqCst);
                    if effect.touched > 0 {
                        self.touched(&effect).await;
                    }
                    let late = || overdue.then(|| "it was not renewed for a whole lease".to_owned());
                    if let Some(why) = effect.lost.or_else(late).filter(|_| was_in_place) {
                        self.tell(Input::Lost(self.name.clone(), why)).await;
                    }
                    self.tell(Input::Removed(self.name.clone())).await;
                    return;
                }
                Ok(Err(error)) => (error.to_string(), deadline),
                // It is at it: a slow start command, say.
                Err(_) => ("no answer".to_owned(), deadline + takes),
            };
            if Instant::now() + RETRY >= deadline {
                self.tell(Input::RemoveFailed(self.name.clone(), error)).await;
                return;
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn tell(&self, input: Input) {
        let _ = self.reports.send(Report::Input(input)).await;
    }
}
