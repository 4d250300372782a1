//! A journal that was sampled, or summed up while it was read, means what the whole one means. Every drill of these
//! tests is measured all three ways.

use std::io::Write;
use std::time::Duration;

use gameday_core::{
    Event, EventKind, JournalLines, Offset, Outcome, Reason, Sampling, read_journal, read_summed,
};
use gameday_report::{
    Measurement, Summed, View, measure, render_csv, render_html, render_json, render_markdown,
};

use crate::fixture::golden;
use crate::script::Script;

/// Everything is sampled from the first line on.
const SAMPLING: Sampling = Sampling {
    whole_bytes: 0,
    every: Duration::from_secs(30),
};

/// The journal that the writer makes of these events, in the bytes of its file.
fn written(events: &[Event], sampling: Option<Sampling>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut lines = JournalLines::new(&mut file, sampling);
    for event in events {
        lines.take(event.clone()).unwrap();
    }
    lines.finish().unwrap();
    file
}

fn read(file: &[u8], read: fn(&std::path::Path) -> Vec<Event>) -> Vec<Event> {
    let mut journal = tempfile::NamedTempFile::new().unwrap();
    journal.write_all(file).unwrap();
    read(journal.path())
}

fn whole(path: &std::path::Path) -> Vec<Event> {
    read_journal(path).unwrap().events
}

fn summed(path: &std::path::Path) -> Vec<Event> {
    read_summed(path).unwrap().events
}

/// Everything that a report says, but for what is of the lines of the journal.
fn said(events: Vec<Event>) -> [String; 4] {
    let mut measured = measure(&[events]).unwrap();
    measured.journal = gameday_report::JournalReport::default();
    let logs = measured.trials.iter_mut().flat_map(|trial| &mut trial.log);
    logs.for_each(|line| line.line = 0);
    [
        render_json(&measured),
        render_html(&measured),
        render_markdown(&measured),
        render_csv(&measured),
    ]
}

/// Panics when any way to keep the journal small changes what is measured.
#[track_caller]
pub(crate) fn check(events: &[Event], measured: &Measurement) {
    let expected = said(events.to_vec());
    let sampled = written(events, Some(SAMPLING));
    let kept = written(events, None);
    for (how, journal) in [
        ("sampled", read(&sampled, whole)),
        ("summed up by the reader", read(&kept, summed)),
        ("both", read(&sampled, summed)),
    ] {
        for (a, b) in expected.iter().zip(said(journal)) {
            assert!(*a == b, "{how}: {:?}", first_difference(a, &b));
        }
    }
    let report = |file: &[u8]| measure(&[read(file, summed)]).unwrap().journal;
    assert_eq!(
        report(&kept),
        measured.journal,
        "the reader's own sums are not the journal's"
    );
    let sampled = report(&sampled);
    assert_eq!(
        (sampled.looks.all, sampled.evaluations.all),
        (measured.journal.looks.all, measured.journal.evaluations.all),
        "nothing is lost or counted twice"
    );
}

/// Two texts from a little before where they differ.
fn first_difference<'a>(a: &'a str, b: &'a str) -> [&'a str; 2] {
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let from = a.floor_char_boundary(same.saturating_sub(120));
    [a, b].map(|text| &text[from..text.floor_char_boundary(same + 200)])
}

#[test]
fn the_report_says_what_was_summed_up() {
    let file = written(&golden().events(), Some(SAMPLING));
    let measured = measure(&[read(&file, summed)]).unwrap();
    let journal = &measured.journal;
    assert!(journal.is_sampled());
    assert_eq!(
        journal.lines,
        file.iter().filter(|byte| **byte == b'\n').count() as u64
    );
    let of_probes = journal.probes.iter().fold((0, 0), |(all, summed), one| {
        (all + one.looks.all, summed + one.looks.summed)
    });
    assert_eq!(of_probes, (journal.looks.all, journal.looks.summed));
    for text in [render_html(&measured), render_markdown(&measured)] {
        let numbers = format!("{} of {} looks", journal.looks.summed, journal.looks.all);
        assert!(text.contains("was sampled") && text.contains(&numbers), "{text}");
    }
    let json: serde_json::Value = serde_json::from_str(&render_json(&measured)).unwrap();
    assert_eq!(json["journal"]["looks"]["summed"], journal.looks.summed);
}

