//! A shop whose customers are scraped by a team's own Prometheus.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::http::{ask, serve};

/// A shop with as many customers each second whatever happens: each is served or not, as the last look through the
/// proxy was. Customers who waited for answers would come more often while they are refused.
pub(crate) struct Shop {
    pub(crate) metrics: SocketAddr,
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Between two looks through the proxy, and from one customer to the next.
const PACE: Duration = Duration::from_millis(20);

impl Shop {
    pub(crate) fn open(proxy: &str) -> Self {
        let (all, bad) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let failing = Arc::new(AtomicBool::new(false));
        let ended = Arc::new(AtomicBool::new(false));
        let shown = (Arc::clone(&all), Arc::clone(&bad), Arc::clone(&failing));
        let metrics = serve(move |_| {
            let (all, bad, failing) = &shown;
            let body = format!(
                "shop_requests_total {}\nshop_errors_total {}\nshop_failing {}\n",
                all.load(Ordering::SeqCst),
                bad.load(Ordering::SeqCst),
                u8::from(failing.load(Ordering::SeqCst))
            );
            (200, body)
        });
        let (stop, url, seen) = (
            Arc::clone(&ended),
            format!("http://{proxy}/"),
            Arc::clone(&failing),
        );
        let looks = thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                let good = ask("GET", &url, &[], "").is_ok_and(|answer| answer.status == 200);
                seen.store(!good, Ordering::SeqCst);
                thread::sleep(PACE);
            }
        });
        let stop = Arc::clone(&ended);
        let customers = thread::spawn(move || {
            let mut next = Instant::now();
            while !stop.load(Ordering::SeqCst) {
                all.fetch_add(1, Ordering::SeqCst);
                bad.fetch_add(u64::from(failing.load(Ordering::SeqCst)), Ordering::SeqCst);
                next += PACE;
                thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        });
        Self {
            metrics,
            ended,
            threads: vec![looks, customers],
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}
