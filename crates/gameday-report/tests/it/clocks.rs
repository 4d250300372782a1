//! Clocks that differ are corrected by what was measured; clocks that were stepped void what they touch.

use gameday_core::{Event, EventKind};
use gameday_report::{AlertVerdict, Measurement, Verdict, measure};

use crate::fixture::{golden, source};
use crate::script::Script;

/// The golden drill with Prometheus' clock ahead by so much.
fn ahead(offset_us: i64, error_us: i64) -> Script {
    let theirs = offset_us;
    golden().edited(move |kind| match kind {
        EventKind::ClockMeasured {
            source,
            offset_us,
            error_us: error,
            ..
        } if source.as_str() == "prometheus" => {
            (*offset_us, *error) = (theirs, error_us);
        }
        EventKind::AlertSeen(seen) => {
            seen.active_at = seen.active_at.map(|time| time.plus_micros(theirs));
            seen.starts_at = seen.starts_at.map(|time| time.plus_micros(theirs));
        }
        EventKind::Notified(notice) => {
            for alert in &mut notice.alerts {
                alert.starts_at = alert.starts_at.map(|time| time.plus_micros(theirs));
                alert.ends_at = alert.ends_at.map(|time| time.plus_micros(theirs));
            }
        }
        EventKind::RawSamples { series, .. } => {
            for (time, _) in series.iter_mut().flat_map(|one| &mut one.samples) {
                *time = time.plus_micros(theirs);
            }
        }
        _ => {}
    })
}

#[test]
fn marks_are_less_the_offset_of_their_source_and_keep_the_raw_time() {
    for offset_us in [7_000_000, -7_000_000] {
        let measurement = ahead(offset_us, 900).measured();
        let (found, wanted) = (
            &measurement.trials[0].alerts[0],
            &golden().measured().trials[0].alerts[0],
        );
        assert_eq!(found.marks.named(), wanted.marks.named(), "offset {offset_us}");
        assert_eq!(found.stages_ms, wanted.stages_ms);
        let raw = if offset_us > 0 {
            "2026-11-22T10:00:30.226000Z"
        } else {
            "2026-11-22T10:00:16.226000Z"
        };
        assert_eq!(found.raw["T3"], raw);
        assert_eq!(found.verdict, AlertVerdict::Passed);
    }
}

#[test]
fn an_offset_within_its_error_corrects_nothing() {
    let measurement = ahead(800, 900).measured();
    let t3 = measurement.trials[0].alerts[0].marks.t3.unwrap();
    assert_eq!(t3.clock(), "10:00:23.227", "the raw 23.2268 as it is");
}

/// The golden journal with our wall clock stepped at a moment.
fn stepped(at_ms: u64, by_us: i64) -> Measurement {
    let mut events: Vec<Event> = golden().events();
    for event in events
        .iter_mut()
        .filter(|event| event.at.as_micros() >= at_ms * 1_000)
    {
        event.time = event.time.plus_micros(by_us);
    }
    measure(&[events]).unwrap()
}

#[test]
fn a_step_of_our_wall_clock_voids_the_stages_it_touches_and_no_others() {
    let measurement = stepped(20_000, 60_000);
    let alert = &measurement.trials[0].alerts[0];
    assert_eq!(
        (alert.stages_ms.scrape, alert.stages_ms.rule),
        (Some(751), Some(5_444)),
        "before it"
    );
    assert_eq!(alert.stages_ms.hold, None);
    assert!(
        alert.why["hold"].contains("wall clock stepped by 0.060 s"),
        "{}",
        alert.why["hold"]
    );
    assert_eq!(alert.stages_ms.group, Some(2_006), "after it");
    assert_eq!((alert.ttd_ms, alert.ttn_ms), (None, None));
    assert_eq!(
        measurement.verdict,
        Verdict::Inconclusive,
        "a limit that cannot be checked is no pass"
    );
}

#[test]
fn a_drift_of_less_than_50_ms_voids_nothing() {
    assert_eq!(stepped(20_000, 49_000).verdict, Verdict::Passed);
    assert_eq!(stepped(20_000, -49_000).verdict, Verdict::Passed);
}

#[test]
fn a_source_whose_clock_was_stepped_voids_what_lies_between_two_readings() {
    let stepped = EventKind::ClockMeasured {
        source: source("prometheus"),
        offset_us: 300,
        error_us: 900,
        stepped: true,
    };
    let measurement = golden().and(30_000, stepped).measured();
    let alert = &measurement.trials[0].alerts[0];
    assert_eq!(alert.ttn_ms, None);
    assert!(
        alert.why["ttn_ms"].contains("the clock of prometheus was stepped"),
        "{}",
        alert.why["ttn_ms"]
    );
    assert_eq!(measurement.verdict, Verdict::Inconclusive);
}

#[test]
fn a_regions_clock_and_its_silence_are_told_and_void_no_mark() {
    let clock = |offset_us: i64, stepped: bool| EventKind::ClockMeasured {
        source: source("region.us-east"),
        offset_us,
        error_us: 900,
        stepped,
    };
    let error = "no connection to `10.0.0.2:9116` in time (connect_timeout)".to_owned();
    let mut script = golden()
        .and(5_000, clock(300, false))
        .and(30_000, clock(7_000_000, true));
    script
        .seen_in("us-east", 25_000_000, EventKind::RegionLost { error })
        .seen_in("us-east", 40_000_000, EventKind::RegionBack { silent_ms: 18_200 });
    let measurement = script
        .planned(|plan| {
            plan.followed = vec![gameday_core::RegionRecord {
                name: "us-east".parse().unwrap(),
                url: "https://10.0.0.2:9116".to_owned(),
            }];
        })
        .measured();
    assert_eq!(
        measurement.verdict,
        Verdict::Passed,
        "{:?}",
        measurement.trials[0].reasons
    );
    let trial = &measurement.trials[0];
    let ours = trial
        .clocks
        .iter()
        .find(|clock| clock.source == "region.us-east")
        .unwrap();
    assert_eq!(
        (ours.offset_us, ours.corrected, ours.stepped, ours.readings),
        (7_000_000, true, true, 2)
    );
    let said: Vec<_> = trial
        .safety
        .iter()
        .filter(|line| line.what.contains("sight"))
        .map(|line| line.text.as_str())
        .collect();
    assert_eq!(
        said,
        [
            "region us-east: no connection to `10.0.0.2:9116` in time (connect_timeout)",
            "region us-east, after 18.200 s"
        ]
    );
    let html = gameday_report::render_html(&measurement);
    for words in ["region.us-east", "followed at", "https://10.0.0.2:9116"] {
        assert!(html.contains(words), "{words}");
    }
}