/// What the live page draws, and says at the end.
fn drawn(events: &[Event]) -> String {
    let mut view = View::default();
    events.iter().for_each(|event| view.take(event));
    let lanes = view.probes().iter().map(|lane| {
        let drawn: Vec<(i64, u8)> = lane.values().collect();
        format!(
            "{} {} {:?} {} {drawn:?}",
            lane.probe, lane.region, lane.last, lane.since_ms
        )
    });
    let curves = view.curves().iter().map(|curve| {
        let drawn: Vec<(i64, f64, f64)> = curve.values().collect();
        format!("{} {:?} {:?} {drawn:?}", curve.name, curve.value, curve.holds)
    });
    lanes.chain(curves).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_live_page_of_a_sampled_drill_shows_the_same_in_the_end() {
    let events = golden().events();
    let sampled = read(&written(&events, Some(SAMPLING)), whole);
    assert!(sampled.len() * 2 < events.len(), "most of it is summed up");
    assert_eq!(drawn(&sampled), drawn(&events));
}

#[test]
fn a_journal_that_is_whole_says_so() {
    let measured = golden().measured();
    let looks = Summed {
        all: measured.journal.looks.all,
        summed: 0,
    };
    assert_eq!(measured.journal.looks, looks);
    assert!(render_html(&measured).contains("nothing was summed up"));
    assert!(!render_markdown(&measured).contains("summed up"));
}

/// The golden drill with an hour more of its fault, in which every look fails but now and then: at `pay` with a status,
/// every ten minutes at `login` with a reset, and once it can not be made.
fn outage() -> Script {
    const MORE_US: u64 = 3_600_000_000;
    let mut script = golden();
    let (from, first) = (50_000_000, script.lines.clone());
    for (us, ..) in script.lines.iter_mut().filter(|(us, ..)| *us >= from) {
        *us += MORE_US;
    }
    let look = first.iter().find_map(|(_, _, kind)| match kind {
        EventKind::ProbeDone(done) => Some(done.clone()),
        _ => None,
    });
    for second in 0..3_600 {
        for (region, shift) in [("eu-west", 210_000), ("us-east", 640_000)] {
            let mut done = look.clone().unwrap();
            let us = from + second * 1_000_000 + shift;
            (done.intended, done.total_us) = (Offset::from_micros(us), 40_000 + second * 17 % 9_000);
            let (at, said, message) = match second {
                1_700 => (
                    0,
                    Outcome::Unknown(Reason::NoDescriptors),
                    "no descriptor is left",
                ),
                _ if second % 600 == 0 => (0, Outcome::Down(Reason::ConnectionReset), "login: reset"),
                _ => (1, Outcome::Down(Reason::HttpStatus), "pay: status 503"),
            };
            done.steps.truncate(at + 1);
            done.steps[at].outcome = said.clone();
            (done.outcome, done.message) = (said, Some(message.to_owned()));
            script.seen_in(region, us + done.total_us, EventKind::ProbeDone(done));
        }
    }
    script
}

#[test]
fn an_hour_of_failures_is_summed_up_and_means_the_same() {
    let script = outage();
    let events = script.events();
    // Measured in every way, as each drill of these tests.
    let measured = script.measured();
    let failed: u64 = measured.trials[0]
        .probes
        .iter()
        .map(|probe| probe.during.down)
        .sum();
    assert!(failed > 7_190, "{failed} looks failed");
    let sampled = written(&events, Some(SAMPLING));
    let whole = written(&events, None);
    assert!(
        sampled.len() * 5 < whole.len(),
        "{} of {}",
        sampled.len(),
        whole.len()
    );
    assert_eq!(drawn(&read(&sampled, self::whole)), drawn(&events));
}

#[test]
fn failures_now_and_then_are_whole_in_a_sampled_journal() {
    let script = golden().edited(|kind| {
        if let EventKind::ProbeDone(done) = kind
            && done.intended.as_micros() % 7 == 0
        {
            done.outcome = Outcome::Down(Reason::HttpStatus);
        }
    });
    let failed = |events: &[Event]| {
        let failed = |event: &&Event| match &event.kind {
            EventKind::ProbeDone(done) => !matches!(done.outcome, Outcome::Up { .. }),
            _ => false,
        };
        events.iter().filter(failed).count()
    };
    let events = script.events();
    assert!(failed(&events) > 10);
    let kept = read(&written(&events, Some(SAMPLING)), whole);
    assert_eq!(failed(&kept), failed(&events));
}
