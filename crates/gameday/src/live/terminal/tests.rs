//! What is drawn, on a terminal in memory, and what keys do.

use expect_test::{Expect, expect};
use gameday_core::Event;
use gameday_drill::Word;
use gameday_report::View;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};

use super::keys::{Keys, Mode, Wish};
use super::screen::Screen;
use crate::live::InSweep;

/// A drill in which a fault has been in place for a while.
fn drill() -> View {
    let mut view = View::default();
    for (seq, (at_ms, kind)) in (0..).zip(happenings()) {
        let time = format!("2026-11-22T10:00:{:02}.{:03}Z", at_ms / 1000, at_ms % 1000);
        let event =
            json!({ "seq": seq, "at_us": at_ms * 1000, "time": time, "region": "local", "kind": kind });
        let event: Event = serde_json::from_value(event).unwrap();
        view.take(&event);
        if !matches!(
            kind.as_object().unwrap().keys().next().unwrap().as_str(),
            "probe_done" | "steady_evaluated"
        ) {
            let text = format!("{:02}.{:03}  line {seq}\u{1b}[31m", at_ms / 1000, at_ms % 1000);
            view.say(text, "  [Slow: told by its lane]".to_owned());
        }
    }
    view
}

fn happenings() -> Vec<(u64, Value)> {
    let mut all = vec![
        (0, started()),
        (10, json!({ "stage_entered": "steady" })),
        (2_000, json!({ "stage_entered": "inject" })),
        (2_001, json!({ "fault_ordered": { "fault": "slow", "undo": {} } })),
        (2_010, json!({ "fault_injected": { "fault": "slow" } })),
        (6_000, alert("pending")),
        (8_000, alert("firing")),
        (8_500, json!({ "acknowledged": { "who": "mo", "alert": "Slow" } })),
        (
            9_000,
            json!({ "noted": { "who": "mo", "text": "pool exhausted" } }),
        ),
    ];
    for second in 0..10_u64 {
        let bad = (4..7).contains(&second);
        all.push((
            second * 1000 + 500,
            json!({ "steady_evaluated": { "name": "works", "value": if bad { 0.5 } else { 1.0 },
            "holds": !bad, "up": 1, "down": 0, "unknown": 0 } }),
        ));
        all.push((second * 1000 + 600, json!({ "probe_done": { "probe": "web", "intended_us": second * 1_000_000, "outcome":
            if bad { json!({ "down": "timeout" }) } else { json!({ "up": { "slow": [] } }) }, "total_us": 10,
            "phases": { "resolve_us": 0, "connect_us": 0, "tls_us": 0, "send_us": 0, "wait_us": 0, "transfer_us": 0 },
            "steps": [], "message": null } })));
    }
    all.sort_by_key(|(at, _)| *at);
    all
}

fn started() -> Value {
    json!({ "drill_started": { "schema": 1, "version": "0", "drill": "d", "scenario": "s", "lab": null, "plan": {
        "title": "Payments DB: +200 ms", "hypothesis": null, "runbook": null, "vars": {}, "targets": [],
        "probes": [{ "name": "web", "regions": ["local"], "steps": [], "every_ms": 250, "timeout_ms": 100, "slo_p95_ms": null, "slo_success": null }],
        "observe": { "prometheus": null, "alertmanager": [], "webhook": null },
        "steady": [{ "name": "works", "text": "web success", "limit": 0.95, "unit": "ratio", "at_most": false, "window_ms": 1000 }],
        "timeline": [{ "name": "slow", "on": "db", "kind": "latency", "detail": "", "at_ms": 0, "hold_ms": 20_000 }],
        "expect": [{ "label": "Slow", "alert": "Slow", "of": "slow", "job": null, "firing_ms": null, "notified_ms": 4000, "resolved_ms": null, "labels": {}, "receiver": null }],
        "guard": { "abort_if": [], "max_duration_ms": 60_000, "lease_ms": 5000 }, "recover_within_ms": null } } })
}

fn alert(state: &str) -> Value {
    json!({ "alert_seen": { "source": "prometheus", "alert": "Slow", "labels": {}, "annotations": {}, "state": state,
        "fingerprint": null, "active_at": null, "starts_at": null, "updated_at": null, "receivers": [], "suppressed_by": [] } })
}

fn drawn(keys: &Keys, width: u16, height: u16) -> String {
    drawn_of(&drill(), None, keys, (width, height))
}

