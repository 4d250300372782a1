//! Acks and the end of the harm, from what people said.

use gameday_core::EventKind;

use crate::fixture::{ALERT, golden};
use crate::script::Script;

fn ack(alert: &str) -> EventKind {
    EventKind::Acknowledged {
        who: "mo".into(),
        alert: alert.into(),
    }
}

/// T6 − T5 and who acknowledged it, if anybody did.
fn tta(script: &Script) -> Option<(Option<i64>, String)> {
    let ack = script.measured().trials[0].alerts[0].ack.clone()?;
    Some((ack.tta_ms, ack.who))
}

#[test]
fn the_time_to_acknowledge_is_from_the_notification_to_the_first_ack() {
    // The notification came at 25.238 s.
    let script = golden().and(40_000, ack(ALERT)).and(50_000, ack(ALERT));
    assert_eq!(tta(&script), Some((Some(14_762), "mo".into())));
    assert_eq!(tta(&golden()), None);
    assert_eq!(tta(&golden().and(40_000, ack("Other"))), None);
    assert_eq!(
        tta(&golden().and(5_000, ack(ALERT))),
        None,
        "before the fault took effect"
    );
    let untold = script.without(|kind| matches!(kind, EventKind::Notified(_)));
    assert_eq!(tta(&untold), Some((None, "mo".into())), "no T5, no number");
}

#[test]
fn the_time_to_mitigate_is_from_the_first_effect() {
    let mitigated = |who: &str| EventKind::Mitigated { who: who.into() };
    // The fault took effect at 12.031 s.
    let script = golden().and(60_000, mitigated("mo")).and(70_000, mitigated("jo"));
    let trial = script.measured().trials.remove(0);
    let mitigation = trial.mitigation.unwrap();
    assert_eq!((mitigation.ttm_ms, mitigation.who.as_str()), (Some(47_969), "mo"));
    let said: Vec<_> = trial
        .people
        .iter()
        .map(|line| (line.after_t0_ms, line.what))
        .collect();
    assert_eq!(said, [(Some(48_000), "mitigated"), (Some(58_000), "mitigated")]);
    let told = trial
        .briefing
        .iter()
        .find(|line| line.key == "mitigation")
        .unwrap();
    let begin = "`mo` said that the harm was over 48.0 s after the fault took effect. The last fault";
    assert!(told.text.starts_with(begin), "{}", told.text);
    assert!(golden().measured().trials[0].mitigation.is_none());
}

#[test]
fn notes_stand_in_the_safety_log() {
    let note = EventKind::Noted {
        who: "mo".into(),
        text: "the pool is full".into(),
    };
    let measured = golden().and(30_000, note).measured();
    let line = measured.trials[0]
        .safety
        .iter()
        .find(|line| line.what == "note")
        .unwrap();
    assert_eq!(line.text, "mo: the pool is full");
}
