//! What stays whole, and what is summed up: a drill is a line of words, and so is what becomes of it.

use expect_test::{Expect, expect};

use super::*;
use crate::{Outcome, Phases, ProbeDone, Reason, SteadyEvaluated, StepDone, StepName};

const START_US: i64 = 1_795_341_600_000_000;

/// One second after the other: `up`, `slow`, `down`, `unknown`, `cleanup` (up, with a step that is down), `said` (up,
/// with a message), `holds`, `broken`, `blind`, `touched`, `ordered`, `removed`, `start`, `trial`, `end`, or `step` for a wall clock that is
/// a second off from there on.
fn events(words: &str) -> Vec<Event> {
    let mut wall = START_US;
    let mut events = Vec::new();
    for (second, word) in (0..).zip(words.split_whitespace()) {
        if word == "step" {
            wall += 1_000_000;
            continue;
        }
        let at = Offset::from_micros(second * 1_000_000);
        let time = Timestamp::from_micros(wall).plus_micros(i64::try_from(second * 1_000_000).unwrap());
        events.push(Event {
            seq: events.len() as u64,
            at,
            time,
            region: RegionName::new("eu-west").unwrap(),
            kind: kind(word, second),
        });
    }
    events
}

fn kind(word: &str, second: u64) -> EventKind {
    let fault = || crate::FaultName::new("slow").unwrap();
    match word {
        "holds" => evaluated(Some(true), second),
        "broken" => evaluated(Some(false), second),
        "blind" => evaluated(None, second),
        "touched" => EventKind::FaultTouched {
            fault: fault(),
            touched: second,
            first_touched: None,
            source: crate::SourceName::new("proxy.db").unwrap(),
        },
        "start" => EventKind::StageEntered(crate::Stage::Steady),
        "ordered" => EventKind::FaultOrdered {
            fault: fault(),
            undo: serde_json::Value::Null,
        },
        "removed" => EventKind::FaultRemoved {
            fault: fault(),
            how: crate::FaultEnd::Removed,
        },
        "trial" => EventKind::TrialEnded { trial: 0 },
        "end" => EventKind::DrillEnded(crate::Ended::Completed),
        look => EventKind::ProbeDone(Box::new(looked(look, second))),
    }
}

fn evaluated(holds: Option<bool>, second: u64) -> EventKind {
    EventKind::SteadyEvaluated(SteadyEvaluated {
        name: SteadyName::new("fast").unwrap(),
        value: u32::try_from(second).ok().map(f64::from),
        holds,
        up: 9,
        down: 0,
        unknown: 0,
    })
}

fn looked(word: &str, second: u64) -> ProbeDone {
    let pay = StepName::new("pay").unwrap();
    let up = |slow: Vec<StepName>| Outcome::Up { slow };
    let outcome = match word {
        "slow" => up(vec![pay.clone()]),
        "down" => Outcome::Down(Reason::HttpStatus),
        "unknown" => Outcome::Unknown(Reason::NoDescriptors),
        _ => up(Vec::new()),
    };
    let step = match word {
        "cleanup" => Outcome::Down(Reason::HttpStatus),
        _ => outcome.clone(),
    };
    ProbeDone {
        probe: ProbeName::new("checkout").unwrap(),
        intended: Offset::from_micros(second * 1_000_000 - 50_000),
        outcome,
        total_us: 40_000 + second,
        phases: Phases::default(),
        steps: vec![StepDone {
            name: pay,
            outcome: step,
            status: Some(200),
            total_us: 30_000,
            phases: Phases::default(),
        }],
        message: (word == "said").then(|| "a warning".to_owned()),
        trace_id: None,
        region_time: None,
    }
}

