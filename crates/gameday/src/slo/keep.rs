//! The task that lets time pass for budgets, and writes them down.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::budgets::Budgets;
use super::store::Store;

/// How often it is looked what time alone has changed; windows of half a second are no shorter than this.
const PACE: Duration = Duration::from_millis(250);
/// How often budgets are written down: a tenth of the shortest window, within these.
const WRITE_PACE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// Writing them takes at most a hundredth of the time.
const WRITE_SHARE: u32 = 100;

/// Keeps budgets until it is dropped.
pub(crate) async fn keep(budgets: Arc<Budgets>, store: Option<Arc<Store>>) {
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut next_write = Instant::now() + WRITE_PACE.0;
    loop {
        let (changed, write) = tokio::select! {
            () = budgets.changed.notified() => (true, false),
            () = budgets.board.told_changed.notified() => (true, false),
            _ = ticks.tick() => {
                budgets.pass();
                (false, Instant::now() >= next_write)
            }
        };
        let Some(store) = store.clone().filter(|_| changed || write) else {
            continue;
        };
        let began = Instant::now();
        let own = Arc::clone(&budgets);
        let written = tokio::task::spawn_blocking(move || match write {
            true => store.save_budgets(&own),
            false => store.save_alerts(&own),
        });
        // While a disk hangs, looks still change alerts, and receivers are still told.
        written.await.ok();
        if write {
            let pace = (budgets.shortest_window() / 10).clamp(WRITE_PACE.0, WRITE_PACE.1);
            next_write = Instant::now() + pace.max(began.elapsed() * WRITE_SHARE);
        }
    }
}

/// Writes everything down, at the end.
pub(crate) fn save(budgets: &Budgets, store: &Store) {
    store.save_budgets(budgets);
    store.save_alerts(budgets);
}
