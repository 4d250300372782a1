//! Work for the CPUs of this machine that leads to nothing: threads of the helper, gone with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gameday_core::{Ratio, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Act, Failed, Hold, Seen, State};

/// Keeps a share of every CPU busy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Burn {
    /// Of each CPU, from 0 to 1.
    pub share: f64,
}

/// Within each of these a CPU is busy first and idle then.
const PERIOD: Duration = Duration::from_millis(20);
const GONE: &str = "the threads that kept the CPUs busy are gone with their helper";

impl Act for Burn {
    fn check(&self) -> Result<String, String> {
        let share = Ratio::from_value(self.share);
        Ok(format!("{share} of {} CPUs would be busy", cpus()))
    }

    fn begin(&self) -> Result<Box<dyn Hold>, Failed> {
        let (stop, burnt_us) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let at = Timestamp::now();
        let start = |_| {
            let (stop, burnt_us, busy) = (stop.clone(), burnt_us.clone(), PERIOD.mul_f64(self.share));
            std::thread::spawn(move || burn(busy, &stop, &burnt_us))
        };
        let threads = (0..cpus()).map(start).collect();
        Ok(Box::new(Burning {
            stop,
            burnt_us,
            threads,
            at,
        }))
    }

    /// Nobody holds the mark any more, so the helper is gone, and its threads with it.
    fn undo(&self) -> Result<String, String> {
        self.verify()
    }

    fn verify(&self) -> Result<String, String> {
        Ok(GONE.to_owned())
    }
}

fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn burn(busy: Duration, stop: &AtomicBool, burnt_us: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        while began.elapsed() < busy {
            std::hint::spin_loop();
        }
        burnt_us.fetch_add(
            u64::try_from(busy.as_micros()).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
        std::thread::sleep(PERIOD.saturating_sub(began.elapsed()));
    }
}

struct Burning {
    stop: Arc<AtomicBool>,
    burnt_us: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
    at: Timestamp,
}

impl Hold for Burning {
    fn look(&mut self) -> Seen {
        Seen {
            touched: self.burnt_us.load(Ordering::Relaxed) / 1000,
            first: Some(self.at),
            state: State::Holds,
        }
    }

    fn undo(&mut self) -> Result<String, String> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        Ok(GONE.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cpu_is_busy_until_it_is_undone() {
        let mut held = Burn { share: 0.2 }
            .begin()
            .unwrap_or_else(|why| panic!("{why:?}"));
        std::thread::sleep(PERIOD * 10);
        let touched = held.look().touched;
        // A fifth of 200 ms on each CPU; a busy machine gives less, but not nothing.
        assert!(touched >= 4, "{touched} ms");
        held.undo().unwrap();
        let at_its_end = held.look();
        std::thread::sleep(PERIOD * 3);
        assert_eq!(held.look(), at_its_end);
    }
}
