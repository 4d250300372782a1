//! What counts as what.

use std::time::Instant;

use gameday_core::{Outcome, Reason, StepName};
use gameday_probe::{FileSlo, Observation};

use super::super::promise::promises;
use super::*;

fn budgets(regions: &[&str]) -> Budgets {
    let board = Board::default();
    let budgets = Budgets::new(Arc::new(board), Box::new(|_, _| Trust::Counts));
    budgets.expect(promised(regions, 0.99));
    budgets
}

fn promised(regions: &[&str], success: f64) -> BTreeMap<Id, Promise> {
    let slo = FileSlo {
        success: Some(success),
        p95: Some(Duration::from_millis(250)),
        window: Duration::from_hours(1),
        runbook: None,
        region: None,
    };
    let probe = ProbeName::new("web").unwrap();
    let regions: Vec<RegionName> = regions.iter().map(|name| name.parse().unwrap()).collect();
    let each = regions
        .iter()
        .map(|region| (&probe, region, Duration::from_millis(100), &slo));
    promises(each)
}

fn look(outcome: Outcome, total_ms: u64) -> Tick {
    let mut observation = Observation::stopped(Reason::Timeout, Duration::from_millis(total_ms), "");
    observation.outcome = outcome;
    Tick::Done {
        probe: ProbeName::new("web").unwrap(),
        region: "eu".parse().unwrap(),
        intended: Instant::now(),
        late: Duration::ZERO,
        observation: Box::new(observation),
    }
}

/// Bad looks and unseen ones, out of ten, for `success` and `p95`.
#[track_caller]
fn check(tick: &Tick, expected: [(f64, f64); 2]) {
    let budgets = budgets(&["eu"]);
    for _ in 0..10 {
        budgets.observe(tick);
    }
    let known = budgets.read();
    let seen: Vec<(f64, f64)> = known
        .budgets
        .values()
        .map(|budget| {
            let measure = budget.measure(Timestamp::now());
            (measure.burns[3].failures, measure.unseen)
        })
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn a_look_counts_against_what_it_breaks() {
    check(
        &look(Outcome::Up { slow: Vec::new() }, 250),
        [(0.0, 0.0), (0.0, 0.0)],
    );
    check(
        &look(Outcome::Up { slow: Vec::new() }, 251),
        [(0.0, 0.0), (10.0, 0.0)],
    );
    let slow = vec![StepName::new("pay").unwrap()];
    check(&look(Outcome::Up { slow }, 10), [(0.0, 0.0), (10.0, 0.0)]);
    // How long it would have taken, nobody knows.
    check(
        &look(Outcome::Down(Reason::HttpStatus), 10),
        [(10.0, 0.0), (0.0, 1.0)],
    );
}

#[test]
fn what_we_could_not_look_at_is_no_error() {
    check(
        &look(Outcome::Unknown(Reason::CannotLook), 10),
        [(0.0, 1.0), (0.0, 1.0)],
    );
    let missed = Tick::Missed {
        probe: ProbeName::new("web").unwrap(),
        region: "eu".parse().unwrap(),
        count: 3,
    };
    check(&missed, [(0.0, 1.0), (0.0, 1.0)]);
}

/// `page` and `ticket` of objective `success` on the board.
fn firing(budgets: &Budgets) -> [bool; 2] {
    let known = budgets.read();
    let (id, budget) = known.budgets.iter().next().unwrap();
    [Severity::Page, Severity::Ticket].map(|severity| {
        let key = tell::key(id, &budget.promise, severity);
        budgets.board.is_firing(&key)
    })
}

#[test]
fn a_ticket_waits_while_its_page_fires_and_an_alert_ends_with_its_probe() {
    let budgets = budgets(&["eu"]);
    let down = look(Outcome::Down(Reason::ConnectRefused), 1);
    for _ in 0..40 {
        budgets.observe(&down);
    }
    // 40 of the 50 looks of 5 s, of the 1,200 of 2 min.
    let stages = |budgets: &Budgets| {
        let known = budgets.read();
        known
            .budgets
            .values()
            .next()
            .unwrap()
            .alerts
            .map(|alert| alert.stage)
    };
    assert_eq!(
        (stages(&budgets), firing(&budgets)),
        ([Stage::Firing, Stage::Firing], [true, false])
    );
    // A promise that changes is another threshold, not another objective.
    budgets.expect(promised(&["eu"], 0.999));
    assert_eq!(firing(&budgets), [true, false]);
    let [page, _] = [Severity::Page, Severity::Ticket].map(|severity| {
        let known = budgets.read();
        let (id, budget) = known.budgets.iter().next().unwrap();
        tell::key(id, &budget.promise, severity)
    });
    budgets.expect(BTreeMap::new());
    assert!(!budgets.board.is_firing(&page), "nobody looks any more");
}

/// Ten looks that say down, while a region's word is worth this; bad and unseen looks then, and after time has passed.
#[track_caller]
fn check_trust(then: Trust, later: Trust, expected: [(f64, f64); 2]) {
    let trust = Arc::new(Mutex::new(then));
    let word = Arc::clone(&trust);
    let board = Board::default();
    let judge = Box::new(move |_: &RegionName, _| *word.lock().unwrap());
    let budgets = Budgets::new(Arc::new(board), judge);
    budgets.expect(promised(&["eu"], 0.99));
    let down = look(Outcome::Down(Reason::ConnectTimeout), 1);
    (0..10).for_each(|_| budgets.observe(&down));
    let seen = || {
        let known = budgets.read();
        let measure = known.budgets.values().next().unwrap().measure(Timestamp::now());
        (measure.burns[3].failures, measure.unseen)
    };
    let first = seen();
    *trust.lock().unwrap() = later;
    budgets.pass();
    assert_eq!([first, seen()], expected);
}

#[test]
fn a_look_is_a_failure_only_once_its_region_is_believed() {
    check_trust(Trust::Counts, Trust::Counts, [(10.0, 0.0), (10.0, 0.0)]);
    check_trust(Trust::Excluded, Trust::Counts, [(0.0, 1.0), (0.0, 1.0)]);
    check_trust(Trust::Doubted, Trust::Doubted, [(0.0, 0.0), (0.0, 0.0)]);
    check_trust(Trust::Doubted, Trust::Counts, [(0.0, 0.0), (10.0, 0.0)]);
    check_trust(Trust::Doubted, Trust::Excluded, [(0.0, 0.0), (0.0, 1.0)]);
}