fn drawn_of(view: &View, sweep: Option<&InSweep>, keys: &Keys, (width, height): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let screen = Screen {
        view,
        broken: None,
        sweep,
        keys,
        coloured: true,
        over: false,
    };
    terminal.draw(|frame| screen.draw(frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let rows = buffer.content().chunks(usize::from(width));
    let row = |cells: &[ratatui::buffer::Cell]| {
        let text: String = cells.iter().map(ratatui::buffer::Cell::symbol).collect();
        text.trim_end().to_owned() + "\n"
    };
    rows.map(row).collect()
}

fn check(mode: Mode, height: u16, expect: &Expect) {
    let keys = Keys {
        mode,
        ..Keys::default()
    };
    expect.assert_eq(&drawn(&keys, 80, height));
}

#[test]
fn eighty_columns_and_twenty_four_lines_are_enough() {
    check(
        Mode::Watch,
        24,
        &expect![[r#"
        faults  7.5 s after the first fault
        Payments DB: +200 ms
        slow             ······████████████████████████  in place, 12.4 s more
        Slow             ··················░░░░░░██████  firing (mo)
        works            ·█··█··█··█··▁···▁··▁··█··█··█  100.0 % holds
        web·local        ·  ·  ·  ·  x  x  x  ·  ·  ·    up
                         ──────0──────────────────────── 0 = first fault, 10.0 s in all
        00.000  line 0\u{1b}[31m
        00.010  line 1\u{1b}[31m
        02.000  line 6\u{1b}[31m
        02.001  line 7\u{1b}[31m
        02.010  line 8\u{1b}[31m
        06.000  line 17\u{1b}[31m
        08.000  line 22\u{1b}[31m
        08.500  line 23\u{1b}[31m
        09.000  line 26\u{1b}[31m







        n note · a ack · m mitigated · s stop · q plain lines · ? help
    "#]],
    );
}

#[test]
fn a_small_terminal_says_what_it_leaves_out() {
    check(
        Mode::Sure,
        12,
        &expect![[r#"
        faults  7.5 s after the first fault
        Payments DB: +200 ms
        slow             ······████████████████████████  in place, 12.4 s more
        … and 3 more; a larger terminal shows them
                         ──────0──────────────────────── 0 = first fault, 10.0 s in all
        02.001  line 7\u{1b}[31m
        02.010  line 8\u{1b}[31m
        06.000  line 17\u{1b}[31m
        08.000  line 22\u{1b}[31m
        08.500  line 23\u{1b}[31m
        09.000  line 26\u{1b}[31m
        stop the drill now and put everything back? y = yes, any other key = no
    "#]],
    );
}

#[test]
fn the_smallest_terminals_are_drawn_too() {
    for (width, height) in [(1, 1), (3, 200), (20, 5), (500, 3), (300, 100)] {
        drawn(&Keys::default(), width, height);
        let mode = Mode::Help;
        drawn(
            &Keys {
                mode,
                ..Keys::default()
            },
            width,
            height,
        );
    }
}

fn press(keys: &mut Keys, text: &str) -> Vec<Wish> {
    let key = |c| match c {
        '\n' => KeyCode::Enter,
        '\u{1b}' => KeyCode::Esc,
        '\u{8}' => KeyCode::Backspace,
        c => KeyCode::Char(c),
    };
    text.chars()
        .filter_map(|c| keys.press(KeyEvent::new(key(c), KeyModifiers::NONE)))
        .collect()
}

#[test]
fn keys_say_what_they_are_asked_for() {
    let mut keys = Keys::default();
    let check = |keys: &mut Keys, text: &str, wishes: Vec<Wish>| {
        assert_eq!(press(keys, text), wishes, "{text:?}");
        assert_eq!(keys.mode, Mode::Watch, "{text:?}");
    };
    check(
        &mut keys,
        "nx\u{8}qs a\n",
        vec![Wish::Say(Word::Note("qs a".into()))],
    );
    check(&mut keys, "nabc\u{1b}n \n?q", vec![]);
    check(&mut keys, "sn", vec![]);
    check(&mut keys, "sy", vec![Wish::Say(Word::Stop)]);
    check(
        &mut keys,
        "am",
        vec![Wish::Say(Word::Ack(None)), Wish::Say(Word::Mitigated)],
    );
    check(&mut keys, "q", vec![Wish::Leave]);
    press(&mut keys, "n");
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(keys.press(interrupt), Some(Wish::Interrupt), "whatever is asked");
}

#[test]
fn the_point_the_trial_and_what_those_before_came_to_stand_under_the_state() {
    let mut view = drill();
    for (seq, kind) in [
        (100, json!({ "trial_started": { "trial": 0, "of": 3 } })),
        (101, json!({ "trial_ended": { "trial": 0 } })),
        (102, json!({ "trial_started": { "trial": 1, "of": 3 } })),
    ] {
        let event = json!({ "seq": seq, "at_us": 11_000_000, "time": "2026-11-22T10:00:11Z", "region": "local", "kind": kind });
        view.take(&serde_json::from_value(event).unwrap());
    }
    let sweep = InSweep {
        point: "point 2 of 4: delay=60ms".to_owned(),
        earlier: vec!["delay=20ms: Slow not seen (0 of 3; predicted never)".to_owned()],
        more: true,
    };
    let text = drawn_of(&view, Some(&sweep), &Keys::default(), (80, 24));
    let top: Vec<&str> = text.lines().take(4).collect();
    assert!(
        top[1].starts_with("point 2 of 4: delay=60ms · trial 2 of 3 · "),
        "{text}"
    );
    assert_eq!(top[2], "delay=20ms: Slow not seen (0 of 3; predicted never)");
    assert!(top[3].contains("trial 1: Slow: never came"), "{text}");
}
