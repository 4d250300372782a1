//! The scorecard and the tables of times: what is true first, then the numbers, each reason once.

use gameday_core::{EventKind, PlanRecord};
use gameday_report::{render_csv, render_html, render_markdown};

use crate::fixture::{ALERT, golden};
use crate::script::Script;

/// The rows of the scorecard on the page, as the texts of their cells.
fn shown(script: &Script) -> Vec<String> {
    let html = render_html(&script.measured());
    let card = html.split("<table class=\"card\">").nth(1).unwrap();
    let card = card.split("</table>").next().unwrap();
    let rows = card.split("<tr").skip(2).map(|row| text(&format!("<tr{row}")));
    rows.collect()
}

fn text(html: &str) -> String {
    let parts = html.split('<').filter_map(|part| part.split_once('>'));
    let words = parts.map(|(_, text)| text.trim()).filter(|text| !text.is_empty());
    words.collect::<Vec<_>>().join(" ").replace('\u{a0}', " ")
}

/// The row of `report.md` that begins so.
fn row(markdown: &str, begin: &str) -> String {
    let mut lines = markdown.lines();
    lines.find(|line| line.starts_with(begin)).unwrap().to_owned()
}

fn silent() -> Script {
    golden().without(|kind| {
        matches!(
            kind,
            EventKind::AlertSeen(_) | EventKind::RawSamples { .. } | EventKind::Notified(_)
        )
    })
}

fn never(plan: &mut PlanRecord) {
    let expect = &mut plan.expect[0];
    expect.never = true;
    (expect.firing_ms, expect.notified_ms, expect.resolved_ms) = (None, Some(30_000), None);
}

#[test]
fn an_alert_that_must_stay_away_has_one_row() {
    let quiet = silent().planned(never);
    let rows = shown(&quiet);
    assert_eq!(
        rows[0],
        "PaymentsLatencyHigh stays away for 30 s — — ✓ stayed away"
    );
    assert!(!rows[1].starts_with("PaymentsLatencyHigh"), "{rows:?}");
    let stays = "| PaymentsLatencyHigh stays away |";
    let markdown = render_markdown(&quiet.measured());
    assert_eq!(
        row(&markdown, stays),
        "| PaymentsLatencyHigh stays away | for 30 s | — | — | ✓ **stayed away** |"
    );

    let told = golden().planned(never);
    let rows = shown(&told);
    assert_eq!(
        rows[0],
        "PaymentsLatencyHigh stays away for 30 s — 11.195 s ✕ forbidden"
    );
    assert!(
        rows[1].starts_with("it must never come, and it reached"),
        "{rows:?}"
    );
    let markdown = render_markdown(&told.measured());
    assert!(
        row(&markdown, stays).contains("| for 30 s | — | 11.195 s | ✕ **forbidden**"),
        "{markdown}"
    );
}

#[test]
fn the_verdict_of_an_alert_stands_above_its_numbers_and_its_reason_once() {
    let reason = "not firing within 25 s";
    let rows = shown(&silent());
    assert!(
        rows[0].starts_with("PaymentsLatencyHigh not firing within 25 s"),
        "{rows:?}"
    );
    assert!(rows[0].ends_with("✕ missed"), "{rows:?}");
    assert!(rows[1].starts_with("fires ≤ 25 s"), "{rows:?}");
    let again = rows.iter().skip(1).filter(|row| row.contains(reason));
    assert_eq!(again.count(), 0, "{rows:?}");
    let markdown = render_markdown(&silent().measured());
    assert!(markdown.lines().nth(2).unwrap().contains(reason), "{markdown}");
    let card = row(&markdown, "| PaymentsLatencyHigh | — |");
    assert_eq!(card, "| PaymentsLatencyHigh | — | — | — | ✕ **missed** |");
}

#[test]
fn what_people_did_stands_beside_what_the_alerting_did() {
    let ack = EventKind::Acknowledged {
        who: "mo".into(),
        alert: ALERT.into(),
    };
    let mitigated = EventKind::Mitigated { who: "jo".into() };
    // The notification came at 25.238 s, the fault took effect at 12.031 s.
    let measured = golden().and(40_000, ack).and(60_000, mitigated).measured();
    let html = text(&render_html(&measured));
    for said in [
        "Time to acknowledge by mo T5 → T6 — 14.762 s",
        "Time to mitigate by jo T0e → said — 47.969 s",
        "T6 acknowledged 10:00:40.000 +27.969 s mo T9",
    ] {
        assert!(html.contains(said), "{said}");
    }
    let markdown = render_markdown(&measured);
    let head = row(&markdown, "| alert | scrape |");
    assert!(head.ends_with("| TTN | TTA |"), "{head}");
    let stages = row(&markdown, "| PaymentsLatencyHigh | 0.");
    assert!(stages.ends_with("| 13.207 s | 14.762 s |"), "{stages}");
    assert_eq!(
        row(&markdown, "| time to mitigate"),
        "| time to mitigate (TTM), as jo said | 48.0 s |"
    );
    let csv = render_csv(&measured);
    for said in [
        ",PaymentsLatencyHigh,T6,2026-11-22T10:00:40.000Z,28000,27969,,,",
        ",drill,mitigated,2026-11-22T10:01:00.000Z,48000,47969,,,",
    ] {
        assert!(csv.contains(said), "{csv}");
    }

    let untouched = golden().measured();
    let html = render_html(&untouched);
    assert!(!html.contains("Time to acknowledge") && !html.contains("Time to mitigate"));
    assert!(!render_csv(&untouched).contains(",T6,"));
    assert!(!render_markdown(&untouched).contains("TTA"));
}
