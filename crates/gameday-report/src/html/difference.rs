//! This drill beside the last one of the same scenario.

use maud::{Markup, html};

use super::parts::section;
use crate::Measurement;
use crate::words::{clean, exact, exact_or_dash, spaced};

/// This drill beside the last one of the same scenario; nothing when there was none.
pub(super) fn section_of(measurement: &Measurement) -> Markup {
    let Some(last) = &measurement.difference else {
        return html! {};
    };
    let several = if last.trials > 1 {
        format!(", medians of {} trials", last.trials)
    } else {
        String::new()
    };
    section(
        "Since the last drill",
        html! {
            p { "Compared with " code { (clean(&last.drill)) } " of " (last.started_at.text().chars().take(10).collect::<String>())
                ", which " (spaced(&clean(&last.verdict))) (several) "." }
            table.plain {
                thead { tr { th { "" } th { "Time" } th.n { "Then" } th.n { "Now" } th.n { "Change" } } }
                @for group in last.rows.chunk_by(|a, b| a.subject == b.subject) { tbody {
                    @for (index, row) in group.iter().enumerate() { tr {
                        th scope="row" { @if index == 0 { (clean(&row.subject)) } }
                        td { (time_word(&row.what)) }
                        td.n { (exact_or_dash(row.before_ms)) } td.n { (exact_or_dash(row.now_ms)) } td.n { (change(row.change_ms)) }
                    } }
                } }
            }
            p.note { "One drill beside one: a change of less than a scrape and an evaluation is where in their turn the fault fell. "
                code { "gameday compare" } " tells with several." }
        },
    )
}

fn change(ms: Option<i64>) -> String {
    match ms {
        None => "—".to_owned(),
        Some(ms @ 1..) => format!("▲ {} slower", exact(ms)),
        Some(0) => "the same".to_owned(),
        Some(ms) => format!("▼ {} faster", exact(ms.saturating_neg())),
    }
}

/// A time of the comparison, for people.
fn time_word(what: &str) -> String {
    match what {
        "ttd" => "to firing".to_owned(),
        "ttn" => "to the notification".to_owned(),
        "resolved" => "to the resolved notice".to_owned(),
        "ttr" => "to the steady state".to_owned(),
        "self_heal" => "from removal to the steady state".to_owned(),
        stage => format!("stage {}", spaced(stage)),
    }
}
