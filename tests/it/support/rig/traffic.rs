//! Users of the service: they ask all the time, and remember every answer that did not come.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::support::http::ask;

/// Requests through the proxy, one after the other, until it is dropped.
pub(crate) struct Traffic {
    ended: Arc<AtomicBool>,
    answers: Arc<AtomicUsize>,
    failures: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

/// Between two requests; often enough that no gap of a drill is missed.
const PAUSE: Duration = Duration::from_millis(50);

impl Traffic {
    pub(crate) fn start(address: &str) -> Self {
        let (ended, answers, failures) = (
            Arc::<AtomicBool>::default(),
            Arc::<AtomicUsize>::default(),
            Arc::<Mutex<Vec<String>>>::default(),
        );
        let (stop, good, bad, address) = (
            Arc::clone(&ended),
            Arc::clone(&answers),
            Arc::clone(&failures),
            format!("http://{address}/"),
        );
        let thread = thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                match ask("GET", &address, &[], "") {
                    Ok(answer) if answer.status == 200 => drop(good.fetch_add(1, Ordering::SeqCst)),
                    Ok(answer) => bad.lock().unwrap().push(format!("status {}", answer.status)),
                    Err(error) => bad.lock().unwrap().push(error.to_string()),
                }
                thread::sleep(PAUSE);
            }
        });
        Self {
            ended,
            answers,
            failures,
            thread: Some(thread),
        }
    }

    /// Bytes have flowed all the time.
    #[track_caller]
    pub(crate) fn assert_never_failed(&self) {
        let failures = self.failures.lock().unwrap();
        let good = self.answers.load(Ordering::SeqCst);
        assert!(
            failures.is_empty(),
            "{} of {} requests failed: {failures:?}",
            failures.len(),
            good + failures.len()
        );
        // At 150 ms more than four requests a second are answered; ten are far less than any drill lasts.
        assert!(good > 10, "only {good} requests were answered");
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
