//! Threads that carry connections, each with a runtime and a timer of its own.
//!
//! What a connection needs stays on one core: no task is stolen, and no other thread is woken for it. A runtime of several
//! threads cost a tenth more CPU for each short connection.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::timer::Timer;

/// A worker takes a connection that came to it, unless it has so many more than another.
const AHEAD: usize = 1;

/// One thread that carries connections.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) handle: Handle,
    pub(crate) timer: Arc<Timer>,
    open: Arc<AtomicUsize>,
}

impl Worker {
    /// The runtime that this is called on.
    pub(crate) fn here(timer: Arc<Timer>) -> Self {
        Self {
            handle: Handle::current(),
            timer,
            open: Arc::default(),
        }
    }

    /// Counts a connection as carried by this worker for as long as the value lives.
    pub(crate) fn carry(&self) -> Carried {
        self.open.fetch_add(1, Ordering::Relaxed);
        Carried(Arc::clone(&self.open))
    }
}

/// A connection's part of its worker's load.
pub(crate) struct Carried(Arc<AtomicUsize>);

impl Drop for Carried {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Which worker is to take a connection that came to the one with this number.
pub(crate) fn choose(workers: &[Worker], own: usize) -> usize {
    let open = |number: usize| workers[number].open.load(Ordering::Relaxed);
    let idlest = (0..workers.len())
        .min_by_key(|number| open(*number))
        .unwrap_or(own);
    if open(own) <= open(idlest) + AHEAD {
        own
    } else {
        idlest
    }
}

/// Threads that end with this value.
pub(crate) struct Threads {
    /// Dropped, they tell the threads to end.
    stops: Vec<oneshot::Sender<()>>,
    running: Vec<JoinHandle<()>>,
}

/// A worker for each core.
pub(crate) fn start() -> io::Result<(Arc<[Worker]>, Threads)> {
    let count = thread::available_parallelism().map_or(1, usize::from);
    let mut workers = Vec::new();
    let mut threads = Threads {
        stops: Vec::new(),
        running: Vec::new(),
    };
    for number in 0..count {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let worker = {
            let _context = runtime.enter();
            Worker::here(Timer::new()?)
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let ringing = Arc::clone(&worker.timer).run();
        let run = move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    _ = ringing => {}
                }
            });
        };
        let thread = thread::Builder::new()
            .name(format!("carrier-{number}"))
            .spawn(run)?;
        threads.stops.push(stop);
        threads.running.push(thread);
        workers.push(worker);
    }
    Ok((workers.into(), threads))
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stops.clear();
        for thread in self.running.drain(..) {
            // A panic of a thread has been told where it happened.
            thread.join().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_worker_keeps_what_comes_to_it_until_it_is_ahead() {
        let (workers, threads) = start().unwrap();
        let timer = Timer::new().unwrap();
        let workers: Vec<Worker> = workers
            .iter()
            .cloned()
            .chain([Worker::here(timer)])
            .take(2)
            .collect();
        let mut carried = Vec::new();
        let mut chosen = Vec::new();
        for _ in 0..6 {
            let number = choose(&workers, 0);
            carried.push(workers[number].carry());
            chosen.push(number);
        }
        assert_eq!(chosen, [0, 0, 1, 0, 1, 0]);
        carried.clear();
        assert_eq!(choose(&workers, 1), 1);
        // Each runs what it is given, and all end when they are dropped.
        workers[0].handle.spawn(async {}).await.unwrap();
        drop(threads);
        assert!(workers[0].handle.spawn(async {}).await.is_err());
    }
}
