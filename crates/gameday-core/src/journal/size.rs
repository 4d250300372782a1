//! How large the journal of a drill is, written by the code that writes it.

use super::*;
use crate::{
    FaultEnd, FaultName, Outcome, Phases, ProbeDone, ProbeName, Reason, SourceName, SteadyEvaluated,
    SteadyName, StepDone, StepName, Timestamp,
};
use std::time::Duration;

const START_US: i64 = 1_795_341_600_000_000;
const PROBES: u64 = 20;
const STEADY: u64 = 20;
const SOURCES: u64 = 4;

/// What `[journal]` has when a scenario does not say otherwise.
const USUAL: Sampling = Sampling {
    whole_bytes: 2_000_000,
    every: Duration::from_secs(60),
};

/// A drill of so many seconds, of which everything fails for a twelfth, from a third on: five minutes of an hour.
fn drill(seconds: u64, sampling: Option<Sampling>) -> u64 {
    failing(seconds, seconds / 3..seconds / 3 + seconds / 12, sampling)
}

/// Each second twenty probes with four steps look and twenty conditions are evaluated, and the clocks of four sources are
/// compared; within these seconds everything fails.
fn failing(seconds: u64, outage: std::ops::Range<u64>, sampling: Option<Sampling>) -> u64 {
    let mut lines = JournalLines::new(io::sink(), sampling);
    let mut at = |us: u64, kind: EventKind| {
        let event = Event {
            seq: 0,
            at: Offset::from_micros(us),
            time: Timestamp::from_micros(START_US).plus_micros(i64::try_from(us).unwrap()),
            region: local(),
            kind,
        };
        lines.take(event).unwrap();
    };
    let fault = || FaultName::new("slow").unwrap();
    for second in 0..seconds {
        let now = second * 1_000_000;
        let undo = serde_json::json!({ "lease": "db-latency-20261122T100000Z" });
        if second == outage.start {
            at(now, EventKind::FaultOrdered { fault: fault(), undo });
        }
        if second == outage.end {
            let how = FaultEnd::Removed;
            at(now, EventKind::FaultRemoved { fault: fault(), how });
        }
        let broken = outage.contains(&second);
        for probe in 0..PROBES {
            let us = now + 1_000 + probe * 40_000;
            at(us, EventKind::ProbeDone(Box::new(look(probe, us, broken))));
        }
        for one in 0..STEADY {
            at(
                now + 900_000 + one,
                EventKind::SteadyEvaluated(evaluated(one, second, broken)),
            );
        }
        if second % 2 == 0 {
            (0..SOURCES).for_each(|source| at(now + 950_000, clock(source)));
        }
    }
    at(
        seconds * 1_000_000,
        EventKind::DrillEnded(crate::Ended::Completed),
    );
    lines.bytes()
}

fn look(probe: u64, us: u64, broken: bool) -> ProbeDone {
    let total_us = 31_000 + us / 7 % 20_000;
    let phases = Phases {
        resolve_us: 64,
        connect_us: 427,
        tls_us: 2_113,
        send_us: 541,
        wait_us: total_us - 3_865,
        transfer_us: 720,
    };
    let outcome = match broken {
        true => Outcome::Down(Reason::HttpStatus),
        false => Outcome::Up { slow: Vec::new() },
    };
    let step = |name: &str| StepDone {
        name: StepName::new(name).unwrap(),
        outcome: outcome.clone(),
        status: Some(if broken { 503 } else { 200 }),
        total_us: total_us / 4,
        phases,
    };
    ProbeDone {
        probe: ProbeName::new(&format!("checkout-{probe}")).unwrap(),
        intended: Offset::from_micros(us.saturating_sub(total_us)),
        outcome: outcome.clone(),
        total_us,
        phases,
        steps: ["login", "pay", "settled", "cleanup"].map(step).into(),
        message: broken.then(|| "pay: status 503, expected `status == 201`".to_owned()),
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        region_time: None,
    }
}

fn evaluated(one: u64, second: u64, broken: bool) -> SteadyEvaluated {
    SteadyEvaluated {
        name: SteadyName::new(&format!("works-{one}")).unwrap(),
        value: u32::try_from(second)
            .ok()
            .map(|second| 41.37 + f64::from(second % 17) / 3.0),
        holds: Some(!broken),
        up: 10,
        down: 0,
        unknown: 0,
    }
}

fn clock(source: u64) -> EventKind {
    EventKind::ClockMeasured {
        source: SourceName::new(&format!("source-{source}")).unwrap(),
        offset_us: 311,
        error_us: 902,
        stepped: false,
    }
}

#[test]
fn an_hour_with_twenty_probes_is_under_20_megabytes() {
    let bytes = drill(3600, Some(USUAL));
    println!("an hour with twenty probes: {bytes} bytes");
    assert!(bytes < 20_000_000, "{bytes} bytes");
}

#[test]
fn an_hour_of_nothing_but_failures_is_no_larger() {
    let bytes = failing(3600, 60..3540, Some(USUAL));
    println!(
        "an hour of failures: {bytes} bytes; whole: {}",
        failing(3600, 60..3540, None)
    );
    assert!(bytes < 20_000_000, "{bytes} bytes");
}

#[test]
fn a_minute_with_twenty_probes_is_whole() {
    assert_eq!(drill(60, Some(USUAL)), drill(60, None));
}
