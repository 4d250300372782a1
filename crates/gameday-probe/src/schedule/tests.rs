//! The schedule in real time, with a probe that is as slow as it is told to be.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use gameday_core::{Outcome, Phases};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::*;

/// Takes so long for each look, whatever its deadline.
#[derive(Default)]
pub(super) struct Slow {
    takes: Duration,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl Probe for Slow {
    fn run(&self, _deadline: Instant) -> BoxFuture<'_, Observation> {
        async {
            let began = Instant::now();
            let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_in_flight.fetch_max(now, Ordering::SeqCst);
            sleep(self.takes).await;
            self.in_flight.fetch_sub(1, Ordering::SeqCst);
            Observation {
                outcome: Outcome::Up { slow: Vec::new() },
                phases: Phases::default(),
                total: began.elapsed(),
                steps: Vec::new(),
                message: None,
                readings: Vec::new(),
                evidence: Default::default(),
                trace_id: None,
            }
        }
        .boxed()
    }
}

fn scheduled(probe: &Arc<Slow>, every_ms: u64, timeout_ms: u64) -> Scheduled {
    Scheduled {
        probe: ProbeName::new("p").unwrap(),
        region: RegionName::new("r").unwrap(),
        every: Duration::from_millis(every_ms),
        timeout: Duration::from_millis(timeout_ms),
        definition: "".into(),
        run: Arc::clone(probe) as Arc<dyn Probe>,
    }
}

/// Every 20 ms, under this name.
pub(super) fn named(probe: &Arc<Slow>, name: &str) -> Scheduled {
    Scheduled {
        probe: ProbeName::new(name).unwrap(),
        ..scheduled(probe, 20, 1_000)
    }
}

pub(super) fn slow(takes_ms: u64) -> Arc<Slow> {
    Arc::new(Slow {
        takes: Duration::from_millis(takes_ms),
        ..Slow::default()
    })
}

/// Runs a schedule for a while; every look that was over by then, and how many were missed.
async fn run_for(ms: u64, scheduled: Scheduled) -> (Vec<(Instant, Box<Observation>)>, u64) {
    let (out, mut ticks) = mpsc::channel(1000);
    let limit = Duration::from_millis(ms);
    timeout(limit, schedule(vec![scheduled], out)).await.unwrap_err();
    let (mut done, mut missed) = (Vec::new(), 0);
    while let Ok(tick) = ticks.try_recv() {
        match tick {
            Tick::Done {
                intended,
                observation,
                ..
            } => done.push((intended, observation)),
            Tick::Missed { count, .. } => missed += count,
        }
    }
    (done, missed)
}

#[tokio::test]
async fn looks_keep_their_grid_however_slow_they_are() {
    let probe = slow(120);
    let (done, missed) = run_for(1000, scheduled(&probe, 50, 500)).await;
    // A busy machine may miss some, but each is either done or counted.
    let span = done[done.len() - 1].0 - done[0].0;
    let ticks = u64::try_from(span.as_millis() / 50).unwrap() + 1;
    let told = u64::try_from(done.len()).unwrap() + missed;
    assert!(ticks >= 5 && told >= ticks, "{told} of {ticks} ticks were told");
    for pair in done.windows(2) {
        let gap = pair[1].0 - pair[0].0;
        assert_eq!(gap.as_nanos() % 50_000_000, 0, "off the grid: {gap:?}");
    }
    assert!(
        probe.most_in_flight.load(Ordering::SeqCst) >= 2,
        "a slow look must not delay the next"
    );
}

#[tokio::test]
async fn a_tick_without_a_place_is_counted_as_missed_and_never_made_up_for() {
    let probe = slow(60_000);
    let (done, missed) = run_for(700, scheduled(&probe, 10, 60_000)).await;
    assert!(done.is_empty());
    assert_eq!(probe.most_in_flight.load(Ordering::SeqCst), MAX_IN_FLIGHT);
    // 70 ticks, 16 of them in flight; a busy machine may lose some at either end.
    assert!((30..=54).contains(&missed), "{missed}");
}