/// `7` for what is whole, `[3 4 5]` for a sum, as the seconds at which they were.
fn told(events: &[Event]) -> String {
    let seconds = |at: &Offset| (at.as_micros() / 1_000_000).to_string();
    let sum = |ats: Vec<String>| format!("[{}]", ats.join(" "));
    let word = |event: &Event| match &event.kind {
        EventKind::LooksSummed(summed) => sum(summed.looks.iter().map(|look| seconds(&look.at)).collect()),
        EventKind::SteadySummed(summed) => sum(summed.values.iter().map(|(at, _)| seconds(at)).collect()),
        _ => seconds(&event.at),
    };
    events.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn sampled(mut sampler: Sampler, words: &str) -> Vec<Event> {
    let mut out = Vec::new();
    for event in events(words) {
        sampler.take(event, &mut out);
    }
    sampler.finish(&mut out);
    out
}

#[track_caller]
fn check(words: &str, expect: Expect) {
    expect.assert_eq(&told(&sampled(
        Sampler::writing(Duration::from_secs(3600)),
        words,
    )));
}

#[test]
fn looks_that_say_the_same_are_summed_up_and_the_first_and_the_last_stay_whole() {
    check("start up up up up up end", expect!["0 1 [2 3 4] 5 6"]);
}

#[test]
fn failures_and_the_looks_around_them_stay_whole() {
    check(
        "start up up up up down down unknown up up up up end",
        expect!["0 1 [2 3] 4 5 6 7 8 [9 10] 11 12"],
    );
}

#[test]
fn of_a_long_outage_the_first_failures_and_the_last_stay_whole() {
    check(
        &format!("start up up up {} unknown up up up end", "down ".repeat(16)),
        expect!["0 1 [2] 3 4 5 6 7 8 9 10 11 12 13 [14 15 16 17 18] 19 20 21 [22] 23 24"],
    );
    let words = format!("start {} end", "down ".repeat(30));
    let mut out = sampled(Sampler::writing(Duration::from_secs(3600)), &words);
    out.retain(|event| matches!(event.kind, EventKind::LooksSummed(_)));
    let EventKind::LooksSummed(summed) = &out[0].kind else {
        unreachable!()
    };
    let said = Outcome::Down(Reason::HttpStatus);
    assert_eq!((&summed.outcome, &summed.said), (&said, &vec![said.clone()]));
}

#[test]
fn failures_that_say_another_thing_are_another_run() {
    let mut all = events(&format!("start {} end", "down ".repeat(40)));
    for event in all
        .iter_mut()
        .filter(|event| event.at >= Offset::from_micros(20_000_000))
    {
        if let EventKind::ProbeDone(done) = &mut event.kind {
            done.message = Some("status 504".to_owned());
        }
    }
    let (mut sampler, mut out) = (Sampler::writing(Duration::from_secs(3600)), Vec::new());
    all.into_iter().for_each(|event| sampler.take(event, &mut out));
    sampler.finish(&mut out);
    expect!["0 1 2 3 4 5 6 7 8 9 10 [11 12 13 14 15 16 17 18] 19 20 21 22 23 24 25 26 27 28 29 [30 31 32 33 34 35 36 37 38] [39] 40 41"]
        .assert_eq(&told(&out));
}

#[test]
fn a_slow_look_is_a_change_and_slow_looks_are_summed_up_among_themselves() {
    check(
        "start up up up slow slow slow slow up up up end",
        expect!["0 1 [2] 3 4 [5 6] 7 8 [9] 10 11"],
    );
}

#[test]
fn what_a_sum_could_not_say_stays_whole() {
    check(
        "start up up up cleanup up up said up up end",
        expect!["0 1 [2] 3 4 5 6 7 8 9 10"],
    );
}

#[test]
fn every_change_of_a_steady_state_stays_whole_on_both_sides() {
    check(
        "start blind blind blind holds holds holds holds broken broken broken broken holds holds end",
        expect!["0 1 [2] 3 4 [5 6] 7 8 [9 10] 11 12 13 14"],
    );
}

#[test]
fn a_fault_ends_every_run() {
    check(
        "start up up up up ordered down down up end",
        expect!["0 1 [2 3] 4 5 6 7 8 9"],
    );
    check(
        "start holds holds holds ordered holds holds holds end",
        expect!["0 1 [2] 3 4 5 [6] 7 8"],
    );
    check(
        "start up up up removed up up up end",
        expect!["0 1 [2] 3 4 5 [6] 7 8"],
    );
}

#[test]
fn what_is_frequent_divides_no_sum() {
    check(
        "start up up touched up touched up up end",
        expect!["0 1 3 5 [2 4 6] 7 8"],
    );
}

#[test]
fn nothing_of_a_trial_is_written_after_it() {
    check(
        "start up up up trial up up up end",
        expect!["0 1 [2] 3 4 5 [6] 7 8"],
    );
}

#[test]
fn no_sum_spans_a_step_of_the_wall_clock() {
    check("start up up up step up up up end", expect!["0 1 [2] 3 5 [6] 7 8"]);
}

#[test]
fn one_look_stays_whole_as_often_as_is_asked_for() {
    let words = "start up up up up up up up up up up end";
    let told = told(&sampled(Sampler::writing(Duration::from_secs(4)), words));
    expect!["0 1 [2 3 4] 5 [6 7 8] 9 10 11"].assert_eq(&told);
}

#[test]
fn nothing_is_held_back_longer_than_a_few_seconds() {
    let mut sampler = Sampler::writing(Duration::from_secs(3600));
    let mut out = Vec::new();
    let words = format!("start {}", "up ".repeat(60));
    for event in events(&words) {
        let now = event.at;
        sampler.take(event, &mut out);
        let written = out.iter().map(|event| event.at).max().unwrap();
        assert!(
            now.since(written) <= HELD + Duration::from_secs(2),
            "{now}: {written}"
        );
    }
}

#[test]
fn who_reads_keeps_less_and_says_that_the_journal_has_it_all() {
    let read = sampled(
        Sampler::reading(),
        &format!("start {} down up end", "up ".repeat(30)),
    );
    expect!["0 1 [2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29] 30 31 32 33"]
        .assert_eq(&told(&read));
    assert!(
        read.iter()
            .all(|event| !matches!(&event.kind, EventKind::LooksSummed(one) if !one.by_reader))
    );
}

#[test]
fn a_sum_has_the_stamps_of_its_last_look_and_each_look_its_own_time() {
    let out = sampled(Sampler::reading(), "start up up up up end");
    let sum = out
        .iter()
        .find(|event| matches!(event.kind, EventKind::LooksSummed(_)));
    let sum = sum.unwrap();
    assert_eq!((sum.seq, sum.at), (3, Offset::from_micros(3_000_000)));
    let EventKind::LooksSummed(summed) = &sum.kind else {
        unreachable!()
    };
    assert_eq!(
        serde_json::to_string(&summed.looks).unwrap(),
        "[[1950000,40002,2000000],[2950000,40003,3000000]]"
    );
    assert_eq!(
        sum.time_at(summed.looks[0].at),
        Timestamp::from_micros(START_US + 2_000_000)
    );
}
