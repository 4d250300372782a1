//! This drill beside the last one of the same scenario.

use maud::{Markup, html};

use super::parts::section;
use crate::words::{clean, exact, exact_or_dash, spaced};
use crate::{DifferenceRow, Measurement};

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
                        td { (row.time()) }
                        td.n { (exact_or_dash(row.before_ms)) } td.n { (exact_or_dash(row.now_ms)) } td.n { (change(row)) }
                    } }
                } }
            }
            p.note { "One drill beside one: a change of less than a scrape and an evaluation is where in their turn the fault fell. "
                code { "gameday compare" } " tells with several." }
        },
    )
}

fn change(row: &DifferenceRow) -> String {
    match row.change_ms {
        None => row.came_or_went().unwrap_or("—").to_owned(),
        Some(ms @ 1..) => format!("▲ {} slower", exact(ms)),
        Some(0) => "the same".to_owned(),
        Some(ms) => format!("▼ {} faster", exact(ms.saturating_neg())),
    }
}