#[tokio::test]
async fn a_total_counts_from_the_intended_start() {
    let slot = scheduled(&slow(20), 1000, 500);
    let intended = Instant::now() - Duration::from_millis(300);
    let (out, mut ticks) = mpsc::channel(1);
    let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    look(slot, intended, place, out, Pulse::new()).await;
    let Some(Tick::Done { observation, .. }) = ticks.recv().await else {
        panic!("no look")
    };
    // 300 ms late and 20 ms long.
    assert!(
        observation.total >= Duration::from_millis(320),
        "{:?}",
        observation.total
    );
}

#[tokio::test]
async fn a_listener_who_is_slow_makes_ticks_missed_not_late() {
    let probe = slow(1);
    let (out, mut ticks) = mpsc::channel(1);
    let mut running = JoinSet::new();
    running.spawn(schedule(vec![scheduled(&probe, 10, 1000)], out));
    sleep(Duration::from_millis(600)).await;
    let (mut missed, mut last) = (0, None);
    let until = Instant::now() + Duration::from_millis(300);
    while let Ok(Some(tick)) = tokio::time::timeout_at(until.into(), ticks.recv()).await {
        match tick {
            Tick::Missed { count, .. } => missed += count,
            Tick::Done { intended, .. } => last = Some(intended),
        }
    }
    assert!(missed >= 20, "{missed} of about 40 that had no place");
    let age = last.unwrap().elapsed();
    assert!(
        age < Duration::from_millis(200),
        "the newest look is {age:?} old: the grid went on"
    );
}

#[tokio::test]
async fn the_schedule_ends_when_nobody_listens_and_looks_end_with_it() {
    let probe = slow(60_000);
    let (out, ticks) = mpsc::channel(1);
    let mut running = JoinSet::new();
    running.spawn(schedule(vec![scheduled(&probe, 20, 60_000)], out));
    sleep(Duration::from_millis(100)).await;
    assert!(Arc::strong_count(&probe) > 2, "looks are in flight");
    drop(ticks);
    timeout(Duration::from_secs(5), running.join_next())
        .await
        .unwrap();
    assert_eq!(Arc::strong_count(&probe), 1, "nothing of it is left");
}

#[test]
fn places_are_bounded() {
    let places = |every, timeout| super::places(Duration::from_millis(every), Duration::from_millis(timeout));
    assert_eq!(places(1000, 5000), 7);
    assert_eq!(places(60_000, 5000), 1);
    assert_eq!(places(10, 60_000), MAX_IN_FLIGHT);
}

#[tokio::test]
async fn a_change_keeps_the_pace_of_what_stays_and_cuts_off_no_look() {
    let stays = scheduled(&slow(120), 50, 2000);
    let other = Scheduled {
        probe: ProbeName::new("other").unwrap(),
        ..scheduled(&slow(0), 50, 2000)
    };
    let (change, probes) = watch::channel(vec![stays.clone()]);
    let (out, mut ticks) = mpsc::channel(100);
    let mut tasks = JoinSet::new();
    tasks.spawn(schedule_changing(probes, out));
    let Some(Tick::Done { intended: first, .. }) = ticks.recv().await else {
        panic!("no look")
    };
    // Looks of the old list are in flight now; they end all the same.
    change.send(vec![other, stays]).unwrap();
    let (mut others, mut seen) = (0, Vec::new());
    while seen.len() < 6 {
        match ticks.recv().await.unwrap() {
            Tick::Done { probe, .. } if probe.as_str() == "other" => others += 1,
            Tick::Done { intended, .. } => seen.push(intended),
            Tick::Missed { .. } => {}
        }
    }
    assert!(others > 0, "what is new is looked at");
    for at in seen {
        assert_eq!((at - first).as_nanos() % 50_000_000, 0, "the grid has shifted");
    }
    change.send(Vec::new()).unwrap();
    // What was in flight comes; then there is silence, and it goes on waiting.
    sleep(Duration::from_millis(400)).await;
    while ticks.try_recv().is_ok() {}
    sleep(Duration::from_millis(200)).await;
    assert!(ticks.try_recv().is_err());
    assert_eq!(tasks.len(), 1, "an empty list waits for the next one");
}
